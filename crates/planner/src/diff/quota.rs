//! What AWS counts: objects of an account, groups of a user, managed policies of a principal. A change that would go over a
//! quota is withheld, so that a run does not stop half-way. (Sizes are looked at where each document is compared.)

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::limits::Quota;
use crossrole_model::observed::AccountState;
use crossrole_model::state::{AttachmentState, MembershipState};
use crossrole_model::{AccountId, Action, Address, Cause, Change, Kind, ObjectState, PrincipalKind, PrincipalRef};

use crate::draft::Draft;

use super::policy::attached_to;

/// Changes that make one thing more of what is counted, and names of what goes.
#[derive(Default)]
struct Count {
    more: BTreeMap<String, Address>,
    less: BTreeSet<String>,
}

/// Whose: an account, a user, or a principal that policies are attached to.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Account(Quota),
    User(String),
    Principal(PrincipalRef),
}

/// Returns what the changes of the draft would make too many of, each with its numbers, and notes what is close.
pub(super) fn over(draft: &mut Draft<'_>) -> BTreeMap<Address, Cause> {
    let mut found = BTreeMap::new();
    for ((account, holder), count) in counts(draft) {
        let Some(state) = draft.observed.accounts.get(&account).and_then(|o| o.known()) else { continue };
        let Some((quota, held)) = held(&holder, state) else { continue };
        let after: BTreeSet<&String> = held.iter().filter(|name| !count.less.contains(*name)).chain(count.more.keys()).collect();
        let used = after.len();
        if let Some(Cause::Quota { limit, .. }) = draft.meter(&account, || holder.label(&account), quota, used) {
            // As many as fit go on.
            let cause = Cause::Quota { quota, size: used, limit };
            found.extend(count.more.into_values().rev().take(used - limit).map(|address| (address, cause.clone())));
        }
    }
    found
}

/// What the changes add and take, where they add something.
fn counts(draft: &Draft<'_>) -> BTreeMap<(AccountId, Holder), Count> {
    let mut counts: BTreeMap<(AccountId, Holder), Count> = BTreeMap::new();
    for change in &draft.changes {
        let Change { address, action, before, after, .. } = change;
        if let (Action::Delete, Kind::Policy, Some(state)) = (action, address.kind, draft.observed.accounts.get(&address.account).and_then(|o| o.known())) {
            // It is taken off whoever holds it.
            let arn = state.policies.get(&address.name.to_ascii_lowercase()).map(|p| p.arn.clone()).unwrap_or_default();
            for principal in attached_to(state, &arn) {
                let holder = Holder::Principal(PrincipalRef { name: principal.name.to_ascii_lowercase(), ..principal });
                counts.entry((address.account.clone(), holder)).or_default().less.insert(arn.clone());
            }
        }
        let Some((holder, name)) = what(address, after.as_ref().or(before.as_ref())) else { continue };
        let count = counts.entry((address.account.clone(), holder)).or_default();
        match action {
            Action::Create => drop(count.more.insert(name, address.clone())),
            Action::Delete => drop(count.less.insert(name)),
            Action::Update | Action::Replace => {}
        }
    }
    counts.retain(|_, count| !count.more.is_empty());
    counts
}

/// What is counted, and by which name, in lower case as IAM compares.
fn what(address: &Address, state: Option<&ObjectState>) -> Option<(Holder, String)> {
    let account = |quota| Some((Holder::Account(quota), address.name.to_ascii_lowercase()));
    match (address.kind, state) {
        (Kind::Role, _) => account(Quota::Roles),
        (Kind::Policy, _) => account(Quota::Policies),
        (Kind::User, _) => account(Quota::Users),
        (Kind::Group, _) => account(Quota::Groups),
        (Kind::OidcProvider, _) => account(Quota::OidcProviders),
        (Kind::SamlProvider, _) => account(Quota::SamlProviders),
        (Kind::Membership, Some(ObjectState::Membership(MembershipState { group, user }))) => {
            Some((Holder::User(user.to_ascii_lowercase()), group.to_ascii_lowercase()))
        }
        (Kind::Attachment, Some(ObjectState::Attachment(AttachmentState { principal, policy_arn }))) => {
            let principal = PrincipalRef { kind: principal.kind, name: principal.name.to_ascii_lowercase() };
            Some((Holder::Principal(principal), policy_arn.clone()))
        }
        _ => None,
    }
}

/// What there is, by the same names; `None` where that was not read.
fn held(holder: &Holder, state: &AccountState) -> Option<(Quota, BTreeSet<String>)> {
    let lower = |names: &BTreeSet<String>| names.iter().map(|n| n.to_ascii_lowercase()).collect();
    match holder {
        Holder::Account(quota) => {
            let names = match quota {
                Quota::Roles => state.roles.keys().cloned().collect(),
                Quota::Policies => state.policies.keys().cloned().collect(),
                Quota::Users => state.users.keys().cloned().collect(),
                Quota::Groups => state.groups.keys().cloned().collect(),
                Quota::OidcProviders => state.oidc_providers.keys().map(|host| host.to_ascii_lowercase()).collect(),
                Quota::SamlProviders => state.saml_providers.keys().map(|name| name.to_ascii_lowercase()).collect(),
                _ => return None,
            };
            (state.complete || matches!(quota, Quota::OidcProviders | Quota::SamlProviders)).then_some((*quota, names))
        }
        Holder::User(user) => Some((Quota::GroupsPerUser, state.users.get(user).map(|u| lower(&u.groups)).unwrap_or_default())),
        Holder::Principal(PrincipalRef { kind, name }) => {
            let (quota, attached) = match kind {
                PrincipalKind::Role => (Quota::PoliciesPerRole, state.roles.get(name).map(|r| &r.state.attached)),
                PrincipalKind::User => (Quota::PoliciesPerUser, state.users.get(name).map(|u| &u.attached)),
                PrincipalKind::Group => (Quota::PoliciesPerGroup, state.groups.get(name).map(|g| &g.attached)),
            };
            Some((quota, attached.cloned().unwrap_or_default()))
        }
    }
}

impl Holder {
    /// How a note names what is counted.
    fn label(&self, account: &AccountId) -> String {
        let counted = match self {
            Self::Account(Quota::Roles) => "roles",
            Self::Account(Quota::Policies) => "customer managed policies",
            Self::Account(Quota::Users) => "users",
            Self::Account(Quota::Groups) => "groups",
            Self::Account(Quota::SamlProviders) => "SAML providers",
            Self::Account(_) => "OpenID Connect providers",
            Self::User(user) => return format!("user {user} of account {account}, groups"),
            Self::Principal(principal) => return format!("{principal} of account {account}, managed policies"),
        };
        format!("account {account}, {counted}")
    }
}
