//! `crossrole apply` and `crossrole destroy`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossrole_model::{AccountId, Observed, Outcome, Plan, StepResult};
use crossrole_planner::Options;
use crossrole_report::{Line, Tone};

use crate::args::{ApplyArgs, ProvingArgs};
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::guard::{self, Gate};
use crate::io::Io;
use crate::lock::{self, Held};
use crate::progress::{Progress, Style};
use crate::reports::{self, Unwritten};
use crate::runner::Looked;
use crate::session::Session;
use crate::stop::Stop;

use super::plan::{Made, make_again};
use super::remembered::remembered;
use super::reviewed::{self, Reviewed};

pub(crate) async fn run(args: &ApplyArgs, destroy: bool, io: &mut Io) -> Result<Exit, Failure> {
    let paths: Vec<&std::path::Path> = args.paths.iter().chain([&args.planning.cloud.sandbox_state]).map(PathBuf::as_path).collect();
    reports::apart_from_settings(&args.planning.view.report, &args.planning.cloud.config, &paths)?;
    let reviewed = reviewed::read(&args.paths)?;
    let manifests = reviewed.as_ref().map(Reviewed::files);
    reports::apart_from_paths(&args.planning.view.report, manifests.as_ref().unwrap_or(&args.paths))?;
    let command = if destroy { "destroy" } else { "apply" };
    let events = Arc::new(Events::open(&args.planning.view.report, command)?);
    let planning = &args.planning;
    // A saved plan is shown where it was shown when it was made, unless somebody says otherwise.
    let planned = reviewed.as_ref().map(|reviewed| &reviewed.plan.comment_key).filter(|key| !key.is_empty() && planning.view.report_key.is_none());
    let key = planned.cloned().unwrap_or_else(|| reports::key(&planning.view, &args.paths, &planning.cloud.config, &planning.options(destroy), false));
    let result = Box::pin(opened(args, destroy, reviewed, (&events, &key), io)).await;
    events.ended(&result, &Unwritten { command, view: &planning.view, key: &key, paths: &args.paths });
    result
}

async fn opened(args: &ApplyArgs, destroy: bool, reviewed: Option<Reviewed>, told: (&Arc<Events>, &str), io: &mut Io) -> Result<Exit, Failure> {
    let (events, key) = told;
    match (&reviewed, args.max_age) {
        (Some(reviewed), Some(most)) => reviewed.young_enough(most, super::validate::now())?,
        (None, Some(_)) => {
            return Err(Failure::new("`--max-age` is of a saved plan, and none is given", "name one that was saved with `crossrole plan --out`"));
        }
        (_, None) => {}
    }
    let options = args.planning.options(destroy);
    let paths = match &reviewed {
        Some(reviewed) => {
            reviewed.asked_for(&options)?;
            reviewed::manifests(&reviewed.plan, &reviewed.places)?
        }
        None => args.paths.clone(),
    };
    let mut session = Session::open(&paths, &args.planning.cloud, io)?;
    session.events = Arc::clone(events);
    key.clone_into(&mut session.key);
    let reviewed = reviewed.map(|reviewed| reviewed.plan);
    let applied = async {
        let checked = |plan: &Plan| if plan.destroy { remembered(plan, &session.desired) } else { Ok(()) };
        let work = Work { args, session: &session, options: &options, reviewed: reviewed.as_ref(), checked: &checked, approved: &|| Ok(()) };
        let exit = work.alone(io).await?;
        if args.verify && !destroy && exit == Exit::Clean { proved(args, &session, io).await } else { Ok(exit) }
    };
    session.ended(Box::pin(applied).await)
}

/// What was written is tried, and that is the end of it.
async fn proved(args: &ApplyArgs, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let view = &args.planning.view;
    let all = crate::proof::prove(session, &ProvingArgs::default(), crate::proof::Looking::AtPolicies, args.quiet || view.json).await?;
    if view.json {
        io.out_part("proof", crossrole_report::attestation_json(&all, super::view(view, io)));
    } else {
        io.out(&format!("\n{}", crossrole_report::attestation(&all, super::view(view, io))));
    }
    Ok(super::verify::whole(&all))
}

/// How often the lock is taken anew because the plan writes in accounts that it is not of: once, unless what is live changes meanwhile.
const ROUNDS: usize = 4;

/// What is to be carried out.
pub(crate) struct Work<'w> {
    pub(crate) args: &'w ApplyArgs,
    pub(crate) session: &'w Session,
    pub(crate) options: &'w Options,
    pub(crate) reviewed: Option<&'w Plan>,
    /// What is asked of the plan besides, before anybody is asked to approve it.
    pub(crate) checked: &'w (dyn Fn(&Plan) -> Result<(), Failure> + Sync),
    /// What has to be done once it is approved, before anything is called.
    pub(crate) approved: &'w (dyn Fn() -> Result<(), Failure> + Sync),
}

impl Work<'_> {
    /// Applies while no other run writes in the same accounts, where that is set up.
    pub(crate) async fn alone(&self, io: &mut Io) -> Result<Exit, Failure> {
        let Self { args, session, options, .. } = self;
        let place = session.settings.lock().filter(|_| !args.lock.no_lock);
        let Some(place) = place else {
            if args.lock.lock_timeout.is_some() {
                let what = "no lock is set up (`[lock]` in `crossrole.toml`), and `--lock-timeout` waits for nothing";
                io.err_lines(&[Line::new(Tone::Warning, 0, "warning: ").then([what])]);
            }
            return Box::pin(self.apply(None, io)).await.map(|ended| if let Ended::Exit(exit) = ended { exit } else { Exit::Failed });
        };
        let mut accounts = lock::accounts(&session.desired);
        let command = if options.destroy { "destroy" } else { "apply" };
        for _ in 0..ROUNDS {
            let held = Box::pin(lock::take(&place, accounts.clone(), &args.lock, command, session)).await?;
            let result = Box::pin(self.apply(Some(&held), io)).await;
            held.end().await;
            match result? {
                Ended::Exit(exit) => return Ok(exit),
                // What manifests have left there is known only once it is read.
                Ended::Beyond(more) => accounts.extend(more),
            }
        }
        Err(Failure::locked("what has to be changed is in other accounts each time that it is looked at, and nothing was changed", "run it again"))
    }
}

/// What applying came to.
enum Ended {
    Exit(Exit),
    /// Nothing was done: the plan writes in accounts that are not locked.
    Beyond(BTreeSet<AccountId>),
}

impl Work<'_> {
    async fn apply(&self, held: Option<&Held<'_>>, io: &mut Io) -> Result<Ended, Failure> {
        let Self { args, session, options, reviewed, checked, approved } = *self;
        let gate = Gate::read(&args.planning.guard, &args.planning.cloud.config, &session.desired, reviewed)?;
        // A saved plan is a record of what was reviewed: what is carried out is planned now, and has to be that.
        let mut made = make_again(session, options, &args.planning.guard, &gate, reviewed).await?;
        let beyond = held.map(|held| held.beyond(&made.plan)).unwrap_or_default();
        if !beyond.is_empty() {
            return Ok(Ended::Beyond(beyond));
        }
        let mut moved = Ok(Vec::new());
        if let Some(reviewed) = reviewed {
            moved = reviewed::compare(reviewed, &mut made, args.partial, session, &args.planning.guard, &gate).await?;
        }
        let refusal = guard::pass(&args.planning.guard, &gate, &session.desired, &made);
        // The reports are written before it is said, and say it as well.
        made.refused(moved.as_ref().err().or(refusal.as_ref().err())).print(&args.planning.view, &session.sources, io)?;
        session.events.reported();
        io.err_lines(&moved?);
        let blocked = reviewed::left(&made.plan);
        // What a saved plan is held to is not all in what is left to do: it may take up what is live.
        if reviewed.is_some() || !made.plan.is_empty() {
            refusal?;
        }
        if made.plan.is_empty() {
            match reviewed.filter(|reviewed| !reviewed.is_empty()) {
                Some(reviewed) if !made.plan.is_blocked() => already_done(reviewed, args.planning.view.json, io),
                // Machines are told how each apply ended.
                Some(_) if args.planning.view.json => io.out_part("outcome", crossrole_report::outcome_json(&made.plan, &Outcome::default())),
                _ => {}
            }
            return Ok(Ended::Exit(blocked));
        }
        checked(&made.plan)?;
        if !made.plan.can_apply(args.partial) {
            let (error, details) = crossrole_report::blocked(&made.plan);
            return Err(Failure::new(error, "do what is said of each above, or carry out the rest alone with `--partial`").with(&details));
        }
        let (mut made, looked) = look(made, session).await?;
        may_it(&looked, args.partial, io)?;
        let question = if options.destroy { "Destroy all this?" } else { "Carry this out?" };
        if !args.auto_approve {
            let answer = io.approve(question, "nobody is there to approve this plan");
            session.stops.or_person(answer).await.map_err(|stop| stop.while_("waiting for approval"))??;
            if let Some(held) = held {
                held.confirm().await?;
            }
        }
        approved()?;
        session.events.approved(if args.auto_approve { "auto-approve" } else { "person" });
        // Somebody may have thought about it for long: then everything is looked at once more.
        let observed = args.auto_approve.then(|| std::mem::take(&mut made.observed));
        let plan = &made.plan;
        let (outcome, stop) = Box::pin(carry_out(args, plan, observed, session, io)).await;
        let written = super::plan::carried_out(&args.planning.view.report, &made, &session.sources, &outcome);
        session.events.verified(outcome.is_complete(), outcome.unverified.len());
        if args.planning.view.json {
            io.out_part("outcome", crossrole_report::outcome_json(plan, &outcome));
        } else {
            io.out(&format!("\n{}", crossrole_report::outcome(plan, &outcome, io.out_screen())));
        }
        written?;
        let failed = if outcome.is_moved() { Exit::Moved } else { Exit::Failed };
        Ok(Ended::Exit(if outcome.is_complete() { blocked } else { stop.map_or(failed, Stop::exit) }))
    }
}

/// What was reviewed is live: there is nothing left to do, and that is success.
fn already_done(reviewed: &Plan, json: bool, io: &mut Io) {
    let steps = reviewed.steps.iter().map(|_| StepResult::AlreadyDone).collect();
    if json {
        io.out_part("outcome", crossrole_report::outcome_json(reviewed, &Outcome { steps, ..Outcome::default() }));
    } else {
        io.out("\nAlready done: what was reviewed is live.\n");
    }
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
    let listener = |event| {
        session.events.applying(plan, &event);
        progress.event(&event);
    };
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
