//! What helps: changes of manifests, commands, and calls that are made otherwise.

use std::collections::BTreeMap;

use crossrole_policy::Conditions;
use serde::{Deserialize, Serialize};

use super::Cause;
use crate::address::Address;
use crate::ids::AccountId;

/// How a manifest says something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// A text.
    Text(String),
    /// Texts.
    List(Vec<String>),
    /// `true`.
    Yes,
    /// An instant, without quotes.
    Instant(String),
    /// Principals by kind.
    Principals(BTreeMap<String, Vec<String>>),
    /// Operator, key, values.
    Conditions(Conditions),
}

/// A change of a manifest's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// The file.
    pub file: String,
    /// Keys of the table, from the top. A key of KMS is found by its ARN in the place of its label.
    pub at: Vec<String>,
    /// A table of a list there, counted from 0.
    pub entry: Option<(String, usize)>,
    /// What.
    pub change: Amend,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amend {
    /// A list of tables gets one more.
    Append {
        /// Its key.
        list: String,
        /// What the new one says.
        words: Vec<(String, Word)>,
        /// The one whose limits it has, too.
        like: Option<usize>,
    },
    /// A key that is there gets another value; one that is not there comes only where it may.
    Put {
        /// The key.
        key: String,
        /// The value.
        word: Word,
        /// Only where it is there.
        there: bool,
    },
    /// A list gets one more text.
    Add {
        /// Its key.
        key: String,
        /// The text.
        text: String,
        /// Only where it is there.
        there: bool,
    },
    /// A list of tables loses one, counted from 0 in the text as it was before any change.
    Remove {
        /// Its key.
        list: String,
        /// Which.
        index: usize,
    },
}

/// A part of a fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum FixStep {
    /// Somebody runs this in an account whose object is not ours.
    Command {
        /// The account.
        account: AccountId,
        /// The words of the AWS CLI.
        argv: Vec<String>,
    },
    /// A manifest says more.
    Manifest {
        /// The file.
        file: String,
        /// What changes.
        amendments: Vec<Amendment>,
        /// Its text.
        before: String,
        /// Its text then.
        after: String,
    },
    /// The manifests are applied.
    Apply {
        /// These objects.
        targets: Vec<Address>,
        /// Files.
        files: Vec<String>,
    },
    /// The call is made otherwise.
    Request {
        /// What of it.
        changes: Vec<RequestChange>,
        /// The call, where it can be written as the AWS CLI has it.
        argv: Vec<String>,
    },
}

/// How a call has to be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "request")]
pub enum RequestChange {
    /// With this external id.
    ExternalId {
        /// It.
        id: String,
    },
    /// With a second factor.
    Mfa,
    /// For so many seconds.
    Duration {
        /// Seconds.
        seconds: u32,
    },
    /// In this region.
    Region {
        /// It; `None` where it is not known.
        region: Option<String>,
    },
    /// Of the role of this ARN.
    Role {
        /// It.
        arn: String,
    },
    /// By TLS.
    Tls,
    /// With a wider session policy, or none.
    WithoutSessionPolicy,
    /// With other credentials: new ones, in the place of these.
    Credentials {
        /// What is wrong with these.
        because: Cause,
    },
    /// With a clock that is right.
    Clock,
    /// With a link that is made anew.
    NewLink,
    /// By a way that reaches AWS.
    Network {
        /// What stands in it.
        because: Cause,
    },
    /// Later.
    Later,
    /// As a user or role.
    NotRoot,
    /// Of an object that is there.
    Object,
    /// After the object was restored from its archive.
    Restored,
    /// As a principal of the bucket's own account.
    ByOwner,
    /// From an address, or a network, that is let in.
    From {
        /// `aws:SourceIp`, `aws:SourceVpce`.
        key: String,
        /// Which are; which are not, where it is from any other.
        wanted: Vec<String>,
        /// From any other.
        other: bool,
        /// One that was tried.
        value: String,
    },
    /// With something else that a condition asks for.
    With {
        /// `sts:RoleSessionName`, `s3:x-amz-server-side-encryption`.
        key: String,
        /// Its value.
        value: String,
    },
    /// Put right, as the error says.
    Corrected {
        /// What is wrong with it.
        because: Cause,
    },
}
