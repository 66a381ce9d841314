//! Questions to policy files alone, on random files: the keys that follow from the caller and the owner of the resource are
//! put together here once more, by the documentation, and the literal evaluator decides.

use std::collections::BTreeMap;

use crossrole_access::{Answer, Caller, Compiled, ContextValue, Decision, Policies, Question, Request, explain_alone};
use crossrole_policy::Document;

use crate::generate::{CALLERS, Random, document, request};
use crate::literal::evaluate as literal;

const QUESTIONS: usize = 20_000;

/// Roles are asked about as a session of them.
const ROLES: &[&str] = &["arn:aws:iam::222222222222:role/App", "arn:aws:iam::111111111111:role/Dev", "arn:aws:iam::111111111111:role/x/Dev"];

/// Keys that a caller's requests have, whoever asks (IAM User Guide, "AWS global condition context keys").
fn derived(principal: &str) -> Vec<(&'static str, String)> {
    let Caller::Arn(arn) = Caller::parse(principal) else { return Vec::new() };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let (partition, account, resource) = (parts[1], parts[4], parts[5]);
    let name = resource.rsplit('/').next().unwrap_or_default().to_owned();
    let mut keys = vec![("aws:PrincipalAccount", account.to_owned())];
    match resource.split('/').next().unwrap_or_default() {
        "oidc-provider" | "saml-provider" => return Vec::new(),
        "user" => keys.extend([("aws:PrincipalArn", arn.clone()), ("aws:username", name), ("aws:PrincipalType", "User".to_owned())]),
        "assumed-role" => {
            let role = resource.split('/').nth(1).unwrap_or_default();
            keys.extend([("aws:PrincipalArn", format!("arn:{partition}:iam::{account}:role/{role}")), ("aws:PrincipalType", "AssumedRole".to_owned())]);
        }
        "role" => keys.extend([("aws:PrincipalArn", arn.clone()), ("aws:PrincipalType", "AssumedRole".to_owned())]),
        "federated-user" => keys.extend([("aws:PrincipalArn", arn.clone()), ("aws:PrincipalType", "FederatedUser".to_owned())]),
        _ => keys.push(("aws:PrincipalArn", arn.clone())),
    }
    if keys.iter().any(|(_, value)| ["AssumedRole", "FederatedUser"].contains(&value.as_str())) {
        keys.push(("aws:MultiFactorAuthPresent", "false".to_owned()));
    }
    keys
}

/// Whose requests they are: a role's are those of a session of it.
fn caller(principal: &str) -> Caller {
    match principal.split_once(":role/") {
        Some((start, path)) => {
            let name = path.rsplit('/').next().unwrap_or_default();
            Caller::parse(&format!("{}:assumed-role/{name}/session", start.replace(":iam:", ":sts:")))
        }
        None => Caller::parse(principal),
    }
}

#[test]
fn policy_files_are_asked_as_the_documentation_says() {
    let mut random = Random(0x00A1_0E5E_ED00_0001);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..QUESTIONS {
        let mut some = |chance: usize, principal: bool| random.once_in(chance).then(|| document(&mut random, principal));
        let documents: [Option<Document>; 6] = [some(1, false), some(2, true), some(3, false), some(6, false), some(6, false), some(8, false)];
        let compiled = documents.each_ref().map(|d| d.as_ref().map(|d| Compiled::new(d, "")));
        let [identity, resource, boundary, session, scp, rcp] = compiled.each_ref().map(Option::as_ref);
        let policies = Policies {
            identity: identity.into_iter().collect(),
            resource,
            boundary: boundary.map(|d| vec![d]),
            session: session.map(|d| vec![d]),
            service_control: scp.map(|d| vec![vec![d]]),
            resource_control: rcp.map(|d| vec![vec![d]]).unwrap_or_default(),
            restrict_public: false,
        };
        let [identity, resource, boundary, session, scp, rcp] = documents.each_ref().map(Option::as_ref);
        let mut plain = literal::Policies {
            identity: identity.into_iter().collect(),
            resource,
            boundary: boundary.map(|d| vec![d]),
            session: session.map(|d| vec![d]),
            service_control: scp.map(|d| vec![vec![d]]),
            resource_control: rcp.map(|d| vec![vec![d]]).unwrap_or_default(),
        };
        let Request { action, resource, resource_account, mut context, .. } = request(&mut random);
        let principal = if random.once_in(3) { random.one(ROLES) } else { random.one(CALLERS) };
        // Those that follow from the caller are left out, or given otherwise: then they count as given.
        for key in ["aws:PrincipalArn", "aws:username"] {
            if !random.once_in(8) {
                context.remove(key);
            }
        }
        let question = Question {
            principal: principal.to_owned(),
            via: Vec::new(),
            action: action.clone(),
            resource: resource.clone(),
            resource_account: resource_account.clone(),
            context: context.clone(),
            unread_allows: false,
        };
        let got = explain_alone(&question, &policies);
        let caller = caller(principal);
        let own = if let Caller::Arn(arn) = &caller { arn.split(':').nth(4).filter(|a| !a.is_empty()).map(str::to_owned) } else { None };
        let in_arn = resource.split(':').nth(4).filter(|account| !account.is_empty()).map(str::to_owned);
        for (key, value) in derived(principal) {
            if context.get(key).is_none() {
                context.insert(key, ContextValue::One(value));
            }
        }
        let is_provider = principal.contains("-provider/");
        let owner = in_arn.or(resource_account).or(own.filter(|_| !is_provider));
        let unheard = match &caller {
            Caller::Anonymous => ["kms:", "iam:", "sts:"].iter().any(|service| action.starts_with(service)),
            Caller::Arn(arn) => arn.contains(":sts:") && ["sts:GetSessionToken", "sts:GetFederationToken"].contains(&action.as_str()),
            _ => false,
        };
        // A federated user without a session policy has an empty one.
        if principal.contains(":federated-user/") {
            plain.session.get_or_insert_default();
        }
        let wanted = if unheard {
            Answer { decision: Decision::ImplicitlyDenied, layer: None }
        } else {
            literal::evaluate(&Request { caller, action, resource, resource_account: owner, context }, &plain)
        };
        assert_eq!(got.decision, wanted.decision, "{question:#?}\n{wanted:?}\n{documents:#?}");
        *seen.entry(format!("{:?} {:?}", wanted.decision, wanted.layer)).or_default() += 1;
    }
    assert!(seen.len() >= 12 && seen.values().all(|n| *n >= 20), "{seen:#?}");
}
