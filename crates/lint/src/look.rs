//! What rules look with.

use crossrole_access::language::{Operator, wildcard_matches};
use crossrole_access::{action_matches, resource_matches};
use crossrole_policy::{Arn, Effect, Statement};

pub(crate) use crossrole_access::catalogue::expand;

/// One condition of a statement.
pub(crate) struct Asked<'a> {
    pub(crate) operator: Option<Operator>,
    pub(crate) written: &'a str,
    pub(crate) key: &'a str,
    pub(crate) values: &'a [String],
}

pub(crate) fn conditions(statement: &Statement) -> impl Iterator<Item = Asked<'_>> {
    statement
        .conditions
        .iter()
        .flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| Asked { operator: Operator::parse(operator), written: operator, key, values }))
}

pub(crate) fn has_key(statement: &Statement, keys: &[&str]) -> bool {
    conditions(statement).any(|c| keys.iter().any(|k| c.key.eq_ignore_ascii_case(k)))
}

pub(crate) fn allows(statement: &Statement) -> bool {
    statement.effect == Effect::Allow
}

/// Actions that are written out, not those that are left out.
pub(crate) fn actions(statement: &Statement) -> &[String] {
    if statement.action.negated { &[] } else { &statement.action.values }
}

/// The same of resources.
pub(crate) fn resources(statement: &Statement) -> &[String] {
    statement.resource.as_ref().filter(|r| !r.negated).map_or(&[], |r| r.values.as_slice())
}

/// Tells whether a statement's actions have this one among them.
pub(crate) fn acts(statement: &Statement, action: &str) -> bool {
    statement.action.values.iter().any(|p| action_matches(p, action)) != statement.action.negated
}

/// Tells whether a statement is about this resource, variables left aside.
pub(crate) fn about(statement: &Statement, resource: &str) -> bool {
    statement.resource.as_ref().is_none_or(|r| r.values.iter().any(|p| resource_matches(p, resource, None)) != r.negated)
}

/// Tells whether a statement is about every resource.
pub(crate) fn about_everything(statement: &Statement) -> bool {
    resources(statement).iter().any(|r| r == "*" || r == "arn:aws:s3:::*")
}

/// Principals of the kind `AWS`.
pub(crate) fn aws(statement: &Statement) -> &[String] {
    statement.principal.as_ref().filter(|p| !p.negated).map_or(&[], |p| p.aws())
}

pub(crate) fn kind<'s>(statement: &'s Statement, kind: &str) -> &'s [String] {
    statement.principal.as_ref().and_then(|p| p.entries.get(kind)).map_or(&[], Vec::as_slice)
}

pub(crate) fn everyone(statement: &Statement) -> bool {
    statement.principal.as_ref().is_some_and(|p| !p.negated && (p.bare_star || p.aws().iter().any(|v| v == "*")))
}

/// The account that a principal names, or is in.
pub(crate) fn account(principal: &str) -> Option<&str> {
    if principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit()) {
        return Some(principal);
    }
    Arn::parse(principal).map(|a| a.account).filter(|a| a.len() == 12)
}

/// Tells whether a principal stands for its whole account.
pub(crate) fn is_account(principal: &str) -> bool {
    account(principal) == Some(principal) || Arn::parse(principal).is_some_and(|a| a.service == "iam" && a.resource == "root")
}

/// Sound, not complete: whatever `inner` matches, `outer` matches too.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    !outer.contains('?') && !outer.contains("${") && wildcard_matches(outer, inner)
}

/// The same of lists; case does not count among actions.
pub(crate) fn all_covered(outer: &[String], inner: &[String], fold: bool) -> bool {
    let text = |t: &String| if fold { t.to_ascii_lowercase() } else { t.clone() };
    !inner.is_empty() && inner.iter().all(|i| outer.iter().any(|o| covers(&text(o), &text(i))))
}
