//! Which step runs when, and beside how many others.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use crossrole_model::{Call, ErrorClass, IamCall, Observed, StepId, StepResult};

use crate::cloud::{Asked, DEV, Fake, Fault, PROD, applied, apply_with, in_order, planned};
use crate::world::{account, add_bucket, estate, id};

/// Every kind of edge: role, bucket's side, caller's side, group, user, membership.
pub(crate) const WHOLE: &str = r#"
name = "m"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
[buckets.data-bucket]
[roles.Reader]
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
[[roles.Reader.trust]]
group = "dev/Devs"
[[roles.Reader.trust]]
user = "dev/ann"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
[policies.Most]
[[policies.Most.allow]]
bucket = "data-bucket"
access = "read-write"
"#;

pub(crate) fn with_bucket() -> crossrole_model::Observed {
    let mut estate = estate(&[PROD, DEV]);
    add_bucket(&mut estate, PROD, "data-bucket", "us-east-1");
    estate
}

#[test]
fn every_step_waits_for_what_it_needs_whatever_the_concurrency() {
    for concurrency in [0, 1, 2, 3, 10] {
        let fake = Fake::new(with_bucket());
        let plan = planned(WHOLE, &fake.truth());
        assert!(plan.steps.iter().any(|s| s.needs.len() > 1));
        let ran = apply_with(&fake, &plan, concurrency, &AtomicBool::new(false));
        assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
        assert_eq!((ran.applied(), ran.outcome.retries, ran.outcome.interrupted), (plan.steps.len(), 0, false));
        in_order(&fake, &plan);
        // In each of the two accounts.
        assert!(fake.most_writes_at_once() <= 2 * concurrency.max(1));
        assert_eq!(planned(WHOLE, &fake.truth()).changes, []);
    }
}

/// Ten accounts with ten groups each: steps at the same time are counted in each account, and in all.
#[test]
fn the_width_of_a_run_is_per_account_and_in_all() {
    let accounts: Vec<String> = (0..10).map(|n| format!("{:012}", 300_000_000_000_u64 + n)).collect();
    let empty: Observed = estate(&accounts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut plan = planned(WHOLE, &with_bucket());
    let step = plan.steps.iter().find(|s| s.call.operation() == "CreateGroup").unwrap().clone();
    let change = plan.changes[step.change].clone();
    (plan.steps, plan.changes) = (Vec::new(), Vec::new());
    for account in &accounts {
        for group in 0..10 {
            let mut change = change.clone();
            change.address.account = id(account);
            change.address.name = format!("group-{group}");
            let call = Call::from(IamCall::CreateGroup { name: change.address.name.clone(), path: "/crossrole/m/".into() });
            plan.steps.push(crossrole_model::Step { change: plan.changes.len(), account: change.address.account.clone(), call, ..step.clone() });
            plan.changes.push(change);
        }
    }
    for (concurrency, total, most) in [(3, 200, 30), (10, 200, 100), (10, 25, 25), (1, 1, 1)] {
        let fake = Fake::new(empty.clone());
        let options = crossrole_applier::Options { concurrency, total, ..crate::cloud::options(concurrency) };
        let stop = AtomicBool::new(false);
        crate::cloud::run(&fake, crossrole_applier::apply(&fake, &plan, Some(empty.clone()), options, &|_| (), &stop));
        assert_eq!(fake.most_writes_at_once(), most, "{concurrency} per account, {total} in all");
    }
}

/// One step fails: those behind it, however far, are skipped with its name, and all others are made.
#[test]
fn a_failure_holds_back_what_needs_it_and_nothing_else() {
    let all = planned(WHOLE, &with_bucket());
    for failing in 0..all.steps.len() {
        let broken = all.steps[failing].call.clone();
        let mut fake = Fake::new(with_bucket());
        let operation = broken.operation();
        let nth = all.steps[..failing].iter().filter(|s| s.call.operation() == operation).count();
        let same = all.steps.iter().filter(|s| s.call.operation() == operation).count();
        assert!(same == 1 || operation == "CreatePolicy", "{operation}");
        fake.script = Box::new(move |o, n, _| (o == operation && n == nth).then_some(Fault::Refused(ErrorClass::Denied)));
        // One at a time, so that calls of one operation come in the order of the steps.
        let ran = apply_with(&fake, &all, 1, &AtomicBool::new(false));
        let failed: Vec<usize> = (0..all.steps.len()).filter(|at| matches!(ran.outcome.steps[*at], StepResult::Failed { .. })).collect();
        let [failed] = failed[..] else { panic!("{failed:?}") };
        let mut behind = BTreeSet::from([failed]);
        for (at, step) in all.steps.iter().enumerate() {
            if step.needs.iter().any(|need| behind.contains(&need.0)) {
                behind.insert(at);
            }
        }
        for (at, result) in ran.outcome.steps.iter().enumerate().filter(|(at, _)| *at != failed) {
            let expected = if behind.contains(&at) { StepResult::Skipped { because: StepId(failed) } } else { StepResult::Applied };
            assert_eq!(*result, expected, "step {at} {:?} after the failure of {broken:?}", all.steps[at].call);
        }
        assert!(!ran.outcome.is_complete());
        // What is missing is made by the next run.
        let rest = planned(WHOLE, &fake.truth());
        fake.script = Box::new(|_, _, _| None);
        assert!(applied(&fake, &rest).outcome.is_complete());
        assert_eq!(planned(WHOLE, &fake.truth()).changes, []);
    }
}

const BUCKETS: &str = r#"
name = "m"
[trusting]
account = "222222222222"
[buckets.logs-bucket]
create = true
[buckets.one-bucket]
create = true
versioning = true
encryption = "AES256"
public_access_block = true
ownership = "BucketOwnerEnforced"
logging = { bucket = "logs-bucket", prefix = "one/" }
[buckets.two-bucket]
create = true
versioning = true
public_access_block = true
[[buckets.two-bucket.statement]]
effect = "Deny"
principals = "*"
actions = "s3:*"
resources = ["arn:aws:s3:::two-bucket/*"]
"#;

/// The fake cloud refuses a call on a bucket that another call is being made on.
#[test]
fn one_bucket_takes_one_write_at_a_time_and_several_go_side_by_side() {
    let fake = Fake::new(estate(&[PROD]));
    let mut plan = planned(BUCKETS, &fake.truth());
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
    assert!(fake.most_writes_at_once() > 1);
    // Even where the plan does not order them.
    let makes: BTreeSet<usize> = (0..plan.steps.len()).filter(|at| plan.steps[*at].call.creates()).collect();
    for step in &mut plan.steps {
        step.needs.retain(|need| makes.contains(&need.0));
    }
    let fake = Fake::new(estate(&[PROD]));
    assert!(applied(&fake, &plan).outcome.is_complete());
    assert!(fake.most_writes_at_once() > 1);
}

/// Where no edge says which comes first: what takes, what makes, what sets.
#[test]
fn power_is_taken_before_it_is_given() {
    let old = r#"
        name = "m"
        [trusting]
        account = "222222222222"
        [roles.Alpha]
        description = "old"
        [[roles.Alpha.trust]]
        service = "ec2.amazonaws.com"
        [roles.Zulu]
        [[roles.Zulu.trust]]
        service = "ec2.amazonaws.com"
    "#;
    let new = old.replace("\"old\"", "\"new\"").replace("Zulu", "Beta");
    let fake = Fake::new(estate(&[PROD]));
    applied(&fake, &planned(old, &fake.truth()));
    fake.log.lock().unwrap().clear();
    let plan = planned(&new, &fake.truth());
    let ran = apply_with(&fake, &plan, 1, &AtomicBool::new(false));
    assert!(ran.outcome.is_complete());
    let writes: Vec<String> = fake.operations().into_iter().filter(|o| o != "observe").collect();
    assert_eq!(writes, ["DeleteRole", "CreateRole", "UpdateRole"]);
}

#[test]
fn a_trust_cycle_is_made_shut_and_opened_when_all_stand() {
    let cycle = r#"
        name = "m"
        [trusting]
        account = "222222222222"
        [roles.A]
        [[roles.A.trust]]
        role = "trusting/B"
        [roles.B]
        [[roles.B.trust]]
        role = "trusting/A"
    "#;
    for lag in [0, 50, 1_000] {
        let mut fake = Fake::new(estate(&[PROD]));
        fake.lag = crate::cloud::ms(lag);
        let plan = planned(cycle, &fake.truth());
        let ran = applied(&fake, &plan);
        assert!(ran.outcome.is_complete(), "{lag}: {:?}", ran.outcome);
        let truth = fake.truth();
        assert_eq!(planned(cycle, &truth).changes, []);
        let log = fake.log.lock().unwrap();
        let opened = log.iter().filter(|e| matches!(&e.asked, Asked::Write(Call::Iam(IamCall::UpdateTrust { .. })) if e.answer.is_none())).count();
        assert_eq!(opened, 2);
        assert_eq!(account(&mut truth.clone(), &id(PROD)).roles.len(), 2);
    }
}
