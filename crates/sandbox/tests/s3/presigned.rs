//! Presigned URLs, and what S3 looks at before and beside a signature.

use bytes::Bytes;
use crossrole_sandbox::testing::{signature, signing_time};
use http::Request;

use crate::client::{Answer, Client, Keys, canonical_query, root, sign};

const OWNER: &str = "222222222222";

/// A bucket `data` with an object, and a user of its account who may do everything with it.
async fn with_user() -> (Client, Keys) {
    let client = Client::new();
    let owner = root(OWNER);
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data/k", &[], "hello").await.is(200);
    client.query(&owner, "iam", "CreateUser", &[("UserName", "u")]).await.is(200);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    client.query(&owner, "iam", "PutUserPolicy", &[("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", all)]).await.is(200);
    let keys = client.query(&owner, "iam", "CreateAccessKey", &[("UserName", "u")]).await.is(200).keys();
    (client, keys)
}

/// A URL for a method and path, with more parameters, signed at a time for so long.
fn presign(keys: &Keys, method: &str, path: &str, more: &str, time: &str, expires: &str) -> String {
    let scope = format!("{}/us-east-1/s3/aws4_request", &time[..8]);
    let mut query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F{}&X-Amz-Date={time}&X-Amz-Expires={expires}&X-Amz-SignedHeaders=host",
        keys.id,
        scope.replace('/', "%2F")
    );
    if !keys.token.is_empty() {
        query.push_str(&format!("&X-Amz-Security-Token={}", keys.token));
    }
    if !more.is_empty() {
        query.push_str(&format!("&{more}"));
    }
    let canonical = format!("{method}\n{path}\n{}\nhost:127.0.0.1\n\nhost\nUNSIGNED-PAYLOAD", canonical_query(&query));
    format!("{path}?{query}&X-Amz-Signature={}", signature(&keys.secret, time, &scope, &canonical))
}

async fn call(client: &Client, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(url).header("host", "127.0.0.1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(Bytes::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_presigned_url_works_for_its_call_alone_and_for_its_time() {
    let (client, keys) = with_user().await;
    let now = signing_time(0);
    let get = presign(&keys, "GET", "/data/k", "", &now, "60");
    assert_eq!(call(&client, "GET", &get, &[], "").await.is(200).text(), "hello");
    let put = presign(&keys, "PUT", "/data/new", "x-amz-acl=bucket-owner-full-control&x-amz-meta-a=b", &now, "60");
    call(&client, "PUT", &put, &[], "uploaded").await.is(200);
    assert_eq!(client.s3(&root(OWNER), "GET", "/data/new", &[], "").await.is(200).text(), "uploaded");
    // Another method, another key, another parameter, another secret.
    call(&client, "PUT", &get, &[], "x").await.refuses(403, "SignatureDoesNotMatch");
    call(&client, "GET", &get.replace("/data/k", "/data/new"), &[], "").await.refuses(403, "SignatureDoesNotMatch");
    call(&client, "GET", &format!("{get}&response-content-type=text/html"), &[], "").await.refuses(403, "SignatureDoesNotMatch");
    let other = Keys { secret: "another".to_owned(), ..keys.clone() };
    call(&client, "GET", &presign(&other, "GET", "/data/k", "", &now, "60"), &[], "").await.refuses(403, "SignatureDoesNotMatch");
    let unknown = Keys { id: "AKIAUNKNOWNUNKNOWN12".to_owned(), ..keys.clone() };
    call(&client, "GET", &presign(&unknown, "GET", "/data/k", "", &now, "60"), &[], "").await.refuses(403, "InvalidAccessKeyId");
    let old = call(&client, "GET", &presign(&keys, "GET", "/data/k", "", &signing_time(-120), "60"), &[], "").await.refuses(403, "AccessDenied");
    assert_eq!((old.one("Message").as_str(), old.one("X-Amz-Expires").as_str()), ("Request has expired", "60"));
    let root_url = presign(&root(OWNER), "GET", "/data/k", "", &signing_time(-120), "60");
    call(&client, "GET", &root_url, &[], "").await.refuses(403, "AccessDenied");
    let early = call(&client, "GET", &presign(&keys, "GET", "/data/k", "", &signing_time(3_600), "60"), &[], "").await.refuses(403, "AccessDenied");
    assert_eq!(early.one("Message"), "Request is not yet valid");
    let named = presign(&keys, "GET", "/data/k", "response-content-type=text%2Fhtml", &now, "60");
    assert_eq!(call(&client, "GET", &named, &[], "").await.is(200).header("content-type"), "text/html");
}

/// LocalStack, tests/aws/services/s3/test_s3.py::TestS3PresignedUrl.
#[tokio::test]
async fn what_is_wrong_with_a_presigned_url_is_said() {
    let (client, keys) = with_user().await;
    let now = signing_time(0);
    let url = presign(&keys, "GET", "/data/k", "", &now, "60");
    let unsigned = call(&client, "GET", &url, &[("x-amz-meta-wrong", "x")], "").await.refuses(403, "AccessDenied");
    assert_eq!(unsigned.one("Message"), "There were headers present in the request which were not signed");
    assert_eq!(unsigned.one("HeadersNotSigned"), "x-amz-meta-wrong");
    let without = |name: &str| {
        let (path, query) = url.split_once('?').unwrap();
        let kept: Vec<&str> = query.split('&').filter(|p| !p.starts_with(name)).collect();
        format!("{path}?{}", kept.join("&"))
    };
    let missing = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    let credential =
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
    for (url, message) in [
        (without("X-Amz-Signature"), missing),
        (without("X-Amz-Expires"), missing),
        (url.replace("%2Faws4_request", ""), credential),
        (url.replace("X-Amz-Expires=60", "X-Amz-Expires=soon"), "X-Amz-Expires should be a number"),
        (url.replace("X-Amz-Expires=60", "X-Amz-Expires=-1"), "X-Amz-Expires must be non-negative"),
        (
            url.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"),
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
        (url.replace("us-east-1", "eu-west-1"), "Error parsing the X-Amz-Credential parameter; the region 'eu-west-1' is wrong; expecting 'us-east-1'"),
    ] {
        let answer = call(&client, "GET", &url, &[], "").await;
        assert_eq!(answer.error(), (400, "AuthorizationQueryParametersError".to_owned(), message.to_owned()), "{url}");
    }
    let both = Request::builder().uri(&url).header("host", "127.0.0.1").header("authorization", "AWS4-HMAC-SHA256 x").body(Bytes::new()).unwrap();
    client.send(both).await.refuses(400, "InvalidArgument");
    let short = call(&client, "GET", "/data/k?AWSAccessKeyId=a&Expires=1", &[], "").await.refuses(403, "AccessDenied");
    assert_eq!(short.one("Message"), "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
}

/// A session's URL carries its token; a bucket policy may ask how it was signed.
#[tokio::test]
async fn sessions_presign_too() {
    let (client, keys) = with_user().await;
    let session = client.query(&keys, "sts", "GetSessionToken", &[]).await.is(200).keys();
    let url = presign(&session, "GET", "/data/k", "", &signing_time(0), "60");
    call(&client, "GET", &url, &[], "").await.is(200);
    let without = Keys { token: String::new(), ..session.clone() };
    assert_eq!(call(&client, "GET", &presign(&without, "GET", "/data/k", "", &signing_time(0), "60"), &[], "").await.status, 403);
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}}]}"#;
    client.s3(&root(OWNER), "PUT", "/data?policy", &[], deny).await.is(204);
    call(&client, "GET", &url, &[], "").await.refuses(403, "AccessDenied");
    client.s3(&session, "GET", "/data/k", &[], "").await.is(200);
    let old = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"NumericGreaterThan":{"s3:signatureAge":"30000"}}}]}"#;
    client.s3(&root(OWNER), "PUT", "/data?policy", &[], old).await.is(204);
    call(&client, "GET", &url, &[], "").await.is(200);
    call(&client, "GET", &presign(&session, "GET", "/data/k", "", &signing_time(-45), "60"), &[], "").await.refuses(403, "AccessDenied");
}

/// The clock, the scope's region, the key, the signature (justincormack/argmin, guides/aws-compatibility.md, live AWS).
#[tokio::test]
async fn a_request_is_checked_in_order() {
    let (client, keys) = with_user().await;
    let wrong = Keys { secret: "wrong".to_owned(), ..keys.clone() };
    let unknown = Keys { id: "AKIAUNKNOWNUNKNOWN12".to_owned(), ..keys.clone() };
    for (who, region, offset, status, code) in [
        (&unknown, "eu-west-1", 901, 403, "RequestTimeTooSkewed"),
        (&unknown, "eu-west-1", 0, 400, "AuthorizationHeaderMalformed"),
        (&unknown, "us-east-1", 0, 403, "InvalidAccessKeyId"),
        (&wrong, "us-east-1", 0, 403, "SignatureDoesNotMatch"),
        (&keys, "us-east-1", 0, 200, ""),
        (&keys, "us-east-1", -890, 200, ""),
        (&keys, "us-east-1", -910, 403, "RequestTimeTooSkewed"),
    ] {
        let mut request = Request::builder().uri("/data/k").header("host", "127.0.0.1").body(Bytes::new()).unwrap();
        sign(&mut request, who, region, "s3", &signing_time(offset));
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.one("Code").as_str()), (status, code), "{region} {offset}");
    }
}

#[tokio::test]
async fn other_services_are_named() {
    let (client, keys) = with_user().await;
    let mut request = Request::builder().method("POST").uri("/").header("host", "dynamodb.us-east-1.amazonaws.com").body(Bytes::from("{}")).unwrap();
    sign(&mut request, &keys, "us-east-1", "dynamodb", &signing_time(0));
    let answer = client.send(request).await.refuses(501, "NotImplemented");
    assert!(answer.one("Message").contains("dynamodb"), "{}", answer.text());
    let mut old = Request::builder().uri("/data/k").header("host", "127.0.0.1").body(Bytes::new()).unwrap();
    old.headers_mut().insert("authorization", "AWS AKIA:signature".parse().unwrap());
    client.send(old).await.refuses(400, "InvalidRequest");
}

/// What boto3 presigns for PutObject with metadata and a content type, in version 2.
#[tokio::test]
async fn a_url_of_version_2_carries_metadata() {
    let (client, _) = with_user().await;
    let url = "/data/m?AWSAccessKeyId=222222222222&Signature=any&content-type=text%2Fplain&x-amz-meta-venue=123&Expires=4102444800";
    call(&client, "PUT", url, &[("content-type", "text/plain")], "hello").await.is(200);
    let object = client.s3(&root(OWNER), "GET", "/data/m", &[], "").await.is(200);
    assert_eq!((object.header("content-type").as_str(), object.header("x-amz-meta-venue").as_str()), ("text/plain", "123"));
}
