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

/// What a statement lacked to apply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "lacks")]
pub enum Lack {
    /// It names other principals.
    Principal,
    /// It is about other actions.
    Action {
        /// The statement's.
        wanted: Vec<String>,
    },
    /// It is about other resources.
    Resource {
        /// The statement's.
        wanted: Vec<String>,
    },
    /// One of its conditions does not hold.
    Condition {
        /// `StringEquals`.
        operator: String,
        /// `sts:ExternalId`.
        key: String,
        /// The statement's values.
        wanted: Vec<String>,
        /// The request's; `None` when the key is missing.
        actual: Option<Vec<String>>,
    },
}

/// One statement and what it did to a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// `identity-based policy`, `resource-based policy`, …
    pub layer: String,
    /// The document: `inline policy crossrole of role Reader`.
    pub place: String,
    /// Number of the statement in it, from one.
    pub number: usize,
    /// Its id, or empty.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: String,
    /// Empty when it applied.
    pub lacks: Vec<Lack>,
}

/// One decision, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who, in words.
    pub who: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// `Allowed`, `ExplicitlyDenied` or `ImplicitlyDenied`.
    pub decision: String,
    /// The kind of policy that denied, or did not allow.
    pub layer: Option<String>,
    /// The true reason in one sentence.
    pub because: String,
    /// For a no: the smallest changes that, all together, would make it a yes.
    pub fixes: Vec<String>,
    /// For a no: the fewest kinds of policies that would have to allow it and do not.
    pub needs: Vec<String>,
    /// Statements that applied, and those that nearly did.
    pub reasons: Vec<Reason>,
    /// What was taken for granted.
    pub assumed: Vec<String>,
}

/// One step of a way to a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hop {
    /// Who, in words.
    pub who: String,
    /// What it does.
    pub action: String,
    /// To what: a role on the way, the resource at the end.
    pub resource: String,
    /// Any of these must hold; empty: always.
    pub when: Vec<Vec<Clause>>,
}
