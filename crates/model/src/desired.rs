//! What the manifests say should be.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::{Document, Principal, Statement};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::call::PrincipalRef;
use crate::facet::Digest;
use crate::finding::Span;
use crate::identity_center::IdentityCenter;
use crate::ids::{AccountId, Partition};
use crate::key::KeyRef;
use crate::limits::Quotas;
use crate::revoked::Revocation;
use crate::state::{BucketState, GroupState, MadeKey, MembershipState, OidcState, PolicyState, RoleState, SamlState, UserState};

/// A manifest by name, file and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// The `name` key: stamped on everything it owns.
    pub name: String,
    /// The file, as given on the command line.
    pub file: String,
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// Names that it had before (`renamed_from`): what bears one of them is its own, and gets the name that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed_from: Vec<String>,
}

impl ManifestRef {
    /// Returns the names by which its own is known: the one that it has, and those that it had.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.renamed_from).map(String::as_str)
    }
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
    /// No manifest is of it, or names it: it is only looked at for what one has left there.
    #[serde(default)]
    pub left: bool,
    /// What the placeholders of manifests stand for there, beside its id and its label: `region`, and `tag:KEY` where one says it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fills: BTreeMap<String, String>,
}

/// A place in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as given on the command line.
    pub file: String,
    /// The text.
    pub span: Span,
}

/// One of an object's documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentRef {
    /// A role's trust policy.
    Trust,
    /// A role's inline policy, by name.
    Inline(String),
    /// The document of a managed policy, or a bucket's policy.
    Policy,
    /// A managed policy on a role, by its ARN: its statements are not of the manifest, and all come from where it is named.
    Attached(String),
}

/// A statement of a wanted document. What it says does not tell which it is: the same may be said of two roles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementRef {
    /// The object.
    pub address: Address,
    /// Its document.
    pub document: DocumentRef,
    /// Counted from 0.
    pub index: usize,
}

/// A part of a manifest that a statement comes from. One that several principals share comes from several.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Where it says so.
    pub place: Place,
    /// Who is let in by this part; `None` where the document has no principals.
    pub principal: Option<Principal>,
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
    /// What has to stand where nothing is written from here, for people to carry out.
    pub by_hand: Vec<ByHand>,
    /// Where each account is named.
    pub account_places: BTreeMap<AccountId, Vec<Place>>,
    /// Where each object is declared, and where else a manifest speaks of it (two may of one bucket).
    pub places: BTreeMap<Address, Vec<Place>>,
    /// Where each statement comes from.
    pub origins: BTreeMap<StatementRef, Vec<Origin>>,
    /// Findings that are not wanted.
    pub suppressions: Vec<Suppression>,
    /// What AWS was asked to raise in these accounts.
    pub quotas: Quotas,
    /// What manifests may have left in accounts that they are of no longer.
    pub left: Left,
    /// Keys of buckets, by the bucket's name.
    pub bucket_keys: BTreeMap<String, BucketKey>,
    /// Where permission sets are written, if they are.
    pub identity_center: Option<IdentityCenter>,
    /// What sessions with less than a role may do, by the trusting account and name: they are asked for, and written nowhere.
    pub sessions: BTreeMap<(AccountId, String), SessionPolicy>,
    /// Keys that manifests make, by ARN: days from the order to delete one until it is deleted.
    pub made_keys: BTreeMap<String, u32>,
    /// Whose access is taken back.
    pub revoked: Vec<Revocation>,
    /// Roles, and policies of buckets, of which manifests say that what was revoked may be given again: until which instant.
    pub restored: BTreeMap<Address, String>,
}

/// The most that a session may do, of what its role may do.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPolicy {
    /// Name of the manifest that says so.
    pub owner: String,
    /// The session policy; without statements, every grant of it has ended.
    pub document: Document,
}

/// What somebody has to write by hand, in an account that the manifests do not manage, or in what IAM Identity Center keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// The account.
    pub account: AccountId,
    /// Its label, where a manifest has one.
    pub label: Option<String>,
    /// Where it is written.
    pub side: HandSide,
    /// The statements that have to stand there, without Sids.
    pub statements: Vec<Statement>,
}

/// Whose document it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HandSide {
    /// The permissions of a user, group or role.
    Principal(PrincipalRef),
    /// The inline policy of a permission set, by its name.
    PermissionSet(String),
    /// The policy of a key.
    KeyPolicy(KeyRef),
}

/// What is looked at although nothing declares it, beside roles, users and groups, which tell whose they are: mostly in accounts that
/// manifests are of no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Policies and providers, and policies of which every grant has ended.
    pub objects: BTreeSet<Address>,
    /// Buckets by name, with the account and the region in which each would be.
    pub buckets: BTreeMap<String, (AccountId, String)>,
    /// Keys, by ARN.
    pub keys: BTreeSet<String>,
}

/// One wanted object.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredObject {
    /// Name of the manifest that declares it; the first, where several say the same.
    pub owner: String,
    /// The others that say the same.
    pub also: BTreeSet<String>,
    /// True to take over an object that exists without our mark.
    pub adopt: bool,
    /// What it should be.
    pub state: DesiredState,
}

impl DesiredObject {
    /// Tells whether a manifest declares it.
    pub fn is_declared_by(&self, manifest: &str) -> bool {
        self.owner == manifest || self.also.contains(manifest)
    }
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
    Group {
        /// All of it.
        state: GroupState,
        /// The manifest says who is in it, be it nobody. If not, whoever is in it is.
        members: bool,
    },
    /// A membership, added if missing.
    Membership(MembershipState),
    /// What a manifest lets a principal of a trusted account do from its side.
    Caller {
        /// Whose side.
        principal: PrincipalRef,
        /// Statements, each Sid with the manifest's prefix.
        statements: Vec<Statement>,
    },
    /// An OpenID Connect provider.
    OidcProvider(OidcState),
    /// A SAML provider.
    SamlProvider(SamlState),
    /// A bucket that is made if missing.
    Bucket(BucketState),
    /// Our statements in a bucket policy, from every manifest of the run, each Sid with its manifest's prefix.
    BucketPolicy {
        /// Region of the bucket, where the manifest knows it.
        region: String,
        /// It is said of this bucket, and no more than what is usual in its manifest: then it is wanted there and nowhere else.
        is_region_said: bool,
        /// Statements with their Sids.
        statements: Vec<Statement>,
    },
    /// Our statements in a permission set's inline policy, from every manifest of the run, each Sid with its manifest's prefix.
    PermissionSet {
        /// Statements with their Sids.
        statements: Vec<Statement>,
        /// The accounts that they are for.
        accounts: BTreeSet<AccountId>,
    },
    /// A key that is made if missing.
    Key(MadeKey),
    /// Our statements in a key's policy, from every manifest of the run, each Sid with its manifest's prefix.
    KeyPolicy {
        /// The key.
        key: KeyRef,
        /// What it should let whom do.
        grants: Vec<KeyGrant>,
    },
}

impl DesiredState {
    /// Every statement that it gives somebody by its own policies: of roles, managed policies, callers and permission sets.
    pub fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Role { state, .. } => state.statements().collect(),
            Self::Policy(policy) => policy.document.statements.iter().collect(),
            Self::Caller { statements, .. } | Self::PermissionSet { statements, .. } => statements.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// A statement of ours in a key's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyGrant {
    /// With its Sid.
    pub statement: Statement,
    /// The same is allowed by policies of the key's own account: where the key's policy leaves it to those, nothing is written.
    pub by_iam: bool,
}

/// The key that a bucket's objects are encrypted with, as a manifest says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketKey {
    /// The key.
    pub key: KeyRef,
    /// With one data key for many objects.
    pub bucket_key: bool,
    /// Region of the bucket.
    pub region: String,
}

impl Desired {
    /// Returns the names of the manifests of this run, and those that they had: what bears one of them is of this run.
    pub fn owners(&self) -> BTreeSet<&str> {
        self.manifests.iter().flat_map(ManifestRef::names).collect()
    }

    /// Returns the accounts of a label: two manifests of a run may give two accounts the same.
    pub fn labelled(&self, label: &str) -> Vec<&AccountId> {
        self.accounts.iter().filter(|(_, info)| info.label == label).map(|(id, _)| id).collect()
    }

    /// Returns where a statement is written: the part that names this principal, else the first.
    pub fn origin(&self, at: &StatementRef, principal: Option<&str>) -> Option<&Place> {
        let origins = self.origins.get(at)?;
        let names = |o: &&Origin| principal.is_some_and(|wanted| o.principal.as_ref().is_some_and(|p| p.entries.values().flatten().any(|v| v == wanted)));
        origins.iter().find(names).or_else(|| origins.first()).map(|o| &o.place)
    }
}
