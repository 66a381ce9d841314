//! Versions of policies that many write, as this run has seen them.
//!
//! IAM numbers versions and keeps five, and whoever writes makes room: of many who write at once, what stood between one's
//! reading and one's writing may be gone before it is looked for. So it is read when the answer tells that there was something,
//! and kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crossrole_policy::Document;

/// By ARN, documents by number.
#[derive(Debug, Default)]
pub(crate) struct Versions(Mutex<BTreeMap<String, BTreeMap<u32, Document>>>);

impl Versions {
    pub(crate) fn note(&self, arn: &str, number: u32, document: Document) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(arn.to_owned()).or_default().insert(number, document);
    }

    /// The number of the last one that was seen.
    pub(crate) fn newest(&self, arn: &str) -> Option<u32> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(arn)?.keys().next_back().copied()
    }

    /// All that were seen, oldest first.
    pub(crate) fn of(&self, arn: &str) -> BTreeMap<u32, Document> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(arn).cloned().unwrap_or_default()
    }
}

/// `v7` is the seventh.
pub(crate) fn number(id: &str) -> u32 {
    id.trim_start_matches('v').parse().unwrap_or(0)
}
