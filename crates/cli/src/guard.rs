//! What a plan must not do: widen access that nobody has approved.

use crossrole_access::{account_meets, actions_meet, party_meets, resources_meet};
use crossrole_model::access::{AccessChange, Direction};
use crossrole_model::{Plan, Severity};

use crate::args::GuardArgs;
use crate::commands::plan::Made;
use crate::failure::Failure;

/// What a widening is chosen by.
#[derive(Debug, Clone, Copy)]
enum By {
    All,
    Principal,
    Account,
    Action,
    Resource,
}

/// One `--deny-widening`.
#[derive(Debug)]
struct Selector {
    by: By,
    pattern: String,
}

impl Selector {
    fn parse(text: &str) -> Result<Self, Failure> {
        let (by, pattern) = match text.split_once('=') {
            None if text == "*" => (By::All, "*"),
            Some(("principal", pattern)) => (By::Principal, pattern),
            Some(("account", pattern)) => (By::Account, pattern),
            Some(("action", pattern)) => (By::Action, pattern),
            Some(("resource", pattern)) => (By::Resource, pattern),
            _ => {
                return Err(Failure::new(
                    format!("`--deny-widening={}` selects nothing", crossrole_report::safe(text)),
                    "write `principal=`, `account=`, `action=` or `resource=` and a pattern, or no value for any widening",
                ));
            }
        };
        Ok(Self { by, pattern: pattern.to_owned() })
    }

    fn selects(&self, change: &AccessChange) -> bool {
        let pattern = self.pattern.as_str();
        match self.by {
            By::All => true,
            By::Principal => party_meets(&change.party, pattern),
            By::Account => account_meets(&change.party, pattern),
            By::Action => actions_meet(&change.actions, pattern),
            By::Resource => resources_meet(&change.resources, pattern),
        }
    }
}

/// Returns what to say when a plan must not be carried out: it breaks a guardrail or policy, would lock the runner out, or
/// widens access that nobody has approved.
pub(crate) fn refusal(args: &GuardArgs, made: &Made) -> Result<Option<String>, Failure> {
    let Made { plan, findings, .. } = made;
    let rules =
        findings.iter().filter(|f| f.severity == Severity::Error && f.rule.as_ref().is_some_and(|r| r.starts_with("guardrail/") || r.starts_with("policy/")));
    let rules = rules.count();
    if rules > 0 {
        let what = if rules == 1 { "1 guardrail is".to_owned() } else { format!("{rules} guardrails are") };
        return Ok(Some(format!("refused: {what} broken, see above\nhelp: change the manifest, or have the rule changed\n")));
    }
    if !plan.lockouts.is_empty() && !args.allow_lockout {
        let list: Vec<String> = plan.lockouts.iter().map(|l| format!("  {}\n", crossrole_report::lockout(l))).collect();
        return Ok(Some(format!(
            "refused: the runner could not take this plan back\n{}help: except the runner from it, or give `--allow-lockout`\n",
            list.concat()
        )));
    }
    widening(args, plan)
}

/// Returns what to say when the plan widens access against the flags; what is not decided counts as widening.
fn widening(args: &GuardArgs, plan: &Plan) -> Result<Option<String>, Failure> {
    let selectors: Vec<Selector> = args.deny_widening.iter().map(|text| Selector::parse(text)).collect::<Result<_, _>>()?;
    if selectors.is_empty() {
        return Ok(None);
    }
    let Some(delta) = &plan.access else {
        return Ok(Some("refused: nobody has computed what this plan changes in access\n".to_owned()));
    };
    let widened = delta.changes.iter().filter(|c| c.direction == Direction::Widened && selectors.iter().any(|s| s.selects(c))).count();
    if widened == 0 && delta.undecided.is_empty() {
        return Ok(None);
    }
    let open = if delta.undecided.is_empty() { String::new() } else { format!(" and {} not decided", delta.undecided.len()) };
    Ok(Some(format!(
        "refused: {widened} widening{} of access{open}, under `--deny-widening`\nhelp: have the Access section reviewed, and run without the flag once it is approved\n",
        if widened == 1 { "" } else { "s" }
    )))
}
