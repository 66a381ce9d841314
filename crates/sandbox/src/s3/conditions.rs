//! The condition keys of S3: which actions carry them, and what a request says (Service Authorization Reference, Amazon S3).

use crossrole_access::catalogue;

use crate::auth::unix_now;
use crate::authorization::{Scheme, seconds};
use crate::query::Asked;
use crate::world::Tags;

use super::state::Bucket;
use super::tagging;

const LISTS: &[&str] = &["s3:ListBucket", "s3:ListBucketVersions"];
const ACLS: &[&str] = &["s3:CreateBucket", "s3:PutBucketAcl", "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:BypassGovernanceRetention"];
const WRITES: &[&str] = &["s3:PutObject", "s3:BypassGovernanceRetention"];
const ENCRYPTS: &[&str] = &["s3:PutObject", "s3:ReplicateObject", "s3:UpdateObjectEncryption", "s3:BypassGovernanceRetention"];
const TAGS: &[&str] = &["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:BypassGovernanceRetention"];
const CREATES: &[&str] = &["s3:CreateBucket"];
const PUTS: &[&str] = &["s3:PutObject"];
const ANNOTATIONS: &[&str] = &["s3:ListObjectAnnotations", "s3:ListObjectVersionAnnotations"];
const DELIVERS: &[&str] = &["s3:AllowVendedLogDeliveryForResource"];
const HOLDS: &[&str] = &["s3:PutObject", "s3:PutObjectRetention", "s3:ReplicateObject"];
const VERSIONED: &[&str] = &[
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:GetObjectVersionTorrent",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
];
const TAGGED: &[&str] = &[
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
];

/// Keys that some actions carry and others do not; a trailing slash stands for any tag. Every other key of S3 goes with all.
const SPECIAL: &[(&str, &[&str])] = &[
    ("s3:annotation-prefix", ANNOTATIONS),
    ("s3:deliverysourcearn", DELIVERS),
    ("s3:delimiter", LISTS),
    ("s3:existingobjecttag/", TAGGED),
    ("s3:if-match", &["s3:PutObject", "s3:DeleteObject"]),
    ("s3:if-none-match", PUTS),
    ("s3:inventoryaccessibleoptionalfields", &["s3:PutInventoryConfiguration"]),
    ("s3:locationconstraint", CREATES),
    ("s3:logtype", DELIVERS),
    ("s3:max-annotation-results", ANNOTATIONS),
    ("s3:max-keys", LISTS),
    ("s3:object-lock-event-hold", HOLDS),
    ("s3:object-lock-event-hold-duration-days", HOLDS),
    ("s3:object-lock-legal-hold", &["s3:PutObject", "s3:PutObjectLegalHold"]),
    ("s3:object-lock-mode", &["s3:PutObject", "s3:PutObjectRetention"]),
    ("s3:object-lock-remaining-retention-days", &["s3:PutObject", "s3:PutObjectRetention"]),
    ("s3:object-lock-retain-until-date", &["s3:PutObject", "s3:PutObjectRetention"]),
    ("s3:objectcreationoperation", PUTS),
    ("s3:prefix", LISTS),
    ("s3:requestobjecttag/", TAGS),
    ("s3:requestobjecttagkeys", TAGS),
    ("s3:resourcearnbeingauthorized", DELIVERS),
    ("s3:versionid", VERSIONED),
    ("s3:x-amz-acl", ACLS),
    ("s3:x-amz-bucket-namespace", CREATES),
    ("s3:x-amz-copy-source", WRITES),
    ("s3:x-amz-grant-full-control", ACLS),
    ("s3:x-amz-grant-read", ACLS),
    ("s3:x-amz-grant-read-acp", ACLS),
    ("s3:x-amz-grant-write", ACLS),
    ("s3:x-amz-grant-write-acp", ACLS),
    ("s3:x-amz-metadata-directive", WRITES),
    ("s3:x-amz-object-annotation-directive", PUTS),
    ("s3:x-amz-object-if-match", &["s3:DeleteObjectAnnotation", "s3:DeleteObjectVersionAnnotation", "s3:PutObjectAnnotation", "s3:PutObjectVersionAnnotation"]),
    ("s3:x-amz-object-ownership", CREATES),
    ("s3:x-amz-server-side-encryption", ENCRYPTS),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", ENCRYPTS),
    ("s3:x-amz-server-side-encryption-customer-algorithm", &["s3:PutObject", "s3:ReplicateObject", "s3:BypassGovernanceRetention"]),
    ("s3:x-amz-storage-class", &["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl", "s3:BypassGovernanceRetention"]),
    ("s3:x-amz-website-redirect-location", WRITES),
];

/// Tells whether an action carries a condition key that is known.
pub(super) fn carries(action: &str, key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let family = key.split_once('/').map(|(head, _)| format!("{head}/"));
    let row = SPECIAL.iter().find(|(name, _)| *name == key || Some(*name) == family.as_deref());
    row.is_none_or(|(_, actions)| actions.contains(&action))
}

/// Tells whether S3 knows a condition key.
pub(super) fn is_known(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    (lower.starts_with("s3:") || lower.starts_with("aws:")) && catalogue::key(&lower).is_some()
}

/// Keys with one value, and with many.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) one: Vec<(String, String)>,
    pub(super) many: Vec<(String, Vec<String>)>,
}

impl Keys {
    fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.one.push((key.into(), value.into()));
    }

    /// Puts the ARN of the key that is used in place of however it was named.
    pub(super) fn names_key(&mut self, arn: Option<String>) {
        let said = self.one.iter_mut().find(|(key, _)| key == "s3:x-amz-server-side-encryption-aws-kms-key-id");
        if let (Some((_, value)), Some(arn)) = (said, arn) {
            *value = arn;
        }
    }
}

/// What a request says that bears on one of its actions.
pub(super) fn of(asked: &Asked, action: &str, bucket: Option<&Bucket>, version: Option<&str>, existing: Option<&Tags>) -> Keys {
    let mut keys = Keys::default();
    signature(asked, &mut keys);
    if let Some(bucket) = bucket {
        keys.set("s3:ResourceAccount", bucket.account.clone());
        // Tags of a bucket count once that was switched on (S3 User Guide, "Enabling ABAC in general purpose buckets").
        if bucket.kept.get("abac").is_some_and(|state| state.contains("Enabled")) {
            for (tag, value) in &bucket.tags {
                keys.set(format!("aws:ResourceTag/{tag}"), value.clone());
                keys.set(format!("s3:BucketTag/{tag}"), value.clone());
            }
        }
    }
    for param in ["prefix", "delimiter", "max-keys"] {
        if let (true, Some(value)) = (LISTS.contains(&action), asked.param(param)) {
            keys.set(format!("s3:{param}"), value);
        }
    }
    if let (true, Some(version)) = (carries(action, "s3:versionid"), version) {
        keys.set("s3:versionid", version);
    }
    // S3 takes the condition for attributes and for the source of a copy, and looks at no tags there (argmin, live AWS).
    let looks = TAGGED.contains(&action) && !action.ends_with("Attributes") && (asked.operation != "CopyObject" || action.ends_with("Tagging"));
    for (tag, value) in existing.into_iter().flatten().filter(|_| looks) {
        keys.set(format!("s3:ExistingObjectTag/{tag}"), value.clone());
    }
    if TAGS.contains(&action) {
        let tags = tagging::requested(asked);
        for (tag, value) in &tags {
            keys.set(format!("s3:RequestObjectTag/{tag}"), value.clone());
        }
        if !tags.is_empty() {
            keys.many.push(("s3:RequestObjectTagKeys".to_owned(), tags.into_iter().map(|(tag, _)| tag).collect()));
        }
    }
    headers(asked, action, bucket, &mut keys);
    keys
}

fn signature(asked: &Asked, keys: &mut Keys) {
    if let Some(auth) = &asked.authorization {
        let (kind, version) = match auth.scheme {
            Scheme::Header => ("REST-HEADER", "AWS4-HMAC-SHA256"),
            Scheme::Query => ("REST-QUERY-STRING", "AWS4-HMAC-SHA256"),
            Scheme::QueryV2 => ("REST-QUERY-STRING", "AWS"),
            Scheme::Form => ("POST", "AWS4-HMAC-SHA256"),
            Scheme::FormV2 => ("POST", "AWS"),
        };
        keys.set("s3:authType", kind);
        keys.set("s3:signatureversion", version);
        if let Some(time) = seconds(&auth.time) {
            keys.set("s3:signatureAge", ((unix_now() - time).max(0) * 1_000).to_string());
        }
    }
    if let Some(hash) = asked.header("x-amz-content-sha256") {
        keys.set("s3:x-amz-content-sha256", hash);
    }
    // The sandbox plays an endpoint that is reached by TLS.
    keys.set("s3:TlsVersion", "1.3");
}

fn headers(asked: &Asked, action: &str, bucket: Option<&Bucket>, keys: &mut Keys) {
    for (key, _) in SPECIAL {
        let Some(name) = key.strip_prefix("s3:").filter(|n| n.starts_with("x-amz-") || n.starts_with("if-")) else { continue };
        if let (true, Some(value)) = (carries(action, key), asked.header(name)) {
            keys.set(*key, value);
        }
    }
    if action == "s3:PutObject" {
        // The key that is used, be it the header's or the bucket's (S3 User Guide, "Using server-side encryption with AWS KMS").
        let default = bucket.and_then(|b| b.encryption.as_ref()).filter(|e| e.algorithm.starts_with("aws:kms")).and_then(|e| e.key.clone());
        let upload = bucket.and_then(|b| b.uploads.get(asked.param("uploadId")?)).and_then(|u| u.encryption.as_ref());
        if let (None, Some(algorithm)) = (asked.header("x-amz-server-side-encryption"), upload) {
            keys.set("s3:x-amz-server-side-encryption", algorithm.clone());
        }
        let header = asked.header("x-amz-server-side-encryption-aws-kms-key-id").is_some();
        if let (false, Some(key)) = (header || asked.header("x-amz-server-side-encryption").is_some(), default) {
            keys.set("s3:x-amz-server-side-encryption-aws-kms-key-id", key);
        }
        let creates = !matches!(asked.operation.as_str(), "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy");
        keys.set("s3:ObjectCreationOperation", creates.to_string());
        for (header, key) in [
            ("x-amz-object-lock-mode", "s3:object-lock-mode"),
            ("x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"),
            ("x-amz-object-lock-retain-until-date", "s3:object-lock-retain-until-date"),
        ] {
            if let Some(value) = asked.header(header) {
                keys.set(key, value);
            }
        }
    }
    if action == "s3:CreateBucket"
        && let Some(location) = super::read::first(&asked.body, "LocationConstraint")
    {
        keys.set("s3:locationconstraint", location);
    }
}
