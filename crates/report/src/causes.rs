//! Causes of refusals, and the conditions of a call, in words.

use crossrole_model::diagnosis::{Cause, Checked};
use serde_json::{Value, json};

use crate::{Line, Tone, View, rendered, safe};

/// What to do about a cause that has to do with no policy, whoever calls what; `None`: that takes the whole call.
pub fn remedy(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::Unresolved => "check how the region and the endpoint are spelt, and that this machine resolves names",
        Cause::Proxy => "say who asks in `HTTPS_PROXY`, or let the host past the proxy with `NO_PROXY`",
        Cause::Certificate => "name the file with its authority in `AWS_CA_BUNDLE`",
        Cause::Unreachable => "check the network, the region, and `AWS_ENDPOINT_URL` where it is set",
        Cause::ProfileMissing => "name a profile that is there (`aws configure list-profiles`), or look whether `AWS_CONFIG_FILE` names another file",
        Cause::NoCredentials => "sign in (`aws sso login`), or name a profile that gives credentials",
        Cause::ClockSkew => "set the clock by a time server",
        Cause::LinkExpired => "make the link anew",
        Cause::ExpiredCredentials => "sign in again, or assume the role anew",
        Cause::UnknownCredentials => "look which key is used (`aws configure list`), and take one that is there and active",
        Cause::WrongSecret => "write the secret that belongs to the access key, whole and without blanks",
        Cause::NotAssigned => "have the permission set assigned to you in that account, or sign in as who has it",
        Cause::MfaRefused => "give the code that the device shows now, once, with the serial number or ARN of that user's own device",
        Cause::RegionMissing => "name a region: `--region`, `AWS_REGION`, or `region` in the profile",
        Cause::RegionDisabled => "call another region, or have this one switched on for the account",
        Cause::WrongRegion => "call the region that the answer names",
        Cause::Throttled => "call again, less often",
        Cause::ServiceFailed => "call again later: the service failed, and decided nothing",
        Cause::RequestInvalid => "put right what the error names; of a HEAD, which names nothing, ask by GET (`aws s3api get-object`): it tells which it is",
        Cause::PolicyMalformed => "put the policy right that the request brought",
        Cause::TokenNotTaken => "look at the token's issuer, audience and age, and at the provider of that name in the role's account",
        Cause::RootAssumes => "assume the role as a user, or from another role",
        Cause::SessionTooLong => "ask for a shorter session, or raise the role's `max_session`",
        Cause::ChainedTooLong => "ask for an hour at most, or assume the role with credentials that are no role's",
        Cause::BucketMissing => "check how the bucket is spelt, and that it is made",
        Cause::ObjectMissing => "check how the key is spelt, and that the object is written: who may list the bucket is told so, others are refused",
        Cause::AccessDisabled => "check that the bucket is the one that is meant; if it is, ask AWS's support about the account",
        Cause::ObjectArchived => "restore the object first (`aws s3api restore-object`)",
        Cause::OwnersOnly => "ask as a principal of the bucket's own account",
        Cause::PublicPolicyBlocked => "write a policy that names whom it lets in, or let block public access take it",
        Cause::PublicAclBlocked => "leave the ACL away, and let the bucket policy say it",
        Cause::EncryptionBlocked => "write it without a key of your own (SSE-C)",
        Cause::KeyMissing => "check the key's id, account and region",
        Cause::KeyDisabled => "enable the key (`aws kms enable-key`)",
        Cause::KeyPendingDeletion => "cancel the deletion (`aws kms cancel-key-deletion`), and enable the key",
        _ => return None,
    })
}

/// A cause and its remedy, where no more of the call is known.
pub fn cause_alone(cause: Cause, code: &str, remedy: &str, view: View) -> String {
    // What many codes come to is told apart by the code.
    let code = if cause == Cause::RequestInvalid && !code.is_empty() { format!(" ({})", safe(code)) } else { String::new() };
    rendered(
        &[Line::new(Tone::Removed, 0, "cause: ").then([format!("{}{code}", title(cause))]), Line::new(Tone::Advice, 0, "fix: ").then([remedy])],
        view.screen,
    )
}

/// The same for machines.
pub fn cause_alone_json(cause: Cause, code: &str, remedy: &str) -> Value {
    json!({ "format_version": "1.0", "causes": [{ "cause": cause, "code": code, "says": title(cause) }], "remedy": remedy, "fix": null })
}

/// A cause by itself.
pub fn title(cause: Cause) -> &'static str {
    match cause {
        Cause::Unresolved => "the name of the host does not resolve",
        Cause::Proxy => "a proxy on the way refuses, or asks who calls",
        Cause::Certificate => "the certificate of the host is not trusted here",
        Cause::Unreachable => "nothing answers at the endpoint",
        Cause::ProfileMissing => "the profile that is named does not exist",
        Cause::NoCredentials => "there are no credentials",
        Cause::ClockSkew => "the clock of whoever calls is wrong",
        Cause::LinkExpired => "the link is over, or not valid yet",
        Cause::ExpiredCredentials => "the credentials have expired",
        Cause::UnknownCredentials => "the access key or the session is not known: deleted, inactive, of a role that was deleted, or of another partition",
        Cause::WrongSecret => "the secret does not belong to the access key",
        Cause::NotAssigned => "the permission set is not assigned to who has signed in",
        Cause::MfaRefused => "the code of the second factor, or its device, is not taken",
        Cause::RegionMissing => "no region is named",
        Cause::RegionDisabled => "the region is not switched on for the account",
        Cause::WrongRegion => "it is in another region",
        Cause::Throttled => "the call was throttled, and not decided",
        Cause::ServiceFailed => "the service failed, and decided nothing",
        Cause::RequestInvalid => "the request itself is wrong, which is no question of access",
        Cause::PolicyMalformed => "AWS does not take the policy that the request brought",
        Cause::TokenNotTaken => "the token of the identity provider is not taken",
        Cause::Revoked => "access was revoked",
        Cause::CallerMissing => "the principal does not exist",
        Cause::RootAssumes => "a root user can't assume roles",
        Cause::RoleMissing => "the role does not exist in that account",
        Cause::RoleInOtherAccount => "the role exists in another account",
        Cause::RoleUnderOtherPath => "the role exists under another path",
        Cause::BucketMissing => "the bucket does not exist",
        Cause::ObjectMissing => "the object does not exist",
        Cause::AccessDisabled => "AWS itself keeps everybody out of it",
        Cause::ObjectArchived => "the object is archived, and was not restored",
        Cause::OwnersOnly => "only principals of the bucket's own account may ask for that",
        Cause::ServiceControlDenies => "a service control policy denies it",
        Cause::ResourceControlDenies => "a resource control policy denies it",
        Cause::TrustDenies => "the trust policy denies it",
        Cause::BucketPolicyDenies => "the bucket policy denies it",
        Cause::KeyPolicyDenies => "the policy of the key denies it",
        Cause::IdentityDenies => "a policy of the caller denies it",
        Cause::SessionRevoked => "sessions of the role that are older than its Deny of aws:TokenIssueTime were revoked",
        Cause::BoundaryDenies => "the permissions boundary of the caller denies it",
        Cause::SessionPolicyDenies => "the session policy denies it",
        Cause::PublicRestricted => "the bucket policy is public, and block public access keeps other accounts out",
        Cause::PublicPolicyBlocked => "block public access takes no public policy",
        Cause::PublicAclBlocked => "block public access takes no public ACL",
        Cause::TrustNamesDeleted => "the trust policy names a principal that was deleted, by its unique id, and not the caller",
        Cause::BucketPolicyNamesDeleted => "the bucket policy names a principal that was deleted, by its unique id, and not the caller",
        Cause::KeyPolicyNamesDeleted => "the policy of the key names a principal that was deleted, by its unique id, and not the caller",
        Cause::TrustLacks => "the trust policy does not let the caller in",
        Cause::TagsNotTrusted => "the trust policy does not let the caller pass session tags",
        Cause::SourceIdentityNotTrusted => "the trust policy does not let the caller set a source identity",
        Cause::BucketPolicyLacks => "the bucket policy does not let the caller",
        Cause::KeyPolicyLacks => "the policy of the key does not let the caller",
        Cause::ExternalIdMissing => "the external id is missing",
        Cause::ExternalIdWrong => "the external id is another one",
        Cause::MfaMissing => "the second factor is missing",
        Cause::MfaTooOld => "the second factor was given too long ago",
        Cause::NotYet => "the grant has not begun",
        Cause::Over => "the grant is over",
        Cause::SourceAddress => "the address is not among those that are let in",
        Cause::SourceNetwork => "the network is not among those that are let in",
        Cause::InsecureTransport => "it did not come by TLS",
        Cause::OtherCondition => "a condition does not hold",
        Cause::NotInGroup => "the user is not in the group that may",
        Cause::IdentityLacks => "no policy of the caller lets it",
        Cause::KeyIdentityLacks => "no policy of the caller lets it use the key",
        Cause::BoundaryLacks => "the permissions boundary of the caller does not let it",
        Cause::SessionPolicyLacks => "the session policy does not let it",
        Cause::ServiceControlLacks => "no service control policy lets it",
        Cause::EndpointPolicy => "the policy of a VPC endpoint does not let it",
        Cause::SessionTooLong => "the session is longer than the role allows",
        Cause::ChainedTooLong => "a role that is assumed from a role lasts an hour at most",
        Cause::OtherKey => {
            "the object is encrypted with another key than its bucket says, and AWS does not tell which: `aws s3api head-object` does (SSEKMSKeyId), and \
             `--key` says it here"
        }
        Cause::KeyMissing => "the key does not exist",
        Cause::KeyDisabled => "the key is disabled",
        Cause::KeyPendingDeletion => "the key is to be deleted",
        Cause::ObjectOwner => "the object may belong to whoever wrote it: the bucket keeps ACLs",
        Cause::EncryptionBlocked => "the bucket takes no objects with keys of customers (SSE-C)",
        Cause::DeniedSomewhere => "a policy denies it",
        Cause::Impossible => "no policy can allow it to this caller",
    }
}

pub(crate) fn checked(what: Checked) -> &'static str {
    match what {
        Checked::Credentials => "credentials and the way to AWS",
        Checked::Caller => "the principal exists",
        Checked::Role => "the role exists in that account",
        Checked::Bucket => "the bucket exists",
        Checked::Region => "region",
        Checked::Trust => "the trust policy names the caller",
        Checked::BucketPolicy => "bucket policy",
        Checked::KeyPolicy => "policy of the key",
        Checked::ExternalId => "external id",
        Checked::SecondFactor => "second factor",
        Checked::Window => "dates",
        Checked::Source => "source address and network",
        Checked::OtherConditions => "other conditions",
        Checked::Identity => "policies of the caller",
        Checked::Boundary => "permissions boundary",
        Checked::SessionPolicy => "session policy",
        Checked::Controls => "control policies of the organization",
        Checked::Duration => "length of the session",
        Checked::Chaining => "session of a session",
        Checked::PublicAccessBlock => "block public access of the bucket",
        Checked::AccountBlock => "block public access of the account",
        Checked::Ownership => "owner of objects",
        Checked::Key => "the key can be used",
        Checked::Endpoint => "policies of VPC endpoints",
    }
}
