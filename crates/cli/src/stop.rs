//! Why a command ends before its work is done: somebody wants it, or the time that it was given is over.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossrole_model::AccountId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::failure::{Exit, Failure};
use crate::interrupt::{Interrupts, Signal};

/// Most accounts that are named: who waits for one of them waits for the others, too.
const ACCOUNTS_MOST: usize = 3;

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A signal has come.
    Signal(Signal),
    /// All waiting may take so long, and has (`--timeout-total`).
    Time(Duration),
    /// Another run may write now.
    Lost,
}

impl Stop {
    /// As in "interrupted while reading".
    pub(crate) fn why(self) -> String {
        match self {
            Self::Signal(_) => "interrupted".to_owned(),
            Self::Lost => "the lock is lost".to_owned(),
            Self::Time(given) => format!("the {} seconds of `--timeout-total` are over", given.as_secs()),
        }
    }

    /// How the command ends.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Signal(signal) => Exit::Signal(signal.number()),
            Self::Time(_) => Exit::Failed,
            Self::Lost => Exit::Locked,
        }
    }

    /// It came while something was done that writes nothing.
    pub(crate) fn while_(self, doing: &str) -> Failure {
        let hint = match self {
            Self::Signal(_) => "nothing was written",
            Self::Lost => "nothing was written; run it again",
            Self::Time(_) => "nothing was written; give it longer, or see with `CROSSROLE_LOG=debug` what takes so long",
        };
        Failure::stopped(self.exit(), format!("{} while {doing}", self.why()), hint)
    }
}

/// "reading account 222222222222 (ListRoles)": what is waited for, by account.
pub(crate) fn reading(under_way: &BTreeMap<AccountId, BTreeSet<String>>) -> String {
    let named = under_way.iter().take(ACCOUNTS_MOST);
    let mut parts: Vec<String> =
        named.map(|(account, operations)| format!("account {account} ({})", operations.iter().cloned().collect::<Vec<_>>().join(", "))).collect();
    match under_way.len().saturating_sub(ACCOUNTS_MOST) {
        0 => {}
        1 => parts.push("1 more".to_owned()),
        more => parts.push(format!("{more} more")),
    }
    format!("reading {}", parts.join(", ")).trim_end().to_owned()
}

/// Hears of whatever ends the command.
#[derive(Debug)]
pub(crate) struct Stops {
    /// Made when something is first waited for: until then, signals have their usual effect.
    interrupts: Mutex<Option<Interrupts>>,
    /// The longest that all waiting may take, where that was said, and when that is over.
    time: Mutex<Option<(Duration, Instant)>>,
    /// Becomes true when the lock of this run is lost, where there is one.
    lost: Mutex<Option<watch::Receiver<bool>>>,
    /// There was a reason to end.
    stopped: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stops {
    /// From now on, so much time is left; `None`: as long as it takes.
    pub(crate) fn new(total: Option<Duration>) -> Self {
        let time = Mutex::new(total.map(|total| (total, Instant::now() + total)));
        Self { interrupts: Mutex::default(), time, lost: Mutex::default(), stopped: AtomicBool::new(false) }
    }

    /// From now on, that a lock is lost is a reason to end.
    pub(crate) fn heed(&self, lost: watch::Receiver<bool>) {
        *locked(&self.lost) = Some(lost);
    }

    /// It is given back.
    pub(crate) fn heed_none(&self) {
        *locked(&self.lost) = None;
    }

    /// Tells whether there was a reason to end.
    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Returns when there is a reason to end. That the time is over, or the lock lost, is one only once.
    pub(crate) async fn next(&self) -> Stop {
        let stop = self.reason().await;
        self.stopped.store(true, Ordering::Relaxed);
        stop
    }

    async fn reason(&self) -> Stop {
        let kept = locked(&self.lost).clone();
        let lost = async {
            let Some(mut kept) = kept else { return std::future::pending().await };
            if kept.wait_for(|lost| *lost).await.is_err() {
                return std::future::pending().await;
            }
            *locked(&self.lost) = None;
            Stop::Lost
        };
        let time = *locked(&self.time);
        let over = async {
            match time {
                Some((total, at)) => {
                    tokio::time::sleep_until(at).await;
                    *locked(&self.time) = None;
                    Stop::Time(total)
                }
                None => std::future::pending().await,
            }
        };
        let signal = std::future::poll_fn(|context| locked(&self.interrupts).get_or_insert_with(Interrupts::new).poll(context));
        tokio::select! {
            biased;
            signal = signal => Stop::Signal(signal),
            stop = lost => stop,
            stop = over => stop,
        }
    }

    /// The value of `work`, unless there is a reason to end first.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            stop = self.next() => Err(stop),
            value = work => Ok(value),
        }
    }

    /// The same for a person's answer, whose time is nobody's.
    pub(crate) async fn or_person<T>(&self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let begun = Instant::now();
        let kept = locked(&self.time).take();
        let result = self.or(work).await;
        *locked(&self.time) = kept.map(|(total, at)| (total, at + begun.elapsed()));
        result
    }
}
