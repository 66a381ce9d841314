//! The calls themselves: each until it was answered so often in a row, since one success is no convergence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossrole_cloud::{AssumeRole, By, Keys};
use crossrole_model::proof::{Act, Called, Cell, HARMLESS, Known, NotCalled, Twist};
use crossrole_model::{AccountId, Cloud as _, CloudError, ErrorClass};
use crossrole_policy::Arn;
use crossrole_verify::{SESSION_NAME, is_refusal};
use futures_util::StreamExt as _;

use crate::failure::Failure;
use crate::session::Session;

use super::hands::Held;

/// Answers in a row that count (as IAM's own guidance has it, what was written may be seen here and not yet there).
const IN_A_ROW: u32 = 3;

/// Cells that are tried side by side: each is a caller of its own, and their accounts' rates are shared with everybody.
const SIDE_BY_SIDE: usize = 16;

/// The first pause after an answer that is not as it should be; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(8);

/// Seconds of the sessions that are opened: the least that AWS gives (AWS STS API Reference, AssumeRole).
const SECONDS: i32 = 900;

/// How long nothing is said while answers are waited for: as of other waits.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a run that was ended goes on deleting what it has written: as long as somebody who pressed a key waits.
const TIDYING_MOST: Duration = Duration::from_secs(10);

/// What is tried with.
pub(crate) struct Calls<'c> {
    pub(crate) session: &'c Session,
    pub(crate) held: &'c [Held],
    /// Where each bucket lies.
    pub(crate) regions: &'c BTreeMap<String, String>,
    /// The account of each bucket.
    pub(crate) owners: &'c BTreeMap<String, AccountId>,
    /// How long an answer may take to be as it should.
    pub(crate) deadline: Duration,
    /// The address that calls come from is known.
    pub(crate) address: bool,
    /// Sessions that were opened, by who opened them and the role.
    pub(crate) sessions: Mutex<BTreeMap<(String, String), Keys>>,
    /// Objects of ours that are there: bucket and key.
    pub(crate) written: Mutex<BTreeSet<(String, String)>>,
    /// Objects of ours that are being written: bucket and key, with how often. One whose answer was not waited for may be there.
    pub(crate) sent: Mutex<BTreeMap<(String, String), u32>>,
    /// When the last one is given up of those that are not answered as they should be, by the run's own clock.
    pub(crate) until: Mutex<Duration>,
    /// What ends the name of an object of ours that may be written and deleted; `None`: none may.
    pub(crate) probe: Option<&'c str>,
    /// Nothing is said of what it is at.
    pub(crate) quiet: bool,
}

/// What was tried, and objects of ours that stay, each with why.
pub(crate) type Tried = (Vec<(Cell, Known)>, Vec<(String, String)>);

/// What is tried one after the other.
const PHASES: [&str; 4] = ["who may assume roles", "what sessions and others may do", "reading what was written", "deleting what was written"];

impl Calls<'_> {
    /// Tries all of them: roles first, then what their sessions do; an object of ours is read after it is written, and deleted last.
    pub(crate) async fn all(&self, cells: &[Cell], probe: &str) -> Result<Tried, Failure> {
        let mut done = Vec::new();
        let tried = self.phases(cells, probe, &mut done).await;
        let wrote = [self.written.lock().is_ok_and(|all| !all.is_empty()), self.sent.lock().is_ok_and(|all| !all.is_empty())].contains(&true);
        let left = self.tidied(tried.is_ok()).await;
        if let Err(stop) = tried {
            for (object, why) in left {
                self.session.told.line(&format!("left behind: {}: {}", crossrole_report::safe(&object), crossrole_report::safe(&why)));
            }
            return Err(if wrote { stop.advised("what was written to try it was deleted again, but for what is named above as left behind") } else { stop });
        }
        Ok((done, left))
    }

    async fn phases(&self, cells: &[Cell], probe: &str, done: &mut Vec<(Cell, Known)>) -> Result<(), Failure> {
        for (phase, what) in PHASES.iter().enumerate() {
            let some: Vec<&Cell> = cells.iter().filter(|cell| turn(cell, probe) == phase).collect();
            if !self.quiet && !some.is_empty() {
                self.session.told.line(&format!("verifying {what} ({})", some.len()));
            }
            let all = some.len();
            let mut calls = futures_util::stream::iter(some.into_iter().map(|cell| self.one(cell))).buffered(SIDE_BY_SIDE);
            let mut ended = 0;
            loop {
                tokio::select! {
                    biased;
                    result = calls.next() => {
                        let Some(result) = result else { break };
                        done.push(result?);
                        ended += 1;
                    }
                    () = self.session.aws.sleep(SILENCE), if !self.quiet => {
                        let end = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
                        let left = end.saturating_sub(self.session.aws.now()).as_secs();
                        let until = crate::commands::validate::now() + i64::try_from(left).unwrap_or_default();
                        self.session.told.line(&crossrole_report::proving(all - ended, all, until));
                    }
                }
            }
        }
        Ok(())
    }

    /// Deletes what was written and is still there, as whoever reads and writes the bucket's account; returns what stays, and why. Of a run
    /// that was ended, what was sent and not answered may be there as well, and there is only a moment for it.
    async fn tidied(&self, goes_on: bool) -> Vec<(String, String)> {
        let mut written = std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner));
        written.extend(std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner)).into_keys());
        let mut left: BTreeMap<(String, String), String> =
            written.into_iter().map(|object| (object, "the run was ended before it was deleted".to_owned())).collect();
        if left.is_empty() {
            return Vec::new();
        }
        let all: Vec<(String, String)> = left.keys().cloned().collect();
        let mut deletes = futures_util::stream::iter(all.into_iter().map(|object| self.deleted(object))).buffer_unordered(SIDE_BY_SIDE);
        let mut moment = std::pin::pin!(async {
            if goes_on {
                std::future::pending::<()>().await;
            }
            self.session.aws.sleep(TIDYING_MOST).await;
        });
        loop {
            // Whoever wants to end a second time does.
            tokio::select! {
                biased;
                done = deletes.next() => match done {
                    Some((object, None)) => drop(left.remove(&object)),
                    Some((object, Some(why))) => drop(left.insert(object, why)),
                    None => break,
                },
                _ = self.session.stops.next() => break,
                () = &mut moment => break,
            }
        }
        left.into_iter().map(|((bucket, key), why)| (format!("{bucket}/{key}"), why)).collect()
    }

    /// Why an object could not be deleted, if so.
    async fn deleted(&self, object: (String, String)) -> ((String, String), Option<String>) {
        let (bucket, key) = &object;
        let owner = self.owners.get(bucket).cloned().unwrap_or_else(AccountId::nobody);
        let region = self.regions.get(bucket).map_or("us-east-1", String::as_str);
        let why = self.session.aws.delete_object(&owner, bucket, region, key).await.err().map(|error| error.to_string());
        (object, why)
    }

    async fn one(&self, cell: &Cell) -> Result<(Cell, Known), Failure> {
        let by = match self.by(cell) {
            Ok(by) => by,
            Err(because) => return Ok((cell.clone(), Known::Unknown { because: Ok(because) })),
        };
        let known = match self.settled(cell, &by).await? {
            Ok(called) => Known::Called(called),
            Err(error) => Known::Unknown { because: Err(error) },
        };
        Ok((cell.clone(), known))
    }

    fn is_written(&self, bucket: &str, key: &str) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).contains(&(bucket.to_owned(), key.to_owned()))
    }

    /// Whose credentials make the call, or why nobody's do.
    fn by(&self, cell: &Cell) -> Result<By, NotCalled> {
        let Cell { principal, via, act, twist, terms, .. } = cell;
        if terms.at.is_some() {
            return Err(NotCalled::OtherMoment);
        }
        if *twist == Twist::OtherAddress || terms.address.is_some() && !self.address {
            return Err(NotCalled::OtherAddress);
        }
        match act {
            Act::Get { key: None, .. } => return Err(NotCalled::NoObject),
            // An object of ours that could not be written is not there.
            Act::Get { bucket, key: Some(key), .. } if self.probe.is_some_and(|probe| key.ends_with(probe)) && !self.is_written(bucket, key) => {
                return Err(NotCalled::NoObject);
            }
            // A session of hours is not opened to try it.
            Act::Assume { .. } if terms.seconds.is_some() && cell.wanted => return Err(NotCalled::NotHarmless),
            Act::Put { key, .. } | Act::Delete { key, .. } if !self.probe.is_some_and(|probe| key.ends_with(probe)) => return Err(NotCalled::Writes),
            Act::Other { action, .. } if !HARMLESS.contains(&action.as_str()) => return Err(NotCalled::NotHarmless),
            _ => {}
        }
        if let Some(role) = via {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            return sessions.get(&(principal.clone(), role.clone())).cloned().map(By::Keys).ok_or(NotCalled::NoSession);
        }
        if principal == "anonymous" {
            return Ok(By::Nobody);
        }
        if AccountId::parse(principal).is_some() {
            return Err(NotCalled::Nobody);
        }
        let mut hands = self.held.iter().filter(|held| held.arn == *principal).peekable();
        if hands.peek().is_none() {
            return Err(NotCalled::NotAtHand);
        }
        if !terms.keys.is_empty() {
            return Err(NotCalled::OtherKeys);
        }
        hands.find(|held| held.mfa == terms.mfa).map(|held| held.by.clone()).ok_or(NotCalled::OtherFactor)
    }

    /// Calls until the answer was as it should be so often in a row, or the time is over.
    async fn settled(&self, cell: &Cell, by: &By) -> Result<Result<Called, CloudError>, Failure> {
        let aws = &self.session.aws;
        let end = aws.now() + self.deadline;
        let mut pause = PAUSE;
        let mut called = Called { in_a_row: 0, times: 0, let_in: false, request_ids: Vec::new(), error: None, at: 0 };
        loop {
            let answer = self.session.stops.or(Box::pin(self.call(cell, by))).await.map_err(|stop| stop.while_("trying what the manifests promise"))?;
            let (let_in, error, id) = match answer {
                Ok(id) => (true, None, id),
                Err(error) => (false, Some(error.clone()), error.request_id),
            };
            let says = let_in || error.as_ref().is_some_and(|error| is_refusal(cell, error));
            called.in_a_row =
                if says && (called.times == 0 || called.in_a_row == 0 || called.let_in == let_in) { called.in_a_row + 1 } else { u32::from(says) };
            called.times += 1;
            called.let_in = let_in;
            called.at = crate::commands::validate::now();
            called.error = error;
            called.request_ids.extend(id);
            if called.request_ids.len() > IN_A_ROW as usize {
                called.request_ids.remove(0);
            }
            let as_it_should = says && let_in == cell.wanted;
            if as_it_should && called.in_a_row >= IN_A_ROW {
                return Ok(Ok(called));
            }
            if !as_it_should {
                self.waits_until(end);
                if aws.now() >= end {
                    return Ok(match called.error {
                        Some(error) if !says => Err(error),
                        _ => Ok(called),
                    });
                }
                self.session.stops.or(aws.sleep(pause.min(end.saturating_sub(aws.now())))).await.map_err(|stop| stop.while_("waiting for an answer"))?;
                pause = (pause * 2).min(PAUSE_MOST);
            }
        }
    }

    /// Something is waited for until then.
    fn waits_until(&self, end: Duration) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = end.max(*until);
    }

    async fn call(&self, cell: &Cell, by: &By) -> Result<Option<String>, CloudError> {
        let aws = &self.session.aws;
        let Act::Assume { role } = &cell.act else {
            let bucket = cell.act.bucket().unwrap_or_default();
            let owner = self.owners.get(bucket).cloned().unwrap_or_else(AccountId::nobody);
            let region = self.regions.get(bucket).map_or("us-east-1", String::as_str);
            let acting = aws.acting(by, &owner).await?;
            let sent = if let Act::Put { bucket, key } = &cell.act { Some((bucket.clone(), key.clone())) } else { None };
            let count = |object: &(String, String), by: i32| {
                let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
                let count = sent.entry(object.clone()).or_default();
                *count = count.saturating_add_signed(by);
                if *count == 0 {
                    sent.remove(object);
                }
            };
            if let Some(object) = &sent {
                count(object, 1);
            }
            let answer = acting.try_on_bucket(&cell.act, region).await;
            if let Some(object) = &sent {
                count(object, -1);
            }
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            match (&cell.act, &answer) {
                (Act::Put { bucket, key }, Ok(_)) => drop(written.insert((bucket.clone(), key.clone()))),
                // Without a whole answer it may be there.
                (Act::Put { bucket, key }, Err(error)) if may_be_done(error) => drop(written.insert((bucket.clone(), key.clone()))),
                (Act::Delete { bucket, key }, Ok(_)) => drop(written.remove(&(bucket.clone(), key.clone()))),
                _ => {}
            }
            return answer;
        };
        let account = Arn::parse(role).and_then(|arn| AccountId::parse(arn.account)).unwrap_or_else(AccountId::nobody);
        let terms = &cell.terms;
        let asked = AssumeRole {
            role: role.clone(),
            session_name: if terms.session_name.is_empty() { SESSION_NAME.to_owned() } else { terms.session_name.clone() },
            external_id: terms.external_id.clone(),
            seconds: Some(terms.seconds.and_then(|seconds| i32::try_from(seconds).ok()).unwrap_or(SECONDS)),
            source_identity: terms.source_identity.clone(),
            ..AssumeRole::default()
        };
        let assumed = aws.acting(by, &account).await?.assume(&asked).await?;
        if cell.wanted && cell.twist == Twist::AsGranted {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert((cell.principal.clone(), role.clone()), assumed.keys);
        }
        Ok(assumed.request_id)
    }
}

/// Whether what was asked for may have been done all the same.
fn may_be_done(error: &CloudError) -> bool {
    matches!(error.class, ErrorClass::Network | ErrorClass::NotAws | ErrorClass::Unanswered | ErrorClass::Server | ErrorClass::Other)
}

/// When a cell's turn is.
fn turn(cell: &Cell, probe: &str) -> usize {
    match &cell.act {
        Act::Assume { .. } => 0,
        Act::Get { key: Some(key), .. } if key.ends_with(probe) => 2,
        Act::Delete { .. } => 3,
        _ => 1,
    }
}
