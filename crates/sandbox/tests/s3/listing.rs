//! Listings end, say everything once, and can be read whatever the keys hold.

use std::collections::BTreeSet;

use crate::client::{Client, Keys, root};

const KEYS: &[&str] = &["a", "a/", "a/b", "a/b/c", "a/c", "aa/x", "b", "b/1", "b/2", "b/3", "c//d", "c/d", "z z", "%C3%A9", "%F0%9F%98%80/x"];

async fn filled(versions: bool) -> (Client, Keys) {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    if versions {
        client.s3(&owner, "PUT", "/data?versioning", &[], "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>").await.is(200);
    }
    for key in KEYS {
        let target = format!("/data/{}", key.replace(' ', "%20"));
        client.s3(&owner, "PUT", &target, &[], "x").await.is(200);
        if versions {
            client.s3(&owner, "PUT", &target, &[], "y").await.is(200);
        }
    }
    (client, owner)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// Keys and folders of every page, in order.
async fn pages(client: &Client, who: &Keys, first: &str, next: impl Fn(&crate::client::Answer) -> Option<String>) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut folders) = (Vec::new(), Vec::new());
    let mut target = first.to_owned();
    for _ in 0..100 {
        let page = client.s3(who, "GET", &target, &[], "").await.is(200);
        let mut found = page.all("Contents/Key");
        found.extend(page.all("Version/Key"));
        assert!(found.len() + page.all("CommonPrefixes/Prefix").len() <= 2);
        keys.extend(found);
        folders.extend(page.all("CommonPrefixes/Prefix"));
        if page.one("IsTruncated") == "false" {
            return (keys, folders);
        }
        target = format!("{first}{}", next(&page).unwrap());
    }
    panic!("{first} never ends: {keys:?} {folders:?}");
}

#[tokio::test]
async fn every_listing_ends_and_says_everything_once() {
    let (client, owner) = filled(false).await;
    let (versions, other) = filled(true).await;
    for delimiter in ["", "/", "b", "//"] {
        for prefix in ["", "a", "a/", "b/", "nothing"] {
            let query = format!("&max-keys=2&delimiter={}&prefix={}", encoded(delimiter), encoded(prefix));
            let (all, shared) = {
                let page = client.s3(&owner, "GET", &format!("/data?list-type=2&delimiter={}&prefix={}", encoded(delimiter), encoded(prefix)), &[], "").await;
                (page.all("Contents/Key"), page.all("CommonPrefixes/Prefix"))
            };
            let v2 =
                pages(&client, &owner, &format!("/data?list-type=2{query}"), |p| Some(format!("&continuation-token={}", p.one("NextContinuationToken")))).await;
            assert_eq!(v2, (all.clone(), shared.clone()), "V2 {delimiter} {prefix}");
            let v1 = pages(&client, &owner, &format!("/data?{}", &query[1..]), |p| {
                let last = p.all("NextMarker").pop().or_else(|| p.all("Contents/Key").pop());
                last.map(|m| format!("&marker={}", encoded(&m)))
            })
            .await;
            assert_eq!(v1, (all.clone(), shared.clone()), "V1 {delimiter} {prefix}");
            let both = pages(&versions, &other, &format!("/data?versions{query}"), |p| {
                Some(format!("&key-marker={}&version-id-marker={}", encoded(&p.one("NextKeyMarker")), p.one("NextVersionIdMarker")))
            })
            .await;
            let twice: Vec<String> = all.iter().flat_map(|k| [k.clone(), k.clone()]).collect();
            assert_eq!(both, (twice, shared.clone()), "versions {delimiter} {prefix}");
            assert_eq!(shared.iter().collect::<BTreeSet<_>>().len(), shared.len(), "a folder twice");
        }
    }
}

#[tokio::test]
async fn a_control_character_in_a_key_does_not_hide_its_bucket() {
    let (client, owner) = filled(false).await;
    client.s3(&owner, "PUT", "/data/bad%01key", &[], "x").await.is(200);
    for target in ["/data?list-type=2&prefix=bad", "/data?prefix=bad", "/data?list-type=2&prefix=bad&encoding-type=url", "/data?versions&prefix=bad"] {
        let answer = client.s3(&owner, "GET", target, &[], "").await.is(200);
        assert_eq!((answer.all("Key"), answer.one("EncodingType").as_str()), (vec!["bad%01key".to_owned()], "url"), "{target}: {}", answer.text());
    }
    client.s3(&owner, "GET", "/data/none%01", &[], "").await.refuses(404, "NoSuchKey");
    client.s3(&owner, "DELETE", "/data/bad%01key", &[], "").await.is(204);
    assert!(client.s3(&owner, "GET", "/data?prefix=bad", &[], "").await.is(200).all("Key").is_empty());
}
