//! Bucket policies: read, written, removed.

pub(crate) use crossrole_access::is_public;

use crate::error::ApiError;
use crate::iam::rules::stored;
use crate::query::Reply;

use super::body::payload;
use super::{S3, not_found, policy_rules, reply};

impl S3<'_> {
    /// Callers of other accounts get no further, whatever the policy lets them (S3 API reference, GetBucketPolicy).
    fn own_policy(&self, name: &str, action: &str) -> Result<(), ApiError> {
        self.allow(name, action)?;
        if self.bucket(name)?.account == self.caller.account {
            return Ok(());
        }
        Err(ApiError::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource."))
    }

    fn document(&self, name: &str) -> Result<crossrole_policy::Document, ApiError> {
        let document = self.bucket(name)?.policy.as_ref();
        document.map(|d| self.world.shown(d)).ok_or_else(|| not_found("NoSuchBucketPolicy", "The bucket policy does not exist", name))
    }

    pub(super) fn get_policy(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.own_policy(name, "s3:GetBucketPolicy")?;
        let mut answer = Reply::xml(self.document(name)?.to_json());
        answer.content_type = Some("application/json".to_owned());
        Ok(answer)
    }

    pub(super) fn get_policy_status(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketPolicyStatus")?;
        let public = is_public(&self.document(name)?);
        Ok(reply("PolicyStatus", |x| {
            x.text("IsPublic", if public { "true" } else { "false" });
        }))
    }

    pub(super) fn delete_policy(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.own_policy(name, "s3:DeleteBucketPolicy")?;
        self.bucket_mut(name)?.policy = None;
        Ok(Reply::empty(204))
    }

    pub(super) fn put_policy(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.own_policy(name, "s3:PutBucketPolicy")?;
        let mut document = policy_rules::parse(self.world, name, &payload(self.asked)?.bytes)?;
        let [_, _, block_policy, _] = self.block(self.bucket(name)?);
        if block_policy && is_public(&document) {
            let message = format!(
                "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{name}\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
                self.caller.arn
            );
            return Err(ApiError::new(403, "AccessDenied", message));
        }
        document.map_aws_principals(|value| stored(self.world, value));
        self.bucket_mut(name)?.policy = Some(document);
        Ok(Reply::empty(204))
    }
}
