//! The part of an object that one step touches, and its digest: what a step expects to find, and what it leaves.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ownership;
use crate::state::ObjectState;

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
    /// Document of a managed policy or of a bucket policy.
    Document,
    /// Audiences of a provider.
    ClientIds,
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

impl ObjectState {
    /// Returns the digest of `facet`; absent where this kind of object, or this object, has no such part.
    pub fn facet(&self, facet: &Facet) -> Digest {
        self.facet_value(facet).map_or_else(Digest::absent, |value| Digest::of(value.as_bytes()))
    }

    /// The `Debug` form of a canonical value is its own canonical text: only ordered collections of strings are in it.
    fn facet_value(&self, facet: &Facet) -> Option<String> {
        match (self, facet) {
            (Self::Role(r), Facet::Existence) => Some(format!("{:?} {}", ownership::owner(&r.tags), r.path)),
            (Self::Role(r), Facet::Trust) => Some(format!("{:?}", r.trust.canonical())),
            (Self::Role(r), Facet::Settings) => Some(format!("{} {}", r.max_session_seconds, r.description)),
            (Self::Role(r), Facet::Boundary) => r.boundary.clone(),
            (Self::Role(r), Facet::Tags) => Some(format!("{:?}", r.tags)),
            (Self::Role(r), Facet::Inline(name)) => r.inline.get(name).map(|d| format!("{:?}", d.canonical())),
            (Self::Role(r), Facet::Attached(arn)) => r.attached.get(arn).cloned(),
            (Self::Policy(p), Facet::Existence) => Some(format!("{:?}", ownership::owner(&p.tags))),
            (Self::Policy(p), Facet::Document) => Some(format!("{:?}", p.document.canonical())),
            (Self::Policy(p), Facet::Tags) => Some(format!("{:?}", p.tags)),
            (Self::User(u), Facet::Existence) => Some(format!("{:?}", ownership::owner(&u.tags))),
            (Self::User(u), Facet::Tags) => Some(format!("{:?}", u.tags)),
            (Self::Group(g), Facet::Existence) => Some(g.path.clone()),
            (Self::Membership(_), Facet::Existence) => Some("member".to_owned()),
            (Self::Attachment(_), Facet::Existence) => Some("attached".to_owned()),
            (Self::OidcProvider(o), Facet::Existence) => Some(format!("{:?}", ownership::owner(&o.tags))),
            (Self::OidcProvider(o), Facet::ClientIds) => Some(format!("{:?}", o.client_ids)),
            (Self::OidcProvider(o), Facet::Tags) => Some(format!("{:?}", o.tags)),
            (Self::Bucket(b), Facet::Existence) => Some(b.region.clone()),
            (Self::Bucket(b), Facet::Versioning) => b.versioning.map(|v| v.to_string()),
            (Self::Bucket(b), Facet::Encryption) => b.encryption.as_ref().map(|v| format!("{v:?}")),
            (Self::Bucket(b), Facet::PublicAccess) => b.public_access_block.map(|v| format!("{v:?}")),
            (Self::Bucket(b), Facet::ObjectOwnership) => b.ownership.clone(),
            (Self::Bucket(b), Facet::Logging) => b.logging.as_ref().map(|v| format!("{v:?}")),
            (Self::Bucket(b), Facet::Tags) => b.tags.as_ref().map(|v| format!("{v:?}")),
            (Self::BucketPolicy(p), Facet::Document) => p.document.as_ref().map(|d| format!("{:?}", d.canonical())),
            _ => None,
        }
    }
}
