//! The state between commands.

use crossrole_sandbox::{Options, Sandbox};
use serde_json::json;

use crate::client::{Client, root};

use super::{A, key_policy, statement};

#[tokio::test]
async fn keys_are_the_same_after_they_were_kept() {
    let client = Client::new();
    client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await;
    let text = key_policy(&[statement("Allow", &format!("arn:aws:iam::{A}:user/ann"), &["kms:*"]), statement("Allow", A, &["kms:*"])]);
    let key = client.key_by(&root(A), json!({ "Policy": text, "Description": "d", "Tags": [{ "TagKey": "a", "TagValue": "b" }] })).await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    client.must_kms("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 100 })).await;
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    client.must_kms("DescribeKey", json!({ "KeyId": "alias/aws/s3" })).await;
    let gone = client.key().await;
    client.must_kms("ScheduleKeyDeletion", json!({ "KeyId": gone })).await;
    let kept = client.sandbox.snapshot().unwrap();
    let again = Client { sandbox: Sandbox::restore(&kept, Options::default()).unwrap(), ..Client::new() };
    assert_eq!(again.sandbox.snapshot().unwrap(), kept);
    for (operation, input) in [
        ("ListKeys", json!({})),
        ("ListAliases", json!({})),
        ("DescribeKey", json!({ "KeyId": key })),
        ("DescribeKey", json!({ "KeyId": gone })),
        ("GetKeyPolicy", json!({ "KeyId": key })),
        ("ListResourceTags", json!({ "KeyId": key })),
        ("GetKeyRotationStatus", json!({ "KeyId": key })),
        ("Decrypt", json!({ "CiphertextBlob": sealed })),
    ] {
        let (before, after) = (client.must_kms(operation, input.clone()).await.text(), again.must_kms(operation, input).await.text());
        assert_eq!(before, after, "{operation}");
    }
}

#[tokio::test]
async fn a_state_of_before_has_no_keys() {
    let old = r#"{"accounts":{},"buckets":{},"keys":{},"sessions":{},"counter":1,"ids":{}}"#;
    let client = Client { sandbox: Sandbox::restore(old.as_bytes(), Options::default()).unwrap(), ..Client::new() };
    assert_eq!(client.must_kms("ListKeys", json!({})).await.json()["Keys"], json!([]));
    client.key().await;
}
