//! What is not as the manifests say and shows in no call: nobody is let more by it at that moment.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::KeyState;
use crossrole_model::proof::{Setting, Unshown};
use crossrole_model::{Address, Change, Desired, DesiredState, KeyRef, Kind, ObjectState, Observation, Observed, Plan};

/// Of a plan, what guards; and what else there is of the kind.
pub(super) fn unshown(plan: &Plan, desired: &Desired) -> (Vec<Unshown>, Vec<Unshown>) {
    let boundaries = boundaries(desired);
    let all = plan.changes.iter().flat_map(|change| settings(change, desired, &boundaries).into_iter().map(move |part| (change, part)));
    let (mut guards, mut others) = (Vec::new(), Vec::new());
    for (change, part) in all {
        let list =
            if matches!(part, Setting::Boundary | Setting::PublicAccessBlock | Setting::Metadata | Setting::Audiences) { &mut guards } else { &mut others };
        list.push(Unshown { address: change.address.clone(), part });
    }
    (guards, others)
}

/// ARNs of policies that are boundaries of declared roles.
fn boundaries(desired: &Desired) -> BTreeSet<&str> {
    let roles = desired.objects.values().filter_map(|object| if let DesiredState::Role { state, .. } = &object.state { Some(state) } else { None });
    roles.filter_map(|role| role.boundary.as_deref()).collect()
}

/// What of an object that is there is to become otherwise. One that is missing fails its cells.
fn settings(change: &Change, desired: &Desired, boundaries: &BTreeSet<&str>) -> Vec<Setting> {
    let of = |all: &[(bool, Setting)]| all.iter().filter(|(differs, _)| *differs).map(|(_, part)| *part).collect();
    match (&change.before, &change.after) {
        (Some(ObjectState::Role(before)), Some(ObjectState::Role(after))) => of(&[(before.boundary != after.boundary, Setting::Boundary)]),
        (before, Some(ObjectState::Policy(after))) => {
            let arn = desired.partition.iam_arn(&change.address.account, "policy", &after.path, &change.address.name);
            let same = matches!(before, Some(ObjectState::Policy(before)) if before.document == after.document);
            of(&[(!same && boundaries.contains(arn.as_str()), Setting::Boundary)])
        }
        (Some(ObjectState::SamlProvider(before)), Some(ObjectState::SamlProvider(after))) => of(&[(before.metadata != after.metadata, Setting::Metadata)]),
        (Some(ObjectState::OidcProvider(before)), Some(ObjectState::OidcProvider(after))) => of(&[(before.client_ids != after.client_ids, Setting::Audiences)]),
        (Some(ObjectState::Bucket(before)), Some(ObjectState::Bucket(after))) => of(&[
            (before.public_access_block != after.public_access_block, Setting::PublicAccessBlock),
            (before.encryption != after.encryption, Setting::Encryption),
            (before.versioning != after.versioning, Setting::Versioning),
            (before.logging != after.logging, Setting::Logging),
            (before.ownership != after.ownership, Setting::Ownership),
        ]),
        _ => Vec::new(),
    }
}

/// Keys that can't be used as they are, by their ARNs: that of the alias, and the one that AWS gave (AWS KMS Developer Guide, "Key states").
pub(super) fn unusable(observed: &Observed) -> BTreeMap<String, Address> {
    let mut all = BTreeMap::new();
    for (arn, key) in &observed.keys {
        let (Observation::Known(Some(key)), Some(named)) = (key, KeyRef::parse(arn)) else { continue };
        if key.state == KeyState::Enabled {
            continue;
        }
        let address = Address::new(&named.account(), Kind::Key, named.name());
        all.extend(key.made.iter().map(|made| (made.arn.clone(), address.clone())));
        all.insert(arn.clone(), address);
    }
    all
}
