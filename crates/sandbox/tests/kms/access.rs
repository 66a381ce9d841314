//! Who may do what with a key: its policy and the caller's own, inside one account and across two.

use serde_json::{Value, json};

use crate::client::{Answer, Client, Keys, root};

use super::{A, B, key_policy, policy, statement};

fn user(name: &str) -> String {
    format!("arn:aws:iam::{A}:user/{name}")
}

async fn encrypt(client: &Client, who: &Keys, key: &str) -> Answer {
    client.kms(who, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await
}

/// Caller, statements of the key, the caller's own policy, reason of the refusal.
type Inside<'a> = (&'a str, Vec<Value>, Option<&'a str>, Option<&'a str>);

/// What account A's key says of the caller, what the caller's own policies say, and the words of the refusal, if it is one.
#[tokio::test]
async fn inside_an_account() {
    let client = Client::new();
    let (allow, deny) = (policy("Allow", "kms:Encrypt", "*"), policy("Deny", "kms:Encrypt", "*"));
    let delegates = statement("Allow", A, &["kms:*"]);
    let names = |effect: &str, who: &str| statement(effect, &user(who), &["kms:Encrypt"]);
    let identity = Some(" because no identity-based policy allows the kms:Encrypt action");
    let resource = Some(" because no resource-based policy allows the kms:Encrypt action");
    let cases: Vec<Inside<'_>> = vec![
        ("delegated-allowed", vec![delegates.clone()], Some(&allow), None),
        ("delegated-silent", vec![delegates.clone()], None, identity),
        ("delegated-denied", vec![delegates.clone()], Some(&deny), Some(" with an explicit deny in an identity-based policy")),
        ("alone-allowed", vec![], Some(&allow), resource),
        ("alone-denied", vec![], Some(&deny), Some(" with an explicit deny in an identity-based policy")),
        ("named-silent", vec![names("Allow", "named-silent")], None, None),
        ("named-allowed", vec![names("Allow", "named-allowed")], Some(&allow), None),
        ("named-denied", vec![names("Allow", "named-denied")], Some(&deny), Some(" with an explicit deny in an identity-based policy")),
        ("refused", vec![delegates, names("Deny", "refused")], Some(&allow), Some(" with an explicit deny in a resource-based policy")),
        ("somebody-else", vec![names("Allow", "named-silent")], Some(&allow), resource),
    ];
    for (name, statements, own, refusal) in cases {
        let who = client.user(name, own.as_slice()).await;
        let key = client.key_under(&key_policy(&statements)).await;
        let answer = encrypt(&client, &who, &key).await;
        match refusal {
            None => assert_eq!(answer.status, 200, "{name}: {}", answer.text()),
            Some(reason) => {
                let message = format!("User: {} is not authorized to perform: kms:Encrypt on resource: {key}{reason}", user(name));
                assert_eq!(
                    (answer.status, answer.member("/__type").as_str(), answer.member("/message").as_str()),
                    (400, "AccessDeniedException", message.as_str()),
                    "{name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_root_user_has_nothing_that_the_key_does_not_give() {
    let client = Client::new();
    let key = client.key().await;
    encrypt(&client, &root(A), &key).await.is(200);
    let closed = client.key_under(&key_policy(&[])).await;
    encrypt(&client, &root(A), &closed).await.fails("AccessDeniedException", "no resource-based policy allows the kms:Encrypt action");
}

#[tokio::test]
async fn a_role_is_named_or_delegated_to() {
    let client = Client::new();
    let allow = policy("Allow", "kms:Encrypt", "*");
    client.role("r", &allow).await;
    let session = client.assume(&client.user("ann", &[&policy("Allow", "sts:AssumeRole", "*")]).await, "r").await;
    for (principal, status) in [(format!("arn:aws:iam::{A}:role/r"), 200), (format!("arn:aws:iam::{A}:root"), 200), (user("ann"), 400)] {
        let key = client.key_under(&key_policy(&[statement("Allow", &principal, &["kms:Encrypt"])])).await;
        assert_eq!(encrypt(&client, &session, &key).await.status, status, "{principal}");
    }
}

const UNTOLD: &str =
    "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";

/// Caller, its own policy, effects and principals of the key, reason of the refusal.
type Across<'a> = (&'a str, &'a str, Vec<(&'a str, String)>, Option<String>);

/// Both sides must allow, and each is taken away once.
#[tokio::test]
async fn across_accounts() {
    let client = Client::new();
    let allow = policy("Allow", "kms:*", "*");
    let stranger = |name: &str| format!("arn:aws:iam::{B}:user/{name}");
    let cases: Vec<Across<'_>> = vec![
        ("both", &allow, vec![("Allow", B.to_owned())], None),
        ("by-name", &allow, vec![("Allow", stranger("by-name"))], None),
        ("no-key-side", &allow, vec![], Some(UNTOLD.to_owned())),
        ("denied-by-key", &allow, vec![("Allow", B.to_owned()), ("Deny", stranger("denied-by-key"))], Some(UNTOLD.to_owned())),
        ("no-own-side", "", vec![("Allow", B.to_owned())], Some(UNTOLD.to_owned())),
        ("named-no-own", "", vec![("Allow", stranger("named-no-own"))], Some("because no identity-based policy allows the kms:Encrypt action".to_owned())),
    ];
    for (name, own, statements, refusal) in cases {
        let own = if own.is_empty() { policy("Allow", "s3:GetObject", "*") } else { own.to_owned() };
        let who = client.stranger(name, &own).await;
        let statements: Vec<Value> = statements.iter().map(|(effect, principal)| statement(effect, principal, &["kms:Encrypt"])).collect();
        let key = client.key_under(&key_policy(&statements)).await;
        let answer = encrypt(&client, &who, &key).await;
        match refusal {
            None => assert_eq!(answer.status, 200, "{name}: {}", answer.text()),
            Some(reason) => {
                let message = format!("User: {} is not authorized to perform: kms:Encrypt on this resource {reason}", stranger(name));
                assert_eq!(answer.member("/message"), message, "{name}");
                answer.fails("AccessDeniedException", "");
            }
        }
    }
}

#[tokio::test]
async fn strangers_need_the_arn_and_hear_nothing_of_what_is_not_there() {
    let client = Client::new();
    let who = client.stranger("eve", &policy("Allow", "kms:*", "*")).await;
    let key = client.key_under(&key_policy(&[statement("Allow", B, &["kms:*"]), statement("Allow", A, &["kms:CreateAlias"])])).await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": client.key().await })).await;
    encrypt(&client, &who, &key).await.is(200);
    encrypt(&client, &who, super::id(&key)).await.fails("NotFoundException", &format!("Key 'arn:aws:kms:us-east-1:{B}:key/"));
    let missing = format!("arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    encrypt(&client, &who, &missing).await.fails("AccessDeniedException", UNTOLD);
    encrypt(&client, &who, &format!("arn:aws:kms:us-east-1:{A}:alias/no")).await.fails("AccessDeniedException", UNTOLD);
    encrypt(&client, &who, &format!("arn:aws:kms:us-east-1:{A}:alias/a")).await.fails("AccessDeniedException", UNTOLD);
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/open", "TargetKeyId": key })).await;
    encrypt(&client, &who, &format!("arn:aws:kms:us-east-1:{A}:alias/open")).await.is(200);
    encrypt(&client, &who, "alias/open").await.fails("NotFoundException", "is not found.");
    client.kms(&who, "ListAliases", json!({ "KeyId": key })).await.fails("AccessDeniedException", UNTOLD);
}

#[tokio::test]
async fn only_some_operations_reach_other_accounts() {
    let client = Client::new();
    let who = client.stranger("eve", &policy("Allow", "kms:*", "*")).await;
    let key = client.key_under(&key_policy(&[statement("Allow", B, &["kms:*"])])).await;
    let sealed = client.kms(&who, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.is(200).member("/CiphertextBlob");
    for (operation, input) in [
        ("DescribeKey", json!({ "KeyId": key })),
        ("GetKeyRotationStatus", json!({ "KeyId": key })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("GenerateDataKeyWithoutPlaintext", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("Decrypt", json!({ "CiphertextBlob": sealed })),
        ("ReEncrypt", json!({ "CiphertextBlob": sealed, "DestinationKeyId": key })),
    ] {
        assert_eq!(client.kms(&who, operation, input).await.status, 200, "{operation}");
    }
    for (operation, input) in [
        ("GetKeyPolicy", json!({ "KeyId": key })),
        ("PutKeyPolicy", json!({ "KeyId": key, "Policy": key_policy(&[]) })),
        ("ListKeyPolicies", json!({ "KeyId": key })),
        ("TagResource", json!({ "KeyId": key, "Tags": [] })),
        ("UntagResource", json!({ "KeyId": key, "TagKeys": [] })),
        ("ListResourceTags", json!({ "KeyId": key })),
        ("EnableKey", json!({ "KeyId": key })),
        ("DisableKey", json!({ "KeyId": key })),
        ("UpdateKeyDescription", json!({ "KeyId": key, "Description": "d" })),
        ("EnableKeyRotation", json!({ "KeyId": key })),
        ("DisableKeyRotation", json!({ "KeyId": key })),
        ("ScheduleKeyDeletion", json!({ "KeyId": key })),
        ("CancelKeyDeletion", json!({ "KeyId": key })),
        ("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })),
    ] {
        client.kms(&who, operation, input).await.fails("AccessDeniedException", &format!("kms:{operation} on this resource {UNTOLD}"));
    }
}

#[tokio::test]
async fn decrypting_is_spoken_of_by_the_ciphertext() {
    let client = Client::new();
    let key = client.key().await;
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    let ann = client.user("ann", &[]).await;
    let words = "on the resource associated with this ciphertext because no identity-based policy allows the kms:";
    client.kms(&ann, "Decrypt", json!({ "CiphertextBlob": sealed })).await.fails("AccessDeniedException", &format!("kms:Decrypt {words}Decrypt action"));
    let answer = client.kms(&ann, "ReEncrypt", json!({ "CiphertextBlob": sealed, "DestinationKeyId": key })).await;
    answer.fails("AccessDeniedException", &format!("kms:ReEncryptFrom {words}ReEncryptFrom action"));
    let eve = client.stranger("eve", &policy("Allow", "kms:*", "*")).await;
    let answer = client.kms(&eve, "Decrypt", json!({ "CiphertextBlob": sealed })).await;
    answer.fails("AccessDeniedException", &format!("kms:Decrypt on the resource associated with this ciphertext {UNTOLD}"));
}

#[tokio::test]
async fn re_encryption_needs_a_right_on_each_side() {
    let client = Client::new();
    let (from, to) = (client.key().await, client.key().await);
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": from, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    let input = json!({ "CiphertextBlob": sealed, "DestinationKeyId": to });
    let (out, into) = (policy("Allow", "kms:ReEncryptFrom", &from), policy("Allow", "kms:ReEncryptTo", &to));
    client.kms(&client.user("both", &[&out, &into]).await, "ReEncrypt", input.clone()).await.is(200);
    client.kms(&client.user("out", &[&out]).await, "ReEncrypt", input.clone()).await.fails("AccessDeniedException", "kms:ReEncryptTo");
    client.kms(&client.user("into", &[&into]).await, "ReEncrypt", input).await.fails("AccessDeniedException", "kms:ReEncryptFrom");
}

/// Every operation on a key has its own action, and nothing else lets it through.
#[tokio::test]
async fn every_operation_has_its_action() {
    let client = Client::new();
    let key = client.key().await;
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    let text = client.must_kms("GetKeyPolicy", json!({ "KeyId": key })).await.member("/Policy");
    for (operation, input) in [
        ("DescribeKey", json!({ "KeyId": key })),
        ("GetKeyPolicy", json!({ "KeyId": key })),
        ("PutKeyPolicy", json!({ "KeyId": key, "Policy": text })),
        ("ListKeyPolicies", json!({ "KeyId": key })),
        ("TagResource", json!({ "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] })),
        ("UntagResource", json!({ "KeyId": key, "TagKeys": ["a"] })),
        ("ListResourceTags", json!({ "KeyId": key })),
        ("UpdateKeyDescription", json!({ "KeyId": key, "Description": "d" })),
        ("EnableKeyRotation", json!({ "KeyId": key })),
        ("DisableKeyRotation", json!({ "KeyId": key })),
        ("GetKeyRotationStatus", json!({ "KeyId": key })),
        ("DisableKey", json!({ "KeyId": key })),
        ("EnableKey", json!({ "KeyId": key })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })),
        ("Decrypt", json!({ "CiphertextBlob": sealed })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("GenerateDataKeyWithoutPlaintext", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("ScheduleKeyDeletion", json!({ "KeyId": key })),
        ("CancelKeyDeletion", json!({ "KeyId": key })),
    ] {
        let action = format!("kms:{operation}");
        let own = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "NotAction": action, "Resource": "*" }] }).to_string();
        let without = client.user(&format!("no-{operation}"), &[&own]).await;
        client.kms(&without, operation, input.clone()).await.fails("AccessDeniedException", &format!("is not authorized to perform: {action} "));
        let with = client.user(&format!("with-{operation}"), &[&policy("Allow", &action, &key)]).await;
        assert_eq!(client.kms(&with, operation, input).await.status, 200, "{operation}");
    }
}
