//! Condition keys of requests to KMS.

use serde_json::{Value, json};

use crate::client::{Client, root};
use crate::iam::policy_if;

use super::{A, B, key_policy, statement};

const EQUALS: &str = "StringEquals";

/// Operator, key, value that lets the first request through and not the second.
type Row = (&'static str, &'static str, &'static str, (&'static str, Value), (&'static str, Value));

fn rows(key: &str) -> Vec<Row> {
    let encrypt = |context: Value| ("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": context }));
    let by = |name: &str| ("Encrypt", json!({ "KeyId": name, "Plaintext": "YQ==" }));
    let tag = |name: &str, value: &str| ("TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": name, "TagValue": value }] }));
    let blue = json!({ "team": "blue" });
    let (blue, red) = (encrypt(blue), encrypt(json!({ "team": "red" })));
    vec![
        (EQUALS, "kms:EncryptionContext:team", "blue", blue.clone(), red.clone()),
        (EQUALS, "kms:encryptioncontext:TEAM", "blue", blue.clone(), red),
        ("ForAnyValue:StringEquals", "kms:EncryptionContextKeys", "team", blue.clone(), encrypt(json!({ "stage": "x" }))),
        (EQUALS, "kms:RequestAlias", "alias/a", by("alias/a"), by(key)),
        (EQUALS, "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", blue, ("DescribeKey", json!({ "KeyId": key }))),
        (EQUALS, "aws:RequestTag/team", "blue", tag("team", "blue"), tag("team", "red")),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "team", tag("team", "blue"), tag("stage", "blue")),
        (
            "Bool",
            "kms:BypassPolicyLockoutSafetyCheck",
            "false",
            ("PutKeyPolicy", json!({ "KeyId": key, "Policy": key_policy(&[statement("Allow", A, &["kms:*"])]) })),
            ("PutKeyPolicy", json!({ "KeyId": key, "Policy": key_policy(&[]), "BypassPolicyLockoutSafetyCheck": true })),
        ),
        (
            "NumericEquals",
            "kms:RotationPeriodInDays",
            "365",
            ("EnableKeyRotation", json!({ "KeyId": key })),
            ("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 })),
        ),
    ]
}

#[tokio::test]
async fn conditions_hold_for_what_the_request_says() {
    let client = Client::new();
    let key = client.key().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    for (at, (operator, name, value, good, bad)) in rows(&key).into_iter().enumerate() {
        let who = client.user(&format!("user-{at}"), &[&policy_if("kms:*", "*", &json!({ operator: { name: value } }).to_string())]).await;
        assert_eq!(client.kms(&who, good.0, good.1).await.status, 200, "{name}");
        let answer = client.kms(&who, bad.0, bad.1).await;
        assert_eq!((answer.status, answer.member("/__type").as_str()), (400, "AccessDeniedException"), "{name}: {}", answer.text());
    }
}

/// What every key is, and what this one has.
#[tokio::test]
async fn conditions_hold_for_what_the_key_is() {
    let client = Client::new();
    let key = client.key_by(&root(A), json!({ "Tags": [{ "TagKey": "team", "TagValue": "blue" }] })).await;
    for alias in ["alias/a", "alias/b"] {
        client.must_kms("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": key })).await;
    }
    for (at, (operator, name, good, bad)) in [
        (EQUALS, "kms:KeySpec", "SYMMETRIC_DEFAULT", "RSA_2048"),
        (EQUALS, "kms:KeyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
        (EQUALS, "kms:KeyOrigin", "AWS_KMS", "EXTERNAL"),
        ("Bool", "kms:MultiRegion", "false", "true"),
        (EQUALS, "kms:CallerAccount", A, B),
        (EQUALS, "aws:ResourceTag/team", "blue", "red"),
        (EQUALS, "aws:ResourceAccount", A, B),
        (EQUALS, "aws:RequestedRegion", "us-east-1", "eu-west-1"),
        ("ForAnyValue:StringEquals", "kms:ResourceAliases", "alias/b", "alias/c"),
        ("Bool", "aws:ViaAWSService", "false", "true"),
        ("Null", "kms:ViaService", "true", "false"),
    ]
    .into_iter()
    .enumerate()
    {
        for (value, status) in [(good, 200), (bad, 400)] {
            let condition = json!({ operator: { name: value } }).to_string();
            let who = client.user(&format!("user-{at}-{status}"), &[&policy_if("kms:DescribeKey", "*", &condition)]).await;
            assert_eq!(client.kms(&who, "DescribeKey", json!({ "KeyId": key })).await.status, status, "{name} {value}");
        }
    }
}

#[tokio::test]
async fn conditions_hold_for_a_key_that_is_to_be_made() {
    let client = Client::new();
    let blue = json!({ "Tags": [{ "TagKey": "team", "TagValue": "blue" }], "BypassPolicyLockoutSafetyCheck": true });
    let bare = json!({ "BypassPolicyLockoutSafetyCheck": true });
    for (at, (operator, name, value, good, bad)) in [
        (EQUALS, "aws:RequestTag/team", "blue", &blue, &bare),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "team", &blue, &bare),
        ("Null", "aws:TagKeys", "true", &bare, &blue),
        ("Bool", "kms:BypassPolicyLockoutSafetyCheck", "true", &bare, &json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let condition = json!({ operator: { name: value } }).to_string();
        let tags = super::policy("Allow", "kms:TagResource", "*");
        let who = client.user(&format!("user-{at}"), &[&policy_if("kms:CreateKey", "*", &condition), &tags]).await;
        assert_eq!(client.kms(&who, "CreateKey", good.clone()).await.status, 200, "{name}");
        assert_eq!(client.kms(&who, "CreateKey", bad.clone()).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn key_policies_do_not_know_the_aliases_of_their_key() {
    let client = Client::new();
    let mut by_alias = statement("Allow", &format!("arn:aws:iam::{A}:root"), &["kms:Encrypt"]);
    by_alias["Condition"] = json!({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/a" } });
    let key = client.key_under(&key_policy(&[by_alias, statement("Allow", A, &["kms:CreateAlias"])])).await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    client.kms(&root(A), "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
}
