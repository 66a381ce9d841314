//! Versions that are there without versioning, and when it is suspended.

use crate::client::{Client, root};

fn versioning(status: &str) -> String {
    format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}

/// S3 User Guide, "Working with objects in a versioning-suspended bucket".
#[tokio::test]
async fn suspended_versioning_writes_over_the_null_version_alone() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    assert_eq!(client.s3(&owner, "PUT", "/data/k", &[], "zero").await.is(200).header("x-amz-version-id"), "");
    client.s3(&owner, "PUT", "/data?versioning", &[], versioning("Enabled")).await.is(200);
    let first = client.s3(&owner, "PUT", "/data/k", &[], "one").await.is(200).header("x-amz-version-id");
    assert_eq!(client.s3(&owner, "GET", "/data/k?versionId=null", &[], "").await.is(200).text(), "zero");
    client.s3(&owner, "PUT", "/data?versioning", &[], versioning("Suspended")).await.is(200);
    client.s3(&owner, "PUT", "/data/k", &[], "two").await.is(200);
    assert_eq!(client.s3(&owner, "GET", "/data/k?versionId=null", &[], "").await.is(200).text(), "two");
    assert_eq!(client.s3(&owner, "GET", &format!("/data/k?versionId={first}"), &[], "").await.is(200).text(), "one");
    let marker = client.s3(&owner, "DELETE", "/data/k", &[], "").await.is(204);
    assert_eq!((marker.header("x-amz-delete-marker").as_str(), marker.header("x-amz-version-id").as_str()), ("true", "null"));
    client.s3(&owner, "GET", "/data/k", &[], "").await.refuses(404, "NoSuchKey");
    let listed = client.s3(&owner, "GET", "/data?versions", &[], "").await.is(200);
    assert_eq!((listed.all("DeleteMarker/VersionId"), listed.all("Version/VersionId")), (vec!["null".to_owned()], vec![first.clone()]));
    client.s3(&owner, "DELETE", "/data/k?versionId=null", &[], "").await.is(204);
    assert_eq!(client.s3(&owner, "GET", "/data/k", &[], "").await.is(200).text(), "one", "what was under the marker is current again");
    client.s3(&owner, "DELETE", &format!("/data/k?versionId={first}"), &[], "").await.is(204);
    client.s3(&owner, "DELETE", "/data", &[], "").await.is(204);
}
