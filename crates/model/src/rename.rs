//! Other names for what documents speak of, in all that was read.

use std::collections::BTreeMap;

use crossrole_policy::Document;

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
    for statement in &mut document.statements {
        let resources = statement.resource.iter_mut().flat_map(|resource| resource.values.iter_mut());
        let values = statement.conditions.values_mut().flat_map(|keys| keys.values_mut().flatten());
        resources.chain(values).for_each(|text| name(text, other));
    }
}

fn encryption(encryption: &mut Option<Encryption>, other: &dyn Fn(&str) -> Option<String>) {
    if let Some(Encryption::Kms { key, .. }) = encryption {
        name(key, other);
    }
}

fn name(text: &mut String, other: &dyn Fn(&str) -> Option<String>) {
    if let Some(new) = other(text) {
        *text = new;
    }
}
