//! Objects that are withheld: nothing may rest on one.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::state::{BucketPolicyState, Encryption, SetState};
use crossrole_model::{Address, Broken, BucketCall, Call, Change, IamCall, KeyCall, KeyRef, Kind, ObjectState, Plan, SetCall, Step, StepId, Subject};
use crossrole_policy::{Arn, Document, Effect, Statement};

/// How calls speak of an object: its kind, its account (a bucket's ARN has none) and its name.
type Name = (Kind, String, String);

fn name_of(kind: Kind, account: &str, name: &str) -> Name {
    match kind {
        Kind::Bucket => (kind, String::new(), name.to_owned()),
        _ => (kind, account.to_owned(), name.to_ascii_lowercase()),
    }
}

/// Nothing names, or is put on, an object that is withheld.
pub(crate) fn withheld(plan: &Plan, wrong: &mut Vec<Broken>) {
    let objects =
        plan.withheld.iter().filter(|w| !w.is_remark() && !w.stays()).filter_map(|w| if let Subject::Object(a) = &w.subject { Some(a) } else { None });
    let held: BTreeMap<Name, &Address> = objects.map(|a| (name_of(a.kind, a.account.as_str(), &a.name), a)).collect();
    if held.is_empty() {
        return;
    }
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, s)| !s.call.removes()) {
        let mut names = spoken_of(step, plan.changes.get(step.change));
        names.extend(plan.changes.get(step.change).map(|c| name_of(c.address.kind, c.address.account.as_str(), &c.address.name)));
        for address in names.iter().filter_map(|name| held.get(name)) {
            wrong.push(Broken::Withheld { step: StepId(at), address: (*address).clone() });
        }
    }
}

/// The object that an ARN in a document is of.
fn of_arn(text: &str) -> Option<Name> {
    let arn = Arn::parse(text)?;
    match arn.service {
        // Of keys, those that are made have a name that tells them.
        "kms" => KeyRef::parse(text).filter(|key| key.alias().is_some()).map(|key| name_of(Kind::Key, arn.account, &key.name())),
        "s3" => Some(name_of(Kind::Bucket, "", arn.resource.split('/').next()?)),
        "iam" => {
            let (kind, rest) = arn.resource.split_once('/')?;
            let kind = [Kind::Role, Kind::User, Kind::Group, Kind::Policy, Kind::OidcProvider, Kind::SamlProvider].into_iter().find(|k| k.as_str() == kind)?;
            let name = if kind == Kind::OidcProvider { rest } else { rest.rsplit('/').next()? };
            Some(name_of(kind, arn.account, name))
        }
        _ => None,
    }
}

fn of_statement(statement: &Statement) -> impl Iterator<Item = Name> {
    let principals = statement.principal.iter().flat_map(|p| p.entries.values().flatten());
    principals.chain(statement.resource.iter().flat_map(|r| &r.values)).filter_map(|text| of_arn(text))
}

/// Our own statements as they let somebody before.
fn let_before(step: &Step, change: Option<&Change>) -> Vec<Statement> {
    let document = match change.and_then(|change| change.before.as_ref()) {
        Some(ObjectState::Policy(state)) => &state.document,
        Some(ObjectState::KeyPolicy(state)) => &state.document,
        Some(ObjectState::BucketPolicy(BucketPolicyState { document: Some(document), .. })) => document,
        Some(ObjectState::PermissionSet(SetState { document: Some(document), .. })) => document,
        _ => return Vec::new(),
    };
    let ours = |s: &&Statement| s.effect == Effect::Allow && step.share.as_ref().is_some_and(|share| share.is_ours(s));
    document.statements.iter().filter(ours).cloned().collect()
}

/// One thing that a statement gives: to whom, on what, and all else that it says.
type Given = (Option<String>, Option<String>, String);

/// What a statement gives, one by one: where it names many, each stands for itself.
fn given(statement: &Statement) -> BTreeSet<Given> {
    let principals: Vec<Option<String>> = match &statement.principal {
        Some(p) if !p.negated && !p.bare_star => p.entries.values().flatten().cloned().map(Some).collect(),
        _ => vec![None],
    };
    let resources: Vec<Option<String>> = match &statement.resource {
        Some(r) if !r.negated => r.values.iter().cloned().map(Some).collect(),
        _ => vec![None],
    };
    let mut rights = Statement { sid: None, ..statement.clone() };
    if principals != [None] {
        rights.principal = None;
    }
    if resources != [None] {
        rights.resource = None;
    }
    let text = serde_json::to_string(&rights).unwrap_or_default();
    principals.iter().flat_map(|p| resources.iter().map(|r| (p.clone(), r.clone(), text.clone()))).collect()
}

/// The objects to or through which our share of a policy gives what it did not give before. Others' statements are what they were, what
/// stays as it was is given to nobody, and a Deny gives nobody anything.
fn newly_given(step: &Step, change: Option<&Change>) -> BTreeSet<Name> {
    let before: BTreeSet<Given> = let_before(step, change).iter().flat_map(given).collect();
    let ours = step.share.iter().flat_map(|share| &share.statements).filter(|s| s.effect == Effect::Allow);
    let new = ours.flat_map(given).filter(|one| !before.contains(one));
    new.flat_map(|(principal, resource, _)| [principal, resource]).flatten().filter_map(|text| of_arn(&text)).collect()
}

/// The objects that a call gives something to, or through, by their names.
fn spoken_of(step: &Step, change: Option<&Change>) -> BTreeSet<Name> {
    let own = |kind: Kind, name: &str| name_of(kind, step.account.as_str(), name);
    let document = |d: &Document| d.statements.iter().flat_map(of_statement).collect::<BTreeSet<Name>>();
    match &step.call {
        Call::Iam(IamCall::CreateRole { trust, boundary, .. }) => document(trust).into_iter().chain(boundary.as_deref().and_then(of_arn)).collect(),
        Call::Iam(IamCall::UpdateTrust { trust: d, .. } | IamCall::PutInlinePolicy { document: d, .. }) => document(d),
        Call::Iam(IamCall::CreatePolicy { document: d, .. } | IamCall::CreatePolicyVersion { document: d, .. }) => match &step.share {
            Some(_) => newly_given(step, change),
            None => document(d),
        },
        Call::Iam(IamCall::PutBoundary { arn, .. }) => of_arn(arn).into_iter().collect(),
        Call::Iam(IamCall::AttachPolicy { principal, arn }) => of_arn(arn).into_iter().chain([own(principal.kind.kind(), &principal.name)]).collect(),
        Call::Iam(IamCall::AddUserToGroup { group, user }) => [own(Kind::Group, group), own(Kind::User, user)].into(),
        Call::Bucket(BucketCall::PutPolicy { bucket, .. }) => newly_given(step, change).into_iter().chain([own(Kind::Bucket, &bucket.name)]).collect(),
        Call::Bucket(BucketCall::PutLogging { logging: Some(logging), .. }) => [own(Kind::Bucket, &logging.bucket)].into(),
        Call::Bucket(BucketCall::PutEncryption { encryption: Encryption::Kms { key, .. }, .. }) => of_arn(key).into_iter().collect(),
        Call::Key(KeyCall::PutPolicy { .. }) | Call::Set(SetCall::PutPolicy { .. }) => newly_given(step, change),
        // The rest names nothing but what the change itself is about, or takes something away.
        Call::Iam(
            IamCall::UpdateRole { .. }
            | IamCall::DeleteBoundary { .. }
            | IamCall::TagRole { .. }
            | IamCall::UntagRole { .. }
            | IamCall::RemoveRoleFromInstanceProfile { .. }
            | IamCall::DeleteRole { .. }
            | IamCall::DeleteInlinePolicy { .. }
            | IamCall::DetachPolicy { .. }
            | IamCall::DeletePolicyVersion { .. }
            | IamCall::TagPolicy { .. }
            | IamCall::UntagPolicy { .. }
            | IamCall::DeletePolicy { .. }
            | IamCall::CreateUser { .. }
            | IamCall::TagUser { .. }
            | IamCall::UntagUser { .. }
            | IamCall::DeleteUser { .. }
            | IamCall::CreateGroup { .. }
            | IamCall::UpdateGroup { .. }
            | IamCall::DeleteGroup { .. }
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
            | IamCall::DeleteOidcProvider { .. },
        ) => BTreeSet::new(),
        Call::Set(SetCall::DeletePolicy { .. } | SetCall::Provision { .. }) => BTreeSet::new(),
        Call::Key(
            KeyCall::Create { .. }
            | KeyCall::CreateAlias { .. }
            | KeyCall::UpdateDescription { .. }
            | KeyCall::EnableRotation { .. }
            | KeyCall::Tag { .. }
            | KeyCall::Untag { .. }
            | KeyCall::ScheduleDeletion { .. },
        ) => BTreeSet::new(),
        Call::Bucket(
            BucketCall::Create { .. }
            | BucketCall::PutVersioning { .. }
            | BucketCall::PutEncryption { .. }
            | BucketCall::PutPublicAccessBlock { .. }
            | BucketCall::PutOwnership { .. }
            | BucketCall::PutLogging { .. }
            | BucketCall::PutTags { .. }
            | BucketCall::Delete { .. }
            | BucketCall::DeletePolicy { .. },
        ) => BTreeSet::new(),
    }
}
