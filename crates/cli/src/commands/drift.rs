//! `crossrole drift`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_manifest::take_up;
use crossrole_model::{Address, Change, Desired, Observed, Part, Plan, Reason, Source};
use crossrole_planner::Options;

use crate::args::{DriftArgs, GuardArgs};
use crate::base::by_hand;
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::guard::Gate;
use crate::io::Io;
use crate::reports;
use crate::session::Session;

use super::plan::{Made, make};

/// Most attempts of one run: each plans anew.
const ATTEMPTS_MOST: usize = 1_000;

pub(crate) async fn run(args: &DriftArgs, io: &mut Io) -> Result<Exit, Failure> {
    reports::apart_from_settings(&args.view.report, &args.cloud.config, &[&args.cloud.sandbox_state])?;
    reports::apart_from_paths(&args.view.report, &args.paths.paths)?;
    let events = Arc::new(Events::open(&args.view.report, "drift")?);
    let result = opened(args, &events, io).await;
    events.ended(&result);
    result
}

async fn opened(args: &DriftArgs, events: &Arc<Events>, io: &mut Io) -> Result<Exit, Failure> {
    let mut session = Session::open(&args.paths.paths, &args.cloud, io)?;
    session.events = Arc::clone(events);
    session.key = reports::key(&args.view, &args.paths.paths, &args.cloud.config, &Options::default(), false);
    session.ended(drift(args, &session, io).await)
}

async fn drift(args: &DriftArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let mut made = make(session, &Options::default(), &GuardArgs::default(), &Gate::none(), None).await?;
    let (desired, controls) = (Arc::clone(&session.desired), session.settings.controls(&session.desired)?);
    let own = made.plan.clone();
    let work = move || {
        for change in withheld(&made.plan, &desired, &made.observed) {
            let at = made.plan.changes.partition_point(|other| other.address < change.address);
            made.plan.changes.insert(at, change);
            made.plan.steps.iter_mut().filter(|step| step.change >= at).for_each(|step| step.change += 1);
        }
        let access = by_hand(&desired, &made.observed, &made.plan.changes, &controls);
        made.drift = Some(access.clone());
        (made, access)
    };
    let (made, access) = session.computed("looking at what drift gives", work).await?;
    made.reports(&args.view, &session.sources, io)?;
    let view = super::view(&args.view, io);
    let taken = if args.write { Some(take_up_all(own, &made, session).await?) } else { None };
    if args.view.json {
        let mut value = made.json(&session.sources, view);
        if let Some(map) = value.as_object_mut() {
            map.insert("drift_access".to_owned(), crossrole_report::access_json(&made.plan, &access, view));
            map.extend(taken.as_ref().map(|taken| ("written".to_owned(), crossrole_report::taken_up_json(&taken.said))));
            map.extend(taken.as_ref().map(|taken| ("left".to_owned(), taken.left.iter().map(ToString::to_string).collect())));
        }
        io.out_json(&value);
    } else {
        io.out(&crossrole_report::drift_alone(&made.plan, &access, view));
    }
    if let Some(taken) = taken {
        files::replace(&taken.texts, &session.sources)?;
        io.err_lines(&crossrole_report::taken_up(&taken.said, &taken.left));
    }
    Ok(match (made.plan.is_blocked(), made.plan.is_empty()) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Clean,
        (false, false) => Exit::Changes,
    })
}

/// What was taken up.
struct Taken {
    /// File, object and part; `None`: that it is not there.
    said: Vec<(String, Address, Option<Part>)>,
    /// New texts, by file.
    texts: BTreeMap<String, String>,
    /// Objects with drift that is still planned.
    left: Vec<Address>,
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
    for address in addresses {
        let mut done: BTreeMap<Option<Part>, usize> = BTreeMap::new();
        // Places move with each edit, so that what is tried next is asked anew.
        while let Some(attempt) =
            plan.changes.iter().find(|change| change.address == address).and_then(|change| next(take_up::attempts(change, &desired), &done))
        {
            *done.entry(attempt.part.clone()).or_default() += 1;
            tried += 1;
            if tried > ATTEMPTS_MOST {
                break;
            }
            let Some(at) = sources.iter().position(|source| source.file == attempt.file) else { continue };
            let Some(text) = sources.get(at).and_then(|source| take_up::edited(&source.text, &attempt)) else { continue };
            let mut new = sources.clone();
            if let Some(source) = new.get_mut(at) {
                source.text.clone_from(&text);
            }
            let Some(wanted) = read(&new) else { continue };
            let then = crossrole_planner::plan(&wanted, observed, &Options::default());
            if !is_less(&then, &plan, &attempt.address) || !is_said(&then, &plan, &attempt) {
                continue;
            }
            said.push((attempt.file.clone(), attempt.address, attempt.part));
            texts.insert(attempt.file, text);
            (plan, desired, sources) = (then, wanted, new);
        }
    }
    Taken { said, texts, left: plan.changes.into_iter().map(|change| change.address).collect() }
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
