//! External ids for third parties, second factors for people.

use std::collections::BTreeSet;

use crossrole_model::AccountId;
use crossrole_model::access::{Clause, Party};
use crossrole_model::audit::{Issue, Lacks, NotKnown, Object, Origin, Rule, WayIn};

use super::anyone::{issue, way_of};
use crate::Case;
use crate::certain::is_of_own;
use crate::look::{account, always, asks_only_for, is_of_users, names, with_factor};

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    let named = case.ways.iter().filter(|way| matches!(way.access.party, Party::User { .. })).filter_map(|way| Some((&way.to, way.access.party.id()?)));
    let named: BTreeSet<(&Object, &str)> = named.collect();
    for way in &case.ways {
        let Object::Role { arn: role } = &way.to else { continue };
        let account = account(&way.access.party).and_then(AccountId::parse);
        let with_id =
            |clauses: &[Clause]| asks_only_for(clauses, "sts:ExternalId", |clause, value| names(clause, value, account.as_ref().map_or("", AccountId::as_str)));
        let of_own = |clauses: &[Clause]| is_of_own(clauses, case.asked.own_organizations);
        // A service of that party, which others could have call, has no second factor: who shows one is a person.
        let sure = |clauses: &[Clause]| with_id(clauses) || of_own(clauses) || with_factor(clauses);
        let third = account.as_ref().map_or(matches!(way.origin, Origin::Organization { .. }), |account| !case.asked.own.contains(account));
        if third && !always(&way.access.when, sure) {
            issues.push(issue(Rule::NoExternalId, way));
        }
        match without_factor(case, way, role, &named) {
            Unproven::Nobody => {}
            Unproven::All => issues.push(issue(Rule::NoMfa, way)),
            Unproven::Some(users) => {
                let detail = way_of(way, Some(Lacks::SecondFactor(users)));
                issues.push(Issue { rule: Rule::NoMfa, object: way.to.clone(), detail });
            }
        }
    }
}

/// Who comes in by a way without a second factor, of those who are users: sessions of roles and of permission sets bring none.
enum Unproven {
    Nobody,
    /// Whoever the way is of.
    All,
    /// These users of an account that may come in as a whole.
    Some(Vec<String>),
}

fn without_factor(case: &Case<'_>, way: &WayIn, role: &str, named: &BTreeSet<(&Object, &str)>) -> Unproven {
    let when = &way.access.when;
    match &way.access.party {
        Party::User { .. } | Party::Members { .. } if !always(when, with_factor) => Unproven::All,
        Party::AnyOf { .. } if when.iter().any(|clauses| is_of_users(clauses) && !with_factor(clauses)) => Unproven::All,
        Party::AnyOf { .. } => {
            // Those whom the trust names have a way of their own.
            let users = case.chained.unproven(role, way.access.party.account().unwrap_or_default());
            let users: Vec<String> = users.filter(|user| !named.contains(&(&way.to, user.as_str()))).cloned().collect();
            if users.is_empty() { Unproven::Nobody } else { Unproven::Some(users) }
        }
        _ => Unproven::Nobody,
    }
}
