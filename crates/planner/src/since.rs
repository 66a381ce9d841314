//! Somebody's hand and this change, told apart without any state: by what a commit says, what is live, and what the manifests say.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Action, Address, Change, ObjectState, Plan, Reason, ownership};

/// Returns what of `now` is drift (from what is live to what `base` says) and what is this change (from there to what the manifests
/// say now). Both plans are made from the same reading, so that what one of them leaves out is live as it says.
///
/// Objects of manifests that `now` is not of are left out: it says nothing of them.
pub fn since(base: &Plan, now: &Plan) -> (Vec<Change>, Vec<Change>) {
    let manifests = ownership::marks(&now.manifests);
    let of_now = base.changes.iter().filter_map(|change| Some(Change { manifest: (*manifests.get(change.manifest.as_str())?).to_owned(), ..change.clone() }));
    let of_now: Vec<Change> = of_now.collect();
    let drift: BTreeMap<&Address, &Change> = of_now.iter().map(|change| (&change.address, change)).collect();
    let planned: BTreeMap<&Address, &Change> = now.changes.iter().map(|change| (&change.address, change)).collect();
    let addresses: BTreeSet<&Address> = drift.keys().chain(planned.keys()).copied().collect();
    let change = addresses.into_iter().filter_map(|address| match (drift.get(address), planned.get(address)) {
        (None, Some(planned)) => Some((*planned).clone()),
        // What is withheld now is not compared: nobody knows what would become of it.
        (Some(_), None) if now.withholds(address) => None,
        (Some(drift), None) => between(drift, drift.after.as_ref(), drift.before.as_ref(), drift),
        (Some(drift), Some(planned)) => between(drift, drift.after.as_ref(), planned.after.as_ref(), planned),
        (None, None) => None,
    });
    let mut change: Vec<Change> = change.collect();
    // What follows from the plan is said once: of the drift where putting that back is enough for it, and else of this change. What would
    // only follow from going back to the commit happens to nobody.
    let mut drift: Vec<Change> = drift.into_values().cloned().collect();
    for one in &mut drift {
        let follows = planned.get(&one.address).map(|planned| planned.consequences.as_slice()).unwrap_or_default();
        one.consequences.retain(|consequence| follows.contains(consequence));
        if let Some(other) = change.iter_mut().find(|other| other.address == one.address) {
            other.consequences.retain(|consequence| !one.consequences.contains(consequence));
        }
    }
    (drift, change)
}

/// What the manifests say otherwise than the commit did; `of` has the manifest and what follows from it.
fn between(drift: &Change, then: Option<&ObjectState>, now: Option<&ObjectState>, of: &Change) -> Option<Change> {
    if then == now {
        return None;
    }
    let action = match (then, now) {
        (None, _) => Action::Create,
        (_, None) => Action::Delete,
        _ if of.action == Action::Replace && drift.action != Action::Replace => Action::Replace,
        _ => Action::Update,
    };
    // What follows from a plan that this is not a part of would not happen.
    let consequences = if std::ptr::eq(drift, of) { Vec::new() } else { of.consequences.clone() };
    Some(Change {
        address: of.address.clone(),
        action,
        before: then.cloned(),
        after: now.cloned(),
        reasons: vec![Reason::SinceBase],
        consequences,
        manifest: of.manifest.clone(),
    })
}
