//! Aliases.

use serde_json::{Value, json};

use crate::client::{Client, root};

use super::{A, B, id, policy};

const HERE: &str = "arn:aws:kms:us-east-1:111111111111:";

async fn names(client: &Client, input: Value) -> Vec<String> {
    let page = client.must_kms("ListAliases", input).await.json();
    page["Aliases"].as_array().unwrap().iter().map(|a| a["AliasName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_alias_is_made_moved_and_deleted() {
    let client = Client::new();
    let (one, two) = (client.key().await, client.key().await);
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a/B_c-1", "TargetKeyId": id(&one) })).await;
    let target = || async { client.must_kms("DescribeKey", json!({ "KeyId": "alias/a/B_c-1" })).await.member("/KeyMetadata/Arn") };
    assert_eq!(target().await, one);
    client.must_kms("UpdateAlias", json!({ "AliasName": "alias/a/B_c-1", "TargetKeyId": two })).await;
    assert_eq!(target().await, two);
    client.must_kms("DeleteAlias", json!({ "AliasName": "alias/a/B_c-1" })).await;
    client.kms(&root(A), "DescribeKey", json!({ "KeyId": "alias/a/B_c-1" })).await.fails("NotFoundException", "is not found.");
}

#[tokio::test]
async fn names_are_taken_once() {
    let client = Client::new();
    let key = client.key().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    let answer = client.kms(&root(A), "CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    assert_eq!(answer.member("/message"), format!("An alias with the name {HERE}alias/a already exists"));
    answer.fails("AlreadyExistsException", "");
    let other = client.key_by(&root(B), json!({})).await;
    client.kms(&root(B), "CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": other })).await.is(200);
}

#[tokio::test]
async fn names_have_rules() {
    let client = Client::new();
    let key = client.key().await;
    let long = format!("alias/{}", "a".repeat(251));
    for (name, code, words) in [
        ("name", "ValidationException", "Alias must start with the prefix"),
        ("alias/a b", "ValidationException", "Value 'alias/a b' at 'aliasName' failed to satisfy constraint"),
        ("alias/a:b", "ValidationException", "contains invalid characters for an alias"),
        ("alias/", "ValidationException", "regular expression"),
        ("alias/aws/mine", "NotAuthorizedException", ""),
        (&long, "ValidationException", "less than or equal to 256"),
    ] {
        for operation in ["CreateAlias", "UpdateAlias", "DeleteAlias"] {
            client.kms(&root(A), operation, json!({ "AliasName": name, "TargetKeyId": key })).await.fails(code, words);
        }
    }
    let longest = long.strip_suffix('a').unwrap();
    client.must_kms("CreateAlias", json!({ "AliasName": longest, "TargetKeyId": key })).await;
}

#[tokio::test]
async fn only_what_is_there_is_changed() {
    let client = Client::new();
    let key = client.key().await;
    for operation in ["UpdateAlias", "DeleteAlias"] {
        let answer = client.kms(&root(A), operation, json!({ "AliasName": "alias/no", "TargetKeyId": key })).await;
        answer.fails("NotFoundException", &format!("Alias {HERE}alias/no is not found."));
    }
    let missing = format!("{HERE}key/1234abcd-12ab-34cd-56ef-1234567890ab");
    client.kms(&root(A), "CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": missing })).await.fails("NotFoundException", "does not exist");
}

#[tokio::test]
async fn an_alias_stands_for_a_key_of_its_account() {
    let client = Client::new();
    let other = client.key_by(&root(B), json!({})).await;
    client.kms(&root(A), "CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": other })).await.fails("AccessDeniedException", "");
}

#[tokio::test]
async fn aliases_are_listed_with_those_of_services() {
    let client = Client::new();
    let (one, two) = (client.key().await, client.key().await);
    for (name, key) in [("alias/z", &one), ("alias/b", &one), ("alias/c", &two)] {
        client.must_kms("CreateAlias", json!({ "AliasName": name, "TargetKeyId": key })).await;
    }
    assert_eq!(names(&client, json!({})).await, ["alias/aws/s3", "alias/b", "alias/c", "alias/z"]);
    assert_eq!(names(&client, json!({ "KeyId": one })).await, ["alias/b", "alias/z"]);
    assert_eq!(names(&client, json!({ "Limit": 3 })).await.len(), 3);
    let all = client.must_kms("ListAliases", json!({})).await.json();
    let (service, mine) = (&all["Aliases"][0], &all["Aliases"][1]);
    assert_eq!(*service, json!({ "AliasName": "alias/aws/s3", "AliasArn": format!("{HERE}alias/aws/s3") }), "there is no key yet");
    assert_eq!(mine["TargetKeyId"], id(&one));
    client.must_kms("DescribeKey", json!({ "KeyId": "alias/aws/s3" })).await;
    let all = client.must_kms("ListAliases", json!({})).await.json();
    assert!(all["Aliases"][0]["TargetKeyId"].is_string(), "asking for it makes it");
}

#[tokio::test]
async fn a_key_has_fifty_aliases_at_most() {
    let client = Client::new();
    let key = client.key().await;
    for n in 0..50 {
        client.must_kms("CreateAlias", json!({ "AliasName": format!("alias/{n}"), "TargetKeyId": key })).await;
    }
    client.kms(&root(A), "CreateAlias", json!({ "AliasName": "alias/more", "TargetKeyId": key })).await.fails("LimitExceededException", "50");
    client.must_kms("UpdateAlias", json!({ "AliasName": "alias/1", "TargetKeyId": key })).await;
    let other = client.key().await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/more", "TargetKeyId": other })).await;
    client.kms(&root(A), "UpdateAlias", json!({ "AliasName": "alias/more", "TargetKeyId": key })).await.fails("LimitExceededException", "50");
}

/// A policy of two statements: this on aliases, that on keys.
fn on(alias_action: &str, key_action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{alias_action}","Resource":"arn:aws:kms:*:{A}:alias/*"}},{{"Effect":"Allow","Action":"{key_action}","Resource":"arn:aws:kms:*:{A}:key/*"}}]}}"#
    )
}

#[tokio::test]
async fn aliases_need_a_right_on_themselves_and_on_their_keys() {
    let client = Client::new();
    let (one, two) = (client.key().await, client.key().await);
    for (n, (operation, action)) in
        [("CreateAlias", "kms:CreateAlias"), ("UpdateAlias", "kms:UpdateAlias"), ("DeleteAlias", "kms:DeleteAlias")].into_iter().enumerate()
    {
        let both = client.user(&format!("both-{n}"), &[&on(action, action)]).await;
        let only_key = client.user(&format!("key-{n}"), &[&on("kms:None", action)]).await;
        let only_alias = client.user(&format!("alias-{n}"), &[&on(action, "kms:None")]).await;
        let input = json!({ "AliasName": "alias/a", "TargetKeyId": two });
        client
            .kms(&only_key, operation, input.clone())
            .await
            .fails("AccessDeniedException", &format!("{action} on resource: {HERE}alias/a because no identity-based"));
        client.kms(&only_alias, operation, input.clone()).await.fails("AccessDeniedException", &format!("{action} on resource: {HERE}key/"));
        client.kms(&both, operation, input.clone()).await.is(200);
    }
    // Both keys of a move are asked, of which one leaves nothing to its account.
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": one })).await;
    let closed = client.key_under(&super::key_policy(&[])).await;
    client.kms(&root(A), "UpdateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": closed })).await.fails("AccessDeniedException", &closed);
    let anyone = client.user("lister", &[&policy("Allow", "kms:ListAliases", "*")]).await;
    client.kms(&anyone, "ListAliases", json!({})).await.is(200);
    client
        .kms(&anyone, "ListKeys", json!({}))
        .await
        .fails("AccessDeniedException", "kms:ListKeys because no identity-based policy allows the kms:ListKeys action");
}
