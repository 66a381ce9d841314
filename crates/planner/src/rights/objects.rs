//! What carrying out, healing and taking back each declared object takes.

use crossrole_model::desired::DesiredState;
use crossrole_model::state::{BucketState, RoleState};
use crossrole_model::{Address, Desired, KeyRef, PrincipalKind, PrincipalRef, ownership};

use super::Rights;

pub(super) fn writes(desired: &Desired, address: &Address, state: &DesiredState, rights: &mut Rights) {
    let iam = |kind: &str, path: &str, name: &str| desired.partition.iam_arn(&address.account, kind, path, name);
    match state {
        DesiredState::Role { state, .. } => role(desired, address, state, rights),
        DesiredState::Policy(state) => {
            let arn = iam("policy", &state.path, &address.name);
            rights.add(arn.as_str(), POLICY);
            rights.add_detached(arn);
        }
        DesiredState::User(state) => rights.add(iam("user", &state.path, &address.name), USER),
        DesiredState::Group { state, members: _ } => {
            rights.add(iam("group", &state.path, &address.name), GROUP);
            // One that moves from the path of an earlier name is asked about by both ARNs.
            for path in desired.manifests.iter().flat_map(|manifest| &manifest.renamed_from).map(|name| ownership::group_path(name)) {
                rights.add(iam("group", &state.path, &address.name), &["iam:UpdateGroup"]);
                rights.add(iam("group", &path, &address.name), FORMER_GROUP);
            }
        }
        // A group of another path than ours is found where it is.
        DesiredState::Membership(state) => {
            let path = desired.objects.iter().find_map(|(a, o)| match &o.state {
                DesiredState::Group { state: group, members: _ } if a.account == address.account && a.name == state.group => Some(group.path.clone()),
                _ => None,
            });
            let name = state.group.as_str();
            let resource = path.map_or_else(|| iam("group", "/", &format!("*{name}")), |path| iam("group", &path, name));
            rights.add(resource, &["iam:AddUserToGroup", "iam:RemoveUserFromGroup"]);
        }
        DesiredState::Caller { principal, .. } => caller(desired, address, principal, rights),
        DesiredState::OidcProvider(_) => rights.add(iam(address.kind.as_str(), "/", &address.name), OIDC),
        DesiredState::SamlProvider(_) => rights.add(iam(address.kind.as_str(), "/", &address.name), SAML),
        DesiredState::Bucket(state) => {
            let arn = desired.partition.s3_arn(&address.name);
            rights.add(arn.as_str(), &["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketTagging", "s3:TagResource"]);
            rights.add(arn, &bucket(state));
        }
        DesiredState::BucketPolicy { .. } => {
            rights.add(desired.partition.s3_arn(&address.name), &["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"]);
        }
        DesiredState::Key(_) => key(desired, address, rights),
        DesiredState::KeyPolicy { key, .. } if key.alias().is_none() => rights.add(key.arn.as_str(), &["kms:PutKeyPolicy"]),
        DesiredState::KeyPolicy { .. } => {}
        DesiredState::PermissionSet { .. } => sets(desired, rights),
    }
}

const POLICY: &[&str] = &["iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:TagPolicy", "iam:UntagPolicy"];
const USER: &[&str] = &["iam:CreateUser", "iam:DeleteUser", "iam:DeleteUserPolicy", "iam:DetachUserPolicy", "iam:TagUser", "iam:UntagUser"];
const GROUP: &[&str] = &["iam:CreateGroup", "iam:DeleteGroup", "iam:DeleteGroupPolicy", "iam:DetachGroupPolicy", "iam:RemoveUserFromGroup"];
/// What a group takes that lies under the path of a name that a manifest had: it moves, or goes.
const FORMER_GROUP: &[&str] = &["iam:DeleteGroup", "iam:DeleteGroupPolicy", "iam:DetachGroupPolicy", "iam:RemoveUserFromGroup", "iam:UpdateGroup"];
const OIDC: &[&str] = &[
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:CreateOpenIDConnectProvider",
    "iam:DeleteOpenIDConnectProvider",
    "iam:RemoveClientIDFromOpenIDConnectProvider",
    "iam:TagOpenIDConnectProvider",
    "iam:UntagOpenIDConnectProvider",
];
const SAML: &[&str] = &["iam:CreateSAMLProvider", "iam:DeleteSAMLProvider", "iam:TagSAMLProvider", "iam:UntagSAMLProvider", "iam:UpdateSAMLProvider"];

/// A role that is declared whole: what others have put on it is taken off.
const ROLE: &[&str] = &[
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
];

fn role(desired: &Desired, address: &Address, state: &RoleState, rights: &mut Rights) {
    let arn = desired.partition.iam_arn(&address.account, "role", &state.path, &address.name);
    rights.add(arn.as_str(), ROLE);
    if !state.attached.is_empty() {
        rights.add(arn.as_str(), &["iam:AttachRolePolicy"]);
    }
    let boundary = if state.boundary.is_some() { "iam:PutRolePermissionsBoundary" } else { "iam:DeleteRolePermissionsBoundary" };
    rights.add(arn.as_str(), &[boundary]);
    // A role goes out of the profiles that others have put it into before it is deleted.
    rights.add(arn, &["iam:RemoveRoleFromInstanceProfile"]);
    rights.add(desired.partition.iam_arn(&address.account, "instance-profile", "/", "*"), &["iam:RemoveRoleFromInstanceProfile"]);
}

/// The policies of the caller's side, and putting them on whom they are for.
fn caller(desired: &Desired, address: &Address, principal: &PrincipalRef, rights: &mut Rights) {
    let first = ownership::caller_policy(principal, 1);
    // Those that hold what one does not: `crossrole-caller2-…`.
    let more = first.replacen("crossrole-caller-", "crossrole-caller?-", 1);
    for name in [first, more] {
        let arn = desired.partition.iam_arn(&address.account, "policy", ownership::CALLER_PATH, &name);
        rights.add(arn.as_str(), POLICY);
        rights.add(arn, &["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"]);
    }
    // Whoever else holds one of them loses it.
    let any = ownership::caller_policy(principal, 1).replacen("crossrole-caller-", "crossrole-caller*-", 1);
    rights.add_detached(desired.partition.iam_arn(&address.account, "policy", ownership::CALLER_PATH, &any));
    let (kind, actions): (&str, &[&str]) = match principal.kind {
        PrincipalKind::Role => ("role", &["iam:AttachRolePolicy", "iam:DetachRolePolicy"]),
        PrincipalKind::User => ("user", &["iam:AttachUserPolicy", "iam:DetachUserPolicy"]),
        PrincipalKind::Group => ("group", &["iam:AttachGroupPolicy", "iam:DetachGroupPolicy"]),
    };
    let own = Address::new(&address.account, principal.kind.kind(), &principal.name);
    let path = desired.objects.get(&own).and_then(|object| match &object.state {
        DesiredState::Role { state, .. } => Some(state.path.clone()),
        DesiredState::User(state) => Some(state.path.clone()),
        DesiredState::Group { state, members: _ } => Some(state.path.clone()),
        _ => None,
    });
    let arn = |path: &str, name: &str| desired.partition.iam_arn(&address.account, kind, path, name);
    match path {
        Some(path) => rights.add(arn(&path, &principal.name), actions),
        // Somebody else's may lie under any path.
        None => {
            rights.add(arn("/", &principal.name), actions);
            rights.add(arn("/*/", &principal.name), actions);
        }
    }
}

fn bucket(state: &BucketState) -> Vec<&'static str> {
    // No `..`: a new setting stops the build until someone decides. Its mark is written in any case.
    let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags: _ } = state;
    let write = [
        (versioning.is_some(), "s3:PutBucketVersioning"),
        (encryption.is_some(), "s3:PutEncryptionConfiguration"),
        (public_access_block.is_some(), "s3:PutBucketPublicAccessBlock"),
        (ownership.is_some(), "s3:PutBucketOwnershipControls"),
        (logging.is_some(), "s3:PutBucketLogging"),
    ];
    write.into_iter().filter(|(is, _)| *is).map(|(_, action)| action).collect()
}

fn key(desired: &Desired, address: &Address, rights: &mut Rights) {
    let key = KeyRef::named(desired.partition, &address.account, &address.name);
    // There is no key to speak of before it is made.
    rights.add("*", &["kms:CreateKey", "kms:TagResource"]);
    rights.add(key.alias_arn().unwrap_or_default(), &["kms:CreateAlias"]);
    let any = format!("arn:{}:kms:{}:{}:key/*", desired.partition.as_str(), key.region(), key.account());
    let actions = &[
        "kms:CreateAlias",
        "kms:EnableKeyRotation",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateKeyDescription",
    ];
    rights.add_marked(any, actions);
}

fn sets(desired: &Desired, rights: &mut Rights) {
    let Some(at) = &desired.identity_center else { return };
    let actions = &[
        "sso:DeleteInlinePolicyFromPermissionSet",
        "sso:DescribePermissionSetProvisioningStatus",
        "sso:ProvisionPermissionSet",
        "sso:PutInlinePolicyToPermissionSet",
    ];
    rights.add(at.instance.as_str(), actions);
    rights.add(format!("{}/*", at.instance.replace(":::instance/", ":::permissionSet/")), actions);
}
