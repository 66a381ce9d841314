//! `comment`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

const ENVIRONMENT: &str = "Environment:
  GITHUB_TOKEN       the token on GitHub: of a job with `pull-requests: write`
  GITHUB_API_URL     [default: https://api.github.com]
  GITHUB_REPOSITORY, GITHUB_EVENT_PATH, GITHUB_REF
                     which pull request, as GitHub Actions sets them
  GITLAB_TOKEN       the token on GitLab: of a project, with scope `api`; that of a job may write no comment
  CI_API_V4_URL      [default: https://gitlab.com/api/v4]
  CI_PROJECT_ID, CI_MERGE_REQUEST_IID
                     which merge request, as GitLab sets them
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE
                     the way there, as usual

Exit codes:
  0  the comment is there
  1  an error; nothing was written, unless it says so";

/// Who keeps the pull request.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum ForgeArg {
    /// GitHub, or GitHub Enterprise Server
    Github,
    /// GitLab
    Gitlab,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = ENVIRONMENT)]
pub(crate) struct CommentArgs {
    /// What `--report markdown=FILE` has written
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The pull request's number, or the merge request's (`!7`: 7) [default: that of this job]
    #[arg(long, visible_alias = "merge-request", value_name = "NUMBER")]
    pub(crate) pull_request: Option<u64>,
    /// `owner/name` on GitHub, or a project's id or path on GitLab [default: that of this job]
    #[arg(long, value_name = "REPOSITORY")]
    pub(crate) repository: Option<String>,
    /// Who keeps it [default: whose job this is]
    #[arg(long, value_enum)]
    pub(crate) forge: Option<ForgeArg>,
    /// Write a new comment, and hide those before it (on GitLab: delete), in place of editing the last
    #[arg(long)]
    pub(crate) new: bool,
}
