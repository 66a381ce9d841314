//! AWS's own managed policies, and the filters of the list.

use super::{A, Client, TRUST_A, policy, root};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// Names of all pages.
async fn names(client: &Client, params: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut marker = String::new();
    loop {
        let mut all = [params, &[("MaxItems", "1000")]].concat();
        if !marker.is_empty() {
            all.push(("Marker", &marker));
        }
        let page = client.must(A, "iam", "ListPolicies", &all).await;
        found.extend(page.all("Policies/member/PolicyName"));
        if page.one("IsTruncated") != "true" {
            return found;
        }
        marker = page.one("Marker");
    }
}

#[tokio::test]
async fn the_list_keeps_to_its_filters() {
    let client = Client::new();
    for (name, path) in [("held", "/"), ("bounding", "/"), ("unused", "/x/")] {
        let text = policy("Allow", "s3:GetObject", "*");
        client.must(A, "iam", "CreatePolicy", &[("PolicyName", name), ("Path", path), ("PolicyDocument", &text)]).await;
    }
    let (held, bounding) = (format!("arn:aws:iam::{A}:policy/held"), format!("arn:aws:iam::{A}:policy/bounding"));
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST_A), ("PermissionsBoundary", &bounding)]).await;
    client.must(A, "iam", "AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", &held)]).await;
    client.must(A, "iam", "AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", ADMIN)]).await;
    assert_eq!(names(&client, &[("Scope", "Local")]).await, ["bounding", "held", "unused"]);
    assert_eq!(names(&client, &[("Scope", "Local"), ("PathPrefix", "/x/")]).await, ["unused"]);
    assert_eq!(names(&client, &[("OnlyAttached", "true")]).await, ["bounding", "held", "AdministratorAccess"]);
    assert_eq!(names(&client, &[("Scope", "AWS"), ("OnlyAttached", "true")]).await, ["AdministratorAccess"]);
    assert_eq!(names(&client, &[("PolicyUsageFilter", "PermissionsBoundary")]).await, ["bounding"]);
    assert_eq!(names(&client, &[("PolicyUsageFilter", "PermissionsPolicy"), ("Scope", "Local")]).await, ["held"]);
    assert!(names(&client, &[("Scope", "AWS"), ("PathPrefix", "/job-function/")]).await.contains(&"ViewOnlyAccess".to_owned()));
    assert!(names(&client, &[]).await.len() > 1_500);
    client.query(&root(A), "iam", "ListPolicies", &[("Scope", "Some")]).await.refuses(400, "ValidationError");
    let counted = client.must(A, "iam", "GetPolicy", &[("PolicyArn", &bounding)]).await;
    assert_eq!((counted.one("AttachmentCount"), counted.one("PermissionsBoundaryUsageCount")), ("0".to_owned(), "1".to_owned()));
}

#[tokio::test]
async fn a_policy_of_aws_is_read_and_grants_what_it_says() {
    let client = Client::new();
    let read = client.must(A, "iam", "GetPolicy", &[("PolicyArn", READ_ONLY)]).await;
    let version = read.one("DefaultVersionId");
    let text = client.must(A, "iam", "GetPolicyVersion", &[("PolicyArn", READ_ONLY), ("VersionId", &version)]).await;
    assert!(text.one("Document").contains("s3%3AGet%2A"), "{}", text.text());
    let ann = client.user("ann", &[]).await;
    client.query(&ann, "iam", "ListRoles", &[]).await.refuses(403, "AccessDenied");
    client.must(A, "iam", "AttachUserPolicy", &[("UserName", "ann"), ("PolicyArn", READ_ONLY)]).await;
    client.query(&ann, "iam", "ListRoles", &[]).await.is(200);
    client.query(&ann, "iam", "CreateGroup", &[("GroupName", "g")]).await.refuses(403, "AccessDenied");
    let own = client.query(&root(A), "iam", "DeletePolicy", &[("PolicyArn", READ_ONLY)]).await;
    assert_eq!(own.status, 403, "{}", own.text());
}

/// What would grant nothing, silently, is refused.
#[tokio::test]
async fn a_policy_whose_document_is_not_here_is_not_attached() {
    let client = Client::new();
    client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await;
    let attach = |arn: &'static str| {
        let client = &client;
        async move { client.query(&root(A), "iam", "AttachUserPolicy", &[("UserName", "ann"), ("PolicyArn", arn)]).await }
    };
    let unheld = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
    client.must(A, "iam", "GetPolicy", &[("PolicyArn", unheld)]).await;
    assert!(attach(unheld).await.refuses(501, "NotImplemented").one("Message").contains("has not its document"));
    attach("arn:aws:iam::aws:policy/NoSuchPolicyOfAws").await.refuses(404, "NoSuchEntity");
    attach("arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy").await.refuses(400, "PolicyNotAttachable");
}
