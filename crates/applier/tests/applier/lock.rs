//! Runs that want locks of the same accounts, interleaved at every call, over an object that is written under conditions as S3 does it:
//! answers that are lost, writes that arrive late, calls that are refused, runs that die, and a clock that is not quite the same for all.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crossrole_applier::lock::{Lease, Renewed, Taken, Wish, keep, look, release, renew, take};
use crossrole_model::lock::{LEASE_LEAST, LockError, LockFound, LockOver, LockRead, Lost, NoLockTable};
use crossrole_model::{AccountId, CloudError, ErrorClass, LockId, LockStore, LockTable};

/// A source of chance that says the same each time (Marsaglia, "Xorshift RNGs").
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }
}

/// The object, the clock, and what goes wrong.
struct World {
    object: Option<(String, u64)>,
    written: u64,
    clock: Duration,
    /// Writes that have been sent and not arrived.
    late: Vec<(String, LockOver)>,
    chance: Chance,
    /// One call in so many goes wrong; 0: none.
    faults: u64,
    /// Clocks of those who answer differ by up to so many seconds.
    skew: i64,
    /// Every call to come fails with this.
    broken: Option<ErrorClass>,
}

impl World {
    fn new(seed: u64, faults: u64, skew: i64) -> Arc<Mutex<Self>> {
        let chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Arc::new(Mutex::new(Self { object: None, written: 0, clock: Duration::from_secs(1_000), late: Vec::new(), chance, faults, skew, broken: None }))
    }

    fn arrive(&mut self, text: String, over: &LockOver) -> bool {
        let holds = match (over, &self.object) {
            (LockOver::Nothing, None) => true,
            (LockOver::This(etag), Some((there, _))) => *etag == tag(there),
            _ => false,
        };
        if holds {
            self.written += 1;
            self.object = Some((text, self.written));
        }
        holds
    }
}

/// As S3 makes it: of the content alone.
fn tag(text: &str) -> String {
    crossrole_model::Digest::of(text.as_bytes()).to_string()
}

fn error(class: ErrorClass) -> CloudError {
    CloudError { class, operation: "PutObject".into(), account: None, code: String::new(), message: String::new(), request_id: None }
}

#[derive(Clone)]
struct Store(Arc<Mutex<World>>);

/// Lets the others have a turn.
async fn turn() {
    let mut had = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut had, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl LockStore for Store {
    async fn read(&self) -> Result<LockRead, CloudError> {
        turn().await;
        let answer = {
            let mut world = self.0.lock().unwrap();
            let faults = world.faults;
            if let Some(class) = world.broken {
                Err(error(class))
            } else if world.chance.one_in(faults) {
                Err(error(ErrorClass::Server))
            } else {
                let skew = world.skew;
                let moved = i64::try_from(world.chance.below(u64::try_from(2 * skew + 1).unwrap())).unwrap() - skew;
                let at = i64::try_from(world.clock.as_secs()).unwrap() + moved;
                let found = match &world.object {
                    None => LockFound::Nothing,
                    Some((text, _)) => LockFound::Object { bytes: text.clone().into_bytes(), etag: tag(text) },
                };
                Ok(LockRead { found, at })
            }
        };
        turn().await;
        answer
    }

    async fn write(&self, text: String, over: &LockOver) -> Result<bool, CloudError> {
        turn().await;
        let answer = {
            let mut world = self.0.lock().unwrap();
            let faults = world.faults;
            if let Some(class) = world.broken {
                Err(error(class))
            } else if world.chance.one_in(faults) {
                match world.chance.below(5) {
                    0 => Err(error(ErrorClass::Unanswered)),
                    1 => {
                        world.arrive(text, over);
                        Err(error(ErrorClass::Unanswered))
                    }
                    2 => {
                        world.late.push((text, over.clone()));
                        Err(error(ErrorClass::Unanswered))
                    }
                    3 => Ok(false),
                    _ => Err(error(ErrorClass::Denied)),
                }
            } else {
                Ok(world.arrive(text, over))
            }
        };
        turn().await;
        answer
    }

    fn now(&self) -> Duration {
        self.0.lock().unwrap().clock
    }

    async fn sleep(&self, time: Duration) {
        let until = self.now() + time;
        std::future::poll_fn(|_| if self.now() >= until { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

fn accounts(numbers: &[u64]) -> BTreeSet<AccountId> {
    numbers.iter().map(|n| AccountId::parse(&format!("{n:012}")).unwrap()).collect()
}

fn wish(n: u64, numbers: &[u64]) -> Wish {
    let id = LockId::parse(&format!("{:032x}", u128::from(n) * 0x0123_4567_89AB_CDEF_0123_4567)).unwrap();
    Wish { id, accounts: accounts(numbers), who: format!("run {n}"), run: String::new(), command: "apply".into(), lease: LEASE_LEAST }
}

/// Who believes at this moment that it may write, and where.
type Writing = Arc<Mutex<Vec<(u64, BTreeSet<AccountId>)>>>;

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Lost,
    Locked,
    Failed,
}

/// A run as the command makes it: takes the lock or waits, writes while it is held, and gives it back.
async fn run(store: Store, n: u64, numbers: Vec<u64>, work: u64, writing: Writing) -> End {
    let wish = wish(n, &numbers);
    let mut held = None;
    for _ in 0..6 {
        match take(&store, &wish).await {
            Ok(Taken::Held(lease)) => {
                held = Some(lease);
                break;
            }
            Ok(Taken::Locked { by, .. }) => {
                assert!(by.iter().all(|lock| lock.id != wish.id && !lock.accounts.is_disjoint(&wish.accounts)));
                store.sleep(Duration::from_secs(20)).await;
            }
            Err(_) => {
                let _ = release(&store, &wish.id, &wish.id, true).await;
                return End::Failed;
            }
        }
    }
    let Some(lease) = held else { return End::Locked };
    // Between the answer and this moment it may have ended already.
    if store.now() >= lease.until {
        let _ = release(&store, &wish.id, &wish.id, false).await;
        return End::Lost;
    }
    writing.lock().unwrap().push((n, wish.accounts.clone()));
    let lost = {
        let keeping = std::pin::pin!(keep(&store, lease, LEASE_LEAST));
        let working = std::pin::pin!(store.sleep(Duration::from_secs(work)));
        matches!(futures_util::future::select(keeping, working).await, futures_util::future::Either::Left(_))
    };
    writing.lock().unwrap().retain(|(other, _)| *other != n);
    let _ = release(&store, &wish.id, &wish.id, false).await;
    if lost { End::Lost } else { End::Done }
}

/// A run that has not ended.
type Running = Pin<Box<dyn Future<Output = End>>>;

/// What a world of runs came to: ends, in no order, and how many wanted it at once.
fn play(seed: u64, faults: u64, skew: i64) -> Vec<End> {
    let world = World::new(seed, faults, skew);
    let store = Store(Arc::clone(&world));
    let writing = Writing::default();
    let mut chance = Chance(seed.wrapping_mul(77) | 1);
    let count = 2 + chance.below(5);
    let sets: [&[u64]; 5] = [&[1], &[2], &[1, 2], &[2, 3], &[1, 2, 3]];
    let mut runs: Vec<(u64, Running)> = (0..count)
        .map(|n| {
            let numbers = sets[usize::try_from(chance.below(5)).unwrap()].to_vec();
            let work = chance.below(150);
            let future: Running = Box::pin(run(store.clone(), n + 1, numbers, work, Arc::clone(&writing)));
            (n + 1, future)
        })
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    let mut ends = Vec::new();
    let check = |writing: &Writing| {
        let writing = writing.lock().unwrap();
        for (at, (n, one)) in writing.iter().enumerate() {
            for (m, other) in &writing[at + 1..] {
                assert!(one.is_disjoint(other), "seed {seed}: runs {n} and {m} write at once");
            }
        }
    };
    for _ in 0..20_000 {
        if runs.is_empty() {
            return ends;
        }
        // Each is polled at least once while the clock moves by two seconds at most: one that is not heard of for longer than a third
        // of its lease can't be told from one that died.
        let first = usize::try_from(chance.below(runs.len() as u64)).unwrap();
        let more = usize::try_from(chance.below(4)).unwrap();
        let mut order: Vec<u64> = runs.iter().map(|(n, _)| *n).collect();
        order.rotate_left(first);
        order.extend((0..more).map(|_| runs[usize::try_from(chance.below(runs.len() as u64)).unwrap()].0));
        for n in order {
            let Some(at) = runs.iter().position(|(m, _)| *m == n) else { continue };
            if let Poll::Ready(end) = runs[at].1.as_mut().poll(&mut context) {
                ends.push(end);
                drop(runs.remove(at));
            }
            check(&writing);
        }
        // A run dies, now and then: nothing of it is heard any more, but for its lock.
        if faults > 0 && chance.one_in(400) && !runs.is_empty() {
            let (n, _) = runs.remove(usize::try_from(chance.below(runs.len() as u64)).unwrap());
            writing.lock().unwrap().retain(|(other, _)| *other != n);
        }
        let mut world = world.lock().unwrap();
        // Nobody answers for a while.
        if faults > 0 && chance.one_in(if world.broken.is_some() { 40 } else { 150 }) {
            world.broken = if world.broken.is_some() { None } else { Some(ErrorClass::Server) };
        }
        if !world.late.is_empty() && chance.one_in(10) {
            let (text, over) = world.late.remove(0);
            world.arrive(text, &over);
        }
        world.clock += Duration::from_millis(chance.below(2_000));
    }
    panic!("seed {seed}: {} runs do not end", runs.len());
}

/// At no moment do two runs believe that they may write in the same account.
#[test]
fn no_two_runs_write_in_one_account() {
    let mut all = Vec::new();
    for seed in 1..=3_000 {
        // Answers of the same second by clocks that differ by up to ten, out of a third of a minute.
        all.extend(play(seed, [0, 3, 8, 30][usize::try_from(seed % 4).unwrap()], [0, 0, 1, 5][usize::try_from(seed / 4 % 4).unwrap()]));
    }
    for end in [End::Done, End::Lost, End::Locked, End::Failed] {
        let count = all.iter().filter(|other| **other == end).count();
        assert!(count > 50, "{end:?} came {count} times of {}: the test holds it still", all.len());
    }
}

/// Where nothing goes wrong nothing is lost, and whoever waits long enough gets it.
#[test]
fn without_faults_everybody_gets_it() {
    for seed in 1..=500 {
        let ends = play(seed, 0, 0);
        assert!(ends.iter().all(|end| matches!(end, End::Done | End::Locked)), "seed {seed}: {ends:?}");
        assert!(ends.contains(&End::Done), "seed {seed}: {ends:?}");
    }
}

/// Runs one future to its end; the clock moves only where it is waited for.
fn block<T>(world: &Arc<Mutex<World>>, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        world.lock().unwrap().clock += Duration::from_millis(10);
    }
    panic!("it does not end");
}

fn held(taken: Result<Taken, LockError>) -> Lease {
    match taken {
        Ok(Taken::Held(lease)) => lease,
        other => panic!("{other:?}"),
    }
}

/// A run that died keeps others out until its lock has ended; then one of them has it, whoever comes first.
#[test]
fn one_of_many_takes_over_what_has_ended() {
    let world = World::new(1, 0, 0);
    let store = Store(Arc::clone(&world));
    let dead = held(block(&world, take(&store, &wish(1, &[1, 2]))));
    let Ok(Taken::Locked { by, .. }) = block(&world, take(&store, &wish(2, &[2, 3]))) else { panic!() };
    assert_eq!(by, std::slice::from_ref(&dead.lock));
    held(block(&world, take(&store, &wish(3, &[3]))));
    block(&world, release(&store, &wish(3, &[3]).id, &wish(3, &[3]).id, false)).unwrap();
    world.lock().unwrap().clock += Duration::from_secs(LEASE_LEAST + 1);
    let wishes: Vec<Wish> = (4..20).map(|n| wish(n, &[2, n])).collect();
    let all: Vec<Taken> = block(&world, futures_util::future::join_all(wishes.iter().map(|wish| take(&store, wish)))).into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|taken| matches!(taken, Taken::Held(_))).count(), 1, "{all:?}");
    // The dead one, were it to wake up, is told.
    let Ok(Renewed::Gone(by)) = block(&world, renew(&store, &dead.lock.id, &dead.lock.accounts, LEASE_LEAST)) else { panic!() };
    assert_eq!(by.len(), 1);
}

/// A lock that can't be renewed ends for its run before it ends for others, whatever the error, and a call that hangs is no reason.
#[test]
fn a_lock_that_is_not_renewed_is_given_up_in_time() {
    for class in [ErrorClass::Server, ErrorClass::Denied, ErrorClass::Unanswered, ErrorClass::Credentials] {
        let world = World::new(1, 0, 0);
        let store = Store(Arc::clone(&world));
        let lease = held(block(&world, take(&store, &wish(1, &[1]))));
        world.lock().unwrap().broken = Some(class);
        let lost = block(&world, keep(&store, lease.clone(), LEASE_LEAST));
        assert_eq!(lost, Lost::NotRenewed(Some(LockError::Cloud(error(class)))));
        let end = Duration::from_secs(u64::try_from(lease.lock.expires).unwrap());
        assert!(store.now() + Duration::from_secs(LEASE_LEAST / 3 - 2) < end, "{:?} {end:?}", store.now());
    }
}

#[test]
fn a_lock_that_somebody_removed_is_lost_at_the_next_renewal() {
    let world = World::new(1, 0, 0);
    let store = Store(Arc::clone(&world));
    let (first, second) = (wish(1, &[1]), wish(2, &[1]));
    let lease = held(block(&world, take(&store, &first)));
    assert_eq!(block(&world, release(&store, &first.id, &second.id, false)), Ok(true));
    assert_eq!(block(&world, release(&store, &first.id, &second.id, false)), Ok(false));
    let other = held(block(&world, take(&store, &second)));
    let begun = store.now();
    assert_eq!(block(&world, keep(&store, lease, LEASE_LEAST)), Lost::Gone(vec![other.lock]));
    assert!(store.now() < begun + Duration::from_secs(LEASE_LEAST / 3 + 2));
    // What it does at its end does not touch the other's.
    assert_eq!(block(&world, release(&store, &first.id, &first.id, false)), Ok(false));
    assert!(block(&world, look(&store)).unwrap().0.get(&second.id).is_some());
}

/// A write that was sent, not answered and given up comes to nothing, however late it arrives.
#[test]
fn what_arrives_late_takes_nothing() {
    let world = World::new(1, 0, 0);
    let store = Store(Arc::clone(&world));
    let late = |n| {
        let LockRead { found, at } = block(&world, store.read()).unwrap();
        let (table, over) = match found {
            LockFound::Object { bytes, etag } => (LockTable::parse(&bytes).unwrap(), LockOver::This(etag)),
            _ => (LockTable::default(), LockOver::Nothing),
        };
        let lock = crossrole_model::Lock {
            id: wish(n, &[1]).id,
            accounts: accounts(&[1]),
            who: String::new(),
            run: String::new(),
            command: String::new(),
            since: at,
            expires: at + 60,
        };
        (table.with(lock, at).to_json().unwrap(), over)
    };
    // Where nothing was, and where a table was.
    for n in [1, 2] {
        let (text, over) = late(n);
        assert_eq!(block(&world, release(&store, &wish(n, &[1]).id, &wish(n, &[1]).id, true)), Ok(false));
        assert!(!world.lock().unwrap().arrive(text, &over));
        assert_eq!(block(&world, look(&store)).unwrap().0.locks().count(), 0);
    }
}

/// What is no table is left as it is, and what may not be read is not taken for nothing.
#[test]
fn what_is_no_table_is_not_touched() {
    let world = World::new(1, 0, 0);
    let store = Store(Arc::clone(&world));
    let theirs = "{\"format_version\": 7}";
    world.lock().unwrap().object = Some((theirs.to_owned(), 1));
    let one = wish(1, &[1]);
    let wrong = LockError::NoTable(NoLockTable::Format);
    assert_eq!(block(&world, take(&store, &one)), Err(wrong.clone()));
    assert_eq!(block(&world, renew(&store, &one.id, &one.accounts, 60)), Err(wrong.clone()));
    assert_eq!(block(&world, release(&store, &one.id, &one.id, true)), Err(wrong.clone()));
    assert_eq!(block(&world, look(&store)).err(), Some(wrong));
    assert_eq!(world.lock().unwrap().object.as_ref().unwrap().0, theirs);
}

/// Who may not list the bucket is not told whether the object is there.
#[test]
fn what_is_hidden_may_be_made_and_nothing_else() {
    #[derive(Clone)]
    struct Hidden(Store);
    impl LockStore for Hidden {
        async fn read(&self) -> Result<LockRead, CloudError> {
            let read = self.0.read().await?;
            let found = if let LockFound::Nothing = read.found { LockFound::Hidden(error(ErrorClass::Denied)) } else { read.found };
            Ok(LockRead { found, ..read })
        }
        async fn write(&self, text: String, over: &LockOver) -> Result<bool, CloudError> {
            self.0.write(text, over).await
        }
        fn now(&self) -> Duration {
            self.0.now()
        }
        async fn sleep(&self, time: Duration) {
            self.0.sleep(time).await;
        }
    }
    let world = World::new(1, 0, 0);
    let store = Hidden(Store(Arc::clone(&world)));
    let one = wish(1, &[1]);
    let denied = LockError::Cloud(error(ErrorClass::Denied));
    assert_eq!(block(&world, release(&store, &one.id, &one.id, false)), Err(denied.clone()));
    assert_eq!(block(&world, renew(&store, &one.id, &one.accounts, 60)), Err(denied.clone()));
    assert_eq!(block(&world, look(&store)).err(), Some(denied));
    held(block(&world, take(&store, &one)));
    assert_eq!(block(&world, release(&store, &one.id, &one.id, false)), Ok(true));
}
