//! Objects that are withheld: nothing may rest on one.

use crossrole_model::{Address, Broken, BucketCall, Call, IamCall, Kind, Plan, Step, StepId, Subject};
use crossrole_policy::{Arn, Document, Statement};

/// Nothing names, or is put on, an object that is withheld.
pub(super) fn withheld(plan: &Plan, wrong: &mut Vec<Broken>) {
    let held: Vec<&Address> = plan.withheld.iter().filter_map(|w| if let Subject::Object(a) = &w.subject { Some(a) } else { None }).collect();
    if held.is_empty() {
        return;
    }
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, s)| !s.call.removes()) {
        let on = plan.changes.get(step.change).map(|c| &c.address);
        for address in &held {
            if on == Some(*address) || speaks_of(step, address) {
                wrong.push(Broken::Withheld { step: StepId(at), address: (*address).clone() });
            }
        }
    }
}

/// Tells whether a call gives something to, or through, this object by its name.
fn speaks_of(step: &Step, held: &Address) -> bool {
    let same = |kind: Kind, name: &str| held.kind == kind && step.account == held.account && held.name.eq_ignore_ascii_case(name);
    let arn = |text: &str| {
        let Some(arn) = Arn::parse(text) else { return false };
        match arn.service {
            "s3" => held.kind == Kind::Bucket && arn.resource.split('/').next() == Some(held.name.as_str()),
            "iam" => {
                let bare = arn
                    .resource
                    .split_once('/')
                    .map(|(kind, rest)| (kind, if kind == "oidc-provider" { rest } else { rest.rsplit('/').next().unwrap_or(rest) }));
                bare.is_some_and(|(kind, name)| kind == held.kind.as_str() && name.eq_ignore_ascii_case(&held.name)) && arn.account == held.account.as_str()
            }
            _ => false,
        }
    };
    let statement = |s: &Statement| {
        let principals = s.principal.iter().flat_map(|p| p.entries.values().flatten());
        principals.chain(s.resource.iter().flat_map(|r| &r.values)).any(|text| arn(text))
    };
    let document = |d: &Document| d.statements.iter().any(statement);
    match &step.call {
        Call::Iam(IamCall::CreateRole { trust, boundary, .. }) => document(trust) || boundary.as_deref().is_some_and(arn),
        Call::Iam(IamCall::UpdateTrust { trust: d, .. } | IamCall::PutInlinePolicy { document: d, .. }) => document(d),
        Call::Iam(IamCall::CreatePolicy { document: d, .. } | IamCall::CreatePolicyVersion { document: d, .. }) => match &step.share {
            // Others' statements are what they were.
            Some(share) => share.statements.iter().any(statement),
            None => document(d),
        },
        Call::Iam(IamCall::PutBoundary { arn: a, .. }) => arn(a),
        Call::Iam(IamCall::AttachPolicy { principal, arn: a }) => arn(a) || same(principal.kind.kind(), &principal.name),
        Call::Iam(IamCall::AddUserToGroup { group, user }) => same(Kind::Group, group) || same(Kind::User, user),
        Call::Bucket(BucketCall::PutPolicy { bucket, .. }) => same(Kind::Bucket, &bucket.name) || step.share.iter().flat_map(|s| &s.statements).any(statement),
        Call::Bucket(BucketCall::PutLogging { logging: Some(logging), .. }) => same(Kind::Bucket, &logging.bucket),
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
            | IamCall::DeleteGroup { .. }
            | IamCall::RemoveUserFromGroup { .. }
            | IamCall::CreateOidcProvider { .. }
            | IamCall::AddClientId { .. }
            | IamCall::RemoveClientId { .. }
            | IamCall::TagOidcProvider { .. }
            | IamCall::UntagOidcProvider { .. }
            | IamCall::DeleteOidcProvider { .. },
        ) => false,
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
        ) => false,
    }
}
