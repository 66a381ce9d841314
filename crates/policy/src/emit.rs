//! [`Document`] to JSON: `Version` first, since IAM has refused documents over it, no white space, one-element lists as
//! strings, elements always in the same order.

use serde::de::Error as _;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};

use crate::document::{Document, Element, Principal, Statement};

impl Document {
    /// Returns minified JSON.
    pub fn to_json(&self) -> String {
        // Only strings and maps with string keys are written: nothing here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns JSON indented by two spaces.
    pub fn to_json_pretty(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Returns the size that IAM counts against its quotas: characters that are not white space
    /// (IAM User Guide, "IAM and AWS STS quotas").
    pub fn size(&self) -> usize {
        self.to_json().chars().filter(|c| !c.is_whitespace()).count()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(version) = &self.version {
            map.serialize_entry("Version", version)?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("Id", id)?;
        }
        map.serialize_entry("Statement", &self.statements)?;
        map.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { sid, effect, principal, action, resource, conditions } = self;
        let mut map = serializer.serialize_map(None)?;
        if let Some(sid) = sid {
            map.serialize_entry("Sid", sid)?;
        }
        map.serialize_entry("Effect", effect.as_str())?;
        if let Some(principal) = principal {
            map.serialize_entry(if principal.negated { "NotPrincipal" } else { "Principal" }, principal)?;
        }
        // A key's policy may have statements without actions, which do nothing.
        let inert = action.values.is_empty() && !action.negated;
        if !inert {
            map.serialize_entry(if action.negated { "NotAction" } else { "Action" }, &OneOrMany(&action.values))?;
        }
        if let Some(Element { negated, values }) = resource {
            map.serialize_entry(if *negated { "NotResource" } else { "Resource" }, &OneOrMany(values))?;
        }
        if !conditions.is_empty() {
            let conditions: std::collections::BTreeMap<_, std::collections::BTreeMap<_, _>> =
                conditions.iter().map(|(op, keys)| (op, keys.iter().map(|(key, values)| (key, OneOrMany(values))).collect())).collect();
            map.serialize_entry("Condition", &conditions)?;
        }
        map.end()
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.bare_star {
            return serializer.serialize_str("*");
        }
        let mut map = serializer.serialize_map(None)?;
        for (kind, values) in &self.entries {
            map.serialize_entry(kind, &OneOrMany(values))?;
        }
        map.end()
    }
}

struct OneOrMany<'a>(&'a [String]);

impl Serialize for OneOrMany<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => serializer.serialize_str(one),
            many => many.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        crate::parse::kept(&value).map_err(|errors| D::Error::custom(errors.first().map_or_else(String::new, ToString::to_string)))
    }
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let document = crate::parse::kept(&serde_json::json!({ "Statement": [value] }));
        let mut document = document.map_err(|errors| D::Error::custom(errors.first().map_or_else(String::new, ToString::to_string)))?;
        document.statements.pop().ok_or_else(|| D::Error::custom("not a statement"))
    }
}
