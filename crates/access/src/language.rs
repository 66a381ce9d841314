//! The language of policies as the evaluator reads it, for whoever judges documents without asking requests.

pub use crate::engine::condition::{instant, net};
pub use crate::engine::operator::{Compare, Operator, Set, Test};

use crate::engine::glob::Glob;

/// What a condition asks of its key, or, where it is not to hold, what would keep it from holding; `None`: there is no such operator.
pub fn relation(operator: &str, holds: bool, values: &[String]) -> Option<crossrole_model::access::Relation> {
    Operator::parse(operator).map(|operator| crate::delta::cover::relation(operator, holds, values))
}

/// Tells whether a text matches a pattern of `*` (any run of characters) and `?` (any one); case counts.
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    Glob::parse(pattern).matches(text)
}
