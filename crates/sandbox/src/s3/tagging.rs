//! Tags of buckets and objects, and what S3 refuses in them.

use std::collections::BTreeSet;

use roxmltree::Node;

use crate::error::ApiError;
use crate::query::{Asked, Reply};

use super::access::Target;
use super::state::NULL;
use super::{S3, not_found, read, reply};

/// Most tags of an object, and of a bucket (S3 User Guide, "Categorizing your objects using tags"; "Using tags").
const OBJECT_MOST: usize = 10;
const BUCKET_MOST: usize = 50;

/// Whose tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Bucket,
    /// At its creation: S3 has other words there.
    NewBucket,
    Object,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidTag", message)
}

/// The tags of a `TagSet`, checked.
pub(super) fn from_body(body: &[u8], of: Of) -> Result<Vec<(String, String)>, ApiError> {
    let document = read::document(body)?;
    let root = document.root_element();
    let set = read::child(root, "TagSet").filter(|_| root.tag_name().name() == "Tagging").ok_or_else(read::malformed)?;
    from_set(set, of)
}

/// The tags below a node, checked.
pub(super) fn from_set(set: Node<'_, '_>, of: Of) -> Result<Vec<(String, String)>, ApiError> {
    const TAG: &[read::Element] = &[("Tag", 0, 0, read::Content::Nest(&[("Key", 1, 1, read::Content::Text), ("Value", 1, 1, read::Content::Text)]))];
    read::check(set, TAG)?;
    let tags: Vec<(String, String)> =
        read::children(set, "Tag").map(|t| (read::text(t, "Key").unwrap_or_default(), read::text(t, "Value").unwrap_or_default())).collect();
    check(&tags, of)?;
    Ok(tags)
}

fn check(tags: &[(String, String)], of: Of) -> Result<(), ApiError> {
    let good = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c));
    let mut seen = BTreeSet::new();
    for (key, value) in tags {
        if !seen.insert(key) {
            return Err(match of {
                Of::NewBucket => ApiError::new(500, "InternalError", "We encountered an internal error. Please try again."),
                _ => invalid("Cannot provide multiple Tags with the same key").with("TagKey", key.clone()),
            });
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(match of {
                Of::NewBucket => invalid(
                    "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" from your tag keys and try again.",
                ),
                Of::Bucket => invalid("System tags cannot be added/updated by requester").with("TagKey", key.clone()),
                Of::Object => invalid("Your TagKey cannot be prefixed with aws:").with("TagKey", key.clone()),
            });
        }
        if key.is_empty() || key.chars().count() > 128 || !good(key) {
            return Err(invalid("The TagKey you have provided is invalid").with("TagKey", key.clone()));
        }
        if value.chars().count() > 256 || !good(value) {
            return Err(invalid("The TagValue you have provided is invalid").with("TagKey", key.clone()).with("TagValue", value.clone()));
        }
    }
    match of {
        Of::Object if tags.len() > OBJECT_MOST => Err(ApiError::new(400, "BadRequest", "Object tags cannot be greater than 10")),
        Of::Bucket | Of::NewBucket if tags.len() > BUCKET_MOST => Err(ApiError::new(400, "BadRequest", "Bucket tag count cannot be greater than 50")),
        _ => Ok(()),
    }
}

/// The tags of `x-amz-tagging`: a query, each name once.
pub(super) fn from_header(asked: &Asked) -> Result<Vec<(String, String)>, ApiError> {
    let text = asked.header("x-amz-tagging").unwrap_or_default();
    let tags: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let names: BTreeSet<&String> = tags.iter().map(|(key, _)| key).collect();
    if names.len() != tags.len() || text.contains(',') {
        let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.";
        return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "x-amz-tagging").with("ArgumentValue", text));
    }
    check(&tags, Of::Object)?;
    Ok(tags)
}

/// The object tags that a request brings, for the decision; what is wrong with them is said later.
pub(super) fn requested(asked: &Asked) -> Vec<(String, String)> {
    if asked.operation == "PutObjectTagging" {
        return from_body(&asked.body, Of::Object).unwrap_or_default();
    }
    from_header(asked).unwrap_or_default()
}

fn shown<'t>(tags: impl IntoIterator<Item = (&'t String, &'t String)>) -> Reply {
    reply("Tagging", |x| {
        x.nest("TagSet", |x| {
            for (key, value) in tags {
                x.nest("Tag", |x| {
                    x.text("Key", key).text("Value", value);
                });
            }
        });
    })
}

impl S3<'_> {
    pub(super) fn get_bucket_tagging(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketTagging")?;
        let bucket = self.bucket(name)?;
        if bucket.tags.is_empty() {
            return Err(not_found("NoSuchTagSet", "The TagSet does not exist", name));
        }
        Ok(shown(&bucket.tags))
    }

    pub(super) fn put_bucket_tagging(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketTagging")?;
        let tags = from_body(&self.asked.body, Of::Bucket)?;
        let bucket = self.bucket_mut(name)?;
        if bucket.kept.get("abac").is_some_and(|state| state.contains("Enabled")) {
            let message = "Bucket tagging is managed by TagResource and UntagResource where attribute-based access control is enabled for the bucket.";
            return Err(ApiError::new(400, "InvalidRequest", message));
        }
        bucket.tags = tags.into_iter().collect();
        Ok(Reply::empty(204))
    }

    pub(super) fn delete_bucket_tagging(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketTagging")?;
        self.bucket_mut(name)?.tags.clear();
        Ok(Reply::empty(204))
    }

    pub(super) fn get_object_tagging(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:GetObjectTagging", "s3:GetObjectVersionTagging"), target)?;
        let (version, object) = self.found_for_writing(name, target)?;
        let answer = shown(&object.tags);
        Ok(if version.id == NULL { answer } else { answer.header("x-amz-version-id", version.id.clone()) })
    }

    pub(super) fn put_object_tagging(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:PutObjectTagging", "s3:PutObjectVersionTagging"), target)?;
        let tags = from_body(&asked.body, Of::Object)?;
        self.set_object_tags(name, target, tags, 200)
    }

    pub(super) fn delete_object_tagging(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"), target)?;
        self.set_object_tags(name, target, Vec::new(), 204)
    }

    fn set_object_tags(&mut self, name: &str, target: Target<'_>, tags: Vec<(String, String)>, status: u16) -> Result<Reply, ApiError> {
        let id = self.found_for_writing(name, target)?.0.id.clone();
        self.object_mut(name, target.key, &id)?.tags = tags.into_iter().collect();
        let answer = Reply::empty(status);
        Ok(if id == NULL { answer } else { answer.header("x-amz-version-id", id) })
    }
}
