//! Findings as JSON.

use crossrole_model::{Finding, Source};
use serde_json::{Value, json};

use super::place::Places;
use super::word;

/// Findings and what was suppressed.
pub fn findings_json(findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source]) -> Value {
    let places = Places::of(sources);
    let one = |finding: &Finding| {
        let (line, column) = places.find(finding);
        json!({
            "rule": finding.rule,
            "severity": word(finding.severity),
            "file": finding.file,
            "line": line,
            "column": column,
            "message": finding.message,
            "advice": finding.advice,
        })
    };
    let kept: Vec<Value> = suppressed
        .iter()
        .map(|(finding, reason)| {
            let mut value = one(finding);
            if let Some(map) = value.as_object_mut() {
                map.insert("suppressed_because".to_owned(), json!(reason));
            }
            value
        })
        .collect();
    json!({ "format_version": "1.0", "findings": findings.iter().map(one).collect::<Vec<_>>(), "suppressed": kept })
}
