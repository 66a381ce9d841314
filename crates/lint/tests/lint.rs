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
        if rule.bad.is_empty() {
            assert_eq!(rule.id, "dead-principal", "only live policies break it");
        } else if !bad.contains(rule.id) {
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

/// No manifest names a principal by its unique id; what others wrote may.
#[test]
fn a_dead_principal_of_somebody_elses_statement_is_found() {
    use crossrole_model::observed::{Observation, ObservedBucket};
    use crossrole_model::state::{BucketPolicyState, BucketState};
    let rule = rules::ALL.iter().find(|rule| rule.id == "dead-principal").unwrap();
    let sources = [Source { file: "example.toml".to_owned(), text: format!("{PRELUDE}{}", rule.good) }];
    let desired = crossrole_manifest::load(&sources).0.unwrap();
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::logs"}]}"#;
    let policy = Observation::Known(BucketPolicyState { document: Some(crossrole_policy::parse(text).unwrap()) });
    let bucket = ObservedBucket { state: BucketState::unstated("us-east-1"), policy, encryption: None, owner_unread: None };
    let mut observed = crossrole_model::Observed::default();
    observed.buckets.insert("logs".to_owned(), Observation::Known(Some(bucket)));
    observed.bucket_accounts.insert("logs".to_owned(), crossrole_model::AccountId::parse("222222222222").unwrap());
    let found = lint(&desired, Some(&observed), NOW).findings;
    assert!(found.iter().any(|finding| finding.rule.as_deref() == Some(rule.id) && finding.message.contains("live, not ours")), "{found:#?}");
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
