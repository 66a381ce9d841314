//! Who gains and who loses: the access delta of a plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::observed::KeyState;

pub use crate::clause::{Clause, Comparison, How, Relation, Which};
pub use crate::explanation::{Assumption, Because, Explanation, Fix, Lack, Layer, Never, Reason, StatementRef};
pub use crate::party::{Certainty, Party, PartyKind};
pub use crate::sets::{Apart, Part};

/// More, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Allowed after and not before.
    Widened,
    /// Allowed before and not after.
    Narrowed,
}

/// AWS's answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Decision {
    /// It may.
    Allowed,
    /// A Deny matched.
    ExplicitlyDenied,
    /// Nothing allowed it.
    ImplicitlyDenied,
}

impl Decision {
    /// Returns `Allowed`, `ExplicitlyDenied` or `ImplicitlyDenied`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::ExplicitlyDenied => "ExplicitlyDenied",
            Self::ImplicitlyDenied => "ImplicitlyDenied",
        }
    }
}

/// A request on which before and after differ; both answers are the evaluator's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Witness {
    /// ARN, service name or `anonymous`.
    pub principal: String,
    /// `s3:GetObject`.
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// Condition keys, each with its values.
    pub context: BTreeMap<String, Vec<String>>,
    /// As things are.
    pub before: Decision,
    /// As they will be.
    pub after: Decision,
}

/// What one party gains or loses on some resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccessChange {
    /// Which way.
    pub direction: Direction,
    /// Who.
    pub party: Party,
    /// Of those that the party stands for, who was asked about alone and does not gain, or lose, any of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Party>,
    /// What it rests on besides what was read.
    pub certainty: Certainty,
    /// Action names, or patterns that stand for all actions of that name.
    pub actions: Vec<Part>,
    /// Resources.
    pub resources: Vec<Part>,
    /// Any of these must hold, each clause of it; empty: always.
    pub when: Vec<Vec<Clause>>,
    /// One request on which the two differ.
    pub witness: Witness,
    /// Where the party may not use the key that the bucket's objects are encrypted with: S3 lets it, and what is encrypted stays closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyless: Option<Keyless>,
}

/// What stays closed, since the party may not use the key for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Keyless {
    /// ARN of the key; empty where it is not known.
    pub key: String,
    /// The actions of S3 that it is about, where it is not all that take the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Why the key does not let it.
    #[serde(default, skip_serializing_if = "Shut::is_refusal")]
    pub because: Shut,
}

/// Why a key opens nothing to somebody, or may not.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shut {
    /// Nothing lets the party use it.
    #[default]
    Refused,
    /// Nobody can use it in the state that it is in.
    State(KeyState),
    /// Its policy was not read: whether it lets the party is not known.
    NotRead,
    /// What the bucket's objects are encrypted with was not read, nor is the key known.
    EncryptionNotRead,
    /// It encrypts what is written from then on, and what lies there already stays as it is.
    FromThenOn,
}

impl Shut {
    fn is_refusal(&self) -> bool {
        *self == Self::Refused
    }
}

impl Keyless {
    /// Tells whether what an action asks for stays closed.
    pub fn is_about(&self, action: &str) -> bool {
        !matches!(self.because, Shut::NotRead | Shut::EncryptionNotRead | Shut::FromThenOn)
            && (self.actions.is_empty() || self.actions.iter().any(|a| a.eq_ignore_ascii_case(action)))
    }
}

/// What something undecided is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// A bucket by name, and what is in it.
    Bucket(String),
    /// A role by ARN, and who may assume it.
    Role(String),
    /// A key by ARN, and who may use it.
    Key(String),
    /// What has no policy of its own.
    OtherResources,
    /// Roles whose trust policies nobody has read.
    OtherRoles,
    /// One resource, or a pattern over some.
    Resource(String),
    /// Policies by name or ARN.
    Policies(Vec<String>),
}

/// What there is too much of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Patterns over actions that cannot all be told apart.
    ActionPatterns,
    /// Patterns over resources.
    ResourcePatterns,
    /// Patterns over the values of a condition key.
    KeyPatterns(String),
    /// Ways in which conditions can come out.
    Ways(usize),
    /// Questions for one party and resource.
    Questions(usize),
    /// Ways in which policy variables can be filled.
    Fillings(usize),
    /// Roles that are assumed one from the other.
    Roles(usize),
    /// Ways to a resource.
    Routes(usize),
}

/// Why something is not decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The party's tags change, and policies ask for them.
    TagsChange,
    /// The resource's tags change, and the party's policies ask for tags of resources.
    ResourceTagsChange,
    /// Sessions may have another name or source identity than before, and policies ask for it.
    SessionsChange,
    /// There is more of something than is looked at.
    TooMany(Limit),
    /// Resources of this kind are not looked at.
    ResourceKind,
    /// Principals of this kind are not evaluated.
    PrincipalKind,
    /// The identity provider itself changes.
    ProviderChanges,
    /// The document was not read, and what it allows is not counted.
    NotRead,
    /// The policy of this key, with which a bucket is encrypted or was, was not read, and whom it lets is not counted.
    KeyNotRead(String),
    /// What a bucket is encrypted with was not read: its key may let nobody in.
    EncryptionNotRead,
    /// Only single objects of the account were read: others may have the policy, or be told apart by the tags.
    OthersNotRead,
    /// Whether the policy is closed to others, since it is public, was not read.
    BlockNotRead,
    /// ACLs, which are not read, count where they did not.
    AclsCount,
    /// ACLs, which are not read, do not count where they did.
    AclsCountNoMore,
    /// Who owns the objects that others write, or wrote, changes, and so which policy counts for them.
    OwnersChange,
    /// A unique id of nobody who was read.
    UnknownId,
    /// A request that should show the difference does not: a bug of ours.
    WitnessFails,
}

/// A difference that could not be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Undecided {
    /// Who.
    pub party: Party,
    /// On what.
    pub about: About,
    /// Why.
    pub why: Why,
}

/// Everything that a plan changes in who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccessDelta {
    /// Widening first, then by party.
    pub changes: Vec<AccessChange>,
    /// Never to be taken for "unchanged".
    pub undecided: Vec<Undecided>,
    /// Some of it rests on keys, which grants may open as well: those are not read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grants_unseen: bool,
}

impl AccessDelta {
    /// Tells whether something is widened, or might be.
    pub fn widens(&self) -> bool {
        !self.undecided.is_empty() || self.changes.iter().any(|c| c.direction == Direction::Widened)
    }
}

/// How a runner could not take a plan back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "lockout")]
pub enum Lockout {
    /// The runner itself would be gone.
    Gone {
        /// Its ARN.
        runner: String,
    },
    /// Somebody could no longer assume the role that the runner is a session of.
    Entry {
        /// The runner's ARN.
        runner: String,
        /// Who.
        party: Party,
        /// How much of it rests on policies that nobody has looked at.
        certainty: Certainty,
        /// The role.
        role: String,
        /// Under some conditions it still could.
        partly: bool,
    },
    /// The runner may do before and not after what it takes to take the plan back.
    Action {
        /// Its ARN.
        runner: String,
        /// The action.
        action: String,
        /// On which resource.
        resource: String,
        /// The reason of the answer after the plan.
        because: Because,
    },
}

/// What is to be known beside the ways to a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "beside")]
pub enum Beside {
    /// Nobody can use the key that it takes, whatever policies say.
    KeyOff {
        /// Its ARN.
        key: String,
        /// The state that it is in.
        state: KeyState,
    },
    /// Grants of the key that it takes open it as well, and are not read (AWS KMS Developer Guide, "Grants in AWS KMS").
    GrantsUnseen {
        /// Its ARN.
        key: String,
    },
    /// What is not encrypted with the key of its bucket takes nothing of it: of those whom the key does not let, or not always, these
    /// get there (S3 User Guide, "Setting default server-side encryption behavior for Amazon S3 buckets": a request may name another).
    WithoutKey {
        /// Its ARN.
        key: String,
        /// Each ends with the action on the resource.
        ways: Vec<Vec<Hop>>,
    },
}

/// One step of a way to a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hop {
    /// Who.
    pub party: Party,
    /// Of those that the party stands for, who was asked about alone and may not.
    pub except: Vec<Party>,
    /// What it rests on besides what was read.
    pub certainty: Certainty,
    /// What it does.
    pub action: String,
    /// To what: a role on the way, the resource at the end.
    pub resource: String,
    /// Any of these must hold; empty: always.
    pub when: Vec<Vec<Clause>>,
}
