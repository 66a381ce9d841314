//! A team's own rules, over what manifests declare.

use crossrole_model::desired::DesiredState;
use crossrole_model::state::RoleState;
use crossrole_model::{Address, Desired, Finding};
use crossrole_policy::{Document, Effect};
use serde::Deserialize;

use crate::look;
use crossrole_access::action_matches;
use crossrole_access::language::Test;

/// `[guardrails]` of `crossrole.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardrails {
    /// The only accounts that may be trusted; `None`: any.
    pub trusted_accounts: Option<Vec<String>>,
    /// Action patterns that nothing may allow.
    #[serde(default)]
    pub forbidden_actions: Vec<String>,
    /// What is asked of some roles.
    #[serde(default)]
    pub roles: Vec<RoleRule>,
}

/// `[[guardrails.roles]]`: what is asked of the roles that it selects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// Pattern of role names, as in `Prod*`. Default: all.
    #[serde(default = "all")]
    pub select: String,
    /// Every trust of a principal needs an external id.
    #[serde(default)]
    pub external_id: bool,
    /// Every trust of a principal needs a second factor.
    #[serde(default)]
    pub mfa: bool,
    /// It has this permissions boundary: a pattern of ARNs.
    pub boundary: Option<String>,
    /// Longest session, in hours.
    pub max_session_hours: Option<u32>,
    /// Action patterns that it may not allow.
    #[serde(default)]
    pub forbidden_actions: Vec<String>,
}

fn all() -> String {
    "*".to_owned()
}

/// Returns what breaks the rules, each with its place.
pub fn check(guardrails: &Guardrails, desired: &Desired) -> Vec<Finding> {
    let mut found = Vec::new();
    for (address, object) in &desired.objects {
        let mut say = |rule: &str, message: String, advice: &str| found.push(finding(desired, address, rule, &message, advice));
        let documents: Vec<(&str, Document)> = match &object.state {
            DesiredState::Role { state, .. } => {
                for rule in guardrails.roles.iter().filter(|r| matches(&r.select, &address.name)) {
                    role(rule, state, &mut say);
                }
                std::iter::once(("trust", state.trust.clone())).chain(state.inline.values().map(|d| ("identity", d.clone()))).collect()
            }
            DesiredState::Policy(state) => vec![("identity", state.document.clone())],
            DesiredState::BucketPolicy { statements, .. } => vec![("bucket", Document::new(statements.clone()))],
            _ => Vec::new(),
        };
        for (used, document) in &documents {
            if *used == "identity" || *used == "bucket" {
                forbidden(&guardrails.forbidden_actions, document, &mut say);
            }
            if let Some(trusted) = &guardrails.trusted_accounts {
                for statement in document.statements.iter().filter(|s| s.effect == Effect::Allow) {
                    let own = address.account.as_str();
                    for principal in look::aws(statement) {
                        let account = look::account(principal);
                        let known = account.is_some_and(|a| a == own || trusted.iter().any(|t| t == a));
                        if !known {
                            say(
                                "trusted-accounts",
                                format!("`{principal}` is not in an account that may be trusted"),
                                "name another principal, or have the account added to `trusted_accounts`",
                            );
                        }
                    }
                }
            }
        }
    }
    found
}

fn matches(pattern: &str, name: &str) -> bool {
    crossrole_access::language::wildcard_matches(pattern, name)
}

fn role(rule: &RoleRule, state: &RoleState, say: &mut impl FnMut(&str, String, &str)) {
    for statement in state.trust.statements.iter().filter(|s| s.effect == Effect::Allow && !look::aws(s).is_empty()) {
        let who = look::aws(statement).join(", ");
        if rule.external_id
            && !look::conditions(statement).any(|c| c.key.eq_ignore_ascii_case("sts:ExternalId") && c.operator.is_some_and(|o| !o.negated && !o.if_exists))
        {
            say("external-id", format!("{who} needs no external id"), "set `external_id`");
        }
        let second = look::conditions(statement).any(|c| {
            c.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent") && c.operator.is_some_and(|o| o.test == Test::Bool && !o.if_exists) && c.values == ["true"]
        });
        if rule.mfa && !second {
            say("mfa", format!("{who} needs no second factor"), "set `mfa = true`");
        }
    }
    if let Some(wanted) = &rule.boundary {
        match &state.boundary {
            Some(arn) if matches(wanted, arn) => {}
            Some(arn) => say("boundary", format!("its permissions boundary is `{arn}`"), "use the boundary that the team asks for"),
            None => say("boundary", "it has no permissions boundary".to_owned(), "set `permissions_boundary`"),
        }
    }
    if let Some(hours) = rule.max_session_hours.filter(|h| state.max_session_seconds > h.saturating_mul(3600)) {
        say("max-session", format!("its sessions last {} s, over {hours} h", state.max_session_seconds), "shorten `max_session`");
    }
    for document in state.inline.values() {
        forbidden(&rule.forbidden_actions, document, say);
    }
}

fn forbidden(patterns: &[String], document: &Document, say: &mut impl FnMut(&str, String, &str)) {
    for statement in document.statements.iter().filter(|s| s.effect == Effect::Allow) {
        for pattern in patterns {
            // Either may be the wider one: `s3:*` allows what `s3:Put*` forbids.
            let hits = |action: &&String| {
                action_matches(pattern, action) || action_matches(action, pattern) || look::expand(pattern).iter().any(|a| action_matches(action, a.name))
            };
            let hit = if statement.action.negated {
                (!look::expand(pattern).iter().all(|a| statement.action.values.iter().any(|p| action_matches(p, a.name))))
                    .then(|| "all but some actions".to_owned())
            } else {
                statement.action.values.iter().find(hits).cloned()
            };
            if let Some(action) = hit {
                say("forbidden-actions", format!("`{action}` allows `{pattern}`, which is forbidden"), "leave it out, or have the guardrail changed");
            }
        }
    }
}

fn finding(desired: &Desired, address: &Address, rule: &str, message: &str, advice: &str) -> Finding {
    let place = desired.places.get(address);
    let file = place.map(|p| p.file.clone()).or_else(|| desired.manifests.first().map(|m| m.file.clone())).unwrap_or_default();
    let mut finding = Finding::error(&file, place.map(|p| p.span), format!("{}: {message}", address.short()), advice);
    finding.rule = Some(format!("guardrail/{rule}"));
    finding
}
