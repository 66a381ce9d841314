//! An audit, in words: as text, JSON, CSV, a page, and findings for code scanning.

mod csv;
mod findings;
mod json;
mod page;
mod rules;
mod text;
mod words;

pub use csv::audit_csv;
pub use findings::{Places, audit_findings, audit_sarif};
pub use json::AuditJson;
pub use page::audit_html;
pub use rules::{audit_reference, audit_rules};
pub use text::audit_lines;
