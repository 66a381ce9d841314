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

use Level::{Bucket, Object, Service};

/// Method, level and sub-resources in the query.
type Shape = (&'static str, Level, &'static [&'static str]);

macro_rules! operations {
    ($($name:ident $method:ident $level:ident [$($query:literal),*])*) => {
        /// An operation that is here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Operation {
            $($name,)*
            GetAccountPublicAccessBlock,
            PutAccountPublicAccessBlock,
            DeleteAccountPublicAccessBlock,
            ListTagsForResource,
            TagResource,
            UntagResource,
        }

        impl Operation {
            /// Its name, as AWS writes it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::GetAccountPublicAccessBlock => "GetAccountPublicAccessBlock",
                    Self::PutAccountPublicAccessBlock => "PutAccountPublicAccessBlock",
                    Self::DeleteAccountPublicAccessBlock => "DeleteAccountPublicAccessBlock",
                    Self::ListTagsForResource => "ListTagsForResource",
                    Self::TagResource => "TagResource",
                    Self::UntagResource => "UntagResource",
                }
            }
        }

        const TABLE: &[(Operation, Shape)] = &[$((Operation::$name, (stringify!($method), $level, &[$($query),*]))),*];
    };
}

// Of rows that are otherwise alike, the one for requests with `x-amz-copy-source` ends in `Copy` or is `CopyObject`.
operations! {
    ListBuckets GET Service []
    CreateBucket PUT Bucket []
    HeadBucket HEAD Bucket []
    DeleteBucket DELETE Bucket []
    ListObjects GET Bucket []
    ListObjectsV2 GET Bucket ["list-type"]
    ListObjectVersions GET Bucket ["versions"]
    ListMultipartUploads GET Bucket ["uploads"]
    DeleteObjects POST Bucket ["delete"]
    GetBucketLocation GET Bucket ["location"]
    GetBucketPolicy GET Bucket ["policy"]
    PutBucketPolicy PUT Bucket ["policy"]
    DeleteBucketPolicy DELETE Bucket ["policy"]
    GetBucketPolicyStatus GET Bucket ["policyStatus"]
    GetBucketVersioning GET Bucket ["versioning"]
    PutBucketVersioning PUT Bucket ["versioning"]
    GetBucketEncryption GET Bucket ["encryption"]
    PutBucketEncryption PUT Bucket ["encryption"]
    DeleteBucketEncryption DELETE Bucket ["encryption"]
    GetPublicAccessBlock GET Bucket ["publicAccessBlock"]
    PutPublicAccessBlock PUT Bucket ["publicAccessBlock"]
    DeletePublicAccessBlock DELETE Bucket ["publicAccessBlock"]
    GetBucketOwnershipControls GET Bucket ["ownershipControls"]
    PutBucketOwnershipControls PUT Bucket ["ownershipControls"]
    DeleteBucketOwnershipControls DELETE Bucket ["ownershipControls"]
    GetBucketLogging GET Bucket ["logging"]
    PutBucketLogging PUT Bucket ["logging"]
    GetBucketTagging GET Bucket ["tagging"]
    PutBucketTagging PUT Bucket ["tagging"]
    DeleteBucketTagging DELETE Bucket ["tagging"]
    GetBucketAcl GET Bucket ["acl"]
    PutBucketAcl PUT Bucket ["acl"]
    GetBucketCors GET Bucket ["cors"]
    PutBucketCors PUT Bucket ["cors"]
    DeleteBucketCors DELETE Bucket ["cors"]
    GetBucketLifecycleConfiguration GET Bucket ["lifecycle"]
    PutBucketLifecycleConfiguration PUT Bucket ["lifecycle"]
    DeleteBucketLifecycle DELETE Bucket ["lifecycle"]
    GetBucketWebsite GET Bucket ["website"]
    PutBucketWebsite PUT Bucket ["website"]
    DeleteBucketWebsite DELETE Bucket ["website"]
    GetBucketNotificationConfiguration GET Bucket ["notification"]
    PutBucketNotificationConfiguration PUT Bucket ["notification"]
    GetBucketRequestPayment GET Bucket ["requestPayment"]
    PutBucketRequestPayment PUT Bucket ["requestPayment"]
    GetBucketAccelerateConfiguration GET Bucket ["accelerate"]
    PutBucketAccelerateConfiguration PUT Bucket ["accelerate"]
    GetBucketReplication GET Bucket ["replication"]
    PutBucketReplication PUT Bucket ["replication"]
    DeleteBucketReplication DELETE Bucket ["replication"]
    GetObjectLockConfiguration GET Bucket ["object-lock"]
    PutObjectLockConfiguration PUT Bucket ["object-lock"]
    ListBucketMetricsConfigurations GET Bucket ["metrics"]
    GetBucketMetricsConfiguration GET Bucket ["metrics", "id"]
    PutBucketMetricsConfiguration PUT Bucket ["metrics", "id"]
    DeleteBucketMetricsConfiguration DELETE Bucket ["metrics", "id"]
    ListBucketInventoryConfigurations GET Bucket ["inventory"]
    GetBucketInventoryConfiguration GET Bucket ["inventory", "id"]
    PutBucketInventoryConfiguration PUT Bucket ["inventory", "id"]
    DeleteBucketInventoryConfiguration DELETE Bucket ["inventory", "id"]
    ListBucketAnalyticsConfigurations GET Bucket ["analytics"]
    GetBucketAnalyticsConfiguration GET Bucket ["analytics", "id"]
    PutBucketAnalyticsConfiguration PUT Bucket ["analytics", "id"]
    DeleteBucketAnalyticsConfiguration DELETE Bucket ["analytics", "id"]
    ListBucketIntelligentTieringConfigurations GET Bucket ["intelligent-tiering"]
    GetBucketIntelligentTieringConfiguration GET Bucket ["intelligent-tiering", "id"]
    PutBucketIntelligentTieringConfiguration PUT Bucket ["intelligent-tiering", "id"]
    DeleteBucketIntelligentTieringConfiguration DELETE Bucket ["intelligent-tiering", "id"]
    GetBucketAbac GET Bucket ["abac"]
    PutBucketAbac PUT Bucket ["abac"]
    PutObject PUT Object []
    PostObject POST Bucket []
    CopyObject PUT Object []
    GetObject GET Object []
    HeadObject HEAD Object []
    DeleteObject DELETE Object []
    GetObjectAttributes GET Object ["attributes"]
    GetObjectTagging GET Object ["tagging"]
    PutObjectTagging PUT Object ["tagging"]
    DeleteObjectTagging DELETE Object ["tagging"]
    GetObjectAcl GET Object ["acl"]
    PutObjectAcl PUT Object ["acl"]
    GetObjectRetention GET Object ["retention"]
    PutObjectRetention PUT Object ["retention"]
    GetObjectLegalHold GET Object ["legal-hold"]
    PutObjectLegalHold PUT Object ["legal-hold"]
    CreateMultipartUpload POST Object ["uploads"]
    UploadPart PUT Object ["partNumber", "uploadId"]
    UploadPartCopy PUT Object ["partNumber", "uploadId"]
    CompleteMultipartUpload POST Object ["uploadId"]
    AbortMultipartUpload DELETE Object ["uploadId"]
    ListParts GET Object ["uploadId"]
}

/// What S3 has and this has not.
const OUTSIDE: &[(&str, &str, Level, &[&str])] = &[
    ("GetBucketMetadataConfiguration", "GET", Bucket, &["metadataConfiguration"]),
    ("CreateBucketMetadataConfiguration", "POST", Bucket, &["metadataConfiguration"]),
    ("DeleteBucketMetadataConfiguration", "DELETE", Bucket, &["metadataConfiguration"]),
    ("GetBucketMetadataTableConfiguration", "GET", Bucket, &["metadataTable"]),
    ("CreateBucketMetadataTableConfiguration", "POST", Bucket, &["metadataTable"]),
    ("DeleteBucketMetadataTableConfiguration", "DELETE", Bucket, &["metadataTable"]),
    ("UpdateBucketMetadataInventoryTableConfiguration", "PUT", Bucket, &["metadataInventoryTable"]),
    ("UpdateBucketMetadataJournalTableConfiguration", "PUT", Bucket, &["metadataJournalTable"]),
    ("CreateSession", "GET", Bucket, &["session"]),
    ("GetObjectTorrent", "GET", Object, &["torrent"]),
    ("RestoreObject", "POST", Object, &["restore"]),
    ("SelectObjectContent", "POST", Object, &["select", "select-type"]),
    ("RenameObject", "PUT", Object, &["renameObject"]),
    ("UpdateObjectEncryption", "PUT", Object, &["encryption"]),
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
    // What boto3 signs in version 2, and says again in the query.
    "content-type",
    "content-md5",
    "AWSAccessKeyId",
    "Signature",
    "Expires",
];

fn not_implemented(what: &str) -> ApiError {
    ApiError::new(501, "NotImplemented", "A header or query you provided implies functionality that is not implemented.").with("Operation", what)
}

impl Operation {
    fn copies(self) -> bool {
        matches!(self, Self::CopyObject | Self::UploadPartCopy)
    }
}

/// Names the operation of a request.
///
/// # Errors
/// It is none, or one that is not here: nothing is authorized and nothing done.
pub(crate) fn find(method: &str, bucket: bool, key: bool, params: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<Operation, ApiError> {
    let level = match (bucket, key) {
        (false, _) => Service,
        (true, false) => Bucket,
        (true, true) => Object,
    };
    let known: BTreeSet<&str> = TABLE.iter().flat_map(|(_, (.., query))| *query).chain(OUTSIDE.iter().flat_map(|(.., query)| *query)).copied().collect();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for name in params.keys() {
        // Which part of an object is read.
        let ordinary = ORDINARY.contains(&name.as_str()) || name.to_ascii_lowercase().starts_with("x-amz-") || (name == "partNumber" && method != "PUT");
        if known.contains(name.as_str()) && !ordinary {
            asked.insert(name);
        } else if !ordinary {
            return Err(not_implemented(&format!("{method} with the unknown parameter {name}")));
        }
    }
    if params.get("list-type").is_some_and(|v| v != "2") {
        return Err(not_implemented("list-type"));
    }
    let is = |(verb, at, query): &Shape| *verb == method && *at == level && query.iter().copied().collect::<BTreeSet<_>>() == asked;
    let rows: Vec<Operation> = TABLE.iter().filter(|(_, shape)| is(shape)).map(|(operation, _)| *operation).collect();
    let copies = headers.contains_key("x-amz-copy-source") || params.keys().any(|p| p.eq_ignore_ascii_case("x-amz-copy-source"));
    if let Some(operation) = rows.iter().find(|o| o.copies() == copies).or_else(|| rows.iter().find(|o| !o.copies() && rows.len() == 1)) {
        return Ok(*operation);
    }
    if let Some((name, ..)) = OUTSIDE.iter().find(|(_, verb, at, query)| is(&(*verb, *at, *query))) {
        return Err(not_implemented(name));
    }
    let asked: Vec<&str> = asked.into_iter().collect();
    Err(not_implemented(&format!("{method} of {}", if asked.is_empty() { "this kind".to_owned() } else { asked.join(" and ") })))
}

/// Names the operation of a request to the control plane, by its path below the version.
///
/// # Errors
/// It is none that is here.
pub(crate) fn find_control(method: &str, path: &str) -> Result<Operation, ApiError> {
    let block = path == "configuration/publicAccessBlock";
    let tags = path.starts_with("tags/");
    Ok(match method {
        "GET" if block => Operation::GetAccountPublicAccessBlock,
        "PUT" if block => Operation::PutAccountPublicAccessBlock,
        "DELETE" if block => Operation::DeleteAccountPublicAccessBlock,
        "GET" if tags => Operation::ListTagsForResource,
        "POST" if tags => Operation::TagResource,
        "DELETE" if tags => Operation::UntagResource,
        _ => return Err(not_implemented(&format!("{method} of {path}, of the control plane"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_shape((method, level, query): &Shape, copies: bool) -> Result<Operation, ApiError> {
        let mut params: BTreeMap<String, String> = query.iter().map(|q| ((*q).to_owned(), String::new())).collect();
        if params.contains_key("list-type") {
            params.insert("list-type".to_owned(), "2".to_owned());
        }
        let mut headers = HeaderMap::new();
        if copies {
            headers.insert("x-amz-copy-source", "b/k".parse().unwrap());
        }
        find(method, *level != Service, *level == Object, &params, &headers)
    }

    /// No two rows answer the same request, and every row answers its own.
    #[test]
    fn every_row_is_found_by_its_own_request() {
        for (operation, shape) in TABLE {
            assert_eq!(find_shape(shape, operation.copies()).unwrap(), *operation);
        }
        for (name, method, level, query) in OUTSIDE {
            let error = find_shape(&(*method, *level, *query), false).unwrap_err();
            assert_eq!((error.status, error.detail.first().map(|(_, d)| d.as_str())), (501, Some(*name)));
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
            ("DELETE", true, false, vec!["metrics"]),
        ] {
            assert_eq!(one(method, bucket, key, &params), Err(501), "{method} {params:?}");
        }
        assert_eq!(one("GET", true, true, &["versionId", "response-content-type", "X-Amz-Signature", "partNumber"]), Ok(Operation::GetObject));
    }
}
