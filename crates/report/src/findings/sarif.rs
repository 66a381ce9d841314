//! Findings as SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::BTreeSet;

use crossrole_model::{Digest, Finding, Source};
use serde_json::{Value, json};

use crate::safe;

use super::place::Places;
use super::{MANIFEST, word};

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

/// A message, which viewers show: what looks like a link in it is none (SARIF 2.1.0, section 3.11.6).
pub(super) fn message(text: &str) -> String {
    safe(text).replace("](", "]\\u{28}")
}

/// A path as a reference (RFC 3986): what has no place in one is encoded.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
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
    let places = Places::of(sources);
    let result = |finding: &Finding| {
        let (line, column) = places.find(finding);
        let rule = finding.rule.as_deref().unwrap_or(MANIFEST);
        // Stable across runs: what is found where, not on which line.
        let print = Digest::of(format!("{rule}\n{}\n{}", finding.file, finding.message).as_bytes()).to_string();
        json!({
            "ruleId": rule,
            "level": word(finding.severity),
            "message": {"text": format!("{}\n{}", message(&finding.message), message(&finding.advice))},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(&finding.file)}, "region": {"startLine": line, "startColumn": column}}}],
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

#[cfg(test)]
mod tests {
    use super::{message, uri};

    #[test]
    fn a_message_has_no_link_and_a_path_is_a_reference() {
        assert_eq!(message("see [here](https://x) \u{9b}"), "see [here]\\u{28}https://x) \\u{9b}");
        assert_eq!(uri("a b/ö\n.toml"), "a%20b/%C3%B6%0A.toml");
    }
}
