//! Anyone at all, and whole accounts.

use std::collections::BTreeMap;

use crossrole_model::access::Party;
use crossrole_model::audit::{Detail, Issue, NotKnown, Object, Origin, Rule, Standing, WayIn};

use crate::Case;
use crate::look::{always, asks, is_from_certain, is_of_certain};

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    anyone(case, issues);
    account_wide(case, issues);
}

fn anyone(case: &Case<'_>, issues: &mut Vec<Issue>) {
    // Once for each object, and of those who need no credentials first.
    let mut open: BTreeMap<&Object, &WayIn> = BTreeMap::new();
    for way in case.ways.iter().filter(|way| way.origin == Origin::Anyone && !matches!(way.access.party, Party::OfKind { .. })) {
        // A role's sessions leave the network that they were made in.
        let network = !matches!(way.to, Object::Role { .. });
        if is_perhaps_blocked(case, &way.to) || always(&way.access.when, |clauses| is_of_certain(clauses) || network && is_from_certain(clauses)) {
            continue;
        }
        let slot = open.entry(&way.to).or_insert(way);
        if way.access.party == Party::Unsigned {
            *slot = way;
        }
    }
    issues.extend(open.into_values().map(|way| issue(Rule::Anyone, way)));
}

/// Whether the bucket or its account blocks public access was not read, which is said: it may let in nobody.
fn is_perhaps_blocked(case: &Case<'_>, object: &Object) -> bool {
    let Object::Bucket { account, name } = object else { return false };
    let Some(facts) = case.asked.audited.facts.get(account) else { return false };
    facts.block.known().is_none() || facts.buckets.get(name).is_some_and(|bucket| bucket.block.known().is_none())
}

/// Whoever may change policies in that account decides who comes in. What a manifest declares was decided here, and where the other side
/// brings an external id, it is a third party whose business that is.
fn account_wide(case: &Case<'_>, issues: &mut Vec<Issue>) {
    const NARROW: [&str; 4] = ["sts:ExternalId", "aws:PrincipalArn", "aws:userid", "sts:SourceIdentity"];
    for way in case.ways.iter().filter(|way| matches!(way.access.party, Party::AnyOf { .. })) {
        let by_tag = |key: &str| key.get(..17).is_some_and(|head| head.eq_ignore_ascii_case("aws:PrincipalTag/"));
        let narrowed = always(&way.access.when, |clauses| {
            NARROW.iter().any(|key| asks(clauses, key).is_some()) || clauses.iter().any(|clause| by_tag(&clause.key) && asks(clauses, &clause.key).is_some())
        });
        let declared = way.standing.iter().all(|one| matches!(one, Standing::Declared { .. } | Standing::Adopted { .. }));
        if !narrowed && !declared {
            issues.push(issue(Rule::AccountWide, way));
        }
    }
}

pub(super) fn issue(rule: Rule, way: &WayIn) -> Issue {
    Issue { rule, object: way.to.clone(), detail: Detail::Way { party: way.access.party.clone(), when: way.access.when.clone(), lacks: None } }
}
