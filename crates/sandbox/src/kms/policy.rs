//! Key policies: read, written, and what is refused in them.

use crossrole_access::catalogue;
use crossrole_policy::{Document, Effect};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::iam::rules::{principal_exists, stored};
use crate::query::Reply;
use crate::world::World;

use super::access::{Keys, allow_under};
use super::find::not_found;
use super::input::{invalid, length};
use super::state::Key;
use super::{Kms, done, reply};

/// Bytes of a key policy (AWS KMS Developer Guide, "Key policies in AWS KMS"); the model of the API takes more characters.
const BYTES_MOST: usize = 32_768;
const CHARACTERS_MOST: usize = 131_072;

/// A condition key of identity policies alone.
const RESOURCE_ALIASES: &str = "kms:ResourceAliases";

/// The only name that a key policy has.
const NAME: &str = "default";

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocumentException", message)
}

/// What a key gets that is made without a policy: it leaves everything to its account.
pub(super) fn default_of(account: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
}

/// The policy as it decides. A statement without actions or resources is taken and says nothing.
pub(super) fn deciding(world: &World, policy: &Value) -> Document {
    let mut policy = shown(world, policy);
    if let Some(list) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
        list.retain(|statement| statement.as_object().is_some_and(acts));
    }
    let mut document = crossrole_policy::parse_value(&policy).unwrap_or_default();
    for keys in document.statements.iter_mut().flat_map(|s| s.conditions.values_mut()) {
        // Key policies do not have it (AWS KMS Developer Guide, "kms:ResourceAliases"): there, it is a key that no request has.
        let foreign: Vec<String> = keys.keys().filter(|key| key.eq_ignore_ascii_case(RESOURCE_ALIASES)).cloned().collect();
        for key in foreign {
            let values = keys.remove(&key).unwrap_or_default();
            keys.insert(format!("{key} of a key policy"), values);
        }
    }
    document
}

/// It says which actions on which resources.
fn acts(statement: &Map<String, Value>) -> bool {
    let has = |names: [&str; 2]| names.iter().any(|n| statement.contains_key(*n));
    has(["Action", "NotAction"]) && has(["Resource", "NotResource"])
}

/// The policy as it is read: ids that can be resolved are ARNs again, the others stay.
fn shown(world: &World, policy: &Value) -> Value {
    let mut shown = policy.clone();
    map_principals(&mut shown, &|value| if value.starts_with("AROA") || value.starts_with("AIDA") { world.arn_of(value) } else { None });
    shown
}

/// The principals of kind AWS of a policy whose statements are a list.
fn principals_mut(policy: &mut Value) -> impl Iterator<Item = &mut Value> {
    let statements = policy.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten();
    let principals = statements.filter_map(|s| if s.get("Principal").is_some() { s.get_mut("Principal") } else { s.get_mut("NotPrincipal") });
    principals.filter_map(|p| p.get_mut("AWS"))
}

fn map_principals(policy: &mut Value, map: &dyn Fn(&str) -> Option<String>) {
    for values in principals_mut(policy) {
        let all: Vec<&mut Value> = match values {
            Value::Array(list) => list.iter_mut().collect(),
            one => vec![one],
        };
        for value in all {
            if let Some(mapped) = value.as_str().and_then(map) {
                *value = Value::String(mapped);
            }
        }
    }
}

/// Reads a policy for a key, with unique ids in place of the ARNs of roles and users.
pub(super) fn parse(world: &World, text: &str) -> Result<Value, ApiError> {
    length("policy", text, 1, CHARACTERS_MOST)?;
    if !text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')) {
        let rule = "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+";
        return Err(crate::constraint::broken(crate::query::Service::Kms, "policy", Some(text), rule));
    }
    if text.len() > BYTES_MOST {
        return Err(ApiError::new(400, "LimitExceededException", format!("The key policy has more than {BYTES_MOST} bytes.")));
    }
    let syntax = || malformed("Policy contains invalid syntax.");
    let mut policy: Value = serde_json::from_str(text).map_err(|_| syntax())?;
    if let Some(one) = policy.get_mut("Statement").filter(|s| s.is_object()) {
        *one = Value::Array(vec![one.take()]);
    }
    let statements = policy.get("Statement").and_then(Value::as_array).filter(|list| !list.is_empty()).ok_or_else(syntax)?;
    for statement in statements {
        statement.as_object().filter(|s| has_principal(s)).ok_or_else(|| malformed("Policy contains a statement with no principal."))?;
    }
    for statement in &written(&policy).map_err(|_| syntax())?.statements {
        check(world, statement)?;
    }
    // A key that stands twice is found only in the text.
    if crossrole_policy::parse(text).is_err_and(|errors| errors.iter().any(|e| e.message.contains("stands there twice"))) {
        return Err(syntax());
    }
    map_principals(&mut policy, &|value| stored(world, value));
    Ok(policy)
}

/// All statements, those that say nothing included.
fn written(policy: &Value) -> Result<Document, Vec<crossrole_policy::PolicyError>> {
    let mut whole = policy.clone();
    for statement in whole.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        if !statement.contains_key("Action") && !statement.contains_key("NotAction") {
            statement.insert("Action".to_owned(), json!([]));
        }
    }
    crossrole_policy::parse_value(&whole)
}

fn has_principal(statement: &Map<String, Value>) -> bool {
    let says = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    match statement.get("Principal").or_else(|| statement.get("NotPrincipal")) {
        Some(Value::Object(kinds)) => !kinds.is_empty() && kinds.values().all(says),
        Some(value) => says(value),
        None => false,
    }
}

fn check(world: &World, statement: &crossrole_policy::Statement) -> Result<(), ApiError> {
    // Which one it is, KMS never says; the bare `*` is none either, where `{"AWS":"*"}` is.
    let unknown = || malformed("Policy contains a statement with one or more invalid principals.");
    let principal = statement.principal.as_ref().filter(|p| !p.bare_star).ok_or_else(unknown)?;
    if principal.negated && statement.effect == Effect::Allow {
        return Err(unknown());
    }
    for (kind, values) in &principal.entries {
        let known = |value: &String| match kind.as_str() {
            "AWS" => principal_exists(world, value),
            "Service" => catalogue::is_service_principal(value),
            _ => false,
        };
        if !values.iter().all(known) {
            return Err(unknown());
        }
    }
    // A single-valued key; of no context at all, it would be true (AWS KMS Developer Guide, "kms:EncryptionContext:context-key").
    let of_context = |key: &String| key.to_ascii_lowercase().starts_with("kms:encryptioncontext:");
    let each = |operator: &String| operator.to_ascii_lowercase().starts_with("forallvalues:");
    if statement.conditions.iter().any(|(operator, keys)| each(operator) && keys.keys().any(of_context)) {
        return Err(malformed("Policy contains a statement with one or more invalid conditions."));
    }
    Ok(())
}

/// The caller could still write the key's policy under this one, unless that does not matter to it.
pub(super) fn keeps_in(world: &World, caller: &crate::auth::Caller, key: &Key, policy: &Value, bypass: bool) -> Result<(), ApiError> {
    let keys = Keys::default().with("kms:BypassPolicyLockoutSafetyCheck", "false");
    if bypass || allow_under(world, caller, "kms:PutKeyPolicy", key, keys, &deciding(world, policy)).is_ok() {
        return Ok(());
    }
    Err(malformed("The new key policy will not allow you to update the key policy in the future."))
}

impl Kms<'_> {
    fn policy_name(&self) -> Result<(), ApiError> {
        match self.input.text("PolicyName")? {
            None | Some(NAME) => Ok(()),
            Some(_) => Err(not_found("No such policy exists")),
        }
    }

    pub(super) fn get_policy(&mut self) -> Result<Reply, ApiError> {
        let arn = self.own_key("kms:GetKeyPolicy", Keys::default())?;
        self.policy_name()?;
        let key = self.stored(&arn)?;
        let mut policy = key.policy.newest().map(|p| shown(self.world, p)).unwrap_or_default();
        let turn = key.reads % 2 == 1;
        if let Some(key) = self.world.kms.key_mut(&arn) {
            key.reads += 1;
        }
        // In which order principals are read changes from read to read (aws/aws-cli#9456).
        for values in principals_mut(&mut policy).filter(|_| turn) {
            if let Value::Array(list) = values {
                list.reverse();
            }
        }
        let text = serde_json::to_string_pretty(&policy).map_err(|e| invalid(e.to_string()))?;
        Ok(reply(&json!({ "Policy": text, "PolicyName": NAME })))
    }

    pub(super) fn put_policy(&mut self) -> Result<Reply, ApiError> {
        let bypass = self.input.flag("BypassPolicyLockoutSafetyCheck")?;
        let arn = self.own_key("kms:PutKeyPolicy", Keys::default().with("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string()))?;
        self.policy_name()?;
        let text = self.input.need("Policy", 1, CHARACTERS_MOST)?;
        let policy = parse(self.world, text)?;
        keeps_in(self.world, self.caller, &*self.stored(&arn)?, &policy, bypass)?;
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.key_mut(&arn)?.policy.set(Some(policy), now, lag);
        Ok(done())
    }

    pub(super) fn list_policies(&mut self) -> Result<Reply, ApiError> {
        self.own_key("kms:ListKeyPolicies", Keys::default())?;
        self.input.number("Limit", 1, 1_000)?;
        Ok(reply(&json!({ "PolicyNames": [NAME], "Truncated": false })))
    }
}
