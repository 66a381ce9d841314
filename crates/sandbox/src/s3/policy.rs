//! Bucket policies: read, written, removed.

pub(crate) use crossrole_policy::is_public;

use crossrole_policy::Document;

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

    fn document(&self, name: &str) -> Result<Document, ApiError> {
        let document = self.bucket(name)?.policy.newest();
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
        self.write_policy(name, None)
    }

    /// It decides as late as what is written to IAM does (S3 User Guide: configurations of buckets are eventually consistent; half a minute was seen).
    fn write_policy(&mut self, name: &str, policy: Option<Document>) -> Result<Reply, ApiError> {
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.bucket_mut(name)?.policy.set(policy, now, lag);
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
        self.write_policy(name, Some(document))
    }
}
