//! One step: look, write, and try again where that can help.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::outcome::Event;
use crossrole_model::{Action, Call, Change, Cloud, CloudError, Digest, Drift, ErrorClass, Facet, Finds, Retry, Step, StepId, StepResult};

use crate::Run;
use crate::pace::{OTHERS_MOST, PROVISION_MOST, VISIBLE_MOST, pause};
use crate::shared::Attempt;

impl<C: Cloud> Run<'_, C> {
    /// Runs one step to its end.
    pub(crate) async fn step(&self, id: StepId, step: &Step) -> StepResult {
        let Some(change) = self.plan.changes.get(step.change) else {
            return StepResult::Drifted { found: Drift::NotInPlan };
        };
        if let Some(result) = self.look(step, change) {
            return result;
        }
        (self.say)(Event::StepStarted { step: id });
        self.until_visible(step).await;
        if self.stopped() {
            return StepResult::NotStarted;
        }
        let result = self.write(id, step, change).await;
        if result == StepResult::Applied && step.call.creates() {
            self.gate.made(&change.address, self.cloud.now());
        }
        result
    }

    /// Compares with the bulk read. `None`: go on.
    fn look(&self, step: &Step, change: &Change) -> Option<StepResult> {
        let drifted = |found: Drift| Some(StepResult::Drifted { found });
        let current = match self.observed.state(&change.address) {
            Ok(current) => current,
            Err(unreadable) => return drifted(Drift::Unreadable { unreadable }),
        };
        let creates = step.call.creates();
        let Some(current) = current else {
            return match (creates, change.action) {
                (true, _) => None,
                // What its first step is about to make.
                (false, Action::Create | Action::Replace) => None,
                // Our part of a policy goes with its bucket, too.
                (false, _) if step.call.removes() || step.after == Digest::absent() => Some(StepResult::AlreadyDone),
                (false, _) if step.before == Digest::absent() => None,
                (false, _) => drifted(Drift::Gone),
            };
        };
        if change.action == Action::Replace {
            // What is made anew can't be compared with what is there before it is deleted.
            return None;
        }
        let value = current.facet(&step.facet);
        // A document that belongs to many may have been made by another run meanwhile.
        if creates && step.share.is_none() {
            return if value == step.after { Some(StepResult::AlreadyDone) } else { drifted(Drift::Foreign) };
        }
        // What hangs on an object that is being deleted goes with it: its own absence is seen when it is taken off.
        if change.action == Action::Delete && step.facet == Facet::Existence {
            return None;
        }
        if value == step.after {
            return Some(StepResult::AlreadyDone);
        }
        // A half-made object of ours: its parts are not there yet, or as AWS makes them.
        let begun = change.action == Action::Create && change.after.as_ref().is_some_and(|after| after.is_begun(&step.facet, &value));
        let part = step.call.effects().finds == Finds::Anything;
        if value == step.before || part || begun {
            return None;
        }
        drifted(Drift::Changed { facet: step.facet.clone() })
    }

    async fn write(&self, id: StepId, step: &Step, change: &Change) -> StepResult {
        let shared = step.share.is_some() || step.call.effects().finds == Finds::SharedDocument;
        let begun = self.cloud.now();
        let mut tried = false;
        loop {
            let answer = if shared { self.attempt(step, change).await } else { self.cloud.write(&step.account, &step.call).await.map(|()| Attempt::Written) };
            let error = match answer {
                Ok(Attempt::Written) => return StepResult::Applied,
                // The answer to an attempt of ours was lost.
                Ok(Attempt::There) => return if tried { StepResult::Applied } else { StepResult::AlreadyDone },
                Ok(Attempt::Ended(result)) => return result,
                Err(error) => error,
            };
            let most = match error.class {
                ErrorClass::Interrupted if !tried => return StepResult::NotStarted,
                ErrorClass::NotFound if step.call.removes() => return StepResult::AlreadyDone,
                ErrorClass::AlreadyExists if step.call.creates() && step.share.is_none() => return self.is_ours(step, change, error).await,
                // A policy's versions may be full of what an attempt wrote whose answer was lost.
                ErrorClass::Quota if !step.call.creates() => return self.is_there(step, change, error).await,
                class => self.patience(class, step, shared),
            };
            tried = true;
            let elapsed = self.cloud.now().saturating_sub(begun);
            if most.is_none_or(|most| elapsed >= most) || self.stopped() {
                return StepResult::Failed { error };
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            (self.say)(Event::StepRetried { step: id, because: reason(&error) });
            self.cloud.sleep(pause(elapsed)).await;
            if matches!(error.class, ErrorClass::NotFound | ErrorClass::UnknownPrincipal) {
                self.gate.close();
                self.until_visible(step).await;
            }
            if self.stopped() {
                return StepResult::Failed { error };
            }
        }
    }

    /// A name that is taken may be our own object, made by a call whose answer was lost.
    async fn is_ours(&self, step: &Step, change: &Change, error: CloudError) -> StepResult {
        let begun = self.cloud.now();
        loop {
            let observed = self.cloud.observe(&self.scope_around(step)).await;
            match observed.state(&change.address) {
                Ok(Some(state)) => {
                    let ours = state.facet(&Facet::Existence) == step.after;
                    return if ours { StepResult::AlreadyDone } else { StepResult::Failed { error } };
                }
                Err(unreadable) if unreadable.is_final() => return StepResult::Failed { error },
                Ok(None) | Err(_) => {}
            }
            let elapsed = self.cloud.now().saturating_sub(begun);
            if elapsed >= OTHERS_MOST || self.stopped() {
                return StepResult::Failed { error };
            }
            self.cloud.sleep(pause(elapsed)).await;
        }
    }

    /// What there is no room for may be there already, written by a call whose answer was lost.
    async fn is_there(&self, step: &Step, change: &Change, error: CloudError) -> StepResult {
        let observed = self.cloud.observe(&self.scope_around(step)).await;
        match observed.state(&change.address) {
            Ok(Some(state)) if state.facet(&step.facet) == step.after => StepResult::AlreadyDone,
            _ => StepResult::Failed { error },
        }
    }

    /// What has to be read to see what a step writes.
    fn scope_around(&self, step: &Step) -> Scope {
        let whole = &self.plan.scope;
        let mut scope = Scope { follow_owned: whole.follow_owned.clone(), ..Scope::default() };
        if let Some(objects) = self.plan.scope.accounts.get(&step.account) {
            scope.accounts.insert(step.account.clone(), objects.clone());
        }
        if let Call::Set(call) = &step.call {
            scope.permission_sets = Some((call.set().at.clone(), [call.set().name.clone()].into()));
        }
        if let Call::Key(call) = &step.call {
            scope.keys.insert(call.key().arn.clone());
            scope.keys_to_make.clone_from(&self.plan.scope.keys_to_make);
        }
        if let Some(bucket) = step.call.bucket()
            && let Some(wanted) = self.plan.scope.buckets.get(&bucket.name)
        {
            scope.buckets.insert(bucket.name.clone(), BucketScope { encryption: false, ..wanted.clone() });
        }
        scope
    }
}

impl<C> Run<'_, C> {
    /// How long a call is made again after an error; `None`: not at all, since nothing that we wait for changes it.
    pub(crate) fn patience(&self, class: ErrorClass, step: &Step, shared: bool) -> Option<Duration> {
        match class {
            ErrorClass::NotFound | ErrorClass::UnknownPrincipal if !step.awaits.is_empty() => Some(VISIBLE_MOST),
            // Somebody else's provisioning goes from account to account.
            ErrorClass::Conflict if matches!(step.call, Call::Set(_)) => Some(PROVISION_MOST),
            ErrorClass::NotFound | ErrorClass::UnknownPrincipal | ErrorClass::Conflict => Some(OTHERS_MOST),
            // The cloud has retried all others, but not what must be read again first.
            ErrorClass::Throttled if shared => Some(self.timeout),
            ErrorClass::Server | ErrorClass::Network | ErrorClass::Unanswered | ErrorClass::Unresolved | ErrorClass::NotAws if shared => Some(OTHERS_MOST),
            // Somebody made the document between our reading and our writing.
            ErrorClass::AlreadyExists if step.share.is_some() && step.call.creates() => Some(OTHERS_MOST),
            ErrorClass::Throttled
            | ErrorClass::Server
            | ErrorClass::Network
            | ErrorClass::Unanswered
            | ErrorClass::Unresolved
            | ErrorClass::NotAws
            | ErrorClass::Certificate
            | ErrorClass::Proxy
            | ErrorClass::Interrupted
            | ErrorClass::Denied
            | ErrorClass::AlreadyExists
            | ErrorClass::Quota
            | ErrorClass::Invalid
            | ErrorClass::NotEmpty
            | ErrorClass::State
            | ErrorClass::Credentials
            | ErrorClass::NotAssumed
            | ErrorClass::Other => None,
        }
    }
}

fn reason(error: &CloudError) -> Retry {
    match error.class {
        ErrorClass::NotFound | ErrorClass::UnknownPrincipal => Retry::NotVisible,
        _ => Retry::Answer { code: error.code.clone() },
    }
}
