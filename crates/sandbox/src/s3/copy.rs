//! Copies: what may be read there and written here, and what comes along.

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;
use crate::query::Reply;

use super::access::Target;
use super::checksum::{Algorithm, FULL_OBJECT, md5_hex};
use super::object::{encryption_headers, version_header};
use super::state::{Object, Version};
use super::{S3, conditional, invalid_argument, list, reply};

/// What is copied.
pub(super) struct Source {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) version: Option<String>,
}

impl S3<'_> {
    /// `/bucket/key?versionId=id`, percent-encoded.
    pub(super) fn source(&self) -> Result<Source, ApiError> {
        let text = self.asked.header("x-amz-copy-source").unwrap_or_default();
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8_lossy().into_owned();
        if path.starts_with("arn:") {
            let error = ApiError::new(501, "NotImplemented", "A header you provided implies functionality that is not implemented");
            return Err(error.with("Header", "x-amz-copy-source"));
        }
        let version = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "versionId").map(|(_, value)| value.into_owned());
        match path.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) {
            Some((bucket, key)) => Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), version }),
            None => Err(invalid_argument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")),
        }
    }

    /// The object that is copied, which the caller may read.
    pub(super) fn copied(&self, source: &Source) -> Result<(&Version, &Object), ApiError> {
        let target = Target::of(&source.key, source.version.as_deref());
        self.allow_object(&source.bucket, target.action("s3:GetObject", "s3:GetObjectVersion"), target)?;
        let (version, object) = self.found(&source.bucket, target).map_err(|error| match error.code.as_str() {
            "MethodNotAllowed" => {
                ApiError::new(400, "InvalidRequest", "The source of a copy request may not specifically refer to a delete marker by version id.")
            }
            _ => error,
        })?;
        conditional::copying(self.asked, version, object)?;
        // Nothing is restored here (S3 API reference, CopyObject).
        if object.storage_class.as_deref().is_some_and(|class| matches!(class, "GLACIER" | "DEEP_ARCHIVE")) {
            let message = "The source object of the COPY action is not in the active tier and is only stored in Amazon S3 Glacier.";
            return Err(ApiError::new(403, "ObjectNotInActiveTierError", message).with("Key", source.key.clone()));
        }
        Ok((version, object))
    }

    fn directive(&self, header: &'static str, what: &str) -> Result<bool, ApiError> {
        match self.asked.header(header) {
            None | Some("COPY") => Ok(false),
            Some("REPLACE") => Ok(true),
            Some(other) => Err(invalid_argument(&format!("Unknown {what} directive."), header, other)),
        }
    }

    pub(super) fn copy_object(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let key = self.key();
        let source = self.source()?;
        self.bucket(&source.bucket)?;
        let new_metadata = self.directive("x-amz-metadata-directive", "metadata")?;
        let new_tags = self.directive("x-amz-tagging-directive", "tagging")?;
        let (version, from) = self.copied(&source)?;
        // Tags come along, and to read them is an action of its own.
        let tags = if new_tags { None } else { Some(from.tags.clone()).filter(|t| !t.is_empty()) };
        if tags.is_some() {
            let target = Target::of(&source.key, source.version.as_deref());
            self.allow_object(&source.bucket, target.action("s3:GetObjectTagging", "s3:GetObjectVersionTagging"), target)?;
        }
        self.allow_write(name, key, tags.is_some() || (new_tags && asked.header("x-amz-tagging").is_some()))?;
        let mut object = self.new_object(name)?;
        if source.bucket == name && source.key == key && source.version.is_none() && !new_metadata && !self.changes() {
            let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(ApiError::new(400, "InvalidRequest", message));
        }
        self.writing(name, key)?;
        if !new_metadata {
            object.metadata.clone_from(&from.metadata);
            object.content_type.clone_from(&from.content_type);
            let redirect = object.headers.remove("x-amz-website-redirect-location");
            object.headers.clone_from(&from.headers);
            object.headers.remove("x-amz-website-redirect-location");
            object.headers.extend(redirect.map(|r| ("x-amz-website-redirect-location".to_owned(), r)));
        }
        if !new_tags {
            object.tags = tags.unwrap_or_default();
        }
        self.unseal(&source.bucket, &source.key, from.encryption.as_ref())?;
        object.encryption = object.encryption.map(|e| self.seal(name, e)).transpose()?;
        object.body = from.body.clone();
        object.etag = format!("\"{}\"", md5_hex(&object.body));
        object.checksum = Some(match (asked.header("x-amz-checksum-algorithm").and_then(Algorithm::parse), &from.checksum) {
            (None, Some(sum)) if sum.kind == FULL_OBJECT => sum.clone(),
            (Some(algorithm), _) => algorithm.of(&object.body),
            (None, sum) => sum.as_ref().map_or(Algorithm::Crc64Nvme, |s| s.algorithm).of(&object.body),
        });
        let from_version = self.bucket(&source.bucket)?.versioning.is_some().then(|| version.id.clone());
        let copy = object.clone();
        let (id, modified) = self.store(name, key, object)?;
        let mut answer = reply("CopyObjectResult", |x| {
            x.text("LastModified", &list::listed(&modified)).text("ETag", &copy.etag);
            if let Some(sum) = &copy.checksum {
                x.text(sum.algorithm.element(), &sum.value).text("ChecksumType", &sum.kind);
            }
        });
        if let Some(id) = from_version {
            answer = answer.header("x-amz-copy-source-version-id", id);
        }
        Ok(version_header(encryption_headers(answer, &copy), id))
    }

    /// Something of the object itself would be another.
    fn changes(&self) -> bool {
        let headers = [
            "x-amz-storage-class",
            "x-amz-website-redirect-location",
            "x-amz-server-side-encryption",
            "x-amz-server-side-encryption-aws-kms-key-id",
            "x-amz-checksum-algorithm",
        ];
        headers.iter().any(|h| self.asked.header(h).is_some())
    }
}

/// `x-amz-copy-source-range`: both ends, and both within the object.
pub(super) fn range_of(text: Option<&str>, body: &Bytes) -> Result<Bytes, ApiError> {
    let Some(text) = text else { return Ok(body.clone()) };
    let form = || {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";
        invalid_argument(message, "x-amz-copy-source-range", text)
    };
    let (first, last) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')).ok_or_else(form)?;
    let (first, last): (usize, usize) = (first.parse().map_err(|_| form())?, last.parse().map_err(|_| form())?);
    if first > last {
        return Err(form());
    }
    if first >= body.len() {
        return Err(ApiError::new(400, "InvalidRequest", "The specified copy range is invalid for the source object size"));
    }
    super::object::part_of(body, first, last)
        .ok_or_else(|| invalid_argument(&format!("Range specified is not valid for source object of size: {}", body.len()), "x-amz-copy-source-range", text))
}
