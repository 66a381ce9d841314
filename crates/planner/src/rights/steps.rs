//! What the calls of one plan take.

use std::collections::BTreeMap;

use crossrole_model::observed::AccountState;
use crossrole_model::{AccountId, BucketCall, Call, Change, IamCall, KeyCall, KeyRef, ObjectState, Observed, Plan, PrincipalKind, SetCall, Step, ownership};

use super::Rights;

/// Returns what carrying the plan out takes, by account; what the right is of lies under a path that was not read: then it is not
/// among them.
pub fn rights_of(plan: &Plan, observed: &Observed) -> BTreeMap<AccountId, Rights> {
    let mut all: BTreeMap<AccountId, Rights> = BTreeMap::new();
    for step in &plan.steps {
        let change = plan.changes.get(step.change);
        if let Some((arn, actions)) = change.and_then(|change| shared_policy(plan, change)) {
            all.entry(step.account.clone()).or_default().add(arn, actions);
        }
        for resource in resource(plan, observed, step).into_iter().chain(moved(plan, step)) {
            let rights = all.entry(step.account.clone()).or_default();
            rights.add(resource.as_str(), &[step.call.effects().permission]);
            rights.add(resource.as_str(), with_tags(&step.call));
            rights.add(resource.as_str(), read_again(&step.call));
            // What is made is looked at afterwards, and its settings were not asked for while it was not there.
            let after = change.and_then(|change| change.after.as_ref());
            if let (Call::Bucket(BucketCall::Create { .. }), Some(ObjectState::Bucket(state))) = (&step.call, after) {
                rights.add(resource, &super::reads::settings(state));
            }
        }
        // A key is looked at when it is made, and an alias asks for a right on both (AWS KMS Developer Guide, "Controlling access to
        // aliases").
        let rights = all.entry(step.account.clone()).or_default();
        match &step.call {
            Call::Key(KeyCall::Create { key, tags, .. }) => {
                let arn = in_force(observed, key);
                rights.add(arn.as_str(), super::reads::OF_KEY);
                // Which resource KMS asks about is not documented: who may it on all, may it on this one.
                rights.add(arn, if tags.is_empty() { &[] } else { &["kms:TagResource"] });
            }
            Call::Key(KeyCall::CreateAlias { key }) => rights.add(key.alias_arn().unwrap_or_default(), &["kms:CreateAlias"]),
            _ => {}
        }
    }
    all
}

/// The ARN that a group gets which moves. IAM asks about both (IAM API reference, `UpdateGroup`), and of what else is done with it, about that
/// which it has then.
fn moved(plan: &Plan, step: &Step) -> Option<String> {
    let group = match &step.call {
        Call::Iam(
            IamCall::UpdateGroup { group, .. }
            | IamCall::DeleteGroup { group }
            | IamCall::AddUserToGroup { group, .. }
            | IamCall::RemoveUserFromGroup { group, .. },
        ) => group,
        Call::Iam(IamCall::DeleteInlinePolicy { principal, .. } | IamCall::AttachPolicy { principal, .. } | IamCall::DetachPolicy { principal, .. })
            if principal.kind == PrincipalKind::Group =>
        {
            &principal.name
        }
        _ => return None,
    };
    plan.steps.iter().filter(|other| other.account == step.account).find_map(|other| match &other.call {
        Call::Iam(IamCall::UpdateGroup { group: moved, path }) if moved.eq_ignore_ascii_case(group) => {
            Some(plan.partition.iam_arn(&step.account, "group", path, moved))
        }
        _ => None,
    })
}

/// What is tagged when it is made takes a second right (IAM User Guide, "Tags for AWS Identity and Access Management resources"; S3
/// API reference, CreateBucket).
fn with_tags(call: &Call) -> &'static [&'static str] {
    match call {
        Call::Iam(IamCall::CreateRole { tags, .. }) if !tags.is_empty() => &["iam:TagRole"],
        Call::Iam(IamCall::CreateUser { tags, .. }) if !tags.is_empty() => &["iam:TagUser"],
        Call::Iam(IamCall::CreatePolicy { tags, .. }) if !tags.is_empty() => &["iam:TagPolicy"],
        Call::Iam(IamCall::CreateOidcProvider { tags, .. }) if !tags.is_empty() => &["iam:TagOpenIDConnectProvider"],
        Call::Iam(IamCall::CreateSamlProvider { tags, .. }) if !tags.is_empty() => &["iam:TagSAMLProvider"],
        Call::Bucket(BucketCall::Create { tags, .. }) if !tags.is_empty() => &["s3:TagResource"],
        _ => &[],
    }
}

/// What others write as well is read again before it is written, and what is made, and read by itself, after that.
fn read_again(call: &Call) -> &'static [&'static str] {
    match call {
        Call::Iam(IamCall::CreatePolicy { path, .. }) if path != ownership::CALLER_PATH => &["iam:ListPolicyTags"],
        Call::Iam(IamCall::UpdateTrust { .. }) => &["iam:GetRole"],
        Call::Iam(IamCall::CreateOidcProvider { .. }) => &["iam:GetOpenIDConnectProvider"],
        Call::Iam(IamCall::CreateSamlProvider { .. }) => &["iam:GetSAMLProvider"],
        Call::Bucket(BucketCall::PutPolicy { .. } | BucketCall::DeletePolicy { .. }) => &["s3:GetBucketPolicy"],
        Call::Key(KeyCall::PutPolicy { .. }) => &["kms:GetKeyPolicy"],
        Call::Set(SetCall::PutPolicy { .. } | SetCall::DeletePolicy { .. }) => &["sso:GetInlinePolicyForPermissionSet"],
        _ => &[],
    }
}

/// A policy of the caller's side is many manifests': it is read again before each call that is about it.
fn shared_policy(plan: &Plan, change: &Change) -> Option<(String, &'static [&'static str])> {
    let Some(ObjectState::Policy(state)) = change.before.as_ref().or(change.after.as_ref()) else { return None };
    let arn = plan.partition.iam_arn(&change.address.account, "policy", &state.path, &change.address.name);
    let actions: &[&str] = if change.before.is_some() { &["iam:GetPolicy", "iam:GetPolicyVersion"] } else { &["iam:GetPolicy"] };
    (state.path == ownership::CALLER_PATH).then_some((arn, actions))
}

/// The ARN that the permission of a call is checked on (Service Authorization Reference, "Resource types").
fn resource(plan: &Plan, observed: &Observed, step: &Step) -> Option<String> {
    let iam = |kind: &str, path: &str, name: &str| Some(plan.partition.iam_arn(&step.account, kind, path, name));
    let of = |kind: PrincipalKind, name: &str| {
        let (path, name) = place(plan, observed, &step.account, kind, name)?;
        iam(kind.as_str(), &path, &name)
    };
    match &step.call {
        Call::Iam(call) => match call {
            IamCall::CreateRole { name, path, .. } => iam("role", path, name),
            IamCall::CreatePolicy { name, path, .. } => iam("policy", path, name),
            IamCall::CreateUser { name, path, .. } => iam("user", path, name),
            IamCall::CreateGroup { name, path } => iam("group", path, name),
            IamCall::CreateOidcProvider { url, .. } => iam("oidc-provider", "/", url.trim_start_matches("https://")),
            IamCall::CreateSamlProvider { name, .. } => iam("saml-provider", "/", name),
            IamCall::UpdateTrust { role, .. }
            | IamCall::UpdateRole { role, .. }
            | IamCall::PutBoundary { role, .. }
            | IamCall::DeleteBoundary { role }
            | IamCall::TagRole { role, .. }
            | IamCall::UntagRole { role, .. }
            | IamCall::DeleteRole { role }
            | IamCall::PutInlinePolicy { role, .. } => of(PrincipalKind::Role, role),
            // IAM asks about the profile, of which the path was not read.
            IamCall::RemoveRoleFromInstanceProfile { .. } => None,
            IamCall::DeleteInlinePolicy { principal, .. } | IamCall::AttachPolicy { principal, .. } | IamCall::DetachPolicy { principal, .. } => {
                of(principal.kind, &principal.name)
            }
            IamCall::TagUser { user, .. } | IamCall::UntagUser { user, .. } | IamCall::DeleteUser { user } => of(PrincipalKind::User, user),
            IamCall::UpdateGroup { group, .. }
            | IamCall::DeleteGroup { group }
            | IamCall::AddUserToGroup { group, .. }
            | IamCall::RemoveUserFromGroup { group, .. } => of(PrincipalKind::Group, group),
            IamCall::CreatePolicyVersion { arn, .. }
            | IamCall::DeletePolicyVersion { arn, .. }
            | IamCall::TagPolicy { arn, .. }
            | IamCall::UntagPolicy { arn, .. }
            | IamCall::DeletePolicy { arn }
            | IamCall::AddClientId { arn, .. }
            | IamCall::RemoveClientId { arn, .. }
            | IamCall::TagOidcProvider { arn, .. }
            | IamCall::UntagOidcProvider { arn, .. }
            | IamCall::DeleteOidcProvider { arn }
            | IamCall::UpdateSamlProvider { arn, .. }
            | IamCall::TagSamlProvider { arn, .. }
            | IamCall::UntagSamlProvider { arn, .. }
            | IamCall::DeleteSamlProvider { arn } => Some(arn.clone()),
        },
        Call::Bucket(call) => {
            let (BucketCall::Create { bucket, .. }
            | BucketCall::PutVersioning { bucket, .. }
            | BucketCall::PutEncryption { bucket, .. }
            | BucketCall::PutPublicAccessBlock { bucket, .. }
            | BucketCall::PutOwnership { bucket, .. }
            | BucketCall::PutLogging { bucket, .. }
            | BucketCall::PutTags { bucket, .. }
            | BucketCall::Delete { bucket }
            | BucketCall::PutPolicy { bucket, .. }
            | BucketCall::DeletePolicy { bucket }) = call;
            Some(plan.partition.s3_arn(&bucket.name))
        }
        Call::Key(KeyCall::Create { .. }) => Some("*".to_owned()),
        Call::Key(call) => Some(in_force(observed, call.key())),
        Call::Set(SetCall::PutPolicy { set, .. } | SetCall::DeletePolicy { set } | SetCall::Provision { set, .. }) => Some(set.arn.clone()),
    }
}

/// What AWS calls a key: one that is not there yet is known by its alias.
fn in_force(observed: &Observed, key: &KeyRef) -> String {
    observed.made_keys().remove(&key.arn).unwrap_or_else(|| key.arn.clone())
}

/// Path and name of a principal: as this plan makes it, or as it was read, in IAM's spelling.
fn place(plan: &Plan, observed: &Observed, account: &AccountId, kind: PrincipalKind, name: &str) -> Option<(String, String)> {
    let made = plan.steps.iter().filter(|step| step.account == *account).find_map(|step| match (&step.call, kind) {
        (Call::Iam(IamCall::CreateRole { name: made, path, .. }), PrincipalKind::Role)
        | (Call::Iam(IamCall::CreateUser { name: made, path, .. }), PrincipalKind::User)
        | (Call::Iam(IamCall::CreateGroup { name: made, path }), PrincipalKind::Group)
            if made == name =>
        {
            Some((path.clone(), made.clone()))
        }
        _ => None,
    });
    let key = name.to_ascii_lowercase();
    let read = |state: &AccountState| match kind {
        PrincipalKind::Role => state.roles.get(&key).map(|role| (role.state.path.clone(), role.name.clone())),
        PrincipalKind::User => state.users.get(&key).map(|user| (user.state.path.clone(), user.name.clone())),
        PrincipalKind::Group => state.groups.get(&key).map(|group| (group.state.path.clone(), group.name.clone())),
    };
    made.or_else(|| read(observed.accounts.get(account)?.known()?))
}
