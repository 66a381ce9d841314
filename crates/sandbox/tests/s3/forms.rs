//! Forms that post an object, in both versions of signatures, and the policies that hold them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crossrole_sandbox::testing::{signing_time, string_signature};
use http::Request;

use crate::client::{Answer, Client, Keys, root};

const OWNER: &str = "222222222222";

/// A bucket `data`, and a user of its account who may write below `in/`.
async fn with_user() -> (Client, Keys) {
    let client = Client::new();
    let owner = root(OWNER);
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.query(&owner, "iam", "CreateUser", &[("UserName", "u")]).await.is(200);
    let some = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectTagging"],"Resource":"arn:aws:s3:::data/in/*","Condition":{"StringEquals":{"s3:authType":"POST"}}}]}"#;
    client.query(&owner, "iam", "PutUserPolicy", &[("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", some)]).await.is(200);
    let keys = client.query(&owner, "iam", "CreateAccessKey", &[("UserName", "u")]).await.is(200).keys();
    (client, keys)
}

/// A form of these fields, signed by its policy's conditions beside those of the signature.
fn form(keys: &Keys, fields: &[(&str, &str)], conditions: &str, expiration: &str) -> Vec<(String, String)> {
    let time = signing_time(0);
    let scope = format!("{}/us-east-1/s3/aws4_request", &time[..8]);
    let credential = format!("{}/{scope}", keys.id);
    let signing = [("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-credential", credential.as_str()), ("x-amz-date", time.as_str())];
    let said: Vec<String> = signing.iter().map(|(name, value)| format!(r#"{{"{name}":"{value}"}}"#)).collect();
    let policy = STANDARD.encode(format!(r#"{{"expiration":"{expiration}","conditions":[{conditions},{}]}}"#, said.join(",")));
    let signature = string_signature(&keys.secret, &scope, &policy);
    let last = [("policy", policy.as_str()), ("x-amz-signature", signature.as_str())];
    fields.iter().chain(&signing).chain(&last).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

async fn post(client: &Client, target: &str, fields: &[(String, String)], file: Option<(&str, &str)>) -> Answer {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    if let Some((name, text)) = file {
        body.push_str(&format!("--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n{text}\r\n"));
    }
    body.push_str("--limit--\r\n");
    let request = Request::builder().method("POST").uri(target).header("host", "127.0.0.1").header("content-type", "multipart/form-data; boundary=limit");
    client.send(request.body(Bytes::from(body)).unwrap()).await
}

const LATER: &str = "2099-01-01T00:00:00.000Z";
const CONDITIONS: &str =
    r#"{"bucket":"data"},["starts-with","$key","in/"],["eq","$Content-Type","text/plain"],["starts-with","$x-amz-meta-who",""],["content-length-range",2,"8"]"#;
const FIELDS: [(&str, &str); 3] = [("key", "in/${filename}"), ("Content-Type", "text/plain"), ("x-amz-meta-who", "me")];

#[tokio::test]
async fn a_form_writes_what_its_policy_lets_it() {
    let (client, user) = with_user().await;
    let owner = root(OWNER);
    let good = form(&user, &FIELDS, CONDITIONS, LATER);
    let answer = post(&client, "/data", &good, Some(("C:\\a b.txt", "hello"))).await.is(204);
    assert_eq!(answer.header("location"), "http://127.0.0.1/data/in/a%20b.txt");
    let object = client.s3(&owner, "GET", "/data/in/a%20b.txt", &[], "").await.is(200);
    assert_eq!((object.text().as_str(), object.header("content-type").as_str(), object.header("x-amz-meta-who").as_str()), ("hello", "text/plain", "me"));
    for (size, code) in [("a", "EntityTooSmall"), ("123456789", "EntityTooLarge")] {
        post(&client, "/data", &good, Some(("f", size))).await.refuses(400, code);
    }
    let message = |fields: &[(&str, &str)]| {
        let fields = form(&user, fields, CONDITIONS, LATER);
        let client = &client;
        async move { post(client, "/data", &fields, Some(("f", "hello"))).await.refuses(403, "AccessDenied").one("Message") }
    };
    let (key, kind) = (FIELDS[0], FIELDS[1]);
    let failed = |condition: &str| format!("Invalid according to Policy: Policy Condition failed: {condition}");
    assert_eq!(message(&[("key", "out/f"), kind]).await, failed(r#"["starts-with", "$key", "in/"]"#));
    assert_eq!(message(&[key, ("Content-Type", "text/html")]).await, failed(r#"["eq", "$content-type", "text/plain"]"#));
    assert_eq!(message(&[key, kind, ("acl", "public-read")]).await, "Invalid according to Policy: Extra input fields: acl");
    let late = form(&user, &FIELDS, CONDITIONS, "2020-01-01T00:00:00Z");
    let late = post(&client, "/data", &late, Some(("f", "hello"))).await.refuses(403, "AccessDenied");
    assert_eq!(late.one("Message"), "Invalid according to Policy: Policy expired.");
}

#[tokio::test]
async fn a_form_is_its_signers_and_nobody_elses() {
    let (client, user) = with_user().await;
    let mut changed = form(&user, &FIELDS, CONDITIONS, LATER);
    for (name, value) in &mut changed {
        if name == "policy" {
            *value = STANDARD.encode(format!(r#"{{"expiration":"{LATER}","conditions":[]}}"#));
        }
    }
    post(&client, "/data", &changed, Some(("f", "hello"))).await.refuses(403, "SignatureDoesNotMatch");
    // Whoever signed it may write below `in/` alone, whatever a policy of the form says.
    let wide = form(&user, &[("key", "out/f")], r#"["starts-with","$key",""]"#, LATER);
    post(&client, "/data", &wide, Some(("f", "hello"))).await.refuses(403, "AccessDenied");
    let unsigned = [("key".to_owned(), "in/f".to_owned())];
    post(&client, "/data", &unsigned, Some(("f", "hello"))).await.refuses(403, "AccessDenied");
    assert_eq!(client.s3(&root(OWNER), "GET", "/data?list-type=2", &[], "").await.is(200).one("KeyCount"), "0");
}

#[tokio::test]
async fn a_form_says_where_it_goes_on() {
    let (client, user) = with_user().await;
    let more = r#"["starts-with","$key","in/"],["starts-with","$success_action_status",""],["starts-with","$success_action_redirect",""],["starts-with","$tagging",""]"#;
    let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>";
    let fields = form(&user, &[("key", "in/f"), ("success_action_status", "201"), ("tagging", tagging)], more, LATER);
    let answer = post(&client, "/data", &fields, Some(("f", "hello"))).await.is(201);
    assert_eq!((answer.one("PostResponse/Key"), answer.one("PostResponse/Bucket")), ("in/f".to_owned(), "data".to_owned()));
    assert_eq!(client.s3(&root(OWNER), "GET", "/data/in/f?tagging", &[], "").await.is(200).one("Value"), "b c");
    let fields = form(&user, &[("key", "in/f"), ("success_action_redirect", "http://localhost/done?a=1")], more, LATER);
    let answer = post(&client, "/data", &fields, Some(("f", "hello"))).await.is(303);
    assert_eq!(answer.header("location"), "http://localhost/done?a=1&bucket=data&key=in%2Ff&etag=%225d41402abc4b2a76b9719d911017c592%22");
}

#[tokio::test]
async fn what_is_no_form_is_said() {
    let (client, user) = with_user().await;
    let owner = root(OWNER);
    let answer = client.s3(&owner, "POST", "/data", &[], "x").await.refuses(412, "PreconditionFailed");
    assert_eq!(answer.one("Condition"), "Bucket POST must be of the enclosure-type multipart/form-data");
    let good = form(&user, &FIELDS, CONDITIONS, LATER);
    assert_eq!(post(&client, "/data", &good, None).await.refuses(400, "InvalidArgument").one("ArgumentName"), "file");
    assert_eq!(post(&client, "/data", &good[1..], Some(("f", "hello"))).await.refuses(400, "InvalidArgument").one("ArgumentName"), "key");
    let large = [("key".to_owned(), "in/f".to_owned()), ("x-amz-meta-a".to_owned(), "a".repeat(20_000))];
    post(&client, "/data", &large, Some(("f", "hello"))).await.refuses(400, "MaxPostPreDataLengthExceeded");
    for body in ["", "--limit", "--limit\r\n\r\n", "--limit\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello"] {
        let request = Request::builder().method("POST").uri("/data").header("host", "127.0.0.1").header("content-type", "multipart/form-data; boundary=limit");
        client.send(request.body(Bytes::from(body)).unwrap()).await.refuses(400, "MalformedPOSTRequest");
    }
}
