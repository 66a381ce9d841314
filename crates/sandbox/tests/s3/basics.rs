//! A bucket, an object, a second account.

use crate::client::{Client, nobody, root};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;

#[tokio::test]
async fn an_object_is_kept_and_read_back() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data/a%20b", &[("content-type", "text/plain")], "hello").await.is(200);
    let answer = client.s3(&owner, "GET", "/data/a%20b", &[], "").await.is(200);
    assert_eq!((answer.text().as_str(), answer.header("content-type").as_str()), ("hello", "text/plain"));
    assert_eq!(client.s3(&owner, "GET", "/data?list-type=2", &[], "").await.is(200).all("Contents/Key"), ["a b"]);
}

#[tokio::test]
async fn others_are_refused_until_the_bucket_lets_them_in() {
    let client = Client::new();
    let (owner, other) = (root("222222222222"), root("111111111111"));
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data/k", &[], "x").await.is(200);
    assert_eq!(client.s3(&other, "GET", "/data/k", &[], "").await.error(), (403, "AccessDenied".to_owned(), "Access Denied".to_owned()));
    client.s3(&nobody(), "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&owner, "PUT", "/data?policy", &[], policy).await.is(204);
    client.s3(&other, "GET", "/data/k", &[], "").await.is(200);
}

#[tokio::test]
async fn a_session_of_a_role_signs_with_its_own_keys() {
    let client = Client::new();
    let (owner, other) = (root("222222222222"), root("111111111111"));
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.query(&owner, "iam", "CreateRole", &[("RoleName", "App"), ("AssumeRolePolicyDocument", TRUST)]).await.is(200);
    let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.query(&owner, "iam", "PutRolePolicy", &[("RoleName", "App"), ("PolicyName", "p"), ("PolicyDocument", allow)]).await.is(200);
    let lets = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    client.query(&other, "iam", "CreateUser", &[("UserName", "u")]).await.is(200);
    client.query(&other, "iam", "PutUserPolicy", &[("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", lets)]).await.is(200);
    let user = client.query(&other, "iam", "CreateAccessKey", &[("UserName", "u")]).await.is(200).keys();
    let role = "arn:aws:iam::222222222222:role/App";
    let mut session = client.query(&user, "sts", "AssumeRole", &[("RoleArn", role), ("RoleSessionName", "work")]).await.is(200).keys();
    client.s3(&session, "PUT", "/data/k", &[], "x").await.is(200);
    client.s3(&session, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    session.secret.push('x');
    client.s3(&session, "PUT", "/data/k", &[], "x").await.refuses(403, "SignatureDoesNotMatch");
}

/// A creation may be sent anywhere: it is the bucket's region that is asked for, not the bucket.
#[tokio::test]
async fn a_bucket_of_another_region_is_made_and_found_made() {
    let client = Client::new();
    let tokyo = "<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint></CreateBucketConfiguration>";
    client.s3(&root("222222222222"), "PUT", "/tokyo", &[], tokyo).await.is(200);
    client.s3(&root("222222222222"), "PUT", "/tokyo", &[], tokyo).await.refuses(409, "BucketAlreadyOwnedByYou");
    client.s3(&root("111111111111"), "PUT", "/tokyo", &[], tokyo).await.refuses(409, "BucketAlreadyExists");
    client.s3(&root("222222222222"), "GET", "/tokyo", &[], "").await.refuses(400, "AuthorizationHeaderMalformed");
}

/// What is archived is neither read nor copied.
#[tokio::test]
async fn archived_objects_are_not_copied() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data/cold", &[("x-amz-storage-class", "GLACIER")], "cold").await.is(200);
    client.s3(&owner, "GET", "/data/cold", &[], "").await.refuses(403, "InvalidObjectState");
    client.s3(&owner, "PUT", "/data/copy", &[("x-amz-copy-source", "data/cold")], "").await.refuses(403, "ObjectNotInActiveTierError");
    client.s3(&owner, "PUT", "/data/cool", &[("x-amz-storage-class", "GLACIER_IR")], "cool").await.is(200);
    client.s3(&owner, "PUT", "/data/copy", &[("x-amz-copy-source", "data/cool")], "").await.is(200);
}
