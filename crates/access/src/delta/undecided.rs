//! What is "not decided" by its nature, and is never to be taken for unchanged.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{About, Party, Undecided, Why};

use super::pair::Text;
use super::subjects::{Who, brings_tags};
use super::{Resource, Work, named};

use crossrole_policy::{Arn, Document, Statement};

use crate::engine::compiled::{CompiledStatement, action_matches, resource_matches};
use crate::estate::{Estate, Placed, Principal};
use crate::tagged;

impl<'e> Work<'e> {
    pub(super) fn is_unread(&self, who: &Who) -> bool {
        self.sides.into_iter().filter_map(|side| side.principals.get(&who.arn)).any(|p| !p.unread.is_empty())
    }

    /// Principals of kinds that the evaluator does not know, such as canonical users.
    pub(super) fn unknown_kinds(&mut self, resource: &Resource<'_>) {
        let documents: Vec<&Document> = resource.sides.iter().flatten().filter_map(|g| g.policy.as_ref()).map(|p| &p.document).collect();
        for kind in unknown_kinds(&documents) {
            let party = Party::OfKind { kind };
            self.delta.undecided.push(Undecided { party, about: resource.domain.about.clone(), why: Why::PrincipalKind });
        }
    }

    /// A provider that comes, goes, takes other audiences or has other metadata changes who can come in by trust policies that
    /// stay as they are.
    pub(super) fn providers(&mut self) {
        let [before, after] = self.sides;
        let arns: BTreeSet<&String> = before.providers.keys().chain(after.providers.keys()).collect();
        for arn in arns.into_iter().filter(|arn| before.providers.get(*arn) != after.providers.get(*arn)) {
            for (role, guarded) in &before.roles {
                let principals = guarded.policy.iter().flat_map(|p| &p.document.statements).filter_map(|s| s.principal.as_ref());
                let names = principals.into_iter().any(|p| p.entries.get("Federated").is_some_and(|list| list.contains(arn)));
                if names && after.roles.contains_key(role) {
                    let party = Party::Tokens { provider: arn.clone() };
                    self.delta.undecided.push(Undecided { party, about: About::Role(role.clone()), why: Why::ProviderChanges });
                }
            }
        }
    }

    /// Roles whose sessions may bring tags on both sides, under other conditions: which tags is not looked at.
    pub(super) fn session_tags(&mut self) {
        let [before, after] = self.sides;
        for (arn, principal) in &after.principals {
            let trusts = self.sides.map(|side| tagging(side, arn));
            let [Some(old), Some(new)] = &trusts else { continue };
            if old != new && (asks_for_tags(principal) || self.sides.into_iter().any(guards_ask_for_tags)) && before.principals.contains_key(arn) {
                self.delta.undecided.push(Undecided { party: Party::of(arn), about: About::Role(arn.clone()), why: Why::TagsChange });
            }
        }
    }

    /// Roles, users, buckets and keys whose tags change: what may be done with them may rest on that, where policies ask for tags of
    /// resources. What a role's or a key's own policy asks is decided with the rest, but for what rests on the caller's keys as well.
    pub(super) fn resource_tags(&mut self) {
        let retagged = self.retagged();
        if retagged.is_empty() {
            return;
        }
        let [_, after] = self.sides;
        for (party, principal) in &after.principals {
            let controls = after.service_control.get(&principal.account).into_iter().flatten().flatten();
            let documents = principal.identity.iter().chain(principal.boundary.iter().flatten()).chain(controls);
            let asking: Vec<&Statement> = documents.flat_map(|p| &p.document.statements).filter(|s| tagged::asks(s)).collect();
            let about = |arn: &str, names: &BTreeSet<String>| asking.iter().any(|s| may_be_about(s, arn) && !tagged::asked(s).is_disjoint(names));
            for (arn, _) in retagged.iter().filter(|(arn, names)| about(arn, names)) {
                self.delta.undecided.push(Undecided { party: Party::of(party), about: About::Resource((*arn).clone()), why: Why::ResourceTagsChange });
            }
        }
        for resource in self.guarded() {
            let Some(Text::Exact(arn)) = resource.domain.texts.first() else { continue };
            let Some(names) = retagged.get(arn) else { continue };
            let owner = resource.domain.owner.as_deref().unwrap_or_default();
            let controls = self.sides.into_iter().filter_map(|side| side.resource_control.get(owner)).flatten().flatten();
            let policies: Vec<&Placed> = resource.sides.iter().flatten().filter_map(|guarded| guarded.policy.as_ref()).collect();
            let asks = |placed: &Placed| placed.rests_on_tags() && placed.document.statements.iter().any(|s| !tagged::asked(s).is_disjoint(names));
            if !controls.chain(policies.iter().copied()).any(asks) {
                continue;
            }
            let documents: Vec<&Document> = policies.iter().map(|policy| &policy.document).collect();
            let known = named::others(&documents, owner, self.sides, &resource.domain).into_iter().map(|who| who.subject.party);
            let parties: BTreeSet<Party> = known.chain(named::known(&documents, self.sides)).collect();
            let about = || About::Resource(arn.clone());
            self.delta.undecided.extend(parties.into_iter().map(|party| Undecided { party, about: about(), why: Why::ResourceTagsChange }));
        }
    }

    /// Whose tags are others than before, by ARN, and which, in lower case.
    pub(super) fn retagged(&self) -> BTreeMap<&'e String, BTreeSet<String>> {
        let [before, after] = self.sides;
        let principals = after.principals.iter().filter_map(|(arn, p)| Some((arn, &before.principals.get(arn)?.tags, &p.tags)));
        let others = after.tags.iter().filter_map(|(arn, tags)| Some((arn, before.tags.get(arn)?, tags)));
        let other = |(arn, old, new): (&'e String, &BTreeMap<String, String>, &BTreeMap<String, String>)| {
            let names = old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).map(|name| name.to_ascii_lowercase());
            (arn, names.collect::<BTreeSet<String>>())
        };
        principals.chain(others).map(other).filter(|(_, names)| !names.is_empty()).collect()
    }

    /// Roles whose trust policy lets sessions have other source identities or names than before, where policies ask for them.
    pub(super) fn session_names(&mut self) {
        let [before, after] = self.sides;
        for arn in after.principals.keys().filter(|arn| before.principals.contains_key(*arn)) {
            let [old, new] = self.sides.map(|side| naming(side, arn));
            let own = || self.sides.into_iter().filter_map(|side| side.principals.get(arn)).any(|p| identity_of(p).any(asks_for_session));
            let guards = || self.sides.into_iter().any(|side| guards_of(side).any(asks_for_session));
            if old != new && (own() || guards()) {
                self.delta.undecided.push(Undecided { party: Party::of(arn), about: About::Role(arn.clone()), why: Why::SessionsChange });
            }
        }
    }

    /// Principals that differ and have policies whose documents nobody has read.
    pub(super) fn unread(&mut self) {
        for arn in self.changed_principals() {
            let unread: BTreeSet<&String> = self.sides.into_iter().filter_map(|side| side.principals.get(arn)).flat_map(|p| &p.unread).collect();
            if let (false, Some(who)) = (unread.is_empty(), Who::known(arn, self.sides)) {
                let about = About::Policies(unread.into_iter().cloned().collect());
                self.delta.undecided.push(Undecided { party: who.subject.party, about, why: Why::NotRead });
            }
        }
    }
}

pub(super) fn unknown_kinds(documents: &[&Document]) -> BTreeSet<String> {
    let principals = documents.iter().flat_map(|d| &d.statements).filter_map(|s| s.principal.as_ref());
    principals.flat_map(|p| p.entries.keys()).filter(|k| !["AWS", "Service", "Federated"].contains(&k.as_str())).cloned().collect()
}

/// The statements of a role's trust policy that are about tags of sessions, where one of them allows some.
fn tagging<'e>(side: &'e Estate, arn: &str) -> Option<Vec<&'e Statement>> {
    let policy = side.roles.get(arn).and_then(|g| g.policy.as_ref()).filter(|_| brings_tags(side, arn))?;
    let about = |s: &&Statement| s.action.negated || s.action.values.iter().any(|a| action_matches(a, "sts:TagSession"));
    Some(policy.document.statements.iter().filter(about).collect())
}

/// The statements of a role's trust policy that are about source identities and names of sessions.
fn naming<'e>(side: &'e Estate, arn: &str) -> Vec<&'e Statement> {
    let statements = side.roles.get(arn).and_then(|g| g.policy.as_ref()).into_iter().flat_map(|p| &p.document.statements);
    let about = |s: &&Statement| {
        s.action.negated
            || s.action.values.iter().any(|a| action_matches(a, "sts:SetSourceIdentity"))
            || s.conditions.values().flatten().any(|(key, _)| key.eq_ignore_ascii_case("sts:RoleSessionName"))
    };
    statements.filter(about).collect()
}

/// Tells whether a statement asks for what a session is called, or for the identity behind it.
fn asks_for_session(statement: &CompiledStatement) -> bool {
    statement.conditions.iter().any(|c| ["aws:sourceidentity", "aws:userid"].contains(&c.key.as_str()))
}

/// Quick and never wrongly false: a statement speaks of a resource, or of something that is not told apart from it here.
fn may_be_about(statement: &Statement, arn: &str) -> bool {
    let services: &[&str] = match Arn::parse(arn).map(|arn| arn.service) {
        Some("iam") => &["iam", "sts"],
        Some("kms") => &["kms"],
        _ => &["s3"],
    };
    let serves = |action: &String| action.split_once(':').is_none_or(|(service, _)| services.iter().any(|name| action_matches(service, name)));
    let within = |value: &String| value.strip_prefix(arn).is_some_and(|rest| rest.starts_with('/'));
    let speaks = |value: &String| value.contains("${") || resource_matches(value, arn, None) || within(value);
    (statement.action.negated || statement.action.values.iter().any(serves))
        && statement.resource.as_ref().is_none_or(|r| r.negated || r.values.iter().any(speaks))
}

fn identity_of(principal: &Principal) -> impl Iterator<Item = &CompiledStatement> {
    principal.identity.iter().chain(principal.boundary.iter().flatten()).flat_map(|p| &p.compiled.statements)
}

fn guards_of(side: &Estate) -> impl Iterator<Item = &CompiledStatement> {
    let guarded = side.buckets.values().chain(side.roles.values()).chain(side.keys.values()).filter_map(|g| g.policy.as_ref());
    let controls = side.service_control.values().chain(side.resource_control.values()).flatten().flatten();
    guarded.chain(controls).flat_map(|p| &p.compiled.statements)
}

fn asks_for_tags(principal: &Principal) -> bool {
    identity_of(principal).any(super::relevant::asks_for_tags)
}

/// Tells whether some policy of a resource or of an organization asks for tags of callers.
fn guards_ask_for_tags(side: &Estate) -> bool {
    guards_of(side).any(super::relevant::asks_for_tags)
}

/// Tells whether sessions of a role may bring tags on one side only, and policies ask for some.
pub(super) fn brings_other_tags(sides: [&Estate; 2], arn: &str) -> bool {
    let [before, after] = sides.map(|side| brings_tags(side, arn));
    let own = || sides.into_iter().filter_map(|side| side.principals.get(arn)).any(asks_for_tags);
    before != after && (own() || sides.into_iter().any(guards_ask_for_tags))
}
