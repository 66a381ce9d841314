//! The control plane: the block of public access of a whole account, and tags of buckets by ARN.

use percent_encoding::percent_decode_str;

use crate::error::ApiError;
use crate::query::Reply;

use super::body::payload;
use super::read::{self, child, malformed};
use super::settings::{block_of, block_shown};
use super::{S3, denied, reply, tagging};

/// Where paths of the control plane begin (Amazon S3 Control API reference).
pub(crate) const PATH: &str = "/v20180820/";

impl S3<'_> {
    /// The account that is asked about, which is the caller's own.
    fn own_account(&self, action: &str) -> Result<String, ApiError> {
        let account = self
            .asked
            .header("x-amz-account-id")
            .ok_or_else(|| ApiError::new(400, "InvalidRequest", "Missing required header for this request: x-amz-account-id"))?;
        self.allow_account(action, "*")?;
        if account == self.caller.account { Ok(account.to_owned()) } else { Err(denied()) }
    }

    pub(super) fn get_account_block(&mut self) -> Result<Reply, ApiError> {
        let account = self.own_account("s3:GetAccountPublicAccessBlock")?;
        let block = self.world.blocks.get(&account).copied();
        block.map(block_shown).ok_or_else(|| {
            let error = ApiError::new(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found");
            error.with("AccountId", account)
        })
    }

    pub(super) fn put_account_block(&mut self) -> Result<Reply, ApiError> {
        let account = self.own_account("s3:PutAccountPublicAccessBlock")?;
        let block = block_of(&payload(self.asked)?.bytes)?;
        self.world.blocks.insert(account, block);
        Ok(Reply::empty(201))
    }

    pub(super) fn delete_account_block(&mut self) -> Result<Reply, ApiError> {
        let account = self.own_account("s3:PutAccountPublicAccessBlock")?;
        self.world.blocks.remove(&account);
        Ok(Reply::empty(204))
    }

    /// The bucket of the ARN behind `tags/`.
    fn tagged(&self, action: &str) -> Result<String, ApiError> {
        let path = self.asked.raw_path.strip_prefix(PATH).and_then(|p| p.strip_prefix("tags/")).unwrap_or_default();
        let arn = percent_decode_str(path).decode_utf8_lossy().into_owned();
        let name = arn
            .strip_prefix("arn:aws:s3:::")
            .filter(|n| !n.is_empty() && !n.contains('/'))
            .ok_or_else(|| ApiError::new(400, "InvalidRequest", "The resource ARN is not that of a bucket, and other resources are not here."))?;
        self.allow(name, action)?;
        Ok(name.to_owned())
    }

    pub(super) fn list_tags(&mut self) -> Result<Reply, ApiError> {
        let name = self.tagged("s3:ListTagsForResource")?;
        let tags = &self.bucket(&name)?.tags;
        Ok(reply("ListTagsForResourceResult", |x| {
            x.nest("Tags", |x| {
                for (key, value) in tags {
                    x.nest("Tag", |x| {
                        x.text("Key", key).text("Value", value);
                    });
                }
            });
        }))
    }

    pub(super) fn tag_resource(&mut self) -> Result<Reply, ApiError> {
        let name = self.tagged("s3:TagResource")?;
        let body = payload(self.asked)?.bytes;
        let document = read::document(&body)?;
        let set = child(document.root_element(), "Tags").ok_or_else(malformed)?;
        let tags = tagging::from_set(set, tagging::Of::Bucket)?;
        self.bucket_mut(&name)?.tags.extend(tags);
        Ok(Reply::empty(204))
    }

    pub(super) fn untag_resource(&mut self) -> Result<Reply, ApiError> {
        let name = self.tagged("s3:UntagResource")?;
        let keys: Vec<String> = form_urlencoded::parse(self.asked.raw_query.as_bytes()).filter(|(n, _)| n == "tagKeys").map(|(_, v)| v.into_owned()).collect();
        self.bucket_mut(&name)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Reply::empty(204))
    }
}
