//! Objects that a key encrypts: S3 asks KMS in the caller's name, and every side must let it.

use serde_json::{Value, json};

use crate::client::{Answer, Client, Keys, nobody, root};

use super::{A, B, key_policy, statement};

const KMS: &str = "x-amz-server-side-encryption";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// A bucket of account A.
async fn with_bucket() -> Client {
    let client = Client::new();
    client.s3(&root(A), "PUT", "/data", &[], "").await.is(200);
    client
}

async fn put(client: &Client, who: &Keys, target: &str, key: &str) -> Answer {
    client.s3(who, "PUT", target, &[(KMS, "aws:kms"), (KEY_ID, key)], "text").await
}

fn allow(actions: &[&str]) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] }).to_string()
}

#[tokio::test]
async fn an_object_says_which_key_encrypts_it() {
    let client = with_bucket().await;
    let (key, owner) = (client.key().await, root(A));
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    for name in [key.as_str(), super::id(&key), "alias/a", &format!("arn:aws:kms:us-east-1:{A}:alias/a")] {
        let written = put(&client, &owner, "/data/k", name).await.is(200);
        let got = client.s3(&owner, "GET", "/data/k", &[], "").await.is(200);
        let head = client.s3(&owner, "HEAD", "/data/k", &[], "").await.is(200);
        for answer in [written, got, head] {
            assert_eq!((answer.header(KMS).as_str(), answer.header(KEY_ID).as_str()), ("aws:kms", key.as_str()), "{name}");
            assert_eq!(answer.header("x-amz-server-side-encryption-bucket-key-enabled"), "");
        }
    }
}

/// Caller's actions and what then happens to a write and a read; the key leaves all to the account.
#[tokio::test]
async fn inside_an_account_each_side_is_needed() {
    let client = with_bucket().await;
    let key = client.key().await;
    put(&client, &root(A), "/data/old", &key).await.is(200);
    for (name, actions, write, read) in [
        ("all", ["s3:PutObject", "s3:GetObject", "kms:GenerateDataKey", "kms:Decrypt"].as_slice(), 200, 200),
        ("no-data-key", &["s3:PutObject", "s3:GetObject", "kms:Decrypt"], 403, 200),
        ("no-decrypt", &["s3:PutObject", "s3:GetObject", "kms:GenerateDataKey"], 200, 403),
        ("no-s3", &["kms:GenerateDataKey", "kms:Decrypt"], 403, 403),
    ] {
        let who = client.user(name, &[&allow(actions)]).await;
        assert_eq!(put(&client, &who, "/data/new", &key).await.status, write, "{name} writes");
        assert_eq!(client.s3(&who, "GET", "/data/old", &[], "").await.status, read, "{name} reads");
    }
}

#[tokio::test]
async fn refusals_are_in_the_words_of_kms() {
    let client = with_bucket().await;
    let key = client.key().await;
    put(&client, &root(A), "/data/old", &key).await.is(200);
    let who = client.user("ann", &[&allow(&["s3:*"])]).await;
    let user = format!("User: arn:aws:iam::{A}:user/ann is not authorized to perform:");
    let message = format!("{user} kms:GenerateDataKey on resource: {key} because no identity-based policy allows the kms:GenerateDataKey action");
    assert_eq!(put(&client, &who, "/data/new", &key).await.error(), (403, "AccessDenied".to_owned(), message));
    let message = format!("{user} kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action");
    assert_eq!(client.s3(&who, "GET", "/data/old", &[], "").await.error(), (403, "AccessDenied".to_owned(), message));
}

#[tokio::test]
async fn a_key_that_does_not_leave_it_to_its_account_must_name_the_caller() {
    let client = with_bucket().await;
    let who = client.user("ann", &[&allow(&["s3:*", "kms:*"])]).await;
    let closed = client.key_under(&key_policy(&[])).await;
    put(&client, &who, "/data/k", &closed).await.refuses(403, "AccessDenied");
    let named = client.key_under(&key_policy(&[statement("Allow", &format!("arn:aws:iam::{A}:user/ann"), &["kms:GenerateDataKey"])])).await;
    put(&client, &who, "/data/k", &named).await.is(200);
    client.s3(&who, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
}

/// Bucket and key of account A, caller of account B: four sides, each taken away once.
#[tokio::test]
async fn across_accounts_all_four_sides_are_needed() {
    let client = with_bucket().await;
    let owner = root(A);
    let open = client.key_under(&key_policy(&[statement("Allow", A, &["kms:*"]), statement("Allow", B, &["kms:Decrypt"])])).await;
    let closed = client.key().await;
    put(&client, &owner, "/data/open", &open).await.is(200);
    put(&client, &owner, "/data/closed", &closed).await.is(200);
    let bucket_policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    let get = async |who: &Keys, object: &str| client.s3(who, "GET", object, &[], "").await.status;
    let all = client.stranger("all", &allow(&["s3:GetObject", "kms:Decrypt"])).await;
    assert_eq!(get(&all, "/data/open").await, 403, "no bucket policy");
    client.s3(&owner, "PUT", "/data?policy", &[], bucket_policy).await.is(204);
    assert_eq!(get(&all, "/data/open").await, 200);
    assert_eq!(get(&all, "/data/closed").await, 403, "no key policy");
    let no_s3 = client.stranger("no-s3", &allow(&["kms:Decrypt"])).await;
    assert_eq!(get(&no_s3, "/data/open").await, 403, "no right on the object");
    let no_kms = client.stranger("no-kms", &allow(&["s3:GetObject"])).await;
    let answer = client.s3(&no_kms, "GET", "/data/open", &[], "").await;
    let untold =
        "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";
    let message =
        format!("User: arn:aws:iam::{B}:user/no-kms is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext {untold}");
    assert_eq!(answer.error(), (403, "AccessDenied".to_owned(), message), "across organizations too");
}

#[tokio::test]
async fn a_bare_id_or_alias_is_the_callers() {
    let client = with_bucket().await;
    let key = client.key_under(&key_policy(&[statement("Allow", A, &["kms:*"]), statement("Allow", B, &["kms:*"])])).await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    let bucket_policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"s3:*","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&root(A), "PUT", "/data?policy", &[], bucket_policy).await.is(204);
    put(&client, &root(B), "/data/k", &key).await.is(200);
    put(&client, &root(B), "/data/k", super::id(&key)).await.refuses(400, "KMS.NotFoundException");
    put(&client, &root(B), "/data/k", "alias/a").await.refuses(400, "KMS.NotFoundException");
}

#[tokio::test]
async fn keys_in_bad_states_refuse_writes_and_reads() {
    let client = with_bucket().await;
    let (key, owner) = (client.key().await, root(A));
    put(&client, &owner, "/data/k", &key).await.is(200);
    let missing = format!("arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let error = |code: &str, message: String| (400, format!("KMS.{code}"), message);
    let wanted = error("NotFoundException", format!("Key '{missing}' does not exist"));
    assert_eq!(put(&client, &owner, "/data/new", &missing).await.error(), wanted);
    let elsewhere = key.replace("us-east-1", "eu-west-1");
    assert_eq!(put(&client, &owner, "/data/new", &elsewhere).await.error(), error("NotFoundException", "Invalid arn eu-west-1".to_owned()));
    for (operation, code, message) in [
        ("DisableKey", "DisabledException", format!("{key} is disabled.")),
        ("ScheduleKeyDeletion", "KMSInvalidStateException", format!("{key} is pending deletion.")),
    ] {
        client.must_kms(operation, json!({ "KeyId": key })).await;
        assert_eq!(put(&client, &owner, "/data/new", &key).await.error(), error(code, message.clone()));
        assert_eq!(client.s3(&owner, "GET", "/data/k", &[], "").await.error(), error(code, message));
        client.s3(&owner, "HEAD", "/data/k", &[], "").await.is(200);
        client.s3(&owner, "GET", "/data?list-type=2", &[], "").await.is(200);
    }
    client.s3(&owner, "DELETE", "/data/k", &[], "").await.is(204);
    client.s3(&owner, "HEAD", "/data/new", &[], "").await.is(404);
}

#[tokio::test]
async fn head_needs_the_key_for_checksums_alone() {
    let client = with_bucket().await;
    let key = client.key().await;
    put(&client, &root(A), "/data/k", &key).await.is(200);
    let who = client.user("ann", &[&allow(&["s3:*"])]).await;
    client.s3(&who, "HEAD", "/data/k", &[], "").await.is(200);
    client.s3(&who, "HEAD", "/data/k", &[("x-amz-checksum-mode", "ENABLED")], "").await.is(403);
    client.s3(&root(A), "HEAD", "/data/k", &[("x-amz-checksum-mode", "ENABLED")], "").await.is(200);
}

/// A copy reads with one key and writes with another.
#[tokio::test]
async fn a_copy_needs_both_keys() {
    let client = with_bucket().await;
    let (from, to) = (client.key().await, client.key().await);
    put(&client, &root(A), "/data/src", &from).await.is(200);
    let headers = [("x-amz-copy-source", "data/src"), (KMS, "aws:kms"), (KEY_ID, to.as_str())];
    let own = |statements: &[(&str, &str)]| {
        let mut all = vec![json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" })];
        all.extend(statements.iter().map(|(action, key)| json!({ "Effect": "Allow", "Action": action, "Resource": key })));
        json!({ "Version": "2012-10-17", "Statement": all }).to_string()
    };
    for (name, statements, status, words) in [
        ("both", vec![("kms:Decrypt", from.as_str()), ("kms:GenerateDataKey", to.as_str())], 200, ""),
        ("no-read", vec![("kms:Decrypt", to.as_str()), ("kms:GenerateDataKey", to.as_str())], 403, "kms:Decrypt"),
        ("no-write", vec![("kms:Decrypt", from.as_str()), ("kms:GenerateDataKey", from.as_str())], 403, "kms:GenerateDataKey"),
    ] {
        let who = client.user(name, &[&own(&statements)]).await;
        let answer = client.s3(&who, "PUT", "/data/copy", &headers, "").await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert!(answer.text().contains(words), "{name}: {}", answer.text());
    }
    assert_eq!(client.s3(&root(A), "GET", "/data/copy", &[], "").await.is(200).header(KEY_ID), to);
    // Without headers, a copy is encrypted as its bucket says.
    let plain = client.s3(&root(A), "PUT", "/data/plain", &[("x-amz-copy-source", "data/src")], "").await.is(200);
    assert_eq!((plain.header(KMS).as_str(), plain.header(KEY_ID).as_str()), ("AES256", ""));
}

async fn upload(client: &Client, who: &Keys, key: &str, checksum: bool) -> Answer {
    let mut headers = vec![(KMS, "aws:kms"), (KEY_ID, key)];
    if checksum {
        headers.push(("x-amz-checksum-algorithm", "CRC64NVME"));
    }
    client.s3(who, "POST", "/data/m?uploads", &headers, "").await
}

/// Every step of a multipart upload, with the action on the key that it needs.
#[tokio::test]
async fn the_steps_of_a_multipart_upload_need_their_actions() {
    let client = with_bucket().await;
    let (key, owner) = (client.key().await, root(A));
    let writer = client.user("writer", &[&allow(&["s3:*", "kms:GenerateDataKey"])]).await;
    let reader = client.user("reader", &[&allow(&["s3:*", "kms:Decrypt"])]).await;
    upload(&client, &reader, &key, false).await.refuses(403, "AccessDenied");
    let begun = upload(&client, &writer, &key, false).await.is(200);
    assert_eq!(begun.header(KEY_ID), key);
    for checksum in [true, false] {
        let id = upload(&client, &owner, &key, checksum).await.is(200).one("UploadId");
        let part = format!("/data/m?partNumber=1&uploadId={id}");
        client.s3(&writer, "PUT", &part, &[], "part").await.refuses(403, "AccessDenied");
        let written = client.s3(&reader, "PUT", &part, &[], "part").await.is(200);
        assert_eq!(written.header(KEY_ID), key);
        let whole = format!("/data/m?uploadId={id}");
        client.s3(&writer, "GET", &whole, &[], "").await.refuses(403, "AccessDenied");
        client.s3(&reader, "GET", &whole, &[], "").await.is(200);
        let list = format!("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>", written.header("etag"));
        // Only checksums make S3 look into what was uploaded.
        let answer = client.s3(&writer, "POST", &whole, &[], list.clone()).await;
        if checksum {
            answer.refuses(403, "AccessDenied");
            client.s3(&reader, "POST", &whole, &[], list).await.is(200);
        } else {
            answer.is(200);
        }
        assert_eq!(client.s3(&owner, "GET", "/data/m", &[], "").await.is(200).header(KEY_ID), key);
    }
}

#[tokio::test]
async fn parts_that_are_copied_need_the_source_as_well() {
    let client = with_bucket().await;
    let (from, to, owner) = (client.key().await, client.key().await, root(A));
    put(&client, &owner, "/data/src", &from).await.is(200);
    let id = upload(&client, &owner, &to, false).await.is(200).one("UploadId");
    let part = format!("/data/m?partNumber=1&uploadId={id}");
    for (name, keys, status) in [("both", vec![&from, &to], 200), ("no-source", vec![&to], 403), ("no-target", vec![&from], 403)] {
        let own: Vec<Value> =
            vec![json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }), json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys })];
        let who = client.user(name, &[&json!({ "Version": "2012-10-17", "Statement": own }).to_string()]).await;
        assert_eq!(client.s3(&who, "PUT", &part, &[("x-amz-copy-source", "data/src")], "").await.status, status, "{name}");
    }
}

#[tokio::test]
async fn nobody_and_old_signatures_get_nothing_from_a_key() {
    let client = with_bucket().await;
    let key = client.key_under(&key_policy(&[statement("Allow", "*", &["kms:*"])])).await;
    put(&client, &root(A), "/data/k", &key).await.is(200);
    client.s3(&root(A), "DELETE", "/data?publicAccessBlock", &[], "").await.is(204);
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&root(A), "PUT", "/data?policy", &[], open).await.is(204);
    let answer = client.s3(&nobody(), "GET", "/data/k", &[], "").await;
    let message = "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.";
    assert_eq!(answer.error(), (400, "InvalidArgument".to_owned(), message.to_owned()));
}
