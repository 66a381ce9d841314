//! Calls that show whether somebody is let in, and change nothing but an object of our own.

use std::collections::BTreeSet;

use aws_sdk_s3::operation::RequestId as _;
use aws_sdk_s3::primitives::ByteStream;
use crossrole_model::proof::Act;
use crossrole_model::{AccountId, CloudError, ErrorClass};

use crate::Aws;
use crate::acting::Acting;
use crate::call::{Kind, plain};

/// What is written, where something may be.
const CONTENT: &[u8] = b"written by `crossrole verify --write-probes`, which deletes it\n";

/// Most keys that one account is asked for to find objects inside and outside of a prefix: one page.
const KEYS_MOST: i32 = 1_000;

impl Acting {
    /// Makes one call on a bucket. Returns its request id.
    ///
    /// # Errors
    /// It was refused, or did not come to that. That an object is not there is no refusal.
    pub async fn try_on_bucket(&self, act: &Act, region: &str) -> Result<Option<String>, CloudError> {
        let s3 = self.s3(region);
        let operation = act.action().rsplit(':').next().unwrap_or_default();
        let id = |id: Option<&str>| id.map(str::to_owned);
        match act {
            Act::Assume { .. } => Err(plain(ErrorClass::Invalid, &self.line.account, operation, "it is no call on a bucket")),
            Act::List { bucket, prefix } => {
                let send = || s3.list_objects_v2().bucket(bucket).prefix(prefix).max_keys(1).send();
                Ok(id(self.line.call(&self.run, "ListObjectsV2", Kind::Read, send).await?.request_id()))
            }
            Act::Get { bucket, key, .. } => {
                let key = key.as_deref().unwrap_or_default();
                let send = || s3.get_object().bucket(bucket).key(key).range("bytes=0-0").send();
                let answer = self.line.call(&self.run, "GetObject", Kind::Read, send).await;
                reached(answer.map(|answer| id(answer.request_id())))
            }
            Act::Policy { bucket } => {
                let answer = self.line.call(&self.run, "GetBucketPolicy", Kind::Read, || s3.get_bucket_policy().bucket(bucket).send()).await;
                reached(answer.map(|answer| id(answer.request_id())))
            }
            Act::Other { action, resource: _ } => self.try_other(&s3, action, act.bucket().unwrap_or_default()).await,
            Act::Put { bucket, key } => {
                let send = || s3.put_object().bucket(bucket).key(key).body(ByteStream::from_static(CONTENT)).send();
                Ok(id(self.line.call(&self.run, "PutObject", Kind::Write, send).await?.request_id()))
            }
            Act::Delete { bucket, key } => {
                let send = || s3.delete_object().bucket(bucket).key(key).send();
                Ok(id(self.line.call(&self.run, "DeleteObject", Kind::Write, send).await?.request_id()))
            }
        }
    }

    /// Names of the groups that a user is in.
    ///
    /// # Errors
    /// Who calls may not know.
    pub async fn groups_of(&self, user: &str) -> Result<Vec<String>, CloudError> {
        let iam = aws_sdk_iam::Client::new(&self.config);
        // IAM lets a user be in ten (IAM User Guide, "IAM and STS quotas"): one page.
        let answer = self.line.call(&self.run, "ListGroupsForUser", Kind::Read, || iam.list_groups_for_user().user_name(user).send()).await?;
        Ok(answer.groups().iter().map(|group| group.group_name().to_owned()).collect())
    }

    /// Other readings that change nothing: those of [`HARMLESS`](crossrole_model::proof::HARMLESS).
    async fn try_other(&self, s3: &aws_sdk_s3::Client, action: &str, bucket: &str) -> Result<Option<String>, CloudError> {
        let id = |id: Option<&str>| id.map(str::to_owned);
        let (line, run) = (&self.line, &self.run);
        match action {
            "s3:GetBucketLocation" => {
                let answer = line.call(run, "GetBucketLocation", Kind::Read, || s3.get_bucket_location().bucket(bucket).send()).await?;
                Ok(id(answer.request_id()))
            }
            "s3:GetBucketVersioning" => {
                let answer = line.call(run, "GetBucketVersioning", Kind::Read, || s3.get_bucket_versioning().bucket(bucket).send()).await?;
                Ok(id(answer.request_id()))
            }
            "s3:GetEncryptionConfiguration" => {
                let answer = line.call(run, "GetBucketEncryption", Kind::Read, || s3.get_bucket_encryption().bucket(bucket).send()).await;
                reached(answer.map(|answer| id(answer.request_id())))
            }
            "s3:ListAllMyBuckets" => {
                let answer = line.call(run, "ListBuckets", Kind::Read, || s3.list_buckets().max_buckets(1).send()).await?;
                Ok(id(answer.request_id()))
            }
            _ => Err(plain(ErrorClass::Invalid, &line.account, action, "no harmless call of the kind is known")),
        }
    }

    fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config).region(aws_config::Region::new(region.to_owned()));
        aws_sdk_s3::Client::from_conf(config.force_path_style(self.path_style).build())
    }
}

/// Whoever hears that something is not there, has no byte, or is archived, was let in.
fn reached(answer: Result<Option<String>, CloudError>) -> Result<Option<String>, CloudError> {
    match answer {
        Err(error)
            if ["NoSuchKey", "NoSuchBucketPolicy", "ServerSideEncryptionConfigurationNotFoundError", "InvalidRange", "InvalidObjectState"]
                .contains(&error.code.as_str()) =>
        {
            Ok(error.request_id)
        }
        answer => answer,
    }
}

impl Aws {
    /// Names objects of a bucket, as whoever reads and writes its account: those that come first under each prefix, and those that
    /// come first of all.
    ///
    /// # Errors
    /// That account can't be reached, or does not let it.
    pub async fn some_objects(&self, account: &AccountId, bucket: &str, region: &str, prefixes: &BTreeSet<String>) -> Result<Vec<String>, CloudError> {
        let session = self.sessions.get(account).await?;
        let s3 = session.s3(region);
        let mut all = BTreeSet::new();
        for prefix in prefixes.iter().map(String::as_str).chain(std::iter::once("")) {
            let most = if prefix.is_empty() { KEYS_MOST } else { 1 };
            let send = || s3.list_objects_v2().bucket(bucket).prefix(prefix).max_keys(most).send();
            let answer = session.read("ListObjectsV2", send).await?;
            all.extend(answer.contents().iter().filter_map(|object| object.key()).map(str::to_owned));
        }
        Ok(all.into_iter().collect())
    }

    /// Looks whether an object is there.
    ///
    /// # Errors
    /// That account can't be reached, or does not let it.
    pub async fn object_exists(&self, account: &AccountId, bucket: &str, region: &str, key: &str) -> Result<bool, CloudError> {
        let session = self.sessions.get(account).await?;
        let s3 = session.s3(region);
        // The first of those that begin so is the one that is no longer than that.
        let answer = session.read("ListObjectsV2", || s3.list_objects_v2().bucket(bucket).prefix(key).max_keys(1).send()).await?;
        Ok(answer.contents().iter().any(|object| object.key() == Some(key)))
    }

    /// Returns the key of KMS that an object is encrypted with, and whether its context is the bucket; `None`: with none. HEAD asks nothing
    /// of KMS (S3 API Reference, HeadObject).
    ///
    /// # Errors
    /// That account can't be reached, or does not let it.
    pub async fn object_key(&self, account: &AccountId, bucket: &str, region: &str, key: &str) -> Result<Option<(String, bool)>, CloudError> {
        let session = self.sessions.get(account).await?;
        let s3 = session.s3(region);
        let answer = session.read("HeadObject", || s3.head_object().bucket(bucket).key(key).send()).await?;
        Ok(answer.ssekms_key_id().map(|id| (id.to_owned(), answer.bucket_key_enabled().unwrap_or(false))))
    }

    /// Deletes an object of ours, as whoever reads and writes its account.
    ///
    /// # Errors
    /// That account can't be reached, or does not let it.
    pub async fn delete_object(&self, account: &AccountId, bucket: &str, region: &str, key: &str) -> Result<(), CloudError> {
        let session = self.sessions.get(account).await?;
        let s3 = session.s3(region);
        session.write("DeleteObject", Kind::Write, || s3.delete_object().bucket(bucket).key(key).send()).await
    }

    /// Asks IAM's policy simulator what a principal's own policies let it do. Returns `allowed`, `implicitDeny` or `explicitDeny`.
    ///
    /// # Errors
    /// That account can't be reached, or does not let it.
    pub async fn simulate(&self, account: &AccountId, principal: &str, action: &str, resource: &str) -> Result<String, CloudError> {
        let session = self.sessions.get(account).await?;
        let send = || session.iam.simulate_principal_policy().policy_source_arn(principal).action_names(action).resource_arns(resource).send();
        let answer = session.read("SimulatePrincipalPolicy", send).await?;
        let first = answer.evaluation_results().first().map(|result| result.eval_decision().as_str().to_owned());
        first.ok_or_else(|| plain(ErrorClass::NotAws, account, "SimulatePrincipalPolicy", "it was answered without a decision"))
    }
}
