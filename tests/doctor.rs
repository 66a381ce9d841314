//! `doctor`: causes are seeded, one at a time and in pairs; the refusal that AWS then gives is what it is asked about. The cause is named
//! first, and the fix that it prints, carried out by the reader of `doctor_fix`, lets the call through and nobody else.

use serde_json::{Value, json};

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::doctor_bench::{Base, Bench, Call, Row, Seed};
use crate::support::{Place, manifest};

pub(crate) const DESK: &str = r#"name = "desk"
[trusting]
account = "222222222222"
region = "us-east-1"

[trusted.dev]
account = "111111111111"

[trusted.dev.groups.Readers]
members = ["ann"]

[trusted.dev.users.ann]
[trusted.dev.users.bob]

[buckets.desk-data]
create = true
ownership = "BucketOwnerEnforced"

[policies.Most]

[[policies.Most.allow]]
bucket = "desk-data"
access = "read-write"

[roles.Desk]
max_session = "2h"
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"

[[roles.Desk.trust]]
group = "dev/Readers"
external_id = "desk-4711"
mfa = true
not_before = 2026-01-01T00:00:00Z
not_after = 2199-12-31T23:59:59Z
source_ip = ["203.0.113.0/24"]

[[roles.Desk.allow]]
bucket = "desk-data"
access = "read"
prefix = "reports/"
"#;

const EMPTY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}"#;

fn deny(action: &str, resource: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": resource}]}).to_string()
}

fn trust(statement: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn iam(account: &'static str, action: &'static str, params: &[(&'static str, &str)]) -> Seed {
    Seed::Iam(account, action, params.iter().map(|(key, value)| (*key, (*value).to_owned())).collect())
}

const DEV: &str = "111111111111";
const OWNER: &str = "222222222222";
const DESK_ROLE: &str = "arn:aws:iam::222222222222:role/Desk";

/// The usual statement of the role's trust, with something else.
fn desk_trust(change: impl FnOnce(&mut Value)) -> Seed {
    let mut statement = json!({
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "desk-4711"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}, "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    });
    change(&mut statement);
    iam(OWNER, "UpdateAssumeRolePolicy", &[("RoleName", "Desk"), ("PolicyDocument", &trust(&statement))])
}

fn bucket_policy(bucket: &str, statement: &Value) -> Seed {
    Seed::AddToBucket(bucket.to_owned(), statement.clone())
}

fn row(id: &'static str, stage: u32, touches: &'static str, cause: &'static str, seeds: Vec<Seed>, call: fn(&mut Call)) -> Row {
    Row { id, base: Base::Desk, stage, touches, cause, seeds, call }
}

/// Causes on the way of a user through a role to an object: the number is the order in which AWS meets them.
fn desk() -> Vec<Row> {
    let same: fn(&mut Call) = |_| {};
    let boundary = "arn:aws:iam::222222222222:policy/Most";
    vec![
        row("the key was deleted", 10, "key", "unknown-credentials", vec![Seed::DropKey("ann")], same),
        row("the key was switched off", 10, "key", "unknown-credentials", vec![Seed::DisableKey("ann")], same),
        row("the secret is wrong", 11, "key", "wrong-secret", vec![], |call| call.wrong_secret = true),
        row("nothing was signed", 8, "key", "no-credentials", vec![], |call| call.unsigned = true),
        row("root asks", 20, "alone", "root-assumes", vec![], |call| call.root = true),
        row("the role was deleted", 21, "role", "role-missing", vec![Seed::DropRole("Desk")], same),
        row("the role of another account", 21, "role", "role-in-other-account", vec![], |call| "arn:aws:iam::333333333333:role/Desk".clone_into(&mut call.role)),
        row("another path of the role", 21, "role", "role-under-other-path", vec![], |call| "arn:aws:iam::222222222222:role/team/Desk".clone_into(&mut call.role)),
        row("a trust that lets in somebody else", 40, "trust", "trust-lacks", vec![desk_trust(|s| s["Principal"] = json!({"AWS": "999999999999"}))], same),
        row("a trust with a Deny", 30, "trust deny", "trust-denies", vec![Seed::DenyInTrust("Desk")], same),
        row("a trust with another external id", 42, "trust", "external-id-wrong", vec![desk_trust(|s| s["Condition"]["StringEquals"]["sts:ExternalId"] = json!("other-0815"))], same),
        row("out of the group", 50, "group", "not-in-group", vec![iam(DEV, "RemoveUserFromGroup", &[("GroupName", "Readers"), ("UserName", "ann")])], same),
        row("never in the group", 50, "other user", "not-in-group", vec![], |call| call.user = "bob"),
        row("a user that nobody declares", 50, "other user", "not-in-group", vec![], |call| call.user = "carol"),
        row("the group lost its policy", 51, "group", "identity-lacks", vec![Seed::DetachAll("Readers")], same),
        row("no external id", 42, "external id", "external-id-missing", vec![], |call| call.external_id = None),
        row("another external id", 42, "external id", "external-id-wrong", vec![], |call| call.external_id = Some("guessed".to_owned())),
        row("no second factor", 43, "mfa", "mfa-missing", vec![], |call| call.mfa = false),
        row("from another network", 45, "address", "source-address", vec![], |call| call.address = "198.51.100.7"),
        row("after its end", 44, "window", "over", vec![Seed::Manifest("2199-12-31T23:59:59Z", "2026-02-01T00:00:00Z")], same),
        row("before its beginning", 44, "window", "not-yet", vec![Seed::Manifest("2026-01-01T00:00:00Z", "2198-01-01T00:00:00Z")], same),
        row("too long a session", 90, "duration", "session-too-long", vec![], |call| call.duration = Some(14_400)),
        row("the longest session was made shorter", 90, "duration", "session-too-long", vec![iam(OWNER, "UpdateRole", &[("RoleName", "Desk"), ("MaxSessionDuration", "3600")])], |call| {
            call.duration = Some(7_200);
        }),
        row("with session tags", 80, "session", "tags-not-trusted", vec![], |call| call.tags = true),
        row("with a source identity", 80, "session", "source-identity-not-trusted", vec![], |call| call.source_identity = true),
        row("the user has a Deny", 33, "user", "identity-denies", vec![iam(DEV, "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "no"), ("PolicyDocument", &deny("sts:AssumeRole", DESK_ROLE))])], same),
        row("the user has a Deny of more", 33, "user", "identity-denies", vec![iam(DEV, "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "no"), ("PolicyDocument", &json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["sts:AssumeRole", "iam:CreateUser"], "Resource": [DESK_ROLE, "arn:aws:iam::222222222222:role/Other"]}]}).to_string())])], same),
        row("the user has a boundary", 60, "user boundary", "boundary-lacks", vec![
            iam(DEV, "CreatePolicy", &[("PolicyName", "Fence"), ("PolicyDocument", EMPTY)]),
            iam(DEV, "PutUserPermissionsBoundary", &[("UserName", "ann"), ("PermissionsBoundary", "arn:aws:iam::111111111111:policy/Fence")]),
        ], same),
        row("the role lost its policy", 151, "role policy", "identity-lacks", vec![
            iam(OWNER, "DeleteRolePolicy", &[("RoleName", "Desk"), ("PolicyName", "crossrole")]),
            // Inside one account, the bucket's policy alone would do.
            Seed::S3("DELETE", "/desk-data", "policy", String::new()),
        ], same),
        row("the role has a Deny", 133, "role deny", "identity-denies", vec![iam(OWNER, "PutRolePolicy", &[("RoleName", "Desk"), ("PolicyName", "no"), ("PolicyDocument", &deny("s3:*", "*"))])], same),
        row("the role has another boundary", 160, "role boundary", "boundary-lacks", vec![
            iam(OWNER, "CreatePolicy", &[("PolicyName", "Fence"), ("PolicyDocument", EMPTY)]),
            iam(OWNER, "PutRolePermissionsBoundary", &[("RoleName", "Desk"), ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/Fence")]),
        ], same),
        row("the boundary says less", 160, "role boundary", "boundary-lacks", vec![iam(OWNER, "CreatePolicyVersion", &[("PolicyArn", boundary), ("PolicyDocument", EMPTY), ("SetAsDefault", "true")])], same),
        row("the boundary of the manifest says less", 160, "manifest boundary", "boundary-lacks", vec![Seed::Manifest("access = \"read-write\"", "access = \"list\"")], same),
        row("an action that is not granted", 151, "object", "identity-lacks", vec![], |call| call.method = "PUT"),
        row("outside of the prefix", 151, "object", "identity-lacks", vec![], |call| call.object = "/desk-data/other/q1"),
        row("a list outside of the prefix", 151, "list", "identity-lacks", vec![], |call| call.list("/desk-data", "prefix=other%2F")),
        row("the bucket has a Deny", 132, "bucket one", "bucket-policy-denies", vec![bucket_policy("desk-data", &json!({"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::desk-data/reports/q1"}))], same),
        row("the bucket has a Deny of everything", 132, "bucket", "bucket-policy-denies", vec![bucket_policy("desk-data", &json!({"Sid": "Closed", "Effect": "Deny", "Principal": {"AWS": DESK_ROLE}, "Action": "s3:*", "Resource": ["arn:aws:s3:::desk-data", "arn:aws:s3:::desk-data/*"]}))], same),
        row("a narrow session policy", 165, "alone", "session-policy-lacks", vec![], |call| call.session_policy = Some(EMPTY.to_owned())),
        row("the bucket was deleted", 121, "bucket gone", "bucket-missing", vec![Seed::DropBucket("desk-data")], |call| {
            call.list("/desk-data", "prefix=reports%2F");
        }),
        row("an object of its writer", 300, "alone", "object-owner", vec![
            Seed::S3("PUT", "/desk-data", "ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>".to_owned()),
            bucket_policy("desk-data", &json!({"Sid": "Writers", "Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::desk-data/*"})),
            Seed::PutAs("999999999999", "/desk-data/reports/q1"),
        ], same),
        row("a Deny of other names of sessions", 46, "session name", "other-condition", vec![iam(DEV, "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "names"), ("PolicyDocument", &json!({"Version": "2012-10-17", "Statement": [{"Sid": "Names", "Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*", "Condition": {"StringNotLike": {"sts:RoleSessionName": "corp-*"}}}]}).to_string())])], same),
        row("the bucket has a Deny of other organizations", 132, "bucket one", "bucket-policy-denies", vec![bucket_policy("desk-data", &json!({"Sid": "Ours", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::desk-data/reports/*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}))], same),
        row("another region", 105, "region", "wrong-region", vec![], |call| call.region = "eu-west-1"),
    ]
}

/// Causes at a bucket of one account, with a key, that a role of another account writes into.
fn exchange() -> Vec<Row> {
    const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let same: fn(&mut Call) = |_| {};
    let row = |id, stage, touches, cause, seeds| Row { id, base: Base::Exchange, stage, touches, cause, seeds, call: same };
    vec![
        Row { call: |call| call.method = "GET", ..row("reading is not granted", 140, "object", "bucket-policy-lacks", vec![]) },
        row(
            "a public statement closes the bucket",
            135,
            "bucket public",
            "public-restricted",
            vec![
                Seed::S3("PUT", "/encrypted-exchange", "publicAccessBlock", BLOCK.to_owned()),
                bucket_policy(
                    "encrypted-exchange",
                    &json!({"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::encrypted-exchange/public/*"}),
                ),
            ],
        ),
        row("the bucket policy is gone", 140, "bucket", "bucket-policy-lacks", vec![Seed::S3("DELETE", "/encrypted-exchange", "policy", String::new())]),
        row(
            "the caller's policy leaves the key out",
            251,
            "caller",
            "key-identity-lacks",
            vec![
                Seed::DetachRole("Uploader"),
                iam(
                    "444444444444",
                    "PutRolePolicy",
                    &[
                        ("RoleName", "Uploader"),
                        ("PolicyName", "s3"),
                        (
                            "PolicyDocument",
                            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::encrypted-exchange/from-partner/*"}]}"#,
                        ),
                    ],
                ),
            ],
        ),
        Row { call: |call| call.other_key = true, ..row("a key that its bucket does not name", 240, "object key", "key-policy-lacks", vec![Seed::OtherKey]) },
        row("the caller's policy is gone", 151, "caller", "identity-lacks", vec![Seed::DetachRole("Uploader")]),
        row("the key's statement is gone", 240, "key policy", "key-policy-lacks", vec![Seed::ForgetKey(KEY)]),
        row(
            "the key has a Deny",
            230,
            "key deny",
            "key-policy-denies",
            vec![Seed::AddToKey(
                KEY,
                json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::444444444444:role/Uploader"}, "Action": "kms:GenerateDataKey", "Resource": "*"}),
            )],
        ),
        row("the key is disabled", 270, "key state", "key-disabled", vec![Seed::Kms("DisableKey", json!({"KeyId": KEY}))]),
        row(
            "the key is to be deleted",
            270,
            "key state",
            "key-pending-deletion",
            vec![Seed::Kms("ScheduleKeyDeletion", json!({"KeyId": KEY, "PendingWindowInDays": 7}))],
        ),
        row("the role was made anew", 139, "caller role", "bucket-policy-names-deleted", vec![Seed::Anew("Uploader")]),
        row(
            "the caller has a Deny",
            133,
            "caller deny",
            "identity-denies",
            vec![iam("444444444444", "PutRolePolicy", &[("RoleName", "Uploader"), ("PolicyName", "no"), ("PolicyDocument", &deny("s3:PutObject", "*"))])],
        ),
        row(
            "the bucket has a Deny",
            132,
            "bucket deny",
            "bucket-policy-denies",
            vec![bucket_policy(
                "encrypted-exchange",
                &json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::444444444444:role/Uploader"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::encrypted-exchange/*"}),
            )],
        ),
    ]
}

#[tokio::test]
async fn each_cause_is_named_and_its_fix_works() {
    let rows: Vec<Row> = desk().into_iter().chain(exchange()).collect();
    assert!(rows.len() >= 40, "{}", rows.len());
    let benches = Bench::all().await;
    let mut failed = Vec::new();
    for row in &rows {
        if let Err(why) = benches.of(row.base).treat(&[row]).await {
            failed.push(format!("{}: {why}", row.id));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n\n{}", failed.len(), rows.len(), failed.join("\n\n"));
}

/// One in four of all pairs that go together; all of them with `CROSSROLE_DOCTOR_PAIRS=all`, which takes a minute.
#[tokio::test]
async fn causes_in_pairs_are_all_named_and_fixed() {
    let every = if std::env::var("CROSSROLE_DOCTOR_PAIRS").is_ok_and(|is| is == "all") { 1 } else { 4 };
    let benches = Bench::all().await;
    let mut pairs = Vec::new();
    let all = [desk(), exchange()];
    for rows in &all {
        for (at, one) in rows.iter().enumerate() {
            pairs.extend(rows.iter().skip(at + 1).filter(|other| one.goes_with(other)).map(|other| (one, other)));
        }
    }
    assert!(pairs.len() > 500, "{}", pairs.len());
    let mut failed = Vec::new();
    for (one, other) in pairs.iter().step_by(every) {
        if let Err(why) = benches.of(one.base).treat(&[one, other]).await {
            failed.push(format!("{} + {}: {why}", one.id, other.id));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n\n{}", failed.len(), pairs.len() / every, failed.join("\n\n"));
}

/// What people read of some of them.
#[tokio::test]
async fn what_is_printed() {
    let benches = Bench::all().await;
    let rows: Vec<Row> = desk().into_iter().chain(exchange()).collect();
    for (ids, name) in [
        (&["never in the group"][..], "group"),
        (&["no external id", "no second factor"], "request"),
        (&["from another network"], "address"),
        (&["out of the group", "a narrow session policy"], "restored"),
        (&["the user has a Deny of more"], "deny"),
        (&["an action that is not granted", "the bucket has a Deny of everything"], "object"),
        (&["the key's statement is gone", "the key is disabled"], "key"),
        (&["the secret is wrong"], "secret"),
        (&["the bucket has a Deny of other organizations"], "organization"),
        (&["a Deny of other names of sessions"], "name"),
    ] {
        let picked: Vec<&Row> = ids.iter().map(|id| rows.iter().find(|row| row.id == *id).unwrap()).collect();
        insta::assert_snapshot!(name, benches.of(picked[0].base).printed(&picked).await);
    }
}

/// An event of CloudTrail tells what the request brought; what it says is not asked for again.
#[tokio::test]
async fn an_event_needs_nothing_beside_it() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-event", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let mut event = json!({
        "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": "2026-11-01T10:00:00Z", "awsRegion": "us-east-1",
        "sourceIPAddress": "203.0.113.9", "errorCode": "AccessDenied",
        "errorMessage": format!("User: arn:aws:iam::111111111111:user/ann is not authorized to perform: sts:AssumeRole on resource: {DESK_ROLE}"),
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/ann", "accountId": "111111111111"},
        "requestParameters": {"roleArn": DESK_ROLE, "externalId": "desk-4711", "serialNumber": "arn:aws:iam::111111111111:mfa/ann"},
    });
    let path = file.replace("manifest.toml", "event.json");
    let ask = async |event: &Value| {
        std::fs::write(&path, event.to_string()).unwrap();
        let said = place.run(&["doctor", "--json", "--error", &path, &file]).await;
        let found: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        (said.exit, found["causes"].as_array().unwrap().iter().map(|c| c["cause"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(ask(&event).await, (Exit::Unknown, Vec::new()), "everything that it says is let in, and AWS refused it");
    event["requestParameters"]["externalId"] = Value::Null;
    event["sourceIPAddress"] = "198.51.100.7".into();
    assert_eq!(ask(&event).await, (Exit::Failed, vec!["external-id-missing".to_owned(), "source-address".to_owned()]));
}

/// From where a request came is no cause as long as it is not said, and external ids stay hidden.
#[tokio::test]
async fn what_is_not_said_is_said_so() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-unsaid", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let words = ["doctor", "--principal", "dev/user/ann", "--action", "sts:AssumeRole", "--resource", "role/Desk", "--mfa"];
    let said = place.run(&[&words[..], &["--external-id", "desk-4711", &file]].concat()).await;
    assert_eq!(said.exit, Exit::Unknown, "{}{}", said.out, said.err);
    assert!(!said.out.contains("allowed: ") && said.out.contains("not known: "), "{}", said.out);
    assert!(said.out.contains("perhaps: the address is not among those that are let in: the request does not say"), "{}", said.out);
    let said = place.run(&[&words[..], &["--source-ip", "203.0.113.9", &file]].concat()).await;
    assert!(said.exit == Exit::Failed && said.out.contains("--external-id '****'") && !said.out.contains("desk-4711"), "{}", said.out);
}

/// The refusal comes in by a pipe.
#[test]
fn standard_input_is_read() {
    use std::io::Write as _;
    let file = manifest("doctor-pipe", DESK);
    let state = file.replace("manifest.toml", "state.json");
    let crossrole = |words: &[&str], input: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_crossrole"));
        command.args(words).args(["--sandbox", "--sandbox-state", &state, &file]);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(crossrole(&["apply", "--auto-approve", "--quiet"], "").0, Some(0));
    let text = format!(
        "An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::111111111111:user/ann is not authorized to perform: sts:AssumeRole on resource: {DESK_ROLE}\n"
    );
    for words in [&["doctor", "--mfa"][..], &["doctor", "--mfa", "--error", "-"]] {
        let (code, out, err) = crossrole(words, &text);
        assert!(code == Some(1) && out.contains("cause: the external id is missing"), "{out}{err}");
    }
    // Without manifests: what the ARNs name is looked at, and what has to do with no policy is said.
    let alone = |words: &[&str], input: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_crossrole"));
        command.arg("doctor").args(words).args(["--sandbox", "--sandbox-state", &state]).current_dir(std::path::Path::new(&file).parent().unwrap());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, err) = alone(&["--mfa"], &text);
    assert!(code == Some(1) && out.contains("cause: the external id is missing") && out.contains("holds     the trust policy"), "{out}{err}");
    let (code, out, err) = alone(&[], "Unable to locate credentials. You can configure credentials by running \"aws configure\".");
    assert!(code == Some(1) && out.contains("credentials"), "{out}{err}");
    let (code, out, err) = alone(&["--principal", "arn:aws:iam::222222222222:role/Desk", "--action", "s3:GetObject", "--resource", "desk-data/other/q1"], "");
    assert!(code == Some(1) && out.contains("cause: no policy of the caller lets it"), "{out}{err}");
    let (code, _, err) = alone(&["--principal", "dev/user/ann", "--action", "s3:GetObject", "--resource", "desk-data/other/q1"], "");
    assert!(code == Some(1) && err.contains("crossrole init"), "{err}");
}

/// Mistakes and hostile texts.
#[tokio::test]
async fn refusals_that_tell_too_little_or_are_hostile() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-odd", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let path = file.replace("manifest.toml", "error.txt");
    let ask = async |text: &str, more: &[&str]| {
        std::fs::write(&path, text).unwrap();
        place.run(&[&["doctor", "--error", &path][..], more, &[&file]].concat()).await
    };
    let said = ask("An error occurred (AccessDenied) when calling the GetObject operation: Access Denied", &[]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("say it with --principal, --resource"), "{}", said.err);
    let said = ask("", &[]).await;
    assert!(said.err.contains("the refusal is empty") && said.err.contains("2>&1"), "{}", said.err);
    let said = ask(&"x".repeat((1 << 20) + 1), &[]).await;
    assert!(said.err.contains("over 1,048,576"), "{}", said.err);
    let said = place.run(&["doctor", &file]).await;
    assert!(said.err.contains("there is no refusal to read"), "{}", said.err);
    let evil = "\u{1b}[31m\n::error::x\u{202e}";
    let text = format!("User: arn:aws:iam::111111111111:user/{evil} is not authorized to perform: sts:AssumeRole on resource: {DESK_ROLE}{evil}");
    for more in [&[][..], &["--principal", "dev/user/ann"]] {
        let said = ask(&text, more).await;
        for printed in [&said.out, &said.err] {
            assert!(!printed.contains('\u{1b}') && !printed.contains('\u{202e}') && !printed.contains("\n::"), "{printed}");
        }
    }
}

/// An encoded message that can't be decoded: what it takes is said, and the rest goes on.
#[tokio::test]
async fn an_encoded_message_that_is_not_decoded_is_said() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-encoded", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let path = file.replace("manifest.toml", "error.txt");
    let text = format!(
        "User: arn:aws:iam::111111111111:user/ann is not authorized to perform: sts:AssumeRole on resource: {DESK_ROLE} Encoded authorization failure message: abc-def"
    );
    std::fs::write(&path, text).unwrap();
    let said = place.run(&["doctor", "--error", &path, &file]).await;
    assert!(said.err.contains("note: the encoded message was not read") && said.err.contains("sts:DecodeAuthorizationMessage"), "{}", said.err);
    assert!(said.out.contains("cause: the external id is missing"), "{}", said.out);
}

/// What AWS says and nothing here can know is a cause that it told of: no fix is made up.
#[tokio::test]
async fn control_policies_are_believed() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-told", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let path = file.replace("manifest.toml", "error.txt");
    let frame =
        "User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::desk-data/reports/q1\"";
    for (end, cause) in [
        (
            "with an explicit deny in a service control policy: arn:aws:organizations::999999999999:policy/o-a/service_control_policy/p-b",
            "service-control-denies",
        ),
        ("because no service control policy allows the s3:GetObject action", "service-control-lacks"),
        ("with an explicit deny in a resource control policy", "resource-control-denies"),
        ("because no VPC endpoint policy allows the s3:GetObject action", "endpoint-policy"),
    ] {
        std::fs::write(&path, format!("{frame} {end}")).unwrap();
        let said = place.run(&["doctor", "--json", "--error", &path, &file]).await;
        let found: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        assert_eq!((said.exit, &found["causes"][0]["cause"], &found["fix"]), (Exit::Failed, &json!(cause), &Value::Null), "{end}");
    }
}

/// An explicit Deny of AWS's text is never "allowed": a Deny of older sessions is named, and what nothing shows is said so.
#[tokio::test]
async fn a_deny_that_aws_names_is_never_taken_for_nothing() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-revoked", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let path = file.replace("manifest.toml", "error.txt");
    let frame =
        "User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::desk-data/reports/q1\"";
    let ask = async |end: &str, json: bool| {
        std::fs::write(&path, format!("{frame} {end}")).unwrap();
        let more: &[&str] = if json { &["--json"] } else { &[] };
        let said = place.run(&[&["doctor", "--error", &path, &file][..], more].concat()).await;
        assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
        said.out
    };
    let told = async |end: &str| {
        let found: Value = serde_json::from_str(&ask(end, true).await).unwrap();
        let causes = found["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (causes, found)
    };
    let by_identity = "with an explicit deny in an identity-based policy";
    for (end, cause) in [
        (by_identity, "identity-denies"),
        ("with an explicit deny in a resource-based policy", "bucket-policy-denies"),
        ("with an explicit deny in a permissions boundary", "boundary-denies"),
        ("with an explicit deny", "denied-somewhere"),
    ] {
        let (causes, found) = told(end).await;
        assert_eq!((causes, &found["fix"]), (vec![cause.to_owned()], &Value::Null), "{end}");
        assert!(ask(end, false).await.contains("as AWS says; what was read does not show it"), "{end}");
    }
    for (name, before) in [("AWSRevokeOlderSessions", "2026-11-30T12:00:00Z"), ("crossrole-revoked", "2020-01-01T00:00:00Z")] {
        let document = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}},
        }]});
        let role = [("RoleName", "Desk"), ("PolicyName", name)];
        let document = document.to_string();
        place.iam("222222222222", "PutRolePolicy", &[role[0], role[1], ("PolicyDocument", &document)]).await;
        for end in [by_identity, "with an explicit deny"] {
            let (causes, found) = told(end).await;
            assert_eq!(causes, ["session-revoked"], "{end}");
            assert_eq!(found["fix"][0]["changes"][0]["text"], "with a new session: assume the role anew");
        }
        let text = ask(by_identity, false).await;
        let said = format!("were revoked, as AWS says: those that began before {before}: statement 1 of the inline policy {name} of role Desk");
        assert!(text.contains(&said), "{text}");
        place.iam("222222222222", "DeleteRolePolicy", &role).await;
    }
}

/// A cause that no policy has to do with is said, whatever else the text leaves out.
#[tokio::test(start_paused = true)]
async fn a_cause_without_a_call_is_said() {
    let place = crate::support::Place::new(crossrole_sandbox::Options::default());
    let file = crate::support::scenario("log-analysts");
    let texts = [
        (
            "An error occurred (ExpiredToken) when calling the AssumeRole operation: The security token included in the request is expired",
            "expired-credentials",
        ),
        (
            "An error occurred (RequestTimeTooSkewed) when calling the ListObjectsV2 operation: The difference between the request time and the current time is too large.",
            "clock-skew",
        ),
        ("Unable to locate credentials. You can configure credentials by running \"aws configure\".", "no-credentials"),
        ("Could not connect to the endpoint URL: \"https://s3.eu-nowhere-1.amazonaws.com/\"", "unreachable"),
        (
            "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.",
            "unknown-credentials",
        ),
    ];
    for (text, cause) in texts {
        let error = crate::support::manifest("doctor-alone", "").replace("manifest.toml", "error.txt");
        std::fs::write(&error, text).unwrap();
        let said = place.run(&["doctor", "--json", "--error", &error, &file]).await;
        let value: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}{}", said.out, said.err));
        assert!(said.exit == crossrole::Exit::Failed && value["causes"][0]["cause"] == cause && value["remedy"].is_string(), "{text}: {value}");
    }
}

/// What AWS refused is never "all is well"; a status without a body, an object that is not there, and a call that names no resource.
#[tokio::test]
async fn outcomes_do_not_mislead_a_script() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-outcomes", DESK);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!(place.s3(OWNER, "PUT", "/desk-data/reports/q1", "", "figures").await.0, 200);
    let path = file.replace("manifest.toml", "error.txt");
    let ask = async |text: &str, more: &[&str]| {
        std::fs::write(&path, text).unwrap();
        let said = place.run(&[&["doctor", "--json", "--error", &path][..], more, &[&file]].concat()).await;
        (said.exit, serde_json::from_str::<Value>(&said.out).unwrap_or_default(), said.err)
    };
    let forbidden = "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden";
    let (exit, found, _) = ask(forbidden, &["--principal", "role/Desk", "--resource", "desk-data/reports/q1"]).await;
    assert_eq!((exit, &found["found"], &found["allowed"]), (Exit::Unknown, &json!("unknown"), &Value::Null), "{found:#}");
    // Nobody who may list it is refused for what is not there.
    let (exit, found, _) = ask(forbidden, &["--principal", "role/Desk", "--resource", "desk-data/reports/none"]).await;
    assert_eq!((exit, found["causes"][0]["cause"].as_str()), (Exit::Failed, Some("object-missing")), "{found:#}");
    let missing = "An error occurred (404) when calling the HeadObject operation: Not Found";
    let (exit, found, _) = ask(missing, &["--principal", "role/Desk", "--resource", "desk-data/reports/none"]).await;
    assert_eq!((exit, found["causes"][0]["cause"].as_str()), (Exit::Failed, Some("object-missing")), "{found:#}");
    assert_eq!(found["fix"][0]["changes"][0]["request"], "object", "{found:#}");
    // A bucket is no object.
    let (exit, _, err) = ask(
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><BucketName>desk-data</BucketName></Error>",
        &["--principal", "role/Desk", "--action", "s3:GetObject"],
    )
    .await;
    assert!(exit == Exit::Failed && err.contains("which object of bucket `desk-data` is not told") && err.contains("--resource desk-data/KEY"), "{err}");
    let (_, _, err) = ask(forbidden, &[]).await;
    assert!(err.contains("it tells action `s3:GetObject`") && err.contains("say it with --principal, --resource"), "{err}");
    let (exit, found, err) =
        ask("An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied", &["--principal", "dev/user/bob"]).await;
    assert_eq!((exit, found["causes"][0]["cause"].as_str()), (Exit::Failed, Some("identity-lacks")), "{found:#}{err}");
    assert!(found["fix"][0]["argv"].to_string().contains("s3:ListAllMyBuckets"), "{found:#}");
    let said = place.run(&["doctor", "--principal", "dev/user/bob", "--action", "s3:ListAllMyBuckets", &file]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("cause: no policy of the caller lets it"), "{}{}", said.out, said.err);
    let (exit, found, _) = ask(
        "upload failed: ./q2 to s3://desk-data/reports/q2 An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
        &["--principal", "role/Desk"],
    )
    .await;
    assert_eq!((exit, &found["calls"][0]["resource"]), (Exit::Failed, &json!("arn:aws:s3:::desk-data/reports/q2")), "{found:#}");
    let (exit, found, _) = ask("The config profile (foo) could not be found", &[]).await;
    assert!(exit == Exit::Failed && found["causes"][0]["cause"] == "profile-missing" && found["remedy"].is_string(), "{found:#}");
}

/// A new entry has the limits of the strictest one that the call meets, whatever stands first, and says so.
#[tokio::test]
async fn a_new_entry_takes_no_limits_unseen() {
    let place = Place::new(Options::default());
    let more = "\n[[roles.Desk.trust]]\nuser = \"dev/carol\"\n\n[[roles.Desk.trust]]\nuser = \"dev/dora\"\nmfa = true\nsource_ip = \"203.0.113.0/24\"\n\n[[roles.Desk.allow]]";
    let text = DESK
        .replace("\n[[roles.Desk.allow]]", more)
        .replace("[trusted.dev.users.bob]", "[trusted.dev.users.bob]\n[trusted.dev.users.carol]\n[trusted.dev.users.dora]");
    let text = text.replace("group = \"dev/Readers\"", "user = \"dev/ann\"");
    let file = manifest("doctor-entries", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let words = ["doctor", "--principal", "dev/user/bob", "--action", "sts:AssumeRole", "--resource", "role/Desk", "--source-ip", "203.0.113.9"];
    for (brought, entry, lines) in [
        (&["--mfa"][..], 3, &["+ mfa = true", "+ source_ip = \"203.0.113.0/24\""][..]),
        (&["--mfa", "--external-id", "desk-4711"], 1, &["+ external_id = \"desk-4711\"", "+ mfa = true"]),
        (&[], 2, &[]),
    ] {
        let said = place.run(&[&words[..], brought, &["--show-external-ids", &file]].concat()).await;
        let note = format!("(the new entry has the limits of entry {entry} of `roles.Desk.trust`, so that it lets nobody in by less)");
        assert!(said.exit == Exit::Failed && said.out.contains(&note), "{}{}", said.out, said.err);
        assert!(lines.iter().all(|line| said.out.contains(line)) && said.out.contains("+ user = \"dev/bob\""), "{}", said.out);
        assert!(!said.out.contains("make the call otherwise"), "the call meets them: {}", said.out);
    }
}

/// `--region` is the region of the call that is asked about, and of no role on the way.
#[tokio::test]
async fn the_region_is_that_of_the_call() {
    let place = Place::new(Options::default());
    let text = DESK.replace("source_ip = [\"203.0.113.0/24\"]", "conditions = { StringLike = { \"aws:RequestedRegion\" = \"eu-*\" } }");
    let file = manifest("doctor-region", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let ask = async |words: &[&str]| {
        let said = place.run(&[&["doctor", "--json"][..], words, &[&file]].concat()).await;
        (said.exit, serde_json::from_str::<Value>(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err)))
    };
    let assume = ["--principal", "dev/user/ann", "--mfa", "--external-id", "desk-4711", "--action", "sts:AssumeRole", "--resource", "role/Desk"];
    let (exit, found) = ask(&[&assume[..], &["--region", "us-east-1"]].concat()).await;
    assert_eq!((exit, &found["causes"][0]["cause"]), (Exit::Failed, &json!("other-condition")), "{found:#}");
    assert_eq!(found["causes"][0]["conditions"][0]["actual"], json!(["us-east-1"]));
    let argv = found["fix"][0]["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(argv.iter().position(|word| *word == "--region").map(|at| argv[at + 1]), Some("eu-west-1"), "{argv:?}");
    assert_eq!(ask(&[&assume[..], &["--region", "eu-west-1"]].concat()).await.0, Exit::Clean);
    let (exit, found) = ask(&assume).await;
    assert_eq!((exit, &found["suspects"]), (Exit::Unknown, &json!(["other-condition"])), "{found:#}");
    // Of the role on the way it is not told; the bucket is where it is.
    let read = [
        "--principal",
        "dev/user/ann",
        "--via",
        "role/Desk",
        "--mfa",
        "--external-id",
        "desk-4711",
        "--action",
        "s3:GetObject",
        "--resource",
        "desk-data/reports/q1",
    ];
    let (exit, found) = ask(&[&read[..], &["--region", "us-east-1"]].concat()).await;
    assert_eq!((exit, &found["causes"], &found["suspects"]), (Exit::Unknown, &json!([]), &json!(["other-condition"])), "{found:#}");
    let (exit, found) = ask(&[&read[..], &["--region", "eu-west-1"]].concat()).await;
    assert_eq!((exit, &found["causes"][0]["cause"], &found["causes"][0]["call"]), (Exit::Failed, &json!("wrong-region"), &json!(1)), "{found:#}");
    // What is typed comes before what the event tells.
    let event = json!({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "awsRegion": "us-east-1", "errorCode": "AccessDenied",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/ann"},
        "requestParameters": {"roleArn": DESK_ROLE, "externalId": "desk-4711", "serialNumber": "arn:aws:iam::111111111111:mfa/ann"}});
    let path = file.replace("manifest.toml", "event.json");
    std::fs::write(&path, event.to_string()).unwrap();
    assert_eq!(ask(&["--error", &path]).await.1["causes"][0]["cause"], "other-condition");
    assert_eq!(ask(&["--error", &path, "--region", "eu-west-1"]).await.1["causes"], json!([]));
}

/// What is no key is a mistake.
#[tokio::test]
async fn a_key_is_an_arn() {
    let place = Place::new(Options::default());
    let file = manifest("doctor-key", DESK);
    let said =
        place.run(&["doctor", "--principal", "role/Desk", "--action", "s3:GetObject", "--resource", "desk-data/reports/q1", "--key", "alias/x", &file]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("`alias/x` is no ARN of a key"), "{}{}", said.out, said.err);
}
