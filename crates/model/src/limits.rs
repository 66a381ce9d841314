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
