//! A reviewed plan against what would be planned now.
//!
//! A saved plan is a record of what was reviewed, never an instruction: what is carried out is planned anew, and only where
//! it is what was reviewed. A plan that was carried out in part is still that, for the rest of it.

use crossrole_model::access::{About, AccessChange, Direction, Undecided, Why};
use crossrole_model::desired::ManifestRef;
use crossrole_model::plan::{Difference, Record};
use crossrole_model::{Action, Address, Cause, Digest, Facet, Finds, KeyRef, Kind, ObjectState, Observed, Plan, Step, Withheld};

/// Returns every way in which `now` is not `reviewed`, or the part of it that is left to do; empty where it may be carried
/// out. `observed` is what `now` was planned from.
pub fn differences(reviewed: &Plan, now: &Plan, observed: &Observed) -> Vec<Difference> {
    let mut found = other_keys(reviewed, now);
    let named = in_names_of(reviewed, now);
    let now = &named;
    let records = records(reviewed, now);
    if records.is_empty() && found.is_empty() {
        return found;
    }
    let mut left: Vec<&Step> = reviewed.steps.iter().collect();
    for step in &now.steps {
        if let Some(at) = left.iter().position(|other| same(reviewed, other, now, step)) {
            left.remove(at);
            continue;
        }
        found.push(unlike(reviewed, &left, now, step));
    }
    let whole = left.is_empty();
    for step in left {
        let Some(address) = address(reviewed, step) else {
            found.push(Difference::Unknown { operation: step.call.operation().to_owned() });
            continue;
        };
        let paired = found.iter().any(|d| matches!(d, Difference::Moved { address: a, .. } | Difference::Altered { address: a, .. } if a == address));
        if !paired && !is_done(step, address, now, observed) {
            found.push(Difference::NotPlanned { address: address.clone(), operation: step.call.operation().to_owned() });
        }
    }
    let same = same_manifests(&reviewed.manifests, &now.manifests);
    if !same || (reviewed.destroy, &reviewed.destroy_keys) != (now.destroy, &now.destroy_keys) {
        found.push(Difference::Manifests);
    }
    access(reviewed, now, &mut found);
    if whole && found.is_empty() {
        // Nothing of it is done yet, so that it has to be the same in all that it records.
        found.extend(records.into_iter().map(|record| Difference::Recorded { record }));
    }
    found.sort();
    found.dedup();
    found
}

/// Keys that were there when the plan was reviewed, and of which the aliases stand for others now.
fn other_keys(reviewed: &Plan, now: &Plan) -> Vec<Difference> {
    let was = reviewed.made_keys.iter().filter_map(|(alias, arn)| Some((alias, arn.as_ref()?)));
    let other = was.filter(|(alias, arn)| now.made_keys.get(*alias).is_some_and(|is| is.as_ref() != Some(*arn)));
    let key = other.filter_map(|(alias, _)| KeyRef::parse(alias));
    key.map(|key| Difference::Moved { address: Address::new(&key.account(), Kind::Key, key.name()), facet: Facet::Existence }).collect()
}

/// The plan as the reviewed one names keys that had no ids then: who gains what is said with the ids that are known.
fn in_names_of(reviewed: &Plan, now: &Plan) -> Plan {
    let unknown = |alias: &String| reviewed.made_keys.get(alias).is_none_or(Option::is_none);
    let made = now.made_keys.iter().filter_map(|(alias, arn)| Some((alias, arn.as_ref()?))).filter(|(alias, _)| unknown(alias));
    let mut text = serde_json::to_string(&now.access).unwrap_or_default();
    for (alias, arn) in made {
        text = text.replace(arn.as_str(), alias);
    }
    let access = serde_json::from_str(&text).unwrap_or_else(|_| now.access.clone());
    Plan { access, ..now.clone() }
}

/// The same text under the same names; where the files stand is no part of what was reviewed.
fn same_manifests(a: &[ManifestRef], b: &[ManifestRef]) -> bool {
    let told = |list: &[ManifestRef]| {
        let mut told: Vec<_> = list.iter().map(|m| (m.name.clone(), m.digest.clone())).collect();
        told.sort();
        told
    };
    told(a) == told(b)
}

/// What the two plans record differently, of all but the calls that it took to read.
fn records(reviewed: &Plan, now: &Plan) -> Vec<Record> {
    // No `..`: a new field stops the build until someone decides.
    let Plan {
        // How old it may be is asked before it is compared.
        saved_at: _,
        manifests,
        accounts,
        partition,
        scope,
        destroy,
        targets,
        destroy_keys,
        // What bears an earlier name is among the changes.
        renamed: _,
        // Looked at apart.
        made_keys: _,
        // What binds it is said where it is otherwise; what it is held to is asked for besides.
        control_policies: _,
        held_to: _,
        changes,
        steps,
        withheld,
        meters,
        by_hand,
        left_to_iam,
        access,
        lockouts,
        calls: _,
        // What the plan rests on may be otherwise and the plan the same: that is said, and stops nothing.
        rests_on: _,
        // Where it is shown.
        comment_key: _,
    } = now;
    let r = reviewed;
    let same = [
        (Record::Manifests, same_manifests(manifests, &r.manifests) && (destroy, targets, destroy_keys) == (&r.destroy, &r.targets, &r.destroy_keys)),
        (Record::Accounts, (accounts, partition, scope) == (&r.accounts, &r.partition, &r.scope)),
        (Record::Changes, changes == &r.changes),
        (Record::Steps, steps == &r.steps),
        (
            Record::Withheld,
            same_withheld(withheld, &r.withheld) && (meters, by_hand, left_to_iam, lockouts) == (&r.meters, &r.by_hand, &r.left_to_iam, &r.lockouts),
        ),
        (Record::Access, access == &r.access),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(record, _)| record).collect()
}

/// What could not be read is the same for the same kind of error: its words name the request, too.
fn same_withheld(a: &[Withheld], b: &[Withheld]) -> bool {
    let class = |one: &Withheld| match &one.cause {
        Cause::Unreadable(why) | Cause::Incomplete(Some(why)) => why.class,
        _ => None,
    };
    let same = |(a, b): (&Withheld, &Withheld)| a == b || a.subject == b.subject && a.blocks == b.blocks && class(a).is_some() && class(a) == class(b);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

fn address<'p>(plan: &'p Plan, step: &Step) -> Option<&'p Address> {
    plan.changes.get(step.change).map(|c| &c.address)
}

/// The same call on the same object, from the same state to the same. The state may be what the creation left that is part of
/// what was reviewed.
pub(crate) fn same(reviewed: &Plan, a: &Step, now: &Plan, b: &Step) -> bool {
    // No `..`: a new field stops the build until someone decides.
    let Step { change: _, account, call, needs: _, facet, before, after, awaits: _, share } = a;
    let created = reviewed.changes.get(a.change).filter(|change| change.action == Action::Create).and_then(|change| change.after.as_ref());
    let begun = created.is_some_and(|after| after.is_begun(facet, &b.before));
    let start = *before == b.before || begun || b.call.effects().finds == Finds::Anything;
    address(reviewed, a) == address(now, b) && (account, call, facet, after, share) == (&b.account, &b.call, &b.facet, &b.after, &b.share) && start
}

/// What was read of an object.
fn was<'p>(plan: &'p Plan, step: &Step) -> Option<&'p ObjectState> {
    plan.changes.get(step.change)?.before.as_ref()
}

/// How a step that would be made now differs from what was reviewed.
fn unlike(reviewed: &Plan, left: &[&Step], now: &Plan, step: &Step) -> Difference {
    let Some(address) = address(now, step).cloned() else { return Difference::Unknown { operation: step.call.operation().to_owned() } };
    let other = left.iter().find(|other| self::address(reviewed, other) == Some(&address) && other.facet == step.facet);
    match other {
        // A document that others write, too, may have moved around what is ours.
        Some(other) if other.before == step.before && matches!(step.facet, Facet::Statements(_)) && was(reviewed, other) != was(now, step) => {
            Difference::Moved { address, facet: Facet::Document }
        }
        Some(other) if other.before == step.before => Difference::Altered { address, facet: step.facet.clone() },
        Some(_) => Difference::Moved { address, facet: step.facet.clone() },
        None => Difference::New { address, operation: step.call.operation().to_owned() },
    }
}

/// What the step would leave is there already, or what it takes away is gone.
fn is_done(step: &Step, address: &Address, now: &Plan, observed: &Observed) -> bool {
    let going = |a: &Address| now.changes.iter().any(|c| c.address == *a && c.after.is_none());
    match observed.state(address) {
        Ok(Some(state)) => state.facet(&step.facet) == step.after || step.call.removes() && going(address),
        Ok(None) => step.after == Digest::absent() || step.call.removes(),
        Err(_) => false,
    }
}

/// All but the witness.
fn same_access(a: &AccessChange, b: &AccessChange) -> bool {
    // No `..`: a new field stops the build until someone decides.
    let AccessChange { direction, party, except, certainty, actions, resources, when, keyless, witness: _ } = a;
    (direction, party, except, certainty, actions, resources, when, keyless)
        == (&b.direction, &b.party, &b.except, &b.certainty, &b.actions, &b.resources, &b.when, &b.keyless)
}

/// That ACLs count in a bucket which the reviewed plan makes was in that: the plan had begun it, with S3's own settings in the place of others.
fn is_of_new_bucket(undecided: &Undecided, reviewed: &Plan) -> bool {
    let (About::Bucket(name), Why::AclsCount | Why::AclsCountNoMore | Why::OwnersChange) = (&undecided.about, &undecided.why) else { return false };
    reviewed.changes.iter().any(|change| change.address.kind == Kind::Bucket && change.address.name == *name && change.action == Action::Create)
}

/// An approval is of who gains what: nobody may gain more by it now.
fn access(reviewed: &Plan, now: &Plan, found: &mut Vec<Difference>) {
    let empty = crossrole_model::access::AccessDelta::default();
    let before = reviewed.access.as_ref().unwrap_or(&empty);
    let after = now.access.as_ref().unwrap_or(&empty);
    let gained = after.changes.iter().filter(|c| c.direction == Direction::Widened);
    let more = gained.filter(|c| !before.changes.iter().any(|b| same_access(b, c)));
    let open = after.undecided.iter().filter(|u| !before.undecided.contains(u) && !is_of_new_bucket(u, reviewed));
    let more = more.count() + open.count();
    if more > 0 {
        found.push(Difference::Access { more });
    }
}
