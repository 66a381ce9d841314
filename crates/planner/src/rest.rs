//! The rest of a reviewed plan, where something has moved since.

use std::collections::BTreeSet;

use crossrole_model::plan::Difference;
use crossrole_model::{Address, Broken, Cause, Change, Plan, Subject, Withheld};

use crate::check;
use crate::stale::same;
use crate::target;

/// Returns what of `now` was reviewed just so: changes of which every step is one of `reviewed`, and that rest on no other. The others
/// are withheld, as moved.
pub fn rest(reviewed: &Plan, now: &Plan) -> Plan {
    let mut left: Vec<&crossrole_model::Step> = reviewed.steps.iter().collect();
    let mut dropped: BTreeSet<usize> = BTreeSet::new();
    for step in &now.steps {
        match left.iter().position(|other| same(reviewed, other, now, step)) {
            Some(at) => drop(left.remove(at)),
            None => drop(dropped.insert(step.change)),
        }
    }
    // What needs a step that is not taken, or gives something to what has moved, is not taken either; each round drops at least one
    // change, or ends.
    let mut plan = now.clone();
    loop {
        let needs = |step: &crossrole_model::Step| step.needs.iter().filter_map(|id| now.steps.get(id.0)).any(|other| dropped.contains(&other.change));
        plan.withheld.clone_from(&now.withheld);
        plan.withheld.extend(dropped.iter().filter_map(|at| now.changes.get(*at)).map(moved));
        let rests = resting(&plan);
        let steps = now.steps.iter().enumerate().filter(|(_, step)| !dropped.contains(&step.change));
        let more: Vec<usize> = steps.filter(|(at, step)| needs(step) || rests.contains(at)).map(|(_, step)| step.change).collect();
        if more.is_empty() {
            break;
        }
        dropped.extend(more);
    }
    let keep = (0..now.changes.len()).filter(|at| !dropped.contains(at)).collect();
    target::keep(&mut plan, &keep);
    plan
}

fn moved(change: &Change) -> Withheld {
    Withheld { subject: Subject::Object(change.address.clone()), cause: Cause::Moved, blocks: true }
}

/// Steps that rest on what is withheld, by the rule that the check holds any plan to: here nothing but the plan is known either.
fn resting(plan: &Plan) -> BTreeSet<usize> {
    let mut wrong = Vec::new();
    check::held::withheld(plan, &mut wrong);
    wrong.into_iter().filter_map(|wrong| if let Broken::Withheld { step, .. } = wrong { Some(step.0) } else { None }).collect()
}

/// Returns what keeps even the rest of a reviewed plan from being carried out, of the differences of that rest: all but what says that
/// something has moved and is left out.
pub fn unlike_the_rest(differences: &[Difference], rest: &Plan) -> Vec<Difference> {
    let moved = |address: &Address| rest.withheld.iter().any(|w| w.cause == Cause::Moved && matches!(&w.subject, Subject::Object(other) if other == address));
    let stands = |difference: &&Difference| match difference {
        // What was reviewed and is planned no more is not carried out.
        Difference::NotPlanned { .. } => false,
        Difference::Moved { address, .. } | Difference::New { address, .. } | Difference::Altered { address, .. } => !moved(address),
        Difference::Unknown { .. } | Difference::Manifests | Difference::Recorded { .. } | Difference::Access { .. } => true,
    };
    differences.iter().filter(stands).cloned().collect()
}
