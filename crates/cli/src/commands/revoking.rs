//! What is asked of a revocation before it is carried out: that it is in time, is about somebody who is there, and widens nothing.

use std::sync::{Mutex, OnceLock, PoisonError};

use crossrole_model::access::{AccessDelta, Direction};
use crossrole_model::{AccountId, Address, Desired, Kind, Observation, Observed, Plan, PrincipalKind, Subject, Whose, Withheld};
use crossrole_policy::Arn;
use crossrole_report::{View, safe};

use crate::failure::Failure;

use super::validate::now;

/// Seconds that are left for writing, and for what is written to be seen, of those for which sessions that begin are denied as well.
const LEFT: i64 = 40;

/// Where it is asked for again, with what is known by then.
#[derive(Debug, Clone)]
pub(super) enum Again {
    /// So many seconds have passed before it was approved.
    Late(i64),
    /// Whoever is meant has this ARN.
    Is(String),
}

/// When something began, by a clock that goes on while the machine sleeps, and by one that nobody sets.
struct Begun(i64, tokio::time::Instant);

impl Begun {
    fn age(&self) -> i64 {
        (now() - self.0).max(i64::try_from(self.1.elapsed().as_secs()).unwrap_or(i64::MAX))
    }
}

pub(super) struct Revoking {
    begun: Begun,
    /// Seconds from then for which sessions that begin are denied.
    margin: i64,
    /// Sessions that began before are denied.
    since: String,
    /// It was named by a label, so that its path is a guess.
    by_label: bool,
    again: OnceLock<Again>,
    /// Of the plan that was made, what is withheld.
    withheld: Mutex<Vec<Withheld>>,
}

impl Revoking {
    /// Begins now.
    pub(super) fn new(margin: i64, by_label: bool) -> Self {
        Self { begun: Begun(now(), tokio::time::Instant::now()), margin, since: String::new(), by_label, again: OnceLock::new(), withheld: Mutex::default() }
    }

    /// Seconds since 1970 before which sessions are denied.
    pub(super) fn until(&self) -> i64 {
        self.begun.0 + self.margin
    }

    /// The same, as policies write it.
    pub(super) fn said(self, since: String) -> Self {
        Self { since, ..self }
    }

    /// The same instant.
    pub(super) fn since(&self) -> &str {
        &self.since
    }

    /// What is known for another attempt.
    pub(super) fn again(&self) -> Option<Again> {
        self.again.get().cloned()
    }

    /// Refuses where sessions may have begun meanwhile that would live on.
    pub(super) fn in_time(&self) -> Result<(), Failure> {
        let age = self.begun.age();
        if age <= self.margin - LEFT {
            return Ok(());
        }
        self.again.get_or_init(|| Again::Late(age));
        let error = format!("the plan is {age} seconds old, and sessions that began meanwhile would live on: nothing was changed");
        Err(Failure::new(error, "run it again, and approve it sooner"))
    }

    /// Keeps what a plan withholds.
    pub(super) fn withholds(&self, withheld: &[Withheld]) {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(withheld);
    }

    /// Tells whether an object is not written, since a plan withheld it, or its account.
    pub(super) fn is_withheld(&self, address: &Address) -> bool {
        let withheld = self.withheld.lock().unwrap_or_else(PoisonError::into_inner);
        withheld.iter().filter(|one| !one.is_remark()).any(|one| match &one.subject {
            Subject::Object(of) | Subject::Part(of) => of == address,
            Subject::Account { account, .. } => *account == address.account,
            _ => false,
        })
    }

    /// Refuses a plan by which somebody gains.
    pub(super) fn narrows(&self, plan: &Plan, view: View) -> Result<(), Failure> {
        self.withholds(&plan.withheld);
        let changes = plan.access.iter().flat_map(|delta| &delta.changes).filter(|change| change.direction == Direction::Widened).cloned().collect();
        let delta = AccessDelta { changes, ..AccessDelta::default() };
        if delta.changes.is_empty() {
            return Ok(());
        }
        let advice = "what is pending of the same objects goes with it: apply that first, or take it out of the manifests";
        let lines = crossrole_report::access_lines(&delta, view);
        Err(Failure::refused("somebody would gain access by this, and nothing was changed:", advice).with(&lines.join("\n")))
    }

    /// Refuses where a user or role that was named by a label is not there, or has another ARN: it would deny nobody.
    pub(super) fn is_there(&self, desired: &Desired, observed: &Observed) -> Result<(), Failure> {
        let ours = desired.revoked.iter().filter(|one| one.since >= self.since);
        for (kind, arn) in ours.filter_map(|one| if let Whose::Principal { kind, arn } = &one.whose { Some((*kind, arn)) } else { None }) {
            self.is_live(kind, arn, desired, observed)?;
        }
        Ok(())
    }

    fn is_live(&self, kind: PrincipalKind, text: &str, desired: &Desired, observed: &Observed) -> Result<(), Failure> {
        let parsed = Arn::parse(text);
        let Some((account, (word, name))) = parsed.and_then(|arn| Some((AccountId::parse(arn.account)?, arn.kind_and_name()?))) else { return Ok(()) };
        let address = Address::new(&account, if kind == PrincipalKind::Role { Kind::Role } else { Kind::User }, name);
        // Its path stands in a manifest, and the plan says where it is another.
        if desired.objects.contains_key(&address) {
            return Ok(());
        }
        let shown = safe(name);
        let advice = "give its ARN: that is taken as it is";
        let state = observed.accounts.get(&account).and_then(Observation::known);
        let lower = name.to_ascii_lowercase();
        let live = state.and_then(|state| match kind {
            PrincipalKind::Role => state.roles.get(&lower).map(|role| (&role.name, &role.state.path)),
            _ => state.users.get(&lower).map(|user| (&user.name, &user.state.path)),
        });
        match live {
            Some((name, path)) => {
                let real = desired.partition.iam_arn(&account, word, path, name);
                if real == text {
                    return Ok(());
                }
                let error = format!("the {word} `{shown}` of account {account} is `{}`", safe(&real));
                self.again.get_or_init(|| Again::Is(real));
                Err(Failure::new(error, "name it so"))
            }
            None if !self.by_label => Ok(()),
            None if state.is_some_and(|state| state.complete) => {
                Err(Failure::new(format!("account {account} has no {word} `{shown}`, and nothing was changed"), format!("if it is gone, {advice}")))
            }
            None => Err(Failure::new(format!("account {account} was not read, so that the ARN of {word} `{shown}` is not known"), advice)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_has_waited_is_refused() {
        for (margin, wait, late) in [(60, 20, false), (60, 22, true), (110, 70, false), (110, 72, true)] {
            let revoking = Revoking::new(margin, false);
            tokio::time::advance(std::time::Duration::from_secs(wait)).await;
            assert_eq!(revoking.in_time().is_err(), late, "{margin} {wait}");
            assert_eq!(matches!(revoking.again(), Some(Again::Late(age)) if age >= 20), late);
        }
    }
}
