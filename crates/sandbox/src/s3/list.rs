//! Listings: objects, versions, multipart uploads; one way of paging for all three.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::ApiError;
use crate::query::{Asked, Reply};
use crate::xml::Xml;

use super::state::{Object, Upload, Version, canonical_id};
use super::{S3, invalid_argument, reply};

/// What `encoding-type=url` leaves as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// What a listing asks for.
struct Walk<'w> {
    prefix: &'w str,
    delimiter: &'w str,
    /// Only what comes behind it.
    marker: &'w str,
    most: usize,
    encoded: bool,
}

/// An item, or all of what begins alike up to the delimiter.
enum Entry<T> {
    Item(T),
    Folder(String),
}

impl<'w> Walk<'w> {
    fn of(asked: &'w Asked, marker: &'w str, count: &'static str) -> Result<Self, ApiError> {
        let encoded = match asked.param("encoding-type") {
            None => false,
            Some("url") => true,
            Some(other) => return Err(invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", other)),
        };
        let param = |name: &str| asked.param(name).unwrap_or_default();
        Ok(Self { prefix: param("prefix"), delimiter: param("delimiter"), marker, most: count_of(asked, count)?, encoded })
    }

    /// The entries of one page, and whether there are more. Items come sorted by key, and all behind the marker.
    fn page<'k, T>(&self, items: impl Iterator<Item = (&'k str, T)>) -> (Vec<Entry<T>>, bool) {
        let mut page: Vec<Entry<T>> = Vec::new();
        for (key, item) in items {
            let Some(rest) = key.strip_prefix(self.prefix) else { continue };
            let folder = match rest.split_once(self.delimiter) {
                Some((name, _)) if !self.delimiter.is_empty() => Some(format!("{}{name}{}", self.prefix, self.delimiter)),
                _ => None,
            };
            if let Some(folder) = &folder {
                let last = matches!(page.last(), Some(Entry::Folder(last)) if last == folder);
                // A folder is listed where it begins: one that began at the marker or before was listed then.
                if last || folder.as_str() <= self.marker {
                    continue;
                }
            }
            if page.len() >= self.most {
                return (page, self.most > 0);
            }
            page.push(folder.map_or_else(|| Entry::Item(item), Entry::Folder));
        }
        (page, false)
    }

    /// A page that XML can't carry, because of a control character in a key, is encoded though nobody asked for that:
    /// nothing could read it otherwise.
    fn encode_if_needed<'k>(&mut self, mut keys: impl Iterator<Item = &'k str>) {
        self.encoded = self.encoded || keys.any(|k| k.chars().any(crate::xml::is_unfit));
    }

    fn text(&self, text: &str) -> String {
        if self.encoded { utf8_percent_encode(text, KEPT).to_string() } else { text.to_owned() }
    }

    fn folders<T>(&self, x: &mut Xml, page: &[Entry<T>]) {
        for entry in page {
            if let Entry::Folder(folder) = entry {
                x.nest("CommonPrefixes", |x| {
                    x.text("Prefix", &self.text(folder));
                });
            }
        }
    }

    /// Prefix, delimiter and encoding, as they were asked for.
    fn echo(&self, x: &mut Xml) {
        x.text("Prefix", &self.text(self.prefix));
        if !self.delimiter.is_empty() {
            x.text("Delimiter", &self.text(self.delimiter));
        }
        if self.encoded {
            x.text("EncodingType", "url");
        }
    }
}

fn count_of(asked: &Asked, name: &'static str) -> Result<usize, ApiError> {
    let Some(text) = asked.param(name).filter(|t| !t.is_empty()) else { return Ok(1_000) };
    match text.parse::<i32>() {
        Ok(count) if count >= 0 => Ok(usize::try_from(count).unwrap_or(0).min(1_000)),
        Ok(_) => {
            let field = match name {
                "max-keys" => "maxKeys",
                "max-uploads" => "max-uploads",
                _ => "max-parts",
            };
            Err(invalid_argument(&format!("Argument {field} must be an integer between 0 and 2147483647"), name, text))
        }
        Err(_) => Err(invalid_argument(&format!("Provided {name} not an integer or within integer range"), name, text)),
    }
}

/// Times in listings have milliseconds.
pub(super) fn listed(time: &str) -> String {
    time.replace('Z', ".000Z")
}

fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

fn owner(x: &mut Xml, account: &str) {
    x.nest("Owner", |x| {
        x.text("ID", &canonical_id(account));
    });
}

fn details(x: &mut Xml, object: &Object) {
    x.text("ETag", &object.etag);
    if let Some(checksum) = &object.checksum {
        x.text("ChecksumAlgorithm", checksum.algorithm.name()).text("ChecksumType", &checksum.kind);
    }
    x.text("Size", &object.body.len().to_string()).text("StorageClass", object.storage_class.as_deref().unwrap_or("STANDARD"));
}

impl S3<'_> {
    pub(super) fn list_objects(&mut self, name: &str, v2: bool) -> Result<Reply, ApiError> {
        self.allow(name, "s3:ListBucket")?;
        let asked = self.asked;
        let token = asked.param("continuation-token").filter(|_| v2).map(decode_token).transpose()?;
        let start = asked.param(if v2 { "start-after" } else { "marker" }).unwrap_or_default();
        let mut walk = Walk::of(asked, token.as_deref().unwrap_or(start), "max-keys")?;
        let bucket = self.bucket(name)?;
        let current = bucket.objects.iter().filter_map(|(key, history)| {
            let version = history.0.last()?;
            Some((key.as_str(), (key.as_str(), version, version.object.as_ref()?)))
        });
        let (page, more) = walk.page(current.filter(|(key, _)| *key > walk.marker));
        walk.encode_if_needed(page.iter().map(|e| match e {
            Entry::Item((key, ..)) => *key,
            Entry::Folder(folder) => folder.as_str(),
        }));
        let last = page.last().filter(|_| more).map(|entry| match entry {
            Entry::Item((key, ..)) => (*key).to_owned(),
            Entry::Folder(folder) => folder.clone(),
        });
        Ok(reply("ListBucketResult", |x| {
            x.text("Name", name);
            walk.echo(x);
            x.text("MaxKeys", &walk.most.to_string()).text("IsTruncated", flag(more));
            if v2 {
                x.text("KeyCount", &page.len().to_string()).maybe("ContinuationToken", asked.param("continuation-token"));
                x.maybe("NextContinuationToken", last.as_deref().map(encode_token).as_deref());
                x.maybe("StartAfter", asked.param("start-after").filter(|_| token.is_none()).map(|s| walk.text(s)).as_deref());
            } else {
                x.text("Marker", &walk.text(start));
                // Without a delimiter the last key is the marker, and nobody says so (S3 API reference, ListObjects).
                x.maybe("NextMarker", last.as_deref().filter(|_| !walk.delimiter.is_empty()).map(|l| walk.text(l)).as_deref());
            }
            for entry in &page {
                let Entry::Item((key, version, object)) = entry else { continue };
                x.nest("Contents", |x| {
                    x.text("Key", &walk.text(key)).text("LastModified", &listed(&version.modified));
                    details(x, object);
                    if !v2 || asked.param("fetch-owner") == Some("true") {
                        owner(x, object.owner.as_ref().unwrap_or(&bucket.account));
                    }
                });
            }
            walk.folders(x, &page);
        }))
    }

    pub(super) fn list_versions(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:ListBucketVersions")?;
        let asked = self.asked;
        let (key_marker, id_marker) = (asked.param("key-marker").unwrap_or_default(), asked.param("version-id-marker").filter(|m| !m.is_empty()));
        if let (Some(id), true) = (id_marker, key_marker.is_empty()) {
            return Err(invalid_argument("A version-id marker cannot be specified without a key marker.", "version-id-marker", id));
        }
        let mut walk = Walk::of(asked, key_marker, "max-keys")?;
        let bucket = self.bucket(name)?;
        let mut all: Vec<(&str, (&str, &Version, bool))> = Vec::new();
        for (key, history) in bucket.objects.range(key_marker.to_owned()..) {
            let newest_first: Vec<(&Version, bool)> = history.0.iter().rev().enumerate().map(|(at, version)| (version, at == 0)).collect();
            let behind = match id_marker {
                Some(id) if key == key_marker => newest_first.iter().position(|(v, _)| v.id == id).map_or(newest_first.len(), |at| at + 1),
                _ if key == key_marker && !key_marker.is_empty() => newest_first.len(),
                _ => 0,
            };
            all.extend(newest_first.into_iter().skip(behind).map(|(version, latest)| (key.as_str(), (key.as_str(), version, latest))));
        }
        let (page, more) = walk.page(all.into_iter());
        walk.encode_if_needed(page.iter().map(|e| match e {
            Entry::Item((key, ..)) => *key,
            Entry::Folder(folder) => folder.as_str(),
        }));
        Ok(reply("ListVersionsResult", |x| {
            x.text("Name", name);
            walk.echo(x);
            x.text("KeyMarker", &walk.text(key_marker)).text("VersionIdMarker", id_marker.unwrap_or_default());
            match page.last().filter(|_| more) {
                Some(Entry::Item((key, version, _))) => {
                    x.text("NextKeyMarker", &walk.text(key)).text("NextVersionIdMarker", &version.id);
                }
                Some(Entry::Folder(folder)) => {
                    x.text("NextKeyMarker", &walk.text(folder));
                }
                None => {}
            }
            x.text("MaxKeys", &walk.most.to_string()).text("IsTruncated", flag(more));
            for entry in &page {
                let Entry::Item((key, version, latest)) = entry else { continue };
                x.nest(if version.object.is_some() { "Version" } else { "DeleteMarker" }, |x| {
                    x.text("Key", &walk.text(key)).text("VersionId", &version.id).text("IsLatest", flag(*latest));
                    x.text("LastModified", &listed(&version.modified));
                    if let Some(object) = &version.object {
                        details(x, object);
                    }
                    owner(x, version.object.as_ref().and_then(|o| o.owner.as_ref()).unwrap_or(&bucket.account));
                });
            }
            walk.folders(x, &page);
        }))
    }

    pub(super) fn list_uploads(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:ListBucketMultipartUploads")?;
        let asked = self.asked;
        let key_marker = asked.param("key-marker").unwrap_or_default();
        // It means nothing without a key.
        let id_marker = asked.param("upload-id-marker").filter(|m| !m.is_empty() && !key_marker.is_empty());
        let mut walk = Walk::of(asked, key_marker, "max-uploads")?;
        let bucket = self.bucket(name)?;
        let mut all: Vec<(&str, (&String, &Upload))> = bucket.uploads.iter().map(|(id, upload)| (upload.key.as_str(), (id, upload))).collect();
        all.sort_by_key(|(key, (id, upload))| (*key, upload.started.as_str(), id.as_str()));
        if let Some(id) = id_marker {
            let Some(at) = all.iter().position(|(key, (i, _))| *key == key_marker && *i == id) else {
                return Err(invalid_argument("Invalid uploadId marker", "upload-id-marker", id));
            };
            all.drain(..=at);
        } else {
            all.retain(|(key, _)| *key > key_marker);
        }
        let (page, more) = walk.page(all.into_iter());
        walk.encode_if_needed(page.iter().map(|e| match e {
            Entry::Item((_, upload)) => upload.key.as_str(),
            Entry::Folder(folder) => folder.as_str(),
        }));
        let last = page.iter().rev().find_map(|e| if let Entry::Item((id, upload)) = e { Some((upload.key.as_str(), id.as_str())) } else { None });
        let next = match page.last() {
            Some(Entry::Folder(folder)) if more => (folder.as_str(), ""),
            _ => last.unwrap_or_default(),
        };
        Ok(reply("ListMultipartUploadsResult", |x| {
            x.text("Bucket", name).text("KeyMarker", &walk.text(key_marker)).text("UploadIdMarker", id_marker.unwrap_or_default());
            x.text("NextKeyMarker", &walk.text(next.0)).text("NextUploadIdMarker", next.1);
            walk.echo(x);
            x.text("MaxUploads", &walk.most.to_string()).text("IsTruncated", flag(more));
            for entry in &page {
                let Entry::Item((id, upload)) = entry else { continue };
                x.nest("Upload", |x| {
                    x.text("Key", &walk.text(&upload.key)).text("UploadId", id);
                    upload_people(x, upload, &bucket.account);
                    x.text("Initiated", &listed(&upload.started));
                    if let Some((algorithm, kind)) = &upload.checksum {
                        x.text("ChecksumAlgorithm", algorithm.name()).text("ChecksumType", kind);
                    }
                });
            }
            walk.folders(x, &page);
        }))
    }

    pub(super) fn list_parts(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        self.allow_object(name, "s3:ListMultipartUploadParts", super::access::Target::of(self.key(), None))?;
        let id = asked.param("uploadId").unwrap_or_default();
        let most = count_of(asked, "max-parts")?;
        let marker: u32 = asked.param("part-number-marker").and_then(|m| m.parse().ok()).unwrap_or(0);
        let upload = self.upload(name, id)?;
        self.unseal(name, self.key(), upload.object.encryption.as_ref())?;
        let bucket = self.bucket(name)?;
        let behind: Vec<_> = upload.parts.iter().filter(|(number, _)| **number > marker).collect();
        let (page, rest) = behind.split_at(behind.len().min(most));
        Ok(reply("ListPartsResult", |x| {
            x.text("Bucket", name).text("Key", &upload.key).text("UploadId", id);
            upload_people(x, upload, &bucket.account);
            x.text("PartNumberMarker", &marker.to_string());
            x.text("NextPartNumberMarker", &page.last().map_or(0, |(number, _)| **number).to_string());
            x.text("MaxParts", &most.to_string()).text("IsTruncated", flag(!rest.is_empty()));
            if let Some((algorithm, kind)) = &upload.checksum {
                x.text("ChecksumAlgorithm", algorithm.name()).text("ChecksumType", kind);
            }
            for (number, part) in page {
                x.nest("Part", |x| {
                    x.text("PartNumber", &number.to_string()).text("LastModified", &listed(&part.modified)).text("ETag", &part.etag);
                    x.text("Size", &part.body.len().to_string());
                    if let (Some(checksum), true) = (&part.checksum, upload.checksum.is_some()) {
                        x.text(checksum.algorithm.element(), &checksum.value);
                    }
                });
            }
        }))
    }
}

fn upload_people(x: &mut Xml, upload: &Upload, account: &str) {
    x.nest("Initiator", |x| {
        x.text("ID", &upload.initiator.0).text("DisplayName", &upload.initiator.1);
    });
    owner(x, upload.object.owner.as_deref().unwrap_or(account));
    x.text("StorageClass", upload.object.storage_class.as_deref().unwrap_or("STANDARD"));
}

fn encode_token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

fn decode_token(token: &str) -> Result<String, ApiError> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().filter(|d| !d.is_empty()).and_then(|d| String::from_utf8(d).ok());
    decoded.ok_or_else(|| ApiError::new(400, "InvalidArgument", "The continuation token provided is incorrect").with("ArgumentName", "continuation-token"))
}
