//! Buckets themselves.

use crate::auth::{Want, authorize, iso, unix_now};
use crate::error::ApiError;
use crate::query::Reply;
use crate::world::Bucket;

use super::{S3, element, reply, tag_elements};

impl S3<'_> {
    pub(super) fn list_buckets(&mut self) -> Result<Reply, ApiError> {
        if self.caller.anonymous {
            return Err(super::denied());
        }
        authorize(self.caller, &Want { action: "s3:ListAllMyBuckets", resource: "arn:aws:s3:::*", ..Want::default() })?;
        let size = self.asked.param("max-buckets").and_then(|n| n.parse().ok()).unwrap_or(10_000_usize);
        let after = self.asked.param("continuation-token").unwrap_or_default();
        let prefix = self.asked.param("prefix").unwrap_or_default();
        let mine: Vec<(&String, &Bucket)> =
            self.world.buckets.iter().filter(|(name, b)| b.account == self.caller.account && name.as_str() > after && name.starts_with(prefix)).collect();
        let (page, rest) = mine.split_at(mine.len().min(size));
        Ok(reply("ListAllMyBucketsResult", |x| {
            x.nest("Owner", |x| {
                x.text("ID", &self.caller.account);
            });
            x.nest("Buckets", |x| {
                for (name, bucket) in page {
                    x.nest("Bucket", |x| {
                        x.text("Name", name).text("CreationDate", &bucket.created).text("BucketRegion", &bucket.region);
                    });
                }
            });
            if let (false, Some((last, _))) = (rest.is_empty(), page.last()) {
                x.text("ContinuationToken", last);
            }
        }))
    }

    pub(super) fn create_bucket(&mut self) -> Result<Reply, ApiError> {
        let name = self.asked.bucket.clone().unwrap_or_default();
        if self.caller.anonymous {
            return Err(super::denied());
        }
        let resource = format!("arn:aws:s3:::{name}");
        authorize(self.caller, &Want { action: "s3:CreateBucket", resource: &resource, ..Want::default() })?;
        let bytes = name.as_bytes();
        let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let good = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
            && edge(bytes.first())
            && edge(bytes.last())
            && !name.contains("..")
            && !name.starts_with("xn--")
            && !name.ends_with("-s3alias")
            && name.parse::<std::net::Ipv4Addr>().is_err();
        if !good {
            return Err(ApiError::new(400, "InvalidBucketName", "The specified bucket is not valid.").with("BucketName", name));
        }
        let signed = self.asked.authorization.as_ref().map_or("us-east-1", |a| a.region.as_str());
        let endpoint = self.asked.host_region.as_deref().unwrap_or(signed);
        let wanted = element(&self.asked.body, "LocationConstraint").filter(|l| !l.is_empty());
        let region = match wanted.as_deref() {
            Some("us-east-1") => {
                return Err(
                    ApiError::new(400, "InvalidLocationConstraint", "The specified location-constraint is not valid").with("LocationConstraint", "us-east-1")
                );
            }
            Some("EU") => "eu-west-1".to_owned(),
            Some(region) if endpoint != "us-east-1" && region != endpoint => {
                return Err(ApiError::new(
                    400,
                    "IllegalLocationConstraintException",
                    format!("The {region} location constraint is incompatible for the region specific endpoint this request was sent to."),
                ));
            }
            Some(region) => region.to_owned(),
            None if endpoint != "us-east-1" => {
                return Err(ApiError::new(
                    400,
                    "IllegalLocationConstraintException",
                    "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
                ));
            }
            None => "us-east-1".to_owned(),
        };
        if let Some(existing) = self.world.buckets.get(&name) {
            if existing.account != self.caller.account {
                return Err(ApiError::new(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").with("BucketName", name));
            }
            // In us-east-1 making one's own bucket again succeeds (S3 API reference, CreateBucket).
            if region != "us-east-1" || existing.region != "us-east-1" {
                return Err(ApiError::new(
                    409,
                    "BucketAlreadyOwnedByYou",
                    "Your previous request to create the named bucket succeeded and you already own it.",
                )
                .with("BucketName", name));
            }
            return Ok(Reply::empty(200).header("location", format!("/{name}")));
        }
        let bucket = Bucket {
            account: self.caller.account.clone(),
            region,
            created: iso(unix_now()),
            policy: None,
            versioning: None,
            // The defaults of 2023: encrypted, closed to the public, no ACLs.
            encryption: Some(("AES256".to_owned(), None)),
            block: Some([true; 4]),
            ownership: Some(self.asked.header("x-amz-object-ownership").unwrap_or("BucketOwnerEnforced").to_owned()),
            logging: None,
            tags: tag_elements(&self.asked.body).into_iter().collect(),
            objects: std::collections::BTreeMap::new(),
        };
        self.world.buckets.insert(name.clone(), bucket);
        Ok(Reply::empty(200).header("location", format!("/{name}")))
    }

    pub(super) fn head_bucket(&mut self, name: &str) -> Result<Reply, ApiError> {
        let region = self.bucket(name)?.region.clone();
        self.allow(name, "s3:ListBucket", None).map_err(|e| e.header("x-amz-bucket-region", region.clone()))?;
        Ok(Reply::empty(200).header("x-amz-bucket-region", region))
    }

    pub(super) fn delete_bucket(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:DeleteBucket", None)?;
        let bucket = self.bucket(name)?;
        if bucket.account != self.caller.account {
            return Err(super::denied());
        }
        if !bucket.objects.is_empty() {
            return Err(ApiError::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty").with("BucketName", name));
        }
        self.world.buckets.remove(name);
        Ok(Reply::empty(204))
    }
}
