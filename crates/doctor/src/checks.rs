//! Each condition of each call, with its verdict: what was not looked at is said.

use crossrole_model::access::{Assumption, Layer};
use crossrole_model::diagnosis::{Cause, Check, Checked, NotKnown, Verdict};
use crossrole_model::{AccountId, Observation, Unreadable};
use crossrole_policy::Arn;

use crate::asked::Who;
use crate::trouble::{Guard, Hop, Trouble, bucket_of};
use crate::world::World;

/// What is looked at of a call.
fn list(guard: Guard) -> &'static [Checked] {
    use Checked as C;
    match guard {
        Guard::Trust => &[
            C::Caller,
            C::Role,
            C::Region,
            C::Trust,
            C::ExternalId,
            C::SecondFactor,
            C::Window,
            C::Source,
            C::OtherConditions,
            C::Identity,
            C::Boundary,
            C::SessionPolicy,
            C::Controls,
            C::Duration,
            C::Chaining,
        ],
        Guard::Bucket => &[
            C::Caller,
            C::Bucket,
            C::Region,
            C::BucketPolicy,
            C::SecondFactor,
            C::Window,
            C::Source,
            C::OtherConditions,
            C::Identity,
            C::Boundary,
            C::SessionPolicy,
            C::Controls,
            C::PublicAccessBlock,
            C::AccountBlock,
            C::Ownership,
            C::Endpoint,
        ],
        Guard::Key => &[C::Key, C::KeyPolicy, C::Window, C::Source, C::OtherConditions, C::Identity, C::Boundary, C::SessionPolicy, C::Controls, C::Endpoint],
        Guard::Nothing => &[C::Caller, C::OtherConditions, C::Identity, C::Boundary, C::SessionPolicy, C::Controls, C::Endpoint],
    }
}

pub(crate) fn checks(world: &World<'_>, hops: &[Hop], troubles: &[Trouble]) -> Vec<Check> {
    let mut out = Vec::new();
    // A Deny of which nothing says where it stands is of none of these.
    let troubles: Vec<&Trouble> = troubles.iter().filter(|t| t.found.cause != Cause::DeniedSomewhere).collect();
    for (at, hop) in hops.iter().enumerate() {
        let first: &[Checked] = if at == 0 { &[Checked::Credentials] } else { &[] };
        for what in first.iter().chain(list(hop.guard)) {
            let mut causes: Vec<Cause> = Vec::new();
            for trouble in troubles.iter().filter(|t| t.found.hop == at && checked(t.found.cause, hop.guard) == *what) {
                if world.assumed_source(trouble).is_none() && !causes.contains(&trouble.found.cause) {
                    causes.push(trouble.found.cause);
                }
            }
            let unsaid = troubles.iter().any(|t| t.found.hop == at && checked(t.found.cause, hop.guard) == *what && world.assumed_source(t).is_some());
            let verdict = match (causes.is_empty(), unsaid) {
                (false, _) => Verdict::Fails { causes },
                (true, true) => Verdict::Unknown { why: NotKnown::NotSaid },
                (true, false) => verdict(world, hop, *what),
            };
            out.push(Check { hop: at, what: *what, verdict });
        }
    }
    out
}

/// What a cause is found by.
fn checked(cause: Cause, guard: Guard) -> Checked {
    use Cause as A;
    match cause {
        A::Unresolved
        | A::Proxy
        | A::Certificate
        | A::Unreachable
        | A::ProfileMissing
        | A::NoCredentials
        | A::ClockSkew
        | A::LinkExpired
        | A::ExpiredCredentials
        | A::UnknownCredentials
        | A::WrongSecret
        | A::NotAssigned
        | A::Throttled
        | A::ServiceFailed
        | A::RequestInvalid
        | A::PolicyMalformed
        | A::TokenNotTaken => Checked::Credentials,
        A::RegionMissing | A::RegionDisabled | A::WrongRegion => Checked::Region,
        A::CallerMissing | A::RootAssumes => Checked::Caller,
        A::RoleMissing | A::RoleInOtherAccount | A::RoleUnderOtherPath => Checked::Role,
        A::BucketMissing | A::ObjectMissing | A::AccessDisabled | A::ObjectArchived => Checked::Bucket,
        A::TrustDenies | A::TrustNamesDeleted | A::TrustLacks | A::TagsNotTrusted | A::SourceIdentityNotTrusted => Checked::Trust,
        A::BucketPolicyDenies | A::BucketPolicyNamesDeleted | A::BucketPolicyLacks | A::OwnersOnly => Checked::BucketPolicy,
        A::KeyPolicyDenies | A::KeyPolicyNamesDeleted | A::KeyPolicyLacks => Checked::KeyPolicy,
        A::ServiceControlDenies | A::ServiceControlLacks | A::ResourceControlDenies => Checked::Controls,
        A::IdentityDenies | A::SessionRevoked | A::IdentityLacks | A::KeyIdentityLacks | A::NotInGroup => Checked::Identity,
        A::BoundaryDenies | A::BoundaryLacks => Checked::Boundary,
        A::SessionPolicyDenies | A::SessionPolicyLacks => Checked::SessionPolicy,
        A::PublicRestricted | A::PublicPolicyBlocked | A::PublicAclBlocked => Checked::PublicAccessBlock,
        A::ExternalIdMissing | A::ExternalIdWrong => Checked::ExternalId,
        A::MfaMissing | A::MfaTooOld | A::MfaRefused => Checked::SecondFactor,
        A::NotYet | A::Over => Checked::Window,
        A::SourceAddress | A::SourceNetwork => Checked::Source,
        A::InsecureTransport | A::OtherCondition | A::EncryptionBlocked => Checked::OtherConditions,
        A::EndpointPolicy => Checked::Endpoint,
        A::SessionTooLong => Checked::Duration,
        A::ChainedTooLong => Checked::Chaining,
        A::OtherKey | A::KeyMissing | A::KeyDisabled | A::KeyPendingDeletion => Checked::Key,
        A::ObjectOwner => Checked::Ownership,
        A::DeniedSomewhere | A::Impossible | A::Revoked => match guard {
            Guard::Trust => Checked::Trust,
            Guard::Bucket => Checked::BucketPolicy,
            Guard::Key => Checked::KeyPolicy,
            Guard::Nothing => Checked::Identity,
        },
    }
}

fn unknown(why: NotKnown) -> Verdict {
    Verdict::Unknown { why }
}

/// What came out where nothing stands in the way.
fn verdict(world: &World<'_>, hop: &Hop, what: Checked) -> Verdict {
    match what {
        Checked::Credentials => {
            if world.asked.denied.is_some() {
                Verdict::Holds
            } else {
                unknown(NotKnown::NotSaid)
            }
        }
        Checked::Caller => known_account(world, &hop.call.principal),
        Checked::Role => known_account(world, &hop.call.resource),
        Checked::Trust | Checked::BucketPolicy | Checked::KeyPolicy => resource(world, hop),
        Checked::Bucket => match bucket_of(&hop.call.resource).and_then(|name| world.observed.buckets.get(name)) {
            Some(Observation::Known(_)) => Verdict::Holds,
            Some(Observation::Unreadable(error)) => unreadable(error),
            None => unknown(NotKnown::NeverRead),
        },
        Checked::Region if hop.guard == Guard::Bucket && world.asked.region.is_some() => Verdict::Holds,
        Checked::Region if hop.guard == Guard::Trust => asked_for(world, hop, &["aws:requestedregion"]),
        Checked::Region => Verdict::NotAsked,
        Checked::ExternalId => asked_for(world, hop, &["sts:externalid"]),
        Checked::SecondFactor => asked_for(world, hop, &["aws:multifactorauthpresent", "aws:multifactorauthage"]),
        Checked::Window => asked_for(world, hop, &["aws:currenttime", "aws:epochtime"]),
        Checked::Source => asked_for(world, hop, &["aws:sourceip", "aws:sourcevpc", "aws:sourcevpce"]),
        Checked::OtherConditions => Verdict::Holds,
        Checked::Identity => identity(world, hop),
        Checked::Boundary => match world.boundary(&hop.call.principal) {
            None => Verdict::NotAsked,
            Some(arn) if world.managed(&arn).is_none() => unknown(NotKnown::Policies { policies: vec![arn] }),
            Some(_) => Verdict::Holds,
        },
        Checked::SessionPolicy if world.may_be_more(Layer::Session, hop) => unknown(NotKnown::NotSaid),
        Checked::SessionPolicy => Verdict::NotAsked,
        Checked::Controls => {
            let of = |text: &str| Arn::parse(text).is_some_and(|arn| world.estate.service_control.contains_key(arn.account));
            if of(&hop.call.principal) { Verdict::Holds } else { unknown(NotKnown::NeverRead) }
        }
        Checked::Duration => {
            if world.asked.duration.is_some() {
                Verdict::Holds
            } else {
                Verdict::NotAsked
            }
        }
        Checked::Chaining => {
            let from_role = Who::of(&hop.call.principal).is_some_and(|who| who.kind == "role");
            if from_role && world.asked.duration.is_some() { Verdict::Holds } else { Verdict::NotAsked }
        }
        Checked::PublicAccessBlock => match bucket_of(&hop.call.resource).and_then(|name| world.bucket(name)).and_then(|state| state.public_access_block) {
            Some(_) => Verdict::Holds,
            None => unknown(NotKnown::NeverRead),
        },
        Checked::Ownership => match bucket_of(&hop.call.resource).and_then(|name| world.bucket(name)).and_then(|state| state.ownership) {
            Some(owner) if owner == "BucketOwnerEnforced" => Verdict::Holds,
            Some(_) => unknown(NotKnown::NotSaid),
            None => unknown(NotKnown::NeverRead),
        },
        Checked::Key => match world.observed.keys.get(&hop.call.resource) {
            Some(Observation::Known(_)) => Verdict::Holds,
            Some(Observation::Unreadable(error)) => unreadable(error),
            None => known_account(world, &hop.call.resource),
        },
        Checked::AccountBlock | Checked::Endpoint => unknown(NotKnown::NeverRead),
    }
}

fn unreadable(error: &Unreadable) -> Verdict {
    unknown(NotKnown::Unreadable { error: error.clone() })
}

/// Whether the account that something is in was read.
fn known_account(world: &World<'_>, arn: &str) -> Verdict {
    let Some(account) = Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account)) else { return Verdict::NotAsked };
    match world.observed.accounts.get(&account) {
        Some(Observation::Known(state)) if state.complete => Verdict::Holds,
        Some(Observation::Known(state)) => state.incomplete_because.as_ref().map_or_else(|| unknown(NotKnown::NeverRead), unreadable),
        Some(Observation::Unreadable(error)) => unreadable(error),
        None => unknown(NotKnown::NotManaged { account: account.to_string() }),
    }
}

fn resource(world: &World<'_>, hop: &Hop) -> Verdict {
    match hop.guard {
        _ if world.is_supposed(hop) => unknown(NotKnown::Supposed),
        _ if !world.is_unread(hop) => Verdict::Holds,
        Guard::Bucket => match bucket_of(&hop.call.resource).and_then(|name| world.observed.buckets.get(name)) {
            Some(Observation::Unreadable(error)) => unreadable(error),
            Some(Observation::Known(Some(bucket))) => match &bucket.policy {
                Observation::Unreadable(error) => unreadable(error),
                Observation::Known(_) => Verdict::Holds,
            },
            _ => unknown(NotKnown::NeverRead),
        },
        _ => match known_account(world, &hop.call.resource) {
            Verdict::Holds => unknown(NotKnown::NeverRead),
            other => other,
        },
    }
}

fn identity(world: &World<'_>, hop: &Hop) -> Verdict {
    for assumption in &hop.answer.assumed {
        match assumption {
            Assumption::OwnPolicies => return unknown(NotKnown::NeverRead),
            Assumption::UnknownPolicies => {
                return match known_account(world, &hop.call.principal) {
                    Verdict::Holds | Verdict::NotAsked => unknown(NotKnown::NeverRead),
                    other => other,
                };
            }
            Assumption::Unread { policies } => return unknown(NotKnown::Policies { policies: policies.clone() }),
            Assumption::OwnAccount
            | Assumption::ResourcePolicy
            | Assumption::KeyPolicy
            | Assumption::Encryption { .. }
            | Assumption::NoGrant
            | Assumption::NoBlock { .. }
            | Assumption::OfUserOfItsName
            | Assumption::AsItsBucket { .. }
            | Assumption::NotGiven { .. }
            | Assumption::BucketTags { .. }
            | Assumption::RoleTags { .. } => {}
        }
    }
    Verdict::Holds
}

/// Whether the policy of the resource asks for one of these keys.
fn asked_for(world: &World<'_>, hop: &Hop, keys: &[&str]) -> Verdict {
    let Some(document) = world.policy_of(hop) else {
        return match resource(world, hop) {
            Verdict::Holds => Verdict::NotAsked,
            unread => unread,
        };
    };
    if world.is_supposed(hop) {
        return unknown(NotKnown::Supposed);
    }
    let mut said = document.statements.iter().flat_map(|s| s.conditions.values()).flat_map(|of| of.keys());
    if said.any(|key| keys.contains(&key.to_ascii_lowercase().as_str())) { Verdict::Holds } else { Verdict::NotAsked }
}
