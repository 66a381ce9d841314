//! What whoever calls can do otherwise, so that a condition holds, or a Deny does not.

use crossrole_access::language::relation;
use crossrole_access::{Context, ContextValue, Question};
use crossrole_model::access::{Lack, Layer, StatementRef};
use crossrole_model::diagnosis::{Cause, RequestChange};
use crossrole_policy::Effect;

use crate::named::of_condition;
use crate::trouble::Hop;
use crate::world::World;

/// The region that is called.
pub(crate) const REGION: &str = "aws:RequestedRegion";

impl World<'_> {
    /// The condition of a Deny that another request would not meet: what it is about, and what would have to be so.
    pub(crate) fn avoidable(&self, hop: &Hop, layer: Layer, by: &StatementRef) -> Option<(Cause, Lack)> {
        let statement = self.statement(hop, layer, by)?;
        let all = statement.conditions.iter().flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values)));
        all.filter_map(|(operator, key, values)| {
            let is_let = |value: &String| {
                let mut question = hop.question.clone();
                bring(&mut question.context, key, value);
                !self.decided(question, hop.through).answer.reasons.iter().any(|r| r.applies(Effect::Deny) && r.statement == *by)
            };
            let fits = self.values(hop, operator, key, values).iter().any(is_let);
            let actual = actual(&hop.question, key);
            let cause = of_condition(key, None, actual.is_some()).filter(|_| fits)?;
            Some((
                cause,
                Lack::Condition { operator: operator.clone(), key: key.clone(), relation: relation(operator, false, values), wanted: values.clone(), actual },
            ))
        })
        // What is met first.
        .min_by_key(|(cause, _)| *cause)
    }

    /// Requests that might bring what a condition asks for, where whoever calls can: which of them does, the evaluator says.
    pub(crate) fn otherwise(&self, hop: &Hop, operator: &str, key: &str, wanted: &[String]) -> Vec<RequestChange> {
        let lower = key.to_ascii_lowercase();
        let besides = match lower.as_str() {
            // Who sets an ACL, or tags, has to be let that, too (S3 API Reference, PutObject).
            "s3:x-amz-acl" => Some("s3:PutObjectAcl"),
            tag if tag.starts_with("s3:requestobjecttag/") => Some("s3:PutObjectTagging"),
            _ => None,
        };
        let may = |action: &str| self.decided(Question { action: action.to_owned(), ..hop.question.clone() }, false).answer.is_allowed();
        if besides.is_some_and(|action| !may(action)) {
            return Vec::new();
        }
        let change = |value: String| match lower.as_str() {
            "aws:requestedregion" => RequestChange::Region { region: Some(value) },
            "sts:externalid" => RequestChange::ExternalId { id: value },
            _ => RequestChange::With { key: key.to_owned(), value },
        };
        self.values(hop, operator, key, wanted).into_iter().map(change).collect()
    }
}

/// Tells whether a key, in lower case, is about the second factor.
pub(crate) fn is_mfa(lower: &str) -> bool {
    ["aws:multifactorauthpresent", "aws:multifactorauthage"].contains(&lower)
}

/// Adds a value to a request; what comes with it, too.
fn bring(context: &mut Context, key: &str, value: &str) {
    if is_mfa(&key.to_ascii_lowercase()) {
        context.set("aws:MultiFactorAuthPresent", "true");
        context.set("aws:MultiFactorAuthAge", "0");
    } else {
        context.set(key, value);
    }
}

fn actual(question: &Question, key: &str) -> Option<Vec<String>> {
    question.context.get(key).map(|value| match value {
        ContextValue::One(value) => vec![value.clone()],
        ContextValue::Many(values) => values.clone(),
    })
}
