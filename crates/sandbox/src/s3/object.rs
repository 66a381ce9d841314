//! Objects.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::query::Reply;
use crate::sigv4::hex;
use crate::world::Object;

use super::{S3, reply};

impl S3<'_> {
    pub(super) fn list_objects(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:ListBucket", None)?;
        let v2 = self.asked.operation == "ListObjectsV2";
        let param = |p: &str| self.asked.param(p).unwrap_or_default().to_owned();
        let (prefix, delimiter) = (param("prefix"), param("delimiter"));
        let after = if v2 { param("continuation-token").max(param("start-after")) } else { param("marker") };
        let most = self.asked.param("max-keys").and_then(|n| n.parse::<usize>().ok()).unwrap_or(1_000).min(1_000);
        let bucket = self.bucket(name)?;
        let mut keys: Vec<(&String, &Object)> = Vec::new();
        let mut folders: Vec<String> = Vec::new();
        let mut next = None;
        for (key, object) in bucket.objects.iter().filter(|(k, _)| k.starts_with(&prefix) && k.as_str() > after.as_str()) {
            let rest = key.get(prefix.len()..).unwrap_or_default();
            let folder = rest.find(&delimiter).filter(|_| !delimiter.is_empty()).map(|at| format!("{prefix}{}{delimiter}", rest.get(..at).unwrap_or_default()));
            if folder.as_ref().is_some_and(|f| folders.last() == Some(f)) {
                continue;
            }
            if keys.len() + folders.len() >= most {
                next = keys.last().map(|(k, _)| (*k).clone()).max(folders.last().cloned());
                break;
            }
            match folder {
                Some(folder) => folders.push(folder),
                None => keys.push((key, object)),
            }
        }
        let count = keys.len() + folders.len();
        Ok(reply("ListBucketResult", |x| {
            x.text("Name", name).text("Prefix", &prefix).maybe("Delimiter", Some(delimiter.as_str()).filter(|d| !d.is_empty()));
            x.text("MaxKeys", &most.to_string()).text("IsTruncated", if next.is_some() { "true" } else { "false" });
            if v2 {
                x.text("KeyCount", &count.to_string()).maybe("NextContinuationToken", next.as_deref());
            } else {
                x.maybe("NextMarker", next.as_deref());
            }
            for (key, object) in &keys {
                x.nest("Contents", |x| {
                    x.text("Key", key)
                        .text("LastModified", &object.modified)
                        .text("ETag", &object.etag)
                        .text("Size", &object.body.len().to_string())
                        .text("StorageClass", "STANDARD");
                });
            }
            for folder in &folders {
                x.nest("CommonPrefixes", |x| {
                    x.text("Prefix", folder);
                });
            }
        }))
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Reply, ApiError> {
        let key = self.asked.key.clone().unwrap_or_default();
        match self.asked.operation.as_str() {
            "PutObject" => {
                self.allow(name, "s3:PutObject", Some(&key))?;
                self.precondition(name, &key)?;
                let body = payload(self.asked.header("content-encoding"), self.asked.header("x-amz-content-sha256"), &self.asked.body)?;
                self.store(name, &key, body)
            }
            "CopyObject" => {
                let source =
                    percent_decode_str(self.asked.header("x-amz-copy-source").unwrap_or_default().trim_start_matches('/')).decode_utf8_lossy().into_owned();
                let (from, from_key) = source.split_once('/').ok_or_else(|| ApiError::new(400, "InvalidArgument", "Invalid copy source"))?;
                self.allow(from, "s3:GetObject", Some(from_key))?;
                self.allow(name, "s3:PutObject", Some(&key))?;
                let object = self.bucket(from)?.objects.get(from_key).cloned().ok_or_else(|| no_such_key(from_key))?;
                let (etag, modified) = (object.etag.clone(), object.modified.clone());
                self.bucket_mut(name)?.objects.insert(key, object);
                Ok(reply("CopyObjectResult", |x| {
                    x.text("ETag", &etag).text("LastModified", &modified);
                }))
            }
            "DeleteObject" => {
                self.allow(name, "s3:DeleteObject", Some(&key))?;
                self.precondition(name, &key)?;
                self.bucket_mut(name)?.objects.remove(&key);
                Ok(Reply::empty(204))
            }
            "DeleteObjects" => self.delete_objects(name),
            _ => self.get_object(name, &key),
        }
    }

    fn delete_objects(&mut self, name: &str) -> Result<Reply, ApiError> {
        let body = self.asked.body.clone();
        let text = std::str::from_utf8(&body).unwrap_or_default();
        let keys: Vec<String> = roxmltree::Document::parse(text)
            .map(|d| d.descendants().filter(|n| n.tag_name().name() == "Key").filter_map(|n| n.text()).map(str::to_owned).collect())
            .unwrap_or_default();
        let mut gone = Vec::new();
        let mut kept = Vec::new();
        for key in keys {
            match self.allow(name, "s3:DeleteObject", Some(&key)) {
                Ok(()) => {
                    self.bucket_mut(name)?.objects.remove(&key);
                    gone.push(key);
                }
                Err(error) => kept.push((key, error.message)),
            }
        }
        Ok(reply("DeleteResult", |x| {
            for key in &gone {
                x.nest("Deleted", |x| {
                    x.text("Key", key);
                });
            }
            for (key, message) in &kept {
                x.nest("Error", |x| {
                    x.text("Key", key).text("Code", "AccessDenied").text("Message", message);
                });
            }
        }))
    }

    /// `If-None-Match: *` and `If-Match` (S3 User Guide, "Conditional requests").
    fn precondition(&self, name: &str, key: &str) -> Result<(), ApiError> {
        let failed = || ApiError::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
        let object = self.bucket(name)?.objects.get(key);
        if self.asked.header("if-none-match").is_some() && object.is_some() {
            return Err(failed());
        }
        if let Some(etag) = self.asked.header("if-match") {
            let object = object.ok_or_else(|| no_such_key(key))?;
            if etag != "*" && etag.trim_matches('"') != object.etag.trim_matches('"') {
                return Err(failed());
            }
        }
        Ok(())
    }

    fn store(&mut self, name: &str, key: &str, body: Vec<u8>) -> Result<Reply, ApiError> {
        // Not MD5: clients must not take an ETag for a checksum, and AWS says so too.
        let etag = format!("\"{}\"", hex(&Sha256::digest(&body)).chars().take(32).collect::<String>());
        let metadata: BTreeMap<String, String> =
            self.asked.headers.iter().filter_map(|(n, v)| Some((n.as_str().strip_prefix("x-amz-meta-")?.to_owned(), v.to_str().ok()?.to_owned()))).collect();
        let content_type = self.asked.header("content-type").unwrap_or("binary/octet-stream").to_owned();
        let object = Object { body, etag: etag.clone(), content_type, modified: iso(unix_now()), metadata };
        self.bucket_mut(name)?.objects.insert(key.to_owned(), object);
        Ok(Reply::empty(200).header("etag", etag))
    }

    fn get_object(&mut self, name: &str, key: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetObject", Some(key))?;
        let Some(object) = self.bucket(name)?.objects.get(key) else {
            // Without the right to list, absence is not told.
            return Err(if self.allow(name, "s3:ListBucket", None).is_ok() { no_such_key(key) } else { super::denied() });
        };
        if self.asked.header("if-none-match").is_some_and(|e| e.trim_matches('"') == object.etag.trim_matches('"')) {
            return Ok(Reply::empty(304));
        }
        let mut answer = Reply { status: 200, content_type: Some(object.content_type.clone()), metadata: object.metadata.clone(), ..Reply::default() };
        answer = answer.header("etag", object.etag.clone()).header("last-modified", http_date(&object.modified)).header("accept-ranges", "bytes");
        let total = object.body.len();
        match self.asked.header("range").and_then(|r| range(r, total)) {
            Some((from, to)) => {
                answer.status = 206;
                answer.body = Bytes::copy_from_slice(object.body.get(from..=to).unwrap_or_default());
                answer = answer.header("content-range", format!("bytes {from}-{to}/{total}"));
            }
            None => answer.body = Bytes::copy_from_slice(&object.body),
        }
        Ok(answer)
    }
}

fn no_such_key(key: &str) -> ApiError {
    ApiError::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key)
}

/// `bytes=from-to`, within the object.
fn range(text: &str, total: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = total.checked_sub(1)?;
    let from: usize = from.parse().ok()?;
    let to = to.parse().map_or(last, |t: usize| t.min(last));
    (from <= to).then_some((from, to))
}

fn http_date(iso: &str) -> String {
    use time::format_description::well_known::{Rfc2822, Rfc3339};
    let at = time::OffsetDateTime::parse(iso, &Rfc3339).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc2822).unwrap_or_default().replace("+0000", "GMT")
}

/// Takes the frames of `aws-chunked` off (S3 API reference, "Chunked upload").
fn payload(encoding: Option<&str>, hash: Option<&str>, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let chunked = encoding.is_some_and(|e| e.contains("aws-chunked")) || hash.is_some_and(|h| h.starts_with("STREAMING-"));
    if !chunked {
        return Ok(body.to_vec());
    }
    let broken = || ApiError::new(400, "IncompleteBody", "The request body terminated unexpectedly");
    let mut out = Vec::new();
    let mut rest = body;
    // Each round takes at least one line off the body.
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n").ok_or_else(broken)?;
        let line = rest.get(..end).and_then(|l| std::str::from_utf8(l).ok()).ok_or_else(broken)?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).map_err(|_| broken())?;
        if size == 0 {
            return Ok(out);
        }
        let start = end + 2;
        out.extend_from_slice(rest.get(start..start + size).ok_or_else(broken)?);
        rest = rest.get(start + size + 2..).ok_or_else(broken)?;
    }
}
