//! Our part of a document that belongs to many, such as a bucket's policy: statements known by how their Sids begin.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::document::{Document, Statement, VERSION};

/// The statements that are ours, and how their Sids begin. Every other statement in the document is somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// A statement is ours when its Sid begins with one of these.
    pub prefixes: BTreeSet<String>,
    /// What ours should be; empty to have none left.
    pub statements: Vec<Statement>,
}

/// A document with our part in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The whole document; `None` where no statement is left.
    pub document: Option<Document>,
    /// What foreign statements lost.
    pub dropped: Vec<Dropped>,
}

/// Principals that no longer exist, left out of a foreign statement: AWS refuses a policy that names one, and their unique
/// ids are never given out again, so nobody loses anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dropped {
    /// The statement's Sid, or empty.
    pub sid: String,
    /// The unique ids.
    pub ids: BTreeSet<String>,
    /// True where it named nobody else, and goes.
    pub whole: bool,
}

/// Why our part can't be put in without changing what somebody else's means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmergeable {
    /// A foreign statement denies everyone but a principal that no longer exists: without that name it would deny all.
    DeadException {
        /// Its Sid, or empty.
        sid: String,
    },
    /// The foreign document is in the language of 2008, in which the variables of our statements are plain text
    /// (IAM User Guide, "IAM JSON policy elements: Version"); in that of 2012, theirs might change.
    OldLanguage,
}

impl Share {
    /// Tells whether a statement is ours.
    pub fn is_ours(&self, statement: &Statement) -> bool {
        self.prefixes.iter().any(|p| statement.sid().starts_with(p.as_str()))
    }

    /// Returns what of `document` is ours, as a document of its own.
    pub fn part(&self, document: Option<&Document>) -> Document {
        let statements = document.into_iter().flat_map(|d| &d.statements).filter(|s| self.is_ours(s));
        Document::new(statements.cloned().collect())
    }

    /// Tells whether `document` holds our statements just as they should be.
    pub fn is_in(&self, document: Option<&Document>) -> bool {
        self.part(document) == Document::new(self.statements.clone())
    }

    /// Puts our statements into `current`, keeping every other as it means.
    ///
    /// # Errors
    /// Somebody else's statement would come to mean something else.
    pub fn merge(&self, current: Option<&Document>) -> Result<Merged, Unmergeable> {
        let mut dropped = Vec::new();
        let mut statements = Vec::new();
        let foreign = current.into_iter().flat_map(|d| &d.statements).filter(|s| !self.is_ours(s));
        for statement in foreign {
            statements.extend(without_dead(statement, &mut dropped)?);
        }
        let version = match current {
            // The language decides what foreign statements mean: theirs stands.
            Some(current) if !statements.is_empty() => current.version.clone(),
            _ => Some(VERSION.to_owned()),
        };
        if version.as_deref() != Some(VERSION) && self.statements.iter().any(has_variable) {
            return Err(Unmergeable::OldLanguage);
        }
        let id = current.filter(|_| !statements.is_empty()).and_then(|d| d.id.clone());
        statements.extend(self.statements.iter().cloned());
        let document = (!statements.is_empty()).then_some(Document { version, id, statements });
        Ok(Merged { document, dropped })
    }
}

impl Share {
    /// Returns our statements beside the foreign ones as those stand, whatever they would come to mean: to show what differs, never to be
    /// written.
    pub fn beside(&self, current: Option<&Document>) -> Document {
        let foreign = current.into_iter().flat_map(|d| &d.statements).filter(|s| !self.is_ours(s));
        let statements = foreign.chain(&self.statements).cloned().collect();
        Document { statements, ..current.cloned().unwrap_or_else(|| Document::new(Vec::new())) }
    }
}

fn has_variable(statement: &Statement) -> bool {
    let resources = statement.resource.iter().flat_map(|r| &r.values);
    let values = statement.conditions.values().flat_map(|keys| keys.values().flatten());
    resources.chain(values).any(|text| text.contains("${"))
}

/// The statement without the unique ids of principals that no longer exist; `None` where it named nobody else.
fn without_dead(statement: &Statement, dropped: &mut Vec<Dropped>) -> Result<Option<Statement>, Unmergeable> {
    let lone = Document::new(vec![statement.clone()]);
    let ids: BTreeSet<String> = lone.orphaned_principals().into_iter().map(str::to_owned).collect();
    if ids.is_empty() {
        return Ok(Some(statement.clone()));
    }
    let mut statement = statement.clone();
    let sid = statement.sid().to_owned();
    let Some(principal) = statement.principal.as_mut() else { return Ok(Some(statement)) };
    if let Some(values) = principal.entries.get_mut("AWS") {
        values.retain(|v| !ids.contains(v));
        if values.is_empty() {
            principal.entries.remove("AWS");
        }
    }
    let whole = principal.entries.is_empty();
    if whole && principal.negated {
        return Err(Unmergeable::DeadException { sid });
    }
    dropped.push(Dropped { sid, ids, whole });
    Ok((!whole).then_some(statement))
}
