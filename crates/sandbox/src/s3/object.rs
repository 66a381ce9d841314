//! Objects: written and read, by version where there are some.

use bytes::Bytes;

use crate::auth::{iso, unix_now};
use crate::authorization::Scheme;
use crate::error::ApiError;
use crate::query::Reply;

use super::access::Target;
use super::body::{ALL_MOST, payload};
use super::checksum::{Algorithm, md5_hex};
use super::conditional::{self, Instead, Range};
use super::state::{Bucket, NULL, Object, Version, canonical_id};
use super::{S3, acl, denied, invalid_argument, no_such_key, reply, tagging};

/// Headers that an object keeps and answers with.
const KEPT: &[&str] = &["cache-control", "content-disposition", "content-encoding", "content-language", "expires", "x-amz-website-redirect-location"];

const STORAGE_CLASSES: &[&str] =
    &["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"];

/// Bytes of a key, and of user metadata (S3 User Guide, "Naming objects", "Working with object metadata").
const KEY_MOST: usize = 1_024;
const METADATA_MOST: usize = 2_048;

impl S3<'_> {
    /// What a write needs beside `s3:PutObject`: tags and ACLs have actions of their own.
    pub(super) fn allow_write(&self, name: &str, key: &str, with_tags: bool) -> Result<(), ApiError> {
        let target = Target::of(key, None);
        self.allow_object(name, "s3:PutObject", target)?;
        if with_tags {
            self.allow_object(name, "s3:PutObjectTagging", target)?;
        }
        if acl::is_asked(self.asked) {
            self.allow_object(name, "s3:PutObjectAcl", target)?;
        }
        self.allow_locks(name, target)
    }

    pub(super) fn put_object(&mut self, name: &str) -> Result<Reply, ApiError> {
        let key = self.key();
        self.allow_write(name, key, self.asked.header("x-amz-tagging").is_some())?;
        let mut object = self.new_object(name)?;
        self.writing(name, key)?;
        let payload = payload(self.asked)?;
        object.encryption = object.encryption.map(|e| self.seal(name, e)).transpose()?;
        object.etag = format!("\"{}\"", md5_hex(&payload.bytes));
        // Where the client sends none, S3 makes one of its own (S3 User Guide, "Checking object integrity").
        let checksum = payload.checksum.unwrap_or_else(|| Algorithm::Crc64Nvme.of(&payload.bytes));
        object.checksum = Some(checksum.clone());
        object.body = payload.bytes;
        let answer = Reply::empty(200).header("etag", object.etag.clone());
        let answer = encryption_headers(answer.header(checksum.algorithm.header(), checksum.value).header("x-amz-checksum-type", checksum.kind), &object);
        let (id, _) = self.store(name, key, object)?;
        Ok(version_header(answer, id))
    }

    /// An object as the headers describe it, without its body.
    pub(super) fn new_object(&self, name: &str) -> Result<Object, ApiError> {
        let asked = self.asked;
        let key = self.key();
        if key.len() > KEY_MOST {
            let error = ApiError::new(400, "KeyTooLongError", "Your key is too long");
            return Err(error.with("Size", key.len().to_string()).with("MaxSizeAllowed", KEY_MOST.to_string()));
        }
        let header = "x-amz-server-side-encryption-customer-algorithm";
        if asked.header(header).is_some() {
            let error = ApiError::new(501, "NotImplemented", "A header you provided implies functionality that is not implemented");
            return Err(error.with("Header", header));
        }
        let state = self.bucket(name)?;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut object = Object { content_type: asked.header("content-type").unwrap_or("binary/octet-stream").to_owned(), ..Object::default() };
        for (header, value) in &asked.headers {
            if let Some(meta) = header.as_str().strip_prefix("x-amz-meta-") {
                object.metadata.insert(meta.to_owned(), text(value));
            }
        }
        if asked.authorization.as_ref().is_some_and(|a| a.scheme == Scheme::QueryV2) {
            // A presigned URL of version 2 carries them itself.
            let said = asked.params.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase().strip_prefix("x-amz-meta-")?.to_owned(), value.clone())));
            object.metadata.extend(said);
        }
        if object.metadata.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() > METADATA_MOST {
            return Err(ApiError::new(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"));
        }
        for header in KEPT {
            let value = asked.header(header).map(|v| v.split(',').map(str::trim).filter(|p| *p != "aws-chunked").collect::<Vec<_>>().join(","));
            if let Some(value) = value.filter(|v| !v.is_empty()) {
                object.headers.insert((*header).to_owned(), value);
            }
        }
        if let Some(class) = asked.header("x-amz-storage-class") {
            if !STORAGE_CLASSES.contains(&class) {
                let error = ApiError::new(400, "InvalidStorageClass", "The storage class you specified is not valid");
                return Err(error.with("StorageClassRequested", class));
            }
            object.storage_class = Some(class.to_owned()).filter(|c| c != "STANDARD");
        }
        object.encryption = Some(self.encryption(state)?);
        object.tags = tagging::from_header(asked)?.into_iter().collect();
        object.lock = self.new_lock(state)?;
        self.ownership(state, &mut object)?;
        Ok(object)
    }

    /// Who owns it, and what its ACL says (S3 User Guide, "Controlling ownership of objects").
    fn ownership(&self, state: &Bucket, object: &mut Object) -> Result<(), ApiError> {
        let asked = self.asked;
        let given_away = state.ownership.as_deref() == Some("BucketOwnerPreferred") && asked.header("x-amz-acl") == Some("bucket-owner-full-control");
        if !state.acls_disabled() && !given_away && !self.caller.anonymous && self.caller.account != state.account {
            object.owner = Some(self.caller.account.clone());
        }
        let bucket_owner = canonical_id(&state.account);
        let owner = object.owner.as_deref().map_or_else(|| bucket_owner.clone(), canonical_id);
        if let Some(grants) = acl::from_headers(asked, &owner, &bucket_owner)? {
            self.acl_fits(state, &grants, false)?;
            object.acl = (!state.acls_disabled()).then_some(grants);
        }
        Ok(())
    }

    /// Puts an object in its place and returns its version, for the header, and its time.
    pub(super) fn store(&mut self, name: &str, key: &str, object: Object) -> Result<(Option<String>, String), ApiError> {
        self.fits(object.body.len())?;
        let new = self.bucket(name)?.versions_new();
        self.keep_key(object.encryption.as_ref());
        let id = if new { self.world.fresh(32) } else { NULL.to_owned() };
        let modified = iso(unix_now());
        let version = Version { id: id.clone(), modified: modified.clone(), object: Some(object) };
        self.bucket_mut(name)?.add(key, version);
        Ok((new.then_some(id), modified))
    }

    /// There is memory for so many bytes more.
    pub(super) fn fits(&self, more: usize) -> Result<(), ApiError> {
        let held: usize = self.world.buckets.values().map(Bucket::size).sum();
        if held.saturating_add(more) <= ALL_MOST {
            return Ok(());
        }
        let message = format!("The sandbox keeps objects in memory, and no more than {ALL_MOST} bytes of them.");
        Err(ApiError::new(400, "EntityTooLarge", message).with("ProposedSize", more.to_string()).with("MaxSizeAllowed", ALL_MOST.to_string()))
    }

    pub(super) fn get_object(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:GetObject", "s3:GetObjectVersion"), target)?;
        let (version, object) = self.found(name, target)?;
        self.asks_for_no_encryption()?;
        match conditional::reading(asked, version, object) {
            Some(Instead::Error(error)) => return Err(error),
            Some(Instead::NotModified) => {
                return Ok(Reply::empty(304).header("etag", object.etag.clone()).header("last-modified", http_date(&version.modified)));
            }
            None => {}
        }
        if object.storage_class.as_deref().is_some_and(|c| matches!(c, "GLACIER" | "DEEP_ARCHIVE")) && asked.operation == "GetObject" {
            let error = ApiError::new(403, "InvalidObjectState", "The operation is not valid for the object's storage class");
            return Err(error.with("StorageClass", object.storage_class.clone().unwrap_or_default()));
        }
        let with_checksum = asked.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"));
        // What HEAD tells is not encrypted, but for checksums (S3 API reference, HeadObject).
        if asked.operation == "GetObject" || with_checksum {
            self.unseal(name, target.key, object.encryption.as_ref())?;
        }
        let mut answer = Reply { status: 200, content_type: Some(object.content_type.clone()), metadata: object.metadata.clone(), ..Reply::default() };
        answer = answer.header("etag", object.etag.clone()).header("last-modified", http_date(&version.modified)).header("accept-ranges", "bytes");
        for header in KEPT {
            if let Some(value) = object.headers.get(*header) {
                answer = answer.header(header, value.clone());
            }
        }
        answer = encryption_headers(answer, object);
        if let Some(class) = &object.storage_class {
            answer = answer.header("x-amz-storage-class", class.clone());
        }
        if !object.tags.is_empty() {
            answer = answer.header("x-amz-tagging-count", object.tags.len().to_string());
        }
        if self.bucket(name)?.versioning.is_some() {
            answer = answer.header("x-amz-version-id", version.id.clone());
        }
        answer = self.lock_headers(name, target, object, answer);
        answer = self.bytes(answer, object)?;
        let whole = answer.body.len() == object.body.len() && asked.param("partNumber").is_none();
        if let (Some(checksum), true) = (&object.checksum, with_checksum && whole) {
            answer = answer.header(checksum.algorithm.header(), checksum.value.clone()).header("x-amz-checksum-type", checksum.kind.clone());
        }
        self.overrides(answer)
    }

    /// The range or the part that was asked for.
    fn bytes(&self, mut answer: Reply, object: &Object) -> Result<Reply, ApiError> {
        let total = object.body.len();
        let range = match (self.asked.header("range"), self.asked.param("partNumber")) {
            (Some(_), Some(_)) => return Err(ApiError::new(400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter")),
            (Some(text), None) => conditional::range(text, total),
            (None, Some(number)) => {
                let count = object.parts.len().max(1);
                let number: usize = number
                    .parse()
                    .ok()
                    .filter(|n| (1..=10_000).contains(n))
                    .ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number))?;
                if number > count {
                    let error = ApiError::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
                    return Err(error.with("ActualPartCount", count.to_string()).with("PartNumberRequested", number.to_string()));
                }
                if !object.parts.is_empty() {
                    answer = answer.header("x-amz-mp-parts-count", count.to_string());
                }
                let sizes: Vec<usize> = object.parts.iter().map(|(size, _)| usize::try_from(*size).unwrap_or(0)).collect();
                let from: usize = sizes.iter().take(number - 1).sum();
                let size = sizes.get(number - 1).copied().unwrap_or(total);
                if size == 0 { Range::All } else { Range::Part(from, from + size - 1) }
            }
            (None, None) => Range::All,
        };
        match range {
            Range::All => answer.body = object.body.clone(),
            Range::Part(from, to) => {
                answer.status = 206;
                answer.body = object.body.get(from..=to).map(|b| object.body.slice_ref(b)).unwrap_or_default();
                answer = answer.header("content-range", format!("bytes {from}-{to}/{total}"));
            }
            Range::Unsatisfiable => {
                let error = ApiError::new(416, "InvalidRange", "The requested range is not satisfiable").header("content-range", format!("bytes */{total}"));
                return Err(error.with("RangeRequested", self.asked.header("range").unwrap_or_default()).with("ActualObjectSize", total.to_string()));
            }
        }
        let length = answer.body.len().to_string();
        Ok(answer.header("content-length", length))
    }

    /// Headers that a signed request asks for in place of the object's.
    fn overrides(&self, mut answer: Reply) -> Result<Reply, ApiError> {
        for (param, header) in [
            ("response-content-type", "content-type"),
            ("response-content-language", "content-language"),
            ("response-expires", "expires"),
            ("response-cache-control", "cache-control"),
            ("response-content-disposition", "content-disposition"),
            ("response-content-encoding", "content-encoding"),
        ] {
            let Some(value) = self.asked.param(param) else { continue };
            if self.caller.anonymous {
                let message = "Request specific response headers cannot be used for anonymous GET requests.";
                return Err(ApiError::new(400, "InvalidRequest", message));
            }
            if value.chars().any(|c| c as u32 > 0xff) {
                return Err(invalid_argument("Header value cannot be represented using ISO-8859-1.", param, value));
            }
            answer = answer.header(header, value);
        }
        Ok(answer)
    }

    pub(super) fn get_attributes(&mut self, name: &str) -> Result<Reply, ApiError> {
        const KNOWN: &[&str] = &["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:GetObject", "s3:GetObjectVersion"), target)?;
        self.allow_object(name, target.action("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"), target)?;
        let wanted: Vec<String> = asked
            .headers
            .get_all("x-amz-object-attributes")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .map(|v| v.trim().to_owned())
            .collect();
        if wanted.is_empty() || wanted.iter().any(|w| !KNOWN.contains(&w.as_str())) {
            return Err(invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", &wanted.join(",")));
        }
        let (version, object) = self.found(name, target)?;
        let wants = |name: &str| wanted.iter().any(|w| w == name);
        let answer = reply("GetObjectAttributesResponse", |x| {
            if wants("ETag") {
                x.text("ETag", object.etag.trim_matches('"'));
            }
            if let (true, Some(checksum)) = (wants("Checksum"), &object.checksum) {
                x.nest("Checksum", |x| {
                    x.text(checksum.algorithm.element(), checksum.value.split('-').next().unwrap_or_default()).text("ChecksumType", &checksum.kind);
                });
            }
            if wants("ObjectParts") && !object.parts.is_empty() {
                x.nest("ObjectParts", |x| {
                    x.text("TotalPartsCount", &object.parts.len().to_string());
                    let listed: Vec<_> = object.parts.iter().enumerate().filter_map(|(at, (size, sum))| Some((at + 1, size, sum.as_ref()?))).collect();
                    if !listed.is_empty() {
                        x.text("PartNumberMarker", "0").text("NextPartNumberMarker", &object.parts.len().to_string());
                        x.text("MaxParts", "1000").text("IsTruncated", "false");
                    }
                    for (number, size, sum) in listed {
                        x.nest("Part", |x| {
                            x.text("PartNumber", &number.to_string()).text("Size", &size.to_string()).text(sum.algorithm.element(), &sum.value);
                        });
                    }
                });
            }
            if wants("StorageClass") {
                x.text("StorageClass", object.storage_class.as_deref().unwrap_or("STANDARD"));
            }
            if wants("ObjectSize") {
                x.text("ObjectSize", &object.body.len().to_string());
            }
        });
        let answer = answer.header("last-modified", http_date(&version.modified));
        let versioned = self.bucket(name)?.versioning.is_some();
        Ok(version_header(answer, versioned.then(|| version.id.clone())))
    }

    /// The version and object that a reader asks for.
    pub(super) fn found(&self, name: &str, target: Target<'_>) -> Result<(&Version, &Object), ApiError> {
        let version = self.version(name, target)?;
        let Some(object) = &version.object else {
            let marker = |error: ApiError| error.header("x-amz-delete-marker", "true").header("x-amz-version-id", version.id.clone());
            return Err(marker(if target.version.is_some() { self.is_marker() } else { no_such_key(target.key) }));
        };
        Ok((version, object))
    }

    /// The version and object that something is changed about: a delete marker has nothing of the kind.
    pub(super) fn found_for_writing(&self, name: &str, target: Target<'_>) -> Result<(&Version, &Object), ApiError> {
        let version = self.version(name, target)?;
        let object = version.object.as_ref().ok_or_else(|| self.is_marker().header("x-amz-delete-marker", "true"))?;
        Ok((version, object))
    }

    fn is_marker(&self) -> ApiError {
        let error = ApiError::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
        error.with("Method", self.asked.method.as_str()).with("ResourceType", "DeleteMarker").header("allow", "DELETE")
    }

    fn version(&self, name: &str, target: Target<'_>) -> Result<&Version, ApiError> {
        let history = self.bucket(name)?.objects.get(target.key);
        if let Some(id) = target.version {
            well_formed(id)?;
            return history.and_then(|h| h.version(id)).ok_or_else(|| no_such_version(target.key, id));
        }
        history.and_then(|h| h.0.last()).ok_or_else(|| {
            // Without the right to list, absence is not told.
            if self.allow(name, "s3:ListBucket").is_ok() { no_such_key(target.key) } else { denied() }
        })
    }

    pub(super) fn object_mut(&mut self, name: &str, key: &str, id: &str) -> Result<&mut Object, ApiError> {
        let history = self.bucket_mut(name)?.objects.get_mut(key);
        let version = history.and_then(|h| h.0.iter_mut().find(|v| v.id == id));
        version.and_then(|v| v.object.as_mut()).ok_or_else(|| no_such_key(key))
    }
}

/// Ids are `null` or what this sandbox gives out.
pub(super) fn well_formed(id: &str) -> Result<(), ApiError> {
    if id == NULL || (id.len() == 32 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())) {
        return Ok(());
    }
    Err(invalid_argument("Invalid version id specified", "versionId", id))
}

pub(super) fn no_such_version(key: &str, id: &str) -> ApiError {
    ApiError::new(404, "NoSuchVersion", "The specified version does not exist.").with("Key", key).with("VersionId", id)
}

pub(super) fn version_header(answer: Reply, id: Option<String>) -> Reply {
    match id {
        Some(id) => answer.header("x-amz-version-id", id),
        None => answer,
    }
}

pub(super) fn encryption_headers(mut answer: Reply, object: &Object) -> Reply {
    let Some(encryption) = &object.encryption else { return answer.header("x-amz-server-side-encryption", "AES256") };
    answer = answer.header("x-amz-server-side-encryption", encryption.algorithm.clone());
    if let (true, Some(key)) = (encryption.algorithm.starts_with("aws:kms"), &encryption.key) {
        answer = answer.header("x-amz-server-side-encryption-aws-kms-key-id", key.clone());
    }
    if encryption.bucket_key {
        answer = answer.header("x-amz-server-side-encryption-bucket-key-enabled", "true");
    }
    answer
}

pub(crate) fn http_date(iso: &str) -> String {
    use time::format_description::well_known::{Rfc2822, Rfc3339};
    let at = time::OffsetDateTime::parse(iso, &Rfc3339).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc2822).unwrap_or_default().replace("+0000", "GMT")
}

/// Bytes that share the memory of others.
pub(super) fn part_of(whole: &Bytes, from: usize, to: usize) -> Option<Bytes> {
    whole.get(from..=to).map(|b| whole.slice_ref(b))
}
