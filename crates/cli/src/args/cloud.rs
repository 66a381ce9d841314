//! What every command on accounts is told.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{CONFIG, SANDBOX_STATE};

/// How AWS is reached.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct CloudArgs {
    /// Use the embedded AWS in place of the real one
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// File that keeps the embedded AWS between commands
    #[arg(long, value_name = "FILE", default_value = SANDBOX_STATE)]
    pub(crate) sandbox_state: PathBuf,
    /// Time in milliseconds that each call to the embedded AWS takes
    #[arg(long, value_name = "MS", default_value_t = 0, hide = true)]
    pub(crate) sandbox_latency: u64,
    /// Settings of this place: how each account is reached
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
    /// Most calls in flight per account [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) concurrency: Option<u16>,
    /// Most calls in flight to all accounts [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) concurrency_total: Option<u16>,
    /// Longest that one call is tried, throttling and all, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
    /// Longest that the command waits for AWS in all, in seconds; then it ends as after Ctrl-C [default: as long as it takes]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout_total: Option<u64>,
}
