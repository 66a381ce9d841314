//! What others have put beside what is declared: it is kept, and no drift.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::AccessDelta;
use crate::address::Address;

/// What a look at drift comes to besides the changes that would put it back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drifted {
    /// Who has gained and who has lost by it.
    pub access: AccessDelta,
    /// What is kept beside what is declared.
    pub foreign: Foreign,
}

/// What others let somebody do in what is declared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Foreign {
    /// What it is, by object.
    pub parts: BTreeMap<Address, Vec<ForeignPart>>,
    /// Objects that could not be read, so that nobody can tell what others have put there.
    pub unread: BTreeSet<Address>,
    /// Who gains what by it: from what would be without it to what is live.
    pub access: AccessDelta,
}

/// A part of an object that others put there, and that lets somebody do something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForeignPart {
    /// A statement of a policy that belongs to many, by Sid; empty: one without.
    Statement(String),
    /// An inline policy of a role that keeps them, by name.
    Inline(String),
    /// A policy that is attached to such a role, by ARN.
    Attached(String),
}
