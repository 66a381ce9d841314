//! What only policies of ours tell of: it is taken back before they cease to.

use std::collections::BTreeSet;

use crossrole_model::{Address, Broken, Change, KeyRef, Kind, ObjectState, Plan, StepId};
use crossrole_policy::Arn;

/// A bucket or key that no manifest of the run speaks of is looked at because live policies of ours name it. Before these do no more, our
/// statements in its own policy are gone: a plan that comes after would not find them.
pub(crate) fn found_again(plan: &Plan, ancestors: impl Fn(usize) -> BTreeSet<usize>, wrong: &mut Vec<Broken>) {
    let steps = |number: usize| plan.steps.iter().enumerate().filter(move |(_, step)| step.change == number).map(|(at, _)| at);
    for (number, change) in plan.changes.iter().enumerate().filter(|(_, change)| is_only_followed(plan, change)) {
        let first: BTreeSet<usize> = steps(number).collect();
        let tells = |other: &Change| names(plan, other.before.as_ref(), &change.address) && !names(plan, other.after.as_ref(), &change.address);
        for (other, _) in plan.changes.iter().enumerate().filter(|(_, other)| tells(other)) {
            let early = steps(other).filter(|at| !first.is_subset(&ancestors(*at)));
            wrong.extend(early.map(|at| Broken::Unfindable { step: StepId(at), address: change.address.clone() }));
        }
    }
}

/// Tells whether an object is not looked at for what manifests say.
fn is_only_followed(plan: &Plan, change: &Change) -> bool {
    let Address { account, kind, name } = &change.address;
    match kind {
        Kind::BucketPolicy => !plan.scope.buckets.contains_key(name),
        Kind::KeyPolicy => !plan.scope.keys.contains(&KeyRef::named(plan.partition, account, name).arn),
        _ => false,
    }
}

/// Tells whether what an object lets is of this bucket or key.
fn names(plan: &Plan, state: Option<&ObjectState>, of: &Address) -> bool {
    let key = KeyRef::named(plan.partition, &of.account, &of.name).arn;
    let statements = state.map(ObjectState::statements).unwrap_or_default();
    let mut resources = statements.into_iter().filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
    resources.any(|text| match Arn::parse(text) {
        Some(arn) if arn.service == "s3" => of.kind == Kind::BucketPolicy && arn.resource.split('/').next() == Some(of.name.as_str()),
        Some(_) => of.kind == Kind::KeyPolicy && *text == key,
        None => false,
    })
}
