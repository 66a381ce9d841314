//! Why a request is decided as it is: the statements that applied, those that nearly did, and what would make it a yes.

use std::collections::BTreeSet;

use crossrole_model::access::{Assumption, Because, Explanation, Fix, Lack, Party, Reason, StatementRef};
use crossrole_policy::Effect;

use crate::delta::cover::relation;
use crate::engine::compiled::{Compiled, CompiledStatement, Resources};
use crate::engine::condition::Condition;
use crate::engine::decide::{Answer, Decision, Layer, evaluate, is_role_trust, refused};
use crate::engine::never::unheard;
use crate::engine::principal::Asker;
use crate::remedy::{self, Place, Remedy};
use crate::request::{Context, ContextValue, Policies, Request};

/// Most statements that are shown as near misses.
const NEAR_MOST: usize = 5;

/// Decides one request and says why.
pub fn explain(request: &Request, policies: &Policies<'_>, party: Party, assumed: Vec<Assumption>) -> Explanation {
    explain_policies(request, policies, party, assumed, |_| false)
}

/// The same, and of requests that AWS does not hear that it does not. `is_open`: nothing is known of a key, be it that the request does not
/// have it.
pub(crate) fn explain_open(request: &Request, policies: &Policies<'_>, party: Party, assumed: Vec<Assumption>, is_open: impl Fn(&str) -> bool) -> Explanation {
    if let Some(why) = unheard(&request.caller, &request.action) {
        let (action, resource) = (request.action.clone(), request.resource.clone());
        let (because, fixes) = (Because::Never { why }, vec![Fix::None]);
        let decision = Decision::ImplicitlyDenied;
        return Explanation { party, action, resource, decision, layer: None, because, fixes, needs: Vec::new(), reasons: Vec::new(), assumed };
    }
    explain_policies(request, policies, party, assumed, is_open)
}

fn explain_policies(request: &Request, policies: &Policies<'_>, party: Party, mut assumed: Vec<Assumption>, is_open: impl Fn(&str) -> bool) -> Explanation {
    let answer = evaluate(request, policies);
    let request = &*request.as_put();
    let seen = Seen { request, asker: Asker::of(&request.caller), bounded: policies.boundary.is_some() };
    let mut all: Vec<Judged> = Vec::new();
    for (at, (layer, document)) in remedy::documents(policies).into_iter().enumerate() {
        for (number, statement) in (1..).zip(&document.statements) {
            let open = statement.conditions.iter().map(|c| &c.written.key).filter(|key| is_open(key)).cloned().collect();
            let variables = statement.resource.iter().flat_map(|resource| resource.variables().filter(|key| is_open(key)).map(|key| as_written(resource, key)));
            let variables = variables.collect();
            all.push(Judged { place: (at, number), reason: seen.reason(layer, document, number, statement), open, variables });
        }
    }
    let denies: Vec<Place> = all.iter().filter(|j| j.reason.applies(Effect::Deny)).map(|j| j.place).collect();
    let remedy = if answer.is_allowed() { Some(Remedy::default()) } else { remedy::smallest(request, policies, &denies) };
    // A Deny that does not bear on this caller is not spoken of.
    all.retain(|j| !j.reason.applies(Effect::Deny) || remedy.as_ref().is_none_or(|r| r.denies.contains(&j.place)));
    let keys = not_given(&all, answer, (request, policies), is_open);
    let because = because(&all, answer, &seen.asker, request);
    let fixes = if answer.is_allowed() { Vec::new() } else { fixes(&all, answer, remedy.as_ref(), request) };
    let brings = fixes.iter().filter_map(|fix| if let Fix::Bring { keys, .. } = fix { Some(keys.clone()) } else { None });
    let keys: BTreeSet<String> = brings.flatten().chain(keys).collect();
    assumed.extend((!keys.is_empty()).then_some(Assumption::NotGiven { keys: keys.into_iter().collect() }));
    let needs = remedy.unwrap_or_default().layers;
    let mut reasons: Vec<Reason> = all.iter().filter(|j| j.reason.lacks.is_empty()).map(|j| j.reason.clone()).collect();
    let near = all.iter().map(|j| &j.reason).filter(|r| needs.contains(&r.layer) && r.effect == Effect::Allow && !r.lacks.is_empty() && is_near(r));
    let mut near: Vec<&Reason> = near.collect();
    near.sort_by_key(|r| r.lacks.len());
    reasons.extend(near.into_iter().take(NEAR_MOST).cloned());
    Explanation {
        party,
        action: request.action.clone(),
        resource: request.resource.clone(),
        decision: answer.decision,
        layer: answer.layer,
        because,
        fixes,
        needs,
        reasons,
        assumed,
    }
}

/// A statement, where it stands, and what it does to the request.
struct Judged {
    place: Place,
    reason: Reason,
    /// Keys that its conditions ask for, and of which nothing is known.
    open: Vec<String>,
    /// The same of the variables of its resources.
    variables: BTreeSet<String>,
}

/// Keys of which nothing is known and on which the answer rests: those by which alone a Deny does not apply, or every Deny in the way does, or
/// every Allow.
fn not_given(all: &[Judged], answer: Answer, (request, policies): (&Request, &Policies<'_>), is_open: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let applying = |effect| all.iter().filter(move |judged| judged.reason.applies(effect));
    let opens = |judged: &&Judged| !judged.open.is_empty();
    if !answer.is_allowed() {
        let denies: Vec<&Judged> = applying(Effect::Deny).collect();
        let all_open = denies.iter().all(opens);
        return denies.into_iter().filter(|_| all_open).flat_map(|judged| judged.open.clone()).collect();
    }
    let denies = all.iter().map(|judged| &judged.reason).filter(|reason| reason.effect == Effect::Deny);
    let open = |lack: &Lack| if let Lack::Condition { key, .. } = lack { Some(key.clone()).filter(|key| is_open(key)) } else { None };
    let mut keys: BTreeSet<String> = denies.filter_map(|reason| reason.lacks.iter().map(open).collect::<Option<Vec<_>>>()).flatten().collect();
    let allows: Vec<&Judged> = applying(Effect::Allow).filter(opens).collect();
    let places: Vec<Place> = allows.iter().map(|judged| judged.place).collect();
    if !places.is_empty() && !remedy::holds_without(request, policies, &places) {
        keys.extend(allows.into_iter().flat_map(|judged| judged.open.clone()));
    }
    keys
}

fn because(all: &[Judged], answer: Answer, asker: &Asker<'_>, request: &Request) -> Because {
    match (answer.decision, answer.layer) {
        (Decision::Allowed, _) => {
            let by: Vec<StatementRef> = all.iter().filter(|j| j.reason.applies(Effect::Allow)).map(|j| j.reason.statement.clone()).collect();
            match by.is_empty() {
                true if asker.is_root() => Because::Root,
                true => Because::Free,
                false => Because::Allowed { by },
            }
        }
        (Decision::ExplicitlyDenied, layer) => match all.iter().find(|j| Some(j.reason.layer) == layer && j.reason.applies(Effect::Deny)) {
            Some(denial) => Because::Denied { by: denial.reason.statement.clone() },
            None => Because::PublicAccessBlock,
        },
        (Decision::ImplicitlyDenied, Some(layer)) => match nearest(all, layer) {
            Some(near) => Because::Nearly { statement: near.reason.statement.clone(), lacks: near.reason.lacks.clone() },
            None => Because::NoneOf { layer },
        },
        (Decision::ImplicitlyDenied, None) => refused(request).map_or(Because::Nothing, |why| Because::Never { why }),
    }
}

fn fixes(all: &[Judged], answer: Answer, remedy: Option<&Remedy>, request: &Request) -> Vec<Fix> {
    let Some(remedy) = remedy else { return vec![Fix::None] };
    let denies = all.iter().filter(|j| j.reason.applies(Effect::Deny));
    let mut fixes: Vec<Fix> = denies.map(|j| Fix::Except { statement: j.reason.statement.clone(), open: j.open.clone() }).collect();
    if answer.layer == Some(Layer::PublicAccessBlock) {
        fixes.push(Fix::NotPublic);
    }
    fixes.extend(remedy.layers.iter().flat_map(|layer| fix(*layer, nearest(all, *layer), request)));
    fixes
}

/// A variable as a statement writes it.
fn as_written(resource: &Resources, key: &str) -> String {
    let starts = resource.written.iter().flat_map(|text| text.match_indices("${").filter_map(|(at, sign)| text.get(at + sign.len()..)));
    let mut written = starts.filter_map(|rest| rest.get(..key.len())).filter(|name| name.eq_ignore_ascii_case(key));
    written.next().unwrap_or(key).to_owned()
}

/// A statement about another action and another resource is about something else.
fn is_near(reason: &Reason) -> bool {
    let has = |test: fn(&Lack) -> bool| reason.lacks.iter().any(test);
    let (action, resource) = (has(|l| matches!(l, Lack::Action { .. })), has(|l| matches!(l, Lack::Resource { .. })));
    let principal = has(|l| matches!(l, Lack::Principal));
    u8::from(action) + u8::from(resource) + u8::from(principal) <= 1
}

fn nearest(all: &[Judged], layer: Layer) -> Option<&Judged> {
    let is_one = |r: &Reason| r.layer == layer && r.effect == Effect::Allow && !r.lacks.is_empty() && is_near(r);
    let allows = all.iter().filter(|judged| is_one(&judged.reason));
    // Another condition is nearer than another resource, and that than another action.
    let weight = |l: &Lack| match l {
        Lack::Condition { .. } => 1,
        Lack::Resource { .. } => 10,
        Lack::Action { .. } | Lack::Principal => 11,
    };
    allows.min_by_key(|judged| judged.reason.lacks.iter().map(weight).sum::<u32>())
}

/// What one kind of policy would have to say, or the request to bring.
fn fix(layer: Layer, near: Option<&Judged>, request: &Request) -> Vec<Fix> {
    match near {
        Some(Judged { reason, variables, .. }) => {
            let statement = || reason.statement.clone();
            // What a variable stands for is another for each caller: the statement is not lacking.
            let complete = |lack: &Lack| match lack {
                Lack::Resource { negated: false, .. } if !variables.is_empty() => {
                    Fix::Bring { statement: statement(), keys: variables.iter().cloned().collect() }
                }
                lack => Fix::Complete { statement: statement(), lack: lack.clone() },
            };
            reason.lacks.iter().map(complete).collect()
        }
        None if layer == Layer::Resource && is_role_trust(request) => vec![Fix::Trust],
        None => vec![Fix::Allow { layer }],
    }
}

struct Seen<'s> {
    request: &'s Request,
    asker: Asker<'s>,
    bounded: bool,
}

impl Seen<'_> {
    fn reason(&self, layer: Layer, document: &Compiled, number: usize, statement: &CompiledStatement) -> Reason {
        let request = self.request;
        let mut lacks = Vec::new();
        if layer == Layer::Resource && statement.names(&self.asker, self.bounded).is_none() {
            lacks.push(Lack::Principal);
        }
        if !statement.action.match_(&request.action) {
            lacks.push(Lack::Action { wanted: statement.action.written.clone(), negated: statement.action.negated });
        }
        if let Some(resource) = statement.resource.as_ref().filter(|r| !r.match_(&request.resource, &request.context, statement.effect)) {
            lacks.push(Lack::Resource { wanted: resource.written.clone(), negated: resource.negated });
        }
        lacks.extend(statement.conditions.iter().filter(|c| !c.holds(&request.context)).map(|c| lacking(c, &request.context)));
        let met = statement.conditions.iter().filter(|_| statement.effect == Effect::Deny && lacks.is_empty());
        let met = met.map(|c| lacking(c, &request.context)).collect();
        let statement_ref = StatementRef { place: document.place.clone(), number, sid: statement.sid.clone() };
        Reason { layer, statement: statement_ref, effect: statement.effect, lacks, met }
    }
}

/// What a condition asks for, and what the request has.
fn lacking(condition: &Condition, context: &Context) -> Lack {
    let actual = context.get_lower(&condition.key).map(|value| match value {
        ContextValue::One(value) => vec![value.clone()],
        ContextValue::Many(values) => values.clone(),
    });
    let written = &condition.written;
    Lack::Condition {
        operator: written.operator.clone(),
        key: written.key.clone(),
        relation: condition.operator.map(|operator| relation(operator, true, &written.values)),
        wanted: written.values.clone(),
        actual,
    }
}
