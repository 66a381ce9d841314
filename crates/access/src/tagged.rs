//! What a resource's own policy says of it once its tags are known: `aws:ResourceTag/…` is no question then, but a fact.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::{Conditions, Document, Element, Statement, VERSION};

use crate::engine::condition::{Condition, Written};
use crate::engine::operator::{Operator, Set, Test};
use crate::engine::template::{Template, literal};
use crate::request::{Context, ContextValue};

/// Keys of a resource's tags, in lower case: of every service that has them, of IAM's roles, and of buckets whose tags decide access
/// (Service Authorization Reference, "AWS Security Token Service", "AWS Key Management Service" and "Amazon S3"; S3 User Guide, "Using tags
/// for attribute-based access control (ABAC)").
const HEADS: [&str; 3] = ["aws:resourcetag/", "iam:resourcetag/", "s3:buckettag/"];

/// The tag of the resource that a condition key is.
fn tag_of(key: &str) -> Option<&str> {
    let head = HEADS.iter().find(|head| key.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head)))?;
    key.get(head.len()..)
}

/// Tells whether a condition key is a tag of the resource.
pub(crate) fn is_resource_tag(key: &str) -> bool {
    tag_of(key).is_some()
}

/// The tags of the resource that a statement asks for, as keys or in the values of others, in lower case.
pub(crate) fn asked(statement: &Statement) -> BTreeSet<String> {
    let variables = |value: &String| Template::parse(value, true).keys().map(str::to_owned).collect::<Vec<_>>();
    let conditions = statement.conditions.values().flatten();
    let keys = conditions.flat_map(|(key, values)| values.iter().flat_map(variables).chain([key.clone()]));
    let resources = statement.resource.iter().flat_map(|resource| &resource.values).flat_map(variables);
    keys.chain(resources).filter_map(|key| tag_of(&key).map(str::to_ascii_lowercase)).collect()
}

/// Tells whether a statement asks for tags of the resource.
pub(crate) fn asks(statement: &Statement) -> bool {
    !asked(statement).is_empty()
}

/// Tells whether a service has a key of the tags of its resources, by the key's beginning.
fn is_of(head: &str, resource: &str) -> bool {
    match head.split_once(':') {
        Some(("aws", _)) => true,
        Some((service, _)) => resource.contains(&format!(":{service}:")),
        None => false,
    }
}

/// Tags of a resource, by its ARN, as a request about it has them.
pub(crate) fn put(context: &mut Context, resource: &str, tags: &BTreeMap<String, String>) {
    for (name, value) in tags {
        for key in HEADS.iter().filter(|head| is_of(head, resource)).map(|head| format!("{head}{}", name.to_ascii_lowercase())) {
            if context.get(&key).is_none() {
                context.insert(&key, ContextValue::One(value.clone()));
            }
        }
    }
}

/// The same document with what its resource's tags decide decided: statement by statement, each in its place. One that they refuse has no
/// action left. What rests on more than tags that are known is left as it is.
pub(crate) fn resolved(document: &Document, resource: &str, tags: &BTreeMap<String, String>) -> Document {
    let mut context = Context::default();
    put(&mut context, resource, tags);
    let variables = document.version.as_deref() == Some(VERSION);
    let mut document = document.clone();
    document.statements.iter_mut().for_each(|statement| resolve(statement, &context, variables));
    document
}

fn resolve(statement: &mut Statement, context: &Context, variables: bool) {
    if variables {
        // Other operators take no variables (IAM User Guide, "Variables and tags").
        let texts = statement.conditions.iter_mut().filter(|(operator, _)| {
            Operator::parse(operator)
                .is_some_and(|operator| matches!(operator.test, Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn))
        });
        let values = texts.flat_map(|(_, keys)| keys.values_mut());
        values.chain(statement.resource.iter_mut().map(|resource| &mut resource.values)).for_each(|values| fill(values, context));
    }
    let mut left: Conditions = Conditions::new();
    for (operator, keys) in std::mem::take(&mut statement.conditions) {
        for (key, values) in &keys {
            let written = Written { operator: operator.clone(), key: key.clone(), values: values.clone() };
            let condition = Condition::new(written, variables);
            let (key, values) = match decided(&condition, context) {
                Some(true) => continue,
                Some(false) => {
                    statement.action = Element::of([] as [&str; 0]);
                    continue;
                }
                None => turned(&operator, key, values, context)
                    .filter(|(other, _)| {
                        ![Some(&keys), left.get(&operator)].into_iter().flatten().flat_map(|keys| keys.keys()).any(|k| k.eq_ignore_ascii_case(other))
                    })
                    .unwrap_or_else(|| (key.clone(), values.clone())),
            };
            left.entry(operator.clone()).or_default().insert(key, values);
        }
    }
    statement.conditions = left;
}

/// Whether a condition holds, where tags alone decide that, or nothing is left that it could be equal to.
fn decided(condition: &Condition, context: &Context) -> Option<bool> {
    if is_resource_tag(&condition.key) {
        return (condition.variables().next().is_none() && !is_aws_own(&condition.key)).then(|| condition.holds(context));
    }
    let operator = condition.operator.filter(|operator| condition.written.values.is_empty() && operator.set == Set::Single && !operator.if_exists)?;
    condition.is_text().then_some(operator.negated)
}

/// Tags that AWS itself puts on a resource: nobody reads them here.
fn is_aws_own(key: &str) -> bool {
    tag_of(key).and_then(|tag| tag.get(..4)).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// Values with the tags that they take text from; one whose tag is missing equals nothing, and goes.
fn fill(values: &mut Vec<String>, context: &Context) {
    values.retain_mut(|value| {
        let template = Template::parse(value, true);
        if template.is_broken() || !template.keys().any(is_resource_tag) || template.keys().any(is_aws_own) {
            return true;
        }
        let open = template.keys().filter(|key| !is_resource_tag(key)).map(str::to_owned).collect();
        *value = template.shown(context, &open);
        !template.lacks(context, is_resource_tag)
    });
}

/// "The resource's tag is that of the caller" is "the caller's tag is this".
fn turned(operator: &str, key: &str, values: &[String], context: &Context) -> Option<(String, Vec<String>)> {
    let [value] = values else { return None };
    let other = value.strip_prefix("${")?.strip_suffix('}').filter(|body| !body.contains(['$', ',', '}', '*', '?']))?;
    let Some(ContextValue::One(tag)) = context.get(key).filter(|_| is_resource_tag(key)) else { return None };
    operator.eq_ignore_ascii_case("StringEquals").then(|| (other.to_owned(), vec![literal(tag)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a condition of a statement of a role with the tag `team = pay*`: `None`, nothing applies any more.
    fn left(conditions: &str) -> Option<String> {
        let text =
            format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{conditions}}}]}}"#);
        let document = crossrole_policy::parse(&text).unwrap();
        let tags = BTreeMap::from([("Team".to_owned(), "pay*".to_owned())]);
        let statement = resolved(&document, "arn:aws:iam::222222222222:role/R", &tags).statements.remove(0);
        (!statement.action.values.is_empty()).then(|| serde_json::to_string(&statement.conditions).unwrap())
    }

    #[test]
    fn tags_decide_what_they_can() {
        let cases = [
            (r#"{"StringEquals":{"aws:ResourceTag/team":"pay*"}}"#, Some("{}")),
            (r#"{"StringEquals":{"IAM:resourcetag/TEAM":["hr","pay*"]},"Bool":{"aws:x":"true"}}"#, Some(r#"{"Bool":{"aws:x":["true"]}}"#)),
            (r#"{"StringEquals":{"aws:ResourceTag/team":"hr"}}"#, None),
            (r#"{"StringNotEquals":{"aws:ResourceTag/team":"hr"}}"#, Some("{}")),
            (r#"{"StringEquals":{"aws:ResourceTag/other":"hr"}}"#, None),
            (r#"{"StringEqualsIfExists":{"aws:ResourceTag/other":"hr"}}"#, Some("{}")),
            (r#"{"Null":{"aws:ResourceTag/other":"true"}}"#, Some("{}")),
            (r#"{"StringLike":{"aws:ResourceTag/team":"p?y*"}}"#, Some("{}")),
            // The caller's tag, written either way round, and as it is.
            (r#"{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}"#, Some(r#"{"StringEquals":{"aws:PrincipalTag/team":["pay${*}"]}}"#)),
            (r#"{"StringLike":{"aws:PrincipalTag/team":"x-${aws:ResourceTag/team}-*"}}"#, Some(r#"{"StringLike":{"aws:PrincipalTag/team":["x-pay${*}-*"]}}"#)),
            (r#"{"StringEquals":{"aws:PrincipalTag/team":["${aws:ResourceTag/none}","b"]}}"#, Some(r#"{"StringEquals":{"aws:PrincipalTag/team":["b"]}}"#)),
            (r#"{"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/none}"}}"#, None),
            (r#"{"StringNotEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/none}"}}"#, Some("{}")),
            (
                r#"{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}","aws:principaltag/TEAM":"b"}}"#,
                Some(r#"{"StringEquals":{"aws:ResourceTag/team":["${aws:PrincipalTag/team}"],"aws:principaltag/TEAM":["b"]}}"#),
            ),
            (r#"{"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/none, 'd'}"}}"#, Some(r#"{"StringEquals":{"aws:PrincipalTag/team":["d"]}}"#)),
            (
                r#"{"StringLike":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}"#,
                Some(r#"{"StringLike":{"aws:ResourceTag/team":["${aws:PrincipalTag/team}"]}}"#),
            ),
            // What takes no variables, what has no end, what nobody reads.
            (r#"{"DateLessThan":{"aws:CurrentTime":"${aws:ResourceTag/team}"}}"#, Some(r#"{"DateLessThan":{"aws:CurrentTime":["${aws:ResourceTag/team}"]}}"#)),
            (
                r#"{"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/team}${"}}"#,
                Some(r#"{"StringEquals":{"aws:PrincipalTag/team":["${aws:ResourceTag/team}${"]}}"#),
            ),
            (
                r#"{"Null":{"aws:ResourceTag/aws:cloudformation:stack-name":"true"}}"#,
                Some(r#"{"Null":{"aws:ResourceTag/aws:cloudformation:stack-name":["true"]}}"#),
            ),
            (r#"{"StringEquals":{"s3:ExistingObjectTag/team":"hr"}}"#, Some(r#"{"StringEquals":{"s3:ExistingObjectTag/team":["hr"]}}"#)),
        ];
        for (conditions, expected) in cases {
            assert_eq!(left(conditions).as_deref(), expected, "{conditions}");
        }
    }
}
