//! What S3 keeps. State files of earlier versions still load: what they do not have has a default, and what they wrote in
//! another shape is read in both.

use std::collections::BTreeMap;

use bytes::Bytes;
use crossrole_policy::Document;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::lagged::Lagged;
use crate::sigv4::hex;
use crate::world::Tags;

use super::checksum::Checksum;

/// The canonical id of an account: 64 hexadecimal digits.
pub(crate) fn canonical_id(account: &str) -> String {
    hex(&Sha256::digest(format!("crossrole sandbox canonical user {account}").as_bytes()))
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Bucket {
    pub(crate) account: String,
    pub(crate) region: String,
    /// The location as it was asked for, where that is not the region: `EU`.
    pub(crate) location: Option<String>,
    pub(crate) created: String,
    /// With unique ids in place of role and user ARNs. It decides late, and is read at once.
    #[serde(with = "crate::lagged::newest")]
    pub(crate) policy: Lagged<Document>,
    pub(crate) versioning: Option<String>,
    pub(crate) encryption: Option<Encryption>,
    /// `BlockPublicAcls`, `IgnorePublicAcls`, `BlockPublicPolicy`, `RestrictPublicBuckets`.
    pub(crate) block: Option<[bool; 4]>,
    pub(crate) ownership: Option<String>,
    pub(crate) logging: Option<Logging>,
    pub(crate) tags: Tags,
    /// Other configurations: their content as it is read back, by kind and, where there are many, id (`cors`, `metrics/ID`).
    pub(crate) kept: BTreeMap<String, String>,
    /// `None`: the owner alone.
    pub(crate) acl: Option<Vec<Grant>>,
    pub(crate) objects: BTreeMap<String, History>,
    /// Multipart uploads that go on, by id.
    pub(crate) uploads: BTreeMap<String, Upload>,
}

/// How a bucket encrypts, and how an object is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AnyEncryption")]
pub(crate) struct Encryption {
    pub(crate) algorithm: String,
    pub(crate) key: Option<String>,
    pub(crate) bucket_key: bool,
    /// `BlockedEncryptionTypes`: `SSE-C` or `NONE`.
    pub(crate) blocked: Vec<String>,
    /// Of an object: what its writer added to the encryption context.
    pub(crate) context: BTreeMap<String, String>,
}

impl Encryption {
    /// Every bucket's default since 2023.
    pub(crate) fn sse_s3() -> Self {
        Self { algorithm: "AES256".to_owned(), key: None, bucket_key: false, blocked: Vec::new(), context: BTreeMap::new() }
    }

    /// A key of KMS encrypts.
    pub(crate) fn is_kms(&self) -> bool {
        self.algorithm.starts_with("aws:kms")
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyEncryption {
    Whole {
        algorithm: String,
        key: Option<String>,
        bucket_key: bool,
        blocked: Vec<String>,
        #[serde(default)]
        context: BTreeMap<String, String>,
    },
    Pair(String, Option<String>),
}

impl From<AnyEncryption> for Encryption {
    fn from(any: AnyEncryption) -> Self {
        match any {
            AnyEncryption::Whole { algorithm, key, bucket_key, blocked, context } => Self { algorithm, key, bucket_key, blocked, context },
            AnyEncryption::Pair(algorithm, key) => Self { algorithm, key, ..Self::sse_s3() },
        }
    }
}

/// Where a bucket logs to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "AnyLogging")]
pub(crate) struct Logging {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// `TargetGrants` and `TargetObjectKeyFormat`, as they are read back.
    pub(crate) more: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyLogging {
    Whole { bucket: String, prefix: String, more: String },
    Pair(String, String),
}

impl From<AnyLogging> for Logging {
    fn from(any: AnyLogging) -> Self {
        match any {
            AnyLogging::Whole { bucket, prefix, more } => Self { bucket, prefix, more },
            AnyLogging::Pair(bucket, prefix) => Self { bucket, prefix, more: String::new() },
        }
    }
}

/// A grant of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) grantee: Grantee,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP`, `FULL_CONTROL`.
    pub(crate) permission: String,
}

/// Whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Grantee {
    /// A canonical id.
    User(String),
    /// The URI of a group.
    Group(String),
}

/// The versions of a key, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "AnyHistory")]
pub(crate) struct History(pub(crate) Vec<Version>);

/// An object or, without one, a delete marker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    /// `null` for what was written without versioning.
    pub(crate) id: String,
    /// RFC 3339, in whole seconds.
    pub(crate) modified: String,
    pub(crate) object: Option<Object>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyHistory {
    Versions(Vec<Version>),
    One(Box<OldObject>),
}

#[derive(Deserialize)]
struct OldObject {
    modified: String,
    #[serde(flatten)]
    object: Object,
}

impl From<AnyHistory> for History {
    fn from(any: AnyHistory) -> Self {
        match any {
            AnyHistory::Versions(versions) => Self(versions),
            AnyHistory::One(old) => Self(vec![Version { id: NULL.to_owned(), modified: old.modified, object: Some(old.object) }]),
        }
    }
}

/// The id of what was written without versioning.
pub(crate) const NULL: &str = "null";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Object {
    #[serde(with = "crate::store::bytes")]
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    pub(crate) content_type: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// `cache-control` and its like, as they are answered.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) tags: Tags,
    pub(crate) checksum: Option<Checksum>,
    /// Of a multipart upload: sizes in bytes, and checksums where the upload had them.
    pub(crate) parts: Vec<(u64, Option<Checksum>)>,
    /// The upload that it was completed from.
    pub(crate) upload: Option<String>,
    /// The account that owns it, where that is not the bucket's.
    pub(crate) owner: Option<String>,
    pub(crate) acl: Option<Vec<Grant>>,
    pub(crate) lock: super::lock::Lock,
}

/// A multipart upload that goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) started: String,
    /// Canonical id and name of who began it.
    pub(crate) initiator: (String, String),
    /// Everything but the body.
    pub(crate) object: Object,
    /// `x-amz-server-side-encryption` of its beginning, which counts for its parts and its end too.
    #[serde(default)]
    pub(crate) encryption: Option<String>,
    /// Algorithm and `COMPOSITE` or `FULL_OBJECT`, where they were asked for.
    pub(crate) checksum: Option<(super::checksum::Algorithm, String)>,
    pub(crate) parts: BTreeMap<u32, Part>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    #[serde(with = "crate::store::bytes")]
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    pub(crate) modified: String,
    pub(crate) checksum: Option<Checksum>,
}

impl History {
    /// The newest version, if that is an object.
    pub(crate) fn current(&self) -> Option<&Object> {
        self.0.last()?.object.as_ref()
    }

    pub(crate) fn version(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|v| v.id == id)
    }
}

impl Bucket {
    /// The current object of a key.
    pub(crate) fn current(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)?.current()
    }

    pub(crate) fn versions_new(&self) -> bool {
        self.versioning.as_deref() == Some("Enabled")
    }

    /// Adds a version: with versioning beside the others, without it in place of the one without an id.
    pub(crate) fn add(&mut self, key: &str, version: Version) {
        let versions = &mut self.objects.entry(key.to_owned()).or_default().0;
        if version.id == NULL {
            versions.retain(|v| v.id != NULL);
        }
        versions.push(version);
    }

    /// Takes a version away for good.
    pub(crate) fn remove(&mut self, key: &str, id: &str) -> Option<Version> {
        let history = self.objects.get_mut(key)?;
        let at = history.0.iter().position(|v| v.id == id)?;
        let gone = history.0.remove(at);
        if history.0.is_empty() {
            self.objects.remove(key);
        }
        Some(gone)
    }

    /// Bytes of all objects and parts.
    pub(crate) fn size(&self) -> usize {
        let objects = self.objects.values().flat_map(|h| &h.0).filter_map(|v| v.object.as_ref()).map(|o| o.body.len());
        objects.chain(self.uploads.values().flat_map(|u| u.parts.values()).map(|p| p.body.len())).sum()
    }

    /// ACLs say nothing here: the owner of the bucket owns everything in it.
    pub(crate) fn acls_disabled(&self) -> bool {
        self.ownership.as_deref() == Some("BucketOwnerEnforced")
    }
}
