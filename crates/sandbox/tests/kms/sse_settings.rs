//! What a bucket's own encryption asks for, the context that S3 gives to KMS, and the key that AWS manages.

use serde_json::{Value, json};

use crate::client::{Client, Keys, nobody, root};

use super::{A, B, key_policy, statement};

const KMS: &str = "x-amz-server-side-encryption";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";

/// A bucket of account A that encrypts so.
async fn bucket(client: &Client, name: &str, algorithm: &str, key: Option<&str>, bucket_key: bool) {
    client.s3(&root(A), "PUT", &format!("/{name}"), &[], "").await.is(200);
    let key = key.map(|k| format!("<KMSMasterKeyID>{k}</KMSMasterKeyID>")).unwrap_or_default();
    let rule = format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{algorithm}</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>{bucket_key}</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
    );
    client.s3(&root(A), "PUT", &format!("/{name}?encryption"), &[], rule).await.is(200);
}

/// A user of account A who may do everything with S3, and these with keys, under a condition.
async fn user(client: &Client, name: &str, actions: &[&str], condition: Value) -> Keys {
    let statements = json!([
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
        { "Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition },
    ]);
    client.user(name, &[&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()]).await
}

const BOTH: &[&str] = &["kms:GenerateDataKey", "kms:Decrypt"];

#[tokio::test]
async fn objects_are_encrypted_as_their_bucket_says() {
    let client = Client::new();
    let key = client.key().await;
    bucket(&client, "data", "aws:kms", Some(&key), true).await;
    let written = client.s3(&root(A), "PUT", "/data/k", &[], "x").await.is(200);
    let read = client.s3(&root(A), "GET", "/data/k", &[], "").await.is(200);
    for answer in [written, read] {
        assert_eq!([answer.header(KMS), answer.header(KEY_ID), answer.header(BUCKET_KEY)], ["aws:kms", &key, "true"]);
    }
    let without = client.user("ann", &[r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#]).await;
    client.s3(&without, "PUT", "/data/k", &[], "x").await.refuses(403, "AccessDenied");
    client.s3(&without, "PUT", "/data/k", &[(KMS, "AES256")], "x").await.is(200);
    let off = client.s3(&root(A), "PUT", "/data/k", &[(BUCKET_KEY, "false")], "x").await.is(200);
    assert_eq!((off.header(KEY_ID), off.header(BUCKET_KEY)), (key, String::new()));
}

#[tokio::test]
async fn a_bucket_may_name_what_is_not_there_until_somebody_writes() {
    let client = Client::new();
    let missing = format!("arn:aws:kms:us-east-1:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    for (name, key) in [("one", missing.as_str()), ("two", "alias/no"), ("three", "nonsense")] {
        bucket(&client, name, "aws:kms", Some(key), false).await;
        client.s3(&root(A), "PUT", &format!("/{name}/k"), &[], "x").await.refuses(400, "KMS.NotFoundException");
    }
}

#[tokio::test]
async fn double_encryption_has_no_bucket_key() {
    let client = Client::new();
    let key = client.key().await;
    bucket(&client, "data", "aws:kms:dsse", Some(&key), true).await;
    let answer = client.s3(&root(A), "PUT", "/data/k", &[], "x").await.is(200);
    assert_eq!([answer.header(KMS), answer.header(KEY_ID), answer.header(BUCKET_KEY)], ["aws:kms:dsse", &key, ""]);
}

/// The context is the object's ARN, and with a bucket key the bucket's.
#[tokio::test]
async fn the_context_is_the_object_or_the_bucket() {
    let client = Client::new();
    let key = client.key().await;
    bucket(&client, "data", "aws:kms", Some(&key), false).await;
    bucket(&client, "keyed", "aws:kms", Some(&key), true).await;
    let like = |pattern: &str| json!({ "StringLike": { "kms:EncryptionContext:aws:s3:arn": pattern } });
    for (at, (target, pattern, status)) in [
        ("/data/k", "arn:aws:s3:::data/*", 200),
        ("/data/k", "arn:aws:s3:::data/k", 200),
        ("/data/k", "arn:aws:s3:::data/other", 403),
        ("/data/k", "arn:aws:s3:::data", 403),
        ("/keyed/k", "arn:aws:s3:::keyed", 200),
        ("/keyed/k", "arn:aws:s3:::keyed/*", 403),
    ]
    .into_iter()
    .enumerate()
    {
        client.s3(&root(A), "PUT", target, &[], "x").await.is(200);
        let who = user(&client, &format!("user-{at}"), BOTH, like(pattern)).await;
        assert_eq!(client.s3(&who, "PUT", target, &[], "x").await.status, status, "{target} {pattern}");
        assert_eq!(client.s3(&who, "GET", target, &[], "").await.status, status, "{target} {pattern}");
    }
}

#[tokio::test]
async fn kms_hears_who_asks_and_through_what() {
    let mut client = Client::new();
    client.region = "eu-west-1".to_owned();
    let key = client.key().await;
    let location = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    client.s3(&root(A), "PUT", "/data", &[], location).await.is(200);
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    let equals = |name: &str, value: &str| json!({ "StringEquals": { name: value } });
    for (at, (condition, status)) in [
        (equals("kms:ViaService", "s3.eu-west-1.amazonaws.com"), 200),
        (equals("kms:ViaService", "s3.us-east-1.amazonaws.com"), 403),
        (equals("kms:CallerAccount", A), 200),
        (equals("kms:CallerAccount", B), 403),
        (equals("aws:RequestedRegion", "eu-west-1"), 200),
        (equals("kms:RequestAlias", "alias/a"), 200),
        (json!({ "Bool": { "aws:ViaAWSService": "true" } }), 200),
        (json!({ "Bool": { "aws:ViaAWSService": "false" } }), 403),
    ]
    .into_iter()
    .enumerate()
    {
        let who = user(&client, &format!("user-{at}"), BOTH, condition.clone()).await;
        let answer = client.s3(&who, "PUT", "/data/k", &[(KMS, "aws:kms"), (KEY_ID, "alias/a")], "x").await;
        assert_eq!(answer.status, status, "{condition}: {}", answer.text());
    }
    let through = client
        .key_under(&key_policy(&[{
            let mut through = statement("Allow", &format!("arn:aws:iam::{A}:root"), &["kms:*"]);
            through["Condition"] = json!({ "StringEquals": { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } });
            through
        }]))
        .await;
    client.s3(&root(A), "PUT", "/data/k", &[(KMS, "aws:kms"), (KEY_ID, &through)], "x").await.is(200);
    client.kms(&root(A), "GenerateDataKey", json!({ "KeyId": through, "KeySpec": "AES_256" })).await.fails("AccessDeniedException", "");
}

#[tokio::test]
async fn writers_may_add_to_the_context() {
    use base64::Engine as _;
    let client = Client::new();
    let key = client.key().await;
    client.s3(&root(A), "PUT", "/data", &[], "").await.is(200);
    let sent = base64::engine::general_purpose::STANDARD.encode(r#"{"team":"blue"}"#);
    let name = "x-amz-server-side-encryption-context";
    let who = user(&client, "ann", BOTH, json!({ "StringEquals": { "kms:EncryptionContext:team": "blue" } })).await;
    let headers = [(KMS, "aws:kms"), (KEY_ID, key.as_str()), (name, sent.as_str())];
    client.s3(&who, "PUT", "/data/k", &headers[..2], "x").await.refuses(403, "AccessDenied");
    client.s3(&who, "PUT", "/data/k", &headers, "x").await.is(200);
    client.s3(&who, "GET", "/data/k", &[], "").await.is(200);
    client.s3(&who, "PUT", "/data/k", &[(KMS, "aws:kms"), (KEY_ID, &key), (name, "no")], "x").await.refuses(400, "InvalidArgument");
}

#[tokio::test]
async fn the_key_of_aws_needs_no_right_inside_the_account() {
    let client = Client::new();
    bucket(&client, "data", "aws:kms", None, false).await;
    let everything_of_s3 = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let ann = client.user("ann", &[everything_of_s3]).await;
    let written = client.s3(&ann, "PUT", "/data/k", &[], "x").await.is(200).header(KEY_ID);
    let told = client.must_kms("DescribeKey", json!({ "KeyId": "alias/aws/s3" })).await.json();
    assert_eq!((told["KeyMetadata"]["Arn"].as_str(), told["KeyMetadata"]["KeyManager"].as_str()), (Some(written.as_str()), Some("AWS")));
    client.s3(&ann, "GET", "/data/k", &[], "").await.is(200);
    assert!(client.must_kms("ListKeys", json!({})).await.text().contains(&written));
    let denied = client.user("eve", &[everything_of_s3, &super::policy("Deny", "kms:Decrypt", "*")]).await;
    client.s3(&denied, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    // Only through S3, and nobody changes it.
    client.kms(&root(A), "Encrypt", json!({ "KeyId": written, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
    for (operation, input) in [
        ("PutKeyPolicy", json!({ "KeyId": written, "Policy": key_policy(&[]) })),
        ("ScheduleKeyDeletion", json!({ "KeyId": written })),
        ("DisableKey", json!({ "KeyId": written })),
        ("TagResource", json!({ "KeyId": written, "Tags": [] })),
    ] {
        client.kms(&root(A), operation, input).await.fails("AccessDeniedException", "no resource-based policy allows");
    }
    assert!(client.must_kms("GetKeyPolicy", json!({ "KeyId": written })).await.member("/Policy").contains("auto-s3-2"));
}

#[tokio::test]
async fn the_key_of_aws_is_never_used_from_another_account() {
    let client = Client::new();
    bucket(&client, "data", "aws:kms", None, false).await;
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"s3:*","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&root(A), "PUT", "/data?policy", &[], policy).await.is(204);
    let ours = client.s3(&root(A), "PUT", "/data/ours", &[], "x").await.is(200).header(KEY_ID);
    client.s3(&root(B), "GET", "/data/ours", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&root(B), "PUT", "/data/k", &[(KMS, "aws:kms"), (KEY_ID, &ours)], "x").await.refuses(403, "AccessDenied");
    // Without a name it is the caller's own, which the bucket's owner then can't read with.
    let theirs = client.s3(&root(B), "PUT", "/data/theirs", &[], "x").await.is(200).header(KEY_ID);
    assert!(theirs.contains(B) && ours.contains(A), "{theirs} {ours}");
    client.s3(&root(A), "GET", "/data/theirs", &[], "").await.refuses(403, "AccessDenied");
}

#[tokio::test]
async fn a_header_without_a_key_is_the_key_of_aws_whatever_the_bucket_names() {
    let client = Client::new();
    let key = client.key().await;
    bucket(&client, "data", "aws:kms", Some(&key), false).await;
    let written = client.s3(&root(A), "PUT", "/data/k", &[(KMS, "aws:kms")], "x").await.is(200).header(KEY_ID);
    assert_ne!(written, key);
    assert_eq!(client.must_kms("DescribeKey", json!({ "KeyId": written })).await.member("/KeyMetadata/KeyManager"), "AWS");
}

/// The condition key of S3 is the key that is used, by its ARN, however it was named.
#[tokio::test]
async fn bucket_policies_see_the_key_by_its_arn() {
    let client = Client::new();
    let (key, other) = (client.key().await, client.key().await);
    client.s3(&root(A), "PUT", "/data", &[], "").await.is(200);
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/b", "TargetKeyId": other })).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*",
        "Condition": { "StringNotEqualsIfExists": { "s3:x-amz-server-side-encryption-aws-kms-key-id": key } },
    }] });
    client.s3(&root(A), "PUT", "/data?policy", &[], policy.to_string()).await.is(204);
    for (name, status) in [(key.as_str(), 200), ("alias/a", 200), ("alias/b", 403), (&other, 403)] {
        assert_eq!(client.s3(&root(A), "PUT", "/data/k", &[(KMS, "aws:kms"), (KEY_ID, name)], "x").await.status, status, "{name}");
    }
}

#[tokio::test]
async fn encrypted_objects_are_the_same_after_they_were_kept() {
    let client = Client::new();
    let key = client.key().await;
    bucket(&client, "data", "aws:kms", Some(&key), true).await;
    client.s3(&root(A), "PUT", "/data/k", &[], "text").await.is(200);
    let kept = client.sandbox.snapshot().unwrap();
    let again = Client { sandbox: crossrole_sandbox::Sandbox::restore(&kept, crossrole_sandbox::Options::default()).unwrap(), ..Client::new() };
    let read = again.s3(&root(A), "GET", "/data/k", &[], "").await.is(200);
    assert_eq!((read.text(), read.header(KEY_ID), read.header(BUCKET_KEY)), ("text".to_owned(), key.clone(), "true".to_owned()));
    again.must_kms("DisableKey", json!({ "KeyId": key })).await;
    again.s3(&root(A), "GET", "/data/k", &[], "").await.refuses(400, "KMS.DisabledException");
}

#[tokio::test]
async fn headers_go_with_each_other() {
    let client = Client::new();
    let key = client.key().await;
    client.s3(&root(A), "PUT", "/data", &[], "").await.is(200);
    for headers in [[(KEY_ID, key.as_str())].as_slice(), &[(KMS, "AES256"), (KEY_ID, &key)]] {
        let answer = client.s3(&root(A), "PUT", "/data/k", headers, "x").await;
        let message = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
        assert_eq!(answer.error(), (400, "InvalidArgument".to_owned(), message.to_owned()));
    }
    client.s3(&root(A), "PUT", "/data/k", &[(KMS, "aws:kms"), (KEY_ID, &key)], "x").await.is(200);
    client.s3(&root(A), "GET", "/data/k", &[(KMS, "aws:kms")], "").await.refuses(400, "InvalidArgument");
    client.s3(&root(A), "HEAD", "/data/k", &[(KMS, "aws:kms")], "").await.is(400);
}

/// Parts are written with the key of their upload, and bucket policies see that.
#[tokio::test]
async fn parts_have_the_key_of_their_upload() {
    let client = Client::new();
    let (key, other) = (client.key().await, client.key().await);
    bucket(&client, "data", "aws:kms", Some(&other), false).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*",
        "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption-aws-kms-key-id": key } },
    }] });
    client.s3(&root(A), "PUT", "/data?policy", &[], policy.to_string()).await.is(204);
    client.s3(&root(A), "POST", "/data/m?uploads", &[], "").await.refuses(403, "AccessDenied");
    let id = client.s3(&root(A), "POST", "/data/m?uploads", &[(KMS, "aws:kms"), (KEY_ID, &key)], "").await.is(200).one("UploadId");
    client.s3(&root(A), "PUT", &format!("/data/m?partNumber=1&uploadId={id}"), &[], "x").await.is(200);
}

#[tokio::test]
async fn forms_need_the_key_as_well() {
    let client = Client::new();
    let key = client.key().await;
    bucket(&client, "data", "aws:kms", Some(&key), false).await;
    client.s3(&root(A), "DELETE", "/data?publicAccessBlock", &[], "").await.is(204);
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&root(A), "PUT", "/data?policy", &[], open).await.is(204);
    let form = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ntext\r\n--x--\r\n";
    let answer = client.s3(&nobody(), "POST", "/data", &[("content-type", "multipart/form-data; boundary=x")], form).await;
    answer.refuses(400, "InvalidArgument");
    client.s3(&root(A), "HEAD", "/data/k", &[], "").await.is(404);
}

/// The source of a copy is decrypted where it lies.
#[tokio::test]
async fn a_copy_between_regions_asks_in_each() {
    let mut client = Client::new();
    client.s3(&root(A), "PUT", "/data", &[], "").await.is(200);
    client.region = "eu-west-1".to_owned();
    let key = client.key().await;
    let location = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    client.s3(&root(A), "PUT", "/irish", &[], location).await.is(200);
    client.s3(&root(A), "PUT", "/irish/k", &[(KMS, "aws:kms"), (KEY_ID, &key)], "x").await.is(200);
    client.region = "us-east-1".to_owned();
    for (name, value, status) in [
        ("aws:RequestedRegion", "eu-west-1", 200),
        ("aws:RequestedRegion", "us-east-1", 403),
        ("kms:ViaService", "s3.eu-west-1.amazonaws.com", 200),
        ("kms:ViaService", "s3.us-east-1.amazonaws.com", 403),
    ] {
        let condition = json!({ "StringEquals": { name: value } });
        let who = user(&client, &format!("{}-{status}", name.replace(':', "-")), &["kms:Decrypt"], condition).await;
        assert_eq!(client.s3(&who, "PUT", "/data/copy", &[("x-amz-copy-source", "irish/k")], "").await.status, status, "{name} {value}");
    }
}
