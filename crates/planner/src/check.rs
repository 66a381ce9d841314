//! What must hold of any plan, derived from the plan alone, with no code of the planner's.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Action, Address, BucketCall, Call, Change, IamCall, Kind, ObjectState, Plan, PrincipalKind, Step, Subject, ownership};
use crossrole_policy::{Arn, Document, Statement};

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
            Call::Iam(IamCall::DeleteRole { .. }
                | IamCall::DeletePolicy { .. })
                | Call::Iam(IamCall::CreateRole { .. }
                | IamCall::UpdateTrust { .. })
                | Call::Bucket(BucketCall::PutPolicy { .. })
                | Call::Iam(IamCall::AttachPolicy { .. }
                | IamCall::PutBoundary { .. }
                | IamCall::PutInlinePolicy { .. })
        ) {
            let before = ancestors(plan, at);
            deletes_last(plan, &index, at, step, &before, &mut wrong);
            names_exist(&index, at, step, &before, &mut wrong);
            takes_before_gives(plan, &index, at, step, &before, &mut wrong);
        }
        keeps_foreign(plan, step, &mut wrong);
        shares(plan, at, step, &mut wrong);
    }
    withheld(plan, &mut wrong);
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
                Call::Iam(IamCall::CreateRole { path, name, .. }) => made("role", path, name),
                Call::Iam(IamCall::CreateUser { path, name, .. }) => made("user", path, name),
                Call::Iam(IamCall::CreatePolicy { path, name, .. }) => made("policy", path, name),
                Call::Iam(IamCall::DetachPolicy { arn, .. }) => {
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
        if plan.withheld.iter().any(|w| matches!(&w.subject, Subject::Account { account, .. } if *account == step.account)) && !is_bucket(step) {
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
    if let (Call::Iam(IamCall::DeleteRole { role }), Some(ObjectState::Role(state))) = (&step.call, &change.before) {
        for arn in &state.attached {
            if !earlier(
                &|c| matches!(c, Call::Iam(IamCall::DetachPolicy { principal, arn: a }) if principal.kind == PrincipalKind::Role && principal.name == *role && a == arn),
            ) {
                wrong.push(format!("step {at} deletes role {role} with {arn} attached"));
            }
        }
        for name in state.inline.keys() {
            if !earlier(&|c| matches!(c, Call::Iam(IamCall::DeleteInlinePolicy { principal, name: n }) if principal.name == *role && n == name)) {
                wrong.push(format!("step {at} deletes role {role} with inline policy {name}"));
            }
        }
    }
    if let Call::Iam(IamCall::DeletePolicy { arn }) = &step.call {
        for other in index.detached.get(arn).into_iter().flatten().filter(|i| !before.contains(i)) {
            wrong.push(format!("step {at} deletes {arn} before step {other} detaches it"));
        }
    }
}

/// What a step names is made before it, when this plan makes it.
fn names_exist(index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<String>) {
    let named: Vec<&str> = match &step.call {
        Call::Iam(IamCall::CreateRole { trust, boundary, .. }) => trust.aws_principals().chain(boundary.as_deref()).collect(),
        Call::Iam(IamCall::UpdateTrust { trust: document, .. }) | Call::Bucket(BucketCall::PutPolicy { document, .. }) => document.aws_principals().collect(),
        Call::Iam(IamCall::AttachPolicy { arn, .. } | IamCall::PutBoundary { arn, .. }) => vec![arn.as_str()],
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
    if !matches!(step.call, Call::Iam(IamCall::AttachPolicy { .. } | IamCall::PutInlinePolicy { .. })) {
        return;
    }
    for other in index.steps.get(&step.change).into_iter().flatten().filter(|i| !before.contains(i)) {
        let takes = plan.steps.get(*other).is_some_and(|s| matches!(s.call, Call::Iam(IamCall::DetachPolicy { .. } | IamCall::DeleteInlinePolicy { .. })));
        if takes {
            wrong.push(format!("step {at} gives before step {other} has taken"));
        }
    }
}

/// No bucket policy is written without every foreign statement that was read, but for principals that no longer exist.
fn keeps_foreign(plan: &Plan, step: &Step, wrong: &mut Vec<String>) {
    let (bucket, after) = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { bucket, document }) => (bucket, Some(document)),
        Call::Bucket(BucketCall::DeletePolicy { bucket }) => (bucket, None),
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

/// A document that belongs to many is written with our part said apart, and the part is in the whole.
fn shares(plan: &Plan, at: usize, step: &Step, wrong: &mut Vec<String>) {
    let document = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. }) => Some(document),
        Call::Bucket(BucketCall::DeletePolicy { .. }) => None,
        _ if step.share.is_some() => {
            wrong.push(format!("step {at} ({}) writes no document that belongs to many", step.call.operation()));
            return;
        }
        _ => return,
    };
    let prefixes: BTreeSet<String> = plan.manifests.iter().map(|m| ownership::sid_prefix(&m.name)).collect();
    match &step.share {
        Some(share) if share.prefixes == prefixes && share.is_in(document) => {}
        _ => wrong.push(format!("step {at} ({}) does not say which part of the document is ours", step.call.operation())),
    }
}

/// Nothing names, or is put on, an object that is withheld.
fn withheld(plan: &Plan, wrong: &mut Vec<String>) {
    let held: Vec<&Address> = plan.withheld.iter().filter(|w| w.blocks).filter_map(|w| if let Subject::Object(a) = &w.subject { Some(a) } else { None }).collect();
    if held.is_empty() {
        return;
    }
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, s)| !s.call.removes()) {
        let on = plan.changes.get(step.change).map(|c| &c.address);
        for address in &held {
            if on == Some(*address) || speaks_of(step, address) {
                wrong.push(format!("step {at} ({}) rests on {address}, which is withheld", step.call.operation()));
            }
        }
    }
}

/// Tells whether a call gives something to, or through, this object by its name.
fn speaks_of(step: &Step, held: &Address) -> bool {
    let same = |kind: Kind, name: &str| held.kind == kind && step.account == held.account && held.name.eq_ignore_ascii_case(name);
    let arn = |text: &str| {
        let Some(arn) = Arn::parse(text) else { return false };
        let found = match arn.service {
            "s3" => held.kind == Kind::Bucket && arn.resource.split('/').next() == Some(held.name.as_str()),
            "iam" => {
                let bare = arn.resource.split_once('/').map(|(kind, rest)| (kind, if kind == "oidc-provider" { rest } else { rest.rsplit('/').next().unwrap_or(rest) }));
                bare.is_some_and(|(kind, name)| kind == held.kind.as_str() && name.eq_ignore_ascii_case(&held.name)) && arn.account == held.account.as_str()
            }
            _ => false,
        };
        found
    };
    let statement = |s: &Statement| {
        let principals = s.principal.iter().flat_map(|p| p.entries.values().flatten());
        principals.chain(s.resource.iter().flat_map(|r| &r.values)).any(|text| arn(text))
    };
    let document = |d: &Document| d.statements.iter().any(statement);
    match &step.call {
        Call::Iam(IamCall::CreateRole { trust, boundary, .. }) => document(trust) || boundary.as_deref().is_some_and(arn),
        Call::Iam(IamCall::UpdateTrust { trust: d, .. } | IamCall::PutInlinePolicy { document: d, .. } | IamCall::CreatePolicy { document: d, .. } | IamCall::CreatePolicyVersion { document: d, .. }) => document(d),
        Call::Iam(IamCall::PutBoundary { arn: a, .. }) => arn(a),
        Call::Iam(IamCall::AttachPolicy { principal, arn: a }) => {
            let kind = match principal.kind {
                PrincipalKind::Role => Kind::Role,
                PrincipalKind::User => Kind::User,
                PrincipalKind::Group => Kind::Group,
            };
            arn(a) || same(kind, &principal.name)
        }
        Call::Iam(IamCall::AddUserToGroup { group, user }) => same(Kind::Group, group) || same(Kind::User, user),
        Call::Bucket(BucketCall::PutPolicy { bucket, .. }) => same(Kind::Bucket, &bucket.name) || step.share.iter().flat_map(|s| &s.statements).any(statement),
        Call::Bucket(BucketCall::PutLogging { logging: Some(logging), .. }) => same(Kind::Bucket, &logging.bucket),
        _ => false,
    }
}
