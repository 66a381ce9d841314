//! `drift --write`: what is live and not in the manifests, said there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossrole_manifest::take_up;
use crossrole_model::{Address, Change, Desired, Kind, LeftBecause, LeftPart, ObjectState, Observed, Part, Plan, Reason, Source, Undone, ownership};
use crossrole_planner::Options;

use crate::failure::Failure;
use crate::parts;
use crate::session::Session;

use super::plan::Made;

/// Most attempts of one run: each plans anew.
const ATTEMPTS_MOST: usize = 1_000;

/// What of ours nothing speaks of any more is drift as well: what that costs is no matter here.
pub(super) fn everything() -> Options {
    Options { everything: true, ..Options::default() }
}

/// What was taken up.
pub(super) struct Taken {
    /// File, object and part; `None`: that it is not there.
    pub(super) said: Vec<(String, Address, Option<Part>)>,
    /// New texts, by file.
    pub(super) texts: BTreeMap<String, String>,
    /// Drift that is still planned, part by part.
    pub(super) left: Vec<LeftPart>,
}

impl Taken {
    pub(super) fn objects_left(&self) -> BTreeSet<&Address> {
        self.left.iter().map(|left| &left.address).collect()
    }
}

/// Says in the manifests what a plan would put back, as far as they can say it.
pub(super) async fn take_up_all(plan: Plan, made: &Made, session: &Session) -> Result<Taken, Failure> {
    let surroundings = session.settings.surroundings()?;
    let (plan, observed, desired, sources) = (plan, made.observed.clone(), Arc::clone(&session.desired), session.sources.clone());
    let work = move || {
        let read = |sources: &[Source]| crossrole_manifest::load_in(sources, &surroundings).0;
        taken_up(plan, &observed, &desired, &sources, &read, ATTEMPTS_MOST)
    };
    session.computed("taking up what was found", work).await
}

/// Tries to say each part that differs, and keeps what makes the plan shorter and brings nothing new into it. `most`: of attempts.
fn taken_up(mut plan: Plan, observed: &Observed, desired: &Desired, sources: &[Source], read: &dyn Fn(&[Source]) -> Option<Desired>, most: usize) -> Taken {
    let mut sources = sources.to_vec();
    let (mut said, mut texts, mut desired) = (Vec::new(), BTreeMap::new(), desired.clone());
    let addresses: Vec<Address> = plan.changes.iter().map(|change| change.address.clone()).collect();
    let mut tried = 0;
    let mut whys: BTreeMap<(Address, Option<Part>), LeftBecause> = BTreeMap::new();
    for address in addresses {
        let mut done: BTreeMap<Option<Part>, usize> = BTreeMap::new();
        // Places move with each edit, so that what is tried next is asked anew.
        while let Some(attempt) =
            plan.changes.iter().find(|change| change.address == address).and_then(|change| next(take_up::attempts(change, &desired), &done))
        {
            *done.entry(attempt.part.clone()).or_default() += 1;
            tried += 1;
            let tried = if tried > most { Err(LeftBecause::TooMany) } else { attempted(&attempt, &plan, observed, &sources, read) };
            match tried {
                Ok((then, wanted, new, text)) => {
                    said.push((attempt.file.clone(), attempt.address, attempt.part));
                    texts.insert(attempt.file, text);
                    (plan, desired, sources) = (then, wanted, new);
                }
                Err(why) => {
                    let known = whys.entry((attempt.address, attempt.part)).or_insert(LeftBecause::NoWords);
                    *known = why.clone().max(known.clone());
                    if why == LeftBecause::TooMany {
                        break;
                    }
                }
            }
        }
    }
    let left = plan.changes.iter().flat_map(|change| left(change, &whys, tried > most)).collect();
    Taken { said, texts, left }
}

/// One attempt: the plan with it, what the manifests want then, and their texts; or why it is none.
fn attempted(
    attempt: &take_up::Attempt,
    plan: &Plan,
    observed: &Observed,
    sources: &[Source],
    read: &dyn Fn(&[Source]) -> Option<Desired>,
) -> Result<(Plan, Desired, Vec<Source>, String), LeftBecause> {
    let mut new = sources.to_vec();
    let source = new.iter_mut().find(|source| source.file == attempt.file).ok_or(LeftBecause::NoPlace)?;
    let text = take_up::edited(&source.text, attempt).ok_or(LeftBecause::NoPlace)?;
    source.text.clone_from(&text);
    let wanted = read(&new).ok_or(LeftBecause::Mistakes)?;
    let then = crossrole_planner::plan(&wanted, observed, &everything());
    let others = others(&then, plan, &attempt.address);
    if !others.is_empty() {
        return Err(LeftBecause::SaysMore(others));
    }
    if !is_less(&then, plan, &attempt.address) || !is_said(&then, plan, attempt) {
        return Err(LeftBecause::NotSaid);
    }
    Ok((then, wanted, new, text))
}

/// Other objects of which a plan makes what another does not, and what is not live either.
fn others(then: &Plan, plan: &Plan, of: &Address) -> BTreeSet<Address> {
    let known = |change: &&Change| change.address == *of || before(plan, change).is_some_and(|before| is_between(change, before));
    then.changes.iter().filter(|change| !known(change)).map(|change| change.address.clone()).collect()
}

/// What a plan does with the object of a change.
fn before<'p>(plan: &'p Plan, change: &Change) -> Option<&'p Change> {
    plan.changes.iter().find(|other| other.address == change.address)
}

/// Tells whether a change makes of each part of its object what another change of it makes, or what is live.
fn is_between(change: &Change, before: &Change) -> bool {
    match (&change.after, &before.after, &before.before) {
        (Some(is), Some(said), Some(live)) => parts::is_between(is, said, live),
        (is, said, _) => is == said,
    }
}

/// What of a change is left, part by part, and why. `cut`: not all was tried.
fn left(change: &Change, whys: &BTreeMap<(Address, Option<Part>), LeftBecause>, cut: bool) -> Vec<LeftPart> {
    let part = |reason: &Reason| match reason {
        Reason::Differs(part) | Reason::Immutable(part) => Some(Some(part.clone())),
        Reason::ForeignPolicy(name) if name.starts_with("arn:") => Some(Some(Part::Attached(name.clone()))),
        Reason::ForeignPolicy(name) => Some(Some(Part::Inline(name.clone()))),
        Reason::Missing | Reason::NotInManifest | Reason::Destroy => Some(None),
        // What is otherwise stands beside these.
        Reason::OrphanedPrincipal(_) | Reason::Adopted | Reason::SinceBase | Reason::Withheld => None,
    };
    let parts: BTreeSet<Option<Part>> = change.reasons.iter().filter_map(part).collect();
    let why = |part: &Option<Part>| {
        let of = |known: &Option<Part>| {
            // Attached policies are one list.
            known == part || matches!((known, part), (Some(Part::Attached(_)), Some(Part::Attached(_)))) || part.is_none() && known == &Some(Part::Statements)
        };
        let known = whys.iter().filter(|((address, known), _)| *address == change.address && of(known)).map(|(_, why)| why.clone()).max();
        known.unwrap_or_else(|| match take_up::unsayable(change, part.as_ref()) {
            // Words may have been left to try.
            LeftBecause::NoWords if cut => LeftBecause::TooMany,
            why => why,
        })
    };
    let one = |part: Option<Part>| LeftPart { address: change.address.clone(), because: why(&part), undone: undone(change, part.as_ref()), part };
    parts.into_iter().map(one).collect()
}

/// What becomes of a part that is left.
fn undone(change: &Change, part: Option<&Part>) -> Undone {
    let is_theirs = |reason: &Reason| match (reason, part) {
        (Reason::ForeignPolicy(name), Some(Part::Attached(of) | Part::Inline(of))) => name == of,
        _ => false,
    };
    let of_callers = || matches!(&change.before, Some(ObjectState::Policy(policy)) if policy.path == ownership::CALLER_PATH);
    match change.address.kind {
        Kind::Policy | Kind::OidcProvider | Kind::SamlProvider if change.after.is_none() && !of_callers() => Undone::Destroyed,
        _ if change.after.is_none() || change.reasons.iter().any(is_theirs) => Undone::TakenAway,
        _ => Undone::PutBack,
    }
}

/// The first attempt at a part that was not tried: as many as are done of each are behind it.
fn next(attempts: Vec<take_up::Attempt>, done: &BTreeMap<Option<Part>, usize>) -> Option<take_up::Attempt> {
    let mut seen: BTreeMap<Option<Part>, usize> = BTreeMap::new();
    attempts.into_iter().find(|attempt| {
        let count = seen.entry(attempt.part.clone()).or_default();
        *count += 1;
        *count > done.get(&attempt.part).copied().unwrap_or_default()
    })
}

/// Tells whether the part that was tried is said now, and no other of the object has come to differ.
fn is_said(then: &Plan, plan: &Plan, attempt: &take_up::Attempt) -> bool {
    let reasons = |plan: &Plan| plan.changes.iter().find(|change| change.address == attempt.address).map(|change| change.reasons.clone()).unwrap_or_default();
    let (now, before) = (reasons(then), reasons(plan));
    let tried = attempt.part.clone().map(Reason::Differs);
    now.iter().all(|reason| before.contains(reason) && Some(reason) != tried.as_ref())
}

/// Tells whether a plan has less to do than another, and nothing that the other has not: what an edit says of one object must not make
/// anything else of the others, nor take the object itself away.
fn is_less(then: &Plan, plan: &Plan, of: &Address) -> bool {
    let parts = |plan: &Plan| plan.changes.iter().map(|change| change.reasons.len()).sum::<usize>();
    let kept = |change: &Change| {
        let known = before(plan, change);
        known.is_some_and(|known| if change.address == *of { known.after.is_some() == change.after.is_some() } else { is_between(change, known) })
    };
    parts(then) < parts(plan) && then.steps.len() <= plan.steps.len() && then.withheld.len() <= plan.withheld.len() && then.changes.iter().all(kept)
}

#[cfg(test)]
mod tests {
    use crossrole_model::observed::{AccountState, ObservedRole};
    use crossrole_model::{AccountId, DesiredState, Observation};

    use super::*;

    const TEXT: &str = "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n\
                        [roles.A]\n[[roles.A.trust]]\nservice = \"ec2.amazonaws.com\"\n[roles.B]\n[[roles.B.trust]]\nservice = \"ec2.amazonaws.com\"\n";

    fn read(sources: &[Source]) -> Option<Desired> {
        crossrole_manifest::load(sources).0
    }

    /// Where no more is tried, each part of what was not says so; what no edit could say has its own reason all the same.
    #[test]
    fn what_was_not_tried_is_said_to_be_untried() {
        let sources = [Source { file: "t.toml".into(), text: TEXT.into() }];
        let desired = read(&sources).unwrap_or_else(|| panic!("{TEXT}"));
        let roles = desired.objects.iter().filter_map(|(address, object)| match &object.state {
            DesiredState::Role { state, .. } => {
                let mut state = state.clone();
                state.description = "by hand".into();
                state.max_session_seconds = 7_200;
                state.tags.insert("team".into(), "data".into());
                let name = address.name.clone();
                Some((name.to_ascii_lowercase(), ObservedRole { id: format!("AROA{name}"), name, state, instance_profiles: BTreeSet::new() }))
            }
            _ => None,
        });
        let mut state = AccountState { complete: true, roles: roles.collect(), ..AccountState::default() };
        let mut stray = state.roles["a"].clone();
        stray.name = "Stray".into();
        state.roles.insert("stray".into(), stray);
        let account = AccountId::parse("222222222222").unwrap_or_else(AccountId::nobody);
        let observed = Observed { accounts: [(account, Observation::Known(state))].into(), ..Observed::default() };
        let plan = crossrole_planner::plan(&desired, &observed, &everything());
        for (most, tried) in [(0, 0), (1, 1), (3, 3), (5, 5), (100, 6)] {
            let taken = taken_up(plan.clone(), &observed, &desired, &sources, &read, most);
            assert_eq!(taken.said.len(), tried, "{most}");
            let whys: Vec<&LeftBecause> = taken.left.iter().filter(|left| left.address.name != "Stray").map(|left| &left.because).collect();
            assert!(whys.len() == 6 - tried && whys.iter().all(|why| **why == LeftBecause::TooMany), "{most}: {whys:?}");
            let stray: Vec<_> = taken.left.iter().filter(|left| left.address.name == "Stray").map(|left| (&left.because, left.undone)).collect();
            assert_eq!(stray, [(&LeftBecause::Undeclared, Undone::TakenAway)], "{most}");
        }
    }
}
