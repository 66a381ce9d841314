//! What ends at once since nothing changes it, and what is tried again, for how long.

use crossrole_model::outcome::Event;
use crossrole_model::{ErrorClass, Retry, StepResult};

use crate::cloud::{Asked, Fake, Fault, applied, ms, planned};
use crate::order::{WHOLE, with_bucket};

/// A test that every class is decided about: a new one stops the build here.
const ALL: [ErrorClass; 21] = [
    ErrorClass::Denied,
    ErrorClass::NotFound,
    ErrorClass::AlreadyExists,
    ErrorClass::UnknownPrincipal,
    ErrorClass::Conflict,
    ErrorClass::Quota,
    ErrorClass::Throttled,
    ErrorClass::Invalid,
    ErrorClass::NotEmpty,
    ErrorClass::State,
    ErrorClass::Credentials,
    ErrorClass::NotAssumed,
    ErrorClass::Network,
    ErrorClass::Unresolved,
    ErrorClass::Certificate,
    ErrorClass::Proxy,
    ErrorClass::NotAws,
    ErrorClass::Unanswered,
    ErrorClass::Interrupted,
    ErrorClass::Server,
    ErrorClass::Other,
];

/// Seconds that a call is made again: on a document that belongs to many, and else.
fn patience(class: ErrorClass) -> (u64, u64) {
    match class {
        ErrorClass::Denied | ErrorClass::AlreadyExists | ErrorClass::Quota | ErrorClass::Invalid | ErrorClass::Credentials | ErrorClass::Other => (0, 0),
        ErrorClass::NotEmpty | ErrorClass::State | ErrorClass::NotAssumed | ErrorClass::Certificate | ErrorClass::Proxy => (0, 0),
        // The cloud has tried these again itself, but not what must be read again first.
        ErrorClass::Network | ErrorClass::Server | ErrorClass::Unresolved | ErrorClass::NotAws | ErrorClass::Unanswered => (20, 0),
        // Never given up for how often, but for how long: `Options::timeout`.
        ErrorClass::Throttled => (600, 0),
        // Somebody else is in the way.
        ErrorClass::Conflict => (20, 20),
        ErrorClass::Interrupted => unreachable!("it is no failure"),
        // The role that they name is this run's own.
        ErrorClass::NotFound | ErrorClass::UnknownPrincipal => (120, 120),
    }
}

#[test]
fn each_class_of_error_has_its_patience() {
    // Nothing was sent: that is no failure.
    for class in ALL.into_iter().filter(|class| *class != ErrorClass::Interrupted) {
        let (shared, plain) = patience(class);
        for (operation, seconds) in [("PutBucketPolicy", shared), ("PutRolePolicy", plain)] {
            let mut fake = Fake::new(with_bucket());
            fake.script = Box::new(move |o, _, _| (o == operation).then_some(Fault::Refused(class)));
            let plan = planned(WHOLE, &fake.truth());
            let ran = applied(&fake, &plan);
            let StepResult::Failed { error } = ran.of(&plan, operation) else { panic!("{class:?}: {:?}", ran.of(&plan, operation)) };
            assert_eq!((error.class, error.operation.as_str()), (class, operation));
            let log = fake.log.lock().unwrap();
            let tries: Vec<_> = log.iter().filter(|e| matches!(&e.asked, Asked::Write(c) if c.operation() == operation)).collect();
            let took = tries.last().unwrap().ended.saturating_sub(tries[0].begun);
            if seconds == 0 {
                assert_eq!(tries.len(), 1, "{class:?} of {operation}");
            } else {
                assert!(took >= ms(seconds * 1_000) && took <= ms(seconds * 1_000 + 6_000), "{class:?} of {operation}: {took:?}");
                assert!(tries.len() >= 10 && tries.len() <= 200, "{class:?} of {operation}: {} tries", tries.len());
            }
            assert_eq!(ran.outcome.retries, tries.len() as u64 - 1, "{class:?} of {operation}");
        }
    }
}

/// A creation that awaits nothing of this run: nobody has made what it names, so two minutes would be in vain.
#[test]
fn what_this_run_does_not_make_is_waited_for_only_shortly() {
    for class in [ErrorClass::NotFound, ErrorClass::UnknownPrincipal] {
        let mut fake = Fake::new(with_bucket());
        fake.script = Box::new(move |o, _, _| (o == "CreateGroup").then_some(Fault::Refused(class)));
        let plan = planned(WHOLE, &fake.truth());
        let ran = applied(&fake, &plan);
        assert!(matches!(ran.of(&plan, "CreateGroup"), StepResult::Failed { .. }));
        let log = fake.log.lock().unwrap();
        let last = log.iter().rfind(|e| e.answer == Some(class)).unwrap();
        assert!(last.ended >= ms(20_000) && last.ended <= ms(23_000), "{:?}", last.ended);
    }
}

/// What passes is waited out, and said.
#[test]
fn an_error_that_passes_leaves_a_step_done() {
    let cases = [
        ("CreateRole", ErrorClass::Conflict, Retry::Answer { code: "Conflict".into() }),
        ("PutRolePolicy", ErrorClass::NotFound, Retry::NotVisible),
        ("CreateRole", ErrorClass::UnknownPrincipal, Retry::NotVisible),
        ("PutBucketPolicy", ErrorClass::UnknownPrincipal, Retry::NotVisible),
        ("PutBucketPolicy", ErrorClass::Conflict, Retry::Answer { code: "Conflict".into() }),
        ("PutBucketPolicy", ErrorClass::Throttled, Retry::Answer { code: "Throttled".into() }),
        ("PutBucketPolicy", ErrorClass::Server, Retry::Answer { code: "Server".into() }),
        ("PutBucketPolicy", ErrorClass::Network, Retry::Answer { code: "Network".into() }),
    ];
    for (operation, class, because) in cases {
        let mut fake = Fake::new(with_bucket());
        fake.script = Box::new(move |o, nth, _| (o == operation && nth < 3).then_some(Fault::Refused(class)));
        let plan = planned(WHOLE, &fake.truth());
        let ran = applied(&fake, &plan);
        assert!(ran.outcome.is_complete(), "{operation} {class:?}: {:?}", ran.outcome);
        assert_eq!((ran.of(&plan, operation), ran.outcome.retries), (StepResult::Applied, 3), "{operation} {class:?}");
        let said: Vec<&Retry> = ran.events.iter().filter_map(|e| if let Event::StepRetried { because, .. } = e { Some(because) } else { None }).collect();
        assert_eq!(said, [&because; 3]);
    }
}

/// What is taken away and is not there is done, whatever was planned.
#[test]
fn not_found_ends_a_removal_at_once() {
    let fake = Fake::new(with_bucket());
    applied(&fake, &planned(WHOLE, &fake.truth()));
    let empty = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n";
    let plan = planned(empty, &fake.truth());
    for at in (0..plan.steps.len()).filter(|at| plan.steps[*at].call.removes()) {
        let operation = plan.steps[at].call.operation();
        let mut fake = Fake::new(fake.truth());
        fake.script = Box::new(move |o, _, _| (o == operation).then_some(Fault::Lost(ErrorClass::NotFound)));
        let ran = applied(&fake, &plan);
        assert_eq!(ran.outcome.steps[at], StepResult::AlreadyDone, "{operation}");
        assert_eq!(ran.outcome.retries, 0, "{operation}");
        assert!(ran.outcome.steps.iter().all(StepResult::is_done));
    }
}

/// The versions of a policy are full of what an attempt wrote whose answer was lost: it is there, and that is what counts.
#[test]
fn no_room_for_what_is_there_already_is_done() {
    let text = |action: &str| {
        format!("name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[policies.Data]\n[[policies.Data.allow]]\nactions = \"{action}\"\nresources = \"*\"\n")
    };
    for (lost, wanted) in [(true, true), (false, false)] {
        let fake = Fake::new(with_bucket());
        applied(&fake, &planned(&text("s3:GetObject"), &fake.truth()));
        let mut fake = Fake::new(fake.truth());
        let plan = planned(&text("s3:PutObject"), &fake.truth());
        let fault = if lost { Fault::Lost(ErrorClass::Quota) } else { Fault::Refused(ErrorClass::Quota) };
        fake.script = Box::new(move |o, _, _| (o == "CreatePolicyVersion").then_some(fault));
        let ran = applied(&fake, &plan);
        assert_eq!(ran.of(&plan, "CreatePolicyVersion").is_done(), wanted, "{:?}", ran.outcome.steps);
        assert_eq!(planned(&text("s3:PutObject"), &fake.truth()).changes.is_empty(), wanted);
    }
}
