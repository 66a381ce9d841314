//! What S3 refuses in a bucket policy, in its own words (recorded by justincormack/argmin and LocalStack; S3 knows its actions
//! and condition keys by name, where IAM does not look).

use crossrole_access::catalogue::{self, Action};
use crossrole_access::language::{Operator, Test, instant, net};
use crossrole_access::resource_matches;
use crossrole_policy::{Document, Effect, Statement};
use serde_json::Value;

use crate::error::ApiError;
use crate::iam::rules::principal_exists;
use crate::world::World;

use super::conditions;

/// Bytes of a bucket policy, after white space is taken out.
const LIMIT: usize = 20_480;

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "MalformedPolicy", message)
}

/// Reads a policy for a bucket.
pub(super) fn parse(world: &World, bucket: &str, body: &[u8]) -> Result<Document, ApiError> {
    const JSON: &str = "Policies must be valid JSON and the first byte must be '{'";
    let text = std::str::from_utf8(body).map_err(|_| malformed(JSON))?;
    let value: Value = serde_json::from_str(text).map_err(|_| malformed(JSON))?;
    if !text.starts_with('{') {
        return Err(malformed(JSON));
    }
    let statements = value.get("Statement").ok_or_else(|| malformed("Missing required field Statement"))?;
    for statement in statements.as_array().map_or_else(|| vec![statements], |list| list.iter().collect()) {
        fields(statement)?;
    }
    let document = crossrole_policy::parse(text).map_err(|errors| match errors.first() {
        Some(e) if e.path == "Version" => malformed("The policy must contain a valid version string"),
        Some(e) if e.message.contains("kind of principal") => malformed("Invalid principal in policy"),
        _ => malformed("Invalid policy syntax."),
    })?;
    if document.statements.is_empty() {
        return Err(malformed("Could not parse the policy: Statement is empty!"));
    }
    if document.to_json().len() > LIMIT {
        return Err(malformed("Policy exceeds the maximum allowed document size."));
    }
    for (index, statement) in document.statements.iter().enumerate() {
        check(world, bucket, index, statement)?;
    }
    Ok(document)
}

/// What every statement has.
fn fields(statement: &Value) -> Result<(), ApiError> {
    let has = |names: [&str; 2]| names.iter().any(|n| statement.get(n).is_some());
    match statement.get("Effect") {
        None => return Err(malformed("Missing required field Effect")),
        Some(Value::String(effect)) if effect == "Allow" || effect == "Deny" => {}
        Some(effect) => return Err(malformed(format!("Invalid effect: {}", effect.as_str().unwrap_or_default()))),
    }
    for [name, negated] in [["Principal", "NotPrincipal"], ["Action", "NotAction"], ["Resource", "NotResource"]] {
        if !has([name, negated]) {
            return Err(malformed(format!("Missing required field {name}")));
        }
    }
    Ok(())
}

fn check(world: &World, bucket: &str, index: usize, statement: &Statement) -> Result<(), ApiError> {
    let Some(principal) = &statement.principal else { return Err(malformed("Missing required field Principal")) };
    if principal.negated && statement.effect == Effect::Allow {
        return Err(malformed("Allow with NotPrincipal is not allowed."));
    }
    if let Some(bad) = principal.aws().iter().find(|v| !principal_exists(world, v)) {
        return Err(malformed("Invalid principal in policy").with("Detail", bad.clone()));
    }
    if principal.entries.contains_key("Federated") {
        return Err(malformed("Invalid principal in policy"));
    }
    for (kind, known) in [("Service", catalogue::is_service_principal as fn(&str) -> bool), ("CanonicalUser", is_canonical)] {
        if let Some(bad) = principal.entries.get(kind).into_iter().flatten().find(|v| !known(v)) {
            return Err(malformed("Invalid principal in policy").with("Detail", format!("\"{kind}\" : \"{bad}\"")));
        }
    }
    let Some(resource) = statement.resource.as_ref().filter(|r| !r.values.is_empty()) else { return Err(malformed("Missing required field Resource")) };
    let arn = format!("arn:aws:s3:::{bucket}");
    if let Some(bad) = resource.values.iter().find(|r| **r != arn && !r.starts_with(&format!("{arn}/"))) {
        return Err(malformed("Policy has invalid resource").with("Detail", bad.clone()));
    }
    let mut asked = Vec::new();
    for action in &statement.action.values {
        let known = actions(action);
        if known.is_empty() {
            return Err(malformed("Policy has invalid action").with("Detail", action.clone()));
        }
        if statement.action.negated || resource.negated {
            asked.push(known);
            continue;
        }
        let on_bucket = resource.values.iter().any(|r| resource_matches(r, &arn, None));
        let on_object = resource.values.iter().any(|r| r.starts_with(&format!("{arn}/")));
        let applying: Vec<&Action> = known.into_iter().filter(|a| (on_bucket && is_on(a, "bucket")) || (on_object && is_on(a, "object"))).collect();
        if applying.is_empty() {
            let sid = if statement.sid().is_empty() { format!("NO_ID-{index}") } else { statement.sid().to_owned() };
            let detail = format!("Action \"{action}\" in Statement \"{sid}\"");
            return Err(malformed("Action does not apply to any resource(s) in statement").with("Detail", detail));
        }
        asked.push(applying);
    }
    check_conditions(statement, &asked)
}

/// Whether there is such an account, its id does not tell.
fn is_canonical(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_on(action: &Action, kind: &str) -> bool {
    action.resources.contains(&kind)
}

/// The actions that a pattern stands for and that a bucket policy can be about.
fn actions(pattern: &str) -> Vec<&'static Action> {
    catalogue::expand(pattern).into_iter().filter(|a| a.name.starts_with("s3:") && (is_on(a, "bucket") || is_on(a, "object"))).collect()
}

/// Operators, keys and values; a key must go with each action of the statement.
fn check_conditions(statement: &Statement, actions: &[Vec<&Action>]) -> Result<(), ApiError> {
    for (operator, keys) in &statement.conditions {
        let parsed = Operator::parse(operator).ok_or_else(|| malformed(format!("Invalid Condition type : {operator}")))?;
        for (key, values) in keys {
            if !conditions::is_known(key) {
                return Err(malformed("Policy has an invalid condition key"));
            }
            let fits = |patterns: &[&Action]| patterns.iter().any(|a| catalogue::s3::carries(a.name, key));
            if !statement.action.negated && !actions.iter().all(|patterns| fits(patterns)) {
                return Err(malformed("Conditions do not apply to combination of actions and resources in statement"));
            }
            for value in values.iter().filter(|v| !v.contains("${")) {
                check_value(parsed.test, operator, value)?;
            }
        }
    }
    Ok(())
}

fn check_value(test: Test, operator: &str, value: &str) -> Result<(), ApiError> {
    let good = match test {
        Test::Ip if net(value).is_none() => return Err(malformed("Invalid IP address in Conditions")),
        Test::Date(_) => instant(value).is_some(),
        Test::Number(_) => value.parse::<f64>().is_ok(),
        Test::Bool | Test::Null => matches!(value.to_ascii_lowercase().as_str(), "true" | "false"),
        _ => true,
    };
    if good { Ok(()) } else { Err(malformed(format!("Invalid value in Conditions for operator {operator}"))) }
}
