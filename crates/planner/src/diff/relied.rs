//! What declared objects rely on: none of it is deleted beside them.
//!
//! Next time it would be missing: a trust names it, a role is to have it, a bucket is encrypted with it.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::DesiredState;
use crossrole_model::state::Encryption;
use crossrole_model::{Address, Desired, Kind};
use crossrole_policy::Effect;

use super::dependents::{Mentions, Name, name_of};
use super::missing::naming;

/// What declared objects rely on, whoever made it: by name, the first that does.
#[derive(Default)]
pub(crate) struct Relied(BTreeMap<Name, Address>);

impl Relied {
    pub(crate) fn of(desired: &Desired) -> Self {
        let mut relied = Self::default();
        // What a person has written is said before what follows from it.
        let (callers, others): (Vec<_>, Vec<_>) = desired.objects.iter().partition(|(address, _)| address.kind == Kind::Caller);
        for (address, object) in others.into_iter().chain(callers) {
            for name in relies_on(address, &object.state) {
                relied.0.entry(name).or_insert_with(|| address.clone());
            }
        }
        relied
    }

    /// The declared object that relies on this one.
    pub(crate) fn by(&self, address: &Address) -> Option<&Address> {
        self.0.get(&name_of(address))
    }
}

/// What one object relies on.
fn relies_on(address: &Address, state: &DesiredState) -> BTreeSet<Name> {
    let own = |kind: Kind, name: &str| name_of(&Address::new(&address.account, kind, name));
    let mut mentions = Mentions::default();
    for statement in naming(state).iter().flat_map(|document| &document.statements) {
        statement.principal.iter().flat_map(|principal| principal.entries.values().flatten()).for_each(|text| mentions.arn(text));
    }
    // Who may do something with a bucket or key that is gone has nothing of it.
    state.statements().into_iter().filter(|statement| statement.effect == Effect::Allow).for_each(|statement| mentions.resources(statement));
    match state {
        DesiredState::Role { state, .. } => state.attached.iter().chain(&state.boundary).for_each(|arn| mentions.arn(arn)),
        DesiredState::Membership(state) => mentions.exact.extend([own(Kind::Group, &state.group), own(Kind::User, &state.user)]),
        DesiredState::Caller { principal, .. } => mentions.exact.extend([own(principal.kind.kind(), &principal.name)]),
        DesiredState::Bucket(state) => {
            mentions.exact.extend(state.logging.iter().flatten().map(|logging| own(Kind::Bucket, &logging.bucket)));
            if let Some(Encryption::Kms { key, .. }) = &state.encryption {
                mentions.arn(key);
            }
        }
        DesiredState::BucketPolicy { .. } => mentions.exact.extend([own(Kind::Bucket, &address.name)]),
        DesiredState::KeyPolicy { .. } => mentions.exact.extend([own(Kind::Key, &address.name)]),
        DesiredState::Policy(_)
        | DesiredState::User(_)
        | DesiredState::Group { .. }
        | DesiredState::OidcProvider(_)
        | DesiredState::SamlProvider(_)
        | DesiredState::Key(_)
        | DesiredState::PermissionSet { .. } => {}
    }
    mentions.exact.into_iter().chain(mentions.used).collect()
}
