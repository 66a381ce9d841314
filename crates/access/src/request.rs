//! What is asked, and under which policies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::compiled::Compiled;
use crate::principal::Caller;

/// The value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ContextValue {
    /// A single-valued key.
    One(String),
    /// A multivalued key; a plain operator never matches it.
    Many(Vec<String>),
}

impl ContextValue {
    /// No value, or none but empty texts.
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::One(value) => value.is_empty(),
            Self::Many(values) => values.iter().all(String::is_empty),
        }
    }
}

/// Condition keys and their values; keys compare without regard to case. A key that is not here is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

    /// Returns the value of a key that is given in lower case.
    pub(crate) fn get_lower(&self, key: &str) -> Option<&ContextValue> {
        if self.0.is_empty() { None } else { self.0.get(key) }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(&key.to_ascii_lowercase());
    }

    /// Returns the keys, in lower case, and their values, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
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

impl Request {
    /// Returns the request as AWS puts it to policies: listing one's buckets is asked of all of them, so that a statement
    /// about `arn:aws:s3:::*` counts (IAM User Guide, "Allows an IAM user or role to list buckets").
    pub(crate) fn as_put(&self) -> Cow<'_, Self> {
        if !is_list_all(&self.action, &self.resource) {
            return Cow::Borrowed(self);
        }
        let partition = crate::engine::principal::Asker::of(&self.caller).partition.unwrap_or("aws");
        Cow::Owned(Self { resource: all_buckets(partition), ..self.clone() })
    }
}

/// Tells whether buckets are to be listed, of no resource as it is written.
pub(crate) fn is_list_all(action: &str, resource: &str) -> bool {
    resource == "*" && action.eq_ignore_ascii_case("s3:ListAllMyBuckets")
}

/// The resource that listing one's buckets is asked of.
pub(crate) fn all_buckets(partition: &str) -> String {
    format!("arn:{partition}:s3:::*")
}

/// The policies that apply to a request, compiled.
#[derive(Debug, Clone, Default)]
pub struct Policies<'a> {
    /// Of the caller: inline and managed, of the user and its groups, or of the role.
    pub identity: Vec<&'a Compiled>,
    /// Of the resource: bucket policy or trust policy.
    pub resource: Option<&'a Compiled>,
    /// Permissions boundary of the caller; an empty list is a boundary that allows nothing.
    pub boundary: Option<Vec<&'a Compiled>>,
    /// Session policies, inline and managed together.
    pub session: Option<Vec<&'a Compiled>>,
    /// Service control policies of the caller's account, by level from the organization's root down.
    pub service_control: Option<Vec<Vec<&'a Compiled>>>,
    /// Resource control policies of the resource's account, by level.
    pub resource_control: Vec<Vec<&'a Compiled>>,
    /// The bucket's block public access restricts it: the policy is public and `RestrictPublicBuckets` is on. Only callers
    /// of the owner's account, and services, get through (S3 User Guide, "Blocking public access").
    pub restrict_public: bool,
}
