//! `sandbox` and its commands.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{CONFIG, PathsArgs, SANDBOX_STATE};

#[derive(Debug, ClapArgs)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Serve the embedded AWS to any client until interrupted
    Serve(ServeArgs),
    /// Make what manifests rely on and do not make: buckets, callers, managed policies
    Prepare(PrepareArgs),
    /// List what it holds: accounts, principals, buckets
    Show(StateArgs),
    /// Begin again with an empty one
    Reset(ResetArgs),
}

/// Which embedded AWS.
#[derive(Debug, ClapArgs)]
pub(crate) struct StateArgs {
    /// File that keeps it between commands
    #[arg(long, value_name = "FILE", default_value = SANDBOX_STATE)]
    pub(crate) sandbox_state: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Settings of this place
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
    /// Put statements of somebody else's into the policies of those buckets, to see that they are kept
    #[arg(long)]
    pub(crate) foreign: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Do not ask
    #[arg(long, visible_alias = "yes")]
    pub(crate) auto_approve: bool,
}

const SERVE_HELP: &str = "An access key id of 12 digits is that account's root user, with any secret. To run crossrole itself against it:
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-east-1 CROSSROLE_ACCOUNT_AS_KEY=1 crossrole plan
CROSSROLE_ACCOUNT_AS_KEY takes each account's number for its access key id; it is for emulators alone.";

#[derive(Debug, ClapArgs)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeArgs {
    /// Loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4566")]
    pub(crate) listen: std::net::SocketAddr,
    /// File that keeps its state; nothing is kept without
    #[arg(long, value_name = "FILE")]
    pub(crate) sandbox_state: Option<PathBuf>,
    /// Time until a write to IAM is seen, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) visibility_delay: u64,
    /// Time that each call takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency: u64,
    /// Longest that sessions last, in seconds, whatever is asked for [default: as AWS]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) session_most: Option<u32>,
    /// Most roles in an account
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) role_quota: usize,
    /// Calls a second and account before "Rate exceeded"
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
}
