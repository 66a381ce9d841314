//! Which object: account, kind, name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

/// The kinds of objects that are planned; the order is the one a plan lists them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// OpenID Connect provider; its name is the URL without the scheme.
    OidcProvider,
    /// SAML provider.
    SamlProvider,
    /// Customer managed policy.
    Policy,
    /// Role.
    Role,
    /// User on the caller side.
    User,
    /// Group on the caller side.
    Group,
    /// A user in a group: `Group/user`.
    Membership,
    /// A managed policy of ours on a principal that is not ours: `group/Name/policy`.
    Attachment,
    /// What one manifest lets a principal do from its side: `group/Name/manifest`. It is never live by itself: all manifests'
    /// statements for a principal stand together in its [caller policies](crate::ownership::caller_policy).
    Caller,
    /// Our statements in the inline policy of a permission set; its account is that of IAM Identity Center.
    PermissionSet,
    /// Bucket and its settings.
    Bucket,
    /// Our statements in a bucket's policy.
    BucketPolicy,
    /// A key that a manifest makes; its name is region and alias: `eu-west-1/alias/exchange`.
    Key,
    /// Our statements in a key's policy; its name is region and id, or alias: `eu-west-1/1234abcd-…`.
    KeyPolicy,
}

impl Kind {
    /// Returns the name used in addresses and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OidcProvider => "oidc-provider",
            Self::SamlProvider => "saml-provider",
            Self::Policy => "policy",
            Self::Role => "role",
            Self::User => "user",
            Self::Group => "group",
            Self::Membership => "membership",
            Self::Attachment => "attachment",
            Self::Caller => "caller",
            Self::PermissionSet => "permission-set",
            Self::Bucket => "bucket",
            Self::BucketPolicy => "bucket-policy",
            Self::Key => "key",
            Self::KeyPolicy => "key-policy",
        }
    }
}

/// The name of one object, unique in a run: `222222222222/role/ProdS3RWRole`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// The account that owns the object.
    pub account: AccountId,
    /// What it is.
    pub kind: Kind,
    /// Its name, in the manifest's spelling.
    pub name: String,
}

impl Address {
    /// Returns the address of `name` in `account`.
    pub fn new(account: &AccountId, kind: Kind, name: impl Into<String>) -> Self {
        Self { account: account.clone(), kind, name: name.into() }
    }

    /// Returns `role ProdS3RWRole`: for sentences where the account is known.
    pub fn short(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.name)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.kind.as_str(), self.name)
    }
}
