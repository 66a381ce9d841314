//! Whether what manifests promise is so: what is tried, and what it showed.

mod attestation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::{Explanation, Party};
use crate::address::Address;
use crate::cloud::CloudError;

pub use attestation::{Attestation, Beside, Missing, Setting, Unlooked, Unrevoked, Unshown};

/// With what a role is assumed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Terms {
    /// External id.
    pub external_id: Option<String>,
    /// A second factor.
    pub mfa: bool,
    /// Seconds of the session.
    pub seconds: Option<u32>,
    /// Name of the session; empty is ours.
    pub session_name: String,
    /// Source identity.
    pub source_identity: Option<String>,
    /// An address that is asked from, where one has to be.
    pub address: Option<String>,
    /// A moment, in seconds since 1970, where it is not now.
    pub at: Option<i64>,
    /// Condition keys besides, each with a value that is asked with.
    pub keys: BTreeMap<String, String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub enum Act {
    /// `sts:AssumeRole`
    Assume {
        /// ARN of the role.
        role: String,
    },
    /// `s3:ListBucket`
    List {
        /// The bucket.
        bucket: String,
        /// What keys begin with; empty for all.
        prefix: String,
    },
    /// `s3:GetObject`, of one byte at most.
    Get {
        /// The bucket.
        bucket: String,
        /// The object; `None`: none is known that could be asked for.
        key: Option<String>,
        /// What its key begins with.
        prefix: String,
        /// That is all of its key.
        whole: bool,
    },
    /// `s3:GetBucketPolicy`: a reading that changes nothing, for who is let read nothing of the kind.
    Policy {
        /// The bucket.
        bucket: String,
    },
    /// `s3:PutObject`, of an object of our own.
    Put {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
    },
    /// `s3:DeleteObject`, of an object of our own.
    Delete {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
    },
    /// Any other action that is granted.
    Other {
        /// As policies name it.
        action: String,
        /// The ARN that it is about, or `*`.
        resource: String,
    },
}

/// Other actions that may be called, since they read a setting and change nothing.
pub const HARMLESS: [&str; 4] = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:ListAllMyBuckets"];

impl Act {
    /// Returns the action, as policies name it.
    pub fn action(&self) -> &str {
        match self {
            Self::Assume { .. } => "sts:AssumeRole",
            Self::List { .. } => "s3:ListBucket",
            Self::Get { .. } => "s3:GetObject",
            Self::Policy { .. } => "s3:GetBucketPolicy",
            Self::Put { .. } => "s3:PutObject",
            Self::Delete { .. } => "s3:DeleteObject",
            Self::Other { action, .. } => action,
        }
    }

    /// Returns the bucket.
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::Assume { .. } => None,
            Self::Other { resource, .. } => {
                let (_, name) = resource.split_once(":s3:::")?;
                name.split('/').next().filter(|bucket| !bucket.is_empty() && !bucket.contains(['*', '?']))
            }
            Self::List { bucket, .. } | Self::Get { bucket, .. } | Self::Policy { bucket } | Self::Put { bucket, .. } | Self::Delete { bucket, .. } => {
                Some(bucket)
            }
        }
    }

    /// Returns the ARN that it is about.
    pub fn resource(&self, partition: &str) -> String {
        match self {
            Self::Assume { role } => role.clone(),
            Self::Other { resource, .. } => resource.clone(),
            Self::List { bucket, .. } | Self::Policy { bucket } => format!("arn:{partition}:s3:::{bucket}"),
            // Where there is none, one that might be: a pattern would be another question.
            Self::Get { bucket, key: None, prefix, whole: true } => format!("arn:{partition}:s3:::{bucket}/{prefix}"),
            Self::Get { bucket, key: None, prefix, whole: false } => format!("arn:{partition}:s3:::{bucket}/{prefix}{NO_OBJECT}"),
            Self::Get { bucket, key: Some(key), .. } | Self::Put { bucket, key } | Self::Delete { bucket, key } => {
                format!("arn:{partition}:s3:::{bucket}/{key}")
            }
        }
    }
}

/// The rest of the key of an object that nobody has.
pub const NO_OBJECT: &str = "crossrole-verify-no-such-object";

/// The name of an object of ours that is asked about, and never written.
pub const UNWRITTEN: &str = ".crossrole-verify";

/// What no grant asks for: it stands where another value is tried.
pub const OTHER_VALUE: &str = "crossrole-verify-other";

/// In what a cell differs from what the manifests grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twist {
    /// In nothing.
    AsGranted,
    /// Another external id.
    WrongExternalId,
    /// No external id.
    NoExternalId,
    /// No second factor.
    NoMfa,
    /// A longer session than the role may have, or than a session of another role may ask for.
    TooLong,
    /// Another name of the session.
    OtherSessionName,
    /// Another source identity, or none.
    OtherSourceIdentity,
    /// From another address.
    OtherAddress,
    /// Before or after the time that it is granted for.
    OutsideWindow,
    /// Another value of a condition key.
    OtherValue,
    /// Somebody else.
    OtherPrincipal,
    /// Elsewhere in the bucket.
    Outside,
    /// An action that is not granted.
    OtherAction,
    /// Nobody: the request is not signed.
    Unsigned,
}

/// One thing that is tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// ARN of whose credentials are used first, an account for any other of its principals, or `anonymous`.
    pub principal: String,
    /// The role whose session makes the call, where that is not the principal itself.
    pub via: Option<String>,
    /// The call.
    pub act: Act,
    /// In what it differs from what is granted.
    pub twist: Twist,
    /// With what the role is assumed.
    pub terms: Terms,
    /// What the manifests say: it is let, or refused.
    pub wanted: bool,
}

/// Why something was not called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum NotCalled {
    /// Nobody's credentials are at hand for that principal.
    NotAtHand,
    /// Credentials with, or without, a second factor are not at hand.
    OtherFactor,
    /// The principal is nobody in particular.
    Nobody,
    /// It is about another moment.
    OtherMoment,
    /// It is about another address.
    OtherAddress,
    /// It is about condition keys that no call from here brings.
    OtherKeys,
    /// No object is there that could be read.
    NoObject,
    /// It would write.
    Writes,
    /// The role could not be assumed.
    NoSession,
    /// No harmless call of the kind is known.
    NotHarmless,
}

/// What one call that was made showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Answers that were as wanted, the last ones, without another between.
    pub in_a_row: u32,
    /// Calls altogether.
    pub times: u32,
    /// Whether the last one was let.
    pub let_in: bool,
    /// Request ids of the last ones, as CloudTrail has them.
    pub request_ids: Vec<String>,
    /// What the last one was refused with.
    pub error: Option<CloudError>,
    /// Seconds since 1970 of the last one.
    pub at: i64,
}

/// How it is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// By calls.
    Called(Called),
    /// By `iam:SimulatePrincipalPolicy`, with what it answered, as AWS names it (`allowed`, `implicitDeny`, `explicitDeny`).
    Simulated {
        /// The answer.
        decision: String,
        /// Why it was not called.
        because: NotCalled,
    },
    /// By the evaluator, over what was read.
    Evaluated {
        /// Why it was not called.
        because: NotCalled,
    },
    /// It is not.
    Unknown {
        /// Why it was not called, or its last error.
        because: Result<NotCalled, CloudError>,
    },
}

/// Whether a cell is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the manifests say.
    Holds,
    /// Otherwise.
    Fails,
    /// Not known.
    Unknown,
}

/// A cell, and what it showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// What was tried.
    pub cell: Cell,
    /// Who, for people.
    pub party: Party,
    /// How it is known.
    pub known: Known,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// What decides over what is live, hop by hop; empty where that was not read.
    pub live: Vec<Explanation>,
    /// Objects that it rests on and that are not live as the manifests say.
    pub differs: Vec<Address>,
}

impl Proof {
    /// What the evaluator says of what is live; `None` where that was not read.
    pub fn predicted(&self) -> Option<bool> {
        if self.live.is_empty() { None } else { Some(self.live.iter().all(Explanation::is_allowed)) }
    }

    /// Tells whether AWS did something else than the evaluator said that it would.
    pub fn is_surprise(&self) -> bool {
        match (&self.known, self.predicted()) {
            (Known::Called(called), Some(predicted)) => called.let_in != predicted,
            _ => false,
        }
    }
}
