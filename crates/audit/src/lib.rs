//! Every way into an account from outside, and what is wrong with it: pure functions over what was read.
//!
//! The evaluator decides what a way in is: a trust statement that can't be met, or that another one denies, lets nobody in. Rules are one
//! file a kind under `rules`, all of them in one registry; they say what they saw as types, and sentences begin in `report`.

mod beside;
mod certain;
mod chains;
mod known;
mod look;
mod picture;
mod rules;
mod standing;
mod suppress;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Controls, Estate, Objects};
use crossrole_model::audit::{Audit, Audited, Limits, Suppression, WayIn};
use crossrole_model::{AccountId, Desired, Observation};

pub use beside::{AclOf, of_grants};
pub use picture::picture;

/// What is audited.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What was read.
    pub audited: &'a Audited,
    /// What the manifests of the run say.
    pub desired: &'a Desired,
    /// The organization's control policies, as far as they are known.
    pub controls: &'a Controls,
    /// Where lines are drawn.
    pub limits: Limits,
    /// What is known and wanted.
    pub suppressions: &'a [Suppression],
    /// Accounts of one's own: whoever comes from another is a third party.
    pub own: &'a BTreeSet<AccountId>,
    /// Organizations of one's own; none: any that is named.
    pub own_organizations: &'a BTreeSet<String>,
    /// Labels of the accounts that were read.
    pub labels: &'a BTreeMap<AccountId, String>,
    /// Seconds since 1970.
    pub now: i64,
}

/// Everything that rules look at.
pub(crate) struct Case<'a> {
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) estate: Estate,
    pub(crate) ways: Vec<WayIn>,
    pub(crate) chained: chains::Chained,
}

/// Looks for ways in, for what is wrong with them, for chains of roles, and for what is not known.
pub fn audit(asked: &Asked<'_>) -> Audit {
    let mut estate = Objects::observed(&asked.audited.observed, asked.desired.partition).with_keys(&asked.desired.bucket_keys).estate().under(asked.controls);
    beside::resolve_canonical(&mut estate, asked.audited);
    let (ways, undecided) = ways::ways(asked, &estate);
    let mut not_known = known::unread(asked, &estate);
    not_known.extend(undecided);
    let chained = chains::chains(&estate, &ways, asked.now, &mut not_known);
    let case = Case { asked, estate, ways, chained };
    let mut issues = Vec::new();
    for rule in rules::ALL {
        rule(&case, &mut issues, &mut not_known);
    }
    let Case { estate, mut ways, chained, .. } = case;
    for way in &mut ways {
        way.callers = chained.callers(&estate, way);
    }
    issues.sort_by(|a, b| (a.rule.severity(), a).cmp(&(b.rule.severity(), b)));
    issues.dedup();
    not_known.sort();
    not_known.dedup();
    let read = [estate.roles.len(), asked.audited.observed.buckets.len(), asked.audited.observed.keys.len()];
    let suppress::Sorted { issues, suppressed, not_known, tolerated, stale } = suppress::sorted(asked, issues, not_known);
    Audit {
        accounts: asked.labels.clone(),
        regions: regions(asked),
        manifests: asked.desired.manifests.iter().map(|manifest| manifest.name.clone()).collect(),
        read,
        buckets: asked.audited.observed.bucket_accounts.clone(),
        ways,
        issues,
        suppressed,
        not_known,
        tolerated,
        stale,
        chains: chained.chains,
        reach: chained.reach,
        cut: chained.cut,
        calls: asked.audited.observed.calls.clone(),
    }
}

fn regions(asked: &Asked<'_>) -> BTreeMap<AccountId, BTreeSet<String>> {
    let of = |facts: &crossrole_model::audit::Facts| facts.trails.keys().chain(facts.keys_unlisted.keys()).cloned().collect();
    asked.audited.facts.iter().map(|(account, facts)| (account.clone(), of(facts))).collect()
}

impl Case<'_> {
    /// Ways to one object from outside that no service of AWS is.
    pub(crate) fn ways_of_people(&self) -> impl Iterator<Item = &WayIn> {
        self.ways.iter().filter(|way| !matches!(way.origin, crossrole_model::audit::Origin::Service { .. }))
    }

    /// IAM of every account that was read.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&AccountId, &crossrole_model::observed::AccountState)> {
        self.asked.audited.observed.accounts.iter().filter_map(|(account, state)| match state {
            Observation::Known(state) => Some((account, state)),
            Observation::Unreadable(_) => None,
        })
    }
}
