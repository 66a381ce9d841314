//! `crossrole drift`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossrole_model::observed::KeyState;
use crossrole_model::{AccountId, Address, Cause, Change, Desired, Drifted, KeyRef, Kind, Observed, Plan, Reason, Subject, Withheld};
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

use super::plan::make;
use super::taken::{everything, take_up_all};

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
    if let Some(taken) = &taken {
        // Nothing says that it is written before it is.
        files::replace(&taken.texts, &session.sources)?;
    }
    if args.view.json {
        let mut value = made.json(&session.sources, view);
        if let Some(map) = value.as_object_mut() {
            map.extend(taken.as_ref().map(|taken| ("written".to_owned(), crossrole_report::taken_up_json(&taken.said))));
            map.extend(taken.as_ref().map(|taken| ("left".to_owned(), taken.objects_left().iter().map(ToString::to_string).collect())));
            map.extend(taken.as_ref().map(|taken| ("left_because".to_owned(), crossrole_report::left_json(&taken.left))));
        }
        io.out_json(&value);
    } else {
        io.out(&crossrole_report::drift_alone(&made.plan, &drifted, view));
    }
    io.err_lines(&taken.map_or_else(Vec::new, |taken| crossrole_report::taken_up(&taken.said, &taken.left)));
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
