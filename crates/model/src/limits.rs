//! AWS quotas, in the units AWS counts them (IAM User Guide, "IAM and AWS STS quotas"; S3 User Guide, "Adding a bucket
//! policy"). Defaults: an account may have been granted more, never less.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observed::Unreadable;

/// Characters of the inline policy of a permission set that are not white space (IAM Identity Center User Guide, "Quotas").
pub const PERMISSION_SET: usize = 10_240;

/// Characters of a trust policy, white space not counted.
pub const TRUST_POLICY: usize = 2_048;
/// Characters of a session policy, blanks included (AWS STS API Reference, AssumeRole).
pub const SESSION_POLICY: usize = 2_048;
/// Characters of all inline policies of a role together, white space not counted.
pub const ROLE_INLINE: usize = 10_240;
/// Characters of a managed policy, white space not counted.
pub const MANAGED_POLICY: usize = 6_144;
/// Bytes of a bucket policy.
pub const BUCKET_POLICY: usize = 20_480;
/// Bytes of a key policy (AWS KMS Developer Guide, "Key policies in AWS KMS").
pub const KEY_POLICY: usize = 32_768;

/// Fewest and most days from the order to delete a key until it is deleted; AWS's own choice is the most (KMS API reference,
/// ScheduleKeyDeletion).
pub const KEY_DELETION_DAYS: (u32, u32) = (7, 30);

/// Fewest and most days between rotations of a key (KMS API reference, EnableKeyRotation).
pub const KEY_ROTATION_DAYS: (u32, u32) = (90, 2_560);

/// Characters of a key's description (KMS API reference, CreateKey).
pub const KEY_DESCRIPTION: usize = 8_192;
/// Managed policies attached to a role, user or group.
pub const ATTACHED_POLICIES: usize = 10;
/// Groups that a user is in; AWS does not raise it.
pub const GROUPS_PER_USER: usize = 10;
/// Roles of an account.
pub const ROLES: usize = 1_000;
/// Customer managed policies of an account.
pub const POLICIES: usize = 1_500;
/// Groups of an account.
pub const GROUPS: usize = 300;
/// Users of an account; AWS does not raise it.
pub const USERS: usize = 5_000;
/// OpenID Connect providers of an account.
pub const OIDC_PROVIDERS: usize = 100;
/// SAML providers of an account.
pub const SAML_PROVIDERS: usize = 100;
/// Characters of a SAML provider's metadata: at least, and at most (IAM API reference, CreateSAMLProvider).
pub const SAML_METADATA: (usize, usize) = (1_000, 10_000_000);
/// Versions kept of a managed policy.
pub const POLICY_VERSIONS: usize = 5;
/// Tags on one object.
pub const TAGS: usize = 50;
/// A document over this share of its limit, in percent, shows a meter in the plan.
pub const METER_PERCENT: usize = 80;

/// What AWS limits, of what a plan makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quota {
    /// Roles of an account.
    Roles,
    /// Customer managed policies of an account.
    Policies,
    /// Users of an account.
    Users,
    /// Groups of an account.
    Groups,
    /// OpenID Connect providers of an account.
    OidcProviders,
    /// SAML providers of an account.
    SamlProviders,
    /// Groups that a user is in.
    GroupsPerUser,
    /// Managed policies attached to a role.
    PoliciesPerRole,
    /// Managed policies attached to a user.
    PoliciesPerUser,
    /// Managed policies attached to a group.
    PoliciesPerGroup,
    /// Characters of a trust policy.
    TrustPolicy,
    /// Characters of all inline policies of a role together.
    RoleInline,
    /// Characters of a managed policy.
    ManagedPolicy,
    /// Bytes of a bucket policy.
    BucketPolicy,
    /// Bytes of a key policy.
    KeyPolicy,
    /// Characters of the inline policy of a permission set.
    PermissionSet,
}

impl Quota {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Roles,
        Self::Policies,
        Self::Users,
        Self::Groups,
        Self::OidcProviders,
        Self::SamlProviders,
        Self::GroupsPerUser,
        Self::PoliciesPerRole,
        Self::PoliciesPerUser,
        Self::PoliciesPerGroup,
        Self::TrustPolicy,
        Self::RoleInline,
        Self::ManagedPolicy,
        Self::BucketPolicy,
        Self::KeyPolicy,
        Self::PermissionSet,
    ];

    /// Returns what an account has that was granted nothing else.
    pub fn usual(self) -> usize {
        match self {
            Self::Roles => ROLES,
            Self::Policies => POLICIES,
            Self::Users => USERS,
            Self::Groups => GROUPS,
            Self::OidcProviders => OIDC_PROVIDERS,
            Self::SamlProviders => SAML_PROVIDERS,
            Self::GroupsPerUser => GROUPS_PER_USER,
            Self::PoliciesPerRole | Self::PoliciesPerUser | Self::PoliciesPerGroup => ATTACHED_POLICIES,
            Self::TrustPolicy => TRUST_POLICY,
            Self::RoleInline => ROLE_INLINE,
            Self::ManagedPolicy => MANAGED_POLICY,
            Self::BucketPolicy => BUCKET_POLICY,
            Self::KeyPolicy => KEY_POLICY,
            Self::PermissionSet => PERMISSION_SET,
        }
    }

    /// Tells whether AWS grants more on request.
    pub fn is_raised(self) -> bool {
        match self {
            Self::Roles
            | Self::Policies
            | Self::Groups
            | Self::OidcProviders
            | Self::SamlProviders
            | Self::PoliciesPerRole
            | Self::PoliciesPerUser
            | Self::TrustPolicy => true,
            Self::Users
            | Self::GroupsPerUser
            | Self::PoliciesPerGroup
            | Self::RoleInline
            | Self::ManagedPolicy
            | Self::BucketPolicy
            | Self::KeyPolicy
            | Self::PermissionSet => false,
        }
    }

    /// Returns its key in the answer of GetAccountSummary (IAM API reference), which has none of providers, buckets and keys.
    pub fn key(self) -> Option<&'static str> {
        Some(match self {
            Self::Roles => "RolesQuota",
            Self::Policies => "PoliciesQuota",
            Self::Users => "UsersQuota",
            Self::Groups => "GroupsQuota",
            Self::GroupsPerUser => "GroupsPerUserQuota",
            Self::PoliciesPerRole => "AttachedPoliciesPerRoleQuota",
            Self::PoliciesPerUser => "AttachedPoliciesPerUserQuota",
            Self::PoliciesPerGroup => "AttachedPoliciesPerGroupQuota",
            Self::TrustPolicy => "AssumeRolePolicySizeQuota",
            Self::RoleInline => "RolePolicySizeQuota",
            Self::ManagedPolicy => "PolicySizeQuota",
            Self::OidcProviders | Self::SamlProviders | Self::BucketPolicy | Self::KeyPolicy | Self::PermissionSet => return None,
        })
    }
}

/// An account's own quotas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// Those that it told.
    pub limits: BTreeMap<Quota, usize>,
    /// Why it told none.
    pub unread: Option<Unreadable>,
}

/// The quotas that AWS raises on request, as they are in the accounts of a run (IAM User Guide, "IAM and AWS STS quotas").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Characters of a trust policy, white space not counted: up to [`TRUST_POLICY_MOST`].
    pub trust_policy: usize,
    /// Managed policies attached to a role: up to [`POLICIES_PER_ROLE_MOST`].
    pub policies_per_role: usize,
}

/// What AWS raises a trust policy's quota to.
pub const TRUST_POLICY_MOST: usize = 4_096;
/// What AWS raises the quota of a role's managed policies to.
pub const POLICIES_PER_ROLE_MOST: usize = 20;

impl Default for Quotas {
    fn default() -> Self {
        Self { trust_policy: TRUST_POLICY, policies_per_role: ATTACHED_POLICIES }
    }
}
