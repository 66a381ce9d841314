//! The edges between changes: what a step names must exist, what names an object goes before it, the bucket's side and the
//! caller's side come after the role's.

mod cycles;
mod index;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::state::Encryption;
use crossrole_model::{Action, BucketCall, Call, IamCall, KeyCall, KeyRef, Kind, ObjectState, PrincipalKind, SetCall, Step, StepId, ownership};

use crossrole_policy::{Arn, Document};

use crate::draft::Draft;

use index::{Index, federated};

/// Draws all edges between steps of different changes.
pub(crate) fn connect(draft: &mut Draft<'_>) {
    cycles::break_trust_cycles(draft);
    join_repeated(draft);
    let index = Index::new(draft);
    let needed: Vec<Vec<StepId>> = draft.steps.iter().enumerate().map(|(at, step)| needs(draft, &index, at, step)).collect();
    for ((at, step), more) in draft.steps.iter_mut().enumerate().zip(needed) {
        step.needs.extend(more.into_iter().filter(|id| id.0 != at));
        step.needs.sort();
        step.needs.dedup();
    }
    awaited(draft);
}

/// Steps of other changes that have to come first.
fn needs(draft: &Draft<'_>, index: &Index, at: usize, step: &Step) -> Vec<StepId> {
    let mut needs = Vec::new();
    match &step.call {
        Call::Iam(call) => {
            let replaced = draft.changes.get(step.change).is_some_and(|c| c.action != Action::Delete);
            iam(index, at, step.account.as_str(), call, replaced, &mut |ids| needs.extend_from_slice(ids));
        }
        // What is only taken out waits for nobody.
        Call::Bucket(BucketCall::PutPolicy { bucket, .. }) if is_pruned(draft, step) => needs.extend(index.bucket(&bucket.name)),
        Call::Bucket(call) => bucket(index, call, &mut |ids| needs.extend_from_slice(ids)),
        // The caller's side comes last, as all of it does.
        Call::Set(SetCall::PutPolicy { document, .. }) => {
            let resources = document.statements.iter().filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
            resources.for_each(|arn| needs.extend_from_slice(index.ready(arn)));
        }
        Call::Set(SetCall::DeletePolicy { .. } | SetCall::Provision { .. }) => {}
        Call::Key(KeyCall::PutPolicy { .. }) if is_pruned(draft, step) => {}
        Call::Key(KeyCall::PutPolicy { key, document }) => {
            let names = document.aws_principals();
            names.for_each(|arn| needs.extend(index.made(arn).iter().chain(index.ready(arn))));
            needs.extend(index.made(&key.arn));
        }
        // What it let people do is taken back first: until it is gone, the order can be withdrawn.
        Call::Key(KeyCall::ScheduleDeletion { key, .. }) => {
            needs.extend(index.key_policy(&key.arn));
            // A bucket with objects in it is not deleted, and neither is then what encrypted them.
            needs.extend(index.freed(&key.arn));
        }
        Call::Key(
            KeyCall::Create { .. }
            | KeyCall::CreateAlias { .. }
            | KeyCall::UpdateDescription { .. }
            | KeyCall::EnableRotation { .. }
            | KeyCall::Tag { .. }
            | KeyCall::Untag { .. },
        ) => {}
    }
    needs.extend(documents(&step.call).into_iter().flat_map(|document| index.keys_in(document)));
    // Only what is live tells where to look for statements in the policy of a key or bucket that nothing declares: they go first.
    let before = draft.changes.get(step.change).and_then(|change| change.before.as_ref());
    let keys = before.map(keys_of).unwrap_or_default().into_iter().flat_map(|arn| index.key_policy(&arn));
    let buckets = before.map(buckets_of).unwrap_or_default().into_iter().flat_map(|name| index.bucket_policy(name));
    needs.extend(keys.chain(buckets).filter(|id| draft.steps.get(id.0).is_some_and(|step| is_pruned(draft, step))));
    needs
}

/// Tells whether a step only takes our statements out of the policy of a key or bucket that nothing declares.
fn is_pruned(draft: &Draft<'_>, step: &Step) -> bool {
    let change = draft.changes.get(step.change).filter(|change| matches!(change.address.kind, Kind::KeyPolicy | Kind::BucketPolicy));
    change.is_some_and(|change| !draft.desired.objects.contains_key(&change.address))
}

/// The keys that an object names: its policies, or the encryption of a bucket.
fn keys_of(state: &ObjectState) -> Vec<String> {
    let setting = if let ObjectState::Bucket(bucket) = state { bucket.encryption.as_ref() } else { None };
    let of_setting = setting.and_then(|e| if let Encryption::Kms { key, .. } = e { Some(key.clone()) } else { None });
    state.statements().into_iter().flat_map(KeyRef::named_by).map(|key| key.arn).chain(of_setting).collect()
}

/// The buckets that an object's policies name.
fn buckets_of(state: &ObjectState) -> BTreeSet<&str> {
    let resources = state.statements().into_iter().filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
    resources.filter_map(|text| Arn::parse(text)).filter(|arn| arn.service == "s3").filter_map(|arn| arn.resource.split('/').next()).collect()
}

/// Documents that a call writes, as far as they may name keys.
fn documents(call: &Call) -> Option<&Document> {
    match call {
        Call::Iam(IamCall::PutInlinePolicy { document, .. } | IamCall::CreatePolicy { document, .. } | IamCall::CreatePolicyVersion { document, .. })
        | Call::Bucket(BucketCall::PutPolicy { document, .. })
        | Call::Set(SetCall::PutPolicy { document, .. })
        | Call::Key(KeyCall::PutPolicy { document, .. }) => Some(document),
        Call::Iam(_) | Call::Bucket(_) | Call::Key(_) | Call::Set(_) => None,
    }
}

fn iam(index: &Index, at: usize, account: &str, call: &IamCall, replaced: bool, need: &mut dyn FnMut(&[StepId])) {
    match call {
        IamCall::CreateRole { trust, boundary, .. } => {
            trust.aws_principals().chain(boundary.as_deref()).chain(federated(trust)).for_each(|arn| need(index.made(arn)));
        }
        IamCall::UpdateTrust { trust, .. } => trust.aws_principals().for_each(|arn| need(index.made(arn))),
        IamCall::PutBoundary { arn, .. } => need(index.made(arn)),
        IamCall::AttachPolicy { principal, arn } => {
            need(index.made(arn));
            need(index.made_principal(account, principal.kind, &principal.name));
            // The caller's side comes last: what it may assume is complete first.
            index.assumed_by(arn).for_each(|role| need(index.ready(role)));
        }
        IamCall::CreatePolicyVersion { arn, .. } => index.assumed_by(arn).for_each(|role| need(index.ready(role))),
        IamCall::AddUserToGroup { group, user } => {
            need(index.made_principal(account, PrincipalKind::Group, group));
            need(index.made_principal(account, PrincipalKind::User, user));
        }
        // One that is made anew keeps its name in what names it.
        IamCall::DeleteRole { role } if !replaced => {
            need(index.unnamed(at));
            need(index.cleared(account, PrincipalKind::Role, role));
        }
        IamCall::DeleteUser { user } => {
            need(index.unnamed(at));
            need(index.cleared(account, PrincipalKind::User, user));
        }
        IamCall::DeleteGroup { group } => need(index.cleared(account, PrincipalKind::Group, group)),
        IamCall::DeletePolicy { arn } => need(index.detached(arn)),
        // What was there before there were caller policies for all manifests goes when its principal has the new one.
        IamCall::DetachPolicy { principal, arn } if !ownership::is_caller_arn(arn) && arn.contains(":policy/crossrole-") => {
            need(&index.caller_attached(at, account, principal));
        }
        IamCall::UpdateRole { .. }
        | IamCall::DeleteBoundary { .. }
        | IamCall::TagRole { .. }
        | IamCall::UntagRole { .. }
        | IamCall::RemoveRoleFromInstanceProfile { .. }
        | IamCall::DeleteRole { .. }
        | IamCall::PutInlinePolicy { .. }
        | IamCall::DeleteInlinePolicy { .. }
        | IamCall::DetachPolicy { .. }
        | IamCall::CreatePolicy { .. }
        | IamCall::DeletePolicyVersion { .. }
        | IamCall::TagPolicy { .. }
        | IamCall::UntagPolicy { .. }
        | IamCall::CreateUser { .. }
        | IamCall::TagUser { .. }
        | IamCall::UntagUser { .. }
        | IamCall::CreateGroup { .. }
        | IamCall::UpdateGroup { .. }
        | IamCall::RemoveUserFromGroup { .. }
        | IamCall::CreateOidcProvider { .. }
        | IamCall::CreateSamlProvider { .. }
        | IamCall::UpdateSamlProvider { .. }
        | IamCall::TagSamlProvider { .. }
        | IamCall::UntagSamlProvider { .. }
        | IamCall::DeleteSamlProvider { .. }
        | IamCall::AddClientId { .. }
        | IamCall::RemoveClientId { .. }
        | IamCall::TagOidcProvider { .. }
        | IamCall::UntagOidcProvider { .. }
        | IamCall::DeleteOidcProvider { .. } => {}
    }
}

fn bucket(index: &Index, call: &BucketCall, need: &mut dyn FnMut(&[StepId])) {
    match call {
        BucketCall::PutPolicy { bucket, document } => {
            need(index.bucket(&bucket.name));
            for arn in document.aws_principals() {
                need(index.made(arn));
                need(index.ready(arn));
            }
        }
        BucketCall::PutLogging { bucket, logging: Some(logging) } if logging.bucket != bucket.name => {
            need(index.bucket(&logging.bucket));
            // The target's policy lets the logging service in.
            need(index.bucket_policy(&logging.bucket));
        }
        // What is written from then on, nobody reads whom the key does not let.
        BucketCall::PutEncryption { encryption: Encryption::Kms { key, .. }, .. } => {
            need(index.made(key));
            need(index.key_policy(key));
        }
        BucketCall::Delete { bucket } => need(index.bucket_policy(&bucket.name)),
        BucketCall::Create { .. }
        | BucketCall::PutVersioning { .. }
        | BucketCall::PutEncryption { .. }
        | BucketCall::PutPublicAccessBlock { .. }
        | BucketCall::PutOwnership { .. }
        | BucketCall::PutLogging { .. }
        | BucketCall::PutTags { .. }
        | BucketCall::DeletePolicy { .. } => {}
    }
}

/// Notes for each step what it needs that this plan makes: it may not be visible yet when the step is made.
fn awaited(draft: &mut Draft<'_>) {
    let makes: BTreeMap<usize, usize> = draft.steps.iter().enumerate().filter(|(_, s)| s.call.creates()).map(|(at, s)| (at, s.change)).collect();
    let made: BTreeSet<usize> = makes.values().copied().collect();
    for step in &mut draft.steps {
        let own = made.contains(&step.change) && !step.call.creates();
        let changes = step.needs.iter().filter_map(|need| makes.get(&need.0)).copied().chain(own.then_some(step.change));
        step.awaits = changes.filter_map(|change| draft.changes.get(change)).map(|change| change.address.clone()).collect();
    }
}

/// One call stands once: a policy that goes and a group that goes both want the policy detached from the group.
fn join_repeated(draft: &mut Draft<'_>) {
    let mut repeated: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    let mut steps_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, step) in draft.steps.iter().enumerate() {
        *steps_of.entry(step.change).or_default() += 1;
        let (from, what) = match &step.call {
            Call::Iam(IamCall::DetachPolicy { principal, arn }) => (principal.to_string(), arn.clone()),
            Call::Iam(IamCall::RemoveUserFromGroup { group, user }) => (format!("members of {group}"), user.clone()),
            // No two changes ask for the same other call.
            Call::Iam(_) | Call::Bucket(_) | Call::Key(_) | Call::Set(_) => continue,
        };
        repeated.entry((step.account.to_string(), from, what)).or_default().push(at);
    }
    let mut stands_for: BTreeMap<usize, usize> = BTreeMap::new();
    for places in repeated.values() {
        // A change that is nothing but this call keeps it.
        let lone = |at: &&usize| draft.steps.get(**at).is_some_and(|s| steps_of.get(&s.change) == Some(&1));
        let Some(stands) = places.iter().find(lone).or_else(|| places.first()) else { continue };
        stands_for.extend(places.iter().filter(|at| *at != stands).map(|at| (*at, *stands)));
    }
    if stands_for.is_empty() {
        return;
    }
    // Indices after the repeated ones are taken out.
    let mut place = BTreeMap::new();
    for at in (0..draft.steps.len()).filter(|at| !stands_for.contains_key(at)) {
        place.insert(at, place.len());
    }
    let resolve = |at: usize| place.get(stands_for.get(&at).unwrap_or(&at)).copied().map(StepId);
    let mut at = 0;
    draft.steps.retain(|_| {
        at += 1;
        !stands_for.contains_key(&(at - 1))
    });
    for step in &mut draft.steps {
        step.needs = step.needs.iter().filter_map(|need| resolve(need.0)).collect();
    }
}
