//! Sets of actions and of resources, by patterns.

use serde::{Deserialize, Serialize};

/// What one pattern matches, less what others do. A set is a list of these: what any of them holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Part {
    /// A name or ARN, with `*` and `?`; `${key}` in it stands for whatever text the key has.
    pub pattern: String,
    /// It must match all of these, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
    /// And none of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Part>,
    /// Nor is it about these, which have lines of their own.
    #[serde(default, skip_serializing_if = "Apart::is_empty")]
    pub apart: Apart,
    /// Of a resource: actions that name none, whose resource is `*`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nameless: bool,
}

/// Resources that are spoken of in lines of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apart {
    /// These.
    Named(Vec<String>),
    /// This many.
    Many(usize),
}

impl Default for Apart {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Apart {
    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Named(list) if list.is_empty()) || *self == Self::Many(0)
    }
}

impl Part {
    /// All that a pattern matches.
    pub fn of(pattern: impl Into<String>) -> Self {
        Self { pattern: pattern.into(), ..Self::default() }
    }

    /// The same, less others.
    #[must_use]
    pub fn except(mut self, mut except: Vec<Part>) -> Self {
        self.except.append(&mut except);
        self
    }

    /// The same, where it matches another pattern, too.
    #[must_use]
    pub fn within(mut self, part: &Part) -> Self {
        self.within.push(part.pattern.clone());
        self.within.extend(part.within.iter().cloned());
        self
    }

    /// Its pattern, and those that it must match besides.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.pattern.as_str()).chain(self.within.iter().map(String::as_str))
    }
}
