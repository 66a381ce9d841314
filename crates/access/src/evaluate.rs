//! The decision (IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic").

use crossrole_policy::Arn;

use crate::principal::{Caller, Named};
use crate::request::{Policies, Request};
use crate::statement::{Verdict, identity, resource};

/// AWS's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allowed,
    /// A Deny matched.
    ExplicitlyDenied,
    /// Nothing allowed it.
    ImplicitlyDenied,
}

/// A kind of policy that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Identity-based policies of the caller.
    Identity,
    /// The resource's policy.
    Resource,
    /// The caller's permissions boundary.
    Boundary,
    /// The session's policies.
    Session,
    /// Service control policies.
    ServiceControl,
    /// Resource control policies.
    ResourceControl,
}

impl Layer {
    /// Returns AWS's own words for it in access denied messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
        }
    }
}

/// A decision and the layer that made it: the one that denied, or the first that did not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// `None` when allowed.
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

/// What each layer says.
struct Verdicts {
    identity: Verdict,
    resource: Verdict,
    boundary: Option<Verdict>,
    session: Option<Verdict>,
    service_control: Vec<Verdict>,
    resource_control: Vec<Verdict>,
}

/// Decides one request.
pub fn evaluate(request: &Request, policies: &Policies<'_>) -> Answer {
    // Nobody can be denied this, and nobody needs it allowed (STS API reference, GetCallerIdentity).
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") && !matches!(request.caller, Caller::Anonymous) {
        return Answer::ALLOWED;
    }
    let verdicts = Verdicts {
        identity: identity(policies.identity.iter().copied(), request),
        resource: policies.resource.map(|d| resource(d, request, policies.boundary.is_some())).unwrap_or_default(),
        boundary: policies.boundary.as_ref().map(|docs| identity(docs.iter().copied(), request)),
        session: policies.session.as_ref().map(|docs| identity(docs.iter().copied(), request)),
        service_control: policies.service_control.iter().flatten().map(|level| identity(level.iter().copied(), request)).collect(),
        resource_control: policies.resource_control.iter().map(|level| identity(level.iter().copied(), request)).collect(),
    };
    if let Some(layer) = verdicts.denied_by(request) {
        return Answer::denied(layer);
    }
    match &request.caller {
        Caller::Anonymous | Caller::Service(_) => verdicts.by_resource_alone(),
        Caller::Arn(_) if request.caller.is_provider() => verdicts.by_resource_alone(),
        Caller::Arn(_) => {
            if verdicts.service_control.iter().any(|level| !level.allow) {
                return Answer::lacking(Layer::ServiceControl);
            }
            let same = request.resource_account.as_deref().is_none_or(|owner| request.caller.account() == Some(owner));
            if same { verdicts.same_account(request) } else { verdicts.cross_account(request) }
        }
    }
}

impl Verdicts {
    fn denied_by(&self, request: &Request) -> Option<Layer> {
        let controlled = matches!(request.caller, Caller::Arn(_));
        let layers = [
            (Layer::ServiceControl, controlled && self.service_control.iter().any(|v| v.deny)),
            (Layer::ResourceControl, !matches!(request.caller, Caller::Service(_)) && self.resource_control.iter().any(|v| v.deny)),
            (Layer::Resource, self.resource.deny && !owner_keeps_policy(request)),
            (Layer::Identity, self.identity.deny),
            (Layer::Boundary, self.boundary.as_ref().is_some_and(|v| v.deny)),
            (Layer::Session, self.session.as_ref().is_some_and(|v| v.deny)),
        ];
        layers.into_iter().find(|(_, denied)| *denied).map(|(layer, _)| layer)
    }

    fn by_resource_alone(&self) -> Answer {
        if self.resource.allow { Answer::ALLOWED } else { Answer::lacking(Layer::Resource) }
    }

    /// What the caller's own side lacks, if anything.
    fn caller_side(&self, request: &Request) -> Option<Layer> {
        if !self.identity.allow && !request.caller.is_root() { Some(Layer::Identity) } else { self.limits() }
    }

    /// What boundary and session policy lack.
    fn limits(&self) -> Option<Layer> {
        let lacks = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|v| !v.allow);
        if lacks(&self.boundary) {
            Some(Layer::Boundary)
        } else if lacks(&self.session) {
            Some(Layer::Session)
        } else {
            None
        }
    }

    fn same_account(&self, request: &Request) -> Answer {
        for named in &self.resource.named {
            match named {
                Named::Directly => return Answer::ALLOWED,
                Named::Role if self.limits().is_none() => return Answer::ALLOWED,
                Named::Role | Named::Account => {}
            }
        }
        // A trust policy must itself allow; elsewhere the caller's own policies suffice.
        if is_role_trust(request) && !self.resource.allow {
            return Answer::lacking(Layer::Resource);
        }
        match self.caller_side(request) {
            None => Answer::ALLOWED,
            Some(layer) => Answer::lacking(layer),
        }
    }

    fn cross_account(&self, request: &Request) -> Answer {
        let partition = Arn::parse(&request.resource).map(|a| a.partition);
        if partition.is_some() && partition != request.caller.partition() {
            return Answer::lacking(Layer::Resource);
        }
        if let Some(layer) = self.caller_side(request) {
            return Answer::lacking(layer);
        }
        self.by_resource_alone()
    }
}

/// The owner account's root user keeps its hand on the bucket policy under any Deny in it
/// (S3 API reference, PutBucketPolicy).
fn owner_keeps_policy(request: &Request) -> bool {
    request.caller.is_root()
        && request.resource_account.as_deref().is_none_or(|owner| request.caller.account() == Some(owner))
        && ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"].iter().any(|a| a.eq_ignore_ascii_case(&request.action))
}

fn is_role_trust(request: &Request) -> bool {
    let action = request.action.to_ascii_lowercase();
    (action.starts_with("sts:assumerole") || action == "sts:tagsession" || action == "sts:setsourceidentity")
        && Arn::parse(&request.resource).is_some_and(|a| a.service == "iam" && a.resource.starts_with("role/"))
}
