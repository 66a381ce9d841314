//! Documents that belong to many.

use std::collections::BTreeSet;

use crossrole_model::{Broken, BucketCall, Call, Change, ObjectState, Plan, Step, StepId, ownership};
use crossrole_policy::Document;

/// No bucket policy is written without every foreign statement that was read, but for principals that no longer exist.
pub(super) fn keeps_foreign(plan: &Plan, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let after = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. }) => Some(document),
        Call::Bucket(BucketCall::DeletePolicy { .. }) => None,
        _ => return,
    };
    let Some(Change { before: Some(ObjectState::BucketPolicy(state)), .. }) = plan.changes.get(step.change) else { return };
    let prefixes: Vec<String> = plan.manifests.iter().map(|m| ownership::sid_prefix(&m.name)).collect();
    for statement in state.document.iter().flat_map(|d| &d.statements) {
        let ours = prefixes.iter().any(|p| statement.sid().starts_with(p.as_str()));
        let dead = !Document::new(vec![statement.clone()]).orphaned_principals().is_empty();
        if !ours && !dead && !after.is_some_and(|d| d.statements.contains(statement)) {
            wrong.push(Broken::Foreign { step: StepId(at), sid: statement.sid().to_owned() });
        }
    }
}

/// A document that belongs to many is written with our part said apart, and the part is in the whole.
pub(super) fn shares(plan: &Plan, at: usize, step: &Step, wrong: &mut Vec<Broken>) {
    let document = match &step.call {
        Call::Bucket(BucketCall::PutPolicy { document, .. }) => Some(document),
        Call::Bucket(BucketCall::DeletePolicy { .. }) => None,
        _ if step.share.is_some() => {
            wrong.push(Broken::Share(StepId(at)));
            return;
        }
        _ => return,
    };
    let prefixes: BTreeSet<String> = plan.manifests.iter().map(|m| ownership::sid_prefix(&m.name)).collect();
    match &step.share {
        Some(share) if share.prefixes == prefixes && share.is_in(document) => {}
        _ => wrong.push(Broken::Share(StepId(at))),
    }
}
