//! What must hold of any plan, derived from the plan alone, with no code of the planner's.

mod found;
pub(crate) mod held;
mod shared;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::state::Encryption;
use crossrole_model::{Action, Broken, BucketCall, Call, Consequence, IamCall, KeyCall, ObjectState, Plan, PrincipalKind, Step, StepId, Subject, ownership};

/// Returns what is wrong with `plan`; empty for a good plan. A plan with anything wrong is a bug of ours and
/// must not be applied.
pub fn check(plan: &Plan) -> Vec<Broken> {
    let mut wrong = Vec::new();
    order(plan, &mut wrong);
    if !wrong.is_empty() {
        // What follows walks the needs and would not end on a cycle.
        return wrong;
    }
    let index = Index::new(plan);
    places(plan, &index, &mut wrong);
    let prefixes: BTreeSet<String> = ownership::sid_marks(&plan.manifests).into_keys().collect();
    for (at, step) in plan.steps.iter().enumerate() {
        // Only these look behind themselves.
        let looks = match &step.call {
            Call::Iam(call) => matches!(
                call,
                IamCall::DeleteRole { .. }
                    | IamCall::DeletePolicy { .. }
                    | IamCall::CreateRole { .. }
                    | IamCall::UpdateTrust { .. }
                    | IamCall::AttachPolicy { .. }
                    | IamCall::PutBoundary { .. }
                    | IamCall::PutInlinePolicy { .. }
            ),
            Call::Bucket(call) => matches!(call, BucketCall::PutPolicy { .. }),
            Call::Set(_) => false,
            Call::Key(call) => matches!(call, KeyCall::PutPolicy { .. }),
        };
        if looks {
            let before = ancestors(plan, at);
            deletes_last(plan, &index, at, step, &before, &mut wrong);
            names_exist(&index, at, step, &before, &mut wrong);
            takes_before_gives(plan, &index, at, step, &before, &mut wrong);
        }
        keys_exist(plan, &index, at, step, &mut wrong);
        told_by_name(plan, at, step, &mut wrong);
        shared::keeps_foreign(plan, &prefixes, at, step, &mut wrong);
        shared::shares(plan, &prefixes, at, step, &mut wrong);
    }
    held::withheld(plan, &mut wrong);
    found::found_again(plan, |at| ancestors(plan, at), &mut wrong);
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
            if let Some(arn) = step.call.made_arn(&step.account, plan.partition) {
                index.made.insert(arn, at);
            }
            if let Call::Iam(IamCall::DetachPolicy { arn, .. }) = &step.call {
                index.detached.entry(arn.clone()).or_default().push(at);
            }
        }
        index
    }
}

fn order(plan: &Plan, wrong: &mut Vec<Broken>) {
    for (at, step) in plan.steps.iter().enumerate() {
        for need in step.needs.iter().filter(|n| n.0 >= at) {
            wrong.push(Broken::Order { step: StepId(at), needs: *need });
        }
    }
}

fn places(plan: &Plan, index: &Index, wrong: &mut Vec<Broken>) {
    for (at, step) in plan.steps.iter().enumerate() {
        match plan.changes.get(step.change) {
            None => wrong.push(Broken::NoChange(StepId(at))),
            Some(change) if change.address.account != step.account => wrong.push(Broken::OtherAccount(StepId(at))),
            Some(_) => {}
        }
        // IAM Identity Center is administered in an account of its own.
        let of_sets = matches!(&step.call, Call::Set(call) if call.set().at.account == step.account);
        if !of_sets && !plan.accounts.get(&step.account).is_some_and(|a| a.managed) {
            wrong.push(Broken::Unmanaged(StepId(at)));
        }
        if plan.withheld.iter().any(|w| matches!(&w.subject, Subject::Account { account, .. } if *account == step.account)) && !is_bucket(step) {
            wrong.push(Broken::Unread { step: StepId(at), account: step.account.clone() });
        }
    }
    for (number, change) in plan.changes.iter().enumerate() {
        if !index.steps.contains_key(&number) {
            wrong.push(Broken::NoStep(change.address.clone()));
        }
        if change.reasons.is_empty() {
            wrong.push(Broken::NoReason(change.address.clone()));
        }
        let shape = (change.action, change.before.is_some(), change.after.is_some());
        if !matches!(shape, (Action::Create, false, true) | (Action::Update | Action::Replace, true, true) | (Action::Delete, true, false)) {
            wrong.push(Broken::Sides(change.address.clone()));
        }
        if change.before == change.after {
            wrong.push(Broken::Nothing(change.address.clone()));
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
fn deletes_last(plan: &Plan, index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<Broken>) {
    let Some(change) = plan.changes.get(step.change) else { return };
    let earlier = |wanted: &dyn Fn(&Call) -> bool| before.iter().filter_map(|i| plan.steps.get(*i)).any(|s| s.account == step.account && wanted(&s.call));
    if let (Call::Iam(IamCall::DeleteRole { role }), Some(ObjectState::Role(state))) = (&step.call, &change.before) {
        for arn in &state.attached {
            if !earlier(
                &|c| matches!(c, Call::Iam(IamCall::DetachPolicy { principal, arn: a }) if principal.kind == PrincipalKind::Role && principal.name == *role && a == arn),
            ) {
                wrong.push(Broken::Held { step: StepId(at), what: arn.clone() });
            }
        }
        for name in state.inline.keys() {
            if !earlier(&|c| matches!(c, Call::Iam(IamCall::DeleteInlinePolicy { principal, name: n }) if principal.name == *role && n == name)) {
                wrong.push(Broken::Held { step: StepId(at), what: name.clone() });
            }
        }
    }
    if let Call::Iam(IamCall::DeletePolicy { arn }) = &step.call
        && index.detached.get(arn).into_iter().flatten().any(|i| !before.contains(i))
    {
        wrong.push(Broken::Held { step: StepId(at), what: arn.clone() });
    }
}

/// What a step names is made before it, when this plan makes it.
fn names_exist(index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<Broken>) {
    // Once, in however many statements.
    let named: BTreeSet<&str> = match &step.call {
        Call::Iam(IamCall::CreateRole { trust, boundary, .. }) => trust.aws_principals().chain(boundary.as_deref()).collect(),
        Call::Iam(IamCall::UpdateTrust { trust: document, .. })
        | Call::Bucket(BucketCall::PutPolicy { document, .. })
        | Call::Key(KeyCall::PutPolicy { document, .. }) => document.aws_principals().collect(),
        Call::Iam(IamCall::AttachPolicy { arn, .. } | IamCall::PutBoundary { arn, .. }) => BTreeSet::from([arn.as_str()]),
        _ => return,
    };
    for arn in named {
        if index.made.get(arn).is_some_and(|i| !before.contains(i)) {
            wrong.push(Broken::TooEarly { step: StepId(at), arn: arn.to_owned() });
        }
    }
}

/// A key goes only when it is told by name, and what goes with it is said; nothing in the plan encrypts with it from then on.
fn told_by_name(plan: &Plan, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let Call::Key(KeyCall::ScheduleDeletion { key, days }) = &step.call else { return };
    let told = key.alias().is_some_and(|alias| plan.destroy_keys.contains(alias));
    let said = plan.changes.get(step.change).is_some_and(|change| change.after.is_none() && change.consequences.contains(&Consequence::KeyGoes(*days)));
    let encrypts =
        |call: &Call| matches!(call, Call::Bucket(BucketCall::PutEncryption { encryption: Encryption::Kms { key: used, .. }, .. }) if *used == key.arn);
    if !told || !said || plan.steps.iter().any(|other| encrypts(&other.call)) {
        wrong.push(Broken::Untold(StepId(at)));
    }
}

/// A key that this plan makes is made before whatever speaks of it: till then AWS has no name for it.
fn keys_exist(plan: &Plan, index: &Index, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let mut keys = index.made.iter().filter(|(arn, made)| arn.contains(":key/") && **made != at).peekable();
    if keys.peek().is_none() {
        return;
    }
    let text = serde_json::to_string(&step.call).unwrap_or_default();
    let before = ancestors(plan, at);
    for (arn, _) in keys.filter(|(arn, made)| text.contains(arn.as_str()) && !before.contains(made)) {
        wrong.push(Broken::TooEarly { step: StepId(at), arn: arn.clone() });
    }
}

/// Within one object, what is taken away is taken before anything is given.
fn takes_before_gives(plan: &Plan, index: &Index, at: usize, step: &Step, before: &BTreeSet<usize>, wrong: &mut Vec<Broken>) {
    if !matches!(step.call, Call::Iam(IamCall::AttachPolicy { .. } | IamCall::PutInlinePolicy { .. })) {
        return;
    }
    for other in index.steps.get(&step.change).into_iter().flatten().filter(|i| !before.contains(i)) {
        let takes = plan.steps.get(*other).is_some_and(|s| matches!(s.call, Call::Iam(IamCall::DetachPolicy { .. } | IamCall::DeleteInlinePolicy { .. })));
        if takes {
            wrong.push(Broken::GivesFirst { step: StepId(at), takes: StepId(*other) });
        }
    }
}
