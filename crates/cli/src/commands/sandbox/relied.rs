//! What manifests rely on and do not make, as the calls that make it in an embedded AWS.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::DesiredState;
use crossrole_model::state::Tags;
use crossrole_model::{AccountId, Address, BucketCall, BucketRef, Call, Desired, IamCall, Kind, LockPlace};
use crossrole_policy::{Arn, Document, Element, Principal, Statement};

/// Longest session of a role that is made to be relied on, in seconds: IAM's default.
const SESSION: u32 = 3_600;

/// Returns everything, by address, with the call that makes it: buckets whose policy or logging is declared, principals that
/// documents name or that get the caller's side, and managed policies and providers by ARN.
pub(super) fn relied_on(desired: &Desired, lock: Option<&LockPlace>) -> BTreeMap<Address, Call> {
    let mut relied = Relied { desired, found: BTreeMap::new() };
    if let Some(place) = lock {
        relied.bucket(&place.account, &place.bucket, &place.region);
    }
    for (address, object) in &desired.objects {
        match &object.state {
            DesiredState::Role { state, .. } => {
                relied.principals(&state.trust);
                state.attached.iter().for_each(|arn| relied.policy(arn, &harmless()));
                state.boundary.iter().for_each(|arn| relied.policy(arn, &everything()));
            }
            DesiredState::BucketPolicy { region, is_region_said: _, statements } => {
                relied.principals(&Document::new(statements.clone()));
                relied.bucket(&address.account, &address.name, region);
            }
            DesiredState::Bucket(state) => {
                let target = state.logging.iter().flatten().next();
                // Logs go to a bucket of the same account and region.
                if let Some(logging) = target {
                    relied.bucket(&address.account, &logging.bucket, &state.region);
                }
            }
            DesiredState::KeyPolicy { grants, .. } => relied.principals(&Document::new(grants.iter().map(|g| g.statement.clone()).collect())),
            DesiredState::Policy(_)
            | DesiredState::User(_)
            | DesiredState::Group { .. }
            | DesiredState::Membership(_)
            | DesiredState::Caller { .. }
            | DesiredState::OidcProvider(_)
            | DesiredState::SamlProvider(_)
            | DesiredState::PermissionSet { .. }
            | DesiredState::Key(_) => {}
        }
    }
    // Those that documents name have been found with their paths.
    for address in &desired.required {
        relied.principal(address.clone(), "/");
    }
    relied.found
}

struct Relied<'d> {
    desired: &'d Desired,
    found: BTreeMap<Address, Call>,
}

impl Relied<'_> {
    fn add(&mut self, address: Address, call: Call) {
        if !self.desired.objects.contains_key(&address) {
            self.found.entry(address).or_insert(call);
        }
    }

    fn bucket(&mut self, account: &AccountId, name: &str, region: &str) {
        let bucket = BucketRef { name: name.to_owned(), region: region.to_owned() };
        let call = BucketCall::Create { bucket, ownership: None, tags: Tags::new() };
        self.add(Address::new(account, Kind::Bucket, name), call.into());
    }

    /// Roles and users by ARN, and providers of tokens.
    fn principals(&mut self, document: &Document) {
        for text in document.statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(|p| p.entries.values().flatten()) {
            let Some((arn, account)) = Arn::parse(text).and_then(|arn| Some((arn, AccountId::parse(arn.account)?))) else { continue };
            let Some((kind, rest)) = arn.resource.split_once('/').filter(|_| arn.service == "iam" && !text.contains(['*', '?'])) else { continue };
            let (path, name) = rest.rsplit_once('/').map_or_else(|| ("/".to_owned(), rest), |(path, name)| (format!("/{path}/"), name));
            match kind {
                "role" => self.principal(Address::new(&account, Kind::Role, name), &path),
                "user" => self.principal(Address::new(&account, Kind::User, name), &path),
                "oidc-provider" => {
                    let client_ids = BTreeSet::from(["sts.amazonaws.com".to_owned()]);
                    let call = IamCall::CreateOidcProvider { url: format!("https://{rest}"), client_ids, tags: Tags::new() };
                    self.add(Address::new(&account, Kind::OidcProvider, rest), call.into());
                }
                _ => {}
            }
        }
    }

    fn principal(&mut self, address: Address, path: &str) {
        let (name, path, tags) = (address.name.clone(), path.to_owned(), Tags::new());
        let call = match address.kind {
            Kind::Role => {
                // Whoever its own account lets may try it.
                let mut own = Statement::allow(Element::of(["sts:AssumeRole"]), None);
                own.principal = Some(Principal::of("AWS", [self.desired.partition.iam_arn(&address.account, "root", "", "")]));
                let trust = Document::new(vec![own]);
                IamCall::CreateRole { name, path, trust, description: String::new(), max_session_seconds: SESSION, boundary: None, tags }
            }
            Kind::User => IamCall::CreateUser { name, path, tags },
            Kind::Group => IamCall::CreateGroup { name, path },
            Kind::OidcProvider
            | Kind::SamlProvider
            | Kind::Policy
            | Kind::Membership
            | Kind::Attachment
            | Kind::Caller
            | Kind::Bucket
            | Kind::BucketPolicy
            | Kind::PermissionSet
            | Kind::Key
            | Kind::KeyPolicy => {
                return;
            }
        };
        self.add(address, call.into());
    }

    /// A customer managed policy; AWS's own are there.
    fn policy(&mut self, arn: &str, document: &Document) {
        let Some((parsed, account)) = Arn::parse(arn).and_then(|arn| Some((arn, AccountId::parse(arn.account)?))) else { return };
        let Some(rest) = parsed.resource.strip_prefix("policy/") else { return };
        let (path, name) = rest.rsplit_once('/').map_or_else(|| ("/".to_owned(), rest), |(path, name)| (format!("/{path}/"), name));
        let (description, document, tags) = (String::new(), document.clone(), Tags::new());
        let call = IamCall::CreatePolicy { name: name.to_owned(), path, description, document, tags };
        self.add(Address::new(&account, Kind::Policy, name), call.into());
    }
}

/// Stands in for a policy that nobody has shown: it allows what everyone may do anyway.
fn harmless() -> Document {
    Document::new(vec![Statement::allow(Element::of(["sts:GetCallerIdentity"]), Some(Element::of(["*"])))])
}

/// Stands in for a boundary that nobody has shown: it bounds nothing.
fn everything() -> Document {
    Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))])
}

/// Statements of somebody else's in a bucket's policy: a Deny that everyone has to keep, and a grant to a stranger.
pub(super) fn foreign(bucket: &str, desired: &Desired) -> Document {
    let partition = desired.partition.as_str();
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:{partition}:s3:::{bucket}","arn:{partition}:s3:::{bucket}/*"],"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}},
        {{"Sid":"Theirs","Effect":"Allow","Principal":{{"AWS":"555555555555"}},"Action":"s3:GetObject","Resource":"arn:{partition}:s3:::{bucket}/theirs/*"}}]}}"#
    );
    crossrole_policy::parse(&text).unwrap_or_else(|_| Document::new(Vec::new()))
}
