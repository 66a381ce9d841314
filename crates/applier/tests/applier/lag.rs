//! Late visibility: what is waited for, how long, and with how many calls.

use crossrole_model::{ErrorClass, StepResult};

use crate::cloud::{Asked, DEV, Fake, PROD, applied, in_order, ms, planned};
use crate::order::{WHOLE, with_bucket};
use crate::world::estate;

#[test]
fn without_lag_everything_is_read_once_before_and_once_after() {
    let fake = Fake::new(with_bucket());
    let ran = applied(&fake, &planned(WHOLE, &fake.truth()));
    assert!(ran.outcome.is_complete());
    // And the bucket's policy once more, right before it is written.
    assert_eq!((fake.times("observe"), fake.times("read")), (2, 1));
    assert_eq!(ran.outcome.retries, 0);
}

/// The lag, once before the first write onto what was made and once before the reading back, and little more.
#[test]
fn an_apply_takes_the_lag_and_little_more() {
    let at_once = {
        let fake = Fake::new(with_bucket());
        applied(&fake, &planned(WHOLE, &fake.truth()));
        fake.log.lock().unwrap().last().unwrap().ended
    };
    for lag in [20, 50, 200, 1_000, 5_000, 10_000] {
        let mut fake = Fake::new(with_bucket());
        fake.lag = ms(lag);
        let plan = planned(WHOLE, &fake.truth());
        let ran = applied(&fake, &plan);
        assert!(ran.outcome.is_complete(), "{lag} ms: {:?}", ran.outcome);
        in_order(&fake, &plan);
        // The role waits for its boundary, what is put on it for the role, the caller's side is attached, and all is read
        // back: each stage that rests on the one before can't be seen sooner than it.
        let stages = 4;
        let ended = fake.log.lock().unwrap().last().unwrap().ended;
        let most = at_once + ms(stages * (lag + lag / 4) + 1_500);
        assert!(ended <= most, "{lag} ms: {ended:?} over {most:?}");
        // Looking is cheap, but not free.
        assert!(fake.times("observe") <= 60, "{lag} ms: {} readings", fake.times("observe"));
    }
}

fn roles(count: usize) -> String {
    let mut toml = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n".to_owned();
    for n in 0..count {
        toml += &format!(
            "[roles.R{n}]\n[[roles.R{n}.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.R{n}.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n"
        );
    }
    toml
}

/// The first "not found" tells all others that there is a lag: from then on a bulk read shows to all who wait what is there.
#[test]
fn many_wait_with_one_reading_between_them() {
    let count = 60;
    let mut fake = Fake::new(estate(&[PROD]));
    fake.lag = ms(3_000);
    let plan = planned(&roles(count), &fake.truth());
    assert_eq!(plan.steps.len(), 2 * count);
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome.unverified);
    let log = fake.log.lock().unwrap();
    let vain = log.iter().filter(|e| e.answer == Some(ErrorClass::NotFound)).count();
    assert!(vain <= 10, "{vain} writes were tried in vain, at most ten at the same time");
    let readings = log.iter().filter(|e| matches!(e.asked, Asked::Observe(_))).count();
    assert!(readings <= 30, "{readings} readings for {count} that wait");
}

/// What a step makes itself is never waited for: the attachment of a policy waits for policy and group, not for itself.
#[test]
fn nobody_waits_for_what_only_the_step_itself_will_make() {
    let caller_side = r#"
        name = "m"
        [trusting]
        account = "222222222222"
        [trusted.dev]
        account = "111111111111"
        [trusted.dev.groups.Devs]
        members = ["ann"]
        [trusted.dev.users.ann]
        [roles.Reader]
        [[roles.Reader.trust]]
        group = "dev/Devs"
    "#;
    for lag in [50, 500] {
        let mut fake = Fake::new(estate(&[PROD, DEV]));
        fake.lag = ms(lag);
        let plan = planned(caller_side, &fake.truth());
        let ran = applied(&fake, &plan);
        assert!(ran.outcome.is_complete());
        let ended = fake.log.lock().unwrap().last().unwrap().ended;
        assert!(ended <= ms(4 * lag + 2_000), "{lag} ms: {ended:?}");
    }
}

/// What never comes is given up after two minutes, and holds up nobody else.
#[test]
fn what_never_becomes_visible_is_given_up() {
    let mut fake = Fake::new(with_bucket());
    fake.script = Box::new(|operation, _, _| (operation == "PutRolePolicy").then_some(crate::cloud::Fault::Refused(ErrorClass::NotFound)));
    let plan = planned(WHOLE, &fake.truth());
    let ran = applied(&fake, &plan);
    assert!(matches!(ran.of(&plan, "PutRolePolicy"), StepResult::Failed { error } if error.class == ErrorClass::NotFound));
    assert_eq!(ran.of(&plan, "AddUserToGroup"), StepResult::Applied);
    let log = fake.log.lock().unwrap();
    let last = log.iter().rfind(|e| matches!(&e.asked, Asked::Write(c) if c.operation() == "PutRolePolicy")).unwrap();
    assert!(last.ended >= ms(120_000) && last.ended <= ms(127_000), "{:?}", last.ended);
    let others = log.iter().filter(|e| matches!(&e.asked, Asked::Write(c) if c.operation() != "PutRolePolicy"));
    assert!(others.map(|e| e.ended).max().unwrap() < ms(1_000));
    let tries = log.iter().filter(|e| e.answer == Some(ErrorClass::NotFound)).count();
    assert!(tries <= 70, "{tries} tries in two minutes");
}
