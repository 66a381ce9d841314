//! The access picture: who reaches what, by which role, under which conditions.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{About, AccessChange, Certainty, Clause, Keyless, Part, Party, Why};
use crate::ids::AccountId;
use crate::observed::Unreadable;

/// What a line of the picture begins or ends at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// Callers that are no roles.
    Party(Party),
    /// A role by ARN: it is assumed, and it acts.
    Role(String),
    /// A bucket by name, with what is in it.
    Bucket(String),
    /// A key by ARN.
    Key(String),
    /// Other resources, by a pattern over ARNs.
    Resources(String),
    /// What actions that name no resource are about.
    NoResource,
    /// What nobody could tell of: other resources, other roles, policies.
    Unknown(About),
    /// An account that could not be read.
    Account(AccountId),
}

/// What sort of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThingKind {
    /// Any principal of an account, or of all others; a session; an account's root user.
    Principal,
    /// Members of a group.
    Group,
    /// A user.
    User,
    /// A service.
    Service,
    /// Tokens of an identity provider.
    Tokens,
    /// Callers who do not sign their requests.
    Unsigned,
    /// A role.
    Role,
    /// A bucket.
    Bucket,
    /// A key.
    Key,
    /// Other resources, or none.
    Resource,
    /// What could not be read, or not be told.
    Unknown,
}

impl Thing {
    /// The thing that a party is: a role is one and the same, whether it is assumed or acts.
    pub fn of(party: &Party) -> Self {
        match party {
            Party::Role { arn } => Self::Role(arn.clone()),
            other => Self::Party(other.clone()),
        }
    }

    /// What sort it is of.
    pub fn kind(&self) -> ThingKind {
        match self {
            Self::Party(Party::Members { .. }) => ThingKind::Group,
            Self::Party(Party::User { .. }) => ThingKind::User,
            Self::Party(Party::Service { .. } | Party::AnyService) => ThingKind::Service,
            Self::Party(Party::Tokens { .. }) => ThingKind::Tokens,
            Self::Party(Party::Unsigned) => ThingKind::Unsigned,
            Self::Party(Party::AnyOf { .. } | Party::AnyOther { .. } | Party::Named { .. } | Party::OfKind { .. }) => ThingKind::Principal,
            Self::Party(Party::Role { .. }) | Self::Role(_) => ThingKind::Role,
            Self::Bucket(_) => ThingKind::Bucket,
            Self::Key(_) => ThingKind::Key,
            Self::Resources(_) | Self::NoResource => ThingKind::Resource,
            Self::Unknown(_) | Self::Account(_) => ThingKind::Unknown,
        }
    }
}

/// What becomes of a line of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is gained.
    Gained,
    /// It is lost.
    Lost,
    /// It is not decided whether anything is gained or lost: never to be taken for "unchanged".
    Undecided,
    /// It is so, and stays so.
    Kept,
}

/// What is done along a line, in short; the actions say it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// Assumes a role.
    Assumes,
    /// Lists.
    Lists,
    /// Reads.
    Reads,
    /// Writes, tags included.
    Writes,
    /// Encrypts or decrypts with a key.
    Uses,
    /// Changes who may do what, or the thing itself.
    Manages,
    /// Something of a service whose actions are not known here.
    Acts,
    /// A bucket's objects are encrypted with a key.
    EncryptedWith,
}

/// One line of access: what may be done, under which conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// Action names, or patterns.
    pub actions: Vec<Part>,
    /// Of the thing at the end, which resources.
    pub resources: Vec<Part>,
    /// Any of these must hold, each clause of it; empty: always.
    pub when: Vec<Vec<Clause>>,
    /// What it rests on besides what was read.
    pub certainty: Certainty,
    /// Of those that the party stands for, who is not meant.
    pub except: Vec<Party>,
    /// What stays closed, since the party may not use the key.
    pub keyless: Option<Keyless>,
}

impl Way {
    /// What a change of access is about, on some of its resources.
    pub fn of(change: &AccessChange, resources: Vec<Part>) -> Self {
        Self {
            actions: change.actions.clone(),
            resources,
            when: change.when.clone(),
            certainty: change.certainty,
            except: change.except.clone(),
            keyless: change.keyless.clone(),
        }
    }
}

/// A line from one thing to another. There is one for each two things and status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who, or what.
    pub from: Thing,
    /// To what.
    pub to: Thing,
    /// What becomes of it.
    pub status: Status,
    /// What is done; nothing where it is not decided.
    pub doing: BTreeSet<Doing>,
    /// Exactly. None of a line that stays as it is but for what is gained and lost beside it.
    pub ways: Vec<Way>,
    /// Why it is not decided.
    pub why: Vec<Why>,
}

/// What a picture was drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Basis {
    /// What manifests say, and nothing else.
    #[default]
    Manifests,
    /// What was read.
    Live,
    /// A plan, with what was read.
    Plan,
    /// A plan that was saved: what stays as it is does not stand in it.
    SavedPlan,
}

/// Who reaches what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// What it was drawn from.
    pub basis: Basis,
    /// Names of the manifests.
    pub manifests: Vec<String>,
    /// Labels of accounts.
    pub accounts: BTreeMap<AccountId, String>,
    /// Everything that is drawn, with the account that it is of.
    pub things: BTreeMap<Thing, Option<String>>,
    /// Lines, sorted.
    pub edges: Vec<Edge>,
    /// What could not be read, and why.
    pub unread: BTreeMap<Thing, Unreadable>,
    /// So many lines that stay as they are lie apart from what changes, and are not here.
    pub apart: usize,
}
