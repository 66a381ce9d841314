//! Calls that nobody answers, and a run that is told to stop.

use std::sync::Arc;
use std::time::Duration;

use crossrole_cloud::{Aws, Settings};
use crossrole_model::{Cloud as _, ErrorClass, Observation, WaitsFor};
use tokio::time::Instant;

use crate::fake::{Answer, Host, Said, account, attach, aws, create, error, put_policy, scope, settings};

fn seconds(begun: Instant) -> u64 {
    begun.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_is_said_and_given_up() {
    let host = Host::new(|operation, _| (operation == "CreateGroup").then_some(Answer::Hangs));
    let said = Arc::new(Said::default());
    let aws = Aws::new(Settings { console: Some(Arc::clone(&said) as _), ..settings(&host) });
    let begun = Instant::now();
    let error = aws.write(&account(), &create()).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Unanswered, "no answer in 20 seconds"));
    assert!(error.advice().contains("may have been done"));
    assert!(seconds(begun) >= 60 && seconds(begun) < 64 && host.times("CreateGroup") == 3, "{} s, {} times", seconds(begun), host.times("CreateGroup"));
    let said = said.0.lock().unwrap();
    assert_eq!((said[0].operation.as_str(), said[0].account.as_str(), said[0].seconds), ("CreateGroup", "222222222222", 10));
    assert_eq!((&said[0].what, said[0].others), (&WaitsFor::Answer, 0));
    assert!(said.len() >= 5 && said.len() <= 6, "{said:?}");
}

/// One line stands for all that wait.
#[tokio::test(start_paused = true)]
async fn many_stalled_calls_are_one_line() {
    let host = Host::new(|operation, _| (operation == "AttachRolePolicy").then_some(Answer::Hangs));
    let said = Arc::new(Said::default());
    let aws = Aws::new(Settings { console: Some(Arc::clone(&said) as _), timeout: Duration::from_secs(15), ..settings(&host) });
    let (id, call) = (account(), attach());
    let results = futures_util::future::join_all((0..10).map(|_| aws.write(&id, &call))).await;
    assert!(results.iter().all(|r| r.as_ref().is_err_and(|e| e.class == ErrorClass::Unanswered)));
    let said = said.0.lock().unwrap();
    assert_eq!((said.len(), said[0].others), (1, 9), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn the_longest_a_call_may_take_can_be_set() {
    for timeout in [1, 5, 30, 45] {
        for answer in [Answer::Hangs, error(500, "ServiceFailure"), error(400, "Throttling"), Answer::Broken("reset")] {
            let shown = format!("{answer:?}");
            let host = Host::new(move |operation, _| (operation == "AttachRolePolicy").then(|| answer.clone()));
            let aws = Aws::new(Settings { timeout: Duration::from_secs(timeout), ..settings(&host) });
            let begun = Instant::now();
            assert!(aws.write(&account(), &attach()).await.is_err(), "{shown}");
            assert!(seconds(begun) <= timeout, "{shown}: {} s of {timeout}", seconds(begun));
        }
    }
}

/// A service that fails for a while is waited out, and one that does not recover is given up within half a minute.
#[tokio::test(start_paused = true)]
async fn trouble_that_passes_is_waited_out() {
    for answer in [error(500, "ServiceFailure"), error(503, "ServiceUnavailable"), Answer::Broken("client error (Connect)")] {
        let (passing, lasting) = (answer.clone(), answer);
        let host = Host::new(move |operation, nth| (operation == "AttachRolePolicy" && nth < 4).then(|| passing.clone()));
        assert!(aws(&host).write(&account(), &attach()).await.is_ok());
        let host = Host::new(move |operation, _| (operation == "AttachRolePolicy").then(|| lasting.clone()));
        let begun = Instant::now();
        assert!(aws(&host).write(&account(), &attach()).await.is_err());
        assert!(host.times("AttachRolePolicy") == 6 && seconds(begun) < 30, "{} times, {} s", host.times("AttachRolePolicy"), seconds(begun));
    }
}

/// What is refused once is refused.
#[tokio::test(start_paused = true)]
async fn what_nothing_changes_is_asked_once() {
    for answer in
        [error(403, "AccessDenied"), error(400, "ValidationError"), error(409, "LimitExceeded"), error(403, "ExpiredToken"), error(404, "NoSuchEntity")]
    {
        let host = Host::new(move |operation, _| (operation == "AttachRolePolicy").then(|| answer.clone()));
        assert!(aws(&host).write(&account(), &attach()).await.is_err());
        assert_eq!(host.times("AttachRolePolicy"), 1);
    }
}

/// Told to stop while a read stalls: it ends at once. While a write stalls: it gets five seconds, and none when told again.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_told_to_stop_stops() {
    let stalls = |operation: &'static str| Arc::new(aws(&Host::new(move |asked, _| (asked == operation).then_some(Answer::Hangs))));
    let told = |aws: &Arc<Aws>, at: &'static [u64]| {
        let aws = Arc::clone(aws);
        tokio::spawn(async move {
            let begun = Instant::now();
            for second in at {
                tokio::time::sleep_until(begun + Duration::from_secs(*second)).await;
                aws.halt();
            }
        })
    };
    for operation in ["GetCallerIdentity", "GetAccountAuthorizationDetails", "ListBuckets"] {
        let aws = stalls(operation);
        told(&aws, &[2]);
        let begun = Instant::now();
        let observed = aws.observe(&scope()).await;
        assert_eq!(seconds(begun), 2, "{operation}");
        let unread = match operation {
            "ListBuckets" => matches!(&observed.buckets["data"], Observation::Unreadable(why) if why.class == Some(ErrorClass::Interrupted)),
            _ => matches!(&observed.accounts[&account()], Observation::Unreadable(why) if why.class == Some(ErrorClass::Interrupted)),
        };
        assert!(unread, "{operation}");
    }
    for (call, operation) in [(create(), "CreateGroup"), (put_policy(), "PutBucketPolicy")] {
        for (signals, ends) in [(&[2][..], 7), (&[2, 3][..], 3)] {
            let aws = stalls(operation);
            told(&aws, signals);
            let begun = Instant::now();
            let error = aws.write(&account(), &call).await.unwrap_err();
            assert_eq!((seconds(begun), error.class), (ends, ErrorClass::Unanswered), "{operation} {signals:?}");
            // Nothing begins after that, and nothing waits.
            let error = aws.write(&account(), &call).await.unwrap_err();
            aws.sleep(Duration::from_mins(1)).await;
            assert_eq!((seconds(begun), error.class), (ends, ErrorClass::Interrupted), "{operation} {signals:?}");
        }
    }
}

/// A write that waits for its turn was not sent.
#[tokio::test(start_paused = true)]
async fn a_throttled_call_that_is_stopped_says_that_it_was_throttled() {
    let host = Host::new(|operation, _| (operation == "AttachRolePolicy").then(|| error(400, "Throttling")));
    let aws = Arc::new(aws(&host));
    let halted = Arc::clone(&aws);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(40)).await;
        halted.halt();
    });
    let begun = Instant::now();
    let error = aws.write(&account(), &attach()).await.unwrap_err();
    assert_eq!((seconds(begun), error.class), (40, ErrorClass::Throttled));
}
