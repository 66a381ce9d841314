//! `audit`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{CloudArgs, EXIT_CODES, Report, audit_report};

#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct AuditArgs {
    /// Manifests, or folders of them, whose accounts are audited with those of the directory, and which say what is declared [default:
    /// manifests, where it is there or no `--account` is given]
    pub(crate) paths: Vec<PathBuf>,
    /// Audit this account alone; again for the next. Manifests may, but need not, speak of it
    #[arg(long, value_name = "ID")]
    pub(crate) account: Vec<String>,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the audit to a file as well, as often as wanted: `json`, `sarif` (for code scanning), `html` (a page by itself, with the
    /// access picture), `csv`
    #[arg(long, value_name = "FORMAT=FILE", value_parser = audit_report)]
    pub(crate) report: Vec<Report>,
    /// Print the reference of all rules, and audit nothing
    #[arg(long)]
    pub(crate) list_rules: bool,
    /// Exit 2 when something is found; what could not be read is exit 1 in any case
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}
