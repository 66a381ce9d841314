//! The statements that bear on a subject, on either side.

use std::collections::BTreeMap;

use crossrole_policy::Effect;

use crate::engine::compiled::{Compiled, CompiledStatement};
use crate::engine::principal::{Asker, Named};
use crate::request::Policies;

use super::pair::{Subject, TAG};

/// A statement that bears on the subject, on one side or both.
pub(crate) struct Relevant<'a> {
    pub(crate) statement: &'a CompiledStatement,
    /// Statements of one signature differ only in their actions and resources.
    pub(crate) signature: usize,
    pub(crate) before: bool,
    pub(crate) after: bool,
}

/// Identity, boundary, … each level of control policies: what is said in one group counts together.
fn groups<'p>(policies: &'p Policies<'p>) -> Vec<(u16, &'p Compiled)> {
    let mut all: Vec<(u16, &Compiled)> = policies.identity.iter().map(|d| (0, *d)).collect();
    all.extend(policies.boundary.iter().flatten().map(|d| (1, *d)));
    all.extend(policies.session.iter().flatten().map(|d| (2, *d)));
    all.extend(policies.resource.iter().map(|d| (3, *d)));
    for (level, documents) in (100..).zip(policies.service_control.iter().flatten()) {
        all.extend(documents.iter().map(|d| (level, *d)));
    }
    for (level, documents) in (200..).zip(&policies.resource_control) {
        all.extend(documents.iter().map(|d| (level, *d)));
    }
    all
}

type Signature = (u16, Effect, Option<Named>, bool, Vec<crate::engine::condition::Written>);

/// A signature, actions and resources: what makes two statements one.
type Elements<'s> = (usize, bool, &'s [String], Option<(bool, &'s [String])>);

pub(super) fn relevant<'a>(subject: &Subject, sides: [Option<&'a Policies<'a>>; 2]) -> Vec<Relevant<'a>> {
    let asker = Asker::of(&subject.caller);
    let mut signatures: BTreeMap<Signature, usize> = BTreeMap::new();
    let mut known: BTreeMap<Elements<'_>, usize> = BTreeMap::new();
    let mut found: Vec<Relevant<'a>> = Vec::new();
    for (side, policies) in sides.into_iter().enumerate() {
        let Some(policies) = policies else { continue };
        for (group, document) in groups(policies) {
            for statement in &document.statements {
                let named = statement.names(&asker, policies.boundary.is_some());
                if group == 3 && named.is_none() {
                    continue;
                }
                let mut conditions: Vec<_> = statement.conditions.iter().map(|c| c.written.clone()).collect();
                conditions.sort();
                let count = signatures.len();
                let key = (group, statement.effect, named.filter(|_| group == 3), statement.variables, conditions);
                let signature = *signatures.entry(key).or_insert(count);
                let resource = statement.resource.as_ref().map(|r| (r.negated, r.written.as_slice()));
                let at = *known.entry((signature, statement.action.negated, &statement.action.written, resource)).or_insert_with(|| {
                    found.push(Relevant { statement, signature, before: false, after: false });
                    found.len() - 1
                });
                if let Some(relevant) = found.get_mut(at) {
                    if side == 0 {
                        relevant.before = true;
                    } else {
                        relevant.after = true;
                    }
                }
            }
        }
    }
    found
}

/// What of two sides matters besides their statements.
pub(super) fn shape(policies: Option<&Policies<'_>>) -> Option<(bool, bool, bool, usize)> {
    policies.map(|p| (p.boundary.is_some(), p.session.is_some(), p.restrict_public, p.service_control.as_ref().map_or(0, |levels| levels.len() + 1)))
}

/// The keys that a statement's elements take text from.
pub(super) fn variables_of(statement: &CompiledStatement) -> impl Iterator<Item = &str> {
    let resources = statement.resource.iter().flat_map(crate::engine::compiled::Resources::variables);
    resources.chain(statement.conditions.iter().flat_map(crate::engine::condition::Condition::variables))
}

pub(super) fn asks_for_tags(statement: &CompiledStatement) -> bool {
    variables_of(statement).chain(statement.conditions.iter().map(|c| c.key.as_str())).any(|key| key.starts_with(TAG))
}
