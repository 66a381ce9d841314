//! The rules over policies that others wrote, as `just corpus` does with the examples of AWS's documentation: what they find
//! there has been read, and stands in `corpus.txt` with the reason why it is right.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails says so by panicking, and this one is read"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crossrole_lint::lint;
use crossrole_model::desired::{AccountInfo, DesiredState, ManifestRef};
use crossrole_model::state::{PolicyState, RoleState, Tags};
use crossrole_model::{AccountId, Address, Desired, DesiredObject, Digest, Kind, Severity};
use crossrole_policy::{Document, Principal};

/// 2015-01-01: the documentation's windows are open then.
const NOW: i64 = 1_420_070_400;

/// Rules that advise, and say of none of AWS's examples that it is wrong.
const ADVICE: &[&str] = &["account-wide-trust", "permissions-management", "placeholder-account", "whole-service"];

/// The account that AWS's documentation speaks from, mostly.
const OWN: &str = "123456789012";

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "md" || e == "json") {
            out.push(path);
        }
    }
    out.sort();
}

/// The code blocks of a page; a JSON file is one.
fn blocks(path: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    if path.extension().is_some_and(|e| e == "json") {
        return vec![text];
    }
    let mut out = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            match open.take() {
                Some(block) => out.push(block),
                None => open = Some(String::new()),
            }
        } else if let Some(block) = &mut open {
            block.push_str(unnumbered(line));
            block.push('\n');
        }
    }
    out
}

/// Some pages number the lines of their examples.
fn unnumbered(line: &str) -> &str {
    match line.trim_start().split_once('.') {
        Some((number, rest)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => line,
    }
}

/// What a document can be of ours, by its principals and resources.
fn state(document: &Document) -> Option<(Kind, String, DesiredState)> {
    let all = &document.statements;
    if all.iter().all(|s| s.principal.is_none()) {
        let state = PolicyState { path: "/".to_owned(), description: String::new(), document: document.clone(), tags: Tags::new() };
        return Some((Kind::Policy, "example".to_owned(), DesiredState::Policy(state)));
    }
    if all.iter().all(|s| s.resource.is_none() && s.action.values.iter().all(|a| a.to_ascii_lowercase().starts_with("sts:"))) {
        let state = RoleState {
            path: "/".to_owned(),
            trust: document.clone(),
            description: String::new(),
            max_session_seconds: 3600,
            boundary: None,
            tags: Tags::new(),
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
        };
        return Some((Kind::Role, "example".to_owned(), DesiredState::Role { state, keep_foreign: false }));
    }
    let of_bucket = |r: &String| r.split(':').nth(2) == Some("s3") && r.split(':').nth(4) == Some("");
    if !all.iter().all(|s| s.resource.as_ref().is_some_and(|r| r.values.iter().all(of_bucket))) {
        return None;
    }
    let name = all.first()?.resource.as_ref()?.values.first()?.split(':').nth(5)?.split('/').next()?.to_owned();
    let statements = all.clone();
    Some((Kind::BucketPolicy, name, DesiredState::BucketPolicy { region: "us-east-1".to_owned(), is_region_said: false, statements }))
}

#[test]
#[ignore = "reads the folder that CROSSROLE_LINT_CORPUS names"]
fn policies_of_others() {
    let folder = PathBuf::from(std::env::var("CROSSROLE_LINT_CORPUS").expect("CROSSROLE_LINT_CORPUS names a folder of pages or policies"));
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let known: BTreeSet<&str> = include_str!("corpus.txt").lines().collect();
    let mut unread = Vec::new();
    let (mut read, mut skipped, mut rules) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for path in paths {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        for (number, block) in blocks(&path).iter().enumerate().filter(|(_, b)| b.contains("\"Statement\"")) {
            let mut skip = |why: &'static str| *skipped.entry(why).or_insert(0_usize) += 1;
            let Ok(value) = serde_json::from_str::<serde_json::Value>(&block.replace('\u{a0}', " ")) else {
                skip("no JSON");
                continue;
            };
            let Ok(document) = crossrole_policy::parse_value(&value) else {
                skip("no policy");
                continue;
            };
            let Some((kind, bucket, state)) = state(&document) else {
                skip("of another resource");
                continue;
            };
            *read.entry(kind).or_insert(0_usize) += 1;
            let manifest = ManifestRef { name: "corpus".to_owned(), file: name.clone(), digest: Digest::of(b""), renamed_from: Vec::new() };
            let mut desired = Desired { manifests: vec![manifest], ..Desired::default() };
            // Whose accounts they are, examples leave open: here all are ours.
            let ids = document.statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(Principal::aws).filter_map(|p| {
                let id = p.split(':').nth(4).unwrap_or(p);
                AccountId::parse(id)
            });
            let ours = AccountInfo { label: "ours".to_owned(), trusting: false, managed: true, left: false, fills: BTreeMap::new() };
            desired.accounts.extend(ids.map(|id| (id, ours.clone())));
            let object = DesiredObject { owner: "corpus".to_owned(), also: std::collections::BTreeSet::new(), adopt: false, state };
            desired.objects.insert(Address::new(&AccountId::parse(OWN).unwrap(), kind, bucket), object);
            for finding in lint(&desired, None, NOW).findings {
                let rule = finding.rule.clone().unwrap_or_default();
                *rules.entry((finding.severity == Severity::Error, rule.clone())).or_insert(0_usize) += 1;
                let line = format!("{:?} [{rule}] {name}#{number}: {}", finding.severity, finding.message);
                println!("{line}");
                if !ADVICE.contains(&rule.as_str()) && !known.contains(format!("{rule} {name}#{number}").as_str()) {
                    unread.push(line);
                }
            }
        }
    }
    println!("read: {read:?}\nskipped: {skipped:?}");
    for ((error, rule), count) in rules {
        println!("{count:5} {}{rule}", if error { "error " } else { "" });
    }
    assert!(unread.is_empty(), "nobody has read these yet:\n{}", unread.join("\n"));
}
