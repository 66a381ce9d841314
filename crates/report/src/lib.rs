//! Plans, outcomes and findings as text, pages and JSON, pictures of access, and the file that a saved plan is.
//!
//! Everything that comes from AWS or from a manifest is hostile text here, and made harmless in one room, `escape`. External
//! ids are masked unless asked for. Colors are put on in one place, `lines`, and never needed to understand anything.

mod access;
mod approvals;
mod audit;
mod by_hand;
mod causes;
mod clause;
mod codec;
mod contents;
mod decision;
mod diagnosis;
mod diff;
mod escape;
mod failed;
mod findings;
mod fold;
mod graph;
mod grounds;
mod html;
mod json;
mod junit;
mod lines;
mod lock;
mod markdown;
mod named;
mod outcome;
mod overview;
mod proof;
mod revoked;
mod sets;
mod since;
mod statement;
mod template;
mod text;
mod words;

pub use access::{access_lines, lockout};
pub use approvals::{entries, judged, judged_json};
pub use audit::{AuditJson, Places as AuditPlaces, audit_csv, audit_findings, audit_html, audit_lines, audit_reference, audit_rules, audit_sarif};
pub use causes::{cause_alone, cause_alone_json, remedy, title};
pub use codec::{CodecError, PLAN_BYTES_MOST, read_plan, write_plan};
pub use contents::contents;
pub use decision::{because, explanation, explanation_json, ways, ways_json};
pub use diagnosis::{diagnosis, diagnosis_json};
pub use escape::{json_text, json_text_pretty, safe, safe_lines, write_json};
pub use failed::{gitlab_terraform_failed, html_failed, junit_failed, sarif_failed};
pub use findings::{RuleInfo, annotations, findings, findings_json, findings_on, gitlab_codequality, gitlab_terraform, sarif};
pub use graph::{GraphFormat, graph};
pub use html::html;
pub use json::{FORMAT_VERSION, event_json, outcome_json, plan_json, plan_json_with, waiting_json};
pub use junit::{Case, Ended, Suite, junit, junit_findings, junit_outcome, junit_plan};
pub use lines::{Line, Screen, Tone, rendered};
pub use lock::{lock_error, lock_lines, lock_lost, locked, locks};
pub use markdown::{COMMENT_MOST, Comment, LEAST, SUMMARY_MOST, markdown, marker, not_planned};
pub use outcome::{broken, describe, differences, moved, outcome, progress, turned, unread, waiting};
pub use overview::Owners;
pub use proof::{attestation, attestation_json, attestation_markdown, cell_names, junit_attestation, proving, still_in};
pub use revoked::{followed, lives_on, narrowed, nothing_live, passed_over, revoked_json, rotation_begun, untried};
pub use since::{access_json, drift_alone, foreign_json, keys_off_json, left_json, since_json, taken_up, taken_up_json};
pub use text::{Diff, blocked, plan, plan_since};

/// What people get to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct View {
    /// Show external ids in full.
    pub show_external_ids: bool,
    /// How documents are compared.
    pub diff: Diff,
    /// Where it is read.
    pub screen: Screen,
}

/// Returns a document as people may see it: external ids masked unless asked for.
pub fn shown(document: &crossrole_policy::Document, show_external_ids: bool) -> crossrole_policy::Document {
    text::masked(document, View { show_external_ids, ..View::default() })
}

/// Stands for an external id.
const MASK: &str = "****";
