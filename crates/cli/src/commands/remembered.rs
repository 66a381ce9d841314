//! A `destroy` forgets nothing that was revoked: what tells of it stands on what is destroyed.

use std::collections::BTreeSet;

use crossrole_model::{Address, Change, Consequence, Desired, Kind, ObjectState, Plan, ownership, revoked_of, revoked_since};
use crossrole_policy::{Document, Effect};

use crate::failure::Failure;

/// Refuses to take away what tells that access was revoked, where these manifests know nothing of it: whoever applies one that does not would
/// give it back.
pub(super) fn remembered(plan: &Plan, desired: &Desired) -> Result<(), Failure> {
    // With a bucket or a key goes its policy, whatever is left in that.
    let goes = |change: &Change| {
        let of = match change.address.kind {
            Kind::BucketPolicy => Kind::Bucket,
            Kind::KeyPolicy => Kind::Key,
            _ => return change.after.is_none(),
        };
        let holder = Address { kind: of, ..change.address.clone() };
        change.after.is_none() || plan.changes.iter().any(|other| other.address == holder && other.after.is_none())
    };
    let told = |change: &Change| Some(format!("{}, at {}", change.address, forgotten(change, goes(change), desired)?));
    let forgotten: Vec<String> = plan.changes.iter().filter_map(told).collect();
    if forgotten.is_empty() {
        return Ok(());
    }
    let message = format!("access was revoked of which these manifests know nothing: {}", crossrole_report::safe(&forgotten.join("; ")));
    let advice =
        "destroyed, nothing would tell of it any more, and these manifests would give it back: take those that revoke it, or say `restored` in its table";
    Err(Failure::refused(message, advice))
}

/// When access was revoked that a change forgets. `goes`: nothing of the object is left.
fn forgotten(change: &Change, goes: bool, desired: &Desired) -> Option<String> {
    let marks = |state: Option<&ObjectState>| -> BTreeSet<(String, String)> {
        let of = |documents: Option<&Document>| {
            let denied = documents.into_iter().flat_map(|document| &document.statements).filter(|statement| statement.effect == Effect::Deny);
            denied.filter_map(|statement| Some((revoked_of(statement.sid())?.to_owned(), revoked_since(statement.sid())?))).collect()
        };
        match state {
            Some(ObjectState::Role(role)) => {
                let tags =
                    role.tags.iter().filter_map(|(tag, since)| Some((tag.strip_prefix(ownership::REVOKED_TAG)?.strip_prefix('-')?.to_owned(), since.clone())));
                tags.collect()
            }
            Some(ObjectState::BucketPolicy(policy)) => of(policy.document.as_ref()),
            Some(ObjectState::KeyPolicy(policy)) => of(Some(&policy.document)),
            _ => BTreeSet::new(),
        }
    };
    let restored = desired.restored.get(&change.address);
    let known = |(digits, since): &(String, String)| {
        restored.is_some_and(|restored| restored >= since) || desired.revoked.iter().any(|one| one.whose.is_told_by(digits) && one.since >= *since)
    };
    let after = if goes { BTreeSet::new() } else { marks(change.after.as_ref()) };
    // Of a policy in which nothing is ours there is no change but that of its bucket.
    let with_it = change.consequences.iter().filter_map(|c| if let Consequence::StatementGoes(sid) = c { Some(sid) } else { None });
    let with_it = with_it.filter_map(|sid| Some((revoked_of(sid)?.to_owned(), revoked_since(sid)?)));
    marks(change.before.as_ref()).into_iter().chain(with_it).filter(|mark| !after.contains(mark) && !known(mark)).map(|(_, since)| since).max()
}
