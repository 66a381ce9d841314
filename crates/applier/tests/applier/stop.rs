//! Interrupted: calls in flight end, no other begins, and it is said what was not looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_model::{Seen, StepResult};

use crate::cloud::{Asked, Fake, PROD, apply_with, ms, planned};
use crate::order::{WHOLE, with_bucket};
use crate::world::{account, id};

#[test]
fn stopped_before_it_begins_nothing_is_written() {
    let fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    let ran = apply_with(&fake, &plan, 10, &AtomicBool::new(true));
    assert!(ran.outcome.interrupted);
    assert!(ran.outcome.steps.iter().all(|r| *r == StepResult::NotStarted));
    assert!(ran.outcome.unverified.is_empty());
    assert_eq!(fake.operations(), ["observe"]);
}

#[test]
fn stopped_on_the_way_the_calls_in_flight_end_and_no_other_begins() {
    for at in 0..8 {
        let stop = Arc::new(AtomicBool::new(false));
        let mut fake = Fake::new(with_bucket());
        let plan = planned(WHOLE, &fake.truth());
        let (flag, made) = (Arc::clone(&stop), std::sync::atomic::AtomicUsize::new(0));
        fake.before = Box::new(move |o, _, _| {
            if !o.starts_with("read") && made.fetch_add(1, Ordering::SeqCst) == at {
                flag.store(true, Ordering::SeqCst);
            }
        });
        let ran = apply_with(&fake, &plan, 2, &stop);
        assert!(ran.outcome.interrupted);
        let (applied, left) = (ran.applied(), ran.outcome.steps.iter().filter(|r| **r == StepResult::NotStarted).count());
        assert_eq!(applied + left, plan.steps.len(), "{:?}", ran.outcome.steps);
        // Two in flight in each of the two accounts.
        assert!(applied > at && applied <= at + 4, "{applied} done, stopped at call {at}: {:?}", fake.operations());
        let writes = fake.log.lock().unwrap().iter().filter(|e| matches!(e.asked, Asked::Write(_))).count();
        assert_eq!(writes, applied);
        assert!(ran.outcome.unverified.iter().all(|(_, seen)| *seen == Seen::NotLooked));
        // What is left is done by the next run.
        fake.before = Box::new(|_, _, _| ());
        assert!(apply_with(&fake, &planned(WHOLE, &fake.truth()), 2, &AtomicBool::new(false)).outcome.is_complete());
    }
}

#[test]
fn stopped_while_reading_back_what_was_last_seen_is_said() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    let flag = Arc::clone(&stop);
    fake.lens = Box::new(move |nth, seen| {
        if nth > 0 {
            account(seen, &id(PROD)).roles.clear();
        }
        if nth == 3 {
            flag.store(true, Ordering::SeqCst);
        }
    });
    let ran = apply_with(&fake, &plan, 10, &stop);
    let role = plan.changes.iter().position(|c| c.address.to_string() == format!("{PROD}/role/Reader")).unwrap();
    assert_eq!(ran.outcome.unverified, [(role, Seen::Nothing)]);
    assert!(ran.outcome.steps.iter().all(|r| *r == StepResult::Applied));
    assert_eq!(fake.times("observe"), 4);
    assert!(fake.log.lock().unwrap().last().unwrap().ended < ms(3_000));
}

/// A call that was not sent because of the interrupt is left, and not failed.
#[test]
fn a_call_that_was_not_sent_is_left() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    let flag = Arc::clone(&stop);
    fake.script = Box::new(move |o, _, _| {
        (o == "CreateRole").then(|| {
            flag.store(true, Ordering::SeqCst);
            crate::cloud::Fault::Refused(crossrole_model::ErrorClass::Interrupted)
        })
    });
    let ran = apply_with(&fake, &plan, 10, &stop);
    assert_eq!(ran.of(&plan, "CreateRole"), StepResult::NotStarted);
    assert!(ran.outcome.interrupted);
    assert!(ran.outcome.steps.iter().all(|r| matches!(r, StepResult::NotStarted | StepResult::Applied)), "{:?}", ran.outcome.steps);
}
