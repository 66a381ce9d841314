//! Findings for machines: JSON, SARIF 2.1.0 (OASIS), and GitHub's workflow commands.

use std::collections::BTreeSet;

use crossrole_model::{Digest, Finding, Severity, Source};
use serde_json::{Value, json};

/// What a machine is told of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it finds.
    pub what: &'a str,
    /// Why that is bad.
    pub why: &'a str,
    /// What to do.
    pub fix: &'a str,
}

/// Most annotations of a kind that GitHub shows for a step; the rest is counted in the last.
const ANNOTATIONS_MOST: usize = 10;

/// Stands for findings that no rule names: mistakes in the manifest itself.
const MANIFEST: &str = "manifest";

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Line and column, from one, in characters.
fn place(finding: &Finding, sources: &[Source]) -> (usize, usize) {
    let text = sources.iter().find(|s| s.file == finding.file).map_or("", |s| s.text.as_str());
    let before = finding.span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// Findings and what was suppressed.
pub fn findings_json(findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source]) -> Value {
    let one = |finding: &Finding| {
        let (line, column) = place(finding, sources);
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

/// A SARIF log with one run. Suppressed findings are in it, as suppressed.
pub fn sarif(findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source], rules: &[RuleInfo<'_>]) -> Value {
    let used: BTreeSet<&str> = findings.iter().chain(suppressed.iter().map(|(f, _)| f)).filter_map(|f| f.rule.as_deref()).collect();
    let mut described: Vec<Value> = rules
        .iter()
        .filter(|r| used.contains(r.id))
        .map(|r| json!({"id": r.id, "shortDescription": {"text": r.what}, "fullDescription": {"text": r.why}, "help": {"text": r.fix}}))
        .collect();
    described
        .extend(used.iter().filter(|id| rules.iter().all(|r| r.id != **id)).map(|id| json!({"id": id, "shortDescription": {"text": "a rule of this team"}})));
    described.push(json!({"id": MANIFEST, "shortDescription": {"text": "a mistake in the manifest"}}));
    let result = |finding: &Finding| {
        let (line, column) = place(finding, sources);
        let rule = finding.rule.as_deref().unwrap_or(MANIFEST);
        // Stable across runs: what is found where, not on which line.
        let print = Digest::of(format!("{rule}\n{}\n{}", finding.file, finding.message).as_bytes()).to_string();
        json!({
            "ruleId": rule,
            "level": word(finding.severity),
            "message": {"text": format!("{}\n{}", finding.message, finding.advice)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": finding.file}, "region": {"startLine": line, "startColumn": column}}}],
            "partialFingerprints": {"crossroleFinding/v1": print},
        })
    };
    let mut results: Vec<Value> = findings.iter().map(result).collect();
    for (finding, reason) in suppressed {
        let mut value = result(finding);
        if let Some(map) = value.as_object_mut() {
            map.insert("suppressions".to_owned(), json!([{"kind": "inSource", "justification": reason}]));
        }
        results.push(value);
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "crossrole", "version": env!("CARGO_PKG_VERSION"), "rules": described}},
            "results": results,
        }],
    })
}

/// Workflow commands of GitHub Actions, one a line. A message can't start a command of its own.
pub fn annotations(findings: &[Finding], sources: &[Source]) -> String {
    let mut out = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let all: Vec<&Finding> = findings.iter().filter(|f| f.severity == severity).collect();
        let more = all.len().saturating_sub(ANNOTATIONS_MOST);
        for (at, finding) in all.iter().take(ANNOTATIONS_MOST).enumerate() {
            let (line, column) = place(finding, sources);
            let command = if severity == Severity::Note { "notice" } else { word(severity) };
            let title = finding.rule.as_deref().unwrap_or(MANIFEST);
            let rest = if more > 0 && at + 1 == ANNOTATIONS_MOST { format!(" (and {more} more)") } else { String::new() };
            let message = format!("{}{rest}\n{}", finding.message, finding.advice);
            out.push_str(&format!("::{command} file={},line={line},col={column},title={}::{}\n", property(&finding.file), property(title), data(&message)));
        }
    }
    out
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of one.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossrole_model::Span;

    #[test]
    fn a_hostile_message_is_no_command() {
        let mut finding = Finding::error("a,b.toml", Some(Span { start: 6, end: 7 }), "x\n::set-output name=a::b %", "do");
        finding.severity = Severity::Warning;
        let sources = [Source { file: "a,b.toml".to_owned(), text: "one\ntwo\n".to_owned() }];
        assert_eq!(annotations(&[finding], &sources), "::warning file=a%2Cb.toml,line=2,col=3,title=manifest::x%0A::set-output name=a::b %25%0Ado\n");
    }
}
