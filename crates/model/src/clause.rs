//! What is asked of a condition key.

use serde::{Deserialize, Serialize};

/// One thing that is asked of a condition key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Clause {
    /// The condition key, as its author wrote it.
    pub key: String,
    /// What is asked.
    pub relation: Relation,
    /// Values, any of them; none for absent and present.
    pub values: Vec<String>,
}

/// What is asked of a condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The request does not have it.
    Absent,
    /// The request has it.
    Present,
    /// Its value, or values, compare so with those of the clause.
    Compares(Comparison),
}

/// How the values of a key compare with those of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Comparison {
    /// Which values of the key.
    pub which: Which,
    /// True: they must compare so with none of the clause's; false: with one of them.
    pub not: bool,
    /// How.
    pub how: How,
    /// A request that does not have the key is meant, too.
    pub or_absent: bool,
}

/// Which values of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The one that it has.
    One,
    /// At least one of many.
    Some,
    /// Every one of many, be it none at all.
    Every,
}

/// How one value compares with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Equal.
    Is,
    /// Equal, whatever the case of letters.
    IsInAnyCase,
    /// Matches a pattern with `*` and `?`.
    Like,
    /// Matches a pattern over ARNs, segment by segment.
    LikeArn,
    /// Lies in a range of addresses.
    In,
    /// A smaller number.
    Below,
    /// A smaller number or the same.
    AtMost,
    /// A greater number.
    Above,
    /// A greater number or the same.
    AtLeast,
    /// An earlier time.
    Before,
    /// An earlier time or the same.
    NotAfter,
    /// A later time.
    After,
    /// A later time or the same.
    NotBefore,
}

impl Relation {
    /// The same, where requests without the key are meant, too, or not.
    #[must_use]
    pub fn or_absent(self, absent: bool) -> Self {
        match self {
            Self::Compares(comparison) => Self::Compares(Comparison { or_absent: absent, ..comparison }),
            other => other,
        }
    }
}
