//! The rights that a runner needs for manifests, account by account: to read what a plan is made from, and to carry it out, take it
//! back, and heal what others have changed of it.
//!
//! Which permission a call needs is in [`Effects`](crossrole_model::call::Effects), or in the Service Authorization Reference where
//! it reads. What has no name before it is made (a key), or is found by what it is (what no manifest declares any more), is let under
//! the condition that it carries our mark.

mod document;
mod objects;
mod reads;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Desired, KeyRef, LockPlace, Partition};

pub use document::documents;
pub use steps::rights_of;

/// What a runner is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Make plans.
    Plan,
    /// Make plans and carry them out.
    Apply,
    /// Prove what manifests promise, without writing.
    Verify,
}

/// What an account lets its runner do: actions by resource and by whether only what carries our mark is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    by_resource: BTreeMap<(String, bool), BTreeSet<&'static str>>,
    /// Policies of ours, by patterns over ARNs, that are taken off whoever holds them.
    detached: BTreeSet<String>,
}

/// What takes a policy off somebody.
pub const DETACH: [(&str, &str); 3] = [("group", "iam:DetachGroupPolicy"), ("role", "iam:DetachRolePolicy"), ("user", "iam:DetachUserPolicy")];

impl Rights {
    fn add(&mut self, resource: impl Into<String>, actions: &[&'static str]) {
        if !actions.is_empty() {
            self.by_resource.entry((resource.into(), false)).or_default().extend(actions);
        }
    }

    /// The same of what carries our mark alone.
    fn add_marked(&mut self, resource: impl Into<String>, actions: &[&'static str]) {
        self.by_resource.entry((resource.into(), true)).or_default().extend(actions);
    }

    /// A policy of ours goes, and is taken off first: from anybody, since others may have attached it.
    fn add_detached(&mut self, policy: impl Into<String>) {
        self.detached.insert(policy.into());
    }

    /// Returns patterns over the ARNs of policies that are taken off whoever holds them, with [`DETACH`].
    pub fn detached(&self) -> &BTreeSet<String> {
        &self.detached
    }

    /// Returns every action with its resources.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool, &BTreeSet<&'static str>)> {
        self.by_resource.iter().map(|((resource, marked), actions)| (resource.as_str(), *marked, actions))
    }
}

/// Returns what the lock of a run that writes needs, in the account whose bucket it is in. It is never deleted; that a tag is the
/// object's is told to who may read it (S3 User Guide, "How to prevent object overwrites with conditional writes").
pub fn lock(place: &LockPlace) -> Rights {
    let mut rights = Rights::default();
    let object = format!("{}/{}", place.bucket, place.key);
    rights.add(Partition::of_region(&place.region).s3_arn(&object), &["s3:GetObject", "s3:PutObject"]);
    if let Some(key) = &place.kms_key {
        rights.add(key.as_str(), &["kms:Decrypt", "kms:GenerateDataKey"]);
    }
    rights
}

/// Returns what keys take that no manifest of the run names, of which nobody can tell offline: those that earlier manifests wrote to, and by
/// which others encrypt buckets.
pub fn other_key(key: &KeyRef, purpose: Purpose) -> Rights {
    let mut rights = Rights::default();
    // Its tags tell whether a manifest has made it.
    rights.add(key.arn.as_str(), &["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListResourceTags"]);
    if purpose == Purpose::Apply {
        rights.add(key.arn.as_str(), &["kms:PutKeyPolicy"]);
    }
    rights
}

impl Rights {
    /// Adds others of the same account.
    pub fn extend(&mut self, others: Self) {
        self.detached.extend(others.detached);
        for (resource, actions) in others.by_resource {
            self.by_resource.entry(resource).or_default().extend(actions);
        }
    }
}

/// Returns what runners need, by account.
pub fn rights(desired: &Desired, purpose: Purpose) -> BTreeMap<AccountId, Rights> {
    let mut all = reads::reads(desired);
    match purpose {
        Purpose::Plan => {}
        Purpose::Apply => {
            for (address, object) in &desired.objects {
                objects::writes(desired, address, &object.state, all.entry(address.account.clone()).or_default());
            }
        }
        Purpose::Verify => reads::beside(desired, &mut all),
    }
    all
}
