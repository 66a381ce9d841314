//! What is written is seen later: by reads, and by the decisions that rest on it.

use std::time::Duration;

use crossrole_sandbox::{Options, Sandbox};

use crate::client::root;

use super::{A, Client, policy};

#[tokio::test(start_paused = true)]
async fn a_policy_counts_when_it_can_be_seen() {
    let delay = Duration::from_secs(5);
    let client = Client { sandbox: Sandbox::new(Options { visibility_delay: delay, ..Options::default() }), region: "us-east-1".to_owned() };
    client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await;
    tokio::time::advance(delay).await;
    let ann = client.must(A, "iam", "CreateAccessKey", &[("UserName", "ann")]).await.keys();
    let text = policy("Allow", "iam:ListRoles", "*");
    client.must(A, "iam", "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", &text)]).await;
    client.query(&ann, "iam", "ListRoles", &[]).await.refuses(403, "AccessDenied");
    tokio::time::advance(delay).await;
    client.query(&ann, "iam", "ListRoles", &[]).await.is(200);
    client.must(A, "iam", "DeleteUserPolicy", &[("UserName", "ann"), ("PolicyName", "p")]).await;
    // What is taken away still counts for as long.
    client.query(&ann, "iam", "ListRoles", &[]).await.is(200);
    tokio::time::advance(delay).await;
    client.query(&ann, "iam", "ListRoles", &[]).await.refuses(403, "AccessDenied");
}

/// Bucket policies decide as late as identity policies do, and are read as they were written.
#[tokio::test(start_paused = true)]
async fn a_bucket_policy_counts_when_it_can_be_seen() {
    let delay = Duration::from_secs(5);
    let client = Client { sandbox: Sandbox::new(Options { visibility_delay: delay, ..Options::default() }), region: "us-east-1".to_owned() };
    let (owner, other) = (root("222222222222"), root("111111111111"));
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data/k", &[], "one").await.is(200);
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&owner, "PUT", "/data?policy", &[], text).await.is(204);
    assert!(client.s3(&owner, "GET", "/data?policy", &[], "").await.is(200).text().contains("111111111111"));
    client.s3(&other, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    tokio::time::advance(delay).await;
    client.s3(&other, "GET", "/data/k", &[], "").await.is(200);
    client.s3(&owner, "DELETE", "/data?policy", &[], "").await.is(204);
    client.s3(&owner, "GET", "/data?policy", &[], "").await.refuses(404, "NoSuchBucketPolicy");
    // What is taken away still counts for as long.
    client.s3(&other, "GET", "/data/k", &[], "").await.is(200);
    tokio::time::advance(delay).await;
    client.s3(&other, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
}
