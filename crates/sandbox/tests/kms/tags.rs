//! Tags of keys.

use serde_json::{Value, json};

use crate::client::{Client, root};

use super::{A, policy};

fn tags(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "TagKey": key, "TagValue": value })).collect()
}

async fn listed(client: &Client, key: &str) -> Value {
    client.must_kms("ListResourceTags", json!({ "KeyId": key })).await.json()["Tags"].clone()
}

#[tokio::test]
async fn tags_are_set_changed_and_removed() {
    let client = Client::new();
    let key = client.key_by(&root(A), json!({ "Tags": tags(&[("a", "1"), ("A", "2")]) })).await;
    assert_eq!(listed(&client, &key).await, tags(&[("A", "2"), ("a", "1")]), "case tells them apart");
    client.must_kms("TagResource", json!({ "KeyId": key, "Tags": tags(&[("a", "3"), ("b", "")]) })).await;
    assert_eq!(listed(&client, &key).await, tags(&[("A", "2"), ("a", "3"), ("b", "")]));
    client.must_kms("UntagResource", json!({ "KeyId": key, "TagKeys": ["A", "none"] })).await;
    assert_eq!(listed(&client, &key).await, tags(&[("a", "3"), ("b", "")]));
}

#[tokio::test]
async fn tags_have_rules_at_creation_and_later() {
    let client = Client::new();
    let key = client.key().await;
    let many: Vec<(String, String)> = (0..51).map(|n| (format!("k{n}"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let (long_key, long_value) = ("a".repeat(129), "v".repeat(257));
    for (list, code, words) in [
        (tags(&many), "TagException", "Too many tags"),
        (tags(&[("a", "1"), ("a", "2")]), "TagException", "Duplicate tag keys"),
        (tags(&[("aws:a", "1")]), "TagException", "Tags beginning with aws: are reserved"),
        (tags(&[("AWS:a", "1")]), "TagException", "Tags beginning with aws: are reserved"),
        (
            tags(&[(&long_key, "1")]),
            "ValidationException",
            "at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128",
        ),
        (
            tags(&[("a", &long_value)]),
            "ValidationException",
            "at 'tags.1.member.tagValue' failed to satisfy constraint: Member must have length less than or equal to 256",
        ),
    ] {
        client.kms(&root(A), "CreateKey", json!({ "Tags": list })).await.fails(code, words);
        client.kms(&root(A), "TagResource", json!({ "KeyId": key, "Tags": list })).await.fails(code, words);
    }
    client.must_kms("TagResource", json!({ "KeyId": key, "Tags": tags(&many[..50]) })).await;
    client.kms(&root(A), "TagResource", json!({ "KeyId": key, "Tags": tags(&[("one-more", "")]) })).await.fails("TagException", "Too many tags");
}

#[tokio::test]
async fn tags_at_creation_need_their_own_right() {
    let client = Client::new();
    let plain = client.user("plain", &[&policy("Allow", "kms:CreateKey", "*"), &policy("Allow", "kms:PutKeyPolicy", "*")]).await;
    client.kms(&plain, "CreateKey", json!({})).await.is(200);
    let words = "kms:TagResource because no identity-based policy allows the kms:TagResource action";
    client.kms(&plain, "CreateKey", json!({ "Tags": tags(&[("a", "1")]) })).await.fails("AccessDeniedException", words);
}

#[tokio::test]
async fn tags_are_listed_by_pages() {
    let client = Client::new();
    let key = client.key_by(&root(A), json!({ "Tags": tags(&[("a", ""), ("b", ""), ("c", "")]) })).await;
    let page = client.must_kms("ListResourceTags", json!({ "KeyId": key, "Limit": 2 })).await.json();
    assert_eq!((page["Tags"].as_array().unwrap().len(), page["Truncated"].as_bool()), (2, Some(true)));
    let page = client.must_kms("ListResourceTags", json!({ "KeyId": key, "Limit": 2, "Marker": page["NextMarker"] })).await.json();
    assert_eq!(page, json!({ "Tags": tags(&[("c", "")]), "Truncated": false }));
    client.kms(&root(A), "ListResourceTags", json!({ "KeyId": key, "Limit": 51 })).await.fails("ValidationException", "50");
}
