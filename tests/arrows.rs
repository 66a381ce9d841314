//! The architecture, held by a check: which crate may know which.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::root;

/// Everything a crate of ours may depend on, of ours.
const ARROWS: &[(&str, &[&str])] = &[
    ("crossrole-policy", &[]),
    ("crossrole-model", &["crossrole-policy"]),
    ("crossrole-manifest", &["crossrole-model", "crossrole-policy"]),
    ("crossrole-access", &["crossrole-model", "crossrole-policy"]),
    ("crossrole-lint", &["crossrole-access", "crossrole-model", "crossrole-policy"]),
    ("crossrole-audit", &["crossrole-access", "crossrole-model", "crossrole-policy"]),
    ("crossrole-planner", &["crossrole-model", "crossrole-policy"]),
    ("crossrole-applier", &["crossrole-model", "crossrole-policy"]),
    ("crossrole-cloud", &["crossrole-model", "crossrole-policy"]),
    ("crossrole-doctor", &["crossrole-access", "crossrole-model", "crossrole-policy"]),
    ("crossrole-forge", &[]),
    ("crossrole-report", &["crossrole-model", "crossrole-policy"]),
    ("crossrole-sandbox", &["crossrole-access", "crossrole-model", "crossrole-policy"]),
    ("crossrole-verify", &["crossrole-access", "crossrole-model", "crossrole-policy"]),
    (
        "crossrole",
        &[
            "crossrole-access",
            "crossrole-applier",
            "crossrole-audit",
            "crossrole-cloud",
            "crossrole-doctor",
            "crossrole-forge",
            "crossrole-lint",
            "crossrole-manifest",
            "crossrole-model",
            "crossrole-planner",
            "crossrole-policy",
            "crossrole-report",
            "crossrole-sandbox",
            "crossrole-verify",
        ],
    ),
];

/// Dependencies outside the workspace that one crate alone may have.
const OWNERS: &[(&str, &str)] = &[
    ("aws-", "crossrole-cloud"),
    ("similar", "crossrole-report"),
    ("dagre", "crossrole-report"),
    ("toml", "crossrole-manifest"),
    ("clap", "crossrole"),
    ("hyper", "crossrole-sandbox"),
];

fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let output =
        std::process::Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |v: &serde_json::Value| v["name"].as_str().unwrap().to_owned();
    let normal = |p: &serde_json::Value| p["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null()).map(name).collect();
    value["packages"].as_array().unwrap().iter().map(|p| (name(p), normal(p))).collect()
}

#[test]
fn the_arrows_of_the_design_hold() {
    let packages = packages();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(packages.keys().map(String::as_str).collect::<BTreeSet<_>>(), known, "a crate without arrows");
    for (name, allowed) in ARROWS {
        let ours: BTreeSet<&str> = packages[*name].iter().map(String::as_str).filter(|d| d.starts_with("crossrole")).collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(ours.is_subset(&allowed), "{name} knows {:?}", ours.difference(&allowed));
    }
}

#[test]
fn each_outside_dependency_has_its_owner() {
    for (name, dependencies) in packages() {
        for (prefix, owner) in OWNERS {
            let found = dependencies.iter().find(|d| d.starts_with(prefix));
            // The command's settings file is TOML too, and is laid out by the same family of crates.
            // The sandbox answers by HTTP, and what speaks to GitHub and GitLab asks by it.
            let exempt = *prefix == "toml" && name == "crossrole" || *prefix == "hyper" && name == "crossrole-forge";
            assert!(found.is_none() || name == *owner || exempt, "{name} depends on {found:?}, which belongs to {owner}");
        }
    }
}

#[test]
fn every_test_file_is_a_module() {
    let folder = root().join("tests");
    let all = std::fs::read_to_string(folder.join("all.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("all.rs") && !path.ends_with("independent.rs") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(all.contains(&format!("mod {name};")), "tests/{name}.rs is forgotten");
        }
    }
}

#[test]
fn the_lock_file_stays_small() {
    /// Growth is a decision: raise this with a line in docs/dependencies.md.
    const PACKAGES: usize = 338;
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let count = lock.matches("[[package]]").count();
    assert!(count <= PACKAGES, "{count} packages");
}
