//! Objects that go: a version for good, or the current object behind a marker.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::query::Reply;

use super::access::Target;
use super::body::payload;
use super::object::{no_such_version, version_header, well_formed};
use super::state::{NULL, Version};
use super::{S3, read, reply};

impl S3<'_> {
    pub(super) fn delete_object(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:DeleteObject", "s3:DeleteObjectVersion"), target)?;
        if asked.header("x-amz-bypass-governance-retention").is_some() && !self.bucket(name)?.kept.contains_key("object-lock") {
            let message = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.";
            return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "x-amz-bypass-governance-retention"));
        }
        self.deleting(name, target.key)?;
        if let Some(id) = target.version {
            well_formed(id)?;
        }
        let gone = self.delete(name, target)?;
        let mut answer = Reply::empty(204);
        if gone.marker {
            answer = answer.header("x-amz-delete-marker", "true");
        }
        Ok(version_header(answer, gone.version))
    }

    /// Deletes: a version for good, or the current object, behind a marker where there are versions.
    fn delete(&mut self, name: &str, target: Target<'_>) -> Result<Gone, ApiError> {
        if let Some(id) = target.version {
            self.unlocked(name, target)?;
            let gone = self.bucket_mut(name)?.remove(target.key, id);
            return Ok(Gone { marker: gone.is_some_and(|v| v.object.is_none()), version: Some(id.to_owned()) });
        }
        if self.bucket(name)?.versioning.is_none() {
            self.bucket_mut(name)?.remove(target.key, NULL);
            return Ok(Gone { marker: false, version: None });
        }
        let id = if self.bucket(name)?.versions_new() { self.world.fresh(32) } else { NULL.to_owned() };
        self.bucket_mut(name)?.add(target.key, Version { id: id.clone(), modified: iso(unix_now()), object: None });
        Ok(Gone { marker: true, version: Some(id) })
    }

    pub(super) fn delete_objects(&mut self, name: &str) -> Result<Reply, ApiError> {
        const MOST: usize = 1_000;
        const DELETE: &[read::Element] = &[
            ("Quiet", 0, 1, read::Content::Flag),
            (
                "Object",
                1,
                MOST,
                read::Content::Nest(&[
                    ("Key", 1, 1, read::Content::Text),
                    ("VersionId", 0, 1, read::Content::Text),
                    ("ETag", 0, 1, read::Content::Text),
                    ("LastModifiedTime", 0, 1, read::Content::Text),
                    ("Size", 0, 1, read::Content::Number),
                ]),
            ),
        ];
        let payload = payload(self.asked)?;
        if payload.checksum.is_none() && self.asked.header("content-md5").is_none() {
            return Err(ApiError::new(400, "InvalidRequest", "Missing required header for this request: Content-MD5"));
        }
        let document = read::document(&payload.bytes)?;
        let root = document.root_element();
        read::check(root, DELETE)?;
        let quiet = read::text(root, "Quiet").is_some_and(|q| q.trim().eq_ignore_ascii_case("true"));
        let asked: Vec<(String, Option<String>)> =
            read::children(root, "Object").map(|o| (read::text(o, "Key").unwrap_or_default(), read::text(o, "VersionId").filter(|v| !v.is_empty()))).collect();
        let mut done = Vec::new();
        for (key, version) in asked {
            let outcome = self.delete_one(name, &key, version.as_deref());
            done.push((key, version, outcome));
        }
        Ok(reply("DeleteResult", |x| {
            for (key, version, outcome) in &done {
                match outcome {
                    Ok(_) if quiet => {}
                    Ok(gone) => {
                        x.nest("Deleted", |x| {
                            x.text("Key", key).maybe("VersionId", version.as_deref());
                            if gone.marker {
                                x.text("DeleteMarker", "true").maybe("DeleteMarkerVersionId", gone.version.as_deref());
                            }
                        });
                    }
                    Err(error) => {
                        x.nest("Error", |x| {
                            x.text("Key", key).maybe("VersionId", version.as_deref()).text("Code", &error.code).text("Message", &error.message);
                        });
                    }
                }
            }
        }))
    }

    fn delete_one(&mut self, name: &str, key: &str, version: Option<&str>) -> Result<Gone, ApiError> {
        let target = Target::of(key, version);
        self.allow_object(name, target.action("s3:DeleteObject", "s3:DeleteObjectVersion"), target)?;
        if version.is_some_and(|id| well_formed(id).is_err()) {
            return Err(no_such_version(key, version.unwrap_or_default()));
        }
        self.delete(name, target)
    }
}

/// What a deletion did.
struct Gone {
    marker: bool,
    version: Option<String>,
}
