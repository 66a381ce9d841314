//! Locks, for people: whose it is, since when, in which run, and what to do about it. All of it is what somebody wrote into an object.

use std::collections::BTreeSet;

use crossrole_model::lock::{LockError, Lost, NoLockTable};
use crossrole_model::{AccountId, Lock, LockPlace};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{Line, Screen, Tone, rendered, safe};

/// Most accounts that are named.
const ACCOUNTS_MOST: usize = 5;

/// Returns what is known of a lock. `at`: the time, in seconds since 1970.
pub fn lock_lines(lock: &Lock, at: i64) -> Vec<Line> {
    let Lock { id, accounts, who, run, command, since, expires } = lock;
    let word = if accounts.len() == 1 { "account" } else { "accounts" };
    let mut lines = vec![
        Line::new(Tone::Heading, 2, format!("lock {id}")),
        Line::plain(4, format!("of {word} {}", named(accounts))),
        Line::plain(4, format!("held by {}, for {}", safe(who), safe(command))),
    ];
    if !run.is_empty() {
        lines.push(Line::plain(4, format!("in the run {}", safe(run))));
    }
    lines.push(Line::plain(4, format!("since {}, {} ago", instant(*since), span(at.saturating_sub(*since)))));
    lines.push(Line::plain(
        4,
        if *expires < at {
            format!("ended at {}: whoever comes next takes it over", instant(*expires))
        } else {
            format!("until {}, in {}, unless it is renewed", instant(*expires), span(expires.saturating_sub(at)))
        },
    ));
    lines
}

/// Returns the same of several, as text.
pub fn locks(locks: &[Lock], at: i64) -> String {
    rendered(&locks.iter().flat_map(|lock| lock_lines(lock, at)).collect::<Vec<_>>(), Screen::default())
}

/// Returns which of the wanted accounts others hold, in a phrase.
pub fn locked(by: &[Lock], wanted: &BTreeSet<AccountId>) -> String {
    let both: BTreeSet<AccountId> = by.iter().flat_map(|lock| &lock.accounts).filter(|account| wanted.contains(account)).cloned().collect();
    match (both.len(), by.len()) {
        (1, _) => format!("account {} is locked by another run", named(&both)),
        (_, 1) => format!("accounts {} are locked by another run", named(&both)),
        _ => format!("accounts {} are locked by other runs", named(&both)),
    }
}

/// What S3 says where a bucket is asked for in a region that it is not in (S3 API Reference, "Error responses").
const OTHER_REGION: [&str; 3] = ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/// Returns why the table of locks could not be read or written, and what to do about it.
pub fn lock_error(error: &LockError, place: &LockPlace) -> (String, String) {
    let LockPlace { bucket, key, .. } = place;
    let at = format!("s3://{bucket}/{key}");
    let (what, hint) = match error {
        LockError::Cloud(error) if error.code == "NoSuchBucket" => {
            ("that bucket does not exist".to_owned(), "make it, in the account that `[lock]` names, or correct `bucket` there".to_owned())
        }
        LockError::Cloud(error) if OTHER_REGION.contains(&error.code.as_str()) => {
            ("that bucket is in another region".to_owned(), "correct `region` under `[lock]`".to_owned())
        }
        LockError::Cloud(error) => {
            (error.to_string(), format!("{}; `crossrole runner-policy` prints what the lock needs, and `--no-lock` goes on without it", error.advice()))
        }
        LockError::NoTable(what) => {
            let what = match what {
                NoLockTable::TooLarge => "it is too large for a table of locks",
                NoLockTable::Malformed => "it is no table of locks",
                NoLockTable::Format => "it is of another version of crossrole, or no table of locks",
            };
            (format!("{what}, and was left as it is"), "look at what it is: delete it where nobody needs it, or name another `key` under `[lock]`".to_owned())
        }
        LockError::Full => {
            ("the table of locks is full".to_owned(), "give runs with fewer accounts tables of their own, with another `key` under `[lock]`".to_owned())
        }
        LockError::Contended => ("others wrote it each time".to_owned(), "run it again, or wait with `--lock-timeout 5m`".to_owned()),
    };
    (safe(&format!("the lock in {at}: {what}")), safe(&hint))
}

/// Returns why a lock is not held any more, in a phrase.
pub fn lock_lost(lost: &Lost, place: &LockPlace) -> String {
    match lost {
        Lost::Gone(by) => match by.first() {
            Some(lock) => format!("it was removed, or had ended, and {} has taken it since", safe(&lock.who)),
            None => "somebody removed it".to_owned(),
        },
        Lost::NotRenewed(Some(error)) => format!("it could not be renewed in time: {}", lock_error(error, place).0),
        Lost::NotRenewed(None) => "it could not be renewed in time: no answer came".to_owned(),
    }
}

fn named(accounts: &BTreeSet<AccountId>) -> String {
    let all: Vec<String> = accounts.iter().take(ACCOUNTS_MOST).map(ToString::to_string).collect();
    match accounts.len().saturating_sub(ACCOUNTS_MOST) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all.join(", ")),
    }
}

/// As in RFC 3339. What is no time is a number: somebody else wrote it.
pub(crate) fn instant(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}

/// Seconds, minutes, hours or days.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
