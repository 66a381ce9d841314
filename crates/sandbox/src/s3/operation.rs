//! Which operation a request is: one table over method, level and sub-resource, after the S3 API reference. What is in the
//! table and not here is "not implemented" by its name; what is not in the table is no operation at all. Nothing falls
//! through to another.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;

use crate::error::ApiError;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Object,
}

/// Name, method, level, sub-resources in the query, and whether it is here.
type Row = (&'static str, &'static str, Level, &'static [&'static str], bool);

use Level::{Bucket, Object, Service};

/// Of rows that are otherwise alike, the one for requests with `x-amz-copy-source` ends in `Copy` or is `CopyObject`.
const TABLE: &[Row] = &[
    ("ListBuckets", "GET", Service, &[], true),
    ("CreateBucket", "PUT", Bucket, &[], true),
    ("HeadBucket", "HEAD", Bucket, &[], true),
    ("DeleteBucket", "DELETE", Bucket, &[], true),
    ("ListObjects", "GET", Bucket, &[], true),
    ("ListObjectsV2", "GET", Bucket, &["list-type"], true),
    ("ListObjectVersions", "GET", Bucket, &["versions"], false),
    ("ListMultipartUploads", "GET", Bucket, &["uploads"], false),
    ("DeleteObjects", "POST", Bucket, &["delete"], true),
    ("PostObject", "POST", Bucket, &[], false),
    ("GetBucketLocation", "GET", Bucket, &["location"], true),
    ("GetBucketPolicy", "GET", Bucket, &["policy"], true),
    ("PutBucketPolicy", "PUT", Bucket, &["policy"], true),
    ("DeleteBucketPolicy", "DELETE", Bucket, &["policy"], true),
    ("GetBucketPolicyStatus", "GET", Bucket, &["policyStatus"], true),
    ("GetBucketVersioning", "GET", Bucket, &["versioning"], true),
    ("PutBucketVersioning", "PUT", Bucket, &["versioning"], true),
    ("GetBucketEncryption", "GET", Bucket, &["encryption"], true),
    ("PutBucketEncryption", "PUT", Bucket, &["encryption"], true),
    ("DeleteBucketEncryption", "DELETE", Bucket, &["encryption"], true),
    ("GetPublicAccessBlock", "GET", Bucket, &["publicAccessBlock"], true),
    ("PutPublicAccessBlock", "PUT", Bucket, &["publicAccessBlock"], true),
    ("DeletePublicAccessBlock", "DELETE", Bucket, &["publicAccessBlock"], true),
    ("GetBucketOwnershipControls", "GET", Bucket, &["ownershipControls"], true),
    ("PutBucketOwnershipControls", "PUT", Bucket, &["ownershipControls"], true),
    ("DeleteBucketOwnershipControls", "DELETE", Bucket, &["ownershipControls"], true),
    ("GetBucketLogging", "GET", Bucket, &["logging"], true),
    ("PutBucketLogging", "PUT", Bucket, &["logging"], true),
    ("GetBucketTagging", "GET", Bucket, &["tagging"], true),
    ("PutBucketTagging", "PUT", Bucket, &["tagging"], true),
    ("DeleteBucketTagging", "DELETE", Bucket, &["tagging"], true),
    ("GetBucketAcl", "GET", Bucket, &["acl"], false),
    ("PutBucketAcl", "PUT", Bucket, &["acl"], false),
    ("GetBucketCors", "GET", Bucket, &["cors"], true),
    ("PutBucketCors", "PUT", Bucket, &["cors"], false),
    ("DeleteBucketCors", "DELETE", Bucket, &["cors"], false),
    ("GetBucketLifecycleConfiguration", "GET", Bucket, &["lifecycle"], true),
    ("PutBucketLifecycleConfiguration", "PUT", Bucket, &["lifecycle"], false),
    ("DeleteBucketLifecycle", "DELETE", Bucket, &["lifecycle"], false),
    ("GetBucketWebsite", "GET", Bucket, &["website"], true),
    ("PutBucketWebsite", "PUT", Bucket, &["website"], false),
    ("DeleteBucketWebsite", "DELETE", Bucket, &["website"], false),
    ("GetBucketNotificationConfiguration", "GET", Bucket, &["notification"], true),
    ("PutBucketNotificationConfiguration", "PUT", Bucket, &["notification"], false),
    ("GetBucketRequestPayment", "GET", Bucket, &["requestPayment"], true),
    ("PutBucketRequestPayment", "PUT", Bucket, &["requestPayment"], false),
    ("GetBucketAccelerateConfiguration", "GET", Bucket, &["accelerate"], true),
    ("PutBucketAccelerateConfiguration", "PUT", Bucket, &["accelerate"], false),
    ("GetBucketReplication", "GET", Bucket, &["replication"], true),
    ("PutBucketReplication", "PUT", Bucket, &["replication"], false),
    ("DeleteBucketReplication", "DELETE", Bucket, &["replication"], false),
    ("GetObjectLockConfiguration", "GET", Bucket, &["object-lock"], true),
    ("PutObjectLockConfiguration", "PUT", Bucket, &["object-lock"], false),
    ("GetBucketMetricsConfiguration", "GET", Bucket, &["metrics"], false),
    ("PutBucketMetricsConfiguration", "PUT", Bucket, &["metrics"], false),
    ("DeleteBucketMetricsConfiguration", "DELETE", Bucket, &["metrics"], false),
    ("GetBucketInventoryConfiguration", "GET", Bucket, &["inventory"], false),
    ("PutBucketInventoryConfiguration", "PUT", Bucket, &["inventory"], false),
    ("DeleteBucketInventoryConfiguration", "DELETE", Bucket, &["inventory"], false),
    ("GetBucketAnalyticsConfiguration", "GET", Bucket, &["analytics"], false),
    ("PutBucketAnalyticsConfiguration", "PUT", Bucket, &["analytics"], false),
    ("DeleteBucketAnalyticsConfiguration", "DELETE", Bucket, &["analytics"], false),
    ("GetBucketIntelligentTieringConfiguration", "GET", Bucket, &["intelligent-tiering"], false),
    ("PutBucketIntelligentTieringConfiguration", "PUT", Bucket, &["intelligent-tiering"], false),
    ("DeleteBucketIntelligentTieringConfiguration", "DELETE", Bucket, &["intelligent-tiering"], false),
    ("GetBucketMetadataConfiguration", "GET", Bucket, &["metadataConfiguration"], false),
    ("CreateBucketMetadataConfiguration", "POST", Bucket, &["metadataConfiguration"], false),
    ("DeleteBucketMetadataConfiguration", "DELETE", Bucket, &["metadataConfiguration"], false),
    ("GetBucketMetadataTableConfiguration", "GET", Bucket, &["metadataTable"], false),
    ("CreateBucketMetadataTableConfiguration", "POST", Bucket, &["metadataTable"], false),
    ("DeleteBucketMetadataTableConfiguration", "DELETE", Bucket, &["metadataTable"], false),
    ("UpdateBucketMetadataInventoryTableConfiguration", "PUT", Bucket, &["metadataInventoryTable"], false),
    ("UpdateBucketMetadataJournalTableConfiguration", "PUT", Bucket, &["metadataJournalTable"], false),
    ("GetBucketAbac", "GET", Bucket, &["abac"], false),
    ("PutBucketAbac", "PUT", Bucket, &["abac"], false),
    ("CreateSession", "GET", Bucket, &["session"], false),
    ("PutObject", "PUT", Object, &[], true),
    ("CopyObject", "PUT", Object, &[], true),
    ("GetObject", "GET", Object, &[], true),
    ("HeadObject", "HEAD", Object, &[], true),
    ("DeleteObject", "DELETE", Object, &[], true),
    ("GetObject with partNumber", "GET", Object, &["partNumber"], false),
    ("HeadObject with partNumber", "HEAD", Object, &["partNumber"], false),
    ("GetObjectAttributes", "GET", Object, &["attributes"], false),
    ("GetObjectTagging", "GET", Object, &["tagging"], false),
    ("PutObjectTagging", "PUT", Object, &["tagging"], false),
    ("DeleteObjectTagging", "DELETE", Object, &["tagging"], false),
    ("GetObjectAcl", "GET", Object, &["acl"], false),
    ("PutObjectAcl", "PUT", Object, &["acl"], false),
    ("CreateMultipartUpload", "POST", Object, &["uploads"], false),
    ("UploadPart", "PUT", Object, &["partNumber", "uploadId"], false),
    ("UploadPartCopy", "PUT", Object, &["partNumber", "uploadId"], false),
    ("CompleteMultipartUpload", "POST", Object, &["uploadId"], false),
    ("AbortMultipartUpload", "DELETE", Object, &["uploadId"], false),
    ("ListParts", "GET", Object, &["uploadId"], false),
    ("GetObjectLegalHold", "GET", Object, &["legal-hold"], false),
    ("PutObjectLegalHold", "PUT", Object, &["legal-hold"], false),
    ("GetObjectRetention", "GET", Object, &["retention"], false),
    ("PutObjectRetention", "PUT", Object, &["retention"], false),
    ("GetObjectTorrent", "GET", Object, &["torrent"], false),
    ("RestoreObject", "POST", Object, &["restore"], false),
    ("SelectObjectContent", "POST", Object, &["select", "select-type"], false),
    ("RenameObject", "PUT", Object, &["renameObject"], false),
    ("UpdateObjectEncryption", "PUT", Object, &["encryption"], false),
];

/// Parameters that say how, and never what.
const ORDINARY: &[&str] = &[
    "versionId",
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "encoding-type",
    "continuation-token",
    "start-after",
    "fetch-owner",
    "key-marker",
    "version-id-marker",
    "upload-id-marker",
    "max-uploads",
    "max-parts",
    "part-number-marker",
    "max-buckets",
    "bucket-region",
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "x-id",
    "id",
    "AWSAccessKeyId",
    "Signature",
    "Expires",
];

fn not_implemented(what: &str) -> ApiError {
    ApiError::new(501, "NotImplemented", "A header or query you provided implies functionality that is not implemented.").with("Operation", what)
}

/// Names the operation of a request.
///
/// # Errors
/// It is none, or one that is not here: nothing is authorized and nothing done.
pub(crate) fn find(method: &str, bucket: bool, key: bool, params: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<&'static str, ApiError> {
    let level = match (bucket, key) {
        (false, _) => Service,
        (true, false) => Bucket,
        (true, true) => Object,
    };
    let known: BTreeSet<&str> = TABLE.iter().flat_map(|(.., query, _)| query.iter().copied()).collect();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for name in params.keys() {
        if known.contains(name.as_str()) {
            asked.insert(name);
        } else if !ORDINARY.contains(&name.as_str()) && !name.to_ascii_lowercase().starts_with("x-amz-") {
            return Err(not_implemented(&format!("{method} with the unknown parameter {name}")));
        }
    }
    if params.get("list-type").is_some_and(|v| v != "2") {
        return Err(not_implemented("list-type"));
    }
    let copies = headers.contains_key("x-amz-copy-source");
    let is_copy = |row: &Row| row.0.ends_with("Copy") || row.0 == "CopyObject";
    let rows = TABLE.iter().filter(|(_, verb, at, query, _)| *verb == method && *at == level && query.iter().copied().collect::<BTreeSet<_>>() == asked);
    let rows: Vec<&Row> = rows.collect();
    let row = rows.iter().find(|row| is_copy(row) == copies).or_else(|| rows.iter().find(|row| !is_copy(row) && rows.len() == 1));
    match row {
        Some((name, .., true)) => Ok(name),
        Some((name, .., false)) => Err(not_implemented(name)),
        None => {
            let asked: Vec<&str> = asked.into_iter().collect();
            Err(not_implemented(&format!("{method} of {}", if asked.is_empty() { "this kind".to_owned() } else { asked.join(" and ") })))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No two rows answer the same request, and every row answers its own.
    #[test]
    fn every_row_is_found_by_its_own_request() {
        for (name, method, level, query, here) in TABLE {
            let mut params: BTreeMap<String, String> = query.iter().map(|q| ((*q).to_owned(), String::new())).collect();
            if params.contains_key("list-type") {
                params.insert("list-type".to_owned(), "2".to_owned());
            }
            let mut headers = HeaderMap::new();
            if name.ends_with("Copy") || *name == "CopyObject" {
                headers.insert("x-amz-copy-source", "b/k".parse().unwrap());
            }
            let found = find(method, *level != Service, *level == Object, &params, &headers);
            if *here {
                assert_eq!(found.unwrap(), *name);
            } else {
                let error = found.unwrap_err();
                assert_eq!((error.status, error.detail.first().map(|(_, d)| d.as_str())), (501, Some(*name)));
            }
        }
    }

    #[test]
    fn what_is_in_no_row_is_nothing() {
        let one = |method: &str, bucket: bool, key: bool, params: &[&str]| {
            let params = params.iter().map(|p| ((*p).to_owned(), String::new())).collect();
            find(method, bucket, key, &params, &HeaderMap::new()).map_err(|e| e.status)
        };
        for (method, bucket, key, params) in [
            ("DELETE", true, false, vec!["somethingNew"]),
            ("DELETE", true, true, vec!["retention"]),
            ("PUT", true, true, vec!["tagging", "acl"]),
            ("PATCH", true, true, vec![]),
            ("PUT", false, false, vec![]),
            ("POST", true, true, vec![]),
            ("GET", true, false, vec!["versions", "uploads"]),
        ] {
            assert_eq!(one(method, bucket, key, &params), Err(501), "{method} {params:?}");
        }
        assert_eq!(one("GET", true, true, &["versionId", "response-content-type", "X-Amz-Signature"]), Ok("GetObject"));
    }
}
