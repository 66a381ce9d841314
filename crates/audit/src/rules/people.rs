//! External ids for third parties, second factors for people.

use crossrole_model::AccountId;
use crossrole_model::access::{Clause, Party};
use crossrole_model::audit::{Issue, NotKnown, Object, Rule};

use super::anyone::issue;
use crate::Case;
use crate::look::{account, always, asks, names, organization};

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    for way in case.ways.iter().filter(|way| matches!(way.to, Object::Role { .. })) {
        let Some(account) = account(&way.access.party).and_then(AccountId::parse) else { continue };
        let with_id = |clauses: &[Clause]| {
            asks(clauses, "sts:ExternalId").is_some_and(|c| c.values.iter().all(|v| names(c, v, account.as_str()))) || organization(clauses).is_some()
        };
        if !case.asked.own.contains(&account) && !always(&way.access.when, with_id) {
            issues.push(issue(Rule::NoExternalId, way));
        }
        // Of an account as a whole nobody knows who is a person; groups and permission sets bring their own second factor.
        if matches!(way.access.party, Party::User { .. }) && !always(&way.access.when, with_mfa) {
            issues.push(issue(Rule::NoMfa, way));
        }
    }
}

/// The age is there only where the factor is (IAM User Guide, "AWS global condition context keys").
fn with_mfa(clauses: &[Clause]) -> bool {
    let age = clauses.iter().any(|c| c.key.eq_ignore_ascii_case("aws:MultiFactorAuthAge") && !is_or_absent(c));
    asks(clauses, "aws:MultiFactorAuthPresent").is_some_and(|c| c.values.iter().all(|v| v.eq_ignore_ascii_case("true"))) || age
}

fn is_or_absent(clause: &Clause) -> bool {
    use crossrole_model::access::Relation;
    match clause.relation {
        Relation::Compares(how) => how.or_absent,
        Relation::Absent => true,
        Relation::Present => false,
    }
}
