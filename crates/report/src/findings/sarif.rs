//! Findings as SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Digest, Finding, Source};
use serde_json::{Value, json};

use crate::{json_text_pretty, safe};

use super::place::Places;
use super::{MANIFEST, word};

/// Most results of a run: GitHub takes 25,000 and shows the 5,000 most severe (GitHub documentation, "SARIF results exceed one or more
/// limits").
const RESULTS_MOST: usize = 5_000;

/// Most bytes of all results. GitHub takes 10 MB compressed; what is smaller without that is so with it, and leaves a tenth for the rules.
const BYTES_MOST: usize = 9_000_000;

/// Most bytes of a text: a message that fills a page is read by nobody, and one of a megabyte would leave no room for others.
const TEXT_MOST: usize = 4_096;

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

/// A SARIF log with one run. Suppressed findings are in it, as suppressed. What is over GitHub's limits is left out, the least severe
/// first, and a notification of the run says how much.
pub fn sarif(findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source], rules: &[RuleInfo<'_>]) -> Value {
    sarif_of("crossrole validate", findings, suppressed, sources, rules)
}

/// The same of another command, which shows what is left out.
pub(crate) fn sarif_of(command: &str, findings: &[Finding], suppressed: &[(Finding, String)], sources: &[Source], rules: &[RuleInfo<'_>]) -> Value {
    let (results, left_out) = results(findings, suppressed, &Places::of(sources));
    let used: BTreeSet<&str> = results.iter().map(|(rule, _)| *rule).collect();
    let mut run = json!({
        "tool": {"driver": {"name": "crossrole", "version": env!("CARGO_PKG_VERSION"), "rules": described(&used, rules)}},
        "results": results.into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
    });
    if let Some(run) = run.as_object_mut().filter(|_| left_out > 0) {
        let text = format!("{left_out} results are left out, the least severe of all: a log for code scanning holds no more. `{command}` shows them.");
        let said = json!([{"level": "warning", "descriptor": {"id": "results-left-out"}, "message": {"text": text}}]);
        // Results may be left out of a run that has succeeded (SARIF 2.1.0, section 3.20.14).
        run.insert("invocations".to_owned(), json!([{"executionSuccessful": true, "toolExecutionNotifications": said}]));
    }
    json!({ "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run] })
}

/// Adds notes to a log: what was not looked at, and no result tells.
pub(crate) fn noted(mut log: Value, id: &str, notes: &[&str]) -> Value {
    if let Some(run) = log.pointer_mut("/runs/0").and_then(Value::as_object_mut) {
        let invocations = run.entry("invocations").or_insert_with(|| json!([{"executionSuccessful": true, "toolExecutionNotifications": []}]));
        if let Some(list) = invocations.pointer_mut("/0/toolExecutionNotifications").and_then(Value::as_array_mut) {
            list.extend(notes.iter().map(|note| json!({"level": "note", "descriptor": {"id": id}, "message": {"text": note}})));
        }
    }
    log
}

/// The rules that results are of. GitHub takes 25,000 of a run, more than there are results, and 20 tags of each, which have none.
fn described(used: &BTreeSet<&str>, rules: &[RuleInfo<'_>]) -> Vec<Value> {
    let one = |id: &&str| match rules.iter().find(|rule| rule.id == *id) {
        Some(r) => json!({"id": r.id, "shortDescription": {"text": r.what}, "fullDescription": {"text": r.why}, "help": {"text": r.fix}}),
        None if *id == MANIFEST => json!({"id": MANIFEST, "shortDescription": {"text": "a mistake in the manifest"}}),
        None => json!({"id": id, "shortDescription": {"text": "a rule of this team"}}),
    };
    used.iter().map(one).collect()
}

/// Results with their rules, the most severe first and those that are suppressed last, and how many there is no room for.
fn results<'f>(findings: &'f [Finding], suppressed: &'f [(Finding, String)], places: &Places<'_>) -> (Vec<(&'f str, Value)>, usize) {
    let mut all: Vec<(&Finding, Option<&str>)> = findings.iter().map(|finding| (finding, None)).collect();
    all.extend(suppressed.iter().map(|(finding, reason)| (finding, Some(reason.as_str()))));
    // Those that are alike stay in the order of files and lines.
    all.sort_by_key(|(finding, reason)| (reason.is_some(), finding.severity));
    let (mut seen, mut room, mut kept) = (BTreeMap::new(), BYTES_MOST, Vec::new());
    for (finding, reason) in &all {
        let rule = finding.rule.as_deref().unwrap_or(MANIFEST);
        let value = result(finding, *reason, rule, places, &mut seen);
        let size = weight(&value);
        if kept.len() == RESULTS_MOST || size > room {
            break;
        }
        room -= size;
        kept.push((rule, value));
    }
    let left_out = all.len() - kept.len();
    (kept, left_out)
}

fn result(finding: &Finding, reason: Option<&str>, rule: &str, places: &Places<'_>, seen: &mut BTreeMap<String, usize>) -> Value {
    let (line, column) = places.find(finding);
    // What is found where, not on which line: it stays the same when lines move. Those that are alike are counted.
    let what = format!("{rule}\n{}\n{}", finding.file, finding.message);
    let count = *seen.entry(what.clone()).and_modify(|n| *n += 1).or_insert(0);
    let print = Digest::of(if count == 0 { what } else { format!("{what}\n{count}") }.as_bytes()).to_string();
    let [said, advice] = [&finding.message, &finding.advice].map(|text| message(shortened(text)));
    let text = if advice.is_empty() { said } else { format!("{said}\n{advice}") };
    let mut value = json!({
        "ruleId": rule,
        "level": word(finding.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(finding.file.trim_start_matches("./"))}, "region": {"startLine": line, "startColumn": column}}}],
        // GitHub's own key is left to its upload, which computes it from the line, and warns of any other value.
        "partialFingerprints": {"crossroleFinding/v1": print},
    });
    if let (Some(map), Some(reason)) = (value.as_object_mut(), reason) {
        map.insert("suppressions".to_owned(), json!([{"kind": "inSource", "justification": shortened(reason)}]));
    }
    value
}

/// As many bytes as it takes in a log that is laid out.
fn weight(value: &Value) -> usize {
    /// Of `runs`, a run and its `results`.
    const DEPTH: usize = 8;
    let text = json_text_pretty(value);
    text.len() + (text.lines().count() + 1) * (DEPTH + 1)
}

/// The first [`TEXT_MOST`] bytes of a text.
fn shortened(text: &str) -> &str {
    let end = (0..=TEXT_MOST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
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
