//! Keys: made, told of, listed, and named.

use serde_json::json;

use crate::client::{Client, root};

use super::{A, B, id, policy};

#[tokio::test]
async fn a_key_is_told_as_it_is() {
    let client = Client::new();
    let made = client.must_kms("CreateKey", json!({ "Description": "test key 123" })).await.json();
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with(&format!("arn:aws:kms:us-east-1:{A}:key/")), "{arn}");
    let told = client.must_kms("DescribeKey", json!({ "KeyId": arn })).await.json();
    assert_eq!(told, made);
    let mut told = told["KeyMetadata"].clone();
    assert!(told["CreationDate"].as_i64().unwrap() > 1_700_000_000);
    told.as_object_mut().unwrap().remove("CreationDate");
    let wanted = json!({
        "AWSAccountId": A, "KeyId": id(&arn), "Arn": arn, "Enabled": true, "Description": "test key 123", "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
    });
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn every_call_of_create_key_makes_another() {
    let client = Client::new();
    assert_ne!(client.key().await, client.key().await);
}

#[tokio::test]
async fn a_key_is_named_by_its_id_or_arn_and_here_by_an_alias() {
    let client = Client::new();
    let key = client.key().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    let alias_arn = format!("arn:aws:kms:us-east-1:{A}:alias/a");
    for name in [key.as_str(), id(&key), "alias/a", &alias_arn] {
        assert_eq!(client.must_kms("DescribeKey", json!({ "KeyId": name })).await.member("/KeyMetadata/Arn"), key, "{name}");
    }
    for name in [key.as_str(), id(&key)] {
        client.must_kms("GetKeyPolicy", json!({ "KeyId": name })).await;
    }
    for name in ["alias/a", &alias_arn] {
        let answer = client.kms(&root(A), "GetKeyPolicy", json!({ "KeyId": name })).await;
        answer.fails("NotFoundException", &format!("Invalid keyId '{name}'"));
    }
}

#[tokio::test]
async fn keys_that_are_not_there_are_not_found() {
    let client = Client::new();
    let arn = format!("arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let elsewhere = arn.replace("us-east-1", "ap-southeast-1");
    let no_alias = format!("Alias arn:aws:kms:us-east-1:{A}:alias/no is not found.");
    for (name, message) in [
        (arn.as_str(), format!("Key '{arn}' does not exist")),
        (id(&arn), format!("Key '{arn}' does not exist")),
        ("fake-key-id", "Invalid keyId 'fake-key-id'".to_owned()),
        ("mrk-fake-key-id", "Invalid keyId 'mrk-fake-key-id'".to_owned()),
        (&elsewhere, "Invalid arn ap-southeast-1".to_owned()),
        ("alias/no", no_alias.clone()),
        (&format!("arn:aws:kms:us-east-1:{A}:alias/no"), no_alias),
    ] {
        let answer = client.kms(&root(A), "DescribeKey", json!({ "KeyId": name })).await;
        assert_eq!(answer.member("/message"), message);
        answer.fails("NotFoundException", "");
    }
}

#[tokio::test]
async fn a_key_lives_in_its_region() {
    let mut client = Client::new();
    let key = client.key().await;
    client.region = "eu-west-1".to_owned();
    client.kms(&root(A), "DescribeKey", json!({ "KeyId": id(&key) })).await.fails("NotFoundException", "eu-west-1");
    client.kms(&root(A), "DescribeKey", json!({ "KeyId": key })).await.fails("NotFoundException", "Invalid arn us-east-1");
    assert_eq!(client.must_kms("ListKeys", json!({})).await.json(), json!({ "Keys": [], "Truncated": false }));
}

#[tokio::test]
async fn keys_are_listed_by_pages_of_their_account() {
    let client = Client::new();
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(client.key().await);
    }
    client.key_by(&root(B), json!({})).await;
    let (mut seen, mut marker, mut pages) = (Vec::new(), serde_json::Value::Null, 0);
    loop {
        let page = client.must_kms("ListKeys", json!({ "Limit": 2, "Marker": marker })).await.json();
        seen.extend(page["Keys"].as_array().unwrap().iter().map(|k| k["KeyArn"].as_str().unwrap().to_owned()));
        pages += 1;
        marker = page["NextMarker"].clone();
        assert_eq!(page["Truncated"].as_bool().unwrap(), !marker.is_null());
        if marker.is_null() {
            break;
        }
    }
    made.sort();
    seen.sort();
    assert_eq!((seen, pages), (made, 3));
}

#[tokio::test]
async fn pages_have_their_limits() {
    let client = Client::new();
    for (limit, rule) in [(0, "greater than or equal to 1"), (1_001, "less than or equal to 1000")] {
        let words = format!("Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value {rule}");
        client.kms(&root(A), "ListKeys", json!({ "Limit": limit })).await.fails("ValidationException", &words);
    }
    client.kms(&root(A), "ListAliases", json!({ "Limit": 101 })).await.fails("ValidationException", "less than or equal to 100");
    client.kms(&root(A), "ListKeys", json!({ "Marker": "nonsense" })).await.fails("InvalidMarkerException", "");
}

#[tokio::test]
async fn a_description_is_changed() {
    let client = Client::new();
    let key = client.key().await;
    client.must_kms("UpdateKeyDescription", json!({ "KeyId": key, "Description": "new" })).await;
    assert_eq!(client.must_kms("DescribeKey", json!({ "KeyId": key })).await.member("/KeyMetadata/Description"), "new");
    let long = "x".repeat(8_193);
    client.kms(&root(A), "UpdateKeyDescription", json!({ "KeyId": key, "Description": long })).await.fails("ValidationException", "8192");
    client.kms(&root(A), "CreateKey", json!({ "Description": long })).await.fails("ValidationException", "8192");
}

#[tokio::test]
async fn what_is_no_symmetric_key_of_one_region_is_refused() {
    let client = Client::new();
    for input in [
        json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" }),
        json!({ "CustomerMasterKeySpec": "ECC_NIST_P256" }),
        json!({ "KeyUsage": "SIGN_VERIFY" }),
        json!({ "Origin": "EXTERNAL" }),
        json!({ "MultiRegion": true }),
        json!({ "CustomKeyStoreId": "cks-1" }),
    ] {
        client.kms(&root(A), "CreateKey", input).await.fails("UnsupportedOperationException", "the sandbox has no");
    }
    let words = "Value 'HMAC_random' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [SYMMETRIC_DEFAULT, ";
    client.kms(&root(A), "CreateKey", json!({ "KeySpec": "HMAC_random" })).await.fails("ValidationException", words);
    assert_eq!(client.must_kms("ListKeys", json!({})).await.json()["Keys"], json!([]), "nothing was made");
}

#[tokio::test]
async fn no_key_here_has_a_public_part() {
    let client = Client::new();
    let key = client.key().await;
    client.kms(&root(A), "GetPublicKey", json!({ "KeyId": key })).await.fails("UnsupportedOperationException", "SYMMETRIC_DEFAULT");
    let ann = client.user("ann", &[&policy("Allow", "kms:Describe*", "*")]).await;
    client.kms(&ann, "GetPublicKey", json!({ "KeyId": key })).await.fails("AccessDeniedException", "kms:GetPublicKey");
}

#[tokio::test]
async fn accounts_with_keys_are_known() {
    let client = Client::new();
    client.key().await;
    assert_eq!(client.sandbox.accounts().into_keys().collect::<Vec<_>>(), [A]);
}
