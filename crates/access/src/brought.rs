//! What a request brings: what is given, and what follows from the caller and the resource.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::Arn;

use crate::ask::Question;
use crate::delta::crowd::Crowd;
use crate::delta::pair::{Subject, TAG};
use crate::delta::subjects::Who;
use crate::engine::compiled::{CompiledStatement, Resources};
use crate::engine::condition::{Condition, instant};
use crate::request::{Context, ContextValue, Policies};

/// The start of the unique ids of roles and of users, which are random: one that nobody has stands for those that are not known
/// (IAM User Guide, "IAM identifiers").
const ID_OF_ROLE: &str = "AROAUNKNOWNUNKNOWN123";
const ID_OF_USER: &str = "AIDAUNKNOWNUNKNOWN123";

/// Keys of a first caller that a session of a role has of its own, or not at all (IAM User Guide, "AWS global condition context keys").
const OF_CALLER: [&str; 13] = [
    "aws:multifactorauthpresent",
    "aws:multifactorauthage",
    "aws:tokenissuetime",
    "aws:username",
    "aws:userid",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principalservicenameslist",
];

/// What is sent along where a role is assumed, and nowhere else (STS API reference, AssumeRole).
const OF_ASSUMING: &str = "sts:externalid";

/// What of a question is as true of a session of a role that was assumed on the way as of whoever asked first. An external id goes to each
/// role on the way: one that asks for none does not mind.
pub fn of_session(given: &Context, action: &str) -> Context {
    let assumes = action.to_ascii_lowercase().starts_with("sts:");
    let stays = |key: &str| if key == OF_ASSUMING { assumes } else { !OF_CALLER.contains(&key) && !key.starts_with(TAG) };
    let mut left = Context::default();
    for (key, value) in given.iter().filter(|(key, _)| stays(key)) {
        left.insert(key, value.clone());
    }
    left
}

/// What is given, and what follows from the caller and the resource. `tags`: of the role or user, where it is known.
pub(crate) fn context(question: &Question, who: &Who, tags: Option<&BTreeMap<String, String>>, owner: Option<&str>, action: &str) -> Context {
    let mut context = question.context.clone();
    let mut add = |key: &str, value: ContextValue| {
        if context.get(key).is_none() {
            context.insert(key, value);
        }
    };
    let one = |text: &str| ContextValue::One(text.to_owned());
    for (key, value) in &who.subject.fixed {
        if let Some(value) = value {
            add(key, value.clone());
        }
    }
    for (key, value) in tags.into_iter().flatten() {
        add(&format!("{TAG}{}", key.to_lowercase()), one(value));
    }
    if let Some(arn) = who.subject.crowd.as_ref().and_then(Crowd::principal_arn) {
        add("aws:PrincipalArn", ContextValue::One(arn));
    }
    of_credentials(&who.subject, &question.context, &mut add);
    // KMS tells whose caller it is (AWS KMS Developer Guide, "kms:CallerAccount").
    if let Some(account) = who.subject.account.as_deref().filter(|_| action.to_ascii_lowercase().starts_with("kms:")) {
        add("kms:CallerAccount", one(account));
    }
    if let Some(owner) = owner {
        add("aws:ResourceAccount", one(owner));
        add("s3:ResourceAccount", one(owner));
    }
    // Both are one moment.
    if let Some(ContextValue::One(at)) = question.context.get("aws:CurrentTime")
        && let Some(nanoseconds) = instant(at)
    {
        add("aws:EpochTime", ContextValue::One(nanoseconds.div_euclid(1_000_000_000).to_string()));
    }
    add("aws:SecureTransport", one("true"));
    add("aws:ViaAWSService", one("false"));
    if action.eq_ignore_ascii_case("sts:AssumeRole") {
        add("sts:RoleSessionName", one("session"));
    }
    context
}

/// Keys that follow from the credentials: a session of a role or of a federated user carries no second factor, and tells so, began when
/// it is asked at the latest, and is called by its name behind an id (IAM User Guide, "AWS global condition context keys").
fn of_credentials(subject: &Subject, given: &Context, add: &mut impl FnMut(&str, ContextValue)) {
    let Some(Some(ContextValue::One(sort))) = subject.fixed.get("aws:principaltype") else { return };
    let one = |text: &str| ContextValue::One(text.to_owned());
    if ["AssumedRole", "FederatedUser"].contains(&sort.as_str()) {
        add("aws:MultiFactorAuthPresent", one("false"));
        if let Some(ContextValue::One(at)) = given.get("aws:CurrentTime") {
            add("aws:TokenIssueTime", one(at));
        }
    }
    match sort.as_str() {
        "AssumedRole" => {
            let session = Arn::parse(subject.caller.as_str()).and_then(|arn| arn.resource.rsplit('/').next()).unwrap_or("session");
            add("aws:userid", ContextValue::One(format!("{ID_OF_ROLE}:{session}")));
        }
        "User" => add("aws:userid", one(ID_OF_USER)),
        _ => {}
    }
}

/// Tells whether nothing is known of a key of a request, be it that it is absent.
pub(crate) fn is_open(subject: &Subject, given: &Context, request: &Context, key: &str) -> bool {
    let stands_in = || matches!(request.get(key), Some(ContextValue::One(id)) if id.starts_with(ID_OF_ROLE) || id.starts_with(ID_OF_USER));
    let lower = key.to_ascii_lowercase();
    let known = given.get(key).is_some() || subject.is_fixed(&lower);
    !known && (request.get(key).is_none() || stands_in())
}

/// Keys of the tags of a role that policies about an action ask for, and in whose place a session may bring others.
pub(crate) fn asked_tags(policies: &Policies<'_>, action: &str, tags: &BTreeMap<String, String>, given: &Context) -> Vec<String> {
    let documents = policies.identity.iter().chain(policies.boundary.iter().flatten()).chain(&policies.resource);
    let statements = documents.flat_map(|document| &document.statements).filter(|statement| statement.action.match_(action));
    let asked: BTreeSet<String> = statements.flat_map(keys_of).collect();
    let written = tags.keys().map(|key| format!("aws:PrincipalTag/{key}"));
    written.filter(|key| given.get(key).is_none() && asked.contains(&key.to_ascii_lowercase())).collect()
}

/// The keys that a statement asks for, in lower case.
fn keys_of(statement: &CompiledStatement) -> Vec<String> {
    let conditions = statement.conditions.iter().map(|condition| condition.key.as_str());
    let variables = statement.conditions.iter().flat_map(Condition::variables).chain(statement.resource.iter().flat_map(Resources::variables));
    conditions.chain(variables).map(str::to_ascii_lowercase).collect()
}
