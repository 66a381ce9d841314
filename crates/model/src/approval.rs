//! What somebody has approved: widenings by their digests, each bound to who gains what, on what and when.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::access::{AccessChange, AccessDelta, Apart, Direction, Part, Undecided};
use crate::facet::Digest;
use crate::plan::Plan;
use crate::since::Beside;

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
        /// Where its words do not tell all of it: the whole plan.
        of: Option<Digest>,
    },
    Undecided {
        of: Digest,
        one: &'a Undecided,
    },
}

fn sorted<T: Ord>(all: &[T]) -> Vec<&T> {
    let mut list: Vec<&T> = all.iter().collect();
    list.sort();
    list.dedup();
    list
}

fn digest(content: &impl Serialize, plan: &Plan) -> Digest {
    let mut text = serde_json::to_string(content).unwrap_or_default();
    // A key that is made has a name before it has an id, and is the same key.
    for (alias, arn) in plan.made_keys.iter().filter_map(|(alias, arn)| Some((alias, arn.as_ref()?))) {
        text = text.replace(arn.as_str(), alias);
    }
    Digest::of(format!("crossrole widening 1\n{text}").as_bytes())
}

/// All that a plan changes, and all that it changes in access: what is not decided, or said by a number, may be any of it.
fn whole(plan: &Plan) -> Digest {
    let changes: Vec<_> = plan.changes.iter().map(|change| (&change.address, &change.before, &change.after)).collect();
    let access: Vec<_> = plan.access.iter().flat_map(|delta| &delta.changes).map(|change| (&change.direction, &change.party, &change.resources)).collect();
    digest(&(changes, access), plan)
}

/// Tells whether a set of resources leaves out so many others, without their names.
fn counts(part: &Part) -> bool {
    matches!(part.apart, Apart::Many(_)) || part.except.iter().any(counts)
}

impl AccessChange {
    /// Returns the digest that an approval of it names: the same in any order of its parts, in any words, and whatever request
    /// shows it. 128 bits, so that nobody finds two widenings with one digest. `plan`: the one that it is of.
    pub fn digest(&self, plan: &Plan) -> Digest {
        // No `..`: a new field stops the build until someone decides.
        let Self { direction: _, party, except, certainty, actions, resources, when, keyless, witness: _ } = self;
        let mut when: Vec<Vec<_>> = when.iter().map(|clauses| sorted(clauses)).collect();
        when.sort();
        when.dedup();
        let of = actions.iter().chain(resources).any(counts).then(|| whole(plan));
        let (actions, resources) = (sorted(actions), sorted(resources));
        digest(&Content::Change { party, except: sorted(except), certainty: *certainty, actions, resources, when, keyless, of }, plan)
    }
}

impl Undecided {
    /// The same for what may be a widening: nobody has said which, so that it is approved with the whole plan, and with no other.
    pub fn digest(&self, plan: &Plan) -> Digest {
        digest(&Content::Undecided { of: whole(plan), one: self }, plan)
    }
}

/// One entry of a file of approvals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approval {
    /// What is approved.
    pub widenings: Vec<Digest>,
    /// Why, in somebody's words.
    pub reason: String,
    /// The day with whose beginning (UTC) it ends, as in `2027-01-31`, and that in seconds since 1970.
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
    /// What needs an approval besides what the plan's own access says.
    pub beside: Beside,
}

impl Judged {
    /// Puts every widening, and everything that may be one, of the plan and `beside` it, beside the approvals. `selects` tells which widenings need one; what is
    /// undecided always does. `now`: seconds since 1970.
    pub fn of(plan: &Plan, beside: Beside, approvals: &[Approval], selects: impl Fn(&AccessChange) -> bool, now: i64) -> Self {
        let (mut judged, none) = (Self::default(), AccessDelta::default());
        let delta = plan.access.as_ref().unwrap_or(&none);
        let widened = delta.changes.iter().chain(beside.changes()).filter(|change| change.direction == Direction::Widened);
        let widened = widened.map(|change| (change.digest(plan), selects(change)));
        let undecided = delta.undecided.iter().chain(beside.undecided());
        let all: Vec<(Digest, bool)> = widened.chain(undecided.map(|one| (one.digest(plan), true))).collect();
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
        Self { beside, ..judged }
    }
}
