//! What of drift was not written into a manifest, and why.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::address::Address;
use crate::plan::Part;

/// A part of what is live that no manifest says now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftPart {
    /// The object.
    pub address: Address,
    /// The part; `None`: that it is there, or not.
    pub part: Option<Part>,
    /// Why.
    pub because: LeftBecause,
    /// What becomes of it.
    pub undone: Undone,
}

/// What becomes of what is live and not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undone {
    /// The next apply makes it what the manifests say.
    PutBack,
    /// The next apply takes it away: the manifests say nothing of it.
    TakenAway,
    /// No apply looks for it, and a `destroy` that names it takes it away.
    Destroyed,
}

/// Why it was not written. Of several tries, the one that came closest counts: the later here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftBecause {
    /// No word of a manifest says it.
    NoWords,
    /// It is a mark of ours, which no manifest says.
    Mark,
    /// A statement of ours was rewritten, of which the Sid says what it grants.
    Rewritten,
    /// No manifest declares it, and a manifest says nothing of what is not its own.
    Undeclared,
    /// It is not there, and the manifest relies on it.
    Gone,
    /// So many edits were tried that this one was not.
    TooMany,
    /// The text of the manifest has no place for it.
    NoPlace,
    /// With it, the manifests have mistakes.
    Mistakes,
    /// What the manifest says with it is not what is live either.
    NotSaid,
    /// What says it says more: these would be changed as well.
    SaysMore(BTreeSet<Address>),
}
