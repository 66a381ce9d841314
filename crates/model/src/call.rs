//! One AWS call that writes, with every value computed, and the table of what each does.

use std::collections::BTreeSet;
use std::fmt;

use crossrole_policy::Document;
use serde::{Deserialize, Serialize};

use crate::address::Kind;
use crate::identity_center::SetCall;
use crate::ids::{AccountId, Partition};
use crate::key::KeyCall;
use crate::ownership;
use crate::state::{Encryption, Logging, PublicAccessBlock, Tags};

/// A bucket and the region that answers for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BucketRef {
    /// Bucket name.
    pub name: String,
    /// Its region.
    pub region: String,
}

/// What a managed policy can be attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// Role.
    Role,
    /// User.
    User,
    /// Group.
    Group,
}

impl PrincipalKind {
    /// Returns `role`, `user` or `group`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// Returns the kind of object that this is.
    pub fn kind(self) -> Kind {
        match self {
            Self::Role => Kind::Role,
            Self::User => Kind::User,
            Self::Group => Kind::Group,
        }
    }
}

/// A role, user or group of the account that the call goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PrincipalRef {
    /// Which kind.
    pub kind: PrincipalKind,
    /// Its name.
    pub name: String,
}

impl fmt::Display for PrincipalRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

/// A writing call, with every value computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// To IAM.
    Iam(IamCall),
    /// To S3.
    Bucket(BucketCall),
    /// To KMS.
    Key(KeyCall),
    /// To IAM Identity Center.
    Set(SetCall),
}

impl From<SetCall> for Call {
    fn from(call: SetCall) -> Self {
        Self::Set(call)
    }
}

impl From<IamCall> for Call {
    fn from(call: IamCall) -> Self {
        Self::Iam(call)
    }
}

impl From<BucketCall> for Call {
    fn from(call: BucketCall) -> Self {
        Self::Bucket(call)
    }
}

impl From<KeyCall> for Call {
    fn from(call: KeyCall) -> Self {
        Self::Key(call)
    }
}

/// A writing call to IAM; the variant is the API operation, the fields are its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the API parameter of that name")]
pub enum IamCall {
    CreateRole { name: String, path: String, trust: Document, description: String, max_session_seconds: u32, boundary: Option<String>, tags: Tags },
    UpdateTrust { role: String, trust: Document },
    UpdateRole { role: String, description: String, max_session_seconds: u32 },
    PutBoundary { role: String, arn: String },
    DeleteBoundary { role: String },
    TagRole { role: String, tags: Tags },
    UntagRole { role: String, keys: BTreeSet<String> },
    RemoveRoleFromInstanceProfile { role: String, profile: String },
    DeleteRole { role: String },
    PutInlinePolicy { role: String, name: String, document: Document },
    DeleteInlinePolicy { principal: PrincipalRef, name: String },
    AttachPolicy { principal: PrincipalRef, arn: String },
    DetachPolicy { principal: PrincipalRef, arn: String },
    CreatePolicy { name: String, path: String, description: String, document: Document, tags: Tags },
    CreatePolicyVersion { arn: String, document: Document },
    DeletePolicyVersion { arn: String, version: String },
    TagPolicy { arn: String, tags: Tags },
    UntagPolicy { arn: String, keys: BTreeSet<String> },
    DeletePolicy { arn: String },
    CreateUser { name: String, path: String, tags: Tags },
    TagUser { user: String, tags: Tags },
    UntagUser { user: String, keys: BTreeSet<String> },
    DeleteUser { user: String },
    CreateGroup { name: String, path: String },
    UpdateGroup { group: String, path: String },
    DeleteGroup { group: String },
    AddUserToGroup { group: String, user: String },
    RemoveUserFromGroup { group: String, user: String },
    CreateOidcProvider { url: String, client_ids: BTreeSet<String>, tags: Tags },
    AddClientId { arn: String, client_id: String },
    RemoveClientId { arn: String, client_id: String },
    TagOidcProvider { arn: String, tags: Tags },
    UntagOidcProvider { arn: String, keys: BTreeSet<String> },
    DeleteOidcProvider { arn: String },
    CreateSamlProvider { name: String, metadata: String, tags: Tags },
    UpdateSamlProvider { arn: String, metadata: String },
    TagSamlProvider { arn: String, tags: Tags },
    UntagSamlProvider { arn: String, keys: BTreeSet<String> },
    DeleteSamlProvider { arn: String },
}

/// A writing call to S3, on one bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the API parameter of that name")]
pub enum BucketCall {
    Create { bucket: BucketRef, ownership: Option<String>, tags: Tags },
    PutVersioning { bucket: BucketRef, enabled: bool },
    PutEncryption { bucket: BucketRef, encryption: Encryption },
    PutPublicAccessBlock { bucket: BucketRef, block: PublicAccessBlock },
    PutOwnership { bucket: BucketRef, ownership: String },
    PutLogging { bucket: BucketRef, logging: Option<Logging> },
    PutTags { bucket: BucketRef, tags: Tags },
    Delete { bucket: BucketRef },
    PutPolicy { bucket: BucketRef, document: Document },
    DeletePolicy { bucket: BucketRef },
}

/// What a call does to the object that it is made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Makes it: before, it was not there.
    Makes,
    /// Sets a part of it.
    Sets,
    /// Takes it, or a part of it, away: "it is not there" means done.
    Removes,
}

/// What a call finds before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finds {
    /// The part that it writes, as it was planned from.
    AsPlanned,
    /// Whatever is there: several calls write this part, each leaving the others' values alone (tags, audiences).
    Anything,
    /// A document that is replaced whole and that others write too: it is read again before each attempt, and an attempt is
    /// never repeated without.
    SharedDocument,
}

/// One row of the table of effects: all that order, applier, check and the runner's policy know of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effects {
    /// The operation's own name, as in CloudTrail and in the CLI.
    pub operation: &'static str,
    /// The permission that it needs (Service Authorization Reference); most are named like the operation.
    pub permission: &'static str,
    /// What it does.
    pub does: Does,
    /// What it finds.
    pub finds: Finds,
}

pub(crate) const fn row(operation: &'static str, permission: &'static str, does: Does, finds: Finds) -> Effects {
    Effects { operation, permission, does, finds }
}

impl Call {
    /// Returns what the call does.
    pub fn effects(&self) -> Effects {
        match self {
            Self::Iam(call) => call.effects(),
            Self::Bucket(call) => call.effects(),
            Self::Key(call) => call.effects(),
            Self::Set(call) => call.effects(),
        }
    }

    /// Returns the operation's own name.
    pub fn operation(&self) -> &'static str {
        self.effects().operation
    }

    /// Tells whether the call makes an object that was not there.
    pub fn creates(&self) -> bool {
        self.effects().does == Does::Makes
    }

    /// Tells whether the call takes something away, so that "it is not there" means done.
    pub fn removes(&self) -> bool {
        self.effects().does == Does::Removes
    }

    /// Returns the bucket that the call writes to: configuration writes on one bucket must not overlap (S3 answers
    /// `OperationAborted`).
    pub fn bucket(&self) -> Option<&BucketRef> {
        match self {
            Self::Iam(_) | Self::Key(_) | Self::Set(_) => None,
            Self::Bucket(call) => Some(call.bucket()),
        }
    }

    /// Returns the ARN of what the call makes, if that has one that others name.
    pub fn made_arn(&self, account: &AccountId, partition: Partition) -> Option<String> {
        let call = match self {
            Self::Iam(call) => call,
            Self::Key(KeyCall::Create { key, .. }) => return Some(key.arn.clone()),
            Self::Key(_) | Self::Set(_) | Self::Bucket(_) => return None,
        };
        match call {
            IamCall::CreateRole { name, path, .. } => Some(partition.iam_arn(account, "role", path, name)),
            IamCall::CreateUser { name, path, .. } => Some(partition.iam_arn(account, "user", path, name)),
            IamCall::CreatePolicy { name, path, .. } => Some(partition.iam_arn(account, "policy", path, name)),
            IamCall::CreateOidcProvider { url, .. } => Some(partition.iam_arn(account, "oidc-provider", "/", url.trim_start_matches("https://"))),
            IamCall::CreateSamlProvider { name, .. } => Some(partition.iam_arn(account, "saml-provider", "/", name)),
            IamCall::UpdateTrust { .. }
            | IamCall::UpdateRole { .. }
            | IamCall::PutBoundary { .. }
            | IamCall::DeleteBoundary { .. }
            | IamCall::TagRole { .. }
            | IamCall::UntagRole { .. }
            | IamCall::RemoveRoleFromInstanceProfile { .. }
            | IamCall::DeleteRole { .. }
            | IamCall::PutInlinePolicy { .. }
            | IamCall::DeleteInlinePolicy { .. }
            | IamCall::AttachPolicy { .. }
            | IamCall::DetachPolicy { .. }
            | IamCall::CreatePolicyVersion { .. }
            | IamCall::DeletePolicyVersion { .. }
            | IamCall::TagPolicy { .. }
            | IamCall::UntagPolicy { .. }
            | IamCall::DeletePolicy { .. }
            | IamCall::TagUser { .. }
            | IamCall::UntagUser { .. }
            | IamCall::DeleteUser { .. }
            | IamCall::CreateGroup { .. }
            | IamCall::UpdateGroup { .. }
            | IamCall::DeleteGroup { .. }
            | IamCall::AddUserToGroup { .. }
            | IamCall::RemoveUserFromGroup { .. }
            | IamCall::AddClientId { .. }
            | IamCall::RemoveClientId { .. }
            | IamCall::TagOidcProvider { .. }
            | IamCall::UntagOidcProvider { .. }
            | IamCall::DeleteOidcProvider { .. }
            | IamCall::UpdateSamlProvider { .. }
            | IamCall::TagSamlProvider { .. }
            | IamCall::UntagSamlProvider { .. }
            | IamCall::DeleteSamlProvider { .. } => None,
        }
    }
}

impl IamCall {
    fn effects(&self) -> Effects {
        use Does::{Makes, Removes, Sets};
        use Finds::{Anything, AsPlanned, SharedDocument};
        match self {
            Self::CreateRole { .. } => row("CreateRole", "iam:CreateRole", Makes, AsPlanned),
            Self::UpdateTrust { .. } => row("UpdateAssumeRolePolicy", "iam:UpdateAssumeRolePolicy", Sets, SharedDocument),
            Self::UpdateRole { .. } => row("UpdateRole", "iam:UpdateRole", Sets, AsPlanned),
            Self::PutBoundary { .. } => row("PutRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", Sets, AsPlanned),
            Self::DeleteBoundary { .. } => row("DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", Removes, AsPlanned),
            Self::TagRole { .. } => row("TagRole", "iam:TagRole", Sets, Anything),
            Self::UntagRole { .. } => row("UntagRole", "iam:UntagRole", Removes, Anything),
            Self::RemoveRoleFromInstanceProfile { .. } => row("RemoveRoleFromInstanceProfile", "iam:RemoveRoleFromInstanceProfile", Removes, AsPlanned),
            Self::DeleteRole { .. } => row("DeleteRole", "iam:DeleteRole", Removes, AsPlanned),
            Self::PutInlinePolicy { .. } => row("PutRolePolicy", "iam:PutRolePolicy", Sets, AsPlanned),
            Self::DeleteInlinePolicy { principal, .. } => by_kind(
                principal.kind,
                row("DeleteRolePolicy", "iam:DeleteRolePolicy", Removes, AsPlanned),
                row("DeleteUserPolicy", "iam:DeleteUserPolicy", Removes, AsPlanned),
                row("DeleteGroupPolicy", "iam:DeleteGroupPolicy", Removes, AsPlanned),
            ),
            Self::AttachPolicy { principal, .. } => by_kind(
                principal.kind,
                row("AttachRolePolicy", "iam:AttachRolePolicy", Sets, AsPlanned),
                row("AttachUserPolicy", "iam:AttachUserPolicy", Sets, AsPlanned),
                row("AttachGroupPolicy", "iam:AttachGroupPolicy", Sets, AsPlanned),
            ),
            Self::DetachPolicy { principal, .. } => by_kind(
                principal.kind,
                row("DetachRolePolicy", "iam:DetachRolePolicy", Removes, AsPlanned),
                row("DetachUserPolicy", "iam:DetachUserPolicy", Removes, AsPlanned),
                row("DetachGroupPolicy", "iam:DetachGroupPolicy", Removes, AsPlanned),
            ),
            Self::CreatePolicy { path, .. } => {
                row("CreatePolicy", "iam:CreatePolicy", Makes, if path == ownership::CALLER_PATH { SharedDocument } else { AsPlanned })
            }
            Self::CreatePolicyVersion { arn, .. } => {
                row("CreatePolicyVersion", "iam:CreatePolicyVersion", Sets, if ownership::is_caller_arn(arn) { SharedDocument } else { AsPlanned })
            }
            Self::DeletePolicyVersion { .. } => row("DeletePolicyVersion", "iam:DeletePolicyVersion", Removes, AsPlanned),
            Self::TagPolicy { .. } => row("TagPolicy", "iam:TagPolicy", Sets, Anything),
            Self::UntagPolicy { .. } => row("UntagPolicy", "iam:UntagPolicy", Removes, Anything),
            Self::DeletePolicy { arn } => {
                row("DeletePolicy", "iam:DeletePolicy", Removes, if ownership::is_caller_arn(arn) { SharedDocument } else { AsPlanned })
            }
            Self::CreateUser { .. } => row("CreateUser", "iam:CreateUser", Makes, AsPlanned),
            Self::TagUser { .. } => row("TagUser", "iam:TagUser", Sets, Anything),
            Self::UntagUser { .. } => row("UntagUser", "iam:UntagUser", Removes, Anything),
            Self::DeleteUser { .. } => row("DeleteUser", "iam:DeleteUser", Removes, AsPlanned),
            Self::CreateGroup { .. } => row("CreateGroup", "iam:CreateGroup", Makes, AsPlanned),
            Self::UpdateGroup { .. } => row("UpdateGroup", "iam:UpdateGroup", Sets, AsPlanned),
            Self::DeleteGroup { .. } => row("DeleteGroup", "iam:DeleteGroup", Removes, AsPlanned),
            Self::AddUserToGroup { .. } => row("AddUserToGroup", "iam:AddUserToGroup", Sets, AsPlanned),
            Self::RemoveUserFromGroup { .. } => row("RemoveUserFromGroup", "iam:RemoveUserFromGroup", Removes, AsPlanned),
            Self::CreateOidcProvider { .. } => row("CreateOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", Makes, AsPlanned),
            Self::AddClientId { .. } => row("AddClientIDToOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider", Sets, Anything),
            Self::RemoveClientId { .. } => row("RemoveClientIDFromOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider", Removes, Anything),
            Self::TagOidcProvider { .. } => row("TagOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", Sets, Anything),
            Self::UntagOidcProvider { .. } => row("UntagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider", Removes, Anything),
            Self::DeleteOidcProvider { .. } => row("DeleteOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", Removes, AsPlanned),
            Self::CreateSamlProvider { .. } => row("CreateSAMLProvider", "iam:CreateSAMLProvider", Makes, AsPlanned),
            Self::UpdateSamlProvider { .. } => row("UpdateSAMLProvider", "iam:UpdateSAMLProvider", Sets, AsPlanned),
            Self::TagSamlProvider { .. } => row("TagSAMLProvider", "iam:TagSAMLProvider", Sets, Anything),
            Self::UntagSamlProvider { .. } => row("UntagSAMLProvider", "iam:UntagSAMLProvider", Removes, Anything),
            Self::DeleteSamlProvider { .. } => row("DeleteSAMLProvider", "iam:DeleteSAMLProvider", Removes, AsPlanned),
        }
    }
}

impl BucketCall {
    fn effects(&self) -> Effects {
        use Does::{Makes, Removes, Sets};
        use Finds::{AsPlanned, SharedDocument};
        match self {
            Self::Create { .. } => row("CreateBucket", "s3:CreateBucket", Makes, AsPlanned),
            Self::PutVersioning { .. } => row("PutBucketVersioning", "s3:PutBucketVersioning", Sets, AsPlanned),
            Self::PutEncryption { .. } => row("PutBucketEncryption", "s3:PutEncryptionConfiguration", Sets, AsPlanned),
            Self::PutPublicAccessBlock { .. } => row("PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", Sets, AsPlanned),
            Self::PutOwnership { .. } => row("PutBucketOwnershipControls", "s3:PutBucketOwnershipControls", Sets, AsPlanned),
            Self::PutLogging { .. } => row("PutBucketLogging", "s3:PutBucketLogging", Sets, AsPlanned),
            Self::PutTags { .. } => row("PutBucketTagging", "s3:PutBucketTagging", Sets, AsPlanned),
            Self::Delete { .. } => row("DeleteBucket", "s3:DeleteBucket", Removes, AsPlanned),
            Self::PutPolicy { .. } => row("PutBucketPolicy", "s3:PutBucketPolicy", Sets, SharedDocument),
            Self::DeletePolicy { .. } => row("DeleteBucketPolicy", "s3:DeleteBucketPolicy", Removes, SharedDocument),
        }
    }

    /// Returns the bucket.
    pub fn bucket(&self) -> &BucketRef {
        match self {
            Self::Create { bucket, .. }
            | Self::PutVersioning { bucket, .. }
            | Self::PutEncryption { bucket, .. }
            | Self::PutPublicAccessBlock { bucket, .. }
            | Self::PutOwnership { bucket, .. }
            | Self::PutLogging { bucket, .. }
            | Self::PutTags { bucket, .. }
            | Self::Delete { bucket }
            | Self::PutPolicy { bucket, .. }
            | Self::DeletePolicy { bucket } => bucket,
        }
    }
}

fn by_kind(kind: PrincipalKind, role: Effects, user: Effects, group: Effects) -> Effects {
    match kind {
        PrincipalKind::Role => role,
        PrincipalKind::User => user,
        PrincipalKind::Group => group,
    }
}
