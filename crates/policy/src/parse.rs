//! JSON text to [`Document`], with every mistake at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::document::{Conditions, Document, Effect, Element, Principal, Statement};
use crate::unique::Unique;

/// Longest document that is parsed, in bytes: the parameter limit of the IAM API (131,072 characters, each at most two
/// bytes, since documents are Latin-1).
const MAX_BYTES: usize = 262_144;

/// One mistake in a policy document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct PolicyError {
    /// Where: `Statement[2].Action`; empty for the document as a whole.
    pub path: String,
    /// What, as a lower-case phrase.
    pub message: String,
}

/// Parses JSON text.
///
/// # Errors
/// Every mistake found; one only when the text is not JSON at all.
pub fn parse(text: &str) -> Result<Document, Vec<PolicyError>> {
    read(text, Errors::default())
}

/// Parses the policy of a KMS key: KMS takes statements without an action, which do nothing (AWS KMS API Reference,
/// `PutKeyPolicy`). Such a statement has no actions, and is written back as it is.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_key_policy(text: &str) -> Result<Document, Vec<PolicyError>> {
    read(text, Errors { inert: true, ..Errors::default() })
}

/// Parses what was written out by us: it may be the policy of a key.
pub(crate) fn kept(value: &Value) -> Result<Document, Vec<PolicyError>> {
    let mut errors = Errors { inert: true, ..Errors::default() };
    let document = errors.document(value);
    if errors.found.is_empty() { Ok(document) } else { Err(errors.found) }
}

fn read(text: &str, mut errors: Errors) -> Result<Document, Vec<PolicyError>> {
    if text.len() > MAX_BYTES {
        return Err(vec![PolicyError { path: String::new(), message: format!("the document has {} bytes, over {MAX_BYTES}", text.len()) }]);
    }
    match serde_json::from_str::<Unique>(text) {
        Ok(Unique(value)) => {
            let document = errors.document(&value);
            if errors.found.is_empty() { Ok(document) } else { Err(errors.found) }
        }
        Err(error) => Err(vec![PolicyError { path: String::new(), message: format!("not JSON: {error}") }]),
    }
}

/// Parses a JSON value.
///
/// # Errors
/// Every mistake found.
pub fn parse_value(value: &Value) -> Result<Document, Vec<PolicyError>> {
    let mut errors = Errors::default();
    let document = errors.document(value);
    if errors.found.is_empty() { Ok(document) } else { Err(errors.found) }
}

#[derive(Default)]
struct Errors {
    found: Vec<PolicyError>,
    /// A statement without an action is one that does nothing.
    inert: bool,
}

impl Errors {
    fn push(&mut self, path: &str, message: impl Into<String>) {
        self.found.push(PolicyError { path: path.to_owned(), message: message.into() });
    }

    fn document(&mut self, value: &Value) -> Document {
        let mut document = Document::default();
        let Value::Object(map) = value else {
            self.push("", "a policy is a JSON object");
            return document;
        };
        let mut statements = None;
        for (name, value) in map {
            match name.as_str() {
                "Version" => document.version = self.text(name, value),
                "Id" => document.id = self.text(name, value),
                "Statement" => statements = Some(self.statements(value)),
                other => self.push("", format!("unknown element `{other}`")),
            }
        }
        if let Some(version) = document.version.as_deref().filter(|v| !matches!(*v, "2012-10-17" | "2008-10-17")) {
            self.push("Version", format!("`{version}` is not a policy language version; use 2012-10-17"));
        }
        match statements {
            Some(statements) => document.statements = statements,
            None => self.push("", "`Statement` is missing"),
        }
        document
    }

    fn statements(&mut self, value: &Value) -> Vec<Statement> {
        match value {
            Value::Array(list) => list.iter().enumerate().filter_map(|(i, v)| self.statement(&format!("Statement[{i}]"), v)).collect(),
            Value::Object(_) => self.statement("Statement", value).into_iter().collect(),
            _ => {
                self.push("Statement", "must be an object or a list of objects");
                Vec::new()
            }
        }
    }

    fn statement(&mut self, path: &str, value: &Value) -> Option<Statement> {
        let Value::Object(map) = value else {
            self.push(path, "a statement is an object");
            return None;
        };
        let before = self.found.len();
        let known = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.push(path, format!("unknown element `{name}`"));
        }
        let at = |name: &str| format!("{path}.{name}");
        let sid = map.get("Sid").and_then(|v| self.text(&at("Sid"), v)).filter(|s| !s.is_empty());
        let effect = self.effect(&at("Effect"), map.get("Effect"));
        let action = self.either(path, map, "Action", "NotAction");
        let resource = self.either(path, map, "Resource", "NotResource");
        let principal = match (map.get("Principal"), map.get("NotPrincipal")) {
            (Some(_), Some(_)) => {
                self.push(path, "has both `Principal` and `NotPrincipal`");
                None
            }
            (Some(value), None) => self.principal(&at("Principal"), value, false),
            (None, Some(value)) => self.principal(&at("NotPrincipal"), value, true),
            (None, None) => None,
        };
        let conditions = map.get("Condition").map(|v| self.conditions(&at("Condition"), v)).unwrap_or_default();
        let action = action.or_else(|| (self.inert && !map.contains_key("Action") && !map.contains_key("NotAction")).then(Element::default));
        if action.is_none() && self.found.len() == before {
            self.push(path, "`Action` is missing");
        }
        Some(Statement { sid, effect: effect?, principal, action: action?, resource, conditions })
    }

    fn effect(&mut self, path: &str, value: Option<&Value>) -> Option<Effect> {
        match value.and_then(Value::as_str) {
            Some(text) if text.eq_ignore_ascii_case("allow") => Some(Effect::Allow),
            Some(text) if text.eq_ignore_ascii_case("deny") => Some(Effect::Deny),
            Some(text) => {
                self.push(path, format!("`{text}` is neither Allow nor Deny"));
                None
            }
            None => {
                self.push(path, "must be Allow or Deny");
                None
            }
        }
    }

    fn either(&mut self, path: &str, map: &Map<String, Value>, yes: &str, no: &str) -> Option<Element> {
        match (map.get(yes), map.get(no)) {
            (Some(_), Some(_)) => {
                self.push(path, format!("has both `{yes}` and `{no}`"));
                None
            }
            (Some(value), None) => Some(Element { negated: false, values: self.list(&format!("{path}.{yes}"), value) }),
            (None, Some(value)) => Some(Element { negated: true, values: self.list(&format!("{path}.{no}"), value) }),
            (None, None) => None,
        }
    }

    fn principal(&mut self, path: &str, value: &Value, negated: bool) -> Option<Principal> {
        match value {
            Value::String(star) if star == "*" => Some(Principal { negated, bare_star: true, entries: BTreeMap::new() }),
            Value::Object(map) => {
                let mut entries = BTreeMap::new();
                for (kind, value) in map {
                    if matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser") {
                        entries.insert(kind.clone(), self.list(&format!("{path}.{kind}"), value));
                    } else {
                        self.push(path, format!("unknown kind of principal `{kind}`; use AWS, Service, Federated or CanonicalUser"));
                    }
                }
                Some(Principal { negated, bare_star: false, entries })
            }
            _ => {
                self.push(path, "must be `*` or an object such as {\"AWS\": \"…\"}");
                None
            }
        }
    }

    fn conditions(&mut self, path: &str, value: &Value) -> Conditions {
        let mut conditions = Conditions::new();
        let Value::Object(operators) = value else {
            self.push(path, "must be an object of operators");
            return conditions;
        };
        for (operator, keys) in operators {
            let path = format!("{path}.{operator}");
            let Value::Object(keys) = keys else {
                self.push(&path, "must be an object of condition keys");
                continue;
            };
            let keys = keys.iter().map(|(key, value)| (key.clone(), self.list(&format!("{path}.{key}"), value))).collect();
            conditions.insert(operator.clone(), keys);
        }
        conditions
    }

    /// A string, or a list of strings; numbers and booleans are taken as their text, as AWS does in conditions.
    fn list(&mut self, path: &str, value: &Value) -> Vec<String> {
        match value {
            Value::Array(list) => list.iter().filter_map(|v| self.text(path, v)).collect(),
            single => self.text(path, single).into_iter().collect(),
        }
    }

    fn text(&mut self, path: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.push(path, "must be text");
                None
            }
        }
    }
}
