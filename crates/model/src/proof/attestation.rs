//! All that one run showed, beside what was called: what is live and no call shows.

use serde::{Deserialize, Serialize};

use crate::access::AccessDelta;
use crate::address::Address;
use crate::desired::ManifestRef;
use crate::ids::AccountId;
use crate::revoked::Whose;

use super::Proof;

/// Something that is not as the manifests say, and that no call shows: nobody is let more by it at that moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unshown {
    /// Of which object.
    pub address: Address,
    /// What of it.
    pub part: Setting,
}

/// What of an object no call shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The permissions boundary of a role, or what it says.
    Boundary,
    /// A bucket's block of public access.
    PublicAccessBlock,
    /// What a bucket's objects are encrypted with.
    Encryption,
    /// A bucket's versioning.
    Versioning,
    /// A bucket's logging.
    Logging,
    /// Who owns a bucket's objects.
    Ownership,
    /// The metadata of a SAML provider, which says who signs in.
    Metadata,
    /// The audiences of an OpenID Connect provider.
    Audiences,
}

impl Setting {
    /// Returns its name, as the field has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boundary => "permissions boundary",
            Self::PublicAccessBlock => "block public access",
            Self::Encryption => "encryption",
            Self::Versioning => "versioning",
            Self::Logging => "logging",
            Self::Ownership => "object ownership",
            Self::Metadata => "metadata",
            Self::Audiences => "audiences",
        }
    }
}

/// Access to a role that manifests take back, and that is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unrevoked {
    /// The role.
    pub role: Address,
    /// Whose access.
    pub whose: Whose,
    /// The instant of the entry, as policies write it.
    pub since: String,
    /// What is missing.
    pub because: Missing,
}

/// What of a revocation is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// What denies it: the trust policy has no room for it.
    Deny,
    /// The tag that keeps older manifests from giving it back.
    Mark,
    /// The same, for which the role has no room.
    MarkNoRoom,
    /// The role was not read: it is not known.
    Unread,
}

/// What gives access beside policies and could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unlooked {
    /// What it is.
    pub what: Beside,
    /// Why.
    pub why: String,
}

/// What gives access beside policies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// Grants of keys, and ACLs of buckets and objects: this run looked at none.
    Everything,
    /// The grants of a key, by its ARN.
    KeyGrants(String),
    /// The ACL of a bucket.
    BucketAcl(String),
    /// The ACLs of a bucket's objects, where ACLs count: nobody lists those.
    ObjectAcls(String),
}

impl Attestation {
    /// Tells whether something is not known that no cell tells of.
    pub fn is_unlooked(&self) -> bool {
        !self.unlooked.is_empty() || self.unrevoked.iter().any(|one| one.because == Missing::Unread)
    }

    /// Tells whether access was to be taken back, and is not.
    pub fn is_unrevoked(&self) -> bool {
        self.unrevoked.iter().any(|one| one.because != Missing::Unread)
    }

    /// Tells whether something is let, or unguarded, that no manifest says, whatever calls showed.
    pub fn is_beyond(&self) -> bool {
        self.beyond.widens() || self.granted.widens() || !self.unguarded.is_empty()
    }

    /// Tells whether something that the manifests say is not let, or may not be, whatever calls showed.
    pub fn is_lacking(&self) -> bool {
        !self.lacking.changes.is_empty() || !self.lacking.undecided.is_empty()
    }
}

/// Everything that one run showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// What was proved.
    pub manifests: Vec<ManifestRef>,
    /// The commit, where there is one.
    pub commit: Option<String>,
    /// Seconds since 1970 of the beginning.
    pub begun: i64,
    /// Seconds since 1970 of the end.
    pub ended: i64,
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// Why what is live was not read.
    pub unread: Vec<(AccountId, String)>,
    /// Actions that manifests grant and for which no harmless call is known, by role.
    pub untried: Vec<(String, Vec<String>)>,
    /// Buckets that a role may work in and that no manifest of the run speaks of, by role: nothing is tried there.
    pub elsewhere: Vec<(String, Vec<String>)>,
    /// Who may do more than any manifest says, by what was read.
    pub beyond: AccessDelta,
    /// The same by grants of keys and ACLs of buckets.
    pub granted: AccessDelta,
    /// The same by policies of buckets and keys: what manifests of other runs wrote there, and what lets services in.
    pub beside: AccessDelta,
    /// Who may do less than the manifests say, by what was read, and what is not decided.
    pub lacking: AccessDelta,
    /// What guards, is not as the manifests say, and shows in no call.
    pub unguarded: Vec<Unshown>,
    /// What else is not as the manifests say and shows in no call.
    pub unshown: Vec<Unshown>,
    /// Access that manifests take back and that is not taken back, or of which that is not known.
    pub unrevoked: Vec<Unrevoked>,
    /// What gives access beside policies and could not be looked at.
    pub unlooked: Vec<Unlooked>,
    /// What gives access beside policies and is never looked at.
    pub not_looked_at: Vec<Beside>,
    /// Objects of ours that could not be deleted, each with why.
    pub left_behind: Vec<(String, String)>,
    /// Cells over the most that one run tries.
    pub left_out: usize,
    /// Cell by cell.
    pub proofs: Vec<Proof>,
}
