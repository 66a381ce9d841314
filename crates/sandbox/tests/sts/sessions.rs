//! Session tags, keys of users' sessions, and the order in which credentials are looked at.

use crossrole_sandbox::{Options, Sandbox};

use crate::client::{Client, Keys};
use crate::iam::{A, TRUST_A, policy, policy_if};

const ROLE: &str = "arn:aws:iam::111111111111:role/r";

#[tokio::test]
async fn a_tag_of_the_session_hides_the_roles_whatever_its_letters() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    let tag = [("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "role")];
    client.must(A, "iam", "CreateRole", &[&[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST_A)][..], &tag].concat()).await;
    let text = policy_if("iam:ListRoles", "*", r#"{"StringEquals":{"aws:PrincipalTag/TEAM":"session"}}"#);
    client.must(A, "iam", "PutRolePolicy", &[("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", &text)]).await;
    let own = [("RoleArn", ROLE), ("RoleSessionName", "s1")];
    let plain = client.query(&ann, "sts", "AssumeRole", &own).await.is(200).keys();
    client.query(&plain, "iam", "ListRoles", &[]).await.refuses(403, "AccessDenied");
    let tagged = [("Tags.member.1.Key", "tEAM"), ("Tags.member.1.Value", "session")];
    let session = client.query(&ann, "sts", "AssumeRole", &[&own[..], &tagged].concat()).await.is(200).keys();
    client.query(&session, "iam", "ListRoles", &[]).await.is(200);
}

/// GetSessionToken: IAM only with a second factor, STS only what is said.
#[tokio::test]
async fn a_session_of_a_user_can_call_less_than_its_keys() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "*", "*")]).await;
    client.role("r", &policy("Allow", "*", "*")).await;
    let session = client.query(&ann, "sts", "GetSessionToken", &[]).await.is(200).keys();
    client.query(&session, "iam", "ListRoles", &[]).await.refuses(403, "InvalidClientTokenId");
    client.query(&session, "sts", "GetCallerIdentity", &[]).await.is(200);
    client.query(&session, "sts", "AssumeRole", &[("RoleArn", ROLE), ("RoleSessionName", "s1")]).await.is(200);
    for call in ["GetSessionToken", "GetFederationToken"] {
        let answer = client.query(&session, "sts", call, &[("Name", "bob")]).await.refuses(403, "AccessDenied");
        assert_eq!(answer.one("Message"), format!("Cannot call {call} with session credentials"));
    }
    let factor = [("SerialNumber", "arn:aws:iam::111111111111:mfa/any"), ("TokenCode", "123456")];
    let session = client.query(&ann, "sts", "GetSessionToken", &factor).await.is(200).keys();
    client.query(&session, "iam", "ListRoles", &[]).await.is(200);
}

/// The root user's session is the root user, with the same limits.
#[tokio::test]
async fn a_session_of_the_root_user_can_call_less_than_its_keys() {
    let client = Client::new();
    let session = client.query(&crate::client::root("111111111111"), "sts", "GetSessionToken", &[]).await.is(200).keys();
    assert_eq!(client.query(&session, "sts", "GetCallerIdentity", &[]).await.is(200).one("Arn"), "arn:aws:iam::111111111111:root");
    client.s3(&session, "PUT", "/roots", &[("x-amz-security-token", &session.token)], "").await.is(200);
    client.query(&session, "iam", "ListRoles", &[]).await.refuses(403, "InvalidClientTokenId");
    client.query(&session, "sts", "GetSessionToken", &[]).await.refuses(403, "AccessDenied");
}

/// Token and principal are looked at before the signature (argmin, deleted-role matrix over live AWS, July 2026).
#[tokio::test]
async fn credentials_are_looked_at_in_awss_order() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    client.role("r", &policy("Allow", "*", "*")).await;
    let session = client.assume(&ann, "r").await;
    let other = client.assume(&ann, "r").await;
    let with = |secret: &str, token: &str| Keys { id: session.id.clone(), secret: secret.to_owned(), token: token.to_owned() };
    let invalid = (403, "InvalidClientTokenId".to_owned(), "The security token included in the request is invalid.".to_owned());
    let signature = (
        403,
        "SignatureDoesNotMatch".to_owned(),
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.".to_owned(),
    );
    let ask = |keys: Keys| {
        let client = &client;
        async move { client.query(&keys, "sts", "GetCallerIdentity", &[]).await }
    };
    assert_eq!(ask(with("wrong", &session.token)).await.error(), signature);
    assert_eq!(ask(with("wrong", "")).await.error(), invalid);
    assert_eq!(ask(with("wrong", &other.token)).await.error(), invalid);
    assert_eq!(ask(Keys { secret: "wrong".to_owned(), ..ann.clone() }).await.error(), signature);
    assert_eq!(ask(Keys { id: "AKIANOTTHERE00000000".to_owned(), ..ann.clone() }).await.error(), invalid);
    client.must(A, "iam", "DeleteRolePolicy", &[("RoleName", "r"), ("PolicyName", "p")]).await;
    client.must(A, "iam", "DeleteRole", &[("RoleName", "r")]).await;
    client.role("r", &policy("Allow", "*", "*")).await;
    assert_eq!(ask(with("wrong", &session.token)).await.error(), invalid);
    assert_eq!(ask(session.clone()).await.error(), invalid);
}

#[tokio::test]
async fn of_repeated_parameters_the_first_counts() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    client.role("r", &policy("Allow", "*", "*")).await;
    let first = client.query(&ann, "sts", "AssumeRole", &[("RoleArn", ROLE), ("RoleArn", "x"), ("RoleSessionName", "s1"), ("RoleSessionName", "bad/name")]);
    first.await.is(200);
    let second = client.query(&ann, "sts", "AssumeRole", &[("RoleArn", "x"), ("RoleArn", ROLE), ("RoleSessionName", "s1")]);
    second.await.refuses(400, "ValidationError");
}

#[tokio::test]
async fn a_role_tells_when_it_was_last_used() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    client.role("r", &policy("Allow", "*", "*")).await;
    let session = client.assume(&ann, "r").await;
    assert_eq!(client.must(A, "iam", "GetRole", &[("RoleName", "r")]).await.one("RoleLastUsed/Region"), "");
    client.query(&session, "sts", "GetCallerIdentity", &[]).await.is(200);
    let read = client.must(A, "iam", "GetRole", &[("RoleName", "r")]).await;
    assert_eq!((read.one("RoleLastUsed/Region"), read.one("RoleLastUsed/LastUsedDate").len()), ("us-east-1".to_owned(), 20));
}

#[tokio::test]
async fn a_session_policy_has_a_length() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    client.role("r", &policy("Allow", "*", "*")).await;
    let long = policy("Allow", &format!("s3:{}", "x".repeat(2_048)), "*");
    let own = [("RoleArn", ROLE), ("RoleSessionName", "s1"), ("Policy", long.as_str())];
    let answer = client.query(&ann, "sts", "AssumeRole", &own).await.refuses(400, "ValidationError");
    assert!(answer.one("Message").ends_with("at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"));
    let short = policy("Allow", "s3:*", "*");
    let answer = client.query(&ann, "sts", "AssumeRole", &[own[0], own[1], ("Policy", short.as_str())]).await.is(200);
    assert!((1..100).contains(&answer.one("PackedPolicySize").parse::<u32>().unwrap()));
}

/// A state that was kept when session policies had no names is still read, and its sessions are as narrow as they were.
#[tokio::test]
async fn a_session_of_a_state_of_before_keeps_its_policy() {
    let mut client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    client.role("r", &policy("Allow", "iam:*", "*")).await;
    let narrow = policy("Allow", "iam:ListRoles", "*");
    let own = [("RoleArn", ROLE), ("RoleSessionName", "s1"), ("Policy", narrow.as_str())];
    let session = client.query(&ann, "sts", "AssumeRole", &own).await.is(200).keys();
    let mut state: serde_json::Value = serde_json::from_slice(&client.sandbox.snapshot().unwrap()).unwrap();
    let kept = &mut state["sessions"][&session.id]["policies"];
    assert!(kept[0].is_array(), "{kept}");
    *kept = serde_json::json!([kept[0][1]]);
    client.sandbox = Sandbox::restore(state.to_string().as_bytes(), Options::default()).unwrap();
    client.query(&session, "iam", "ListRoles", &[]).await.is(200);
    client.query(&session, "iam", "ListUsers", &[]).await.refuses(403, "AccessDenied");
}

/// What a session hands on, it sets again at the next role.
#[tokio::test]
async fn what_is_handed_on_takes_the_right_at_the_next_role() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "sts:*", "*")]).await;
    let open = TRUST_A.replace(r#""sts:TagSession""#, r#""sts:TagSession","sts:SetSourceIdentity""#);
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &open)]).await;
    let all = policy("Allow", "sts:*", "*");
    client.must(A, "iam", "PutRolePolicy", &[("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", &all)]).await;
    let session = [("RoleArn", ROLE), ("RoleSessionName", "s1")];
    let tagged = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v"), ("TransitiveTagKeys.member.1", "k")];
    let kept = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    let named = [("SourceIdentity", "alice")];
    let cases = [(&[][..], None), (&kept[..], None), (&tagged[..], Some("sts:TagSession")), (&named[..], Some("sts:SetSourceIdentity"))];
    for (at, (brought, asks)) in cases.into_iter().enumerate() {
        let first = client.query(&ann, "sts", "AssumeRole", &[&session[..], brought].concat()).await.is(200).keys();
        for all in [false, true] {
            let actions = if all { r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"# } else { r#""sts:AssumeRole""# };
            let trust = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ROLE}"}},"Action":{actions}}}]}}"#);
            let name = format!("next-{at}-{all}");
            client.must(A, "iam", "CreateRole", &[("RoleName", &name), ("AssumeRolePolicyDocument", &trust)]).await;
            let arn = format!("arn:aws:iam::{A}:role/{name}");
            let answer = client.query(&first, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "s2")]).await;
            match asks.filter(|_| !all) {
                None => drop(answer.is(200)),
                Some(asks) => {
                    let said = answer.refuses(403, "AccessDenied").one("Message");
                    assert!(said.contains(&format!("is not authorized to perform: {asks} on resource: {arn}")), "{said}");
                }
            }
        }
    }
}
