//! What somebody has approved: widenings by their digests, each bound to who gains what, on what and when.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::access::{AccessChange, AccessDelta, Direction, Undecided};
use crate::facet::Digest;

/// What an approval is of, apart from the words that it is said with and the request that shows it.
#[derive(Serialize)]
#[serde(tag = "widening", rename_all = "kebab-case")]
enum Content<'a> {
    Change {
        party: &'a crate::access::Party,
        except: Vec<&'a crate::access::Party>,
        certainty: crate::access::Certainty,
        actions: Vec<&'a crate::access::Part>,
        resources: Vec<&'a crate::access::Part>,
        when: Vec<Vec<&'a crate::access::Clause>>,
        keyless: &'a Option<crate::access::Keyless>,
    },
    Undecided(&'a Undecided),
}

fn sorted<T: Ord>(all: &[T]) -> Vec<&T> {
    let mut list: Vec<&T> = all.iter().collect();
    list.sort();
    list.dedup();
    list
}

fn digest(content: &Content<'_>, made_keys: &BTreeMap<String, Option<String>>) -> Digest {
    let mut text = serde_json::to_string(content).unwrap_or_default();
    // A key that is made has a name before it has an id, and is the same key.
    for (alias, arn) in made_keys.iter().filter_map(|(alias, arn)| Some((alias, arn.as_ref()?))) {
        text = text.replace(arn.as_str(), alias);
    }
    Digest::of(format!("crossrole widening 1\n{text}").as_bytes())
}

impl AccessChange {
    /// Returns the digest that an approval of it names: the same in any order of its parts, in any words, and whatever request
    /// shows it. 128 bits, so that nobody finds two widenings with one digest. `made_keys`: `Plan::made_keys`.
    pub fn digest(&self, made_keys: &BTreeMap<String, Option<String>>) -> Digest {
        // No `..`: a new field stops the build until someone decides.
        let Self { direction: _, party, except, certainty, actions, resources, when, keyless, witness: _ } = self;
        let mut when: Vec<Vec<_>> = when.iter().map(|clauses| sorted(clauses)).collect();
        when.sort();
        when.dedup();
        let content =
            Content::Change { party, except: sorted(except), certainty: *certainty, actions: sorted(actions), resources: sorted(resources), when, keyless };
        digest(&content, made_keys)
    }
}

impl Undecided {
    /// The same for what may be a widening.
    pub fn digest(&self, made_keys: &BTreeMap<String, Option<String>>) -> Digest {
        digest(&Content::Undecided(self), made_keys)
    }
}

/// One entry of a file of approvals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approval {
    /// What is approved.
    pub widenings: Vec<Digest>,
    /// Why, in somebody's words.
    pub reason: String,
    /// The last day on which it holds, as in `2027-01-31`, and the second of 1970 on with which that day is over (UTC).
    pub expires: Option<(String, i64)>,
    /// Its file.
    pub file: String,
    /// The line there, from 1.
    pub line: usize,
}

impl Approval {
    /// Tells whether it holds no more.
    pub fn is_over(&self, now: i64) -> bool {
        self.expires.as_ref().is_some_and(|(_, end)| now >= *end)
    }
}

/// Widenings of a plan beside what was approved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// Those that are approved, each with its approval.
    pub approved: BTreeMap<Digest, Approval>,
    /// Those that need an approval and have none.
    pub open: Vec<Digest>,
    /// Of the open, those whose approval is over.
    pub over: BTreeMap<Digest, Approval>,
    /// What was approved and is no part of the plan.
    pub unmatched: Vec<(Digest, Approval)>,
}

impl Judged {
    /// Puts every widening, and everything that may be one, beside the approvals. `selects` tells which widenings need one; what is
    /// undecided always does. `now`: seconds since 1970.
    pub fn of(
        delta: &AccessDelta,
        made_keys: &BTreeMap<String, Option<String>>,
        approvals: &[Approval],
        selects: impl Fn(&AccessChange) -> bool,
        now: i64,
    ) -> Self {
        let mut judged = Self::default();
        let widened = delta.changes.iter().filter(|change| change.direction == Direction::Widened);
        let widened = widened.map(|change| (change.digest(made_keys), selects(change)));
        let all: Vec<(Digest, bool)> = widened.chain(delta.undecided.iter().map(|one| (one.digest(made_keys), true))).collect();
        for (digest, needed) in &all {
            let of: Vec<&Approval> = approvals.iter().filter(|approval| approval.widenings.contains(digest)).collect();
            if let Some(holds) = of.iter().find(|approval| !approval.is_over(now)) {
                judged.approved.insert(digest.clone(), (*holds).clone());
            } else if *needed && !judged.open.contains(digest) {
                judged.open.push(digest.clone());
                judged.over.extend(of.first().map(|over| (digest.clone(), (*over).clone())));
            }
        }
        let known = |digest: &Digest| all.iter().any(|(other, _)| other == digest);
        let named = approvals.iter().flat_map(|approval| approval.widenings.iter().map(move |digest| (digest, approval)));
        judged.unmatched = named.filter(|(digest, _)| !known(digest)).map(|(digest, approval)| (digest.clone(), approval.clone())).collect();
        judged
    }
}
