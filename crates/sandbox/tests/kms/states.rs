//! States of keys, deletion and rotation.

use serde_json::{Value, json};

use crate::client::{Client, root};

use super::{A, id};

async fn state(client: &Client, key: &str) -> (String, Value) {
    let told = client.must_kms("DescribeKey", json!({ "KeyId": key })).await.json();
    (told["KeyMetadata"]["KeyState"].as_str().unwrap().to_owned(), told["KeyMetadata"]["Enabled"].clone())
}

/// Every operation that a key may refuse for its state, with its input.
fn operations(key: &str, ciphertext: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })),
        ("Decrypt", json!({ "CiphertextBlob": ciphertext })),
        ("ReEncrypt", json!({ "CiphertextBlob": ciphertext, "DestinationKeyId": key })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("GenerateDataKeyWithoutPlaintext", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("EnableKeyRotation", json!({ "KeyId": key })),
        ("DisableKeyRotation", json!({ "KeyId": key })),
        ("CreateAlias", json!({ "AliasName": "alias/new", "TargetKeyId": key })),
        ("TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] })),
        ("UntagResource", json!({ "KeyId": key, "TagKeys": ["a"] })),
        ("UpdateKeyDescription", json!({ "KeyId": key, "Description": "d" })),
        ("DisableKey", json!({ "KeyId": key })),
        ("EnableKey", json!({ "KeyId": key })),
        ("ScheduleKeyDeletion", json!({ "KeyId": key })),
    ]
}

async fn with_ciphertext() -> (Client, String, String) {
    let client = Client::new();
    let key = client.key().await;
    let ciphertext = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    (client, key, ciphertext)
}

#[tokio::test]
async fn a_disabled_key_does_nothing_with_data() {
    let (client, key, ciphertext) = with_ciphertext().await;
    client.must_kms("DisableKey", json!({ "KeyId": key })).await;
    assert_eq!(state(&client, &key).await, ("Disabled".to_owned(), json!(false)));
    for (at, (operation, input)) in operations(&key, &ciphertext).into_iter().enumerate() {
        let answer = client.kms(&root(A), operation, input).await;
        if at < 7 {
            answer.fails("DisabledException", &format!("{key} is disabled."));
        } else {
            assert_eq!(answer.status, 200, "{operation}");
        }
        if operation == "EnableKey" {
            break;
        }
    }
    assert_eq!(state(&client, &key).await, ("Enabled".to_owned(), json!(true)));
    client.must_kms("Decrypt", json!({ "CiphertextBlob": ciphertext })).await;
}

#[tokio::test]
async fn a_key_that_will_be_deleted_is_changed_no_more() {
    let (client, key, ciphertext) = with_ciphertext().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/old", "TargetKeyId": key })).await;
    client.must_kms("ScheduleKeyDeletion", json!({ "KeyId": key })).await;
    for (operation, input) in operations(&key, &ciphertext) {
        client.kms(&root(A), operation, input).await.fails("KMSInvalidStateException", &format!("{key} is pending deletion."));
    }
    let policy = client.must_kms("GetKeyPolicy", json!({ "KeyId": key })).await.member("/Policy");
    client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "Policy": policy })).await;
    client.must_kms("ListResourceTags", json!({ "KeyId": key })).await;
    client.must_kms("GetKeyRotationStatus", json!({ "KeyId": key })).await;
    let other = client.key().await;
    let taken = client.kms(&root(A), "CreateAlias", json!({ "AliasName": "alias/old", "TargetKeyId": other })).await;
    taken.fails("AlreadyExistsException", "");
    client.must_kms("DeleteAlias", json!({ "AliasName": "alias/old" })).await;
}

#[tokio::test]
async fn deletion_waits_and_is_taken_back() {
    let client = Client::new();
    let key = client.key().await;
    client.kms(&root(A), "CancelKeyDeletion", json!({ "KeyId": key })).await.fails("KMSInvalidStateException", "is not pending deletion.");
    for days in [6, 31] {
        let answer = client.kms(&root(A), "ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": days })).await;
        answer.fails("ValidationException", &format!("Value '{days}' at 'pendingWindowInDays'"));
    }
    let answer = client.must_kms("ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 })).await.json();
    assert_eq!((&answer["KeyId"], &answer["KeyState"], &answer["PendingWindowInDays"]), (&json!(key), &json!("PendingDeletion"), &json!(7)));
    let told = client.must_kms("DescribeKey", json!({ "KeyId": key })).await.json();
    let wait = told["KeyMetadata"]["DeletionDate"].as_i64().unwrap() - told["KeyMetadata"]["CreationDate"].as_i64().unwrap();
    assert!((604_800..604_900).contains(&wait), "{wait}");
    assert_eq!(client.must_kms("CancelKeyDeletion", json!({ "KeyId": key })).await.member("/KeyId"), key);
    assert_eq!(state(&client, &key).await, ("Disabled".to_owned(), json!(false)), "and not enabled");
    let answer = client.must_kms("ScheduleKeyDeletion", json!({ "KeyId": key })).await.json();
    assert_eq!(answer["PendingWindowInDays"], json!(30));
}

#[tokio::test]
async fn a_key_is_gone_when_its_time_has_come() {
    let (client, key, ciphertext) = with_ciphertext().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    client.s3(&root(A), "PUT", "/data", &[], "").await.is(200);
    let headers = [("x-amz-server-side-encryption", "aws:kms"), ("x-amz-server-side-encryption-aws-kms-key-id", key.as_str())];
    client.s3(&root(A), "PUT", "/data/k", &headers, "x").await.is(200);
    client.must_kms("ScheduleKeyDeletion", json!({ "KeyId": key })).await;
    let at = client.must_kms("DescribeKey", json!({ "KeyId": key })).await.json()["KeyMetadata"]["DeletionDate"].as_i64().unwrap();
    let kept = String::from_utf8(client.sandbox.snapshot().unwrap()).unwrap();
    let later = kept.replace(&at.to_string(), "1700000000");
    assert_ne!(kept, later);
    let client = Client { sandbox: crossrole_sandbox::Sandbox::restore(later.as_bytes(), crossrole_sandbox::Options::default()).unwrap(), ..Client::new() };
    client.s3(&root(A), "GET", "/data/k", &[], "").await.refuses(400, "KMS.NotFoundException");
    client.kms(&root(A), "DescribeKey", json!({ "KeyId": key })).await.fails("NotFoundException", "does not exist");
    client.kms(&root(A), "Decrypt", json!({ "CiphertextBlob": ciphertext })).await.fails("NotFoundException", "does not exist");
    let other = client.key().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": other })).await;
}

#[tokio::test]
async fn rotation_is_switched() {
    let client = Client::new();
    let key = client.key().await;
    let status = || async { client.must_kms("GetKeyRotationStatus", json!({ "KeyId": id(&key) })).await.json() };
    assert_eq!(status().await, json!({ "KeyId": key, "KeyRotationEnabled": false }));
    client.must_kms("EnableKeyRotation", json!({ "KeyId": key })).await;
    let told = status().await;
    assert_eq!((&told["KeyRotationEnabled"], &told["RotationPeriodInDays"]), (&json!(true), &json!(365)));
    client.must_kms("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 })).await;
    assert_eq!(status().await["RotationPeriodInDays"], json!(90));
    for days in [89, 2_561] {
        let answer = client.kms(&root(A), "EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": days })).await;
        answer.fails("ValidationException", &format!("Value '{days}' at 'rotationPeriodInDays'"));
    }
    client.must_kms("ScheduleKeyDeletion", json!({ "KeyId": key })).await;
    assert_eq!(status().await["KeyRotationEnabled"], json!(false), "what is about to be deleted does not rotate");
    client.must_kms("CancelKeyDeletion", json!({ "KeyId": key })).await;
    assert_eq!(status().await["KeyRotationEnabled"], json!(true));
    client.must_kms("EnableKey", json!({ "KeyId": key })).await;
    client.must_kms("DisableKeyRotation", json!({ "KeyId": key })).await;
    assert_eq!(status().await, json!({ "KeyId": key, "KeyRotationEnabled": false }));
}
