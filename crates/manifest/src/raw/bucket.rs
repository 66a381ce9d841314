//! Buckets, as they are written.

use schemars::JsonSchema;
use toml::Spanned as TomlSpanned;
use toml::de::DeValue;

use super::grant::grant;
use super::statement::Statement;
use super::words::{Access, words};
use crate::decode::{Decode, Decoder, OneOrMany, Spanned, Table, record, wrong_type};
use crate::scalar::{ActionPattern, BucketName, Instant, Prefix, Region};

record! {
    /// A bucket. Without `create` it must exist, and only its policy is touched.
    Bucket {
        /// Make it if missing, and own it.
        create: Option<Spanned<bool>>,
        /// Take over a bucket of this name that exists without our mark.
        adopt: Option<Spanned<bool>>,
        /// Region, when it is not that of the trusting account.
        region: Option<Spanned<Region>>,
        /// Versioning on or suspended.
        versioning: Option<Spanned<bool>>,
        /// `"AES256"`, or `{ kms_key = "arn:…" }`. Of a bucket that somebody else made, the key that it has.
        encryption: Option<Spanned<Encryption>>,
        /// All four block public access settings on or off.
        public_access_block: Option<Spanned<bool>>,
        /// Object ownership.
        ownership: Option<Spanned<Ownership>>,
        /// Access logging.
        logging: Option<Spanned<Logging>>,
        /// Tags.
        tags: Option<Table<String>>,
        /// That access to it, revoked at this instant, may be given again: the `since` of an entry under `[[revoked]]` that is gone.
        restored: Option<Spanned<Instant>>,
        /// Access for principals that need no role of ours.
        allow: Option<Vec<BucketAllow>>,
        /// Statements of the bucket policy, for what `allow` can't say.
        statement: Option<Vec<Statement>>,
    }
}

record! {
    /// Where access logs go.
    Logging {
        /// Target bucket.
        bucket: Spanned<BucketName>,
        /// Key prefix. Default: none.
        prefix: Option<String>,
    }
}

grant! {
    /// Direct access to a bucket. Name principals of one kind.
    BucketAllow {
        /// What they may do.
        access: Option<OneOrMany<Access>>,
        /// Actions, for what `access` can't say.
        actions: Option<OneOrMany<ActionPattern>>,
        /// Only keys that begin with one of these.
        prefix: Option<OneOrMany<Prefix>>,
        /// False leaves the bucket's KMS key out of it. Default: true.
        kms: Option<bool>,
    }
}

words! {
    /// Object ownership of a bucket.
    Ownership {
        /// ACLs are off.
        Enforced = "BucketOwnerEnforced",
        /// The bucket's owner owns objects put with its ACL.
        Preferred = "BucketOwnerPreferred",
        /// The writer owns them.
        Writer = "ObjectWriter",
    }
}

impl Ownership {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "BucketOwnerEnforced",
            Self::Preferred => "BucketOwnerPreferred",
            Self::Writer => "ObjectWriter",
        }
    }
}

/// Default encryption: `"AES256"`, or a KMS key.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Encryption {
    /// SSE-S3.
    Aes256(Aes256),
    /// SSE-KMS.
    Kms(KmsKey),
}

words! {
    /// SSE-S3.
    Aes256 {
        /// SSE-S3.
        Aes256 = "AES256",
    }
}

record! {
    /// SSE-KMS with one key.
    KmsKey {
        /// ARN of the key, or its label under `[keys]`.
        kms_key: Spanned<String>,
        /// One data key for many objects, which costs fewer calls to KMS. Default: false.
        bucket_key: Option<bool>,
    }
}

impl Decode for Encryption {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => Aes256::decode(value, d).map(Self::Aes256),
            DeValue::Table(_) => KmsKey::decode(value, d).map(Self::Kms),
            _ => {
                wrong_type(value, "\"AES256\" or { kms_key = \"arn:…\" }", d);
                None
            }
        }
    }
}
