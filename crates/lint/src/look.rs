//! What rules look with.

use std::collections::BTreeMap;

use crossrole_access::language::{Operator, Set, Test, wildcard_matches};
use crossrole_access::{action_matches, resource_matches};
use crossrole_policy::{Arn, Effect, Principal, Statement};

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

impl Asked<'_> {
    /// A value as people may see it: external ids are for the two parties.
    pub(crate) fn shown<'v>(&self, value: &'v str) -> &'v str {
        if self.is_of(&["sts:ExternalId"]) { "****" } else { value }
    }

    /// Tells whether a request must have the key, with one of the values, to pass.
    pub(crate) fn is_needed(&self) -> bool {
        self.operator.is_some_and(|o| !o.negated && !o.if_exists && o.set != Set::All && o.test != Test::Null)
    }

    /// Tells whether it is about one of these keys; one with a slash at its end stands for every tag behind it.
    pub(crate) fn is_of(&self, keys: &[&str]) -> bool {
        keys.iter().any(|k| {
            let begins = || self.key.get(..k.len()).is_some_and(|head| head.eq_ignore_ascii_case(k));
            self.key.eq_ignore_ascii_case(k) || k.ends_with('/') && begins()
        })
    }
}

/// Conditions that limit a statement to certain values of these keys: a request must have the key, and not any value passes.
pub(crate) fn limits<'s>(statement: &'s Statement, keys: &[&str]) -> impl Iterator<Item = Asked<'s>> {
    conditions(statement).filter(|c| c.is_needed() && c.is_of(keys) && !c.values.iter().any(|v| v.chars().all(|c| c == '*')))
}

/// Every ARN in principals, resources and values of conditions, each with its text; what begins with `arn:` and has fewer
/// parts is the loader's business.
pub(crate) fn arns(statement: &Statement) -> impl Iterator<Item = (Arn<'_>, &str)> {
    let principals = statement.principal.iter().flat_map(|p| p.entries.values().flatten());
    let resources = statement.resource.iter().flat_map(|r| &r.values);
    let values = statement.conditions.values().flat_map(BTreeMap::values).flatten();
    principals.chain(resources).chain(values).filter_map(|text| Some((Arn::parse(text)?, text.as_str())))
}

/// Every account id that a statement names, without wildcards or variables, each with the text that it stands in.
pub(crate) fn account_ids(statement: &Statement) -> impl Iterator<Item = (&str, &str)> {
    /// Keys whose values are account ids (IAM User Guide, "AWS global condition context keys"; Service Authorization
    /// Reference, Amazon S3).
    const KEYS: &[&str] =
        &["aws:PrincipalAccount", "aws:ResourceAccount", "aws:SourceAccount", "aws:SourceOwner", "s3:ResourceAccount", "s3:DataAccessPointAccount"];
    let principals = statement.principal.iter().flat_map(Principal::aws).filter(|p| !p.contains(':'));
    let values = conditions(statement).filter(|c| c.is_of(KEYS)).flat_map(|c| c.values);
    let plain = principals.chain(values).map(|text| (text.as_str(), text.as_str()));
    let all = plain.chain(arns(statement).map(|(arn, text)| (arn.account, text)));
    all.filter(|(id, _)| !id.is_empty() && !id.contains(['*', '?', '$']))
}

/// Keys that narrow down the resource, whatever `Resource` says (IAM User Guide, "AWS global condition context keys",
/// properties of the resource).
pub(crate) const BY_RESOURCE: &[&str] = &["aws:ResourceTag/", "iam:ResourceTag/", "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths"];

/// Every partition (Botocore, `partitions.json`).
pub(crate) const PARTITIONS: &[&str] = &["aws", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-us-gov"];

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

/// Tells whether a statement is about every object of every bucket.
pub(crate) fn about_every_object(statement: &Statement) -> bool {
    resources(statement).iter().any(|r| r == "*" || resource_matches(r, "arn:aws:s3:::zq7-any/zq7/any", None))
}

/// Tells whether a statement is about every role, user, group or policy of some account, or of `own`.
pub(crate) fn about_every(statement: &Statement, kind: &str, own: Option<&str>) -> bool {
    let any = |account: &str| format!("arn:aws:iam::{account}:{kind}/zq7/any");
    resources(statement).iter().any(|r| r == "*" || [Some("000000000001"), own].into_iter().flatten().any(|account| resource_matches(r, &any(account), None)))
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
