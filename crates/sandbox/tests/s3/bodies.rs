//! The signature covers the body, whole or in chunks, and what was said of it is kept.

use base64::Engine as _;
use bytes::Bytes;
use crossrole_sandbox::testing::{sha256_hex, signing_time, string_signature};
use http::Request;

use crate::client::{Client, Keys, root, sign};

const OWNER: &str = "222222222222";

async fn with_user() -> (Client, Keys) {
    let client = Client::new();
    let owner = root(OWNER);
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.query(&owner, "iam", "CreateUser", &[("UserName", "u")]).await.is(200);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    client.query(&owner, "iam", "PutUserPolicy", &[("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", all)]).await.is(200);
    let keys = client.query(&owner, "iam", "CreateAccessKey", &[("UserName", "u")]).await.is(200).keys();
    (client, keys)
}

fn put(target: &str, body: &str) -> Request<Bytes> {
    Request::builder().method("PUT").uri(target).header("host", "127.0.0.1").body(Bytes::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_body_that_was_exchanged_is_refused() {
    let (client, keys) = with_user().await;
    for who in [&keys, &root(OWNER)] {
        let mut request = put("/data/k", "as signed");
        sign(&mut request, who, "us-east-1", "s3", &signing_time(0));
        *request.body_mut() = Bytes::from("exchanged");
        let answer = client.send(request).await.refuses(400, "XAmzContentSHA256Mismatch");
        assert_eq!(answer.one("ClientComputedContentSHA256"), sha256_hex(b"as signed"));
    }
    let mut request = put("/data?tagging", "<Tagging/>");
    sign(&mut request, &keys, "us-east-1", "s3", &signing_time(0));
    *request.body_mut() = Bytes::from("<Tagging><TagSet/></Tagging>");
    client.send(request).await.refuses(400, "XAmzContentSHA256Mismatch");
    // IAM takes the hash from the body itself.
    let mut request =
        Request::builder().method("POST").uri("/").header("host", "iam.amazonaws.com").header("content-type", "application/x-www-form-urlencoded");
    request = request.header("x-amz-content-sha256", sha256_hex(b"Action=ListUsers&Version=2010-05-08"));
    let mut request = request.body(Bytes::from("Action=ListUsers&Version=2010-05-08")).unwrap();
    sign(&mut request, &keys, "us-east-1", "iam", &signing_time(0));
    *request.body_mut() = Bytes::from("Action=ListRoles&Version=2010-05-08");
    client.send(request).await.refuses(403, "SignatureDoesNotMatch");
    client.s3(&keys, "PUT", "/data/k", &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], "anything").await.is(200);
    client.s3(&keys, "PUT", "/data/k", &[("x-amz-content-sha256", "nonsense")], "anything").await.refuses(400, "InvalidArgument");
}

/// The chunks of a body, each signed over the one before it.
fn chunked(keys: &Keys, seed: &str, time: &str, pieces: &[&str], trailer: Option<(&str, &str)>) -> String {
    let scope = format!("{}/us-east-1/s3/aws4_request", &time[..8]);
    let empty = sha256_hex(b"");
    let mut before = seed.to_owned();
    let mut body = String::new();
    for piece in pieces.iter().chain([&""]) {
        let text = format!("AWS4-HMAC-SHA256-PAYLOAD\n{time}\n{scope}\n{before}\n{empty}\n{}", sha256_hex(piece.as_bytes()));
        before = string_signature(&keys.secret, &scope, &text);
        body.push_str(&format!("{:x};chunk-signature={before}\r\n{piece}", piece.len()));
        if !piece.is_empty() {
            body.push_str("\r\n");
        }
    }
    if let Some((name, value)) = trailer {
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{time}\n{scope}\n{before}\n{}", sha256_hex(format!("{name}:{value}\n").as_bytes()));
        let signature = string_signature(&keys.secret, &scope, &text);
        body.push_str(&format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n"));
    }
    body.push_str("\r\n");
    body
}

/// A request that says it comes in chunks; the body is added when the signature of its head is known.
fn streaming(keys: &Keys, kind: &str, length: usize, trailer: bool, time: &str) -> (Request<Bytes>, String) {
    let mut request = Request::builder().method("PUT").uri("/data/k").header("host", "127.0.0.1").header("content-encoding", "aws-chunked");
    request = request.header("x-amz-content-sha256", kind).header("x-amz-decoded-content-length", length.to_string());
    if trailer {
        request = request.header("x-amz-trailer", "x-amz-checksum-crc32");
    }
    let mut request = request.body(Bytes::new()).unwrap();
    sign(&mut request, keys, "us-east-1", "s3", time);
    let seed = request.headers()["authorization"].to_str().unwrap().rsplit_once("Signature=").unwrap().1.to_owned();
    (request, seed)
}

#[tokio::test]
async fn chunks_are_signed_each() {
    let (client, keys) = with_user().await;
    let time = signing_time(0);
    let kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let (mut request, seed) = streaming(&keys, kind, 11, false, &time);
    *request.body_mut() = chunked(&keys, &seed, &time, &["hello ", "world"], None).into();
    client.send(request).await.is(200);
    let answer = client.s3(&keys, "GET", "/data/k", &[], "").await.is(200);
    assert_eq!((answer.text().as_str(), answer.header("content-encoding").as_str()), ("hello world", ""), "the frames are gone, and said to be");
    let (mut request, seed) = streaming(&keys, kind, 11, false, &time);
    *request.body_mut() = chunked(&keys, &seed, &time, &["hello ", "world"], None).replace("world", "w0rld").into();
    client.send(request).await.refuses(403, "SignatureDoesNotMatch");
    let (mut request, seed) = streaming(&keys, kind, 12, false, &time);
    *request.body_mut() = chunked(&keys, &seed, &time, &["hello ", "world"], None).into();
    client.send(request).await.refuses(400, "IncompleteBody");
}

#[tokio::test]
async fn trailing_checksums_are_checked_and_kept() {
    let (client, keys) = with_user().await;
    let time = signing_time(0);
    let crc = "DUoRhQ==";
    for (sum, status, code) in [(crc, 200, ""), ("AAAAAA==", 400, "BadDigest")] {
        let (mut request, seed) = streaming(&keys, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 11, true, &time);
        *request.body_mut() = chunked(&keys, &seed, &time, &["hello ", "world"], Some(("x-amz-checksum-crc32", sum))).into();
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.one("Code").as_str()), (status, code), "{}", answer.text());
        let (mut request, _) = streaming(&keys, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11, true, &time);
        *request.body_mut() = format!("b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n").into();
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.one("Code").as_str()), (status, code), "{}", answer.text());
    }
    let head = client.s3(&keys, "HEAD", "/data/k", &[("x-amz-checksum-mode", "ENABLED")], "").await.is(200);
    assert_eq!((head.header("x-amz-checksum-crc32").as_str(), head.header("x-amz-checksum-type").as_str()), (crc, "FULL_OBJECT"));
    let (mut request, _) = streaming(&keys, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11, true, &time);
    *request.body_mut() = "b\r\nhello world\r\n0\r\n\r\n".into();
    client.send(request).await.refuses(400, "MalformedTrailerError");
    let (mut request, _) = streaming(&keys, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 11, true, &time);
    *request.body_mut() = "ffffffffffffffff\r\nhello world\r\n".into();
    client.send(request).await.refuses(400, "IncompleteBody");
}

#[tokio::test]
async fn an_etag_is_the_md5_of_the_object() {
    let (client, keys) = with_user().await;
    for body in ["", "abc", "hello world"] {
        let wanted = <md5::Md5 as sha2::Digest>::digest(body.as_bytes());
        let hex: String = wanted.iter().map(|b| format!("{b:02x}")).collect();
        let sent = base64::engine::general_purpose::STANDARD.encode(wanted);
        let answer = client.s3(&keys, "PUT", "/data/k", &[("content-md5", &sent)], body).await.is(200);
        assert_eq!(answer.header("etag"), format!("\"{hex}\""));
    }
}

#[tokio::test]
async fn sizes_have_a_limit_that_is_named() {
    let (client, keys) = with_user().await;
    let name = |length: usize| format!("/data/{}", "k".repeat(length));
    client.s3(&keys, "PUT", &name(1_024), &[], "").await.is(200);
    client.s3(&keys, "PUT", &name(1_025), &[], "").await.refuses(400, "KeyTooLongError");
    client.s3(&keys, "PUT", "/data/k", &[("x-amz-meta-long", &"m".repeat(2_048))], "").await.refuses(400, "MetadataTooLarge");
    let large = Bytes::from(vec![0; (256 << 20) + 1]);
    let answer = client.s3(&keys, "PUT", "/data/k", &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], large).await.refuses(400, "EntityTooLarge");
    assert_eq!(answer.one("MaxSizeAllowed"), (256_u32 << 20).to_string());
}
