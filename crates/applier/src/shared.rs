//! Documents that are replaced whole and that others write too: each attempt reads, merges, and writes.
//!
//! Nothing is written from a document older than one round trip. What is put there within that round trip is overwritten all
//! the same, as there are no conditional writes; whoever owns it finds that by reading back. We find it so for ours, and put
//! them in again.

use std::time::Duration;

use crossrole_model::{Action, Address, BucketCall, BucketRef, Call, Change, Cloud, CloudError, Digest, Drift, ObjectState, Step, StepResult};
use crossrole_policy::{Document, Share};

use crate::{Run, locked};

/// What this run last did to one document.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// What was there before it.
    pub(crate) over: Option<Document>,
    /// When.
    pub(crate) at: Duration,
    /// The answer said that it was done.
    pub(crate) done: bool,
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
        let call = match merged(step, document.as_ref()) {
            Ok(call) => call,
            Err(unmergeable) => return Ok(Attempt::Ended(StepResult::Drifted { found: Drift::Unmergeable { unmergeable } })),
        };
        let begun = self.cloud.now();
        let result = self.cloud.write(&step.account, &call).await;
        self.took(begun);
        if step.share.is_some() {
            // Whatever the answer was: it may have been done.
            let written = Written { over: document, at: self.cloud.now(), done: result.is_ok() };
            locked(&self.written).insert(change.address.clone(), written);
        }
        result.map(|()| Attempt::Written)
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
        _ => None,
    }
}

/// The call that puts our part into what is there now.
fn merged(step: &Step, current: Option<&Document>) -> Result<Call, crossrole_policy::Unmergeable> {
    let (Some(share), Some(bucket)) = (&step.share, step.call.bucket()) else { return Ok(step.call.clone()) };
    let merged = Share::merge(share, current)?;
    let bucket: BucketRef = bucket.clone();
    Ok(match merged.document {
        Some(document) => BucketCall::PutPolicy { bucket, document },
        None => BucketCall::DeletePolicy { bucket },
    }
    .into())
}
