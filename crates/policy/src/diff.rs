//! What changed between two documents, statement by statement.

use std::collections::BTreeSet;

use crate::canonical::canonical_aws;
use crate::document::{Document, Principal, Statement};

/// One statement of a diff.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementDiff {
    /// Only in the second document.
    Added(Statement),
    /// Only in the first document.
    Removed(Statement),
    /// In both, with another meaning.
    Changed {
        /// As it was.
        before: Statement,
        /// As it will be.
        after: Statement,
        /// What differs, never empty.
        elements: Vec<ElementDiff>,
    },
    /// In both, with the same meaning.
    Kept(Statement),
}

/// What one element of a statement gains and loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementDiff {
    /// `Action`, `Principal.AWS`, `Condition.StringEquals.sts:ExternalId`.
    pub element: String,
    /// Values only before.
    pub removed: Vec<String>,
    /// Values only after.
    pub added: Vec<String>,
}

/// Returns the statements of both documents, in the order of `after`, removed ones last. Statements are paired by equal
/// meaning, then by Sid, then by likeness (half of their parts or more in common).
pub fn diff(before: Option<&Document>, after: Option<&Document>) -> Vec<StatementDiff> {
    let mut old: Vec<&Statement> = before.map(|d| d.statements.iter().collect()).unwrap_or_default();
    let new: Vec<&Statement> = after.map(|d| d.statements.iter().collect()).unwrap_or_default();
    let mut found: Vec<Option<StatementDiff>> = vec![None; new.len()];
    let rules: [fn(&Statement, &Statement) -> bool; 3] = [|a, b| a == b, |a, b| !a.sid().is_empty() && a.sid() == b.sid(), alike];
    for rule in rules {
        for (slot, statement) in found.iter_mut().zip(&new) {
            if slot.is_some() {
                continue;
            }
            if let Some(at) = old.iter().position(|o| rule(o, statement)) {
                let before = old.remove(at);
                let elements = diff_statement(before, statement);
                *slot = Some(if elements.is_empty() {
                    StatementDiff::Kept((*statement).clone())
                } else {
                    StatementDiff::Changed { before: before.clone(), after: (*statement).clone(), elements }
                });
            }
        }
    }
    let added = found.into_iter().zip(new).map(|(slot, statement)| slot.unwrap_or_else(|| StatementDiff::Added(statement.clone())));
    added.chain(old.into_iter().map(|statement| StatementDiff::Removed(statement.clone()))).collect()
}

/// Returns what differs between two statements, element by element; empty when they mean the same.
pub fn diff_statement(before: &Statement, after: &Statement) -> Vec<ElementDiff> {
    let (old, new) = (parts(before), parts(after));
    let names: BTreeSet<&String> = old.iter().chain(&new).map(|p| &p.element).collect();
    let mut out = Vec::new();
    for name in names {
        let values = |parts: &[Part]| parts.iter().filter(|p| p.element == *name).map(|p| (p.key.clone(), p.shown.clone())).collect::<Vec<_>>();
        let (before, after) = (values(&old), values(&new));
        let missing = |from: &[(String, String)], other: &[(String, String)]| -> Vec<String> {
            from.iter().filter(|(key, _)| !other.iter().any(|(k, _)| k == key)).map(|(_, shown)| shown.clone()).collect()
        };
        let (removed, added) = (missing(&before, &after), missing(&after, &before));
        if !removed.is_empty() || !added.is_empty() {
            out.push(ElementDiff { element: name.clone(), removed, added });
        }
    }
    out
}

/// Half of the parts of the larger statement are also in the other.
fn alike(a: &Statement, b: &Statement) -> bool {
    if a.effect != b.effect {
        return false;
    }
    let keys =
        |s: &Statement| parts(s).into_iter().filter(|p| p.element != "Sid" && p.element != "Effect").map(|p| (p.element, p.key)).collect::<BTreeSet<_>>();
    let (a, b) = (keys(a), keys(b));
    let common = a.intersection(&b).count();
    common > 0 && common * 2 >= a.len().max(b.len())
}

struct Part {
    element: String,
    /// Compared.
    key: String,
    /// Shown.
    shown: String,
}

fn parts(statement: &Statement) -> Vec<Part> {
    let Statement { sid, effect, principal, action, resource, conditions } = statement;
    let mut out = Vec::new();
    let mut push = |element: String, key: String, shown: &str| out.push(Part { element, key, shown: shown.to_owned() });
    if let Some(sid) = sid.as_deref().filter(|s| !s.is_empty()) {
        push("Sid".into(), sid.into(), sid);
    }
    push("Effect".into(), effect.as_str().into(), effect.as_str());
    if let Some(Principal { negated, bare_star, entries }) = principal {
        let name = if *negated { "NotPrincipal" } else { "Principal" };
        if *bare_star {
            push(format!("{name}.AWS"), "*".into(), "*");
        }
        for (kind, values) in entries {
            for value in values {
                push(format!("{name}.{kind}"), canonical_aws(value).to_owned(), value);
            }
        }
    }
    for value in &action.values {
        push(if action.negated { "NotAction" } else { "Action" }.into(), value.to_ascii_lowercase(), value);
    }
    if let Some(resource) = resource {
        for value in &resource.values {
            push(if resource.negated { "NotResource" } else { "Resource" }.into(), value.clone(), value);
        }
    }
    for (operator, keys) in conditions {
        for (key, values) in keys {
            // Operators and keys compare without regard to case; one spelling each, so that a respelling shows no change.
            let element = format!("Condition.{}.{}", operator.to_ascii_lowercase(), key.to_ascii_lowercase());
            if values.is_empty() {
                push(element.clone(), "[]".into(), "[]");
            }
            for value in values {
                push(element.clone(), value.clone(), value);
            }
        }
    }
    out
}
