//! What declared objects name and nobody has made, or what is called otherwise where it is.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::DesiredState;
use crossrole_model::{AccountId, Address, Cause, Kind, ownership};
use crossrole_policy::{Arn, Document};

use crate::draft::Draft;

/// ARNs of the roles and users that are there, or are to be, by account, kind and name in lower case.
pub(super) type Live = BTreeMap<(String, &'static str, String), String>;

/// Principals that are relied on and known not to exist.
pub(super) fn principals(draft: &Draft<'_>) -> BTreeSet<Address> {
    let managed = |address: &&Address| draft.desired.accounts.get(&address.account).is_some_and(|a| a.managed);
    let required = draft.desired.required.iter().filter(|address| !draft.desired.objects.contains_key(*address)).filter(managed);
    required.filter(|address| draft.observed.state(address) == Ok(None)).cloned().collect()
}

/// Roles and users that are declared, and what was read of others.
pub(super) fn live(draft: &Draft<'_>) -> Live {
    let mut all = Live::new();
    let mut add = |account: &AccountId, kind: Kind, path: &str, name: &str| {
        let arn = draft.desired.partition.iam_arn(account, kind.as_str(), path, name);
        all.insert((account.to_string(), kind.as_str(), name.to_ascii_lowercase()), arn);
    };
    for (account, state) in super::read_accounts(draft) {
        let roles = state.roles.values().map(|role| (Kind::Role, &role.name, &role.state.path));
        let users = state.users.values().map(|user| (Kind::User, &user.name, &user.state.path));
        for (kind, name, path) in roles.chain(users).filter(|(kind, name, _)| !draft.declares(&Address::new(account, *kind, name.as_str()))) {
            add(account, kind, path, name);
        }
    }
    for (address, object) in &draft.desired.objects {
        match &object.state {
            DesiredState::Role { state, .. } => add(&address.account, address.kind, &state.path, &address.name),
            DesiredState::User(state) => add(&address.account, address.kind, &state.path, &address.name),
            _ => {}
        }
    }
    all
}

/// Why an object can't be what is declared, as far as it lies in what it names.
pub(super) fn lacks(draft: &Draft<'_>, state: &DesiredState, account: &AccountId, missing: &BTreeSet<Address>, live: &Live) -> Option<Cause> {
    if let Some(gone) = names(state, account, missing) {
        return Some(Cause::Missing(gone.clone()));
    }
    named_otherwise(state, live).or_else(|| without_policy(draft, state, account))
}

/// Returns the missing principal that an object can't do without.
pub(super) fn names<'m>(state: &DesiredState, account: &AccountId, missing: &'m BTreeSet<Address>) -> Option<&'m Address> {
    let is = |kind: Kind, name: &str| missing.iter().find(|m| m.account == *account && m.kind == kind && m.name == name);
    match state {
        DesiredState::Caller { principal, .. } => is(principal.kind.kind(), &principal.name),
        DesiredState::Membership(m) => is(Kind::User, &m.user),
        _ => naming(state).iter().find_map(|document| document_names(document, missing)),
    }
}

/// The documents in which AWS looks its principals up when they are written.
pub(super) fn naming(state: &DesiredState) -> Vec<Document> {
    match state {
        DesiredState::Role { state, .. } => vec![state.trust.clone()],
        DesiredState::BucketPolicy { statements, .. } => vec![Document::new(statements.clone())],
        DesiredState::KeyPolicy { grants, .. } => vec![Document::new(grants.iter().map(|g| g.statement.clone()).collect())],
        DesiredState::Caller { .. }
        | DesiredState::Membership(_)
        | DesiredState::Policy(_)
        | DesiredState::User(_)
        | DesiredState::Group { .. }
        | DesiredState::OidcProvider(_)
        | DesiredState::SamlProvider(_)
        | DesiredState::Bucket(_)
        | DesiredState::Key(_)
        | DesiredState::PermissionSet { .. } => Vec::new(),
    }
}

fn document_names<'m>(document: &Document, missing: &'m BTreeSet<Address>) -> Option<&'m Address> {
    document.aws_principals().find_map(|arn| {
        let arn = Arn::parse(arn)?;
        let (kind, name) = arn.kind_and_name()?;
        missing.iter().find(|m| m.account.as_str() == arn.account && m.kind.as_str() == kind && m.name == name)
    })
}

/// A name is one whatever its path and the case of its letters; an ARN is not, and AWS refuses a policy that names one that nobody has
/// (IAM User Guide, "IAM identifiers"; "Invalid principal in policy").
fn named_otherwise(state: &DesiredState, live: &Live) -> Option<Cause> {
    naming(state).iter().flat_map(Document::aws_principals).find_map(|named| {
        let arn = Arn::parse(named)?;
        let (kind, name) = arn.kind_and_name()?;
        let kind = [Kind::Role, Kind::User].into_iter().find(|k| k.as_str() == kind)?;
        let found = live.get(&(arn.account.to_owned(), kind.as_str(), name.to_ascii_lowercase()))?;
        (found != named).then(|| Cause::NamedOtherwise { named: named.to_owned(), live: found.clone() })
    })
}

/// A policy of the role's account that the role is to have, and that is not there under that name. AWS's own are not looked at.
fn without_policy(draft: &Draft<'_>, state: &DesiredState, account: &AccountId) -> Option<Cause> {
    let DesiredState::Role { state, .. } = state else { return None };
    let read = draft.observed.accounts.get(account)?.known().filter(|read| read.complete);
    state.attached.iter().chain(&state.boundary).filter(|arn| !ownership::is_caller_arn(arn)).find_map(|text| {
        let arn = Arn::parse(text).filter(|arn| arn.account == account.as_str())?;
        let (_, name) = arn.kind_and_name()?;
        let address = Address::new(account, Kind::Policy, name);
        let found = declared_policy(draft, &address).or_else(|| Some(read?.policies.get(&name.to_ascii_lowercase())?.arn.clone()));
        match found {
            Some(found) if found == *text => None,
            Some(live) => Some(Cause::NamedOtherwise { named: text.clone(), live }),
            None => read.map(|_| Cause::Missing(address)),
        }
    })
}

/// The ARN of a declared policy of that name, in whatever spelling.
fn declared_policy(draft: &Draft<'_>, address: &Address) -> Option<String> {
    if !draft.declares(address) {
        return None;
    }
    let same = |other: &Address| other.account == address.account && other.kind == address.kind && other.name.eq_ignore_ascii_case(&address.name);
    let exact = draft.desired.objects.get_key_value(address);
    let (found, object) = exact.or_else(|| draft.desired.objects.iter().find(|(other, _)| same(other)))?;
    let DesiredState::Policy(state) = &object.state else { return None };
    Some(draft.desired.partition.iam_arn(&found.account, "policy", &state.path, &found.name))
}
