//! What two manifests may both declare: users, groups, members and roles of the callers' side, where they say the same.

use crossrole_model::desired::DesiredState;
use crossrole_model::state::{RoleState, Tags};
use crossrole_model::{AccountId, Address, Kind, ownership};

/// Tells whether another manifest may declare the same object.
pub(super) fn may_be_shared(address: &Address, trusting: &AccountId) -> bool {
    match address.kind {
        Kind::User | Kind::Group | Kind::Membership => true,
        Kind::Role => address.account != *trusting,
        Kind::OidcProvider
        | Kind::SamlProvider
        | Kind::Policy
        | Kind::Attachment
        | Kind::Caller
        | Kind::PermissionSet
        | Kind::Bucket
        | Kind::BucketPolicy
        | Kind::Key
        | Kind::KeyPolicy => false,
    }
}

/// Names the parts that two declarations say differently, but for whose they are.
pub(super) fn differs(a: &DesiredState, b: &DesiredState) -> Vec<&'static str> {
    match (a, b) {
        (DesiredState::User(a), DesiredState::User(b)) => parts([("path", a.path == b.path), ("tags", unmarked(&a.tags) == unmarked(&b.tags))]),
        // A group's path says whose it is, and nothing else.
        (DesiredState::Group { state: _, members: a }, DesiredState::Group { state: _, members: b }) => parts([("members", a == b)]),
        (DesiredState::Membership(a), DesiredState::Membership(b)) => parts([("members", a == b)]),
        (DesiredState::Role { state: a, keep_foreign: x }, DesiredState::Role { state: b, keep_foreign: y }) => {
            let mut found = role(a, b);
            found.extend(parts([("`foreign_policies`", x == y)]));
            found
        }
        _ => vec!["kind"],
    }
}

fn parts<const N: usize>(same: [(&'static str, bool); N]) -> Vec<&'static str> {
    same.into_iter().filter(|(_, same)| !same).map(|(part, _)| part).collect()
}

fn role(a: &RoleState, b: &RoleState) -> Vec<&'static str> {
    // No `..`: a new field stops the build until someone decides.
    let RoleState { path, trust, description, max_session_seconds, boundary, tags, inline, attached } = a;
    parts([
        ("path", *path == b.path),
        ("trust", *trust == b.trust),
        ("description", *description == b.description),
        ("longest session", *max_session_seconds == b.max_session_seconds),
        ("permissions boundary", *boundary == b.boundary),
        ("tags", unmarked(tags) == unmarked(&b.tags)),
        ("permissions", *inline == b.inline && *attached == b.attached),
    ])
}

/// Tags without the mark of the manifest.
fn unmarked(tags: &Tags) -> Tags {
    tags.iter().filter(|(key, _)| *key != ownership::OWNER_TAG).map(|(key, value)| (key.clone(), value.clone())).collect()
}
