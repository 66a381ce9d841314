//! Buckets themselves.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::query::{REGIONS, Reply};

use super::read::{self, child, malformed};
use super::state::{Bucket, Encryption, canonical_id};
use super::{S3, acl, invalid_argument, reply, tagging};

/// Settings of object ownership.
pub(super) const OWNERSHIPS: &[&str] = &["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];

/// What the body of a creation says.
#[derive(Default)]
struct Wanted {
    location: Option<String>,
    tags: Vec<(String, String)>,
}

impl S3<'_> {
    pub(super) fn list_buckets(&mut self) -> Result<Reply, ApiError> {
        self.allow_account("s3:ListAllMyBuckets", "arn:aws:s3:::*")?;
        let asked = self.asked;
        let size = match asked.param("max-buckets") {
            None => 10_000,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=10_000).contains(n))
                .ok_or_else(|| invalid_argument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", text))?,
        };
        let region = asked.param("bucket-region");
        if let Some(region) = region.filter(|r| !REGIONS.contains(r)) {
            let message = format!("Argument value {region} is not a valid AWS Region");
            return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "bucket-region"));
        }
        let after = asked.param("continuation-token").unwrap_or_default();
        let prefix = asked.param("prefix").unwrap_or_default();
        let account = &self.caller.account;
        let listed =
            |name: &str, bucket: &Bucket| bucket.account == *account && name > after && name.starts_with(prefix) && region.is_none_or(|r| r == bucket.region);
        let mine: Vec<(&String, &Bucket)> = self.world.buckets.iter().filter(|(name, b)| listed(name, b)).collect();
        let (page, rest) = mine.split_at(mine.len().min(size));
        Ok(reply("ListAllMyBucketsResult", |x| {
            x.nest("Owner", |x| {
                x.text("ID", &canonical_id(account));
            });
            x.nest("Buckets", |x| {
                for (name, bucket) in page {
                    x.nest("Bucket", |x| {
                        x.text("Name", name).text("CreationDate", &super::list::listed(&bucket.created));
                        x.text("BucketRegion", &bucket.region).text("BucketArn", &format!("arn:aws:s3:::{name}"));
                    });
                }
            });
            if let (false, Some((last, _))) = (rest.is_empty(), page.last()) {
                x.text("ContinuationToken", last);
            }
            x.maybe("Prefix", asked.param("prefix"));
        }))
    }

    pub(super) fn create_bucket(&mut self) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let name = asked.bucket.clone().unwrap_or_default();
        let wanted = self.wanted()?;
        self.allow_creation(&name, !wanted.tags.is_empty())?;
        if !is_name(&name) {
            return Err(ApiError::new(400, "InvalidBucketName", "The specified bucket is not valid.").with("BucketName", name));
        }
        let region = self.region_of(wanted.location.as_deref())?;
        let done = |answer: Reply| answer.header("location", format!("/{name}")).header("x-amz-bucket-arn", format!("arn:aws:s3:::{name}"));
        if let Some(existing) = self.world.buckets.get(&name) {
            if existing.account != self.caller.account {
                return Err(ApiError::new(409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.").with("BucketName", name));
            }
            // In us-east-1 making one's own bucket again succeeds, but with tags (LocalStack, test_create_bucket_with_tags_us_east_1_idempotency).
            if region != "us-east-1" || existing.region != "us-east-1" || !wanted.tags.is_empty() {
                let message = "Your previous request to create the named bucket succeeded and you already own it.";
                return Err(ApiError::new(409, "BucketAlreadyOwnedByYou", message).with("BucketName", name));
            }
            return Ok(done(Reply::empty(200)));
        }
        let ownership = asked.header("x-amz-object-ownership");
        if let Some(bad) = ownership.filter(|o| !OWNERSHIPS.contains(o)) {
            let message = format!("Invalid x-amz-object-ownership header: {bad}");
            return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "x-amz-object-ownership"));
        }
        let ownership = ownership.unwrap_or("BucketOwnerEnforced");
        let owner = canonical_id(&self.caller.account);
        let grants = acl::from_headers(asked, &owner, &owner)?;
        if ownership == "BucketOwnerEnforced" && grants.as_ref().is_some_and(|g| g.len() > 1) {
            let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
            return Err(ApiError::new(400, "InvalidBucketAclWithObjectOwnership", message));
        }
        let mut bucket = Bucket {
            account: self.caller.account.clone(),
            location: wanted.location.filter(|l| *l != region),
            region,
            created: iso(unix_now()),
            // The defaults of 2023: encrypted, closed to the public, no ACLs.
            encryption: Some(Encryption::sse_s3()),
            block: Some([true; 4]),
            ownership: Some(ownership.to_owned()),
            tags: wanted.tags.into_iter().collect(),
            acl: grants.filter(|_| ownership != "BucketOwnerEnforced"),
            ..Bucket::default()
        };
        if asked.header("x-amz-bucket-object-lock-enabled").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            bucket.versioning = Some("Enabled".to_owned());
            bucket.kept.insert("object-lock".to_owned(), "<ObjectLockEnabled>Enabled</ObjectLockEnabled>".to_owned());
        }
        self.world.buckets.insert(name.clone(), bucket);
        Ok(done(Reply::empty(200)))
    }

    /// What a creation needs beside `s3:CreateBucket` (S3 API reference, CreateBucket).
    fn allow_creation(&self, name: &str, with_tags: bool) -> Result<(), ApiError> {
        let asked = self.asked;
        let resource = format!("arn:aws:s3:::{name}");
        let lock = asked.header("x-amz-bucket-object-lock-enabled").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        for (needed, action) in [
            (true, "s3:CreateBucket"),
            (with_tags, "s3:TagResource"),
            (acl::is_asked(asked) && asked.header("x-amz-acl") != Some("private"), "s3:PutBucketAcl"),
            (asked.header("x-amz-object-ownership").is_some(), "s3:PutBucketOwnershipControls"),
            (lock, "s3:PutBucketObjectLockConfiguration"),
            (lock, "s3:PutBucketVersioning"),
        ] {
            if needed {
                self.allow_account(action, &resource)?;
            }
        }
        Ok(())
    }

    fn wanted(&self) -> Result<Wanted, ApiError> {
        let body = super::body::payload(self.asked)?.bytes;
        if body.is_empty() {
            return Ok(Wanted::default());
        }
        let document = read::document(&body)?;
        let root = document.root_element();
        if root.tag_name().name() != "CreateBucketConfiguration" {
            return Err(malformed());
        }
        let location = read::text(root, "LocationConstraint").map(|l| l.trim().to_owned()).filter(|l| !l.is_empty());
        let tags = child(root, "Tags").map(|set| tagging::from_set(set, tagging::Of::NewBucket)).transpose()?.unwrap_or_default();
        Ok(Wanted { location, tags })
    }

    /// The region of a new bucket: where the request was sent to, or what it asks for there.
    fn region_of(&self, wanted: Option<&str>) -> Result<String, ApiError> {
        let signed = self.asked.authorization.as_ref().map(|a| a.region.as_str()).filter(|r| !r.is_empty());
        let endpoint = self.asked.host_region.as_deref().or(signed).unwrap_or("us-east-1");
        if endpoint == "us-east-1" {
            return match wanted {
                None => Ok("us-east-1".to_owned()),
                Some("EU") => Ok("eu-west-1".to_owned()),
                Some(region) if region != "us-east-1" && REGIONS.contains(&region) => Ok(region.to_owned()),
                Some(other) => {
                    let error = ApiError::new(400, "InvalidLocationConstraint", "The specified location-constraint is not valid");
                    Err(error.with("LocationConstraint", other))
                }
            };
        }
        if !REGIONS.contains(&endpoint) {
            let message = format!("The authorization header is malformed; the region '{endpoint}' is wrong; expecting 'us-east-1'");
            return Err(ApiError::new(400, "AuthorizationHeaderMalformed", message).with("Region", "us-east-1"));
        }
        if wanted == Some(endpoint) || (endpoint == "eu-west-1" && wanted == Some("EU")) {
            return Ok(endpoint.to_owned());
        }
        let message =
            format!("The {} location constraint is incompatible for the region specific endpoint this request was sent to.", wanted.unwrap_or("unspecified"));
        Err(ApiError::new(400, "IllegalLocationConstraintException", message))
    }

    pub(super) fn head_bucket(&mut self, name: &str) -> Result<Reply, ApiError> {
        let region = self.bucket(name)?.region.clone();
        self.allow(name, "s3:ListBucket").map_err(|e| e.header("x-amz-bucket-region", region.clone()))?;
        let answer = Reply::empty(200).header("x-amz-bucket-region", region).header("x-amz-access-point-alias", "false");
        Ok(answer.header("x-amz-bucket-arn", format!("arn:aws:s3:::{name}")).header("content-type", "application/xml"))
    }

    pub(super) fn delete_bucket(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:DeleteBucket")?;
        let bucket = self.bucket(name)?;
        if !bucket.objects.is_empty() {
            let more = if bucket.versioning.is_some() { ". You must delete all versions in the bucket." } else { "" };
            return Err(ApiError::new(409, "BucketNotEmpty", format!("The bucket you tried to delete is not empty{more}")).with("BucketName", name));
        }
        self.world.buckets.remove(name);
        Ok(Reply::empty(204))
    }
}

/// S3 User Guide, "General purpose bucket naming rules".
fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|p| name.starts_with(p))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an"].iter().any(|s| name.ends_with(s))
        && name.parse::<std::net::Ipv4Addr>().is_err()
}
