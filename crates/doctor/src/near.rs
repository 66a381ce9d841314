//! The statement that nearly allows a call: what is written for the caller keeps its conditions, so that nobody gets in by less.

use std::cmp::Reverse;

use crossrole_access::Caller;
use crossrole_model::access::{Lack, Layer, Reason, StatementRef};
use crossrole_policy::{Conditions, Effect, Statement};

use crate::asked::Who;
use crate::named::of_condition;
use crate::trouble::{Guard, Hop};
use crate::world::World;

/// What a statement for a call has from the one that nearly allows it.
#[derive(Debug, Default)]
pub(crate) struct Near {
    pub(crate) conditions: Conditions,
    /// It names sessions of the caller's role one by one.
    pub(crate) by_session: bool,
}

impl World<'_> {
    /// The statement that is named, of the policies that bear on a call.
    pub(crate) fn statement(&self, hop: &Hop, layer: Layer, named: &StatementRef) -> Option<&Statement> {
        let own = || self.known(&hop.call.principal).and_then(|arn| self.estate.principals.get(&arn));
        let placed: Vec<_> = match layer {
            Layer::Resource => self.placed_of(hop).into_iter().collect(),
            Layer::Identity => own()?.identity.iter().collect(),
            Layer::Boundary => own()?.boundary.iter().flatten().collect(),
            _ => Vec::new(),
        };
        let document = &placed.into_iter().find(|placed| placed.compiled.place() == named.place)?.document;
        document.statements.get(named.number.checked_sub(1)?).filter(|statement| statement.sid() == named.sid)
    }

    /// What the statement that a policy of this kind lacks has from the one that nearly allows the call.
    pub(crate) fn near(&self, hop: &Hop, layer: Layer) -> Near {
        let reasons = hop.answer.reasons.iter().filter(|r| r.layer == layer && r.effect == Effect::Allow && !r.lacks.is_empty());
        let known = reasons.filter_map(|reason| Some((reason, self.statement(hop, layer, &reason.statement)?)));
        // What the caller can't meet is no model for what it gets; of a trust it stays asked, or nothing is written.
        let fits = |reason: &Reason, statement: &Statement| hop.guard == Guard::Trust || unmet(hop, reason, &kept(hop, reason, statement)) < UNMET;
        let best = known.filter(|(reason, statement)| is_for(statement, hop) && fits(reason, statement)).min_by_key(|(reason, statement)| {
            let names = statement.principal.as_ref().map(crossrole_policy::Principal::aws).unwrap_or_default();
            let deleted = names.iter().any(|name| name.starts_with("AROA") || name.starts_with("AIDA"));
            let kept = kept(hop, reason, statement);
            (!names_session(statement, hop), !deleted, unmet(hop, reason, &kept), Reverse(kept.values().map(std::collections::BTreeMap::len).sum::<usize>()))
        });
        match best {
            Some((reason, statement)) => {
                let mut conditions = kept(hop, reason, statement);
                if layer == Layer::Resource {
                    pin(&mut conditions, brought(hop));
                }
                Near { conditions, by_session: names_session(statement, hop) }
            }
            None if layer == Layer::Resource => Near { conditions: brought(hop), by_session: false },
            None => Near::default(),
        }
    }
}

/// Tells whether a statement is for callers of this kind: what services may do asks nothing of people.
fn is_for(statement: &Statement, hop: &Hop) -> bool {
    let Some(principal) = &statement.principal else { return true };
    let kind = match Caller::parse(&hop.call.principal) {
        Caller::Service(name) if !crate::lacks::is_account(&name) => "Service",
        Caller::Arn(arn) if crossrole_access::is_provider(&arn) => "Federated",
        _ => "AWS",
    };
    principal.bare_star || principal.entries.contains_key(kind)
}

/// Tells whether a statement names a session of the caller's role, and not the role.
fn names_session(statement: &Statement, hop: &Hop) -> bool {
    let is_session = |arn: &str| arn.contains(":assumed-role/");
    let names = statement.principal.as_ref().map(crossrole_policy::Principal::aws).unwrap_or_default();
    is_session(&hop.call.principal) && names.iter().any(|name| is_session(name) && Who::of(name) == Who::of(&hop.call.principal))
}

/// Conditions of a statement that are not about who asks, nor about what another action is asked with.
fn kept(hop: &Hop, reason: &Reason, statement: &Statement) -> Conditions {
    let other = reason.lacks.iter().any(|lack| matches!(lack, Lack::Action { .. }));
    let mut out = Conditions::new();
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            let is_met = lacking(reason, operator, key).is_none();
            let of_caller = of_condition(key, None, true).is_none();
            let of_action = !other || hop.guard == Guard::Trust || key.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("aws:"));
            if of_action && (is_met || !of_caller) {
                out.entry(operator.clone()).or_default().insert(key.clone(), values.clone());
            }
        }
    }
    out
}

fn lacking<'r>(reason: &'r Reason, operator: &str, key: &str) -> Option<&'r Lack> {
    reason.lacks.iter().find(|lack| matches!(lack, Lack::Condition { operator: o, key: k, .. } if o == operator && k == key))
}

/// Nothing that whoever calls can do meets it.
const UNMET: u8 = 2;

/// How far the call is from what a statement asks for: it is met, whoever calls can meet it, or not.
fn unmet(hop: &Hop, reason: &Reason, kept: &Conditions) -> u8 {
    let is_user = Who::of(&hop.call.principal).is_some_and(|who| who.kind == "user");
    let weight = |operator: &str, key: &str| match (lacking(reason, operator, key), key.to_ascii_lowercase().as_str()) {
        (None, _) => 0,
        (Some(_), "sts:externalid") => 1,
        (Some(_), "aws:multifactorauthpresent" | "aws:multifactorauthage") if is_user => 1,
        (Some(_), _) => UNMET,
    };
    kept.iter().flat_map(|(operator, keys)| keys.keys().map(move |key| (operator, key))).map(|(operator, key)| weight(operator, key)).max().unwrap_or(0)
}

/// What the call brought, where nothing asks for it already: others may come with less, and this one need not.
fn pin(conditions: &mut Conditions, brought: Conditions) {
    for (operator, keys) in brought {
        for (key, values) in keys {
            if !conditions.values().flat_map(|keys| keys.keys()).any(|known| known.eq_ignore_ascii_case(&key)) {
                conditions.entry(operator.clone()).or_default().insert(key, values);
            }
        }
    }
}

/// What the call itself brought to be let in.
fn brought(hop: &Hop) -> Conditions {
    let mut out = Conditions::new();
    if !hop.call.action.eq_ignore_ascii_case("sts:AssumeRole") {
        return out;
    }
    for (operator, key) in [("StringEquals", "sts:ExternalId"), ("Bool", "aws:MultiFactorAuthPresent")] {
        if let Some(value) = crate::asked::one(&hop.question.context, key).filter(|value| key == "sts:ExternalId" || *value == "true") {
            out.entry(operator.to_owned()).or_default().insert(key.to_owned(), vec![value.to_owned()]);
        }
    }
    out
}
