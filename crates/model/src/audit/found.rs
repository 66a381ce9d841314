//! What an audit finds: ways in, chains of roles, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{About, AccessChange, Hop, Party, Why};
use crate::ids::AccountId;
use crate::observed::Unreadable;

use super::rule::Issue;

/// What an audit looks at, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "object")]
pub enum Object {
    /// An account.
    Account {
        /// Its id.
        account: AccountId,
    },
    /// What of an account lies in one region: its keys, its trails.
    Region {
        /// Whose.
        account: AccountId,
        /// Which.
        region: String,
    },
    /// A role.
    Role {
        /// Its ARN.
        arn: String,
    },
    /// A user; the root user, too.
    User {
        /// Its ARN.
        arn: String,
    },
    /// A bucket.
    Bucket {
        /// Whose.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// A key.
    Key {
        /// Its ARN.
        arn: String,
    },
    /// A trail.
    Trail {
        /// Its ARN.
        arn: String,
    },
}

impl Object {
    /// The account that it is in.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Account { account } | Self::Region { account, .. } | Self::Bucket { account, .. } => Some(account.as_str()),
            Self::Role { arn } | Self::User { arn } | Self::Key { arn } | Self::Trail { arn } => crossrole_policy::Arn::parse(arn).map(|a| a.account),
        }
    }

    /// Its kind and name, as suppressions say them: `role/Reader`.
    pub fn short(&self) -> String {
        let last = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        match self {
            Self::Account { account } => format!("account/{account}"),
            Self::Region { region, .. } => format!("region/{region}"),
            Self::Role { arn } => format!("role/{}", last(arn)),
            Self::User { arn } if arn.ends_with(":root") => "user/root".to_owned(),
            Self::User { arn } => format!("user/{}", last(arn)),
            Self::Bucket { name, .. } => format!("bucket/{name}"),
            Self::Key { arn } => format!("key/{}", last(arn)),
            Self::Trail { arn } => format!("trail/{}", last(arn)),
        }
    }

    /// All of it: `222222222222/role/Reader`. A path is left out.
    pub fn long(&self) -> String {
        format!("{}/{}", self.account().unwrap_or_default(), self.short())
    }
}

/// Whose doing a way in is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "standing")]
pub enum Standing {
    /// A manifest of the run says it.
    Declared {
        /// Its name.
        manifest: String,
    },
    /// A manifest of the run says it of an object that it takes over, or of one that somebody else made.
    Adopted {
        /// Its name.
        manifest: String,
    },
    /// Our mark is on it, and the manifest, which is of the run, does not say it.
    Drifted {
        /// Its name.
        manifest: String,
    },
    /// Our mark is on it, and its manifest is not of the run.
    Elsewhere {
        /// The manifest, where the mark tells its name.
        manifest: Option<String>,
    },
    /// Nobody says it.
    Unknown,
}

/// Where a way in comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Origin {
    /// Anyone at all.
    Anyone,
    /// Another account, or somebody in it.
    Account {
        /// Its id.
        account: String,
    },
    /// Everybody of an organization.
    Organization {
        /// Its id.
        organization: String,
    },
    /// An identity provider.
    Federation {
        /// Its ARN, or its name.
        provider: String,
    },
    /// A service of AWS.
    Service {
        /// Its name; `*` for any.
        service: String,
    },
}

/// A way into an account: somebody outside of it, and what its own policy lets them do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WayIn {
    /// A role, bucket or key.
    pub to: Object,
    /// Where they come from.
    pub origin: Origin,
    /// What lets them in.
    pub by: By,
    /// Who may do what, and when; with one such request.
    pub access: AccessChange,
    /// What is known of their own side.
    pub callers: Callers,
    /// Whose doing it is: of each statement that lets them in.
    pub standing: BTreeSet<Standing>,
}

/// What lets somebody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The policy of a role, bucket or key.
    Policy,
    /// The ACL of a bucket.
    Acl,
    /// A grant of a key.
    Grant,
}

/// What is known of the other side of a way in: policies of whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Callers {
    /// Their account was not read, or is none; or it was not asked about.
    NotRead,
    /// Their own policies let them, or some of them.
    May,
    /// Their own policies do not let them, as they are now.
    MayNot,
}

/// What is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotKnown {
    /// It could not be read.
    Unread {
        /// What.
        object: Object,
        /// Which part of it: `policy`, `access keys`; empty for all of it.
        part: &'static str,
        /// Why.
        why: Unreadable,
    },
    /// It was read, and is not decided.
    Undecided {
        /// Who.
        party: Party,
        /// On what.
        about: About,
        /// The object that it was found at.
        object: Object,
        /// Why.
        why: Why,
    },
    /// Whom the ACLs of a bucket's objects let in: they count, and are not read, since each is a call.
    Acls {
        /// The bucket.
        object: Object,
    },
}

impl NotKnown {
    /// The name by which it is suppressed.
    pub const RULE: &'static str = "not-known";

    /// What it is of.
    pub fn object(&self) -> &Object {
        match self {
            Self::Unread { object, .. } | Self::Undecided { object, .. } | Self::Acls { object } => object,
        }
    }
}

/// What is known and wanted, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Id of a rule, or [`NotKnown::RULE`].
    pub rule: String,
    /// A pattern over objects: `role/Reader`, `222222222222/bucket/*`.
    pub object: String,
    /// Why.
    pub reason: String,
    /// The day that ends it, as it is written, and its first second since 1970.
    pub expires: Option<(String, i64)>,
}

/// A suppression that does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// It.
    pub suppression: Suppression,
    /// Why.
    pub because: StaleBecause,
}

/// Why a suppression does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleBecause {
    /// Nothing breaks its rule there.
    Unmatched,
    /// Its last day is over.
    Expired,
}

/// What was found and is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed<T> {
    /// It.
    pub what: T,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: Option<String>,
}

/// A way over roles that are assumed one from the other: each hop is somebody who assumes a role, and the next is by that role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    /// Two at least.
    pub hops: Vec<Hop>,
}

impl Chain {
    /// The role that it ends with.
    pub fn last(&self) -> Option<&str> {
        self.hops.last().map(|hop| hop.resource.as_str())
    }
}

/// What was cut off, since there is more of it than is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Chains, after so many.
    Chains(usize),
    /// Roles of one chain, after so many.
    Depth(usize),
    /// Principals that may assume a role, after so many pairs.
    Pairs(usize),
    /// What roles at the ends of chains reach, after so many buckets and keys.
    Reach(usize),
}

/// Everything that an audit has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Accounts that were looked at, with their labels.
    pub accounts: BTreeMap<AccountId, String>,
    /// Regions whose keys and trails were looked at, by account.
    pub regions: BTreeMap<AccountId, BTreeSet<String>>,
    /// Names of the manifests of the run.
    pub manifests: Vec<String>,
    /// How much was read: roles, buckets, keys.
    pub read: [usize; 3],
    /// Whose each bucket is.
    pub buckets: BTreeMap<String, AccountId>,
    /// Ways in, sorted by where they lead to.
    pub ways: Vec<WayIn>,
    /// What breaks rules, the most severe first.
    pub issues: Vec<Issue>,
    /// What breaks rules and is wanted.
    pub suppressed: Vec<Suppressed<Issue>>,
    /// What is not known.
    pub not_known: Vec<NotKnown>,
    /// What is not known and need not be.
    pub tolerated: Vec<Suppressed<NotKnown>>,
    /// Suppressions that do nothing.
    pub stale: Vec<Stale>,
    /// Chains of two roles and more that lead from one account into another, the longest first.
    pub chains: Vec<Chain>,
    /// What roles at the ends of chains reach, of the buckets and keys that were read.
    pub reach: BTreeMap<String, Vec<AccessChange>>,
    /// What was cut off.
    pub cut: BTreeSet<Cut>,
    /// Calls made, by account.
    pub calls: BTreeMap<AccountId, u64>,
}

impl Audit {
    /// Tells whether something is not known that should be.
    pub fn is_incomplete(&self) -> bool {
        !self.not_known.is_empty()
    }
}
