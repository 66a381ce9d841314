//! S3: REST, path style and virtual hosts.

mod access;
mod acl;
pub(crate) mod authentication;
pub(crate) mod body;
mod bucket;
mod checksum;
mod conditional;
mod conditions;
pub(crate) mod control;
mod copy;
mod deletion;
pub(crate) mod form;
mod kept;
mod list;
pub(crate) mod lock;
mod multipart;
mod object;
pub(crate) mod operation;
mod policy;
mod policy_rules;
mod read;
mod schema;
mod settings;
mod sse;
pub(crate) mod state;
mod tagging;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::{Asked, Reply};
use crate::world::World;
use crate::xml::Xml;

use kept::Kind;
pub(crate) use object::http_date;
use operation::Operation;
use state::Bucket;

/// One request and what it works on.
pub(crate) struct S3<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) caller: &'a Caller,
    pub(crate) asked: &'a Asked,
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked, operation: Operation) -> Result<Reply, ApiError> {
    use Operation as O;
    let mut s3 = S3 { world, caller, asked };
    let bucket = asked.bucket.clone().unwrap_or_default();
    let name = bucket.as_str();
    if !name.is_empty() && operation != O::CreateBucket {
        s3.reach(name)?;
    }
    match operation {
        O::ListBuckets => s3.list_buckets(),
        O::CreateBucket => s3.create_bucket(),
        O::HeadBucket => s3.head_bucket(name),
        O::DeleteBucket => s3.delete_bucket(name),
        O::ListObjects => s3.list_objects(name, false),
        O::ListObjectsV2 => s3.list_objects(name, true),
        O::ListObjectVersions => s3.list_versions(name),
        O::ListMultipartUploads => s3.list_uploads(name),
        O::GetBucketLocation => s3.get_location(name),
        O::GetBucketPolicy => s3.get_policy(name),
        O::PutBucketPolicy => s3.put_policy(name),
        O::DeleteBucketPolicy => s3.delete_policy(name),
        O::GetBucketPolicyStatus => s3.get_policy_status(name),
        O::GetBucketVersioning => s3.get_versioning(name),
        O::PutBucketVersioning => s3.put_versioning(name),
        O::GetBucketEncryption => s3.get_encryption(name),
        O::PutBucketEncryption => s3.put_encryption(name),
        O::DeleteBucketEncryption => s3.delete_encryption(name),
        O::GetPublicAccessBlock => s3.get_block(name),
        O::PutPublicAccessBlock => s3.put_block(name),
        O::DeletePublicAccessBlock => s3.delete_block(name),
        O::GetBucketOwnershipControls => s3.get_ownership(name),
        O::PutBucketOwnershipControls => s3.put_ownership(name),
        O::DeleteBucketOwnershipControls => s3.delete_ownership(name),
        O::GetBucketLogging => s3.get_logging(name),
        O::PutBucketLogging => s3.put_logging(name),
        O::GetBucketTagging => s3.get_bucket_tagging(name),
        O::PutBucketTagging => s3.put_bucket_tagging(name),
        O::DeleteBucketTagging => s3.delete_bucket_tagging(name),
        O::GetBucketAcl => s3.get_bucket_acl(name),
        O::PutBucketAcl => s3.put_bucket_acl(name),
        O::GetBucketCors => s3.get_kept(name, Kind::Cors),
        O::PutBucketCors => s3.put_kept(name, Kind::Cors),
        O::DeleteBucketCors => s3.delete_kept(name, Kind::Cors),
        O::GetBucketLifecycleConfiguration => s3.get_kept(name, Kind::Lifecycle),
        O::PutBucketLifecycleConfiguration => s3.put_kept(name, Kind::Lifecycle),
        O::DeleteBucketLifecycle => s3.delete_kept(name, Kind::Lifecycle),
        O::GetBucketWebsite => s3.get_kept(name, Kind::Website),
        O::PutBucketWebsite => s3.put_kept(name, Kind::Website),
        O::DeleteBucketWebsite => s3.delete_kept(name, Kind::Website),
        O::GetBucketNotificationConfiguration => s3.get_kept(name, Kind::Notification),
        O::PutBucketNotificationConfiguration => s3.put_kept(name, Kind::Notification),
        O::GetBucketRequestPayment => s3.get_kept(name, Kind::Payment),
        O::PutBucketRequestPayment => s3.put_kept(name, Kind::Payment),
        O::GetBucketAccelerateConfiguration => s3.get_kept(name, Kind::Accelerate),
        O::PutBucketAccelerateConfiguration => s3.put_kept(name, Kind::Accelerate),
        O::GetBucketReplication => s3.get_kept(name, Kind::Replication),
        O::PutBucketReplication => s3.put_kept(name, Kind::Replication),
        O::DeleteBucketReplication => s3.delete_kept(name, Kind::Replication),
        O::GetObjectLockConfiguration => s3.get_kept(name, Kind::ObjectLock),
        O::PutObjectLockConfiguration => s3.put_kept(name, Kind::ObjectLock),
        O::GetBucketAbac => s3.get_kept(name, Kind::Abac),
        O::PutBucketAbac => s3.put_kept(name, Kind::Abac),
        O::ListBucketMetricsConfigurations => s3.list_kept(name, Kind::Metrics),
        O::GetBucketMetricsConfiguration => s3.get_kept(name, Kind::Metrics),
        O::PutBucketMetricsConfiguration => s3.put_kept(name, Kind::Metrics),
        O::DeleteBucketMetricsConfiguration => s3.delete_kept(name, Kind::Metrics),
        O::ListBucketInventoryConfigurations => s3.list_kept(name, Kind::Inventory),
        O::GetBucketInventoryConfiguration => s3.get_kept(name, Kind::Inventory),
        O::PutBucketInventoryConfiguration => s3.put_kept(name, Kind::Inventory),
        O::DeleteBucketInventoryConfiguration => s3.delete_kept(name, Kind::Inventory),
        O::ListBucketAnalyticsConfigurations => s3.list_kept(name, Kind::Analytics),
        O::GetBucketAnalyticsConfiguration => s3.get_kept(name, Kind::Analytics),
        O::PutBucketAnalyticsConfiguration => s3.put_kept(name, Kind::Analytics),
        O::DeleteBucketAnalyticsConfiguration => s3.delete_kept(name, Kind::Analytics),
        O::ListBucketIntelligentTieringConfigurations => s3.list_kept(name, Kind::Tiering),
        O::GetBucketIntelligentTieringConfiguration => s3.get_kept(name, Kind::Tiering),
        O::PutBucketIntelligentTieringConfiguration => s3.put_kept(name, Kind::Tiering),
        O::DeleteBucketIntelligentTieringConfiguration => s3.delete_kept(name, Kind::Tiering),
        O::PutObject => s3.put_object(name),
        O::PostObject => s3.post_object(name),
        O::CopyObject => s3.copy_object(name),
        O::GetObject | O::HeadObject => s3.get_object(name),
        O::DeleteObject => s3.delete_object(name),
        O::DeleteObjects => s3.delete_objects(name),
        O::GetObjectAttributes => s3.get_attributes(name),
        O::GetObjectTagging => s3.get_object_tagging(name),
        O::PutObjectTagging => s3.put_object_tagging(name),
        O::DeleteObjectTagging => s3.delete_object_tagging(name),
        O::GetObjectAcl => s3.get_object_acl(name),
        O::PutObjectAcl => s3.put_object_acl(name),
        O::GetObjectRetention => s3.get_retention(name),
        O::PutObjectRetention => s3.put_retention(name),
        O::GetObjectLegalHold => s3.get_hold(name),
        O::PutObjectLegalHold => s3.put_hold(name),
        O::CreateMultipartUpload => s3.create_upload(name),
        O::UploadPart => s3.upload_part(name),
        O::UploadPartCopy => s3.upload_part_copy(name),
        O::CompleteMultipartUpload => s3.complete_upload(name),
        O::AbortMultipartUpload => s3.abort_upload(name),
        O::ListParts => s3.list_parts(name),
        O::GetAccountPublicAccessBlock => s3.get_account_block(),
        O::PutAccountPublicAccessBlock => s3.put_account_block(),
        O::DeleteAccountPublicAccessBlock => s3.delete_account_block(),
        O::ListTagsForResource => s3.list_tags(),
        O::TagResource => s3.tag_resource(),
        O::UntagResource => s3.untag_resource(),
    }
}

impl<'a> S3<'a> {
    pub(crate) fn bucket(&self, name: &str) -> Result<&Bucket, ApiError> {
        self.world.buckets.get(name).ok_or_else(|| no_such_bucket(name))
    }

    pub(crate) fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, ApiError> {
        self.world.buckets.get_mut(name).ok_or_else(|| no_such_bucket(name))
    }

    /// The key in the path.
    fn key(&self) -> &'a str {
        self.asked.key.as_deref().unwrap_or_default()
    }

    /// Region and expected owner, before anything else; then that the body is what came with it.
    fn reach(&self, name: &str) -> Result<(), ApiError> {
        let bucket = self.bucket(name)?;
        if redirected(self.asked, bucket) {
            return Err(ApiError::new(
                301,
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
            )
            .with("Endpoint", format!("{name}.s3.{}.amazonaws.com", bucket.region))
            .with("Bucket", name)
            .header("x-amz-bucket-region", bucket.region.clone()));
        }
        self.expected_owner("x-amz-expected-bucket-owner", bucket)?;
        if let (Some(header), Ok(source)) = (self.asked.header("x-amz-source-expected-bucket-owner"), self.source()) {
            let _ = header;
            self.expected_owner("x-amz-source-expected-bucket-owner", self.bucket(&source.bucket)?)?;
        }
        Ok(())
    }

    fn expected_owner(&self, header: &str, bucket: &Bucket) -> Result<(), ApiError> {
        let Some(owner) = self.asked.header(header) else { return Ok(()) };
        if owner.len() != 12 || !owner.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!("The value of the expected bucket owner parameter must be an AWS Account ID... [{owner}]");
            return Err(ApiError::new(400, "InvalidBucketOwnerAWSAccountID", message));
        }
        if owner == bucket.account { Ok(()) } else { Err(denied()) }
    }
}

/// The request came to an endpoint of another region.
fn redirected(asked: &Asked, bucket: &Bucket) -> bool {
    let home = asked.host_region.as_deref();
    home.is_some_and(|r| r != bucket.region && r != "us-east-1") || (home == Some("us-east-1") && bucket.region != "us-east-1")
}

pub(crate) fn denied() -> ApiError {
    ApiError::new(403, "AccessDenied", "Access Denied")
}

fn no_such_bucket(name: &str) -> ApiError {
    not_found("NoSuchBucket", "The specified bucket does not exist", name)
}

fn no_such_key(key: &str) -> ApiError {
    ApiError::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key)
}

/// Something of a bucket is not there.
fn not_found(code: &str, message: &str, bucket: &str) -> ApiError {
    ApiError::new(404, code, message).with("BucketName", bucket)
}

fn invalid_argument(message: &str, name: &'static str, value: &str) -> ApiError {
    ApiError::new(400, "InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
}

/// Wraps a result element.
pub(crate) fn reply(root: &str, fill: impl FnOnce(&mut Xml)) -> Reply {
    let mut x = Xml::default();
    fill(&mut x);
    let mut reply =
        Reply::xml(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</{root}>", x.0));
    reply.content_type = Some("application/xml".to_owned());
    reply
}
