//! What GitLab shows in a merge request: findings as a code quality report, and the numbers of a plan as a Terraform report.

use std::collections::BTreeMap;

use crossrole_model::{Action, Digest, Finding, Plan, Severity, Source};
use serde_json::{Value, json};

use super::MANIFEST;
use super::place::Places;
use super::sarif::message;

/// A code quality report (GitLab documentation, "Code Quality", "Code Quality report format"): `fingerprint` is unique in it, and the
/// same in the next run.
pub fn gitlab_codequality(findings: &[Finding], sources: &[Source]) -> Value {
    let places = Places::of(sources);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let entry = |finding: &Finding| {
        let (line, _) = places.find(finding);
        let rule = finding.rule.as_deref().unwrap_or(MANIFEST);
        let what = format!("{rule}\n{}\n{}", finding.file, finding.message);
        let count = seen.entry(what.clone()).and_modify(|n| *n += 1).or_default();
        let advice = if finding.advice.is_empty() { String::new() } else { format!(": {}", message(&finding.advice)) };
        json!({
            "description": format!("{}{advice}", message(&finding.message)),
            "check_name": rule,
            "fingerprint": Digest::of(format!("{what}\n{count}").as_bytes()).to_string(),
            "severity": severity(finding.severity),
            // Of the repository, without `./`.
            "location": { "path": finding.file.trim_start_matches("./"), "lines": { "begin": line } },
        })
    };
    Value::Array(findings.iter().map(entry).collect())
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "critical",
        Severity::Warning => "minor",
        Severity::Note => "info",
    }
}

/// A Terraform report (GitLab documentation, "Terraform integration in merge requests"): what is replaced is made and deleted.
pub fn gitlab_terraform(plan: &Plan) -> Value {
    if plan.is_empty() && plan.is_blocked() {
        // Three noughts would be shown as a plan without changes; without them GitLab says that the report failed to generate.
        return json!({ "error": "nothing could be planned: see what is withheld" });
    }
    let replaced = plan.count(Action::Replace);
    json!({ "create": plan.count(Action::Create) + replaced, "update": plan.count(Action::Update), "delete": plan.count(Action::Delete) + replaced })
}
