//! Lint rules: each with a manifest that breaks it and one that just does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

use std::collections::BTreeSet;

use crossrole_lint::{PRELUDE, lint, rules};
use crossrole_model::{Severity, Source};

/// 2026-07-01, for rules that look at the clock.
const NOW: i64 = 1_782_864_000;

fn found(text: &str) -> (BTreeSet<String>, String) {
    tried(text).unwrap()
}

/// The rules that a manifest breaks, and what is said of it; or why it is none.
fn tried(text: &str) -> Result<(BTreeSet<String>, String), String> {
    let sources = [Source { file: "example.toml".to_owned(), text: format!("{PRELUDE}{text}") }];
    let (desired, findings) = crossrole_manifest::load(&sources);
    let shown = crossrole_report::findings(&findings, &sources);
    let desired = desired.ok_or(shown)?;
    let linted = lint(&desired, None, NOW);
    let text = crossrole_report::findings(&linted.findings, &sources);
    Ok((linted.findings.into_iter().filter_map(|f| f.rule).collect(), text))
}

#[test]
fn every_rule_has_a_manifest_that_breaks_it_and_one_that_just_does_not() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        let (Ok((bad, shown)), Ok((good, _))) = (tried(rule.bad), tried(rule.good)) else {
            wrong.push(format!("an example of {} is no manifest: {:?} {:?}", rule.id, tried(rule.bad).err(), tried(rule.good).err()));
            continue;
        };
        if !bad.contains(rule.id) {
            wrong.push(format!("{} is not found in its bad example, which gives {bad:?}", rule.id));
        } else if !shown.contains("example.toml:") {
            wrong.push(format!("{} has no place: {shown}", rule.id));
        }
        if good.contains(rule.id) {
            wrong.push(format!("{} is found in its good example", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ids: BTreeSet<&str> = rules::ALL.iter().map(|r| r.id).collect();
    assert!(ids.len() == rules::ALL.len() && ids.len() >= 45, "{}", ids.len());
}

#[test]
fn findings_read_well() {
    let mut all = String::new();
    for rule in rules::ALL {
        all.push_str(&found(rule.bad).1);
    }
    insta::assert_snapshot!("lint_findings", all);
}

/// The scenarios are what people copy: nothing in them is wrong, and what is worth a look is known.
#[test]
fn the_scenarios_break_no_rule_that_is_an_error() {
    let mut all = String::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../manifests")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let sources = [Source { file: path.file_name().unwrap().to_string_lossy().into_owned(), text: std::fs::read_to_string(&path).unwrap() }];
        let (desired, _) = crossrole_manifest::load(&sources);
        let linted = lint(&desired.unwrap(), None, NOW);
        assert!(linted.findings.iter().all(|f| f.severity != Severity::Error), "{:?}", linted.findings);
        all.extend(linted.findings.iter().map(|f| format!("{} {:?} [{}] {}\n", f.file, f.severity, f.rule.as_deref().unwrap_or_default(), f.message)));
    }
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!("lint_scenarios", lines.join("\n"));
}
