//! What IAM refuses in documents, in its own words.

use crossrole_access::catalogue;
use crossrole_policy::{Arn, Document, Effect};
use serde_json::{Map, Value};

use crate::constraint::Constraints;
use crate::error::ApiError;
use crate::query::Service;
use crate::world::World;

use super::grammar;

/// Longest document that a parameter takes, in characters.
const DOCUMENT: usize = 131_072;

pub(super) fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocument", message)
}

/// `field`: the parameter, as the service's model spells it.
fn characters(field: &str, text: &str) -> Result<(), ApiError> {
    let mut constraints = Constraints::of(Service::Iam);
    constraints.length(field, text, 1, DOCUMENT);
    constraints.check()?;
    if text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        return Ok(());
    }
    Err(ApiError::validation(format!("The specified value for {field} is invalid. It must contain only printable ASCII characters.")))
}

/// An identity policy. `managed`: it is to become a managed policy, which must have the current version.
pub(crate) fn identity(text: &str, managed: bool) -> Result<Document, ApiError> {
    characters("policyDocument", text)?;
    grammar::check(text, managed)?;
    crossrole_policy::parse(text).map_err(|_| malformed("Syntax errors in policy."))
}

/// A trust policy, with unique ids in place of the ARNs of roles and users. `field`: the parameter that it came in.
pub(crate) fn trust(world: &World, field: &str, text: &str) -> Result<Document, ApiError> {
    characters(field, text)?;
    let value: Value = serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let document = value.as_object().ok_or_else(|| malformed("This policy contains invalid Json"))?;
    if document.get("Version").is_some_and(|v| !matches!(v.as_str(), Some("2012-10-17" | "2008-10-17"))) {
        return Err(malformed("The policy must contain a valid version string"));
    }
    let statements: Vec<&Value> = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    if statements.is_empty() {
        return Err(malformed("Could not parse the policy: Statement is empty!"));
    }
    let mut sids = std::collections::BTreeSet::new();
    for statement in statements {
        let statement = statement.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
        trust_statement(statement)?;
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
        if !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"));
        }
        if !sid.is_empty() && !sids.insert(sid) {
            return Err(malformed("The Statement Ids in the policy are not unique"));
        }
    }
    let mut document = crossrole_policy::parse(text).map_err(|_| malformed("Syntax errors in policy."))?;
    for statement in &document.statements {
        github(statement)?;
    }
    let principals = document.statements.iter().filter_map(|s| s.principal.as_ref());
    if let Some(bad) = principals.flat_map(crossrole_policy::Principal::aws).find(|v| !principal_exists(world, v)) {
        return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{bad}\"")));
    }
    document.map_aws_principals(|value| stored(world, value));
    if document.size() > 2_048 {
        return Err(ApiError::limit("Cannot exceed quota for ACLSizePerRole: 2048"));
    }
    Ok(document)
}

fn trust_statement(statement: &Map<String, Value>) -> Result<(), ApiError> {
    let effect = match statement.get("Effect") {
        None => return Err(malformed("Missing required field Effect")),
        Some(effect) => effect.as_str().ok_or_else(|| malformed("Syntax errors in policy."))?,
    };
    if !matches!(effect, "Allow" | "Deny") {
        return Err(malformed(format!("Invalid effect: {effect}")));
    }
    if statement.contains_key("NotPrincipal") {
        let allow = effect == "Allow";
        return Err(malformed(if allow { "Allow with NotPrincipal is not allowed." } else { "AssumeRole policy must not contain NotPrincipal field." }));
    }
    trust_principal(statement.get("Principal"))?;
    let (action, not_action) = (statement.get("Action"), statement.get("NotAction"));
    if action.is_some() && not_action.is_some() || !statement.get("Condition").is_none_or(|c| grammar::conditions(c) && grammar::dates(c)) {
        return Err(malformed("Syntax errors in policy."));
    }
    let actions = action.or(not_action).map(texts).unwrap_or_default();
    if actions.is_empty() {
        return Err(malformed("Missing required field Action"));
    }
    if !actions.iter().all(|a| a.to_ascii_lowercase().starts_with("sts:")) {
        return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
    }
    match ["Resource", "NotResource"].into_iter().find(|name| statement.contains_key(*name)) {
        Some(name) => Err(malformed(format!("Has prohibited field {name}"))),
        None => Ok(()),
    }
}

fn trust_principal(principal: Option<&Value>) -> Result<(), ApiError> {
    let kinds = match principal {
        None => return Err(malformed("Missing required field Principal")),
        Some(Value::String(star)) if star == "*" => return Err(malformed("AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\".")),
        Some(Value::Object(kinds)) => kinds,
        Some(_) => return Err(malformed("Syntax errors in policy.")),
    };
    if kinds.is_empty() {
        return Err(malformed("Missing required field Principal cannot be empty!"));
    }
    for (kind, values) in kinds {
        if !matches!(kind.as_str(), "AWS" | "Service" | "Federated") {
            return Err(malformed(format!("Invalid principal in policy: \"{kind}\"")));
        }
        if let Some(bad) = texts(values).iter().find(|v| kind == "Service" && !catalogue::is_service_principal(v)) {
            return Err(malformed(format!("Invalid principal in policy: \"SERVICE\":\"{bad}\"")));
        }
    }
    Ok(())
}

/// One text, or all of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// GitHub's provider must be pinned to something (enforced since 2025).
fn github(statement: &crossrole_policy::Statement) -> Result<(), ApiError> {
    const HOST: &str = "token.actions.githubusercontent.com";
    let federated = statement.principal.as_ref().and_then(|p| p.entries.get("Federated"));
    if statement.effect != Effect::Allow || !federated.is_some_and(|f| f.iter().any(|v| v.ends_with(HOST))) {
        return Ok(());
    }
    let pins = |key: &str, values: &[String]| {
        (key.eq_ignore_ascii_case(&format!("{HOST}:sub")) || key.eq_ignore_ascii_case(&format!("{HOST}:job_workflow_ref"))) && values.iter().any(|v| v != "*")
    };
    let operators = ["stringequals", "stringlike", "stringequalsignorecase"];
    let pinned = statement.conditions.iter().any(|(op, keys)| operators.contains(&op.to_ascii_lowercase().as_str()) && keys.iter().any(|(k, v)| pins(k, v)));
    if pinned {
        return Ok(());
    }
    Err(malformed(format!(
        "Trust policy with trusted principal {} must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, {HOST}:sub or {HOST}:job_workflow_ref which is not scoped to all.",
        federated.and_then(|f| f.first()).map_or("", String::as_str)
    )))
}

/// Tells whether an AWS principal can be stored: accounts always, roles and users only while they can be seen.
pub(crate) fn principal_exists(world: &World, value: &str) -> bool {
    if value == "*" || crossrole_model::AccountId::parse(value).is_some() {
        return true;
    }
    if value.starts_with("AROA") || value.starts_with("AIDA") {
        return world.arn_of(value).is_some();
    }
    let Some(arn) = Arn::parse(value) else { return false };
    if arn.partition != "aws" || crossrole_model::AccountId::parse(arn.account).is_none() {
        return false;
    }
    match (arn.service, arn.resource.split('/').next()) {
        ("iam", Some("root")) => true,
        ("iam", Some("role" | "user")) => world.id_of(value).is_some(),
        ("sts", Some("assumed-role")) => {
            let role = arn.resource.split('/').nth(1).unwrap_or_default();
            world.accounts.get(arn.account).is_some_and(|a| a.visible_roles(world.now_ms).any(|r| r.held.name == role))
        }
        ("sts", Some("federated-user")) => true,
        _ => false,
    }
}

/// How AWS keeps a principal: accounts as root ARNs, roles and users by unique id.
pub(crate) fn stored(world: &World, value: &str) -> Option<String> {
    if crossrole_model::AccountId::parse(value).is_some() {
        return Some(format!("arn:aws:iam::{value}:root"));
    }
    world.id_of(value)
}
