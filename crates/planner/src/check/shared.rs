//! Documents that belong to many.

use std::collections::BTreeSet;

use crossrole_model::{Broken, BucketCall, Call, IamCall, KeyCall, Kind, ObjectState, Plan, SetCall, Step, StepId, ownership};
use crossrole_policy::Document;

/// No policy of a bucket or a key is written without every foreign statement that was read, but for principals that no longer exist.
pub(super) fn keeps_foreign(plan: &Plan, prefixes: &BTreeSet<String>, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let after = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. }) | Call::Key(KeyCall::PutPolicy { document, .. }) => Some(document),
        Call::Set(SetCall::PutPolicy { document, .. }) => Some(document),
        Call::Bucket(BucketCall::DeletePolicy { .. }) | Call::Set(SetCall::DeletePolicy { .. }) => None,
        Call::Iam(IamCall::CreatePolicyVersion { arn, document }) if ownership::is_caller_arn(arn) => Some(document),
        Call::Iam(IamCall::DeletePolicy { arn }) if ownership::is_caller_arn(arn) => None,
        _ => return,
    };
    let before = match plan.changes.get(step.change).and_then(|c| c.before.as_ref()) {
        Some(ObjectState::BucketPolicy(state)) => state.document.as_ref(),
        Some(ObjectState::PermissionSet(state)) => state.document.as_ref(),
        Some(ObjectState::KeyPolicy(state)) => Some(&state.document),
        Some(ObjectState::Policy(state)) => Some(&state.document),
        _ => return,
    };
    for statement in before.into_iter().flat_map(|d| &d.statements) {
        let ours = ownership::sid_head(statement.sid()).is_some_and(|head| prefixes.contains(head));
        let dead = !Document::new(vec![statement.clone()]).orphaned_principals().is_empty();
        if !ours && !dead && !after.is_some_and(|d| d.statements.contains(statement)) {
            wrong.push(Broken::Foreign { step: StepId(at), sid: statement.sid().to_owned() });
        }
    }
}

/// Tells whether a step is on a document that belongs to many.
fn is_of_many(plan: &Plan, step: &Step) -> bool {
    match &step.call {
        Call::Bucket(call) => matches!(call, BucketCall::PutPolicy { .. } | BucketCall::DeletePolicy { .. }),
        Call::Set(call) => matches!(call, SetCall::PutPolicy { .. } | SetCall::DeletePolicy { .. }),
        Call::Key(call) => matches!(call, KeyCall::PutPolicy { .. }),
        Call::Iam(_) => {
            let change = plan.changes.get(step.change).filter(|change| change.address.kind == Kind::Policy);
            let state = change.and_then(|change| change.before.as_ref().or(change.after.as_ref()));
            matches!(state, Some(ObjectState::Policy(state)) if state.path == ownership::CALLER_PATH)
        }
    }
}

/// The document that a step leaves.
fn left(step: &Step) -> Option<&Document> {
    match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. })
        | Call::Key(KeyCall::PutPolicy { document, .. })
        | Call::Set(SetCall::PutPolicy { document, .. })
        | Call::Iam(IamCall::CreatePolicy { document, .. } | IamCall::CreatePolicyVersion { document, .. }) => Some(document),
        _ => None,
    }
}

/// A document that belongs to many is written with our part said apart, and the part is in the whole.
pub(super) fn shares(plan: &Plan, prefixes: &BTreeSet<String>, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    if !is_of_many(plan, step) {
        if step.share.is_some() {
            wrong.push(Broken::Share(StepId(at)));
        }
        return;
    }
    let document = left(step);
    let before = plan.changes.get(step.change).and_then(|c| c.before.as_ref());
    let before = match before {
        Some(ObjectState::BucketPolicy(state)) => state.document.as_ref(),
        Some(ObjectState::PermissionSet(state)) => state.document.as_ref(),
        Some(ObjectState::KeyPolicy(state)) => Some(&state.document),
        _ => None,
    };
    let heads = before.into_iter().chain(document).flat_map(|d| &d.statements).filter_map(|s| ownership::sid_head(s.sid()));
    let ours: BTreeSet<&str> = heads.filter(|head| prefixes.contains(*head)).collect();
    match &step.share {
        // No prefix of another manifest, and none left out that is in a bucket's policy. Of the caller's side, a manifest's part
        // may be left as it is, while something that it rests on is withheld.
        Some(share) if share.prefixes.is_subset(prefixes) && ours.iter().all(|o| share.prefixes.contains(*o)) && share.is_in(document) => {}
        _ => wrong.push(Broken::Share(StepId(at))),
    }
}
