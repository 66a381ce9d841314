//! Instance profiles.

use super::{A, Client, TRUST_A, root};

#[tokio::test]
async fn an_instance_profile_shows_its_path_its_tags_and_its_role() {
    let client = Client::new();
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("Path", "/team/"), ("AssumeRolePolicyDocument", TRUST_A)]).await;
    let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")];
    let made = client.must(A, "iam", "CreateInstanceProfile", &[&[("InstanceProfileName", "ip"), ("Path", "/team/")][..], &tag].concat()).await;
    assert_eq!(made.one("InstanceProfile/Arn"), format!("arn:aws:iam::{A}:instance-profile/team/ip"));
    assert_eq!((made.one("InstanceProfile/Path"), made.one("Tags/member/Value")), ("/team/".to_owned(), "x".to_owned()));
    let both = [("InstanceProfileName", "ip"), ("RoleName", "r")];
    client.must(A, "iam", "AddRoleToInstanceProfile", &both).await;
    let read = client.must(A, "iam", "GetInstanceProfile", &[("InstanceProfileName", "ip")]).await;
    assert_eq!(read.all("Roles/member/RoleName"), ["r"]);
    assert_eq!(read.one("Roles/member/Arn"), format!("arn:aws:iam::{A}:role/team/r"));
    assert!(read.one("Roles/member/AssumeRolePolicyDocument").contains("sts%3AAssumeRole"));
    for (call, params) in [
        ("ListInstanceProfiles", vec![("PathPrefix", "/team/")]),
        ("ListInstanceProfilesForRole", vec![("RoleName", "r")]),
        ("GetAccountAuthorizationDetails", vec![("Filter.member.1", "Role")]),
    ] {
        let list = client.must(A, "iam", call, &params).await;
        assert_eq!(list.all("InstanceProfileName"), ["ip"], "{call}");
        assert_eq!(list.all("Roles/member/RoleName"), ["r"], "{call}");
    }
    assert!(client.must(A, "iam", "ListInstanceProfiles", &[("PathPrefix", "/other/")]).await.all("InstanceProfileName").is_empty());
    let ask = |call: &'static str, params: Vec<(&'static str, &'static str)>| {
        let client = &client;
        async move { client.query(&root(A), "iam", call, &params).await }
    };
    ask("AddRoleToInstanceProfile", both.to_vec()).await.refuses(409, "LimitExceeded");
    ask("DeleteRole", vec![("RoleName", "r")]).await.refuses(409, "DeleteConflict");
    ask("DeleteInstanceProfile", vec![("InstanceProfileName", "ip")]).await.refuses(409, "DeleteConflict");
    ask("UntagInstanceProfile", vec![("InstanceProfileName", "ip"), ("TagKeys.member.1", "team")]).await.is(200);
    ask("TagInstanceProfile", vec![("InstanceProfileName", "ip"), ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")]).await.is(200);
    assert_eq!(ask("ListInstanceProfileTags", vec![("InstanceProfileName", "ip")]).await.all("Tags/member/Key"), ["k"]);
    ask("RemoveRoleFromInstanceProfile", both.to_vec()).await.is(200);
    ask("DeleteInstanceProfile", vec![("InstanceProfileName", "ip")]).await.is(200);
    ask("GetInstanceProfile", vec![("InstanceProfileName", "ip")]).await.refuses(404, "NoSuchEntity");
}
