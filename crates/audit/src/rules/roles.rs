//! Roles that let somebody in from outside: unused, old, or with sessions that last long.

use std::collections::BTreeSet;

use crossrole_model::audit::{Detail, Issue, NotKnown, Object, Rule};

use super::days;
use crate::Case;

/// Roles of permission sets, which IAM Identity Center makes, with sessions of twelve hours (IAM Identity Center User Guide, "Referencing
/// permission sets in resource policies").
const RESERVED: &str = "/aws-reserved/";

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    let open: BTreeSet<&str> = case.ways_of_people().filter_map(|way| if let Object::Role { arn } = &way.to { Some(arn.as_str()) } else { None }).collect();
    let limits = &case.asked.limits;
    for (account, state) in case.accounts() {
        for (key, role) in &state.roles {
            let arn = case.asked.desired.partition.iam_arn(account, "role", &role.state.path, &role.name);
            if !open.contains(arn.as_str()) || role.state.path.starts_with(RESERVED) {
                continue;
            }
            let mut found = |rule: Rule, detail: Detail| issues.push(Issue { rule, object: Object::Role { arn: arn.clone() }, detail });
            let seconds = role.state.max_session_seconds;
            if seconds > limits.session_seconds {
                found(Rule::LongSession, Detail::Seconds { seconds, most: limits.session_seconds });
            }
            let facts = case.asked.audited.facts.get(account).and_then(|facts| facts.roles.get(key)).copied().unwrap_or_default();
            let old = facts.made.map(|made| days(made, case.asked.now));
            match (facts.used.map(|used| days(used, case.asked.now)), old) {
                (Some(days), _) if days > limits.unused_days => found(Rule::UnusedRole, Detail::Age { days, most: limits.unused_days }),
                (None, Some(days)) if days > limits.unused_days => found(Rule::UnusedRole, Detail::Never { days, most: limits.unused_days }),
                _ => {}
            }
            if let Some(days) = old.filter(|days| *days > limits.role_days) {
                found(Rule::OldRole, Detail::Age { days, most: limits.role_days });
            }
        }
    }
}
