//! What IAM refuses in documents, in its own words.

use crossrole_policy::{Arn, Document, Effect};

use crate::error::ApiError;
use crate::world::World;

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocument", message)
}

fn parse(text: &str) -> Result<Document, ApiError> {
    if text.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    if let Some(c) = text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        return Err(ApiError::validation(format!("The specified value for policyDocument is invalid: character {}", c.escape_debug())));
    }
    let document = crossrole_policy::parse(text).map_err(|errors| match errors.first() {
        Some(e) if e.message.contains("Action") => malformed("Policy statement must contain actions."),
        _ => malformed("Syntax errors in policy."),
    })?;
    let mut sids = std::collections::BTreeSet::new();
    for statement in &document.statements {
        if !statement.sid().bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"));
        }
        if !statement.sid().is_empty() && !sids.insert(statement.sid()) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
        for action in &statement.action.values {
            if action != "*" && !action.split_once(':').is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty()) {
                return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
            }
        }
        if statement.action.values.is_empty() {
            return Err(malformed("Policy statement must contain actions."));
        }
    }
    Ok(document)
}

/// An identity policy.
pub(crate) fn identity(text: &str) -> Result<Document, ApiError> {
    let document = parse(text)?;
    if document.statements.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    for statement in &document.statements {
        if statement.principal.is_some() {
            return Err(malformed("Policy document should not specify a principal."));
        }
        let Some(resource) = statement.resource.as_ref().filter(|r| !r.values.is_empty()) else {
            return Err(malformed("Policy statement must contain resources."));
        };
        if let Some(bad) = resource.values.iter().find(|r| *r != "*" && Arn::parse(r).is_none()) {
            return Err(malformed(format!("Resource {bad} must be in ARN format or \"*\".")));
        }
    }
    Ok(document)
}

/// A trust policy, with unique ids in place of the ARNs of roles and users.
pub(crate) fn trust(world: &World, text: &str) -> Result<Document, ApiError> {
    let mut document = parse(text)?;
    if document.statements.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    for statement in &document.statements {
        if statement.resource.is_some() {
            return Err(malformed("Has prohibited field Resource"));
        }
        let Some(principal) = &statement.principal else { return Err(malformed("Missing required field Principal")) };
        if principal.negated {
            return Err(malformed("Policy document should not specify NotPrincipal"));
        }
        if principal.bare_star {
            return Err(malformed("AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\"."));
        }
        if let Some(action) = statement.action.values.iter().find(|a| !a.to_ascii_lowercase().starts_with("sts:")) {
            return Err(malformed(format!("AssumeRole policy may only specify STS AssumeRole actions: {action}")));
        }
        github(statement)?;
    }
    if let Some(bad) =
        document.statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(crossrole_policy::Principal::aws).find(|v| !principal_exists(world, v))
    {
        return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{bad}\"")));
    }
    document.map_aws_principals(|value| stored(world, value));
    if document.size() > 2_048 {
        return Err(ApiError::limit("Cannot exceed quota for ACLSizePerRole: 2048"));
    }
    Ok(document)
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
        "Trust policy with trusted principal {} must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, {HOST}:sub or {HOST}:job_workflow_ref which is not scoped to all",
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
