//! Sessions of whom is revoked: they live on when trust is cut, and are denied where something tells them from those of others.

use std::collections::BTreeSet;

use crossrole_model::ownership::REVOKED_TAG;
use crossrole_model::state::Tags;
use crossrole_model::{Address, PrincipalKind, Whose};
use crossrole_policy::{Arn, Conditions, Effect, Element, Statement};

use crate::raw::{Revoked, SessionName, Trust};

use super::super::principal::Named;
use super::super::statement::{condition, texts};
use super::super::{Builder, Placed};
use super::{account, is_itself, lets};

/// What tells sessions from others.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    names: Vec<String>,
    identities: Vec<String>,
}

/// One way into a role that somebody had who is revoked.
pub(in crate::resolve) struct Way {
    /// Which entry.
    gone: usize,
    /// What tells its sessions from those of others that come in the same way; `None`: nothing does.
    told: Option<Told>,
}

impl Builder<'_> {
    pub(super) fn told(&mut self, entry: &Revoked, whose: &Whose) -> Option<Told> {
        let lists = [("session_name", &entry.session_name), ("source_identity", &entry.source_identity)];
        for (name, list) in lists {
            let Some(first) = list.as_ref().and_then(|list| list.0.first()) else { continue };
            if matches!(whose, Whose::Role(_)) {
                self.error(
                    first.span,
                    format!("`{name}` tells sessions of one caller from those of others"),
                    "leave it out: of a role, all sessions are denied",
                );
            } else if list.iter().flat_map(|list| &list.0).any(|text| text.value.0.chars().all(|c| c == '*')) {
                self.error(first.span, format!("`{name}` matches the sessions of everybody"), "say `all_sessions = true` where that is meant");
            }
        }
        let values = |list: &Option<_>| list.as_ref().map(|list| texts(list, |v: &crate::scalar::PolicyText| &v.0)).unwrap_or_default();
        let told = Told { names: values(&entry.session_name), identities: values(&entry.source_identity) };
        (told != Told::default()).then_some(told)
    }

    /// Notes who of those that are revoked could come in by a trust.
    pub(in crate::resolve) fn ways(&mut self, raw: &Trust, named: &[Named], conditions: &Conditions) {
        for at in 0..self.gone.len() {
            let Some(gone) = self.gone.get(at) else { continue };
            let alone = named.len() == 1 && named.iter().all(|named| self.is_of(named, &gone.whose));
            if !named.iter().any(|named| self.is_of(named, &gone.whose) || may_be(named, &gone.whose)) {
                continue;
            }
            // What the trust tells is theirs, whatever else is said to be.
            let by_trust = told_by(raw, conditions, &gone.whose, alone);
            if let Some(told) = gone.told.clone() {
                self.ways.push(Way { gone: at, told: Some(told) });
                if by_trust.is_some() || gone.all_sessions {
                    self.ways.push(Way { gone: at, told: by_trust });
                }
            } else {
                self.ways.push(Way { gone: at, told: by_trust });
            }
            if let Some(gone) = self.gone.get_mut(at) {
                gone.concerns = true;
            }
        }
    }

    /// What denies the sessions of a role that live on, and notes those that can't be told from others.
    pub(in crate::resolve) fn ended_sessions(&mut self, role: &Address, nobody: bool, longest: u32, tags: &mut Tags) -> Vec<Placed> {
        let ways = std::mem::take(&mut self.ways);
        let itself = self.is_revoked(role);
        let of: BTreeSet<usize> = (0..self.gone.len()).filter(|at| self.gone.get(*at).is_some_and(|gone| is_itself(&gone.whose, role))).collect();
        let concerned: BTreeSet<usize> = ways.iter().map(|way| way.gone).chain(of.iter().copied()).collect();
        let mut out: Vec<Placed> = Vec::new();
        for at in concerned {
            let Some(gone) = self.gone.get(at) else { continue };
            let told: Vec<Option<&Told>> = ways.iter().filter(|way| way.gone == at).map(|way| way.told.as_ref()).collect();
            // Where nobody else comes in, no session is anybody else's.
            let untold = told.iter().any(Option::is_none);
            let whole = gone.all_sessions && untold || of.contains(&at) || nobody || itself;
            let since = tags.entry(REVOKED_TAG.to_owned()).or_default();
            *since = gone.since.clone().max(since.clone());
            let denials: Vec<Statement> =
                if whole { vec![older(&gone.since, Conditions::new())] } else { told.iter().flatten().flat_map(|told| of_told(&gone.since, told)).collect() };
            for statement in denials {
                if !out.iter().any(|placed| placed.statement == statement) {
                    out.push(self.placed(statement, gone.span));
                }
            }
            if !whole && untold {
                let ends = gone.unix + i64::from(longest);
                if let Some(gone) = self.gone.get_mut(at).filter(|_| self.now < ends) {
                    gone.lives_on.push((role.clone(), longest));
                }
            }
        }
        out
    }
}

/// Tells whether a word names more than somebody, who may be among those.
fn may_be(named: &Named, whose: &Whose) -> bool {
    // A group is not who is in it, and a role is no caller of itself.
    if matches!(whose, Whose::Group { .. } | Whose::Role(_)) {
        return false;
    }
    match named {
        Named::Account(id) => Some(id.as_str()) == account(whose),
        Named::Group(found) => matches!(whose, Whose::Principal { kind: PrincipalKind::User, .. }) && Some(found.account.as_str()) == account(whose),
        Named::Organizations(_) | Named::Units(_) => true,
        Named::Other(text) => lets(text, whose),
        Named::User(_) | Named::Role(_) | Named::Sets(_) | Named::Service(_) => false,
    }
}

/// What a trust itself asks of the sessions of somebody.
fn told_by(raw: &Trust, conditions: &Conditions, whose: &Whose, alone: bool) -> Option<Told> {
    let user = if let Whose::Principal { kind: PrincipalKind::User, arn } = whose {
        Arn::parse(arn).and_then(|arn| arn.kind_and_name()).map(|(_, name)| name)
    } else {
        None
    };
    let mut told = Told::default();
    if let (Some(SessionName::Username), Some(name)) = (raw.session_name.as_ref().map(|name| name.value), user) {
        told.names.push(name.to_owned());
        return Some(told);
    }
    let asked = |key: &str| -> Option<Vec<String>> {
        let lists = ["StringEquals", "StringLike"].into_iter().filter_map(|operator| conditions.get(operator));
        let values = lists.flat_map(|keys| keys.iter()).find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values)?;
        // Of fixed names, others of the same trust may have the same.
        let filled = values.iter().map(|value| match (value.as_str(), user) {
            ("${aws:username}", Some(name)) => Some(name.to_owned()),
            (text, _) if alone && !text.contains('$') && text.chars().any(|c| c != '*') => Some(text.to_owned()),
            _ => None,
        });
        filled.collect()
    };
    told.names = asked("sts:RoleSessionName").unwrap_or_default();
    told.identities = if told.names.is_empty() { asked("sts:SourceIdentity").unwrap_or_default() } else { Vec::new() };
    (told != Told::default()).then_some(told)
}

/// Everything is denied to sessions that began before (IAM User Guide, "Revoking IAM role temporary security credentials").
fn older(since: &str, mut conditions: Conditions) -> Statement {
    condition(&mut conditions, "DateLessThan", "aws:TokenIssueTime", [since.to_owned()]);
    Statement { effect: Effect::Deny, conditions, ..Statement::allow(Element::of(["*"]), Some(Element::of(["*"]))) }
}

/// The same of some sessions.
fn of_told(since: &str, told: &Told) -> Vec<Statement> {
    let mut out = Vec::new();
    if !told.names.is_empty() {
        let mut conditions = Conditions::new();
        // The id of a session is that of its role, and its name.
        condition(&mut conditions, "StringLike", "aws:userid", told.names.iter().map(|name| format!("*:{name}")));
        out.push(older(since, conditions));
    }
    if !told.identities.is_empty() {
        let mut conditions = Conditions::new();
        condition(&mut conditions, "StringLike", "aws:SourceIdentity", told.identities.iter().cloned());
        out.push(older(since, conditions));
    }
    out
}
