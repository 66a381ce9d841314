//! A bucket's settings.

use crate::error::ApiError;
use crate::query::Reply;

use super::{S3, element, reply, tag_elements};

/// Operations and the actions they need (S3 User Guide, "Required permissions for Amazon S3 API operations").
fn action(operation: &str) -> String {
    let name = match operation {
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "DeleteBucketTagging" => "PutBucketTagging",
        "DeleteBucketOwnershipControls" => "PutBucketOwnershipControls",
        "GetBucketCors" => "GetBucketCORS",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "GetBucketReplication" => "GetReplicationConfiguration",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "GetBucketNotificationConfiguration" => "GetBucketNotification",
        "GetBucketAccelerateConfiguration" => "GetAccelerateConfiguration",
        other => other,
    };
    format!("s3:{name}")
}

impl S3<'_> {
    pub(super) fn config(&mut self, name: &str) -> Result<Reply, ApiError> {
        let operation = self.asked.operation.clone();
        self.allow(name, &action(&operation), None)?;
        let body = self.asked.body.clone();
        let malformed = || ApiError::new(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
        if operation.starts_with("Put") && !is_configuration(&body, &operation) {
            return Err(malformed());
        }
        let none = |code: &str, message: &str| Err(ApiError::new(404, code, message).with("BucketName", name));
        let bucket = self.bucket_mut(name)?;
        let done = Ok(Reply::empty(200));
        match operation.as_str() {
            "GetBucketLocation" => {
                let region = bucket.region.clone();
                // The home region is said by saying nothing.
                let text = if region == "us-east-1" { String::new() } else { region };
                let mut answer = reply("LocationConstraint", |x| x.0.push_str(&text));
                answer.status = 200;
                Ok(answer)
            }
            "GetBucketVersioning" => {
                let status = bucket.versioning.clone();
                Ok(reply("VersioningConfiguration", |x| {
                    x.maybe("Status", status.as_deref());
                }))
            }
            "PutBucketVersioning" => {
                bucket.versioning = Some(element(&body, "Status").filter(|s| s == "Enabled" || s == "Suspended").ok_or_else(malformed)?);
                done
            }
            "GetBucketEncryption" => match bucket.encryption.clone() {
                Some((algorithm, key)) => Ok(reply("ServerSideEncryptionConfiguration", |x| {
                    x.nest("Rule", |x| {
                        x.nest("ApplyServerSideEncryptionByDefault", |x| {
                            x.text("SSEAlgorithm", &algorithm).maybe("KMSMasterKeyID", key.as_deref());
                        });
                        x.text("BucketKeyEnabled", "false");
                    });
                })),
                None => none("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found"),
            },
            "PutBucketEncryption" => {
                let algorithm = element(&body, "SSEAlgorithm").ok_or_else(malformed)?;
                bucket.encryption = Some((algorithm, element(&body, "KMSMasterKeyID")));
                done
            }
            "DeleteBucketEncryption" => {
                bucket.encryption = Some(("AES256".to_owned(), None));
                Ok(Reply::empty(204))
            }
            "GetPublicAccessBlock" => match bucket.block {
                Some([a, b, c, d]) => Ok(reply("PublicAccessBlockConfiguration", |x| {
                    for (field, on) in [("BlockPublicAcls", a), ("IgnorePublicAcls", b), ("BlockPublicPolicy", c), ("RestrictPublicBuckets", d)] {
                        x.text(field, &on.to_string());
                    }
                })),
                None => none("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
            },
            "PutPublicAccessBlock" => {
                let on = |field: &str| element(&body, field).is_some_and(|v| v.eq_ignore_ascii_case("true"));
                bucket.block = Some([on("BlockPublicAcls"), on("IgnorePublicAcls"), on("BlockPublicPolicy"), on("RestrictPublicBuckets")]);
                done
            }
            "DeletePublicAccessBlock" => {
                bucket.block = None;
                Ok(Reply::empty(204))
            }
            "GetBucketOwnershipControls" => match bucket.ownership.clone() {
                Some(ownership) => Ok(reply("OwnershipControls", |x| {
                    x.nest("Rule", |x| {
                        x.text("ObjectOwnership", &ownership);
                    });
                })),
                None => none("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
            },
            "PutBucketOwnershipControls" => {
                bucket.ownership = Some(element(&body, "ObjectOwnership").ok_or_else(malformed)?);
                done
            }
            "DeleteBucketOwnershipControls" => {
                bucket.ownership = None;
                Ok(Reply::empty(204))
            }
            "GetBucketLogging" => {
                let logging = bucket.logging.clone();
                Ok(reply("BucketLoggingStatus", |x| {
                    if let Some((target, prefix)) = &logging {
                        x.nest("LoggingEnabled", |x| {
                            x.text("TargetBucket", target).text("TargetPrefix", prefix);
                        });
                    }
                }))
            }
            "PutBucketLogging" => {
                let target = element(&body, "TargetBucket");
                let prefix = element(&body, "TargetPrefix").unwrap_or_default();
                let account = bucket.account.clone();
                if let Some(target) = &target
                    && self.world.buckets.get(target).is_none_or(|b| b.account != account)
                {
                    return Err(ApiError::new(
                        400,
                        "InvalidTargetBucketForLogging",
                        "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group.",
                    ));
                }
                self.bucket_mut(name)?.logging = target.map(|t| (t, prefix));
                done
            }
            "GetBucketTagging" => {
                if bucket.tags.is_empty() {
                    return none("NoSuchTagSet", "The TagSet does not exist");
                }
                let tags = bucket.tags.clone();
                Ok(reply("Tagging", |x| {
                    x.nest("TagSet", |x| {
                        for (key, value) in &tags {
                            x.nest("Tag", |x| {
                                x.text("Key", key).text("Value", value);
                            });
                        }
                    });
                }))
            }
            "PutBucketTagging" => {
                let tags = tag_elements(&body);
                if tags.len() > 50 || tags.iter().any(|(k, _)| k.to_lowercase().starts_with("aws:")) {
                    return Err(ApiError::new(400, "InvalidTag", "System tags cannot be added/updated by requester"));
                }
                bucket.tags = tags.into_iter().collect();
                Ok(Reply::empty(204))
            }
            "DeleteBucketTagging" => {
                bucket.tags.clear();
                Ok(Reply::empty(204))
            }
            other => never_set(other, name),
        }
    }
}

/// Settings that are read by many clients and that nobody can make here.
fn never_set(operation: &str, name: &str) -> Result<Reply, ApiError> {
    let none = |code: &str, message: &str| Err(ApiError::new(404, code, message).with("BucketName", name));
    match operation {
        "GetBucketCors" => none("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        "GetBucketLifecycleConfiguration" => none("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
        "GetBucketWebsite" => none("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
        "GetBucketReplication" => none("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
        "GetObjectLockConfiguration" => none("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
        "GetBucketNotificationConfiguration" => Ok(reply("NotificationConfiguration", |_| {})),
        "GetBucketAccelerateConfiguration" => Ok(reply("AccelerateConfiguration", |_| {})),
        "GetBucketRequestPayment" => Ok(reply("RequestPaymentConfiguration", |x| {
            x.text("Payer", "BucketOwner");
        })),
        other => {
            Err(ApiError::new(501, "NotImplemented", "A header or query you provided implies functionality that is not implemented.").with("Operation", other))
        }
    }
}

/// Well-formed, and what the operation takes.
fn is_configuration(body: &[u8], operation: &str) -> bool {
    let root = match operation {
        "PutPublicAccessBlock" => "PublicAccessBlockConfiguration",
        "PutBucketTagging" => "Tagging",
        "PutBucketLogging" => "BucketLoggingStatus",
        "PutBucketOwnershipControls" => "OwnershipControls",
        "PutBucketEncryption" => "ServerSideEncryptionConfiguration",
        _ => "VersioningConfiguration",
    };
    std::str::from_utf8(body).ok().and_then(|text| roxmltree::Document::parse(text).ok()).is_some_and(|d| d.root_element().tag_name().name() == root)
}
