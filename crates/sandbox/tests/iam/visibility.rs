//! What is written is seen later: by reads, and by the decisions that rest on it.

use std::time::Duration;

use crossrole_sandbox::{Options, Sandbox};

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
