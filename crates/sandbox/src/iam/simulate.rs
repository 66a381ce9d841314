//! The policy simulator, over the evaluator that decides every call here.

use std::collections::BTreeSet;

use crossrole_access::{Caller as AccessCaller, Compiled, Context, Decision, Policies, Request, action_matches, evaluate, resource_matches};
use crossrole_policy::{Arn, Document};

use crate::constraint::broken;
use crate::error::ApiError;
use crate::query::{Asked, Service};
use crate::xml::Xml;

use super::Iam;
use super::sources::{Source, Sources, keys_of};

/// The answer to one action on one resource.
struct Outcome {
    action: String,
    resource: String,
    decision: Decision,
    /// By source and statement.
    matched: Vec<Matched>,
    missing: BTreeSet<String>,
    /// Whether the boundary allows it, where there is one.
    bounded: Option<bool>,
    /// Decisions of each side, between accounts.
    details: Vec<(&'static str, Decision)>,
}

struct Matched {
    id: String,
    kind: &'static str,
    begin: (usize, usize),
    end: (usize, usize),
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::ExplicitlyDenied => "explicitDeny",
        Decision::ImplicitlyDenied => "implicitDeny",
    }
}

impl Iam<'_> {
    pub(super) fn simulate(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let actions = asked.list("ActionNames");
        if actions.is_empty() {
            return Err(broken(Service::Iam, "actionNames", None, "Member must not be null"));
        }
        if let Some(bad) = actions.iter().find(|a| !a.contains(':')) {
            return Err(ApiError::new(400, "InvalidInput", format!("Invalid Action: {bad}")));
        }
        let sources = self.sources()?;
        let mut resources = asked.list("ResourceArns");
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        let caller = self.simulated_caller();
        let context = context(asked, &caller);
        let mut outcomes = Vec::new();
        for action in &actions {
            for resource in &resources {
                let owner = self.owner(resource);
                let request = Request {
                    caller: AccessCaller::parse(&caller),
                    action: action.clone(),
                    resource: resource.clone(),
                    resource_account: Some(owner),
                    context: context.clone(),
                };
                outcomes.push(outcome(&sources, &request));
            }
        }
        let page = self.page(outcomes)?;
        let principal = asked.operation == "SimulatePrincipalPolicy";
        self.x.members("EvaluationResults", &page, |x, outcome| write(x, outcome, principal));
        Ok(())
    }

    /// Who asks: the one named, or else the principal whose policies they are, or else some user of the account.
    fn simulated_caller(&self) -> String {
        let named = self.asked.param("CallerArn").or_else(|| self.asked.param("PolicySourceArn"));
        named.map_or_else(|| format!("arn:aws:iam::{}:user/simulated", self.account), str::to_owned)
    }

    /// The account of a resource: as it is told, or as its ARN says it, or else the caller's.
    fn owner(&self, resource: &str) -> String {
        let told = self.asked.param("ResourceOwner").map(|text| Arn::parse(text).map_or_else(|| text.to_owned(), |a| a.account.to_owned()));
        let written = Arn::parse(resource).map(|a| a.account.to_owned()).filter(|a| !a.is_empty() && a != "*");
        told.or(written).unwrap_or_else(|| self.account.clone())
    }

    pub(super) fn context_keys(&mut self) -> Result<(), ApiError> {
        let sources = self.sources()?;
        let all = sources.identity.iter().chain(sources.boundary.iter().flatten());
        let keys: BTreeSet<String> = all.flat_map(|s| &s.document.statements).flat_map(keys_of).collect();
        self.x.names("ContextKeyNames", &keys);
        Ok(())
    }
}

/// Condition keys: those of the request, and what is known of who asks.
fn context(asked: &Asked, caller: &str) -> Context {
    let mut context = Context::default();
    context.set("aws:PrincipalArn", caller);
    if let Some(arn) = Arn::parse(caller) {
        context.set("aws:PrincipalAccount", arn.account);
        if let Some(("user", name)) = arn.kind_and_name() {
            context.set("aws:username", name);
        }
    }
    for n in 1.. {
        let entry = format!("ContextEntries.member.{n}");
        let Some(key) = asked.param(&format!("{entry}.ContextKeyName")) else { break };
        let values = asked.list(&format!("{entry}.ContextKeyValues"));
        let many = asked.param(&format!("{entry}.ContextKeyType")).is_some_and(|t| t.ends_with("List"));
        match values.first() {
            Some(value) if !many => context.set(key, value.clone()),
            _ => context.set_many(key, values),
        }
    }
    context
}

fn outcome(sources: &Sources, request: &Request) -> Outcome {
    let list = |sources: &'_ [Source]| sources.iter().map(|s| s.compiled.clone()).collect::<Vec<_>>();
    let identity = list(&sources.identity);
    let boundary = sources.boundary.as_deref().map(list);
    let resource = sources.resource.as_ref().map(|s| &s.compiled);
    let policies = Policies { identity: identity.iter().collect(), boundary: boundary.as_ref().map(|b| b.iter().collect()), resource, ..Policies::default() };
    let decision = evaluate(request, &policies).decision;
    // One side alone is asked inside its own account.
    let inside = Request { resource_account: request.caller.account().map(str::to_owned), ..request.clone() };
    let own = evaluate(&inside, &Policies { identity: identity.iter().collect(), ..Policies::default() }).decision;
    let bounded = boundary.as_ref().map(|b| evaluate(&inside, &Policies { identity: b.iter().collect(), ..Policies::default() }).is_allowed());
    let across = request.resource_account.as_deref() != request.caller.account();
    let details = if across {
        let theirs = resource.map_or(Decision::ImplicitlyDenied, |r| resource_alone(request, r));
        vec![("IAM Policy", own), ("Resource Policy", theirs)]
    } else {
        Vec::new()
    };
    let all = || sources.identity.iter().chain(sources.boundary.iter().flatten()).chain(&sources.resource);
    let wanted = if decision == Decision::ExplicitlyDenied { Decision::ExplicitlyDenied } else { Decision::Allowed };
    let matched = all().flat_map(|source| matched(source, &inside, wanted)).collect();
    Outcome { action: request.action.clone(), resource: request.resource.clone(), decision, matched, missing: missing(all(), request), bounded, details }
}

/// What the resource's policy alone says: asked across accounts, by a caller whose own side allows everything.
fn resource_alone(request: &Request, policy: &Compiled) -> Decision {
    let everything = Compiled::new(&crate::auth::everything(), "");
    let across = Request { resource_account: Some("somebody else's".to_owned()), ..request.clone() };
    evaluate(&across, &Policies { identity: vec![&everything], resource: Some(policy), ..Policies::default() }).decision
}

/// The statements of one policy that say so, each asked alone.
fn matched(source: &Source, request: &Request, wanted: Decision) -> Vec<Matched> {
    let says = |at: usize| {
        let statement = source.document.statements.get(at)?;
        let alone = Compiled::new(&Document { statements: vec![statement.clone()], ..source.document.clone() }, "");
        let said = if statement.principal.is_some() {
            resource_alone(request, &alone)
        } else {
            evaluate(request, &Policies { identity: vec![&alone], ..Policies::default() }).decision
        };
        (said == wanted).then_some(())
    };
    let positions = source.positions.iter().enumerate().filter(|(at, _)| says(*at).is_some());
    let matched =
        positions.map(|(_, (begin, end))| Matched { id: source.id.clone(), kind: source.kind, begin: (begin.line, begin.column), end: (end.line, end.column) });
    matched.collect()
}

/// Keys that the statements about this request ask for and that it does not have.
fn missing<'s>(sources: impl Iterator<Item = &'s Source>, request: &Request) -> BTreeSet<String> {
    let statements = sources.flat_map(|s| &s.document.statements);
    let about = statements.filter(|s| {
        let action = s.action.values.iter().any(|p| action_matches(p, &request.action)) != s.action.negated;
        action && s.resource.as_ref().is_none_or(|r| r.negated || r.values.iter().any(|p| p.contains("${") || resource_matches(p, &request.resource, None)))
    });
    about.flat_map(keys_of).filter(|key| request.context.get(key).is_none()).collect()
}

fn write(x: &mut Xml, outcome: &Outcome, principal: bool) {
    x.text("EvalActionName", &outcome.action).text("EvalResourceName", &outcome.resource).text("EvalDecision", word(outcome.decision));
    let whole = outcome.resource == "*";
    let none = BTreeSet::new();
    write_matched(x, &outcome.matched);
    x.names("MissingContextValues", if whole { &outcome.missing } else { &none });
    if principal {
        // The sandbox has no organizations.
        x.nest("OrganizationsDecisionDetail", |x| {
            x.text("AllowedByOrganizations", "true");
        });
    }
    write_bounded(x, outcome.bounded);
    x.nest("EvalDecisionDetails", |x| {
        for (kind, decision) in &outcome.details {
            x.nest("entry", |x| {
                x.text("key", kind).text("value", word(*decision));
            });
        }
    });
    if whole {
        return;
    }
    x.members("ResourceSpecificResults", [outcome], |x, outcome| {
        x.text("EvalResourceName", &outcome.resource).text("EvalResourceDecision", word(outcome.decision));
        write_matched(x, &outcome.matched);
        x.names("MissingContextValues", &outcome.missing);
        write_bounded(x, outcome.bounded);
    });
}

fn write_bounded(x: &mut Xml, bounded: Option<bool>) {
    if let Some(allowed) = bounded {
        x.nest("PermissionsBoundaryDecisionDetail", |x| {
            x.text("AllowedByPermissionsBoundary", &allowed.to_string());
        });
    }
}

fn write_matched(x: &mut Xml, matched: &[Matched]) {
    x.members("MatchedStatements", matched, |x, m| {
        x.text("SourcePolicyId", &m.id).text("SourcePolicyType", m.kind);
        for (name, (line, column)) in [("StartPosition", m.begin), ("EndPosition", m.end)] {
            x.nest(name, |x| {
                x.text("Line", &line.to_string()).text("Column", &column.to_string());
            });
        }
    });
}
