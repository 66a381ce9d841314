//! SARIF within GitHub's limits, and what identifies a result.

use std::collections::BTreeSet;

use crossrole_model::{Finding, Severity, Source, Span};
use crossrole_report::{RuleInfo, json_text_pretty, sarif};
use serde_json::Value;

/// What GitHub documents ("SARIF results exceed one or more limits"; "SARIF support for code scanning": 10 MB compressed).
const RESULTS_SHOWN: usize = 5_000;
const BYTES: usize = 10_000_000;

fn finding(at: usize, severity: Severity, message: &str) -> Finding {
    let rule = Some(["wide", "bare", "team/rule"][at % 3].to_owned());
    Finding { file: "./manifests/a.toml".into(), span: Some(Span { start: at, end: at + 1 }), severity, message: message.into(), advice: "do".into(), rule }
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn of_too_many_results_the_most_severe_are_kept_and_the_rest_is_counted() {
    let severities = [Severity::Note, Severity::Warning, Severity::Error];
    let many: Vec<Finding> = (0..30_000).map(|at| finding(at, severities[at % 10 / 4], &format!("finding {at}"))).collect();
    let suppressed: Vec<(Finding, String)> = (0..10).map(|at| (finding(at, Severity::Error, "wanted"), "because".to_owned())).collect();
    let log = sarif(&many, &suppressed, &[], &[]);
    let levels: Vec<&str> = results(&log).iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels.len(), RESULTS_SHOWN);
    let errors = many.iter().filter(|f| f.severity == Severity::Error).count();
    assert!(errors > RESULTS_SHOWN && levels.iter().all(|level| *level == "error"), "{errors}");
    let said = &log["runs"][0]["invocations"][0];
    assert_eq!(said["executionSuccessful"], true);
    let text = said["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(text.starts_with("25010 results are left out"), "{text}");
    // As many as there is room for are all there, those that are suppressed last, and nothing is said.
    let few: Vec<Finding> = (0..RESULTS_SHOWN - 10).map(|at| finding(at, severities[at % 3], &format!("finding {at}"))).collect();
    let log = sarif(&few, &suppressed, &[], &[]);
    assert_eq!(results(&log).len(), RESULTS_SHOWN);
    assert!(log["runs"][0].get("invocations").is_none());
    assert!(results(&log).iter().rev().take(10).all(|result| result["suppressions"][0]["justification"] == "because"));
    let levels: Vec<&str> = results(&log).iter().rev().skip(10).map(|result| result["level"].as_str().unwrap()).collect();
    assert!(levels.is_sorted_by_key(|level| ["note", "warning", "error"].iter().position(|word| word == level)), "{levels:?}");
}

/// However long the texts are: the file is smaller than what GitHub takes of it when it is compressed.
#[test]
fn a_log_of_long_texts_stays_within_its_bytes() {
    for text in ["x".repeat(100_000), "\u{202e}<".repeat(20_000), "\"\\\n".repeat(3_000)] {
        let many: Vec<Finding> = (0..2_500).map(|at| finding(at, Severity::Error, &format!("{at} {text}"))).collect();
        let log = sarif(&many, &[], &[], &[]);
        let size = json_text_pretty(&log).len();
        assert!(size < BYTES && size > BYTES / 5, "{size}");
        let left = 2_500 - results(&log).len();
        if left > 0 {
            assert!(log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap().starts_with(&left.to_string()));
        }
    }
}

#[test]
fn a_fingerprint_survives_lines_that_move_and_tells_all_others_apart() {
    let prints = |above: &str| {
        let source = Source { file: "./manifests/a.toml".into(), text: format!("{above}one\ntwo\n") };
        let at = |word: &str| source.text.find(word).unwrap();
        let findings = [
            finding(at("one"), Severity::Error, "first"),
            finding(at("two"), Severity::Error, "second"),
            Finding { rule: None, ..finding(at("two"), Severity::Error, "second") },
            Finding { rule: None, ..finding(at("one"), Severity::Error, "second") },
            Finding { file: "b.toml".into(), rule: None, ..finding(0, Severity::Error, "second") },
        ];
        let findings: Vec<Finding> = findings.into_iter().map(|f| Finding { rule: f.rule.map(|_| "wide".to_owned()), ..f }).collect();
        let log = sarif(&findings, &[], &[source], &[]);
        let of = |result: &Value, name: &str| result["partialFingerprints"][name].as_str().unwrap().to_owned();
        let lines: Vec<u64> = results(&log).iter().map(|result| result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap()).collect();
        (results(&log).iter().map(|result| of(result, "crossroleFinding/v1")).collect::<Vec<_>>(), lines)
    };
    let (before, lines) = prints("");
    let (after, moved) = prints("# a comment\n\nname = \"x\"\n");
    assert_eq!(before, after);
    assert_ne!(lines, moved);
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len(), "{before:?}");
}

/// Every result's rule is described, and no other: GitHub takes 25,000 rules and shows those of results.
#[test]
fn rules_are_those_of_the_results() {
    let known = [RuleInfo { id: "wide", what: "a", why: "b", fix: "c" }, RuleInfo { id: "unused", what: "a", why: "b", fix: "c" }];
    let findings = [finding(0, Severity::Error, "x"), finding(2, Severity::Note, "y"), Finding { rule: None, ..finding(1, Severity::Note, "z") }];
    let log = sarif(&findings, &[], &[], &known);
    let rules: Vec<&str> = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(rules, ["manifest", "team/rule", "wide"]);
    assert_eq!(results(&log)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "manifests/a.toml");
}
