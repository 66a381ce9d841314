//! A delta as people want to read it: no line twice, and widening first.

use std::collections::BTreeMap;

use crossrole_model::access::{AccessChange, AccessDelta, Certainty, Clause, Direction, Keyless, Part, Party};

use crate::estate::Estate;

use super::simplify::simplify;

/// Which way, who, and who not, which actions, under which conditions.
type Alike = (Direction, Party, Vec<Party>, Certainty, Vec<Part>, Vec<Vec<Clause>>, Option<Keyless>);

/// Puts what differs only in its resources together, drops what is said of everyone already, and sorts.
pub(super) fn tidy(delta: &mut AccessDelta, sides: [&Estate; 2]) {
    let mut merged: BTreeMap<Alike, AccessChange> = BTreeMap::new();
    for mut change in delta.changes.drain(..) {
        change.when.iter_mut().for_each(simplify);
        change.when.sort();
        change.when.dedup();
        let key = (
            change.direction,
            change.party.clone(),
            change.except.clone(),
            change.certainty,
            change.actions.clone(),
            change.when.clone(),
            change.keyless.clone(),
        );
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
    drop_said(&mut changes, |one, other| {
        let more = (one.certainty, other.certainty) == (Certainty::OwnPolicies, Certainty::EvenWithout);
        more && one.party == other.party && other.except.iter().all(|party| one.except.contains(party))
    });
    // A user whose difference is that of the members of its group has it from there.
    drop_said(&mut changes, |one, other| match (&one.party, &other.party) {
        (Party::User { arn }, Party::Members { group }) => is_member(sides, one.direction, arn, group),
        _ => false,
    });
    drop_said(&mut changes, |one, other| one.party != Party::Unsigned && other.party == Party::Unsigned);
    changes.sort_by(|a, b| (a.direction, &a.party, a.certainty, &a.resources).cmp(&(b.direction, &b.party, b.certainty, &b.resources)));
    delta.changes = changes;
    delta.undecided.sort();
    delta.undecided.dedup();
}

/// Tells whether a user is in a group when it has what is gained, or lost.
fn is_member(sides: [&Estate; 2], direction: Direction, user: &str, group: &str) -> bool {
    let [before, after] = sides.map(|side| side.principals.get(user).is_some_and(|user| user.groups.contains(group)));
    if direction == Direction::Widened { after } else { before }
}

/// Which way, and the same actions on the same resources under the same conditions.
type Grant<'c> = (Direction, &'c [Part], &'c [Part], &'c [Vec<Clause>], Option<&'c Keyless>);

fn grant(c: &AccessChange) -> Grant<'_> {
    (c.direction, &c.actions, &c.resources, &c.when, c.keyless.as_ref())
}

/// Drops those changes of which the same is said of another that `stands_for` them.
fn drop_said(changes: &mut Vec<AccessChange>, stands_for: impl Fn(&AccessChange, &AccessChange) -> bool) {
    let mut by_grant: BTreeMap<Grant<'_>, Vec<&AccessChange>> = BTreeMap::new();
    for change in changes.iter() {
        by_grant.entry(grant(change)).or_default().push(change);
    }
    let kept: Vec<bool> = changes.iter().map(|one| !by_grant.get(&grant(one)).into_iter().flatten().any(|other| stands_for(one, other))).collect();
    let mut kept = kept.into_iter();
    changes.retain(|_| kept.next().unwrap_or(true));
}
