//! Documents that belong to many.

use std::collections::BTreeSet;

use crossrole_model::{Broken, BucketCall, Call, Change, ObjectState, Plan, Step, StepId, ownership};
use crossrole_policy::Document;

/// No bucket policy is written without every foreign statement that was read, but for principals that no longer exist.
pub(super) fn keeps_foreign(plan: &Plan, prefixes: &BTreeSet<String>, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let after = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. }) => Some(document),
        Call::Bucket(BucketCall::DeletePolicy { .. }) => None,
        _ => return,
    };
    let Some(Change { before: Some(ObjectState::BucketPolicy(state)), .. }) = plan.changes.get(step.change) else { return };
    for statement in state.document.iter().flat_map(|d| &d.statements) {
        let ours = ownership::sid_head(statement.sid()).is_some_and(|head| prefixes.contains(head));
        let dead = !Document::new(vec![statement.clone()]).orphaned_principals().is_empty();
        if !ours && !dead && !after.is_some_and(|d| d.statements.contains(statement)) {
            wrong.push(Broken::Foreign { step: StepId(at), sid: statement.sid().to_owned() });
        }
    }
}

/// A document that belongs to many is written with our part said apart, and the part is in the whole.
pub(super) fn shares(plan: &Plan, prefixes: &BTreeSet<String>, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let document = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. }) => Some(document),
        Call::Bucket(BucketCall::DeletePolicy { .. }) => None,
        _ if step.share.is_some() => {
            wrong.push(Broken::Share(StepId(at)));
            return;
        }
        _ => return,
    };
    let before = plan.changes.get(step.change).and_then(|c| c.before.as_ref());
    let before = if let Some(ObjectState::BucketPolicy(state)) = before { state.document.as_ref() } else { None };
    let heads = before.into_iter().chain(document).flat_map(|d| &d.statements).filter_map(|s| ownership::sid_head(s.sid()));
    let ours: BTreeSet<&str> = heads.filter(|head| prefixes.contains(*head)).collect();
    match &step.share {
        // No prefix of another manifest, and none left out that is in the document.
        Some(share) if share.prefixes.is_subset(prefixes) && ours.iter().all(|o| share.prefixes.contains(*o)) && share.is_in(document) => {}
        _ => wrong.push(Broken::Share(StepId(at))),
    }
}
