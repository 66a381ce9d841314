//! Anyone at all, and whole accounts.

use std::collections::BTreeMap;

use crossrole_model::Observation;
use crossrole_model::access::{Clause, Party};
use crossrole_model::audit::{Detail, Issue, Lacks, NotKnown, Object, Origin, Rule, WayIn};

use crate::Case;
use crate::certain::{is_from_certain, is_of_certain, is_of_own};
use crate::look::{always, asks_only_for, names};

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, not_known: &mut Vec<NotKnown>) {
    anyone(case, issues, not_known);
    account_wide(case, issues);
}

fn anyone(case: &Case<'_>, issues: &mut Vec<Issue>, not_known: &mut Vec<NotKnown>) {
    // Once for each object, and of those who need no credentials first.
    let mut open: BTreeMap<&Object, &WayIn> = BTreeMap::new();
    // Any service, for whatever resource of whomever, is anyone. Where public access is restricted, a public policy lets in services of AWS
    // and the bucket's own account alone (Amazon S3 User Guide, "Blocking public access"): a way in, which is shown, and no open bucket.
    let by_service = |way: &WayIn| way.access.party == Party::AnyService && !is_restricted(case, &way.to);
    let from_anyone = |way: &&WayIn| way.origin == Origin::Anyone && !matches!(way.access.party, Party::OfKind { .. }) || by_service(way);
    for way in case.ways.iter().filter(from_anyone) {
        // A role's sessions leave the network that they were made in.
        let network = !matches!(way.to, Object::Role { .. });
        if is_block_unread(case, &way.to) || always(&way.access.when, |clauses| is_of_certain(clauses) || network && is_from_certain(clauses)) {
            continue;
        }
        let slot = open.entry(&way.to).or_insert(way);
        if way.access.party == Party::Unsigned {
            *slot = way;
        }
    }
    not_known.extend(open.keys().filter_map(|object| unread_of_account(case, object)));
    issues.extend(open.into_values().map(|way| issue(Rule::Anyone, way)));
}

/// A bucket whose block of public access restricts who comes by a public policy.
fn is_restricted(case: &Case<'_>, object: &Object) -> bool {
    let Object::Bucket { name, .. } = object else { return false };
    let bucket = case.asked.audited.observed.buckets.get(name).and_then(|bucket| bucket.known()?.as_ref());
    bucket.and_then(|bucket| bucket.state.public_access_block).is_some_and(|block| block.restrict_buckets)
}

/// The bucket's own block of public access was not read, which is said of it: it may let in nobody.
fn is_block_unread(case: &Case<'_>, object: &Object) -> bool {
    let Object::Bucket { account, name } = object else { return false };
    let facts = case.asked.audited.facts.get(account).and_then(|facts| facts.buckets.get(name));
    facts.is_some_and(|bucket| bucket.block.known().is_none())
}

/// The bucket's own block stops nobody. That its account's does is not known: it is found, and that is said of it.
fn unread_of_account(case: &Case<'_>, object: &Object) -> Option<NotKnown> {
    let Object::Bucket { account, .. } = object else { return None };
    match &case.asked.audited.facts.get(account)?.block {
        Observation::Known(_) => None,
        Observation::Unreadable(why) => {
            Some(NotKnown::Unread { object: object.clone(), part: "whether its account blocks public access to it", why: why.clone() })
        }
    }
}

/// Whoever may change policies in that account, or in one of somebody else's organization, decides who comes in, whether a manifest says so (as it does of a group, which no trust can
/// name) or not. Where the other side brings an external id, it is a third party whose business that is.
fn account_wide(case: &Case<'_>, issues: &mut Vec<Issue>) {
    let own = case.asked.own_organizations;
    let foreign = |way: &WayIn| matches!(way.origin, Origin::Organization { .. }) && !always(&way.access.when, |clauses| is_of_own(clauses, own));
    for way in case.ways.iter().filter(|way| matches!(way.access.party, Party::AnyOf { .. }) || foreign(way)) {
        let account = way.access.party.account().unwrap_or_default();
        let narrowed = always(&way.access.when, |clauses| clauses.iter().any(|clause| is_narrow(clause, account)));
        if !narrowed {
            issues.push(issue(Rule::AccountWide, way));
        }
    }
}

/// Whether a key has to have a value that not everybody of an account has.
fn is_narrow(clause: &Clause, account: &str) -> bool {
    const NARROW: [&str; 5] = ["sts:ExternalId", "aws:PrincipalArn", "aws:userid", "aws:username", "sts:SourceIdentity"];
    let key = &clause.key;
    let by_tag = key.get(..17).is_some_and(|head| head.eq_ignore_ascii_case("aws:PrincipalTag/"));
    let narrow = by_tag || NARROW.iter().any(|one| one.eq_ignore_ascii_case(key));
    narrow && asks_only_for(std::slice::from_ref(clause), key, |clause, value| names(clause, value, account))
}

pub(super) fn issue(rule: Rule, way: &WayIn) -> Issue {
    Issue { rule, object: way.to.clone(), detail: way_of(way, None) }
}

/// A way in, and what is not asked of whoever comes by it.
pub(super) fn way_of(way: &WayIn, lacks: Option<Lacks>) -> Detail {
    Detail::Way { party: way.access.party.clone(), when: way.access.when.clone(), by: way.by, lacks }
}
