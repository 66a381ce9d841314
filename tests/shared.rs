//! A bucket's policy belongs to many: whatever others write into it while we apply, nothing of theirs is lost, and neither is
//! ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};
use futures_util::FutureExt as _;

use crate::support::{Place, manifest};

const TRUSTING: &str = "222222222222";
const BUCKET: &str = "shared-doc";

/// What a security team adds.
const THEIRS: &str = r#"{"Sid":"SecurityTeam","Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::shared-doc"}"#;

fn text(name: &str) -> String {
    format!(
        "name = \"{name}\"\n[trusting]\naccount = \"{TRUSTING}\"\n[trusted.dev]\naccount = \"111111111111\"\n[buckets.{BUCKET}]\n\
         [roles.R-{name}]\n[[roles.R-{name}.trust]]\naccount = \"dev\"\n[[roles.R-{name}.allow]]\nbucket = \"{BUCKET}\"\naccess = \"read\"\nprefix = \"{name}/\"\n"
    )
}

async fn place(options: Options) -> Place {
    let place = Place::new(options);
    assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{BUCKET}"), "", "").await.0, 200);
    place
}

async fn policy(place: &Place) -> String {
    place.s3(TRUSTING, "GET", &format!("/{BUCKET}"), "policy", "").await.1
}

/// What a hand writes: its statement, beside those that were read.
fn with_theirs(read: &str) -> String {
    let mut document: serde_json::Value = serde_json::from_str(read)
        .ok()
        .filter(|v: &serde_json::Value| v.get("Statement").is_some())
        .unwrap_or(serde_json::json!({"Version": "2012-10-17", "Statement": []}));
    let statements = document["Statement"].as_array_mut().unwrap();
    statements.retain(|s| s["Sid"] != "SecurityTeam");
    statements.push(serde_json::from_str(THEIRS).unwrap());
    document.to_string()
}

/// A hand that reads the policy before one call and writes it before another (or the same).
struct Hand {
    place: Arc<Place>,
    from: AtomicU64,
    reads: u64,
    writes: u64,
    read: std::sync::Mutex<Option<String>>,
    busy: AtomicBool,
    /// The call at which it wrote would itself have written the policy: it read before, and could not know.
    in_the_window: AtomicBool,
    wrote: AtomicBool,
    /// Faults of the policy's writes, in order.
    faults: std::sync::Mutex<Vec<Fault>>,
}

impl Hand {
    fn new(place: &Arc<Place>, reads: u64, writes: u64, faults: Vec<Fault>) -> Arc<Self> {
        let from = AtomicU64::new(place.sandbox.calls());
        Arc::new(Self {
            place: Arc::clone(place),
            from,
            reads,
            writes,
            read: std::sync::Mutex::default(),
            busy: AtomicBool::new(false),
            in_the_window: AtomicBool::new(false),
            wrote: AtomicBool::new(false),
            faults: std::sync::Mutex::new(faults),
        })
    }

    /// No call of the embedded AWS waits when there is no delay.
    fn at_once<T>(work: impl Future<Output = T>) -> T {
        Box::pin(work).now_or_never().expect("a call that waits")
    }
}

impl FaultPlan for Hand {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        if self.busy.swap(true, Ordering::Relaxed) {
            return None;
        }
        let moment = call.index - self.from.load(Ordering::Relaxed);
        let mut own = 0;
        if moment == self.reads {
            *self.read.lock().unwrap() = Some(Self::at_once(policy(&self.place)));
            own += 1;
        }
        if moment == self.writes {
            let document = with_theirs(&self.read.lock().unwrap().clone().unwrap_or_default());
            assert_eq!(Self::at_once(self.place.s3(TRUSTING, "PUT", &format!("/{BUCKET}"), "policy", &document)).0, 204);
            self.in_the_window.store(call.operation == "PutBucketPolicy", Ordering::Relaxed);
            self.wrote.store(true, Ordering::Relaxed);
            own += 1;
        }
        // Its own calls count as calls of the embedded AWS, and not as moments.
        self.from.fetch_add(own, Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
        let mut faults = self.faults.lock().unwrap();
        (call.operation == "PutBucketPolicy" && !faults.is_empty()).then(|| faults.remove(0))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Runs an apply with a hand; returns whether the hand got to write, whether it did so in the window, and the policy.
async fn with_hand(reads: u64, writes: u64, faults: Vec<Fault>) -> (bool, bool, String) {
    let place = Arc::new(place(Options { visibility_delay: Duration::from_secs(2), ..Options::default() }).await);
    let file = manifest("shared-hand", &text("hand"));
    let hand = Hand::new(&place, reads, writes, faults);
    place.sandbox.set_faults(Some(Arc::clone(&hand) as Arc<dyn FaultPlan>));
    let said = place.run(&["apply", "--auto-approve", "--quiet", &file]).await;
    place.sandbox.set_faults(None);
    assert_eq!(said.exit, Exit::Clean, "{reads} {writes}\n{}{}", said.out, said.err);
    let found = policy(&place).await;
    (hand.wrote.load(Ordering::Relaxed), hand.in_the_window.load(Ordering::Relaxed), found)
}

/// A foreign hand reads and writes at once, at every moment of an apply. Only between our last reading and our write can it
/// be overwritten: bucket policies have no conditional writes.
#[test]
fn a_foreign_statement_is_never_lost() {
    let (mut moment, mut windows) = (0, 0);
    loop {
        let (wrote, window, found) = runtime().block_on(with_hand(moment, moment, Vec::new()));
        if !wrote {
            break;
        }
        assert!(found.contains("R-hand"), "ours, at moment {moment}: {found}");
        assert!(found.contains("SecurityTeam") || window, "theirs, at moment {moment}: {found}");
        windows += u32::from(window);
        moment += 1;
        assert!(moment < 300, "the run does not end");
    }
    assert!(moment > 15, "only {moment} moments");
    assert!(windows >= 1 && u64::from(windows) < moment / 2, "{windows} of {moment}");
}

/// A foreign hand that read before we wrote, and writes after: ours is gone, and is put in again beside theirs.
#[test]
fn what_a_stale_hand_overwrites_is_put_back() {
    for gap in [1, 2, 3] {
        let mut moment = 0;
        loop {
            let (wrote, window, found) = runtime().block_on(with_hand(moment, moment + gap, Vec::new()));
            if !wrote {
                break;
            }
            assert!(found.contains("R-hand"), "ours, at moment {moment} and {gap}: {found}");
            assert!(found.contains("SecurityTeam") || window, "theirs, at moment {moment} and {gap}: {found}");
            moment += 1;
            assert!(moment < 300, "the run does not end");
        }
        assert!(moment > 10, "only {moment} moments");
    }
}

/// An answer is lost, or the service is busy, on each write of the policy; a hand writes before the next call.
#[test]
fn an_attempt_that_failed_is_not_repeated_without_a_look() {
    let first = runtime().block_on(async {
        let place = Arc::new(place(Options { visibility_delay: Duration::from_secs(2), ..Options::default() }).await);
        let counting = Hand::new(&place, u64::MAX, u64::MAX, Vec::new());
        place.sandbox.set_faults(Some(counting));
        place.sandbox.take_calls();
        place.good(&["apply", "--auto-approve", "--quiet", &manifest("shared-count", &text("hand"))]).await;
        place.sandbox.take_calls().iter().filter(|((_, o), _)| o == "PutBucketPolicy").map(|(_, n)| *n).sum::<u64>()
    });
    assert!(first >= 1);
    for kind in
        [Fault::Refuse("SlowDown"), Fault::Refuse("ServiceUnavailable"), Fault::Refuse("InternalError"), Fault::FailAfter, Fault::DropAnswer, Fault::Reset]
    {
        // Twice in a row is for one of those that were done, and one of those that were not.
        for count in 1..=if matches!(kind, Fault::Refuse("SlowDown") | Fault::DropAnswer) { 2 } else { 1 } {
            let mut seen = 0;
            let mut moment = 0;
            loop {
                let (wrote, window, found) = runtime().block_on(with_hand(moment, moment, vec![kind; count]));
                if !wrote {
                    break;
                }
                seen += u32::from(!window);
                assert!(found.contains("R-hand") && (found.contains("SecurityTeam") || window), "{kind:?} x {count} at {moment}: {found}");
                moment += 1;
                assert!(moment < 300, "the run does not end");
            }
            assert!(seen > 10, "{kind:?}: only {seen} moments");
        }
    }
}

/// Five manifests at once on one bucket, twenty times, each time at other moments and with other delays: all succeed, and all
/// statements are there.
#[test]
fn five_applies_at_once_all_succeed() {
    let names = ["one", "two", "three", "four", "five"];
    for round in 0..20_u64 {
        runtime().block_on(async {
            let latency = Duration::from_millis([0, 3, 20, 50][usize::try_from(round % 4).unwrap()]);
            let lag = Duration::from_millis([0, 700, 3_000][usize::try_from(round % 3).unwrap()]);
            let place = place(Options { latency, visibility_delay: lag, ..Options::default() }).await;
            let files: Vec<String> = names.iter().map(|name| manifest(&format!("five-{name}"), &text(name))).collect();
            let runs = files.iter().zip(0_u64..).map(|(file, at)| {
                let place = &place;
                async move {
                    // Some multiple of nothing in particular.
                    tokio::time::sleep(Duration::from_millis(round * at * 37 % 190)).await;
                    let began = tokio::time::Instant::now();
                    (place.run(&["apply", "--auto-approve", "--quiet", file]).await, began.elapsed())
                }
            });
            for (said, took) in futures_util::future::join_all(runs).await {
                assert_eq!(said.exit, Exit::Clean, "round {round}\n{}{}", said.out, said.err);
                assert!(took < Duration::from_secs(30), "round {round}: {took:?}");
            }
            let found = policy(&place).await;
            for name in names {
                assert!(found.contains(&format!("role/R-{name}")), "round {round}: {name} is lost\n{found}");
            }
            for file in &files {
                let again = place.good(&["plan", file]).await;
                assert!(again.starts_with("No changes."), "round {round}\n{again}");
            }
        });
    }
}

/// A foreign document in the language of 2008 takes our variables for plain text: our statements are not put there.
#[tokio::test(start_paused = true)]
async fn variables_are_not_put_where_they_are_plain_text() {
    let place = place(Options::default()).await;
    let old = format!(r#"{{"Statement":[{THEIRS}]}}"#);
    assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{BUCKET}"), "policy", &old).await.0, 204);
    let text = format!(
        "name = \"old\"\n[trusting]\naccount = \"{TRUSTING}\"\n[buckets.{BUCKET}]\n[[buckets.{BUCKET}.statement]]\neffect = \"Deny\"\nprincipals = \"*\"\n\
         actions = [\"s3:GetObject\"]\nnot_resources = [\"arn:aws:s3:::{BUCKET}/${{aws:username}}/*\"]\n"
    );
    let said = place.run(&["apply", "--auto-approve", &manifest("shared-old", &text)]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.out.contains("policy language 2008-10-17"), "{}", said.out);
    assert!(!policy(&place).await.contains("username"));
}

/// Statements under Sids that an older version made are ours by how they begin, and are replaced.
#[tokio::test(start_paused = true)]
async fn sids_of_a_version_before_are_replaced() {
    let place = place(Options::default()).await;
    let file = manifest("shared-sids", &text("hand"));
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let made = policy(&place).await;
    let at = made.find("\"Crossrole").unwrap() + 1;
    let sid = made[at..].split('"').next().unwrap().to_owned();
    let old = made.replace(&sid, &sid[..25]);
    assert_ne!(old, made);
    let both = old.replacen("\"Statement\":[", &format!("\"Statement\":[{THEIRS},"), 1);
    assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{BUCKET}"), "policy", &both).await.0, 204);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let found = policy(&place).await;
    assert!(found.contains(&sid) && !found.contains(&format!("\"{}\"", &sid[..25])) && found.contains("SecurityTeam"), "{found}");
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
    let found = policy(&place).await;
    assert!(!found.contains("Crossrole") && found.contains("SecurityTeam"), "{found}");
}
