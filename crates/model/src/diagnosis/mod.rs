//! Why a call was refused, and what helps: facts, of which the report makes sentences.

mod cause;
mod check;
mod denied;
mod fix;

use serde::{Deserialize, Serialize};

pub use self::cause::Cause;
pub use self::check::{Check, Checked, NotKnown, Verdict};
pub use self::denied::{Brought, Denied, DeniedReason};
pub use self::fix::{Amend, Amendment, FixStep, RequestChange, Word};
use crate::access::{AccessDelta, Lack, StatementRef};

/// A cause that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCause {
    /// Which.
    pub cause: Cause,
    /// At which call of several, from 0: each role on the way is one.
    pub hop: usize,
    /// Who asks there.
    pub principal: String,
    /// What.
    pub action: String,
    /// Of what.
    pub resource: String,
    /// The statement that stands in the way, or would allow it but for what it lacks.
    pub statement: Option<StatementRef>,
    /// What that lacks.
    pub lack: Option<Lack>,
    /// The statement is a Deny, which a request with what `lack` names would not meet.
    pub denies: bool,
    /// Conditions of a Deny that stands in the way, all of which the request meets, and what it has.
    pub met: Vec<Lack>,
    /// It follows from what a manifest says of a role that could not be read.
    pub supposed: bool,
    /// AWS's own text says so; it was not derived from what was read.
    pub told: bool,
    /// What says that access was taken back, where that is the cause.
    pub revoked: Option<RevokedBy>,
}

/// That access was taken back, and what says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedBy {
    /// When, as policies write an instant; empty where that can't be read.
    pub since: String,
    /// What says so.
    #[serde(flatten)]
    pub mark: RevokedMark,
}

/// What says that access was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum RevokedMark {
    /// An entry of a manifest.
    Entry {
        /// The manifest's file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// Whose access: an ARN, an account's id, or a permission set as `ACCOUNT/permission-set/NAME`.
        whose: String,
    },
    /// The tag of a role, of which no manifest of the run knows.
    Tag {
        /// ARN of the role.
        role: String,
    },
    /// A Deny of ours in the policy of a bucket or key, of which no manifest of the run knows.
    Statement {
        /// ARN of the bucket or key.
        resource: String,
    },
    /// A Deny of sessions that began before.
    Sessions,
}

/// A call, as it was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAsked {
    /// Who.
    pub principal: String,
    /// What.
    pub action: String,
    /// Of what.
    pub resource: String,
}

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The calls, one after the other.
    pub calls: Vec<CallAsked>,
    /// Each condition with its verdict.
    pub checks: Vec<Check>,
    /// Why it does not work, the first to be met first.
    pub causes: Vec<FoundCause>,
    /// What may be a cause, and can't be told.
    pub suspects: Vec<Cause>,
    /// The smallest change that makes it work, tried in the evaluator; `None`: none is known.
    pub fix: Option<Vec<FixStep>>,
    /// Who gains and who loses by the fix.
    pub delta: AccessDelta,
    /// Of that, what goes beyond what the manifests say already: what the fix itself gives.
    pub gives: AccessDelta,
    /// AWS has refused it, as the text that was read tells.
    pub refused: bool,
    /// Whether it is let rests on a policy that could not be read.
    pub unread: bool,
    /// ARNs of roles whose trust could not be read: what manifests say is taken for it.
    pub supposed: Vec<String>,
}

/// What a diagnosis comes to, for whoever goes on by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// By everything that was read it is allowed, and nobody said that AWS refused it.
    Allowed,
    /// There is a cause.
    Cause,
    /// AWS refused what is allowed by everything that was read, or it rests on what is not known.
    Unknown,
}

impl Diagnosis {
    /// What it comes to.
    pub fn found(&self) -> Found {
        if !self.causes.is_empty() {
            Found::Cause
        } else if self.refused || self.unread || !self.suspects.is_empty() {
            Found::Unknown
        } else {
            Found::Allowed
        }
    }

    /// Tells whether the fix gives back what was revoked.
    pub fn gives_back(&self) -> bool {
        let back = |amendment: &Amendment| match &amendment.change {
            Amend::Remove { list, .. } => list == REVOKED_LIST,
            Amend::Put { key, .. } => key == RESTORED_KEY,
            Amend::Append { .. } | Amend::Add { .. } => false,
        };
        let steps = self.fix.iter().flatten();
        steps.filter_map(|step| if let FixStep::Manifest { amendments, .. } = step { Some(amendments) } else { None }).flatten().any(back)
    }
}

/// The list of a manifest's entries that take access back.
pub const REVOKED_LIST: &str = "revoked";

/// The key of a table by which a manifest says that what was taken back may be given again.
pub const RESTORED_KEY: &str = "restored";
