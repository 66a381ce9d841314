//! Other names for what documents speak of, in all that was read.

use std::collections::BTreeMap;

use crossrole_policy::Document;

use crate::address::Address;
use crate::desired::{Desired, DesiredObject, DesiredState, DocumentRef, StatementRef};
use crate::key::KeyRef;
use crate::observed::{Observation, Observed};
use crate::state::{Encryption, ObjectState};

impl Observed {
    /// Calls things in documents, and keys of buckets, by their other names; `other` gives none for what keeps its own.
    pub fn rename(&mut self, other: &dyn Fn(&str) -> Option<String>) {
        for state in self.accounts.values_mut() {
            let Observation::Known(state) = state else { continue };
            for role in state.roles.values_mut() {
                document(&mut role.state.trust, other);
                role.state.inline.values_mut().for_each(|found| document(found, other));
            }
            for policy in state.policies.values_mut() {
                document(&mut policy.state.document, other);
                policy.history.iter_mut().for_each(|(_, found)| document(found, other));
            }
            let inline = state.users.values_mut().flat_map(|u| u.inline.values_mut()).chain(state.groups.values_mut().flat_map(|g| g.inline.values_mut()));
            inline.flatten().for_each(|found| document(found, other));
        }
        for set in self.permission_sets.iter_mut().flat_map(Observation::sets_mut) {
            set.state.document.iter_mut().for_each(|found| document(found, other));
        }
        for bucket in self.buckets.values_mut() {
            let Observation::Known(Some(bucket)) = bucket else { continue };
            encryption(&mut bucket.state.encryption, other);
            if let Some(Observation::Known(by_default)) = &mut bucket.encryption {
                key_of(by_default, other);
            }
            if let Observation::Known(policy) = &mut bucket.policy {
                policy.document.iter_mut().for_each(|found| document(found, other));
            }
        }
        for key in self.keys.values_mut() {
            let Observation::Known(Some(key)) = key else { continue };
            if let Observation::Known(policy) = &mut key.policy {
                document(&mut policy.document, other);
            }
        }
    }

    /// What AWS calls the keys that manifests make, by the ARNs with their aliases, where they exist.
    pub fn made_keys(&self) -> BTreeMap<String, String> {
        let made = |found: &Observation<Option<crate::observed::ObservedKey>>| Some(found.known()?.as_ref()?.made.as_ref()?.arn.clone());
        self.keys.iter().filter_map(|(alias, found)| Some((alias.clone(), made(found)?))).collect()
    }
}

impl Desired {
    /// Calls keys by their other names (ARN to ARN), wherever they stand: two that are one have one policy.
    #[must_use]
    pub fn rename_keys(&self, names: &BTreeMap<String, String>) -> Self {
        let other = |text: &str| names.get(text).cloned();
        let mut renamed = Self { objects: BTreeMap::new(), ..self.clone() };
        for key in renamed.bucket_keys.values_mut().map(|bucket| &mut bucket.key) {
            name(&mut key.arn, &other);
        }
        for (address, object) in &self.objects {
            let mut object = object.clone();
            object.state.rename(&other);
            let DesiredState::KeyPolicy { key, .. } = &object.state else {
                renamed.objects.insert(address.clone(), object);
                continue;
            };
            let own = Address { name: key.name(), ..address.clone() };
            renamed.key_policy(address, own, object);
        }
        renamed
    }

    /// Adds the policy of a key, whose address has changed, to what is said of the same key elsewhere.
    fn key_policy(&mut self, was: &Address, address: Address, object: DesiredObject) {
        let Some(DesiredObject { state: DesiredState::KeyPolicy { grants, .. }, .. }) = self.objects.get_mut(&address) else {
            self.moved(was, &address, 0);
            self.objects.insert(address, object);
            return;
        };
        let before = grants.len();
        if let DesiredState::KeyPolicy { grants: more, .. } = object.state {
            grants.extend(more);
        }
        self.moved(was, &address, before);
    }

    /// Where the statements of an object stand, behind `before` others of another name.
    fn moved(&mut self, was: &Address, address: &Address, before: usize) {
        if was == address && before == 0 {
            return;
        }
        let places = self.places.get(was).cloned().unwrap_or_default();
        self.places.entry(address.clone()).or_default().extend(places);
        let origins: Vec<_> =
            self.origins.iter().filter(|(at, _)| at.address == *was && at.document == DocumentRef::Policy).map(|(at, o)| (at.index, o.clone())).collect();
        for (index, origins) in origins {
            self.origins.insert(StatementRef { address: address.clone(), document: DocumentRef::Policy, index: before + index }, origins);
        }
    }
}

impl DesiredState {
    fn rename(&mut self, other: &dyn Fn(&str) -> Option<String>) {
        match self {
            Self::Role { state, .. } => {
                document(&mut state.trust, other);
                state.inline.values_mut().for_each(|found| document(found, other));
            }
            Self::Policy(state) => document(&mut state.document, other),
            Self::Caller { statements, .. } | Self::BucketPolicy { statements, .. } | Self::PermissionSet { statements, .. } => {
                for found in statements.iter_mut() {
                    found.map_texts(other);
                }
            }
            Self::Bucket(state) => encryption(&mut state.encryption, other),
            Self::KeyPolicy { key, grants } => {
                *key = other(&key.arn).map_or_else(|| key.clone(), |arn| KeyRef { arn });
                for grant in grants.iter_mut() {
                    grant.statement.map_texts(other);
                }
            }
            Self::User(_) | Self::Group { .. } | Self::Membership(_) | Self::OidcProvider(_) | Self::SamlProvider(_) | Self::Key(_) => {}
        }
    }
}

impl ObjectState {
    /// The same in one object.
    pub fn rename(&mut self, other: &dyn Fn(&str) -> Option<String>) {
        match self {
            Self::Role(role) => {
                document(&mut role.trust, other);
                role.inline.values_mut().for_each(|found| document(found, other));
            }
            Self::Policy(policy) => document(&mut policy.document, other),
            Self::Bucket(bucket) => encryption(&mut bucket.encryption, other),
            Self::PermissionSet(set) => set.document.iter_mut().for_each(|found| document(found, other)),
            Self::BucketPolicy(policy) => policy.document.iter_mut().for_each(|found| document(found, other)),
            Self::KeyPolicy(policy) => document(&mut policy.document, other),
            Self::User(_) | Self::Group(_) | Self::Membership(_) | Self::Attachment(_) | Self::OidcProvider(_) | Self::SamlProvider(_) | Self::Key(_) => {}
        }
    }
}

fn document(document: &mut Document, other: &dyn Fn(&str) -> Option<String>) {
    document.map_texts(other);
}

fn encryption(encryption: &mut Option<Encryption>, other: &dyn Fn(&str) -> Option<String>) {
    if let Some(encryption) = encryption {
        key_of(encryption, other);
    }
}

fn key_of(encryption: &mut Encryption, other: &dyn Fn(&str) -> Option<String>) {
    if let Encryption::Kms { key, .. } = encryption {
        name(key, other);
    }
}

fn name(text: &mut String, other: &dyn Fn(&str) -> Option<String>) {
    if let Some(new) = other(text) {
        *text = new;
    }
}
