//! Sessions of whom is revoked: they live on when trust is cut, and are denied where something tells them from those of others.

use std::collections::BTreeSet;

use crossrole_model::ownership::{REVOKED_TAG, revoked_tag, without_earliest_revoked};
use crossrole_model::state::Tags;
use crossrole_model::{Address, Opened, PrincipalKind, Whose};
use crossrole_policy::{Arn, Conditions, Effect, Element, Statement, glob};

use crate::raw::{Revoked, SessionName, Trust};

use super::super::principal::Named;
use super::super::statement::{condition, texts};
use super::super::{Builder, Placed};
use super::{Gone, account, is_itself, lets};

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
    /// Source identities that all of them carry, into roles that are assumed from them as well.
    identities: Vec<String>,
    /// Source identities that some carry, as an entry says.
    said: Vec<String>,
    /// It is the trust that tells, and not the entry.
    by_trust: bool,
}

/// Whoever comes in by one trust of a role, and what it asks of the names and source identities of their sessions.
pub(in crate::resolve) struct Door {
    named: Vec<Named>,
    /// Tokens of an identity provider come in.
    federated: bool,
    names: Option<Vec<String>>,
    identities: Option<Vec<String>>,
}

/// The variable for the name of a user, which nobody else has in its account.
const USERNAME: &str = "${aws:username}";

/// The longest that a session lasts that was opened from a session of a role, in seconds (IAM User Guide, "Role chaining").
const CHAINED: u32 = 3600;

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
        let username = matches!(raw.session_name.as_ref().map(|name| name.value), Some(SessionName::Username));
        let names = if username { Some(vec![USERNAME.to_owned()]) } else { values(conditions, "sts:RoleSessionName") };
        if !self.is_over(raw.expires.as_ref()) {
            let federated = ["github", "oidc", "saml"].into_iter().any(|kind| raw.has(kind));
            // Without leave to set one, a session has none (IAM User Guide, "Monitor and control actions taken with assumed roles").
            let identities = if raw.source_identity == Some(true) { values(conditions, "sts:SourceIdentity") } else { Some(Vec::new()) };
            self.doors.push(Door { named: named.to_vec(), federated, names, identities });
        }
        for at in 0..self.gone.len() {
            let Some(gone) = self.gone.get(at) else { continue };
            let alone = named.len() == 1 && named.iter().all(|named| self.is_of(named, &gone.whose));
            if !named.iter().any(|named| self.is_of(named, &gone.whose) || may_be(named, &gone.whose)) {
                continue;
            }
            // What the trust tells is theirs, whatever else is said to be.
            let by_trust = told_by(raw, conditions, &gone.whose, alone);
            let identities = asked(conditions, "sts:SourceIdentity", user(&gone.whose), alone).unwrap_or_default();
            // What else is said to be theirs, the caller may leave out: it tells some of them.
            if let Some(told) = gone.told.clone() {
                let said = told.identities.clone();
                self.ways.push(Way { gone: at, told: Some(told), identities: identities.clone(), said, by_trust: false });
            }
            self.ways.push(Way { gone: at, told: by_trust, identities, said: Vec::new(), by_trust: true });
            if let Some(gone) = self.gone.get_mut(at) {
                gone.concerns = true;
            }
        }
    }

    /// Leaves of what a trust tells what tells those sessions alone: by another way in, others may bring the same.
    fn alone(&self, way: &mut Way) {
        let Some(gone) = self.gone.get(way.gone) else { return };
        way.identities.retain(|identity| !self.brings(gone, identity, |door| door.identities.as_deref()));
        let Some(told) = &mut way.told else { return };
        told.names.retain(|name| !self.brings(gone, name, |door| door.names.as_deref()));
        told.identities.retain(|identity| !self.brings(gone, identity, |door| door.identities.as_deref()));
        if told.names.is_empty() && told.identities.is_empty() {
            told.identities.clone_from(&way.identities);
        }
        if *told == Told::default() {
            way.told = None;
        }
    }

    /// Tells whether somebody else may bring a name or a source identity.
    fn brings(&self, gone: &Gone, value: &str, asked: impl Fn(&Door) -> Option<&[String]>) -> bool {
        let is_gone = |named: &Named| self.gone.iter().any(|gone| self.is_of(named, &gone.whose));
        self.doors.iter().any(|door| {
            let others: Vec<&Named> = door.named.iter().filter(|named| !is_gone(named)).collect();
            if others.is_empty() && !door.federated {
                return false;
            }
            // Sessions of roles have no user's name of their own: one that they call themselves by is ended as well, and comes in anew, so that
            // those of the user end.
            let Some(values) = asked(door) else { return door.federated || user(&gone.whose) != Some(value) || !others.into_iter().all(calls_by_sessions) };
            values.iter().any(|other| match other.as_str() {
                USERNAME => others.iter().any(|named| may_be_called(named, value, gone)),
                text => text.contains('$') || glob::is_match(text, value) || glob::is_match(value, text),
            })
        })
    }

    /// What denies the sessions of a role that live on, and notes those that can't be told from others.
    pub(in crate::resolve) fn ended_sessions(&mut self, role: &Address, nobody: bool, longest: u32, tags: &mut Tags) -> Vec<Placed> {
        let mut ways = std::mem::take(&mut self.ways);
        ways.iter_mut().filter(|way| way.by_trust).for_each(|way| self.alone(way));
        self.doors.clear();
        let no_room = std::mem::take(&mut self.no_room);
        let itself = self.is_revoked(role);
        let is_of = |gone: &Gone| is_itself(&gone.whose, role) || matches!(&gone.whose, Whose::Sessions(of) if of == role);
        let of: BTreeSet<usize> = (0..self.gone.len()).filter(|at| self.gone.get(*at).is_some_and(is_of)).collect();
        let concerned: BTreeSet<usize> = ways.iter().map(|way| way.gone).chain(of.iter().copied()).collect();
        let all_end = self.gone.iter().filter(|gone| is_of(gone) && gone.some().is_none()).map(|gone| gone.unix).max();
        let mut out: Vec<Placed> = Vec::new();
        for at in concerned {
            let Some(gone) = self.gone.get(at) else { continue };
            let its: Vec<&Way> = ways.iter().filter(|way| way.gone == at).collect();
            let mut told: Vec<Option<&Told>> = its.iter().map(|way| way.told.as_ref()).collect();
            // Of some sessions alone.
            let some = gone.some();
            told.extend(some.map(Some));
            // Where nobody else comes in, no session is anybody else's.
            let untold = told.iter().any(Option::is_none);
            let whole = gone.all_sessions && untold || of.contains(&at) && some.is_none() || nobody || itself;
            for tag in [REVOKED_TAG.to_owned(), revoked_tag(&gone.whose)] {
                let since = tags.entry(tag).or_default();
                *since = gone.since.clone().max(since.clone());
            }
            let denials: Vec<Statement> =
                if whole { vec![older(&gone.since, Conditions::new())] } else { told.iter().flatten().flat_map(|told| of_told(&gone.since, told)).collect() };
            for statement in denials {
                if !out.iter().any(|placed| placed.statement == statement) {
                    out.push(self.placed(statement, gone.span));
                }
            }
            // A session of a role opens none that lasts longer.
            let longest = if is_role_session(&gone.whose) { longest.min(CHAINED) } else { longest };
            let lives_on =
                !whole && untold && !self.is_said_later(at) && self.now < gone.unix + i64::from(longest) && all_end.is_none_or(|end| end < gone.unix);
            let known = !its.is_empty() && its.iter().all(|way| !way.identities.is_empty());
            let mut identities: Vec<String> = its.iter().filter(|_| known).flat_map(|way| way.identities.clone()).collect();
            identities.extend(its.iter().flat_map(|way| way.said.clone()));
            identities.sort();
            identities.dedup();
            let opened = Opened { role: role.clone(), whole, identities, sure: known, no_room: no_room.contains(&at), no_mark: false };
            if let Some(gone) = self.gone.get_mut(at) {
                gone.lives_on.extend(lives_on.then(|| (role.clone(), longest)));
                gone.opened.push(opened);
            }
        }
        without_earliest_revoked(tags);
        for gone in &mut self.gone {
            let no_mark = !tags.contains_key(&revoked_tag(&gone.whose));
            gone.opened.iter_mut().filter(|opened| opened.role == *role).for_each(|opened| opened.no_mark = no_mark);
        }
        out
    }
}

/// Tells whether a word names more than somebody, who may be among those.
pub(super) fn may_be(named: &Named, whose: &Whose) -> bool {
    // A group is not who is in it, and a role is no caller of itself.
    if matches!(whose, Whose::Group { .. } | Whose::Role(_) | Whose::Sessions(_)) {
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

/// Tells whether a word names nobody but sessions of roles.
fn calls_by_sessions(named: &Named) -> bool {
    match named {
        Named::Role(_) | Named::Sets(_) => true,
        Named::Other(text) => Arn::parse(text).and_then(|arn| arn.kind_and_name()).is_some_and(|(kind, _)| matches!(kind, "role" | "assumed-role")),
        Named::User(_) | Named::Group(_) | Named::Account(_) | Named::Organizations(_) | Named::Units(_) | Named::Service(_) => false,
    }
}

/// Tells whether somebody calls by sessions of a role.
fn is_role_session(whose: &Whose) -> bool {
    matches!(whose, Whose::Role(_) | Whose::PermissionSet(_) | Whose::Principal { kind: PrincipalKind::Role, .. })
}

/// The name of a user.
fn user(whose: &Whose) -> Option<&str> {
    let Whose::Principal { kind: PrincipalKind::User, arn } = whose else { return None };
    Arn::parse(arn).and_then(|arn| arn.kind_and_name()).map(|(_, name)| name)
}

/// What a trust itself asks of the sessions of somebody.
fn told_by(raw: &Trust, conditions: &Conditions, whose: &Whose, alone: bool) -> Option<Told> {
    let user = user(whose);
    let mut told = Told::default();
    if let (Some(SessionName::Username), Some(name)) = (raw.session_name.as_ref().map(|name| name.value), user) {
        told.names.push(name.to_owned());
        return Some(told);
    }
    told.names = asked(conditions, "sts:RoleSessionName", user, alone).unwrap_or_default();
    told.identities = if told.names.is_empty() { asked(conditions, "sts:SourceIdentity", user, alone).unwrap_or_default() } else { Vec::new() };
    (told != Told::default()).then_some(told)
}

/// The values of a key that a trust asks for.
fn values(conditions: &Conditions, key: &str) -> Option<Vec<String>> {
    let lists = ["StringEquals", "StringLike"].into_iter().filter_map(|operator| conditions.get(operator));
    lists.flat_map(|keys| keys.iter()).find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, values)| values.clone())
}

/// The same, where they tell the sessions of somebody.
fn asked(conditions: &Conditions, key: &str, user: Option<&str>, alone: bool) -> Option<Vec<String>> {
    let values = values(conditions, key)?;
    // Of fixed names, others of the same trust may have the same.
    let filled = values.iter().map(|value| match (value.as_str(), user) {
        (USERNAME, Some(name)) => Some(name.to_owned()),
        (text, _) if alone && !text.contains('$') && text.chars().any(|c| c != '*') => Some(text.to_owned()),
        _ => None,
    });
    filled.collect()
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

/// Tells whether somebody else may be a user of a name: in one account no two have the same.
fn may_be_called(named: &Named, name: &str, gone: &Gone) -> bool {
    let elsewhere = |id: &str| user(&gone.whose).is_none() || account(&gone.whose) != Some(id);
    match named {
        Named::User(found) => glob::is_match(name, &found.name),
        Named::Account(id) => elsewhere(id.as_str()),
        Named::Group(found) => elsewhere(found.account.as_str()),
        Named::Organizations(_) | Named::Units(_) => true,
        Named::Other(text) => match Arn::parse(text).and_then(|arn| Some((arn.account, arn.kind_and_name()?))) {
            Some((_, (kind, of))) => kind == "user" && glob::is_match(name, of),
            None => text == "*" || elsewhere(Arn::parse(text).map_or(text.as_str(), |arn| arn.account)),
        },
        // No session of a role has a user's name.
        Named::Role(_) | Named::Sets(_) | Named::Service(_) => false,
    }
}
