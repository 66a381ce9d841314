//! `revoke` and `rotate`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::{CloudArgs, EXIT_CODES, LockArgs, ProvingArgs, ViewArgs};

/// What `revoke --json` prints.
const JSON: &str = "With --json, one document with
  plan     what would be, or was, carried out, as `plan --json` prints it; nothing live had to change where it is missing
  outcome  step by step what became of it, as of `apply --json`; nothing was carried out where it is missing
  proof    whoever is revoked, tried: as `verify --json` prints it
  revoked  since when, which sessions live on, and who is still let in
  error    why it failed, where it did";

#[derive(Debug, ClapArgs)]
#[command(after_help = format!("{JSON}\n\n{EXIT_CODES}"))]
pub(crate) struct RevokeArgs {
    /// Whose access: `role/Name` (nobody may assume it), `LABEL/user/Name`, `LABEL/role/Name`, `LABEL/group/Name`,
    /// `LABEL/permission-set/Name`, an account by its label or id, or the ARN of a user or role
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Manifests, or folders of them
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// Why; it is written into the manifests
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Where its sessions of a role can't be told from those of others, end those of everybody: who may still come in, comes in anew
    #[arg(long)]
    pub(crate) all_sessions: bool,
    /// End the sessions of this name, as often as wanted; `*` allowed
    #[arg(long, value_name = "PATTERN")]
    pub(crate) session_name: Vec<String>,
    /// End the sessions of this source identity, as often as wanted; `*` allowed
    #[arg(long, value_name = "PATTERN")]
    pub(crate) source_identity: Vec<String>,
    #[command(flatten)]
    pub(crate) proving: ProvingArgs,
    #[command(flatten)]
    pub(crate) carrying: CarryingArgs,
}

/// How a change of manifests is shown and carried out.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct CarryingArgs {
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// Do not ask
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Only show what would be done: nothing is written, neither manifests nor anything live
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// No progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RotateArgs {
    #[command(subcommand)]
    pub(crate) command: RotateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RotateCommand {
    /// Put another external id in the place of the one that a role asks for: first both are accepted, then, with --finish, the new one
    ExternalId(ExternalIdArgs),
}

#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ExternalIdArgs {
    /// The role, by its name in the manifest, or as `role/Name`
    #[arg(value_name = "ROLE")]
    pub(crate) role: String,
    /// Manifests, or folders of them
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// Accept the old one no more: whoever assumes the role uses the new one by now
    #[arg(long)]
    pub(crate) finish: bool,
    /// Where several trusts of the role ask for an external id, which of them: the first is 1
    #[arg(long, value_name = "NUMBER")]
    pub(crate) trust: Option<usize>,
    #[command(flatten)]
    pub(crate) carrying: CarryingArgs,
}
