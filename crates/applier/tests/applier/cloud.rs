//! A cloud in memory: its own clock, answers by script, foreign hands, late visibility, and a record of every call.
//!
//! Time passes only when all who run wait for it: then it is at once as late as the first of them wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crossrole_applier::{Options, apply};
use crossrole_model::observed::Scope;
use crossrole_model::outcome::Event;
use crossrole_model::{AccountId, Address, Call, Cloud, CloudError, ErrorClass, Kind, ObjectState, Observed, Outcome, Plan, Source, Step, StepResult};

use crate::world::{carry_out, look};

pub(crate) const PROD: &str = "222222222222";
pub(crate) const DEV: &str = "111111111111";

pub(crate) fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// What was asked of the cloud.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    Observe(Scope),
    Read(Address),
    Write(Call),
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) asked: Asked,
    pub(crate) begun: Duration,
    pub(crate) ended: Duration,
    pub(crate) answer: Option<ErrorClass>,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused, and nothing is done.
    Refused(ErrorClass),
    /// It is done, and the answer is lost.
    Lost(ErrorClass),
}

/// Decides over each call that writes: its operation, how many of that operation were made before, the time.
type Script = Box<dyn Fn(&str, usize, Duration) -> Option<Fault> + Send + Sync>;
/// Changes what a bulk read shows: how many there were before, and what it shows.
type Lens = Box<dyn Fn(usize, &mut Observed) + Send + Sync>;
/// Somebody else, right before the answer to this operation leaves the cloud.
type Hand = Box<dyn Fn(&str, usize, &mut Observed) + Send + Sync>;
/// Decides over each reading of one document.
type ReadScript = Box<dyn Fn(usize) -> Option<ErrorClass> + Send + Sync>;

pub(crate) struct Fake {
    clock: Mutex<Clock>,
    /// What was true from when on; the last is true now.
    history: Mutex<Vec<(Duration, Observed)>>,
    pub(crate) log: Mutex<Vec<Entry>>,
    counts: Mutex<BTreeMap<String, usize>>,
    /// Writes under way, and the most that ever were.
    under_way: Mutex<(Vec<Call>, usize)>,
    /// Every call takes as long.
    pub(crate) latency: Duration,
    /// IAM shows what was written only after this.
    pub(crate) lag: Duration,
    pub(crate) script: Script,
    pub(crate) lens: Lens,
    pub(crate) before: Hand,
    pub(crate) after: Hand,
    pub(crate) reads: ReadScript,
    /// One run has it alone: no two of its calls on one bucket may overlap.
    pub(crate) alone: bool,
}

#[derive(Default)]
struct Clock {
    now: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
}

impl Fake {
    pub(crate) fn new(estate: Observed) -> Self {
        Self {
            clock: Mutex::default(),
            history: Mutex::new(vec![(Duration::ZERO, estate)]),
            log: Mutex::default(),
            counts: Mutex::default(),
            under_way: Mutex::default(),
            latency: ms(10),
            lag: Duration::ZERO,
            script: Box::new(|_, _, _| None),
            lens: Box::new(|_, _| ()),
            before: Box::new(|_, _, _| ()),
            after: Box::new(|_, _, _| ()),
            reads: Box::new(|_| None),
            alone: true,
        }
    }

    /// These operations end so, each for as many times as said.
    pub(crate) fn failing(mut self, faults: &'static [(&'static str, usize, Fault)]) -> Self {
        self.script = Box::new(move |operation, nth, _| faults.iter().find(|(o, times, _)| *o == operation && nth < *times).map(|(_, _, fault)| *fault));
        self
    }

    pub(crate) fn truth(&self) -> Observed {
        self.history.lock().unwrap().last().unwrap().1.clone()
    }

    fn seen(&self) -> Observed {
        let (now, history) = (self.now(), self.history.lock().unwrap());
        history.iter().rev().find(|(at, _)| *at + self.lag <= now).unwrap_or(&history[0]).1.clone()
    }

    fn count(&self, what: &str) -> usize {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(what.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    /// Somebody else changes something.
    fn hand(&self, hand: &Hand, operation: &str, nth: usize) {
        let mut truth = self.truth();
        hand(operation, nth, &mut truth);
        self.history.lock().unwrap().push((self.now(), truth));
    }

    fn note(&self, asked: Asked, begun: Duration, answer: Option<ErrorClass>) {
        self.log.lock().unwrap().push(Entry { asked, begun, ended: self.now(), answer });
    }

    pub(crate) fn most_writes_at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
    }

    /// The operations that were asked for, in the order of their answers.
    pub(crate) fn operations(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.iter()
            .map(|e| match &e.asked {
                Asked::Observe(_) => "observe".to_owned(),
                Asked::Read(address) if address.kind == Kind::Policy => "read policy".to_owned(),
                Asked::Read(_) => "read".to_owned(),
                Asked::Write(call) => call.operation().to_owned(),
            })
            .collect()
    }

    pub(crate) fn times(&self, operation: &str) -> usize {
        self.operations().iter().filter(|o| *o == operation).count()
    }

    /// The call as IAM, which lags, and S3, which does not, take it.
    fn make(&self, account: &AccountId, call: &Call) -> Result<(), ErrorClass> {
        if call.bucket().is_none() && !self.lag.is_zero() {
            let answer = carry_out(&mut self.seen(), account, call);
            if let Err(class @ (ErrorClass::NotFound | ErrorClass::UnknownPrincipal)) = answer {
                return Err(class);
            }
        }
        if call.bucket().is_some() {
            // Principals in a bucket's policy are IAM's, and lag.
            let mut seen = self.truth();
            seen.accounts = self.seen().accounts;
            if carry_out(&mut seen, account, call) == Err(ErrorClass::UnknownPrincipal) {
                return Err(ErrorClass::UnknownPrincipal);
            }
        }
        let mut truth = self.truth();
        carry_out(&mut truth, account, call)?;
        self.history.lock().unwrap().push((self.now(), truth));
        Ok(())
    }
}

pub(crate) fn error(class: ErrorClass, operation: &str, account: &AccountId) -> CloudError {
    let code = format!("{class:?}");
    CloudError { class, operation: operation.to_owned(), account: Some(account.clone()), code, message: String::new(), request_id: None }
}

impl Cloud for Fake {
    async fn observe(&self, scope: &Scope) -> Observed {
        let begun = self.now();
        self.sleep(self.latency).await;
        let nth = self.count("observe");
        let mut estate = self.seen();
        // S3 does not lag.
        estate.buckets = self.truth().buckets;
        let mut seen = look(&estate, scope);
        (self.lens)(nth, &mut seen);
        self.note(Asked::Observe(scope.clone()), begun, None);
        seen
    }

    async fn read(&self, address: &Address, call: &Call) -> Result<Option<ObjectState>, CloudError> {
        let begun = self.now();
        // Of the caller's side it is another matter than of a bucket's policy.
        let what = if address.kind == Kind::Policy { "read policy" } else { "read" };
        let nth = self.count(what);
        self.hand(&self.before, what, nth);
        self.sleep(self.latency).await;
        let refused = if what == "read" { (self.reads)(nth) } else { None };
        let answer = match refused {
            Some(class) => Err(error(class, "Read", &address.account)),
            None if call.bucket().is_some() => Ok(self.truth().state(address).unwrap()),
            None => Ok(self.seen().state(address).unwrap()),
        };
        self.hand(&self.after, what, nth);
        self.note(Asked::Read(address.clone()), begun, refused);
        answer
    }

    async fn write(&self, account: &AccountId, call: &Call) -> Result<(), CloudError> {
        let begun = self.now();
        let operation = call.operation();
        let nth = self.count(operation);
        {
            let mut under_way = self.under_way.lock().unwrap();
            let bucket = call.bucket().map(|b| &b.name);
            let other = under_way.0.iter().find(|c| self.alone && bucket.is_some() && c.bucket().map(|b| &b.name) == bucket);
            assert_eq!(other, None, "{call:?} begins while another call on its bucket is under way");
            under_way.0.push(call.clone());
            under_way.1 = under_way.1.max(under_way.0.len());
        }
        self.hand(&self.before, operation, nth);
        self.sleep(self.latency).await;
        let answer = match (self.script)(operation, nth, begun) {
            Some(Fault::Refused(class)) => Err(class),
            Some(Fault::Lost(class)) => self.make(account, call).and(Err(class)),
            None => self.make(account, call),
        };
        self.hand(&self.after, operation, nth);
        let mut under_way = self.under_way.lock().unwrap();
        let at = under_way.0.iter().position(|c| c == call).unwrap();
        under_way.0.remove(at);
        drop(under_way);
        self.note(Asked::Write(call.clone()), begun, answer.err());
        answer.map_err(|class| error(class, operation, account))
    }

    fn now(&self) -> Duration {
        self.clock.lock().unwrap().now
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send {
        Sleep { fake: self, until: self.now() + time, timer: None }
    }
}

struct Sleep<'f> {
    fake: &'f Fake,
    until: Duration,
    timer: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut clock = self.fake.clock.lock().unwrap();
        if clock.now >= self.until {
            return Poll::Ready(());
        }
        let id = self.timer.unwrap_or_else(|| {
            clock.next += 1;
            clock.next
        });
        clock.timers.insert((self.until, id), context.waker().clone());
        drop(clock);
        self.timer = Some(id);
        Poll::Pending
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs to the end; where nobody can go on, time does.
pub(crate) fn run<T>(fake: &Fake, future: impl Future<Output = T>) -> T {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        woken.0.store(false, Ordering::SeqCst);
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        if !woken.0.load(Ordering::SeqCst) {
            let mut clock = fake.clock.lock().unwrap();
            let ((at, _), waker) = clock.timers.pop_first().expect("everyone waits, and nobody for time");
            clock.now = clock.now.max(at);
            drop(clock);
            waker.wake();
        }
    }
}

/// What came of it.
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) events: Vec<Event>,
}

impl Ran {
    /// The results by operation, for plans in which each stands once.
    pub(crate) fn of(&self, plan: &Plan, operation: &str) -> StepResult {
        let at = plan.steps.iter().position(|s| s.call.operation() == operation).unwrap_or_else(|| panic!("no {operation}"));
        self.outcome.steps[at].clone()
    }

    pub(crate) fn applied(&self) -> usize {
        self.outcome.steps.iter().filter(|r| **r == StepResult::Applied).count()
    }
}

pub(crate) fn options(concurrency: usize) -> Options {
    Options { concurrency, total: 200, timeout: Duration::from_mins(10) }
}

pub(crate) fn apply_with(fake: &Fake, plan: &Plan, concurrency: usize, stop: &AtomicBool) -> Ran {
    let events = Mutex::default();
    let say = |event: Event| Mutex::lock(&events).map(|mut list: std::sync::MutexGuard<'_, Vec<Event>>| list.push(event)).unwrap();
    let outcome = run(fake, apply(fake, plan, None, options(concurrency), &say, stop));
    assert_eq!(outcome.steps.len(), plan.steps.len());
    let events = events.into_inner().unwrap();
    assert_eq!((events.first(), events.last()), (Some(&Event::Started { steps: plan.steps.len() }), Some(&Event::Ended)));
    Ran { outcome, events }
}

pub(crate) fn applied(fake: &Fake, plan: &Plan) -> Ran {
    apply_with(fake, plan, 10, &AtomicBool::new(false))
}

/// A plan from a manifest and what is there.
pub(crate) fn planned(toml: &str, estate: &Observed) -> Plan {
    let (desired, findings) = crossrole_manifest::load(&[Source { file: "m.toml".into(), text: toml.into() }]);
    let desired = desired.unwrap_or_else(|| panic!("{findings:?}"));
    let observed = look(estate, &crossrole_planner::scope(&desired));
    let plan = crossrole_planner::plan(&desired, &observed, &crossrole_planner::Options::default());
    assert_eq!(crossrole_planner::check(&plan), []);
    plan
}

/// Every step that was made began after all that it needs had ended.
pub(crate) fn in_order(fake: &Fake, plan: &Plan) {
    let log = fake.log.lock().unwrap();
    let same = |entry: &&Entry, step: &Step| match &entry.asked {
        Asked::Write(call) => {
            *call == step.call || step.share.is_some() && call.bucket().is_some() && call.bucket() == step.call.bucket() && call.operation().contains("Policy")
        }
        _ => false,
    };
    for step in &plan.steps {
        let Some(first) = log.iter().find(|e| same(e, step)) else { continue };
        for need in &step.needs {
            let needed = &plan.steps[need.0];
            let last = log.iter().rfind(|e| same(e, needed)).unwrap_or_else(|| panic!("{:?} ran, and {:?} did not", step.call, needed.call));
            assert!(last.ended <= first.begun, "{:?} began before {:?} had ended", step.call, needed.call);
        }
    }
}

pub(crate) fn names(of: &BTreeSet<Address>) -> Vec<String> {
    of.iter().map(Address::to_string).collect()
}
