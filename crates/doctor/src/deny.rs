//! A Deny that excepts one caller, one action and one resource, and nothing else.

use crossrole_access::{action_matches, catalogue, resource_matches};
use crossrole_policy::{Document, Effect, Element, Statement};

use crate::revoked::is_written_by_manifests;

/// What is to be excepted.
pub(crate) struct Excepted<'e> {
    pub(crate) action: &'e str,
    pub(crate) resource: &'e str,
    /// Of a policy that is about many: the ARN of who calls.
    pub(crate) caller: Option<&'e str>,
    /// Condition keys that tell the call from others of that action and resource, with their values.
    pub(crate) pins: Vec<(String, String)>,
}

/// Documents that except it from one Deny each, the shortest change first. Whether one excepts more than that is for whoever tries it.
pub(crate) fn excepting(document: &Document, of: &Excepted<'_>) -> Vec<Option<Document>> {
    let mut out = Vec::new();
    // What manifests write, no hand takes away: they would put it back, and a Deny of whom they revoked is meant.
    for (at, statement) in document.statements.iter().enumerate().filter(|(_, s)| s.effect == Effect::Deny && !is_written_by_manifests(s)) {
        let with = |new: Vec<Statement>| -> Option<Document> {
            let mut document = document.clone();
            document.statements.splice(at..=at, new);
            (!document.statements.is_empty()).then_some(document)
        };
        // What else it denies stays denied, where that can be said.
        out.extend(parts(statement, of).into_iter().map(with));
        if of.pins.is_empty() {
            out.push(with(Vec::new()));
        }
    }
    out
}

/// What is left of a Deny, in the ways in which that can be said: those first that say no more and no less.
fn parts(statement: &Statement, of: &Excepted<'_>) -> Vec<Vec<Statement>> {
    let Some((others, mine)) = by_caller(statement, of) else { return Vec::new() };
    // A resource of these services is asked of by no other.
    let of_one_service = |pattern: &String| ["s3", "kms"].iter().any(|service| pattern.eq_ignore_ascii_case(&format!("{service}:*")));
    let is_pattern = |value: &&String| *value != "*" && value.contains(['*', '?']);
    let of_actions: Vec<&String> =
        mine.action.values.iter().filter(|value| !mine.action.negated && is_pattern(value) && action_matches(value, of.action)).collect();
    // On resources of one service nothing else is asked for: all of it but this one is said by what it is not.
    let of_service = |value: &String| ["s3", "kms"].iter().any(|service| value.split(':').nth(2) == Some(*service));
    let is_limited = mine.principal.is_some() || mine.resource.as_ref().is_some_and(|all| !all.negated && all.values.iter().all(of_service));
    let action = without_action(&mine.action, of.action).or_else(|unsayable| {
        let all_but = Element { negated: true, values: vec![of.action.to_owned()] };
        if is_limited && of_actions.iter().all(|pattern| of_one_service(pattern)) { Ok(Some(all_but)) } else { Err(unsayable) }
    });
    let resource = mine.resource.as_ref().and_then(|resource| without(resource, of.resource, |pattern, one| resource_matches(pattern, one, None)));
    let resource = resource.and_then(|resource| of_kind(resource, of));
    let all = others.into_iter().chain(pinned(&mine, of)).collect::<Vec<_>>();
    let make = |first: Option<Statement>, second: Option<Statement>| all.iter().cloned().chain(first).chain(second).collect::<Vec<_>>();
    let (actions, resources) = (numbered(&mine, "Actions"), numbered(&mine, "Resources"));
    // Other actions everywhere, and this one elsewhere.
    let exact = action.clone().ok().map(|action| {
        make(
            action.map(|action| Statement { action, ..actions.clone() }),
            resource.clone().map(|resource| Statement { action: Element::of([of.action]), resource: Some(resource), ..resources.clone() }),
        )
    });
    // All of it elsewhere, and other actions here.
    let others_here = action.unwrap_or_else(|_| Some(Element { negated: true, values: vec![of.action.to_owned()] }));
    let by_resource = make(
        resource.map(|resource| Statement { resource: Some(resource), ..resources }),
        others_here.map(|action| Statement { action, resource: Some(Element::of([of.resource])), ..actions }),
    );
    let is_whole = mine
        .resource
        .as_ref()
        .is_none_or(|all| all.negated || !all.values.iter().any(|value| is_pattern(&value) && resource_matches(value, of.resource, None)));
    let has_resource = mine.resource.is_some() && of.resource != "*";
    let whole_service = has_resource && is_whole && !of_actions.is_empty() && of_actions.iter().all(|pattern| of_one_service(pattern));
    match exact {
        Some(by_action) if whole_service => vec![by_resource, by_action],
        None if whole_service => vec![by_resource],
        Some(by_action) if has_resource => vec![by_action, by_resource],
        Some(by_action) => vec![by_action],
        // Nothing says just that: what would be denied besides is known to nobody.
        None => Vec::new(),
    }
}

/// Most actions that are written out in the place of a pattern: with more, a policy has no room for them.
const ACTIONS_MOST: usize = 40;

/// That can't be said in a policy.
#[derive(Debug, Clone, Copy)]
struct Unsayable;

/// The actions of a Deny less one, and no others; `None`: nothing is left.
fn without_action(element: &Element, one: &str) -> Result<Option<Element>, Unsayable> {
    if element.negated || element.values.iter().any(|value| value == "*") {
        return Ok(without(element, one, action_matches));
    }
    let mut values = Vec::new();
    for value in &element.values {
        if !action_matches(value, one) {
            values.push(value.clone());
        } else if value.contains(['*', '?']) {
            let names = catalogue::names(value.split(':').next().unwrap_or_default());
            let is_known = names.iter().any(|name| name.eq_ignore_ascii_case(one));
            let others: Vec<String> = names.into_iter().filter(|name| action_matches(value, name) && !name.eq_ignore_ascii_case(one)).collect();
            if others.len() > ACTIONS_MOST || !is_known {
                return Err(Unsayable);
            }
            values.extend(others);
        }
    }
    Ok((!values.is_empty()).then(|| Element::of(values)))
}

/// A Deny of many, for everybody else and for the caller.
fn by_caller(statement: &Statement, of: &Excepted<'_>) -> Option<(Option<Statement>, Statement)> {
    const KEY: &str = "aws:PrincipalArn";
    let Some(caller) = of.caller else { return Some((None, statement.clone())) };
    let narrowed = |operator: &str, sid: &str| {
        let mut statement = statement.clone();
        // Values of one key under one operator are alternatives.
        if statement.conditions.get(operator).is_some_and(|keys| keys.keys().any(|key| key.eq_ignore_ascii_case(KEY))) {
            return None;
        }
        statement.conditions.entry(operator.to_owned()).or_default().insert(KEY.to_owned(), vec![caller.to_owned()]);
        if !statement.sid().is_empty() {
            statement.sid = Some(format!("{}{sid}", statement.sid()));
        }
        Some(statement)
    };
    Some((Some(narrowed("ArnNotEquals", "")?), narrowed("ArnEquals", "Except")?))
}

/// The same action on the same resource, where it is not this call: another prefix, another object behind a key.
fn pinned(mine: &Statement, of: &Excepted<'_>) -> Vec<Statement> {
    const OPERATOR: &str = "StringNotEquals";
    let one = |(number, (key, value)): (usize, &(String, String))| {
        let mut statement = Statement { action: Element::of([of.action]), ..numbered(mine, &format!("Other{number}")) };
        let keys = statement.conditions.entry(OPERATOR.to_owned()).or_default();
        // All values of one key under a negated operator have to be others.
        let known = keys.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned().unwrap_or_else(|| key.clone());
        keys.entry(known).or_default().push(value.clone());
        statement
    };
    (1..).zip(&of.pins).map(one).collect()
}

/// What is asked of a bucket is asked of no object: S3 takes no statement about that. In a bucket's policy, nothing is left then.
fn of_kind(mut resource: Element, of: &Excepted<'_>) -> Option<Element> {
    let of_bucket = of.resource.contains(":s3:::") && !of.resource.contains('/');
    if of_bucket && resource.negated {
        return of.caller.is_none().then_some(resource);
    }
    resource.values.retain(|value| !of_bucket || !value.contains('/'));
    (!resource.values.is_empty()).then_some(resource)
}

/// The Sids of a document are unique.
fn numbered(statement: &Statement, end: &str) -> Statement {
    let sid = (!statement.sid().is_empty()).then(|| format!("{}{end}", statement.sid()));
    Statement { sid, ..statement.clone() }
}

/// A set less one; `None` is nothing.
fn without(element: &Element, one: &str, matches: fn(&str, &str) -> bool) -> Option<Element> {
    let mut element = element.clone();
    if element.negated {
        element.values.push(one.to_owned());
        return Some(element);
    }
    let is_pattern = |text: &String| text.contains(['*', '?']);
    element.values.retain(|value| is_pattern(value) || !matches(value, one));
    if element.values.is_empty() {
        return None;
    }
    if !element.values.iter().any(|value| matches(value, one)) {
        return Some(element);
    }
    // All but one: more than that is denied where the patterns did not mean all, which whoever tries it finds.
    Some(Element { negated: true, values: vec![one.to_owned()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Deny of a pattern on everything never becomes one of all that the pattern did not mean.
    #[test]
    fn nothing_else_is_denied_from_then_on() {
        let role = "arn:aws:iam::222222222222:role/Desk";
        for (patterns, action, resource, ways) in [
            (vec!["sts:*"], "sts:AssumeRole", role, 2),
            (vec!["sts:Assume*", "sts:Get*"], "sts:AssumeRole", role, 2),
            (vec!["s3:*"], "s3:GetObject", "arn:aws:s3:::desk/x", 1),
            (vec!["dynamodb:*"], "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:222222222222:table/t", 0),
        ] {
            let deny = Statement { effect: Effect::Deny, ..Statement::allow(Element::of(patterns.clone()), Some(Element::of(["*"]))) };
            let of = Excepted { action, resource, caller: None, pins: Vec::new() };
            let all = parts(&deny, &of);
            assert_eq!(all.len(), ways, "{patterns:?}: {all:?}");
            let everywhere = |s: &Statement| s.action.negated && s.resource.as_ref().is_none_or(|r| r.negated || r.values.iter().any(|v| v == "*"));
            assert!(!all.iter().flatten().any(everywhere), "{patterns:?}: {all:?}");
            let first = all.first().map(Vec::as_slice).unwrap_or_default();
            let denies = |s: &&Statement| {
                let by_action = s.action.values.iter().any(|p| action_matches(p, action)) != s.action.negated;
                let by_resource = s.resource.as_ref().is_none_or(|r| r.values.iter().any(|v| resource_matches(v, resource, None)) != r.negated);
                by_action && by_resource
            };
            assert!(!first.iter().any(|s| denies(&s)), "{patterns:?}: {first:?}");
        }
    }
}
