//! Settings that decide something here: versioning, encryption, blocks of public access, ownership; and logging.

use std::collections::BTreeMap;

use crate::error::ApiError;
use crate::query::Reply;

use super::body::payload;
use super::read::{self, Content, Element, child, children, malformed, text};
use super::state::{Encryption, Grantee, Logging, canonical_id};
use super::{S3, not_found, reply};

const FIELDS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

const BLOCK: &[Element] = &[
    ("BlockPublicAcls", 0, 1, Content::Flag),
    ("IgnorePublicAcls", 0, 1, Content::Flag),
    ("BlockPublicPolicy", 0, 1, Content::Flag),
    ("RestrictPublicBuckets", 0, 1, Content::Flag),
];

/// Reads four settings; what is not said is off.
pub(super) fn block_of(body: &[u8]) -> Result<[bool; 4], ApiError> {
    let document = read::document(body)?;
    let root = document.root_element();
    if root.tag_name().name() != "PublicAccessBlockConfiguration" {
        return Err(malformed());
    }
    read::check(root, BLOCK)?;
    if !root.children().any(|c| c.is_element()) {
        return Err(ApiError::new(400, "InvalidRequest", "Must specify at least one configuration."));
    }
    Ok(FIELDS.map(|field| text(root, field).is_some_and(|v| v.trim().eq_ignore_ascii_case("true"))))
}

pub(super) fn block_shown(block: [bool; 4]) -> Reply {
    reply("PublicAccessBlockConfiguration", |x| {
        for (field, on) in FIELDS.iter().zip(block) {
            x.text(field, if on { "true" } else { "false" });
        }
    })
}

impl S3<'_> {
    /// The body of a setting, which must be of this kind.
    fn setting(&self) -> Result<bytes::Bytes, ApiError> {
        payload(self.asked).map(|p| p.bytes)
    }

    pub(super) fn get_location(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketLocation")?;
        let bucket = self.bucket(name)?;
        // The home region is said by saying nothing.
        let said = bucket.location.as_deref().or(Some(bucket.region.as_str()).filter(|r| *r != "us-east-1")).unwrap_or_default();
        Ok(reply("LocationConstraint", |x| x.0.push_str(said)))
    }

    pub(super) fn get_versioning(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketVersioning")?;
        let bucket = self.bucket(name)?;
        Ok(reply("VersioningConfiguration", |x| {
            x.maybe("Status", bucket.versioning.as_deref());
        }))
    }

    pub(super) fn put_versioning(&mut self, name: &str) -> Result<Reply, ApiError> {
        const VERSIONING: &[Element] = &[("Status", 0, 1, Content::Of(&["Enabled", "Suspended"])), ("MfaDelete", 0, 1, Content::Of(&["Enabled", "Disabled"]))];
        self.allow(name, "s3:PutBucketVersioning")?;
        let body = self.setting()?;
        let document = read::document(&body)?;
        let root = document.root_element();
        if root.tag_name().name() != "VersioningConfiguration" {
            return Err(malformed());
        }
        read::check(root, VERSIONING)?;
        let Some(status) = text(root, "Status") else {
            return Err(ApiError::new(400, "IllegalVersioningConfigurationException", "The Versioning element must be specified"));
        };
        if text(root, "MfaDelete").as_deref() == Some("Enabled") {
            return Err(ApiError::new(403, "AccessDenied", "Mfa Authentication must be used for this request"));
        }
        let bucket = self.bucket_mut(name)?;
        if status == "Suspended" && bucket.kept.contains_key("object-lock") {
            let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
            return Err(ApiError::new(409, "InvalidBucketState", message));
        }
        bucket.versioning = Some(status.trim().to_owned());
        Ok(Reply::empty(200))
    }

    pub(super) fn get_encryption(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetEncryptionConfiguration")?;
        let encryption = self.bucket(name)?.encryption.clone().unwrap_or_else(Encryption::sse_s3);
        Ok(reply("ServerSideEncryptionConfiguration", |x| {
            x.nest("Rule", |x| {
                x.nest("ApplyServerSideEncryptionByDefault", |x| {
                    x.text("SSEAlgorithm", &encryption.algorithm).maybe("KMSMasterKeyID", encryption.key.as_deref());
                });
                x.text("BucketKeyEnabled", if encryption.bucket_key { "true" } else { "false" });
                if !encryption.blocked.is_empty() {
                    x.nest("BlockedEncryptionTypes", |x| {
                        for kind in &encryption.blocked {
                            x.text("EncryptionType", kind);
                        }
                    });
                }
            });
        }))
    }

    pub(super) fn put_encryption(&mut self, name: &str) -> Result<Reply, ApiError> {
        const ENCRYPTION: &[Element] = &[(
            "Rule",
            1,
            1,
            Content::Nest(&[
                (
                    "ApplyServerSideEncryptionByDefault",
                    0,
                    1,
                    Content::Nest(&[("SSEAlgorithm", 1, 1, Content::Of(&["AES256", "aws:kms", "aws:kms:dsse"])), ("KMSMasterKeyID", 0, 1, Content::Text)]),
                ),
                ("BucketKeyEnabled", 0, 1, Content::Flag),
                ("BlockedEncryptionTypes", 0, 1, Content::Nest(&[("EncryptionType", 1, 2, Content::Of(&["SSE-C", "NONE"]))])),
            ]),
        )];
        self.allow(name, "s3:PutEncryptionConfiguration")?;
        let body = self.setting()?;
        let document = read::document(&body)?;
        let root = document.root_element();
        if root.tag_name().name() != "ServerSideEncryptionConfiguration" {
            return Err(malformed());
        }
        read::check(root, ENCRYPTION)?;
        let rule = child(root, "Rule").ok_or_else(malformed)?;
        let default = child(rule, "ApplyServerSideEncryptionByDefault");
        let algorithm = default.and_then(|d| text(d, "SSEAlgorithm")).unwrap_or_else(|| "AES256".to_owned());
        let key = default.and_then(|d| text(d, "KMSMasterKeyID")).filter(|k| !k.is_empty());
        if algorithm == "AES256" && key.is_some() {
            let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "ApplyServerSideEncryptionByDefault"));
        }
        let blocked = child(rule, "BlockedEncryptionTypes").into_iter().flat_map(|b| children(b, "EncryptionType")).filter_map(|t| t.text()).map(str::to_owned);
        let encryption = Encryption {
            algorithm,
            key,
            bucket_key: text(rule, "BucketKeyEnabled").is_some_and(|v| v.trim().eq_ignore_ascii_case("true")),
            blocked: blocked.collect(),
            context: BTreeMap::new(),
        };
        self.bucket_mut(name)?.encryption = Some(encryption);
        Ok(Reply::empty(200))
    }

    pub(super) fn delete_encryption(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutEncryptionConfiguration")?;
        self.bucket_mut(name)?.encryption = Some(Encryption::sse_s3());
        Ok(Reply::empty(204))
    }

    pub(super) fn get_block(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketPublicAccessBlock")?;
        let block = self.bucket(name)?.block;
        block.map(block_shown).ok_or_else(|| not_found("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", name))
    }

    pub(super) fn put_block(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketPublicAccessBlock")?;
        let block = block_of(&self.setting()?)?;
        self.bucket_mut(name)?.block = Some(block);
        Ok(Reply::empty(200))
    }

    pub(super) fn delete_block(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketPublicAccessBlock")?;
        self.bucket_mut(name)?.block = None;
        Ok(Reply::empty(204))
    }

    pub(super) fn get_ownership(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketOwnershipControls")?;
        let Some(ownership) = self.bucket(name)?.ownership.clone() else {
            return Err(not_found("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", name));
        };
        Ok(reply("OwnershipControls", |x| {
            x.nest("Rule", |x| {
                x.text("ObjectOwnership", &ownership);
            });
        }))
    }

    pub(super) fn put_ownership(&mut self, name: &str) -> Result<Reply, ApiError> {
        const OWNERSHIP: &[Element] = &[("Rule", 1, 1, Content::Nest(&[("ObjectOwnership", 1, 1, Content::Of(super::bucket::OWNERSHIPS))]))];
        self.allow(name, "s3:PutBucketOwnershipControls")?;
        let body = self.setting()?;
        let document = read::document(&body)?;
        let root = document.root_element();
        if root.tag_name().name() != "OwnershipControls" {
            return Err(malformed());
        }
        read::check(root, OWNERSHIP)?;
        let ownership = child(root, "Rule").and_then(|r| text(r, "ObjectOwnership")).ok_or_else(malformed)?;
        let bucket = self.bucket_mut(name)?;
        let owner = Grantee::User(canonical_id(&bucket.account));
        let others = bucket.acl.iter().flatten().any(|g| g.grantee != owner);
        if ownership == "BucketOwnerEnforced" && others {
            let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
            return Err(ApiError::new(400, "InvalidBucketAclWithObjectOwnership", message));
        }
        bucket.ownership = Some(ownership);
        Ok(Reply::empty(200))
    }

    pub(super) fn delete_ownership(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketOwnershipControls")?;
        self.bucket_mut(name)?.ownership = None;
        Ok(Reply::empty(204))
    }

    pub(super) fn get_logging(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketLogging")?;
        let bucket = self.bucket(name)?;
        Ok(reply("BucketLoggingStatus", |x| {
            if let Some(logging) = &bucket.logging {
                x.nest("LoggingEnabled", |x| {
                    x.text("TargetBucket", &logging.bucket);
                    x.0.push_str(&logging.more);
                    x.text("TargetPrefix", &logging.prefix);
                });
            }
        }))
    }

    pub(super) fn put_logging(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketLogging")?;
        let body = self.setting()?;
        let document = read::document(&body)?;
        let root = document.root_element();
        if root.tag_name().name() != "BucketLoggingStatus"
            || root.children().filter(roxmltree::Node::is_element).any(|c| c.tag_name().name() != "LoggingEnabled")
        {
            return Err(malformed());
        }
        let Some(enabled) = child(root, "LoggingEnabled") else {
            self.bucket_mut(name)?.logging = None;
            return Ok(Reply::empty(200));
        };
        let (target, prefix) = (text(enabled, "TargetBucket").ok_or_else(malformed)?, text(enabled, "TargetPrefix").ok_or_else(malformed)?);
        let (account, region) = (self.bucket(name)?.account.clone(), self.bucket(name)?.region.clone());
        let wrong = |message: &str| ApiError::new(400, "InvalidTargetBucketForLogging", message).with("TargetBucket", target.clone());
        let found = self.world.buckets.get(&target).ok_or_else(|| wrong("The target bucket for logging does not exist"))?;
        if found.account != account {
            return Err(wrong("The owner for the bucket to be logged and the target bucket must be the same."));
        }
        if found.region != region {
            let error = ApiError::new(403, "CrossLocationLoggingProhibitted", "Cross S3 location logging not allowed. ");
            let error = if region == "us-east-1" { error } else { error.with("SourceBucketLocation", region) };
            return Err(error.with("TargetBucketLocation", found.region.clone()));
        }
        let more = ["TargetGrants", "TargetObjectKeyFormat"].iter().filter_map(|n| child(enabled, n)).map(|n| {
            let name = n.tag_name().name();
            format!("<{name}>{}</{name}>", read::inside(n))
        });
        let logging = Logging { bucket: target.clone(), prefix, more: more.collect() };
        self.bucket_mut(name)?.logging = Some(logging);
        Ok(Reply::empty(200))
    }
}
