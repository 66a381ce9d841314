//! The promise: from any estate to any other, whatever goes wrong on the way, applying until done ends in "no changes",
//! and nothing foreign is ever lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options, Sandbox};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Credentials, Place, manifest};

const TRUSTING: &str = "222222222222";
const BUCKETS: [&str; 2] = ["estate-one", "estate-two"];

/// One role of a generated estate.
#[derive(Debug, Clone, PartialEq)]
struct Role {
    path: bool,
    description: Option<String>,
    session: u32,
    boundary: bool,
    /// Indices of roles that it trusts (itself too), in this estate.
    trusts: Vec<usize>,
    user: bool,
    group: bool,
    external_id: Option<String>,
    bucket: Option<usize>,
    write: bool,
    managed: bool,
    tag: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Estate {
    roles: Vec<(usize, Role)>,
    user: bool,
    created: bool,
    versioning: bool,
    direct: bool,
    policy: Option<bool>,
}

fn role() -> impl Strategy<Value = Role> {
    (
        (prop::bool::weighted(0.2), prop::option::of("[a-z ]{1,8}"), 1_u32..=12, any::<bool>(), prop::collection::vec(0_usize..4, 0..3)),
        (
            any::<bool>(),
            any::<bool>(),
            prop::option::of("[a-z]{2,6}"),
            prop::option::of(0_usize..2),
            any::<bool>(),
            any::<bool>(),
            prop::option::of("[a-z]{1,3}"),
        ),
    )
        .prop_map(|((path, description, session, boundary, trusts), (user, group, external_id, bucket, write, managed, tag))| Role {
            path,
            description,
            session,
            boundary,
            trusts,
            user,
            group,
            external_id,
            bucket,
            write,
            managed,
            tag,
        })
}

fn estate() -> impl Strategy<Value = Estate> {
    let roles = prop::collection::btree_map(0_usize..4, role(), 0..4).prop_map(|map| map.into_iter().collect());
    (roles, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(any::<bool>()))
        .prop_map(|(roles, user, created, versioning, direct, policy)| Estate { roles, user, created, versioning, direct, policy })
}

impl Estate {
    fn toml(&self) -> String {
        let mut out = format!("name = \"estate\"\n[trusting]\naccount = \"{TRUSTING}\"\n[trusted.dev]\naccount = \"111111111111\"\n");
        if self.user {
            out.push_str("[trusted.dev.groups.Crew]\nmembers = [\"mate\"]\n[trusted.dev.users.mate]\n");
        }
        for bucket in BUCKETS {
            out.push_str(&format!("[buckets.{bucket}]\n"));
            if self.direct {
                out.push_str(&format!("[[buckets.{bucket}.allow]]\naccount = \"dev\"\naccess = \"list\"\n"));
            }
        }
        if self.created {
            out.push_str(&format!("[buckets.estate-made]\ncreate = true\nversioning = {}\n", self.versioning));
        }
        if let Some(wide) = self.policy {
            let access = if wide { "read-write" } else { "read" };
            out.push_str(&format!("[policies.Shared]\n[[policies.Shared.allow]]\nbucket = \"estate-one\"\naccess = \"{access}\"\n"));
        }
        for (index, role) in &self.roles {
            out.push_str(&format!("[roles.R{index}]\nmax_session = \"{}h\"\n", role.session));
            if role.path {
                out.push_str("path = \"/team/\"\n");
            }
            if let Some(text) = &role.description {
                out.push_str(&format!("description = \"{text}\"\n"));
            }
            if role.boundary && self.policy.is_some() {
                out.push_str(&format!("permissions_boundary = \"arn:aws:iam::{TRUSTING}:policy/Shared\"\n"));
            }
            if role.managed {
                let local = if self.policy.is_some() { ", \"Shared\"" } else { "" };
                out.push_str(&format!("policies = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"{local}]\n"));
            }
            if let Some(tag) = &role.tag {
                out.push_str(&format!("tags = {{ team = \"{tag}\" }}\n"));
            }
            out.push_str(&format!("[[roles.R{index}.trust]]\naccount = \"dev\"\n"));
            for other in role.trusts.iter().filter(|t| self.roles.iter().any(|(i, _)| i == *t)) {
                out.push_str(&format!("[[roles.R{index}.trust]]\nrole = \"trusting/R{other}\"\nsource_identity = true\n"));
            }
            if role.user {
                out.push_str(&format!("[[roles.R{index}.trust]]\nuser = \"dev/old-hand\"\n"));
                if let Some(id) = &role.external_id {
                    out.push_str(&format!("external_id = \"{id}\"\n"));
                }
            }
            if role.group && self.user {
                out.push_str(&format!("[[roles.R{index}.trust]]\ngroup = \"dev/Crew\"\nmfa = true\n"));
            }
            if let Some(bucket) = role.bucket {
                let access = if role.write { "read-write" } else { "read" };
                out.push_str(&format!("[[roles.R{index}.allow]]\nbucket = \"{}\"\naccess = \"{access}\"\n", BUCKETS[bucket]));
            }
        }
        out
    }
}

/// The same of a manifest that has another name by now.
fn renamed(toml: &str) -> String {
    toml.replacen("name = \"estate\"", "name = \"renamed\"\nrenamed_from = \"estate\"", 1)
}

/// A fault at each of these calls, counted from now.
struct Schedule {
    from: AtomicU64,
    faults: Vec<(u64, Fault)>,
}

impl FaultPlan for Schedule {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        let at = call.index - self.from.load(Ordering::Relaxed);
        self.faults.iter().find(|(n, _)| *n == at).map(|(_, f)| *f)
    }
}

fn foreign(bucket: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Theirs","Effect":"Allow","Principal":{{"AWS":"555555555555"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/theirs/*"}}]}}"#
    )
}

fn options() -> Options {
    Options { visibility_delay: Duration::from_secs(5), ..Options::default() }
}

async fn place() -> Place {
    let place = Place::new(options());
    for bucket in BUCKETS {
        assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{bucket}"), "", "").await.0, 200);
        assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{bucket}"), "policy", &foreign(bucket)).await.0, 204);
    }
    place.iam("111111111111", "CreateUser", &[("UserName", "old-hand")]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    place.iam("111111111111", "AttachUserPolicy", &[("UserName", "old-hand"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")]).await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(TRUSTING, "CreateRole", &[("RoleName", "TheirRole"), ("AssumeRolePolicyDocument", trust)]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    place
}

async fn assert_foreign(place: &Place) {
    for bucket in BUCKETS {
        let (status, body) = place.s3(TRUSTING, "GET", &format!("/{bucket}"), "policy", "").await;
        assert_eq!(status, 200, "{body}");
        let live = crossrole_policy::parse(&body).unwrap();
        let theirs = crossrole_policy::parse(&foreign(bucket)).unwrap();
        assert!(live.statements.contains(&theirs.statements[0]), "{body}");
    }
    let user = place.iam("111111111111", "ListAttachedUserPolicies", &[("UserName", "old-hand")]).await;
    assert!(user.contains("ReadOnlyAccess"), "{user}");
    place.iam(TRUSTING, "GetRole", &[("RoleName", "TheirRole")]).await;
}

/// Applies again and again; each run may be broken off, but every run gets further or ends.
async fn until_done(place: &Place, file: &str) {
    /// Every fault of a schedule costs one run at most, and settling (a replacement, late visibility) a few more.
    const RUNS: usize = 8;
    let mut last = String::new();
    for _ in 0..RUNS {
        let said = place.run(&["apply", "--auto-approve", "--quiet", file]).await;
        last = format!("{}{}", said.out, said.err);
        // What was written is seen before the next run begins: a pipeline's next run is minutes away.
        tokio::time::sleep(Duration::from_secs(10)).await;
        if said.out.lines().any(|line| line.starts_with("No changes.")) {
            return;
        }
    }
    panic!("it does not settle:\n{last}");
}

async fn broken_run(place: &Place, file: &str, fault: u64, kind: Fault) {
    place.sandbox.set_faults(Some(Arc::new(Schedule { from: AtomicU64::new(place.sandbox.calls()), faults: vec![(fault, kind)] })));
    let words = ["apply", "--auto-approve", "--quiet", file];
    let run = place.run(&words);
    // A call that hangs is a process that dies there: it is never heard of again.
    let _ = tokio::time::timeout(Duration::from_mins(1), run).await;
    place.sandbox.set_faults(None);
    tokio::time::sleep(Duration::from_secs(10)).await;
}

const KINDS: [Fault; 8] = [
    Fault::Hang,
    Fault::HangBefore,
    Fault::DropAnswer,
    Fault::Reset,
    Fault::FailAfter,
    Fault::Refuse("Throttling"),
    Fault::Refuse("ServiceUnavailable"),
    Fault::Refuse("AccessDenied"),
];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn any_two_estates_with_any_faults_settle() {
    let config = Config { cases: 60, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let faults = prop::collection::vec((0_u64..60, prop::sample::select(KINDS.to_vec())), 0..4);
    TestRunner::new(config)
        .run(&(estate(), estate(), any::<bool>(), faults), |(first, second, other_name, faults)| {
            prop_assume!(first != second || other_name);
            runtime().block_on(async {
                let place = place().await;
                let one = manifest("one", &first.toml());
                until_done(&place, &one).await;
                let text = second.toml();
                let two = manifest("two", &if other_name { renamed(&text) } else { text.clone() });
                for (at, kind) in &faults {
                    broken_run(&place, &two, *at, *kind).await;
                    assert_foreign(&place).await;
                }
                until_done(&place, &two).await;
                assert_foreign(&place).await;
                if other_name {
                    // Nothing bears the earlier name, so that no word is needed of it.
                    std::fs::write(&two, text.replacen("\"estate\"", "\"renamed\"", 1)).unwrap();
                    assert!(place.good(&["plan", &two]).await.starts_with("No changes."));
                }
                place.good(&["destroy", "--auto-approve", "--quiet", &two]).await;
                assert_foreign(&place).await;
                place.assert_no_secret();
            });
            Ok(())
        })
        .unwrap();
}

/// The crash at every single call, of one rich change in both directions.
#[test]
fn a_crash_at_every_call_is_recovered_from() {
    let base = Role {
        path: false,
        description: None,
        session: 1,
        boundary: true,
        trusts: vec![0, 1],
        user: true,
        group: true,
        external_id: Some("first".into()),
        bucket: Some(0),
        write: true,
        managed: true,
        tag: Some("a".into()),
    };
    let rich = Estate {
        roles: vec![(0, base.clone()), (1, Role { trusts: vec![0], bucket: Some(1), ..base.clone() })],
        user: true,
        created: true,
        versioning: true,
        direct: true,
        policy: Some(true),
    };
    let other = Estate {
        roles: vec![(1, Role { session: 4, external_id: Some("second".into()), group: false, managed: false, tag: None, bucket: Some(0), ..base })],
        user: false,
        created: false,
        versioning: false,
        direct: false,
        policy: Some(false),
    };
    let another = manifest("renamed", &renamed(&rich.toml()));
    let (rich, other) = (manifest("rich", &rich.toml()), manifest("other", &other.toml()));
    for (from, to) in [(None, &rich), (Some(&rich), &other), (Some(&rich), &another)] {
        let start = runtime().block_on(async {
            let place = place().await;
            if let Some(from) = from {
                until_done(&place, from).await;
            }
            place.sandbox.snapshot().unwrap()
        });
        for kind in [Fault::Hang, Fault::HangBefore] {
            let mut at = 0;
            loop {
                let more = runtime().block_on(async {
                    let place = Place::of(Sandbox::restore(&start, options()).unwrap());
                    let before = place.sandbox.calls();
                    broken_run(&place, to, at, kind).await;
                    let reached = place.sandbox.calls() - before > at;
                    assert_foreign(&place).await;
                    until_done(&place, to).await;
                    assert_foreign(&place).await;
                    reached
                });
                if !more {
                    break;
                }
                at += 1;
                assert!(at < 500, "the run does not end");
            }
            assert!(at > 20, "only {at} calls: the change is not rich");
        }
    }
}

/// Two manifests on one bucket at the same time: nobody's statement is lost, or somebody says so.
#[tokio::test(start_paused = true)]
async fn two_applies_on_one_bucket_lose_nothing_silently() {
    for latency in [0, 7, 50] {
        let place = Arc::new(Place::new(Options { latency: Duration::from_millis(latency), ..Options::default() }));
        assert_eq!(place.s3(TRUSTING, "PUT", "/shared-by-two", "", "").await.0, 200);
        let text = |name: &str| {
            format!(
                "name = \"{name}\"\n[trusting]\naccount = \"{TRUSTING}\"\n[trusted.dev]\naccount = \"111111111111\"\n[buckets.shared-by-two]\n[[buckets.shared-by-two.allow]]\naccount = \"dev\"\naccess = \"list\"\nconditions = {{ StringEquals = {{ \"aws:PrincipalTag/for\" = \"{name}\" }} }}\n"
            )
        };
        let (a, b) = (manifest("two-a", &text("two-a")), manifest("two-b", &text("two-b")));
        let (words_a, words_b) = (["apply", "--auto-approve", "--quiet", &a], ["apply", "--auto-approve", "--quiet", &b]);
        let (one, two) = tokio::join!(place.run(&words_a), place.run(&words_b));
        let said_so = [&one, &two].iter().any(|s| s.exit != crossrole::Exit::Clean && (s.out.contains("drifted:") || s.out.contains("unverified:")));
        let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
        let (_, policy) = place.s3_as(&who, "us-east-1", "GET", "/shared-by-two", "policy", &[], "").await;
        let both = policy.contains("two-a") && policy.contains("two-b");
        assert!(both || said_so, "latency {latency}: {policy}\n{}{}", one.out, two.out);
        until_done(&place, &a).await;
        until_done(&place, &b).await;
        until_done(&place, &a).await;
        let (_, policy) = place.s3_as(&who, "us-east-1", "GET", "/shared-by-two", "policy", &[], "").await;
        assert!(policy.contains("two-a") && policy.contains("two-b"), "{policy}");
    }
}
