//! Object Lock: what is kept, from whom, and until when.

use crate::client::{Client, Keys, root};

const OWNER: &str = "222222222222";
const LATER: &str = "2099-01-01T00:00:00Z";
const PAST: &str = "x-amz-bypass-governance-retention";

/// A bucket `data` with locks, and a user who may do everything but go past them.
async fn with_locks() -> (Client, Keys) {
    let client = Client::new();
    let owner = root(OWNER);
    client.s3(&owner, "PUT", "/data", &[("x-amz-bucket-object-lock-enabled", "true")], "").await.is(200);
    client.query(&owner, "iam", "CreateUser", &[("UserName", "u")]).await.is(200);
    let most = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:BypassGovernanceRetention","Resource":"*"}]}"#;
    client.query(&owner, "iam", "PutUserPolicy", &[("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", most)]).await.is(200);
    let keys = client.query(&owner, "iam", "CreateAccessKey", &[("UserName", "u")]).await.is(200).keys();
    (client, keys)
}

async fn put(client: &Client, headers: &[(&str, &str)]) -> String {
    let id = client.s3(&root(OWNER), "PUT", "/data/k", headers, "kept").await.is(200).header("x-amz-version-id");
    format!("/data/k?versionId={id}")
}

#[tokio::test]
async fn a_version_stays_until_its_date() {
    let (client, user) = with_locks().await;
    let owner = root(OWNER);
    for (mode, past) in [("GOVERNANCE", 204), ("COMPLIANCE", 403)] {
        let version = put(&client, &[("x-amz-object-lock-mode", mode), ("x-amz-object-lock-retain-until-date", LATER)]).await;
        let head = client.s3(&user, "HEAD", &version, &[], "").await.is(200);
        assert_eq!((head.header("x-amz-object-lock-mode").as_str(), head.header("x-amz-object-lock-retain-until-date").as_str()), (mode, LATER));
        let denied = client.s3(&owner, "DELETE", &version, &[], "").await.refuses(403, "AccessDenied");
        assert_eq!(denied.one("Message"), "Access Denied because object protected by object lock.");
        // Who may not go past it, does not by saying so.
        client.s3(&user, "DELETE", &version, &[(PAST, "true")], "").await.refuses(403, "AccessDenied");
        assert_eq!(client.s3(&owner, "DELETE", &version, &[(PAST, "true")], "").await.status, past, "{mode}");
        // A marker over it hides it, and keeps it.
        client.s3(&user, "DELETE", "/data/k", &[], "").await.is(204);
    }
    let many = client.s3(&owner, "GET", "/data?versions", &[], "").await.is(200);
    assert_eq!((many.all("Version/Key").len(), many.all("DeleteMarker/Key").len()), (1, 2));
}

#[tokio::test]
async fn a_hold_is_on_or_off() {
    let (client, _) = with_locks().await;
    let owner = root(OWNER);
    let version = put(&client, &[("x-amz-object-lock-legal-hold", "ON")]).await;
    client.s3(&owner, "DELETE", &version, &[(PAST, "true")], "").await.refuses(403, "AccessDenied");
    let hold = version.replace('?', "?legal-hold&");
    assert_eq!(client.s3(&owner, "GET", &hold, &[], "").await.is(200).one("Status"), "ON");
    client.s3(&owner, "PUT", &hold, &[], "<LegalHold><Status>MAYBE</Status></LegalHold>").await.refuses(400, "MalformedXML");
    client.s3(&owner, "PUT", &hold, &[], "<LegalHold><Status>OFF</Status></LegalHold>").await.is(200);
    client.s3(&owner, "GET", &version.replace('?', "?retention&"), &[], "").await.refuses(404, "NoSuchObjectLockConfiguration");
    client.s3(&owner, "DELETE", &version, &[], "").await.is(204);
}

#[tokio::test]
async fn a_bucket_gives_its_retention_to_what_is_new() {
    let (client, user) = with_locks().await;
    let owner = root(OWNER);
    let rule = |mode: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>{mode}</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
        )
    };
    client.s3(&owner, "PUT", "/data?object-lock", &[], rule("GOVERNANCE")).await.is(200);
    let version = put(&client, &[]).await;
    let retention = version.replace('?', "?retention&");
    let until = client.s3(&user, "GET", &retention, &[], "").await.is(200).one("RetainUntilDate");
    client.s3(&user, "DELETE", &version, &[], "").await.refuses(403, "AccessDenied");
    // Longer is free; shorter and none is for whom may go past it.
    let put = |mode: &str, until: &str| format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
    client.s3(&user, "PUT", &retention, &[], put("GOVERNANCE", LATER)).await.is(200);
    client.s3(&user, "PUT", &retention, &[(PAST, "true")], put("GOVERNANCE", &until)).await.refuses(403, "AccessDenied");
    client.s3(&owner, "PUT", &retention, &[(PAST, "true")], put("GOVERNANCE", &until)).await.is(200);
    client.s3(&owner, "PUT", &retention, &[], put("GOVERNANCE", "2020-01-01T00:00:00Z")).await.refuses(400, "InvalidArgument");
    client.s3(&user, "PUT", &retention, &[], put("COMPLIANCE", LATER)).await.is(200);
    client.s3(&owner, "PUT", &retention, &[(PAST, "true")], "<Retention/>").await.refuses(403, "AccessDenied");
}

#[tokio::test]
async fn locks_need_a_bucket_that_has_them() {
    let client = Client::new();
    let owner = root(OWNER);
    client.s3(&owner, "PUT", "/plain", &[], "").await.is(200);
    let both = [("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", LATER)];
    let answer = client.s3(&owner, "PUT", "/plain/k", &both, "x").await.refuses(400, "InvalidRequest");
    assert_eq!(answer.one("Message"), "Bucket is missing Object Lock Configuration");
    client.s3(&owner, "PUT", "/plain/k", &both[..1], "x").await.refuses(400, "InvalidArgument");
    client.s3(&owner, "PUT", "/plain/k", &[("x-amz-object-lock-mode", "NONE"), both[1]], "x").await.refuses(400, "InvalidArgument");
    client.s3(&owner, "PUT", "/plain/k", &[], "x").await.is(200);
    client.s3(&owner, "GET", "/plain/k?legal-hold", &[], "").await.refuses(400, "InvalidRequest");
}
