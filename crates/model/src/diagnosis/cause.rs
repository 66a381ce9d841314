//! Why calls do not work.

use serde::{Deserialize, Serialize};

/// Why a call does not work. The order is that in which they are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The host's name does not resolve.
    Unresolved,
    /// A proxy refuses, or asks who calls.
    Proxy,
    /// The host's certificate is not trusted.
    Certificate,
    /// Nothing answers there.
    Unreachable,
    /// The profile that was named does not exist.
    ProfileMissing,
    /// No credentials were found, or none were sent.
    NoCredentials,
    /// The clock of whoever called is wrong.
    ClockSkew,
    /// A presigned URL has come to its end, or was not valid yet.
    LinkExpired,
    /// The credentials have come to their end.
    ExpiredCredentials,
    /// The access key is not known: deleted, inactive, of another partition, or of a session whose role was deleted.
    UnknownCredentials,
    /// The secret does not belong to the key.
    WrongSecret,
    /// The permission set is not assigned to who has signed in.
    NotAssigned,
    /// The code of the second factor, or its device, is not taken.
    MfaRefused,
    /// No region is named.
    RegionMissing,
    /// The region is switched off for the account.
    RegionDisabled,
    /// The region is another one.
    WrongRegion,
    /// The request was throttled: it was not decided at all.
    Throttled,
    /// The service failed: it was not decided at all.
    ServiceFailed,
    /// The request was wrong by itself: it was not decided at all.
    RequestInvalid,
    /// A policy that the request brought is none that AWS takes.
    PolicyMalformed,
    /// The token of an identity provider is not taken.
    TokenNotTaken,
    /// Access was taken back, as manifests or marks on live objects say.
    Revoked,
    /// The principal does not exist.
    CallerMissing,
    /// The root user assumes no role.
    RootAssumes,
    /// The role does not exist in that account.
    RoleMissing,
    /// A role of this name exists in another account.
    RoleInOtherAccount,
    /// The role exists under another path.
    RoleUnderOtherPath,
    /// The bucket does not exist.
    BucketMissing,
    /// The object does not exist.
    ObjectMissing,
    /// AWS itself keeps everybody out of it.
    AccessDisabled,
    /// The object is archived, and has to be restored before it is read.
    ObjectArchived,
    /// Nobody but principals of the bucket's own account may ask for it, whatever policies say.
    OwnersOnly,
    /// A Deny of a service control policy.
    ServiceControlDenies,
    /// A Deny of a resource control policy.
    ResourceControlDenies,
    /// A Deny of the trust policy.
    TrustDenies,
    /// A Deny of the bucket policy.
    BucketPolicyDenies,
    /// A Deny of the key's policy.
    KeyPolicyDenies,
    /// A Deny of the caller's own policies.
    IdentityDenies,
    /// A Deny of sessions that were made before an instant: they were revoked.
    SessionRevoked,
    /// A Deny of the permissions boundary.
    BoundaryDenies,
    /// A Deny of the session policy.
    SessionPolicyDenies,
    /// The bucket's policy is public, and block public access keeps other accounts out.
    PublicRestricted,
    /// A public policy is not taken.
    PublicPolicyBlocked,
    /// A public ACL is not taken.
    PublicAclBlocked,
    /// The trust policy names a principal that was deleted, by its unique id.
    TrustNamesDeleted,
    /// The bucket policy names a principal that was deleted.
    BucketPolicyNamesDeleted,
    /// The key's policy names a principal that was deleted.
    KeyPolicyNamesDeleted,
    /// The trust policy does not let the caller in.
    TrustLacks,
    /// The trust policy does not let sessions have tags.
    TagsNotTrusted,
    /// The trust policy does not let sessions have a source identity.
    SourceIdentityNotTrusted,
    /// The bucket policy does not let the caller.
    BucketPolicyLacks,
    /// The key's policy does not let the caller.
    KeyPolicyLacks,
    /// The external id is missing.
    ExternalIdMissing,
    /// The external id is another one.
    ExternalIdWrong,
    /// The second factor is missing.
    MfaMissing,
    /// The second factor was given too long ago.
    MfaTooOld,
    /// The grant has not begun.
    NotYet,
    /// The grant is over.
    Over,
    /// The address is none of those that are let in.
    SourceAddress,
    /// The network, or its endpoint, is none of those that are let in.
    SourceNetwork,
    /// The request did not come by TLS.
    InsecureTransport,
    /// Another condition does not hold.
    OtherCondition,
    /// The user is not in the group that may.
    NotInGroup,
    /// The caller's own policies do not let it.
    IdentityLacks,
    /// The caller's own policies do not let it use the key.
    KeyIdentityLacks,
    /// The permissions boundary does not let it.
    BoundaryLacks,
    /// The session policy does not let it.
    SessionPolicyLacks,
    /// No service control policy lets it.
    ServiceControlLacks,
    /// The policy of a VPC endpoint does not let it.
    EndpointPolicy,
    /// The longest session of the role is shorter.
    SessionTooLong,
    /// A role that is assumed from a role lasts an hour at most.
    ChainedTooLong,
    /// The object is encrypted with another key than what its bucket says, and with which is not known.
    OtherKey,
    /// The key does not exist.
    KeyMissing,
    /// The key is switched off.
    KeyDisabled,
    /// The key is to be deleted.
    KeyPendingDeletion,
    /// The object belongs to whoever wrote it, and not to the bucket's owner.
    ObjectOwner,
    /// The bucket takes no objects with keys of the customer.
    EncryptionBlocked,
    /// A Deny of a policy that AWS does not name.
    DeniedSomewhere,
    /// No policy can allow it.
    Impossible,
}
