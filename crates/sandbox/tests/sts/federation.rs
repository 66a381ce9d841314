//! Federated users, and what is told of keys and messages.

use crate::client::{Client, root};
use crate::iam::{A, policy};

#[tokio::test]
async fn a_federated_user_has_what_both_its_user_and_its_policy_let_it() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*"), &policy("Allow", "s3:ListAllMyBuckets", "*")]).await;
    let token = |policy: Option<String>| {
        let (client, ann) = (&client, &ann);
        async move {
            let mut params = vec![("Name", "bob")];
            params.extend(policy.as_deref().map(|p| ("Policy", p)));
            client.query(ann, "sts", "GetFederationToken", &params).await.is(200).keys()
        }
    };
    let all = token(Some(policy("Allow", "*", "*"))).await;
    let who = client.query(&all, "sts", "GetCallerIdentity", &[]).await.is(200);
    assert_eq!((who.one("Arn"), who.one("UserId")), (format!("arn:aws:sts::{A}:federated-user/bob"), format!("{A}:bob")));
    client.s3(&all, "GET", "/", &[], "").await.is(200);
    client.s3(&all, "PUT", "/a-new-bucket", &[], "").await.refuses(403, "AccessDenied");
    // Without a policy there is nothing.
    let none = token(None).await;
    let refused = client.s3(&none, "GET", "/", &[], "").await.refuses(403, "AccessDenied").one("Message");
    assert!(refused.ends_with("because no session policy allows the s3:ListAllMyBuckets action"), "{refused}");
    client.query(&all, "iam", "ListRoles", &[]).await.refuses(403, "InvalidClientTokenId");
    client.query(&all, "sts", "AssumeRole", &[]).await.refuses(403, "AccessDenied");
}

#[tokio::test]
async fn a_key_tells_its_account_and_no_message_is_one() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    assert_eq!(client.query(&root("222222222222"), "sts", "GetAccessKeyInfo", &[("AccessKeyId", &ann.id)]).await.is(200).one("Account"), A);
    client.query(&ann, "sts", "GetAccessKeyInfo", &[("AccessKeyId", "short")]).await.refuses(400, "ValidationError");
    client.query(&ann, "sts", "DecodeAuthorizationMessage", &[("EncodedMessage", "abc")]).await.refuses(400, "InvalidAuthorizationMessageException");
    let bob = client.user("bob", &[]).await;
    client.query(&bob, "sts", "DecodeAuthorizationMessage", &[("EncodedMessage", "abc")]).await.refuses(403, "AccessDenied");
}

/// Its own name is chosen, and what names the user in a bucket's policy is about it: a condition on the user's ARN is not.
#[tokio::test]
async fn a_federated_user_is_named_by_its_user_and_not_by_its_own_name() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "*", "*")]).await;
    let bob = client.user("bob", &[&policy("Allow", "*", "*")]).await;
    let all = policy("Allow", "*", "*");
    let asked = [("Name", "bob"), ("Policy", all.as_str())];
    let token = |user| client.query(user, "sts", "GetFederationToken", &asked);
    let (of_ann, of_bob) = (token(&ann).await.is(200).keys(), token(&bob).await.is(200).keys());
    client.s3(&root(A), "PUT", "/named-bucket", &[], "").await.is(200);
    let deny = |principal: &str, condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":{{"AWS":"{principal}"}},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::named-bucket"{condition}}}]}}"#
        )
    };
    let arn = format!("arn:aws:iam::{A}:user/ann");
    client.s3(&root(A), "PUT", "/named-bucket?policy", &[], deny(&arn, "")).await.is(204);
    client.s3(&of_ann, "GET", "/named-bucket", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&of_bob, "GET", "/named-bucket", &[], "").await.is(200);
    let by_condition = format!(r#","Condition":{{"ArnLike":{{"aws:PrincipalArn":"{arn}"}}}}"#);
    client.s3(&root(A), "PUT", "/named-bucket?policy", &[], deny("*", &by_condition)).await.is(204);
    client.s3(&ann, "GET", "/named-bucket", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&of_ann, "GET", "/named-bucket", &[], "").await.is(200);
}
