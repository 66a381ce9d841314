//! Known-bad accounts, after what public scanners are tested with: the facts are theirs, the policies are ours.
//!
//! Opened, and each distinct shape taken: Prowler (`tests/providers/aws/services`: `iam/lib/policy_test.py`, roles, buckets and keys), Cloud
//! Custodian (`tests/test_iam.py` on its policy checker, `tests/data/iam`, recorded answers of S3 and KMS), Checkov (examples for Terraform
//! and CloudFormation of roles that others assume, tokens of GitHub, wildcards of keys and buckets), CFRipper (`tests/test_templates`),
//! CloudSploit (`*.spec.js` of IAM and S3), CloudGoat (scenarios `vulnerable_cognito`, `rce_web_app`), IAM Vulnerable (`tool-testing`),
//! ScoutSuite (findings of IAM and S3: its own fixtures have none of these), Steampipe's perimeter mod (public and shared access).
//! CloudMapper (its demo account) and PMapper (steps between accounts need both sides) are modelled.
//!
//! Where the evaluator and a scanner differ, what AWS does counts: `repo:owner/*` is of many workloads (Checkov passes it), tokens of a pool
//! are its guests' as well where nothing asks for a sign-in (ScoutSuite passes that), `kms:ViaService` and `aws:ResourceOrgID` say nothing of
//! who comes (Prowler and Custodian pass them), one address is no public (Prowler accuses it), and a condition that nobody can meet lets in
//! nobody. What AWS refuses (`arn:aws:iam::*:root`, `NotPrincipal` with Allow, tokens of GitHub of any subject) is in no account.

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
    let mfa = || json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let named = |name: &str| json!({ "StringLike": { "aws:PrincipalArn": format!("arn:aws:iam::{DEV}:{name}") } });
    let dev = || aws(format!("arn:aws:iam::{DEV}:root"));
    let service = |name: &str| json!({ "Service": name });
    let eks = || json!({ "Federated": format!("arn:aws:iam::{MAIN}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF") });
    let pool_of = |amr: &str| {
        let aud = json!({ "cognito-identity.amazonaws.com:aud": "eu-west-1:12345678-1234-1234-1234-123456789012" });
        json!({ "StringEquals": aud, "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": amr } })
    };
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
        ("CloudSploit", "SploitMfaAlone", vendor_root(), mfa(), &["account-wide"]),
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
            &["tokens-not-pinned"],
        ),
        ("CloudGoat", "GoatGuests", pool(), pool_of("unauthenticated"), &["tokens-not-pinned"]),
        (
            "ScoutSuite",
            "ScoutAnyPool",
            pool(),
            json!({ "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "unauthenticated" } }),
            &["tokens-not-pinned"],
        ),
        ("Prowler", "ProwlerRootAndStar", json!({ "AWS": [format!("arn:aws:iam::{MAIN}:root"), "*"] }), Value::Null, &["anyone"]),
        (
            "Prowler",
            "ProwlerTrailAsPrincipal",
            aws("*".into()),
            json!({ "ArnLike": { "aws:PrincipalArn": format!("arn:aws:cloudtrail:*:{MAIN}:trail/*") } }),
            &[],
        ),
        ("Prowler", "ProwlerOwnByPrincipalArn", aws("*".into()), json!({ "StringLike": { "aws:PrincipalArn": format!("arn:aws:iam::{MAIN}:role/*") } }), &[]),
        (
            "Prowler",
            "ProwlerOfTwo",
            aws("*".into()),
            json!({ "StringEquals": { "aws:PrincipalAccount": [MAIN, VENDOR] } }),
            &["account-wide", "no-external-id"],
        ),
        ("Prowler", "ProwlerServices", json!({ "Service": ["scheduler.amazonaws.com", "events.amazonaws.com"] }), Value::Null, &[]),
        ("Prowler", "ProwlerServiceOfSource", service("workspaces.amazonaws.com"), json!({ "StringLike": { "aws:SourceAccount": [MAIN] } }), &[]),
        ("Prowler", "ProwlerServiceOfResource", service("workspaces.amazonaws.com"), json!({ "StringLike": { "aws:ResourceAccount": [MAIN] } }), &[]),
        ("Prowler", "ProwlerServiceOfPrincipal", service("workspaces.amazonaws.com"), json!({ "StringLike": { "aws:PrincipalAccount": [MAIN] } }), &[]),
        (
            "Custodian",
            "CustodianServiceAndTwo",
            json!({ "Service": "lambda.amazonaws.com", "AWS": [VENDOR, DEV] }),
            Value::Null,
            &["account-wide", "no-external-id"],
        ),
        (
            "Custodian",
            "CustodianOfOrgByName",
            aws("*".into()),
            json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" }, "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/MyRole" } }),
            &[],
        ),
        ("Custodian", "CustodianByUnknownKey", aws("*".into()), json!({ "StringEquals": { "aws:UnknownConditionKey": "some-value" } }), &["anyone"]),
        ("Custodian", "CustodianAtOdds", vendor_root(), json!({ "StringEquals": { "aws:PrincipalAccount": MAIN } }), &[]),
        ("Checkov", "CheckovRoleAndAccount", json!({ "AWS": [format!("arn:aws:iam::{VENDOR}:role/Scanner"), VENDOR] }), id(), &[]),
        (
            "Checkov",
            "CheckovEks",
            eks(),
            json!({ "StringEquals": { "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:sub": "system:serviceaccount:site:web", "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:aud": "sts.amazonaws.com" } }),
            &[],
        ),
        (
            "Checkov",
            "CheckovEksOfAll",
            eks(),
            json!({ "StringEquals": { "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:aud": "sts.amazonaws.com" } }),
            &["tokens-not-pinned"],
        ),
        ("Checkov", "CheckovHalfAnOwner", hub(), github("repo:example-org*"), &["tokens-not-pinned"]),
        ("Checkov", "CheckovWorkflowFirst", hub(), github("workflow:deploy:repo:example-org/site:ref:refs/heads/main"), &["tokens-not-pinned"]),
        ("Checkov", "CheckovEnvironmentFirst", hub(), github("environment:prod:repo:example-org/site"), &["tokens-not-pinned"]),
        ("Checkov", "CheckovAnyBranch", hub(), github("repo:example-org/site:*"), &[]),
        (
            "Checkov",
            "CheckovNoAudience",
            hub(),
            json!({ "StringEquals": { "token.actions.githubusercontent.com:sub": "repo:example-org/site:ref:refs/heads/main" } }),
            &["tokens-not-pinned"],
        ),
        (
            "CloudSploit",
            "SploitFacebook",
            json!({ "Federated": "graph.facebook.com" }),
            json!({ "StringEquals": { "graph.facebook.com:app_id": "1234567890" } }),
            &[],
        ),
        ("CloudGoat", "GoatPool", pool(), pool_of("authenticated"), &[]),
        ("IAM Vulnerable", "VulnerableOwnUser", aws(format!("arn:aws:iam::{MAIN}:root")), Value::Null, &[]),
        ("ScoutSuite", "ScoutIfMfa", vendor_root(), json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "true" } }), &["account-wide", "no-external-id"]),
        ("ScoutSuite", "ScoutEmptyId", vendor_root(), json!({ "StringLike": { "sts:ExternalId": "*" } }), &["account-wide", "no-external-id"]),
        // How an account that is let in as a whole is narrowed, or is not: DEV is one of our own here.
        ("Steampipe", "WideOwn", dev(), Value::Null, &["account-wide"]),
        ("Steampipe", "WideOwnWithMfa", dev(), mfa(), &["account-wide"]),
        ("Steampipe", "WideByAnyArn", dev(), named("*"), &["account-wide"]),
        ("Steampipe", "WideByAnyRole", dev(), named("role/*"), &["account-wide"]),
        ("Steampipe", "WideButOne", dev(), json!({ "StringNotLike": { "aws:PrincipalArn": format!("arn:aws:iam::{DEV}:role/Intern*") } }), &["account-wide"]),
        ("Steampipe", "WideFromOneAddress", dev(), json!({ "IpAddress": { "aws:SourceIp": "203.0.113.7/32" } }), &["account-wide"]),
        ("Steampipe", "WideByOrg", dev(), json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }), &["account-wide"]),
        (
            "Steampipe",
            "WideBeside",
            json!({ "AWS": [format!("arn:aws:iam::{DEV}:root"), format!("arn:aws:iam::{DEV}:role/Deployer")] }),
            Value::Null,
            &["account-wide"],
        ),
        ("Steampipe", "NarrowByRole", dev(), named("role/Deploy*"), &[]),
        ("Steampipe", "NarrowBySet", dev(), named("role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Admin_????????????????"), &[]),
        ("Steampipe", "NarrowByTag", dev(), json!({ "StringEquals": { "aws:PrincipalTag/team": "blue" } }), &[]),
        ("Steampipe", "UsersOfAccount", dev(), named("user/*"), &["account-wide", "no-mfa"]),
        (
            "Steampipe",
            "UsersWithMfa",
            dev(),
            json!({ "StringLike": { "aws:PrincipalArn": format!("arn:aws:iam::{DEV}:user/*") }, "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
            &["account-wide"],
        ),
        ("Steampipe", "OneUserByArn", dev(), named("user/ann"), &["no-mfa"]),
        ("Steampipe", "OneUserOfAnyone", aws("*".into()), named("user/ann"), &["no-mfa"]),
        ("Steampipe", "OneUserByName", dev(), json!({ "StringEquals": { "aws:username": "ann" } }), &["no-mfa"]),
        ("Steampipe", "UsersBySession", dev(), json!({ "StringLike": { "sts:RoleSessionName": "${aws:username}" } }), &["account-wide", "no-mfa"]),
        ("Steampipe", "UserByNull", aws(format!("arn:aws:iam::{DEV}:user/ann")), json!({ "Null": { "aws:MultiFactorAuthAge": "false" } }), &[]),
        ("Steampipe", "UserByPresence", aws(format!("arn:aws:iam::{DEV}:user/ann")), json!({ "Null": { "aws:MultiFactorAuthPresent": "false" } }), &["no-mfa"]),
        ("Steampipe", "UserByAge", aws(format!("arn:aws:iam::{DEV}:user/ann")), json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "3600" } }), &[]),
        (
            "Steampipe",
            "UserByAgeIfThere",
            aws(format!("arn:aws:iam::{DEV}:user/ann")),
            json!({ "NumericLessThanIfExists": { "aws:MultiFactorAuthAge": "3600" } }),
            &["no-mfa"],
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
        ("Prowler", "prowler-star-in-list", json!({ "AWS": [format!("arn:aws:iam::{MAIN}:root"), "*"] }), Value::Null, &["anyone"]),
        ("Prowler", "prowler-in-vpc", json!("*"), kms("aws:SourceVpc", "vpc-12345678"), &[]),
        ("Prowler", "prowler-private-address", json!("*"), json!({ "IpAddress": { "aws:SourceIp": "10.0.0.25" } }), &[]),
        ("Prowler", "prowler-own-root", json!({ "AWS": format!("arn:aws:iam::{MAIN}:root") }), Value::Null, &[]),
        ("Prowler", "prowler-source-any", json!("*"), json!({ "ArnLike": { "aws:SourceArn": "arn:aws:s3:::*" } }), &["anyone"]),
        ("Prowler", "prowler-source-bucket", anyone(), json!({ "ArnLike": { "aws:SourceArn": "arn:aws:s3:::my-bucket" } }), &[]),
        ("Prowler", "prowler-source-any-account", json!("*"), json!({ "ArnLike": { "aws:SourceArn": "arn:aws:lambda:us-east-1:*:function:f" } }), &["anyone"]),
        ("Prowler", "prowler-source-account", anyone(), kms("aws:SourceAccount", MAIN), &[]),
        (
            "Prowler",
            "prowler-service-of-org",
            json!({ "Service": "personalize.amazonaws.com" }),
            json!({ "StringLike": { "aws:SourceOrgID": "o-a1b2c3d4e5" } }),
            &[],
        ),
        (
            "Custodian",
            "custodian-two-roots",
            json!({ "AWS": [format!("arn:aws:iam::{MAIN}:root"), format!("arn:aws:iam::{VENDOR}:root")] }),
            Value::Null,
            &["account-wide"],
        ),
        ("Custodian", "custodian-topic", anyone(), json!({ "ArnEquals": { "aws:sourcearn": format!("arn:aws:sns:us-east-1:{MAIN}:topic-name") } }), &[]),
        ("Custodian", "custodian-endpoint", anyone(), kms("aws:sourceVpce", "vpce-12345678"), &[]),
        ("Custodian", "custodian-any-vpc", anyone(), json!({ "StringLike": { "aws:SourceVpc": "vpc-*" } }), &["anyone"]),
        (
            "Custodian",
            "custodian-two-conditions",
            anyone(),
            json!({ "ArnLike": { "aws:SourceArn": format!("arn:aws:sns:us-east-1:{MAIN}:*") }, "StringEquals": { "aws:sourceVpc": "vpc-12345678" } }),
            &[],
        ),
        (
            "Custodian",
            "custodian-unit",
            anyone(),
            json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"] } }),
            &[],
        ),
        (
            "Custodian",
            "custodian-unit-of-any-org",
            anyone(),
            json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": ["*/r-ab12/ou-ab12-11111111/*"] } }),
            &["anyone"],
        ),
        ("Custodian", "custodian-resource-org", anyone(), kms("aws:ResourceOrgID", "o-a1b2c3d4e5"), &["anyone"]),
        (
            "Custodian",
            "custodian-org-and-account",
            anyone(),
            json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5", "aws:PrincipalAccount": VENDOR } }),
            &["account-wide"],
        ),
        (
            "Custodian",
            "custodian-role-by-arn",
            anyone(),
            json!({ "StringLike": { "aws:PrincipalArn": format!("arn:aws:iam::{VENDOR}:role/MySpecialRole") } }),
            &[],
        ),
        ("Custodian", "custodian-any-role", anyone(), json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/MyRole" } }), &["anyone"]),
        ("Custodian", "custodian-at-odds", vendor(), kms("aws:PrincipalAccount", MAIN), &[]),
        (
            "Custodian",
            "custodian-dead-on",
            vendor(),
            json!({ "StringEquals": { "aws:sourceVpc": "vpc-12345678" }, "StringNotEquals": { "aws:sourceVpc": "vpc-12345678" } }),
            &[],
        ),
        ("Checkov", "checkov-all-but-one", anyone(), json!({ "ArnNotEquals": { "aws:PrincipalArn": format!("arn:aws:iam::{MAIN}:role/x") } }), &["anyone"]),
        (
            "CFRipper",
            "ripper-canonical",
            json!({ "CanonicalUser": "540804c33a284a299d2547575ce1010f2312ef3da9b3a053c8bc45bf233e4353" }),
            Value::Null,
            &["account-wide"],
        ),
        ("CloudGoat", "goat-of-load-balancers", json!({ "AWS": "arn:aws:iam::127311923021:root" }), Value::Null, &["account-wide"]),
    ]
}

/// Buckets by what their ACLs grant, and to whom; nothing blocks public access but where it is said.
type Acl = (&'static str, &'static str, &'static [(&'static str, &'static str)], bool, &'static [&'static str]);

const EVERYONE: &str = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";
const SIGNED: &str = "uri=\"http://acs.amazonaws.com/groups/global/AuthenticatedUsers\"";
const LOGS: &str = "uri=\"http://acs.amazonaws.com/groups/s3/LogDelivery\"";
const STRANGER: &str = "id=\"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be\"";
const CLOUDFRONT: &str = "id=\"c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0\"";

fn acls() -> Vec<Acl> {
    vec![
        ("Prowler", "acl-public-read", &[("x-amz-grant-read", EVERYONE)], false, &["anyone"]),
        ("CFRipper", "acl-public-read-write", &[("x-amz-acl", "public-read-write")], false, &["anyone"]),
        ("Custodian", "acl-public-write", &[("x-amz-grant-write", EVERYONE)], false, &["anyone"]),
        ("Custodian", "acl-signed-read", &[("x-amz-grant-read", SIGNED)], false, &["anyone"]),
        ("CloudSploit", "acl-public-full", &[("x-amz-grant-full-control", EVERYONE)], false, &["anyone"]),
        ("Steampipe", "acl-public-read-acp", &[("x-amz-grant-read-acp", EVERYONE)], false, &["anyone"]),
        ("CloudSploit", "acl-logs", &[("x-amz-grant-write", LOGS), ("x-amz-grant-read-acp", LOGS)], false, &[]),
        ("CFRipper", "acl-stranger", &[("x-amz-grant-read", STRANGER)], false, &["account-wide"]),
        ("CFRipper", "acl-cloudfront", &[("x-amz-grant-full-control", CLOUDFRONT)], false, &[]),
        ("Prowler", "acl-private", &[("x-amz-acl", "private")], false, &[]),
        ("Prowler", "acl-public-but-ignored", &[("x-amz-acl", "public-read")], true, &[]),
        ("Prowler", "acl-stranger-though-blocked", &[("x-amz-grant-read", STRANGER)], true, &["account-wide"]),
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
        ("Prowler", "00000005-0000-4000-8000-000000000000", anyone(), json!({ "StringEquals": { "kms:CallerAccount": MAIN } }), &[]),
        (
            "Custodian",
            "00000006-0000-4000-8000-000000000000",
            anyone(),
            json!({ "StringLike": { "kms:CallerAccount": "*", "kms:ViaService": "s3.us-east-1.amazonaws.com" } }),
            &["anyone"],
        ),
        ("Custodian", "00000007-0000-4000-8000-000000000000", anyone(), json!({ "StringEquals": { "kms:CallerAccount": VENDOR } }), &["account-wide"]),
        ("Custodian", "00000008-0000-4000-8000-000000000000", json!({ "AWS": format!("arn:aws:iam::{VENDOR}:role/Scanner") }), Value::Null, &[]),
        (
            "Checkov",
            "00000009-0000-4000-8000-000000000000",
            json!({ "AWS": format!("arn:aws:iam::{MAIN}:root") }),
            json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
            &[],
        ),
    ]
}

/// Keys by what is granted, and to whom.
fn grants() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let to = |grantee: String| json!({ "GranteePrincipal": grantee, "Operations": ["Decrypt", "DescribeKey"] });
    vec![
        ("0000000a-0000-4000-8000-000000000000", to(format!("arn:aws:iam::{VENDOR}:root")), &["account-wide"]),
        ("0000000b-0000-4000-8000-000000000000", to(format!("arn:aws:iam::{VENDOR}:role/Scanner")), &[]),
        ("0000000c-0000-4000-8000-000000000000", to(format!("arn:aws:iam::{MAIN}:role/MapperService")), &[]),
        ("0000000d-0000-4000-8000-000000000000", to("rds.amazonaws.com".to_owned()), &[]),
    ]
}

/// Documents of several statements.
fn documents() -> Vec<(&'static str, &'static str, Value, &'static [&'static str])> {
    let to = |effect: &str, who: Value| json!({ "Effect": effect, "Principal": who, "Action": "sts:AssumeRole" });
    let scanner = || json!({ "AWS": format!("arn:aws:iam::{VENDOR}:role/Scanner") });
    let mut with_id = to("Allow", scanner());
    with_id["Condition"] = json!({ "StringEquals": { "sts:ExternalId": "c0ffee" } });
    let mut without_mfa = to("Deny", json!({ "AWS": "*" }));
    without_mfa["Condition"] = json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } });
    let mut without_key = without_mfa.clone();
    without_key["Condition"] = json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } });
    let mut outside = without_mfa.clone();
    outside["Condition"] = json!({ "StringNotEqualsIfExists": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } });
    let mut without_id = without_mfa.clone();
    without_id["Condition"] = json!({ "StringNotEquals": { "sts:ExternalId": "c0ffee" } });
    let ann = || json!({ "AWS": format!("arn:aws:iam::{DEV}:user/ann") });
    vec![
        ("Checkov", "CheckovTwoStatements", json!([with_id, to("Allow", json!({ "AWS": VENDOR }))]), &["account-wide", "no-external-id"]),
        ("Checkov", "CheckovAccountDenied", json!([to("Deny", json!({ "AWS": format!("arn:aws:iam::{DEV}:root") })), with_id]), &[]),
        ("Checkov", "CheckovDenyAlone", json!([to("Deny", json!({ "AWS": "*" }))]), &[]),
        ("IAM Vulnerable", "VulnerableAllowAndDeny", json!([to("Allow", json!({ "AWS": "*" })), to("Deny", json!({ "AWS": "*" }))]), &[]),
        ("Prowler", "ProwlerOrgByDeny", json!([to("Allow", json!({ "AWS": "*" })), outside]), &[]),
        ("Prowler", "ProwlerIdByDeny", json!([to("Allow", scanner()), without_id]), &[]),
        ("Prowler", "ProwlerMfaByDeny", json!([to("Allow", ann()), without_mfa]), &[]),
        ("Prowler", "ProwlerMfaByDenyOfTrue", json!([to("Allow", ann()), without_key]), &["no-mfa"]),
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

/// Makes a role; all that are refused are told at once.
async fn made(place: &Place, name: &str, document: &str, refused: &mut Vec<String>) {
    let (status, said) = place.query(MAIN, "iam", "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", document)]).await;
    if status != 200 {
        refused.push(format!("{name}: {said}"));
    }
}

async fn seeded(place: &Place) {
    let mut refused = Vec::new();
    role(place, VENDOR, "Scanner", &document(&[statement("sts:AssumeRole", None, (&json!({ "Service": "ec2.amazonaws.com" }), &Value::Null))])).await;
    let hub = [("Url", "https://token.actions.githubusercontent.com"), ("ClientIDList.member.1", "sts.amazonaws.com")];
    place.iam(MAIN, "CreateOpenIDConnectProvider", &hub).await;
    let eks = [("Url", "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"), ("ClientIDList.member.1", "sts.amazonaws.com")];
    place.iam(MAIN, "CreateOpenIDConnectProvider", &eks).await;
    place.iam(DEV, "CreateUser", &[("UserName", "ann")]).await;
    role(place, DEV, "Deployer", &document(&[statement("sts:AssumeRole", None, (&json!({ "Service": "ec2.amazonaws.com" }), &Value::Null))])).await;
    for (_, name, statements, _) in documents() {
        made(place, name, &document(statements.as_array().unwrap()), &mut refused).await;
    }
    for (_, name, principal, condition, _) in roles() {
        let action = if principal.get("Federated").is_some() { "sts:AssumeRoleWithWebIdentity" } else { "sts:AssumeRole" };
        made(place, name, &document(&[statement(action, None, (&principal, &condition))]), &mut refused).await;
    }
    for (_, name, principal, condition, _) in buckets() {
        let path = format!("/{name}");
        assert_eq!(place.s3(MAIN, "PUT", &path, "", "").await.0, 200);
        assert_eq!(place.s3(MAIN, "DELETE", &path, "publicAccessBlock", "").await.0, 204);
        let policy = document(&[statement("s3:GetObject", Some(format!("arn:aws:s3:::{name}/*")), (&principal, &condition))]);
        let (status, said) = place.s3(MAIN, "PUT", &path, "policy", &policy).await;
        if status >= 300 {
            refused.push(format!("{name}: {said}"));
        }
    }
    let who = Credentials { key: MAIN.to_owned(), ..Credentials::default() };
    for (_, name, headers, is_blocked, _) in acls() {
        let path = format!("/{name}");
        let owned = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>";
        assert_eq!(place.s3(MAIN, "PUT", &path, "", "").await.0, 200);
        assert_eq!(place.s3(MAIN, "PUT", &path, "ownershipControls", owned).await.0, 200);
        assert_eq!(place.s3(MAIN, "DELETE", &path, "publicAccessBlock", "").await.0, 204);
        let (status, said) = place.s3_as(&who, "us-east-1", "PUT", &path, "acl", headers, "").await;
        if status != 200 {
            refused.push(format!("{name}: {said}"));
        }
        if is_blocked {
            let block = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";
            assert_eq!(place.s3(MAIN, "PUT", &path, "publicAccessBlock", block).await.0, 200);
        }
    }
    for (id, mut input, _) in grants() {
        assert!(place.sandbox.add_key(&format!("arn:aws:kms:us-east-1:{MAIN}:key/{id}")));
        input["KeyId"] = json!(id);
        let (status, said) = place.kms_as(&who, "us-east-1", "CreateGrant", &input).await;
        if status != 200 {
            refused.push(format!("{id}: {said}"));
        }
    }
    for (_, id, principal, condition, _) in keys() {
        assert!(place.sandbox.add_key(&format!("arn:aws:kms:us-east-1:{MAIN}:key/{id}")));
        let root = statement("kms:*", Some("*".to_owned()), (&json!({ "AWS": format!("arn:aws:iam::{MAIN}:root") }), &Value::Null));
        let policy = document(&[root, statement("kms:Decrypt", Some("*".to_owned()), (&principal, &condition))]);
        let (status, said) = place.kms_as(&who, "us-east-1", "PutKeyPolicy", &json!({ "KeyId": id, "PolicyName": "default", "Policy": policy })).await;
        if status != 200 {
            refused.push(format!("{id}: {said}"));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

async fn found(place: &Place, name: &str, accounts: &[&str]) -> Value {
    let folder = root().join(format!("target/test-manifests/{}-corpus-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("crossrole.toml").display().to_string();
    fs::write(
        &config,
        format!("[audit]\nown_accounts = [\"{DEV}\"]\n\n[[audit.suppress]]\nrule = \"not-known\"\nobject = \"bucket/acl-*\"\nreason = \"ACLs of objects\"\n"),
    )
    .unwrap();
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
    let mut wrong = Vec::new();
    let mut held = |scanner: &str, object: String, rules: &[&str]| {
        let expected: BTreeSet<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let found = of(&object);
        if found != expected {
            wrong.push(format!("{scanner}: {object}: {found:?}, not {expected:?}"));
        }
    };
    for (kind, cases) in [("role", roles()), ("bucket", buckets()), ("key", keys())] {
        for (scanner, name, _, _, rules) in cases {
            held(scanner, format!("{kind}/{name}"), rules);
        }
    }
    for (scanner, name, _, rules) in documents() {
        held(scanner, format!("role/{name}"), rules);
    }
    for (scanner, name, _, _, rules) in acls() {
        held(scanner, format!("bucket/{name}"), rules);
    }
    for (id, _, rules) in grants() {
        held("grants", format!("key/{id}"), rules);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(found["not_known"], json!([]));
    // Those who sign are told apart from those who need not.
    let way = |bucket: &str| found["ways"].as_array().unwrap().iter().find(|way| way["object"] == format!("{MAIN}/bucket/{bucket}")).unwrap()["text"].clone();
    let listed = "s3:ListBucket, s3:ListBucketMultipartUploads, s3:ListBucketVersions";
    let signed = format!("any principal of any other account that its own policies let: {listed} on bucket acl-signed-read of {MAIN} by its ACL");
    assert_eq!(way("acl-signed-read"), signed);
    assert_eq!(way("acl-public-read"), format!("anyone, without signing in: {listed} on bucket acl-public-read of {MAIN} by its ACL"));
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
