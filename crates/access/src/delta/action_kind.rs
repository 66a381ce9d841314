//! Kinds of actions that the evaluator does not answer alike under the same statements.
//!
//! One action is asked for all of its kind: two that are answered differently must never share a kind.

use super::atoms;
use crate::engine::never;

/// Actions that the evaluator answers alike wherever the same statements apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ActionKind {
    /// Nobody can be denied it, and nobody needs it allowed.
    Everybodys,
    /// Nobody of another account is let in: IAM, and STS but for roles and for root's sessions.
    Inside,
    /// KMS sees whose caller asks.
    Kms,
    /// The same, and nobody of another account is let in.
    OwnKey,
    /// Nobody of another account than the bucket's is let in.
    OwnBucket,
    /// A role's trust policy must itself allow it.
    Assume,
    Other,
}

impl ActionKind {
    /// Tells whether KMS is asked.
    pub(super) fn is_kms(self) -> bool {
        matches!(self, Self::Kms | Self::OwnKey)
    }

    /// Kind of an action by its name.
    pub(super) fn of(action: &str) -> Self {
        let starts = |prefix: &str| action.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
        match action {
            _ if starts("iam:") => Self::Inside,
            _ if never::is_of_own_key(action) => Self::OwnKey,
            _ if starts("kms:") => Self::Kms,
            _ if never::is_of_own_bucket(action) => Self::OwnBucket,
            _ if !starts("sts:") => Self::Other,
            _ if action.eq_ignore_ascii_case("sts:GetCallerIdentity") => Self::Everybodys,
            _ if starts("sts:AssumeRole") || atoms::is_assume(action) => Self::Assume,
            _ if action.eq_ignore_ascii_case("sts:AssumeRoot") => Self::Other,
            _ => Self::Inside,
        }
    }
}
