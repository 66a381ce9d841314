//! One call and all that happens to it: its place, its turn, its attempts, its end.
//!
//! The SDK makes each attempt once. What is repeated is decided here, in one place, because only here is known what the
//! account answers to all calls, how long this one may take, that somebody wants to stop, and that a write of a document that
//! others write too must not be repeated without another look.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use crossrole_model::{AccountId, CloudError, ErrorClass, Waiting, WaitsFor};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::console::Console;
use crate::error::convert;
use crate::halt::{Halt, Level};
use crate::pace::Pace;

/// Longest wait for the answer to one attempt. A page of 1,000 roles takes seconds to make.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(20);

/// The same for a document that others write too: whoever writes it looks at it again before each attempt, and gives that up
/// after 20 seconds (the applier), so that one lost answer has to leave time for another look.
const ATTEMPT_ONCE: Duration = Duration::from_secs(8);

/// Troubles of one call that are waited out: failures of the service and of the network. Being throttled is none.
const TROUBLES: u32 = 6;

/// The pause after the first trouble; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(8);

/// How long a call is waited for in silence.
const SILENCE: Duration = Duration::from_secs(10);

/// How often an account's rate is spoken of.
const RATE_SAID: Duration = Duration::from_secs(30);

/// How long the answers to writes in flight are waited for once the run is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What a call is, for whoever decides whether it is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It reads.
    Read,
    /// It writes, and says the same each time.
    Write,
    /// It writes what was read before: it is tried once.
    Once,
    /// It makes another one each time: it is made again only where AWS says that it was not done.
    Anew,
}

/// What all calls of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    /// The longest that one call is tried.
    pub(crate) timeout: Duration,
    pub(crate) halt: Halt,
    pub(crate) console: Option<Arc<dyn Console>>,
    /// Places for calls in flight, to all accounts.
    places: Semaphore,
    all: usize,
    /// When a wait for an answer was last said: one line stands for all.
    said: Mutex<Option<Instant>>,
}

impl Run {
    pub(crate) fn new(timeout: Duration, total: usize, console: Option<Arc<dyn Console>>) -> Self {
        let all = total.max(1);
        Self { timeout, halt: Halt::default(), console, places: Semaphore::new(all), all, said: Mutex::default() }
    }

    /// Another of the same kind, that does not stop with this one: with a place for each call that it makes.
    pub(crate) fn apart(&self) -> Self {
        Self::new(self.timeout, 2, self.console.clone())
    }

    /// Says what waits, unless something was said a moment ago.
    fn say(&self, line: &Line, operation: &str, since: Instant, what: WaitsFor) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= SILENCE) {
            *said = Some(Instant::now());
            drop(said);
            self.tell(line, operation, since, what);
        }
    }

    fn tell(&self, line: &Line, operation: &str, since: Instant, what: WaitsFor) {
        let Some(console) = &self.console else { return };
        let others = self.all.saturating_sub(self.places.available_permits()).saturating_sub(1);
        console.waits(&Waiting { account: line.account.clone(), operation: operation.to_owned(), seconds: since.elapsed().as_secs(), others, what });
    }
}

/// What all calls to one account share.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) account: AccountId,
    places: Semaphore,
    pace: Pace,
    /// Attempts so far.
    calls: AtomicU64,
    /// Operations under way, each with how often.
    under_way: Mutex<BTreeMap<String, usize>>,
    /// When its rate was last spoken of.
    said: Mutex<Option<Instant>>,
}

impl Line {
    pub(crate) fn new(account: &AccountId, concurrency: usize) -> Self {
        let places = Semaphore::new(concurrency.max(1));
        let (calls, under_way) = (AtomicU64::new(0), Mutex::default());
        Self { account: account.clone(), places, pace: Pace::default(), calls, under_way, said: Mutex::default() }
    }

    /// The operations that are under way.
    pub(crate) fn under_way(&self) -> BTreeSet<String> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Makes a call, again where that can help, until it is answered, given up, or the run stops.
    pub(crate) async fn call<T, E, F, A>(&self, run: &Run, operation: &str, kind: Kind, send: F) -> Result<T, CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let places = async { (self.places.acquire().await, run.places.acquire().await) };
        let Some(_places) = run.halt.or(places).await else { return Err(interrupted(&self.account, operation)) };
        let begun = Instant::now();
        let _under_way = UnderWay::new(self, operation);
        let waits = Mutex::new(WaitsFor::Answer);
        let mut call = Attempts { line: self, run, operation, kind, begun, waits: &waits, troubles: 0 };
        tokio::select! {
            // Boxed: what a call of the SDK is made of is deep.
            result = Box::pin(call.made(&send)) => result,
            // It never ends.
            () = said(self, run, operation, begun, &waits) => Err(interrupted(&self.account, operation)),
        }
    }
}

/// An operation under way, for as long as it is.
struct UnderWay<'l> {
    line: &'l Line,
    operation: &'l str,
}

impl<'l> UnderWay<'l> {
    fn new(line: &'l Line, operation: &'l str) -> Self {
        *line.under_way.lock().unwrap_or_else(PoisonError::into_inner).entry(operation.to_owned()).or_default() += 1;
        Self { line, operation }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut all = self.line.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = all.get_mut(self.operation) {
            *times -= 1;
            if *times == 0 {
                all.remove(self.operation);
            }
        }
    }
}

/// Waits for something that is no call, and says so.
pub(crate) async fn awaited<T>(line: &Line, run: &Run, what: &str, future: impl Future<Output = T>) -> T {
    let _under_way = UnderWay::new(line, what);
    let waits = Mutex::new(WaitsFor::Answer);
    let mut future = pin!(future);
    let said = said(line, run, what, Instant::now(), &waits);
    let mut said = pin!(said);
    std::future::poll_fn(|context| {
        // It never ends.
        let _ = said.as_mut().poll(context);
        future.as_mut().poll(context)
    })
    .await
}

/// Says now and then that the call waits.
async fn said(line: &Line, run: &Run, operation: &str, begun: Instant, waits: &Mutex<WaitsFor>) {
    loop {
        tokio::time::sleep(SILENCE).await;
        let what = waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        run.say(line, operation, begun, what);
    }
}

fn interrupted(account: &AccountId, operation: &str) -> CloudError {
    plain(ErrorClass::Interrupted, account, operation, "the run was interrupted")
}

/// An error that no service has said.
pub(crate) fn plain(class: ErrorClass, account: &AccountId, operation: &str, message: &str) -> CloudError {
    CloudError { class, operation: operation.to_owned(), account: Some(account.clone()), code: String::new(), message: message.to_owned(), request_id: None }
}

/// The attempts of one call.
struct Attempts<'c> {
    line: &'c Line,
    run: &'c Run,
    operation: &'c str,
    kind: Kind,
    begun: Instant,
    waits: &'c Mutex<WaitsFor>,
    troubles: u32,
}

impl Attempts<'_> {
    async fn made<T, E, F, A>(&mut self, send: &F) -> Result<T, CloudError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut last = None;
        loop {
            if let Some(in_ten_seconds) = self.line.pace.in_ten_seconds() {
                self.waits_for(WaitsFor::Rate { in_ten_seconds });
            }
            let Some(Ok(left)) = self.run.halt.or(tokio::time::timeout(self.left(), self.line.pace.turn())).await else {
                return Err(last.unwrap_or_else(|| self.not_sent()));
            };
            self.waits_for(WaitsFor::Answer);
            self.line.calls.fetch_add(1, Ordering::Relaxed);
            let error = match self.attempt(send()).await {
                Ok(value) => {
                    self.line.pace.answered();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if error.class == ErrorClass::Throttled {
                self.line.pace.refused(left);
                self.say_the_rate();
            } else if error.class != ErrorClass::Unanswered {
                self.line.pace.answered();
            }
            let Some(pause) = self.pause(&error) else { return Err(error) };
            if !pause.is_zero() {
                self.waits_for(WaitsFor::Retry { code: error.code.clone() });
                if self.run.halt.or(tokio::time::sleep(pause)).await.is_none() {
                    return Err(error);
                }
            }
            last = Some(error);
        }
    }

    /// Nothing was sent: the run stops, or the account has not let this call's turn come in time.
    fn not_sent(&self) -> CloudError {
        if self.run.halt.goes_on() {
            return plain(ErrorClass::Throttled, &self.line.account, self.operation, "its turn did not come in time");
        }
        interrupted(&self.line.account, self.operation)
    }

    /// The time that is left for this call.
    fn left(&self) -> Duration {
        self.run.timeout.saturating_sub(self.begun.elapsed())
    }

    /// How long after this error the call is made again; `None`: not at all.
    fn pause(&mut self, error: &CloudError) -> Option<Duration> {
        // A time-out has waited already.
        let weight = match error.class {
            ErrorClass::Throttled => 0,
            ErrorClass::Server | ErrorClass::Network => 1,
            ErrorClass::Unanswered | ErrorClass::NotAws | ErrorClass::Unresolved => 2,
            ErrorClass::Denied
            | ErrorClass::NotFound
            | ErrorClass::AlreadyExists
            | ErrorClass::UnknownPrincipal
            | ErrorClass::Conflict
            | ErrorClass::Quota
            | ErrorClass::Invalid
            | ErrorClass::NotEmpty
            | ErrorClass::State
            | ErrorClass::Credentials
            | ErrorClass::NotAssumed
            | ErrorClass::Certificate
            | ErrorClass::Proxy
            | ErrorClass::Interrupted
            | ErrorClass::Other => return None,
        };
        self.troubles += weight;
        let once = self.kind == Kind::Once || self.kind == Kind::Anew && weight > 0;
        if once || self.troubles >= TROUBLES || !self.run.halt.goes_on() {
            return None;
        }
        let pause = match weight {
            // The account's pace is pause enough.
            0 => Duration::ZERO,
            _ => self.jitter((PAUSE * 2_u32.pow(self.troubles / weight - 1)).min(PAUSE_MOST)),
        };
        (pause < self.left()).then_some(pause)
    }

    /// Calls that failed together are not made again together.
    fn jitter(&self, pause: Duration) -> Duration {
        let eighth = u32::try_from(self.line.calls() % 8).unwrap_or(0);
        pause / 2 + pause / 16 * eighth
    }

    fn waits_for(&self, what: WaitsFor) {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn say_the_rate(&self) {
        let mut said = self.line.said.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(in_ten_seconds) = self.line.pace.in_ten_seconds() else { return };
        if said.is_none_or(|at| at.elapsed() >= RATE_SAID) {
            *said = Some(Instant::now());
            drop(said);
            self.run.tell(self.line, self.operation, self.begun, WaitsFor::Rate { in_ten_seconds });
        }
    }

    /// One attempt: its answer, or that there is none in time.
    async fn attempt<T, E>(&self, sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>) -> Result<T, CloudError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let account = &self.line.account;
        let mut sent = pin!(sent);
        let attempt = if matches!(self.kind, Kind::Once | Kind::Anew) { ATTEMPT_ONCE } else { ATTEMPT };
        let wait = attempt.min(self.left());
        let stop = async {
            self.run.halt.reached(Level::End).await;
            if self.kind != Kind::Read {
                tokio::select! {
                    () = tokio::time::sleep(GRACE) => {}
                    () = self.run.halt.reached(Level::Now) => {}
                }
            }
        };
        tokio::select! {
            biased;
            answer = &mut sent => answer.map_err(|error| convert(error, self.operation, account)),
            () = stop => match self.kind {
                Kind::Read => Err(interrupted(account, self.operation)),
                Kind::Write | Kind::Once | Kind::Anew => Err(plain(ErrorClass::Unanswered, account, self.operation, "no answer yet when the run was interrupted")),
            },
            () = tokio::time::sleep(wait) => {
                Err(plain(ErrorClass::Unanswered, account, self.operation, &format!("no answer in {} seconds", wait.as_secs_f64().round())))
            }
        }
    }
}
