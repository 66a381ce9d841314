//! Runs a plan's steps once, safely, over any [`Cloud`].
//!
//! Everything is read in bulk first. A step then finds the part of the object that it writes as it was planned from (go on),
//! as it was planned to (already done), or otherwise (drifted: nothing is written). Documents that are replaced whole are
//! read again right before. A step that fails holds back those that need it, and nothing else. At the end everything that
//! was written is read back, in bulk, until it is seen.
//!
//! The window between the last read and the write remains: neither IAM nor bucket policies have conditional writes. A write
//! that was overtaken in it is found by the reading back, and said.

mod step;
mod verify;
mod visible;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_model::outcome::Event;
use crossrole_model::{Call, Cloud, Observed, Outcome, Plan, Step, StepId, StepResult};
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
    /// ARNs and names that this plan makes: "not found" may mean "not visible yet" for them.
    pub(crate) made: BTreeSet<String>,
    pub(crate) retries: std::sync::atomic::AtomicU64,
    pub(crate) gate: visible::Gate,
}

/// Carries out `plan`. When `stop` becomes true, calls in flight end and no other begins.
pub async fn apply<C: Cloud>(cloud: &C, plan: &Plan, options: Options, say: Listener<'_>, stop: &AtomicBool) -> Outcome {
    say(Event::Started { steps: plan.steps.len() });
    let observed = cloud.observe(&plan.scope).await;
    let run = Run { cloud, plan, observed, say, made: made(plan), retries: std::sync::atomic::AtomicU64::new(0), gate: visible::Gate::default() };
    let results = run.steps(options.concurrency.max(1), stop).await;
    let interrupted = stop.load(Ordering::Relaxed);
    let unverified = verify::verify(&run, &results, stop).await;
    say(Event::Ended);
    Outcome { steps: results, unverified, retries: run.retries.load(Ordering::Relaxed), interrupted }
}

fn made(plan: &Plan) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for step in &plan.steps {
        let mut arn = |kind: &str, path: &str, name: &str| made.insert(plan.partition.iam_arn(&step.account, kind, path, name));
        match &step.call {
            Call::CreateRole { name, path, .. } => arn("role", path, name),
            Call::CreateUser { name, path, .. } => arn("user", path, name),
            Call::CreatePolicy { name, path, .. } => arn("policy", path, name),
            Call::CreateBucket { bucket, .. } => made.insert(bucket.name.clone()),
            _ => false,
        };
    }
    made
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
