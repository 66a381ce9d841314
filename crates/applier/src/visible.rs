//! Waiting for what this run has made, with one bulk read for all who wait.
//!
//! A write onto a new object is tried at once, since most are seen at once. The first "not found" closes the gate: from then
//! on a step waits until a bulk read shows its object, instead of asking again and again by writing.

use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_model::observed::Scope;
use crossrole_model::{Call, Change, Cloud, Observed};
use futures_util::lock::Mutex;

use crate::Run;
use crate::step::ATTEMPTS_VISIBILITY;

/// Open until a write was answered "not found"; with the newest bulk read, shared by all steps.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closed: AtomicBool,
    seen: Mutex<(u64, Option<Observed>)>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl<C: Cloud> Run<'_, C> {
    /// Returns when a bulk read has shown the change's object, or when waiting longer makes no sense; the write then finds
    /// out what is wrong.
    pub(crate) async fn until_visible(&self, change: &Change) {
        if !self.gate.closed.load(Ordering::Relaxed) {
            return;
        }
        let mut known = 0;
        for round in 1..=ATTEMPTS_VISIBILITY {
            let mut seen = self.gate.seen.lock().await;
            let shows = |observed: &Option<Observed>| observed.as_ref().is_some_and(|o| matches!(o.state(&change.address), Ok(Some(_)) | Err(_)));
            if shows(&seen.1) {
                return;
            }
            // Somebody else has read since this step looked: its turn to read comes after a pause of its own.
            if seen.0 == known {
                *seen = (known + 1, Some(self.cloud.observe(&self.made_scope()).await));
                if shows(&seen.1) {
                    return;
                }
            }
            known = seen.0;
            drop(seen);
            self.cloud.pause(round).await;
        }
    }

    /// The accounts and buckets that this plan makes something in.
    fn made_scope(&self) -> Scope {
        let mut scope = Scope::default();
        for step in self.plan.steps.iter().filter(|s| s.call.creates()) {
            match (&step.call, step.call.bucket()) {
                (Call::CreateBucket { .. }, Some(bucket)) => {
                    if let Some(wanted) = self.plan.scope.buckets.get(&bucket.name) {
                        scope.buckets.insert(bucket.name.clone(), wanted.clone());
                    }
                }
                _ => {
                    let objects = self.plan.scope.accounts.get(&step.account).cloned().unwrap_or_default();
                    scope.accounts.insert(step.account.clone(), objects);
                }
            }
        }
        scope
    }
}
