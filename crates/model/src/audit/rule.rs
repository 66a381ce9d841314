//! Rules of an audit, and what exactly breaks them.

use serde::{Deserialize, Serialize};

use crate::access::{Clause, Party};
use crate::finding::Severity;

use super::found::{By, Object};

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
        /// What lets them in.
        by: By,
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
    /// One that does so in all regions.
    TrailOfAllRegions,
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
    /// A workflow that is of one repository: this pattern is of many.
    OneWorkflow(String),
    /// That somebody has signed in: an identity pool gives guests a token as well.
    SignIn,
    /// A second factor, of these users of an account whose own policies let them come in.
    SecondFactor(Vec<String>),
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
