//! Facts before words: what is kept, compared or sent is a type or an explicit encoding, and no sentence is read back.

use std::path::{Path, PathBuf};

use crate::support::root;

/// Every source file of the crates, without the tests in it.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                into.push((path, text.split("#[cfg(test)]").next().unwrap().to_owned()));
            }
        }
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        walk(&entry.unwrap().path().join("src"), &mut all);
    }
    assert!(all.len() > 150, "{}", all.len());
    all
}

/// Whether a file is of one of these crates.
fn of(path: &Path, crates: &[&str]) -> bool {
    crates.iter().any(|name| path.starts_with(root().join("crates").join(name)))
}

/// Rust's own form of a value changes with its names: renaming a field would change every digest and Sid.
#[test]
fn nothing_is_written_in_the_form_of_debug() {
    for (path, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            assert!(!line.contains(":?}") && !line.contains(":#?}"), "{}:{number}: {line}", path.display());
        }
    }
}

/// How a text is taken apart or compared.
const READS: [&str; 9] = ["== \"", "!= \"", "contains(\"", "starts_with(\"", "ends_with(\"", "strip_prefix(\"", "strip_suffix(\"", "split(\"", "split_once(\""];

/// Words of sentences about access, decisions, plans and outcomes.
const WORDS: [&str; 22] = [
    "Allowed",
    "ExplicitlyDenied",
    "ImplicitlyDenied",
    "Denied",
    "gains",
    "loses",
    "not decided",
    "withheld",
    "drifted",
    "unverified",
    "is absent",
    "is present",
    "is like",
    "any principal",
    "members of",
    "tokens of",
    "service ",
    "account ",
    "role ",
    "user ",
    "group ",
    "bucket ",
];

/// Words begin in `report`, and nothing reads one back. What AWS itself answers (`cloud`, `sandbox`, `doctor`) is not ours to type.
#[test]
fn no_sentence_is_read_back() {
    for (path, text) in sources() {
        if of(&path, &["report", "cloud", "sandbox", "doctor"]) {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            for read in READS {
                let literals = line.split(read).skip(1).filter_map(|rest| rest.split('"').next());
                for literal in literals {
                    let word = WORDS.iter().find(|w| literal.starts_with(*w));
                    assert!(word.is_none(), "{}:{number} reads `{literal}` back: {line}", path.display());
                    let sentence = literal.contains(' ') && literal.chars().filter(|c| c.is_alphabetic()).count() > 8;
                    assert!(!sentence, "{}:{number} reads the sentence `{literal}` back: {line}", path.display());
                }
            }
        }
    }
}
