//! What rules find and what they leave alone, beside their examples: each line was once missed, or found in what is right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use std::collections::BTreeSet;

use crossrole_lint::guardrails::{self, Guardrails, RoleRule};
use crossrole_lint::{PRELUDE, lint};
use crossrole_model::Source;

/// 2026-07-01.
const NOW: i64 = 1_782_864_000;

/// The rules that a manifest breaks, all of them with a place.
fn broken(text: &str) -> BTreeSet<String> {
    let sources = [Source { file: "example.toml".to_owned(), text: format!("{PRELUDE}{text}") }];
    let (desired, findings) = crossrole_manifest::load(&sources);
    let desired = desired.unwrap_or_else(|| panic!("{}\n{}", crossrole_report::findings(&findings, &sources), sources[0].text));
    let linted = lint(&desired, None, NOW);
    let rules = linted.findings.into_iter().filter(|f| f.span.is_some());
    rules.filter_map(|f| f.rule).collect()
}

fn statement(body: &str) -> String {
    format!("[roles.R]\n\n[[roles.R.trust]]\naccount = \"partner\"\nexternal_id = \"c0ffee\"\n\n[[roles.R.statement]]\n{body}\n")
}

fn trust(body: &str) -> String {
    format!("[roles.R]\n\n[[roles.R.trust]]\n{body}\n")
}

fn bucket(body: &str) -> String {
    format!("[buckets.logs]\n\n[[buckets.logs.statement]]\n{body}\n")
}

fn check(cases: &[(&str, bool, String)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(rule, found, text)| broken(text).contains(*rule) != *found)
        .map(|(rule, found, text)| format!("{rule} is {}found in\n{text}", if *found { "not " } else { "" }))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn on(actions: &str, resources: &str, conditions: &str) -> String {
    statement(&format!("actions = {actions}\nresources = {resources}\nconditions = {{ {conditions} }}"))
}

fn when(conditions: &str) -> String {
    on("\"s3:GetObject\"", "\"arn:aws:s3:::data/*\"", conditions)
}

fn deny(resources: &str, conditions: &str) -> String {
    statement(&format!("effect = \"Deny\"\nactions = \"s3:GetObject\"\nresources = {resources}\nconditions = {{ {conditions} }}"))
}

#[test]
fn conditions_of_bucket_policies_that_actions_do_not_carry() {
    let with = |actions: &str, conditions: &str| {
        let resources = "[\"arn:aws:s3:::logs\", \"arn:aws:s3:::logs/*\"]";
        bucket(&format!("principals = {{ AWS = \"444444444444\" }}\n{actions}\nresources = {resources}\nconditions = {{ {conditions} }}"))
    };
    let acl = "StringEquals = { \"s3:x-amz-acl\" = \"private\" }";
    let prefix = "StringLike = { \"s3:prefix\" = \"a/*\" }";
    let mut cases = Vec::new();
    for (actions, conditions, refused, not_carried) in [
        ("actions = [\"s3:GetObject\", \"s3:PutObject\"]", acl, true, false),
        ("actions = [\"s3:GetObject\", \"s3:PutObject\"]", "Null = { \"S3:X-AMZ-ACL\" = \"true\" }", true, false),
        ("effect = \"Deny\"\nactions = [\"s3:GetObject\", \"s3:PutObject\"]", acl, true, false),
        ("actions = [\"s3:PutObject\", \"s3:PutObjectAcl\"]", acl, false, false),
        ("actions = [\"s3:Get*\", \"s3:PutObject\"]", acl, false, true),
        ("actions = [\"s3:*\"]", acl, false, false),
        ("not_actions = [\"s3:GetObject\"]", acl, false, false),
        ("actions = [\"s3:ListBucket\", \"s3:GetObject\"]", prefix, true, false),
        ("actions = [\"s3:ListBucket\", \"s3:GetBucketLocation\"]", "StringLikeIfExists = { \"s3:prefix\" = \"a/*\" }", true, false),
        ("actions = [\"s3:ListBucket\", \"s3:ListBucketVersions\"]", prefix, false, false),
        ("actions = \"s3:DeleteObject\"", "StringEquals = { \"s3:ExistingObjectTag/team\" = \"data\" }", true, false),
        ("actions = [\"s3:GetObject\", \"s3:GetObjectAttributes\"]", "StringEquals = { \"s3:ExistingObjectTag/team\" = \"data\" }", false, false),
        ("actions = \"s3:GetObject\"", "StringEquals = { \"s3:VersionId\" = \"v\" }", false, true),
        ("actions = \"s3:GetObject\"", "NumericGreaterThan = { \"s3:TlsVersion\" = \"1.2\" }", false, false),
        ("actions = \"s3:GetObject\"", "IpAddress = { \"aws:SourceIp\" = \"203.0.113.0/24\" }", false, false),
    ] {
        cases.push(("condition-refused", refused, with(actions, conditions)));
        cases.push(("condition-not-carried", not_carried, with(actions, conditions)));
    }
    let allow = |body: &str| format!("[buckets.logs]\n\n[[buckets.logs.allow]]\naccount = \"partner\"\n{body}\n");
    cases.push(("condition-refused", true, allow(&format!("access = \"read\"\nconditions = {{ {prefix} }}"))));
    cases.push(("condition-refused", false, allow("access = \"read\"\nprefix = \"a/\"")));
    // IAM takes any condition, and whose it is not, is of no use.
    cases.push(("condition-refused", false, on("\"s3:GetObject\"", "\"arn:aws:s3:::data/*\"", prefix)));
    cases.push(("key-never-present", true, on("\"s3:GetObject\"", "\"arn:aws:s3:::data/*\"", prefix)));
    check(&cases);
}

#[test]
fn whoever_may_assume() {
    let any = |more: &str| trust(&format!("principal = \"*\"\n{more}"));
    let dev = |pattern: &str| trust(&format!("account = \"dev\"\nconditions = {{ ArnLike = {{ \"aws:PrincipalArn\" = \"{pattern}\" }} }}"));
    check(&[
        ("account-wide-trust", true, trust("account = \"dev\"")),
        ("account-wide-trust", false, trust("permission_set = \"dev/Ops\"")),
        ("account-wide-trust", false, dev("arn:aws:iam::111111111111:role/Deployer")),
        ("account-wide-trust", true, dev("arn:aws:iam::111111111111:role/*")),
        ("anyone-may-assume", true, any("")),
        ("anyone-may-assume", true, any("external_id = \"c0ffee\"")),
        ("anyone-may-assume", true, any("mfa = true")),
        ("anyone-may-assume", true, any("conditions = { StringNotEquals = { \"aws:PrincipalAccount\" = \"444444444444\" } }")),
        ("anyone-may-assume", true, any("conditions = { ArnLikeIfExists = { \"aws:PrincipalArn\" = \"arn:aws:iam::444444444444:role/x\" } }")),
        ("anyone-may-assume", true, any("conditions = { ArnLike = { \"aws:PrincipalArn\" = \"*\" } }")),
        ("anyone-may-assume", false, any("conditions = { StringEquals = { \"aws:PrincipalOrgID\" = \"o-example1234\" } }")),
        ("anyone-may-assume", false, any("conditions = { ArnLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::444444444444:role/x*\" } }")),
        ("anyone-may-assume", false, trust("organization = \"o-example1234\"")),
        ("anyone-may-assume", false, trust("organizational_unit = \"o-example1234/r-ab12/ou-ab12-11111111\"")),
        ("anyone-may-assume", false, trust("principal = \"arn:aws:iam::444444444444:role/x\"")),
    ]);
}

/// A whole unit of an organization is not everyone.
#[test]
fn units_of_an_organization_are_not_everyone() {
    let unit = "[buckets.logs]\n\n[[buckets.logs.allow]]\naccess = \"read\"\norganizational_unit = \"o-example1234/r-ab12/ou-ab12-11111111\"\n";
    let said = broken(unit);
    assert!(!said.iter().any(|rule| rule.contains("public") || rule.contains("anyone") || rule.contains("open")), "{said:?}");
}

#[test]
fn whoever_has_no_second_factor() {
    check(&[
        ("mfa-not-asked-for", true, when("Bool = { \"aws:MultiFactorAuthPresent\" = \"false\" }")),
        ("mfa-not-asked-for", true, when("BoolIfExists = { \"aws:multifactorauthpresent\" = \"False\" }")),
        ("mfa-not-asked-for", true, when("Null = { \"aws:MultiFactorAuthPresent\" = \"false\" }")),
        ("mfa-not-asked-for", false, when("Null = { \"aws:MultiFactorAuthPresent\" = \"false\" }, Bool = { \"aws:MultiFactorAuthPresent\" = \"true\" }")),
        ("mfa-not-asked-for", false, when("Bool = { \"aws:MultiFactorAuthPresent\" = \"true\" }")),
        ("mfa-not-asked-for", false, when("Null = { \"aws:MultiFactorAuthAge\" = \"false\" }")),
        ("mfa-not-asked-for", false, deny("\"arn:aws:s3:::data/*\"", "BoolIfExists = { \"aws:MultiFactorAuthPresent\" = \"false\" }")),
    ]);
}

#[test]
fn accounts_in_principals_and_arns() {
    let role = |id: &str| trust(&format!("principal = \"arn:aws:iam::{id}:role/x\"\nexternal_id = \"c0ffee\""));
    let named = |id: &str| bucket(&format!("principals = {{ AWS = \"{id}\" }}\nactions = \"s3:ListBucket\"\nresources = \"arn:aws:s3:::logs\""));
    let trusted = |id: &str| format!("[trusted.other]\naccount = \"{id}\"\n");
    check(&[
        ("placeholder-account", true, role("123456789012")),
        ("placeholder-account", true, named("111122223333")),
        ("placeholder-account", true, named("000000000000")),
        ("placeholder-account", true, trusted("123456789012")),
        ("placeholder-account", true, on("\"sts:AssumeRole\"", "\"arn:aws:iam::123456789012:role/x\"", "")),
        ("placeholder-account", true, when("StringEquals = { \"aws:ResourceAccount\" = \"111122223333\" }")),
        ("placeholder-account", false, role("333333333333")),
        ("placeholder-account", false, trusted("333333333333")),
        ("placeholder-account", false, when("StringEquals = { \"aws:PrincipalTag/ticket\" = \"123456789012\" }")),
        ("malformed-account", true, role("44444444444")),
        ("malformed-account", true, trust("principal = \"arn:aws:iam::ACCOUNT_ID:role/x\"\nexternal_id = \"c0ffee\"")),
        ("malformed-account", true, trust("principal = \"arn:aws:iam:::role/x\"\nexternal_id = \"c0ffee\"")),
        ("malformed-account", false, named("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1")),
        ("malformed-account", true, on("\"sts:AssumeRole\"", "\"arn:aws:iam::44444444444:role/x\"", "")),
        ("malformed-account", true, when("ArnLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::4444444444444:role/x\" }")),
        ("malformed-account", true, when("StringEquals = { \"aws:ResourceAccount\" = \"22222222222\" }")),
        ("malformed-account", false, on("\"sts:AssumeRole\"", "\"arn:aws:iam::444444444444:role/x\"", "")),
        ("malformed-account", false, on("\"iam:GetPolicy\"", "\"arn:aws:iam::aws:policy/ReadOnlyAccess\"", "")),
        ("malformed-account", false, when("ArnLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::4444*:role/x\" }")),
        ("malformed-account", false, when("StringEquals = { \"aws:ResourceAccount\" = \"${aws:PrincipalAccount}\" }")),
        ("malformed-account", false, when("StringLike = { \"aws:ResourceAccount\" = \"2222*\" }")),
    ]);
}

#[test]
fn principals_that_nobody_is() {
    let named = |principals: &str| bucket(&format!("principals = {{ {principals} }}\nactions = \"s3:ListBucket\"\nresources = \"arn:aws:s3:::logs\""));
    check(&[
        ("other-partition", true, trust("principal = \"arn:aws-cn:iam::444444444444:role/x\"\nexternal_id = \"c0ffee\"")),
        ("other-partition", true, named("AWS = \"arn:aws-us-gov:iam::444444444444:root\"")),
        ("other-partition", true, on("\"s3:GetObject\"", "\"arn:aws-cn:s3:::data/*\"", "")),
        ("other-partition", false, on("\"s3:GetObject\"", "[\"arn:aws:s3:::data/*\", \"arn:aws-cn:s3:::data/*\"]", "")),
        ("other-partition", false, on("\"s3:GetObject\"", "\"arn:*:s3:::data/*\"", "")),
        ("other-partition", false, named("AWS = \"arn:aws:iam::444444444444:root\"")),
        ("unknown-principal-kind", true, named("Aws = \"444444444444\"")),
        ("unknown-principal-kind", true, named("Services = \"logging.s3.amazonaws.com\"")),
        ("service-principal-format", true, named("Service = \"lamda.amazonaws.com\"")),
        ("service-principal-format", true, named("Service = \"Lambda.amazonaws.com\"")),
        ("service-principal-format", false, named("Service = [\"delivery.logs.amazonaws.com\", \"logs.eu-west-1.amazonaws.com\"]")),
        ("service-principal-format", false, named("Service = [\"ecs-tasks.amazonaws.com\", \"vpc-flow-logs.amazonaws.com\"]")),
        ("unknown-principal-kind", false, named("CanonicalUser = \"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be\"")),
        ("variable-misuse", true, named("AWS = \"arn:aws:iam::444444444444:user/${aws:username}\"")),
        ("variable-misuse", false, named("AWS = \"arn:aws:iam::444444444444:user/x\"")),
    ]);
}

#[test]
fn services_and_partitions_that_there_are_not() {
    check(&[
        ("unknown-service", true, on("\"s4:GetObject\"", "\"*\"", "")),
        ("unknown-service", true, on("[\"s3:GetObject\", \"dynamdb:GetItem\"]", "\"*\"", "")),
        ("unknown-service", true, on("\"s3:GetObject\"", "\"arn:aws:s4:::data/*\"", "")),
        ("unknown-service", true, when("ArnLike = { \"aws:SourceArn\" = \"arn:aws:s4:::data\" }")),
        ("unknown-service", false, on("[\"dynamodb:GetItem\", \"execute-api:Invoke\", \"kafka-cluster:Connect\"]", "\"*\"", "")),
        ("unknown-service", false, on("\"servicecatalog:DescribeProduct\"", "\"arn:aws:catalog:us-east-1:222222222222:product/p\"", "")),
        ("unknown-service", false, on("\"*\"", "\"*\"", "")),
        ("unknown-partition", true, on("\"s3:GetObject\"", "\"arn:awz:s3:::data/*\"", "")),
        ("unknown-partition", true, on("\"s3:GetObject\"", "\"arn::s3:::data/*\"", "")),
        ("unknown-partition", true, when("ArnLike = { \"aws:PrincipalArn\" = \"arn:awz:iam::444444444444:role/x\" }")),
        ("unknown-partition", true, trust("principal = \"arn:awz:iam::444444444444:role/x\"\nexternal_id = \"c0ffee\"")),
        ("unknown-partition", false, on("\"s3:GetObject\"", "[\"arn:aws-iso-b:s3:::data/*\", \"arn:aws*:s3:::data/*\"]", "")),
        ("other-partition", false, trust("principal = \"arn:awz:iam::444444444444:role/x\"\nexternal_id = \"c0ffee\"")),
    ]);
}

#[test]
fn values_that_their_operators_cannot_read() {
    check(&[
        ("unreadable-value", true, when("DateLessThan = { \"aws:CurrentTime\" = \"2026-02-30\" }")),
        ("unreadable-value", true, when("DateLessThan = { \"aws:CurrentTime\" = \"2026-02-29T00:00:00Z\" }")),
        ("unreadable-value", true, when("DateLessThan = { \"aws:CurrentTime\" = [\"2027-01-01\", \"tomorrow\"] }")),
        ("unreadable-value", true, when("DateGreaterThan = { \"aws:CurrentTime\" = \"2026-13-01T00:00:00Z\" }")),
        ("unreadable-value", true, when("NumericLessThan = { \"aws:MultiFactorAuthAge\" = \"1h\" }")),
        ("unreadable-value", true, when("IpAddress = { \"aws:SourceIp\" = \"203.0.113.256\" }")),
        ("unreadable-value", true, when("IpAddress = { \"aws:SourceIp\" = \"203.0.113.0/33\" }")),
        ("unreadable-value", true, when("Bool = { \"aws:SecureTransport\" = \"yes\" }")),
        ("unreadable-value", true, when("Null = { \"aws:SourceIp\" = \"absent\" }")),
        ("unreadable-value", false, when("DateLessThan = { \"aws:CurrentTime\" = \"2028-02-29\" }")),
        ("unreadable-value", false, when("DateLessThan = { \"aws:CurrentTime\" = \"2028-02-29T10:00:00+02:00\" }")),
        ("unreadable-value", false, when("DateLessThan = { \"aws:CurrentTime\" = \"2028-02-29T10:00Z\" }")),
        ("unreadable-value", false, when("DateLessThan = { \"aws:CurrentTime\" = \"2028-02\" }")),
        ("unreadable-value", false, when("DateLessThan = { \"aws:EpochTime\" = \"1830000000\" }")),
        ("unreadable-value", false, when("NumericLessThan = { \"s3:TlsVersion\" = \"1.2\" }")),
        ("unreadable-value", false, when("IpAddress = { \"aws:SourceIp\" = [\"203.0.113.7\", \"2001:DB8:1234:5678::/64\"] }")),
        ("unreadable-value", false, when("Bool = { \"aws:SecureTransport\" = \"True\" }")),
    ]);
}

#[test]
fn conditions_that_no_request_meets() {
    let window = |from: &str, to: &str| format!("DateGreaterThan = {{ \"aws:CurrentTime\" = {from} }}, DateLessThan = {{ \"aws:CurrentTime\" = {to} }}");
    check(&[
        ("never-met", true, when(&window("\"2027-01-01\"", "\"2026-08-01\""))),
        ("never-met", true, when(&window("\"2027-01-01\"", "\"2027-01-01\""))),
        ("never-met", true, when(&window("[\"2028-01-01\", \"2027-01-01\"]", "\"2026-08-01\""))),
        ("never-met", true, deny("\"arn:aws:s3:::data/*\"", &window("\"2027-01-01\"", "\"2026-08-01\""))),
        ("never-met", true, when("NumericGreaterThan = { \"s3:TlsVersion\" = \"1.3\" }, NumericLessThanEquals = { \"s3:TlsVersion\" = \"1.2\" }")),
        ("never-met", true, when("NumericEquals = { \"s3:TlsVersion\" = \"1.1\" }, NumericGreaterThanEquals = { \"s3:TlsVersion\" = \"1.2\" }")),
        ("never-met", true, when("StringEquals = { \"aws:PrincipalTag/t\" = \"a\" }, StringNotEquals = { \"aws:PrincipalTag/T\" = [\"b\", \"a\"] }")),
        ("never-met", true, when("StringEquals = { \"aws:PrincipalTag/t\" = \"a\" }, StringLike = { \"aws:PrincipalTag/t\" = \"b*\" }")),
        ("never-met", true, when("StringLike = { \"aws:PrincipalTag/t\" = \"ab*\" }, StringNotLike = { \"aws:PrincipalTag/t\" = \"a*\" }")),
        ("never-met", true, when("StringEquals = { \"aws:PrincipalTag/t\" = \"a\" }, Null = { \"aws:PrincipalTag/t\" = \"true\" }")),
        ("never-met", true, when("IpAddress = { \"aws:SourceIp\" = \"203.0.113.7\" }, NotIpAddress = { \"aws:SourceIp\" = \"203.0.113.0/24\" }")),
        (
            "never-met",
            true,
            when(
                "ArnLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::444444444444:role/a\" }, ArnNotLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::444444444444:role/*\" }",
            ),
        ),
        ("never-met", false, when(&window("\"2026-08-01\"", "\"2027-01-01\""))),
        ("never-met", false, when(&window("[\"2028-01-01\", \"2026-08-01\"]", "\"2027-01-01\""))),
        (
            "never-met",
            false,
            when("DateGreaterThanEquals = { \"aws:CurrentTime\" = \"2027-01-01\" }, DateLessThanEquals = { \"aws:CurrentTime\" = \"2027-01-01\" }"),
        ),
        (
            "never-met",
            false,
            when("DateGreaterThanIfExists = { \"aws:TokenIssueTime\" = \"2027-01-01\" }, DateLessThan = { \"aws:CurrentTime\" = \"2026-08-01\" }"),
        ),
        ("never-met", false, when("NumericGreaterThanIfExists = { \"s3:TlsVersion\" = \"1.3\" }, NumericLessThanIfExists = { \"s3:TlsVersion\" = \"1.2\" }")),
        ("never-met", false, when("StringEquals = { \"aws:PrincipalTag/t\" = [\"a\", \"b\"] }, StringNotEquals = { \"aws:PrincipalTag/t\" = \"a\" }")),
        ("never-met", false, when("StringLike = { \"aws:PrincipalTag/t\" = \"a*\" }, StringNotLike = { \"aws:PrincipalTag/t\" = \"ab*\" }")),
        ("never-met", false, when("StringEquals = { \"aws:PrincipalTag/t\" = \"${aws:username}\" }, StringNotEquals = { \"aws:PrincipalTag/t\" = \"a\" }")),
        ("never-met", false, when("\"ForAnyValue:StringEquals\" = { \"aws:TagKeys\" = \"a\" }, \"ForAnyValue:StringNotEquals\" = { \"aws:TagKeys\" = \"a\" }")),
        ("never-met", false, when("IpAddress = { \"aws:SourceIp\" = \"203.0.113.0/24\" }, NotIpAddress = { \"aws:SourceIp\" = \"203.0.113.7\" }")),
    ]);
}

#[test]
fn bucket_policies_of_objects_only_change_no_policy() {
    let all = |resources: &str, more: &str| bucket(&format!("principals = {{ AWS = \"444444444444\" }}\nactions = \"s3:*\"\nresources = {resources}\n{more}"));
    check(&[
        ("grants-policy-change", false, all("\"arn:aws:s3:::logs/*\"", "")),
        ("grants-policy-change", true, all("[\"arn:aws:s3:::logs\", \"arn:aws:s3:::logs/*\"]", "")),
        ("grants-policy-change", false, all("\"arn:aws:s3:::logs\"", "conditions = { StringEquals = { \"s3:DataAccessPointAccount\" = \"444444444444\" } }")),
        ("grants-policy-change", true, all("\"arn:aws:s3:::logs\"", "conditions = { StringNotEquals = { \"s3:DataAccessPointAccount\" = \"444444444444\" } }")),
    ]);
}

#[test]
fn limits_that_conditions_set() {
    let pass = |conditions: &str| on("\"iam:PassRole\"", "\"*\"", conditions);
    let attach = |conditions: &str| on("\"iam:AttachUserPolicy\"", "\"*\"", conditions);
    let reads = "\"arn:aws:iam::222222222222:policy/read/*\"";
    check(&[
        ("pass-role-everywhere", true, pass("")),
        ("pass-role-everywhere", false, pass("StringEquals = { \"iam:PassedToService\" = \"lambda.amazonaws.com\" }")),
        ("pass-role-everywhere", true, pass("StringNotEquals = { \"iam:PassedToService\" = \"lambda.amazonaws.com\" }")),
        ("pass-role-everywhere", true, pass("StringLike = { \"iam:PassedToService\" = \"*\" }")),
        ("pass-role-everywhere", false, pass("StringEqualsIfExists = { \"iam:PassedToService\" = \"lambda.amazonaws.com\" }")),
        ("pass-role-everywhere", true, on("\"iam:PassRole\"", "\"arn:aws:iam::*:role/*\"", "")),
        ("pass-role-everywhere", false, on("\"iam:PassRole\"", "\"arn:aws:iam::*:role/apps/*\"", "")),
        ("privilege-escalation", true, on("\"iam:PutRolePolicy\"", "\"arn:aws:iam::222222222222:role/*\"", "")),
        ("privilege-escalation", false, on("\"iam:PutRolePolicy\"", "\"arn:aws:iam::222222222222:user/*\"", "")),
        ("credentials-exposure", true, on("\"sts:AssumeRole\"", "\"arn:aws:iam::*:role/*\"", "")),
        ("data-everywhere", true, on("\"s3:GetObject\"", "\"arn:aws:s3:::*/*\"", "")),
        ("data-everywhere", true, on("\"s3:GetObject\"", "\"arn:*:s3:::*\"", "")),
        ("data-everywhere", false, on("\"s3:GetObject\"", "\"arn:aws:s3:::*/public/*\"", "")),
        ("privilege-escalation", true, attach("")),
        ("privilege-escalation", false, attach(&format!("ArnLike = {{ \"iam:PolicyARN\" = {reads} }}"))),
        ("privilege-escalation", true, attach("ArnLike = { \"iam:PolicyARN\" = \"arn:aws:iam::*:policy/*\" }")),
        ("privilege-escalation", true, attach("ArnEquals = { \"iam:PolicyARN\" = \"arn:aws:iam::aws:policy/AdministratorAccess\" }")),
        ("privilege-escalation", true, attach(&format!("ArnNotLike = {{ \"iam:PolicyARN\" = {reads} }}"))),
        ("privilege-escalation", false, attach("StringEquals = { \"iam:ResourceTag/team\" = \"red\" }")),
        ("privilege-escalation", true, attach("StringEquals = { \"aws:PrincipalTag/team\" = \"red\" }")),
        (
            "service-linked-role-everywhere",
            false,
            on("\"iam:CreateServiceLinkedRole\"", "\"*\"", "StringEquals = { \"iam:AWSServiceName\" = \"x.amazonaws.com\" }"),
        ),
        ("credentials-exposure", false, on("\"sts:AssumeRole\"", "\"*\"", "StringEquals = { \"iam:ResourceTag/team\" = \"red\" }")),
        ("credentials-exposure", true, on("\"sts:AssumeRole\"", "\"*\"", "StringEquals = { \"aws:PrincipalTag/team\" = \"red\" }")),
    ]);
}

#[test]
fn operators_and_types() {
    check(&[
        ("type-mismatch", false, when("StringNotEquals = { \"aws:Ec2InstanceSourcePrivateIPv4\" = \"${aws:VpcSourceIp}\" }")),
        ("type-mismatch", true, when("StringNotEquals = { \"aws:Ec2InstanceSourcePrivateIPv4\" = \"10.0.0.0/8\" }")),
        ("type-mismatch", false, when("ArnLike = { \"ec2:SourceInstanceARN\" = \"arn:aws:ec2:us-east-1:222222222222:instance/i-1\" }")),
        ("type-mismatch", false, when("StringLike = { \"ec2:SourceInstanceARN\" = \"arn:aws:ec2:us-east-1:222222222222:instance/*\" }")),
        ("unknown-condition-key", false, when("ArnLike = { \"ec2:SourceInstanceARN\" = \"arn:aws:ec2:us-east-1:222222222222:instance/i-1\" }")),
        (
            "wildcard-condition",
            false,
            trust("account = \"partner\"\nexternal_id = \"c0ffee\"\nsession_tags = true\nconditions = { StringLike = { \"aws:RequestTag/team\" = \"*\" } }"),
        ),
        ("wildcard-condition", false, on("\"ec2:TerminateInstances\"", "\"*\"", "StringLike = { \"ec2:ResourceTag/fleet\" = \"*\" }")),
        ("wildcard-condition", false, when("StringLike = { \"aws:ResourceTag/team\" = \"*\" }")),
        ("wildcard-condition", false, when("StringLike = { \"aws:PrincipalTag/team\" = \"*\" }")),
        ("wildcard-condition", false, on("\"kms:Decrypt\"", "\"*\"", "StringLike = { \"kms:EncryptionContext:aws:s3:arn\" = \"*\" }")),
        ("wildcard-condition", true, when("StringLike = { \"aws:SourceVpce\" = \"*\" }")),
        ("wildcard-condition", true, when("StringLike = { \"aws:PrincipalOrgID\" = \"o-*\" }")),
        ("wildcard-condition", true, when("StringLike = { \"aws:PrincipalAccount\" = \"4444*\" }")),
        ("wildcard-condition", false, when("ArnLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::444444444444:role/a*\" }")),
        ("resource-mismatch", false, on("\"s3:ListBucket\"", "\"arn:aws:s3:::${aws:PrincipalTag/bucket}\"", "")),
        ("resource-mismatch", true, on("\"s3:ListBucket\"", "\"arn:aws:s3:::data/${aws:PrincipalTag/team}\"", "")),
        ("type-mismatch", false, when("ArnLike = { \"aws:ResourceTag/made\" = \"arn:aws:ecs:*:*:service/*\" }")),
        ("for-all-values-in-allow", false, on("\"kms:CreateGrant\"", "\"*\"", "\"ForAllValues:StringEquals\" = { \"kms:GrantOperations\" = \"Decrypt\" }")),
        ("unknown-condition-key", false, when("StringEquals = { \"aws:VpceOrgID\" = \"o-example1234\" }")),
        ("unknown-condition-key", false, when("ArnLike = { \"aws:SourceVpcArn\" = \"arn:aws:ec2:*:222222222222:vpc/vpc-1\" }")),
        ("missing-set-operator", true, when("StringEquals = { \"aws:VpceOrgPaths\" = \"o-example1234/r-1/\" }")),
        ("s3-arn-with-account", false, on("\"s3:GetObject\"", "\"arn:aws:s3:*:*:data/*\"", "")),
        ("s3-arn-with-account", true, on("\"s3:GetObject\"", "\"arn:aws:s3:eu-*::data/*\"", "")),
        ("for-all-values-in-allow", false, when("\"ForAllValues:StringEquals\" = { \"aws:TagKeys\" = \"team\" }")),
        ("for-all-values-in-allow", true, when("\"ForAllValues:StringLike\" = { \"aws:PrincipalOrgPaths\" = \"o-a/r-b/*\" }")),
        ("for-all-values-in-allow", false, when("\"ForAllValues:StringNotLike\" = { \"aws:ResourceOrgPaths\" = \"o-a/r-b/*\" }")),
        ("data-everywhere", false, on("\"s3:GetObject\"", "\"*\"", "\"ForAllValues:StringNotLike\" = { \"aws:ResourceOrgPaths\" = \"o-a/r-b/*\" }")),
        ("resource-mismatch", false, on("\"s3:ListAllMyBuckets\"", "\"arn:aws:s3:::*\"", "")),
        ("resource-mismatch", true, on("\"s3:ListAllMyBuckets\"", "\"arn:aws:s3:::data\"", "")),
        ("permissions-management", false, on("\"iam:ChangePassword\"", "\"arn:aws:iam::*:user/${aws:username}\"", "")),
        ("permissions-management", true, on("\"iam:AttachRolePolicy\"", "\"arn:aws:iam::222222222222:role/apps/*\"", "")),
    ]);
}

#[test]
fn services_that_send_no_source() {
    let of = |service: &str| trust(&format!("service = \"{service}\""));
    let logs = |resources: &str| {
        bucket(&format!(
            "principals = {{ Service = \"logdelivery.elasticloadbalancing.amazonaws.com\" }}\nactions = \"s3:PutObject\"\nresources = \"{resources}\""
        ))
    };
    check(&[
        ("service-without-source", false, of("ec2.amazonaws.com")),
        ("service-without-source", false, of("batchoperations.s3.amazonaws.com")),
        ("service-without-source", true, of("lambda.amazonaws.com")),
        ("service-without-source", true, of("codebuild.amazonaws.com")),
        ("service-without-source", false, logs("arn:aws:s3:::logs/prefix/AWSLogs/222222222222/*")),
        ("service-without-source", true, logs("arn:aws:s3:::logs/*")),
        (
            "service-without-source",
            true,
            bucket("principals = { Service = \"ec2.amazonaws.com\" }\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::logs/*\""),
        ),
    ]);
}

/// The Access section says that such a Deny applies: a missing variable equals nothing, and "not equal" holds.
#[test]
fn denies_with_variables_that_may_be_missing() {
    let data = "\"arn:aws:s3:::data/*\"";
    check(&[
        ("deny-with-nullable-variable", false, deny(data, "StringNotEquals = { \"aws:ResourceOrgID\" = \"${aws:PrincipalOrgID}\" }")),
        ("deny-with-nullable-variable", true, deny(data, "StringEquals = { \"aws:ResourceOrgID\" = \"${aws:PrincipalOrgID}\" }")),
        ("deny-with-nullable-variable", false, deny("\"arn:aws:s3:::data/${aws:PrincipalAccount}/*\"", "")),
        ("deny-with-nullable-variable", true, deny("\"arn:aws:s3:::data/${aws:PrincipalTag/team}/*\"", "")),
        ("deny-with-nullable-variable", false, deny("\"arn:aws:s3:::data/${aws:PrincipalTag/team}/*\"", "Null = { \"aws:PrincipalTag/team\" = \"false\" }")),
        ("deny-with-nullable-variable", false, deny("\"arn:aws:s3:::data/${aws:PrincipalTag/team}/*\"", "StringLike = { \"aws:PrincipalTag/team\" = \"r*\" }")),
        (
            "deny-with-nullable-variable",
            true,
            deny("\"arn:aws:s3:::data/${aws:PrincipalTag/team}/*\"", "StringNotLike = { \"aws:PrincipalTag/team\" = \"r*\" }"),
        ),
        ("deny-with-nullable-variable", false, deny(data, "Bool = { \"aws:PrincipalTag/x\" = \"${aws:CurrentTime}\" }")),
    ]);
}

/// What guardrails find in a manifest.
fn guarded(rules: &Guardrails, text: &str) -> BTreeSet<String> {
    let sources = [Source { file: "example.toml".to_owned(), text: format!("{PRELUDE}{text}") }];
    let (desired, findings) = crossrole_manifest::load(&sources);
    let desired = desired.unwrap_or_else(|| panic!("{}\n{}", crossrole_report::findings(&findings, &sources), sources[0].text));
    guardrails::check(rules, &desired).into_iter().filter_map(|f| f.rule).collect()
}

/// Each was let through once, or is let through rightly.
#[test]
fn guardrails_let_nothing_through() {
    let forbids = |pattern: &str| Guardrails { forbidden_actions: vec![pattern.to_owned()], ..Guardrails::default() };
    let rule = RoleRule { select: "*".to_owned(), external_id: false, mfa: false, boundary: None, max_session_hours: None, forbidden_actions: Vec::new() };
    let role = |rule: RoleRule| Guardrails { roles: vec![rule], ..Guardrails::default() };
    let mfa = role(RoleRule { mfa: true, ..rule.clone() });
    let external_id = role(RoleRule { external_id: true, ..rule.clone() });
    let no_iam = role(RoleRule { forbidden_actions: vec!["iam:*".to_owned()], ..rule });
    let trusts = Guardrails { trusted_accounts: Some(vec!["333333333333".to_owned()]), ..Guardrails::default() };
    let asks = |conditions: &str| trust(&format!("principal = \"arn:aws:iam::333333333333:root\"\nconditions = {{ {conditions} }}"));
    let allows = |body: &str| statement(&format!("{body}\nresources = \"*\""));
    let with = |policies: &str, more: &str| format!("[roles.R]\npolicies = [\"{policies}\"]\n\n[[roles.R.trust]]\naccount = \"partner\"\n{more}");
    let open = |principals: &str| bucket(&format!("principals = {principals}\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::logs/*\""));
    let policy = "\n[policies.P]\n[[policies.P.statement]]\nactions = \"iam:CreateUser\"\nresources = \"*\"\n";
    let cases: Vec<(&Guardrails, &str, bool, String)> = vec![
        (&mfa, "mfa", true, asks("\"ForAllValues:Bool\" = { \"aws:MultiFactorAuthPresent\" = \"true\" }")),
        (&mfa, "mfa", true, asks("BoolIfExists = { \"aws:MultiFactorAuthPresent\" = \"true\" }")),
        (&mfa, "mfa", true, asks("Bool = { \"aws:MultiFactorAuthPresent\" = [\"true\", \"false\"] }")),
        (&mfa, "mfa", false, asks("Bool = { \"aws:multifactorauthpresent\" = \"True\" }")),
        (&mfa, "mfa", false, asks("NumericLessThan = { \"aws:MultiFactorAuthAge\" = \"3600\" }")),
        (&external_id, "external-id", true, asks("\"ForAllValues:StringEquals\" = { \"sts:ExternalId\" = \"x\" }")),
        (&external_id, "external-id", true, asks("Null = { \"sts:ExternalId\" = \"true\" }")),
        (&external_id, "external-id", true, asks("StringLike = { \"sts:ExternalId\" = \"*\" }")),
        (&external_id, "external-id", false, asks("StringEquals = { \"sts:ExternalId\" = \"c0ffee\" }")),
        (&trusts, "trusted-accounts", true, open("\"*\"")),
        (&trusts, "trusted-accounts", true, open("{ AWS = \"*\" }")),
        (&trusts, "trusted-accounts", true, open("{ AWS = \"444444444444\" }")),
        (&trusts, "trusted-accounts", false, open("{ AWS = \"333333333333\" }")),
        (&trusts, "trusted-accounts", false, open("{ Service = \"logging.s3.amazonaws.com\" }")),
    ];
    let forbidden = [
        ("kms:*", true, allows("not_actions = \"s3:*\"")),
        ("kms:Decrypt", true, allows("not_actions = \"s3:*\"")),
        ("kms:Decrypt", false, allows("not_actions = \"kms:*\"")),
        ("iam:*", false, allows("not_actions = \"iam:*\"")),
        ("iam:*", true, allows("not_actions = \"iam:Get*\"")),
        ("secretsmanager:Get*", true, allows("actions = \"secretsmanager:*Value\"")),
        ("secretsmanager:Get*", false, allows("actions = \"secretsmanager:Put*\"")),
        ("iam:*", true, with("arn:aws:iam::aws:policy/IAMFullAccess", "")),
        ("s3:PutObject", true, with("arn:aws:iam::aws:policy/AdministratorAccess", "")),
        ("s3:PutObject", true, with("arn:aws:iam::aws:policy/PowerUserAccess", "")),
        ("iam:*", true, with("P", policy)),
        ("s3:*", false, with("P", policy)),
        ("s3:*", true, with("arn:aws:iam::aws:policy/P", policy)),
    ];
    let rules: Vec<Guardrails> = forbidden.iter().map(|(pattern, ..)| forbids(pattern)).collect();
    let mut cases = cases;
    cases.extend(rules.iter().zip(&forbidden).map(|(rules, (_, found, text))| (rules, "forbidden-actions", *found, text.clone())));
    cases.push((&no_iam, "forbidden-actions", true, with("P", policy)));
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(rules, name, found, text)| guarded(rules, text).contains(&format!("guardrail/{name}")) != *found)
        .map(|(_, name, found, text)| format!("{name} is {}found in\n{text}", if *found { "not " } else { "" }))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What an audit finds of live tokens, lint finds of those that are declared.
#[test]
fn tokens_are_pinned_to_one_workload() {
    let host = "token.actions.githubusercontent.com";
    let of = |host: &str, audience: &str, subject: &str, more: &str| {
        trust(&format!("oidc = \"{host}\"\naudience = \"{audience}\"\nsubject = \"{subject}\"\n{more}"))
    };
    let sub = |subject: &str| of(host, "sts.amazonaws.com", subject, "");
    let flow =
        |value: &str| of(host, "sts.amazonaws.com", "repo:acme/*", &format!("conditions = {{ StringLike = {{ \"{host}:job_workflow_ref\" = \"{value}\" }} }}"));
    let mut cases = Vec::new();
    for (found, text) in [
        (false, sub("repo:acme/site:environment:production")),
        (false, sub("repo:acme/site:*")),
        (false, sub("repo:acme@*/site@*:ref:refs/heads/main")),
        (true, sub("repo:acme/*")),
        (true, sub("repo:acme/site*")),
        (true, sub("repo:*/site:ref:refs/heads/main")),
        (true, sub("*:environment:production")),
        (true, sub("environment:production")),
        (true, sub("environment:production:repository:acme/site")),
        (true, sub("ref:refs/heads/main")),
        (true, sub("ref:*:repository:acme/site")),
        (true, sub("ref:refs/heads/main:environment:production")),
        (false, sub("ref:refs/heads/main:repository:acme/site")),
        (false, sub("actor:ann:ref:refs/heads/main:repository:acme/site")),
        (true, sub("?*")),
        (true, of("oidc.circleci.com/org/c0ffee", "c0ffee", "org/c0ffee/*", "")),
        (false, of("oidc.circleci.com/org/c0ffee", "c0ffee", "org/c0ffee/project/0ff1ce/user/*", "")),
        (true, of("oidc.eks.eu-west-1.amazonaws.com/id/0", "sts.amazonaws.com", "system:serviceaccount:*:web", "")),
        (false, of("oidc.eks.eu-west-1.amazonaws.com/id/0", "sts.amazonaws.com", "system:serviceaccount:site:web-*", "")),
    ] {
        cases.push(("oidc-not-pinned", found, text));
    }
    check(&cases);
    // A workflow pins as a subject does, where the operator lets it be asked for beside it.
    let both = flow("acme/site/.github/workflows/deploy.yml@*");
    check(&[("oidc-not-pinned", false, both), ("oidc-not-pinned", true, flow("*/site/.github/workflows/deploy.yml@*"))]);
}
