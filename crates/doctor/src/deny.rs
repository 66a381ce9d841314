//! A Deny that excepts one caller, one action and one resource, and nothing else.

use crossrole_access::{action_matches, resource_matches};
use crossrole_policy::{Document, Effect, Element, Statement};

use crate::revoked::is_written_by_manifests;

/// What is to be excepted.
pub(crate) struct Excepted<'e> {
    pub(crate) action: &'e str,
    pub(crate) resource: &'e str,
    /// Of a policy that is about many: the ARN of who calls.
    pub(crate) caller: Option<&'e str>,
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
        out.extend(parts(statement, of).map(with));
        out.push(with(Vec::new()));
    }
    out
}

/// What is left of a Deny.
fn parts(statement: &Statement, of: &Excepted<'_>) -> Option<Vec<Statement>> {
    const KEY: &str = "aws:PrincipalArn";
    let narrowed = |operator: &str, statement: &Statement, sid: &str| {
        let mut statement = statement.clone();
        let caller = of.caller?;
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
    let mut out = Vec::new();
    let mine = match of.caller {
        Some(_) => {
            out.push(narrowed("ArnNotEquals", statement, "")?);
            narrowed("ArnEquals", statement, "Except")?
        }
        None => statement.clone(),
    };
    if let Some(action) = without(&mine.action, of.action, action_matches) {
        out.push(Statement { action, ..numbered(&mine, "Actions") });
    }
    let resource = mine.resource.as_ref().and_then(|resource| without(resource, of.resource, |pattern, one| resource_matches(pattern, one, None)));
    if let Some(resource) = resource.and_then(|resource| of_kind(resource, of)) {
        out.push(Statement { action: Element::of([of.action]), resource: Some(resource), ..numbered(&mine, "Resources") });
    }
    Some(out)
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
