//! Who may do what: the actions that a call needs beside its own, and the condition keys that it carries.

use crate::client::{Client, Keys, root};

const OWNER: &str = "222222222222";
const OTHER: &str = "111111111111";

/// A user of the account that may do just this, named after it.
async fn user(client: &Client, account: &str, name: &str, statements: &str) -> Keys {
    let who = root(account);
    client.query(&who, "iam", "CreateUser", &[("UserName", name)]).await.is(200);
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    client.query(&who, "iam", "PutUserPolicy", &[("UserName", name), ("PolicyName", "p"), ("PolicyDocument", &policy)]).await.is(200);
    client.query(&who, "iam", "CreateAccessKey", &[("UserName", name)]).await.is(200).keys()
}

fn allow(actions: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"*"{condition}}}"#)
}

async fn with_bucket() -> (Client, Keys) {
    let client = Client::new();
    let owner = root(OWNER);
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    (client, owner)
}

const TAGS: &str = "<Tagging><TagSet><Tag><Key>team</Key><Value>blue</Value></Tag></TagSet></Tagging>";
const VERSIONS: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

#[tokio::test]
async fn headers_need_actions_of_their_own() {
    let (client, _) = with_bucket().await;
    let plain = user(&client, OWNER, "plain", &allow(r#""s3:PutObject","s3:CreateBucket""#, "")).await;
    let full = user(
        &client,
        OWNER,
        "full",
        &allow(r#""s3:PutObject","s3:PutObjectTagging","s3:PutObjectAcl","s3:CreateBucket","s3:TagResource","s3:PutBucketOwnershipControls""#, ""),
    )
    .await;
    let tagged = "<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags></CreateBucketConfiguration>";
    for (target, headers, body) in [
        ("/data/k", [("x-amz-tagging", "team=blue")].as_slice(), "x"),
        ("/data/k", &[("x-amz-acl", "bucket-owner-full-control")], "x"),
        ("/tagged", &[], tagged),
        ("/owned", &[("x-amz-object-ownership", "ObjectWriter")], ""),
    ] {
        client.s3(&plain, "PUT", target, headers, body).await.refuses(403, "AccessDenied");
        client.s3(&full, "PUT", target, headers, body).await.is(200);
    }
    client.s3(&plain, "PUT", "/data/k", &[], "x").await.is(200);
    client.s3(&plain, "POST", "/data/k?uploads", &[("x-amz-tagging", "a=b")], "").await.refuses(403, "AccessDenied");
    client.s3(&plain, "POST", "/data/k?uploads", &[], "").await.is(200);
}

#[tokio::test]
async fn each_step_of_a_multipart_upload_needs_its_action() {
    let (client, owner) = with_bucket().await;
    let reader = user(&client, OWNER, "reader", &allow(r#""s3:GetObject""#, "")).await;
    let writer = user(&client, OWNER, "writer", &allow(r#""s3:PutObject""#, "")).await;
    let ender = user(&client, OWNER, "ender", &allow(r#""s3:AbortMultipartUpload","s3:ListMultipartUploadParts","s3:ListBucketMultipartUploads""#, "")).await;
    client.s3(&reader, "POST", "/data/k?uploads", &[], "").await.refuses(403, "AccessDenied");
    let id = client.s3(&writer, "POST", "/data/k?uploads", &[], "").await.is(200).one("UploadId");
    let part = format!("/data/k?partNumber=1&uploadId={id}");
    client.s3(&reader, "PUT", &part, &[], "x").await.refuses(403, "AccessDenied");
    client.s3(&writer, "PUT", &part, &[], "x").await.is(200);
    let upload = format!("/data/k?uploadId={id}");
    for (who, method, target, status) in [
        (&writer, "GET", "/data?uploads", 403),
        (&ender, "GET", "/data?uploads", 200),
        (&writer, "GET", upload.as_str(), 403),
        (&ender, "GET", &upload, 200),
        (&writer, "DELETE", &upload, 403),
        (&ender, "DELETE", &upload, 204),
    ] {
        assert_eq!(client.s3(who, method, target, &[], "").await.status, status, "{method} {target}");
    }
    client.s3(&owner, "PUT", "/data/src", &[], "x").await.is(200);
    let id = client.s3(&writer, "POST", "/data/k?uploads", &[], "").await.is(200).one("UploadId");
    let part = format!("/data/k?partNumber=1&uploadId={id}");
    client.s3(&writer, "PUT", &part, &[("x-amz-copy-source", "data/src")], "").await.refuses(403, "AccessDenied");
    client.s3(&owner, "PUT", &part, &[("x-amz-copy-source", "data/src")], "").await.is(200);
}

#[tokio::test]
async fn versions_need_the_actions_of_versions() {
    let (client, owner) = with_bucket().await;
    client.s3(&owner, "PUT", "/data?versioning", &[], VERSIONS).await.is(200);
    let first = client.s3(&owner, "PUT", "/data/k", &[], "one").await.is(200).header("x-amz-version-id");
    client.s3(&owner, "PUT", "/data/k", &[], "two").await.is(200);
    let actions = r#""s3:GetObject","s3:GetObjectTagging","s3:GetObjectAcl","s3:DeleteObject","s3:PutObjectTagging","s3:ListBucket","s3:GetObjectAttributes""#;
    let plain = user(&client, OWNER, "plain", &allow(actions, "")).await;
    let actions = r#""s3:GetObjectVersion","s3:GetObjectVersionTagging","s3:GetObjectVersionAcl","s3:DeleteObjectVersion","s3:PutObjectVersionTagging","s3:ListBucketVersions","s3:GetObjectVersionAttributes""#;
    let versioned = user(&client, OWNER, "versioned", &allow(actions, "")).await;
    let attributes = [("x-amz-object-attributes", "ETag")];
    for (method, target, headers, body) in [
        ("GET", format!("/data/k?versionId={first}"), [].as_slice(), ""),
        ("HEAD", format!("/data/k?versionId={first}"), &[], ""),
        ("GET", format!("/data/k?tagging&versionId={first}"), &[], ""),
        ("PUT", format!("/data/k?tagging&versionId={first}"), &[], TAGS),
        ("GET", format!("/data/k?acl&versionId={first}"), &[], ""),
        ("GET", format!("/data/k?attributes&versionId={first}"), &attributes, ""),
        ("GET", "/data?versions".to_owned(), &[], ""),
        ("DELETE", format!("/data/k?versionId={first}"), &[], ""),
    ] {
        assert_eq!(client.s3(&plain, method, &target, headers, body).await.status, 403, "{method} {target}");
        assert!(client.s3(&versioned, method, &target, headers, body).await.status < 300, "{method} {target}");
    }
    assert_eq!(client.s3(&versioned, "GET", "/data/k", &[], "").await.status, 403, "nor the other way");
    client.s3(&plain, "GET", "/data/k", &[], "").await.is(200);
    client.s3(&plain, "GET", "/data?list-type=2", &[], "").await.is(200);
    client.s3(&plain, "DELETE", "/data/k", &[], "").await.is(204);
}

/// Method, target, headers.
type Ask<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Statement of one user, a request that it lets through, and one that it does not.
#[tokio::test]
async fn condition_keys_carry_what_the_request_says() {
    let (client, owner) = with_bucket().await;
    client.s3(&owner, "PUT", "/data?versioning", &[], VERSIONS).await.is(200);
    client.s3(&owner, "PUT", "/data/blue", &[("x-amz-tagging", "team=blue")], "x").await.is(200);
    client.s3(&owner, "PUT", "/data/red", &[("x-amz-tagging", "team=red")], "x").await.is(200);
    let version = client.s3(&owner, "PUT", "/data/one", &[], "x").await.is(200).header("x-amz-version-id");
    let other = client.s3(&owner, "PUT", "/data/one", &[], "y").await.is(200).header("x-amz-version-id");
    let (first, second) = (format!("/data/one?versionId={version}"), format!("/data/one?versionId={other}"));
    let versionid = format!(r#"{{"StringEquals":{{"s3:VersionId":"{version}"}}}}"#);
    let acl = [("x-amz-acl", "bucket-owner-full-control")];
    let (aes, kms) = ([("x-amz-server-side-encryption", "AES256")], [("x-amz-server-side-encryption", "aws:kms")]);
    let (blue, red, size) = ([("x-amz-tagging", "team=blue")], [("x-amz-tagging", "team=red")], [("x-amz-tagging", "team=blue&size=1")]);
    let (hot, cold) = ([("x-amz-storage-class", "STANDARD")], [("x-amz-storage-class", "GLACIER")]);
    let (source, elsewhere) = ([("x-amz-copy-source", "data/blue")], [("x-amz-copy-source", "data/red")]);
    let none: [(&str, &str); 0] = [];
    let put = r#""s3:PutObject","s3:PutObjectTagging","s3:PutObjectAcl","s3:GetObject","s3:GetObjectTagging""#;
    let rows: Vec<(&str, &str, Ask<'_>, Ask<'_>)> = vec![
        (r#""s3:GetObject""#, r#"{"StringEquals":{"s3:ExistingObjectTag/team":"blue"}}"#, ("GET", "/data/blue", &none), ("GET", "/data/red", &none)),
        (
            r#""s3:GetObjectTagging""#,
            r#"{"StringEquals":{"s3:ExistingObjectTag/team":"blue"}}"#,
            ("GET", "/data/blue?tagging", &none),
            ("GET", "/data/red?tagging", &none),
        ),
        (put, r#"{"StringEquals":{"s3:RequestObjectTag/team":"blue"}}"#, ("PUT", "/data/new", &blue), ("PUT", "/data/new", &red)),
        (put, r#"{"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["team"]}}"#, ("PUT", "/data/new", &blue), ("PUT", "/data/new", &size)),
        (put, r#"{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}"#, ("PUT", "/data/new", &acl), ("PUT", "/data/new", &none)),
        (put, r#"{"StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}}"#, ("PUT", "/data/new", &aes), ("PUT", "/data/new", &kms)),
        (put, r#"{"Null":{"s3:x-amz-server-side-encryption":"false"}}"#, ("PUT", "/data/new", &aes), ("PUT", "/data/new", &none)),
        (put, r#"{"StringEquals":{"s3:x-amz-storage-class":"STANDARD"}}"#, ("PUT", "/data/new", &hot), ("PUT", "/data/new", &cold)),
        (r#""s3:GetObjectVersion""#, &versionid, ("GET", &first, &none), ("GET", &second, &none)),
        (r#""s3:ListBucket""#, r#"{"StringLike":{"s3:prefix":"bl*"}}"#, ("GET", "/data?prefix=blue", &none), ("GET", "/data?prefix=red", &none)),
        (
            r#""s3:ListBucketVersions""#,
            r#"{"NumericLessThanEquals":{"s3:max-keys":"5"}}"#,
            ("GET", "/data?versions&max-keys=5", &none),
            ("GET", "/data?versions&max-keys=6", &none),
        ),
        (
            r#""s3:ListBucket""#,
            r#"{"StringEquals":{"s3:delimiter":"/"}}"#,
            ("GET", "/data?list-type=2&delimiter=%2F", &none),
            ("GET", "/data?list-type=2", &none),
        ),
        (r#""s3:GetObject""#, r#"{"StringEquals":{"s3:ResourceAccount":"222222222222"}}"#, ("GET", "/data/blue", &none), ("GET", "/other/blue", &none)),
        (r#""s3:PutObject""#, r#"{"Bool":{"s3:ObjectCreationOperation":"false"}}"#, ("POST", "/data/new?uploads", &none), ("PUT", "/data/new", &none)),
        (r#""s3:PutObject""#, r#"{"Null":{"s3:if-none-match":"false"}}"#, ("PUT", "/data/brand-new", &[("if-none-match", "*")]), ("PUT", "/data/new", &none)),
        (r#""s3:CreateBucket""#, r#"{"StringEquals":{"s3:LocationConstraint":"eu-west-1"}}"#, ("PUT", "/irish", &none), ("PUT", "/american", &none)),
    ];
    client.s3(&root(OTHER), "PUT", "/other", &[], "").await.is(200);
    for (at, (actions, condition, good, bad)) in rows.into_iter().enumerate() {
        let who = user(&client, OWNER, &format!("user-{at}"), &allow(actions, condition)).await;
        let location = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
        let body = |target: &str| if target == "/irish" { location } else { "" };
        let answer = client.s3(&who, good.0, good.1, good.2, body(good.1)).await;
        assert!(answer.status < 300, "{condition} {} {}: {}", good.0, good.1, answer.text());
        let answer = client.s3(&who, bad.0, bad.1, bad.2, body(bad.1)).await;
        assert!(answer.status == 403, "{condition} {} {}: {} {}", bad.0, bad.1, answer.status, answer.text());
    }
    let copier = format!(
        "{},{}",
        allow(r#""s3:GetObject","s3:GetObjectTagging","s3:PutObjectTagging""#, ""),
        allow(r#""s3:PutObject""#, r#"{"StringEquals":{"s3:x-amz-copy-source":"data/blue"}}"#)
    );
    let copier = user(&client, OWNER, "copier", &copier).await;
    client.s3(&copier, "PUT", "/data/copy", &source, "").await.is(200);
    client.s3(&copier, "PUT", "/data/copy", &elsewhere, "").await.refuses(403, "AccessDenied");
}

#[tokio::test]
async fn a_copy_needs_rights_on_both_sides() {
    let (client, owner) = with_bucket().await;
    client.s3(&owner, "PUT", "/data/k", &[("x-amz-tagging", "a=b")], "x").await.is(200);
    let source = [("x-amz-copy-source", "data/k")];
    let rights = [r#""s3:GetObject""#, r#""s3:GetObjectTagging""#, r#""s3:PutObject""#, r#""s3:PutObjectTagging""#];
    for missing in 0..rights.len() {
        let actions: Vec<&str> = rights.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, a)| *a).collect();
        let who = user(&client, OWNER, &format!("without-{missing}"), &allow(&actions.join(","), "")).await;
        assert_eq!(client.s3(&who, "PUT", "/data/copy", &source, "").await.status, 403, "without {}", rights[missing]);
    }
    let all = user(&client, OWNER, "all", &allow(&rights.join(","), "")).await;
    client.s3(&all, "PUT", "/data/copy", &source, "").await.is(200);
}

/// The pattern of every cross-account drop box: the other account may write, if it hands the object over.
#[tokio::test]
async fn the_writer_owns_the_object_unless_it_hands_it_over() {
    let (client, owner) = with_bucket().await;
    let other = root(OTHER);
    let controls = |kind: &str| format!("<OwnershipControls><Rule><ObjectOwnership>{kind}</ObjectOwnership></Rule></OwnershipControls>");
    client.s3(&owner, "PUT", "/data?ownershipControls", &[], controls("BucketOwnerPreferred")).await.is(200);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["s3:PutObject","s3:PutObjectAcl"],"Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&owner, "PUT", "/data?policy", &[], policy).await.is(204);
    client.s3(&other, "PUT", "/data/kept", &[], "x").await.is(200);
    client.s3(&other, "PUT", "/data/given", &[("x-amz-acl", "bucket-owner-full-control")], "x").await.is(200);
    client.s3(&owner, "GET", "/data/given", &[], "").await.is(200);
    client.s3(&owner, "GET", "/data/kept", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&other, "GET", "/data/kept", &[], "").await.is(200);
    client.s3(&owner, "DELETE", "/data/kept", &[], "").await.is(204);
    client.s3(&owner, "PUT", "/data?ownershipControls", &[], controls("BucketOwnerEnforced")).await.is(200);
    client.s3(&other, "PUT", "/data/enforced", &[], "x").await.is(200);
    client.s3(&owner, "GET", "/data/enforced", &[], "").await.is(200);
    client.s3(&other, "PUT", "/data/enforced", &[("x-amz-acl", "bucket-owner-full-control")], "x").await.is(200);
    client.s3(&other, "PUT", "/data/enforced", &[("x-amz-acl", "public-read")], "x").await.refuses(400, "AccessControlListNotSupported");
}

#[tokio::test]
async fn acls_let_in_whom_they_name() {
    let (client, owner) = with_bucket().await;
    let (other, third) = (root(OTHER), root("333333333333"));
    client.s3(&owner, "PUT", "/data?acl", &[("x-amz-acl", "private")], "").await.refuses(400, "AccessControlListNotSupported");
    let controls = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    client.s3(&owner, "PUT", "/data?ownershipControls", &[], controls).await.is(200);
    let id = client.s3(&other, "GET", "/", &[], "").await.is(200).one("Owner/ID");
    assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    client.s3(&owner, "PUT", "/data/k", &[("x-amz-grant-read", &format!("id=\"{id}\""))], "x").await.is(200);
    client.s3(&other, "GET", "/data/k", &[], "").await.is(200);
    client.s3(&third, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    let nobody = crate::client::nobody();
    let refused = client.s3(&owner, "PUT", "/data/k", &[("x-amz-acl", "public-read")], "x").await.refuses(403, "AccessDenied");
    assert!(refused.one("Message").ends_with("because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."));
    client.s3(&owner, "DELETE", "/data?publicAccessBlock", &[], "").await.is(204);
    client.s3(&owner, "PUT", "/data/k", &[("x-amz-acl", "public-read")], "x").await.is(200);
    client.s3(&nobody, "GET", "/data/k", &[], "").await.is(200);
    let ignore = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";
    client.s3(&owner, "PUT", "/data?publicAccessBlock", &[], ignore).await.is(200);
    client.s3(&nobody, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&owner, "PUT", "/data?acl", &[("x-amz-grant-write", &format!("id=\"{id}\""))], "").await.is(200);
    client
        .s3(&owner, "PUT", "/data?ownershipControls", &[], controls.replace("ObjectWriter", "BucketOwnerEnforced"))
        .await
        .refuses(400, "InvalidBucketAclWithObjectOwnership");
}

#[tokio::test]
async fn the_block_of_an_account_counts_for_its_buckets() {
    let (client, owner) = with_bucket().await;
    let (account, nobody) = ([("x-amz-account-id", OWNER)], crate::client::nobody());
    client.s3(&owner, "DELETE", "/data?publicAccessBlock", &[], "").await.is(204);
    client.s3(&owner, "PUT", "/data/k", &[], "x").await.is(200);
    let public = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    client.s3(&owner, "PUT", "/data?policy", &[], public).await.is(204);
    client.s3(&nobody, "GET", "/data/k", &[], "").await.is(200);
    let path = "/v20180820/configuration/publicAccessBlock";
    let all = "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    client.s3(&root(OTHER), "PUT", path, &account, all).await.refuses(403, "AccessDenied");
    assert!(client.s3(&owner, "PUT", path, &account, all).await.status < 300);
    assert_eq!(client.s3(&owner, "GET", path, &account, "").await.is(200).one("RestrictPublicBuckets"), "true");
    client.s3(&nobody, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&owner, "PUT", "/data?policy", &[], public).await.refuses(403, "AccessDenied");
    client.s3(&owner, "DELETE", path, &account, "").await.is(204);
    client.s3(&nobody, "GET", "/data/k", &[], "").await.is(200);
}

#[tokio::test]
async fn tags_of_a_bucket_decide_once_that_is_switched_on() {
    let (client, owner) = with_bucket().await;
    client.s3(&owner, "PUT", "/data?tagging", &[], TAGS).await.is(204);
    client.s3(&owner, "PUT", "/data/k", &[], "x").await.is(200);
    let who = user(&client, OWNER, "blue", &allow(r#""s3:GetObject""#, r#"{"StringEquals":{"aws:ResourceTag/team":"blue"}}"#)).await;
    client.s3(&who, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&owner, "PUT", "/data?abac", &[], "<AbacStatus><Status>Enabled</Status></AbacStatus>").await.is(200);
    client.s3(&who, "GET", "/data/k", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data?tagging", &[], TAGS).await.refuses(400, "InvalidRequest");
    let tags = "<TagResourceRequest><Tags><Tag><Key>team</Key><Value>red</Value></Tag></Tags></TagResourceRequest>";
    let arn = "/v20180820/tags/arn%3Aaws%3As3%3A%3A%3Adata";
    client.s3(&owner, "POST", arn, &[("x-amz-account-id", OWNER)], tags).await.is(204);
    client.s3(&who, "GET", "/data/k", &[], "").await.refuses(403, "AccessDenied");
    client.s3(&owner, "DELETE", &format!("{arn}?tagKeys=team"), &[("x-amz-account-id", OWNER)], "").await.is(204);
    assert!(client.s3(&owner, "GET", arn, &[("x-amz-account-id", OWNER)], "").await.is(200).all("Tag/Key").is_empty());
}

/// Whether a tag is the object's is told to who may read it alone; that it is there, to who may write it.
#[tokio::test]
async fn comparing_needs_the_right_to_read() {
    let (client, owner) = with_bucket().await;
    let writer = user(&client, OWNER, "writer", &allow(r#""s3:PutObject","s3:DeleteObject""#, "")).await;
    let both = user(&client, OWNER, "both", &allow(r#""s3:PutObject","s3:DeleteObject","s3:GetObject""#, "")).await;
    client.s3(&writer, "PUT", "/data/k", &[("if-none-match", "*")], "one").await.is(200);
    client.s3(&writer, "PUT", "/data/k", &[("if-none-match", "*")], "two").await.refuses(412, "PreconditionFailed");
    let one = "\"f97c5d29941bfb1b2fdab0874906ab82\"";
    for tag in [one, "\"wrong\""] {
        client.s3(&writer, "PUT", "/data/k", &[("if-match", tag)], "two").await.refuses(403, "AccessDenied");
        client.s3(&writer, "DELETE", "/data/k", &[("if-match", tag)], "").await.refuses(403, "AccessDenied");
    }
    client.s3(&both, "PUT", "/data/k", &[("if-match", "\"wrong\"")], "two").await.refuses(412, "PreconditionFailed");
    client.s3(&both, "PUT", "/data/k", &[("if-match", one)], "two").await.is(200);
    client.s3(&both, "DELETE", "/data/k", &[("if-match", one)], "").await.refuses(412, "PreconditionFailed");
    client.s3(&both, "DELETE", "/data/k", &[("if-match", "\"b8a9f715dbb64fd5c56e7783c6820a61\"")], "").await.is(204);
    client.s3(&owner, "GET", "/data/k", &[], "").await.refuses(404, "NoSuchKey");
}

/// Requests that are not signed say `anonymous` of who they are from, and nothing of services (IAM User Guide, "AWS global condition context
/// keys").
#[tokio::test]
async fn who_has_not_signed_has_the_keys_of_nobody() {
    let (client, owner) = with_bucket().await;
    let nobody = crate::client::nobody();
    client.s3(&owner, "DELETE", "/data?publicAccessBlock", &[], "").await.is(204);
    client.s3(&owner, "PUT", "/data/k", &[], "x").await.is(200);
    for (condition, status) in [
        (r#"{"StringEqualsIfExists":{"aws:PrincipalAccount":"111111111111"}}"#, 403),
        (r#"{"StringEquals":{"aws:userid":"anonymous"}}"#, 200),
        (r#"{"Bool":{"aws:PrincipalIsAWSService":"false"}}"#, 403),
        (r#"{"Null":{"aws:PrincipalIsAWSService":"true"}}"#, 200),
        (r#"{"StringEquals":{"aws:PrincipalType":"Anonymous"}}"#, 200),
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{condition}}}]}}"#
        );
        client.s3(&owner, "PUT", "/data?policy", &[], policy).await.is(204);
        assert_eq!(client.s3(&nobody, "GET", "/data/k", &[], "").await.status, status, "{condition}");
    }
}
