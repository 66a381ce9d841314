//! The grammar of identity policies, as IAM reads them: what it looks at, in which order, and its words for each mistake
//! (recorded by versitygw, `iamapi/policy/validate_test.go`, and moto, `tests/test_iam/test_iam_policies.py`).

use crossrole_access::language::{Operator, instant};
use serde_json::{Map, Value};

use super::rules::malformed;
use crate::error::ApiError;

const VERSION: &str = "2012-10-17";
const PARTITIONS: &[&str] = &["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];
const IAM_PATHS: &[&str] = &[
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

type Object = Map<String, Value>;

/// Checks an identity policy. `managed`: managed policies need the current version.
pub(super) fn check(text: &str, managed: bool) -> Result<(), ApiError> {
    let value: Value = serde_json::from_str(text).map_err(|_| syntax())?;
    let (document, statements) = shape(&value).ok_or_else(syntax)?;
    if managed && document.get("Version").and_then(Value::as_str) != Some(VERSION) {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    let first_resource_error = statements.iter().flat_map(|s| resources(s)).find_map(resource);
    if !statements.iter().all(|s| legacy(s)) || matches!(first_resource_error, Some(Resource::Legacy)) {
        return Err(malformed("The policy failed legacy parsing"));
    }
    sids(&statements)?;
    if statements.iter().any(|s| s.contains_key("Principal") || s.contains_key("NotPrincipal")) {
        return Err(malformed("Policy document should not specify a principal."));
    }
    if statements.iter().any(|s| actions(s).next().is_none()) {
        return Err(malformed("Policy statement must contain actions."));
    }
    if let Some(Resource::Wrong(message)) = first_resource_error {
        return Err(malformed(message));
    }
    for action in statements.iter().flat_map(|s| actions(s)) {
        vendor(action)?;
    }
    if statements.iter().any(|s| resources(s).next().is_none()) {
        return Err(malformed("Policy statement must contain resources."));
    }
    Ok(())
}

fn syntax() -> ApiError {
    malformed("Syntax errors in policy.")
}

/// The document and its statements, where every element has the type that it needs.
fn shape(value: &Value) -> Option<(&Object, Vec<&Object>)> {
    let document = value.as_object()?;
    let version = document.get("Version").is_none_or(|v| matches!(v.as_str(), Some(VERSION | "2008-10-17")));
    let known = document.keys().all(|k| matches!(k.as_str(), "Version" | "Id" | "Statement"));
    if !version || !known || document.get("Id").is_some_and(|v| !v.is_string()) {
        return None;
    }
    let statements: Vec<&Object> = match document.get("Statement")? {
        Value::Object(one) => vec![one],
        Value::Array(list) => list.iter().map(Value::as_object).collect::<Option<_>>()?,
        _ => return None,
    };
    (!statements.is_empty() && statements.iter().all(|s| statement(s))).then_some((document, statements))
}

fn statement(statement: &Object) -> bool {
    let known = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let both = |a: &str, b: &str| statement.contains_key(a) && statement.contains_key(b);
    let texts = |name: &str| statement.get(name).is_none_or(|v| v.is_string() || v.as_array().is_some_and(|l| l.iter().all(|v| v.is_string() || v.is_null())));
    let effect = statement.get("Effect").and_then(Value::as_str).is_some_and(|e| e.eq_ignore_ascii_case("allow") || e.eq_ignore_ascii_case("deny"));
    statement.keys().all(|k| known.contains(&k.as_str()))
        && !both("Action", "NotAction")
        && !both("Resource", "NotResource")
        && ["Action", "NotAction", "Resource", "NotResource"].into_iter().all(texts)
        && effect
        && statement.get("Sid").is_none_or(Value::is_string)
        && statement.get("Condition").is_none_or(conditions)
}

/// Operators that exist, each with keys, each with values.
pub(super) fn conditions(value: &Value) -> bool {
    let scalar = |v: &Value| v.is_string() || v.is_boolean() || v.is_number();
    let values = |v: &Value| scalar(v) || v.as_array().is_some_and(|l| l.iter().all(scalar));
    value.as_object().is_some_and(|operators| {
        operators
            .iter()
            .all(|(operator, keys)| keys.as_object().is_some_and(|keys| keys.values().all(values) && (keys.is_empty() || Operator::parse(operator).is_some())))
    })
}

/// What the oldest of IAM's parsers takes: effects in their own case, and dates.
fn legacy(statement: &Object) -> bool {
    let effect = statement.get("Effect").and_then(Value::as_str);
    matches!(effect, Some("Allow" | "Deny")) && statement.get("Condition").is_none_or(dates)
}

/// Tells whether every date is one.
pub(super) fn dates(conditions: &Value) -> bool {
    let of_dates = conditions.as_object().into_iter().flatten().filter(|(operator, _)| operator.to_ascii_lowercase().contains("date"));
    let mut values = of_dates.flat_map(|(_, keys)| keys.as_object().into_iter().flat_map(Map::values)).flat_map(list);
    values.all(|value| value.as_str().is_none_or(date))
}

fn date(text: &str) -> bool {
    let numeric = text.parse::<i64>().is_ok_and(|seconds| seconds >= 0);
    let upper = text.to_ascii_uppercase();
    let parts = text.split('-').all(|p| p.parse::<u32>().is_ok()) && matches!(text.split('-').count(), 1..=2) && text.contains('-');
    // A year, or a year and a month, is a date too.
    let month = parts && text.split('-').nth(1).is_some_and(|m| m.parse::<u32>().is_ok_and(|m| (1..=12).contains(&m)));
    numeric || month || instant(&upper).is_some()
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

fn texts<'s>(statement: &'s Object, names: [&str; 2]) -> impl Iterator<Item = &'s str> {
    let value = names.into_iter().find_map(|name| statement.get(name));
    value.into_iter().flat_map(list).filter_map(Value::as_str)
}

fn actions(statement: &Object) -> impl Iterator<Item = &str> {
    texts(statement, ["Action", "NotAction"])
}

fn resources(statement: &Object) -> impl Iterator<Item = &str> {
    texts(statement, ["Resource", "NotResource"])
}

fn sids(statements: &[&Object]) -> Result<(), ApiError> {
    let mut seen = std::collections::BTreeSet::new();
    for sid in statements.iter().filter_map(|s| s.get("Sid")?.as_str()).filter(|sid| !sid.is_empty()) {
        if !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"));
        }
        if !seen.insert(sid) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn vendor(action: &str) -> Result<(), ApiError> {
    if action == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
    };
    if name.contains(':') {
        return Err(malformed("Actions/Condition can contain only one colon."));
    }
    if vendor.is_empty() || (vendor != "*" && vendor.chars().any(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')))) {
        return Err(malformed(format!("Vendor {vendor} is not valid")));
    }
    Ok(())
}

/// What is wrong with a resource.
enum Resource {
    Legacy,
    Wrong(String),
}

fn resource(text: &str) -> Option<Resource> {
    if text == "*" {
        return None;
    }
    let wrong = |message: String| Some(Resource::Wrong(message));
    let Some((head, rest)) = text.split_once(':') else {
        return wrong(format!("Resource {text} must be in ARN format or \"*\"."));
    };
    if head == "arn" && text.contains("::") && text.matches(':').count() < 5 {
        return Some(Resource::Legacy);
    }
    let mut fields = rest.splitn(5, ':');
    let partition = fields.next().unwrap_or_default();
    if partition != "*" && !PARTITIONS.contains(&partition) {
        // What is missing is read as a star.
        let filled: Vec<&str> = (0..4).map(|_| fields.next().unwrap_or("*")).collect();
        return wrong(format!("Partition \"{partition}\" is not valid for resource \"arn:{partition}:{}\".", filled.join(":")));
    }
    let Some(service) = fields.next() else {
        return wrong("Resource vendor must be fully qualified and cannot contain regexes.".to_owned());
    };
    if service.is_empty() {
        return Some(Resource::Legacy);
    }
    let region = fields.next().unwrap_or_default();
    let path = fields.nth(1);
    if !region.is_empty() && service == "iam" {
        return wrong(format!("IAM resource {text} cannot contain region information."));
    }
    let regional = ["accesspoint/", "job/", "storage-lens", "async-request/", "access-grants"];
    if !region.is_empty() && region != "*" && service == "s3" && path.is_some_and(|p| !regional.iter().any(|r| p.starts_with(r))) {
        return wrong(format!("Resource {text} can not contain region information."));
    }
    let known = |path: &str| {
        // A wildcard before the slash may stand for any of them.
        path.split('/').next().is_some_and(|kind| kind.contains(['*', '?', '$'])) || IAM_PATHS.iter().any(|p| path.starts_with(p))
    };
    if service == "iam" && path.is_some_and(|p| !known(p)) {
        return wrong(format!("IAM resource path must either be \"*\" or start with {}.", IAM_PATHS.join(", ")));
    }
    None
}
