//! Known-bad accounts, modelled after what public scanners are tested with: the facts are theirs, the policies are ours.
//!
//! CloudMapper (its demo account), Prowler (tests of its checks of IAM, S3, KMS and CloudTrail), ScoutSuite (rules on roles that anyone may
//! assume, and on those without external id and second factor), CloudSploit (`crossAccountMfaExtIdMissing`, `bucketCrossAccountAccess`),
//! CFRipper (`CrossAccountTrustRule`, `S3CrossAccountTrustRule`), Steampipe's perimeter benchmark (shared and public access), Checkov
//! (`CKV_AWS_358`, tokens of GitHub), and PMapper (steps between accounts that need both sides).

use std::collections::BTreeSet;
use std::fs;

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::{Value, json};

use crate::estate::{DEV, MAIN, VENDOR, lets, role};
use crate::support::{Credentials, Place, root};

/// Which scanner knows it, its name here, whom it lets in and when, and the rules that it breaks; none of what the scanner passes.
type Case = (&'static str, &'static str, Value, Value, &'static [&'static str]);

fn roles() -> Vec<Case> {
    let aws = |who: String| json!({ "AWS": who });
    let vendor_root = || aws(format!("arn:aws:iam::{VENDOR}:root"));
    let id = || json!({ "StringEquals": { "sts:ExternalId": "c0ffee" } });
    let github =
        |sub: &str| json!({ "StringLike": { "token.actions.githubusercontent.com:sub": sub, "token.actions.githubusercontent.com:aud": "sts.amazonaws.com" } });
    let hub = || json!({ "Federated": format!("arn:aws:iam::{MAIN}:oidc-provider/token.actions.githubusercontent.com") });
    let pool = || json!({ "Federated": "cognito-identity.amazonaws.com" });
    vec![
        ("CloudMapper", "MapperAnyone", aws("*".into()), Value::Null, &["anyone"]),
        ("CloudMapper", "MapperService", json!({ "Service": "ecs-tasks.amazonaws.com" }), Value::Null, &[]),
        ("ScoutSuite", "ScoutAnyoneWithId", aws("*".into()), id(), &["anyone"]),
        ("ScoutSuite", "ScoutNeither", vendor_root(), Value::Null, &["account-wide", "no-external-id"]),
        ("CloudSploit", "SploitWithId", vendor_root(), id(), &[]),
        ("CloudSploit", "SploitMfaAlone", vendor_root(), json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), &["account-wide", "no-external-id"]),
        ("Prowler", "ProwlerOtherAccount", aws(VENDOR.into()), Value::Null, &["account-wide", "no-external-id"]),
        ("Prowler", "ProwlerSameAccount", aws(format!("arn:aws:iam::{MAIN}:root")), Value::Null, &[]),
        ("CFRipper", "RipperNamed", aws(format!("arn:aws:iam::{VENDOR}:role/Scanner")), Value::Null, &["no-external-id"]),
        ("CFRipper", "RipperInvertedId", vendor_root(), json!({ "StringNotEquals": { "sts:ExternalId": "c0ffee" } }), &["account-wide", "no-external-id"]),
        ("Steampipe", "SteampipeOrg", aws("*".into()), json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }), &[]),
        ("Steampipe", "SteampipeAnyOrg", aws("*".into()), json!({ "StringLike": { "aws:PrincipalOrgID": "o-*" } }), &["anyone"]),
        ("Steampipe", "SteampipeArnOfAny", aws("*".into()), json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/*" } }), &["anyone"]),
        ("Checkov", "CheckovAll", hub(), github("repo:*"), &["tokens-not-pinned"]),
        ("Checkov", "CheckovOwner", hub(), github("repo:example-org/*"), &["tokens-not-pinned"]),
        ("Checkov", "CheckovPinned", hub(), github("repo:example-org/site:ref:refs/heads/main"), &[]),
        (
            "ScoutSuite",
            "ScoutPool",
            pool(),
            json!({ "StringEquals": { "cognito-identity.amazonaws.com:aud": "us-east-1:12345678-1234-1234-1234-123456789012" } }),
            &[],
        ),
        (
            "ScoutSuite",
            "ScoutAnyPool",
            pool(),
            json!({ "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "unauthenticated" } }),
            &["tokens-not-pinned"],
        ),
    ]
}

fn buckets() -> Vec<Case> {
    let anyone = || json!({ "AWS": "*" });
    let vendor = || json!({ "AWS": format!("arn:aws:iam::{VENDOR}:root") });
    let kms = |key: &str, value: &str| json!({ "StringEquals": { key: value } });
    vec![
        ("Prowler", "prowler-public", json!("*"), Value::Null, &["anyone"]),
        ("Prowler", "prowler-by-address", anyone(), json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), &[]),
        ("Prowler", "prowler-by-any-address", anyone(), json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }), &["anyone"]),
        ("Prowler", "prowler-secure-transport", anyone(), json!({ "Bool": { "aws:SecureTransport": "true" } }), &["anyone"]),
        ("CloudSploit", "sploit-cross-account", vendor(), Value::Null, &["account-wide"]),
        ("CFRipper", "ripper-by-referer", anyone(), json!({ "StringLike": { "aws:Referer": "https://example.com/*" } }), &["anyone"]),
        ("Steampipe", "steampipe-account-by-condition", anyone(), kms("aws:PrincipalAccount", VENDOR), &["account-wide"]),
        ("Steampipe", "steampipe-own-by-condition", anyone(), kms("aws:PrincipalAccount", MAIN), &[]),
    ]
}

fn keys() -> Vec<Case> {
    let anyone = || json!({ "AWS": "*" });
    let both = json!({ "StringEquals": { "kms:CallerAccount": MAIN, "kms:ViaService": "ec2.us-east-1.amazonaws.com" } });
    vec![
        ("Prowler", "00000001-0000-4000-8000-000000000000", anyone(), Value::Null, &["anyone"]),
        ("Prowler", "00000002-0000-4000-8000-000000000000", anyone(), both, &[]),
        (
            "Prowler",
            "00000003-0000-4000-8000-000000000000",
            anyone(),
            json!({ "StringEquals": { "kms:ViaService": "ec2.us-east-1.amazonaws.com" } }),
            &["anyone"],
        ),
        ("Prowler", "00000004-0000-4000-8000-000000000000", json!({ "AWS": format!("arn:aws:iam::{VENDOR}:root") }), Value::Null, &["account-wide"]),
    ]
}

fn statement(action: &str, resource: Option<String>, (principal, condition): (&Value, &Value)) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": action });
    if let Some(resource) = resource {
        statement["Resource"] = json!(resource);
    }
    if !condition.is_null() {
        statement["Condition"] = condition.clone();
    }
    statement
}

fn document(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

async fn seeded(place: &Place) {
    role(place, VENDOR, "Scanner", &document(&[statement("sts:AssumeRole", None, (&json!({ "Service": "ec2.amazonaws.com" }), &Value::Null))])).await;
    let hub = [("Url", "https://token.actions.githubusercontent.com"), ("ClientIDList.member.1", "sts.amazonaws.com")];
    place.iam(MAIN, "CreateOpenIDConnectProvider", &hub).await;
    for (_, name, principal, condition, _) in roles() {
        let action = if principal.get("Federated").is_some() { "sts:AssumeRoleWithWebIdentity" } else { "sts:AssumeRole" };
        role(place, MAIN, name, &document(&[statement(action, None, (&principal, &condition))])).await;
    }
    for (_, name, principal, condition, _) in buckets() {
        let path = format!("/{name}");
        assert_eq!(place.s3(MAIN, "PUT", &path, "", "").await.0, 200);
        assert_eq!(place.s3(MAIN, "DELETE", &path, "publicAccessBlock", "").await.0, 204);
        let policy = document(&[statement("s3:GetObject", Some(format!("arn:aws:s3:::{name}/*")), (&principal, &condition))]);
        let (status, said) = place.s3(MAIN, "PUT", &path, "policy", &policy).await;
        assert!(status < 300, "{name}: {said}");
    }
    let who = Credentials { key: MAIN.to_owned(), ..Credentials::default() };
    for (_, id, principal, condition, _) in keys() {
        assert!(place.sandbox.add_key(&format!("arn:aws:kms:us-east-1:{MAIN}:key/{id}")));
        let root = statement("kms:*", Some("*".to_owned()), (&json!({ "AWS": format!("arn:aws:iam::{MAIN}:root") }), &Value::Null));
        let policy = document(&[root, statement("kms:Decrypt", Some("*".to_owned()), (&principal, &condition))]);
        let (status, said) = place.kms_as(&who, "us-east-1", "PutKeyPolicy", &json!({ "KeyId": id, "PolicyName": "default", "Policy": policy })).await;
        assert_eq!(status, 200, "{said}");
    }
}

async fn found(place: &Place, name: &str, accounts: &[&str]) -> Value {
    let folder = root().join(format!("target/test-manifests/{}-corpus-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("crossrole.toml").display().to_string();
    fs::write(&config, "").unwrap();
    let mut words = vec!["audit", "--json", "--config", &config];
    for account in accounts {
        words.extend(["--account", account]);
    }
    let said = place.run(&words).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap()
}

/// Rules about who comes in; the settings of the buckets are what they are.
const OF_WAYS: [&str; 5] = ["anyone", "account-wide", "no-external-id", "no-mfa", "tokens-not-pinned"];

#[tokio::test(start_paused = true)]
async fn what_public_scanners_find_is_found() {
    let place = Place::new(Options::default());
    seeded(&place).await;
    let found = found(&place, "scanners", &[MAIN]).await;
    let of = |object: &str| -> BTreeSet<String> {
        let findings = found["findings"].as_array().unwrap().iter().filter(|one| one["object"] == format!("{MAIN}/{object}"));
        findings.map(|one| one["rule"].as_str().unwrap().to_owned()).filter(|rule| OF_WAYS.contains(&rule.as_str())).collect()
    };
    for (kind, cases) in [("role", roles()), ("bucket", buckets()), ("key", keys())] {
        for (scanner, name, _, _, rules) in cases {
            let expected: BTreeSet<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
            assert_eq!(of(&format!("{kind}/{name}")), expected, "{scanner}: {kind} {name}");
        }
    }
    // Prowler's checks of the account: no trail, no block, and of every bucket that others use no log.
    let rules: BTreeSet<&str> = found["findings"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    for rule in ["no-trail", "account-public-access-not-blocked", "public-access-not-blocked", "no-access-log"] {
        assert!(rules.contains(rule), "{rule}");
    }
}

/// PMapper follows steps where both sides let them: without either there is none.
#[tokio::test(start_paused = true)]
async fn steps_between_accounts_need_both_sides() {
    for (trusted, let_to, steps) in [(true, true, 1), (true, false, 0), (false, true, 0)] {
        let place = Place::new(Options::default());
        let service = document(&[statement("sts:AssumeRole", None, (&json!({ "Service": "ec2.amazonaws.com" }), &Value::Null))]);
        role(&place, DEV, "First", &service).await;
        let by = |account: &str, name: &str| json!({ "AWS": format!("arn:aws:iam::{account}:role/{name}") });
        let trust = if trusted { document(&[statement("sts:AssumeRole", None, (&by(DEV, "First"), &Value::Null))]) } else { service.clone() };
        role(&place, MAIN, "Second", &trust).await;
        role(&place, DEV, "Third", &document(&[statement("sts:AssumeRole", None, (&by(MAIN, "Second"), &Value::Null))])).await;
        lets(&place, MAIN, "Second", "sts:AssumeRole", &format!("arn:aws:iam::{DEV}:role/*")).await;
        if let_to {
            lets(&place, DEV, "First", "sts:AssumeRole", &format!("arn:aws:iam::{MAIN}:role/Second")).await;
        }
        let found = found(&place, "steps", &[MAIN, DEV]).await;
        let chains: Vec<usize> = found["chains"].as_array().unwrap().iter().map(|chain| chain["hops"].as_array().unwrap().len()).collect();
        assert_eq!(chains, vec![2; steps], "{trusted} {let_to}");
    }
}
