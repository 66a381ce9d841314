//! Rights as policies.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::ManifestRef;
use crossrole_model::{limits, ownership};
use crossrole_policy::{Document, Element, Statement};

use super::{DETACH, Rights};

/// Returns the policies that say this, each within the quota of a managed policy: what is let on the same resources stands together,
/// and so does what the same is let on.
pub fn documents(rights: &Rights, manifests: &[ManifestRef]) -> Vec<Document> {
    let mut packed: Vec<Document> = Vec::new();
    for statement in statements(rights, manifests) {
        let with = packed.last().map(|last| Document::new(last.statements.iter().chain([&statement]).cloned().collect()));
        match with.filter(|document| document.size() <= limits::MANAGED_POLICY) {
            Some(document) => {
                packed.pop();
                packed.push(document);
            }
            None => packed.push(Document::new(vec![statement])),
        }
    }
    packed
}

fn statements(rights: &Rights, manifests: &[ManifestRef]) -> Vec<Statement> {
    // The same actions on several resources are one statement.
    let mut by_actions: BTreeMap<(bool, BTreeSet<&str>), BTreeSet<String>> = BTreeMap::new();
    for (resource, marked, actions) in rights.iter() {
        by_actions.entry((marked, actions.iter().copied().collect())).or_default().insert(resource.to_owned());
    }
    let each = by_actions.into_iter().flat_map(|((marked, actions), resources)| split(&actions, resources, marked, manifests));
    each.chain(detaching(rights)).collect()
}

/// Taking policies of ours, and no others, off whoever holds them (Service Authorization Reference, `iam:PolicyARN`).
fn detaching(rights: &Rights) -> Vec<Statement> {
    let Some(account) = rights.detached().first().and_then(|arn| arn.split_once(":policy/")).map(|(account, _)| account) else { return Vec::new() };
    let resources: Vec<String> = DETACH.iter().map(|(kind, _)| format!("{account}:{kind}/*")).collect();
    let statement = |policies: &[String]| {
        let actions = Element::of(DETACH.iter().map(|(_, action)| *action));
        let mut statement = Statement::allow(actions, Some(Element::of(resources.iter().map(String::as_str))));
        statement.conditions.entry("ArnLike".to_owned()).or_default().insert("iam:PolicyARN".to_owned(), policies.to_vec());
        statement
    };
    within(rights.detached().iter().cloned(), statement)
}

/// One statement, or several where one would be longer than a policy may be.
fn split(actions: &BTreeSet<&str>, resources: BTreeSet<String>, marked: bool, manifests: &[ManifestRef]) -> Vec<Statement> {
    let statement = |resources: &[String]| {
        let mut statement = Statement::allow(Element::of(actions.iter().copied()), Some(Element::of(resources.iter().map(String::as_str))));
        if marked {
            let mut names: Vec<String> = Vec::new();
            for name in manifests.iter().flat_map(ManifestRef::names) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
            let key = format!("aws:ResourceTag/{}", ownership::OWNER_TAG);
            statement.conditions.entry("StringEquals".to_owned()).or_default().insert(key, names);
        }
        statement
    };
    within(resources, statement)
}

/// As many of these in a statement as a policy holds.
fn within(all: impl IntoIterator<Item = String>, statement: impl Fn(&[String]) -> Statement) -> Vec<Statement> {
    let mut out = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for one in all {
        open.push(one);
        if open.len() > 1 && Document::new(vec![statement(&open)]).size() > limits::MANAGED_POLICY {
            let last = open.pop();
            out.push(statement(&open));
            open = last.into_iter().collect();
        }
    }
    out.push(statement(&open));
    out
}
