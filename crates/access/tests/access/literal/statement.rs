//! Whether one statement applies to a request.

use crossrole_policy::{Document, Effect, Element, Statement, VERSION};

use super::condition;
use super::pattern::{action_matches, resource_matches, tokens};
use super::principal::{Named, Names as _};
use crossrole_access::Request;

/// What a set of documents says about a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// Some statement allows.
    pub(crate) allow: bool,
    /// Some statement denies.
    pub(crate) deny: bool,
    /// How the allowing statements of a resource policy name the caller.
    pub(crate) named: Vec<Named>,
}

/// Evaluates documents without principals.
pub(crate) fn identity<'a>(documents: impl IntoIterator<Item = &'a Document>, request: &Request) -> Verdict {
    let mut verdict = Verdict::default();
    for document in documents {
        for statement in &document.statements {
            if applies(document, statement, request) {
                match statement.effect {
                    Effect::Allow => verdict.allow = true,
                    Effect::Deny => verdict.deny = true,
                }
            }
        }
    }
    verdict
}

/// Evaluates a document with principals. `bounded`: the caller has a permissions boundary, which a Deny with NotPrincipal
/// hits whatever it lists (IAM User Guide, "Permissions boundaries").
pub(crate) fn resource(document: &Document, request: &Request, bounded: bool) -> Verdict {
    let mut verdict = Verdict::default();
    for statement in &document.statements {
        let Some(principal) = &statement.principal else { continue };
        let named = if principal.negated {
            let spared = match statement.effect {
                Effect::Deny => request.caller.spared_by(principal) && !bounded,
                Effect::Allow => request.caller.named(principal).is_some(),
            };
            (!spared).then_some(Named::Directly)
        } else {
            request.caller.named(principal)
        };
        let Some(named) = named else { continue };
        if applies(document, statement, request) {
            match statement.effect {
                Effect::Allow => {
                    verdict.allow = true;
                    verdict.named.push(named);
                }
                Effect::Deny => verdict.deny = true,
            }
        }
    }
    verdict
}

/// Action, resource and conditions.
fn applies(document: &Document, statement: &Statement, request: &Request) -> bool {
    let variables = document.version.as_deref() == Some(VERSION);
    let context = variables.then_some(&request.context);
    let element = |element: &Element, matches: &dyn Fn(&str) -> bool| element.values.iter().any(|v| matches(v)) != element.negated;
    element(&statement.action, &|pattern| action_matches(pattern, &request.action))
        // A trust policy has no Resource: it is about its role.
        && statement.resource.as_ref().is_none_or(|r| {
            let unknown = r.values.iter().any(|v| v != "*" && tokens(v, context).is_none());
            // What a variable without a value would have left out is not known: no grant rests on that.
            !(r.negated && unknown && statement.effect == Effect::Allow) && element(r, &|pattern| resource_matches(pattern, &request.resource, context))
        })
        && condition::hold(&statement.conditions, &request.context, variables)
}
