//! Condition keys that IAM sets, and calls that need more than their own action.

use super::{A, Client, policy, policy_if};

/// Condition, call, parameters, allowed.
type Case<'c> = (&'c str, &'c str, Vec<(&'c str, &'c str)>, bool);

#[tokio::test]
async fn keys_are_set_where_iam_sets_them() {
    let arn = |name: &str| format!("arn:aws:iam::{A}:policy/{name}");
    let (read, write) = (arn("read"), arn("write"));
    let text = policy("Allow", "s3:GetObject", "*");
    let trust = super::TRUST_A;
    let cases: Vec<Case<'_>> = vec![
        (r#"{"StringEquals":{"aws:ResourceTag/team":"x"}}"#, "GetRole", vec![("RoleName", "tagged")], true),
        (r#"{"StringEquals":{"aws:ResourceTag/team":"x"}}"#, "GetRole", vec![("RoleName", "plain")], false),
        (r#"{"StringEquals":{"iam:ResourceTag/team":"x"}}"#, "DeleteUser", vec![("UserName", "tagged")], true),
        (r#"{"StringEquals":{"iam:ResourceTag/team":"x"}}"#, "DeleteUser", vec![("UserName", "plain")], false),
        (r#"{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}"#, "GetRole", vec![("RoleName", "plain")], true),
        (r#"{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#, "GetRole", vec![("RoleName", "plain")], false),
        (
            r#"{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::111111111111:policy/read"}}"#,
            "AttachRolePolicy",
            vec![("RoleName", "plain"), ("PolicyArn", &read)],
            true,
        ),
        (
            r#"{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::111111111111:policy/read"}}"#,
            "AttachRolePolicy",
            vec![("RoleName", "plain"), ("PolicyArn", &write)],
            false,
        ),
        (
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111111111111:policy/read"}}"#,
            "CreateUser",
            vec![("UserName", "n"), ("PermissionsBoundary", &read)],
            true,
        ),
        (r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111111111111:policy/read"}}"#, "CreateUser", vec![("UserName", "n")], false),
        // The boundary that is there counts for what is done to who has it.
        (
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111111111111:policy/read"}}"#,
            "PutRolePolicy",
            vec![("RoleName", "bounded"), ("PolicyName", "q"), ("PolicyDocument", &text)],
            true,
        ),
        (
            r#"{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111111111111:policy/read"}}"#,
            "PutRolePolicy",
            vec![("RoleName", "plain"), ("PolicyName", "q"), ("PolicyDocument", &text)],
            false,
        ),
        (r#"{"StringEquals":{"iam:AWSServiceName":"batch.amazonaws.com"}}"#, "CreateServiceLinkedRole", vec![("AWSServiceName", "batch.amazonaws.com")], true),
        (r#"{"StringEquals":{"iam:AWSServiceName":"batch.amazonaws.com"}}"#, "CreateServiceLinkedRole", vec![("AWSServiceName", "rds.amazonaws.com")], false),
        (
            r#"{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}"#,
            "AddRoleToInstanceProfile",
            vec![("InstanceProfileName", "ip"), ("RoleName", "plain")],
            false,
        ),
        (
            r#"{"StringEqualsIfExists":{"iam:PassedToService":"ec2.amazonaws.com"}}"#,
            "AddRoleToInstanceProfile",
            vec![("InstanceProfileName", "ip"), ("RoleName", "plain")],
            true,
        ),
        (
            r#"{"StringEqualsIfExists":{"iam:PassedToService":"lambda.amazonaws.com"}}"#,
            "AddRoleToInstanceProfile",
            vec![("InstanceProfileName", "ip"), ("RoleName", "plain")],
            false,
        ),
        (
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#,
            "TagRole",
            vec![("RoleName", "plain"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "y")],
            true,
        ),
        (r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#, "UntagRole", vec![("RoleName", "tagged"), ("TagKeys.member.1", "other")], false),
    ];
    for (condition, call, params, allowed) in cases {
        let client = Client::new();
        for name in ["read", "write"] {
            client.must(A, "iam", "CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &text)]).await;
        }
        let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")];
        for (name, more) in [("tagged", &tag[..]), ("plain", &[]), ("bounded", &[("PermissionsBoundary", read.as_str())])] {
            let role = [("RoleName", name), ("AssumeRolePolicyDocument", trust)];
            client.must(A, "iam", "CreateRole", &[&role[..], more].concat()).await;
            client.must(A, "iam", "CreateUser", &[&[("UserName", name)][..], more].concat()).await;
        }
        client.must(A, "iam", "CreateInstanceProfile", &[("InstanceProfileName", "ip")]).await;
        let ann = client.user("ann", &[&policy_if("iam:*", "*", condition)]).await;
        let answer = client.query(&ann, "iam", call, &params).await;
        assert_eq!(answer.status == 200, allowed, "{condition} {call} {params:?}: {}", answer.text());
    }
}

/// A group is moved, or gets another name, by who may update it as it is and as it will be.
#[tokio::test]
async fn a_group_is_moved_by_who_may_update_both() {
    let client = Client::new();
    client.must(A, "iam", "CreateGroup", &[("GroupName", "Devs"), ("Path", "/old/")]).await;
    let of = |resource: &str| policy("Allow", "iam:UpdateGroup", &format!("arn:aws:iam::{A}:group/{resource}"));
    let path = [("GroupName", "Devs"), ("NewPath", "/new/")];
    let name = [("GroupName", "Devs"), ("NewGroupName", "Ops")];
    for (user, rights, params, allowed) in [
        ("one", vec![of("old/Devs")], &path, false),
        ("other", vec![of("new/Devs")], &path, false),
        ("both", vec![of("old/Devs"), of("new/Devs")], &path, true),
        ("name", vec![of("new/Devs")], &name, false),
        ("names", vec![of("new/Devs"), of("new/Ops")], &name, true),
    ] {
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        let whose = client.user(user, &rights).await;
        let answer = client.query(&whose, "iam", "UpdateGroup", params).await;
        assert_eq!(answer.status == 200, allowed, "{user}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_call_without_a_name_is_about_the_callers_own_user() {
    let client = Client::new();
    let own = policy("Allow", "iam:*", &format!("arn:aws:iam::{A}:user/${{aws:username}}"));
    let ann = client.user("ann", &[&own]).await;
    client.must(A, "iam", "CreateUser", &[("UserName", "bob")]).await;
    for call in ["GetUser", "ListAccessKeys", "ListMFADevices"] {
        client.query(&ann, "iam", call, &[]).await.is(200);
        client.query(&ann, "iam", call, &[("UserName", "bob")]).await.refuses(403, "AccessDenied");
    }
    assert_eq!(client.query(&ann, "iam", "GetUser", &[]).await.one("User/UserName"), "ann");
}

/// Creating with tags takes the right to tag, for each kind of thing.
#[tokio::test]
async fn tags_at_creation_need_their_own_action() {
    let text = policy("Allow", "s3:GetObject", "*");
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("Role", &[("RoleName", "n"), ("AssumeRolePolicyDocument", super::TRUST_A)]),
        ("User", &[("UserName", "n")]),
        ("Policy", &[("PolicyName", "n"), ("PolicyDocument", &text)]),
        ("InstanceProfile", &[("InstanceProfileName", "n")]),
        ("OpenIDConnectProvider", &[("Url", "https://example.com"), ("ThumbprintList.member.1", "0123456789012345678901234567890123456789")]),
    ];
    let tags = [("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")];
    for (kind, params) in cases {
        let client = Client::new();
        let ann = client.user("ann", &[&policy("Allow", &format!("iam:Create{kind}"), "*")]).await;
        let create = format!("Create{kind}");
        let answer = client.query(&ann, "iam", &create, &[params, &tags[..]].concat()).await.refuses(403, "AccessDenied");
        assert!(answer.one("Message").contains(&format!("not authorized to perform: iam:Tag{kind} on resource: arn:aws:iam::{A}:")), "{}", answer.text());
        client.query(&ann, "iam", &create, params).await.is(200);
    }
}

/// What is to be made is asked of where it is to stand, whatever stands under its name elsewhere.
#[tokio::test]
async fn a_new_role_is_asked_of_its_own_path() {
    let client = Client::new();
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("Path", "/theirs/"), ("AssumeRolePolicyDocument", super::TRUST_A)]).await;
    let ann = client.user("ann", &[&policy("Allow", "iam:*", &format!("arn:aws:iam::{A}:role/ours/*"))]).await;
    let make = [("RoleName", "r"), ("Path", "/ours/"), ("AssumeRolePolicyDocument", super::TRUST_A)];
    client.query(&ann, "iam", "CreateRole", &make).await.refuses(409, "EntityAlreadyExists");
    client.query(&ann, "iam", "GetRole", &[("RoleName", "r")]).await.refuses(403, "AccessDenied");
}
