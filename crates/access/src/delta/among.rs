//! Whom a difference at a resource can touch: of thousands of principals, those that it names, those whose policies may be
//! about it, and those of which not everything was read.
//!
//! A policy that names an account leaves it to that account's own policies (IAM User Guide, "Policy evaluation logic"):
//! none of its principals is touched for that alone. So the work grows with what is about one another, and not with every
//! principal times every resource.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Known, Resource, Work};

/// Places in a list of known principals.
#[derive(Debug, Default)]
pub(super) struct Among<'k> {
    all: BTreeSet<usize>,
    /// By account and name.
    named: BTreeMap<&'k str, Vec<usize>>,
    /// By the ARN of the bucket or role that a pattern of theirs is about.
    about: BTreeMap<&'k str, Vec<usize>>,
    /// Some pattern of theirs does not tell what it is about.
    open: BTreeSet<usize>,
    /// They may assume roles.
    assumers: BTreeSet<usize>,
    /// Not all of their policies were read.
    unread: BTreeSet<usize>,
    /// The same by account.
    unread_of: BTreeMap<&'k str, Vec<usize>>,
}

impl<'k> Among<'k> {
    pub(super) fn new(known: &'k [Known<'k>], work: &Work<'_>) -> Self {
        let mut among = Self { all: (0..known.len()).collect(), ..Self::default() };
        for (at, principal) in known.iter().enumerate() {
            among.named.entry(&principal.named).or_default().push(at);
            for (head, whole) in &principal.patterns {
                match about(head, *whole) {
                    Some(resource) => among.about.entry(resource).or_default().push(at),
                    None => drop(among.open.insert(at)),
                }
            }
            if work.assumes(&principal.who) {
                among.assumers.insert(at);
            }
            if work.is_unread(&principal.who) {
                among.unread.insert(at);
                among.unread_of.entry(principal.who.subject.account.as_deref().unwrap_or_default()).or_default().push(at);
            }
        }
        among
    }

    pub(super) fn of(&self, resource: &Resource<'_>, arn: &str) -> Cow<'_, BTreeSet<usize>> {
        let role = !resource.domain.actions.is_empty();
        if resource.names.everyone {
            return Cow::Borrowed(&self.all);
        }
        let texts = || resource.names.texts.iter().map(String::as_str);
        let mut found: BTreeSet<usize> = texts().filter_map(|text| self.named.get(text)).flatten().copied().collect();
        found.extend(self.about.get(arn).into_iter().flatten());
        if role {
            // Only who may assume anything is asked about roles that do not name it.
            found.extend(self.open.intersection(&self.assumers));
            found.extend(texts().filter_map(|text| self.unread_of.get(text)).flatten());
        } else {
            found.extend(&self.open);
            found.extend(&self.unread);
        }
        Cow::Owned(found)
    }
}

/// The bucket or role that all resources of a pattern are in, by its ARN; `None`: it may be about any.
fn about(head: &str, whole: bool) -> Option<&str> {
    let bucket = head.find(":s3:::").and_then(|at| head.get(at..)?.find('/').and_then(|slash| head.get(..at + slash)));
    bucket.or_else(|| whole.then_some(head))
}
