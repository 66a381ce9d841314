//! Tokens of identity providers that are not pinned to one workload.

use crossrole_access::tokens;
use crossrole_model::access::Party;
use crossrole_model::audit::{Issue, NotKnown, Rule};

use super::anyone::way_of;
use crate::Case;

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    for way in &case.ways {
        let Party::Tokens { provider } = &way.access.party else { continue };
        let Some(host) = tokens::host(provider) else { continue };
        let lacks =
            if way.access.when.is_empty() { tokens::lacking(host, &[]) } else { way.access.when.iter().find_map(|clauses| tokens::lacking(host, clauses)) };
        if let Some(lacks) = lacks {
            issues.push(Issue { rule: Rule::TokensNotPinned, object: way.to.clone(), detail: way_of(way, Some(lacks)) });
        }
    }
}
