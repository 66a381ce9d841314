//! What must hold of any plan, derived from the plan alone, with no code of the planner's.

use std::collections::{BTreeMap, BTreeSet};

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
    let index = Index::new(plan);
    places(plan, &index, &mut wrong);
    for (at, step) in plan.steps.iter().enumerate() {
        // Only these look behind themselves.
        if matches!(
            step.call,
            Call::DeleteRole { .. }
                | Call::DeletePolicy { .. }
                | Call::CreateRole { .. }
                | Call::UpdateTrust { .. }
                | Call::PutBucketPolicy { .. }
                | Call::AttachPolicy { .. }
                | Call::PutBoundary { .. }
                | Call::PutInlinePolicy { .. }
        ) {
            let before = ancestors(plan, at);
            deletes_last(plan, &index, at, step, &before, &mut wrong);
            names_exist(&index, at, step, &before, &mut wrong);
            takes_before_gives(plan, &index, at, step, &before, &mut wrong);
        }
        keeps_foreign(plan, step, &mut wrong);
    }
    wrong
}

/// What is looked up again and again.
struct Index {
    /// Steps of each change.
    steps: BTreeMap<usize, Vec<usize>>,
    /// By ARN: the step that makes it.
    made: BTreeMap<String, usize>,
    /// By policy ARN: the steps that detach it.
    detached: BTreeMap<String, Vec<usize>>,
}

impl Index {
    fn new(plan: &Plan) -> Self {
        let mut index = Self { steps: BTreeMap::new(), made: BTreeMap::new(), detached: BTreeMap::new() };
        for (at, step) in plan.steps.iter().enumerate() {
            index.steps.entry(step.change).or_default().push(at);
            let mut made = |kind: &str, path: &str, name: &str| index.made.insert(plan.partition.iam_arn(&step.account, kind, path, name), at);
            match &step.call {
                Call::CreateRole { path, name, .. } => made("role", path, name),
                Call::CreateUser { path, name, .. } => made("user", path, name),
                Call::CreatePolicy { path, name, .. } => made("policy", path, name),
                Call::DetachPolicy { arn, .. } => {
                    index.detached.entry(arn.clone()).or_default().push(at);
                    None
                }
                _ => None,
            };
        }
        index
    }
}

fn order(plan: &Plan, wrong: &mut Vec<String>) {
    for (at, step) in plan.steps.iter().enumerate() {
        for need in step.needs.iter().filter(|n| n.0 >= at) {
            wrong.push(format!("step {at} ({}) needs step {}, which does not come before it", step.call.operation(), need.0));
        }
    }
}

fn places(plan: &Plan, index: &Index, wrong: &mut Vec<String>) {
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
    for (number, change) in plan.changes.iter().enumerate() {
        if !index.steps.contains_key(&number) {
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
fn deletes_last(plan: &Plan, index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    let Some(change) = plan.changes.get(step.change) else { return };
    let earlier = |wanted: &dyn Fn(&Call) -> bool| before.iter().filter_map(|i| plan.steps.get(*i)).any(|s| s.account == step.account && wanted(&s.call));
    if let (Call::DeleteRole { role }, Some(ObjectState::Role(state))) = (&step.call, &change.before) {
        for arn in &state.attached {
            if !earlier(
                &|c| matches!(c, Call::DetachPolicy { principal, arn: a } if principal.kind == PrincipalKind::Role && principal.name == *role && a == arn),
            ) {
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
        for other in index.detached.get(arn).into_iter().flatten().filter(|i| !before.contains(i)) {
            wrong.push(format!("step {at} deletes {arn} before step {other} detaches it"));
        }
    }
}

/// What a step names is made before it, when this plan makes it.
fn names_exist(index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    let named: Vec<&str> = match &step.call {
        Call::CreateRole { trust, boundary, .. } => trust.aws_principals().chain(boundary.as_deref()).collect(),
        Call::UpdateTrust { trust: document, .. } | Call::PutBucketPolicy { document, .. } => document.aws_principals().collect(),
        Call::AttachPolicy { arn, .. } | Call::PutBoundary { arn, .. } => vec![arn.as_str()],
        _ => return,
    };
    for arn in named {
        if let Some(other) = index.made.get(arn).filter(|i| !before.contains(i)) {
            wrong.push(format!("step {at} ({}) names {arn} before step {other} makes it", step.call.operation()));
        }
    }
}

/// Within one object, what is taken away is taken before anything is given.
fn takes_before_gives(plan: &Plan, index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    if !matches!(step.call, Call::AttachPolicy { .. } | Call::PutInlinePolicy { .. }) {
        return;
    }
    for other in index.steps.get(&step.change).into_iter().flatten().filter(|i| !before.contains(i)) {
        let takes = plan.steps.get(*other).is_some_and(|s| matches!(s.call, Call::DetachPolicy { .. } | Call::DeleteInlinePolicy { .. }));
        if takes {
            wrong.push(format!("step {at} gives before step {other} has taken"));
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
