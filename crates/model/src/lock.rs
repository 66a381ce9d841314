//! Locks: which run writes in which accounts at this time, kept as a table in one object that is only ever replaced as it was read.
//!
//! Pure: what may be taken, what is ours and what has ended is decided here, from a table and the time that its keeper says. Who reads
//! and writes the object is a [`LockStore`]; how a run takes, renews and gives back is the applier's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cloud::CloudError;
use crate::ids::AccountId;

/// Most bytes of a table: a lock of 1,000 accounts has 16 KB, and nobody has so many runs at once.
pub const LOCK_BYTES_MOST: usize = 1 << 20;

/// Most letters of each text of a lock. An ARN has up to 2,048 where its path is that long; a run's address has less.
pub const LOCK_TEXT_MOST: usize = 512;

/// How long a lock holds unless it is renewed, in seconds: by default, at least and at most. A third of it has to be longer than a write
/// may wait for its answer (20 seconds); the longest is how long others may wait for a run that was killed.
pub const LEASE: u64 = 300;
/// The shortest, in seconds.
pub const LEASE_LEAST: u64 = 60;
/// The longest, in seconds.
pub const LEASE_MOST: u64 = 3_600;

/// The form that this writes, and the only one that it reads.
const FORMAT_VERSION: u64 = 1;

/// Names one lock: 32 hexadecimal digits, chosen by chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockId(String);

impl LockId {
    /// Reads an id as it is shown.
    pub fn parse(text: &str) -> Option<Self> {
        let is = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is.then(|| Self(text.to_owned()))
    }

    /// Returns one that nobody has. It is no secret: chance is what the standard library seeds its maps with.
    pub fn fresh() -> Self {
        let half = || std::hash::RandomState::new().build_hasher().finish();
        Self(format!("{:016x}{:016x}", half(), half()))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A number between 0 and 255 that differs from run to run, so that they do not all try again at the same moment.
    pub fn chance(&self, turn: u32) -> u32 {
        let bytes = self.0.as_bytes();
        let at = |n: u32| bytes.get(n as usize % bytes.len().max(1)).copied().unwrap_or(0);
        let digit = |b: u8| u32::from(if b.is_ascii_digit() { b - b'0' } else { b.saturating_sub(b'a') + 10 });
        digit(at(turn.wrapping_mul(2))) * 16 + digit(at(turn.wrapping_mul(2).wrapping_add(1)))
    }
}

impl fmt::Display for LockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one run holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Its name.
    pub id: LockId,
    /// The accounts that it writes in.
    pub accounts: BTreeSet<AccountId>,
    /// ARN of the session that holds it.
    pub who: String,
    /// The run of a pipeline, as its address; empty where there is none.
    pub run: String,
    /// `apply` or `destroy`.
    pub command: String,
    /// When it was taken, in seconds since 1970, by the clock of whoever keeps the table.
    pub since: i64,
    /// Until when it holds, by that clock. From then on anybody may take its accounts.
    pub expires: i64,
}

/// All locks, in no other order than that of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockTable {
    /// Changes with each writing, with [`Self::writer`]: no two tables that were ever written have the same bytes, so that a write
    /// that arrives late finds another table than the one that it was meant for.
    serial: u64,
    writer: String,
    locks: BTreeMap<LockId, Lock>,
}

/// Why the bytes of an object are no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLockTable {
    /// More than [`LOCK_BYTES_MOST`].
    TooLarge,
    /// No JSON, or of other fields.
    Malformed,
    /// A later form, or none.
    Format,
}

/// Why the table could not be changed, or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockError {
    /// A call failed.
    Cloud(CloudError),
    /// The object is something else.
    NoTable(NoLockTable),
    /// The table would be larger than one may be.
    Full,
    /// Others wrote it each time.
    Contended,
}

/// Why a lock is not held any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It is not there any more: taken over after it had ended, or removed; who has taken its accounts.
    Gone(Vec<Lock>),
    /// It could not be renewed in time; the last error.
    NotRenewed(Option<LockError>),
}

/// A text may go into a lock so far.
fn cut(text: &str) -> String {
    text.chars().take(LOCK_TEXT_MOST).collect()
}

impl LockTable {
    /// Reads what an object holds.
    ///
    /// # Errors
    /// Anything that no `crossrole` has written. It stays as it is: who knows whose it is.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoLockTable> {
        if bytes.len() > LOCK_BYTES_MOST {
            return Err(NoLockTable::TooLarge);
        }
        // An array would do for a structure, too.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(NoLockTable::Malformed);
        }
        let Version { format_version } = serde_json::from_slice(bytes).map_err(|_| NoLockTable::Malformed)?;
        if format_version != FORMAT_VERSION {
            return Err(NoLockTable::Format);
        }
        let Written { format_version: _, serial, writer, locks } = serde_json::from_slice(bytes).map_err(|_| NoLockTable::Malformed)?;
        let mut table = Self { serial, writer, locks: BTreeMap::new() };
        for lock in locks {
            let lock = lock.read().ok_or(NoLockTable::Malformed)?;
            if table.locks.insert(lock.id.clone(), lock).is_some() {
                return Err(NoLockTable::Malformed);
            }
        }
        Ok(table)
    }

    /// Returns what an object is to hold; `None` where that is more than one may.
    pub fn to_json(&self) -> Option<String> {
        let locks = self.locks.values().map(WrittenLock::of).collect();
        let written = Written { format_version: FORMAT_VERSION, serial: self.serial, writer: self.writer.clone(), locks };
        serde_json::to_string_pretty(&written).ok().map(|text| text + "\n").filter(|text| text.len() <= LOCK_BYTES_MOST)
    }

    /// Returns all that are there, whether they still hold or not.
    pub fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values()
    }

    /// Returns one of them.
    pub fn get(&self, id: &LockId) -> Option<&Lock> {
        self.locks.get(id)
    }

    /// Returns what keeps a run from these accounts at this time: locks of others on one of them that still hold.
    pub fn against(&self, accounts: &BTreeSet<AccountId>, id: &LockId, now: i64) -> Vec<&Lock> {
        let holds = |lock: &&Lock| lock.id != *id && lock.expires >= now && !lock.accounts.is_disjoint(accounts);
        self.locks.values().filter(holds).collect()
    }

    /// Returns the table with this lock in place of the one of its id, and without those that have ended: nobody holds those any
    /// more, and a run that still believed it did has stopped before its lock ended.
    #[must_use]
    pub fn with(&self, lock: Lock, now: i64) -> Self {
        let mut next = self.next(&lock.id);
        next.locks.retain(|_, other| other.expires >= now);
        let lock = Lock { who: cut(&lock.who), run: cut(&lock.run), command: cut(&lock.command), ..lock };
        next.locks.insert(lock.id.clone(), lock);
        next
    }

    /// Returns the table without the lock of this id.
    #[must_use]
    pub fn without(&self, id: &LockId, writer: &LockId) -> Self {
        let mut next = self.next(writer);
        next.locks.remove(id);
        next
    }

    /// Tells whether this run wrote it last.
    pub fn is_last_of(&self, writer: &LockId) -> bool {
        self.writer == writer.0
    }

    fn next(&self, writer: &LockId) -> Self {
        Self { serial: self.serial.wrapping_add(1), writer: writer.0.clone(), locks: self.locks.clone() }
    }
}

/// The field that is read first.
#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    format_version: u64,
}

/// The object as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format_version: u64,
    serial: u64,
    writer: String,
    locks: Vec<WrittenLock>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLock {
    id: String,
    accounts: Vec<String>,
    who: String,
    run: String,
    command: String,
    since: i64,
    expires: i64,
}

impl WrittenLock {
    fn of(lock: &Lock) -> Self {
        let Lock { id, accounts, who, run, command, since, expires } = lock;
        let accounts = accounts.iter().map(ToString::to_string).collect();
        Self { id: id.0.clone(), accounts, who: who.clone(), run: run.clone(), command: command.clone(), since: *since, expires: *expires }
    }

    fn read(self) -> Option<Lock> {
        let Self { id, accounts, who, run, command, since, expires } = self;
        let is_short = [&who, &run, &command].iter().all(|text| text.chars().count() <= LOCK_TEXT_MOST);
        let accounts = accounts.iter().map(|account| AccountId::parse(account)).collect::<Option<BTreeSet<_>>>()?;
        is_short.then_some(())?;
        Some(Lock { id: LockId::parse(&id)?, accounts, who, run, command, since, expires })
    }
}

/// The object that holds the table, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPlace {
    /// Whose bucket it is, and through whose session it is reached.
    pub account: AccountId,
    /// The bucket.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The bucket's region.
    pub region: String,
    /// ARN of the key that the object is encrypted with; the bucket's own setting decides where none is said.
    pub kms_key: Option<String>,
    /// How long a lock holds unless it is renewed, in seconds.
    pub lease: u64,
}

/// What was read of the object.
#[derive(Debug, Clone)]
pub struct LockRead {
    /// What is there.
    pub found: LockFound,
    /// The time of the answer by the keeper's own clock, in seconds since 1970.
    pub at: i64,
}

/// What is there.
#[derive(Debug, Clone)]
pub enum LockFound {
    /// No object.
    Nothing,
    /// An object.
    Object {
        /// What it holds, or the beginning of what is longer than a table may be.
        bytes: Vec<u8>,
        /// Its entity tag, with quotes.
        etag: String,
    },
    /// It may not be read, or it is not there: S3 does not tell those apart for who may not list the bucket.
    Hidden(CloudError),
}

/// Under which condition the object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOver {
    /// Nothing is there.
    Nothing,
    /// What is there has this entity tag.
    This(String),
}

/// Keeps one object, and tells the time.
pub trait LockStore: Send + Sync {
    /// Reads the object. Throttling, server errors and lost answers have been retried when this returns.
    fn read(&self) -> impl Future<Output = Result<LockRead, CloudError>> + Send;

    /// Writes the object, once, if the condition holds; false: it does not, or somebody else writes at this moment. An error may mean
    /// that it was written.
    fn write(&self, text: String, over: &LockOver) -> impl Future<Output = Result<bool, CloudError>> + Send;

    /// The time since some moment of the past.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u64) -> AccountId {
        AccountId::parse(&format!("{n:012}")).unwrap()
    }

    fn id(n: u8) -> LockId {
        LockId::parse(&format!("{n:032x}")).unwrap()
    }

    fn lock(n: u8, accounts: &[u64], expires: i64) -> Lock {
        let accounts = accounts.iter().map(|n| account(*n)).collect();
        Lock { id: id(n), accounts, who: format!("arn:{n}"), run: String::new(), command: "apply".into(), since: 1, expires }
    }

    /// Every combination of two accounts, of whose the lock is, and of the time.
    #[test]
    fn an_account_is_taken_until_its_lock_has_ended() {
        let sets: [&[u64]; 4] = [&[], &[1], &[2], &[1, 2]];
        for held in sets {
            for wanted in sets {
                for own in [true, false] {
                    for now in [0, 99, 100, 101, i64::MAX] {
                        let table = LockTable::default().with(lock(1, held, 100), 0);
                        let wanted: BTreeSet<AccountId> = wanted.iter().map(|n| account(*n)).collect();
                        let overlap = held.iter().any(|n| wanted.contains(&account(*n)));
                        let asks = if own { id(1) } else { id(2) };
                        assert_eq!(table.against(&wanted, &asks, now).len() == 1, overlap && !own && now <= 100, "{held:?} {wanted:?} {own} {now}");
                    }
                }
            }
        }
    }

    #[test]
    fn writing_drops_what_has_ended_and_nothing_else() {
        let table = LockTable::default().with(lock(1, &[1], 100), 0).with(lock(2, &[2], 200), 0);
        let ids = |table: &LockTable| table.locks().map(|lock| lock.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&table.with(lock(3, &[3], 300), 100)), [id(1), id(2), id(3)]);
        assert_eq!(ids(&table.with(lock(3, &[3], 300), 101)), [id(2), id(3)]);
        assert_eq!(table.with(lock(1, &[1], 150), 100).get(&id(1)).unwrap().expires, 150);
        assert_eq!(ids(&table.without(&id(1), &id(9))), [id(2)]);
        assert_eq!(ids(&table.without(&id(7), &id(9))), [id(1), id(2)]);
    }

    /// Two tables that say the same have other bytes: an entity tag is never seen again.
    #[test]
    fn no_two_tables_are_alike() {
        let mut table = LockTable::default();
        let mut seen = BTreeSet::new();
        for turn in 0..50 {
            table = table.with(lock(1, &[1], 100), 0);
            assert!(seen.insert(table.to_json().unwrap()), "{turn}");
            table = table.without(&id(1), &id(1));
            assert!(seen.insert(table.to_json().unwrap()), "{turn}");
        }
        // Where the object was deleted meanwhile, the serial begins again; another run writes another table all the same.
        let first = LockTable::default().with(lock(1, &[1], 100), 0).without(&id(1), &id(1));
        let other = LockTable::default().with(lock(2, &[1], 100), 0).without(&id(2), &id(2));
        assert_ne!(first.to_json(), other.to_json());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut one = lock(1, &[1, 2], 100);
        one.run = "https://ci/run/1\u{1b}[2J".into();
        let table = LockTable::default().with(one, 0).with(lock(2, &[3], i64::MAX), 0);
        assert_eq!(LockTable::parse(table.to_json().unwrap().as_bytes()), Ok(table));
        let long = Lock { who: "é".repeat(5_000), ..lock(1, &[1], 100) };
        let table = LockTable::default().with(long, 0);
        assert_eq!(LockTable::parse(table.to_json().unwrap().as_bytes()), Ok(table));
    }

    #[test]
    fn what_nobody_here_wrote_is_no_table() {
        let good = LockTable::default().with(lock(1, &[1], 100), 0).to_json().unwrap();
        let twice = {
            let mut value: serde_json::Value = serde_json::from_str(&good).unwrap();
            let lock = value["locks"][0].clone();
            value["locks"].as_array_mut().unwrap().push(lock);
            value.to_string()
        };
        let malformed = [
            String::new(),
            "hello".into(),
            "[]".into(),
            "null".into(),
            "{\"format_version\": 1}".into(),
            "{\"format_version\": \"1\"}".into(),
            "[[[".repeat(100_000),
            good.replace("\"serial\"", "\"more\": 1, \"serial\""),
            good.replace("\"who\"", "\"whom\""),
            good.replace("000000000001", "1"),
            good.replace(&"0".repeat(31), "x"),
            good.replace("arn:1", &"a".repeat(LOCK_TEXT_MOST + 1)),
            good.replace("\"expires\": 100", "\"expires\": 1e300"),
            twice,
        ];
        for text in malformed {
            assert_ne!(text, good);
            assert_eq!(LockTable::parse(text.as_bytes()), Err(NoLockTable::Malformed), "{}", text.chars().take(200).collect::<String>());
        }
        assert_eq!(LockTable::parse(b"\xff\xfe"), Err(NoLockTable::Malformed));
        assert_eq!(LockTable::parse(b"{}"), Err(NoLockTable::Format));
        assert_eq!(LockTable::parse(good.replace("\"format_version\": 1", "\"format_version\": 2").as_bytes()), Err(NoLockTable::Format));
        assert_eq!(LockTable::parse(&vec![b' '; LOCK_BYTES_MOST + 1]), Err(NoLockTable::TooLarge));
    }

    /// A table that is full takes no more; it never becomes one that can't be read.
    #[test]
    fn a_table_has_its_limit() {
        let mut table = LockTable::default();
        for n in 0..200 {
            let accounts: Vec<u64> = (0..1_000).map(|m| 1_000 * u64::from(n) + m).collect();
            let next = table.with(lock(n, &accounts, 100), 0);
            let Some(text) = next.to_json() else {
                assert!(n > 20, "{n}");
                return;
            };
            assert_eq!(LockTable::parse(text.as_bytes()).as_ref(), Ok(&next));
            table = next;
        }
        panic!("it has no limit");
    }

    #[test]
    fn ids_are_told_from_other_words() {
        let all: BTreeSet<LockId> = (0..1_000).map(|_| LockId::fresh()).collect();
        assert_eq!(all.len(), 1_000);
        assert!(all.iter().all(|id| LockId::parse(id.as_str()).as_ref() == Some(id)));
        for text in ["", "1", &"g".repeat(32), &"A".repeat(32), &"a".repeat(31), &"a".repeat(33), "é"] {
            assert_eq!(LockId::parse(text), None, "{text}");
        }
        assert!(all.iter().map(|id| id.chance(3)).collect::<BTreeSet<_>>().len() > 100);
    }
}
