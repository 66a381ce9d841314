//! A delta as people want to read it: no line twice, and widening first.

use std::collections::BTreeMap;

use crossrole_model::access::{AccessChange, AccessDelta, Clause, Direction};

use super::subjects;

/// Which way, who, which actions, under which conditions.
type Alike = (Direction, String, Vec<String>, Vec<Vec<Clause>>);

/// Puts what differs only in its resources together, drops what is said of everyone already, and sorts.
pub(super) fn tidy(delta: &mut AccessDelta) {
    let mut merged: BTreeMap<Alike, AccessChange> = BTreeMap::new();
    for change in delta.changes.drain(..) {
        let key = (change.direction, change.who.clone(), change.actions.clone(), change.when.clone());
        match merged.get_mut(&key) {
            Some(same) => same.resources.extend(change.resources),
            None => {
                merged.insert(key, change);
            }
        }
    }
    let mut changes: Vec<AccessChange> = merged.into_values().collect();
    for change in &mut changes {
        change.resources.sort();
        change.resources.dedup();
    }
    let everyone: Vec<AccessChange> = changes.iter().filter(|c| c.who == subjects::ANYONE).cloned().collect();
    // Who needs no policies of its own is more than who has some.
    let bare: Vec<AccessChange> = changes.iter().filter(|c| c.who.ends_with(subjects::EVEN_WITHOUT)).cloned().collect();
    changes.retain(|c| {
        let same =
            |e: &&AccessChange| (e.direction, &e.account, &e.actions, &e.resources, &e.when) == (c.direction, &c.account, &c.actions, &c.resources, &c.when);
        !(c.who.ends_with(subjects::IF_LET) && bare.iter().any(|e| same(&e)))
    });
    // A user whose difference is that of a group's members has it from the group.
    let groups: Vec<AccessChange> = changes.iter().filter(|c| c.who.starts_with(subjects::MEMBERS)).cloned().collect();
    changes.retain(|c| {
        let same =
            |e: &&AccessChange| (e.direction, &e.account, &e.actions, &e.resources, &e.when) == (c.direction, &c.account, &c.actions, &c.resources, &c.when);
        !(c.who.starts_with("user ") && groups.iter().any(|e| same(&e)))
    });
    changes.retain(|c| {
        c.who == subjects::ANYONE
            || !everyone.iter().any(|e| (e.direction, &e.actions, &e.resources, &e.when) == (c.direction, &c.actions, &c.resources, &c.when))
    });
    changes.sort_by(|a, b| (a.direction, a.account.is_some(), &a.who, &a.resources).cmp(&(b.direction, b.account.is_some(), &b.who, &b.resources)));
    delta.changes = changes;
    delta.undecided.sort();
    delta.undecided.dedup();
}
