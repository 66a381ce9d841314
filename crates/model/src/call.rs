//! One AWS call that writes, with every value computed.

use std::collections::BTreeSet;
use std::fmt;

use crossrole_policy::Document;
use serde::{Deserialize, Serialize};

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

/// A writing call; the variant is the API operation, the fields are its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the API parameter of that name")]
pub enum Call {
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
    DeleteGroup { group: String },
    AddUserToGroup { group: String, user: String },
    RemoveUserFromGroup { group: String, user: String },
    CreateOidcProvider { url: String, client_ids: BTreeSet<String>, tags: Tags },
    AddClientId { arn: String, client_id: String },
    RemoveClientId { arn: String, client_id: String },
    TagOidcProvider { arn: String, tags: Tags },
    UntagOidcProvider { arn: String, keys: BTreeSet<String> },
    DeleteOidcProvider { arn: String },
    CreateBucket { bucket: BucketRef, ownership: Option<String>, tags: Tags },
    PutVersioning { bucket: BucketRef, enabled: bool },
    PutEncryption { bucket: BucketRef, encryption: Encryption },
    PutPublicAccessBlock { bucket: BucketRef, block: PublicAccessBlock },
    PutOwnership { bucket: BucketRef, ownership: String },
    PutLogging { bucket: BucketRef, logging: Option<Logging> },
    PutBucketTags { bucket: BucketRef, tags: Tags },
    DeleteBucket { bucket: BucketRef },
    PutBucketPolicy { bucket: BucketRef, document: Document },
    DeleteBucketPolicy { bucket: BucketRef },
}

impl Call {
    /// Returns the AWS operation's own name, as in CloudTrail and in the CLI.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateRole { .. } => "CreateRole",
            Self::UpdateTrust { .. } => "UpdateAssumeRolePolicy",
            Self::UpdateRole { .. } => "UpdateRole",
            Self::PutBoundary { .. } => "PutRolePermissionsBoundary",
            Self::DeleteBoundary { .. } => "DeleteRolePermissionsBoundary",
            Self::TagRole { .. } => "TagRole",
            Self::UntagRole { .. } => "UntagRole",
            Self::RemoveRoleFromInstanceProfile { .. } => "RemoveRoleFromInstanceProfile",
            Self::DeleteRole { .. } => "DeleteRole",
            Self::PutInlinePolicy { .. } => "PutRolePolicy",
            Self::DeleteInlinePolicy { principal, .. } => match principal.kind {
                PrincipalKind::Role => "DeleteRolePolicy",
                PrincipalKind::User => "DeleteUserPolicy",
                PrincipalKind::Group => "DeleteGroupPolicy",
            },
            Self::AttachPolicy { principal, .. } => match principal.kind {
                PrincipalKind::Role => "AttachRolePolicy",
                PrincipalKind::User => "AttachUserPolicy",
                PrincipalKind::Group => "AttachGroupPolicy",
            },
            Self::DetachPolicy { principal, .. } => match principal.kind {
                PrincipalKind::Role => "DetachRolePolicy",
                PrincipalKind::User => "DetachUserPolicy",
                PrincipalKind::Group => "DetachGroupPolicy",
            },
            Self::CreatePolicy { .. } => "CreatePolicy",
            Self::CreatePolicyVersion { .. } => "CreatePolicyVersion",
            Self::DeletePolicyVersion { .. } => "DeletePolicyVersion",
            Self::TagPolicy { .. } => "TagPolicy",
            Self::UntagPolicy { .. } => "UntagPolicy",
            Self::DeletePolicy { .. } => "DeletePolicy",
            Self::CreateUser { .. } => "CreateUser",
            Self::TagUser { .. } => "TagUser",
            Self::UntagUser { .. } => "UntagUser",
            Self::DeleteUser { .. } => "DeleteUser",
            Self::CreateGroup { .. } => "CreateGroup",
            Self::DeleteGroup { .. } => "DeleteGroup",
            Self::AddUserToGroup { .. } => "AddUserToGroup",
            Self::RemoveUserFromGroup { .. } => "RemoveUserFromGroup",
            Self::CreateOidcProvider { .. } => "CreateOpenIDConnectProvider",
            Self::AddClientId { .. } => "AddClientIDToOpenIDConnectProvider",
            Self::RemoveClientId { .. } => "RemoveClientIDFromOpenIDConnectProvider",
            Self::TagOidcProvider { .. } => "TagOpenIDConnectProvider",
            Self::UntagOidcProvider { .. } => "UntagOpenIDConnectProvider",
            Self::DeleteOidcProvider { .. } => "DeleteOpenIDConnectProvider",
            Self::CreateBucket { .. } => "CreateBucket",
            Self::PutVersioning { .. } => "PutBucketVersioning",
            Self::PutEncryption { .. } => "PutBucketEncryption",
            Self::PutPublicAccessBlock { .. } => "PutPublicAccessBlock",
            Self::PutOwnership { .. } => "PutBucketOwnershipControls",
            Self::PutLogging { .. } => "PutBucketLogging",
            Self::PutBucketTags { .. } => "PutBucketTagging",
            Self::DeleteBucket { .. } => "DeleteBucket",
            Self::PutBucketPolicy { .. } => "PutBucketPolicy",
            Self::DeleteBucketPolicy { .. } => "DeleteBucketPolicy",
        }
    }

    /// Tells whether the call makes an object that was not there.
    pub fn creates(&self) -> bool {
        matches!(
            self,
            Self::CreateRole { .. }
                | Self::CreatePolicy { .. }
                | Self::CreateUser { .. }
                | Self::CreateGroup { .. }
                | Self::CreateOidcProvider { .. }
                | Self::CreateBucket { .. }
        )
    }

    /// Tells whether the call takes something away, so that "it is not there" means done.
    pub fn removes(&self) -> bool {
        matches!(
            self,
            Self::DeleteRole { .. }
                | Self::DeletePolicy { .. }
                | Self::DeleteUser { .. }
                | Self::DeleteGroup { .. }
                | Self::DeleteOidcProvider { .. }
                | Self::DeleteBucket { .. }
                | Self::DeleteBucketPolicy { .. }
                | Self::DeleteInlinePolicy { .. }
                | Self::DetachPolicy { .. }
                | Self::RemoveUserFromGroup { .. }
                | Self::RemoveRoleFromInstanceProfile { .. }
                | Self::DeletePolicyVersion { .. }
                | Self::DeleteBoundary { .. }
                | Self::UntagRole { .. }
                | Self::UntagPolicy { .. }
                | Self::UntagUser { .. }
                | Self::UntagOidcProvider { .. }
                | Self::RemoveClientId { .. }
        )
    }

    /// Returns the bucket the call writes to: configuration writes on one bucket must not overlap
    /// (S3 answers `OperationAborted`).
    pub fn bucket(&self) -> Option<&BucketRef> {
        match self {
            Self::CreateBucket { bucket, .. }
            | Self::PutVersioning { bucket, .. }
            | Self::PutEncryption { bucket, .. }
            | Self::PutPublicAccessBlock { bucket, .. }
            | Self::PutOwnership { bucket, .. }
            | Self::PutLogging { bucket, .. }
            | Self::PutBucketTags { bucket, .. }
            | Self::DeleteBucket { bucket }
            | Self::PutBucketPolicy { bucket, .. }
            | Self::DeleteBucketPolicy { bucket } => Some(bucket),
            _ => None,
        }
    }
}
