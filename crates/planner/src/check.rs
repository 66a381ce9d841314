//! What must hold of any plan, derived from the plan alone, with no code of the planner's.

use std::collections::BTreeSet;

use crossrole_model::{Action, Call, Change, ObjectState, Plan, PrincipalKind, Step, ownership};
use crossrole_policy::Document;

/// Returns what is wrong with `plan`, as sentences; empty for a good plan. A plan with anything wrong is a bug of ours and
/// must not be applied.
pub fn check(plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    order(plan, &mut wrong);
    if !wrong.is_empty() {
        // What follows walks the needs and would not end on a cycle.
        return wrong;
    }
    places(plan, &mut wrong);
    for (at, step) in plan.steps.iter().enumerate() {
        let before = ancestors(plan, at);
        deletes_last(plan, at, step, &before, &mut wrong);
        names_exist(plan, at, step, &before, &mut wrong);
        takes_before_gives(plan, at, step, &before, &mut wrong);
        keeps_foreign(plan, step, &mut wrong);
    }
    wrong
}

fn order(plan: &Plan, wrong: &mut Vec<String>) {
    for (at, step) in plan.steps.iter().enumerate() {
        for need in step.needs.iter().filter(|n| n.0 >= at) {
            wrong.push(format!("step {at} ({}) needs step {}, which does not come before it", step.call.operation(), need.0));
        }
    }
}

fn places(plan: &Plan, wrong: &mut Vec<String>) {
    for (at, step) in plan.steps.iter().enumerate() {
        match plan.changes.get(step.change) {
            None => wrong.push(format!("step {at} belongs to no change")),
            Some(change) if change.address.account != step.account => wrong.push(format!("step {at} goes to another account than {}", change.address)),
            Some(_) => {}
        }
        if !plan.accounts.get(&step.account).is_some_and(|a| a.managed) {
            wrong.push(format!("step {at} goes to account {}, which is not managed", step.account));
        }
        if plan.withheld.iter().any(|w| w.what.starts_with(&format!("account {}", step.account)) && !is_bucket(step)) {
            wrong.push(format!("step {at} goes to account {}, which could not be read", step.account));
        }
    }
    for (index, change) in plan.changes.iter().enumerate() {
        if !plan.steps.iter().any(|s| s.change == index) {
            wrong.push(format!("the change of {} has no step", change.address));
        }
        if change.reasons.is_empty() {
            wrong.push(format!("the change of {} has no reason", change.address));
        }
        let shape = (change.action, change.before.is_some(), change.after.is_some());
        if !matches!(shape, (Action::Create, false, true) | (Action::Update | Action::Replace, true, true) | (Action::Delete, true, false)) {
            wrong.push(format!("the change of {} has the wrong sides for its action", change.address));
        }
        if change.before == change.after {
            wrong.push(format!("the change of {} changes nothing", change.address));
        }
    }
}

fn is_bucket(step: &Step) -> bool {
    step.call.bucket().is_some()
}

fn ancestors(plan: &Plan, at: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<usize> = plan.steps.get(at).map(|s| s.needs.iter().map(|n| n.0).collect()).unwrap_or_default();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(plan.steps.get(next).into_iter().flat_map(|s| s.needs.iter().map(|n| n.0)));
        }
    }
    seen
}

/// Detach before delete: whatever the object held when it was read is taken off it before.
fn deletes_last(plan: &Plan, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    let Some(change) = plan.changes.get(step.change) else { return };
    let earlier = |wanted: &dyn Fn(&Call) -> bool| before.iter().filter_map(|i| plan.steps.get(*i)).any(|s| s.account == step.account && wanted(&s.call));
    if let (Call::DeleteRole { role }, Some(ObjectState::Role(state))) = (&step.call, &change.before) {
        for arn in &state.attached {
            if !earlier(&|c| matches!(c, Call::DetachPolicy { principal, arn: a } if principal.kind == PrincipalKind::Role && principal.name == *role && a == arn)) {
                wrong.push(format!("step {at} deletes role {role} with {arn} attached"));
            }
        }
        for name in state.inline.keys() {
            if !earlier(&|c| matches!(c, Call::DeleteInlinePolicy { principal, name: n } if principal.name == *role && n == name)) {
                wrong.push(format!("step {at} deletes role {role} with inline policy {name}"));
            }
        }
    }
    if let Call::DeletePolicy { arn } = &step.call {
        for (index, other) in plan.steps.iter().enumerate() {
            if matches!(&other.call, Call::DetachPolicy { arn: a, .. } if a == arn) && !before.contains(&index) {
                wrong.push(format!("step {at} deletes {arn} before step {index} detaches it"));
            }
        }
    }
}

/// What a step names is made before it, when this plan makes it.
fn names_exist(plan: &Plan, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    let named: Vec<&str> = match &step.call {
        Call::CreateRole { trust, boundary, .. } => principals(trust).chain(boundary.as_deref()).collect(),
        Call::UpdateTrust { trust: document, .. } | Call::PutBucketPolicy { document, .. } => principals(document).collect(),
        Call::AttachPolicy { arn, .. } | Call::PutBoundary { arn, .. } => vec![arn.as_str()],
        _ => return,
    };
    if named.is_empty() {
        return;
    }
    for (index, other) in plan.steps.iter().enumerate() {
        let (kind, path, name) = match &other.call {
            Call::CreateRole { path, name, .. } => ("role", path, name),
            Call::CreateUser { path, name, .. } => ("user", path, name),
            Call::CreatePolicy { path, name, .. } => ("policy", path, name),
            _ => continue,
        };
        if index == at || !before.contains(&index) {
            let arn = plan.partition.iam_arn(&other.account, kind, path, name);
            if named.contains(&arn.as_str()) {
                wrong.push(format!("step {at} ({}) names {arn} before step {index} makes it", step.call.operation()));
            }
        }
    }
}

/// Within one object, what is taken away is taken before anything is given.
fn takes_before_gives(plan: &Plan, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    if !matches!(step.call, Call::AttachPolicy { .. } | Call::PutInlinePolicy { .. }) {
        return;
    }
    for (index, other) in plan.steps.iter().enumerate().filter(|(_, o)| o.change == step.change) {
        if matches!(other.call, Call::DetachPolicy { .. } | Call::DeleteInlinePolicy { .. }) && !before.contains(&index) {
            wrong.push(format!("step {at} gives before step {index} has taken"));
        }
    }
}

/// No bucket policy is written without every foreign statement that was read, but for principals that no longer exist.
fn keeps_foreign(plan: &Plan, step: &Step, wrong: &mut Vec<String>) {
    let (bucket, after) = match &step.call {
        Call::PutBucketPolicy { bucket, document } => (bucket, Some(document)),
        Call::DeleteBucketPolicy { bucket } => (bucket, None),
        _ => return,
    };
    let Some(Change { before: Some(ObjectState::BucketPolicy(state)), .. }) = plan.changes.get(step.change) else { return };
    let prefixes: Vec<String> = plan.manifests.iter().map(|m| ownership::sid_prefix(&m.name)).collect();
    for statement in state.document.iter().flat_map(|d| &d.statements) {
        let ours = prefixes.iter().any(|p| statement.sid().starts_with(p.as_str()));
        let dead = !Document::new(vec![statement.clone()]).orphaned_principals().is_empty();
        if !ours && !dead && !after.is_some_and(|d| d.statements.contains(statement)) {
            wrong.push(format!("the policy of bucket {} would lose the foreign statement `{}`", bucket.name, statement.sid()));
        }
    }
}

fn principals(document: &Document) -> impl Iterator<Item = &str> {
    document.statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(|p| p.aws()).map(String::as_str)
}
