//! Locks.

use std::time::Duration;

use clap::Args as ClapArgs;

use super::plan::age;
use super::{CloudArgs, EXIT_CODES};

/// How a run that writes keeps others out.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct LockArgs {
    /// Where `[lock]` is set up and another run holds an account: wait so long for it, as in `5m` [default: not at all]
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) lock_timeout: Option<Duration>,
    /// Take no lock, though `[lock]` is set up
    #[arg(long, conflicts_with = "lock_timeout")]
    pub(crate) no_lock: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ForceUnlockArgs {
    /// The lock's id, as whoever is kept out is told it
    pub(crate) id: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) auto_approve: bool,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}
