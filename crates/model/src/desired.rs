//! What the manifests say should be.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::Statement;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::facet::Digest;
use crate::finding::Span;
use crate::ids::{AccountId, Partition};
use crate::state::{AttachmentState, BucketState, GroupState, MembershipState, OidcState, PolicyState, RoleState, UserState};

/// A manifest by name, file and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// The `name` key: stamped on everything it owns.
    pub name: String,
    /// The file, as given on the command line.
    pub file: String,
    /// Digest of the file's bytes.
    pub digest: Digest,
}

/// An account that takes part in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// The label in the manifest: `dev`; `trusting` for the trusting account.
    pub label: String,
    /// True for an account that owns roles and buckets.
    pub trusting: bool,
    /// False when its caller side is somebody else's to manage: it is then never called.
    pub managed: bool,
}

/// A place in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as given on the command line.
    pub file: String,
    /// The text.
    pub span: Span,
}

/// A lint rule that a manifest says not to apply, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The rule's id.
    pub rule: String,
    /// `role/Name`, `bucket/name`, …; `None`: the whole manifest.
    pub object: Option<String>,
    /// Why.
    pub reason: String,
    /// Where it says so.
    pub place: Place,
}

/// Everything that is wanted, from all manifests of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// In the order given.
    pub manifests: Vec<ManifestRef>,
    /// The partition all accounts lie in.
    pub partition: Partition,
    /// Every account named.
    pub accounts: BTreeMap<AccountId, AccountInfo>,
    /// Every object, by address.
    pub objects: BTreeMap<Address, DesiredObject>,
    /// Principals that are relied on but not made: they must exist.
    pub required: BTreeSet<Address>,
    /// What the manifest grants on the caller side of accounts that it does not manage, for people to carry out.
    pub unmanaged_callers: BTreeSet<String>,
    /// Where each object is declared.
    pub places: BTreeMap<Address, Place>,
    /// Where statements come from, each without its Sid and principals: those are put together from several places.
    pub statement_places: Vec<(Statement, Place)>,
    /// Findings that are not wanted.
    pub suppressions: Vec<Suppression>,
}

/// One wanted object.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredObject {
    /// Name of the manifest that declares it.
    pub owner: String,
    /// True to take over an object that exists without our mark.
    pub adopt: bool,
    /// What it should be.
    pub state: DesiredState,
}

/// The wanted state by kind.
#[derive(Debug, Clone, PartialEq)]
pub enum DesiredState {
    /// A role, declared whole.
    Role {
        /// All of it.
        state: RoleState,
        /// Leave policies that others put on it (`foreign_policies = "keep"`).
        keep_foreign: bool,
    },
    /// A managed policy.
    Policy(PolicyState),
    /// A user, made if missing.
    User(UserState),
    /// A group, made if missing.
    Group(GroupState),
    /// A membership, added if missing.
    Membership(MembershipState),
    /// A policy of ours on a principal that is not ours.
    Attachment(AttachmentState),
    /// An OpenID Connect provider.
    OidcProvider(OidcState),
    /// A bucket that is made if missing.
    Bucket(BucketState),
    /// Our statements in a bucket policy, from every manifest of the run, each Sid with its manifest's prefix.
    BucketPolicy {
        /// Region of the bucket, where the manifest knows it.
        region: String,
        /// Statements with their Sids.
        statements: Vec<Statement>,
    },
}

impl Desired {
    /// Returns the names of the manifests of this run.
    pub fn owners(&self) -> BTreeSet<&str> {
        self.manifests.iter().map(|m| m.name.as_str()).collect()
    }
}
