//! Who gains and who loses: the access delta of a plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// More, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Allowed after and not before.
    Widened,
    /// Allowed before and not after.
    Narrowed,
}

/// One thing that is asked of a condition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Clause {
    /// The condition key, as written.
    pub key: String,
    /// Completes "key …": `is`, `is not`, `is like`, `is in`, `is before`, `is absent`.
    pub relation: String,
    /// Values, any of them; none for `is absent` and `is present`.
    pub values: Vec<String>,
}

/// A request on which before and after differ; both answers are the evaluator's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Witness {
    /// ARN, service name or `anonymous`.
    pub principal: String,
    /// `s3:GetObject`.
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// Condition keys, each with its values.
    pub context: BTreeMap<String, Vec<String>>,
    /// `Allowed`, `ExplicitlyDenied` or `ImplicitlyDenied`, as things are.
    pub before: String,
    /// The same, as they will be.
    pub after: String,
}

/// What one principal gains or loses on some resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccessChange {
    /// Which way.
    pub direction: Direction,
    /// The principal in words: `role ci of 111111111111`.
    pub who: String,
    /// The account of the principal; `None` for services and unsigned callers.
    pub account: Option<String>,
    /// Action names, or patterns that stand for all actions of that name.
    pub actions: Vec<String>,
    /// Resources, in patterns; S3's without `arn:aws:s3:::`.
    pub resources: Vec<String>,
    /// Any of these must hold, each clause of it; empty: always.
    pub when: Vec<Vec<Clause>>,
    /// One request on which the two differ.
    pub witness: Witness,
}

/// A pair of principal and resource of which the difference could not be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Undecided {
    /// The principal in words.
    pub who: String,
    /// The resource, or what it is about.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Everything that a plan changes in who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccessDelta {
    /// Widening first, then by principal.
    pub changes: Vec<AccessChange>,
    /// Never to be taken for "unchanged".
    pub undecided: Vec<Undecided>,
}

impl AccessDelta {
    /// Tells whether something is widened, or might be.
    pub fn widens(&self) -> bool {
        !self.undecided.is_empty() || self.changes.iter().any(|c| c.direction == Direction::Widened)
    }
}
