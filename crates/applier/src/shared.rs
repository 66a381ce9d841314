//! Documents that are replaced whole and that others write too: each attempt reads, merges, and writes.
//!
//! Nothing is written from a document older than one round trip. What is put there within that round trip is overwritten all
//! the same, as there are no conditional writes; whoever owns it finds that by reading back. We find it so for ours, and put
//! them in again.

use std::time::Duration;

use crossrole_model::{Action, Address, BucketCall, Call, Change, Cloud, CloudError, Digest, Drift, IamCall, KeyCall, ObjectState, SetCall, Step, StepResult};
use crossrole_policy::{Document, Share};

use crate::{Run, locked};

/// What this run last did to one document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    /// What was there before it.
    pub(crate) over: Option<Document>,
    /// What it left.
    pub(crate) left: Option<Document>,
    /// When.
    pub(crate) at: Duration,
    /// The answer said that it was done.
    pub(crate) done: bool,
    /// What was there before, and what was left, each time before this one.
    pub(crate) earlier: Vec<(Option<Document>, Option<Document>)>,
}

/// How an attempt ended.
pub(crate) enum Attempt {
    /// It is written.
    Written,
    /// It was there already.
    There,
    /// It ends here.
    Ended(StepResult),
}

impl<C: Cloud> Run<'_, C> {
    /// Reads, merges, writes, each once.
    pub(crate) async fn attempt(&self, step: &Step, change: &Change) -> Result<Attempt, CloudError> {
        let begun = self.cloud.now();
        let current = if change.action == Action::Replace { None } else { self.cloud.read(&change.address, &step.call).await? };
        self.took(begun);
        let value = current.as_ref().map_or_else(Digest::absent, |state| state.facet(&step.facet));
        if value == step.after && change.action != Action::Replace {
            return Ok(Attempt::There);
        }
        // A role that this run has made has another trust until it gets its own.
        let fresh = change.action != Action::Update && step.share.is_none();
        if value != step.before && !fresh {
            let found = Drift::Changed { facet: step.facet.clone() };
            return Ok(Attempt::Ended(StepResult::Drifted { found }));
        }
        let document = current.and_then(document);
        let (call, left) = match self.merged(step, document.as_ref()) {
            Ok(merged) => merged,
            Err(found) => return Ok(Attempt::Ended(StepResult::Drifted { found })),
        };
        let begun = self.cloud.now();
        let result = self.cloud.write(&step.account, &call).await;
        self.took(begun);
        if step.share.is_some() {
            // Whatever the answer was: it may have been done.
            self.note(&change.address, document, left, result.is_ok());
        }
        result.map(|()| Attempt::Written)
    }

    /// Notes what a write found and left.
    pub(crate) fn note(&self, address: &Address, over: Option<Document>, left: Option<Document>, done: bool) {
        let mut all = locked(&self.written);
        let mut earlier = Vec::new();
        if let Some(before) = all.remove(address) {
            earlier = before.earlier;
            earlier.push((before.over, before.left));
        }
        all.insert(address.clone(), Written { over, left, at: self.cloud.now(), done, earlier });
    }

    fn took(&self, begun: Duration) {
        let mut longest = locked(&self.round_trip);
        *longest = (*longest).max(self.cloud.now().saturating_sub(begun));
    }
}

impl<C> Run<'_, C> {
    pub(crate) fn written(&self, address: &Address) -> Option<Written> {
        locked(&self.written).get(address).cloned()
    }
}

fn document(state: ObjectState) -> Option<Document> {
    match state {
        ObjectState::BucketPolicy(policy) => policy.document,
        ObjectState::KeyPolicy(policy) => Some(policy.document),
        ObjectState::PermissionSet(set) => set.document,
        ObjectState::Policy(policy) => Some(policy.document),
        _ => None,
    }
}

impl<C> Run<'_, C> {
    /// The call that puts our part into what is there now, and what that leaves.
    fn merged(&self, step: &Step, current: Option<&Document>) -> Result<(Call, Option<Document>), Drift> {
        let Some(share) = &step.share else { return Ok((step.call.clone(), None)) };
        let left = Share::merge(share, current).map_err(|unmergeable| Drift::Unmergeable { unmergeable })?.document;
        let call: Call = match (&step.call, &left) {
            (Call::Bucket(call), Some(document)) => BucketCall::PutPolicy { bucket: call.bucket().clone(), document: document.clone() }.into(),
            (Call::Bucket(call), None) => BucketCall::DeletePolicy { bucket: call.bucket().clone() }.into(),
            (Call::Set(call), Some(document)) => SetCall::PutPolicy { set: call.set().clone(), document: document.clone() }.into(),
            (Call::Set(call), None) => SetCall::DeletePolicy { set: call.set().clone() }.into(),
            (Call::Key(call), Some(document)) => KeyCall::PutPolicy { key: call.key().clone(), document: document.clone() }.into(),
            // A key always has a policy, and since the plan was made somebody has taken everything but ours out of this one: what
            // was planned would put theirs back.
            (Call::Key(_), None) => return Err(Drift::Changed { facet: step.facet.clone() }),
            (Call::Iam(call), Some(document)) => self.policy(step, call, current.is_some(), document),
            // Nobody else is in it: it may go.
            (Call::Iam(_), None) => step.call.clone(),
        };
        Ok((call, left))
    }

    /// The call that writes a managed policy that belongs to many, whether it is there or not.
    fn policy(&self, step: &Step, call: &IamCall, there: bool, document: &Document) -> Call {
        match call {
            IamCall::CreatePolicy { name, path, description, tags, .. } if !there => {
                let (name, path, description, tags) = (name.clone(), path.clone(), description.clone(), tags.clone());
                IamCall::CreatePolicy { name, path, description, document: document.clone(), tags }.into()
            }
            IamCall::CreatePolicyVersion { arn, .. }
            | IamCall::DeletePolicy { arn }
            | IamCall::DeletePolicyVersion { arn, .. }
            | IamCall::DetachPolicy { arn, .. } => IamCall::CreatePolicyVersion { arn: arn.clone(), document: document.clone() }.into(),
            _ => {
                let arn = step.call.made_arn(&step.account, self.plan.partition).unwrap_or_default();
                IamCall::CreatePolicyVersion { arn, document: document.clone() }.into()
            }
        }
    }
}
