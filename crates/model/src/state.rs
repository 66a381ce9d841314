//! What an object is, on either side of a change. Equality is of meaning: documents compare by canonical form.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::{Document, Element, Principal, Statement};
use serde::{Deserialize, Serialize};

use crate::call::PrincipalRef;
use crate::ids::{AccountId, Partition};

/// Tag keys and values, `aws:` ones left out (AWS sets those, nobody else can).
pub type Tags = BTreeMap<String, String>;

/// A role, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleState {
    /// Begins and ends with a slash.
    pub path: String,
    /// Who may assume it.
    pub trust: Document,
    /// Empty when there is none.
    pub description: String,
    /// Longest session, 3,600 to 43,200 seconds.
    pub max_session_seconds: u32,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags, ours included.
    pub tags: Tags,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
}

impl RoleState {
    /// The statements of its inline policies.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.inline.values().flat_map(|document| &document.statements)
    }
}

/// A customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyState {
    /// Begins and ends with a slash.
    pub path: String,
    /// Immutable once made.
    pub description: String,
    /// The default version's document.
    pub document: Document,
    /// Tags, ours included.
    pub tags: Tags,
}

/// A user: made if missing, and nothing of it changed afterwards but its tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// Begins and ends with a slash.
    pub path: String,
    /// Tags, ours included.
    pub tags: Tags,
}

/// A group: made if missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// The path carries the owner, see [`crate::ownership::group_path`].
    pub path: String,
}

/// A user's place in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipState {
    /// The group.
    pub group: String,
    /// The user.
    pub user: String,
}

/// A managed policy on a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentState {
    /// Whom it is attached to.
    pub principal: PrincipalRef,
    /// ARN of the managed policy.
    pub policy_arn: String,
}

/// An OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcState {
    /// `https://…`.
    pub url: String,
    /// Audiences.
    pub client_ids: BTreeSet<String>,
    /// Tags, ours included.
    pub tags: Tags,
}

/// A SAML provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlState {
    /// The identity provider's metadata: XML, as it was written.
    pub metadata: String,
    /// Tags, ours included.
    pub tags: Tags,
}

/// Server-side encryption by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// SSE-S3.
    Aes256,
    /// SSE-KMS with this key.
    Kms {
        /// ARN or id of the key.
        key: String,
        /// One data key for many objects, whose encryption context is then the bucket and not the object (S3 User Guide,
        /// "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys").
        bucket_key: bool,
    },
}

/// The four block public access settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// `BlockPublicAcls`.
    pub block_acls: bool,
    /// `IgnorePublicAcls`.
    pub ignore_acls: bool,
    /// `BlockPublicPolicy`.
    pub block_policy: bool,
    /// `RestrictPublicBuckets`.
    pub restrict_buckets: bool,
}

impl PublicAccessBlock {
    /// All four on or all four off.
    pub fn all(on: bool) -> Self {
        Self { block_acls: on, ignore_acls: on, block_policy: on, restrict_buckets: on }
    }

    /// What a bucket's own block and that of its account keep out together: the more restrictive of the two counts (S3 User Guide,
    /// "Blocking public access to your Amazon S3 storage").
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            block_acls: self.block_acls || other.block_acls,
            ignore_acls: self.ignore_acls || other.ignore_acls,
            block_policy: self.block_policy || other.block_policy,
            restrict_buckets: self.restrict_buckets || other.restrict_buckets,
        }
    }
}

/// Where access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logging {
    /// Target bucket.
    pub bucket: String,
    /// Key prefix.
    pub prefix: String,
}

/// A bucket. A setting is `None` when the manifest does not state it: it is then neither read nor changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketState {
    /// The region it lies in.
    pub region: String,
    /// On or off (suspended, or never enabled).
    pub versioning: Option<bool>,
    /// Default encryption.
    pub encryption: Option<Encryption>,
    /// Block public access.
    pub public_access_block: Option<PublicAccessBlock>,
    /// `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.
    pub ownership: Option<String>,
    /// The inner `None`: no access logging.
    pub logging: Option<Option<Logging>>,
    /// Tags, ours included.
    pub tags: Option<Tags>,
}

impl BucketState {
    /// One of which nothing is stated but where it lies.
    pub fn unstated(region: impl Into<String>) -> Self {
        let region = region.into();
        Self { region, versioning: None, encryption: None, public_access_block: None, ownership: None, logging: None, tags: None }
    }
}

/// The whole policy of a bucket; `None` when it has none (S3 knows no empty policy).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketPolicyState {
    /// Every statement, foreign ones included.
    pub document: Option<Document>,
}

/// The whole policy of a key: it always has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPolicyState {
    /// Every statement, foreign ones included.
    pub document: Document,
}

impl KeyPolicyState {
    /// The policy that AWS makes a key with that comes without one: it leaves everything to the policies of its account (AWS KMS
    /// Developer Guide, "Default key policy").
    pub fn of_new_key(partition: Partition, account: &AccountId) -> Self {
        let mut own = Statement::allow(Element::of(["kms:*"]), Some(Element::of(["*"])));
        own.sid = Some("Enable IAM User Permissions".to_owned());
        own.principal = Some(Principal::of("AWS", [partition.iam_arn(account, "root", "", "")]));
        Self { document: Document { id: Some("key-default-1".to_owned()), ..Document::new(vec![own]) } }
    }
}

/// A key that a manifest makes, but for its policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeKey {
    /// `alias/exchange`; `None` of one that was begun and has not got it yet.
    pub alias: Option<String>,
    /// Empty when there is none.
    pub description: String,
    /// Days after which AWS rotates it, 90 to 2,560; `None`: never.
    pub rotation_days: Option<u32>,
    /// Tags, ours included.
    pub tags: Tags,
}

/// What a permission set gives beside the policies that are attached to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetState {
    /// Its inline policy, foreign statements included; `None` when it has none.
    pub document: Option<Document>,
    /// The accounts of which the roles have not got it as it is.
    pub late: BTreeSet<AccountId>,
}

/// The state of an object of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectState {
    /// [`RoleState`].
    Role(RoleState),
    /// [`PolicyState`].
    Policy(PolicyState),
    /// [`UserState`].
    User(UserState),
    /// [`GroupState`].
    Group(GroupState),
    /// [`MembershipState`].
    Membership(MembershipState),
    /// [`AttachmentState`].
    Attachment(AttachmentState),
    /// [`OidcState`].
    OidcProvider(OidcState),
    /// [`SamlState`].
    SamlProvider(SamlState),
    /// [`SetState`].
    PermissionSet(SetState),
    /// [`BucketState`].
    Bucket(BucketState),
    /// [`BucketPolicyState`].
    BucketPolicy(BucketPolicyState),
    /// [`MadeKey`].
    Key(MadeKey),
    /// [`KeyPolicyState`].
    KeyPolicy(KeyPolicyState),
}

impl ObjectState {
    /// Every statement that it gives somebody by its own policies: of roles, managed policies and permission sets.
    pub fn statements(&self) -> Vec<&Statement> {
        match self {
            Self::Role(role) => role.statements().collect(),
            Self::Policy(policy) => policy.document.statements.iter().collect(),
            Self::PermissionSet(set) => set.document.iter().flat_map(|document| &document.statements).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_restrictive_block_counts() {
        let some = PublicAccessBlock { restrict_buckets: true, ..PublicAccessBlock::all(false) };
        assert_eq!(PublicAccessBlock::all(false).with(some), some);
        assert_eq!(some.with(PublicAccessBlock::all(false)), some);
        assert_eq!(some.with(PublicAccessBlock::all(true)), PublicAccessBlock::all(true));
    }
}
