//! A delta as people want to read it: no line twice, and widening first.

use std::collections::BTreeMap;

use crossrole_model::access::{AccessChange, AccessDelta, Certainty, Clause, Direction, Part, Party};

/// Which way, who, which actions, under which conditions.
type Alike = (Direction, Party, Certainty, Vec<Part>, Vec<Vec<Clause>>);

/// Puts what differs only in its resources together, drops what is said of everyone already, and sorts.
pub(super) fn tidy(delta: &mut AccessDelta) {
    let mut merged: BTreeMap<Alike, AccessChange> = BTreeMap::new();
    for change in delta.changes.drain(..) {
        let key = (change.direction, change.party.clone(), change.certainty, change.actions.clone(), change.when.clone());
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
    let everyone: Vec<AccessChange> = changes.iter().filter(|c| c.party == Party::Unsigned).cloned().collect();
    // Who needs no policies of its own is more than who has some.
    let bare: Vec<AccessChange> = changes.iter().filter(|c| c.certainty == Certainty::EvenWithout).cloned().collect();
    changes.retain(|c| {
        let same = |e: &&AccessChange| e.party.account() == c.party.account() && same_grant(e, c);
        !(c.certainty == Certainty::OwnPolicies && bare.iter().any(|e| same(&e)))
    });
    // A user whose difference is that of a group's members has it from the group.
    let groups: Vec<AccessChange> = changes.iter().filter(|c| matches!(c.party, Party::Members { .. })).cloned().collect();
    changes.retain(|c| {
        let same = |e: &&AccessChange| e.party.account() == c.party.account() && same_grant(e, c);
        !(matches!(c.party, Party::User { .. }) && groups.iter().any(|e| same(&e)))
    });
    changes.retain(|c| c.party == Party::Unsigned || !everyone.iter().any(|e| same_grant(e, c)));
    changes.sort_by(|a, b| (a.direction, &a.party, a.certainty, &a.resources).cmp(&(b.direction, &b.party, b.certainty, &b.resources)));
    delta.changes = changes;
    delta.undecided.sort();
    delta.undecided.dedup();
}

/// The same actions on the same resources, under the same conditions.
fn same_grant(a: &AccessChange, b: &AccessChange) -> bool {
    (a.direction, &a.actions, &a.resources, &a.when) == (b.direction, &b.actions, &b.resources, &b.when)
}
