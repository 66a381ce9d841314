//! Bucket policies: what S3 refuses, what it calls public, how it stores principals.

pub(crate) use crossrole_access::is_public;
use crossrole_access::{action_matches, resource_matches};
use crossrole_policy::{Effect, Statement};

use crate::error::ApiError;
use crate::iam::rules::{principal_exists, stored};
use crate::query::Reply;

use super::{S3, reply};

/// Bytes of a bucket policy, after white space is taken out.
const LIMIT: usize = 20_480;

/// Actions that S3 knows in a bucket policy, on the bucket (Service Authorization Reference, Amazon S3; the ones in use).
const BUCKET_ACTIONS: &[&str] = &[
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteBucketWebsite",
    "s3:GetAccelerateConfiguration",
    "s3:GetAnalyticsConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketNotification",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetInventoryConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetMetricsConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:PutAccelerateConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutBucketAcl",
    "s3:PutBucketCORS",
    "s3:PutBucketLogging",
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketRequestPayment",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutBucketWebsite",
    "s3:PutEncryptionConfiguration",
    "s3:PutInventoryConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutReplicationConfiguration",
];

/// And on objects.
const OBJECT_ACTIONS: &[&str] = &[
    "s3:AbortMultipartUpload",
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject",
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectLegalHold",
    "s3:GetObjectRetention",
    "s3:GetObjectTagging",
    "s3:GetObjectTorrent",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionTagging",
    "s3:ListMultipartUploadParts",
    "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
    "s3:RestoreObject",
];

fn malformed(message: &str) -> ApiError {
    ApiError::new(400, "MalformedPolicy", message)
}

impl S3<'_> {
    pub(super) fn policy(&mut self, name: &str) -> Result<Reply, ApiError> {
        let operation = self.asked.operation.clone();
        self.allow(name, &format!("s3:{operation}"), None)?;
        if self.bucket(name)?.account != self.caller.account {
            return Err(ApiError::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource."));
        }
        let none = || ApiError::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist").with("BucketName", name);
        match operation.as_str() {
            "GetBucketPolicy" => {
                let document = self.bucket(name)?.policy.as_ref().ok_or_else(none)?;
                let mut answer = Reply::xml(self.world.shown(document).to_json());
                answer.content_type = Some("application/json".to_owned());
                Ok(answer)
            }
            "GetBucketPolicyStatus" => {
                let document = self.bucket(name)?.policy.as_ref().ok_or_else(none)?;
                let public = is_public(&self.world.shown(document));
                Ok(reply("PolicyStatus", |x| {
                    x.text("IsPublic", if public { "true" } else { "false" });
                }))
            }
            "DeleteBucketPolicy" => {
                self.bucket_mut(name)?.policy = None;
                Ok(Reply::empty(204))
            }
            _ => self.put_policy(name),
        }
    }

    fn put_policy(&mut self, name: &str) -> Result<Reply, ApiError> {
        let text = std::str::from_utf8(&self.asked.body).map_err(|_| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
        if !text.starts_with('{') || serde_json::from_str::<serde_json::Value>(text).is_err() {
            return Err(malformed("Policies must be valid JSON and the first byte must be '{'"));
        }
        let mut document = crossrole_policy::parse(text).map_err(|errors| match errors.first() {
            Some(e) if e.path == "Version" => malformed("The policy must contain a valid version string"),
            Some(e) if e.message.contains("`Statement` is missing") => malformed("Missing required field Statement"),
            Some(e) if e.message.contains("Action") => malformed("Missing required field Action"),
            Some(e) if e.message.contains("kind of principal") => malformed("Invalid principal in policy"),
            _ => malformed("Invalid policy syntax."),
        })?;
        if document.statements.is_empty() {
            return Err(malformed("Could not parse the policy: Statement is empty!"));
        }
        if document.to_json().len() > LIMIT {
            return Err(malformed("Policy exceeds the maximum allowed document size."));
        }
        for (index, statement) in document.statements.iter().enumerate() {
            self.check_statement(name, index, statement)?;
        }
        if self.bucket(name)?.block.is_some_and(|b| b[2]) && is_public(&document) {
            let message = format!(
                "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{name}\" because public policies are blocked by the BlockPublicPolicy block public access setting.",
                self.caller.arn
            );
            return Err(ApiError::new(403, "AccessDenied", message));
        }
        document.map_aws_principals(|value| stored(self.world, value));
        self.bucket_mut(name)?.policy = Some(document);
        Ok(Reply::empty(204))
    }

    fn check_statement(&self, bucket: &str, index: usize, statement: &Statement) -> Result<(), ApiError> {
        let Some(principal) = &statement.principal else { return Err(malformed("Missing required field Principal")) };
        if principal.negated && statement.effect == Effect::Allow {
            return Err(malformed("Allow with NotPrincipal is not allowed."));
        }
        if let Some(bad) = principal.aws().iter().find(|v| !principal_exists(self.world, v)) {
            return Err(malformed("Invalid principal in policy").with("Detail", bad.clone()));
        }
        if principal.entries.contains_key("Federated") {
            return Err(malformed("Invalid principal in policy"));
        }
        let Some(resource) = statement.resource.as_ref().filter(|r| !r.values.is_empty()) else { return Err(malformed("Missing required field Resource")) };
        let arn = format!("arn:aws:s3:::{bucket}");
        if let Some(bad) = resource.values.iter().find(|r| **r != arn && !r.starts_with(&format!("{arn}/"))) {
            return Err(malformed("Policy has invalid resource").with("Detail", bad.clone()));
        }
        for action in &statement.action.values {
            let known = |list: &[&str]| list.iter().any(|a| action_matches(action, a));
            let (on_bucket, on_object) = (known(BUCKET_ACTIONS), known(OBJECT_ACTIONS));
            if !on_bucket && !on_object {
                return Err(malformed("Policy has invalid action").with("Detail", action.clone()));
            }
            if statement.action.negated || resource.negated {
                continue;
            }
            let bucket_resource = resource.values.iter().any(|r| resource_matches(r, &arn, None));
            let object_resource = resource.values.iter().any(|r| r.starts_with(&format!("{arn}/")));
            if !(on_bucket && bucket_resource || on_object && object_resource) {
                let sid = if statement.sid().is_empty() { format!("NO_ID-{index}") } else { statement.sid().to_owned() };
                return Err(
                    malformed("Action does not apply to any resource(s) in statement").with("Detail", format!("Action \"{action}\" in Statement \"{sid}\""))
                );
            }
        }
        Ok(())
    }
}
