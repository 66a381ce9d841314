//! Each scenario of the design: plan, apply, plan again, a foreign hand, plan, apply, destroy; with late visibility.

use std::time::Duration;

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::json;

use crate::keys::{key_statements, put_key_policy};
use crate::support::{Place, element, scenario};

const TRUSTING: &str = "222222222222";
const NO_CHANGES: &str = "No changes.";

/// What the scenario relies on and does not make: principals as (account, kind, name), buckets.
struct Setup {
    name: &'static str,
    principals: &'static [(&'static str, &'static str, &'static str)],
    buckets: &'static [&'static str],
    /// The role that the foreign hand spoils.
    role: Option<&'static str>,
    /// The bucket whose policy the foreign hand spoils, and its region.
    bucket: Option<(&'static str, &'static str)>,
    /// A key that is there, its account and region; the foreign hand spoils its policy.
    key: Option<(&'static str, &'static str, &'static str)>,
}

const TLS_ONLY: &str = r#"{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;

async fn prepare(place: &Place, setup: &Setup) {
    for (account, kind, name) in setup.principals {
        match *kind {
            "user" => place.iam(account, "CreateUser", &[("UserName", name)]).await,
            _ => {
                let trust =
                    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
                place.iam(account, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", trust)]).await
            }
        };
    }
    for bucket in setup.buckets {
        assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{bucket}"), "", "").await.0, 200);
        put_policy(place, bucket, "us-east-1", &TLS_ONLY.replace("BUCKET", bucket)).await;
    }
    if let Some((account, region, key)) = setup.key {
        assert!(place.sandbox.add_key(key));
        let mut statements = key_statements(place, account, region, key).await;
        statements.push(theirs());
        put_key_policy(place, account, region, key, &statements).await;
        for bucket in setup.buckets {
            let rule = format!(
                "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{key}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
            );
            assert_eq!(place.s3(TRUSTING, "PUT", &format!("/{bucket}"), "encryption", &rule).await.0, 200);
        }
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
}

/// A statement of somebody else's in a key's policy.
fn theirs() -> serde_json::Value {
    json!({
        "Sid": "Their backups", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::555555555555:root" },
        "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*", "Condition": { "Bool": { "kms:GrantIsForAWSResource": "true" } },
    })
}

async fn put_policy(place: &Place, bucket: &str, region: &str, statements: &str) {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let who = crate::support::Credentials { key: TRUSTING.to_owned(), ..Default::default() };
    let (status, body) = place.s3_as(&who, region, "PUT", &format!("/{bucket}"), "policy", &[], &policy).await;
    assert_eq!(status, 204, "{body}");
}

async fn get_policy(place: &Place, bucket: &str, region: &str) -> serde_json::Value {
    let who = crate::support::Credentials { key: TRUSTING.to_owned(), ..Default::default() };
    let (status, body) = place.s3_as(&who, region, "GET", &format!("/{bucket}"), "policy", &[], "").await;
    if status == 404 { serde_json::Value::Null } else { serde_json::from_str(&body).unwrap() }
}

fn statements(policy: &serde_json::Value) -> Vec<serde_json::Value> {
    policy.get("Statement").and_then(|s| s.as_array()).cloned().unwrap_or_default()
}

/// A statement added, the trust widened, a policy attached, a tag removed, our statement deleted.
async fn foreign_hand(place: &Place, setup: &Setup) {
    if let Some(role) = setup.role {
        let star = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
        place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", role), ("PolicyDocument", star)]).await;
        place.iam(TRUSTING, "AttachRolePolicy", &[("RoleName", role), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
        let sneaky = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", role), ("PolicyName", "sneaky"), ("PolicyDocument", sneaky)]).await;
        place.iam(TRUSTING, "UntagRole", &[("RoleName", role), ("TagKeys.member.1", "team")]).await;
        place.iam(TRUSTING, "TagRole", &[("RoleName", role), ("Tags.member.1.Key", "rogue"), ("Tags.member.1.Value", "yes")]).await;
        place.iam(TRUSTING, "UpdateRole", &[("RoleName", role), ("MaxSessionDuration", "43200")]).await;
    }
    // Whoever can change the metadata lets in whom it likes.
    let providers = place.iam(TRUSTING, "ListSAMLProviders", &[]).await;
    let arn = element(&providers, "Arn");
    if !arn.is_empty() {
        let stranger =
            format!("<EntityDescriptor entityID='https://stranger.example'><X509Certificate>{}</X509Certificate></EntityDescriptor>", "A".repeat(1_000));
        place.iam(TRUSTING, "UpdateSAMLProvider", &[("SAMLProviderArn", &arn), ("SAMLMetadataDocument", &stranger)]).await;
    }
    if let Some(key) = archive_key(place).await {
        let tag = json!({ "TagKey": "rogue", "TagValue": "yes" });
        place.kms(TRUSTING, "eu-west-1", "DisableKeyRotation", &json!({ "KeyId": key })).await;
        place.kms(TRUSTING, "eu-west-1", "UpdateKeyDescription", &json!({ "KeyId": key, "Description": "Mine now" })).await;
        place.kms(TRUSTING, "eu-west-1", "TagResource", &json!({ "KeyId": key, "Tags": [tag] })).await;
        let mut kept = key_statements(place, TRUSTING, "eu-west-1", &key).await;
        kept.retain(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole"));
        kept.push(theirs());
        put_key_policy(place, TRUSTING, "eu-west-1", &key, &kept).await;
    }
    if let Some((bucket, region)) = setup.bucket {
        let mut kept = statements(&get_policy(place, bucket, region).await);
        kept.retain(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole") || s["Action"] == "s3:ListBucket");
        kept.push(serde_json::from_str(&format!(r#"{{"Sid":"Theirs","Effect":"Allow","Principal":{{"AWS":"555555555555"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/theirs/*"}}"#)).unwrap());
        let text: Vec<String> = kept.iter().map(ToString::to_string).collect();
        put_policy(place, bucket, region, &text.join(",")).await;
    }
    if let Some((account, region, key)) = setup.key {
        // Ours go, and one of theirs comes.
        let mut kept = key_statements(place, account, region, key).await;
        kept.retain(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole"));
        kept.push(json!({ "Sid": "New", "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "kms:ScheduleKeyDeletion", "Resource": "*" }));
        put_key_policy(place, account, region, key, &kept).await;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
}

/// The key that a scenario has made, by its alias.
async fn archive_key(place: &Place) -> Option<String> {
    let aliases = place.kms(TRUSTING, "eu-west-1", "ListAliases", &json!({})).await;
    let ours = |alias: &&serde_json::Value| alias["AliasName"] == "alias/data/archive";
    Some(aliases["Aliases"].as_array()?.iter().find(ours)?["TargetKeyId"].as_str()?.to_owned())
}

async fn nothing_of_ours(place: &Place, setup: &Setup) {
    // A key stays, with nothing of ours in its policy.
    if let Some(key) = archive_key(place).await {
        let left = key_statements(place, TRUSTING, "eu-west-1", &key).await;
        let sids: Vec<&str> = left.iter().filter_map(|s| s["Sid"].as_str()).collect();
        assert_eq!(sids, ["Enable IAM User Permissions", "Their backups"]);
        let about = place.kms(TRUSTING, "eu-west-1", "DescribeKey", &json!({ "KeyId": key })).await;
        assert_eq!(about["KeyMetadata"]["KeyState"], "Enabled", "{about}");
    }
    for account in [TRUSTING, "111111111111", "333333333333", "444444444444"] {
        let all = place.iam(account, "GetAccountAuthorizationDetails", &[("MaxItems", "1000")]).await;
        assert!(!all.contains("crossrole"), "{account}: {all}");
        for list in ["ListOpenIDConnectProviders", "ListSAMLProviders"] {
            let providers = place.iam(account, list, &[]).await;
            assert!(element(&providers, "Arn").is_empty(), "{providers}");
        }
    }
    if let Some((account, region, key)) = setup.key {
        let left = key_statements(place, account, region, key).await;
        let sids: Vec<&str> = left.iter().filter_map(|s| s["Sid"].as_str()).collect();
        assert_eq!(sids, ["Enable IAM User Permissions", "Their backups", "New"]);
        let parse = |v: &serde_json::Value| crossrole_policy::parse_value(&serde_json::json!({"Statement": [v]})).unwrap();
        assert_eq!(parse(&left[1]), parse(&theirs()), "a foreign statement means what it meant");
    }
    for bucket in setup.buckets {
        let left = statements(&get_policy(place, bucket, "us-east-1").await);
        let sids: Vec<&str> = left.iter().filter_map(|s| s["Sid"].as_str()).collect();
        let expected: &[&str] = if setup.bucket.is_some_and(|(b, _)| b == *bucket) { &["TlsOnly", "Theirs"] } else { &["TlsOnly"] };
        assert_eq!(sids, expected);
        let tls: serde_json::Value = serde_json::from_str(&TLS_ONLY.replace("BUCKET", bucket)).unwrap();
        let parse = |v: &serde_json::Value| crossrole_policy::parse_value(&serde_json::json!({"Statement": [v]})).unwrap();
        assert_eq!(parse(&left[0]), parse(&tls), "a foreign statement means what it meant");
    }
}

async fn cycle(setup: &Setup) {
    let place = Place::new(Options { visibility_delay: Duration::from_secs(8), ..Options::default() });
    prepare(&place, setup).await;
    let file = scenario(setup.name);
    let first = place.good(&["plan", &file]).await;
    insta::assert_snapshot!(format!("{}_1_first", setup.name), first);
    let changes = place.run(&["plan", &file, "--detailed-exitcode"]).await;
    assert_eq!(changes.exit, Exit::Changes);
    place.good(&["apply", "--auto-approve", &file]).await;
    let again = place.good(&["plan", "--detailed-exitcode", &file]).await;
    assert!(again.starts_with(NO_CHANGES), "{again}");
    foreign_hand(&place, setup).await;
    let drift = place.good(&["plan", &file]).await;
    insta::assert_snapshot!(format!("{}_2_drift", setup.name), drift);
    place.good(&["apply", "--auto-approve", &file]).await;
    let again = place.good(&["plan", "--detailed-exitcode", &file]).await;
    assert!(again.starts_with(NO_CHANGES), "{again}");
    let end = place.good(&["destroy", "--auto-approve", &file]).await;
    assert!(end.contains("\nApplied: "), "{end}");
    nothing_of_ours(&place, setup).await;
    let again = place.good(&["destroy", "--auto-approve", &file]).await;
    assert!(again.contains(NO_CHANGES), "{again}");
    place.assert_no_secret();
}

macro_rules! scenarios {
    ($($test:ident: $setup:expr,)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $test() {
            cycle(&$setup).await;
        })*
    };
}

scenarios! {
    log_analysts: Setup { name: "log-analysts", principals: &[], buckets: &["log-bucket"], role: Some("DevLogAccessRole"), bucket: Some(("log-bucket", "us-east-1")), key: None },
    cross_account_user: Setup { name: "cross-account-user", principals: &[("111111111111", "user", "ExternalUser")], buckets: &[], role: Some("CrossAccountAccessRole"), bucket: None, key: None },
    lambda_service: Setup { name: "lambda-service", principals: &[("111111111111", "role", "LambdaExecutionRole")], buckets: &[], role: Some("LambdaS3Reader"), bucket: None, key: None },
    ec2_service: Setup { name: "ec2-service", principals: &[("333333333333", "role", "EC2Role")], buckets: &[], role: Some("EC2ArtifactReader"), bucket: None, key: None },
    codepipeline_service: Setup { name: "codepipeline-service", principals: &[("333333333333", "role", "CodePipelineRole")], buckets: &[], role: Some("CodePipelineArtifactReader"), bucket: None, key: None },
    guarded_partner: Setup { name: "guarded-partner", principals: &[], buckets: &["partner-exchange"], role: Some("PartnerRole"), bucket: Some(("partner-exchange", "us-east-1")), key: None },
    prod_data: Setup { name: "prod-data", principals: &[], buckets: &[], role: Some("ProdS3RWRole"), bucket: Some(("prod-data-bucket", "ap-southeast-1")), key: None },
    direct_bucket_access: Setup { name: "direct-bucket-access", principals: &[("111111111111", "user", "ExternalUser")], buckets: &["shared-artifacts"], role: None, bucket: Some(("shared-artifacts", "us-east-1")), key: None },
    shared_bucket_read: Setup { name: "shared-bucket-read", principals: &[], buckets: &["shared-bucket"], role: Some("CrossAccountS3ReadRole"), bucket: Some(("shared-bucket", "us-east-1")), key: None },
    encrypted_exchange: Setup {
        name: "encrypted-exchange",
        principals: &[("444444444444", "role", "Uploader"), ("444444444444", "role", "Importer")],
        buckets: &[],
        role: Some("ExchangeReader"),
        bucket: Some(("encrypted-exchange", "eu-west-1")),
        key: Some(("222222222222", "eu-west-1", "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab")),
    },
    foreign_key: Setup {
        name: "foreign-key",
        principals: &[],
        buckets: &["sealed-reports"],
        role: Some("ReportReader"),
        bucket: Some(("sealed-reports", "us-east-1")),
        key: Some(("333333333333", "us-east-1", "arn:aws:kms:us-east-1:333333333333:key/9f8e7d6c-1111-4222-8333-444455556666")),
    },
    made_key: Setup {
        name: "made-key",
        principals: &[("444444444444", "role", "Uploader"), ("444444444444", "role", "Importer")],
        buckets: &[],
        role: Some("ArchiveReader"),
        bucket: Some(("made-key-archive", "eu-west-1")),
        key: None,
    },
    permission_set: Setup {
        name: "permission-set",
        principals: &[],
        buckets: &[],
        role: Some("ReportWriter"),
        bucket: Some(("team-reports", "us-east-1")),
        key: Some(("222222222222", "us-east-1", "arn:aws:kms:us-east-1:222222222222:key/5a6b7c8d-1111-4222-8333-444455556666")),
    },
    saml_federation: Setup { name: "saml-federation", principals: &[], buckets: &["people-reports"], role: Some("ReportReaders"), bucket: Some(("people-reports", "us-east-1")), key: None },
    github_actions: Setup { name: "github-actions", principals: &[], buckets: &["site-bucket"], role: Some("SiteDeployer"), bucket: Some(("site-bucket", "us-east-1")), key: None },
}
