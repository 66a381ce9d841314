//! State files: of before, of now, and of two at once.

use std::time::Duration;

use crossrole_sandbox::{Options, STATE_MOST, Sandbox, StateFile, StoreError};

use crate::client::{Client, root};

/// A state as it was written before buckets had versions, multipart uploads and kept configurations.
const OLD: &str = r#"{"accounts":{},"buckets":{"data":{"account":"222222222222","region":"us-east-1","created":"2026-01-01T00:00:00Z","policy":null,"versioning":"Enabled","encryption":["aws:kms","arn:aws:kms:us-east-1:222222222222:key/one"],"block":[true,true,true,true],"ownership":"BucketOwnerEnforced","logging":["logs","prefix/"],"tags":{"a":"b"},"objects":{"k":{"body":"aGVsbG8=","etag":"\"0123\"","content_type":"text/plain","modified":"2026-01-02T00:00:00Z","metadata":{"who":"me"}}}}},"keys":{},"sessions":{},"counter":1,"ids":{}}"#;

#[tokio::test]
async fn states_of_before_still_load() {
    let client = Client { sandbox: Sandbox::restore(OLD.as_bytes(), Options::default()).unwrap(), ..Client::new() };
    let owner = root("222222222222");
    let object = client.s3(&owner, "GET", "/data/k", &[], "").await.is(200);
    assert_eq!((object.text().as_str(), object.header("etag").as_str(), object.header("x-amz-meta-who").as_str()), ("hello", "\"0123\"", "me"));
    assert_eq!(client.s3(&owner, "GET", "/data/k?versionId=null", &[], "").await.is(200).text(), "hello");
    let encryption = client.s3(&owner, "GET", "/data?encryption", &[], "").await.is(200);
    assert_eq!((encryption.one("SSEAlgorithm").as_str(), encryption.one("KMSMasterKeyID").as_str()), ("aws:kms", "arn:aws:kms:us-east-1:222222222222:key/one"));
    let logging = client.s3(&owner, "GET", "/data?logging", &[], "").await.is(200);
    assert_eq!((logging.one("TargetBucket").as_str(), logging.one("TargetPrefix").as_str()), ("logs", "prefix/"));
}

#[tokio::test]
async fn a_state_is_the_same_after_it_was_kept() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data?versioning", &[], "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>").await.is(200);
    client
        .s3(
            &owner,
            "PUT",
            "/data?cors",
            &[],
            "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
        )
        .await
        .is(200);
    client.s3(&owner, "PUT", "/data/k", &[("x-amz-tagging", "a=b"), ("cache-control", "no-store")], "one").await.is(200);
    client.s3(&owner, "DELETE", "/data/k", &[], "").await.is(204);
    let id = client.s3(&owner, "POST", "/data/m?uploads", &[("x-amz-checksum-algorithm", "CRC32")], "").await.is(200).one("UploadId");
    let part = client.s3(&owner, "PUT", &format!("/data/m?partNumber=1&uploadId={id}"), &[], "part").await.is(200);
    let kept = client.sandbox.snapshot().unwrap();
    let again = Client { sandbox: Sandbox::restore(&kept, Options::default()).unwrap(), ..Client::new() };
    assert_eq!(again.sandbox.snapshot().unwrap(), kept);
    for target in ["/data?versions", "/data?uploads", "/data?cors"] {
        let without = |text: String| text.split("<RequestId>").next().unwrap_or_default().to_owned();
        assert_eq!(without(again.s3(&owner, "GET", target, &[], "").await.is(200).text()), without(client.s3(&owner, "GET", target, &[], "").await.text()));
    }
    let done = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag><ChecksumCRC32>{}</ChecksumCRC32></Part></CompleteMultipartUpload>",
        part.header("etag"),
        part.header("x-amz-checksum-crc32")
    );
    again.s3(&owner, "POST", &format!("/data/m?uploadId={id}"), &[], done).await.is(200);
}

#[test]
fn a_state_file_has_one_user_at_a_time() {
    let folder = std::env::temp_dir().join(format!("crossrole-sandbox-lock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("state.json");
    let first = StateFile::open(&path, Duration::ZERO).unwrap();
    assert!(matches!(StateFile::open(&path, Duration::ZERO), Err(StoreError::Busy)));
    let other = StateFile::open(&folder.join("other.json"), Duration::ZERO).unwrap();
    first.save(&first.load(Options::default()).unwrap()).unwrap();
    drop(first);
    let second = StateFile::open(&path, Duration::ZERO).unwrap();
    second.load(Options::default()).unwrap();
    let nowhere = StateFile::open(&folder.join("no/such/folder/state.json"), Duration::ZERO);
    assert!(matches!(nowhere, Err(StoreError::Io(_))), "what can't be written is noticed at the start");
    drop((second, other));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_state_file_is_a_file_of_a_size() {
    let folder = std::env::temp_dir().join(format!("crossrole-sandbox-size-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    assert!(matches!(Sandbox::load(&folder, Options::default()), Err(StoreError::NoFile)));
    let path = folder.join("state.json");
    // All of it is a hole.
    std::fs::File::create(&path).unwrap().set_len(STATE_MOST + 1).unwrap();
    assert!(matches!(Sandbox::load(&path, Options::default()), Err(StoreError::TooLarge)));
    std::fs::remove_dir_all(&folder).unwrap();
}
