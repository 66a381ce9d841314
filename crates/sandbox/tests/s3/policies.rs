//! Bucket policies that S3 does not take.

use crate::client::{Client, root};

#[tokio::test]
async fn what_s3_does_not_know_is_refused() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    let combination = "Conditions do not apply to combination of actions and resources in statement";
    for (effect, action, resource, condition, message) in [
        ("Allow", "s3:GetObject", "data/*", r#"{"StringEqual":{"aws:SourceVpc":"vpc-1"}}"#, "Invalid Condition type : StringEqual"),
        ("Allow", "s3:GetObject", "data/*", r#"{"StringEquals":{"aws:NoSuchKey":"a"}}"#, "Policy has an invalid condition key"),
        ("Allow", "s3:GetObject", "data/*", r#"{"StringEquals":{"s3:x-acl":"a"}}"#, "Policy has an invalid condition key"),
        ("Allow", "s3:GetObject", "data/*", r#"{"StringEquals":{"iam:PassedToService":"a"}}"#, "Policy has an invalid condition key"),
        ("Allow", "s3:GetObject", "data/*", r#"{"StringEquals":{"s3:prefix":"a"}}"#, combination),
        ("Allow", r#"s3:ListBucket","s3:GetBucketLocation"#, "data", r#"{"StringEquals":{"s3:prefix":"a"}}"#, combination),
        (
            "Allow",
            "s3:GetObject",
            "data/*",
            r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-02-30T00:00:00Z"}}"#,
            "Invalid value in Conditions for operator DateGreaterThan",
        ),
        ("Allow", "s3:GetObject", "data/*", r#"{"IpAddress":{"aws:SourceIp":"300.1.1.1"}}"#, "Invalid IP address in Conditions"),
        ("Allow", "s4:GetObject", "data/*", "{}", "Policy has invalid action"),
        ("Allow", "iam:GetRole", "data/*", "{}", "Policy has invalid action"),
        ("denY", "s3:GetObject", "data/*", "{}", "Invalid effect: denY"),
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{{"AWS":"111111111111"}},"Action":["{action}"],"Resource":"arn:aws:s3:::{resource}","Condition":{condition}}}]}}"#
        );
        let answer = client.s3(&owner, "PUT", "/data?policy", &[], policy.clone()).await;
        assert_eq!(answer.error(), (400, "MalformedPolicy".to_owned(), message.to_owned()), "{policy}");
    }
    let region = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:us-east-1::data/*"}]}"#;
    let answer = client.s3(&owner, "PUT", "/data?policy", &[], region).await;
    assert_eq!(answer.error().2, "Policy has invalid resource");
}

/// Actions that were added to S3 in the last years, all of them of buckets or objects.
#[tokio::test]
async fn every_action_of_today_may_be_named() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    for action in [
        "CreateBucketMetadataTableConfiguration",
        "DeleteBucketMetadataTableConfiguration",
        "GetBucketAbac",
        "GetBucketMetadataTableConfiguration",
        "GetIntelligentTieringConfiguration",
        "GetObjectVersionTorrent",
        "InitiateReplication",
        "ListTagsForResource",
        "PauseReplication",
        "PutBucketAbac",
        "PutIntelligentTieringConfiguration",
        "TagResource",
        "UntagResource",
        "UpdateBucketMetadataInventoryTableConfiguration",
        "UpdateBucketMetadataJournalTableConfiguration",
        "UpdateObjectEncryption",
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"s3:{action}","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}}]}}"#
        );
        let answer = client.s3(&owner, "PUT", "/data?policy", &[], policy).await;
        assert_eq!(answer.status, 204, "{action}: {}", answer.text());
    }
}

/// The patterns of every guide, conditions included, are taken.
#[tokio::test]
async fn common_policies_are_taken() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    for statement in [
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*","Condition":{"NumericLessThan":{"s3:TlsVersion":"1.2"}}}"#,
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}"#,
        r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::data","Condition":{"StringLike":{"s3:prefix":["${aws:username}/*"]}}}"#,
        r#"{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"aws:SourceAccount":"222222222222"},"ArnLike":{"aws:SourceArn":"arn:aws:s3:::source"}}}"#,
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}"#,
        r#"{"Effect":"Deny","NotPrincipal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#,
    ] {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let answer = client.s3(&owner, "PUT", "/data?policy", &[], policy).await;
        assert_eq!(answer.status, 204, "{statement}: {}", answer.text());
    }
}

/// S3 knows every service and account that a policy can name.
#[tokio::test]
async fn principals_of_other_kinds_exist_too() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    let canonical = "0123456789abcdef".repeat(4);
    for (kind, name, status) in [
        ("Service", "nonsense.amazonaws.com", 400),
        ("Service", "logging.s3.amazonaws.com", 204),
        ("Service", "delivery.logs.amazonaws.com", 204),
        ("CanonicalUser", "0123", 400),
        ("CanonicalUser", canonical.as_str(), 204),
    ] {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"{kind}":"{name}"}},"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}}]}}"#
        );
        let answer = client.s3(&owner, "PUT", "/data?policy", &[], text).await.is(status);
        if status == 400 {
            assert_eq!(answer.one("Message"), "Invalid principal in policy");
            assert_eq!(answer.one("Detail"), format!("\"{kind}\" : \"{name}\""));
        }
    }
}
