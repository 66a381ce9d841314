//! The decision (IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic").

use crossrole_model::access::Never;
pub use crossrole_model::access::{Decision, Layer};
use crossrole_policy::Arn;

use crate::request::{ContextValue, Policies, Request};

use super::compiled::{Action, Compiled, Verdict};
use super::controls;
use super::never::never;
use super::principal::Asker;

/// A decision and the layer that made it: the one that denied, or the first that did not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// `None` when allowed, and of what no policy can allow.
    pub layer: Option<Layer>,
}

impl Answer {
    const ALLOWED: Self = Self { decision: Decision::Allowed, layer: None };

    fn denied(layer: Layer) -> Self {
        Self { decision: Decision::ExplicitlyDenied, layer: Some(layer) }
    }

    fn lacking(layer: Layer) -> Self {
        Self { decision: Decision::ImplicitlyDenied, layer: Some(layer) }
    }

    /// Tells whether the request is allowed.
    pub fn is_allowed(self) -> bool {
        self.decision == Decision::Allowed
    }
}

/// Decides one request.
pub fn evaluate(request: &Request, policies: &Policies<'_>) -> Answer {
    decided(request, policies, true)
}

/// What the policies say of one request that AWS may refuse all the same: what it lets nobody do it says after it has looked at them.
pub fn by_policies(request: &Request, policies: &Policies<'_>) -> Answer {
    decided(request, policies, false)
}

/// Why no policy can allow a request, where none can.
pub(crate) fn refused(request: &Request) -> Option<Never> {
    let (asker, action) = (Asker::of(&request.caller), request.action.to_ascii_lowercase());
    never(request, &Action::new(&action), &asker, is_same_account(request, &Action::new(&action), &asker))
}

fn decided(request: &Request, policies: &Policies<'_>, bound: bool) -> Answer {
    let asker = Asker::of(&request.caller);
    // Nobody can be denied this, and nobody needs it allowed (STS API reference, GetCallerIdentity).
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") && !asker.is_anonymous() {
        return Answer::ALLOWED;
    }
    let request = &*request.as_put();
    // Patterns of actions are kept in lower case: the action is put into it once, without asking for memory.
    let mut buffer = [0_u8; 96];
    let long;
    let bytes = request.action.as_bytes();
    let action = match buffer.get_mut(..bytes.len()) {
        Some(room) => {
            room.copy_from_slice(bytes);
            room.make_ascii_lowercase();
            std::str::from_utf8(room).unwrap_or_default()
        }
        None => {
            long = request.action.to_ascii_lowercase();
            &long
        }
    };
    let case = Case { request, policies, asker, action: Action::new(action) };
    if bound && never(request, &case.action, &case.asker, case.is_same_account()).is_some() {
        return Answer { decision: Decision::ImplicitlyDenied, layer: None };
    }
    case.decide()
}

/// One question with everything that bears on it.
struct Case<'c> {
    request: &'c Request,
    policies: &'c Policies<'c>,
    asker: Asker<'c>,
    /// In lower case.
    action: Action<'c>,
}

impl Case<'_> {
    fn over(&self, documents: &[&Compiled]) -> Verdict {
        let mut verdict = Verdict::default();
        for document in documents {
            document.identity(self.request, &self.action, &mut verdict);
        }
        verdict
    }

    fn decide(&self) -> Answer {
        let (asker, policies) = (&self.asker, self.policies);
        // Control policies bind principals of accounts, services excepted; those of the resource bind everyone,
        // services too (AWS Organizations, "Resource control policy examples", confused deputy).
        let controlled = !self.is_service_linked();
        if controlled && (!asker.has_no_identity() || asker.account.is_some()) {
            let denied = policies.service_control.iter().flatten().any(|level| self.over(level).deny);
            if denied {
                return Answer::denied(Layer::ServiceControl);
            }
        }
        let bound = controlled && !policies.resource_control.is_empty() && controls::bind(self.action.name());
        if bound && policies.resource_control.iter().any(|level| self.over(level).deny) {
            return Answer::denied(Layer::ResourceControl);
        }
        let resource = policies.resource.map(|d| d.resource(self.request, &self.action, asker, policies.boundary.is_some())).unwrap_or_default();
        if resource.deny && !self.owner_keeps_policy() {
            return Answer::denied(Layer::Resource);
        }
        if policies.restrict_public && !asker.is_service() && !self.is_same_account() {
            return Answer::denied(Layer::PublicAccessBlock);
        }
        let identity = self.over(&policies.identity);
        if identity.deny {
            return Answer::denied(Layer::Identity);
        }
        let boundary = policies.boundary.as_ref().map(|documents| self.over(documents));
        if boundary.is_some_and(|v| v.deny) {
            return Answer::denied(Layer::Boundary);
        }
        let session = policies.session.as_ref().map(|documents| self.over(documents));
        if session.is_some_and(|v| v.deny) {
            return Answer::denied(Layer::Session);
        }
        if asker.has_no_identity() {
            return if resource.allow { Answer::ALLOWED } else { Answer::lacking(Layer::Resource) };
        }
        if controlled && policies.service_control.iter().flatten().any(|level| !self.over(level).allow) {
            return Answer::lacking(Layer::ServiceControl);
        }
        let limits = if boundary.is_some_and(|v| !v.allow) {
            Some(Layer::Boundary)
        } else if session.is_some_and(|v| !v.allow) {
            Some(Layer::Session)
        } else {
            None
        };
        let caller_side = if !identity.allow && !asker.is_root() { Some(Layer::Identity) } else { limits };
        let lacks = if self.is_same_account() { self.same_account(resource, caller_side, limits) } else { self.cross_account(resource, caller_side) };
        lacks.map_or(Answer::ALLOWED, Answer::lacking)
    }

    /// Roles of services, which control policies leave alone (AWS Organizations User Guide, "Service control policies", and
    /// "Resource control policies"). Only the key tells a session's path.
    fn is_service_linked(&self) -> bool {
        let is_one = |arn: &str| arn.contains(":role/aws-service-role/");
        let bound = self.policies.service_control.is_some() || !self.policies.resource_control.is_empty();
        bound
            && (is_one(self.request.caller.as_str())
                || matches!(self.request.context.get_lower("aws:principalarn"), Some(ContextValue::One(arn)) if is_one(arn)))
    }

    fn is_same_account(&self) -> bool {
        is_same_account(self.request, &self.action, &self.asker)
    }

    /// What is lacking inside one account, if anything.
    fn same_account(&self, resource: Verdict, caller_side: Option<Layer>, limits: Option<Layer>) -> Option<Layer> {
        if resource.directly || resource.by_behind && limits.is_none() {
            return None;
        }
        // A trust policy must itself allow, and so must a key's; elsewhere the caller's own policies suffice.
        if must_itself_allow(self.request, self.policies) && !resource.allow {
            return Some(Layer::Resource);
        }
        // Whom the resource names itself needs nothing of its own policies: what keeps it out is what limits them.
        if resource.by_behind { limits } else { caller_side }
    }

    /// What is lacking between accounts: both sides must allow, inside one partition.
    fn cross_account(&self, resource: Verdict, caller_side: Option<Layer>) -> Option<Layer> {
        let partition = Arn::parse(&self.request.resource).map(|a| a.partition);
        if partition.is_some() && partition != self.asker.partition {
            return Some(Layer::Resource);
        }
        caller_side.or_else(|| (!resource.allow).then_some(Layer::Resource))
    }

    /// The owner account's root user keeps its hand on the bucket policy under any Deny in it
    /// (S3 API reference, PutBucketPolicy).
    fn owner_keeps_policy(&self) -> bool {
        self.asker.is_root()
            && self.is_same_account()
            && ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"].iter().any(|a| a.eq_ignore_ascii_case(&self.request.action))
    }
}

fn is_same_account(request: &Request, action: &Action<'_>, asker: &Asker<'_>) -> bool {
    match request.resource_account.as_deref() {
        None if is_inside(action, request) => {
            // AWS's own policies are everybody's to read.
            Arn::parse(&request.resource).is_none_or(|arn| arn.account == "aws" || asker.account == Some(arn.account))
        }
        None => !asker.is_anonymous(),
        Some(owner) => asker.account == Some(owner),
    }
}

/// Tells whether nobody of another account is let in: no resource of IAM or STS has a policy that could, but for the trust of
/// roles. Root's sessions are asked for across accounts (STS API reference, AssumeRoot).
fn is_inside(action: &Action<'_>, request: &Request) -> bool {
    let is_sts = || action.is_of("sts:") && action.name() != "sts:assumeroot" && !is_role_trust(request);
    action.is_of("iam:") || is_sts()
}

/// Tells whether the resource's own policy must allow the request, whatever the caller's own say: a role's trust policy, and a
/// key's policy (AWS KMS Developer Guide, "Key policies in AWS KMS"). A key policy that is not known is taken to leave it to its
/// account's policies.
pub(crate) fn must_itself_allow(request: &Request, policies: &Policies<'_>) -> bool {
    is_role_trust(request) || policies.resource.is_some() && is_of_key(request)
}

/// Tells whether the request is one that a key's policy decides.
pub(crate) fn is_of_key(request: &Request) -> bool {
    let is_kms = request.action.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("kms:"));
    is_kms && Arn::parse(&request.resource).is_some_and(|arn| arn.service == "kms" && arn.resource.starts_with("key/"))
}

/// Tells whether the request is one that a trust policy decides.
pub(crate) fn is_role_trust(request: &Request) -> bool {
    let starts = |prefix: &str| request.action.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    starts("sts:")
        && (starts("sts:AssumeRole") || ["sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"].iter().any(|a| a.eq_ignore_ascii_case(&request.action)))
        && Arn::parse(&request.resource).is_some_and(|a| a.service == "iam" && a.resource.starts_with("role/"))
}
