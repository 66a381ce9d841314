//! Why a request is decided as it is: the statements that applied, those that nearly did, and what would make it a yes.

use crossrole_model::access::{Explanation, Lack, Reason};
use crossrole_policy::Effect;

use crate::engine::compiled::{Compiled, CompiledStatement};
use crate::engine::condition::Condition;
use crate::engine::decide::{Answer, Decision, Layer, evaluate, is_role_trust};
use crate::engine::operator::{Compare, Operator, Set, Test};
use crate::engine::principal::Asker;
use crate::remedy::{self, Place, Remedy};
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
    let seen = Seen { request, asker: Asker::of(&request.caller), bounded: policies.boundary.is_some(), show: words.show_external_ids };
    let mut all: Vec<Judged> = Vec::new();
    for (at, (layer, document)) in remedy::documents(policies).into_iter().enumerate() {
        for (number, statement) in (1..).zip(&document.statements) {
            all.push(Judged { place: (at, number), layer, reason: seen.reason(layer, document, number, statement) });
        }
    }
    let denies: Vec<Place> = all.iter().filter(|j| j.applies("Deny")).map(|j| j.place).collect();
    let remedy = if answer.is_allowed() { Some(Remedy::default()) } else { remedy::smallest(request, policies, &denies) };
    // A Deny that does not bear on this caller is not spoken of.
    all.retain(|j| !j.applies("Deny") || remedy.as_ref().is_none_or(|r| r.denies.contains(&j.place)));
    let because = because(&all, answer, request, &words.who);
    let fixes = if answer.is_allowed() { Vec::new() } else { fixes(&all, answer, remedy.as_ref(), request, &words.who) };
    let lacking = remedy.unwrap_or_default().layers;
    let mut shown: Vec<Reason> = all.iter().filter(|j| j.reason.lacks.is_empty()).map(|j| j.reason.clone()).collect();
    let mut missed: Vec<&Reason> =
        all.iter().filter(|j| lacking.contains(&j.layer) && j.reason.effect == "Allow" && is_near(&j.reason)).map(|j| &j.reason).collect();
    missed.retain(|r| !r.lacks.is_empty());
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
        needs: lacking.iter().map(|layer| layer.as_str().to_owned()).collect(),
        reasons: shown,
        assumed: words.assumed,
    }
}

/// A statement, and what it does to the request.
struct Judged {
    place: Place,
    layer: Layer,
    reason: Reason,
}

impl Judged {
    fn applies(&self, effect: &str) -> bool {
        self.reason.effect == effect && self.reason.lacks.is_empty()
    }
}

fn because(all: &[Judged], answer: Answer, request: &Request, who: &str) -> String {
    match (answer.decision, answer.layer) {
        (Decision::Allowed, _) => {
            let by: Vec<String> = all.iter().filter(|j| j.applies("Allow")).map(|j| name(&j.reason)).collect();
            if by.is_empty() { "nobody needs permission for it".to_owned() } else { format!("allowed by {}", by.join(" and ")) }
        }
        (Decision::ExplicitlyDenied, layer) => match all.iter().find(|j| Some(j.layer) == layer && j.applies("Deny")) {
            Some(denial) => format!("denied by {}", name(&denial.reason)),
            None => "the bucket's policy is public, and its block public access keeps other accounts out".to_owned(),
        },
        (Decision::ImplicitlyDenied, Some(layer)) => match nearest(all, layer) {
            Some(reason) => {
                let lacks: Vec<String> = reason.lacks.iter().map(|l| lack(l, request, who)).collect();
                format!("{} would allow it, but {}", name(reason), lacks.join(", and "))
            }
            None => format!("no {} allows it", layer.as_str()),
        },
        (Decision::ImplicitlyDenied, None) => "nothing allows it".to_owned(),
    }
}

fn fixes(all: &[Judged], answer: Answer, remedy: Option<&Remedy>, request: &Request, who: &str) -> Vec<String> {
    let Some(remedy) = remedy else { return vec!["no policy can allow it: this caller cannot ask for it".to_owned()] };
    let mut fixes: Vec<String> = all.iter().filter(|j| j.applies("Deny")).map(|j| format!("except it from {}", name(&j.reason))).collect();
    if answer.layer == Some(Layer::PublicAccessBlock) {
        fixes.push("let no statement of the bucket's policy name everybody, or switch `restrict_public_buckets` off".to_owned());
    }
    fixes.extend(remedy.layers.iter().flat_map(|layer| fix(*layer, nearest(all, *layer), request, who)));
    fixes
}

/// A statement about another action and another resource is about something else.
fn is_near(reason: &Reason) -> bool {
    let has = |test: fn(&Lack) -> bool| reason.lacks.iter().any(test);
    let (action, resource) = (has(|l| matches!(l, Lack::Action { .. })), has(|l| matches!(l, Lack::Resource { .. })));
    let principal = has(|l| matches!(l, Lack::Principal));
    u8::from(action) + u8::from(resource) + u8::from(principal) <= 1
}

fn nearest(all: &[Judged], layer: Layer) -> Option<&Reason> {
    let allows = all.iter().filter(|j| j.layer == layer).map(|j| &j.reason).filter(|r| r.effect == "Allow" && !r.lacks.is_empty() && is_near(r));
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

/// What an operator says of a key, in words that go before its values.
fn relation(operator: Operator, positive: bool, values: &[String]) -> String {
    let yes = positive != operator.negated;
    let words = match (operator.test, yes) {
        (Test::StringEquals | Test::Bool | Test::Binary | Test::Number(Compare::Equal) | Test::Date(Compare::Equal), true) => "is",
        (Test::StringEquals | Test::Bool | Test::Binary | Test::Number(Compare::Equal) | Test::Date(Compare::Equal), false) => "is not",
        (Test::StringEqualsIgnoreCase, true) => "is, in any case,",
        (Test::StringEqualsIgnoreCase, false) => "is not, in any case,",
        (Test::StringLike | Test::Arn, true) => "is like",
        (Test::StringLike | Test::Arn, false) => "is not like",
        (Test::Ip, true) => "is in",
        (Test::Ip, false) => "is not in",
        (Test::Number(Compare::Less), true) | (Test::Number(Compare::GreaterOrEqual), false) => "is below",
        (Test::Number(Compare::LessOrEqual), true) | (Test::Number(Compare::Greater), false) => "is at most",
        (Test::Number(Compare::Greater), true) | (Test::Number(Compare::LessOrEqual), false) => "is above",
        (Test::Number(Compare::GreaterOrEqual), true) | (Test::Number(Compare::Less), false) => "is at least",
        (Test::Date(Compare::Less), true) | (Test::Date(Compare::GreaterOrEqual), false) => "is before",
        (Test::Date(Compare::LessOrEqual), true) | (Test::Date(Compare::Greater), false) => "is not after",
        (Test::Date(Compare::Greater), true) | (Test::Date(Compare::LessOrEqual), false) => "is after",
        (Test::Date(Compare::GreaterOrEqual), true) | (Test::Date(Compare::Less), false) => "is not before",
        (Test::Null, yes) => {
            let absent = values.iter().any(|v| v.eq_ignore_ascii_case("true"));
            return if absent == yes { "is absent" } else { "is present" }.to_owned();
        }
    };
    match (operator.set, positive) {
        (Set::Single, _) => words.to_owned(),
        (Set::Any, true) => format!("has a value that {words}"),
        (Set::Any, false) => format!("has only values of which each {words}"),
        (Set::All, true) => format!("has no value but what {words}"),
        (Set::All, false) => format!("has a value that {words}"),
    }
}
