//! What happened, for people.

use crossrole_model::outcome::Event;
use crossrole_model::plan::Difference;
use crossrole_model::{Broken, Outcome, Plan, StepId, StepResult, Waiting, WaitsFor};

use crate::{Line, Screen, Tone, rendered, safe, words};

/// `222222222222: CreateRole (role ProdS3RWRole)`.
pub fn describe(plan: &Plan, step: StepId) -> String {
    let Some(step) = plan.steps.get(step.0) else { return String::new() };
    let object = plan.changes.get(step.change).map(|c| c.address.short()).unwrap_or_default();
    format!("{}: {} ({})", step.account, step.call.operation(), safe(&object))
}

/// What to say when a saved plan is not what would be planned now; a line each.
pub fn differences(differences: &[Difference]) -> String {
    let lines: Vec<Line> = differences.iter().map(|d| Line::plain(2, safe(&words::difference(d)))).collect();
    rendered(&lines, Screen::default())
}

/// What to say of a plan that breaks invariants; a line each.
pub fn broken(plan: &Plan, broken: &[Broken]) -> String {
    let lines: Vec<Line> = broken.iter().map(|b| Line::plain(2, safe(&words::broken(plan, b)))).collect();
    rendered(&lines, Screen::default())
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
pub fn outcome(plan: &Plan, outcome: &Outcome, screen: Screen) -> String {
    let mut out = Vec::new();
    for (index, result) in outcome.steps.iter().enumerate() {
        let what = describe(plan, StepId(index));
        let mut add = |tone: Tone, head: &str, rest: &[String]| {
            out.push(Line::new(tone, 0, head).then([what.as_str()]));
            out.extend(rest.iter().map(|text| Line::plain(2, text.as_str())));
        };
        match result {
            StepResult::Failed { error } => add(Tone::Error, "failed: ", &[safe(&error.to_string()), safe(error.advice())]),
            StepResult::Drifted { found } => {
                add(Tone::Error, "drifted: ", &[safe(&words::drift(found)), "nothing was written; plan again to see what it is now".to_owned()]);
            }
            StepResult::Skipped { because } => add(Tone::Warning, "skipped: ", &[format!("it needs {}", describe(plan, *because))]),
            StepResult::NotStarted => add(Tone::Warning, "left: ", &[]),
            StepResult::Applied | StepResult::AlreadyDone => {}
        }
    }
    for (index, seen) in &outcome.unverified {
        let what = plan.changes.get(*index).map(|c| c.address.to_string()).unwrap_or_default();
        out.push(Line::new(Tone::Warning, 0, "unverified: ").then([safe(&what)]));
        out.extend([Line::plain(2, format!("it was written, and {}", safe(&words::seen(seen)))), Line::plain(2, "plan again to see what it is now")]);
    }
    if !out.is_empty() {
        out.push(Line::empty());
    }
    out.push(summary(outcome));
    if !outcome.is_complete() {
        out.push(Line::plain(0, "Run apply again: it goes on from what is live."));
    }
    rendered(&out, screen)
}

fn summary(outcome: &Outcome) -> Line {
    let count = |wanted: fn(&StepResult) -> bool| outcome.steps.iter().filter(|r| wanted(r)).count();
    let applied = count(|r| *r == StepResult::Applied);
    let already = count(|r| *r == StepResult::AlreadyDone);
    let not = outcome.steps.len() - applied - already;
    let already = if already > 0 { format!(", {already} already done") } else { String::new() };
    let (tone, head) = match (outcome.interrupted, outcome.is_complete()) {
        (true, false) => (Tone::Error, "Interrupted"),
        (_, true) => (Tone::Added, "Applied"),
        (false, false) => (Tone::Error, "Incomplete"),
    };
    let rest = if not > 0 { format!(", {not} not done") } else { String::new() };
    let steps = if applied == 1 { "step" } else { "steps" };
    Line::new(tone, 0, head).then([format!(": {applied} {steps} done{already}{rest}.")])
}
