//! A fault on every call of a small plan: what is said is what happened, and the next runs finish it.

use std::sync::atomic::AtomicBool;

use crossrole_model::state::BucketPolicyState;
use crossrole_model::{Cloud as _, ErrorClass, ObjectState, StepResult};

use crate::cloud::{Fake, Fault, applied, apply_with, in_order, ms, planned};
use crate::order::{WHOLE, with_bucket};
use crate::world::look;

const CLASSES: [ErrorClass; 12] = [
    ErrorClass::Denied,
    ErrorClass::NotFound,
    ErrorClass::AlreadyExists,
    ErrorClass::UnknownPrincipal,
    ErrorClass::Conflict,
    ErrorClass::Quota,
    ErrorClass::Throttled,
    ErrorClass::Invalid,
    ErrorClass::Credentials,
    ErrorClass::Network,
    ErrorClass::Server,
    ErrorClass::Other,
];

/// Runs `toml` from `start` with one fault on the call of that number, then until nothing is left to do.
fn with_fault(toml: &str, start: &crossrole_model::Observed, at: usize, fault: Fault, lag: u64) {
    let mut fake = Fake::new(start.clone());
    fake.lag = ms(lag);
    let plan = planned(toml, &fake.truth());
    let call = plan.steps[at].call.operation();
    let nth = plan.steps[..at].iter().filter(|s| s.call.operation() == call).count();
    fake.script = Box::new(move |o, n, _| (o == call && n == nth).then_some(fault));
    let ran = apply_with(&fake, &plan, 3, &AtomicBool::new(false));
    in_order(&fake, &plan);
    assert!(fake.now() < ms(400_000), "{call} {fault:?}: {:?}", fake.now());
    // What is said to be done is so: each change whose steps are all done stands as it was planned.
    let truth = look(&fake.truth(), &plan.scope);
    for (index, change) in plan.changes.iter().enumerate() {
        let mut results = plan.steps.iter().zip(&ran.outcome.steps).filter(|(s, _)| s.change == index).map(|(_, r)| r);
        if results.all(StepResult::is_done) && !ran.outcome.unverified.iter().any(|(i, _)| *i == index) {
            // A bucket without a policy has none, and that is a state of the bucket.
            let none = ObjectState::BucketPolicy(BucketPolicyState { document: None });
            let found = truth.state(&change.address).map(|state| state.filter(|s| *s != none));
            assert_eq!(found, Ok(change.after.clone()), "{call} {fault:?}: {}", change.address);
        }
    }
    fake.script = Box::new(|_, _, _| None);
    fake.lag = ms(0);
    let rest = planned(toml, &fake.truth());
    let again = applied(&fake, &rest);
    assert!(again.outcome.is_complete(), "{call} {fault:?}: {:?}", again.outcome);
    assert_eq!(planned(toml, &fake.truth()).changes, [], "{call} {fault:?}");
}

#[test]
fn a_fault_on_any_call_that_makes_is_made_good_by_the_next_run() {
    let start = with_bucket();
    let steps = planned(WHOLE, &start).steps.len();
    for at in 0..steps {
        for class in CLASSES {
            for lag in [0, 700] {
                with_fault(WHOLE, &start, at, Fault::Refused(class), lag);
                with_fault(WHOLE, &start, at, Fault::Lost(class), lag);
            }
        }
    }
}

#[test]
fn a_fault_on_any_call_that_takes_is_made_good_by_the_next_run() {
    let fake = Fake::new(with_bucket());
    applied(&fake, &planned(WHOLE, &fake.truth()));
    let start = fake.truth();
    let empty = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[buckets.data-bucket]\n";
    let steps = planned(empty, &start).steps.len();
    for at in 0..steps {
        // A removal that says "not there" and is not true would be believed: AWS does not say so.
        for class in CLASSES.into_iter().filter(|c| *c != ErrorClass::NotFound) {
            with_fault(empty, &start, at, Fault::Refused(class), 0);
        }
        for class in CLASSES {
            with_fault(empty, &start, at, Fault::Lost(class), 0);
        }
    }
}
