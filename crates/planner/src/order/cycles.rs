//! Roles that trust each other.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Call, Digest, Facet, IamCall, Partition, StepId};
use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::draft::Draft;

/// Roles that trust each other can't be made in any order: those on a cycle are made with a trust that lets nobody in, and
/// get their own when all of them exist (a role may not even name itself before it exists).
pub(super) fn break_trust_cycles(draft: &mut Draft<'_>) {
    let mut trusts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let partition = draft.desired.partition;
    for step in &draft.steps {
        if let Call::Iam(IamCall::CreateRole { name, path, trust, .. }) = &step.call {
            let arn = partition.iam_arn(&step.account, "role", path, name);
            trusts.insert(arn, trust.aws_principals().map(str::to_owned).collect());
        }
    }
    let locked = on_cycles(trusts);
    for at in 0..draft.steps.len() {
        lock(draft, at, partition, &locked);
    }
}

fn lock(draft: &mut Draft<'_>, at: usize, partition: Partition, locked: &BTreeSet<String>) {
    let end = StepId(draft.steps.len());
    let Some(step) = draft.steps.get_mut(at) else { return };
    let Call::Iam(IamCall::CreateRole { name, path, trust, .. }) = &mut step.call else { return };
    if !locked.contains(&partition.iam_arn(&step.account, "role", path, name)) {
        return;
    }
    let nobody = nobody();
    let own = std::mem::replace(trust, nobody.clone());
    let role = name.clone();
    let mut unlock = step.clone();
    unlock.call = IamCall::UpdateTrust { role, trust: own }.into();
    unlock.facet = Facet::Trust;
    unlock.before = Digest::of(&nobody.canonical().encode());
    unlock.after = draft.changes.get(unlock.change).and_then(|c| c.after.as_ref()).map_or_else(Digest::absent, |s| s.facet(&Facet::Trust));
    unlock.needs = vec![StepId(at)];
    debug_assert_eq!(end.0, draft.steps.len());
    draft.steps.push(unlock);
}

/// A trust policy that AWS takes and that lets nobody in.
fn nobody() -> Document {
    let mut statement = Statement::allow(Element::of(["sts:AssumeRole"]), None);
    statement.effect = Effect::Deny;
    statement.principal = Some(Principal::of("AWS", ["*"]));
    Document::new(vec![statement])
}

/// The nodes on a cycle, or between two: what is left after taking away, again and again, those that wait for none and
/// those that none waits for.
fn on_cycles(mut graph: BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let nodes: BTreeSet<String> = graph.keys().cloned().collect();
    for needs in graph.values_mut() {
        needs.retain(|n| nodes.contains(n));
    }
    loop {
        let wanted: BTreeSet<String> = graph.values().flatten().cloned().collect();
        let free: BTreeSet<String> = graph.iter().filter(|(node, needs)| needs.is_empty() || !wanted.contains(*node)).map(|(node, _)| node.clone()).collect();
        if free.is_empty() {
            return graph.into_keys().collect();
        }
        graph.retain(|node, _| !free.contains(node));
        for needs in graph.values_mut() {
            needs.retain(|n| !free.contains(n));
        }
    }
}
