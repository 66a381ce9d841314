//! Refusals that recorded rows can't show: managed policies, boundaries, session policies.

use super::{A, Client, policy};

const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:GetRole","Resource":"*"}]}"#;

async fn message(client: &Client, who: &super::Keys) -> String {
    client.query(who, "iam", "GetRole", &[("RoleName", "r")]).await.refuses(403, "AccessDenied").one("Message")
}

fn frame(who: &str) -> String {
    format!("User: {who} is not authorized to perform: iam:GetRole on resource: role r")
}

#[tokio::test]
async fn a_managed_policy_that_denies_is_named() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "*", "*")]).await;
    client.must(A, "iam", "CreatePolicy", &[("PolicyName", "d"), ("Path", "/x/"), ("PolicyDocument", DENY)]).await;
    let arn = format!("arn:aws:iam::{A}:policy/x/d");
    client.must(A, "iam", "AttachUserPolicy", &[("UserName", "ann"), ("PolicyArn", &arn)]).await;
    let who = frame(&format!("arn:aws:iam::{A}:user/ann"));
    assert_eq!(message(&client, &ann).await, format!("{who} with an explicit deny in an identity-based policy: {arn}"));
    client.must(A, "iam", "DetachUserPolicy", &[("UserName", "ann"), ("PolicyArn", &arn)]).await;
    // The same document, inline: no policy can be named.
    client.must(A, "iam", "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "d"), ("PolicyDocument", DENY)]).await;
    assert_eq!(message(&client, &ann).await, format!("{who} with an explicit deny in an identity-based policy"));
}

#[tokio::test]
async fn a_boundary_denies_or_does_not_allow() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "*", "*")]).await;
    client.must(A, "iam", "CreatePolicy", &[("PolicyName", "d"), ("PolicyDocument", DENY)]).await;
    client.must(A, "iam", "CreatePolicy", &[("PolicyName", "s"), ("PolicyDocument", &policy("Allow", "s3:*", "*"))]).await;
    let who = frame(&format!("arn:aws:iam::{A}:user/ann"));
    for (name, said) in [
        ("d", format!(" with an explicit deny in a permissions boundary: arn:aws:iam::{A}:policy/d")),
        ("s", " because no permissions boundary allows the iam:GetRole action".to_owned()),
    ] {
        let arn = format!("arn:aws:iam::{A}:policy/{name}");
        client.must(A, "iam", "PutUserPermissionsBoundary", &[("UserName", "ann"), ("PermissionsBoundary", &arn)]).await;
        assert_eq!(message(&client, &ann).await, format!("{who}{said}"));
    }
}

#[tokio::test]
async fn a_session_policy_denies_or_does_not_allow() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "*", "*")]).await;
    client.role("worker", &policy("Allow", "*", "*")).await;
    client.must(A, "iam", "CreatePolicy", &[("PolicyName", "d"), ("PolicyDocument", DENY)]).await;
    let managed = format!("arn:aws:iam::{A}:policy/d");
    let role = format!("arn:aws:iam::{A}:role/worker");
    let narrow = policy("Allow", "s3:*", "*");
    let who = frame(&format!("arn:aws:sts::{A}:assumed-role/worker/s1"));
    for (param, said) in [
        (("Policy", narrow.as_str()), " because no session policy allows the iam:GetRole action".to_owned()),
        (("Policy", DENY), " with an explicit deny in a session policy".to_owned()),
        (("PolicyArns.member.1.arn", managed.as_str()), format!(" with an explicit deny in a session policy: {managed}")),
    ] {
        let session = client.query(&ann, "sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "s1"), param]).await.is(200).keys();
        assert_eq!(message(&client, &session).await, format!("{who}{said}"));
    }
}

#[tokio::test]
async fn s3_quotes_its_resources_and_lists_buckets_of_none() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "iam:*", "*")]).await;
    client.s3(&super::root(A), "PUT", "/bucket-of-a", &[], "").await.is(200);
    let who = format!("User: arn:aws:iam::{A}:user/ann is not authorized to perform: ");
    let put = client.s3(&ann, "PUT", "/bucket-of-a/key", &[], "x").await.refuses(403, "AccessDenied").one("Message");
    assert_eq!(put, format!("{who}s3:PutObject on resource: \"arn:aws:s3:::bucket-of-a/key\" because no identity-based policy allows the s3:PutObject action"));
    let list = client.s3(&ann, "GET", "/", &[], "").await.refuses(403, "AccessDenied").one("Message");
    assert_eq!(list, format!("{who}s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action"));
}

#[tokio::test]
async fn what_is_not_here_is_named() {
    let client = Client::new();
    let answer = client.query(&super::root(A), "ec2", "DescribeRegions", &[]).await;
    assert_eq!(
        answer.error(),
        (
            501,
            "NotImplemented".to_owned(),
            "the sandbox has IAM, STS, S3, KMS, IAM Identity Center and CloudTrail, and no service `ec2`; nothing was done".to_owned()
        )
    );
    let answer = client.query(&super::root(A), "iam", "GenerateServiceLastAccessedDetails", &[]).await;
    assert_eq!(answer.error(), (501, "NotImplemented".to_owned(), "the sandbox has no iam:GenerateServiceLastAccessedDetails; nothing was done".to_owned()));
    // What AWS has neither is refused as AWS does.
    client.query(&super::root(A), "iam", "UploadNothing", &[]).await.refuses(400, "InvalidAction");
    let request =
        http::Request::builder().method("POST").uri("/").header("host", "sts.amazonaws.com").header("content-type", "application/x-www-form-urlencoded");
    let mut request = request.body(bytes::Bytes::from_static(b"Version=2011-06-15")).unwrap();
    crate::client::sign(&mut request, &super::root(A), "us-east-1", "sts", &crossrole_sandbox::testing::signing_time(0));
    let answer = client.send(request).await.is(302);
    assert_eq!(answer.header("location"), "https://aws.amazon.com/iam");
}
