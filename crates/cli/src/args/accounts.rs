//! `crossrole accounts`.

use clap::{Args as ClapArgs, Subcommand};

use super::CloudArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct AccountsArgs {
    #[command(subcommand)]
    pub(crate) command: AccountsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// Write `accounts.toml`, and the control policies, from AWS Organizations
    Sync(SyncArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SyncArgs {
    /// Account that may look at the organization, by its id: the management account, or one to which that is delegated
    #[arg(long, value_name = "ID")]
    pub(crate) account: String,
    /// Write nothing: say what would change, and exit with 2 if anything would
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
}
