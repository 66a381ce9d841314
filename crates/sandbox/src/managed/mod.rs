//! AWS's own managed policies: all of them by name, and the documents of those that are used most (`names.txt` and
//! `documents.txt`, made by `generate.py`, which says from what).
//!
//! A policy whose document is not here can be read, listed and counted, and not attached: it would grant nothing, silently.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crossrole_policy::Document;
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "arn:aws:iam::aws:policy";

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AwsPolicy {
    /// `/job-function/Billing`.
    full: &'static str,
    /// Number of the default version.
    pub(crate) version: u32,
    created: &'static str,
    updated: &'static str,
}

impl AwsPolicy {
    pub(crate) fn arn(&self) -> String {
        format!("{PREFIX}{}", self.full)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.full.rsplit('/').next().unwrap_or_default()
    }

    /// With slashes at both ends.
    pub(crate) fn path(&self) -> &'static str {
        self.full.strip_suffix(self.name()).unwrap_or("/")
    }

    pub(crate) fn created(&self) -> String {
        format!("{}T00:00:00Z", self.created)
    }

    pub(crate) fn updated(&self) -> String {
        format!("{}T00:00:00Z", self.updated)
    }

    /// A unique id of AWS's shape, the same in every run.
    pub(crate) fn id(&self) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digest = Sha256::digest(self.full.as_bytes());
        let letters = digest.iter().take(16).map(|b| char::from(LETTERS.get(usize::from(b % 32)).copied().unwrap_or(b'A')));
        "ANPAI".chars().chain(letters).collect()
    }

    /// As AWS writes it, where it is here.
    pub(crate) fn text(&self) -> Option<&'static str> {
        documents().get(self.full).map(|(text, _)| *text)
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').collect())
}

fn names() -> &'static BTreeMap<&'static str, AwsPolicy> {
    static NAMES: OnceLock<BTreeMap<&'static str, AwsPolicy>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let policy = |columns: Vec<&'static str>| match columns.as_slice() {
            [full, version, created, updated] => {
                let version = version.trim_start_matches('v').parse().ok()?;
                Some((*full, AwsPolicy { full, version, created, updated }))
            }
            _ => None,
        };
        lines(include_str!("names.txt")).filter_map(policy).collect()
    })
}

type Documents = BTreeMap<&'static str, (&'static str, OnceLock<Option<Document>>)>;

fn documents() -> &'static Documents {
    static DOCUMENTS: OnceLock<Documents> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let document = |columns: Vec<&'static str>| match columns.as_slice() {
            [full, text] => Some((*full, (*text, OnceLock::new()))),
            _ => None,
        };
        lines(include_str!("documents.txt")).filter_map(document).collect()
    })
}

/// All of them, by path and name.
pub(crate) fn all() -> impl Iterator<Item = &'static AwsPolicy> {
    names().values()
}

/// Tells whether an ARN is of a policy of AWS's own, whether or not there is one.
pub(crate) fn is_aws(arn: &str) -> bool {
    arn.starts_with(PREFIX)
}

/// The policy of this ARN.
pub(crate) fn find(arn: &str) -> Option<&'static AwsPolicy> {
    names().get(arn.strip_prefix(PREFIX)?)
}

/// The document of an AWS managed policy, where it is here.
pub(crate) fn document(arn: &str) -> Option<Document> {
    let (text, parsed) = documents().get(arn.strip_prefix(PREFIX)?)?;
    parsed.get_or_init(|| crossrole_policy::parse(text).ok()).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_of_a_policy_and_is_read() {
        assert!(all().count() > 1_500 && documents().len() > 100);
        for full in documents().keys() {
            let policy = names().get(full).unwrap();
            assert!(document(&policy.arn()).is_some_and(|d| !d.statements.is_empty()), "{full}");
        }
        let billing = find("arn:aws:iam::aws:policy/job-function/Billing").unwrap();
        assert_eq!((billing.name(), billing.path(), billing.id().len()), ("Billing", "/job-function/", 21));
        assert!(find("arn:aws:iam::aws:policy/Billing").is_none());
    }
}
