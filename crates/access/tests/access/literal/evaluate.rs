//! The decision (IAM User Guide, "Policy evaluation logic" and "Cross-account policy evaluation logic").

use crossrole_policy::{Arn, Document};

use super::principal::{Named, Names as _};
use super::statement::{Verdict, identity, resource};
use crossrole_access::{Answer, Caller, Decision, Layer, Request};

/// The policies that apply to a request, as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies<'a> {
    pub(crate) identity: Vec<&'a Document>,
    pub(crate) resource: Option<&'a Document>,
    pub(crate) boundary: Option<Vec<&'a Document>>,
    pub(crate) session: Option<Vec<&'a Document>>,
    pub(crate) service_control: Option<Vec<Vec<&'a Document>>>,
    pub(crate) resource_control: Vec<Vec<&'a Document>>,
}

const ALLOWED: Answer = Answer { decision: Decision::Allowed, layer: None };

fn denied(layer: Layer) -> Answer {
    Answer { decision: Decision::ExplicitlyDenied, layer: Some(layer) }
}

fn lacking(layer: Layer) -> Answer {
    Answer { decision: Decision::ImplicitlyDenied, layer: Some(layer) }
}

/// What each layer says.
struct Verdicts {
    identity: Verdict,
    resource: Verdict,
    /// The resource's policy is known.
    known: bool,
    boundary: Option<Verdict>,
    session: Option<Verdict>,
    service_control: Vec<Verdict>,
    resource_control: Vec<Verdict>,
}

/// Decides one request.
pub(crate) fn evaluate(request: &Request, policies: &Policies<'_>) -> Answer {
    // Nobody can be denied this, and nobody needs it allowed (STS API reference, GetCallerIdentity).
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") && !matches!(request.caller, Caller::Anonymous) {
        return ALLOWED;
    }
    let mut put = request.clone();
    if put.resource == "*" && put.action.eq_ignore_ascii_case("s3:ListAllMyBuckets") {
        let partition = if let Caller::Arn(arn) | Caller::Federated { arn, .. } = &put.caller { arn.split(':').nth(1).unwrap_or("aws") } else { "aws" };
        put.resource = format!("arn:{partition}:s3:::*");
    }
    // What is in IAM is its own account's, and so is a session of STS; roles have their trust, and root's sessions are for others.
    let lower = put.action.to_lowercase();
    let of_sts = lower.starts_with("sts:") && lower != "sts:assumeroot" && !is_role_trust(&put);
    if put.resource_account.is_none() && (lower.starts_with("iam:") || of_sts) {
        put.resource_account = put.resource.split(':').nth(4).filter(|account| *account != "aws").map(str::to_owned);
    }
    let request = &put;
    if is_never(request, &lower) {
        return Answer { decision: Decision::ImplicitlyDenied, layer: None };
    }
    let verdicts = Verdicts {
        identity: identity(policies.identity.iter().copied(), request),
        known: policies.resource.is_some(),
        resource: policies.resource.map(|d| resource(d, request, policies.boundary.is_some())).unwrap_or_default(),
        boundary: policies.boundary.as_ref().map(|docs| identity(docs.iter().copied(), request)),
        session: policies.session.as_ref().map(|docs| identity(docs.iter().copied(), request)),
        service_control: policies.service_control.iter().flatten().map(|level| identity(level.iter().copied(), request)).collect(),
        resource_control: policies
            .resource_control
            .iter()
            .filter(|_| has_resource_controls(&request.action))
            .map(|level| identity(level.iter().copied(), request))
            .collect(),
    };
    if let Some(layer) = verdicts.denied_by(request) {
        return denied(layer);
    }
    match &request.caller {
        Caller::Anonymous | Caller::Service(_) => verdicts.by_resource_alone(),
        Caller::Arn(_) if request.caller.is_provider() => verdicts.by_resource_alone(),
        Caller::Arn(_) | Caller::Federated { .. } => {
            if verdicts.service_control.iter().any(|level| !level.allow) {
                return lacking(Layer::ServiceControl);
            }
            let same = request.resource_account.as_deref().is_none_or(|owner| request.caller.account() == Some(owner));
            if same { verdicts.same_account(request) } else { verdicts.cross_account(request) }
        }
    }
}

/// What AWS lets nobody do (S3 API reference, Get/Put/DeleteBucketPolicy; AWS KMS Developer Guide, "Permissions reference", of the actions
/// that the tests ask for; STS API reference, AssumeRole and GetFederationToken).
fn is_never(request: &Request, action: &str) -> bool {
    let Caller::Arn(caller) = &request.caller else {
        return request.caller == Caller::Anonymous && request.resource_account.is_some() && is_own(action);
    };
    let other = request.resource_account.as_deref().is_some_and(|owner| request.caller.account() != Some(owner));
    let role = is_role_trust(request) && caller.ends_with(":root");
    let federated = caller.contains(":federated-user/") && action.starts_with("sts:");
    role || federated || other && is_own(action)
}

fn is_own(action: &str) -> bool {
    ["s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy", "kms:putkeypolicy", "kms:getkeypolicy", "kms:schedulekeydeletion"].contains(&action)
}

/// Of the services that the tests ask about, these have resource control policies (AWS Organizations User Guide, "Resource
/// control policies").
fn has_resource_controls(action: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default().to_lowercase();
    ["s3", "sts", "kms", "sqs", "secretsmanager", "dynamodb"].contains(&service.as_str()) && !action.eq_ignore_ascii_case("kms:RetireGrant")
}

impl Verdicts {
    fn denied_by(&self, request: &Request) -> Option<Layer> {
        let controlled = matches!(request.caller, Caller::Arn(_) | Caller::Federated { .. });
        let layers = [
            (Layer::ServiceControl, controlled && self.service_control.iter().any(|v| v.deny)),
            (Layer::ResourceControl, self.resource_control.iter().any(|v| v.deny)),
            (Layer::Resource, self.resource.deny && !owner_keeps_policy(request)),
            (Layer::Identity, self.identity.deny),
            (Layer::Boundary, self.boundary.as_ref().is_some_and(|v| v.deny)),
            (Layer::Session, self.session.as_ref().is_some_and(|v| v.deny)),
        ];
        layers.into_iter().find(|(_, denied)| *denied).map(|(layer, _)| layer)
    }

    fn by_resource_alone(&self) -> Answer {
        if self.resource.allow { ALLOWED } else { lacking(Layer::Resource) }
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
                Named::Directly => return ALLOWED,
                Named::Role if self.limits().is_none() => return ALLOWED,
                Named::Role | Named::Account => {}
            }
        }
        // A trust policy must itself allow, and a key's, where it is known; elsewhere the caller's own policies suffice.
        let of_key = self.known && request.action.to_lowercase().starts_with("kms:") && request.resource.contains(":key/");
        if (is_role_trust(request) || of_key) && !self.resource.allow {
            return lacking(Layer::Resource);
        }
        let by_role = self.resource.named.iter().any(|named| matches!(named, Named::Role));
        match if by_role { self.limits() } else { self.caller_side(request) } {
            None => ALLOWED,
            Some(layer) => lacking(layer),
        }
    }

    fn cross_account(&self, request: &Request) -> Answer {
        let partition = Arn::parse(&request.resource).map(|a| a.partition);
        if partition.is_some() && partition != request.caller.partition() {
            return lacking(Layer::Resource);
        }
        if let Some(layer) = self.caller_side(request) {
            return lacking(layer);
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
