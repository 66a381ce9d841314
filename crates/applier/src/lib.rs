//! Runs a plan's steps once, safely, over any [`Cloud`].
//!
//! Everything is read in bulk first. A step then finds the part of the object that it writes as it was planned from (go on),
//! as it was planned to (already done), or otherwise (drifted: nothing is written). A step that fails holds back those that
//! need it, and nothing else. At the end everything that was written is read back, in bulk, until it is seen.
//!
//! Documents that belong to many (module `shared`) are read before each attempt, our statements are put into what is there, and
//! the whole is written once. Neither IAM nor bucket policies have conditional writes, so the window of that one round trip
//! remains: statements of ours that somebody overwrote in it are found by the reading back, and put in again.

mod pace;
mod shared;
mod step;
mod verify;
mod visible;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossrole_model::outcome::Event;
use crossrole_model::{Address, Cloud, Observed, Outcome, Plan, Step, StepId, StepResult};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// How a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Most steps at the same time.
    pub concurrency: usize,
}

/// Receives what happens.
pub type Listener<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// Everything the steps share.
pub(crate) struct Run<'a, C> {
    pub(crate) cloud: &'a C,
    pub(crate) plan: &'a Plan,
    pub(crate) observed: Observed,
    pub(crate) say: Listener<'a>,
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
/// When `stop` becomes true, calls in flight end and no other begins.
pub async fn apply<C: Cloud>(cloud: &C, plan: &Plan, observed: Option<Observed>, options: Options, say: Listener<'_>, stop: &AtomicBool) -> Outcome {
    say(Event::Started { steps: plan.steps.len() });
    let observed = match observed {
        Some(observed) => observed,
        None => cloud.observe(&plan.scope).await,
    };
    let run =
        Run { cloud, plan, observed, say, retries: AtomicU64::new(0), gate: visible::Gate::default(), written: Mutex::default(), round_trip: Mutex::default() };
    let results = run.steps(options.concurrency.max(1), stop).await;
    let interrupted = stop.load(Ordering::Relaxed);
    let unverified = verify::verify(&run, &results, stop).await;
    say(Event::Ended);
    Outcome { steps: results, unverified, retries: run.retries.load(Ordering::Relaxed), interrupted }
}

impl<C: Cloud> Run<'_, C> {
    async fn steps(&self, concurrency: usize, stop: &AtomicBool) -> Vec<StepResult> {
        let steps = &self.plan.steps;
        let mut results: Vec<Option<StepResult>> = vec![None; steps.len()];
        let mut open: Vec<usize> = steps.iter().map(|s| s.needs.len()).collect();
        let mut wanted_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            for need in &step.needs {
                wanted_by.entry(need.0).or_default().push(at);
            }
        }
        let mut ready: BTreeSet<(u8, usize)> = steps.iter().enumerate().filter(|(_, step)| step.needs.is_empty()).map(|(at, step)| (rank(step), at)).collect();
        let mut busy: BTreeSet<&str> = BTreeSet::new();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < concurrency && !stop.load(Ordering::Relaxed) {
                let Some((at, step)) = next(&mut ready, steps, &busy) else { break };
                if let Some(bucket) = step.call.bucket() {
                    busy.insert(&bucket.name);
                }
                running.push(async move { (at, self.step(StepId(at), step).await) });
            }
            let Some((at, result)) = running.next().await else { break };
            if let Some(bucket) = steps.get(at).and_then(|s| s.call.bucket()) {
                busy.remove(bucket.name.as_str());
            }
            (self.say)(Event::StepEnded { step: StepId(at), result: result.clone() });
            if result.is_done() {
                for later in wanted_by.get(&at).into_iter().flatten() {
                    if let Some(count) = open.get_mut(*later) {
                        *count = count.saturating_sub(1);
                        if *count == 0
                            && results.get(*later).is_some_and(Option::is_none)
                            && let Some(step) = steps.get(*later)
                        {
                            ready.insert((rank(step), *later));
                        }
                    }
                }
            } else {
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

/// Power is taken away before it is given where the edges leave the choice, and what is created early has become visible by
/// the time that something is put on it.
fn rank(step: &Step) -> u8 {
    if step.call.removes() { 0 } else { 1 + u8::from(!step.call.creates()) }
}

/// The first ready step, by rank, whose bucket nobody writes to at the moment.
fn next<'s>(ready: &mut BTreeSet<(u8, usize)>, steps: &'s [Step], busy: &BTreeSet<&str>) -> Option<(usize, &'s Step)> {
    let free = |at: usize| steps.get(at).and_then(|s| s.call.bucket()).is_none_or(|b| !busy.contains(b.name.as_str()));
    let (rank, at) = ready.iter().copied().find(|(_, at)| free(*at))?;
    ready.remove(&(rank, at));
    Some((at, steps.get(at)?))
}
