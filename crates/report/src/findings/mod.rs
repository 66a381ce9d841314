//! Findings: for people with the place underlined, and for machines.

mod github;
mod gitlab;
mod json;
mod place;
mod sarif;
mod secret;
mod text;

use crossrole_model::Severity;

pub(crate) use place::Places;

pub use github::annotations;
pub use gitlab::{gitlab_codequality, gitlab_terraform};
pub use json::findings_json;
pub use sarif::{RuleInfo, sarif};
pub(crate) use sarif::{noted, sarif_of};
pub use text::{findings, findings_on};

/// Stands for findings that no rule names: mistakes in the manifest itself.
pub(crate) const MANIFEST: &str = "manifest";

pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
