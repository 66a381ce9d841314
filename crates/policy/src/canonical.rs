//! The canonical form: what a document means, with everything that AWS rewrites on read taken out.
//!
//! Ignored (AWS reorders, collapses or respells them): the order of statements, of list entries and of condition keys;
//! repeated entries and statements; one-element lists against strings; booleans and numbers against strings; an empty
//! against a missing Sid; the case of actions, condition operators and condition keys, and of Effect; an account id
//! against the ARN of that account's root in partition `aws` (in others AWS shows the ARN, and so do we); `"*"` against
//! `{"AWS": "*"}`. Not ignored: everything else, a missing `Version` against `2012-10-17` above all.
//! Sources: IAM User Guide, "AWS JSON policy elements: Principal"; hashicorp/awspolicyequivalence for what is seen live.

use std::collections::{BTreeMap, BTreeSet};

use crate::arn::{Arn, is_account_id};
use crate::document::{Document, Effect, Element, Principal, Statement};
use crate::encode::Encoder;

/// A document's meaning; two documents mean the same exactly when these are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalDocument {
    version: String,
    id: Option<String>,
    statements: BTreeSet<CanonicalStatement>,
}

/// A statement's meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalStatement {
    sid: Option<String>,
    body: CanonicalBody,
}

/// A statement's meaning without its Sid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalBody {
    effect: Effect,
    principal: Option<(bool, BTreeSet<(String, String)>)>,
    action: (bool, BTreeSet<String>),
    resource: Option<(bool, BTreeSet<String>)>,
    conditions: BTreeSet<(String, String, BTreeSet<String>)>,
}

impl CanonicalDocument {
    /// Returns the bytes that stand for the document in digests, see [`crate::encode`].
    pub fn encode(&self) -> Vec<u8> {
        let Self { version, id, statements } = self;
        let mut encoder = Encoder::new("document").text(version).option(id.as_deref()).count(statements.len());
        for CanonicalStatement { sid, body } in statements {
            encoder = body.write(encoder.option(sid.as_deref()));
        }
        encoder.finish()
    }
}

impl CanonicalBody {
    /// Returns the bytes that stand for a statement without its Sid, see [`crate::encode`].
    pub fn encode(&self) -> Vec<u8> {
        self.write(Encoder::new("statement")).finish()
    }

    /// Tells whether every request that `other` is about, this one is about, too, as far as that shows without asking: they
    /// are the same but for conditions, and each of ours is among theirs, or compares with no more than theirs does.
    pub fn covers(&self, other: &Self) -> bool {
        let Self { effect, principal, action, resource, conditions } = self;
        let same = (effect, principal, action, resource) == (&other.effect, &other.principal, &other.action, &other.resource);
        let implied = |(operator, key, values): &(String, String, BTreeSet<String>)| {
            let theirs = other.conditions.iter().find(|(o, k, _)| (o, k) == (operator, key));
            // One of several values is enough; of a negated operator, all of them count.
            theirs.is_some_and(|(.., theirs)| if operator.contains("not") { values.is_subset(theirs) } else { theirs.is_subset(values) })
        };
        same && conditions.iter().all(implied)
    }

    fn write(&self, encoder: Encoder) -> Encoder {
        let Self { effect, principal, action, resource, conditions } = self;
        let mut encoder = encoder.text(effect.as_str()).flag(principal.is_some());
        if let Some((negated, entries)) = principal {
            encoder = encoder.flag(*negated).count(entries.len());
            for (kind, value) in entries {
                encoder = encoder.text(kind).text(value);
            }
        }
        encoder = encoder.flag(action.0).texts(action.1.iter()).flag(resource.is_some());
        if let Some((negated, values)) = resource {
            encoder = encoder.flag(*negated).texts(values.iter());
        }
        encoder = encoder.count(conditions.len());
        for (operator, key, values) in conditions {
            encoder = encoder.text(operator).text(key).texts(values.iter());
        }
        encoder
    }
}

impl Document {
    /// Returns the canonical form.
    pub fn canonical(&self) -> CanonicalDocument {
        let Self { version, id, statements } = self;
        CanonicalDocument {
            version: version.clone().unwrap_or_else(|| "2008-10-17".to_owned()),
            id: id.clone(),
            statements: statements.iter().map(Statement::canonical).collect(),
        }
    }
}

impl Document {
    /// Returns the same where statements without a Sid that differ in nothing but whom they name are one: that says the same of everybody.
    #[must_use]
    pub fn joined(&self) -> Self {
        let plain = |statement: &Statement| {
            statement.sid().is_empty() && statement.principal.as_ref().is_some_and(|principal| !principal.negated && !principal.bare_star)
        };
        let bare = |statement: &Statement| Statement { principal: None, ..statement.clone() }.canonical_body();
        let mut statements: Vec<Statement> = Vec::new();
        for statement in &self.statements {
            let same = statements.iter_mut().find(|other| plain(other) && plain(statement) && bare(other) == bare(statement));
            match (same.and_then(|same| same.principal.as_mut()), &statement.principal) {
                (Some(into), Some(from)) => {
                    for (kind, values) in &from.entries {
                        let list = into.entries.entry(kind.clone()).or_default();
                        list.extend(values.iter().filter(|value| !list.contains(value)).cloned().collect::<Vec<_>>());
                    }
                }
                _ => statements.push(statement.clone()),
            }
        }
        Self { statements, ..self.clone() }
    }
}

impl Statement {
    /// Returns the canonical form.
    pub fn canonical(&self) -> CanonicalStatement {
        CanonicalStatement { sid: self.sid.clone().filter(|s| !s.is_empty()), body: self.canonical_body() }
    }

    /// Returns the canonical form without the Sid.
    pub fn canonical_body(&self) -> CanonicalBody {
        let Self { sid: _, effect, principal, action, resource, conditions } = self;
        let mut canonical = BTreeMap::<(String, String), BTreeSet<String>>::new();
        for (operator, keys) in conditions {
            for (key, values) in keys {
                canonical.entry((operator.to_ascii_lowercase(), key.to_ascii_lowercase())).or_default().extend(values.iter().cloned());
            }
        }
        CanonicalBody {
            effect: *effect,
            principal: principal.as_ref().map(canonical_principal),
            action: canonical_element(action, str::to_ascii_lowercase),
            resource: resource.as_ref().map(|r| canonical_element(r, str::to_owned)),
            conditions: canonical.into_iter().map(|((operator, key), values)| (operator, key, values)).collect(),
        }
    }
}

fn canonical_element(element: &Element, spell: impl Fn(&str) -> String) -> (bool, BTreeSet<String>) {
    (element.negated, element.values.iter().map(|v| spell(v)).collect())
}

fn canonical_principal(principal: &Principal) -> (bool, BTreeSet<(String, String)>) {
    let mut set = BTreeSet::new();
    if principal.bare_star {
        set.insert(("AWS".to_owned(), "*".to_owned()));
    }
    for (kind, values) in &principal.entries {
        for value in values {
            let value = if kind == "AWS" { canonical_aws(value) } else { value.as_str() };
            set.insert((kind.clone(), value.to_owned()));
        }
    }
    (principal.negated, set)
}

/// Returns the account id for the root ARN of an account, else the value itself. An account is of one partition, which a
/// bare id does not name: what is written without one is meant for `aws`.
pub(crate) fn canonical_aws(value: &str) -> &str {
    match Arn::parse(value) {
        Some(arn) if arn.partition == "aws" && arn.service == "iam" && arn.resource == "root" && is_account_id(arn.account) => arn.account,
        _ => value,
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Document {}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for Statement {}
