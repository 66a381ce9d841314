//! What is asked, and under which policies.

use std::collections::BTreeMap;

use crossrole_policy::Document;
use serde::Deserialize;

use crate::principal::Caller;

/// The value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// A single-valued key.
    One(String),
    /// A multivalued key; a plain operator never matches it.
    Many(Vec<String>),
}

/// Condition keys and their values; keys compare without regard to case. A key that is not here is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, ContextValue>);

impl Context {
    /// Sets a single-valued key.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), ContextValue::One(value.into()));
    }

    /// Sets a multivalued key.
    pub fn set_many(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), ContextValue::Many(values));
    }

    /// Sets a key to any value.
    pub fn insert(&mut self, key: &str, value: ContextValue) {
        self.0.insert(key.to_ascii_lowercase(), value);
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&ContextValue> {
        self.0.get(&key.to_ascii_lowercase())
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// `s3:GetObject`.
    pub action: String,
    /// ARN of the resource, or `*` for actions on none.
    pub resource: String,
    /// Account that owns the resource: S3 ARNs carry none. `None` is the caller's own.
    pub resource_account: Option<String>,
    /// Condition keys.
    pub context: Context,
}

/// The policies that apply to a request.
#[derive(Debug, Clone, Default)]
pub struct Policies<'a> {
    /// Of the caller: inline and managed, of the user and its groups, or of the role.
    pub identity: Vec<&'a Document>,
    /// Of the resource: bucket policy or trust policy.
    pub resource: Option<&'a Document>,
    /// Permissions boundary of the caller; an empty list is a boundary that allows nothing.
    pub boundary: Option<Vec<&'a Document>>,
    /// Session policies, inline and managed together.
    pub session: Option<Vec<&'a Document>>,
    /// Service control policies of the caller's account, by level from the organization's root down.
    pub service_control: Option<Vec<Vec<&'a Document>>>,
    /// Resource control policies of the resource's account, by level.
    pub resource_control: Vec<Vec<&'a Document>>,
}
