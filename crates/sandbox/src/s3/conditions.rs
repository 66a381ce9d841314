//! The condition keys of S3: what a request says (Service Authorization Reference, Amazon S3).

use crossrole_access::catalogue;
use crossrole_access::catalogue::s3::{carries, special_keys};

use crate::auth::unix_now;
use crate::authorization::{Scheme, seconds};
use crate::query::Asked;
use crate::world::Tags;

use super::state::Bucket;
use super::tagging;

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
        if let (true, Some(value)) = (carries(action, "s3:prefix"), asked.param(param)) {
            keys.set(format!("s3:{param}"), value);
        }
    }
    if let (true, Some(version)) = (carries(action, "s3:versionid"), version) {
        keys.set("s3:versionid", version);
    }
    // S3 takes the condition for attributes and for the source of a copy, and looks at no tags there (argmin, live AWS).
    let looks = carries(action, "s3:existingobjecttag/") && !action.ends_with("Attributes") && (asked.operation != "CopyObject" || action.ends_with("Tagging"));
    for (tag, value) in existing.into_iter().flatten().filter(|_| looks) {
        keys.set(format!("s3:ExistingObjectTag/{tag}"), value.clone());
    }
    if carries(action, "s3:requestobjecttag/") {
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
    for key in special_keys() {
        let Some(name) = key.strip_prefix("s3:").filter(|n| n.starts_with("x-amz-") || n.starts_with("if-")) else { continue };
        if let (true, Some(value)) = (carries(action, key), asked.header(name)) {
            keys.set(key, value);
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
