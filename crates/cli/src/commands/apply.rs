//! `crossrole apply` and `crossrole destroy`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossrole_model::{Digest, Observed, Outcome, Plan};
use crossrole_planner::Options;
use crossrole_report::{Line, Tone};

use crate::args::ApplyArgs;
use crate::failure::{Exit, Failure};
use crate::files::{self, Wanted};
use crate::guard;
use crate::io::Io;
use crate::progress::{Progress, Style};
use crate::runner::Looked;
use crate::selector::Selector;
use crate::session::Session;
use crate::stop::Stop;

use super::plan::{Made, make};

pub(crate) async fn run(args: &ApplyArgs, destroy: bool, io: &mut Io) -> Result<Exit, Failure> {
    let reviewed = saved_plan(&args.paths)?;
    match (&reviewed, args.max_age) {
        (Some(plan), Some(most)) => young_enough(plan, most, super::validate::now())?,
        (None, Some(_)) => {
            return Err(Failure::new("`--max-age` is of a saved plan, and none is given", "name one that was saved with `crossrole plan --out`"));
        }
        (_, None) => {}
    }
    let (paths, options) = match &reviewed {
        Some(_) if destroy || !args.planning.target.is_empty() || !args.planning.destroy_key.is_empty() => {
            return Err(Failure::new("a saved plan is applied as it is", "give `--destroy`, `--target` and `--destroy-key` to `crossrole plan`"));
        }
        Some(plan) => {
            let (targets, destroy_keys) = (plan.targets.clone(), plan.destroy_keys.clone());
            (same_manifests(plan)?, Options { destroy: plan.destroy, targets, destroy_keys })
        }
        None => (args.paths.clone(), args.planning.options(destroy)),
    };
    let session = Session::open(&paths, &args.planning.cloud, io)?;
    session.ended(Box::pin(apply(args, &session, &options, reviewed.as_ref(), io)).await)
}

async fn apply(args: &ApplyArgs, session: &Session, options: &Options, reviewed: Option<&Plan>, io: &mut Io) -> Result<Exit, Failure> {
    let selectors = Selector::parse_all(&args.planning.guard.deny_widening, &session.desired)?;
    // A saved plan is a record of what was reviewed: what is carried out is planned now, and has to be that.
    let made = make(session, options, &args.planning.guard).await?;
    made.print(&args.planning.view, &session.sources, io)?;
    if let Some(reviewed) = reviewed {
        let differences = crossrole_planner::differences(reviewed, &made.plan, &made.observed);
        if !differences.is_empty() {
            let error =
                Failure::new("this is not the plan that was saved, and nothing was changed:", "plan again with `--out`, and have the new plan reviewed");
            let moved = crossrole_report::moved(reviewed, &made.plan, &differences);
            return Err(error.with(&crossrole_report::differences(&differences)).with(&moved));
        }
    }
    let blocked = if made.plan.is_blocked() { Exit::Failed } else { Exit::Clean };
    if made.plan.is_empty() {
        return Ok(blocked);
    }
    if let Some(refusal) = guard::refusal(&args.planning.guard, &selectors, &session.desired, &made)? {
        io.err_lines(&refusal);
        return Ok(Exit::Refused);
    }
    if !made.plan.can_apply(args.partial) {
        let (error, details) = crossrole_report::blocked(&made.plan);
        return Err(Failure::new(error, "do what is said of each above, or carry out the rest alone with `--partial`").with(&details));
    }
    let (made, looked) = look(made, session).await?;
    may_it(&looked, args.partial, io)?;
    let plan = &made.plan;
    let question = if options.destroy { "Destroy all this?" } else { "Carry this out?" };
    if !args.auto_approve {
        let approved = io.approve(question, "nobody is there to approve this plan");
        session.stops.or_person(approved).await.map_err(|stop| stop.while_("waiting for approval"))??;
    }
    // Somebody may have thought about it for long: then everything is looked at once more.
    let observed = args.auto_approve.then_some(made.observed);
    let (outcome, stop) = Box::pin(carry_out(args, plan, observed, session, io)).await;
    if args.planning.view.json {
        io.out_json(&crossrole_report::outcome_json(plan, &outcome));
    } else {
        io.out(&format!("\n{}", crossrole_report::outcome(plan, &outcome, io.out_screen())));
    }
    Ok(if outcome.is_complete() { blocked } else { stop.map_or(Exit::Failed, Stop::exit) })
}

async fn look(made: Made, session: &Session) -> Result<(Made, Looked), Failure> {
    let desired = std::sync::Arc::clone(&session.desired);
    let controls = session.settings.controls(&desired)?;
    let work = move || {
        let looked = crate::runner::look(&made.plan, &made.observed, &desired, &controls);
        (made, looked)
    };
    session.computed("checking the runner", work).await
}

/// What the runner may not do is refused before the first call that writes; with `--partial`, it is said.
fn may_it(looked: &Looked, partial: bool, io: &mut Io) -> Result<(), Failure> {
    let unread = looked.unread.iter().map(|account| {
        let rest = format!("account {account}: the runner's own policies were not read, so whether it may carry this out was not checked");
        Line::new(Tone::Kept, 0, "note: ").then([rest])
    });
    io.err_lines(&unread.collect::<Vec<_>>());
    let what = "the runner may not carry all of this out";
    if looked.denied.is_empty() {
        return Ok(());
    }
    if !partial {
        let advice = "let the runner do that (`crossrole runner-policy` prints what it needs), or carry out the rest alone with `--partial`";
        return Err(Failure::new(format!("{what}, and nothing was changed:"), advice).with(&looked.denied.join("\n")));
    }
    io.err_lines(&[Line::new(Tone::Warning, 0, "warning: ").then([format!("{what}:")])]);
    io.err_lines(&looked.denied.iter().map(|line| Line::plain(2, line.as_str())).collect::<Vec<_>>());
    Ok(())
}

/// What else than manifests may be applied.
const PLAN: Wanted = Wanted {
    what: "plan",
    most: crossrole_report::PLAN_BYTES_MOST,
    advice: "name manifests, a folder of them, or a plan saved with `crossrole plan --out`",
    smaller: "plan fewer manifests at a time",
};

/// One path that holds a saved plan, rather than manifests.
pub(super) fn saved_plan(paths: &[PathBuf]) -> Result<Option<Plan>, Failure> {
    let [path] = paths else { return Ok(None) };
    if path.is_dir() || path.extension().is_some_and(|e| e == "toml") {
        return Ok(None);
    }
    let text = files::read(path, &PLAN)?;
    crossrole_report::read_plan(&text).map(Some).map_err(|e| Failure::new(format!("`{}`: {e}", path.display()), "plan again with `crossrole plan --out`"))
}

/// A plan that was reviewed long ago is not what its reviewers would say today. One of tomorrow has a wrong clock behind it.
fn young_enough(plan: &Plan, most: Duration, now: i64) -> Result<(), Failure> {
    /// Clocks of two machines differ by so much, at most, in seconds.
    const SKEW: i64 = 300;
    let seconds = now.saturating_sub(plan.saved_at);
    if seconds < -SKEW {
        return Err(Failure::new("this plan was saved in the future", "set the clock of this machine, or of the one that planned, right"));
    }
    if u64::try_from(seconds).is_ok_and(|age| age > most.as_secs()) {
        let shown = |seconds: u64| match seconds {
            0..120 => format!("{seconds} seconds"),
            120..7_200 => format!("{} minutes", seconds / 60),
            7_200..172_800 => format!("{} hours", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        };
        let error = format!("this plan was saved {} ago, and may be {} old", shown(seconds.unsigned_abs()), shown(most.as_secs()));
        return Err(Failure::new(error, "plan again, and have the new plan reviewed"));
    }
    Ok(())
}

/// The manifests that a plan was made from. One that was changed since the review is not what was reviewed.
fn same_manifests(plan: &Plan) -> Result<Vec<PathBuf>, Failure> {
    if plan.manifests.is_empty() {
        return Err(Failure::new("this plan names no manifest that it was made from", "plan again with `crossrole plan --out`"));
    }
    for manifest in &plan.manifests {
        match std::fs::read(&manifest.file) {
            Ok(bytes) if Digest::of(&bytes) == manifest.digest => {}
            Ok(_) => {
                return Err(Failure::new(
                    format!("plan is stale: manifest `{}` has changed since it was planned", manifest.file),
                    "plan again, and have the new plan reviewed",
                ));
            }
            Err(e) => {
                return Err(Failure::new(
                    format!("manifest `{}`, which this plan was made from, can't be read: {e}", manifest.file),
                    "apply from the folder that the plan was made in",
                ));
            }
        }
    }
    Ok(plan.manifests.iter().map(|m| PathBuf::from(&m.file)).collect())
}

async fn carry_out(args: &ApplyArgs, plan: &Plan, observed: Option<Observed>, session: &Session, io: &Io) -> (Outcome, Option<Stop>) {
    let style = match (args.quiet, args.planning.view.json, io.draws) {
        (true, _, _) => Style::Quiet,
        (_, true, _) => Style::Json,
        (_, _, true) => Style::Bar,
        _ => Style::Lines,
    };
    let stop = AtomicBool::new(false);
    let options = crossrole_applier::Options { concurrency: session.concurrency, total: session.total, timeout: session.timeout };
    let progress = Progress::new(plan, style, &session.told);
    let listener = |event| progress.event(&event);
    let work = crossrole_applier::apply(&session.aws, plan, observed, options, &listener, &stop);
    tokio::pin!(work);
    let mut first = None;
    loop {
        match session.stops.or(&mut work).await {
            Ok(outcome) => return (outcome, first),
            Err(why) => {
                if !stop.swap(true, Ordering::Relaxed) {
                    let why = why.why();
                    session.told.line(&format!("{why}: nothing more begins, and writes that were sent have 5 seconds to be answered (once more: end at once)"));
                }
                first.get_or_insert(why);
                session.aws.halt();
            }
        }
    }
}
