//! `crossrole apply` and `crossrole destroy`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_model::{Desired, Digest, Observed, Outcome, Plan, Source};
use crossrole_planner::Options;

use crate::args::ApplyArgs;
use crate::failure::{Exit, Failure};
use crate::guard;
use crate::interrupt::Interrupts;
use crate::io::Io;
use crate::load;
use crate::progress::{Progress, Style};
use crate::selector::Selector;
use crate::session::Session;

use super::plan::make;

pub(crate) async fn run(args: &ApplyArgs, destroy: bool, io: &mut Io) -> Result<Exit, Failure> {
    let reviewed = saved_plan(&args.paths)?;
    let (loaded, options) = match &reviewed {
        Some(_) if destroy || !args.planning.target.is_empty() => {
            return Err(Failure::new("a saved plan is applied as it is", "give `--destroy` and `--target` to `crossrole plan`"));
        }
        Some(plan) => (same_manifests(plan, io)?, Options { destroy: plan.destroy, targets: plan.targets.clone() }),
        None => (load::desired(&args.paths, io)?, Options { destroy, targets: args.planning.target.clone() }),
    };
    let session = Session::open(loaded, &args.planning.cloud, io)?;
    session.ended(Box::pin(apply(args, &session, &options, reviewed.as_ref(), io)).await)
}

async fn apply(args: &ApplyArgs, session: &Session, options: &Options, reviewed: Option<&Plan>, io: &mut Io) -> Result<Exit, Failure> {
    let selectors = Selector::parse_all(&args.planning.guard.deny_widening, &session.desired)?;
    // A saved plan is a record of what was reviewed: what is carried out is planned now, and has to be that.
    let made = make(session, options, &args.planning.guard).await?;
    made.print(&args.planning.view, &session.sources, io);
    if let Some(reviewed) = reviewed {
        let differences = crossrole_planner::differences(reviewed, &made.plan, &made.observed);
        if !differences.is_empty() {
            let list = crossrole_report::differences(&differences);
            return Err(Failure::new(
                format!("this is not the plan that was saved, and nothing was changed:\n{}", list.trim_end()),
                "plan again with `--out`, and have the new plan reviewed",
            ));
        }
    }
    let plan = &made.plan;
    let blocked = if plan.is_blocked() { Exit::Failed } else { Exit::Clean };
    if !plan.can_apply() {
        return Ok(blocked);
    }
    if let Some(refusal) = guard::refusal(&args.planning.guard, &selectors, &session.desired, &made)? {
        io.err(&refusal);
        return Ok(Exit::Refused);
    }
    approve(args, options.destroy, io)?;
    // Somebody may have thought about it for long: then everything is looked at once more.
    let observed = args.auto_approve.then_some(made.observed);
    let outcome = Box::pin(carry_out(args, plan, observed, session, io)).await;
    if args.planning.view.json {
        io.out(&format!("{}\n", crossrole_report::outcome_json(plan, &outcome)));
    } else {
        io.out(&format!("\n{}", crossrole_report::outcome(plan, &outcome)));
    }
    Ok(if outcome.is_complete() { blocked } else { Exit::Failed })
}

/// One path that holds a saved plan, rather than manifests.
fn saved_plan(paths: &[PathBuf]) -> Result<Option<Plan>, Failure> {
    let [path] = paths else { return Ok(None) };
    if path.is_dir() || path.extension().is_some_and(|e| e == "toml") {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|e| {
        Failure::new(format!("`{}` can't be read: {e}", path.display()), "name manifests, a folder of them, or a plan saved with `crossrole plan --out`")
    })?;
    crossrole_report::read_plan(&text).map(Some).map_err(|e| Failure::new(format!("`{}`: {e}", path.display()), "plan again with `crossrole plan --out`"))
}

/// Loads the manifests that a plan was made from. One that was changed since the review is not what was reviewed.
fn same_manifests(plan: &Plan, io: &mut Io) -> Result<(Desired, Vec<Source>), Failure> {
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
    let paths: Vec<PathBuf> = plan.manifests.iter().map(|m| PathBuf::from(&m.file)).collect();
    load::desired(&paths, io)
}

fn approve(args: &ApplyArgs, destroy: bool, io: &mut Io) -> Result<(), Failure> {
    if args.auto_approve {
        return Ok(());
    }
    if !io.interactive {
        return Err(Failure::new("nobody is there to approve this plan", "give `--auto-approve`, or run it on a terminal"));
    }
    let what = if destroy { "Destroy all this?" } else { "Carry this out?" };
    io.err(&format!("\n{what} Only `yes` is taken for yes: "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && answer.trim() == "yes" { Ok(()) } else { Err(Failure::new("not approved", "nothing was changed")) }
}

async fn carry_out(args: &ApplyArgs, plan: &Plan, observed: Option<Observed>, session: &Session, io: &Io) -> Outcome {
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
    let mut interrupts = Interrupts::new();
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = interrupts.next() => {
                if !stop.swap(true, Ordering::Relaxed) {
                    session.told.line("interrupted: nothing more begins, and writes that were sent have 5 seconds to be answered (once more: end at once)");
                }
                session.aws.halt();
            }
        }
    }
}
