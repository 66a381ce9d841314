//! What happened, for people.

use std::collections::BTreeSet;

use crossrole_model::outcome::Event;
use crossrole_model::plan::{Difference, Turned};
use crossrole_model::{Address, Broken, Call, Change, IamCall, Outcome, Plan, StepId, StepResult, Waiting, WaitsFor, Withheld, ownership};

use crate::{Line, Screen, Tone, View, fold, rendered, safe, text, words};

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

/// What is no longer as it was when a plan was reviewed; a line each.
pub fn turned(turned: &[Turned]) -> String {
    /// More are not read by anybody.
    const MOST: usize = 50;
    let mut lines: Vec<Line> = turned.iter().take(MOST).map(|one| Line::plain(2, safe(&words::turned(one)))).collect();
    lines.extend((turned.len() > MOST).then(|| Line::plain(2, format!("and {} more", turned.len() - MOST))));
    rendered(&lines, Screen::default())
}

/// What could not be read, and why; a line each.
pub fn unread(withheld: &[Withheld]) -> String {
    /// More are not read by anybody.
    const MOST: usize = 10;
    let line = |one: &Withheld| Line::plain(2, format!("{}: ", safe(&words::subject(&one.subject)))).then([safe(&words::cause(one).0)]);
    let mut lines: Vec<Line> = withheld.iter().take(MOST).map(line).collect();
    lines.extend((withheld.len() > MOST).then(|| Line::plain(2, format!("and {} more", withheld.len() - MOST))));
    rendered(&lines, Screen::default())
}

/// What has become of each object that is no longer as it was when the plan was reviewed.
pub fn moved(reviewed: &Plan, now: &Plan, differences: &[Difference]) -> String {
    let share = text::share(reviewed);
    let view = View::default();
    let of = |plan: &Plan, address: &Address| plan.changes.iter().find(|change| change.address == *address).cloned();
    let addresses: BTreeSet<&Address> =
        differences.iter().filter_map(|d| if let Difference::Moved { address, .. } = d { Some(address) } else { None }).collect();
    let mut out = Vec::new();
    for address in addresses {
        let (Some(then), Some(now)) = (of(reviewed, address), of(now, address)) else { continue };
        let change = Change { after: now.before, ..then };
        let lines = crate::diff::lines(&crate::diff::tree(&change, &share), view);
        if !lines.is_empty() {
            out.push(Line::plain(2, format!("{}, since the review:", safe(&address.to_string()))));
            out.extend(lines.into_iter().map(|line| line.within(4)));
        }
    }
    rendered(&out, Screen::default())
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
    let account = |step: usize| plan.steps.get(step).map(|s| s.account.clone());
    let mut blocks: Vec<fold::Block> = Vec::new();
    for (at, result) in outcome.steps.iter().enumerate() {
        let lines = ended(plan, StepId(at), result);
        blocks.extend(account(at).filter(|_| !lines.is_empty()).map(|account| fold::Block { at, account, lines, whole: None }));
    }
    for (index, seen) in &outcome.unverified {
        let Some(address) = plan.changes.get(*index).map(|c| &c.address) else { continue };
        let lines = vec![
            Line::new(Tone::Warning, 0, "unverified: ").then([safe(&address.to_string())]),
            Line::plain(2, format!("it was written, and {}", safe(&words::seen(seen)))),
            Line::plain(2, "plan again to see what it is now"),
        ];
        blocks.push(fold::Block { at: *index, account: address.account.clone(), lines, whole: None });
    }
    // What is the same in many accounts is said once.
    let (folded, rest) = fold::fold(plan, blocks);
    for one in folded {
        out.push(one.heading(plan));
        out.extend(one.lines.into_iter().flatten().map(|line| line.within(2)));
    }
    out.extend(rest.into_iter().flat_map(|block| block.lines));
    if !out.is_empty() {
        out.push(Line::empty());
    }
    out.push(summary(outcome));
    if !outcome.is_complete() {
        let command = if plan.destroy { "destroy" } else { "apply" };
        out.push(Line::plain(0, format!("Run {command} again: it goes on from what is live.")));
        let hidden = hidden(plan, outcome);
        if !hidden.is_empty() && !plan.destroy {
            let names = safe(&hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            let rest = "no manifest declares it, and nothing of ours may have it any more. The same saved plan, applied again, goes on; `drift` and `destroy` look for it, too.";
            out.push(Line::plain(0, format!("A new plan may not find {names}: {rest}")));
        }
    }
    rendered(&out, screen)
}

/// Policies and providers that were to go and have not gone: one is found by what of ours has it, and that is taken off it first.
fn hidden<'p>(plan: &'p Plan, outcome: &Outcome) -> BTreeSet<&'p Address> {
    let done = |result: &StepResult| matches!(result, StepResult::Applied | StepResult::AlreadyDone);
    let left = plan.steps.iter().zip(&outcome.steps).filter(|(_, result)| !done(result));
    let going = left.filter(|(step, _)| match &step.call {
        // Those of the caller's side are known by their path.
        Call::Iam(IamCall::DeletePolicy { arn }) => !ownership::is_caller_arn(arn),
        Call::Iam(IamCall::DeleteOidcProvider { .. } | IamCall::DeleteSamlProvider { .. }) => true,
        _ => false,
    });
    going.filter_map(|(step, _)| plan.changes.get(step.change)).filter(|change| change.after.is_none()).map(|change| &change.address).collect()
}

/// What is said of a step that is not done.
fn ended(plan: &Plan, step: StepId, result: &StepResult) -> Vec<Line> {
    let said = |tone: Tone, head: &str, rest: &[String]| {
        let first = Line::new(tone, 0, head).then([describe(plan, step)]);
        std::iter::once(first).chain(rest.iter().map(|text| Line::plain(2, text.as_str()))).collect()
    };
    match result {
        StepResult::Failed { error } => said(Tone::Error, "failed: ", &[safe(&error.to_string()), safe(error.advice())]),
        StepResult::Drifted { found } => {
            said(Tone::Error, "drifted: ", &[safe(&words::drift(found)), "nothing was written; plan again to see what it is now".to_owned()])
        }
        StepResult::Skipped { because } => said(Tone::Warning, "skipped: ", &[format!("it needs {}", describe(plan, *because))]),
        StepResult::NotStarted => said(Tone::Warning, "left: ", &[]),
        StepResult::Applied | StepResult::AlreadyDone => Vec::new(),
    }
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
