//! The policy document as it was written.

use std::collections::BTreeMap;

/// The language version that every document of ours names; without it policy variables are plain text
/// (IAM User Guide, "IAM JSON policy elements: Version").
pub const VERSION: &str = "2012-10-17";

/// Condition block: operator, key, values; spelled as written.
pub type Conditions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A policy document. `==` compares meaning, see [`crate::canonical`].
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// `None` means 2008-10-17 to AWS.
    pub version: Option<String>,
    /// Only S3 and a few others use it.
    pub id: Option<String>,
    /// In the order written.
    pub statements: Vec<Statement>,
}

/// What a statement does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Refuses, and wins over every grant.
    Deny,
}

impl Effect {
    /// Returns the spelling AWS uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// True for the `Not…` form.
    pub negated: bool,
    /// Patterns, in the order written.
    pub values: Vec<String>,
}

impl Element {
    /// Returns the positive form over `values`.
    pub fn of<I: IntoIterator<Item = S>, S: Into<String>>(values: I) -> Self {
        Self { negated: false, values: values.into_iter().map(Into::into).collect() }
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Principal {
    /// True for `NotPrincipal`.
    pub negated: bool,
    /// True for the bare string `"*"`, in place of an object.
    pub bare_star: bool,
    /// `AWS`, `Service`, `Federated`, `CanonicalUser`, each with its values.
    pub entries: BTreeMap<String, Vec<String>>,
}

impl Principal {
    /// Returns a principal with one kind (`AWS`, `Service`, `Federated`).
    pub fn of<I: IntoIterator<Item = S>, S: Into<String>>(kind: &str, values: I) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { negated: false, bare_star: false, entries: BTreeMap::from([(kind.to_owned(), values)]) }
    }

    /// Returns every value of the kind `AWS`.
    pub fn aws(&self) -> &[String] {
        self.entries.get("AWS").map_or(&[], Vec::as_slice)
    }
}

/// One statement. `==` compares meaning, see [`crate::canonical`].
#[derive(Debug, Clone)]
pub struct Statement {
    /// Statement id; `None` and the empty string are one.
    pub sid: Option<String>,
    /// Allow or Deny.
    pub effect: Effect,
    /// Absent in identity policies.
    pub principal: Option<Principal>,
    /// Always present.
    pub action: Element,
    /// Absent in trust policies.
    pub resource: Option<Element>,
    /// Empty when there is none.
    pub conditions: Conditions,
}

impl Document {
    /// Returns a document of the current language version.
    pub fn new(statements: Vec<Statement>) -> Self {
        Self { version: Some(VERSION.to_owned()), id: None, statements }
    }

    /// Rewrites every AWS principal through `map`; `None` keeps the value. Used to turn the unique ids that AWS shows for
    /// principals it cannot resolve at the moment back into the ARNs they stand for.
    pub fn map_aws_principals(&mut self, map: impl Fn(&str) -> Option<String>) {
        for principal in self.statements.iter_mut().filter_map(|s| s.principal.as_mut()) {
            for value in principal.entries.get_mut("AWS").into_iter().flatten() {
                if let Some(mapped) = map(value) {
                    *value = mapped;
                }
            }
        }
    }

    /// Rewrites every resource and every value of a condition through `map`; `None` keeps it.
    pub fn map_texts(&mut self, map: &dyn Fn(&str) -> Option<String>) {
        self.statements.iter_mut().for_each(|statement| statement.map_texts(map));
    }

    /// Returns every AWS principal of every statement.
    pub fn aws_principals(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(Principal::aws).map(String::as_str)
    }

    /// Returns the AWS principals that are bare unique ids: what is left in a policy when the role or user it named was
    /// deleted (IAM User Guide, "Principal": `AROA` roles, `AIDA` users).
    pub fn orphaned_principals(&self) -> Vec<&str> {
        self.aws_principals().filter(|v| is_unique_id(v)).collect()
    }
}

impl Statement {
    /// Rewrites every resource and every value of a condition through `map`; `None` keeps it.
    pub fn map_texts(&mut self, map: &dyn Fn(&str) -> Option<String>) {
        let resources = self.resource.iter_mut().flat_map(|resource| resource.values.iter_mut());
        let values = self.conditions.values_mut().flat_map(|keys| keys.values_mut().flatten());
        for text in resources.chain(values) {
            if let Some(mapped) = map(text) {
                *text = mapped;
            }
        }
    }

    /// Returns an Allow statement with no principal and no condition.
    pub fn allow(action: Element, resource: Option<Element>) -> Self {
        Self { sid: None, effect: Effect::Allow, principal: None, action, resource, conditions: Conditions::new() }
    }

    /// Returns the statement id, or the empty string.
    pub fn sid(&self) -> &str {
        self.sid.as_deref().unwrap_or_default()
    }
}

/// Unique ids begin with a four-letter prefix and have no punctuation (IAM User Guide, "IAM identifiers").
fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AROA") || text.starts_with("AIDA")) && text.len() >= 16 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}
