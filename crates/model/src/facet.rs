//! The part of an object that one step touches, and its digest: what a step expects to find, and what it leaves.

use std::collections::BTreeSet;
use std::fmt;

use crossrole_policy::encode::Encoder;
use crossrole_policy::{Document, Share};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::AccountId;
use crate::ownership;
use crate::state::{BucketState, Encryption, Logging, ObjectState, PublicAccessBlock, RoleState, Tags};

/// One independently writable part of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facet {
    /// That it exists, and whose it is.
    Existence,
    /// Trust policy.
    Trust,
    /// Description and longest session.
    Settings,
    /// Permissions boundary.
    Boundary,
    /// All tags.
    Tags,
    /// The inline policy of this name.
    Inline(String),
    /// The managed policy of this ARN.
    Attached(String),
    /// Document of a managed policy.
    Document,
    /// Of a document that belongs to many, the statements whose Sids begin with one of these.
    Statements(BTreeSet<String>),
    /// Audiences of a provider.
    ClientIds,
    /// Metadata of a SAML provider.
    Metadata,
    /// That what a permission set gives has reached its role in this account.
    Provisioned(AccountId),
    /// Alias of a key.
    Alias,
    /// How often a key is rotated.
    Rotation,
    /// Bucket versioning.
    Versioning,
    /// Bucket encryption.
    Encryption,
    /// Bucket block public access.
    PublicAccess,
    /// Bucket object ownership.
    ObjectOwnership,
    /// Bucket access logging.
    Logging,
}

/// Digest of the canonical value of a facet: the first 128 bits of a SHA-256, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).iter().take(16).map(|b| format!("{b:02x}")).collect())
    }

    /// Returns a digest that somebody has written: 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 32 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// Returns the digest of something that is not there.
    pub fn absent() -> Self {
        Self("absent".to_owned())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BucketState {
    /// S3's settings of a bucket that was created as this one is, and not written since (S3 User Guide, "Default settings for
    /// new buckets": since April 2023 closed to the public, without ACLs, encrypted).
    fn created(&self) -> Self {
        Self {
            region: self.region.clone(),
            versioning: Some(false),
            encryption: Some(Encryption::Aes256),
            public_access_block: Some(PublicAccessBlock { block_acls: true, ignore_acls: true, block_policy: true, restrict_buckets: true }),
            ownership: self.ownership.clone().or_else(|| Some("BucketOwnerEnforced".to_owned())),
            logging: Some(None),
            tags: self.tags.clone(),
        }
    }
}

impl ObjectState {
    /// Tells whether a part with this digest is what the creation of this object leaves of it, when nothing was written since:
    /// it is not there, or it has the setting that AWS makes new objects with.
    pub fn is_begun(&self, facet: &Facet, value: &Digest) -> bool {
        let set = if let Self::Bucket(bucket) = self { bucket_facet(&bucket.created(), facet) } else { None };
        *value == Digest::absent() || set.is_some_and(|set| *value == Digest::of(&set))
    }

    /// Returns the digest of `facet`; absent where this kind of object, or this object, has no such part.
    pub fn facet(&self, facet: &Facet) -> Digest {
        self.facet_value(facet).map_or_else(Digest::absent, |value| Digest::of(&value))
    }

    /// Bytes of an explicit encoding: digests stand in saved plans, and must not depend on how a type is named today.
    fn facet_value(&self, facet: &Facet) -> Option<Vec<u8>> {
        match self {
            Self::Role(role) => role_facet(role, facet),
            Self::Policy(policy) => match facet {
                Facet::Existence => Some(owned(&policy.tags)),
                Facet::Document => Some(policy.document.canonical().encode()),
                Facet::Tags => Some(tags(&policy.tags)),
                Facet::Statements(prefixes) => share(prefixes, Some(&policy.document)),
                _ => None,
            },
            Self::User(user) => match facet {
                Facet::Existence => Some(owned(&user.tags)),
                Facet::Tags => Some(tags(&user.tags)),
                _ => None,
            },
            Self::Group(group) => (*facet == Facet::Existence).then(|| text("group", &group.path)),
            Self::Membership(_) => (*facet == Facet::Existence).then(|| text("membership", "")),
            Self::Attachment(_) => (*facet == Facet::Existence).then(|| text("attachment", "")),
            Self::OidcProvider(provider) => match facet {
                Facet::Existence => Some(owned(&provider.tags)),
                Facet::ClientIds => Some(Encoder::new("audiences").texts(provider.client_ids.iter()).finish()),
                Facet::Tags => Some(tags(&provider.tags)),
                _ => None,
            },
            Self::SamlProvider(provider) => match facet {
                Facet::Existence => Some(owned(&provider.tags)),
                Facet::Metadata => Some(text("metadata", &provider.metadata)),
                Facet::Tags => Some(tags(&provider.tags)),
                _ => None,
            },
            Self::Bucket(bucket) => bucket_facet(bucket, facet),
            Self::Key(key) => match facet {
                Facet::Existence => Some(owned(&key.tags)),
                Facet::Alias => key.alias.as_ref().map(|alias| text("alias", alias)),
                Facet::Settings => Some(text("description", &key.description)),
                Facet::Rotation => key.rotation_days.map(|days| Encoder::new("rotation").number(days.into()).finish()),
                Facet::Tags => Some(tags(&key.tags)),
                _ => None,
            },
            Self::BucketPolicy(policy) => {
                let Facet::Statements(prefixes) = facet else { return None };
                share(prefixes, policy.document.as_ref())
            }
            Self::PermissionSet(set) => match facet {
                Facet::Statements(prefixes) => share(prefixes, set.document.as_ref()),
                // What has reached the roles, not that something has.
                Facet::Provisioned(account) => {
                    (!set.late.contains(account)).then(|| set.document.as_ref().map_or_else(|| text("provisioned", ""), |d| d.canonical().encode()))
                }
                _ => None,
            },
            Self::KeyPolicy(policy) => {
                let Facet::Statements(prefixes) = facet else { return None };
                share(prefixes, Some(&policy.document))
            }
        }
    }
}

/// The statements of a document whose Sids begin so, where there are any.
fn share(prefixes: &BTreeSet<String>, document: Option<&Document>) -> Option<Vec<u8>> {
    let part = Share { prefixes: prefixes.clone(), statements: Vec::new() }.part(document);
    (!part.statements.is_empty()).then(|| part.canonical().encode())
}

fn role_facet(role: &RoleState, facet: &Facet) -> Option<Vec<u8>> {
    match facet {
        Facet::Existence => Some(Encoder::new("role").option(ownership::owner(&role.tags)).text(&role.path).finish()),
        Facet::Trust => Some(role.trust.canonical().encode()),
        Facet::Settings => Some(Encoder::new("settings").number(role.max_session_seconds.into()).text(&role.description).finish()),
        Facet::Boundary => role.boundary.as_ref().map(|arn| text("boundary", arn)),
        Facet::Tags => Some(tags(&role.tags)),
        Facet::Inline(name) => role.inline.get(name).map(|d| d.canonical().encode()),
        Facet::Attached(arn) => role.attached.get(arn).map(|arn| text("attached", arn)),
        _ => None,
    }
}

fn bucket_facet(bucket: &BucketState, facet: &Facet) -> Option<Vec<u8>> {
    match facet {
        // Its mark comes with its making, so that a bucket without it is somebody else's.
        Facet::Existence => Some(Encoder::new("bucket").option(bucket.tags.as_ref().and_then(ownership::owner)).text(&bucket.region).finish()),
        Facet::Versioning => bucket.versioning.map(|on| Encoder::new("versioning").flag(on).finish()),
        Facet::Encryption => bucket.encryption.as_ref().map(|encryption| match encryption {
            Encryption::Aes256 => text("encryption", "AES256"),
            Encryption::Kms { key, bucket_key } => Encoder::new("encryption").text("aws:kms").text(key).flag(*bucket_key).finish(),
        }),
        Facet::PublicAccess => bucket.public_access_block.map(|block| {
            let PublicAccessBlock { block_acls, ignore_acls, block_policy, restrict_buckets } = block;
            Encoder::new("public-access-block").flag(block_acls).flag(ignore_acls).flag(block_policy).flag(restrict_buckets).finish()
        }),
        Facet::ObjectOwnership => bucket.ownership.as_ref().map(|ownership| text("object-ownership", ownership)),
        Facet::Logging => bucket.logging.as_ref().map(|logging| match logging {
            None => text("logging", "off"),
            Some(Logging { bucket, prefix }) => Encoder::new("logging").text("to").text(bucket).text(prefix).finish(),
        }),
        Facet::Tags => bucket.tags.as_ref().map(tags),
        _ => None,
    }
}

fn text(kind: &str, value: &str) -> Vec<u8> {
    Encoder::new(kind).text(value).finish()
}

fn owned(tags: &Tags) -> Vec<u8> {
    Encoder::new("owner").option(ownership::owner(tags)).finish()
}

fn tags(tags: &Tags) -> Vec<u8> {
    Encoder::new("tags").map(tags).finish()
}
