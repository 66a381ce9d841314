//! Causes by what a refusal, or the evaluator, names.

use crossrole_model::access::{Comparison, How, Layer, Relation};
use crossrole_model::diagnosis::Cause;

use crate::trouble::Guard;

/// A kind of policy that denies, or does not allow.
pub(crate) fn of_layer(layer: Layer, denies: bool, guard: Guard) -> Option<Cause> {
    Some(match (layer, denies) {
        (Layer::Identity, true) => Cause::IdentityDenies,
        (Layer::Identity, false) if guard == Guard::Key => Cause::KeyIdentityLacks,
        (Layer::Identity, false) => Cause::IdentityLacks,
        (Layer::Boundary, true) => Cause::BoundaryDenies,
        (Layer::Boundary, false) => Cause::BoundaryLacks,
        (Layer::Session, true) => Cause::SessionPolicyDenies,
        (Layer::Session, false) => Cause::SessionPolicyLacks,
        (Layer::ServiceControl, true) => Cause::ServiceControlDenies,
        (Layer::ServiceControl, false) => Cause::ServiceControlLacks,
        (Layer::ResourceControl, _) => Cause::ResourceControlDenies,
        (Layer::PublicAccessBlock, _) => Cause::PublicRestricted,
        (Layer::Resource, denies) => match (guard, denies) {
            (Guard::Trust, true) => Cause::TrustDenies,
            (Guard::Trust, false) => Cause::TrustLacks,
            (Guard::Key, true) => Cause::KeyPolicyDenies,
            (Guard::Key, false) => Cause::KeyPolicyLacks,
            (Guard::Bucket, true) => Cause::BucketPolicyDenies,
            (Guard::Bucket, false) => Cause::BucketPolicyLacks,
            (Guard::Nothing, _) => return None,
        },
    })
}

/// What a condition is about; `None`: it is part of what the policy lets whom do.
pub(crate) fn of_condition(key: &str, relation: Option<Relation>, has: bool) -> Option<Cause> {
    let key = key.to_ascii_lowercase();
    let compares = |test: fn(&How) -> bool| matches!(relation, Some(Relation::Compares(Comparison { how, .. })) if test(&how));
    Some(match key.as_str() {
        "sts:externalid" if has => Cause::ExternalIdWrong,
        "sts:externalid" => Cause::ExternalIdMissing,
        "aws:multifactorauthage" if has => Cause::MfaTooOld,
        "aws:multifactorauthpresent" | "aws:multifactorauthage" => Cause::MfaMissing,
        "aws:currenttime" | "aws:epochtime" if compares(|how| matches!(how, How::After | How::NotBefore | How::Above | How::AtLeast)) => Cause::NotYet,
        "aws:currenttime" | "aws:epochtime" => Cause::Over,
        "aws:sourceip" => Cause::SourceAddress,
        "aws:sourcevpc" | "aws:sourcevpce" | "aws:vpcsourceip" | "aws:sourcevpcarn" => Cause::SourceNetwork,
        "aws:securetransport" => Cause::InsecureTransport,
        "aws:principalarn" | "aws:principalaccount" | "aws:principalorgid" | "aws:principalorgpaths" | "aws:userid" | "aws:username" => return None,
        "s3:prefix" | "kms:viaservice" | "kms:calleraccount" => return None,
        _ if key.starts_with("kms:encryptioncontext") => return None,
        _ => Cause::OtherCondition,
    })
}
