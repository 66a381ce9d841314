//! The rate that an account answers at: learnt from "too many", shared by all calls to it.
//!
//! AWS throttles by account and does not publish the rates of IAM and STS, nor leave them alone. So nothing is held back until
//! the first refusal. Then calls leave one by one, at a rate that falls when one that was sent at it is refused, and grows with
//! each answer: after a fall, it takes about 18 answers to be back, so that one call in 20 is refused where the limit stays.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Calls a second after the first refusal.
const FIRST: f64 = 10.0;

/// What a refusal leaves of the rate.
const FALL: f64 = 0.7;

/// What an answer makes of the rate.
const GROWTH: f64 = 1.02;

/// A call each ten seconds: no account is slower, and a call has to leave some time.
const LEAST: f64 = 0.1;

/// Faster than ten calls in flight can be: nothing is held back any more.
const FREE: f64 = 500.0;

#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    /// Calls a second; `None` as long as nothing was refused.
    per_second: Option<f64>,
    /// How often it has fallen: a call that was sent before the last fall says nothing about the rate of now.
    falls: u64,
}

/// When a call left: at which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left(u64);

/// The pace of one account.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    rate: Mutex<Rate>,
    /// When the last call left. Whoever holds it is the next to leave; the queue is fair.
    gate: tokio::sync::Mutex<Option<Instant>>,
}

impl Pace {
    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this call's turn.
    pub(crate) async fn turn(&self) -> Left {
        let mut last = self.gate.lock().await;
        let rate = *self.rate();
        if let (Some(per_second), Some(last)) = (rate.per_second, *last) {
            tokio::time::sleep_until(last + Duration::from_secs_f64(1.0 / per_second)).await;
        }
        *last = Some(Instant::now());
        Left(self.rate().falls)
    }

    /// A call was answered.
    pub(crate) fn answered(&self) {
        let mut rate = self.rate();
        rate.per_second = rate.per_second.map(|r| r * GROWTH).filter(|r| *r < FREE);
    }

    /// A call was refused as one too many.
    pub(crate) fn refused(&self, left: Left) {
        let mut rate = self.rate();
        if left.0 == rate.falls {
            rate.per_second = Some(rate.per_second.map_or(FIRST, |r| (r * FALL).max(LEAST)));
            rate.falls += 1;
        }
    }

    /// Calls in ten seconds, where calls are held back.
    pub(crate) fn in_ten_seconds(&self) -> Option<u64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 5,000")]
        self.rate().per_second.map(|r| (r * 10.0).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred calls by ten who ask at once, against an account of `rate` calls a second: seconds, and refusals.
    async fn run(rate: f64) -> (f64, u64) {
        let pace = Pace::default();
        let begun = Instant::now();
        let bucket = Mutex::new((rate.max(1.0), Instant::now()));
        let takes = || {
            let mut bucket = bucket.lock().unwrap();
            let now = Instant::now();
            bucket.0 = (bucket.0 + now.duration_since(bucket.1).as_secs_f64() * rate).min(rate.max(1.0));
            bucket.1 = now;
            let enough = bucket.0 >= 1.0;
            bucket.0 -= if enough { 1.0 } else { 0.0 };
            enough
        };
        let refused = std::sync::atomic::AtomicU64::new(0);
        let worker = async || {
            for _ in 0..20 {
                loop {
                    let left = pace.turn().await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if takes() {
                        pace.answered();
                        break;
                    }
                    refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    pace.refused(left);
                }
            }
        };
        futures_util::future::join_all((0..10).map(|_| worker())).await;
        (begun.elapsed().as_secs_f64(), refused.load(std::sync::atomic::Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_of_an_account_is_found_and_used() {
        for rate in [0.5, 1.0, 5.0, 20.0, 60.0] {
            let (seconds, refused) = run(rate).await;
            assert!(seconds < 1.7 * 200.0 / rate + 10.0, "{rate} a second: {seconds} s for 200 calls");
            assert!(refused < 60, "{rate} a second: {refused} of 200 calls were refused");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_refused_nothing_waits() {
        let (seconds, refused) = run(10_000.0).await;
        assert!(refused == 0 && seconds < 1.1, "{seconds} s");
    }

    /// Ten calls that were in flight together say one thing.
    #[tokio::test(start_paused = true)]
    async fn calls_of_one_rate_let_it_fall_once() {
        let pace = Pace::default();
        let mut left = Vec::new();
        for _ in 0..10 {
            left.push(pace.turn().await);
        }
        for left in left {
            pace.refused(left);
        }
        assert_eq!(pace.in_ten_seconds(), Some(100));
        let late = pace.turn().await;
        pace.refused(late);
        assert_eq!(pace.in_ten_seconds(), Some(70));
    }
}
