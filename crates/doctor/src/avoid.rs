//! What whoever calls can do otherwise, so that a condition holds, or a Deny does not.

use crossrole_access::language::relation;
use crossrole_access::{Context, ContextValue, Question};
use crossrole_model::access::{Lack, Layer, StatementRef};
use crossrole_model::diagnosis::{Cause, RequestChange};
use crossrole_policy::Effect;

use crate::asked::Who;
use crate::named::of_condition;
use crate::trouble::{Guard, Hop};
use crate::world::World;

/// The region that is called.
pub(crate) const REGION: &str = "aws:RequestedRegion";

/// What is said of objects that are written without more; any other would do as well.
const ENCRYPTION: (&str, &str) = ("s3:x-amz-server-side-encryption", "AES256");

impl World<'_> {
    /// The condition of a Deny that another request would not meet: what it is about, and what would have to be so.
    pub(crate) fn avoidable(&self, hop: &Hop, layer: Layer, by: &StatementRef) -> Option<(Cause, Lack)> {
        let statement = self.statement(hop, layer, by)?;
        let all = statement.conditions.iter().flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values)));
        all.filter_map(|(operator, key, values)| {
            let is_null = operator.eq_ignore_ascii_case("Null");
            let wanted = if is_null && key.eq_ignore_ascii_case(ENCRYPTION.0) { vec![ENCRYPTION.1.to_owned()] } else { values.clone() };
            let mut question = hop.question.clone();
            bring(&mut question.context, hop, key, &wanted)?;
            let denied = self.decided(question, hop.through).answer.reasons.iter().any(|r| r.applies(Effect::Deny) && r.statement == *by);
            let actual = actual(&hop.question, key);
            let cause = of_condition(key, None, actual.is_some()).filter(|_| !denied)?;
            Some((cause, Lack::Condition { operator: operator.clone(), key: key.clone(), relation: relation(operator, false, values), wanted, actual }))
        })
        // What is met first.
        .min_by_key(|(cause, _)| *cause)
    }

    /// The request that would bring what a condition asks for, where whoever calls can.
    pub(crate) fn otherwise(&self, hop: &Hop, key: &str, wanted: &[String]) -> Option<RequestChange> {
        let value = bring(&mut Context::default(), hop, key, wanted)?;
        match key.to_ascii_lowercase().as_str() {
            "aws:requestedregion" => Some(RequestChange::Region { region: Some(value) }),
            // Who sets an ACL has to be let that, too (S3 API Reference, PutObject).
            "s3:x-amz-acl" => {
                let question = Question { action: "s3:PutObjectAcl".to_owned(), ..hop.question.clone() };
                self.decided(question, false).answer.is_allowed().then(|| RequestChange::With { key: key.to_owned(), value })
            }
            _ => Some(RequestChange::With { key: key.to_owned(), value }),
        }
    }
}

/// Adds to a request what such a condition may be about; `None`: whoever calls can do nothing about it.
fn bring(context: &mut Context, hop: &Hop, key: &str, wanted: &[String]) -> Option<String> {
    let who = Who::of(&hop.call.principal);
    let plain = || {
        let name = who.as_ref().filter(|who| who.kind == "user").map(|who| who.name);
        let filled = wanted.iter().map(|text| name.map_or_else(|| text.clone(), |name| text.replace("${aws:username}", name)));
        filled.into_iter().find(|text| !text.is_empty() && !text.contains(['*', '?', '$']))
    };
    let (trust, lower) = (hop.guard == Guard::Trust, key.to_ascii_lowercase());
    let value = match lower.as_str() {
        // A session of a role has no device.
        "aws:multifactorauthpresent" | "aws:multifactorauthage" if who.as_ref().is_none_or(|who| who.kind != "role") => {
            context.set("aws:MultiFactorAuthPresent", "true");
            context.set("aws:MultiFactorAuthAge", "0");
            return Some("true".to_owned());
        }
        "aws:securetransport" => "true".to_owned(),
        "aws:sourceip" => plain()?.split('/').next()?.to_owned(),
        "aws:sourcevpc" | "aws:sourcevpce" => plain()?,
        // STS answers in every region, and a bucket or key is in one.
        "aws:requestedregion" | "sts:externalid" | "sts:rolesessionname" | "sts:sourceidentity" if trust => plain()?,
        other if trust && other.starts_with("aws:requesttag/") => plain()?,
        other if hop.call.action.eq_ignore_ascii_case("s3:PutObject") && other.starts_with("s3:x-amz-") && !other.contains("sha256") => plain()?,
        _ => return None,
    };
    context.set(key, value.clone());
    Some(value)
}

fn actual(question: &Question, key: &str) -> Option<Vec<String>> {
    question.context.get(key).map(|value| match value {
        ContextValue::One(value) => vec![value.clone()],
        ContextValue::Many(values) => values.clone(),
    })
}
