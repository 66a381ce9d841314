//! A team's own rules, over what manifests declare.

use crossrole_model::desired::{DesiredState, DocumentRef, StatementRef};
use crossrole_model::state::RoleState;
use crossrole_model::{Address, Desired, Finding, Kind};
use crossrole_policy::{Arn, Effect, Statement};

use crate::attached::at_least;
use crate::look;
use crossrole_access::action_matches;
use crossrole_access::catalogue::SERVICES;
use crossrole_access::language::Test;

/// `[guardrails]` of `crossrole.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guardrails {
    /// The only accounts that may be trusted; `None`: any.
    pub trusted_accounts: Option<Vec<String>>,
    /// Action patterns that nothing may allow.
    pub forbidden_actions: Vec<String>,
    /// What is asked of some roles.
    pub roles: Vec<RoleRule>,
}

/// `[[guardrails.roles]]`: what is asked of the roles that it selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    /// Pattern of role names, as in `Prod*`. Default: all.
    pub select: String,
    /// Every trust of a principal needs an external id.
    pub external_id: bool,
    /// Every trust of a principal needs a second factor.
    pub mfa: bool,
    /// It has this permissions boundary: a pattern of ARNs.
    pub boundary: Option<String>,
    /// Longest session, in hours.
    pub max_session_hours: Option<u32>,
    /// Action patterns that it may not allow.
    pub forbidden_actions: Vec<String>,
}

/// Returns what breaks the rules, each with its place.
pub fn check(guardrails: &Guardrails, desired: &Desired) -> Vec<Finding> {
    let mut found = Vec::new();
    for (address, object) in &desired.objects {
        let mut say = Say { desired, address, found: &mut found };
        match &object.state {
            DesiredState::Role { state, .. } => {
                for rule in guardrails.roles.iter().filter(|r| matches(&r.select, &address.name)) {
                    role(rule, state, &mut say);
                }
                trusted(guardrails, &DocumentRef::Trust, &state.trust.statements, &mut say);
                attached(&guardrails.forbidden_actions, state, &mut say, false);
                for (name, document) in &state.inline {
                    permissions(guardrails, &DocumentRef::Inline(name.clone()), &document.statements, &mut say);
                }
            }
            DesiredState::Policy(state) => permissions(guardrails, &DocumentRef::Policy, &state.document.statements, &mut say),
            DesiredState::Caller { statements, .. } | DesiredState::BucketPolicy { statements, .. } => {
                permissions(guardrails, &DocumentRef::Policy, statements, &mut say);
            }
            _ => {}
        }
    }
    found
}

/// What is said of one object.
struct Say<'a> {
    desired: &'a Desired,
    address: &'a Address,
    found: &'a mut Vec<Finding>,
}

impl Say<'_> {
    fn object(&mut self, rule: &str, message: &str, advice: &str) {
        self.at(None, rule, message, advice);
    }

    /// `at`: a document, the index of a statement, and a principal that it is about.
    fn at(&mut self, at: Option<(&DocumentRef, usize, Option<&str>)>, rule: &str, message: &str, advice: &str) {
        let written = at.and_then(|(document, index, principal)| {
            let at = StatementRef { address: self.address.clone(), document: document.clone(), index };
            self.desired.origin(&at, principal)
        });
        let place = written.or_else(|| self.desired.places.get(self.address).and_then(|p| p.first()));
        let file = place.map(|p| p.file.clone()).or_else(|| self.desired.manifests.first().map(|m| m.file.clone())).unwrap_or_default();
        let mut finding = Finding::error(&file, place.map(|p| p.span), format!("{}: {message}", self.address.short()), advice);
        finding.rule = Some(format!("guardrail/{rule}"));
        self.found.push(finding);
    }
}

fn allowing(statements: &[Statement]) -> impl Iterator<Item = (usize, &Statement)> {
    statements.iter().enumerate().filter(|(_, s)| s.effect == Effect::Allow)
}

fn permissions(guardrails: &Guardrails, part: &DocumentRef, statements: &[Statement], say: &mut Say<'_>) {
    forbidden(&guardrails.forbidden_actions, part, statements, say);
    trusted(guardrails, part, statements, say);
}

fn trusted(guardrails: &Guardrails, part: &DocumentRef, statements: &[Statement], say: &mut Say<'_>) {
    let Some(trusted) = &guardrails.trusted_accounts else { return };
    let own = say.address.account.to_string();
    for (index, statement) in allowing(statements) {
        let elements = statement.principal.as_ref();
        // What is everybody, or is of a kind that names no account, is in no account that is trusted.
        let everybody = elements.filter(|p| p.bare_star || p.negated).map(|_| "*");
        let others = elements.into_iter().flat_map(|p| &p.entries).filter(|(kind, _)| !["AWS", "Service", "Federated"].contains(&kind.as_str()));
        let others = others.flat_map(|(_, values)| values.iter().map(String::as_str));
        for principal in look::aws(statement).iter().map(String::as_str).chain(everybody).chain(others) {
            let known = look::account(principal).is_some_and(|a| a == own || trusted.iter().any(|t| t == a));
            if !known {
                say.at(
                    Some((part, index, Some(principal))),
                    "trusted-accounts",
                    &format!("`{principal}` is not in an account that may be trusted"),
                    "name another principal, or have the account added to `trusted_accounts`",
                );
            }
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    crossrole_access::language::wildcard_matches(pattern, name)
}

fn role(rule: &RoleRule, state: &RoleState, say: &mut Say<'_>) {
    for (index, statement) in allowing(&state.trust.statements).filter(|(_, s)| !look::aws(s).is_empty()) {
        let at = Some((&DocumentRef::Trust, index, None));
        let who = look::aws(statement).join(", ");
        if rule.external_id && look::limits(statement, &["sts:ExternalId"]).next().is_none() {
            say.at(at, "external-id", &format!("{who} needs no external id"), "set `external_id`");
        }
        let second = look::conditions(statement).filter(look::Asked::is_needed).any(|c| {
            let present = c.is_of(&["aws:MultiFactorAuthPresent"]) && c.operator.is_some_and(|o| o.test == Test::Bool);
            // Only who has a second factor has it since some time.
            let age = c.is_of(&["aws:MultiFactorAuthAge"]) && c.operator.is_some_and(|o| matches!(o.test, Test::Number(_)));
            age || present && !c.values.is_empty() && c.values.iter().all(|v| v.eq_ignore_ascii_case("true"))
        });
        if rule.mfa && !second {
            say.at(at, "mfa", &format!("{who} needs no second factor"), "set `mfa = true`");
        }
    }
    if let Some(wanted) = &rule.boundary {
        match &state.boundary {
            Some(arn) if matches(wanted, arn) => {}
            Some(arn) => say.object("boundary", &format!("its permissions boundary is `{arn}`"), "use the boundary that the team asks for"),
            None => say.object("boundary", "it has no permissions boundary", "set `permissions_boundary`"),
        }
    }
    if let Some(hours) = rule.max_session_hours.filter(|h| state.max_session_seconds > h.saturating_mul(3600)) {
        say.object("max-session", &format!("its sessions last {} s, over {hours} h", state.max_session_seconds), "shorten `max_session`");
    }
    for (name, document) in &state.inline {
        forbidden(&rule.forbidden_actions, &DocumentRef::Inline(name.clone()), &document.statements, say);
    }
    attached(&rule.forbidden_actions, state, say, true);
}

/// Managed policies of a role. `all`: those that manifests declare, too, which are looked at by themselves otherwise.
fn attached(patterns: &[String], state: &RoleState, say: &mut Say<'_>, all: bool) {
    let allowed = |statements: &[Statement]| {
        let hit = allowing(statements).find_map(|(_, statement)| patterns.iter().find(|p| allows(statement, p)));
        hit.map(|p| format!("allows `{p}`, which is forbidden"))
    };
    let unknown = || patterns.first().map(|p| format!("is not declared here, and whether it allows `{p}`, which is forbidden, is not known"));
    for arn in state.attached.iter().filter(|_| !patterns.is_empty()) {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let address = Address::new(&say.address.account, Kind::Policy, name);
        // One of AWS's own may be called like one that is declared.
        let own = Arn::parse(arn).is_some_and(|arn| arn.account == say.address.account.to_string());
        let declared = say
            .desired
            .objects
            .get(&address)
            .filter(|_| own)
            .and_then(|o| if let DesiredState::Policy(policy) = &o.state { Some(&policy.document.statements) } else { None });
        let hit = match declared {
            Some(_) if !all => None,
            Some(statements) => allowed(statements),
            // AWS may have added to what is known of its own.
            None => at_least(arn).and_then(|document| allowed(&document.statements)).or_else(unknown),
        };
        if let Some(hit) = hit {
            let named = DocumentRef::Attached(arn.clone());
            say.at(Some((&named, 0, None)), "forbidden-actions", &format!("`{arn}` {hit}"), "leave it out, or have the guardrail changed");
        }
    }
}

/// Tells whether two patterns have an action in common; either may be the wider one: `s3:*` allows what `s3:Put*` forbids.
fn meet(a: &str, b: &str) -> bool {
    crossrole_access::overlap(&a.to_lowercase(), &b.to_lowercase())
}

/// Tells whether a statement may let something that a pattern speaks of: what is left out must be all of that.
fn allows(statement: &Statement, pattern: &str) -> bool {
    let values = &statement.action.values;
    if !statement.action.negated {
        return values.iter().any(|action| meet(action, pattern));
    }
    let listed = look::expand(pattern);
    let known = pattern.split_once(':').is_some_and(|(service, _)| SERVICES.contains(&service.to_lowercase().as_str())) && !listed.is_empty();
    let whole = values.iter().any(|out| action_matches(out, pattern));
    !(whole || known && listed.iter().all(|a| values.iter().any(|out| action_matches(out, a.name))))
}

fn forbidden(patterns: &[String], part: &DocumentRef, statements: &[Statement], say: &mut Say<'_>) {
    for (index, statement) in allowing(statements) {
        for pattern in patterns {
            if allows(statement, pattern) {
                let named = statement.action.values.iter().find(|action| !statement.action.negated && meet(action, pattern));
                let message = match named {
                    Some(action) => format!("`{action}` allows `{pattern}`, which is forbidden"),
                    None => format!("all but some actions are allowed, `{pattern}` among them, which is forbidden"),
                };
                say.at(Some((part, index, None)), "forbidden-actions", &message, "leave it out, or have the guardrail changed");
            }
        }
    }
}
