//! The policy simulator.

use super::{A, Client, policy, root};

const FROM_OFFICE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]}"#;

#[tokio::test]
async fn it_decides_as_calls_are_decided() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "iam:Get*", "*"), &policy("Deny", "iam:GetRole", "*")]).await;
    let arn = format!("arn:aws:iam::{A}:user/ann");
    let mut answers = Vec::new();
    for (action, params) in [("GetRole", [("RoleName", "r")]), ("GetUser", [("UserName", "ann")]), ("DeleteUser", [("UserName", "x")])] {
        let params_of = [("PolicySourceArn", arn.as_str()), ("ActionNames.member.1", &format!("iam:{action}"))];
        let said = client.must(A, "iam", "SimulatePrincipalPolicy", &params_of).await.one("EvalDecision");
        let real = client.query(&ann, "iam", action, &params).await;
        assert_eq!(said == "allowed", real.status != 403, "{action}");
        answers.push(said);
    }
    assert_eq!(answers, ["explicitDeny", "allowed", "implicitDeny"]);
}

#[tokio::test]
async fn missing_keys_are_told_and_given_ones_count() {
    let client = Client::new();
    let ask = |more: Vec<(&'static str, &'static str)>| {
        let client = &client;
        async move {
            let mut params =
                vec![("PolicyInputList.member.1", FROM_OFFICE), ("ActionNames.member.1", "s3:GetObject"), ("ResourceArns.member.1", "arn:aws:s3:::data/k")];
            params.extend(more);
            client.must(A, "iam", "SimulateCustomPolicy", &params).await
        }
    };
    let without = ask(vec![]).await;
    assert_eq!(without.all("ResourceSpecificResults/member/MissingContextValues/member"), ["aws:PrincipalTag/team", "aws:SourceIp"]);
    assert_eq!(without.one("EvalDecision"), "implicitDeny");
    let with = |ip: &'static str| {
        vec![
            ("ContextEntries.member.1.ContextKeyName", "aws:SourceIp"),
            ("ContextEntries.member.1.ContextKeyType", "ip"),
            ("ContextEntries.member.1.ContextKeyValues.member.1", ip),
            ("ContextEntries.member.2.ContextKeyName", "aws:PrincipalTag/team"),
            ("ContextEntries.member.2.ContextKeyType", "string"),
            ("ContextEntries.member.2.ContextKeyValues.member.1", "data"),
        ]
    };
    assert_eq!(ask(with("203.0.113.9")).await.one("EvalDecision"), "allowed");
    assert_eq!(ask(with("198.51.100.9")).await.one("EvalDecision"), "implicitDeny");
    let keys = client.must(A, "iam", "GetContextKeysForCustomPolicy", &[("PolicyInputList.member.1", FROM_OFFICE)]).await;
    assert_eq!(keys.all("ContextKeyNames/member"), ["aws:PrincipalTag/team", "aws:SourceIp"]);
}

#[tokio::test]
async fn boundaries_and_other_accounts_have_their_own_lines() {
    let client = Client::new();
    let ask = |more: Vec<(&'static str, String)>| {
        let client = &client;
        async move {
            let mut params = vec![
                ("PolicyInputList.member.1", policy("Allow", "s3:*", "*")),
                ("ActionNames.member.1", "s3:GetObject".to_owned()),
                ("ResourceArns.member.1", "arn:aws:s3:::data/k".to_owned()),
                ("CallerArn", format!("arn:aws:iam::{A}:user/ann")),
            ];
            params.extend(more);
            let params: Vec<(&str, &str)> = params.iter().map(|(k, v)| (*k, v.as_str())).collect();
            client.must(A, "iam", "SimulateCustomPolicy", &params).await
        }
    };
    let bounded = ask(vec![("PermissionsBoundaryPolicyInputList.member.1", policy("Allow", "iam:*", "*"))]).await;
    assert_eq!((bounded.one("EvalDecision"), bounded.one("AllowedByPermissionsBoundary")), ("implicitDeny".to_owned(), "false".to_owned()));
    let owner = ("ResourceOwner", "arn:aws:iam::222222222222:root".to_owned());
    let alone = ask(vec![owner.clone()]).await;
    assert_eq!(alone.one("EvalDecision"), "implicitDeny");
    assert_eq!(alone.all("EvalDecisionDetails/entry/value"), ["allowed", "implicitDeny"]);
    let bucket = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    let both = ask(vec![owner, ("ResourcePolicy", bucket.to_owned())]).await;
    assert_eq!(both.one("EvalDecision"), "allowed", "{}", both.text());
    assert_eq!(both.all("MatchedStatements/member/SourcePolicyType")[..2], ["IAM Policy", "Resource Policy"]);
}

#[tokio::test]
async fn what_can_not_be_simulated_is_refused() {
    let client = Client::new();
    let ask = |params: Vec<(&'static str, &'static str)>| {
        let client = &client;
        async move { client.query(&root(A), "iam", "SimulatePrincipalPolicy", &params).await }
    };
    let ghost = "arn:aws:iam::111111111111:user/ghost";
    ask(vec![("PolicySourceArn", ghost), ("ActionNames.member.1", "s3:GetObject")]).await.refuses(404, "NoSuchEntity");
    ask(vec![("PolicySourceArn", "arn:aws:iam::222222222222:user/x"), ("ActionNames.member.1", "s3:GetObject")]).await.refuses(400, "InvalidInput");
    ask(vec![("PolicySourceArn", ghost)]).await.refuses(400, "ValidationError");
    ask(vec![("PolicySourceArn", ghost), ("ActionNames.member.1", "GetObject")]).await.refuses(400, "InvalidInput");
}
