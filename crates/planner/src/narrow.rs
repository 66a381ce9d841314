//! What manifests want, of what is live: somebody may have taken more away by hand, and what takes access back gives none of that again.

use std::collections::BTreeSet;

use crossrole_model::desired::{DesiredState, KeyGrant};
use crossrole_model::observed::AccountState;
use crossrole_model::state::{PolicyState, RoleState};
use crossrole_model::{Address, Desired, Kind, ObjectState, Observation, Observed, PrincipalRef, ownership};
use crossrole_policy::{Document, Effect, Element, Principal, Statement, meet};

use crate::diff::{attached_to, is_of};

/// The same manifests, where these objects (by the addresses of their changes) have no more than what they want and what is live
/// both say. Returns those that want more than that, too.
pub fn narrowed(desired: &Desired, observed: &Observed, objects: &BTreeSet<Address>) -> (Desired, BTreeSet<Address>) {
    let mut out = desired.clone();
    let mut less = BTreeSet::new();
    for (address, object) in &desired.objects {
        if !is_among(address, &object.state, objects) {
            continue;
        }
        let left = of_object(desired, observed, address, &object.state);
        if left.as_ref() == Some(&object.state) {
            continue;
        }
        less.insert(address.clone());
        match (left, out.objects.get_mut(address)) {
            (Some(state), Some(object)) => object.state = state,
            _ => drop(out.objects.remove(address)),
        }
    }
    // Places are those of statements by number.
    out.origins.retain(|at, _| !less.contains(&at.address));
    (out, less)
}

/// What is wanted of a caller is written as policies and attachments.
fn is_among(address: &Address, state: &DesiredState, objects: &BTreeSet<Address>) -> bool {
    let DesiredState::Caller { principal, .. } = state else { return objects.contains(address) };
    let of = |other: &&Address| match other.kind {
        Kind::Policy => is_of(&other.name, principal),
        Kind::Attachment => other.name.rsplit('/').next().is_some_and(|name| is_of(name, principal)),
        Kind::Caller => *other == address,
        _ => false,
    };
    objects.iter().filter(|other| other.account == address.account).any(|other| of(&other))
}

/// `None`: it is not there, and is not made.
fn of_object(desired: &Desired, observed: &Observed, address: &Address, state: &DesiredState) -> Option<DesiredState> {
    // What was not read is withheld by itself.
    let Ok(live) = observed.state(address) else { return Some(state.clone()) };
    Some(match (state, live) {
        (DesiredState::Role { state, .. }, Some(ObjectState::Role(live))) => DesiredState::Role { state: of_role(state, &live), keep_foreign: true },
        (DesiredState::Policy(state), Some(ObjectState::Policy(live))) => {
            let statements = meet(&state.document, &live.document.statements);
            // IAM takes no empty policy.
            let document = if statements.is_empty() { live.document.clone() } else { Document { statements, ..live.document.clone() } };
            DesiredState::Policy(PolicyState { document, ..live })
        }
        (DesiredState::Caller { principal, statements }, _) => {
            let account = observed.accounts.get(&address.account).and_then(Observation::known)?;
            let left = meet(&Document::new(statements.clone()), &of_caller(account, principal));
            if left.is_empty() {
                return None;
            }
            DesiredState::Caller { principal: principal.clone(), statements: left }
        }
        (DesiredState::BucketPolicy { region, is_region_said, statements }, live) => {
            let live = if let Some(ObjectState::BucketPolicy(live)) = live { live.document } else { None };
            let (region, is_region_said) = (region.clone(), *is_region_said);
            DesiredState::BucketPolicy { region, is_region_said, statements: meet(&Document::new(statements.clone()), &ours(desired, live.as_ref())) }
        }
        (DesiredState::PermissionSet { statements, accounts }, Some(ObjectState::PermissionSet(live))) => {
            let statements = meet(&Document::new(statements.clone()), &ours(desired, live.document.as_ref()));
            DesiredState::PermissionSet { statements, accounts: accounts.clone() }
        }
        (DesiredState::KeyPolicy { key, grants }, Some(ObjectState::KeyPolicy(live))) => {
            let live = ours(desired, Some(&live.document));
            let left = meet(&Document::new(grants.iter().map(|grant| grant.statement.clone()).collect()), &live);
            // What is met of a grant has its id, with a number where that is more than one.
            let by_iam = |statement: &Statement| {
                let is = |grant: &&KeyGrant| statement.sid().strip_prefix(grant.statement.sid()).is_some_and(|rest| rest.is_empty() || rest.starts_with('m'));
                grants.iter().find(is).is_some_and(|grant| grant.by_iam)
            };
            let grants = left.into_iter().map(|statement| KeyGrant { by_iam: by_iam(&statement), statement }).collect();
            DesiredState::KeyPolicy { key: key.clone(), grants }
        }
        (DesiredState::Bucket(_), Some(ObjectState::Bucket(live))) => DesiredState::Bucket(live),
        (DesiredState::OidcProvider(_), Some(ObjectState::OidcProvider(live))) => DesiredState::OidcProvider(live),
        (DesiredState::SamlProvider(_), Some(ObjectState::SamlProvider(live))) => DesiredState::SamlProvider(live),
        (_, None) => return None,
        (_, Some(_)) => state.clone(),
    })
}

fn of_role(wanted: &RoleState, live: &RoleState) -> RoleState {
    let mut trust = meet(&wanted.trust, &live.trust.statements);
    if trust.is_empty() {
        // As AWS takes a trust that lets nobody in.
        let nobody =
            Statement { effect: Effect::Deny, principal: Some(Principal::of("AWS", ["*"])), ..Statement::allow(Element::of(["sts:AssumeRole"]), None) };
        trust.push(nobody);
    }
    let mut inline = live.inline.clone();
    for (name, document) in &wanted.inline {
        if name == ownership::REVOKED_POLICY {
            inline.insert(name.clone(), document.clone());
            continue;
        }
        let Some(there) = live.inline.get(name) else { continue };
        let statements = meet(document, &there.statements);
        if statements.is_empty() {
            inline.remove(name);
        } else {
            inline.insert(name.clone(), Document { statements, ..there.clone() });
        }
    }
    let mut tags = live.tags.clone();
    tags.extend(wanted.tags.iter().filter(|(tag, _)| tag.starts_with(ownership::REVOKED_TAG)).map(|(tag, since)| (tag.clone(), since.clone())));
    RoleState { trust: Document { statements: trust, ..live.trust.clone() }, inline, tags, ..live.clone() }
}

/// The statements of ours in a document that belongs to many.
fn ours(desired: &Desired, document: Option<&Document>) -> Vec<Statement> {
    let heads: BTreeSet<String> = desired.owners().into_iter().map(ownership::sid_prefix).collect();
    let is = |statement: &&Statement| ownership::sid_head(statement.sid()).is_some_and(|head| heads.contains(head));
    document.into_iter().flat_map(|document| &document.statements).filter(is).cloned().collect()
}

/// What a principal's caller policies let it, where it holds them.
fn of_caller(account: &AccountState, principal: &PrincipalRef) -> Vec<Statement> {
    let policies = account.policies.values().filter(|policy| policy.state.path == ownership::CALLER_PATH && is_of(&policy.name, principal));
    let held = policies.filter(|policy| attached_to(account, &policy.arn).iter().any(|holder| holder.kind == principal.kind && is_of(&policy.name, holder)));
    held.flat_map(|policy| policy.state.document.statements.clone()).collect()
}
