//! S3: REST, path style and virtual hosts.

mod bucket;
mod config;
mod object;
pub(crate) mod operation;
mod policy;

use crossrole_policy::Document;

use crate::auth::{Caller, Want, authorize};
use crate::error::ApiError;
use crate::query::{Asked, Reply};
use crate::world::{Bucket, World};
use crate::xml::Xml;

/// One request and what it works on.
pub(crate) struct S3<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) caller: &'a Caller,
    pub(crate) asked: &'a Asked,
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let mut s3 = S3 { world, caller, asked };
    match asked.operation.as_str() {
        "ListBuckets" => return s3.list_buckets(),
        "CreateBucket" => return s3.create_bucket(),
        _ => {}
    }
    let name = asked.bucket.clone().unwrap_or_default();
    s3.reach(&name)?;
    match asked.operation.as_str() {
        "HeadBucket" => s3.head_bucket(&name),
        "DeleteBucket" => s3.delete_bucket(&name),
        "GetBucketPolicy" | "PutBucketPolicy" | "DeleteBucketPolicy" | "GetBucketPolicyStatus" => s3.policy(&name),
        "ListObjects" | "ListObjectsV2" => s3.list_objects(&name),
        "PutObject" | "GetObject" | "HeadObject" | "DeleteObject" | "CopyObject" | "DeleteObjects" => s3.object(&name),
        // Every other operation of the table that is here.
        _ => s3.config(&name),
    }
}

impl S3<'_> {
    pub(crate) fn bucket(&self, name: &str) -> Result<&Bucket, ApiError> {
        self.world.buckets.get(name).ok_or_else(|| ApiError::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", name))
    }

    pub(crate) fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, ApiError> {
        self.world.buckets.get_mut(name).ok_or_else(|| ApiError::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", name))
    }

    /// Region and expected owner, before anything else.
    fn reach(&self, name: &str) -> Result<(), ApiError> {
        let bucket = self.bucket(name)?;
        let home = self.asked.host_region.as_deref();
        if home.is_some_and(|r| r != bucket.region && r != "us-east-1") || (home == Some("us-east-1") && bucket.region != "us-east-1") {
            return Err(ApiError::new(
                301,
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
            )
            .with("Endpoint", format!("{name}.s3.{}.amazonaws.com", bucket.region))
            .with("Bucket", name)
            .header("x-amz-bucket-region", bucket.region.clone()));
        }
        let signed = self.asked.authorization.as_ref().map(|a| a.region.as_str());
        if signed.is_some_and(|r| r != bucket.region) {
            let message = format!("The authorization header is malformed; the region '{}' is wrong; expecting '{}'", signed.unwrap_or_default(), bucket.region);
            return Err(ApiError::new(400, "AuthorizationHeaderMalformed", message)
                .with("Region", bucket.region.clone())
                .header("x-amz-bucket-region", bucket.region.clone()));
        }
        if self.asked.header("x-amz-expected-bucket-owner").is_some_and(|owner| owner != bucket.account) {
            return Err(denied());
        }
        Ok(())
    }

    /// Decides an action on a bucket or object, with the bucket's policy and its restriction of public ones.
    pub(crate) fn allow(&self, bucket: &str, action: &str, key: Option<&str>) -> Result<(), ApiError> {
        let state = self.bucket(bucket)?;
        let shown: Option<Document> = state.policy.as_ref().map(|d| self.world.shown(d));
        let resource = key.map_or_else(|| format!("arn:aws:s3:::{bucket}"), |k| format!("arn:aws:s3:::{bucket}/{k}"));
        // One public statement closes the bucket to every other account, but for services (S3 User Guide,
        // "Blocking public access", RestrictPublicBuckets).
        let closed = state.block.is_some_and(|b| b[3]) && shown.as_ref().is_some_and(policy::is_public) && self.caller.account != state.account;
        let mut context = Vec::new();
        for (key, param) in [("s3:prefix", "prefix"), ("s3:delimiter", "delimiter"), ("s3:max-keys", "max-keys")] {
            if action == "s3:ListBucket"
                && let Some(value) = self.asked.param(param)
            {
                context.push((key.to_owned(), value.to_owned()));
            }
        }
        let want = Want { action, resource: &resource, account: &state.account, policy: shown.as_ref().filter(|_| !closed), context, many: Vec::new() };
        authorize(self.caller, &want).map_err(|error| {
            // S3 says no more than this across accounts.
            if self.caller.account == state.account { error } else { denied() }
        })
    }
}

pub(crate) fn denied() -> ApiError {
    ApiError::new(403, "AccessDenied", "Access Denied")
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

/// The text of the first element of this name.
pub(crate) fn element(body: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let document = roxmltree::Document::parse(text).ok()?;
    document.descendants().find(|n| n.tag_name().name() == name).map(|n| n.text().unwrap_or_default().to_owned())
}

/// Key and value of every `Tag`.
pub(crate) fn tag_elements(body: &[u8]) -> Vec<(String, String)> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let Ok(document) = roxmltree::Document::parse(text) else { return Vec::new() };
    let child =
        |node: roxmltree::Node<'_, '_>, name: &str| node.children().find(|c| c.tag_name().name() == name).and_then(|c| c.text()).unwrap_or_default().to_owned();
    document.descendants().filter(|n| n.tag_name().name() == "Tag").map(|n| (child(n, "Key"), child(n, "Value"))).collect()
}
