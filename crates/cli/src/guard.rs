//! What a plan must not do: widen access that nobody has approved.

use std::collections::BTreeSet;
use std::path::Path;

use crossrole_model::{Approval, Beside, Compared, Desired, Digest, HeldTo, Judged, Observed, Plan, Severity};

use crate::approvals;
use crate::args::GuardArgs;
use crate::commands::plan::Made;
use crate::failure::Failure;
use crate::selector::{Known, Selector};

/// What asks for approvals, and those that there are. Read before anything is looked at: mistakes in them cost no call.
pub(crate) struct Gate {
    selectors: Vec<Selector>,
    /// Of these, those that were given here.
    given: usize,
    approvals: Vec<Approval>,
    /// What was to be approved besides when the plan was saved.
    beside: Beside,
}

impl Gate {
    /// Asks for nothing.
    pub(crate) fn none() -> Self {
        Self { selectors: Vec::new(), given: 0, approvals: Vec::new(), beside: Beside::default() }
    }

    /// Reads both; approvals only where something asks for them. A plan that was saved under a gate goes through it once more, with the
    /// approvals that there are now.
    pub(crate) fn read(args: &GuardArgs, config: &Path, desired: &Desired, reviewed: Option<&Plan>) -> Result<Self, Failure> {
        let mut selectors = Selector::parse_all(&args.deny_widening, desired)?;
        let given = selectors.len();
        let mut beside = Beside::default();
        if let Some(HeldTo { deny_widening, beside: recorded }) = reviewed.map(|plan| &plan.held_to) {
            selectors.extend(Selector::parse_all(deny_widening, desired)?);
            beside = recorded.clone();
        }
        let approvals = if selectors.is_empty() { Vec::new() } else { approvals::read(args.approvals.as_deref(), config)? };
        Ok(Self { selectors, given, approvals, beside })
    }

    /// The plan's widenings beside the approvals; `None` where nothing asks for any, or nobody has computed what it widens.
    pub(crate) fn judge(&self, plan: &Plan, compared: Option<&Compared>, now: i64) -> Option<Judged> {
        plan.access.as_ref().filter(|_| !self.selectors.is_empty())?;
        let beside = compared.map_or_else(|| self.beside.clone(), |compared| compared.beside(plan));
        Some(Judged::of(plan, beside, &self.approvals, |change| self.selectors.iter().any(|s| s.selects(change)), now))
    }

    /// What a plan that is saved is held to.
    pub(crate) fn held_to(args: &GuardArgs, judged: Option<&Judged>) -> HeldTo {
        HeldTo { deny_widening: args.deny_widening.clone(), beside: judged.map(|judged| judged.beside.clone()).unwrap_or_default() }
    }

    /// A selector that speaks of nothing in this run is a mistake.
    fn check(&self, desired: &Desired, observed: &Observed, plan: &Plan) -> Result<(), Failure> {
        let changes = plan.access.as_ref().map_or(&[][..], |delta| &delta.changes);
        Selector::check(self.selectors.get(..self.given).unwrap_or_default(), &Known::of(desired, observed, changes))
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
    let undecided: BTreeSet<Digest> =
        plan.access.iter().flat_map(|delta| &delta.undecided).chain(judged.beside.undecided()).map(|one| one.digest(plan)).collect();
    let undecided = undecided.iter().filter(|digest| judged.open.contains(digest)).count();
    let widened = judged.open.len() - undecided;
    let open = if undecided == 0 { String::new() } else { format!(" and {undecided} not decided") };
    let what = format!("{widened} widening{} of access{open}, under `--deny-widening`", if widened == 1 { "" } else { "s" });
    let advice = "have the Access section reviewed; then commit these entries, each with a reason, to a file in `approvals/`, or plan without the flag";
    Err(Failure::refused(what, advice).with(&crossrole_report::entries(plan, judged)))
}
