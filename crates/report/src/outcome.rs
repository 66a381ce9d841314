//! What happened, for people.

use crossrole_model::outcome::Event;
use crossrole_model::plan::Difference;
use crossrole_model::{Broken, Outcome, Plan, StepId, StepResult, Waiting, WaitsFor};

use crate::{safe, words};

/// `222222222222: CreateRole (role ProdS3RWRole)`.
pub fn describe(plan: &Plan, step: StepId) -> String {
    let Some(step) = plan.steps.get(step.0) else { return String::new() };
    let object = plan.changes.get(step.change).map(|c| c.address.short()).unwrap_or_default();
    format!("{}: {} ({})", step.account, step.call.operation(), safe(&object))
}

/// What to say when a saved plan is not what would be planned now; a line each.
pub fn differences(differences: &[Difference]) -> String {
    differences.iter().map(|d| format!("  {}\n", safe(&words::difference(d)))).collect()
}

/// What to say of a plan that breaks invariants; a line each.
pub fn broken(plan: &Plan, broken: &[Broken]) -> String {
    broken.iter().map(|b| format!("  {}\n", safe(&words::broken(plan, b)))).collect()
}

/// One line of progress; `None` for events that are no news.
pub fn progress(plan: &Plan, event: &Event) -> Option<String> {
    match event {
        Event::StepEnded { step, result } => Some(format!("{} {}", word(result), describe(plan, *step))),
        Event::StepRetried { step, because } => Some(format!("waiting {} ({})", describe(plan, *step), safe(&words::retry(because)))),
        Event::Verifying { left } => Some(format!("reading back {left} {}", if *left == 1 { "change" } else { "changes" })),
        Event::Started { .. } | Event::StepStarted { .. } | Event::Ended => None,
    }
}

/// One line about a call that waits, so that nobody takes it for a hang.
pub fn waiting(waiting: &Waiting) -> String {
    let Waiting { account, operation, seconds, others, what } = waiting;
    let others = match others {
        0 => String::new(),
        1 => " (and 1 other call)".to_owned(),
        n => format!(" (and {n} other calls)"),
    };
    match what {
        WaitsFor::Answer => format!("waiting: {operation} in account {account} has had no answer for {seconds} s{others}"),
        WaitsFor::Rate { in_ten_seconds } => {
            let (calls, tenths) = (in_ten_seconds / 10, in_ten_seconds % 10);
            format!("waiting: account {account} throttles, and gets about {calls}.{tenths} calls a second{others}")
        }
        WaitsFor::Retry { code } if code.is_empty() => format!("waiting: {operation} in account {account} was not answered, and is made again{others}"),
        WaitsFor::Retry { code } => format!("waiting: {operation} in account {account} was answered {}, and is made again{others}", safe(code)),
    }
}

fn word(result: &StepResult) -> &'static str {
    match result {
        StepResult::Applied => "done   ",
        StepResult::AlreadyDone => "already",
        StepResult::Drifted { .. } => "drifted",
        StepResult::Failed { .. } => "failed ",
        StepResult::Skipped { .. } => "skipped",
        StepResult::NotStarted => "left   ",
    }
}

/// The summary at the end of a run.
pub fn outcome(plan: &Plan, outcome: &Outcome) -> String {
    let mut out = String::new();
    for (index, result) in outcome.steps.iter().enumerate() {
        let what = describe(plan, StepId(index));
        match result {
            StepResult::Failed { error } => out.push_str(&format!("failed: {what}\n  {}\n  {}\n", safe(&error.to_string()), error.advice())),
            StepResult::Drifted { found } => {
                out.push_str(&format!("drifted: {what}\n  {}\n  nothing was written; plan again to see what it is now\n", safe(&words::drift(found))));
            }
            StepResult::Skipped { because } => out.push_str(&format!("skipped: {what}\n  it needs {}\n", describe(plan, *because))),
            StepResult::NotStarted => out.push_str(&format!("left: {what}\n")),
            StepResult::Applied | StepResult::AlreadyDone => {}
        }
    }
    for (index, seen) in &outcome.unverified {
        let what = plan.changes.get(*index).map(|c| c.address.to_string()).unwrap_or_default();
        out.push_str(&format!("unverified: {}\n  it was written, and {}\n  plan again to see what it is now\n", safe(&what), safe(&words::seen(seen))));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let count = |wanted: fn(&StepResult) -> bool| outcome.steps.iter().filter(|r| wanted(r)).count();
    let applied = count(|r| *r == StepResult::Applied);
    let already = count(|r| *r == StepResult::AlreadyDone);
    let not = outcome.steps.len() - applied - already;
    let already = if already > 0 { format!(", {already} already done") } else { String::new() };
    let head = match (outcome.interrupted, outcome.is_complete()) {
        (true, false) => "Interrupted",
        (_, true) => "Applied",
        (false, false) => "Incomplete",
    };
    let rest = if not > 0 { format!(", {not} not done") } else { String::new() };
    let steps = if applied == 1 { "step" } else { "steps" };
    out.push_str(&format!("{head}: {applied} {steps} done{already}{rest}.\n"));
    if !outcome.is_complete() {
        out.push_str("Run apply again: it goes on from what is live.\n");
    }
    out
}
