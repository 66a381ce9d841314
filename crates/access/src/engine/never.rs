//! What AWS lets nobody do, whatever policies say.

use crossrole_model::access::Never;

use crate::principal::Caller;
use crate::request::Request;

use super::compiled::Action;
use super::decide::is_role_trust;
use super::principal::Asker;

/// Of another account's bucket (S3 API reference, GetBucketPolicy, PutBucketPolicy, DeleteBucketPolicy: 405 for whoever does not belong to
/// the bucket owner's account).
const OWN_BUCKET: [&str; 3] = ["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"];

/// Of another account's key (AWS KMS Developer Guide, "Permissions reference", cross-account use: no). In lower case, sorted.
const OWN_KEY: [&str; 24] = [
    "kms:cancelkeydeletion",
    "kms:createalias",
    "kms:deletealias",
    "kms:deleteimportedkeymaterial",
    "kms:disablekey",
    "kms:disablekeyrotation",
    "kms:enablekey",
    "kms:enablekeyrotation",
    "kms:getkeypolicy",
    "kms:getparametersforimport",
    "kms:importkeymaterial",
    "kms:listkeypolicies",
    "kms:listkeyrotations",
    "kms:listresourcetags",
    "kms:putkeypolicy",
    "kms:replicatekey",
    "kms:rotatekeyondemand",
    "kms:schedulekeydeletion",
    "kms:synchronizemultiregionkey",
    "kms:tagresource",
    "kms:untagresource",
    "kms:updatealias",
    "kms:updatekeydescription",
    "kms:updateprimaryregion",
];

/// Tells whether an action, in any case, reaches no bucket of another account.
pub(crate) fn is_of_own_bucket(action: &str) -> bool {
    OWN_BUCKET.iter().any(|own| own.eq_ignore_ascii_case(action))
}

/// Tells whether an action, in any case, reaches no key of another account.
pub(crate) fn is_of_own_key(action: &str) -> bool {
    OWN_KEY.iter().any(|own| own.eq_ignore_ascii_case(action))
}

/// Why AWS refuses this request whatever policies say, if it does. `same_account`: the resource is of the caller's account.
pub(crate) fn never(request: &Request, action: &Action<'_>, asker: &Asker<'_>, same_account: bool) -> Option<Never> {
    let sts = action.is_of("sts:") && action.name() != "sts:getcalleridentity";
    // STS API reference, AssumeRole: "You cannot use AWS account root user credentials".
    if asker.is_root() && is_role_trust(request) {
        return Some(Never::RootAssumes);
    }
    // STS API reference, GetFederationToken: GetCallerIdentity is the only operation of STS that such sessions may call.
    if asker.is_federated_user() && sts {
        return Some(Never::FederatedUser);
    }
    let own = OWN_BUCKET.contains(&action.name()) || action.is_of("kms:") && OWN_KEY.contains(&action.name());
    (own && !same_account && !asker.is_service()).then_some(Never::OtherAccount)
}

/// Why AWS refuses a request before it looks at any policy, where it does: nobody's policies are about it, so neither is what they gain.
pub(crate) fn unheard(caller: &Caller, action: &str) -> Option<Never> {
    let (asker, action) = (Asker::of(caller), action.to_ascii_lowercase());
    // STS API reference, GetSessionToken and GetFederationToken: by long-term credentials of a user.
    if asker.is_session() && ["sts:getsessiontoken", "sts:getfederationtoken"].contains(&action.as_str()) {
        return Some(Never::OfSession);
    }
    // KMS, IAM and STS, but for whoever brings a token of a provider, take signed requests alone, and S3 asks KMS as whoever asks S3 (S3 User Guide, "Using server-side encryption with AWS KMS
    // keys").
    (asker.is_anonymous() && ["kms:", "iam:", "sts:"].iter().any(|service| action.starts_with(service))).then_some(Never::Unsigned)
}
