//! What IAM Identity Center keeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Instances by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    pub(super) instances: BTreeMap<String, Instance>,
}

/// An instance, which one account administers in one region.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) account: String,
    pub(super) region: String,
    /// By ARN.
    pub(super) sets: BTreeMap<String, Set>,
    /// By request id: the set, and from when in the sandbox's milliseconds it is done.
    pub(super) requests: BTreeMap<String, (String, u64)>,
}

/// A permission set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) description: String,
    /// Unix seconds.
    pub(super) created: i64,
    /// Its inline policy as it was sent.
    pub(super) inline: Option<String>,
    /// Accounts in which it is: the name of its role there, and the inline policy that the role has got.
    pub(super) accounts: BTreeMap<String, (String, Option<String>)>,
}

impl Set {
    /// The accounts whose roles have not got it as it is.
    pub(super) fn late(&self) -> impl Iterator<Item = &String> {
        self.accounts.iter().filter(|(_, (_, got))| *got != self.inline).map(|(account, _)| account)
    }
}
