//! The protocol: who is let through the door, and what is no operation.

use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options, Sandbox};
use serde_json::json;

use crate::client::{Client, Keys, kms_request, nobody, now, root, sign};

use super::{A, policy};

#[tokio::test]
async fn answers_are_json() {
    let client = Client::new();
    let answer = client.kms(&root(A), "CreateKey", json!({})).await.is(200);
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
    assert!(answer.header("x-amzn-requestid").starts_with("sandbox-"));
    let answer = client.kms(&root(A), "DescribeKey", json!({ "KeyId": "no" })).await;
    assert_eq!(answer.text(), r#"{"__type":"NotFoundException","message":"Invalid keyId 'no'"}"#);
    assert_eq!((answer.status, answer.header("content-type").as_str()), (400, "application/x-amz-json-1.1"));
}

#[tokio::test]
async fn what_is_no_operation_is_refused() {
    let client = Client::new();
    for operation in ["DestroyKey", "", "createKey"] {
        client.kms(&root(A), operation, json!({})).await.fails("UnknownOperationException", "");
    }
    let mut request = kms_request("CreateKey", "{}");
    request.headers_mut().insert("x-amz-target", "DynamoDB_20120810.ListTables".parse().unwrap());
    sign(&mut request, &root(A), "us-east-1", "kms", &now());
    client.send(request).await.fails("UnknownOperationException", "");
}

#[tokio::test]
async fn what_the_sandbox_has_not_says_so() {
    let client = Client::new();
    for operation in ["ListRetirableGrants", "RetireGrant", "ReplicateKey", "ImportKeyMaterial", "CreateCustomKeyStore", "Sign"] {
        client.kms(&root(A), operation, json!({})).await.fails("UnsupportedOperationException", &format!("the sandbox has no kms:{operation}"));
    }
}

#[tokio::test]
async fn requests_that_nobody_signed_are_refused() {
    let client = Client::new();
    client.kms(&nobody(), "ListKeys", json!({})).await.fails("MissingAuthenticationTokenException", "Missing Authentication Token");
    let mut request = kms_request("ListKeys", "{}");
    request.headers_mut().remove("x-amz-target");
    request.headers_mut().insert("host", "kms.eu-west-1.amazonaws.com".parse().unwrap());
    client.send(request).await.fails("MissingAuthenticationTokenException", "");
}

#[tokio::test]
async fn keys_and_signatures_are_checked() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "kms:*", "*")]).await;
    client.kms(&ann, "ListKeys", json!({})).await.is(200);
    let wrong = Keys { secret: "wrong".to_owned(), ..ann.clone() };
    client.kms(&wrong, "ListKeys", json!({})).await.fails("InvalidSignatureException", "does not match");
    let unknown = Keys { id: "AKIANOBODY".to_owned(), ..ann.clone() };
    client.kms(&unknown, "ListKeys", json!({})).await.fails("UnrecognizedClientException", "security token");
    let mut request = kms_request("ListKeys", "{}");
    sign(&mut request, &ann, "us-east-1", "kms", &now());
    *request.body_mut() = r#"{"Limit":1}"#.into();
    client.send(request).await.fails("InvalidSignatureException", "does not match");
}

#[tokio::test]
async fn a_region_is_one_that_exists_and_that_of_the_host() {
    let mut client = Client::new();
    client.region = "eu-moon-1".to_owned();
    client.kms(&root(A), "ListKeys", json!({})).await.fails("InvalidSignatureException", "valid region");
    client.region = "eu-west-1".to_owned();
    for (host, status) in [("kms.eu-west-1.amazonaws.com", 200), ("kms.us-east-1.amazonaws.com", 400)] {
        let mut request = kms_request("ListKeys", "{}");
        request.headers_mut().insert("host", host.parse().unwrap());
        sign(&mut request, &root(A), "eu-west-1", "kms", &now());
        assert_eq!(client.send(request).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_body_is_json_of_the_right_kind() {
    let client = Client::new();
    for body in ["no json", "[]", r#"{"KeyId":1}"#, r#"{"KeyId":{}}"#] {
        let mut request = kms_request("DescribeKey", body);
        sign(&mut request, &root(A), "us-east-1", "kms", &now());
        client.send(request).await.fails("SerializationException", "");
    }
    let missing = "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null";
    client.kms(&root(A), "DescribeKey", json!({})).await.fails("ValidationException", missing);
    client.kms(&root(A), "DescribeKey", json!({ "KeyId": null })).await.fails("ValidationException", missing);
}

#[tokio::test]
async fn sessions_end() {
    let client = Client::new();
    client.role("r", &policy("Allow", "kms:ListKeys", "*")).await;
    let session = client.assume(&client.user("ann", &[&policy("Allow", "sts:AssumeRole", "*")]).await, "r").await;
    client.kms(&session, "ListKeys", json!({})).await.is(200);
    let mut state: serde_json::Value = serde_json::from_slice(&client.sandbox.snapshot().unwrap()).unwrap();
    state["sessions"][&session.id]["expires"] = json!(1_700_000_000);
    let later = Client { sandbox: Sandbox::restore(state.to_string().as_bytes(), Options::default()).unwrap(), ..Client::new() };
    later.kms(&session, "ListKeys", json!({})).await.fails("ExpiredTokenException", "expired");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept() {
    let client = Client { sandbox: Sandbox::new(Options { rate: Some(1), ..Options::default() }), ..Client::new() };
    client.kms(&root(A), "ListKeys", json!({})).await.is(200);
    let words = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
    client.kms(&root(A), "ListKeys", json!({})).await.fails("ThrottlingException", words);
}

/// Refuses whatever writes.
struct Writes;

impl FaultPlan for Writes {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        call.writes.then_some(Fault::Refuse("KMSInternalException"))
    }
}

#[tokio::test]
async fn faults_know_what_writes() {
    let client = Client::new();
    let key = client.key().await;
    client.sandbox.set_faults(Some(std::sync::Arc::new(Writes)));
    for (operation, writes) in [
        ("CreateKey", true),
        ("PutKeyPolicy", true),
        ("TagResource", true),
        ("EnableKeyRotation", true),
        ("ScheduleKeyDeletion", true),
        ("DescribeKey", false),
        ("GetKeyPolicy", false),
        ("ListAliases", false),
        ("Decrypt", false),
        ("GenerateDataKey", false),
        ("ReEncrypt", false),
    ] {
        let answer = client.kms(&root(A), operation, json!({ "KeyId": key })).await;
        assert_eq!(answer.status == 500 && answer.member("/__type") == "KMSInternalException", writes, "{operation}: {}", answer.text());
    }
    let counted = client.sandbox.take_calls();
    assert_eq!(counted.get(&(A.to_owned(), "PutKeyPolicy".to_owned())), Some(&1));
}
