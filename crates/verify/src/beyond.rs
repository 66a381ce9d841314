//! What is live and the manifests do not say: no list of calls finds what nobody thought of.

use crossrole_access::{Estate, delta};
use crossrole_model::access::{AccessDelta, Direction};
use crossrole_model::{Desired, DesiredState};

/// What more may be done than the manifests say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beyond {
    /// By roles that are declared whole: as who assumes them, or in them.
    pub roles: AccessDelta,
    /// By policies of buckets and keys, in which others write as well.
    pub shared: AccessDelta,
}

/// Compares the estate that the manifests make with the same one with what is live in its place.
pub fn beyond(desired: &Desired, wanted: &Estate, live: &Estate) -> Beyond {
    let mut roles = wanted.clone();
    for (address, object) in &desired.objects {
        let DesiredState::Role { state, keep_foreign } = &object.state else { continue };
        let arn = desired.partition.iam_arn(&address.account, "role", &state.path, &address.name);
        // What others may put on it is theirs.
        if *keep_foreign {
            continue;
        }
        if let Some(principal) = live.principals.get(&arn) {
            roles.principals.insert(arn.clone(), principal.clone());
        }
        if let Some(guarded) = live.roles.get(&arn) {
            roles.roles.insert(arn, guarded.clone());
        }
    }
    let mut shared = wanted.clone();
    for (name, guarded) in &mut shared.buckets {
        if let Some(found) = live.buckets.get(name) {
            *guarded = found.clone();
        }
    }
    for (arn, guarded) in &mut shared.keys {
        if let Some(found) = live.keys.get(arn) {
            *guarded = found.clone();
        }
    }
    Beyond { roles: widened(delta(wanted, &roles)), shared: widened(delta(wanted, &shared)) }
}

/// What is missing is a cell that is red.
fn widened(mut all: AccessDelta) -> AccessDelta {
    all.changes.retain(|change| change.direction == Direction::Widened);
    all
}
