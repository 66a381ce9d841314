//! Which step is next: those that may run, by account, with the places that are free.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Step};

/// The steps of one account.
#[derive(Debug, Default)]
struct Lane {
    /// Those that may run, by rank.
    ready: BTreeSet<(u8, usize)>,
    running: usize,
}

/// Steps that wait for nothing but a place.
#[derive(Debug)]
pub(crate) struct Queue<'p> {
    steps: &'p [Step],
    /// Most at the same time in one account.
    most: usize,
    lanes: BTreeMap<&'p AccountId, Lane>,
    /// Buckets that somebody writes to at the moment.
    busy: BTreeSet<&'p str>,
}

impl<'p> Queue<'p> {
    pub(crate) fn new(steps: &'p [Step], most: usize) -> Self {
        Self { steps, most, lanes: BTreeMap::new(), busy: BTreeSet::new() }
    }

    /// A step may run.
    pub(crate) fn ready(&mut self, at: usize) {
        if let Some(step) = self.steps.get(at) {
            self.lanes.entry(&step.account).or_default().ready.insert((rank(step), at));
        }
    }

    /// Takes the first step, by rank, whose account has a place and whose bucket nobody writes to.
    pub(crate) fn next(&mut self) -> Option<(usize, &'p Step)> {
        let (steps, busy) = (self.steps, &self.busy);
        let free = |at: usize| steps.get(at).and_then(|s| s.call.bucket()).is_none_or(|b| !busy.contains(b.name.as_str()));
        let open = self.lanes.values().filter(|lane| lane.running < self.most);
        let (rank, at) = open.filter_map(|lane| lane.ready.iter().copied().find(|(_, at)| free(*at))).min()?;
        let step = steps.get(at)?;
        let lane = self.lanes.entry(&step.account).or_default();
        lane.ready.remove(&(rank, at));
        lane.running += 1;
        if let Some(bucket) = step.call.bucket() {
            self.busy.insert(&bucket.name);
        }
        Some((at, step))
    }

    /// A step that was taken has ended.
    pub(crate) fn ended(&mut self, at: usize) {
        let Some(step) = self.steps.get(at) else { return };
        if let Some(lane) = self.lanes.get_mut(&step.account) {
            lane.running = lane.running.saturating_sub(1);
        }
        if let Some(bucket) = step.call.bucket() {
            self.busy.remove(bucket.name.as_str());
        }
    }
}

/// Power is taken away before it is given where the edges leave the choice, and what is created early has become visible by
/// the time that something is put on it.
fn rank(step: &Step) -> u8 {
    if step.call.removes() { 0 } else { 1 + u8::from(!step.call.creates()) }
}
