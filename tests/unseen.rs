//! What no policy tells and calls show: the account's block of public access, ACLs that count again, and who is made anew.

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::json;

use crate::support::{Credentials, Place, element, manifest};

const DEV: &str = "111111111111";
const PROD: &str = "222222222222";

const HEAD: &str = "name = \"unseen\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n";

/// A user of an account who may do anything there.
async fn user(place: &Place, account: &str, name: &str, policy: &serde_json::Value) -> Credentials {
    place.iam(account, "CreateUser", &[("UserName", name)]).await;
    place.iam(account, "PutUserPolicy", &[("UserName", name), ("PolicyName", "own"), ("PolicyDocument", &policy.to_string())]).await;
    Credentials::of(&place.iam(account, "CreateAccessKey", &[("UserName", name)]).await)
}

fn allow(action: &str) -> serde_json::Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] })
}

async fn put(place: &Place, path: &str, query: &str, body: &str) {
    let (status, said) = place.s3(PROD, "PUT", path, query, body).await;
    assert!(status < 300, "{path}?{query}: {said}");
}

/// Taking out what made a policy public lets those in again whom the account's block kept out. Who may not read that block is told so.
#[tokio::test]
async fn what_the_accounts_block_kept_out() {
    let place = Place::with_bucket("whole-block").await;
    assert_eq!(place.s3(PROD, "DELETE", "/whole-block", "publicAccessBlock", "").await.0, 204);
    put(&place, "/whole-block/k", "", "x").await;
    let one = json!({ "Sid": "One", "Effect": "Allow", "Principal": { "AWS": DEV }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::whole-block/*" });
    put(&place, "/whole-block", "policy", &json!({ "Version": "2012-10-17", "Statement": [one] }).to_string()).await;
    let ann = user(&place, DEV, "ann", &allow("s3:*")).await;
    let list = "[buckets.whole-block]\n[[buckets.whole-block.allow]]\naccount = \"dev\"\naccess = \"list\"\n";
    let public = "[[buckets.whole-block.statement]]\nprincipals = \"*\"\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::whole-block/public/*\"\n";
    let open = manifest("whole-block-open", &format!("{HEAD}{list}{public}"));
    let closed = manifest("whole-block", &format!("{HEAD}{list}"));
    place.good(&["apply", "--auto-approve", &open]).await;
    let restrict = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    let root = Credentials { key: PROD.to_owned(), ..Credentials::default() };
    let account = [("x-amz-account-id", PROD)];
    let (status, said) = place.s3_as(&root, "us-east-1", "PUT", "/v20180820/configuration/publicAccessBlock", "", &account, restrict).await;
    assert_eq!(status, 201, "{said}");
    let get = async || place.s3_as(&ann, "us-east-1", "GET", "/whole-block/k", "", &[], "").await.0;
    assert_eq!(get().await, 403);
    let said = place.run(&["plan", "--deny-widening", &closed]).await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.out.contains("and user ann of 111111111111 gain s3:GetObject, s3:ListBucket on whole-block, whole-block/*"), "{}", said.out);
    place.good(&["apply", "--auto-approve", &closed]).await;
    assert_eq!(get().await, 200);
}

/// ACLs stay while they do not count.
#[tokio::test]
async fn acls_that_count_again() {
    let place = Place::new(Options::default());
    let with = |ownership: &str| {
        let text = format!("{HEAD}[buckets.acl-again]\ncreate = true\nownership = \"{ownership}\"\npublic_access_block = false\n");
        manifest(&format!("acl-{ownership}"), &text)
    };
    let (writer, enforced) = (with("ObjectWriter"), with("BucketOwnerEnforced"));
    place.good(&["apply", "--auto-approve", &writer]).await;
    let root = Credentials { key: PROD.to_owned(), ..Credentials::default() };
    assert_eq!(place.s3_as(&root, "us-east-1", "PUT", "/acl-again/k", "", &[("x-amz-acl", "public-read")], "x").await.0, 200);
    place.good(&["apply", "--auto-approve", &enforced]).await;
    let get = async || place.s3_as(&Credentials::default(), "us-east-1", "GET", "/acl-again/k", "", &[], "").await.0;
    assert_eq!(get().await, 403);
    let said = place.run(&["plan", "--deny-widening", &writer]).await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.out.contains("? anyone, without signing in on bucket acl-again: not decided: ACLs"), "{}", said.out);
    place.good(&["apply", "--auto-approve", &writer]).await;
    assert_eq!(get().await, 200);
}

/// A role that is made anew is another one to those who denied it.
#[tokio::test]
async fn a_deny_that_a_role_made_anew_escapes() {
    let place = Place::with_bucket("path-deny").await;
    put(&place, "/path-deny/k", "", "x").await;
    let with = |path: &str| {
        let text = format!(
            "{HEAD}[buckets.path-deny]\n[roles.R]\npath = \"{path}\"\n[[roles.R.trust]]\naccount = \"dev\"\n\
             [[roles.R.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::path-deny/*\"\n"
        );
        manifest(&format!("path{}", path.len()), &text)
    };
    let (old, new) = (with("/"), with("/x/"));
    place.good(&["apply", "--auto-approve", &old]).await;
    let deny = json!({ "Sid": "Theirs", "Effect": "Deny", "Principal": { "AWS": format!("arn:aws:iam::{PROD}:role/R") }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::path-deny/*" });
    put(&place, "/path-deny", "policy", &json!({ "Version": "2012-10-17", "Statement": [deny] }).to_string()).await;
    let ann = user(&place, DEV, "ann", &allow("sts:AssumeRole")).await;
    let get = async |path: &str| {
        let arn = format!("arn:aws:iam::{PROD}:role{path}R");
        let (status, body) = place.query_as(&ann, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "ann")]).await;
        assert_eq!(status, 200, "{body}");
        assert!(!element(&body, "SessionToken").is_empty());
        place.s3_as(&Credentials::of(&body), "us-east-1", "GET", "/path-deny/k", "", &[], "").await.0
    };
    assert_eq!(get("/").await, 403);
    let said = place.run(&["plan", "--deny-widening", &new]).await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.out.contains("+ role x/R of 222222222222 gains s3:GetObject on path-deny/*"), "{}", said.out);
    place.good(&["apply", "--auto-approve", &new]).await;
    assert_eq!(get("/x/").await, 200);
}

/// Tags of a bucket that decide access are set by another call, which the error names.
#[tokio::test]
async fn tags_of_a_bucket_that_decide_access() {
    let place = Place::new(Options::default());
    let with = |team: &str| {
        let text = format!("{HEAD}[buckets.abac-tags]\ncreate = true\ntags = {{ team = \"{team}\" }}\n");
        manifest(&format!("abac-{team}"), &text)
    };
    place.good(&["apply", "--auto-approve", &with("red")]).await;
    put(&place, "/abac-tags", "abac", "<AbacStatus><Status>Enabled</Status></AbacStatus>").await;
    let said = place.run(&["apply", "--auto-approve", &with("blue")]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    let all = format!("{}{}", said.out, said.err).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(all.contains("set them as the manifest says with `aws s3control tag-resource`"), "{all}");
}
