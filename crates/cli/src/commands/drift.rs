//! `crossrole drift`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossrole_manifest::take_up;
use crossrole_model::observed::KeyState;
use crossrole_model::{
    AccountId, Address, Cause, Change, Desired, Drifted, KeyRef, Kind, LeftBecause, LeftPart, Observed, Part, Plan, Reason, Source, Subject, Withheld,
};
use crossrole_planner::Options;

use crate::args::{DriftArgs, GuardArgs};
use crate::base::by_hand;
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::foreign::foreign;
use crate::guard::Gate;
use crate::io::Io;
use crate::reports::{self, Unwritten};
use crate::session::Session;

use super::plan::{Made, make};

/// Most attempts of one run: each plans anew.
const ATTEMPTS_MOST: usize = 1_000;

pub(crate) async fn run(args: &DriftArgs, io: &mut Io) -> Result<Exit, Failure> {
    reports::apart_from_settings(&args.view.report, &args.cloud.config, &[&args.cloud.sandbox_state])?;
    reports::apart_from_paths(&args.view.report, &args.paths.paths)?;
    let events = Arc::new(Events::open(&args.view.report, "drift")?);
    let key = reports::key(&args.view, &args.paths.paths, &args.cloud.config, &Options::default(), false);
    let result = opened(args, &events, &key, io).await;
    events.ended(&result, &Unwritten { command: "drift", view: &args.view, key: &key, paths: &args.paths.paths });
    result
}

async fn opened(args: &DriftArgs, events: &Arc<Events>, key: &str, io: &mut Io) -> Result<Exit, Failure> {
    let mut session = Session::open(&args.paths.paths, &args.cloud, io)?;
    session.events = Arc::clone(events);
    key.clone_into(&mut session.key);
    session.ended(drift(args, &session, io).await)
}

/// What of ours nothing speaks of any more is drift as well: what that costs is no matter here.
fn everything() -> Options {
    Options { everything: true, ..Options::default() }
}

async fn drift(args: &DriftArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let mut made = make(session, &everything(), &GuardArgs::default(), &Gate::none(), None).await?;
    let (desired, controls) = (Arc::clone(&session.desired), session.settings.controls(&session.desired)?);
    let own = made.plan.clone();
    let work = move || {
        for change in withheld(&made.plan, &desired, &made.observed) {
            let at = made.plan.changes.partition_point(|other| other.address < change.address);
            made.plan.changes.insert(at, change);
            made.plan.steps.iter_mut().filter(|step| step.change >= at).for_each(|step| step.change += 1);
        }
        // Whom a manifest has let in till now is told where it changes; here it is most likely a stranger.
        made.plan.withheld.retain(|withheld| withheld.cause != Cause::Unnamed);
        made.plan.withheld.extend(keys_off(&made.plan, &desired, &made.observed));
        let access = by_hand(&desired, &made.observed, &made.plan.changes, &controls);
        let drifted = Drifted { access, foreign: foreign(&desired, &made.observed, &controls) };
        made.drift = Some(drifted.clone());
        (made, drifted)
    };
    let (made, drifted) = session.computed("looking at what drift gives", work).await?;
    made.reports(&args.view, &session.sources, io)?;
    session.events.reported();
    let view = super::view(&args.view, io);
    let taken = if args.write { Some(take_up_all(own, &made, session).await?) } else { None };
    if args.view.json {
        let mut value = made.json(&session.sources, view);
        if let Some(map) = value.as_object_mut() {
            map.insert("drift_access".to_owned(), crossrole_report::access_json(&made.plan, &drifted.access, view));
            map.insert("drift_keys".to_owned(), crossrole_report::keys_off_json(&made.plan));
            map.insert("foreign".to_owned(), crossrole_report::foreign_json(&made.plan, &drifted.foreign, view));
            map.extend(taken.as_ref().map(|taken| ("written".to_owned(), crossrole_report::taken_up_json(&taken.said))));
            map.extend(taken.as_ref().map(|taken| ("left".to_owned(), taken.objects_left().iter().map(ToString::to_string).collect())));
            map.extend(taken.as_ref().map(|taken| ("left_because".to_owned(), crossrole_report::left_json(&taken.left))));
        }
        io.out_json(&value);
    } else {
        io.out(&crossrole_report::drift_alone(&made.plan, &drifted, view));
    }
    if let Some(taken) = taken {
        files::replace(&taken.texts, &session.sources)?;
        io.err_lines(&crossrole_report::taken_up(&taken.said, &taken.left));
    }
    let off = made.plan.withheld.iter().any(|withheld| matches!(withheld.cause, Cause::KeyState(_)));
    Ok(match (is_unknown(&made.plan), made.plan.is_empty() && !off) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Clean,
        (false, false) => Exit::Changes,
    })
}

/// Tells whether something is withheld for another reason than that a key is off, or rests on such: how far it has drifted is known then.
fn is_unknown(plan: &Plan) -> bool {
    let mut known: BTreeSet<&Address> = BTreeSet::new();
    loop {
        let more = plan.withheld.iter().filter_map(|withheld| match (&withheld.subject, &withheld.cause) {
            (Subject::Object(address) | Subject::Part(address), Cause::KeyState(_)) => Some(address),
            (Subject::Object(address) | Subject::Part(address), Cause::Withheld(on)) if known.contains(on) => Some(address),
            _ => None,
        });
        let more: Vec<&Address> = more.filter(|address| !known.contains(address)).collect();
        if more.is_empty() {
            break;
        }
        known.extend(more);
    }
    let is_known = |withheld: &Withheld| match &withheld.cause {
        Cause::KeyState(_) => true,
        Cause::Withheld(on) => known.contains(on),
        _ => false,
    };
    !plan.blocking().all(is_known)
}

/// Keys that are declared, or encrypt what is, and can't be used: nothing of them may differ otherwise, and nobody reads what they encrypt.
fn keys_off(plan: &Plan, desired: &Desired, observed: &Observed) -> Vec<Withheld> {
    let declared = desired.objects.keys().filter(|address| matches!(address.kind, Kind::Key | Kind::KeyPolicy)).cloned();
    let of_buckets = desired.bucket_keys.values().map(|bucket| Address::new(&bucket.key.account(), Kind::Key, bucket.key.name()));
    let all: BTreeSet<(AccountId, String)> = declared.chain(of_buckets).map(|address| (address.account, address.name)).collect();
    let said = |account: &AccountId, name: &str| {
        let of_key = |withheld: &Withheld| match (&withheld.subject, &withheld.cause) {
            (Subject::Object(address), Cause::KeyState(_)) => address.account == *account && address.name == name,
            _ => false,
        };
        plan.withheld.iter().any(of_key)
    };
    let off = all.into_iter().filter(|(account, name)| !said(account, name)).filter_map(|(account, name)| {
        let is = |arn: &str| KeyRef::parse(arn).is_some_and(|key| key.account() == account && key.name() == name);
        let (_, found) = observed.keys.iter().find(|(arn, _)| is(arn))?;
        let state = found.known()?.as_ref().map(|key| key.state.clone()).filter(|state| *state != KeyState::Enabled)?;
        Some(Withheld { subject: Subject::Object(Address::new(&account, Kind::Key, name)), cause: Cause::KeyState(state), blocks: false })
    });
    off.collect()
}

/// What was taken up.
struct Taken {
    /// File, object and part; `None`: that it is not there.
    said: Vec<(String, Address, Option<Part>)>,
    /// New texts, by file.
    texts: BTreeMap<String, String>,
    /// Drift that is still planned, part by part.
    left: Vec<LeftPart>,
}

impl Taken {
    fn objects_left(&self) -> BTreeSet<&Address> {
        self.left.iter().map(|left| &left.address).collect()
    }
}

/// What of the objects that are withheld is not as the manifests say: whoever may touch one object must not hide what was done to those
/// that rest on it.
pub(crate) fn withheld(plan: &Plan, desired: &Desired, observed: &Observed) -> Vec<Change> {
    if !plan.is_blocked() {
        return Vec::new();
    }
    let through = crossrole_planner::plan(desired, observed, &Options { look_through: true, ..Options::default() });
    let held = |change: &Change| plan.withholds(&change.address) && plan.changes.iter().all(|other| other.address != change.address);
    let told = |mut change: Change| {
        // That is what looking through it came to, unless the manifest says so.
        change.reasons.retain(|reason| *reason != Reason::Adopted);
        change.reasons.push(Reason::Withheld);
        change
    };
    through.changes.into_iter().filter(held).map(told).collect()
}

async fn take_up_all(plan: Plan, made: &Made, session: &Session) -> Result<Taken, Failure> {
    let surroundings = session.settings.surroundings()?;
    let (plan, observed, desired, sources) = (plan, made.observed.clone(), Arc::clone(&session.desired), session.sources.clone());
    let work = move || {
        let read = |sources: &[Source]| crossrole_manifest::load_in(sources, &surroundings).0;
        taken_up(plan, &observed, &desired, &sources, &read)
    };
    session.computed("taking up what was found", work).await
}

/// Tries to say each part that differs, and keeps what makes the plan shorter and brings nothing new into it.
fn taken_up(mut plan: Plan, observed: &Observed, desired: &Desired, sources: &[Source], read: &dyn Fn(&[Source]) -> Option<Desired>) -> Taken {
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
            let tried = if tried > ATTEMPTS_MOST { Err(LeftBecause::TooMany) } else { attempted(&attempt, &plan, observed, &sources, read) };
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
    let left = plan.changes.iter().flat_map(|change| left(change, &whys)).collect();
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

/// Other objects of which a plan makes what another does not.
fn others(then: &Plan, plan: &Plan, of: &Address) -> BTreeSet<Address> {
    let after = |plan: &Plan, address: &Address| plan.changes.iter().find(|change| change.address == *address).map(|change| change.after.clone());
    let new = then.changes.iter().filter(|change| change.address != *of && after(plan, &change.address).as_ref() != Some(&change.after));
    new.map(|change| change.address.clone()).collect()
}

/// What of a change is left, part by part, and why.
fn left(change: &Change, whys: &BTreeMap<(Address, Option<Part>), LeftBecause>) -> Vec<LeftPart> {
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
        known.unwrap_or_else(|| take_up::unsayable(change, part.as_ref()))
    };
    parts.into_iter().map(|part| LeftPart { address: change.address.clone(), because: why(&part), part }).collect()
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
        let before = plan.changes.iter().find(|other| other.address == change.address);
        before.is_some_and(|before| if change.address == *of { before.after.is_some() == change.after.is_some() } else { before.after == change.after })
    };
    parts(then) < parts(plan) && then.steps.len() <= plan.steps.len() && then.withheld.len() <= plan.withheld.len() && then.changes.iter().all(kept)
}
