//! Denies, and requests that do not meet them.

use std::collections::BTreeMap;

use crossrole_model::diagnosis::{Cause, FixStep, Found};
use crossrole_model::observed::KeyState;
use crossrole_policy::parse;
use serde_json::{Value, json};

use super::{ANN, BOB, CALLER, DESK, DEV, Desk, HERE, KEY, MFA, OWNER, Row, THERE, allow, assume, call, causes, no_command, value_of};

/// A Deny that asks for something whoever calls can bring is met by bringing it, and keeps what it says: of users, of trusts, of
/// buckets and of keys.
#[test]
fn a_deny_that_another_request_would_not_meet_is_left_alone() {
    let deny = |action: &str, condition: Value| json!({"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition});
    let region = ("aws:RequestedRegion", "us-east-1");
    let plain = ("aws:SecureTransport", "false");
    let rows: [Row<'_>; 11] = [
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}), &[], Cause::MfaMissing),
        (json!({"Null": {"aws:MultiFactorAuthAge": "true"}}), &[], Cause::MfaMissing),
        (json!({"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "300"}}), &[MFA, ("aws:MultiFactorAuthAge", "900")], Cause::MfaTooOld),
        (json!({"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}), &[region], Cause::OtherCondition),
        (json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), &[HERE], Cause::SourceAddress),
        (json!({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}}), &[HERE], Cause::SourceAddress),
        (json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}), &[("aws:SourceVpce", "vpce-9")], Cause::SourceNetwork),
        (json!({"Bool": {"aws:SecureTransport": "false"}}), &[plain], Cause::InsecureTransport),
        (json!({"StringNotEquals": {"sts:ExternalId": "desk-0815"}}), &[], Cause::ExternalIdMissing),
        (json!({"StringNotLike": {"sts:RoleSessionName": "${aws:username}"}}), &[("sts:RoleSessionName", "x")], Cause::OtherCondition),
        (
            json!({"Bool": {"aws:SecureTransport": "false"}, "StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            &[plain, region],
            Cause::InsecureTransport,
        ),
    ];
    for (condition, brought, cause) in &rows {
        let mut own = Desk::new();
        own.user("ann", &json!([allow("sts:*", "*"), deny("*", condition.clone())]));
        let mut trust = Desk::new();
        trust.trust(&json!([
            {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole"},
            {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition},
        ]));
        for desk in [own, trust] {
            let (found, _) = desk.treated(&assume(ANN, brought), &[assume(ANN, brought)]);
            assert_eq!(causes(&found), [*cause], "{condition}");
            assert!(found.causes[0].denies, "{condition}");
            no_command(&found);
        }
    }
    // Of a bucket, too; from where the call came is not guessed, and is certain where AWS says that such a policy denies it.
    let mut desk = Desk::new();
    desk.bucket(Some(&json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::desk/*", "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}])), false);
    let mut read = call(DESK, "s3:GetObject", "arn:aws:s3:::desk/reports/q1", &[]);
    let found = desk.asked(&read);
    assert_eq!((causes(&found), &found.suspects[..], found.found()), (vec![], &[Cause::SourceAddress][..], Found::Unknown));
    read.denied = Some("User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::desk/reports/q1\" with an explicit deny in a resource-based policy".to_owned());
    let (found, _) = desk.treated(&read, &[]);
    assert_eq!(causes(&found), [Cause::SourceAddress]);
    no_command(&found);
    // A session of a role has no device; what can't be brought is excepted.
    let mut desk = Desk::new();
    desk.role(DEV, "Caller", &json!([]), &json!([allow("sts:*", "*"), deny("*", rows[0].0.clone())]));
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "sts:AssumeRole"}]));
    assert_eq!(causes(&desk.asked(&assume(CALLER, &[]))), [Cause::IdentityDenies]);
}

/// A Deny by a pattern of what the caller brings is met by another value, which is named, and keeps what it says: on either side, under
/// negated operators and plain ones, of what was said and of what was not.
#[test]
fn a_deny_by_a_pattern_is_met_by_a_value_that_fits() {
    const NAME: &str = "sts:RoleSessionName";
    const REGION: &str = "aws:RequestedRegion";
    type Asked<'r> = (Value, &'r [(&'r str, &'r str)], &'r str, &'r str);
    let named = |name: &'static str| (NAME, name);
    let rows: [Asked<'_>; 15] = [
        (json!({"StringNotLike": {NAME: "corp-*"}}), &[named("desk")], NAME, "corp-desk"),
        (json!({"StringNotLike": {NAME: "corp-??-*"}}), &[], NAME, "corp-xx-ann"),
        (json!({"StringNotLikeIfExists": {NAME: ["corp-*", "ops-*"]}}), &[named("desk")], NAME, "corp-desk"),
        (json!({"StringNotLike": {NAME: "${aws:username}-*"}}), &[named("desk")], NAME, "ann-desk"),
        (json!({"StringLike": {NAME: "*admin*"}}), &[named("admin")], NAME, "ann"),
        (json!({"StringEquals": {NAME: ["admin", "ann"]}}), &[named("admin")], NAME, "session"),
        (json!({"StringLike": {NAME: "*:*"}, "StringNotLike": {REGION: "eu-*"}}), &[named("x:y"), (REGION, "us-east-1")], NAME, "ann"),
        (json!({"StringNotLike": {REGION: "eu-*"}}), &[(REGION, "us-east-1")], REGION, "eu-west-1"),
        (json!({"StringNotLike": {REGION: ["ap-*-2", "eu-south-*"]}}), &[(REGION, "us-east-1")], REGION, "eu-south-1"),
        (json!({"StringLike": {REGION: "us-*"}}), &[(REGION, "us-east-1")], REGION, "ca-central-1"),
        (json!({"StringEquals": {REGION: "us-east-1"}}), &[(REGION, "us-east-1")], REGION, "us-east-2"),
        (json!({"StringNotLike": {"sts:SourceIdentity": "*@corp.example"}}), &[], "sts:SourceIdentity", "ann@corp.example"),
        (json!({"StringNotLike": {"aws:RequestTag/project": "p-*"}}), &[("aws:RequestTag/project", "x")], "aws:RequestTag/project", "p-x"),
        (json!({"StringNotLike": {"sts:ExternalId": "desk-*"}}), &[], "sts:ExternalId", "desk-ann"),
        (json!({"StringLike": {"sts:ExternalId": "old-*"}}), &[("sts:ExternalId", "old-1")], "sts:ExternalId", "desk-0815"),
    ];
    for (condition, brought, key, value) in &rows {
        let ids =
            if key.ends_with("ExternalId") && brought.len() == 1 { json!({"StringEquals": {"sts:ExternalId": ["desk-0815", "old-1"]}}) } else { json!({}) };
        let allow_ann =
            json!({"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Condition": ids});
        let mut own = Desk::new();
        own.trust(&json!([allow_ann]));
        let mut trust = own.clone();
        own.user("ann", &json!([allow("sts:*", "*"), {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": condition}]));
        trust.trust(&json!([allow_ann, {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Condition": condition}]));
        for desk in [own, trust] {
            let (found, made) = desk.treated(&assume(ANN, brought), &[assume(ANN, brought)]);
            no_command(&found);
            assert_eq!(value_of(&made, key), *value, "{condition}: {:#?}", found.fix);
        }
    }
    // Two patterns are met at once, of one key in two statements.
    let mut desk = Desk::new();
    let deny = |pattern: &str| json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {"StringNotLike": {NAME: pattern}}});
    desk.user("ann", &json!([allow("sts:*", "*"), deny("corp-*"), deny("*-prod")]));
    let (found, made) = desk.treated(&assume(ANN, &[named("desk")]), &[]);
    no_command(&found);
    assert_eq!(value_of(&made, NAME), "corp-desk-prod");
    // An Allow by a pattern, the same.
    let mut desk = Desk::new();
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole", "Condition": {"StringLike": {NAME: "corp-*"}}}]));
    let (found, made) = desk.treated(&assume(ANN, &[named("desk")]), &[]);
    no_command(&found);
    assert_eq!(value_of(&made, NAME), "corp-desk");
    // Regions are those of the partition, and none is made up.
    let mut desk = Desk::new();
    desk.user(
        "ann",
        &json!([allow("sts:*", "*"), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotLike": {REGION: ["cn-*", "xx-*"]}}}]),
    );
    let found = desk.asked(&assume(ANN, &[(REGION, "us-east-1")]));
    assert_eq!(causes(&found), [Cause::IdentityDenies]);
}

/// What is written to a bucket, and how, is brought as S3 takes it.
#[test]
fn headers_of_s3_are_those_that_it_takes() {
    const PUT: &str = "arn:aws:s3:::desk/reports/q1";
    const SSE: &str = "s3:x-amz-server-side-encryption";
    type Asked<'r> = (Value, &'r [(&'r str, &'r str)], &'r str, &'r str);
    let rows: [Asked<'_>; 7] = [
        (json!({"StringNotLike": {SSE: "aws:*"}}), &[(SSE, "AES256")], SSE, "aws:kms"),
        (json!({"Null": {SSE: "true"}}), &[], SSE, "AES256"),
        (json!({"StringLike": {"s3:x-amz-acl": "public-*"}}), &[("s3:x-amz-acl", "public-read")], "s3:x-amz-acl", "private"),
        (json!({"StringNotLike": {"s3:x-amz-acl": "bucket-owner-*"}}), &[], "s3:x-amz-acl", "bucket-owner-full-control"),
        (json!({"StringNotLike": {"s3:x-amz-storage-class": "*_IA"}}), &[], "s3:x-amz-storage-class", "STANDARD_IA"),
        (json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}), &[("s3:TlsVersion", "1.1")], "s3:TlsVersion", "1.3"),
        (json!({"StringNotLike": {"s3:RequestObjectTag/team": "corp-*"}}), &[("s3:RequestObjectTag/team", "x")], "s3:RequestObjectTag/team", "corp-x"),
    ];
    for (condition, brought, key, value) in &rows {
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &json!([]), &json!([allow("s3:Put*", "*")]));
        desk.bucket(
            Some(&json!([{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::desk/*", "Condition": condition}])),
            false,
        );
        let put = call(DESK, "s3:PutObject", PUT, brought);
        let (found, made) = desk.treated(&put, std::slice::from_ref(&put));
        no_command(&found);
        assert_eq!(value_of(&made, key), *value, "{condition}");
    }
}

/// What a condition asks for and whoever calls can bring is brought.
#[test]
fn the_call_is_made_otherwise_where_that_is_enough() {
    let rows = [
        (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), ("aws:RequestedRegion", "us-east-1")),
        (json!({"StringEquals": {"sts:RoleSessionName": "ops"}}), ("sts:RoleSessionName", "ann")),
        (json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}), ("sts:RoleSessionName", "x")),
        (json!({"StringEquals": {"sts:SourceIdentity": "ann"}}), ("aws:X", "")),
        (json!({"StringEquals": {"aws:RequestTag/project": "x"}}), ("aws:X", "")),
        (json!({"StringEquals": {"aws:RequestTag/project": "x"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}), ("aws:RequestTag/project", "y")),
        (json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), HERE),
    ];
    for (condition, brought) in rows {
        let mut desk = Desk::new();
        let actions = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
        desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": actions, "Condition": condition}]));
        let (found, _) = desk.treated(&assume(ANN, &[brought]), &[]);
        no_command(&found);
    }
    // A region that is not said is not taken for a wrong one.
    let mut desk = Desk::new();
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}]));
    assert_eq!(desk.asked(&assume(ANN, &[])).found(), Found::Unknown);
    let mut desk = Desk::new();
    desk.role(OWNER, "Desk", &json!([]), &json!([
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "s3:x-amz-server-side-encryption": "aws:kms"}}},
        allow("s3:PutObjectAcl", "*"),
    ]));
    let put = call(DESK, "s3:PutObject", "arn:aws:s3:::desk/reports/q1", &[]);
    let (found, _) = desk.treated(&put, &[]);
    no_command(&found);
}

/// A Deny that excepts a call goes on denying all else: what it means of objects behind a key, too, and whoever it is for.
#[test]
fn a_deny_excepts_one_call() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    let reads = |object: &str| call(DESK, "s3:GetObject", &format!("arn:aws:s3:::desk/{object}"), &[]);
    let own = json!([allow("s3:*", "*"), allow("kms:*", "*"), allow("iam:ListRoles", "*")]);
    let bob_reads = call(BOB, "s3:GetObject", Q1, &[]);
    let others = [reads("reports/q2"), reads("other/z"), call(DESK, "s3:PutObject", Q1, &[]), call(DESK, "iam:ListRoles", "*", &[]), bob_reads];
    let root = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    let behind = json!({"StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::desk/reports/*"}});
    for deny in [
        json!({"Effect": "Deny", "Principal": {"AWS": DESK}, "Action": "kms:*", "Resource": "*", "Condition": behind}),
        json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": DESK}, "Action": "kms:Decrypt", "Resource": "*"}),
        json!({"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringNotEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}}}),
    ] {
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &json!([]), &own);
        desk.key(&json!([root, deny]), KeyState::Enabled);
        let direct = call(DESK, "kms:Decrypt", KEY, &[]);
        let (found, _) = desk.treated(&reads("reports/q1"), &[&others[..], &[direct]].concat());
        assert_eq!(causes(&found), [Cause::KeyPolicyDenies], "{deny}");
    }
    for deny in
        [json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}), json!({"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::desk/reports/q1"})]
    {
        // What is granted later on is denied no more than it was.
        for rights in [&own.as_array().unwrap()[..], &[allow("s3:*", "*")]] {
            let mut desk = Desk::new();
            desk.role(OWNER, "Desk", &json!([]), &json!(rights.iter().cloned().chain([deny.clone()]).collect::<Vec<_>>()));
            let (found, _) = desk.treated(&reads("reports/q1"), &others);
            assert_eq!(causes(&found), [Cause::IdentityDenies]);
            let Some([FixStep::Command { argv, .. }]) = found.fix.as_deref() else { panic!("{:?}", found.fix) };
            let left = parse(argv.last().unwrap()).unwrap().statements;
            assert!(left.iter().all(|s| !s.action.negated || s.resource.as_ref().is_some_and(|r| r.values != ["*"])), "{argv:?}");
        }
    }
    for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": OWNER}), json!({"AWS": DESK})] {
        for (action, condition) in
            [("s3:GetObject", json!({})), ("s3:*", json!({})), ("s3:GetObject", json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}))]
        {
            let mut desk = Desk::new();
            desk.role(OWNER, "Desk", &json!([]), &own);
            desk.bucket(Some(&json!([{"Sid": "No", "Effect": "Deny", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::desk/*", "Condition": condition}])), false);
            let (found, _) = desk.treated(&reads("reports/q1"), &others);
            assert_eq!(causes(&found), [Cause::BucketPolicyDenies], "{principal}");
        }
    }
}

/// A Deny of which AWS tells is met before what lacks, and is of no policy that it does not name.
#[test]
fn a_deny_that_aws_tells_of_comes_before_what_lacks() {
    use crossrole_model::diagnosis::Verdict;
    let frame = "User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::desk/other/z\"";
    let by_endpoint = format!("{frame} with an explicit deny in a VPC endpoint policy transitively through a service control policy");
    let decoded = json!({"explicitDeny": true, "matchedStatements": {"items": [{"statementId": "No", "effect": "DENY"}]}, "context": {
        "principal": {"arn": DESK}, "action": "s3:GetObject", "resource": "arn:aws:s3:::desk/other/z", "conditions": {"items": []}}});
    for (denied, first, then) in [
        (by_endpoint, Cause::EndpointPolicy, Cause::IdentityLacks),
        (format!("{frame} with an explicit deny"), Cause::DeniedSomewhere, Cause::IdentityLacks),
        (decoded.to_string(), Cause::DeniedSomewhere, Cause::IdentityLacks),
        (format!("{frame} because no VPC endpoint policy allows the s3:GetObject action"), Cause::IdentityLacks, Cause::EndpointPolicy),
    ] {
        let mut read = call(DESK, "s3:GetObject", "arn:aws:s3:::desk/other/z", &[]);
        read.denied = Some(denied.clone());
        let found = Desk::new().asked(&read);
        assert_eq!(causes(&found), [first, then], "{denied}");
        let somewhere =
            |check: &crossrole_model::diagnosis::Check| matches!(&check.verdict, Verdict::Fails { causes } if causes.contains(&Cause::DeniedSomewhere));
        assert!(!found.checks.iter().any(somewhere), "{:?}", found.checks);
    }
}

/// A Deny that no other request gets by tells by which condition it is met: its key and operator, what it wants, and what the request has.
#[test]
fn a_deny_says_by_which_condition_it_is_met() {
    use crossrole_model::access::Lack;
    type Met<'r> = (&'r str, &'r str, &'r str, Option<&'r str>);
    let rows: [(Value, &[Met<'_>]); 7] = [
        (json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}), &[("StringNotEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5", None)]),
        (json!({"StringNotEquals": {"aws:PrincipalTag/team": "data"}}), &[("StringNotEquals", "aws:PrincipalTag/team", "data", Some("ops"))]),
        (json!({"StringEquals": {"aws:PrincipalTag/team": "ops"}}), &[("StringEquals", "aws:PrincipalTag/team", "ops", Some("ops"))]),
        (json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}), &[("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x", Some(ANN))]),
        (json!({"StringNotEquals": {"aws:PrincipalAccount": OWNER}}), &[("StringNotEquals", "aws:PrincipalAccount", OWNER, Some(DEV))]),
        (
            json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, "Bool": {"aws:ViaAWSService": "false"}}),
            &[("Bool", "aws:ViaAWSService", "false", Some("false")), ("StringNotEqualsIfExists", "aws:PrincipalOrgID", "o-a1b2c3d4e5", None)],
        ),
        (json!({}), &[]),
    ];
    for (condition, expected) in &rows {
        let mut desk = Desk::new();
        desk.state(DEV).users.get_mut("ann").unwrap().state.tags = BTreeMap::from([("team".to_owned(), "ops".to_owned())]);
        desk.trust(&json!([
            {"Effect": "Allow", "Principal": {"AWS": [ANN, BOB]}, "Action": "sts:AssumeRole"},
            {"Sid": "Kept", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition},
        ]));
        let found = desk.asked(&assume(ANN, &[]));
        let first = &found.causes[0];
        assert_eq!((first.cause, first.statement.as_ref().map(|s| (s.number, s.sid.as_str()))), (Cause::TrustDenies, Some((2, "Kept"))), "{condition}");
        let met = first.met.iter().map(|lack| match lack {
            Lack::Condition { operator, key, wanted, actual, .. } => {
                (operator.as_str(), key.as_str(), wanted[0].as_str(), actual.as_ref().map(|values| values[0].as_str()))
            }
            other => panic!("{other:?}"),
        });
        let met: Vec<Met<'_>> = met.collect();
        assert_eq!(met, *expected, "{condition}");
    }
    // A network that is shut out is left for another, and the Deny stays whole.
    let mut desk = Desk::new();
    desk.trust(&json!([
        {"Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "sts:AssumeRole", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
    ]));
    let (found, made) = desk.treated(&assume(ANN, &[THERE]), &[assume(ANN, &[THERE])]);
    assert_eq!(causes(&found), [Cause::SourceAddress]);
    no_command(&found);
    assert_eq!(value_of(&made, "aws:SourceIp"), "203.0.113.1");
}
