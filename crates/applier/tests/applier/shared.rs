//! Documents that belong to many: read before each attempt, merged, written whole, and put back where somebody overwrote
//! them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossrole_model::outcome::Event;
use crossrole_model::state::BucketPolicyState;
use crossrole_model::{Drift, ErrorClass, Facet, Observation, Observed, Outcome, Plan, Retry, Seen, StepResult};
use crossrole_policy::{Document, Unmergeable, parse};

use crate::cloud::{Fake, Fault, applied, ms, planned, run};
use crate::order::{WHOLE, with_bucket};
use crate::world::bucket;

const THEIRS: &str = r#"{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::data-bucket/*"}"#;

fn document(statements: &str) -> Document {
    parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

fn policy(estate: &Observed) -> Option<Document> {
    let mut estate = estate.clone();
    bucket(&mut estate, "data-bucket").policy.known().unwrap().document.clone()
}

fn set(estate: &mut Observed, document: Option<Document>) {
    bucket(estate, "data-bucket").policy = Observation::Known(BucketPolicyState { document });
}

/// Somebody adds a statement to what is there.
fn add_theirs(estate: &mut Observed) {
    let mut whole = policy(estate).unwrap_or_else(|| document(""));
    whole.statements.extend(document(THEIRS).statements);
    set(estate, Some(whole));
}

fn sids(fake: &Fake) -> Vec<String> {
    let found = policy(&fake.truth());
    found.iter().flat_map(|d| &d.statements).map(|s| s.sid().chars().take(9).collect()).collect()
}

fn has_both(fake: &Fake) {
    let sids = sids(fake);
    assert!(sids.iter().any(|s| s == "Theirs") && sids.iter().any(|s| s == "Crossrole"), "{sids:?}");
}

#[test]
fn every_attempt_reads_first() {
    for (class, times) in [(ErrorClass::UnknownPrincipal, 4), (ErrorClass::Throttled, 2), (ErrorClass::Server, 7)] {
        let mut fake = Fake::new(with_bucket());
        fake.script = Box::new(move |o, nth, _| (o == "PutBucketPolicy" && nth < times).then_some(Fault::Refused(class)));
        let plan = planned(WHOLE, &fake.truth());
        assert!(applied(&fake, &plan).outcome.is_complete());
        let calls: Vec<String> = fake.operations().into_iter().filter(|o| o == "read" || o == "PutBucketPolicy").collect();
        assert_eq!(calls, ["read", "PutBucketPolicy"].repeat(times + 1), "{class:?}");
    }
}

/// A statement that comes at any moment but within the one round trip between reading and writing.
#[test]
fn what_others_put_there_while_an_attempt_waits_is_kept() {
    for fails in 1..5 {
        for moment in 0..fails {
            let mut fake = Fake::new(with_bucket());
            fake.script = Box::new(move |o, nth, _| (o == "PutBucketPolicy" && nth < fails).then_some(Fault::Refused(ErrorClass::UnknownPrincipal)));
            fake.after = Box::new(move |o, nth, estate| {
                if o == "PutBucketPolicy" && nth == moment {
                    add_theirs(estate);
                }
            });
            let plan = planned(WHOLE, &fake.truth());
            let ran = applied(&fake, &plan);
            assert!(ran.outcome.is_complete());
            has_both(&fake);
        }
    }
}

#[test]
fn what_others_put_there_before_the_first_attempt_is_kept() {
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    fake.before = Box::new(|o, nth, estate| {
        if o == "read" && nth == 0 {
            add_theirs(estate);
        }
    });
    let ran = applied(&fake, &plan);
    assert_eq!(ran.of(&plan, "PutBucketPolicy"), StepResult::Applied);
    assert!(ran.outcome.is_complete());
    has_both(&fake);
}

#[test]
fn an_attempt_whose_answer_was_lost_is_found_done() {
    for class in [ErrorClass::Network, ErrorClass::Server, ErrorClass::Throttled, ErrorClass::Conflict] {
        let mut fake = Fake::new(with_bucket());
        fake.script = Box::new(move |o, nth, _| (o == "PutBucketPolicy" && nth == 0).then_some(Fault::Lost(class)));
        let plan = planned(WHOLE, &fake.truth());
        let ran = applied(&fake, &plan);
        assert_eq!(ran.of(&plan, "PutBucketPolicy"), StepResult::Applied, "{class:?}");
        assert_eq!((fake.times("PutBucketPolicy"), fake.times("read")), (1, 2), "{class:?}");
        assert!(ran.outcome.is_complete());
    }
}

#[test]
fn what_somebody_wrote_just_like_us_is_already_done() {
    let done = {
        let fake = Fake::new(with_bucket());
        applied(&fake, &planned(WHOLE, &fake.truth()));
        policy(&fake.truth())
    };
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    fake.before = Box::new(move |o, _, estate| {
        if o == "read" {
            set(estate, done.clone());
        }
    });
    let ran = applied(&fake, &plan);
    assert_eq!((ran.of(&plan, "PutBucketPolicy"), fake.times("PutBucketPolicy")), (StepResult::AlreadyDone, 0));
}

#[test]
fn statements_of_ours_that_somebody_changed_are_not_overwritten() {
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    let share = plan.steps.iter().find_map(|s| s.share.clone()).unwrap();
    let mut theirs = share.statements[0].clone();
    theirs.action.values = vec!["s3:ListBucket".into()];
    let theirs = Document::new(vec![theirs]);
    let shown = theirs.clone();
    fake.before = Box::new(move |o, _, estate| {
        if o == "read" {
            set(estate, Some(shown.clone()));
        }
    });
    let ran = applied(&fake, &plan);
    assert_eq!(ran.of(&plan, "PutBucketPolicy"), StepResult::Drifted { found: Drift::Changed { facet: Facet::Statements(share.prefixes) } });
    assert_eq!(policy(&fake.truth()), Some(theirs));
}

/// Somebody's whole policy, another each time.
fn theirs(nth: usize) -> Document {
    document(&THEIRS.replace("data-bucket/*", &format!("data-bucket/{nth}/*")))
}

/// Somebody who had read before we wrote writes after us: ours are put back, theirs stay.
#[test]
fn statements_that_were_overwritten_are_put_back() {
    for times in [1, 3] {
        let mut fake = Fake::new(with_bucket());
        let plan = planned(WHOLE, &fake.truth());
        fake.after = Box::new(move |o, nth, estate| {
            if o == "PutBucketPolicy" && nth < times {
                set(estate, Some(theirs(nth)));
            }
        });
        let ran = applied(&fake, &plan);
        assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
        assert_eq!(fake.times("PutBucketPolicy"), times + 1);
        let overwritten = ran.events.iter().filter(|e| matches!(e, Event::StepRetried { because: Retry::Overwritten, .. })).count();
        assert_eq!((overwritten, ran.outcome.retries), (times, times as u64));
        has_both(&fake);
    }
}

#[test]
fn putting_back_ends_where_somebody_never_stops() {
    let mut fake = Fake::new(with_bucket());
    let plan = planned(WHOLE, &fake.truth());
    fake.after = Box::new(|o, nth, estate| {
        if o == "PutBucketPolicy" {
            set(estate, Some(theirs(nth)));
        }
    });
    let ran = applied(&fake, &plan);
    let change = plan.steps.iter().find(|s| s.share.is_some()).unwrap().change;
    assert_eq!(ran.outcome.unverified, [(change, Seen::Changed)]);
    assert_eq!(fake.times("PutBucketPolicy"), 1 + 20);
    assert!(!ran.outcome.is_complete());
    assert_eq!(sids(&fake), ["Theirs"]);
}

/// Somebody who writes the same whole policy each time: a reading that shows it may lag at first, but not for long.
#[test]
fn the_very_policy_that_was_there_before_is_told_from_lag() {
    let mut start = with_bucket();
    set(&mut start, Some(document(THEIRS)));
    let mut fake = Fake::new(start.clone());
    let plan = planned(WHOLE, &start);
    fake.after = Box::new(|o, nth, estate| {
        if o == "PutBucketPolicy" && nth < 2 {
            set(estate, Some(document(THEIRS)));
        }
    });
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome.unverified);
    assert_eq!(fake.times("PutBucketPolicy"), 3);
    has_both(&fake);
    // A reading that lags for less costs no further write.
    let mut fake = Fake::new(start);
    fake.lens = Box::new(|nth, seen| {
        if (1..20).contains(&nth) {
            set(seen, Some(document(THEIRS)));
        }
    });
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete());
    assert_eq!((fake.times("PutBucketPolicy"), ran.outcome.retries), (1, 0));
}

/// Busy, or no answer, while they are put back: tried again, and not taken for a reading that lags.
#[test]
fn putting_back_outlasts_what_passes() {
    for class in [ErrorClass::Throttled, ErrorClass::Server, ErrorClass::Network, ErrorClass::Conflict] {
        for lost in [false, true] {
            let mut fake = Fake::new(with_bucket());
            let plan = planned(WHOLE, &fake.truth());
            fake.after = Box::new(|o, nth, estate| {
                if o == "PutBucketPolicy" && nth == 0 {
                    set(estate, Some(document(THEIRS)));
                }
            });
            let fault = if lost { Fault::Lost(class) } else { Fault::Refused(class) };
            fake.script = Box::new(move |o, nth, _| (o == "PutBucketPolicy" && (1..4).contains(&nth)).then_some(fault));
            let ran = applied(&fake, &plan);
            assert!(ran.outcome.is_complete(), "{fault:?}: {:?}", ran.outcome.unverified);
            assert_eq!(fake.times("PutBucketPolicy"), if lost { 2 } else { 5 }, "{fault:?}");
            assert!(fake.log.lock().unwrap().last().unwrap().ended < ms(5_000), "{fault:?}");
            has_both(&fake);
        }
    }
}

/// What can't be put back since the runner may not any more is not tried twenty times.
#[test]
fn putting_back_ends_where_it_is_refused() {
    for class in [ErrorClass::Denied, ErrorClass::Credentials, ErrorClass::Invalid] {
        let mut fake = Fake::new(with_bucket());
        let plan = planned(WHOLE, &fake.truth());
        fake.after = Box::new(|o, nth, estate| {
            if o == "PutBucketPolicy" && nth == 0 {
                set(estate, Some(document(THEIRS)));
            }
        });
        fake.script = Box::new(move |o, nth, _| (o == "PutBucketPolicy" && nth > 0).then_some(Fault::Refused(class)));
        let ran = applied(&fake, &plan);
        let change = plan.steps.iter().find(|s| s.share.is_some()).unwrap().change;
        assert_eq!(ran.outcome.unverified, [(change, Seen::Changed)], "{class:?}");
        assert_eq!(fake.times("PutBucketPolicy"), 2, "{class:?}");
    }
}

const VARIABLE: &str = r#"
name = "m"
[trusting]
account = "222222222222"
[buckets.data-bucket]
[[buckets.data-bucket.statement]]
principals = { AWS = "111111111111" }
actions = "s3:GetObject"
resources = "arn:aws:s3:::data-bucket/${aws:username}/*"
"#;

#[test]
fn what_can_not_stand_beside_ours_is_left_as_it_is() {
    let old = parse(&format!(r#"{{"Statement":[{THEIRS}]}}"#)).unwrap();
    let dead = document(r#"{"Sid":"All","Effect":"Deny","NotPrincipal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"s3:*","Resource":"*"}"#);
    for (theirs, unmergeable) in [(old, Unmergeable::OldLanguage), (dead, Unmergeable::DeadException { sid: "All".into() })] {
        let mut fake = Fake::new(with_bucket());
        let plan = planned(VARIABLE, &fake.truth());
        let put = theirs.clone();
        fake.before = Box::new(move |o, _, estate| {
            if o == "read" {
                set(estate, Some(put.clone()));
            }
        });
        let ran = applied(&fake, &plan);
        assert_eq!(ran.outcome.steps, [StepResult::Drifted { found: Drift::Unmergeable { unmergeable } }]);
        assert_eq!(policy(&fake.truth()), Some(theirs));
    }
}

/// A policy that only we were in is deleted; where somebody has come in meanwhile, it is written without ours.
#[test]
fn a_policy_that_others_have_entered_is_not_deleted() {
    let start = {
        let fake = Fake::new(with_bucket());
        applied(&fake, &planned(VARIABLE, &fake.truth()));
        fake.truth()
    };
    let emptied = "name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[buckets.data-bucket]\n";
    let plan = planned(emptied, &start);
    assert_eq!(plan.steps[0].call.operation(), "DeleteBucketPolicy");
    let fake = Fake::new(start.clone());
    assert!(applied(&fake, &plan).outcome.is_complete());
    assert_eq!(policy(&fake.truth()), None);
    let mut fake = Fake::new(start);
    fake.before = Box::new(|o, nth, estate| {
        if o == "read" && nth == 0 {
            add_theirs(estate);
        }
    });
    let ran = applied(&fake, &plan);
    assert!(ran.outcome.is_complete(), "{:?}", ran.outcome);
    assert_eq!(fake.times("DeleteBucketPolicy"), 0);
    assert_eq!(sids(&fake), ["Theirs"]);
}

/// A reading that fails is an attempt that failed.
#[test]
fn a_reading_that_fails_has_the_patience_of_a_write() {
    let cases = [(ErrorClass::Denied, 1, false), (ErrorClass::Credentials, 1, false), (ErrorClass::Throttled, 4, true), (ErrorClass::Network, 4, true)];
    for (class, readings, done) in cases {
        let mut fake = Fake::new(with_bucket());
        let plan = planned(WHOLE, &fake.truth());
        fake.reads = Box::new(move |nth| (nth < 3).then_some(class));
        let ran = applied(&fake, &plan);
        assert_eq!(ran.of(&plan, "PutBucketPolicy").is_done(), done, "{class:?}");
        assert_eq!(fake.times("read"), readings, "{class:?}");
    }
}

/// Others who had read before us may still be about to overwrite us: the reading back waits a few round trips.
#[test]
fn a_document_of_many_settles_before_it_is_read_back() {
    for (latency, settled) in [(10, 30), (300, 900), (2_000, 2_000)] {
        let mut fake = Fake::new(with_bucket());
        fake.latency = ms(latency);
        let plan = planned(VARIABLE, &fake.truth());
        assert!(applied(&fake, &plan).outcome.is_complete());
        let log = fake.log.lock().unwrap();
        let [.., written, read_back] = &log[..] else { panic!() };
        assert!(read_back.begun >= written.ended + ms(settled), "{latency} ms");
        assert!(read_back.begun <= written.ended + ms(settled + 100), "{latency} ms");
    }
}

/// At any moment of an apply, with late visibility too, but within the round trip between a reading and its write.
#[test]
fn nothing_that_others_put_there_at_any_moment_is_lost() {
    for lag in [0, 50, 1_000] {
        let calls = {
            let mut fake = Fake::new(with_bucket());
            fake.lag = ms(lag);
            applied(&fake, &planned(WHOLE, &fake.truth()));
            fake.operations().into_iter().filter(|o| o != "observe").count()
        };
        for moment in 0..calls {
            for before in [true, false] {
                let mut fake = Fake::new(with_bucket());
                fake.lag = ms(lag);
                let plan = planned(WHOLE, &fake.truth());
                let count = AtomicUsize::new(0);
                let reading = AtomicBool::new(false);
                let put = Arc::new(AtomicBool::new(false));
                let done = Arc::clone(&put);
                let hand = move |o: &str, _: usize, estate: &mut Observed| {
                    // Between the reading and the write that follows it, whatever else is called meanwhile.
                    if !before && o == "PutBucketPolicy" {
                        reading.store(false, Ordering::SeqCst);
                    } else if !before && o == "read" {
                        reading.store(true, Ordering::SeqCst);
                    }
                    let within = reading.load(Ordering::SeqCst);
                    if before && o == "read" {
                        reading.store(true, Ordering::SeqCst);
                    } else if before && o == "PutBucketPolicy" {
                        reading.store(false, Ordering::SeqCst);
                    }
                    if count.fetch_add(1, Ordering::SeqCst) == moment && !within {
                        add_theirs(estate);
                        done.store(true, Ordering::SeqCst);
                    }
                };
                if before {
                    fake.before = Box::new(hand);
                } else {
                    fake.after = Box::new(hand);
                }
                let ran = applied(&fake, &plan);
                assert!(ran.outcome.is_complete(), "{lag} ms, moment {moment}: {:?}", ran.outcome);
                let sids = sids(&fake);
                assert!(sids.iter().any(|s| s == "Crossrole"), "{lag} ms, moment {moment}: {sids:?}");
                assert_eq!(sids.iter().any(|s| s == "Theirs"), put.load(Ordering::SeqCst), "{lag} ms, moment {moment}: {sids:?}");
            }
        }
    }
}

/// Each finds itself overwritten until it is the last, and at least one gets through each time.
#[test]
fn five_at_once_on_one_bucket_all_succeed() {
    for latency in [10, 300] {
        let mut fake = Fake::new(with_bucket());
        fake.alone = false;
        fake.latency = ms(latency);
        let manifests: Vec<String> = (0..5)
            .map(|n| {
                format!(
                    "name = \"m{n}\"\n[trusting]\naccount = \"222222222222\"\n[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nprincipal = \"arn:aws:iam::99999999999{n}:root\"\naccess = \"get\"\n"
                )
            })
            .collect();
        let plans: Vec<Plan> = manifests.iter().map(|toml| planned(toml, &fake.truth())).collect();
        let (say, stop) = (|_: Event| (), AtomicBool::new(false));
        let runs = plans.iter().map(|plan| crossrole_applier::apply(&fake, plan, None, crate::cloud::options(10), &say, &stop));
        let outcomes = run(&fake, futures_util::future::join_all(runs));
        assert!(outcomes.iter().all(Outcome::is_complete), "{latency} ms: {outcomes:?}");
        let found = policy(&fake.truth()).unwrap();
        let owners: std::collections::BTreeSet<&str> = found.statements.iter().map(|s| &s.sid()[..17]).collect();
        assert_eq!((owners.len(), found.statements.len()), (5, 5), "{latency} ms");
        for toml in &manifests {
            assert_eq!(planned(toml, &fake.truth()).changes, []);
        }
        assert!(fake.times("PutBucketPolicy") <= 15, "{latency} ms: {} writes", fake.times("PutBucketPolicy"));
    }
}

/// A key always has a policy. Where somebody has taken out all but ours since the plan was made, what was planned would put theirs
/// back: nothing is written.
#[test]
fn nobody_gets_back_what_they_took_out_of_a_keys_policy() {
    const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let admins = r#"{"Sid":"Admins","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:root"},"Action":"kms:*","Resource":"*"}"#;
    let of = |allow: &str| format!("name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[keys.data]\narn = \"{KEY}\"\n{allow}");
    let mut start = crate::world::estate(&[crate::cloud::PROD]);
    crate::world::add_key(&mut start, KEY, &format!(r#"{{"Version":"2012-10-17","Statement":[{admins}]}}"#));
    let fake = Fake::new(start);
    let granted = of("[[keys.data.allow]]\nservice = \"logs.us-east-1.amazonaws.com\"\naccess = \"encrypt\"\n");
    assert!(applied(&fake, &planned(&granted, &fake.truth())).outcome.is_complete());
    let plan = planned(&of(""), &fake.truth());
    let mut after = fake.truth();
    let Some(Observation::Known(Some(key))) = after.keys.get_mut(KEY) else { panic!() };
    let Observation::Known(policy) = &mut key.policy else { panic!() };
    policy.document.statements.retain(|s| s.sid() != "Admins");
    let left = policy.document.clone();
    assert_eq!(left.statements.len(), 1);
    let fake = Fake::new(after);
    let ran = applied(&fake, &plan);
    assert!(matches!(ran.of(&plan, "PutKeyPolicy"), StepResult::Drifted { found: Drift::Changed { .. } }), "{:?}", ran.outcome.steps);
    let Some(Observation::Known(Some(key))) = fake.truth().keys.get(KEY).cloned() else { panic!() };
    assert_eq!(key.policy.known().unwrap().document, left);
}
