//! A delta as people want to read it: no line twice, and widening first.

use std::collections::{BTreeMap, BTreeSet};

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
    // Who needs no policies of its own is more than who has some.
    drop_said(&mut changes, |c| c.certainty == Certainty::OwnPolicies, |c| c.certainty == Certainty::EvenWithout, |c| c.party.account());
    // A user whose difference is that of a group's members has it from the group.
    drop_said(&mut changes, |c| matches!(c.party, Party::User { .. }), |c| matches!(c.party, Party::Members { .. }), |c| c.party.account());
    drop_said(&mut changes, |c| c.party != Party::Unsigned, |c| c.party == Party::Unsigned, |_| None);
    changes.sort_by(|a, b| (a.direction, &a.party, a.certainty, &a.resources).cmp(&(b.direction, &b.party, b.certainty, &b.resources)));
    delta.changes = changes;
    delta.undecided.sort();
    delta.undecided.dedup();
}

/// Where, which way, and the same actions on the same resources under the same conditions.
type Grant<'c> = (Option<&'c str>, Direction, &'c [Part], &'c [Part], &'c [Vec<Clause>]);

/// Drops those changes `of` whom the same is said `by` others, in the same place.
fn drop_said(changes: &mut Vec<AccessChange>, of: fn(&AccessChange) -> bool, by: fn(&AccessChange) -> bool, place: fn(&AccessChange) -> Option<&str>) {
    fn grant(c: &AccessChange, place: fn(&AccessChange) -> Option<&str>) -> Grant<'_> {
        (place(c), c.direction, &c.actions, &c.resources, &c.when)
    }
    let others: Vec<AccessChange> = changes.iter().filter(|c| by(c)).cloned().collect();
    let said: BTreeSet<Grant<'_>> = others.iter().map(|c| grant(c, place)).collect();
    changes.retain(|c| !(of(c) && said.contains(&grant(c, place))));
}
