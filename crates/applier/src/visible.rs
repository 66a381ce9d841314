//! Waiting for what this run has made, with one bulk read for all who wait.
//!
//! A write onto a new object is tried at once, since most are seen at once. The first "not found" closes the gate: from then
//! on a step waits until a bulk read shows what it names and is put on, instead of asking again and again by writing. It
//! never waits for what only itself will make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::{Address, Cloud, KeyRef, Kind, Step};

use crate::pace::{VISIBLE_MOST, pause};
use crate::{Run, locked};

/// Open until a write was answered "not found"; with what the bulk reads have shown, shared by all steps.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closed: AtomicBool,
    seen: futures_util::lock::Mutex<Seen>,
    /// When each object was made.
    made: Mutex<BTreeMap<Address, Duration>>,
    /// The longest that anything took to become visible.
    lag: Mutex<Duration>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Bulk reads so far.
    reads: u64,
    /// Objects of this run that were seen, or that can't be read: the write finds out what is wrong with those.
    objects: BTreeSet<Address>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn made(&self, address: &Address, at: Duration) {
        locked(&self.made).insert(address.clone(), at);
    }

    /// The longest that anything took to become visible in this run; zero where everything was at once.
    pub(crate) fn lag(&self) -> Duration {
        *locked(&self.lag)
    }
}

impl<C: Cloud> Run<'_, C> {
    /// Returns when a bulk read has shown all that the step awaits, or when waiting longer makes no sense; the write then
    /// finds out what is wrong.
    pub(crate) async fn until_visible(&self, step: &Step) {
        if step.awaits.is_empty() || !self.gate.closed.load(Ordering::Relaxed) {
            return;
        }
        let begun = self.cloud.now();
        let mut known = 0;
        loop {
            let mut seen = self.gate.seen.lock().await;
            let late = |seen: &Seen| step.awaits.iter().any(|a| !seen.objects.contains(a) && locked(&self.gate.made).contains_key(a));
            // Somebody else has read since this step looked: its turn to read comes after a pause of its own.
            if late(&seen) && seen.reads == known {
                self.read(&mut seen).await;
            }
            if !late(&seen) {
                return;
            }
            known = seen.reads;
            drop(seen);
            let elapsed = self.cloud.now().saturating_sub(begun);
            if elapsed >= VISIBLE_MOST || self.stopped() {
                return;
            }
            self.cloud.sleep(pause(elapsed)).await;
        }
    }

    /// Looks in bulk for all that this run has made and nobody has seen yet.
    async fn read(&self, seen: &mut Seen) {
        let late: BTreeMap<Address, Duration> =
            locked(&self.gate.made).iter().filter(|(address, _)| !seen.objects.contains(*address)).map(|(a, at)| (a.clone(), *at)).collect();
        let observed = self.cloud.observe(&self.scope_of(late.keys())).await;
        let now = self.cloud.now();
        seen.reads += 1;
        for (address, at) in late {
            if matches!(observed.state(&address), Ok(Some(_)) | Err(_)) {
                let mut lag = locked(&self.gate.lag);
                *lag = (*lag).max(now.saturating_sub(at));
                seen.objects.insert(address);
            }
        }
    }

    fn scope_of<'a>(&self, addresses: impl Iterator<Item = &'a Address>) -> Scope {
        let mut scope = Scope { presence: true, ..Scope::default() };
        for address in addresses {
            if address.kind == Kind::Bucket {
                if let Some(wanted) = self.plan.scope.buckets.get(&address.name) {
                    scope.buckets.insert(address.name.clone(), BucketScope { settings: None, encryption: false, ..wanted.clone() });
                }
            } else if address.kind == Kind::Key {
                scope.keys.insert(KeyRef::named(self.plan.partition, &address.account, &address.name).arn);
                scope.keys_to_make.clone_from(&self.plan.scope.keys_to_make);
            } else {
                scope.accounts.entry(address.account.clone()).or_default().insert(address.clone());
            }
        }
        scope
    }
}
