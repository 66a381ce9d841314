//! Multipart uploads.

use std::collections::BTreeMap;

use roxmltree::Node;

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::query::Reply;

use super::access::Target;
use super::body::{payload, signed};
use super::checksum::{Algorithm, COMPOSITE, Checksum, FULL_OBJECT, md5_hex, multipart_etag};
use super::copy::range_of;
use super::object::{encryption_headers, version_header};
use super::state::{NULL, Object, Part, Upload, canonical_id};
use super::{S3, invalid_argument, list, no_such_key, read, reply};

/// Bytes of every part but the last, and most parts (S3 User Guide, "Amazon S3 multipart upload limits").
const PART_LEAST: usize = 5 << 20;
const PARTS_MOST: u32 = 10_000;

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidRequest", message)
}

impl S3<'_> {
    pub(super) fn create_upload(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let key = self.key().to_owned();
        self.allow_write(name, &key, asked.header("x-amz-tagging").is_some())?;
        let mut object = self.new_object(name)?;
        let checksum = self.upload_checksum()?;
        object.encryption = object.encryption.map(|e| self.seal(name, e)).transpose()?;
        self.keep_key(object.encryption.as_ref());
        let id = self.world.fresh(64);
        let mut answer = reply("InitiateMultipartUploadResult", |x| {
            x.text("Bucket", name).text("Key", &key).text("UploadId", &id);
        });
        if let Some((algorithm, kind)) = &checksum {
            answer = answer.header("x-amz-checksum-algorithm", algorithm.name()).header("x-amz-checksum-type", kind.clone());
        }
        answer = encryption_headers(answer, &object);
        let initiator = if self.caller.root || self.caller.anonymous {
            (canonical_id(&self.caller.account), self.caller.account.clone())
        } else {
            (self.caller.arn.clone(), self.caller.arn.rsplit('/').next().unwrap_or_default().to_owned())
        };
        let encryption = asked.header("x-amz-server-side-encryption").map(str::to_owned);
        let upload = Upload { key, started: iso(unix_now()), initiator, object, encryption, checksum, parts: BTreeMap::new() };
        self.bucket_mut(name)?.uploads.insert(id, upload);
        Ok(answer)
    }

    /// Algorithm and kind of the checksum that the upload is to have.
    fn upload_checksum(&self) -> Result<Option<(Algorithm, String)>, ApiError> {
        let kind = self.asked.header("x-amz-checksum-type");
        let Some(name) = self.asked.header("x-amz-checksum-algorithm") else {
            return match kind {
                Some(_) => Err(invalid("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")),
                None => Ok(None),
            };
        };
        let algorithm = Algorithm::parse(&name.to_ascii_uppercase()).ok_or_else(|| {
            invalid("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })?;
        let (whole, parts) = match algorithm {
            Algorithm::Crc64Nvme => (true, false),
            Algorithm::Sha1 | Algorithm::Sha256 => (false, true),
            Algorithm::Crc32 | Algorithm::Crc32c => (true, true),
        };
        let kind = kind.unwrap_or(if parts { COMPOSITE } else { FULL_OBJECT });
        if (kind == FULL_OBJECT && !whole) || (kind == COMPOSITE && !parts) {
            let algorithm = algorithm.name().to_ascii_lowercase();
            return Err(invalid(format!("The {kind} checksum type cannot be used with the {algorithm} checksum algorithm.")));
        }
        if kind != FULL_OBJECT && kind != COMPOSITE {
            return Err(invalid("Value for x-amz-checksum-type header is invalid."));
        }
        Ok(Some((algorithm, kind.to_owned())))
    }

    /// An upload of the key that is asked about.
    pub(super) fn upload(&self, name: &str, id: &str) -> Result<&Upload, ApiError> {
        let key = self.key();
        self.bucket(name)?.uploads.get(id).filter(|u| u.key == key).ok_or_else(|| {
            let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
            ApiError::new(404, "NoSuchUpload", message).with("UploadId", id)
        })
    }

    fn number(&self) -> Result<u32, ApiError> {
        let text = self.asked.param("partNumber").unwrap_or_default();
        text.parse()
            .ok()
            .filter(|n| (1..=PARTS_MOST).contains(n))
            .ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text))
    }

    pub(super) fn upload_part(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let id = asked.param("uploadId").unwrap_or_default();
        self.allow_object(name, "s3:PutObject", Target::of(self.key(), None))?;
        let number = self.number()?;
        let upload = self.upload(name, id)?;
        let payload = payload(asked)?;
        self.unseal(name, self.key(), upload.object.encryption.as_ref())?;
        let checksum = match (&upload.checksum, payload.checksum) {
            (Some((wanted, _)), Some(got)) if *wanted != got.algorithm => {
                let name = |a: Algorithm| a.name().to_ascii_lowercase();
                let (wanted, got) = (name(*wanted), name(got.algorithm));
                return Err(invalid(format!("Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: {got}")));
            }
            (Some((wanted, _)), None) => Some(wanted.of(&payload.bytes)),
            (_, got) => got,
        };
        let etag = format!("\"{}\"", md5_hex(&payload.bytes));
        let mut answer = encryption_headers(Reply::empty(200).header("etag", etag.clone()), &upload.object);
        if let Some(sum) = &checksum {
            answer = answer.header(sum.algorithm.header(), sum.value.clone());
        }
        let part = Part { body: payload.bytes, etag, modified: iso(unix_now()), checksum };
        self.add_part(name, id, number, part)?;
        Ok(answer)
    }

    pub(super) fn upload_part_copy(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let id = asked.param("uploadId").unwrap_or_default();
        let source = self.source()?;
        self.bucket(&source.bucket)?;
        let (version, object) = self.copied(&source)?;
        self.allow_object(name, "s3:PutObject", Target::of(self.key(), None))?;
        let number = self.number()?;
        let upload = self.upload(name, id)?;
        self.unseal(&source.bucket, &source.key, object.encryption.as_ref())?;
        self.unseal(name, self.key(), upload.object.encryption.as_ref())?;
        let body = range_of(asked.header("x-amz-copy-source-range"), &object.body)?;
        let etag = format!("\"{}\"", md5_hex(&body));
        let checksum = upload.checksum.as_ref().map(|(algorithm, _)| algorithm.of(&body));
        let part = Part { body, etag, modified: iso(unix_now()), checksum };
        let mut answer = reply("CopyPartResult", |x| {
            x.text("LastModified", &list::listed(&part.modified)).text("ETag", &part.etag);
            if let Some(sum) = &part.checksum {
                x.text(sum.algorithm.element(), &sum.value);
            }
        });
        answer = encryption_headers(answer, &upload.object);
        if self.bucket(&source.bucket)?.versioning.is_some() {
            answer = answer.header("x-amz-copy-source-version-id", version.id.clone());
        }
        self.add_part(name, id, number, part)?;
        Ok(answer)
    }

    fn add_part(&mut self, name: &str, id: &str, number: u32, part: Part) -> Result<(), ApiError> {
        self.fits(part.body.len())?;
        if let Some(upload) = self.bucket_mut(name)?.uploads.get_mut(id) {
            upload.parts.insert(number, part);
        }
        Ok(())
    }

    pub(super) fn abort_upload(&mut self, name: &str) -> Result<Reply, ApiError> {
        let id = self.asked.param("uploadId").unwrap_or_default();
        self.allow_object(name, "s3:AbortMultipartUpload", Target::of(self.key(), None))?;
        self.upload(name, id)?;
        self.bucket_mut(name)?.uploads.remove(id);
        Ok(Reply::empty(204))
    }

    pub(super) fn complete_upload(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let id = asked.param("uploadId").unwrap_or_default();
        let key = self.key().to_owned();
        self.allow_object(name, "s3:PutObject", Target::of(&key, None))?;
        if let Some(again) = self.completed(name, &key, id)? {
            return Ok(again);
        }
        let upload = self.upload(name, id)?;
        let chosen = self.chosen(upload, id)?;
        if let Some(said) = asked.header("x-amz-checksum-type") {
            let mode = upload.checksum.as_ref().map_or("null", |(_, kind)| kind.as_str());
            if said != mode {
                return Err(invalid(format!("The upload was created using the {mode} checksum mode. The complete request must use the same checksum mode.")));
            }
        }
        // Without checksums, what was uploaded is not looked into.
        if upload.checksum.is_some() {
            self.unseal(name, &key, upload.object.encryption.as_ref())?;
        }
        let object = Object { upload: Some(id.to_owned()), ..self.assembled(upload, &chosen)? };
        self.unchanged_since(name, upload)?;
        self.writing(name, &key)?;
        let done = object.clone();
        // Its parts are in it now, and are counted no more.
        self.bucket_mut(name)?.uploads.remove(id);
        let (version, _) = self.store(name, &key, object)?;
        self.completion(name, &key, &done, version)
    }

    fn completion(&self, name: &str, key: &str, done: &Object, version: Option<String>) -> Result<Reply, ApiError> {
        let region = self.bucket(name)?.region.clone();
        let answer = reply("CompleteMultipartUploadResult", |x| {
            x.text("Location", &format!("https://{name}.s3.{region}.amazonaws.com/{key}")).text("Bucket", name).text("Key", key).text("ETag", &done.etag);
            if let Some(sum) = &done.checksum {
                x.text(sum.algorithm.element(), &sum.value).text("ChecksumType", &sum.kind);
            }
        });
        Ok(version_header(encryption_headers(answer, done), version))
    }

    /// A completion that is asked for again, whose first answer may have been lost, is answered as before, whatever its
    /// conditions (getmoto/moto, test_s3_multipart.py, test_idempotent_multipart_upload, live AWS).
    fn completed(&self, name: &str, key: &str, id: &str) -> Result<Option<Reply>, ApiError> {
        let versions = self.bucket(name)?.objects.get(key).map(|history| history.0.as_slice()).unwrap_or_default();
        let found = versions.iter().filter_map(|v| v.object.as_ref().map(|o| (v, o))).find(|(_, o)| o.upload.as_deref() == Some(id));
        found.map(|(version, object)| self.completion(name, key, object, Some(version.id.clone()).filter(|v| v != NULL))).transpose()
    }

    /// A conditional completion fails when somebody wrote the key since the upload began.
    fn unchanged_since(&self, name: &str, upload: &Upload) -> Result<(), ApiError> {
        let Some(header) = ["If-None-Match", "If-Match"].into_iter().find(|h| self.asked.header(&h.to_ascii_lowercase()).is_some()) else { return Ok(()) };
        let newest = self.bucket(name)?.objects.get(&upload.key).and_then(|h| h.0.last());
        if header == "If-Match" && newest.is_none() {
            return Err(no_such_key(&upload.key));
        }
        if newest.is_some_and(|v| v.modified > upload.started) {
            let message = "The conditional request cannot succeed due to a conflicting operation against this resource.";
            return Err(ApiError::new(409, "ConditionalRequestConflict", message).with("Condition", header).with("Key", upload.key.clone()));
        }
        Ok(())
    }

    /// The parts that a completion lists, in order.
    fn chosen<'u>(&self, upload: &'u Upload, id: &str) -> Result<Vec<(u32, &'u Part)>, ApiError> {
        // A checksum in its headers is the object's.
        let (body, _) = signed(self.asked)?;
        let document = read::document(&body)?;
        let root = document.root_element();
        if root.tag_name().name() != "CompleteMultipartUpload" {
            return Err(read::malformed());
        }
        let mut chosen: Vec<(u32, &Part)> = Vec::new();
        for node in read::children(root, "Part") {
            let number: u32 = read::text(node, "PartNumber").and_then(|n| n.trim().parse().ok()).ok_or_else(read::malformed)?;
            if chosen.last().is_some_and(|(before, _)| *before >= number) {
                let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
                return Err(ApiError::new(400, "InvalidPartOrder", message).with("UploadId", id));
            }
            let etag = read::text(node, "ETag").unwrap_or_default();
            let wrong = || {
                let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
                let error = ApiError::new(400, "InvalidPart", message);
                error.with("UploadId", id).with("PartNumber", number.to_string()).with("ETag", etag.trim_matches('"'))
            };
            let part = upload.parts.get(&number).filter(|p| p.etag.trim_matches('"') == etag.trim_matches('"')).ok_or_else(wrong)?;
            said_checksum(upload, part, node, number)?.then_some(()).ok_or_else(wrong)?;
            chosen.push((number, part));
        }
        if chosen.is_empty() {
            return Err(invalid("You must specify at least one part"));
        }
        let all_but_last = chosen.len() - 1;
        if let Some((number, part)) = chosen.iter().take(all_but_last).find(|(_, part)| part.body.len() < PART_LEAST) {
            let error = ApiError::new(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
            let error = error.with("ProposedSize", part.body.len().to_string()).with("MinSizeAllowed", PART_LEAST.to_string());
            return Err(error.with("PartNumber", number.to_string()).with("ETag", part.etag.trim_matches('"')));
        }
        Ok(chosen)
    }

    /// The object that parts make.
    fn assembled(&self, upload: &Upload, chosen: &[(u32, &Part)]) -> Result<Object, ApiError> {
        let mut body = Vec::with_capacity(chosen.iter().map(|(_, p)| p.body.len()).sum());
        for (_, part) in chosen {
            body.extend_from_slice(&part.body);
        }
        if let Some(size) = self.asked.header("x-amz-mp-object-size").filter(|s| s.parse() != Ok(body.len())) {
            return Err(invalid(format!("The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {}", body.len())));
        }
        let sums: Vec<&Checksum> = chosen.iter().filter_map(|(_, p)| p.checksum.as_ref()).collect();
        let checksum = match &upload.checksum {
            Some((algorithm, kind)) if kind == COMPOSITE => algorithm.of_parts(sums.into_iter()),
            Some((algorithm, _)) => algorithm.of(&body),
            None => Algorithm::Crc64Nvme.of(&body),
        };
        if let Some(said) = self.asked.header(checksum.algorithm.header())
            && said.split('-').next() != checksum.value.split('-').next()
        {
            let name = checksum.algorithm.name().to_ascii_lowercase();
            return Err(ApiError::new(400, "BadDigest", format!("The {name} you specified did not match the calculated checksum.")));
        }
        let parts = chosen.iter().map(|(_, p)| (p.body.len() as u64, p.checksum.clone().filter(|_| upload.checksum.is_some()))).collect();
        let etag = multipart_etag(chosen.iter().map(|(_, p)| p.etag.as_str()).collect::<Vec<_>>().into_iter());
        Ok(Object { body: body.into(), etag, checksum: Some(checksum), parts, ..upload.object.clone() })
    }
}

/// The checksum that a completion says of a part; false when it is another one.
fn said_checksum(upload: &Upload, part: &Part, node: Node<'_, '_>, number: u32) -> Result<bool, ApiError> {
    let said = Algorithm::ALL.into_iter().find_map(|a| read::text(node, a.element()).map(|value| (a, value)));
    match (&upload.checksum, said) {
        (Some((algorithm, kind)), None) if kind == COMPOSITE => {
            let name = algorithm.name().to_ascii_lowercase();
            Err(invalid(format!(
                "The upload was created using a {name} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request."
            )))
        }
        (_, None) => Ok(true),
        (_, Some((algorithm, value))) => Ok(part.checksum.as_ref().is_some_and(|c| c.algorithm == algorithm && c.value == value)),
    }
}
