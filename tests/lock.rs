//! Runs that keep one another out: taken, waited for, taken over, lost, given back however a run ends.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crossrole::Exit;
use crossrole_model::lock::{Lock, LockTable};
use crossrole_model::{AccountId, LockId};
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options, Sandbox};
use futures_util::FutureExt as _;

use crate::process::command;
use crate::signals::kill;
use crate::support::{Place, Said, manifest};

const TRUSTING: &str = "222222222222";
/// Whose bucket the table is in.
const KEEPER: &str = "333333333333";
const OBJECT: &str = "/platform-locks/crossrole/locks.json";
const SETTINGS: &str = "[lock]\nbucket = \"platform-locks\"\naccount = \"333333333333\"\nregion = \"us-east-1\"\nlease = 60\n";

fn settings() -> String {
    manifest("lock-settings", SETTINGS)
}

fn roles(name: &str, account: &str) -> String {
    let role = |n: u32| {
        format!(
            "[roles.{name}{n}]\n[[roles.{name}{n}.trust]]\nservice = \"ec2.amazonaws.com\"\n\
             [[roles.{name}{n}.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n"
        )
    };
    manifest(&format!("lock-{name}"), &format!("name = \"{}\"\n[trusting]\naccount = \"{account}\"\n{}", name.to_lowercase(), role(1)))
}

async fn place(options: Options) -> Place {
    let place = Place::new(options);
    assert_eq!(place.s3(KEEPER, "PUT", "/platform-locks", "", "").await.0, 200);
    place
}

async fn table(place: &Place) -> LockTable {
    let (status, body) = place.s3(KEEPER, "GET", OBJECT, "", "").await;
    if status == 404 { LockTable::default() } else { LockTable::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{e:?}: {body}")) }
}

async fn put(place: &Place, body: &str) {
    assert_eq!(place.s3(KEEPER, "PUT", OBJECT, "", body).await.0, 200);
}

fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn other(account: &str, expires: i64) -> Lock {
    Lock {
        id: LockId::parse(&"ab".repeat(16)).unwrap(),
        accounts: [AccountId::parse(account).unwrap()].into(),
        who: "arn:aws:sts::333333333333:assumed-role/runner/other".into(),
        run: "https://github.com/acme/access/actions/runs/17".into(),
        command: "apply".into(),
        since: now() - 180,
        expires,
    }
}

/// Somebody else's lock of one account.
async fn locked(place: &Place, account: &str, expires: i64) {
    put(place, &LockTable::default().with(other(account, expires), 0).to_json().unwrap()).await;
}

async fn apply(place: &Place, file: &str, more: &[&str]) -> Said {
    place.run(&[&["apply", "--auto-approve", "--quiet", "--config", &settings()], more, &[file]].concat()).await
}

async fn has_role(place: &Place, account: &str, role: &str) -> bool {
    place.query(account, "iam", "GetRole", &[("RoleName", role)]).await.0 == 200
}

/// Nothing is left in the table, and there is one: what was taken was given back.
async fn assert_given_back(place: &Place, what: &str) {
    let (status, body) = place.s3(KEEPER, "GET", OBJECT, "", "").await;
    assert_eq!(status, 200, "{what}: no lock was ever taken");
    assert_eq!(LockTable::parse(body.as_bytes()).unwrap().locks().count(), 0, "{what}: {body}");
}

#[tokio::test(start_paused = true)]
async fn who_is_kept_out_is_told_by_whom() {
    let place = place(Options::default()).await;
    locked(&place, TRUSTING, now() + 1_000).await;
    let file = roles("Told", TRUSTING);
    for words in [&[][..], &["--lock-timeout", "0s"]] {
        let said = apply(&place, &file, words).await;
        assert_eq!((said.exit, said.exit.code()), (Exit::Locked, 4), "{}", said.err);
        let times = said.err.lines().filter(|line| !line.contains("since ") && !line.contains("until ")).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!("lock_told", times);
        assert!(said.err.contains(", 3 minutes ago") && said.err.contains(", in 16 minutes, unless it is renewed"), "{}", said.err);
        assert!(said.out.is_empty() && !has_role(&place, TRUSTING, "Told1").await, "{}", said.out);
    }
    // Plans are made all the same, other accounts are nobody's business, and who wants to goes on without.
    place.good(&["plan", "--config", &settings(), &file]).await;
    let elsewhere = roles("Elsewhere", "111111111111");
    assert_eq!(apply(&place, &elsewhere, &[]).await.exit, Exit::Clean);
    assert!(has_role(&place, "111111111111", "Elsewhere1").await);
    assert_eq!(apply(&place, &file, &["--no-lock"]).await.exit, Exit::Clean);
    let left: Vec<String> = table(&place).await.locks().map(|lock| lock.id.to_string()).collect();
    assert_eq!(left, ["ab".repeat(16)], "somebody else's lock was touched");
    let destroy = place.run(&["destroy", "--auto-approve", "--config", &settings(), &file]).await;
    assert!(destroy.exit == Exit::Locked && has_role(&place, TRUSTING, "Told1").await, "{}", destroy.err);
}

/// Two at once: one waits, and both are done.
#[tokio::test(start_paused = true)]
async fn one_waits_and_both_succeed() {
    let place = place(Options { latency: Duration::from_millis(50), ..Options::default() }).await;
    let (a, b) = (roles("One", TRUSTING), roles("Two", TRUSTING));
    let (one, two) = tokio::join!(apply(&place, &a, &["--lock-timeout", "5m"]), apply(&place, &b, &["--lock-timeout", "5m"]));
    for said in [&one, &two] {
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    }
    let waited = [&one, &two].iter().filter(|said| said.err.contains(" seconds more: account 222222222222 is locked by another run")).count();
    assert_eq!(waited, 1, "{}\n{}", one.err, two.err);
    assert!(has_role(&place, TRUSTING, "One1").await && has_role(&place, TRUSTING, "Two1").await);
    assert_given_back(&place, "both").await;
    // Without a time, one of them is told at once.
    let (a, b) = (roles("Three", TRUSTING), roles("Four", TRUSTING));
    let (one, two) = tokio::join!(apply(&place, &a, &[]), apply(&place, &b, &[]));
    let mut exits = [one.exit.code(), two.exit.code()];
    exits.sort_unstable();
    assert_eq!(exits, [0, 4], "{}\n{}", one.err, two.err);
    assert_given_back(&place, "one of both").await;
}

/// What is waited for and does not come is an error as well, when its time is over and not before.
#[tokio::test(start_paused = true)]
async fn waiting_has_an_end() {
    let place = place(Options::default()).await;
    locked(&place, TRUSTING, now() + 10_000).await;
    let begun = tokio::time::Instant::now();
    let said = apply(&place, &roles("Waits", TRUSTING), &["--lock-timeout", "90s"]).await;
    assert!(said.exit == Exit::Locked && said.err.contains("error: account 222222222222 is locked by another run"), "{}", said.err);
    assert_eq!(begun.elapsed().as_secs(), 90);
    assert!(said.err.matches("waiting, up to ").count() == 3, "{}", said.err);
}

/// A run that was killed keeps others out until its lock has ended, by S3's clock; one of those that wait has it then.
#[tokio::test(start_paused = true)]
async fn a_dead_run_is_taken_over_when_its_lock_has_ended() {
    let place = place(Options { latency: Duration::from_millis(20), ..Options::default() }).await;
    locked(&place, TRUSTING, now() + 40).await;
    let files: Vec<String> = (0..4).map(|n| roles(&format!("Heir{n}x"), TRUSTING)).collect();
    let begun = tokio::time::Instant::now();
    let all = futures_util::future::join_all(files.iter().map(|file| apply(&place, file, &["--lock-timeout", "10m"]))).await;
    for said in &all {
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    }
    assert!((40..80).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    for n in 0..4 {
        assert!(has_role(&place, TRUSTING, &format!("Heir{n}x1")).await);
    }
    assert_given_back(&place, "heirs").await;
}

/// Faults of one operation, from the first on, while it is wanted.
struct At(&'static str, Fault, AtomicBool);

impl FaultPlan for At {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.operation == self.0 && self.2.load(Ordering::Relaxed)).then_some(self.1)
    }
}

/// What it is, what goes wrong, how it is called, and how it ends.
type End = (&'static str, Option<(&'static str, Fault)>, &'static [&'static str], Exit);

/// However a run ends, its lock is given back.
#[tokio::test(start_paused = true)]
async fn every_end_gives_it_back() {
    let file = roles("Ends", TRUSTING);
    let invalid = manifest("lock-invalid", "name = \"x\"\n[trusting]\naccount = \"222222222222\"\n[roles.R]\n[[roles.R.trust]]\naccount = \"dev\"\n");
    let fails = |operation| Some((operation, Fault::Refuse("AccessDenied")));
    let hangs = |operation| Some((operation, Fault::HangBefore));
    let rows: [End; 9] = [
        ("success", None, &[], Exit::Clean),
        ("nothing to do", None, &[], Exit::Clean),
        ("a refusal", None, &["--deny-widening"], Exit::Refused),
        ("nobody to approve", None, &[], Exit::Failed),
        ("a step that fails", fails("CreateRole"), &[], Exit::Failed),
        ("a reading that fails", Some(("GetAccountAuthorizationDetails", Fault::Refuse("ServiceUnavailable"))), &[], Exit::Failed),
        ("a time that is over while it reads", hangs("GetAccountAuthorizationDetails"), &["--timeout-total", "5"], Exit::Failed),
        ("a time that is over while it writes", hangs("CreateRole"), &["--timeout-total", "5"], Exit::Failed),
        ("a selector that says nothing", None, &["--deny-widening=nothing=x"], Exit::Failed),
    ];
    for (what, fault, words, exit) in rows {
        let place = place(Options::default()).await;
        // There is a table, so that one which was never taken shows.
        put(&place, &LockTable::default().to_json().unwrap()).await;
        if what == "nothing to do" {
            assert_eq!(apply(&place, &file, &["--no-lock"]).await.exit, Exit::Clean);
        }
        if let Some((operation, fault)) = fault {
            place.sandbox.set_faults(Some(Arc::new(At(operation, fault, AtomicBool::new(true)))));
        }
        let _ = place.sandbox.take_calls();
        let said = if what == "nobody to approve" { place.run(&["apply", "--config", &settings(), &file]).await } else { apply(&place, &file, words).await };
        assert_eq!(said.exit, exit, "{what}: {}{}", said.out, said.err);
        let puts = place.sandbox.take_calls().iter().filter(|((_, operation), _)| operation == "PutObject").map(|(_, n)| n).sum::<u64>();
        assert!(puts >= 2, "{what}: it was taken and given back by {puts} writes");
        place.sandbox.set_faults(None);
        assert_given_back(&place, what).await;
    }
    // What is wrong before anything is asked takes none.
    let place = place(Options::default()).await;
    assert_eq!(apply(&place, &invalid, &[]).await.exit, Exit::Failed);
    assert_eq!(place.s3(KEEPER, "GET", OBJECT, "", "").await.0, 404);
}

/// A hand on the table while a run writes: at the first call of this operation, by whoever else may.
struct Hand {
    place: Arc<Place>,
    at: &'static str,
    body: String,
    done: AtomicBool,
}

impl FaultPlan for Hand {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        if call.operation != self.at || self.done.swap(true, Ordering::Relaxed) {
            return None;
        }
        // No call of the embedded AWS waits when there is no delay.
        Box::pin(put(&self.place, &self.body)).now_or_never().expect("a call that waits");
        // The answer never comes: long enough for the next renewal.
        Some(Fault::HangBefore)
    }
}

/// A run whose lock was taken from it begins nothing more, and says so by its exit code.
#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_lock_stops_writing() {
    let place = Arc::new(place(Options::default()).await);
    let taken = LockTable::default().with(other(TRUSTING, now() + 10_000), 0).to_json().unwrap();
    for (body, why) in [(taken.clone(), "has taken it since"), (LockTable::default().to_json().unwrap(), "somebody removed it")] {
        put(&place, &LockTable::default().to_json().unwrap()).await;
        let hand = Hand { place: Arc::clone(&place), at: "CreateRole", body: body.clone(), done: AtomicBool::new(false) };
        place.sandbox.set_faults(Some(Arc::new(hand)));
        let said = apply(&place, &roles("Loses", TRUSTING), &[]).await;
        place.sandbox.set_faults(None);
        assert_eq!(said.exit, Exit::Locked, "{}{}", said.out, said.err);
        assert!(said.err.contains("the lock of this run is lost: ") && said.err.contains(why), "{}", said.err);
        assert!(said.err.contains("the lock is lost: nothing more begins"), "{}", said.err);
        assert!(said.out.contains("Interrupted: 0 steps done"), "{}", said.out);
        assert!(!has_role(&place, TRUSTING, "Loses1").await);
        // The other's is not touched.
        assert_eq!(place.s3(KEEPER, "GET", OBJECT, "", "").await.1, body);
    }
    // While it reads, nothing was written.
    put(&place, &LockTable::default().to_json().unwrap()).await;
    let hand = Hand { place: Arc::clone(&place), at: "GetAccountAuthorizationDetails", body: taken, done: AtomicBool::new(false) };
    place.sandbox.set_faults(Some(Arc::new(hand)));
    let said = apply(&place, &roles("Loses", TRUSTING), &[]).await;
    place.sandbox.set_faults(None);
    assert!(said.exit == Exit::Locked && said.err.contains("error: the lock is lost while reading account 222222222222"), "{}", said.err);
    assert!(said.err.contains("help: nothing was written; run it again"), "{}", said.err);
}

/// A lock that can't be renewed is given up before it ends for others.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_not_renewed_is_given_up() {
    /// From when a role is made on, that call hangs and the table can't be written.
    struct Gone(AtomicBool);
    impl FaultPlan for Gone {
        fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
            match call.operation {
                "CreateRole" => {
                    self.0.store(true, Ordering::Relaxed);
                    Some(Fault::HangBefore)
                }
                "PutObject" if self.0.load(Ordering::Relaxed) => Some(Fault::Refuse("ServiceUnavailable")),
                _ => None,
            }
        }
    }
    let place = place(Options::default()).await;
    place.sandbox.set_faults(Some(Arc::new(Gone(AtomicBool::new(false)))));
    let begun = tokio::time::Instant::now();
    let said = apply(&place, &roles("Stays", TRUSTING), &[]).await;
    assert_eq!(said.exit, Exit::Locked, "{}{}", said.out, said.err);
    assert!(said.err.contains("it could not be renewed in time: the lock in s3://platform-locks/crossrole/locks.json: "), "{}", said.err);
    // Two thirds of its minute, what was sent, and as much again for giving it back.
    assert!((40..=51).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(said.err.contains("warning: the lock of this run may still be there: no answer in 5 seconds"), "{}", said.err);
    assert!(said.err.contains("help: it ends by itself in 60 seconds at most; sooner by `crossrole force-unlock "), "{}", said.err);
}

/// It is renewed as long as the run goes on.
#[tokio::test(start_paused = true)]
async fn a_long_run_keeps_its_lock() {
    let place = place(Options { latency: Duration::from_secs(7), ..Options::default() }).await;
    let begun = tokio::time::Instant::now();
    let said = apply(&place, &roles("Long", TRUSTING), &[]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert!(begun.elapsed() > Duration::from_mins(1), "{:?}: it is over before its lock is", begun.elapsed());
    let puts: u64 = place.sandbox.take_calls().iter().filter(|((_, operation), _)| operation == "PutObject").map(|(_, n)| n).sum();
    assert!(puts > 2, "{puts}");
    assert_given_back(&place, "long").await;
}

/// Faults at one call of the lock, counted.
struct Nth {
    at: u64,
    fault: Fault,
    seen: AtomicU64,
}

impl FaultPlan for Nth {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        if !matches!(call.operation, "GetObject" | "PutObject") {
            return None;
        }
        (self.seen.fetch_add(1, Ordering::Relaxed) == self.at).then_some(self.fault)
    }
}

/// Whatever goes wrong at whichever call of the lock: the run is done, or was not begun; and what may be left of its lock is said.
#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_of_the_lock_leaves_nothing_unsaid() {
    let kinds = [
        Fault::Hang,
        Fault::HangBefore,
        Fault::DropAnswer,
        Fault::Reset,
        Fault::FailAfter,
        Fault::Refuse("SlowDown"),
        Fault::Refuse("ServiceUnavailable"),
        Fault::Refuse("AccessDenied"),
        Fault::Refuse("ConditionalRequestConflict"),
        Fault::Refuse("PreconditionFailed"),
        Fault::Refuse("NoSuchBucket"),
        Fault::Refuse("ExpiredToken"),
    ];
    let file = roles("Faulty", TRUSTING);
    let mut ends: BTreeMap<u8, usize> = BTreeMap::new();
    for kind in kinds {
        for at in 0..6 {
            let place = place(Options::default()).await;
            let plan = Arc::new(Nth { at, fault: kind, seen: AtomicU64::new(0) });
            place.sandbox.set_faults(Some(Arc::clone(&plan) as Arc<dyn FaultPlan>));
            let said = apply(&place, &file, &[]).await;
            place.sandbox.set_faults(None);
            let reached = plan.seen.load(Ordering::Relaxed) > at;
            let what = format!("{kind:?} at {at}: {}{}", said.out, said.err);
            *ends.entry(said.exit.code()).or_default() += 1;
            let done = has_role(&place, TRUSTING, "Faulty1").await;
            assert_eq!(done, said.exit == Exit::Clean, "{what}");
            let left: Vec<String> = table(&place).await.locks().map(|lock| lock.id.to_string()).collect();
            for id in left {
                assert!(said.err.contains(&format!("crossrole force-unlock {id}")), "a lock is left without a word: {what}");
            }
            // The next run has its way, at the latest when the lock has ended.
            let next = apply(&place, &file, &["--lock-timeout", "2m"]).await;
            assert_eq!(next.exit, Exit::Clean, "{what}\n{}", next.err);
            assert_given_back(&place, &what).await;
            if !reached {
                assert!(at >= 4, "{what}: it made {at} calls of the lock alone");
                break;
            }
        }
    }
    assert!(ends[&0] > 20 && ends[&1] > 2, "{ends:?}");
}

/// What stands in the object is somebody else's text.
#[tokio::test(start_paused = true)]
async fn what_is_in_the_object_does_no_harm() {
    let place = place(Options::default()).await;
    let file = roles("Hostile", TRUSTING);
    let strange = ["", "hello", "<html></html>", "[]", "{}", "{\"format_version\":2}", &"x".repeat((1 << 20) + 10), "\u{1b}[2J"];
    for body in strange {
        put(&place, body).await;
        let said = apply(&place, &file, &["--lock-timeout", "5m"]).await;
        let words = ["no table of locks", "of another version of crossrole", "too large for a table of locks", "is a web page"];
        assert!(said.exit == Exit::Failed && words.iter().any(|word| said.err.contains(word)), "{}", said.err);
        assert!(said.err.contains("the lock in s3://platform-locks/crossrole/locks.json: ") && !said.err.contains('\u{1b}'), "{}", said.err);
        assert!(!has_role(&place, TRUSTING, "Hostile1").await);
        assert_eq!(place.s3(KEEPER, "GET", OBJECT, "", "").await.1, *body, "it was touched");
    }
    let hostile = Lock {
        who: "x\u{1b}[2J\n::error::pwned".into(),
        run: "https://a\r\n##[error]\u{202e}b".into(),
        command: "</td><script>`\n```".into(),
        since: i64::MIN,
        ..other(TRUSTING, i64::MAX)
    };
    put(&place, &LockTable::default().with(hostile, 0).to_json().unwrap()).await;
    let said = apply(&place, &file, &[]).await;
    assert_eq!(said.exit, Exit::Locked, "{}", said.err);
    // So many days from today are others tomorrow.
    let (before, after) = said.err.split_once(", in ").unwrap();
    let (days, rest) = after.split_once(' ').unwrap();
    assert!(days.parse::<i64>().unwrap() > 100_000_000_000_000, "{}", said.err);
    insta::assert_snapshot!("lock_hostile", format!("{before}, in [days] {rest}"));
    assert!(said.err.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_removed_by_its_id_alone() {
    let place = place(Options::default()).await;
    let config = settings();
    let id = "ab".repeat(16);
    let unlock = |id: String, more: &'static [&'static str]| {
        let (place, config) = (&place, &config);
        async move { place.run(&[&["force-unlock", &id, "--sandbox", "--config", config], more].concat()).await }
    };
    let said = unlock(id.clone(), &["--auto-approve"]).await;
    assert!(said.exit == Exit::Failed && said.err.contains(&format!("there is no lock {id}, and no other")), "{}", said.err);
    locked(&place, TRUSTING, now() + 1_000).await;
    for (wrong, words) in
        [("cd".repeat(16), "; there are:\n  lock abab"), ("x".to_owned(), "`x` is no id of a lock"), (id.to_uppercase(), "is no id of a lock")]
    {
        let said = unlock(wrong, &["--auto-approve"]).await;
        assert!(said.exit == Exit::Failed && said.err.contains(words), "{}", said.err);
    }
    let said = unlock(id.clone(), &[]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("nobody is there to approve this"), "{}", said.err);
    assert!(said.err.contains("held by arn:aws:sts::333333333333:assumed-role/runner/other, for apply"), "{}", said.err);
    assert_eq!(table(&place).await.locks().count(), 1);
    let said = unlock(id, &["--auto-approve"]).await;
    assert!(said.exit == Exit::Clean && said.out == "Removed.\n", "{}{}", said.out, said.err);
    assert_given_back(&place, "force-unlock").await;
    let none = manifest("lock-none", "");
    let said = place.run(&["force-unlock", &"ab".repeat(16), "--sandbox", "--config", &none]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("have no `[lock]`"), "{}", said.err);
}

/// The plan writes where no manifest says so any more: that account is locked as well before anything is done.
#[tokio::test(start_paused = true)]
async fn what_was_left_elsewhere_is_locked_too() {
    let place = place(Options::default()).await;
    let text = |trusted: &str| format!("name = \"left\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n{trusted}");
    let role = "[roles.R]\n[[roles.R.trust]]\nuser = \"dev/mate\"\n[trusted.dev.users.mate]\n";
    let before = manifest("lock-left-before", &text(role));
    assert_eq!(apply(&place, &before, &["--no-lock"]).await.exit, Exit::Clean);
    let after = manifest("lock-left-after", &text("[roles.S]\n[[roles.S.trust]]\nservice = \"ec2.amazonaws.com\"\n"));
    locked(&place, "111111111111", now() + 1_000).await;
    let said = apply(&place, &after, &[]).await;
    assert!(said.exit == Exit::Locked && said.err.contains("account 111111111111 is locked by another run"), "{}{}", said.out, said.err);
    assert!(!has_role(&place, TRUSTING, "S").await);
    put(&place, &LockTable::default().to_json().unwrap()).await;
    let said = apply(&place, &after, &[]).await;
    assert!(said.exit == Exit::Clean && has_role(&place, TRUSTING, "S").await && !has_role(&place, TRUSTING, "R").await, "{}{}", said.out, said.err);
    assert_given_back(&place, "left").await;
}

#[tokio::test]
async fn mistakes_in_the_settings_are_all_said() {
    let place = Place::new(Options::default());
    let wrong = "[lock]\nbucket = \"Not A Bucket\"\nkey = \"/*\"\naccount = \"dev\"\nregion = \"mars\"\nkms_key = \"alias/x\"\nlease = 5\n";
    let config = manifest("lock-wrong", wrong);
    let said = place.run(&["validate", "--config", &config, &roles("Wrong", TRUSTING)]).await;
    assert_eq!(said.exit, Exit::Failed);
    insta::assert_snapshot!("lock_wrong", said.err.replace(&config, "crossrole.toml"));
    let config = manifest("lock-unknown", &format!("{SETTINGS}colour = \"red\"\n"));
    let said = place.run(&["validate", "--config", &config, &roles("Wrong", TRUSTING)]).await;
    assert!(said.err.contains("unknown key `colour`"), "{}", said.err);
}

/// Tells that this operation was asked for, and never answers it.
struct Stalls(&'static str, Mutex<mpsc::Sender<()>>);

impl FaultPlan for Stalls {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.operation == self.0).then(|| {
            let _ = self.1.lock().unwrap().send(());
            Fault::HangBefore
        })
    }
}

/// A place on loopback, and its address.
fn served(runtime: &tokio::runtime::Runtime) -> (Place, String) {
    let place = runtime.block_on(place(Options::default()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let sandbox: Arc<Sandbox> = Arc::clone(&place.sandbox);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { crossrole_sandbox::serve(sandbox, tokio::net::TcpListener::from_std(listener).unwrap()).await })
    });
    (place, address)
}

/// An apply as a process of its own, with the lock's account and the other reached by one key each.
fn begun(address: &str, more: &[&str]) -> Child {
    let (config, file) = (settings(), roles("Signalled", TRUSTING));
    let words = [&["apply", "--auto-approve", "--config", &config], more, &[&file]].concat();
    let mut child = command(&words);
    let child = child.env("AWS_ENDPOINT_URL", address).env("CROSSROLE_ACCOUNT_AS_KEY", "1");
    child.env("CI_JOB_URL", "https://gitlab/acme/-/jobs/3").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whatever ends a run, and whenever: its lock is given back, unless the process is killed, and then it ends by itself.
#[test]
fn signals_give_it_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let rows: [(&'static str, &[&str], Option<i32>); 6] = [
        ("GetAccountAuthorizationDetails", &["INT"], Some(130)),
        ("GetAccountAuthorizationDetails", &["TERM"], Some(143)),
        ("CreateRole", &["TERM"], Some(143)),
        ("CreateRole", &["INT", "INT"], Some(130)),
        ("CreateRole", &["HUP"], Some(129)),
        ("CreateRole", &["KILL"], None),
    ];
    for (operation, signals, code) in rows {
        let (place, address) = served(&runtime);
        let (asked, told) = mpsc::channel();
        place.sandbox.set_faults(Some(Arc::new(Stalls(operation, Mutex::new(asked)))));
        let child = begun(&address, &[]);
        told.recv_timeout(Duration::from_mins(1)).unwrap();
        let locks: Vec<Lock> = runtime.block_on(table(&place)).locks().cloned().collect();
        assert_eq!((locks.len(), locks[0].run.as_str()), (1, "https://gitlab/acme/-/jobs/3"));
        let sent = std::time::Instant::now();
        for signal in signals {
            kill(signal, &child);
        }
        let output = child.wait_with_output().unwrap();
        let said = format!("{operation} {signals:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), code, "{said}");
        assert!(sent.elapsed() < Duration::from_secs(15), "{said}");
        if code.is_some() {
            runtime.block_on(assert_given_back(&place, &said));
        } else {
            let next = runtime.block_on(apply(&place, &roles("Signalled", TRUSTING), &[]));
            assert!(next.exit == Exit::Locked && next.err.contains("until ") && next.err.contains("https://gitlab/acme/-/jobs/3"), "{}", next.err);
        }
    }
}

/// Waiting for a lock ends as all waiting does.
#[test]
fn waiting_for_a_lock_can_be_ended() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (place, address) = served(&runtime);
    runtime.block_on(locked(&place, TRUSTING, now() + 1_000));
    let mut child = begun(&address, &["--lock-timeout", "10m"]);
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("unless it is renewed") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut stderr, &mut line).unwrap() > 0, "it does not wait");
    }
    kill("INT", &child);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("error: interrupted while waiting for the lock") && rest.contains("help: nothing was written"), "{rest}");
    assert_eq!(runtime.block_on(table(&place)).locks().count(), 1);
}

/// The rights that are printed are what the lock needs: with them it is taken and given back, and without any of them nothing is written.
#[tokio::test]
async fn the_runner_policy_has_what_the_lock_needs() {
    let place = place(Options::default()).await;
    let file = roles("Rights", TRUSTING);
    let printed = |purpose: &'static str| {
        let (place, file) = (&place, &file);
        async move {
            let text = place.good(&["runner-policy", "--json", "--for", purpose, "--config", &settings(), file]).await;
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        }
    };
    assert!(printed("plan").await.get(KEEPER).is_none());
    let policy = printed("apply").await[KEEPER]["policies"][0].clone();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Resource"], serde_json::json!("arn:aws:s3:::platform-locks/crossrole/locks.json"));
    assert_eq!(statement["Action"], serde_json::json!(["s3:GetObject", "s3:PutObject"]));
    let said = place.good(&["runner-policy", "--config", &settings(), &file]).await;
    assert!(said.contains("account 333333333333 (lock)"), "{said}");
    place.iam(KEEPER, "CreateUser", &[("UserName", "runner")]).await;
    let who = crate::support::Credentials::of(&place.iam(KEEPER, "CreateAccessKey", &[("UserName", "runner")]).await);
    for without in [None, Some("s3:GetObject"), Some("s3:PutObject")] {
        let mut document = policy.clone();
        let actions = document["Statement"][0]["Action"].as_array_mut().unwrap();
        actions.retain(|action| without != action.as_str());
        let text = document.to_string();
        place.iam(KEEPER, "PutUserPolicy", &[("UserName", "runner"), ("PolicyName", "lock"), ("PolicyDocument", &text)]).await;
        let etag = LockTable::default().to_json().unwrap();
        // The first of a bucket, the next, and a look: as the command makes them.
        let (first, second) = ([("if-none-match", "*")], [("if-match", "\"none\"")]);
        let object = format!("{OBJECT}-{}", without.unwrap_or("all").len());
        let put = place.s3_as(&who, "us-east-1", "PUT", OBJECT, "", &first, &etag).await.0;
        let over = place.s3_as(&who, "us-east-1", "PUT", OBJECT, "", &second, &etag).await.0;
        let get = place.s3_as(&who, "us-east-1", "GET", OBJECT, "", &[], "").await.0;
        let elsewhere = place.s3_as(&who, "us-east-1", "PUT", &object, "", &[], &etag).await.0;
        let wanted = match without {
            None => (200, 412, 200, 403),
            Some("s3:GetObject") => (412, 403, 403, 403),
            _ => (403, 403, 200, 403),
        };
        assert_eq!((put, over, get, elsewhere), wanted, "without {without:?}");
    }
}

/// The embedded AWS has what the lock relies on once it is asked for.
#[tokio::test]
async fn the_bucket_of_the_lock_is_prepared() {
    let place = Place::new(Options::default());
    let file = roles("Prepared", TRUSTING);
    let said = apply(&place, &file, &[]).await;
    let advice = "make it, in the account that `[lock]` names, or correct `bucket` there";
    assert!(said.exit == Exit::Failed && said.err.contains("that bucket does not exist") && said.err.contains(advice), "{}", said.err);
    let said = place.good(&["sandbox", "prepare", "--config", &settings(), &file]).await;
    assert!(said.contains("made 333333333333/bucket/platform-locks"), "{said}");
    assert_eq!(apply(&place, &file, &[]).await.exit, Exit::Clean);
    assert_given_back(&place, "prepared").await;
}

/// In another region than `[lock]` says.
#[tokio::test(start_paused = true)]
async fn the_region_of_a_bucket_is_corrected_by_name() {
    let place = Place::new(Options::default());
    let who = crate::support::Credentials { key: KEEPER.to_owned(), ..Default::default() };
    let body = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(place.s3_as(&who, "eu-west-1", "PUT", "/platform-locks", "", &[], body).await.0, 200);
    let said = apply(&place, &roles("Region", TRUSTING), &[]).await;
    assert!(
        said.exit == Exit::Failed && said.err.contains("that bucket is in another region") && said.err.contains("correct `region` under `[lock]`"),
        "{}",
        said.err
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_no_lock_is_said() {
    let place = Place::new(Options::default());
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--lock-timeout", "5m", &roles("NoLock", TRUSTING)]).await;
    assert!(
        said.exit == Exit::Clean && said.err.contains("no lock is set up (`[lock]` in `crossrole.toml`), and `--lock-timeout` waits for nothing"),
        "{}",
        said.err
    );
}

/// What a pipeline shows must not be of another run, nor missing: each report that was asked for says why there is no plan.
#[tokio::test(start_paused = true)]
async fn each_report_says_that_it_is_locked() {
    let place = place(Options::default()).await;
    let file = roles("Reported", TRUSTING);
    put(&place, &LockTable::default().with(other(TRUSTING, now() + 10_000), 0).to_json().unwrap()).await;
    let folder = std::path::Path::new(&file).with_file_name("reports");
    std::fs::create_dir_all(&folder).unwrap();
    let formats = ["markdown", "summary", "json", "sarif", "junit", "gitlab-terraform", "gitlab-codequality", "events", "html"];
    let reports: Vec<String> = formats.iter().map(|format| format!("--report={format}={}", folder.join(format).display())).collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let read = |format: &str| std::fs::read_to_string(folder.join(format)).unwrap_or_else(|e| panic!("{format}: {e}"));
    for (command, exit) in [("apply", Exit::Locked), ("destroy", Exit::Locked), ("drift", Exit::Failed), ("plan", Exit::Failed)] {
        for format in formats {
            std::fs::write(folder.join(format), "of another run").unwrap();
        }
        // The lock keeps out who writes; the others have a mistake to tell of.
        let config = settings();
        let wrong = manifest("lock-wrong-settings", "[lck]\n");
        let words: Vec<&str> = match exit {
            Exit::Locked => vec![command, "--auto-approve", "--config", &config, &file],
            _ => vec![command, "--config", &wrong, &file],
        };
        let said = place.run(&[&words[..], &reports[..]].concat()).await;
        assert_eq!(said.exit, exit, "{command}: {}{}", said.out, said.err);
        let why = if exit == Exit::Locked { "is locked by another run" } else { "unknown key `lck`" };
        assert!(said.err.contains(why), "{}", said.err);
        for format in formats {
            let text = read(format);
            let says = if format == "events" { "\"ended\"" } else { why };
            assert!(text.contains(says) && !text.contains("of another run"), "{command} {format}: {text}");
        }
        let json = |format: &str| serde_json::from_str::<serde_json::Value>(&read(format)).unwrap();
        assert_eq!(json("json")["reason"], if exit == Exit::Locked { "locked" } else { "failed" });
        assert_eq!(json("sarif")["runs"][0]["invocations"][0]["executionSuccessful"], false);
        assert_eq!(json("sarif")["runs"][0]["results"].as_array().unwrap().len(), usize::from(exit != Exit::Locked));
        assert!(json("gitlab-terraform")["error"].as_str().unwrap().contains(why) && json("gitlab-codequality").as_array().unwrap().len() == 1);
        assert!(read("junit").contains(&format!("crossrole {command}")) && read("junit").contains("errors=\"1\""), "{}", read("junit"));
        assert!(read("markdown").contains("### crossrole: this could not be planned"), "{}", read("markdown"));
    }
    // Where there is a plan, the reports are of it.
    put(&place, &LockTable::default().to_json().unwrap()).await;
    let config = settings();
    let said = place.run(&[&["apply", "--auto-approve", "--config", &config, &file], &reports[..]].concat()).await;
    assert!(said.exit == Exit::Clean && !read("markdown").contains("could not be planned"), "{}", said.err);
}
