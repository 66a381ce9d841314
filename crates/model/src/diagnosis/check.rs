//! Conditions of a call, each with its verdict.

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::observed::Unreadable;

/// What is looked at. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    /// The way there, and the credentials.
    Credentials,
    /// The principal exists.
    Caller,
    /// The role exists in that account.
    Role,
    /// The bucket exists.
    Bucket,
    /// The region.
    Region,
    /// The trust policy names the caller.
    Trust,
    /// The bucket policy.
    BucketPolicy,
    /// The key's policy.
    KeyPolicy,
    /// The external id.
    ExternalId,
    /// The second factor.
    SecondFactor,
    /// Dates.
    Window,
    /// Addresses and networks.
    Source,
    /// Other conditions.
    OtherConditions,
    /// The caller's own policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session policy.
    SessionPolicy,
    /// Service and resource control policies.
    Controls,
    /// The longest session.
    Duration,
    /// A session of a session.
    Chaining,
    /// Block public access of the bucket.
    PublicAccessBlock,
    /// Block public access of the account.
    AccountBlock,
    /// Who owns objects.
    Ownership,
    /// The key can be used.
    Key,
    /// Policies of VPC endpoints.
    Endpoint,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// It is as it has to be.
    Holds,
    /// It is not.
    Fails {
        /// Why.
        causes: Vec<Cause>,
    },
    /// It was not read, or can't be.
    Unknown {
        /// Why.
        why: NotKnown,
    },
    /// Nothing asks for it.
    NotAsked,
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "unknown")]
pub enum NotKnown {
    /// It could not be read.
    Unreadable {
        /// The error.
        error: Unreadable,
    },
    /// Nobody manages this account here: it is never called.
    NotManaged {
        /// The account.
        account: String,
    },
    /// These policies were not read.
    Policies {
        /// Names or ARNs.
        policies: Vec<String>,
    },
    /// The request does not say.
    NotSaid,
    /// It is never read.
    NeverRead,
    /// It could not be read; as a manifest says it, it is as it has to be.
    Supposed,
}

/// One condition of a call, with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// At which call.
    pub hop: usize,
    /// What.
    pub what: Checked,
    /// What came out.
    #[serde(flatten)]
    pub verdict: Verdict,
}
