//! What a plan must not do: widen access that nobody has approved.

use std::path::Path;

use crossrole_model::{Approval, Desired, Judged, Observed, Plan, Severity};

use crate::approvals;
use crate::args::GuardArgs;
use crate::commands::plan::Made;
use crate::failure::Failure;
use crate::selector::{Known, Selector};

/// What asks for approvals, and those that there are. Read before anything is looked at: mistakes in them cost no call.
pub(crate) struct Gate {
    selectors: Vec<Selector>,
    approvals: Vec<Approval>,
}

impl Gate {
    /// Asks for nothing.
    pub(crate) fn none() -> Self {
        Self { selectors: Vec::new(), approvals: Vec::new() }
    }

    /// Reads both; approvals only where something asks for them.
    pub(crate) fn read(args: &GuardArgs, config: &Path, desired: &Desired) -> Result<Self, Failure> {
        let selectors = Selector::parse_all(&args.deny_widening, desired)?;
        let approvals = if selectors.is_empty() { Vec::new() } else { approvals::read(args.approvals.as_deref(), config)? };
        Ok(Self { selectors, approvals })
    }

    /// The plan's widenings beside the approvals; `None` where nothing asks for any, or nobody has computed what it widens.
    pub(crate) fn judge(&self, plan: &Plan, now: i64) -> Option<Judged> {
        plan.access.as_ref().filter(|_| !self.selectors.is_empty())?;
        Some(Judged::of(plan, &self.approvals, |change| self.selectors.iter().any(|s| s.selects(change)), now))
    }

    /// A selector that speaks of nothing in this run is a mistake.
    fn check(&self, desired: &Desired, observed: &Observed, plan: &Plan) -> Result<(), Failure> {
        let changes = plan.access.as_ref().map_or(&[][..], |delta| &delta.changes);
        Selector::check(&self.selectors, &Known::of(desired, observed, changes))
    }
}

/// Refuses a plan that must not be carried out: it breaks a guardrail or policy, would lock the runner out, or
/// widens access that nobody has approved.
pub(crate) fn pass(args: &GuardArgs, gate: &Gate, desired: &Desired, made: &Made) -> Result<(), Failure> {
    gate.check(desired, &made.observed, &made.plan)?;
    let Made { plan, findings, .. } = made;
    let rules =
        findings.iter().filter(|f| f.severity == Severity::Error && f.rule.as_ref().is_some_and(|r| r.starts_with("guardrail/") || r.starts_with("policy/")));
    let rules = rules.count();
    if rules > 0 {
        let what = if rules == 1 { "1 guardrail is".to_owned() } else { format!("{rules} guardrails are") };
        return Err(Failure::refused(format!("{what} broken, see above"), "change the manifest, or have the rule changed"));
    }
    if !plan.lockouts.is_empty() && !args.allow_lockout {
        let list: Vec<String> = plan.lockouts.iter().map(crossrole_report::lockout).collect();
        return Err(Failure::refused("the runner could not take this plan back", "except the runner from it, or give `--allow-lockout`").with(&list.join("\n")));
    }
    if gate.selectors.is_empty() {
        return Ok(());
    }
    match &made.judged {
        None => Err(Failure::refused("nobody has computed what this plan changes in access", "")),
        Some(judged) => widening(plan, judged),
    }
}

/// Refuses what widens access that nobody has approved; what is not decided counts as widening.
fn widening(plan: &Plan, judged: &Judged) -> Result<(), Failure> {
    if judged.open.is_empty() {
        return Ok(());
    }
    let undecided = plan.access.iter().flat_map(|delta| &delta.undecided).filter(|one| judged.open.contains(&one.digest(plan))).count();
    let widened = judged.open.len() - undecided;
    let open = if undecided == 0 { String::new() } else { format!(" and {undecided} not decided") };
    let what = format!("{widened} widening{} of access{open}, under `--deny-widening`", if widened == 1 { "" } else { "s" });
    let advice = "have the Access section reviewed; then commit these entries, each with a reason, to a file in `approvals/`, or run without the flag";
    Err(Failure::refused(what, advice).with(&crossrole_report::entries(plan, judged)))
}
