//! `explain`, `who-can`, `test`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::{CONFIG, CloudArgs, Report, finding_report};

/// Where the policies of a question come from.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum FromArg {
    /// What the manifests say, without calling AWS
    Manifest,
    /// What is live
    Live,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// `dev/user/Name`, `dev/group/Name`, `role/Name`, an account's label or id, an ARN, a service, or `anonymous`
    pub(crate) principal: String,
    /// As in `s3:GetObject`
    pub(crate) action: String,
    /// `bucket`, `bucket/key`, `role/Name`, an ARN, or `*`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Through this role, as in `role/Name`; again for the next
    #[arg(long, value_name = "ROLE")]
    pub(crate) via: Vec<String>,
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
}

/// What is asked, and how it is answered.
#[derive(Debug, ClapArgs)]
pub(crate) struct AskArgs {
    /// Manifests, or folders of them
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the policies come from
    #[arg(long, value_enum, default_value_t = FromArg::Manifest)]
    pub(crate) from: FromArg,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a request brings.
#[derive(Debug, ClapArgs)]
pub(crate) struct ContextArgs {
    /// A condition key; several values of one key make it multivalued
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,
    /// With a second factor
    #[arg(long)]
    pub(crate) mfa: bool,
    /// With this external id
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// From this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Option<std::net::IpAddr>,
    /// At this time, as in `2026-01-01T00:00:00Z` [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

/// Policy files in place of manifests.
#[derive(Debug, ClapArgs)]
pub(crate) struct FileArgs {
    /// Identity policy of the principal (JSON); with any of these, no manifest is read
    #[arg(long, value_name = "FILE")]
    pub(crate) identity_policy: Vec<PathBuf>,
    /// Bucket or trust policy of the resource
    #[arg(long, value_name = "FILE")]
    pub(crate) resource_policy: Option<PathBuf>,
    /// Permissions boundary of the principal
    #[arg(long, value_name = "FILE")]
    pub(crate) boundary: Vec<PathBuf>,
    /// Session policy
    #[arg(long, value_name = "FILE")]
    pub(crate) session_policy: Vec<PathBuf>,
    /// Service control policy of the principal's account; each file is a level
    #[arg(long, value_name = "FILE")]
    pub(crate) scp: Vec<PathBuf>,
    /// Resource control policy of the resource's account; each file is a level
    #[arg(long, value_name = "FILE")]
    pub(crate) rcp: Vec<PathBuf>,
    /// Account of the resource
    #[arg(long, value_name = "ID")]
    pub(crate) resource_account: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WhoCanArgs {
    /// As in `s3:GetObject`
    pub(crate) action: String,
    /// `bucket`, `bucket/key`, `role/Name`, an ARN, or `*`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TestArgs {
    /// Manifests with expectations beside them (`NAME.expect.toml`), folders of them, or files of cases (`.jsonl`)
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// Settings of this place, with the organization's control policies
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(crate) config: PathBuf,
    /// Print one JSON object a case
    #[arg(long)]
    pub(crate) json: bool,
    /// Write what came out to a file as well, as often as wanted: `json`, `sarif`, `junit`, `gitlab-codequality`
    #[arg(long, value_name = "FORMAT=FILE", value_parser = finding_report)]
    pub(crate) report: Vec<Report>,
}
