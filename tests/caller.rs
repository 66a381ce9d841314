//! The caller's side belongs to all manifests that speak of a principal: one policy, in which each owns its statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, FaultPlan, Options};
use futures_util::FutureExt as _;

use crate::support::{Place, manifest};

const CALLER: &str = "111111111111";
const POLICY: &str = "arn:aws:iam::111111111111:policy/crossrole/caller/crossrole-caller-group-Devs";

/// A manifest that lets the group assume `roles` roles of its own.
fn text(name: &str, roles: usize) -> String {
    let mut text = format!("name = \"{name}\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"{CALLER}\"\n");
    for n in 0..roles {
        text.push_str(&format!("[roles.R-{name}-{n}]\n[[roles.R-{name}-{n}.trust]]\ngroup = \"dev/Devs\"\n"));
    }
    text
}

async fn place(options: Options) -> Place {
    let place = Place::new(options);
    place.iam(CALLER, "CreateGroup", &[("GroupName", "Devs")]).await;
    place
}

async fn apply(place: &Place, name: &str, roles: usize) -> String {
    let file = manifest(&format!("caller-{name}"), &text(name, roles));
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    file
}

async fn attached(place: &Place) -> usize {
    place.iam(CALLER, "ListAttachedGroupPolicies", &[("GroupName", "Devs")]).await.matches("<PolicyArn>").count()
}

/// The default version's document of every part.
async fn documents(place: &Place) -> String {
    let all = place.iam(CALLER, "GetAccountAuthorizationDetails", &[("Filter.member.1", "LocalManagedPolicy")]).await;
    let mut found = String::new();
    for version in all.split("<Document>").skip(1).filter(|v| v.contains("<IsDefaultVersion>true<")) {
        found.push_str(&decoded(version.split("</Document>").next().unwrap()));
    }
    found
}

/// IAM's percent-encoding, back to text.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// A group may hold ten policies; before there was one for all manifests, the eleventh manifest found it full.
#[tokio::test]
async fn a_group_holds_one_policy_however_many_manifests_speak_of_it() {
    let place = place(Options::default()).await;
    let mut files = Vec::new();
    for n in 0..12 {
        files.push(apply(&place, &format!("m{n}"), 1).await);
    }
    assert_eq!(attached(&place).await, 1);
    let all = documents(&place).await;
    for n in 0..12 {
        assert!(all.contains(&format!("role/R-m{n}-0\"")), "{all}");
    }
    // In sync, one by one and together.
    for file in &files {
        assert_eq!(place.run(&["plan", "--detailed-exitcode", file]).await.exit, Exit::Clean);
    }
    // One goes, and takes its own with it.
    place.good(&["destroy", "--auto-approve", "--quiet", &files[3]]).await;
    let left = documents(&place).await;
    assert!(!left.contains("R-m3-0") && left.contains("R-m4-0") && left.contains("R-m11-0"), "{left}");
    for (n, file) in files.iter().enumerate().filter(|(n, _)| *n != 3) {
        assert_eq!(place.run(&["plan", "--detailed-exitcode", file]).await.exit, Exit::Clean, "m{n}");
        place.good(&["destroy", "--auto-approve", "--quiet", file]).await;
    }
    assert_eq!(attached(&place).await, 0);
    assert_eq!(place.query(CALLER, "iam", "GetPolicy", &[("PolicyArn", POLICY)]).await.0, 404, "nobody is left in it");
}

/// What no longer fits goes into a second part, and what stands somewhere stays there.
#[tokio::test]
async fn a_full_policy_gets_a_second_part_and_nothing_moves() {
    let place = place(Options::default()).await;
    let first = apply(&place, "big", 80).await;
    let second = apply(&place, "more", 60).await;
    assert_eq!(attached(&place).await, 2);
    let third = apply(&place, "small", 1).await;
    assert_eq!(attached(&place).await, 2, "there is room in one of them");
    for file in [&first, &second, &third] {
        assert_eq!(place.run(&["plan", "--detailed-exitcode", file]).await.exit, Exit::Clean);
    }
    // With the first gone, the others stay where they are.
    place.good(&["destroy", "--auto-approve", "--quiet", &first]).await;
    for file in [&second, &third] {
        assert_eq!(place.run(&["plan", "--detailed-exitcode", file]).await.exit, Exit::Clean);
    }
}

/// A statement that somebody else put there is kept, and so is one of a manifest that is not of this run.
#[tokio::test]
async fn foreign_statements_are_kept() {
    let place = place(Options::default()).await;
    let file = apply(&place, "one", 1).await;
    let theirs = documents(&place)
        .await
        .replace("\"Statement\":[", "\"Statement\":[{\"Sid\":\"Theirs\",\"Effect\":\"Allow\",\"Action\":\"s3:ListAllMyBuckets\",\"Resource\":\"*\"},");
    place.iam(CALLER, "CreatePolicyVersion", &[("PolicyArn", POLICY), ("SetAsDefault", "true"), ("PolicyDocument", &theirs)]).await;
    assert_eq!(place.run(&["plan", "--detailed-exitcode", &file]).await.exit, Exit::Clean, "theirs is theirs");
    apply(&place, "one", 2).await;
    let all = documents(&place).await;
    assert!(all.contains("Theirs") && all.contains("R-one-1"), "{all}");
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
    let left = documents(&place).await;
    assert!(left.contains("Theirs") && !left.contains("R-one"), "{left}");
    assert_eq!(attached(&place).await, 1, "it is somebody's");
}

/// Versions run full at five, whoever wrote them.
#[tokio::test]
async fn versions_never_run_out() {
    let place = place(Options::default()).await;
    for roles in 1..9 {
        apply(&place, "grows", roles).await;
    }
    assert!(documents(&place).await.contains("R-grows-7"));
}

/// Writes another manifest's statement right before our write, from what it read before: neither may be lost.
struct Other {
    place: Arc<Place>,
    done: AtomicBool,
}

impl FaultPlan for Other {
    fn fault(&self, call: &CallInfo<'_>) -> Option<crossrole_sandbox::Fault> {
        if call.operation == "CreatePolicyVersion" && !self.done.swap(true, Ordering::Relaxed) {
            let all = documents(&self.place).now_or_never().unwrap();
            let theirs = all
                .replace("\"Statement\":[", "\"Statement\":[{\"Sid\":\"Theirs\",\"Effect\":\"Allow\",\"Action\":\"s3:ListAllMyBuckets\",\"Resource\":\"*\"},");
            let params = [("PolicyArn", POLICY), ("SetAsDefault", "true"), ("PolicyDocument", theirs.as_str())];
            assert_eq!(self.place.query(CALLER, "iam", "CreatePolicyVersion", &params).now_or_never().unwrap().0, 200);
        }
        None
    }
}

/// Between our reading and our writing: a bucket's policy is lost there, but versions of a policy are numbered and kept.
#[tokio::test]
async fn what_is_written_between_reading_and_writing_is_put_back() {
    let place = Arc::new(place(Options::default()).await);
    apply(&place, "race", 1).await;
    let other = Arc::new(Other { place: Arc::clone(&place), done: AtomicBool::new(false) });
    place.sandbox.set_faults(Some(Arc::clone(&other) as Arc<dyn FaultPlan>));
    apply(&place, "race", 2).await;
    place.sandbox.set_faults(None);
    assert!(other.done.load(Ordering::Relaxed));
    let all = documents(&place).await;
    assert!(all.contains("Theirs") && all.contains("R-race-1"), "{all}");
}

/// Ten manifests at once on one group.
#[tokio::test]
async fn applies_at_once_lose_nothing() {
    for _ in 0..5 {
        let place = place(Options { latency: std::time::Duration::from_millis(1), ..Options::default() }).await;
        futures_util::future::join_all((0..5).map(|n| apply_named(&place, n))).await;
        let all = documents(&place).await;
        for n in 0..5 {
            assert!(all.contains(&format!("R-at{n}-0")), "{n}: {all}");
        }
        assert_eq!(attached(&place).await, 1);
    }
}

async fn apply_named(place: &Place, n: usize) {
    apply(place, &format!("at{n}"), 1).await;
}

/// The policy of one manifest that there was before is carried over by the next apply: the new one is attached first.
#[tokio::test]
async fn what_was_there_before_is_carried_over() {
    let place = place(Options::default()).await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Sid":"AssumeRoles","Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/R-old-0"}]}"#;
    let old = "arn:aws:iam::111111111111:policy/crossrole-old-group-Devs";
    let tags = [("Tags.member.1.Key", "crossrole:manifest"), ("Tags.member.1.Value", "old")];
    place.iam(CALLER, "CreatePolicy", &[&[("PolicyName", "crossrole-old-group-Devs"), ("PolicyDocument", document)][..], &tags].concat()).await;
    place.iam(CALLER, "AttachGroupPolicy", &[("GroupName", "Devs"), ("PolicyArn", old)]).await;
    let file = manifest("caller-old", &text("old", 1));
    let plan = place.run(&["plan", &file]).await.out;
    assert!(plan.contains("crossrole-old-group-Devs"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!(attached(&place).await, 1);
    assert_eq!(place.query(CALLER, "iam", "GetPolicy", &[("PolicyArn", old)]).await.0, 404);
    assert!(documents(&place).await.contains("R-old-0"));
    assert_eq!(place.run(&["plan", "--detailed-exitcode", &file]).await.exit, Exit::Clean);
}

/// A caller policy on somebody whom it is not made for lets them in, too.
#[tokio::test]
async fn who_holds_it_without_being_named_loses_it() {
    let place = place(Options::default()).await;
    let file = apply(&place, "held", 1).await;
    place.iam(CALLER, "CreateUser", &[("UserName", "mallory")]).await;
    place.iam(CALLER, "AttachUserPolicy", &[("UserName", "mallory"), ("PolicyArn", POLICY)]).await;
    assert_eq!(place.run(&["plan", "--detailed-exitcode", &file]).await.exit, Exit::Changes);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(!place.iam(CALLER, "ListAttachedUserPolicies", &[("UserName", "mallory")]).await.contains("crossrole-caller"));
}
