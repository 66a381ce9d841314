//! `verify`.

use std::net::IpAddr;

use clap::Args as ClapArgs;

use super::{CloudArgs, PathsArgs, Report, proof_report};

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) paths: PathsArgs,
    #[command(flatten)]
    pub(crate) proving: ProvingArgs,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Print JSON: every call with its request id and verdict
    #[arg(long)]
    pub(crate) json: bool,
    /// Write it to a file as well, as often as wanted: `json`, `junit`, `markdown`
    #[arg(long, value_name = "FORMAT=FILE", value_parser = proof_report)]
    pub(crate) report: Vec<Report>,
}

/// How it is tried.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ProvingArgs {
    /// Also write, read and delete one object of its own below each prefix that is granted for writing
    #[arg(long)]
    pub(crate) write_probes: bool,
    /// Longest that each answer may take to be as it should, in seconds: what was just written is not seen at once
    #[arg(long, value_name = "SECONDS", default_value_t = DEADLINE, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(crate) deadline: u64,
    /// The address that calls from here come from, where a grant asks for one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Option<IpAddr>,
    /// Ask IAM's policy simulator as well where nothing can be called, which costs a call each
    #[arg(long)]
    pub(crate) simulate: bool,
}

/// What is usual takes seconds; what IAM itself says of it is no bound (IAM User Guide, "Changes that I make are not always immediately
/// visible").
const DEADLINE: u64 = 60;

impl Default for ProvingArgs {
    fn default() -> Self {
        Self { write_probes: false, deadline: DEADLINE, source_ip: None, simulate: false }
    }
}
