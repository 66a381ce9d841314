//! Runs a plan's steps once, safely, over any [`Cloud`].
//!
//! Everything is read in bulk first. A step then finds the part of the object that it writes as it was planned from (go on),
//! as it was planned to (already done), or otherwise (drifted: nothing is written). A step that fails holds back those that
//! need it, and nothing else. At the end everything that was written is read back, in bulk, until it is seen.
//!
//! Documents that belong to many (module `shared`) are read before each attempt, our statements are put into what is there, and
//! the whole is written once. Neither IAM nor bucket policies have conditional writes, so the window of that one round trip
//! remains: statements of ours that somebody overwrote in it are found by the reading back, and put in again.

pub mod lock;
mod pace;
mod queue;
mod shared;
mod step;
mod verify;
mod visible;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossrole_model::outcome::Event;
use crossrole_model::{Address, Cloud, Observed, Outcome, Plan, StepId, StepResult};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use queue::Queue;

/// How a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Most steps at the same time in one account: each makes one call at a time.
    pub concurrency: usize,
    /// Most steps at the same time in all accounts.
    pub total: usize,
    /// How long a step is throttled before it is given up.
    pub timeout: Duration,
}

/// Receives what happens.
pub type Listener<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// Everything the steps share.
pub(crate) struct Run<'a, C> {
    pub(crate) cloud: &'a C,
    pub(crate) plan: &'a Plan,
    pub(crate) observed: Observed,
    pub(crate) say: Listener<'a>,
    pub(crate) stop: &'a AtomicBool,
    pub(crate) timeout: Duration,
    pub(crate) retries: AtomicU64,
    pub(crate) gate: visible::Gate,
    /// What was done to documents that belong to many.
    pub(crate) written: Mutex<BTreeMap<Address, shared::Written>>,
    /// The longest that one call on such a document took.
    pub(crate) round_trip: Mutex<Duration>,
}

/// What a panic left behind while it held the lock is still a valid value.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries out `plan`. `observed` is what it was planned from, if that was a moment ago; else everything is read once more.
/// When `stop` becomes true, calls in flight end and no other begins; that none of them is waited for too long is the cloud's.
pub async fn apply<C: Cloud>(cloud: &C, plan: &Plan, observed: Option<Observed>, options: Options, say: Listener<'_>, stop: &AtomicBool) -> Outcome {
    say(Event::Started { steps: plan.steps.len() });
    let observed = match observed {
        Some(observed) => observed,
        None => cloud.observe(&plan.scope).await,
    };
    let run = Run {
        cloud,
        plan,
        observed,
        say,
        stop,
        timeout: options.timeout,
        retries: AtomicU64::new(0),
        gate: visible::Gate::default(),
        written: Mutex::default(),
        round_trip: Mutex::default(),
    };
    let results = run.steps(options).await;
    let interrupted = run.stopped();
    let unverified = verify::verify(&run, &results).await;
    say(Event::Ended);
    Outcome { steps: results, unverified, retries: run.retries.load(Ordering::Relaxed), interrupted }
}

impl<C> Run<'_, C> {
    /// Tells whether nothing more is to begin.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl<C: Cloud> Run<'_, C> {
    async fn steps(&self, options: Options) -> Vec<StepResult> {
        let steps = &self.plan.steps;
        let mut results: Vec<Option<StepResult>> = vec![None; steps.len()];
        let mut open: Vec<usize> = steps.iter().map(|s| s.needs.len()).collect();
        let mut wanted_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            for need in &step.needs {
                wanted_by.entry(need.0).or_default().push(at);
            }
        }
        let mut queue = Queue::new(steps, options.concurrency.max(1));
        (0..steps.len()).filter(|at| open.get(*at) == Some(&0)).for_each(|at| queue.ready(at));
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < options.total.max(1) && !self.stopped() {
                let Some((at, step)) = queue.next() else { break };
                running.push(async move { (at, self.step(StepId(at), step).await) });
            }
            let Some((at, result)) = running.next().await else { break };
            queue.ended(at);
            (self.say)(Event::StepEnded { step: StepId(at), result: result.clone() });
            if result.is_done() {
                for later in wanted_by.get(&at).into_iter().flatten() {
                    if let Some(count) = open.get_mut(*later) {
                        *count = count.saturating_sub(1);
                        if *count == 0 && results.get(*later).is_some_and(Option::is_none) {
                            queue.ready(*later);
                        }
                    }
                }
            } else if result != StepResult::NotStarted {
                self.skip(at, &wanted_by, &mut results);
            }
            if let Some(slot) = results.get_mut(at) {
                *slot = Some(result);
            }
        }
        results.into_iter().map(|r| r.unwrap_or(StepResult::NotStarted)).collect()
    }

    /// Everything that needs a failed step, however far behind it.
    fn skip(&self, failed: usize, wanted_by: &BTreeMap<usize, Vec<usize>>, results: &mut [Option<StepResult>]) {
        let mut open: Vec<usize> = wanted_by.get(&failed).cloned().unwrap_or_default();
        while let Some(at) = open.pop() {
            if let Some(slot @ None) = results.get_mut(at) {
                let result = StepResult::Skipped { because: StepId(failed) };
                *slot = Some(result.clone());
                (self.say)(Event::StepEnded { step: StepId(at), result });
                open.extend(wanted_by.get(&at).into_iter().flatten());
            }
        }
    }
}
