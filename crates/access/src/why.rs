//! Why a request is decided as it is: the statements that applied, those that nearly did, and what would make it a yes.

use crossrole_model::access::{Explanation, Lack, Reason};
use crossrole_policy::Effect;

use crate::delta::boxes::relation;
use crate::engine::compiled::{Compiled, CompiledStatement};
use crate::engine::condition::Condition;
use crate::engine::decide::{Decision, Layer, evaluate, is_role_trust};
use crate::engine::operator::{Operator, Test};
use crate::engine::principal::Asker;
use crate::request::{Context, ContextValue, Policies, Request};

/// Most statements that are shown as near misses.
const NEAR_MOST: usize = 5;

/// Stands for an external id.
const MASK: &str = "****";

/// How a request is spoken of.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The principal: `role Reader of 222222222222`.
    pub who: String,
    /// What was taken for granted.
    pub assumed: Vec<String>,
    /// Show external ids in full.
    pub show_external_ids: bool,
}

/// Decides one request and says why.
pub fn explain(request: &Request, policies: &Policies<'_>, words: Words) -> Explanation {
    let answer = evaluate(request, policies);
    let asker = Asker::of(&request.caller);
    let seen = Seen { request, asker, bounded: policies.boundary.is_some(), show: words.show_external_ids };
    let mut all: Vec<(Layer, Reason)> = Vec::new();
    for (layer, document) in layers(policies) {
        for (number, statement) in (1..).zip(&document.statements) {
            all.push((layer, seen.reason(layer, document, number, statement)));
        }
    }
    let allows = |layer: Layer| all.iter().any(|(l, r)| *l == layer && r.effect == "Allow" && r.lacks.is_empty());
    let denial = all.iter().find(|(l, r)| Some(*l) == answer.layer && r.effect == "Deny" && r.lacks.is_empty()).map(|(_, r)| r);
    let lacking: Vec<Layer> = match answer.decision {
        Decision::ImplicitlyDenied => lacking(request, policies, &asker, &allows, answer.layer),
        _ => Vec::new(),
    };
    let near = |layer: Layer| nearest(&all, layer);
    let because = match (answer.decision, answer.layer, denial) {
        (Decision::Allowed, ..) => {
            let by: Vec<String> = all.iter().filter(|(_, r)| r.effect == "Allow" && r.lacks.is_empty()).map(|(_, r)| name(r)).collect();
            if by.is_empty() { "nobody needs permission for it".to_owned() } else { format!("allowed by {}", by.join(" and ")) }
        }
        (Decision::ExplicitlyDenied, _, Some(reason)) => format!("denied by {}", name(reason)),
        (Decision::ExplicitlyDenied, ..) => "the bucket's policy is public, and its block public access keeps other accounts out".to_owned(),
        (Decision::ImplicitlyDenied, Some(layer), _) => match near(layer) {
            Some(reason) => {
                format!("{} would allow it, but {}", name(reason), reason.lacks.iter().map(|l| lack(l, request, &words.who)).collect::<Vec<_>>().join(", and "))
            }
            None => format!("no {} allows it", layer.as_str()),
        },
        (Decision::ImplicitlyDenied, None, _) => "nothing allows it".to_owned(),
    };
    let fixes = match denial {
        Some(reason) => vec![format!("except it from {}", name(reason))],
        None => lacking.iter().flat_map(|layer| fix(*layer, near(*layer), request, &words.who)).collect(),
    };
    let mut shown: Vec<Reason> = all.iter().filter(|(_, r)| r.lacks.is_empty()).map(|(_, r)| r.clone()).collect();
    let mut missed: Vec<&Reason> = all.iter().filter(|(l, r)| lacking.contains(l) && r.effect == "Allow" && is_near(r)).map(|(_, r)| r).collect();
    missed.sort_by_key(|r| r.lacks.len());
    shown.extend(missed.into_iter().take(NEAR_MOST).cloned());
    Explanation {
        who: words.who,
        action: request.action.clone(),
        resource: request.resource.clone(),
        decision: answer.decision.as_str().to_owned(),
        layer: answer.layer.map(|l| l.as_str().to_owned()),
        because,
        fixes,
        reasons: shown,
        assumed: words.assumed,
    }
}

fn layers<'p>(policies: &'p Policies<'p>) -> Vec<(Layer, &'p Compiled)> {
    let mut all: Vec<(Layer, &Compiled)> = policies.identity.iter().map(|d| (Layer::Identity, *d)).collect();
    all.extend(policies.resource.iter().map(|d| (Layer::Resource, *d)));
    all.extend(policies.boundary.iter().flatten().map(|d| (Layer::Boundary, *d)));
    all.extend(policies.session.iter().flatten().map(|d| (Layer::Session, *d)));
    all.extend(policies.service_control.iter().flatten().flatten().map(|d| (Layer::ServiceControl, *d)));
    all.extend(policies.resource_control.iter().flatten().map(|d| (Layer::ResourceControl, *d)));
    all
}

/// Every kind of policy that would have to allow and does not.
fn lacking(request: &Request, policies: &Policies<'_>, asker: &Asker<'_>, allows: &dyn Fn(Layer) -> bool, first: Option<Layer>) -> Vec<Layer> {
    let same = request.resource_account.as_deref().is_none_or(|owner| asker.account == Some(owner));
    let mut needed = Vec::new();
    if !asker.has_no_identity() {
        if policies.service_control.is_some() {
            needed.push(Layer::ServiceControl);
        }
        needed.push(Layer::Identity);
        if policies.boundary.is_some() {
            needed.push(Layer::Boundary);
        }
        if policies.session.is_some() {
            needed.push(Layer::Session);
        }
    }
    if !same || is_role_trust(request) || asker.has_no_identity() {
        needed.push(Layer::Resource);
    }
    needed.retain(|layer| Some(*layer) == first || !allows(*layer));
    // A trust policy of the same account that names its caller needs no more from that caller's side.
    if same && is_role_trust(request) && needed.contains(&Layer::Resource) {
        needed.retain(|layer| *layer == Layer::Resource);
    }
    needed
}

/// A statement about another action and another resource is about something else.
fn is_near(reason: &Reason) -> bool {
    let has = |test: fn(&Lack) -> bool| reason.lacks.iter().any(test);
    let (action, resource) = (has(|l| matches!(l, Lack::Action { .. })), has(|l| matches!(l, Lack::Resource { .. })));
    let principal = has(|l| matches!(l, Lack::Principal));
    u8::from(action) + u8::from(resource) + u8::from(principal) <= 1
}

fn nearest(all: &[(Layer, Reason)], layer: Layer) -> Option<&Reason> {
    let allows = all.iter().filter(|(l, r)| *l == layer && r.effect == "Allow" && !r.lacks.is_empty() && is_near(r)).map(|(_, r)| r);
    // Another condition is nearer than another resource, and that than another action.
    let weight = |l: &Lack| match l {
        Lack::Condition { .. } => 1,
        Lack::Resource { .. } => 10,
        Lack::Action { .. } | Lack::Principal => 11,
    };
    allows.min_by_key(|r| r.lacks.iter().map(weight).sum::<u32>())
}

struct Seen<'s> {
    request: &'s Request,
    asker: Asker<'s>,
    bounded: bool,
    show: bool,
}

impl Seen<'_> {
    fn reason(&self, layer: Layer, document: &Compiled, number: usize, statement: &CompiledStatement) -> Reason {
        let request = self.request;
        let mut lacks = Vec::new();
        if layer == Layer::Resource && statement.names(&self.asker, self.bounded).is_none() {
            lacks.push(Lack::Principal);
        }
        if !statement.action.match_(&request.action) {
            lacks.push(Lack::Action { wanted: but(statement.action.negated, &statement.action.written) });
        }
        if let Some(resource) = statement.resource.as_ref().filter(|r| !r.match_(&request.resource, &request.context, statement.effect)) {
            lacks.push(Lack::Resource { wanted: but(resource.negated, &resource.written) });
        }
        lacks.extend(statement.conditions.iter().filter(|c| !c.holds(&request.context)).map(|c| self.condition(c, &request.context)));
        Reason {
            layer: layer.as_str().to_owned(),
            place: document.place.clone(),
            number,
            sid: statement.sid.clone(),
            effect: if statement.effect == Effect::Allow { "Allow" } else { "Deny" }.to_owned(),
            lacks,
        }
    }

    fn condition(&self, condition: &Condition, context: &Context) -> Lack {
        let hide = !self.show && condition.key == "sts:externalid";
        let mask = |values: Vec<String>| if hide { values.iter().map(|_| MASK.to_owned()).collect() } else { values };
        let actual = context.get_lower(&condition.key).map(|value| match value {
            ContextValue::One(value) => vec![value.clone()],
            ContextValue::Many(values) => values.clone(),
        });
        Lack::Condition {
            operator: condition.written.operator.clone(),
            key: condition.written.key.clone(),
            wanted: mask(condition.written.values.clone()),
            actual: actual.map(mask),
        }
    }
}

fn but(negated: bool, written: &[String]) -> Vec<String> {
    if negated { written.iter().map(|w| format!("all but {w}")).collect() } else { written.to_vec() }
}

fn name(reason: &Reason) -> String {
    let sid = if reason.sid.is_empty() { String::new() } else { format!(" ({})", reason.sid) };
    format!("statement {}{sid} of the {}", reason.number, reason.place)
}

fn any(values: &[String]) -> String {
    values.join(" or ")
}

fn lack(lack: &Lack, request: &Request, who: &str) -> String {
    match lack {
        Lack::Principal => format!("it does not name {who}"),
        Lack::Action { wanted } => format!("it is about {}, not {}", any(wanted), request.action),
        Lack::Resource { wanted } => format!("it is about {}, not {}", any(wanted), request.resource),
        Lack::Condition { operator, key, wanted, actual } => {
            let only = format!("only when {key} {}", holds(operator, wanted));
            match actual {
                None => format!("{only}, and the request has none"),
                // Two external ids that both read as a mask would seem the same.
                Some(actual) if actual.iter().all(|a| a == MASK) => format!("{only}, and the request has another one"),
                Some(actual) => format!("{only}, and the request's is {}", any(actual)),
            }
        }
    }
}

/// `is in 203.0.113.0/24`
fn holds(operator: &str, wanted: &[String]) -> String {
    let Some(operator) = Operator::parse(operator) else { return format!("passes {operator}, which is no operator") };
    let words = relation(operator, true, wanted);
    if operator.test == Test::Null { words } else { format!("{words} {}", any(wanted)) }
}

/// What one kind of policy would have to say, or the request to bring.
fn fix(layer: Layer, near: Option<&Reason>, request: &Request, who: &str) -> Vec<String> {
    let Some(reason) = near else {
        return vec![match layer {
            Layer::Resource if is_role_trust(request) => format!("let the trust policy of {} name {who}", request.resource),
            Layer::Resource => format!("let the policy of {} allow {} to {who}", request.resource, request.action),
            layer => format!("let the {} of {who} allow {} on {}", layer.as_str(), request.action, request.resource),
        }];
    };
    let change = |lack: &Lack| match lack {
        Lack::Principal => format!("add {who} to the principals of {}", name(reason)),
        Lack::Action { .. } => format!("add {} to the actions of {}", request.action, name(reason)),
        Lack::Resource { .. } => format!("add {} to the resources of {}", request.resource, name(reason)),
        Lack::Condition { operator, key, wanted, .. } => format!("ask so that {key} {}", holds(operator, wanted)),
    };
    reason.lacks.iter().map(change).collect()
}
