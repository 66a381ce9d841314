//! What Terraform's provider reads of each object, so that a second plan has no difference; and the account's own settings.

use super::{A, Client, TRUST_A, policy, root};

/// Every call that a refresh makes answers 200.
#[tokio::test]
async fn a_refresh_is_answered() {
    let client = Client::new();
    let arn = format!("arn:aws:iam::{A}:policy/p");
    let provider = format!("arn:aws:iam::{A}:oidc-provider/example.com");
    client.must(A, "iam", "CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &policy("Allow", "s3:GetObject", "*"))]).await;
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST_A)]).await;
    client.must(A, "iam", "CreateUser", &[("UserName", "u")]).await;
    client.must(A, "iam", "CreateGroup", &[("GroupName", "g")]).await;
    client.must(A, "iam", "CreateOpenIDConnectProvider", &[("Url", "https://example.com"), ("ClientIDList.member.1", "a")]).await;
    let (role, user, group) = ([("RoleName", "r")], [("UserName", "u")], [("GroupName", "g")]);
    let (of_policy, of_provider) = ([("PolicyArn", arn.as_str())], [("OpenIDConnectProviderArn", provider.as_str())]);
    let calls: &[(&str, &[(&str, &str)])] = &[
        ("GetRole", &role),
        ("ListRolePolicies", &role),
        ("ListAttachedRolePolicies", &role),
        ("ListRoleTags", &role),
        ("ListInstanceProfilesForRole", &role),
        ("GetUser", &user),
        ("ListUserPolicies", &user),
        ("ListAttachedUserPolicies", &user),
        ("ListUserTags", &user),
        ("ListGroupsForUser", &user),
        ("ListAccessKeys", &user),
        ("ListMFADevices", &user),
        ("GetGroup", &group),
        ("ListGroupPolicies", &group),
        ("ListAttachedGroupPolicies", &group),
        ("GetPolicy", &of_policy),
        ("ListPolicyVersions", &of_policy),
        ("ListPolicyTags", &of_policy),
        ("ListEntitiesForPolicy", &of_policy),
        ("GetOpenIDConnectProvider", &of_provider),
        ("ListOpenIDConnectProviderTags", &of_provider),
        ("ListOpenIDConnectProviders", &[]),
        ("ListSAMLProviders", &[]),
        ("ListAccountAliases", &[]),
        ("GetAccountSummary", &[]),
        ("ListVirtualMFADevices", &[]),
        ("ListInstanceProfiles", &[]),
    ];
    for (call, params) in calls {
        client.must(A, "iam", call, params).await;
    }
}

#[tokio::test]
async fn the_account_has_one_alias_and_tells_its_numbers() {
    let client = Client::new();
    client.must(A, "iam", "CreateAccountAlias", &[("AccountAlias", "our-account")]).await;
    assert_eq!(client.must(A, "iam", "ListAccountAliases", &[]).await.one("AccountAliases/member"), "our-account");
    client.query(&root(super::B), "iam", "CreateAccountAlias", &[("AccountAlias", "our-account")]).await.refuses(409, "EntityAlreadyExists");
    client.query(&root(A), "iam", "CreateAccountAlias", &[("AccountAlias", "No-")]).await.refuses(400, "ValidationError");
    client.must(A, "iam", "DeleteAccountAlias", &[("AccountAlias", "our-account")]).await;
    assert!(client.must(A, "iam", "ListAccountAliases", &[]).await.all("AccountAliases/member").is_empty());
    client.user("ann", &[]).await;
    let numbers = client.must(A, "iam", "GetAccountSummary", &[]).await;
    let value = |key: &str| numbers.all("entry/value")[numbers.all("entry/key").iter().position(|k| k == key).unwrap()].clone();
    assert_eq!((value("Users"), value("Roles"), value("UsersQuota")), ("1".to_owned(), "0".to_owned(), "5000".to_owned()));
}

#[tokio::test]
async fn a_renamed_user_keeps_its_key_and_stays_the_same_principal() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "iam:GetUser", "*")]).await;
    let arn = format!("arn:aws:iam::{A}:user/ann");
    let trust = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"sts:AssumeRole"}}]}}"#);
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &trust)]).await;
    client.must(A, "iam", "UpdateUser", &[("UserName", "ann"), ("NewUserName", "anna"), ("NewPath", "/x/")]).await;
    let read = client.query(&ann, "iam", "GetUser", &[]).await.is(200);
    assert_eq!(read.one("User/Arn"), format!("arn:aws:iam::{A}:user/x/anna"));
    assert!(client.must(A, "iam", "GetRole", &[("RoleName", "r")]).await.text().contains("user%2Fx%2Fanna"));
    client.assume(&ann, "r").await;
}

#[tokio::test]
async fn a_service_linked_role_is_deleted_by_its_own_call() {
    let client = Client::new();
    client.must(A, "iam", "CreateServiceLinkedRole", &[("AWSServiceName", "batch.amazonaws.com")]).await;
    let name = [("RoleName", "AWSServiceRoleForBatch")];
    client.query(&root(A), "iam", "DeleteRole", &name).await.refuses(400, "UnmodifiableEntity");
    let task = client.must(A, "iam", "DeleteServiceLinkedRole", &name).await.one("DeletionTaskId");
    assert!(task.starts_with("task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/"), "{task}");
    assert_eq!(client.must(A, "iam", "GetServiceLinkedRoleDeletionStatus", &[("DeletionTaskId", &task)]).await.one("Status"), "SUCCEEDED");
    client.query(&root(A), "iam", "GetRole", &name).await.refuses(404, "NoSuchEntity");
    client.query(&root(A), "iam", "CreateServiceLinkedRole", &[("AWSServiceName", "sqs.amazonaws.com")]).await.refuses(501, "NotImplemented");
    client.query(&root(A), "iam", "CreateServiceLinkedRole", &[("AWSServiceName", "nothing.amazonaws.com")]).await.refuses(400, "InvalidInput");
}
