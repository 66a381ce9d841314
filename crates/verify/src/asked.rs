//! A cell as a question to an estate.

use std::collections::BTreeMap;

use crossrole_access::{Caller, Context, ContextValue, Estate, Question};
use crossrole_model::access::Explanation;
use crossrole_model::proof::{Act, Cell, Terms};

/// What the evaluator says of a cell, hop by hop, at a moment in seconds since 1970. A session is asked about by itself: it has not the
/// second factor that it was opened with.
pub fn asked(estate: &Estate, cell: &Cell, now: i64) -> Vec<Explanation> {
    let Cell { principal, via, act, terms, .. } = cell;
    let mut answers = Vec::new();
    let caller = match via {
        None => principal,
        Some(role) => {
            let assume = Act::Assume { role: role.clone() };
            answers.extend(estate.ask(&question(estate, principal, &assume, terms, now)));
            if !answers.iter().all(Explanation::is_allowed) {
                return answers;
            }
            role
        }
    };
    let terms = if via.is_some() { &Terms { mfa: false, keys: BTreeMap::new(), ..terms.clone() } } else { terms };
    answers.extend(estate.ask(&question(estate, caller, act, terms, now)));
    answers
}

/// Whether it is let, as far as the estate tells.
pub(crate) fn is_let(estate: &Estate, cell: &Cell, now: i64) -> bool {
    asked(estate, cell, now).iter().all(Explanation::is_allowed)
}

/// Whether the session would be no longer than it may be: no policy says that.
pub(crate) fn at_least(terms: &Terms, longest: u32) -> bool {
    terms.seconds.is_none_or(|seconds| seconds <= longest)
}

/// Keys of many values that grants ask for (IAM User Guide, "AWS global condition context keys", "IAM and AWS STS condition keys").
const MANY: [&str; 4] = ["aws:PrincipalOrgPaths", "aws:TagKeys", "sts:TransitiveTagKeys", "aws:PrincipalServiceNamesList"];

fn question(estate: &Estate, principal: &str, act: &Act, terms: &Terms, now: i64) -> Question {
    let mut context = Context::default();
    context.set("aws:CurrentTime", terms.at.unwrap_or(now).to_string());
    // Long-term keys and sessions without a second factor tell the two apart for `…IfExists`; calls here are made with sessions.
    context.set("aws:MultiFactorAuthPresent", terms.mfa.to_string());
    if terms.mfa {
        context.set("aws:MultiFactorAuthAge", "0");
    }
    if let Some(address) = &terms.address {
        context.set("aws:SourceIp", address.clone());
    }
    for (key, value) in &terms.keys {
        if MANY.iter().any(|many| many.eq_ignore_ascii_case(key)) {
            context.set_many(key, vec![value.clone()]);
        } else {
            context.set(key, value.clone());
        }
    }
    match act {
        Act::Assume { .. } => {
            let name = if terms.session_name.is_empty() { crate::matrix::SESSION_NAME } else { &terms.session_name };
            context.set("sts:RoleSessionName", name);
            for (key, value) in [("sts:ExternalId", &terms.external_id), ("sts:SourceIdentity", &terms.source_identity)] {
                if let Some(value) = value {
                    context.set(key, value.clone());
                }
            }
        }
        Act::List { prefix, .. } => {
            context.insert("s3:prefix", ContextValue::One(prefix.clone()));
            context.set("s3:max-keys", "1");
        }
        Act::Get { .. } | Act::Policy { .. } | Act::Put { .. } | Act::Delete { .. } | Act::Other { .. } => {}
    }
    let partition = if estate.partition.is_empty() { "aws" } else { &estate.partition };
    Question {
        principal: principal.to_owned(),
        // A role acts as a session of itself.
        via: Vec::new(),
        action: if matches!(act, Act::Assume { .. }) { Caller::parse(principal).assumes_by().to_owned() } else { act.action().to_owned() },
        resource: act.resource(partition),
        resource_account: None,
        context,
        unread_allows: false,
    }
}
