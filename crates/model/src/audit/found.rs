//! What an audit finds: ways in, chains of roles, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{About, AccessChange, Clause, Hop, Party, Why};
use crate::finding::Severity;
use crate::ids::AccountId;
use crate::observed::Unreadable;

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
    /// Who may do what, and when; with one such request.
    pub access: AccessChange,
    /// What is known of their own side.
    pub callers: Callers,
    /// Whose doing it is: of each statement that lets them in.
    pub standing: BTreeSet<Standing>,
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

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Anyone may come in.
    Anyone,
    /// A whole account may come in.
    AccountWide,
    /// A third party comes in without an external id.
    NoExternalId,
    /// A user comes in without a second factor.
    NoMfa,
    /// Tokens of a provider that are not pinned to one workload.
    TokensNotPinned,
    /// What is left of a deleted principal.
    DeadPrincipal,
    /// Our mark is on it, and the manifest does not say it.
    NotAsDeclared,
    /// A role that nobody uses.
    UnusedRole,
    /// A role whose sessions may last long.
    LongSession,
    /// A role that is old.
    OldRole,
    /// An access key that is old.
    OldAccessKey,
    /// An access key of the root user.
    RootAccessKey,
    /// No trail keeps what is done in the account.
    NoTrail,
    /// No trail keeps what is done with the objects of a bucket.
    NoDataEvents,
    /// A bucket that does not log who asks for what.
    NoAccessLog,
    /// A bucket that is not encrypted as it should be.
    NotEncrypted,
    /// A bucket that nothing keeps from being made public.
    PublicAccessNotBlocked,
    /// An account that nothing keeps from making buckets public.
    AccountPublicAccessNotBlocked,
    /// ACLs of a bucket are on.
    AclsOn,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Anyone,
        Self::AccountWide,
        Self::NoExternalId,
        Self::NoMfa,
        Self::TokensNotPinned,
        Self::DeadPrincipal,
        Self::NotAsDeclared,
        Self::UnusedRole,
        Self::LongSession,
        Self::OldRole,
        Self::OldAccessKey,
        Self::RootAccessKey,
        Self::NoTrail,
        Self::NoDataEvents,
        Self::NoAccessLog,
        Self::NotEncrypted,
        Self::PublicAccessNotBlocked,
        Self::AccountPublicAccessNotBlocked,
        Self::AclsOn,
    ];

    /// Its name, as suppressions say it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::AccountWide => "account-wide",
            Self::NoExternalId => "no-external-id",
            Self::NoMfa => "no-mfa",
            Self::TokensNotPinned => "tokens-not-pinned",
            Self::DeadPrincipal => "dead-principal",
            Self::NotAsDeclared => "not-as-declared",
            Self::UnusedRole => "unused-role",
            Self::LongSession => "long-session",
            Self::OldRole => "old-role",
            Self::OldAccessKey => "old-access-key",
            Self::RootAccessKey => "root-access-key",
            Self::NoTrail => "no-trail",
            Self::NoDataEvents => "no-data-events",
            Self::NoAccessLog => "no-access-log",
            Self::NotEncrypted => "not-encrypted",
            Self::PublicAccessNotBlocked => "public-access-not-blocked",
            Self::AccountPublicAccessNotBlocked => "account-public-access-not-blocked",
            Self::AclsOn => "acls-on",
        }
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Anyone | Self::TokensNotPinned | Self::RootAccessKey | Self::NoTrail => Severity::Error,
            Self::NoExternalId
            | Self::NoMfa
            | Self::DeadPrincipal
            | Self::NotAsDeclared
            | Self::OldAccessKey
            | Self::NotEncrypted
            | Self::PublicAccessNotBlocked => Severity::Warning,
            Self::AccountWide
            | Self::UnusedRole
            | Self::LongSession
            | Self::OldRole
            | Self::NoDataEvents
            | Self::NoAccessLog
            | Self::AccountPublicAccessNotBlocked
            | Self::AclsOn => Severity::Note,
        }
    }
}

/// Where lines are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A role that was used longer ago is unused, in days.
    pub unused_days: u32,
    /// The longest session of a role that lets somebody in from outside, in seconds.
    pub session_seconds: u32,
    /// The oldest role that lets somebody in from outside, in days.
    pub role_days: u32,
    /// The oldest access key, in days.
    pub key_days: u32,
    /// Buckets are encrypted with keys of KMS.
    pub kms: bool,
}

impl Default for Limits {
    /// 90 days for what nobody uses and for access keys (CIS Amazon Web Services Foundations Benchmark, "access keys are rotated every
    /// 90 days"), four hours for a session, a year for a role.
    fn default() -> Self {
        Self { unused_days: 90, session_seconds: 4 * 3_600, role_days: 365, key_days: 90, kms: false }
    }
}

/// What exactly was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Who comes in, and under which conditions all the same.
    Way {
        /// Who.
        party: Party,
        /// Any of these must hold; empty: always.
        when: Vec<Vec<Clause>>,
        /// What their tokens, or they, are not asked for.
        lacks: Option<Lacks>,
    },
    /// A unique id.
    Id(String),
    /// Of which manifest.
    Manifest(String),
    /// How long ago, in days; the limit.
    Age {
        /// So many days ago.
        days: u32,
        /// More than these.
        most: u32,
    },
    /// Never used, since it was made so many days ago; the limit.
    Never {
        /// So many days ago.
        days: u32,
        /// More than these.
        most: u32,
    },
    /// How long a session may last, in seconds; the limit.
    Seconds {
        /// So many.
        seconds: u32,
        /// More than these.
        most: u32,
    },
    /// Which access key of a user: how old it is, in days, and the limit; for the root user it is one too many at any age.
    AccessKey {
        /// The first or the second.
        number: u8,
        /// So many days old, where that is known.
        days: Option<u32>,
        /// More than these.
        most: u32,
    },
    /// There is none of it.
    Nothing(Without),
}

/// What there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Without {
    /// A trail at all.
    Trail,
    /// One that is on, and keeps what is changed in every region that was looked at.
    TrailThatKeeps,
    /// Data events.
    DataEvents,
    /// An access log.
    AccessLog,
    /// Encryption by default.
    Encryption,
    /// A key of KMS, which this place wants.
    Kms,
    /// A whole block of public access.
    Block,
    /// `BucketOwnerEnforced`.
    OwnerEnforced,
}

/// What tokens are not asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lacks {
    /// A certain audience.
    Audience,
    /// A certain subject.
    Subject,
    /// A subject that is of one workload: this pattern is of many.
    OneWorkload(String),
}

/// A rule that something breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issue {
    /// The rule.
    pub rule: Rule,
    /// What breaks it.
    pub object: Object,
    /// How.
    pub detail: Detail,
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
}

impl NotKnown {
    /// The name by which it is suppressed.
    pub const RULE: &'static str = "not-known";

    /// What it is of.
    pub fn object(&self) -> &Object {
        match self {
            Self::Unread { object, .. } | Self::Undecided { object, .. } => object,
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
