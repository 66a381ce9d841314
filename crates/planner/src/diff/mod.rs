//! What differs, kind by kind.

mod bucket;
mod caller;
mod dependents;
mod encryption;
mod federated;
mod key;
mod made_key;
mod missing;
mod oidc;
mod pack;
mod permission_set;
mod policy;
mod principal;
mod provider;
mod quota;
mod relied;
mod role;
mod saml;
mod spelled;
mod unnamed;
mod used;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::DesiredState;
use crossrole_model::state::Tags;
use crossrole_model::{AccountId, Address, Cause, Desired, DesiredObject, Kind, ObjectState, Observation, Reason, Subject, Withheld, ownership};
use crossrole_policy::{Document, Effect};

use crate::draft::Draft;
use crate::is_iam;

pub(crate) use caller::is_of;
pub(crate) use policy::attached_to;
pub(crate) use relied::Relied;
pub(crate) use unnamed::note as note_unnamed;
pub(crate) use used::elsewhere;

/// Compares every declared object, then looks for ours that nothing declares.
///
/// What names a withheld object, or is reached through it, is withheld with it. That is known when all are compared, so they
/// are compared a second time without it.
pub(crate) fn diff(draft: &mut Draft<'_>) {
    let said = draft.withheld.len();
    let mut full = BTreeMap::new();
    loop {
        compare(draft, said, &full);
        let over = quota::over(draft);
        if over.is_empty() {
            break;
        }
        // What does not fit is withheld, and what rests on it with it: each round adds at least one object.
        full.extend(over);
        draft.restart(said);
    }
}

/// Compares everything, but for what is `full`.
fn compare(draft: &mut Draft<'_>, said: usize, full: &BTreeMap<Address, Cause>) {
    draft.parts_held.clear();
    declared(draft, full);
    let held = if draft.look_through { <_>::default() } else { dependents::of_withheld(draft) };
    draft.parts_held = dependents::parts_held(draft, &held);
    if !held.written.is_empty() || !draft.parts_held.is_empty() {
        draft.restart(said);
        let held = held.written.into_iter().map(|(address, on)| (address, Cause::Withheld(on)));
        declared(draft, &held.chain(full.clone()).collect());
    }
    role::prune(draft);
    policy::prune(draft);
    principal::prune(draft);
    caller::prune(draft);
    oidc::prune(draft);
    saml::prune(draft);
    bucket::prune(draft);
    key::prune(draft);
    made_key::prune(draft);
    permission_set::prune(draft);
    encryption::note(draft);
}

/// Compares every declared object, but for those that are withheld for another reason than their own state.
fn declared(draft: &mut Draft<'_>, held: &BTreeMap<Address, Cause>) {
    let missing = missing::principals(draft);
    let live = missing::live(draft);
    let callers = caller::parts(draft, held, &missing);
    caller::note_roles(draft, &callers);
    let desired = draft.desired;
    for (address, object) in desired.objects.iter().filter(|(address, _)| address.kind != Kind::Caller) {
        if let Some(cause) = held.get(address) {
            draft.withhold(address, cause.clone());
            continue;
        }
        if is_iam(address.kind) && draft.observed.accounts.get(&address.account).is_none_or(|o| o.known().is_none()) {
            // Said once for the whole account.
            continue;
        }
        if let Err(why) = draft.observed.state(address) {
            draft.withhold(address, Cause::Unreadable(why));
            continue;
        }
        // What it names may be nowhere, and it is there all the same.
        let lacks = || missing::lacks(draft, &object.state, &address.account, &missing, &live);
        if let Some(cause) = (!draft.look_through).then(lacks).flatten() {
            draft.withhold(address, cause);
            continue;
        }
        one(draft, address, object);
    }
    caller::diff(draft, callers);
}

fn one(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject) {
    match &object.state {
        DesiredState::Role { state, keep_foreign } => role::diff(draft, address, object, state, *keep_foreign),
        // Those of all manifests are compared together, where they stand.
        DesiredState::Caller { .. } => {}
        DesiredState::Policy(state) => policy::diff(draft, address, object, state),
        DesiredState::User(state) => principal::user(draft, address, object, state),
        DesiredState::Group { state, members: _ } => principal::group(draft, address, object, state),
        DesiredState::Membership(state) => principal::membership(draft, address, object, state),
        DesiredState::OidcProvider(state) => oidc::diff(draft, address, object, state),
        DesiredState::SamlProvider(state) => saml::diff(draft, address, object, state),
        DesiredState::Bucket(state) => bucket::diff(draft, address, object, state),
        DesiredState::BucketPolicy { region, is_region_said, statements } => bucket::policy(draft, address, object, (region, *is_region_said), statements),
        DesiredState::PermissionSet { statements, accounts } => permission_set::diff(draft, address, object, statements, accounts),
        DesiredState::Key(state) => made_key::diff(draft, address, object, state),
        DesiredState::KeyPolicy { key, grants } => key::policy(draft, address, object, key, grants),
    }
}

/// Whose object it is, against who declares it.
pub(crate) enum Claim {
    /// Ours.
    Ours,
    /// The manifest says to take it over.
    Adopt,
    /// Not ours: withheld.
    Refused,
}

/// Decides whether an existing object may be managed, and says so when it may not.
pub(crate) fn claim(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, tags: &Tags, command: Option<String>) -> Claim {
    match ownership::owner(tags) {
        // Its manifest's, by whatever name, or that of one of this run that says the same, or has left it to this one.
        Some(owner) if draft.owners.contains_key(owner) => Claim::Ours,
        _ if draft.look_through => Claim::Adopt,
        Some(owner) => {
            draft.withhold(address, Cause::Owned(owner.to_owned()));
            Claim::Refused
        }
        None if object.adopt => Claim::Adopt,
        None => {
            let mark = format!("{}={}", ownership::OWNER_TAG, object.owner);
            draft.withhold(address, Cause::Unmarked { mark, command });
            Claim::Refused
        }
    }
}

/// What is declared and could not be read: it may be there, and ours, and is not taken back.
pub(crate) fn unknown(draft: &mut Draft<'_>, declared: &Desired) {
    for (address, object) in &declared.objects {
        // What hangs on an account that could not be read is said of the account; of a key that is told by name, it is said already.
        let account = matches!(draft.observed.accounts.get(&address.account), Some(Observation::Unreadable(_)));
        let told = address.kind == Kind::Key && draft.withheld_objects().contains(address);
        if account || told {
            continue;
        }
        let why = match &object.state {
            DesiredState::Caller { principal, .. } => caller::unreadable(draft, address, principal),
            _ => draft.observed.state(address).err(),
        };
        let Some(why) = why else { continue };
        // A key that is not told by name stays anyway.
        let blocks = address.kind != Kind::Key;
        draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause: Cause::Unreadable(why), blocks });
    }
}

/// What is declared, exists, and is left when the rest of it is taken back, since its mark is gone or another's. It may be anybody's, and is
/// named; where it is what the manifest says, it most likely was ours, and whoever it lets in stays in.
pub(crate) fn unmarked(draft: &mut Draft<'_>, declared: &Desired) {
    for (address, object) in &declared.objects {
        let Ok(Some(live)) = draft.observed.state(address) else { continue };
        let (tags, as_declared) = match (&live, &object.state) {
            (ObjectState::Role(live), DesiredState::Role { state, .. }) => {
                let shares = live.inline.iter().any(|(name, document)| state.inline.get(name) == Some(document));
                (live.tags.clone(), live.trust == state.trust || shares)
            }
            (ObjectState::Policy(live), DesiredState::Policy(state)) => (live.tags.clone(), live.document == state.document),
            (ObjectState::Bucket(live), _) => (live.tags.clone().unwrap_or_default(), false),
            (ObjectState::User(live), _) => (live.tags.clone(), false),
            (ObjectState::OidcProvider(live), _) => (live.tags.clone(), false),
            (ObjectState::SamlProvider(live), _) => (live.tags.clone(), false),
            (ObjectState::Key(live), DesiredState::Key(_)) => (live.tags.clone(), false),
            _ => continue,
        };
        let cause = match ownership::owner(&tags) {
            Some(owner) if draft.owners.contains_key(owner) => continue,
            Some(owner) => Cause::Owned(owner.to_owned()),
            None => Cause::MarkGone { mark: format!("{}={}", ownership::OWNER_TAG, object.owner) },
        };
        draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause, blocks: as_declared });
    }
}

/// The tags that are wanted, with the mark of the manifest that is named there, where that declares the object too: the order of manifests is
/// no change.
pub(crate) fn marked(draft: &Draft<'_>, wanted: &Tags, object: &DesiredObject, live: &Tags) -> Tags {
    let mut tags = wanted.clone();
    if let Some(owner) = our_owner(draft, live).filter(|owner| object.is_declared_by(owner)) {
        tags.insert(ownership::OWNER_TAG.to_owned(), owner);
    }
    tags
}

/// The keys to remove and the tags to set, to get from one set to the other.
pub(crate) fn tag_changes(before: &Tags, after: &Tags) -> (BTreeSet<String>, Tags) {
    let gone = before.keys().filter(|k| !after.contains_key(*k)).cloned().collect();
    let set = after.iter().filter(|(k, v)| before.get(*k) != Some(*v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    (gone, set)
}

/// What is left of principals that were let in and deleted: whoever had those names has lost the access. One that was denied has lost
/// nothing.
pub(crate) fn orphaned(document: &Document) -> Vec<Reason> {
    let allows = document.statements.iter().filter(|statement| statement.effect == Effect::Allow).cloned().collect();
    Document::new(allows).orphaned_principals().into_iter().map(|id| Reason::OrphanedPrincipal(id.to_owned())).collect()
}

/// Accounts that could be read. Where only single objects could be, what is not declared was not read, and is not found.
pub(crate) fn read_accounts<'a>(draft: &Draft<'a>) -> Vec<(&'a AccountId, &'a crossrole_model::observed::AccountState)> {
    let known = draft.observed.accounts.iter().filter_map(|(id, o)| match o {
        Observation::Known(state) => Some((id, state)),
        Observation::Unreadable(_) => None,
    });
    known.collect()
}

/// Returns the manifest of this run that owns an object with these tags.
pub(crate) fn our_owner(draft: &Draft<'_>, tags: &Tags) -> Option<String> {
    draft.owners.get(ownership::owner(tags)?).map(|owner| (*owner).to_owned())
}
