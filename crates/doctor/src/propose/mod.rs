//! What could be tried against a trouble, the smallest first. Nothing here knows whether it helps.

mod callers;
mod grants;
mod resources;

use crossrole_model::Observed;
use crossrole_model::access::{Lack, Relation};
use crossrole_model::diagnosis::{Amend, Amendment, Cause, FixStep, RequestChange, Word};

use crate::asked::Who;
use crate::command::{Place, place_of};
use crate::trouble::{CHAINED, Guard, Hop, Trouble, bucket_of};
use crate::world::{World, address_of};

/// Most entries of a list in a manifest that are tried one after the other.
const ENTRIES_MOST: usize = 20;

/// Something to try.
pub(crate) enum Proposal {
    /// Manifests that say more.
    Amend(Vec<Amendment>),
    /// Somebody runs commands; after that, this is what there is.
    Command(Box<Observed>, Vec<FixStep>),
    /// The same, where it is a setting of a bucket that was read besides.
    Setting(Box<Observed>, Vec<FixStep>),
    /// The call is made otherwise.
    Request(RequestChange),
}

impl Proposal {
    /// The entry of a list whose limits it takes over.
    pub(crate) fn like(&self) -> Option<usize> {
        let Self::Amend(all) = self else { return None };
        all.iter().find_map(|amendment| if let Amend::Append { like, .. } = amendment.change { like } else { None })
    }
}

struct Proposer<'w, 'c> {
    world: &'w World<'c>,
    trouble: &'w Trouble,
    hop: &'w Hop,
    out: Vec<Proposal>,
}

/// Returns what could be tried.
pub(crate) fn proposals(world: &World<'_>, trouble: &Trouble, hop: &Hop) -> Vec<Proposal> {
    let mut proposer = Proposer { world, trouble, hop, out: Vec::new() };
    proposer.request();
    proposer.policies();
    proposer.facts();
    proposer.elsewhere();
    proposer.out
}

impl Proposer<'_, '_> {
    /// What the caller can do by asking otherwise widens nothing.
    fn request(&mut self) {
        if let (Cause::ExternalIdMissing | Cause::ExternalIdWrong | Cause::OtherCondition, Some(Lack::Condition { operator, key, wanted, .. })) =
            (self.trouble.found.cause, &self.trouble.found.lack)
        {
            self.out.extend(self.world.otherwise(self.hop, operator, key, wanted).into_iter().map(Proposal::Request));
        }
        let change = match self.trouble.found.cause {
            Cause::MfaRefused => Some(RequestChange::Mfa),
            // A session of a role has no device, and brings no second factor (IAM User Guide, "Secure API access with MFA").
            Cause::MfaMissing | Cause::MfaTooOld => Who::of(&self.hop.call.principal).is_none_or(|who| who.kind != "role").then_some(RequestChange::Mfa),
            Cause::RegionMissing => {
                Some(RequestChange::Region { region: bucket_of(&self.hop.call.resource).and_then(|name| self.world.bucket(name)).map(|state| state.region) })
            }
            Cause::InsecureTransport => Some(RequestChange::Tls),
            Cause::SessionTooLong => {
                let role = Who::of(&self.hop.call.resource).and_then(|who| self.world.role(who.account, who.name));
                role.map(|role| RequestChange::Duration { seconds: role.max_session_seconds })
            }
            Cause::ChainedTooLong => Some(RequestChange::Duration { seconds: CHAINED }),
            Cause::RoleInOtherAccount | Cause::RoleUnderOtherPath => self.world.like(&self.hop.call.resource).map(|arn| RequestChange::Role { arn }),
            Cause::WrongRegion => {
                let told = self.world.asked.denied.as_ref().and_then(|denied| denied.region.clone());
                let known = bucket_of(&self.hop.call.resource).and_then(|name| self.world.bucket(name)).map(|state| state.region);
                let known = known.or_else(|| self.world.called_in(&self.hop.call.action, &self.hop.call.resource).filter(|_| self.hop.guard == Guard::Key));
                Some(RequestChange::Region { region: known.or(told) })
            }
            Cause::SessionPolicyLacks | Cause::SessionPolicyDenies => Some(RequestChange::WithoutSessionPolicy),
            Cause::RootAssumes => Some(RequestChange::NotRoot),
            Cause::ClockSkew => Some(RequestChange::Clock),
            Cause::LinkExpired => Some(RequestChange::NewLink),
            Cause::Throttled => Some(RequestChange::Later),
            Cause::ServiceFailed => Some(RequestChange::Later),
            Cause::ObjectMissing => Some(RequestChange::Object),
            Cause::ObjectArchived => Some(RequestChange::Restored),
            Cause::OwnersOnly => Some(RequestChange::ByOwner),
            because @ (Cause::RequestInvalid | Cause::PolicyMalformed | Cause::TokenNotTaken) => Some(RequestChange::Corrected { because }),
            because @ (Cause::ProfileMissing
            | Cause::NotAssigned
            | Cause::NoCredentials
            | Cause::ExpiredCredentials
            | Cause::UnknownCredentials
            | Cause::WrongSecret
            | Cause::SessionRevoked) => Some(RequestChange::Credentials { because }),
            because @ (Cause::Unresolved | Cause::Proxy | Cause::Certificate | Cause::Unreachable) => Some(RequestChange::Network { because }),
            _ => None,
        };
        self.out.extend(change.map(Proposal::Request));
    }

    fn policies(&mut self) {
        match self.trouble.found.cause {
            Cause::TrustLacks | Cause::TrustNamesDeleted => self.trust(),
            Cause::TagsNotTrusted => self.limit("session_tags", &Word::Yes, false),
            Cause::SourceIdentityNotTrusted => self.limit("source_identity", &Word::Yes, false),
            Cause::Over => {
                for key in ["not_after", "expires"] {
                    self.limit(key, &self.ends(), true);
                }
            }
            Cause::NotYet => self.limit("not_before", &self.begins(), true),
            Cause::SourceAddress => self.address(),
            Cause::BucketPolicyLacks | Cause::BucketPolicyNamesDeleted => self.bucket(),
            Cause::KeyPolicyLacks | Cause::KeyPolicyNamesDeleted => self.key(),
            Cause::NotInGroup => {
                self.member();
                self.identity();
            }
            Cause::IdentityLacks | Cause::KeyIdentityLacks => self.identity(),
            Cause::BoundaryLacks => self.boundary(),
            Cause::IdentityDenies => {
                let role = address_of(&self.hop.call.principal).filter(|address| self.world.declares_role(address));
                if let Some(role) = role {
                    let at = self.at(&role, "roles");
                    self.taken_out(&at);
                }
                let documents = self.world.own_documents(&self.hop.call.principal);
                self.denials(documents, false);
            }
            Cause::BoundaryDenies => {
                let found = self.world.boundary(&self.hop.call.principal).and_then(|arn| Some((Place::Managed(arn.clone()), self.world.managed(&arn)?)));
                self.denials(found.into_iter().collect(), true);
            }
            Cause::TrustDenies | Cause::BucketPolicyDenies | Cause::KeyPolicyDenies => {
                if let Some((at, _)) = self.lists().filter(|_| self.hop.guard != Guard::Trust) {
                    self.taken_out(&at);
                }
                let place = place_of(&self.hop.call.resource).zip(self.world.policy_of(self.hop).cloned());
                self.denials(place.into_iter().collect(), true);
            }
            Cause::PublicRestricted => self.not_public(),
            _ => {}
        }
    }

    fn facts(&mut self) {
        match self.trouble.found.cause {
            Cause::KeyDisabled | Cause::KeyPendingDeletion => self.key_state(),
            Cause::ObjectOwner => self.ownership(),
            _ => {}
        }
    }

    /// Where no policy is to be changed, the call comes from where it is let in.
    fn elsewhere(&mut self) {
        let (Cause::SourceAddress | Cause::SourceNetwork, Some(Lack::Condition { operator, key, relation, wanted, .. })) =
            (self.trouble.found.cause, &self.trouble.found.lack)
        else {
            return;
        };
        let other = matches!(relation, Some(Relation::Compares(comparison)) if comparison.not);
        let named = if matches!(relation, Some(Relation::Present)) { Vec::new() } else { wanted.clone() };
        let mut values = self.world.values(self.hop, operator, key, wanted);
        values.extend(named.first().cloned());
        let from = |value: String| RequestChange::From { key: key.clone(), wanted: named.clone(), other, value };
        self.out.extend(values.into_iter().map(from).map(Proposal::Request));
    }
}
