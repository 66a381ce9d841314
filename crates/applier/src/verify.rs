//! Reading back what was written, in bulk, until it is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_model::observed::Scope;
use crossrole_model::outcome::Event;
use crossrole_model::{Action, Cloud, Kind, ObjectState, StepResult};

use crate::Run;

/// Bulk reads before giving up: with pauses of up to 5 s, about two minutes.
const ROUNDS: u32 = 28;

/// Returns the changes that were carried out and not seen, with what was seen instead.
pub(crate) async fn verify<C: Cloud>(run: &Run<'_, C>, results: &[StepResult], stop: &AtomicBool) -> Vec<(usize, String)> {
    let mut touched = BTreeSet::new();
    let mut unfinished = BTreeSet::new();
    for (step, result) in run.plan.steps.iter().zip(results) {
        if *result == StepResult::Applied {
            touched.insert(step.change);
        }
        if !result.is_done() {
            unfinished.insert(step.change);
        }
    }
    // A change that is not finished is not expected to be seen whole.
    // A policy goes with its bucket, and what was written to it can't be seen any more.
    let gone: BTreeSet<&str> =
        run.plan.changes.iter().filter(|c| c.address.kind == Kind::Bucket && c.action == Action::Delete).map(|c| c.address.name.as_str()).collect();
    let with_bucket =
        |index: &usize| run.plan.changes.get(*index).is_some_and(|c| c.address.kind == Kind::BucketPolicy && gone.contains(c.address.name.as_str()));
    let mut pending: BTreeMap<usize, String> = touched.difference(&unfinished).filter(|c| !with_bucket(c)).map(|change| (*change, String::new())).collect();
    for round in 1..=ROUNDS {
        if pending.is_empty() {
            break;
        }
        (run.say)(Event::Verifying { left: pending.len() });
        let observed = run.cloud.observe(&scope(run, &pending)).await;
        pending.retain(|index, seen| {
            let Some(change) = run.plan.changes.get(*index) else { return false };
            match observed.state(&change.address) {
                Err(why) => *seen = format!("it could not be read: {why}"),
                Ok(state) if matches(state.as_ref(), change.after.as_ref()) => return false,
                Ok(None) => "it is not there yet".clone_into(seen),
                Ok(Some(_)) if change.action == Action::Delete => "it is still there".clone_into(seen),
                Ok(state) if matches(state.as_ref(), change.before.as_ref()) => "it is still as it was before".clone_into(seen),
                Ok(Some(_)) => "it is neither as before nor as written: somebody else has changed it meanwhile".clone_into(seen),
            }
            true
        });
        if pending.is_empty() || stop.load(Ordering::Relaxed) {
            break;
        }
        run.cloud.pause(round).await;
    }
    pending.into_iter().collect()
}

/// A bucket policy that is gone and one that never was look the same.
fn matches(seen: Option<&ObjectState>, wanted: Option<&ObjectState>) -> bool {
    let empty = |state: Option<&ObjectState>| match state {
        Some(ObjectState::BucketPolicy(policy)) => policy.document.is_none(),
        state => state.is_none(),
    };
    if wanted.is_none() { empty(seen) } else { seen == wanted }
}

/// Only the accounts and buckets that something is still looked for in.
fn scope<C>(run: &Run<'_, C>, pending: &BTreeMap<usize, String>) -> Scope {
    let mut scope = Scope::default();
    for change in pending.keys().filter_map(|i| run.plan.changes.get(*i)) {
        let address = &change.address;
        if matches!(address.kind, Kind::Bucket | Kind::BucketPolicy) {
            let planned = run.plan.scope.buckets.get(&address.name).cloned();
            let region = run.plan.steps.iter().filter_map(|s| s.call.bucket()).find(|b| b.name == address.name).map(|b| b.region.clone()).unwrap_or_default();
            let bucket = planned.unwrap_or_else(|| crossrole_model::observed::BucketScope { account: address.account.clone(), region, settings: None });
            scope.buckets.insert(address.name.clone(), bucket);
            // The principals in its policy are shown by ARN only when their accounts are read too; ids are remembered.
            continue;
        }
        let objects = scope.accounts.entry(address.account.clone()).or_default();
        if let Some(declared) = run.plan.scope.accounts.get(&address.account) {
            objects.extend(declared.iter().cloned());
        }
        objects.insert(address.clone());
    }
    scope
}
