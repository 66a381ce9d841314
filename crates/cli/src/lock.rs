//! The lock of a run that writes: taken before anything is read, renewed beside everything, given back however the run ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crossrole_applier::lock::{self, Lease, Renewed, Taken, Wish};
use crossrole_cloud::Locks;
use crossrole_model::lock::{LockError, Lost};
use crossrole_model::{AccountId, Desired, LockId, LockPlace, Plan};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::args::LockArgs;
use crate::environment;
use crate::failure::Failure;
use crate::session::Session;

/// The longest that giving it back takes. Then it ends by itself.
const RELEASE: Duration = Duration::from_secs(30);

/// The same once somebody wants the command to end: as much as writes in flight get.
const RELEASE_STOPPED: Duration = Duration::from_secs(5);

/// How long it is before a lock that others hold is looked at again: so long, and up to twice as long, by chance.
const LOOK: Duration = Duration::from_secs(2);

/// How often it is said that a lock is waited for.
const SAID: Duration = Duration::from_secs(30);

/// The accounts that the run is known to write in before anything is read.
pub(crate) fn accounts(desired: &Desired) -> BTreeSet<AccountId> {
    desired.objects.keys().map(|address| address.account.clone()).collect()
}

/// A lock that is held.
pub(crate) struct Held<'s> {
    session: &'s Session,
    store: Arc<Locks>,
    wish: Wish,
    keeper: JoinHandle<()>,
}

/// Takes the lock of these accounts, or waits for it as long as was said.
pub(crate) async fn take<'s>(
    place: &LockPlace,
    accounts: BTreeSet<AccountId>,
    args: &LockArgs,
    command: &str,
    session: &'s Session,
) -> Result<Held<'s>, Failure> {
    let opened = session.stops.or(session.aws.locks(place)).await.map_err(|stop| stop.while_("reaching the lock"))?;
    let store = Arc::new(opened.map_err(|error| failed(&LockError::Cloud(error), place))?);
    let who = store.runner().to_owned();
    let wish = Wish { id: LockId::fresh(), accounts, who, run: environment::run(), command: command.to_owned(), lease: place.lease };
    match wait(&store, &wish, args, session).await {
        Ok(lease) => Ok(Held::keep(session, store, wish, lease)),
        Err(failure) => {
            // What was sent may have been done, or still be.
            if store.has_written() {
                give_back(session, &store, &wish.id, true).await;
            }
            Err(failure)
        }
    }
}

async fn wait(store: &Locks, wish: &Wish, args: &LockArgs, session: &Session) -> Result<Lease, Failure> {
    let place = store.place();
    let (begun, most) = (Instant::now(), args.lock_timeout.unwrap_or_default());
    let (mut said, mut turn) = (None::<Instant>, 0);
    loop {
        let taken = session.stops.or(lock::take(store, wish)).await.map_err(|stop| stop.while_("taking the lock"))?;
        let left = most.saturating_sub(begun.elapsed());
        let (by, at) = match taken {
            Ok(Taken::Held(lease)) => return Ok(lease),
            Ok(Taken::Locked { by, at }) => (by, at),
            Err(LockError::Contended) if !left.is_zero() => (Vec::new(), 0),
            Err(error) => return Err(failed(&error, place)),
        };
        if left.is_zero() {
            let id = by.first().map_or_else(String::new, |lock| lock.id.to_string());
            let hint = format!("wait for it with `--lock-timeout 5m`; where that run is gone for good, `crossrole force-unlock {id}`");
            return Err(Failure::locked(crossrole_report::locked(&by, &wish.accounts), hint).with(&crossrole_report::locks(&by, at)));
        }
        if !by.is_empty() && said.is_none_or(|at| at.elapsed() >= SAID) {
            let head = format!("waiting, up to {} seconds more: {}", left.as_secs(), crossrole_report::locked(&by, &wish.accounts));
            session.told.line(&format!("{head}\n{}", crossrole_report::locks(&by, at).trim_end()));
            said = Some(Instant::now());
        }
        let pause = LOOK + LOOK / 256 * wish.id.chance(turn);
        turn = turn.wrapping_add(1);
        session.stops.or(tokio::time::sleep(pause.min(left))).await.map_err(|stop| stop.while_("waiting for the lock"))?;
    }
}

impl<'s> Held<'s> {
    /// Renews it from now on, beside whatever is done.
    fn keep(session: &'s Session, store: Arc<Locks>, wish: Wish, lease: Lease) -> Self {
        let (lost, told) = watch::channel(false);
        session.stops.heed(told);
        let (kept, console, seconds) = (Arc::clone(&store), Arc::clone(&session.told), wish.lease);
        let keeper = tokio::spawn(async move {
            let why = lock::keep(&*kept, lease, seconds).await;
            console.line(&format!("the lock of this run is lost: {}", crossrole_report::lock_lost(&why, kept.place())));
            let _ = lost.send(true);
            // Whoever listens is told once; that nobody sends any more would be no news.
            std::future::pending::<()>().await;
        });
        Self { session, store, wish, keeper }
    }

    /// The accounts that a plan writes in and that are not locked.
    pub(crate) fn beyond(&self, plan: &Plan) -> BTreeSet<AccountId> {
        plan.steps.iter().map(|step| &step.account).filter(|account| !self.wish.accounts.contains(account)).cloned().collect()
    }

    /// Whether it is still held, asked anew: a machine that slept while somebody thought did not hear that it was lost.
    pub(crate) async fn confirm(&self) -> Result<(), Failure> {
        let Wish { id, accounts, lease, .. } = &self.wish;
        let renewed = self.session.stops.or(lock::renew(&*self.store, id, accounts, *lease)).await.map_err(|stop| stop.while_("renewing the lock"))?;
        match renewed {
            Ok(Renewed::Held(_)) => Ok(()),
            Ok(Renewed::Gone(by)) => {
                let why = crossrole_report::lock_lost(&Lost::Gone(by), self.store.place());
                Err(Failure::locked(format!("the lock of this run is lost, and nothing was changed: {why}"), "run it again"))
            }
            Err(error) => Err(failed(&error, self.store.place())),
        }
    }

    /// Gives it back.
    pub(crate) async fn end(self) {
        self.keeper.abort();
        self.session.stops.heed_none();
        give_back(self.session, &self.store, &self.wish.id, false).await;
    }
}

/// Gives a lock back, in the time that there is. Whatever comes of it, the run has ended: it is said, and no more.
async fn give_back(session: &Session, store: &Locks, id: &LockId, unsure: bool) {
    let most = if session.stops.has_stopped() { RELEASE_STOPPED } else { RELEASE };
    // Its time is none of the command's, but whoever wants it to end now is heard.
    let given = session.stops.or_person(tokio::time::timeout(most, lock::release(store, id, id, unsure))).await;
    let why = match given {
        Ok(Ok(Ok(_))) => return,
        Ok(Ok(Err(error))) => crossrole_report::lock_error(&error, store.place()).0,
        Ok(Err(_)) => format!("no answer in {} seconds", most.as_secs()),
        Err(stop) => stop.why(),
    };
    let lease = store.place().lease;
    session.told.line(&format!(
        "warning: the lock of this run may still be there: {why}\nhelp: it ends by itself in {lease} seconds at most; sooner by `crossrole force-unlock {id}`"
    ));
}

/// What can't be told of the table.
pub(crate) fn failed(error: &LockError, place: &LockPlace) -> Failure {
    let (error, hint) = crossrole_report::lock_error(error, place);
    Failure::new(error, hint)
}
