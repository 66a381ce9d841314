//! What is looked for, one file a kind.

mod anyone;
mod buckets;
mod ids;
mod people;
mod roles;
mod tokens;
mod trails;

use crossrole_model::audit::{Issue, NotKnown};

use crate::Case;

/// A kind of rules: what breaks them, and what could not be told.
pub(crate) type Check = fn(&Case<'_>, &mut Vec<Issue>, &mut Vec<NotKnown>);

/// All of them.
pub(crate) const ALL: &[Check] =
    &[anyone::check, people::check, tokens::check, ids::dead, ids::drifted, ids::access_keys, roles::check, trails::check, buckets::check];

/// Whole days between two moments.
pub(crate) fn days(from: i64, to: i64) -> u32 {
    const DAY: i64 = 86_400;
    u32::try_from((to - from).max(0) / DAY).unwrap_or(u32::MAX)
}
