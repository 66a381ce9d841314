//! One step: look, write, and try again where that can help.

use std::sync::atomic::Ordering;

use crossrole_model::observed::Scope;
use crossrole_model::outcome::Event;
use crossrole_model::{Action, Call, Change, Cloud, CloudError, Digest, ErrorClass, Facet, Step, StepId, StepResult};

use crate::Run;

/// Attempts while something that this run made is not visible yet: with pauses of up to 5 s, about two minutes, the time
/// after which AWS's own tools give up too.
pub(crate) const ATTEMPTS_VISIBILITY: u32 = 28;

/// Attempts where somebody else may be in the way, or where a run before this one made what is not visible: about 20 s.
const ATTEMPTS_SHORT: u32 = 8;

impl<C: Cloud> Run<'_, C> {
    /// Runs one step to its end.
    pub(crate) async fn step(&self, id: StepId, step: &Step) -> StepResult {
        let Some(change) = self.plan.changes.get(step.change) else {
            return StepResult::Drifted { found: "the plan has no such change".to_owned() };
        };
        if let Some(result) = self.look(step, change) {
            return result;
        }
        if let Some(result) = self.look_again(step, change).await {
            return result;
        }
        (self.say)(Event::StepStarted { step: id });
        if !step.call.creates() && matches!(change.action, Action::Create | Action::Replace) {
            self.until_visible(change).await;
        }
        self.write(id, step, change).await
    }

    /// Compares with the bulk read. `None`: go on.
    fn look(&self, step: &Step, change: &Change) -> Option<StepResult> {
        let current = match self.observed.state(&change.address) {
            Ok(current) => current,
            Err(why) => return Some(StepResult::Drifted { found: format!("it could not be read: {why}") }),
        };
        let creates = step.call.creates();
        let Some(current) = current else {
            return match (creates, change.action) {
                (true, _) => None,
                // What its first step is about to make.
                (false, Action::Create | Action::Replace) => None,
                (false, _) if step.call.removes() => Some(StepResult::AlreadyDone),
                (false, _) if step.before == Digest::absent() => None,
                (false, _) => Some(StepResult::Drifted { found: "it does not exist any more".to_owned() }),
            };
        };
        if change.action == Action::Replace {
            // What is made anew can't be compared with what is there before it is deleted.
            return None;
        }
        let value = current.facet(&step.facet);
        if creates {
            return Some(if value == step.after {
                StepResult::AlreadyDone
            } else {
                StepResult::Drifted { found: "it exists already, and is not ours".to_owned() }
            });
        }
        // What hangs on an object that is being deleted goes with it: its own absence is seen when it is taken off.
        if change.action == Action::Delete && step.facet == Facet::Existence {
            return None;
        }
        if value == step.after {
            return Some(StepResult::AlreadyDone);
        }
        // A half-made object of ours: its parts are not there yet.
        let started = change.action == Action::Create;
        if value == step.before || writes_a_part(&step.call) || started && value == Digest::absent() {
            return None;
        }
        Some(StepResult::Drifted { found: format!("its {} has changed since it was planned", part(&step.facet)) })
    }

    /// Documents that are replaced whole are read once more: others write to them too.
    async fn look_again(&self, step: &Step, change: &Change) -> Option<StepResult> {
        let shared = matches!(step.call, Call::PutBucketPolicy { .. } | Call::DeleteBucketPolicy { .. } | Call::UpdateTrust { .. });
        if !shared || change.action == Action::Replace {
            return None;
        }
        let current = match self.cloud.read(&change.address, &step.call).await {
            Ok(current) => current,
            // Made in this run and not visible yet: there is nothing that could be overwritten.
            Err(error) if error.class == ErrorClass::NotFound => return None,
            Err(error) => return Some(StepResult::Failed { error }),
        };
        let value = current.map_or_else(Digest::absent, |state| state.facet(&step.facet));
        if value == step.after {
            return Some(StepResult::AlreadyDone);
        }
        let fresh = change.action == Action::Create && matches!(step.call, Call::UpdateTrust { .. });
        if value == step.before || fresh {
            return None;
        }
        Some(StepResult::Drifted { found: format!("its {} has changed since it was planned", part(&step.facet)) })
    }

    async fn write(&self, id: StepId, step: &Step, change: &Change) -> StepResult {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.cloud.write(&step.account, &step.call).await {
                Ok(()) => return StepResult::Applied,
                Err(error) => error,
            };
            let most = match error.class {
                ErrorClass::NotFound if step.call.removes() => return StepResult::AlreadyDone,
                ErrorClass::NotFound if self.waits_for_own(step, change) => ATTEMPTS_VISIBILITY,
                ErrorClass::UnknownPrincipal if self.names_own(step) => ATTEMPTS_VISIBILITY,
                ErrorClass::NotFound | ErrorClass::UnknownPrincipal | ErrorClass::Conflict => ATTEMPTS_SHORT,
                ErrorClass::AlreadyExists if step.call.creates() => return self.is_ours(step, change, error).await,
                _ => return StepResult::Failed { error },
            };
            if attempt >= most {
                return StepResult::Failed { error };
            }
            if error.class == ErrorClass::NotFound {
                self.gate.close();
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            (self.say)(Event::StepRetried { step: id, because: reason(&error) });
            self.cloud.pause(attempt).await;
        }
    }

    /// The object itself, or what is put on it, is made by this plan.
    fn waits_for_own(&self, step: &Step, change: &Change) -> bool {
        let policy = match &step.call {
            Call::AttachPolicy { arn, .. } | Call::PutBoundary { arn, .. } => self.made.contains(arn),
            _ => false,
        };
        policy || matches!(change.action, Action::Create | Action::Replace)
    }

    fn names_own(&self, step: &Step) -> bool {
        match &step.call {
            Call::CreateRole { trust: document, .. } | Call::UpdateTrust { trust: document, .. } | Call::PutBucketPolicy { document, .. } => {
                document.aws_principals().any(|arn| self.made.contains(arn))
            }
            _ => false,
        }
    }

    /// A name that is taken may be our own object, made by a call whose answer was lost.
    async fn is_ours(&self, step: &Step, change: &Change, error: CloudError) -> StepResult {
        let mut scope = Scope { follow_owned: self.plan.scope.follow_owned.clone(), ..Scope::default() };
        if let Some(objects) = self.plan.scope.accounts.get(&step.account) {
            scope.accounts.insert(step.account.clone(), objects.clone());
        }
        if let Some(bucket) = step.call.bucket()
            && let Some(wanted) = self.plan.scope.buckets.get(&bucket.name)
        {
            scope.buckets.insert(bucket.name.clone(), wanted.clone());
        }
        for attempt in 1..=ATTEMPTS_SHORT {
            let observed = self.cloud.observe(&scope).await;
            match observed.state(&change.address) {
                Ok(Some(state)) => {
                    let ours = state.facet(&Facet::Existence) == step.after;
                    return if ours { StepResult::AlreadyDone } else { StepResult::Failed { error } };
                }
                Ok(None) | Err(_) => self.cloud.pause(attempt).await,
            }
        }
        StepResult::Failed { error }
    }
}

/// Calls that write a part of a facet, each finding what the others have left: tags and audiences.
fn writes_a_part(call: &Call) -> bool {
    matches!(
        call,
        Call::TagRole { .. }
            | Call::UntagRole { .. }
            | Call::TagPolicy { .. }
            | Call::UntagPolicy { .. }
            | Call::TagUser { .. }
            | Call::UntagUser { .. }
            | Call::TagOidcProvider { .. }
            | Call::UntagOidcProvider { .. }
            | Call::AddClientId { .. }
            | Call::RemoveClientId { .. }
    )
}

fn reason(error: &CloudError) -> String {
    match error.class {
        ErrorClass::NotFound | ErrorClass::UnknownPrincipal => "not visible yet".to_owned(),
        _ => error.code.clone(),
    }
}

fn part(facet: &Facet) -> String {
    match facet {
        Facet::Existence => "existence".to_owned(),
        Facet::Trust => "trust policy".to_owned(),
        Facet::Settings => "description or longest session".to_owned(),
        Facet::Boundary => "permissions boundary".to_owned(),
        Facet::Tags => "tags".to_owned(),
        Facet::Inline(name) => format!("inline policy {name}"),
        Facet::Attached(arn) => format!("attachment of {arn}"),
        Facet::Document => "policy document".to_owned(),
        Facet::ClientIds => "audiences".to_owned(),
        Facet::Versioning => "versioning".to_owned(),
        Facet::Encryption => "encryption".to_owned(),
        Facet::PublicAccess => "public access block".to_owned(),
        Facet::ObjectOwnership => "object ownership".to_owned(),
        Facet::Logging => "logging".to_owned(),
    }
}
