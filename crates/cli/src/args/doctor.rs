//! `doctor`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{CloudArgs, ContextArgs};

const AFTER: &str = "Exit codes:
  0  allowed: nothing stands in the way, as far as was read, and no refusal was given
  1  a cause was found, or something failed
  6  not known: AWS refused what is allowed by everything that was read, or it rests on what the request does not say; what was not
     looked at is listed

Without a folder `manifests` and without a path, the accounts that the ARNs name are looked at, and commands are all that a fix has.

What a refusal does not tell has to be said: S3 says no more than `Access Denied` across accounts, so that `--principal`, `--action` and
`--resource` stand beside it. What the request brought is what is said here, or what an event of CloudTrail says: without
`--external-id`, it had none.";

#[derive(Debug, ClapArgs)]
#[command(after_help = AFTER)]
pub(crate) struct DoctorArgs {
    /// Manifests, or folders of them
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// The refusal: the text of an error, an event of CloudTrail, or a decoded authorization message; `-` is standard input, which is
    /// also read where nothing is said
    #[arg(long, value_name = "FILE")]
    pub(crate) error: Option<PathBuf>,
    /// Who: `dev/user/Name`, `dev/group/Name`, `role/Name`, an account's label or id, an ARN, or a service
    #[arg(long)]
    pub(crate) principal: Option<String>,
    /// What, as in `s3:GetObject`
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Of what: `bucket`, `bucket/key`, `role/Name`, an ARN, or `*`
    #[arg(long)]
    pub(crate) resource: Option<String>,
    /// Through this role, as in `role/Name`; again for the next
    #[arg(long, value_name = "ROLE")]
    pub(crate) via: Vec<String>,
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    /// The session was asked for so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration: Option<u32>,
    /// The region that was called
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The key of KMS that the object is, or is to be, encrypted with, where its bucket says another one or none: an ARN
    #[arg(long, value_name = "ARN")]
    pub(crate) key: Option<String>,
    /// The session was to have tags
    #[arg(long)]
    pub(crate) session_tags: bool,
    /// The session was to have a source identity
    #[arg(long)]
    pub(crate) source_identity: bool,
    /// Write the change of the manifest, where the fix has one
    #[arg(long)]
    pub(crate) write: bool,
    /// With `--write`: give back what was revoked, where that is the fix
    #[arg(long, requires = "write")]
    pub(crate) give_back: bool,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
