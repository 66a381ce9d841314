//! Findings: for people with the place underlined, and for machines.

mod github;
mod json;
mod sarif;
mod text;

use crossrole_model::{Finding, Severity, Source};

pub use github::annotations;
pub use json::findings_json;
pub use sarif::{RuleInfo, sarif};
pub use text::findings;

/// Stands for findings that no rule names: mistakes in the manifest itself.
pub(super) const MANIFEST: &str = "manifest";

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Line and column, from one, in characters.
pub(super) fn place(finding: &Finding, sources: &[Source]) -> (usize, usize) {
    let text = sources.iter().find(|s| s.file == finding.file).map_or("", |s| s.text.as_str());
    let before = finding.span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}
