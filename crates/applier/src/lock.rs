//! Taking, keeping and giving back a lock, over any [`LockStore`].
//!
//! Every change reads the table, decides, and writes it on condition that nobody else has written since. A write whose answer was
//! lost is not taken for done or undone: the table is read again, and tells. A run holds its lock for two thirds of the lease
//! since it last asked for it; the last third is for what it has sent and may still arrive, and for clocks that differ.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossrole_model::lock::{LockError, LockFound, LockOver, LockRead, Lost};
use crossrole_model::{AccountId, ErrorClass, Lock, LockId, LockStore, LockTable};
use futures_util::future::{Either, select};

/// Attempts of one change, the first included. Of runs that write at the same moment one gets through each time, and the pauses
/// between spread the others.
const TURNS: u32 = 30;

/// The longest pause between two attempts is so much longer with each, up to a second.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MOST: Duration = Duration::from_secs(1);

/// No attempt begins after so long: as long as the shortest lock holds.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a run wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What the lock will be called.
    pub id: LockId,
    /// The accounts that it writes in.
    pub accounts: BTreeSet<AccountId>,
    /// Who asks, in which run, and what for.
    pub who: String,
    /// The run of a pipeline.
    pub run: String,
    /// `apply` or `destroy`.
    pub command: String,
    /// How long it holds unless it is renewed, in seconds.
    pub lease: u64,
}

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// It.
    pub lock: Lock,
    /// Until when the run may count on it, as the store tells the time.
    pub until: Duration,
}

/// What came of wanting a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is held.
    Held(Lease),
    /// Others hold one of its accounts.
    Locked {
        /// They.
        by: Vec<Lock>,
        /// The time, as the table's keeper tells it.
        at: i64,
    },
}

/// What came of renewing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    /// It is held on.
    Held(Lease),
    /// It is not there any more; who has taken its accounts.
    Gone(Vec<Lock>),
}

/// What is to become of the table.
enum Turn<T> {
    Leave(T),
    Write(LockTable, T),
}

/// Takes a lock, unless others hold one of its accounts.
///
/// # Errors
/// The table can't be read or written. It may have been written all the same: [`release`] finds out.
pub async fn take<S: LockStore>(store: &S, wish: &Wish) -> Result<Taken, LockError> {
    change(store, &wish.id, |table, at, before| {
        // The answer to an earlier attempt was lost.
        if let Some(lock) = table.get(&wish.id) {
            return Turn::Leave(Taken::Held(lease(lock, wish.lease, at, before)));
        }
        let by: Vec<Lock> = table.against(&wish.accounts, &wish.id, at).into_iter().cloned().collect();
        if !by.is_empty() {
            return Turn::Leave(Taken::Locked { by, at });
        }
        let Wish { id, accounts, who, run, command, lease: _ } = wish.clone();
        let lock = Lock { id, accounts, who, run, command, since: at, expires: ends(at, wish.lease) };
        let held = Taken::Held(lease(&lock, wish.lease, at, before));
        Turn::Write(table.with(lock, at), held)
    })
    .await
}

/// Makes a lock hold on.
///
/// # Errors
/// The table can't be read or written.
pub async fn renew<S: LockStore>(store: &S, id: &LockId, accounts: &BTreeSet<AccountId>, seconds: u64) -> Result<Renewed, LockError> {
    change(store, id, |table, at, before| match table.get(id) {
        None => Turn::Leave(Renewed::Gone(table.against(accounts, id, at).into_iter().cloned().collect())),
        Some(lock) => {
            // It never ends before it would have.
            let lock = Lock { expires: lock.expires.max(ends(at, seconds)), ..lock.clone() };
            let held = Renewed::Held(lease(&lock, seconds, at, before));
            Turn::Write(table.with(lock, at), held)
        }
    })
    .await
}

/// Gives a lock back, or removes one; whether it was there. Where an attempt to take it was not answered (`unsure`), the table is written
/// even without it: that attempt may arrive late, and finds another table then.
///
/// # Errors
/// The table can't be read or written.
pub async fn release<S: LockStore>(store: &S, id: &LockId, writer: &LockId, unsure: bool) -> Result<bool, LockError> {
    // That it is gone after a lost answer is our own doing.
    let found = AtomicBool::new(false);
    change(store, writer, |table, _, _| {
        let is_there = table.get(id).is_some();
        let was_there = found.fetch_or(is_there, Ordering::Relaxed) || is_there;
        if is_there || unsure && !table.is_last_of(writer) {
            return Turn::Write(table.without(id, writer), was_there);
        }
        Turn::Leave(was_there)
    })
    .await
}

/// Returns all locks, and the time as their keeper tells it.
///
/// # Errors
/// The table can't be read.
pub async fn look<S: LockStore>(store: &S) -> Result<(LockTable, i64), LockError> {
    let LockRead { found, at } = store.read().await.map_err(LockError::Cloud)?;
    match found {
        LockFound::Nothing => Ok((LockTable::default(), at)),
        LockFound::Hidden(error) => Err(LockError::Cloud(error)),
        LockFound::Object { bytes, .. } => Ok((LockTable::parse(&bytes).map_err(LockError::NoTable)?, at)),
    }
}

/// Renews a lock whenever a third of its lease is over; returns when it is lost.
pub async fn keep<S: LockStore>(store: &S, mut held: Lease, seconds: u64) -> Lost {
    let (id, accounts) = (held.lock.id.clone(), held.lock.accounts.clone());
    let mut last = None;
    loop {
        // A third of the lease after it was last asked for, however long the answer took.
        let due = held.until.saturating_sub(Duration::from_secs(seconds) / 3);
        store.sleep(due.saturating_sub(store.now())).await;
        loop {
            let left = held.until.saturating_sub(store.now());
            if left.is_zero() {
                return Lost::NotRenewed(last);
            }
            // A call that hangs must not outlive the lock.
            match select(pin!(renew(store, &id, &accounts, seconds)), pin!(store.sleep(left))).await {
                Either::Left((Ok(Renewed::Held(next)), _)) => {
                    (held, last) = (next, None);
                    break;
                }
                Either::Left((Ok(Renewed::Gone(by)), _)) => return Lost::Gone(by),
                Either::Left((Err(error), _)) => {
                    last = Some(error);
                    store.sleep(PAUSE_MOST.min(left)).await;
                }
                Either::Right(_) => return Lost::NotRenewed(last),
            }
        }
    }
}

/// How long the run may count on a lock: since before the time was asked for, and not in the last third.
fn lease(lock: &Lock, seconds: u64, at: i64, before: Duration) -> Lease {
    let left = u64::try_from(lock.expires.saturating_sub(at)).unwrap_or(0);
    Lease { lock: lock.clone(), until: before + Duration::from_secs(left.saturating_sub(seconds / 3)) }
}

fn ends(at: i64, seconds: u64) -> i64 {
    at.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Changes the table as `decide` says of what is there, until nobody else has written in between.
async fn change<S: LockStore, T>(store: &S, writer: &LockId, decide: impl Fn(&LockTable, i64, Duration) -> Turn<T>) -> Result<T, LockError> {
    let mut last = LockError::Contended;
    let begun = store.now();
    for turn in 0..TURNS {
        if turn > 0 {
            if store.now().saturating_sub(begun) >= PATIENCE {
                break;
            }
            store.sleep((PAUSE * turn).min(PAUSE_MOST) / 256 * (1 + writer.chance(turn))).await;
        }
        let before = store.now();
        let LockRead { found, at } = store.read().await.map_err(LockError::Cloud)?;
        let (table, over, hidden) = match found {
            LockFound::Nothing => (LockTable::default(), LockOver::Nothing, None),
            LockFound::Object { bytes, etag } => (LockTable::parse(&bytes).map_err(LockError::NoTable)?, LockOver::This(etag), None),
            // Where it is not there, it can be made; nothing else can be said of it.
            LockFound::Hidden(error) => (LockTable::default(), LockOver::Nothing, Some(error)),
        };
        let (table, value) = match (decide(&table, at, before), &hidden) {
            (Turn::Leave(_), Some(error)) => return Err(LockError::Cloud(error.clone())),
            (Turn::Leave(value), None) => return Ok(value),
            (Turn::Write(table, value), _) => (table, value),
        };
        let text = table.to_json().ok_or(LockError::Full)?;
        match (store.write(text, &over).await, hidden) {
            (Ok(true), _) => return Ok(value),
            (Ok(false), Some(error)) => return Err(LockError::Cloud(error)),
            (Ok(false), None) => last = LockError::Contended,
            (Err(error), _) if may_be_done(error.class) => last = LockError::Cloud(error),
            (Err(error), _) => return Err(LockError::Cloud(error)),
        }
    }
    Err(last)
}

/// Errors after which another look tells, or another attempt may succeed.
fn may_be_done(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Throttled
        | ErrorClass::Server
        | ErrorClass::Network
        | ErrorClass::Unanswered
        | ErrorClass::NotAws
        | ErrorClass::Unresolved
        | ErrorClass::Conflict => true,
        ErrorClass::Denied
        | ErrorClass::NotFound
        | ErrorClass::AlreadyExists
        | ErrorClass::UnknownPrincipal
        | ErrorClass::Quota
        | ErrorClass::Invalid
        | ErrorClass::NotEmpty
        | ErrorClass::State
        | ErrorClass::Credentials
        | ErrorClass::NotAssumed
        | ErrorClass::Certificate
        | ErrorClass::Proxy
        | ErrorClass::Interrupted
        | ErrorClass::Other => false,
    }
}
