//! What a step finds: as planned from, as planned to, or otherwise.

use crossrole_model::observed::{Observation, ObservedRole};
use crossrole_model::state::Tags;
use crossrole_model::{Address, Drift, ErrorClass, Facet, Kind, Observed, StepResult, Unreadable};
use crossrole_policy::parse;

use crate::cloud::{Asked, DEV, Fake, Fault, PROD, applied, planned};
use crate::order::{WHOLE, with_bucket};
use crate::world::{account, bucket, estate, id};

fn role<'e>(estate: &'e mut Observed, name: &str) -> &'e mut ObservedRole {
    account(estate, &id(PROD)).roles.get_mut(&name.to_ascii_lowercase()).unwrap()
}

/// As the estate is when `toml` was applied.
fn after(toml: &str, start: Observed) -> Observed {
    let fake = Fake::new(start);
    let ran = applied(&fake, &planned(toml, &fake.truth()));
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
    fake.truth()
}

fn writes(fake: &Fake) -> usize {
    fake.log.lock().unwrap().iter().filter(|e| matches!(e.asked, Asked::Write(_))).count()
}

#[test]
fn what_is_as_planned_already_is_not_written_again() {
    let plan = planned(WHOLE, &with_bucket());
    let fake = Fake::new(after(WHOLE, with_bucket()));
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.steps.iter().all(|r| *r == StepResult::AlreadyDone), "{:?}", ran.outcome.steps);
    assert!(ran.outcome.is_complete());
    assert_eq!(writes(&fake), 0);
    assert_eq!(fake.times("observe"), 1, "nothing was written, so nothing is read back");
}

#[test]
fn what_a_run_before_has_half_made_is_finished() {
    let plan = planned(WHOLE, &with_bucket());
    for left_out in 0..plan.steps.len() {
        let mut half = with_bucket();
        let mut missing = std::collections::BTreeSet::from([left_out]);
        for (at, step) in plan.steps.iter().enumerate() {
            if missing.contains(&at) || step.needs.iter().any(|n| missing.contains(&n.0)) {
                missing.insert(at);
            } else {
                crate::world::carry_out(&mut half, &step.account, &step.call).unwrap();
            }
        }
        let fake = Fake::new(half);
        let ran = applied(&fake, &plan);
        for (at, result) in ran.outcome.steps.iter().enumerate() {
            let expected = if missing.contains(&at) { StepResult::Applied } else { StepResult::AlreadyDone };
            assert_eq!(*result, expected, "step {at} of a run that ended before step {left_out}");
        }
        assert!(ran.outcome.is_complete());
    }
}

const ROLE: &str = r#"
name = "m"
[trusting]
account = "222222222222"
[policies.Most]
[[policies.Most.allow]]
bucket = "data-bucket"
access = "read"
[roles.Reader]
description = "before"
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
tags = { team = "data" }
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
bucket_policy = false
"#;

type Drifting = fn(&mut Observed);

/// Each part of a role that is changed while somebody else changes it: nothing of theirs is overwritten.
#[test]
fn a_part_that_changed_since_it_was_planned_is_left_alone() {
    let cases: &[(&str, &str, &str, Drifting, Facet)] = &[
        ("description", "\"before\"", "\"after\"", |e| role(e, "Reader").state.description = "theirs".into(), Facet::Settings),
        ("longest session", "description = \"before\"", "max_session = \"2h\"", |e| role(e, "Reader").state.max_session_seconds = 7_777, Facet::Settings),
        (
            "boundary",
            "permissions_boundary = \"arn:aws:iam::222222222222:policy/Most\"\n",
            "",
            |e| role(e, "Reader").state.boundary = Some("arn:aws:iam::222222222222:policy/Theirs".into()),
            Facet::Boundary,
        ),
        (
            "trust",
            "service = \"ec2.amazonaws.com\"",
            "service = \"lambda.amazonaws.com\"",
            |e| {
                role(e, "Reader").state.trust =
                    parse(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}"#).unwrap();
            },
            Facet::Trust,
        ),
    ];
    for (what, from, to, theirs, facet) in cases {
        let before = after(ROLE, estate(&[PROD]));
        assert!(ROLE.contains(from), "{what}");
        let plan = planned(&ROLE.replace(from, to), &before);
        let mut drifted = before;
        theirs(&mut drifted);
        let kept = drifted.state(&Address::new(&id(PROD), Kind::Role, "Reader"));
        let fake = Fake::new(drifted);
        let ran = applied(&fake, &plan);
        let at = plan.steps.iter().position(|s| s.facet == *facet).unwrap();
        assert_eq!(ran.outcome.steps[at], StepResult::Drifted { found: Drift::Changed { facet: facet.clone() } }, "{what}");
        if plan.steps.len() == 1 {
            assert_eq!(fake.truth().state(&Address::new(&id(PROD), Kind::Role, "Reader")), kept, "{what}");
        }
        assert!(!ran.outcome.is_complete());
    }
}

/// Tags are many values in one part: each call leaves the others alone, so another's tag is no drift.
#[test]
fn a_tag_that_somebody_sets_meanwhile_stops_nobody() {
    let before = after(ROLE, estate(&[PROD]));
    let plan = planned(&ROLE.replace("\"data\"", "\"other\""), &before);
    let mut drifted = before;
    role(&mut drifted, "Reader").state.tags.insert("theirs".into(), "x".into());
    let fake = Fake::new(drifted);
    let ran = applied(&fake, &plan);
    assert_eq!(ran.of(&plan, "TagRole"), StepResult::Applied);
    let mut truth = fake.truth();
    let tags = &role(&mut truth, "Reader").state.tags;
    assert_eq!((tags["team"].as_str(), tags["theirs"].as_str()), ("other", "x"));
}

#[test]
fn a_bucket_setting_that_changed_since_is_left_alone() {
    let toml = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[buckets.data-bucket]\ncreate = true\nversioning = false\nownership = \"ObjectWriter\"\n";
    let before = after(toml, estate(&[PROD]));
    let plan = planned(&toml.replace("\"ObjectWriter\"", "\"BucketOwnerEnforced\""), &before);
    let mut drifted = before;
    bucket(&mut drifted, "data-bucket").state.ownership = Some("BucketOwnerPreferred".into());
    let fake = Fake::new(drifted);
    let ran = applied(&fake, &plan);
    assert_eq!(ran.outcome.steps, [StepResult::Drifted { found: Drift::Changed { facet: Facet::ObjectOwnership } }]);
    assert_eq!(writes(&fake), 0);
}

#[test]
fn what_is_gone_is_not_made_again_by_a_change_of_it() {
    let before = after(ROLE, estate(&[PROD]));
    let plan = planned(&ROLE.replace("\"before\"", "\"after\""), &before);
    let mut gone = before;
    account(&mut gone, &id(PROD)).roles.clear();
    let fake = Fake::new(gone);
    assert_eq!(applied(&fake, &plan).outcome.steps, [StepResult::Drifted { found: Drift::Gone }]);
    assert_eq!(writes(&fake), 0);
}

/// Deleting what is not there is done, whether the first reading shows it or the call.
#[test]
fn what_is_to_go_and_is_gone_is_done() {
    let before = after(WHOLE, with_bucket());
    let empty = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[buckets.data-bucket]\n";
    let plan = planned(empty, &before);
    assert!(plan.steps.iter().filter(|s| s.call.removes()).count() > 8, "{:?}", plan.steps);
    let mut gone = before.clone();
    for account_id in [PROD, DEV] {
        let state = account(&mut gone, &id(account_id));
        state.roles.clear();
        state.policies.clear();
        state.users.clear();
        state.groups.clear();
    }
    gone.buckets.insert("data-bucket".into(), Observation::Known(None));
    let fake = Fake::new(gone.clone());
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.steps.iter().all(StepResult::is_done), "{:?}", ran.outcome.steps);
    assert_eq!(ran.applied(), 0);
    // The first reading still shows everything.
    let mut fake = Fake::new(gone);
    fake.lens = Box::new(move |nth, seen| {
        if nth == 0 {
            seen.accounts.clone_from(&before.accounts);
        }
    });
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.steps.iter().all(|r| *r == StepResult::AlreadyDone), "{:?}", ran.outcome.steps);
}

#[test]
fn an_object_of_that_name_without_our_mark_is_foreign() {
    let plan = planned(WHOLE, &with_bucket());
    for (name, kind, operation) in [("Reader", Kind::Role, "CreateRole"), ("Most", Kind::Policy, "CreatePolicy"), ("ann", Kind::User, "CreateUser")] {
        let mut start = after(WHOLE, with_bucket());
        for account_id in [PROD, DEV] {
            let state = account(&mut start, &id(account_id));
            state.roles.values_mut().filter(|r| r.name == name).for_each(|r| r.state.tags = Tags::new());
            state.users.values_mut().filter(|u| u.name == name).for_each(|u| u.state.tags = Tags::new());
            state.policies.values_mut().filter(|p| p.name == name).for_each(|p| p.state.tags = Tags::new());
        }
        let fake = Fake::new(start);
        let ran = applied(&fake, &plan);
        let at = plan.steps.iter().position(|s| s.call.operation() == operation && plan.changes[s.change].address.name == name).unwrap();
        assert_eq!(plan.changes[plan.steps[at].change].address.kind, kind);
        assert_eq!(ran.outcome.steps[at], StepResult::Drifted { found: Drift::Foreign }, "{name}");
        assert_eq!(writes(&fake), 0);
    }
}

#[test]
fn what_can_not_be_read_is_not_written() {
    let plan = planned(WHOLE, &with_bucket());
    let why = Unreadable { class: Some(ErrorClass::Denied), why: "no".into() };
    for unread in [DEV, "data-bucket"] {
        let mut fake = Fake::new(with_bucket());
        let shown = why.clone();
        fake.lens = Box::new(move |nth, seen| match unread {
            _ if nth > 0 => {}
            DEV => drop(seen.accounts.insert(id(DEV), Observation::Unreadable(shown.clone()))),
            _ => drop(seen.buckets.insert(unread.into(), Observation::Unreadable(shown.clone()))),
        });
        let ran = applied(&fake, &plan);
        let mut behind = std::collections::BTreeSet::new();
        for (at, step) in plan.steps.iter().enumerate() {
            let result = &ran.outcome.steps[at];
            let waits = step.needs.iter().any(|n| behind.contains(&n.0));
            let unreadable = if unread == DEV { step.account == id(DEV) } else { step.call.bucket().is_some() };
            if waits || unreadable {
                behind.insert(at);
                let expected = StepResult::Drifted { found: Drift::Unreadable { unreadable: why.clone() } };
                assert!(matches!(result, StepResult::Skipped { .. }) && waits || *result == expected && !waits, "{:?}: {result:?}", step.call);
            } else {
                assert_eq!(*result, StepResult::Applied, "{:?}", step.call);
            }
        }
    }
}

#[test]
fn a_step_without_its_change_is_not_made() {
    let mut plan = planned(WHOLE, &with_bucket());
    plan.steps[0].change = 99;
    let fake = Fake::new(with_bucket());
    assert_eq!(applied(&fake, &plan).outcome.steps[0], StepResult::Drifted { found: Drift::NotInPlan });
}

/// A name that is taken, although the first reading did not show it.
#[test]
fn a_name_that_is_taken_is_done_where_the_object_is_ours() {
    // The call was made, its answer lost, and the cloud's own retry found the name taken.
    for lag in [0, 3_000] {
        for operation in ["CreateRole", "CreatePolicy", "CreateUser", "CreateGroup"] {
            let mut fake = Fake::new(with_bucket());
            fake.lag = crate::cloud::ms(lag);
            fake.script = Box::new(move |o, _, _| (o == operation).then_some(Fault::Lost(ErrorClass::AlreadyExists)));
            let plan = planned(WHOLE, &fake.truth());
            let ran = applied(&fake, &plan);
            assert!(ran.outcome.steps.iter().all(StepResult::is_done), "{operation}: {:?}", ran.outcome.steps);
            assert!(ran.outcome.steps.contains(&StepResult::AlreadyDone));
            assert!(ran.outcome.is_complete(), "{operation}: {:?}", ran.outcome.unverified);
        }
    }
}

#[test]
fn a_name_that_is_taken_by_somebody_else_is_a_failure() {
    let mut fake = Fake::new(with_bucket());
    fake.before = Box::new(|operation, nth, estate| {
        if operation == "CreateRole" && nth == 0 {
            let mut theirs = after(WHOLE, with_bucket());
            let mut role = role(&mut theirs, "Reader").clone();
            role.state.tags = Tags::new();
            account(estate, &id(PROD)).roles.insert("reader".into(), role);
        }
    });
    let plan = planned(WHOLE, &fake.truth());
    let ran = applied(&fake, &plan);
    assert!(matches!(ran.of(&plan, "CreateRole"), StepResult::Failed { error } if error.class == ErrorClass::AlreadyExists));
    assert!(matches!(ran.of(&plan, "PutBucketPolicy"), StepResult::Skipped { .. }));
    // Somebody else's bucket of that name is in no account of ours: it never shows, and is not waited for long.
    let toml = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[buckets.data-bucket]\ncreate = true\n";
    let fake = Fake::new(estate(&[PROD])).failing(&[("CreateBucket", 9, Fault::Refused(ErrorClass::AlreadyExists))]);
    let plan = planned(toml, &fake.truth());
    let ran = applied(&fake, &plan);
    assert!(matches!(ran.of(&plan, "CreateBucket"), StepResult::Failed { error } if error.class == ErrorClass::AlreadyExists));
    let ended = fake.log.lock().unwrap().last().unwrap().ended;
    assert!(ended.as_secs() >= 20 && ended.as_secs() <= 22, "{ended:?}");
}

const BUCKET: &str = r#"
name = "m"
[trusting]
account = "222222222222"
[buckets.data-bucket]
create = true
versioning = true
[[buckets.data-bucket.allow]]
principal = "arn:aws:iam::999999999999:root"
access = "get"
"#;

/// A bucket of that name in our own account, which the first reading does not show: S3 says that it is ours already.
#[test]
fn a_bucket_of_our_account_without_our_mark_is_not_taken_over() {
    for shown in [true, false] {
        let start = estate(&[PROD]);
        let plan = planned(BUCKET, &start);
        let mut theirs = start;
        crate::world::add_bucket(&mut theirs, PROD, "data-bucket", "us-east-1");
        let mut fake = Fake::new(theirs.clone());
        fake.lens = Box::new(move |nth, seen| {
            if nth == 0 && !shown {
                seen.buckets.insert("data-bucket".into(), Observation::Known(None));
            }
        });
        let ran = applied(&fake, &plan);
        assert!(!ran.of(&plan, "CreateBucket").is_done(), "{shown}: {:?}", ran.outcome.steps);
        assert!(ran.outcome.steps[1..].iter().all(|r| matches!(r, StepResult::Skipped { .. })), "{shown}: {:?}", ran.outcome.steps);
        let mut truth = fake.truth();
        assert_eq!(bucket(&mut truth, "data-bucket").state, bucket(&mut theirs, "data-bucket").state, "{shown}");
    }
}
