//! Reading back what was written, in bulk, until it is seen or can't come any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::outcome::Event;
use crossrole_model::{
    Action, Call, Change, Cloud, Digest, ErrorClass, Finds, IamCall, KeyRef, Kind, ObjectState, Observed, Retry, Seen, Step, StepId, StepResult, ownership,
};
use crossrole_policy::{Document, Statement};

use crate::Run;
use crate::pace::{MERGES_MOST, OTHERS_MOST, VISIBLE_MOST, pause, settle};
use crate::shared::{Attempt, Written};

/// What one look at a change tells.
enum Look {
    /// It is as it was written.
    Done,
    /// It may still come.
    NotYet(Seen),
    /// Waiting does not change it.
    Never(Seen),
    /// Our statements are gone from a document that somebody else has written meanwhile.
    Overwritten,
    /// Ours are there, and what somebody else wrote before is not: this call puts both in.
    Overwrote(Call),
}

/// Returns the changes that were carried out and not seen, with what was seen instead.
pub(crate) async fn verify<C: Cloud>(run: &Run<'_, C>, results: &[StepResult]) -> Vec<(usize, Seen)> {
    let mut pending = carried_out(run, results);
    let mut never: BTreeMap<usize, Seen> = BTreeMap::new();
    let mut merges: BTreeMap<usize, u32> = BTreeMap::new();
    let begun = run.cloud.now();
    wait_for_the_lag(run, &pending).await;
    while !pending.is_empty() && !run.stopped() {
        (run.say)(Event::Verifying { left: pending.len() });
        let observed = run.cloud.observe(&scope(run, &pending)).await;
        let mut overwritten = Vec::new();
        pending.retain(|index, seen| match run.plan.changes.get(*index).map(|change| look(run, *index, change, &observed)) {
            None | Some(Look::Done) => false,
            // What was seen before is the last that is known.
            Some(Look::NotYet(Seen::Unreadable { unreadable })) if unreadable.class == Some(ErrorClass::Interrupted) => true,
            Some(Look::NotYet(what)) => {
                *seen = what;
                true
            }
            Some(Look::Never(what)) => {
                never.insert(*index, what);
                false
            }
            Some(Look::Overwritten) => {
                *seen = Seen::Changed;
                overwritten.push((*index, None));
                true
            }
            Some(Look::Overwrote(call)) => {
                *seen = Seen::Changed;
                overwritten.push((*index, Some(call)));
                true
            }
        });
        for (index, both) in overwritten {
            let count = merges.entry(index).or_default();
            *count += 1;
            let again = match both {
                _ if *count > MERGES_MOST => false,
                Some(call) => write_again(run, index, &call).await,
                None => merge_again(run, index).await,
            };
            if !again {
                never.insert(index, Seen::Changed);
                pending.remove(&index);
            }
        }
        let elapsed = run.cloud.now().saturating_sub(begun);
        if pending.is_empty() || elapsed >= VISIBLE_MOST {
            break;
        }
        run.cloud.sleep(pause(elapsed.saturating_sub(run.gate.lag()))).await;
    }
    never.into_iter().chain(pending).collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// Changes whose steps all ended well, one of them by this run.
fn carried_out<C>(run: &Run<'_, C>, results: &[StepResult]) -> BTreeMap<usize, Seen> {
    let mut touched = BTreeSet::new();
    // A change that is not finished is not expected to be seen whole.
    let mut unfinished = BTreeSet::new();
    for (step, result) in run.plan.steps.iter().zip(results) {
        if *result == StepResult::Applied {
            touched.insert(step.change);
        }
        if !result.is_done() {
            unfinished.insert(step.change);
        }
    }
    // A policy goes with its bucket, and what was written to it can't be seen any more.
    let gone: BTreeSet<&str> =
        run.plan.changes.iter().filter(|c| c.address.kind == Kind::Bucket && c.action == Action::Delete).map(|c| c.address.name.as_str()).collect();
    let with_bucket =
        |index: &usize| run.plan.changes.get(*index).is_some_and(|c| c.address.kind == Kind::BucketPolicy && gone.contains(c.address.name.as_str()));
    touched.difference(&unfinished).filter(|c| !with_bucket(c)).map(|change| (*change, Seen::NotLooked)).collect()
}

/// What was made in this run took so long to be seen, and what was written last will take as long; and whoever had read a
/// document before we wrote it may still be about to overwrite it.
async fn wait_for_the_lag<C: Cloud>(run: &Run<'_, C>, pending: &BTreeMap<usize, Seen>) {
    let addresses = pending.keys().filter_map(|i| run.plan.changes.get(*i)).map(|c| &c.address);
    let shared = addresses.filter_map(|address| run.written(address)).map(|written| written.at).max();
    let settled = shared.map_or(Duration::ZERO, |at| (at + settle(*crate::locked(&run.round_trip))).saturating_sub(run.cloud.now()));
    let wait = settled.max(run.gate.lag());
    if !wait.is_zero() {
        run.cloud.sleep(wait).await;
    }
}

fn steps<'p, C>(run: &'p Run<'_, C>, index: usize) -> impl Iterator<Item = (usize, &'p Step)> {
    run.plan.steps.iter().enumerate().filter(move |(_, s)| s.change == index)
}

fn look<C: Cloud>(run: &Run<'_, C>, index: usize, change: &Change, observed: &Observed) -> Look {
    let state = match observed.state(&change.address) {
        Ok(state) => state,
        Err(unreadable) if unreadable.is_final() => return Look::Never(Seen::Unreadable { unreadable }),
        Err(unreadable) => return Look::NotYet(Seen::Unreadable { unreadable }),
    };
    if let Some((_, step)) = steps(run, index).find(|(_, s)| s.share.is_some()) {
        return look_at_share(run, change, step, state.as_ref(), observed);
    }
    match (&state, change.action) {
        _ if state == change.after => Look::Done,
        (None, _) => Look::NotYet(Seen::Nothing),
        (Some(_), Action::Delete) => Look::NotYet(Seen::Still),
        (Some(_), Action::Replace) => Look::NotYet(Seen::Before),
        (Some(found), _) if found_by_lag(run, index, found) => Look::NotYet(Seen::Before),
        (Some(_), _) => Look::Never(Seen::Changed),
    }
}

/// Every part that this run wrote is as some step of it found or left it, and one is not yet as the last left it.
fn found_by_lag<C>(run: &Run<'_, C>, index: usize, found: &ObjectState) -> bool {
    let mut late = false;
    for (_, step) in steps(run, index) {
        let value = found.facet(&step.facet);
        let mut known = steps(run, index).filter(|(_, s)| s.facet == step.facet);
        let among = |s: &Step| value == s.before || value == s.after || value == Digest::absent() || s.call.effects().finds == Finds::Anything;
        if !known.any(|(_, s)| among(s)) {
            return false;
        }
        late |= value != step.after;
    }
    late
}

/// Our part of a document: what others have in it does not matter here.
fn look_at_share<C: Cloud>(run: &Run<'_, C>, change: &Change, step: &Step, state: Option<&ObjectState>, observed: &Observed) -> Look {
    let value = state.map_or_else(Digest::absent, |s| s.facet(&step.facet));
    if value == step.after {
        return lost_between(run, change, step, observed).map_or(Look::Done, Look::Overwrote);
    }
    let found = match state {
        Some(ObjectState::BucketPolicy(policy)) => policy.document.as_ref(),
        Some(ObjectState::KeyPolicy(policy)) => Some(&policy.document),
        Some(ObjectState::PermissionSet(set)) => set.document.as_ref(),
        Some(ObjectState::Policy(policy)) => Some(&policy.document),
        _ => None,
    };
    // What was there before may be shown by a reading that lags, or be there again: somebody who writes the same whole policy
    // each time. S3 shows a policy within seconds.
    let may_lag = |written: &Written| written.done && run.cloud.now().saturating_sub(written.at) < OTHERS_MOST;
    match run.written(&change.address) {
        Some(written) if written.over.as_ref() == found && may_lag(&written) => Look::NotYet(Seen::Before),
        Some(_) if value == step.before || value == Digest::absent() => Look::Overwritten,
        _ => Look::Never(Seen::Changed),
    }
}

/// What somebody else wrote to a managed policy between our reading and our writing, with our statements in it: the numbers
/// of versions only grow, so it stands just before ours (IAM User Guide, "Versioning IAM policies").
fn lost_between<C>(run: &Run<'_, C>, change: &Change, step: &Step, observed: &Observed) -> Option<Call> {
    let written = run.written(&change.address)?;
    let account = observed.accounts.get(&change.address.account)?.known()?;
    let policy = account.policies.get(&change.address.name.to_ascii_lowercase())?;
    let (_, newest) = policy.history.last()?;
    let share = step.share.as_ref()?;
    let last = written.left.as_ref() == Some(newest);
    let mut document = newest.clone();
    let writes = written.earlier.iter().chain(std::iter::once(&(written.over.clone(), written.left.clone()))).cloned().collect::<Vec<_>>();
    for (over, left) in writes.iter().filter_map(|(over, left)| Some((over.as_ref()?, left.as_ref()?))) {
        let Some(at) = policy.history.iter().rposition(|(_, document)| document == left) else { continue };
        let Some((_, theirs)) = at.checked_sub(1).and_then(|at| policy.history.get(at)).filter(|(_, theirs)| theirs != over) else { continue };
        if last && left == newest {
            document = share.merge(Some(theirs)).ok()?.document?;
            // Theirs may be made from what was there before another manifest wrote. Whoever applies that looks for its own statements,
            // gone or there; of all others, theirs is the last word.
            let kept = newest.statements.iter().filter(|s| ownership::sid_head(s.sid()).is_some() && !share.is_ours(s));
            let kept: Vec<Statement> = kept.filter(|s| !document.statements.iter().any(|d| d.sid() == s.sid())).cloned().collect();
            document.statements.extend(kept);
        } else {
            // Others have written since, from what we left: what it lacks is added to theirs.
            let lost = theirs.statements.iter().filter(|s| !share.is_ours(s) && !left.statements.contains(s));
            lost.for_each(|statement| put_back(&mut document, statement));
        }
    }
    (document != *newest).then(|| IamCall::CreatePolicyVersion { arn: policy.arn.clone(), document }.into())
}

/// Adds what was lost, but for what stands there under its Sid by now: that is younger, and IAM takes no Sid twice.
fn put_back(document: &mut Document, lost: &Statement) {
    let there = |s: &Statement| s == lost || !s.sid().is_empty() && s.sid() == lost.sid();
    if !document.statements.iter().any(there) {
        document.statements.push(lost.clone());
    }
}

/// Writes what somebody else wrote, with our statements in it.
async fn write_again<C: Cloud>(run: &Run<'_, C>, index: usize, call: &Call) -> bool {
    let Some((change, (at, step))) = run.plan.changes.get(index).zip(steps(run, index).find(|(_, s)| s.share.is_some())) else { return false };
    run.retries.fetch_add(1, Ordering::Relaxed);
    (run.say)(Event::StepRetried { step: StepId(at), because: Retry::Overwritten });
    let over = run.written(&change.address).and_then(|written| written.left);
    let result = run.cloud.write(&step.account, call).await;
    let left = if let Call::Iam(IamCall::CreatePolicyVersion { document, .. }) = call { Some(document.clone()) } else { None };
    run.note(&change.address, over, left, result.is_ok());
    result.map_or_else(|error| run.patience(error.class, step, true).is_some(), |()| true)
}

/// Puts our statements back. `false`: it can't be done.
async fn merge_again<C: Cloud>(run: &Run<'_, C>, index: usize) -> bool {
    let Some((change, (at, step))) = run.plan.changes.get(index).zip(steps(run, index).find(|(_, s)| s.share.is_some())) else { return false };
    run.retries.fetch_add(1, Ordering::Relaxed);
    (run.say)(Event::StepRetried { step: StepId(at), because: Retry::Overwritten });
    let ended = match run.attempt(step, change).await {
        Ok(Attempt::Written | Attempt::There) => false,
        Ok(Attempt::Ended(_)) => true,
        // Another one is seen at the next look, as a document that still lacks them.
        Err(error) => run.patience(error.class, step, true).is_none(),
    };
    let round_trip = *crate::locked(&run.round_trip);
    run.cloud.sleep(settle(round_trip)).await;
    !ended
}

/// Only the accounts and buckets that something is still looked for in.
fn scope<C>(run: &Run<'_, C>, pending: &BTreeMap<usize, Seen>) -> Scope {
    let mut scope = Scope::default();
    for change in pending.keys().filter_map(|i| run.plan.changes.get(*i)) {
        let address = &change.address;
        if matches!(address.kind, Kind::Bucket | Kind::BucketPolicy) {
            // What others encrypt it with is nothing that was written.
            let planned = run.plan.scope.buckets.get(&address.name).map(|planned| BucketScope { encryption: false, ..planned.clone() });
            let region = run.plan.steps.iter().filter_map(|s| s.call.bucket()).find(|b| b.name == address.name).map(|b| b.region.clone()).unwrap_or_default();
            let bucket = planned.unwrap_or_else(|| BucketScope {
                account: address.account.clone(),
                region,
                settings: None,
                left: false,
                encryption: false,
                public: false,
            });
            scope.buckets.insert(address.name.clone(), bucket);
            // The principals in its policy are shown by ARN only when their accounts are read too; ids are remembered.
            continue;
        }
        if address.kind == Kind::PermissionSet {
            let asked = run.plan.scope.permission_sets.iter().map(|(at, _)| at.clone()).next();
            let sets = scope.permission_sets.take().or_else(|| asked.map(|at| (at, BTreeSet::new())));
            scope.permission_sets = sets.map(|(at, names)| (at, names.into_iter().chain([address.name.clone()]).collect()));
            continue;
        }
        if matches!(address.kind, Kind::Key | Kind::KeyPolicy) {
            scope.keys.insert(KeyRef::named(run.plan.partition, &address.account, &address.name).arn);
            scope.keys_to_make.clone_from(&run.plan.scope.keys_to_make);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of several that wrote at once, two may each have kept another reading of the same statement.
    #[test]
    fn nothing_is_put_back_beside_what_has_its_sid() {
        let statement = |sid: &str, action: &str| {
            let mut made = Statement::allow(crossrole_policy::Element::of([action]), Some(crossrole_policy::Element::of(["*"])));
            made.sid = Some(sid.to_owned()).filter(|sid| !sid.is_empty());
            made
        };
        let mut document = Document::new(vec![statement("A", "s3:GetObject"), statement("", "s3:PutObject")]);
        for lost in [statement("A", "s3:*"), statement("B", "s3:Get*"), statement("B", "s3:Put*"), statement("", "s3:PutObject"), statement("", "s3:Abort*")] {
            put_back(&mut document, &lost);
        }
        let actions: Vec<&str> = document.statements.iter().map(|s| s.action.values[0].as_str()).collect();
        assert_eq!(actions, ["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:Abort*"]);
    }
}
