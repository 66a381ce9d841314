//! What a plan must not do: widen access that nobody has approved.

use crossrole_model::access::Direction;
use crossrole_model::{Desired, Plan, Severity};
use crossrole_report::{Line, Tone};

use crate::args::GuardArgs;
use crate::commands::plan::Made;
use crate::failure::Failure;
use crate::selector::{Known, Selector};

/// Returns what to say when a plan must not be carried out: it breaks a guardrail or policy, would lock the runner out, or
/// widens access that nobody has approved.
pub(crate) fn refusal(args: &GuardArgs, selectors: &[Selector], desired: &Desired, made: &Made) -> Result<Option<Vec<Line>>, Failure> {
    let changes = made.plan.access.as_ref().map_or(&[][..], |delta| &delta.changes);
    Selector::check(selectors, &Known::of(desired, &made.observed, changes))?;
    let Made { plan, findings, .. } = made;
    let rules =
        findings.iter().filter(|f| f.severity == Severity::Error && f.rule.as_ref().is_some_and(|r| r.starts_with("guardrail/") || r.starts_with("policy/")));
    let rules = rules.count();
    if rules > 0 {
        let what = if rules == 1 { "1 guardrail is".to_owned() } else { format!("{rules} guardrails are") };
        return Ok(Some(refused(&format!("{what} broken, see above"), &[], "change the manifest, or have the rule changed")));
    }
    if !plan.lockouts.is_empty() && !args.allow_lockout {
        let list: Vec<String> = plan.lockouts.iter().map(crossrole_report::lockout).collect();
        return Ok(Some(refused("the runner could not take this plan back", &list, "except the runner from it, or give `--allow-lockout`")));
    }
    Ok(widening(selectors, plan))
}

/// Returns what to say when the plan widens access against the flags; what is not decided counts as widening.
fn widening(selectors: &[Selector], plan: &Plan) -> Option<Vec<Line>> {
    if selectors.is_empty() {
        return None;
    }
    let Some(delta) = &plan.access else {
        return Some(refused("nobody has computed what this plan changes in access", &[], ""));
    };
    let widened = delta.changes.iter().filter(|c| c.direction == Direction::Widened && selectors.iter().any(|s| s.selects(c))).count();
    if widened == 0 && delta.undecided.is_empty() {
        return None;
    }
    let open = if delta.undecided.is_empty() { String::new() } else { format!(" and {} not decided", delta.undecided.len()) };
    let what = format!("{widened} widening{} of access{open}, under `--deny-widening`", if widened == 1 { "" } else { "s" });
    Some(refused(&what, &[], "have the Access section reviewed, and run without the flag once it is approved"))
}

/// What was refused, what it was, and what to do.
fn refused(what: &str, list: &[String], advice: &str) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Error, 0, "refused: ").then([what])];
    lines.extend(list.iter().map(|one| Line::plain(2, one.as_str())));
    lines.extend((!advice.is_empty()).then(|| Line::new(Tone::Advice, 0, "help: ").then([advice])));
    lines
}
