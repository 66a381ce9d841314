//! What AWS told of, and what of it is news.

use crossrole_access::ObjectKey;
use crossrole_model::access::{Assumption, Layer};
use crossrole_model::diagnosis::Cause;
use crossrole_policy::Arn;

use crate::named::of_layer;
use crate::trouble::{Guard, Hop, Trouble, bare, bucket_of};
use crate::world::{World, known};

impl World<'_> {
    /// What AWS told of, where nothing that was read says it.
    pub(crate) fn told(&self, hops: &[Hop], all: &mut Vec<Trouble>) {
        let Some(denied) = &self.asked.denied else { return };
        all.extend(self.hidden.iter().filter(|hidden| !self.cared.contains(&hidden.found.cause)).cloned());
        let last = hops.len().saturating_sub(1);
        // What KMS says through S3 is of its own call; all else is of the call that was asked about.
        let own = hops.iter().rposition(|hop| !hop.through).unwrap_or(last);
        let met: Vec<(usize, Option<Layer>)> = all.iter().filter(|t| t.found.denies).map(|t| (t.found.hop, t.layer)).collect();
        let mut add = |cause: Cause, layer: Option<Layer>, at: usize| {
            let known = all.iter().any(|t| t.found.cause == cause) || self.cared.contains(&cause);
            if let Some(hop) = hops.get(at).filter(|_| !known) {
                let mut trouble = bare(cause, at, hop);
                trouble.found.told = true;
                trouble.layer = layer;
                all.push(trouble);
            }
        };
        if let Some(cause) = denied.cause {
            let at = match cause {
                Cause::KeyDisabled | Cause::KeyMissing | Cause::KeyPendingDeletion => last,
                Cause::RootAssumes | Cause::SessionTooLong | Cause::ChainedTooLong => hops.iter().position(|hop| hop.guard == Guard::Trust).unwrap_or(own),
                cause if cause < Cause::CallerMissing => 0,
                _ => own,
            };
            let lengths = matches!(cause, Cause::SessionTooLong | Cause::ChainedTooLong);
            let decided_here = lengths && self.asked.duration.is_some()
                || matches!(cause, Cause::KeyDisabled | Cause::KeyPendingDeletion | Cause::BucketMissing) && self.is_read(hops.get(at));
            if !decided_here {
                add(cause, None, at);
            }
        }
        if self.other_key {
            add(Cause::OtherKey, None, own);
            return;
        }
        if self.asked.session_policy && denied.reason.is_none() {
            return;
        }
        let Some(reason) = denied.reason else { return };
        if reason.endpoint {
            add(Cause::EndpointPolicy, None, own);
        }
        // Where KMS leaves open whether the key is there, it is a policy of the resource that does not let it.
        let open = (reason.explicit.is_none() && !reason.endpoint).then_some(Layer::Resource);
        if let Some(layer) = reason.layer.or(open).filter(|_| self.hidden.is_none())
            && let Some(hop) = hops.iter().rev().find(|hop| denied.action.as_deref().is_none_or(|action| action.eq_ignore_ascii_case(&hop.call.action)))
            && self.may_be_more(layer, hop)
        {
            let at = hops.iter().position(|other| other.call == hop.call).unwrap_or(own);
            let explicit = reason.explicit.unwrap_or(false);
            // What another request would not meet is named for what that is about.
            if explicit && met.contains(&(at, Some(layer))) {
                return;
            }
            if let Some(cause) = of_layer(layer, explicit, hop.guard) {
                add(cause, Some(layer), at);
            }
        }
    }

    /// Tells whether KMS refused S3 a key that is none of those that are known of the call: they let it.
    pub(crate) fn is_by_other_key(&self) -> bool {
        let Some(denied) = self.asked.denied.as_ref().filter(|_| self.asked.key == ObjectKey::AsItsBucket) else { return false };
        let layer = denied.reason.and_then(|reason| reason.layer);
        let of_key = layer.is_none_or(|layer| matches!(layer, Layer::Resource | Layer::Identity)) && denied.cause.is_none();
        let by_kms = denied.action.as_deref().is_some_and(|action| action.starts_with("kms:")) && self.asked.question.action.starts_with("s3:");
        let told = |hop: &Hop| !hop.answer.is_allowed() || self.may_be_more(layer.unwrap_or(Layer::Resource), hop);
        of_key && by_kms && !self.hops().iter().any(|hop| hop.guard == Guard::Key && told(hop))
    }

    /// What is there was read, so that what AWS told of it then is no news.
    fn is_read(&self, hop: Option<&Hop>) -> bool {
        let Some(hop) = hop else { return false };
        match hop.guard {
            Guard::Key => known(self.observed.keys.get(&hop.call.resource)).is_some(),
            Guard::Bucket => bucket_of(&hop.call.resource).is_some_and(|name| known(self.observed.buckets.get(name)).is_some()),
            _ => false,
        }
    }

    /// Tells whether there may be policies of a kind, bearing on a call, that were not read.
    pub(crate) fn may_be_more(&self, layer: Layer, hop: &Hop) -> bool {
        let assumed = |test: fn(&Assumption) -> bool| hop.answer.assumed.iter().any(test);
        let account = Arn::parse(&hop.call.principal).map(|arn| arn.account);
        match layer {
            Layer::Session => hop.call.principal.contains(":sts:") || hop.guard != Guard::Trust,
            Layer::ServiceControl => account.is_none_or(|account| !self.estate.service_control.contains_key(account)),
            Layer::ResourceControl => true,
            Layer::PublicAccessBlock => false,
            Layer::Identity | Layer::Boundary => assumed(|a| matches!(a, Assumption::OwnPolicies | Assumption::UnknownPolicies | Assumption::Unread { .. })),
            Layer::Resource => assumed(|a| matches!(a, Assumption::ResourcePolicy | Assumption::KeyPolicy)),
        }
    }
}
