//! A runner with part of its rights: whichever read is refused, from whichever call on, nothing unknown is proposed, one cause
//! is said once, and the summary is exact.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan};
use serde_json::Value;

use crate::support::{Place, crew, manifest};

const REST: &str = r#"
[buckets.rights-made]
create = true
versioning = true
encryption = "AES256"
logging = { bucket = "rights-given" }
[buckets.rights-given]
[policies.Shared]
[[policies.Shared.allow]]
bucket = "rights-given"
access = "read"
[roles.Reader]
policies = ["Shared"]
[[roles.Reader.trust]]
group = "dev/Crew"
[[roles.Reader.allow]]
bucket = "rights-made"
access = "read"
[roles.Writer]
[[roles.Writer.trust]]
user = "dev/mate"
[[roles.Writer.allow]]
bucket = "rights-made"
access = "write"
"#;

/// Which reads are refused.
#[derive(Debug, Clone, Copy)]
enum Refused {
    /// The one with this number.
    One(usize),
    /// That one and all behind it: a right that is lost half-way.
    From(usize),
    /// All of one API.
    Named(&'static str),
}

struct Rights {
    refused: Refused,
    count: AtomicUsize,
}

impl FaultPlan for Rights {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let is = match self.refused {
            Refused::One(at) => number == at,
            Refused::From(at) => number >= at,
            Refused::Named(operation) => call.operation == operation,
        };
        is.then_some(Fault::Refuse("AccessDenied"))
    }
}

/// The APIs that a plan reads with.
const READS: [&str; 14] = [
    "GetCallerIdentity",
    "GetAccountAuthorizationDetails",
    "ListRoles",
    "GetRole",
    "GetUser",
    "GetGroup",
    "GetPolicy",
    "ListPolicyTags",
    "ListBuckets",
    "GetBucketPolicy",
    "GetBucketVersioning",
    "GetBucketEncryption",
    "GetBucketLogging",
    "GetBucketTagging",
];

pub(crate) async fn place() -> Place {
    Place::with_bucket("rights-given").await
}

pub(crate) fn rights(file: &str) -> String {
    manifest(file, &crew("rights", REST))
}

fn refuse(place: &Place, refused: Option<Refused>) {
    place.sandbox.set_faults(refused.map(|refused| -> Arc<dyn FaultPlan> { Arc::new(Rights { refused, count: AtomicUsize::new(0) }) }));
}

/// How many calls a plan takes.
async fn calls(place: &Place, file: &str) -> usize {
    place.sandbox.take_calls();
    place.run(&["plan", file]).await;
    place.sandbox.take_calls().values().map(|n| usize::try_from(*n).unwrap()).sum()
}

fn all(calls: usize) -> Vec<Refused> {
    let by_number = (0..calls).flat_map(|at| [Refused::One(at), Refused::From(at)]);
    by_number.chain(READS.map(Refused::Named)).collect()
}

/// What is withheld, as programs read it; said once each, in text in one paragraph a cause.
pub(crate) fn withheld(text: &str, json: &Value, what: &str) -> BTreeSet<String> {
    let list = json["withheld"].as_array().unwrap();
    let named: BTreeSet<String> = list.iter().map(|w| format!("{}: {}", w["what"], w["why"])).collect();
    assert_eq!(named.len(), list.len(), "{what}: twice: {list:#?}");
    let paragraphs: Vec<&str> = text.split("\n\n").filter(|p| p.starts_with("withheld: ") || p.starts_with("note: ")).collect();
    let heads: BTreeSet<&str> = paragraphs.iter().filter_map(|p| p.split_once(": ")?.1.split_once(": ").map(|(_, why)| why)).collect();
    assert_eq!(heads.len(), paragraphs.len(), "{what}: one cause in two paragraphs:\n{text}");
    assert_eq!(paragraphs.is_empty(), list.is_empty(), "{what}: {text}");
    list.iter().filter(|w| w["blocks"] == true).map(|w| w["what"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn in_sync_nothing_is_proposed_whatever_can_not_be_read() {
    let place = place().await;
    let file = rights("rights-sync");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    for refused in all(calls(&place, &file).await) {
        refuse(&place, Some(refused));
        let said = place.run(&["plan", "--json", &file]).await;
        let json: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{refused:?}: {e}: {}{}", said.out, said.err));
        refuse(&place, Some(refused));
        let text = place.run(&["plan", &file]).await.out;
        let what = format!("{refused:?}");
        assert_eq!(json["resource_changes"], serde_json::json!([]), "{what}: {text}");
        assert_eq!(json["summary"], serde_json::json!({"add": 0, "change": 0, "destroy": 0}), "{what}");
        let blocking = withheld(&text, &json, &what);
        assert_eq!(said.exit == Exit::Failed, !blocking.is_empty(), "{what}: {text}");
        let summary = if blocking.is_empty() { "No changes. What is live" } else { "No changes can be made: see what is withheld above." };
        assert!(text.lines().any(|line| line.starts_with(summary)), "{what}: {text}");
        place.sandbox.take_calls();
        refuse(&place, Some(refused));
        place.run(&["apply", "--auto-approve", "--quiet", &file]).await;
        let written: Vec<(String, String)> = place.sandbox.take_calls().into_keys().filter(|(_, o)| !o.starts_with("Get") && !o.starts_with("List")).collect();
        assert!(written.iter().all(|(_, o)| o == "HeadBucket" || o == "AssumeRole"), "{what}: {written:?}");
    }
}

/// From an empty AWS, half of the reads refused: what is proposed is a part of what would be, and each object that is missing
/// from it is withheld, or counted nowhere.
#[tokio::test(start_paused = true)]
async fn what_is_proposed_is_a_part_and_the_rest_is_named() {
    let place = place().await;
    let file = rights("rights-empty");
    let addresses = |json: &Value| -> BTreeSet<String> {
        json["resource_changes"].as_array().unwrap().iter().map(|c| format!("{} {}", c["address"].as_str().unwrap(), c["change"]["actions"])).collect()
    };
    let whole: Value = serde_json::from_str(&place.run(&["plan", "--json", &file]).await.out).unwrap();
    let everything = addresses(&whole);
    assert_eq!(everything.len(), 13, "{everything:#?}");
    for refused in all(calls(&place, &file).await) {
        refuse(&place, Some(refused));
        let json: Value = serde_json::from_str(&place.run(&["plan", "--json", &file]).await.out).unwrap();
        refuse(&place, Some(refused));
        let text = place.run(&["plan", &file]).await.out;
        let what = format!("{refused:?}");
        let proposed = addresses(&json);
        assert!(proposed.is_subset(&everything), "{what}: {proposed:#?}");
        let blocking = withheld(&text, &json, &what);
        let said = |address: &str| {
            let account = address.split('/').next().unwrap();
            // What a manifest lets a principal do is withheld; it would have been written into its caller policy, and attached.
            let of_caller = |w: &str| {
                let caller = w.strip_prefix(&format!("{account}/caller/")).and_then(|rest| rest.split_once('/'));
                caller.is_some_and(|(kind, rest)| address.contains(&format!("/crossrole-caller-{kind}-{} ", rest.split('/').next().unwrap())))
            };
            blocking.iter().any(|w| address.starts_with(w.as_str()) || of_caller(w) || w.starts_with(&format!("account {account} ")))
        };
        let missing: Vec<&String> = everything.difference(&proposed).filter(|a| !said(a)).collect();
        assert!(missing.is_empty(), "{what}: neither planned nor withheld: {missing:#?}\n{text}");
        assert_eq!(json["summary"]["add"], proposed.len(), "{what}");
        if !proposed.is_empty() {
            assert!(text.contains(&format!("Plan: {} to add, 0 to change, 0 to destroy.", proposed.len())), "{what}: {text}");
        }
    }
}

/// Counts the writes that were let through, until a right is lost.
struct Lost {
    from: usize,
    calls: AtomicUsize,
    written: AtomicUsize,
}

impl FaultPlan for Lost {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        if self.calls.fetch_add(1, Ordering::Relaxed) >= self.from {
            return Some(Fault::Refuse("AccessDenied"));
        }
        self.written.fetch_add(usize::from(call.writes), Ordering::Relaxed);
        None
    }
}

/// Rights that end in the middle of an apply: what is said to be done is what was done, and nothing is left out of the count.
#[tokio::test(start_paused = true)]
async fn the_summary_of_an_apply_is_exact_wherever_the_rights_end() {
    let file = rights("rights-apply");
    let whole = place().await;
    whole.sandbox.take_calls();
    whole.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let calls: usize = whole.sandbox.take_calls().values().map(|n| usize::try_from(*n).unwrap()).sum();
    assert!(calls > 30, "{calls}");
    for from in (0..calls).step_by(3) {
        let place = place().await;
        let lost = Arc::new(Lost { from, calls: AtomicUsize::new(0), written: AtomicUsize::new(0) });
        let faults: Arc<dyn FaultPlan> = Arc::<Lost>::clone(&lost);
        place.sandbox.set_faults(Some(faults));
        let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", "--json", &file]).await;
        place.sandbox.set_faults(None);
        let written = lost.written.load(Ordering::Relaxed);
        let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
        assert_eq!(said.exit, Exit::Failed, "{from}: {}", said.out);
        if last["type"] != "outcome" {
            assert_eq!(written, 0, "{from}: {}", said.out);
            continue;
        }
        let steps = last["steps"].as_array().unwrap();
        let applied = steps.iter().filter(|s| s["result"].to_string().contains("applied")).count();
        assert_eq!(applied, written, "{from}: {last:#}");
        assert_eq!(last["complete"], false, "{from}: {last:#}");
        // With its rights back, the next apply does the rest.
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        assert!(place.good(&["plan", &file]).await.starts_with("No changes."), "{from}");
    }
}
