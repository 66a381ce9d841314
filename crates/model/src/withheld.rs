//! What is not planned, and why.

use std::collections::BTreeSet;

use crossrole_policy::Unmergeable;
use serde::{Deserialize, Serialize};

use crate::address::{Address, Kind};
use crate::ids::AccountId;
use crate::limits::Quota;
use crate::observed::{KeyState, Unreadable};

/// What could not be planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A whole account.
    Account {
        /// Its id.
        account: AccountId,
        /// Its label in the manifest.
        label: String,
    },
    /// In this account, what no manifest declares any more.
    Pruning {
        /// Its id.
        account: AccountId,
        /// Its label in the manifest.
        label: String,
    },
    /// In this account, what of one kind no manifest declares any more.
    PruningOf {
        /// Its id.
        account: AccountId,
        /// Its label in the manifest.
        label: String,
        /// Which.
        kind: Kind,
    },
    /// An object.
    Object(Address),
    /// What an object has of something else that is withheld; the rest of it goes on.
    Part(Address),
    /// The quotas of these accounts.
    Quotas(BTreeSet<AccountId>),
    /// The description of a policy.
    Description(Address),
    /// Permission sets that nothing declares, of IAM Identity Center in this account.
    PermissionSets(AccountId),
    /// A `--target`.
    Target(String),
    /// A `--destroy-key`.
    Key(String),
    /// So many changes that are no targets.
    Untargeted(usize),
}

/// Why something could not be planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It could not be read.
    Unreadable(Unreadable),
    /// Only single objects could be read.
    Incomplete(Option<Unreadable>),
    /// It has moved since the plan was reviewed, or rests on what has.
    Moved,
    /// Our policies let principals assume roles of this account, and no manifest and no directory names it any more.
    Unlisted,
    /// Statements of ours let its principals in, or an earlier commit's manifests name it, and no manifest of this run does: what may have been
    /// made there was not looked at.
    Unnamed,
    /// It relies on this principal, which does not exist.
    Missing(Address),
    /// It names a principal or a policy that is called otherwise where it is: IAM tells names apart neither by path nor by case, and ARNs
    /// by both.
    NamedOtherwise {
        /// The ARN that it names.
        named: String,
        /// The ARN of what is there.
        live: String,
    },
    /// It is the permissions boundary of this role or user, and IAM deletes none that is.
    BoundaryOf(Address),
    /// No manifest of this run declares it any more, and this object that one declares relies on it.
    ReliedOn(Address),
    /// It names this object, or is reached through it, and that is withheld.
    Withheld(Address),
    /// It exists without our mark.
    Unmarked {
        /// The mark: `crossrole:manifest=name`.
        mark: String,
        /// The command that puts it there, where there is one.
        command: Option<String>,
    },
    /// It is declared, is to be taken back, and exists without our mark.
    MarkGone {
        /// The mark: `crossrole:manifest=name`.
        mark: String,
    },
    /// It belongs to this manifest.
    Owned(String),
    /// IAM takes this name for the same.
    Spelling(String),
    /// Its name is taken by this policy of another path, which is not of the caller's side.
    NameTaken(String),
    /// It is a service-linked role.
    ServiceLinked,
    /// The bucket lies in one region and is wanted in another.
    Region {
        /// Where it lies.
        found: String,
        /// Where it is wanted.
        wanted: String,
    },
    /// It exists under another path, and its ARN is another than what is declared.
    Path {
        /// Where it is.
        found: String,
        /// Where it is wanted.
        wanted: String,
    },
    /// The bucket does not exist.
    NoBucket,
    /// The instance of IAM Identity Center has no permission set of this name.
    NoPermissionSet,
    /// Manifests name permission sets, and nothing says where these are written.
    NoIdentityCenter,
    /// The permission set is not assigned in this account, so that it has no role there.
    NotAssigned(AccountId),
    /// The key does not exist.
    NoKey,
    /// The key is AWS's own, and nobody can change its policy (AWS KMS Developer Guide, "AWS managed keys").
    AwsKey,
    /// The key can't be used as it is.
    KeyState(KeyState),
    /// What the bucket is encrypted with by default could not be read.
    EncryptionUnread(Unreadable),
    /// The bucket is encrypted with another key by default than the manifest says.
    OtherKey {
        /// ARN of the one that it has; `None`: it has none, and an empty one is AWS's own.
        found: Option<String>,
        /// ARN of the one that the manifest says.
        said: String,
    },
    /// A key goes only when it is told by name.
    KeyStays,
    /// No key of this alias is to be taken back.
    NoSuchKey,
    /// It is the key of another alias: its tag says so.
    OtherAlias(String),
    /// Its alias stands for a key that is not ours, and this one of ours was made for it.
    AliasMoved(String),
    /// Another alias that is declared stands for the same key.
    SameKey(String),
    /// It is not a symmetric key for encryption, with material of KMS's own.
    KeyKind,
    /// This bucket stays encrypted with it.
    KeyInUse(String),
    /// Without our statements, the key's policy would have none.
    EmptyKeyPolicy,
    /// Our statements can't be put beside the foreign ones.
    Unmergeable(Unmergeable),
    /// The bucket's block of public access refuses every writing of a policy that these statements, by Sid, make public.
    Public(Vec<String>),
    /// The account's block of public access does.
    PublicInAccount(Vec<String>),
    /// It would be over this quota.
    Quota {
        /// Which.
        quota: Quota,
        /// How much it would be: characters, bytes, or objects.
        size: usize,
        /// The most that there can be.
        limit: usize,
    },
    /// Access to it was revoked at this instant, and no manifest of this run knows of that, or says that it may be given again.
    Revoked {
        /// As policies write it.
        since: String,
    },
    /// It does not deny the sessions that a revoked user has by `sts:GetFederationToken`: a policy names no user that does not exist.
    Federated {
        /// ARN of the user.
        user: String,
        /// It does not exist; otherwise that is not known.
        missing: bool,
    },
    /// No manifest of this run declares it any more, and one of another run uses it.
    Used,
    /// AWS can't change it.
    Unchangeable,
    /// No change is named so.
    NoSuchTarget,
    /// They are not among the targets.
    NotTargeted,
}

/// Something that could not be planned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Withheld {
    /// What.
    pub subject: Subject,
    /// Why.
    pub cause: Cause,
    /// True when something that was asked for is concerned (a declared object and, with targets, one of those), so that the
    /// plan does not reach what the manifest says.
    pub blocks: bool,
}

impl Withheld {
    /// Tells whether the object is written all the same, and this is said of it.
    pub fn is_remark(&self) -> bool {
        match (&self.subject, &self.cause) {
            (Subject::Object(address), Cause::KeyState(_)) => address.kind == Kind::KeyPolicy,
            (_, Cause::NotAssigned(_) | Cause::EncryptionUnread(_) | Cause::OtherKey { .. } | Cause::Federated { .. }) => true,
            _ => false,
        }
    }

    /// Tells whether it is known, and stays as it is: it was to go, and others may name it.
    pub fn stays(&self) -> bool {
        matches!(self.cause, Cause::BoundaryOf(_) | Cause::ReliedOn(_) | Cause::Used | Cause::KeyStays | Cause::KeyInUse(_))
    }
}
