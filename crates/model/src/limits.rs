//! AWS quotas, in the units AWS counts them (IAM User Guide, "IAM and AWS STS quotas"; S3 User Guide, "Adding a bucket
//! policy"). Defaults: an account may have been granted more, never less.

/// Characters of a trust policy, white space not counted.
pub const TRUST_POLICY: usize = 2_048;
/// Characters of all inline policies of a role together, white space not counted.
pub const ROLE_INLINE: usize = 10_240;
/// Characters of a managed policy, white space not counted.
pub const MANAGED_POLICY: usize = 6_144;
/// Bytes of a bucket policy.
pub const BUCKET_POLICY: usize = 20_480;
/// Managed policies attached to a role, user or group.
pub const ATTACHED_POLICIES: usize = 10;
/// Versions kept of a managed policy.
pub const POLICY_VERSIONS: usize = 5;
/// Tags on one object.
pub const TAGS: usize = 50;
/// A document over this share of its limit, in percent, shows a meter in the plan.
pub const METER_PERCENT: usize = 80;

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
