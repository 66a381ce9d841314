//! What a request says: JSON, held to the service's model.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::constraint::{Constraints, broken};
use crate::error::ApiError;
use crate::query::{Service, lower_first};

/// Pairs of an encryption context, in order.
pub(crate) type EncryptionContext = BTreeMap<String, String>;

/// The members of a request.
pub(super) struct Input(Map<String, Value>);

fn unreadable() -> ApiError {
    ApiError::new(400, "SerializationException", "")
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationException", message)
}

impl Input {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        serde_json::from_slice(body).map(Self).map_err(|_| unreadable())
    }

    /// A member that is there and not null.
    fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.member(name).map(|v| v.as_str().ok_or_else(unreadable)).transpose()
    }

    /// A text that must be there, of so many characters.
    pub(super) fn need(&self, name: &str, least: usize, most: usize) -> Result<&str, ApiError> {
        let text = self.text(name)?.ok_or_else(|| missing(name))?;
        length(&lower_first(name), text, least, most)?;
        Ok(text)
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        self.member(name).map_or(Ok(false), |v| v.as_bool().ok_or_else(unreadable))
    }

    /// A number between these.
    pub(super) fn number(&self, name: &str, least: i32, most: i32) -> Result<Option<i32>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let number = value.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(unreadable)?;
        let mut constraints = Constraints::of(Service::Kms);
        constraints.number(&lower_first(name), number, least, most);
        constraints.check()?;
        Ok(Some(number))
    }

    /// Bytes that must be there, so many at most.
    pub(super) fn bytes(&self, name: &str, most: usize) -> Result<Vec<u8>, ApiError> {
        let text = self.text(name)?.ok_or_else(|| missing(name))?;
        let bytes = STANDARD.decode(text).map_err(|_| unreadable())?;
        let rule = match bytes.len() {
            0 => "Member must have length greater than or equal to 1".to_owned(),
            length if length > most => format!("Member must have length less than or equal to {most}"),
            _ => return Ok(bytes),
        };
        // What is to be kept secret is not repeated (LocalStack, test_kms.py::test_plaintext_size_for_encrypt).
        Err(invalid(format!("1 validation error detected: Value at '{}' failed to satisfy constraint: {rule}", lower_first(name))))
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&Vec<Value>>, ApiError> {
        self.member(name).map(|v| v.as_array().ok_or_else(unreadable)).transpose()
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let list = self.list(name)?.ok_or_else(|| missing(name))?;
        list.iter().map(|v| v.as_str().map(str::to_owned).ok_or_else(unreadable)).collect()
    }

    /// `TagKey` and `TagValue` of every tag.
    pub(super) fn tags(&self, name: &str) -> Result<Vec<(String, String)>, ApiError> {
        let text = |tag: &Value, field: &str| tag.get(field).and_then(Value::as_str).map(str::to_owned).ok_or_else(unreadable);
        self.list(name)?.into_iter().flatten().map(|tag| Ok((text(tag, "TagKey")?, text(tag, "TagValue")?))).collect()
    }

    pub(super) fn encryption_context(&self, name: &str) -> Result<EncryptionContext, ApiError> {
        let Some(value) = self.member(name) else { return Ok(EncryptionContext::new()) };
        let pairs = value.as_object().ok_or_else(unreadable)?;
        pairs.iter().map(|(k, v)| Ok((k.clone(), v.as_str().ok_or_else(unreadable)?.to_owned()))).collect()
    }

    /// Pairs in a member of a member.
    pub(super) fn nested(&self, name: &str, of: &str) -> Result<Option<EncryptionContext>, ApiError> {
        let Some(outer) = self.member(name) else { return Ok(None) };
        let inner = Self(outer.as_object().ok_or_else(unreadable)?.clone());
        inner.has(of).then(|| inner.encryption_context(of)).transpose()
    }

    /// One of these values, the first where it is not said. Values that AWS has and the sandbox has not are refused by name.
    pub(super) fn choice(&self, name: &str, here: &'static [&'static str], elsewhere: &[&str]) -> Result<&'static str, ApiError> {
        let Some(text) = self.text(name)? else { return Ok(here.first().copied().unwrap_or_default()) };
        if let Some(found) = here.iter().find(|v| **v == text) {
            return Ok(found);
        }
        if elsewhere.contains(&text) {
            return Err(super::unsupported(format!("{name} {text}")));
        }
        let all: Vec<&str> = here.iter().chain(elsewhere).copied().collect();
        Err(broken(Service::Kms, &lower_first(name), Some(text), &format!("Member must satisfy enum value set: [{}]", all.join(", "))))
    }
}

pub(super) fn missing(name: &str) -> ApiError {
    broken(Service::Kms, &lower_first(name), None, "Member must not be null")
}

pub(super) fn length(field: &str, text: &str, least: usize, most: usize) -> Result<(), ApiError> {
    let mut constraints = Constraints::of(Service::Kms);
    constraints.length(field, text, least, most);
    constraints.check()
}
