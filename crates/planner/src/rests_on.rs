//! What a plan rests on, part by part, and what of that is no longer so.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{AccountState, KeyState, ObservedGroup, ObservedUser};
use crossrole_model::plan::{LivePart, Parts, RestsOn, Turned};
use crossrole_model::{AccountId, Action, Address, Change, Desired, Digest, Facet, KeyRef, Kind, ObjectState, Observation, Observed, Plan};
use crossrole_policy::Document;

/// Digests of the parts of all objects that a plan rests on, as they are live: those that are declared, relied on, or changed, and policies
/// of the account that hang on them. What could not be read is left out.
pub fn rests_on(desired: &Desired, observed: &Observed, plan: &Plan) -> BTreeMap<String, Parts> {
    let mut addresses: BTreeSet<Address> =
        desired.objects.keys().chain(&desired.required).chain(plan.changes.iter().map(|change| &change.address)).cloned().collect();
    let hanging: Vec<Address> = addresses.iter().flat_map(|address| attached(observed, address)).collect();
    addresses.extend(hanging);
    // What hangs on an object is said of that.
    let told = |address: &&Address| !on_what(address).is_some_and(|on| addresses.contains(&on));
    addresses.iter().filter(told).filter_map(|address| Some((address.to_string(), live(observed, address, &addresses)?))).collect()
}

/// What a membership or an attachment hangs on.
fn on_what(address: &Address) -> Option<Address> {
    let (on, _) = address.name.rsplit_once('/')?;
    let (kind, name) = match address.kind {
        Kind::Membership => (Kind::Group, on),
        Kind::Attachment => match on.split_once('/')? {
            ("role", name) => (Kind::Role, name),
            ("user", name) => (Kind::User, name),
            (_, name) => (Kind::Group, name),
        },
        _ => return None,
    };
    Some(Address::new(&address.account, kind, name))
}

fn known<'o>(observed: &'o Observed, account: &AccountId) -> Option<&'o AccountState> {
    observed.accounts.get(account).and_then(Observation::known)
}

/// Policies of its own account that are attached to a principal.
fn attached(observed: &Observed, address: &Address) -> Vec<Address> {
    let Some(account) = known(observed, &address.account) else { return Vec::new() };
    let name = address.name.to_ascii_lowercase();
    let arns = match address.kind {
        Kind::Role => account.roles.get(&name).map(|role| &role.state.attached),
        Kind::User => account.users.get(&name).map(|user| &user.attached),
        Kind::Group => account.groups.get(&name).map(|group| &group.attached),
        _ => None,
    };
    let policy = |arn: &String| account.policies.values().find(|policy| policy.arn == *arn);
    arns.into_iter().flatten().filter_map(policy).map(|policy| Address::new(&address.account, Kind::Policy, policy.name.clone())).collect()
}

/// The parts of an object as it is live; `None` where that is not known.
fn live(observed: &Observed, address: &Address, among: &BTreeSet<Address>) -> Option<Parts> {
    let state = observed.state(address).ok()?;
    let mut parts = state.as_ref().map(of_state).unwrap_or_default();
    let account = known(observed, &address.account);
    let name = address.name.to_ascii_lowercase();
    match address.kind {
        Kind::User => {
            if let Some(user) = account.and_then(|account| account.users.get(&name)) {
                of_user(user, &address.account, among, &mut parts);
            }
        }
        Kind::Group => {
            if let Some((account, group)) = account.and_then(|account| Some((account, account.groups.get(&name)?))) {
                // Of an account that was not read whole, nobody knows who else is in it.
                if !account.complete {
                    return None;
                }
                of_group(account, group, &mut parts);
            }
        }
        Kind::Key | Kind::KeyPolicy => parts.extend(key_state(observed, address)),
        _ => {}
    }
    parts.sort();
    Some(parts)
}

fn key_state(observed: &Observed, address: &Address) -> Option<(LivePart, Digest)> {
    let (_, key) =
        observed.keys.iter().find(|(arn, _)| KeyRef::parse(arn).is_some_and(|key| key.account() == address.account && key.name() == address.name))?;
    let state = &key.known()?.as_ref()?.state;
    Some((LivePart::KeyState, key_digest(state)))
}

fn key_digest(state: &KeyState) -> Digest {
    digest(&serde_json::to_string(state).unwrap_or_default())
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// The parts of what it is by itself.
fn of_state(state: &ObjectState) -> Parts {
    let facets = match state {
        ObjectState::Role(role) => [Facet::Existence, Facet::Trust, Facet::Settings, Facet::Boundary, Facet::Tags]
            .into_iter()
            .chain(role.inline.keys().cloned().map(Facet::Inline))
            .chain(role.attached.iter().cloned().map(Facet::Attached))
            .collect(),
        ObjectState::Policy(_) => vec![Facet::Existence, Facet::Document, Facet::Tags],
        ObjectState::User(_) => vec![Facet::Existence, Facet::Tags],
        ObjectState::Group(_) | ObjectState::Membership(_) | ObjectState::Attachment(_) => vec![Facet::Existence],
        ObjectState::OidcProvider(_) => vec![Facet::Existence, Facet::ClientIds, Facet::Tags],
        ObjectState::SamlProvider(_) => vec![Facet::Existence, Facet::Metadata, Facet::Tags],
        ObjectState::Bucket(_) => {
            vec![Facet::Existence, Facet::Versioning, Facet::Encryption, Facet::PublicAccess, Facet::ObjectOwnership, Facet::Logging, Facet::Tags]
        }
        ObjectState::Key(_) => vec![Facet::Existence, Facet::Alias, Facet::Settings, Facet::Rotation, Facet::Tags],
        ObjectState::PermissionSet(set) => return statements(set.document.as_ref()),
        ObjectState::BucketPolicy(policy) => return statements(policy.document.as_ref()),
        ObjectState::KeyPolicy(policy) => return statements(Some(&policy.document)),
    };
    let there = facets.into_iter().map(|facet| (LivePart::Facet(facet.clone()), state.facet(&facet)));
    there.filter(|(_, digest)| *digest != Digest::absent()).collect()
}

/// Statements of a document that belongs to many, by Sid.
fn statements(document: Option<&Document>) -> Parts {
    let mut by_sid: BTreeMap<&str, Vec<crossrole_policy::Statement>> = BTreeMap::new();
    for statement in document.into_iter().flat_map(|document| &document.statements) {
        by_sid.entry(statement.sid()).or_default().push(statement.clone());
    }
    by_sid.into_iter().map(|(sid, of)| (LivePart::Statement(sid.to_owned()), Digest::of(&Document::new(of).canonical().encode()))).collect()
}

fn of_user(user: &ObservedUser, account: &AccountId, among: &BTreeSet<Address>, parts: &mut Parts) {
    // No `..`: a new field stops the build until someone decides.
    let ObservedUser { name: _, id: _, state: _, boundary, groups, attached, inline } = user;
    parts.extend(boundary.iter().map(|arn| (LivePart::Facet(Facet::Boundary), digest(arn))));
    // Of a group that the plan rests on as well, it is said there.
    let told = |group: &&String| !among.iter().any(|a| a.kind == Kind::Group && a.account == *account && a.name.eq_ignore_ascii_case(group));
    parts.extend(groups.iter().filter(told).map(|group| (LivePart::MemberOf(group.clone()), digest(""))));
    hanging(attached, inline, parts);
}

fn of_group(account: &AccountState, group: &ObservedGroup, parts: &mut Parts) {
    let ObservedGroup { name, state: _, attached, inline } = group;
    let members = account.users.values().filter(|user| user.groups.iter().any(|of| of.eq_ignore_ascii_case(name)));
    parts.extend(members.map(|user| (LivePart::Member(user.name.clone()), digest(""))));
    hanging(attached, inline, parts);
}

fn hanging(attached: &BTreeSet<String>, inline: &BTreeMap<String, Option<Document>>, parts: &mut Parts) {
    parts.extend(attached.iter().map(|arn| (LivePart::Facet(Facet::Attached(arn.clone())), digest(arn))));
    let document = |document: &Option<Document>| document.as_ref().map_or_else(|| digest(""), |document| Digest::of(&document.canonical().encode()));
    parts.extend(inline.iter().map(|(name, of)| (LivePart::Facet(Facet::Inline(name.clone())), document(of))));
}

/// What of a reviewed plan's objects is no longer as it was, but for what the plan itself does: that may be done already.
pub fn turned(reviewed: &Plan, now: &RestsOn) -> Vec<Turned> {
    reviewed.rests_on.turned(now).into_iter().filter(|one| !is_own(reviewed, now, one)).collect()
}

fn is_own(reviewed: &Plan, now: &RestsOn, one: &Turned) -> bool {
    let live = now.objects.get(&one.object).and_then(|parts| parts.iter().find(|(part, _)| *part == one.part));
    let change = reviewed.changes.iter().find(|change| change.address.to_string() == one.object);
    if let Some(change) = change {
        let after = change.after.as_ref().map(of_state).unwrap_or_default();
        let meant = after.into_iter().find(|(part, _)| *part == one.part);
        // One that is made anew is not there in between.
        if live == meant.as_ref() || change.action == Action::Replace && live.is_none() {
            return true;
        }
    }
    let mut parts = one.object.splitn(3, '/');
    let (Some(account), Some(kind), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let changes = || reviewed.changes.iter().filter(|change| change.address.account.as_str() == account);
    let same = |change: &&Change, kind: Kind, name: &str| change.address.kind == kind && change.address.name.eq_ignore_ascii_case(name);
    // What is put on a principal, or into a group, is an object of its own.
    let made = |of: Kind, path: String| changes().find(|change| same(change, of, &path)).is_some_and(|change| change.after.is_some() == live.is_some());
    // What goes leaves whatever it was in or on.
    let goes = |of: Kind, name: &str| live.is_none() && changes().any(|change| same(&change, of, name) && change.after.is_none());
    match &one.part {
        LivePart::Member(user) => made(Kind::Membership, format!("{name}/{user}")) || goes(Kind::User, user),
        LivePart::MemberOf(group) => made(Kind::Membership, format!("{group}/{name}")) || goes(Kind::Group, group),
        LivePart::Facet(Facet::Attached(arn)) => {
            let policy = arn.rsplit('/').next().unwrap_or_default();
            made(Kind::Attachment, format!("{kind}/{name}/{policy}")) || goes(Kind::Policy, policy)
        }
        LivePart::Facet(_) => false,
        // With a bucket goes its policy.
        LivePart::Statement(_) => kind == Kind::BucketPolicy.as_str() && goes(Kind::Bucket, name),
        LivePart::KeyState => {
            let meant = |change: &Change| match (&change.before, &change.after) {
                (None, Some(_)) => Some(&KeyState::Enabled),
                (Some(_), None) => Some(&KeyState::PendingDeletion),
                _ => None,
            };
            let state = changes().find(|change| same(change, Kind::Key, name)).and_then(meant);
            state.is_some_and(|state| live.is_some_and(|(_, is)| *is == key_digest(state)))
        }
    }
}
