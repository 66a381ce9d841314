//! Key policies: as they come, what is refused in them, and how they are read back.

use std::time::Duration;

use crossrole_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::client::{Client, root};

use super::{A, B, key_policy, policy, statement};

const PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";
const LOCKED_OUT: &str = "The new key policy will not allow you to update the key policy in the future.";

async fn read(client: &Client, key: &str) -> Value {
    let answer = client.must_kms("GetKeyPolicy", json!({ "KeyId": key })).await;
    assert_eq!(answer.member("/PolicyName"), "default");
    serde_json::from_str(&answer.member("/Policy")).unwrap()
}

#[tokio::test]
async fn a_key_without_a_policy_gets_the_default() {
    let client = Client::new();
    let key = client.key().await;
    let wanted = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{A}:root") }, "Action": "kms:*", "Resource": "*",
        }],
    });
    assert_eq!(read(&client, &key).await, wanted);
    assert_eq!(client.must_kms("ListKeyPolicies", json!({ "KeyId": key })).await.json(), json!({ "PolicyNames": ["default"], "Truncated": false }));
}

#[tokio::test]
async fn a_policy_is_replaced() {
    let client = Client::new();
    let key = client.key().await;
    let text = key_policy(&[json!({ "Sid": "with some spaces", "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "kms:Encrypt", "Resource": "*" })]);
    client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "PolicyName": "default", "Policy": text })).await;
    assert_eq!(read(&client, &key).await, serde_json::from_str::<Value>(&text).unwrap());
    client.kms(&root(A), "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
}

#[tokio::test]
async fn the_only_name_is_default() {
    let client = Client::new();
    let key = client.key().await;
    let text = key_policy(&[]);
    for operation in ["GetKeyPolicy", "PutKeyPolicy"] {
        let answer = client.kms(&root(A), operation, json!({ "KeyId": key, "PolicyName": "mine", "Policy": text })).await;
        answer.fails("NotFoundException", "No such policy exists");
    }
}

#[tokio::test]
async fn principals_must_be_there() {
    let client = Client::new();
    client.role("there", &policy("Allow", "s3:*", "*")).await;
    let key = client.key().await;
    let arn = |rest: &str| format!("arn:aws:iam::{A}:{rest}");
    for principal in [
        json!({ "AWS": arn("role/missing") }),
        json!({ "AWS": arn("user/there") }),
        json!({ "AWS": arn("group/there") }),
        json!({ "AWS": [arn("role/there"), "nonsense"] }),
        json!({ "AWS": "arn:aws-cn:iam::111111111111:root" }),
        json!({ "Service": "nothing.example.com" }),
        json!({ "Federated": "accounts.google.com" }),
        json!("*"),
    ] {
        let bad = key_policy(&[json!({ "Effect": "Allow", "Principal": principal, "Action": "kms:Encrypt", "Resource": "*" })]);
        client.kms(&root(A), "PutKeyPolicy", json!({ "KeyId": key, "Policy": bad })).await.fails("MalformedPolicyDocumentException", PRINCIPALS);
        client.kms(&root(A), "CreateKey", json!({ "Policy": bad })).await.fails("MalformedPolicyDocumentException", PRINCIPALS);
    }
    for principal in [
        json!({ "AWS": arn("role/there") }),
        json!({ "AWS": B }),
        json!({ "AWS": "*" }),
        json!({ "Service": "logs.amazonaws.com" }),
        json!({ "AWS": format!("arn:aws:sts::{A}:assumed-role/there/s1") }),
    ] {
        let good = key_policy(&[json!({ "Effect": "Allow", "Principal": principal, "Action": "kms:Encrypt", "Resource": "*" })]);
        client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "Policy": good })).await;
    }
}

#[tokio::test]
async fn a_statement_has_a_principal() {
    let client = Client::new();
    for principal in [Value::Null, json!({}), json!({ "AWS": [] }), json!("")] {
        let mut bad = json!({ "Effect": "Allow", "Principal": principal, "Action": "kms:Encrypt", "Resource": "*" });
        if principal.is_null() {
            bad.as_object_mut().unwrap().remove("Principal");
        }
        let answer = client.kms(&root(A), "CreateKey", json!({ "Policy": key_policy(&[bad]) })).await;
        answer.fails("MalformedPolicyDocumentException", "Policy contains a statement with no principal.");
    }
}

#[tokio::test]
async fn what_is_no_policy_is_refused() {
    let client = Client::new();
    let good = key_policy(&[]);
    for bad in [
        "no json",
        "{}",
        r#"{"Version":"2012-10-17","Statement":[]}"#,
        &good.replace("2012-10-17", "2020-01-01"),
        &good.replace("\"Allow\"", "\"Maybe\""),
        &good.replace("{\"Action\"", "{\"Sid\":\"a\",\"Sid\":\"b\",\"Action\""),
        &good.replace("{\"Action\"", "{\"Unknown\":1,\"Action\""),
    ] {
        assert_ne!(bad, good);
        client.kms(&root(A), "CreateKey", json!({ "Policy": bad })).await.fails("MalformedPolicyDocumentException", "syntax");
    }
    client.kms(&root(A), "CreateKey", json!({ "Policy": good.replace("kms:", "\u{2603}:") })).await.fails("ValidationException", "regular expression");
}

#[tokio::test]
async fn for_all_values_does_not_go_with_a_context() {
    let client = Client::new();
    let mut bad = statement("Allow", A, &["kms:Encrypt"]);
    bad["Condition"] = json!({ "ForAllValues:StringEquals": { "kms:EncryptionContext:a": "b" } });
    client.kms(&root(A), "CreateKey", json!({ "Policy": key_policy(&[bad.clone()]) })).await.fails("MalformedPolicyDocumentException", "condition");
    bad["Condition"] = json!({ "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": "a" } });
    client.key_under(&key_policy(&[bad])).await;
}

#[tokio::test]
async fn a_policy_has_a_size() {
    let client = Client::new();
    let padded = |bytes: usize| {
        let bare = key_policy(&[]).replace("\"Statement\"", "\"Id\":\"\",\"Statement\"");
        bare.replace("\"Id\":\"\"", &format!("\"Id\":\"{}\"", "x".repeat(bytes - bare.len())))
    };
    client.key_under(&padded(32_768)).await;
    client.kms(&root(A), "CreateKey", json!({ "Policy": padded(32_769) })).await.fails("LimitExceededException", "32768");
    client.kms(&root(A), "CreateKey", json!({ "Policy": padded(131_073) })).await.fails("ValidationException", "131072");
}

#[tokio::test]
async fn statements_without_actions_or_resources_say_nothing() {
    let client = Client::new();
    let ann = client.user("ann", &[]).await;
    let whole = statement("Allow", &format!("arn:aws:iam::{A}:user/ann"), &["kms:Encrypt"]);
    for missing in ["Action", "Resource"] {
        let mut inert = whole.clone();
        inert.as_object_mut().unwrap().remove(missing);
        let key = client.key_under(&key_policy(&[inert.clone()])).await;
        client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
        assert!(read(&client, &key).await["Statement"][1].get(missing).is_none(), "it is read back as it is");
        // Nor does it spoil what stands beside it.
        client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "Policy": key_policy(&[inert, whole.clone()]) })).await;
        client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.is(200);
    }
}

#[tokio::test]
async fn whoever_writes_a_policy_stays_in() {
    let client = Client::new();
    let key = client.key().await;
    let out = json!({ "Version": "2012-10-17", "Statement": [statement("Allow", &format!("arn:aws:iam::{A}:root"), &["kms:Encrypt"])] }).to_string();
    client.kms(&root(A), "PutKeyPolicy", json!({ "KeyId": key, "Policy": out })).await.fails("MalformedPolicyDocumentException", LOCKED_OUT);
    client.kms(&root(A), "CreateKey", json!({ "Policy": out })).await.fails("MalformedPolicyDocumentException", LOCKED_OUT);
    client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "Policy": out, "BypassPolicyLockoutSafetyCheck": true })).await;
    client.kms(&root(A), "PutKeyPolicy", json!({ "KeyId": key, "Policy": key_policy(&[]) })).await.fails("AccessDeniedException", "kms:PutKeyPolicy");
    client.must_kms("CreateKey", json!({ "Policy": out, "BypassPolicyLockoutSafetyCheck": true })).await;
}

#[tokio::test]
async fn it_is_the_caller_who_must_stay_in() {
    let client = Client::new();
    // Through the account, its own policies must let it, too.
    let maker = client.user("maker", &[&policy("Allow", "kms:CreateKey", "*")]).await;
    client.kms(&maker, "CreateKey", json!({})).await.fails("MalformedPolicyDocumentException", LOCKED_OUT);
    client.kms(&maker, "CreateKey", json!({ "BypassPolicyLockoutSafetyCheck": true })).await.is(200);
    let named = key_policy(&[statement("Allow", &format!("arn:aws:iam::{A}:user/maker"), &["kms:PutKeyPolicy"])]);
    client.kms(&maker, "CreateKey", json!({ "Policy": named })).await.is(200);
    let others = key_policy(&[statement("Deny", &format!("arn:aws:iam::{A}:user/maker"), &["kms:PutKeyPolicy"])]);
    client.kms(&maker, "CreateKey", json!({ "Policy": others })).await.fails("MalformedPolicyDocumentException", LOCKED_OUT);
}

#[tokio::test]
async fn deleted_principals_become_unique_ids() {
    let client = Client::new();
    let user = |name: &str| format!("arn:aws:iam::{A}:user/{name}");
    let ann = client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await.one("UserId");
    let key = client.key_under(&key_policy(&[statement("Allow", &user("ann"), &["kms:Encrypt"])])).await;
    let principal = || async { read(&client, &key).await["Statement"][1]["Principal"]["AWS"].clone() };
    assert_eq!(principal().await, json!(user("ann")));
    client.must(A, "iam", "DeleteUser", &[("UserName", "ann")]).await;
    assert_eq!(principal().await, json!(ann), "the id is left");
    let again = client.user("ann", &[]).await;
    assert_eq!(principal().await, json!(ann), "another user of that name is another user");
    client.kms(&again, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
    let text = read(&client, &key).await.to_string();
    client.kms(&root(A), "PutKeyPolicy", json!({ "KeyId": key, "Policy": text })).await.fails("MalformedPolicyDocumentException", PRINCIPALS);
}

#[tokio::test]
async fn the_order_of_principals_changes_from_read_to_read() {
    let client = Client::new();
    let roots = [format!("arn:aws:iam::{A}:root"), format!("arn:aws:iam::{B}:root")];
    let key = client.key_under(&key_policy(&[json!({ "Effect": "Allow", "Principal": { "AWS": roots }, "Action": "kms:Encrypt", "Resource": "*" })])).await;
    let (first, second) = (read(&client, &key).await, read(&client, &key).await);
    assert_eq!(first["Statement"][1]["Principal"]["AWS"], json!(roots));
    assert_eq!(second["Statement"][1]["Principal"]["AWS"], json!([roots[1], roots[0]]));
}

#[tokio::test]
async fn accounts_are_read_as_their_root_users() {
    let client = Client::new();
    let key = client.key_under(&key_policy(&[statement("Allow", B, &["kms:Encrypt"])])).await;
    assert_eq!(read(&client, &key).await["Statement"][1]["Principal"]["AWS"], json!(format!("arn:aws:iam::{B}:root")));
}

#[tokio::test(start_paused = true)]
async fn a_principal_must_be_seen_before_it_is_named() {
    let delay = Duration::from_secs(5);
    let client = Client { sandbox: Sandbox::new(Options { visibility_delay: delay, ..Options::default() }), ..Client::new() };
    let key = client.key().await;
    client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await;
    let text = key_policy(&[statement("Allow", &format!("arn:aws:iam::{A}:user/ann"), &["kms:Encrypt"])]);
    client.kms(&root(A), "PutKeyPolicy", json!({ "KeyId": key, "Policy": text })).await.fails("MalformedPolicyDocumentException", PRINCIPALS);
    tokio::time::advance(delay).await;
    client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "Policy": text })).await;
}

#[tokio::test(start_paused = true)]
async fn policies_and_tags_are_read_at_once_and_decide_later() {
    let delay = Duration::from_secs(5);
    let client = Client { sandbox: Sandbox::new(Options { visibility_delay: delay, ..Options::default() }), ..Client::new() };
    let key = client.key().await;
    client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await;
    client.must_kms("PutKeyPolicy", json!({ "KeyId": key, "Policy": key_policy(&[]) })).await;
    assert!(read(&client, &key).await.get("Id").is_none());
    client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await;
    tokio::time::advance(delay).await;
    client.kms(&root(A), "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
    let mut tagged = statement("Allow", &format!("arn:aws:iam::{A}:root"), &["kms:Encrypt"]);
    tagged["Condition"] = json!({ "StringEquals": { "aws:ResourceTag/team": "blue" } });
    let key = client.key_under(&key_policy(&[tagged, statement("Allow", A, &["kms:TagResource"])])).await;
    client.must_kms("TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": "team", "TagValue": "blue" }] })).await;
    client.kms(&root(A), "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
    tokio::time::advance(delay).await;
    client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await;
}

#[tokio::test(start_paused = true)]
async fn aliases_are_known_at_once_and_decide_later() {
    let delay = Duration::from_secs(5);
    let client = Client { sandbox: Sandbox::new(Options { visibility_delay: delay, ..Options::default() }), ..Client::new() };
    let condition = r#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/a"}}"#;
    client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await;
    tokio::time::advance(delay).await;
    let own = crate::iam::policy_if("kms:Encrypt", "*", condition);
    client.must(A, "iam", "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", &own)]).await;
    let ann = client.must(A, "iam", "CreateAccessKey", &[("UserName", "ann")]).await.keys();
    tokio::time::advance(delay).await;
    let key = client.key().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    client.must_kms("Encrypt", json!({ "KeyId": "alias/a", "Plaintext": "YQ==" })).await;
    client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
    tokio::time::advance(delay).await;
    client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.is(200);
    client.must_kms("DeleteAlias", json!({ "AliasName": "alias/a" })).await;
    client.kms(&root(A), "DescribeKey", json!({ "KeyId": "alias/a" })).await.fails("NotFoundException", "");
    client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.is(200);
    tokio::time::advance(delay).await;
    client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
}
