//! Every kind of caller, whatever happens to the calls: a group, a user, a role of another account, and a declared role.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};

use crate::support::{Place, manifest};

const TRUSTING: &str = "222222222222";
const CALLER: &str = "111111111111";

/// Who calls: account, kind, name, how a trust names it.
const CALLERS: [(&str, &str, &str, &str); 4] = [
    (CALLER, "Group", "Devs", "group = \"dev/Devs\""),
    (CALLER, "User", "ann", "user = \"dev/ann\""),
    (CALLER, "Role", "App", "role = \"dev/App\""),
    (TRUSTING, "Role", "Hub", "role = \"trusting/Hub\""),
];

/// A manifest that lets each of them assume `roles` roles of its own. The hub is declared by `hub` alone.
fn text(name: &str, roles: usize) -> String {
    let mut text = format!("name = \"{name}\"\n[trusting]\naccount = \"{TRUSTING}\"\n[trusted.dev]\naccount = \"{CALLER}\"\n");
    if name == "hub" {
        text.push_str("[roles.Hub]\n[[roles.Hub.trust]]\nservice = \"ec2.amazonaws.com\"\n");
    }
    for (_, kind, caller, trust) in CALLERS {
        for n in 0..roles {
            text.push_str(&format!("[roles.{name}-{kind}-{caller}-{n}]\n[[roles.{name}-{kind}-{caller}-{n}.trust]]\n{trust}\n"));
        }
    }
    text
}

fn file(name: &str, roles: usize) -> String {
    manifest(&format!("callers-{name}-{roles}"), &text(name, roles))
}

/// Callers that nobody here declares, but for the hub.
async fn place(options: Options) -> Place {
    let place = Place::new(options);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(CALLER, "CreateGroup", &[("GroupName", "Devs")]).await;
    place.iam(CALLER, "CreateUser", &[("UserName", "ann")]).await;
    place.iam(CALLER, "CreateRole", &[("RoleName", "App"), ("AssumeRolePolicyDocument", trust)]).await;
    place
}

/// What each caller may assume, by its own policies.
async fn allowed(place: &Place) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (account, kind, name, _) in CALLERS {
        let attached = place.query(account, "iam", &format!("ListAttached{kind}Policies"), &[(&format!("{kind}Name"), name)]).await.1;
        let mut roles = Vec::new();
        for arn in attached.split("<PolicyArn>").skip(1).map(|rest| rest.split('<').next().unwrap()) {
            let version = crate::support::element(&place.iam(account, "GetPolicy", &[("PolicyArn", arn)]).await, "DefaultVersionId");
            let document = place.iam(account, "GetPolicyVersion", &[("PolicyArn", arn), ("VersionId", &version)]).await;
            roles.extend(document.split("role%2F").skip(1).map(|rest| rest.split('%').next().unwrap().to_owned()));
        }
        roles.sort();
        all.push(roles);
    }
    all
}

/// What manifests of so many roles let each of them.
fn wanted(manifests: &[(&str, usize)]) -> Vec<Vec<String>> {
    let of = |kind: &str, caller: &str| {
        let mut roles: Vec<String> = manifests.iter().flat_map(|(name, n)| (0..*n).map(move |n| format!("{name}-{kind}-{caller}-{n}"))).collect();
        roles.sort();
        roles
    };
    CALLERS.iter().map(|(_, kind, caller, _)| of(kind, caller)).collect()
}

/// Time in which whatever was written is seen.
const SEEN: Duration = Duration::from_mins(1);

async fn settled(place: &Place, file: &str, manifests: &[(&str, usize)], what: &str) {
    tokio::time::sleep(SEEN).await;
    let plan = place.run(&["plan", "--detailed-exitcode", file]).await;
    assert_eq!(plan.exit, Exit::Clean, "{what}: {}", plan.out);
    assert_eq!(allowed(place).await, wanted(manifests), "{what}");
}

/// The same accounts, which answer at once to everything.
fn plain(place: &Place) -> Place {
    Place::of(crossrole_sandbox::Sandbox::restore(&place.sandbox.snapshot().unwrap(), Options::default()).unwrap())
}

/// Made, more, fewer, taken back: where writes are seen late, and where calls are counted.
#[tokio::test(start_paused = true)]
async fn every_caller_s_cycle_ends_as_it_is_declared() {
    let late = Options { visibility_delay: Duration::from_secs(9), ..Options::default() };
    for (what, options) in [("at once", Options::default()), ("late", late), ("throttled", Options { rate: Some(4), ..Options::default() })] {
        let place = place(Options { visibility_delay: options.visibility_delay, ..Options::default() }).await;
        tokio::time::sleep(SEEN).await;
        let place = Place::of(crossrole_sandbox::Sandbox::restore(&place.sandbox.snapshot().unwrap(), options).unwrap());
        for roles in [1, 3, 2] {
            place.good(&["apply", "--auto-approve", "--quiet", &file("hub", roles)]).await;
            tokio::time::sleep(SEEN).await;
            settled(&plain(&place), &file("hub", roles), &[("hub", roles)], &format!("{what}, {roles}")).await;
        }
        place.good(&["destroy", "--auto-approve", "--quiet", &file("hub", 2)]).await;
        tokio::time::sleep(SEEN).await;
        let place = plain(&place);
        assert_eq!(allowed(&place).await, wanted(&[("hub", 0)]), "{what}");
        for (account, kind) in [(CALLER, "Policies"), (TRUSTING, "Policies"), (TRUSTING, "Roles")] {
            let scope: &[(&str, &str)] = if kind == "Policies" { &[("Scope", "Local")] } else { &[] };
            let left = place.iam(account, &format!("List{kind}"), scope).await;
            assert!(!left.contains("<Arn>"), "{what}: {left}");
        }
    }
}

/// The answer to one call that writes: reads are simply made again.
struct Once {
    at: usize,
    fault: Fault,
    calls: AtomicUsize,
}

impl FaultPlan for Once {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.writes && self.calls.fetch_add(1, Ordering::Relaxed) == self.at).then_some(self.fault)
    }
}

/// Whichever answer is lost, the same run gets through: while it is made, changed, and taken back.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_made_good_by_the_same_run() {
    for phase in ["make", "change", "destroy"] {
        let begin = || async {
            let place = place(Options::default()).await;
            if phase != "make" {
                place.good(&["apply", "--auto-approve", "--quiet", &file("hub", 1)]).await;
            }
            place
        };
        let now = file("hub", if phase == "change" { 2 } else { 1 });
        let words = [if phase == "destroy" { "destroy" } else { "apply" }, "--auto-approve", "--quiet", &now];
        let whole = begin().await;
        let counts = Arc::new(Once { at: usize::MAX, fault: Fault::Reset, calls: AtomicUsize::new(0) });
        whole.sandbox.set_faults(Some(Arc::<Once>::clone(&counts) as Arc<dyn FaultPlan>));
        whole.good(&words).await;
        let calls = counts.calls.load(Ordering::Relaxed);
        assert!(calls > 5, "{phase}: {calls}");
        for at in 0..calls {
            for fault in [Fault::DropAnswer, Fault::FailAfter, Fault::Hang] {
                let place = begin().await;
                place.sandbox.set_faults(Some(Arc::new(Once { at, fault, calls: AtomicUsize::new(0) })));
                let said = place.run(&words).await;
                place.sandbox.set_faults(None);
                let what = format!("{phase}: {fault:?} of write {at} of {calls}");
                assert_eq!(said.exit, Exit::Clean, "{what}: {}{}", said.out, said.err);
                let left = match phase {
                    "make" => 1,
                    "change" => 2,
                    _ => 0,
                };
                assert_eq!(allowed(&place).await, wanted(&[("hub", left)]), "{what}");
            }
        }
    }
}

/// Five versions are there, the answer to the sixth is lost: there is no room for another try, and none is needed.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_version_when_all_are_there_heals_at_once() {
    for fault in [Fault::DropAnswer, Fault::FailAfter, Fault::Hang, Fault::HangBefore, Fault::Reset] {
        let place = place(Options::default()).await;
        for roles in 1..=6 {
            place.good(&["apply", "--auto-approve", "--quiet", &file("hub", roles)]).await;
        }
        let arn = format!("arn:aws:iam::{CALLER}:policy/crossrole/caller/crossrole-caller-group-Devs");
        let versions = place.iam(CALLER, "ListPolicyVersions", &[("PolicyArn", &arn)]).await;
        assert_eq!(versions.matches("<VersionId>").count(), 5, "{versions}");
        place.sandbox.set_faults(Some(Arc::new(First { operation: "CreatePolicyVersion", fault, calls: AtomicUsize::new(0) })));
        let said = place.run(&["apply", "--auto-approve", "--quiet", &file("hub", 7)]).await;
        place.sandbox.set_faults(None);
        assert_eq!(said.exit, Exit::Clean, "{fault:?}: {}{}", said.out, said.err);
        settled(&place, &file("hub", 7), &[("hub", 7)], &format!("{fault:?}")).await;
    }
}

/// The first call of an operation.
struct First {
    operation: &'static str,
    fault: Fault,
    calls: AtomicUsize,
}

impl FaultPlan for First {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.operation == self.operation && self.calls.fetch_add(1, Ordering::Relaxed) == 0).then_some(self.fault)
    }
}

/// Two manifests at once.
#[tokio::test(start_paused = true)]
async fn two_at_once_lose_nothing() {
    for latency in [1, 50] {
        let place = place(Options { latency: Duration::from_millis(latency), ..Options::default() }).await;
        place.good(&["apply", "--auto-approve", "--quiet", &file("hub", 1)]).await;
        let (one, two) = (file("one", 2), file("two", 3));
        for said in both(&place, "apply", &one, &two).await {
            assert_eq!(said.exit, Exit::Clean, "{latency} ms: {}{}", said.out, said.err);
        }
        for file in [&one, &two] {
            settled(&place, file, &[("hub", 1), ("one", 2), ("two", 3)], &format!("{latency} ms")).await;
        }
        // And both taken back at once: what the first manifest wrote stays.
        for said in both(&place, "destroy", &one, &two).await {
            assert_eq!(said.exit, Exit::Clean, "{latency} ms: {}{}", said.out, said.err);
        }
        settled(&place, &file("hub", 1), &[("hub", 1)], &format!("{latency} ms")).await;
    }
}

async fn both(place: &Place, verb: &str, one: &str, two: &str) -> [crate::support::Said; 2] {
    let (one, two) = ([verb, "--auto-approve", "--quiet", one], [verb, "--auto-approve", "--quiet", two]);
    let (one, two) = tokio::join!(place.run(&one), place.run(&two));
    [one, two]
}

/// Where neither sees for long what the other has written, one of them may be overwritten: then it is said, by whoever it was
/// that was overwritten or could not tell, and the next apply puts it right.
#[tokio::test(start_paused = true)]
async fn two_at_once_that_see_one_another_late_lose_nothing_in_silence() {
    for (lag, latency) in [(2, 1), (5, 1), (20, 50)] {
        let place = place(Options { visibility_delay: Duration::from_secs(lag), latency: Duration::from_millis(latency), ..Options::default() }).await;
        tokio::time::sleep(SEEN).await;
        place.good(&["apply", "--auto-approve", "--quiet", &file("hub", 1)]).await;
        tokio::time::sleep(SEEN).await;
        let what = format!("seen after {lag} s, answered after {latency} ms");
        let manifests = [("hub", 1), ("one", 2), ("two", 3)];
        let (one, two) = (file("one", 2), file("two", 3));
        let said = both(&place, "apply", &one, &two).await;
        tokio::time::sleep(SEEN).await;
        if allowed(&place).await != wanted(&manifests) {
            assert!(said.iter().any(|said| said.exit == Exit::Failed && said.out.contains("unverified: ")), "{what}: {}{}", said[0].out, said[1].out);
        }
        for file in [&one, &two] {
            place.good(&["apply", "--auto-approve", "--quiet", file]).await;
            tokio::time::sleep(SEEN).await;
        }
        for file in [&one, &two] {
            settled(&place, file, &manifests, &what).await;
        }
        settled(&place, &file("hub", 1), &manifests, &what).await;
    }
}
