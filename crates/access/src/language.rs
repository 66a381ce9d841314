//! The language of policies as the evaluator reads it, for whoever judges documents without asking requests.

pub use crate::engine::condition::{instant, net};
pub use crate::engine::operator::{Compare, Operator, Set, Test};

use crate::engine::glob::Glob;

/// Tells whether a text matches a pattern of `*` (any run of characters) and `?` (any one); case counts.
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    Glob::parse(pattern).matches(text)
}
