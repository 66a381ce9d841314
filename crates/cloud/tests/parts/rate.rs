//! An account that answers only so many calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossrole_cloud::{Aws, Settings};
use crossrole_model::{Cloud as _, ErrorClass, WaitsFor};
use tokio::time::Instant;

use crate::fake::{Host, Said, account, attach, aws, error, put_policy, settings};

/// A host whose account has a bucket of tokens, a second deep.
fn throttling(rate: f64, code: &'static str, status: u16) -> Arc<Host> {
    let tokens = Mutex::new((rate.max(1.0), None::<Instant>));
    Host::slow(Duration::from_millis(20), move |operation, _| {
        let mut tokens = tokens.lock().unwrap();
        let now = Instant::now();
        tokens.0 = (tokens.0 + tokens.1.map_or(0.0, |at| (now - at).as_secs_f64()) * rate).min(rate.max(1.0));
        tokens.1 = Some(now);
        if operation == "GetCallerIdentity" {
            return None;
        }
        if tokens.0 < 1.0 {
            return Some(error(status, code));
        }
        tokens.0 -= 1.0;
        None
    })
}

/// However long it takes, and whatever AWS calls it, a call that is throttled is made in the end.
#[tokio::test(start_paused = true)]
async fn a_throttled_call_is_made_in_the_end() {
    for (code, status) in [("Throttling", 400), ("TooManyRequestsException", 429), ("SlowDown", 503), ("RequestLimitExceeded", 503), ("NeverHeardOf", 429)] {
        for rate in [5.0, 1.0] {
            let host = throttling(rate, code, status);
            let aws = aws(&host);
            let begun = Instant::now();
            let (id, call) = (account(), attach());
            let results = futures_util::future::join_all((0..100).map(|_| aws.write(&id, &call))).await;
            assert!(results.iter().all(Result::is_ok), "{code} at {rate} a second: {:?}", results.iter().find(|r| r.is_err()));
            let seconds = begun.elapsed().as_secs_f64();
            assert!(seconds < 1.7 * 100.0 / rate + 10.0, "{code} at {rate} a second: {seconds} s");
            assert!(host.times("AttachRolePolicy") < 160, "{code} at {rate} a second: {} attempts", host.times("AttachRolePolicy"));
        }
    }
}

/// The time that one call may take is what ends it, and it says that it was throttled.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_throttled_for_too_long_is_given_up() {
    let host = Host::new(|operation, _| (operation == "AttachRolePolicy").then(|| error(400, "Throttling")));
    let said = Arc::new(Said::default());
    let aws = Aws::new(Settings { timeout: Duration::from_mins(5), console: Some(Arc::clone(&said) as _), ..settings(&host) });
    let begun = Instant::now();
    let error = aws.write(&account(), &attach()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Throttled, "Throttling"));
    assert!(begun.elapsed() >= Duration::from_secs(280) && begun.elapsed() <= Duration::from_secs(301), "{:?}", begun.elapsed());
    assert!(host.times("AttachRolePolicy") > 30 && host.times("AttachRolePolicy") < 100, "{}", host.times("AttachRolePolicy"));
    // It was said at once, and now and then after that.
    let said = said.0.lock().unwrap();
    assert!(matches!(said[0].what, WaitsFor::Rate { in_ten_seconds: 100 }) && said[0].seconds == 0, "{said:?}");
    assert!(said.len() >= 10 && said.len() <= 45, "{said:?}");
}

/// What others write too is read again before each attempt: that is the applier's.
#[tokio::test(start_paused = true)]
async fn a_shared_document_is_not_written_again_without_a_look() {
    let host = Host::new(|operation, _| (operation == "PutBucketPolicy").then(|| error(503, "SlowDown")));
    let error = aws(&host).write(&account(), &put_policy()).await.unwrap_err();
    assert_eq!((error.class, host.times("PutBucketPolicy")), (ErrorClass::Throttled, 1));
}

/// Calls in flight: so many to each account, and so many in all.
#[tokio::test(start_paused = true)]
async fn places_are_per_account_and_in_all() {
    let accounts: Vec<_> = (0..30).map(|n| crossrole_model::AccountId::parse(&format!("{:012}", 300_000_000_000_u64 + n)).unwrap()).collect();
    for (concurrency, total, most) in [(10, 200, 200), (10, 1_000, 300), (3, 200, 90), (10, 7, 7)] {
        let host = Host::slow(Duration::from_millis(100), |_, _| None);
        let aws = Aws::new(Settings { concurrency, total, ..settings(&host) });
        let call = attach();
        let all = accounts.iter().flat_map(|id| std::iter::repeat_n(id, 20));
        let results = futures_util::future::join_all(all.map(|id| aws.write(id, &call))).await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(host.flight.lock().unwrap().0, most, "{concurrency} per account, {total} in all");
    }
}
