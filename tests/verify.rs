//! `verify`: green after apply, and red in the right cell for each thing that somebody spoils.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::{Value, json};

use crate::keys::{key_statements, put_key_policy};
use crate::support::{Credentials, Place, manifest, root, scenario};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";

/// Every scenario: what it is, and which of its cells can be called here.
pub(crate) fn scenarios() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("manifests")).unwrap().map(|e| e.unwrap().path());
    let mut all: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| path.display().to_string())
        .filter(|p| !p.contains(".expect."))
        .collect();
    all.sort();
    all
}

/// Applied, with somebody in each group and an object below each prefix and outside of it, after which all has been seen.
pub(crate) async fn applied(file: &str, lag: Duration) -> Place {
    let place = Place::new(Options { visibility_delay: lag, ..Options::default() });
    place.good(&["sandbox", "prepare", file]).await;
    tokio::time::sleep(lag * 2).await;
    place.good(&["apply", "--auto-approve", "--quiet", file]).await;
    place.iam(DEV, "CreateUser", &[("UserName", "Mate")]).await;
    tokio::time::sleep(lag * 2).await;
    for group in ["Log-Analysts", "Crew"] {
        // Where there is such a group. Of those whose members manifests declare, nobody else is to be one.
        place.query(DEV, "iam", "AddUserToGroup", &[("UserName", "Mate"), ("GroupName", group)]).await;
    }
    for (account, buckets) in place.sandbox.accounts() {
        for (bucket, region) in buckets {
            for key in ["a.txt", "teams/data/a.txt", "from-partner/a.txt", "incoming/a.txt", "reports/a.txt", "builds/a.txt"] {
                let who = Credentials { key: account.clone(), ..Credentials::default() };
                let path = format!("/{bucket}/{key}");
                let (mut status, mut body) = place.s3_as(&who, &region, "PUT", &path, "", &[], "x").await;
                if status == 403 {
                    // A key of another account lets the bucket's own use it no more than others.
                    let plain = [("x-amz-server-side-encryption", "AES256")];
                    (status, body) = place.s3_as(&who, &region, "PUT", &path, "", &plain, "x").await;
                }
                assert_eq!(status, 200, "{bucket}/{key}: {body}");
            }
        }
    }
    place
}

/// What it says, as JSON; and how it ended.
pub(crate) async fn verified(place: &Place, file: &str, more: &[&str]) -> (Exit, Value) {
    let said = place.run(&[&["verify", "--json"], more, &[file]].concat()).await;
    let value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}\n{}\n{}", said.out, said.err));
    (said.exit, value)
}

pub(crate) fn cells<'v>(value: &'v Value, verdict: &str) -> Vec<&'v Value> {
    value["cells"].as_array().unwrap().iter().filter(|cell| cell["verdict"] == verdict).collect()
}

pub(crate) fn says(cells: &[&Value]) -> String {
    cells.iter().map(|cell| format!("{} {} {}\n", cell["says"], cell["known"], cell["live"])).collect()
}

#[tokio::test(start_paused = true)]
async fn every_scenario_is_green_after_its_apply() {
    let mut called = 0;
    for file in scenarios() {
        for lag in [Duration::ZERO, Duration::from_secs(3)] {
            let place = applied(&file, lag).await;
            let (exit, value) = verified(&place, &file, &["--write-probes"]).await;
            let [fails, unknown] = ["fails", "unknown"].map(|verdict| cells(&value, verdict));
            assert!(fails.is_empty() && unknown.is_empty(), "{file} with {lag:?}:\n{}{}", says(&fails), says(&unknown));
            assert_eq!(exit, Exit::Clean, "{file}");
            assert!(value["cells"].as_array().unwrap().iter().all(|cell| cell["surprise"] == false), "{file}: {value}");
            assert!(value["unread"].as_array().unwrap().is_empty(), "{file}: {value}");
            called += value["cells"].as_array().unwrap().iter().filter(|cell| cell["known"]["by"] == "calls").count();
            // Nothing that was written to try it stays.
            for (bucket, _) in place.sandbox.accounts().values().flatten() {
                let (_, body) = place.s3(TRUSTING, "GET", &format!("/{bucket}"), "list-type=2", "").await;
                assert!(!body.contains("crossrole-verify"), "{file}: {body}");
            }
            place.assert_no_secret();
        }
    }
    assert!(called > 100, "{called} cells were called");
}

/// A manifest with everything that can be spoiled.
const ALL: &str = r#"
name = "everything"
[trusting]
account = "222222222222"
region = "eu-west-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]
[trusted.dev.groups.Crew]
members = ["Bob"]
[keys.exchange]
arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[buckets.everything-data]
create = true
encryption = { kms_key = "exchange", bucket_key = true }
[buckets.everything-open]
create = true
[[buckets.everything-open.allow]]
user = "dev/Ann"
access = "read"
prefix = "shared/"
[policies.Edge]
[[policies.Edge.allow]]
bucket = "everything-data"
access = "read-write"
[roles.Partner]
max_session = "1h"
permissions_boundary = "arn:aws:iam::222222222222:policy/Edge"
[[roles.Partner.trust]]
user = "dev/Ann"
external_id = "everything-4711"
mfa = true
not_after = 2090-01-01T00:00:00Z
[[roles.Partner.allow]]
bucket = "everything-data"
access = "read-write"
prefix = "partner/"
[roles.Reader]
max_session = "2h"
[[roles.Reader.trust]]
group = "dev/Crew"
[[roles.Reader.allow]]
bucket = "everything-data"
access = "read"
prefix = "reports/"
"#;

pub(crate) const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";

pub(crate) async fn everything(lag: Duration) -> (Place, String) {
    // One for each: what another test writes anew is empty for a moment.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let file = manifest(&format!("verify-everything-{}", NEXT.fetch_add(1, Ordering::Relaxed)), ALL);
    let place = Place::new(Options { visibility_delay: lag, ..Options::default() });
    assert!(place.sandbox.add_key(KEY));
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
    for (bucket, key) in [
        ("everything-data", "partner/a"),
        ("everything-data", "reports/a"),
        ("everything-data", "z"),
        ("everything-open", "shared/a"),
        ("everything-open", "z"),
    ] {
        let (status, body) = place.s3_as(&who, "eu-west-1", "PUT", &format!("/{bucket}/{key}"), "", &[], "x").await;
        assert_eq!(status, 200, "{body}");
    }
    // Somebody of the same account who may do anything there, and a stranger of another.
    for account in [DEV, "999999999999"] {
        place.iam(account, "CreateUser", &[("UserName", "Stranger")]).await;
        tokio::time::sleep(lag * 2).await;
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        place.iam(account, "PutUserPolicy", &[("UserName", "Stranger"), ("PolicyName", "all"), ("PolicyDocument", all)]).await;
    }
    tokio::time::sleep(lag * 2).await;
    (place, file)
}

/// Statements of a bucket's policy.
async fn bucket_policy(place: &Place, bucket: &str) -> Vec<Value> {
    let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
    let (status, body) = place.s3_as(&who, "eu-west-1", "GET", &format!("/{bucket}"), "policy", &[], "").await;
    if status == 404 { Vec::new() } else { serde_json::from_str::<Value>(&body).unwrap()["Statement"].as_array().unwrap().clone() }
}

async fn put_bucket_policy(place: &Place, bucket: &str, statements: &[Value]) {
    let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
    let (method, body) =
        if statements.is_empty() { ("DELETE", String::new()) } else { ("PUT", json!({"Version": "2012-10-17", "Statement": statements}).to_string()) };
    let (status, body) = place.s3_as(&who, "eu-west-1", method, &format!("/{bucket}"), "policy", &[], &body).await;
    assert_eq!(status, 204, "{body}");
}

async fn public_block(place: &Place, bucket: &str, on: bool) {
    let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
    let flags: String =
        ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"].iter().map(|flag| format!("<{flag}>{on}</{flag}>")).collect();
    let body = format!("<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{flags}</PublicAccessBlockConfiguration>");
    let (status, body) = place.s3_as(&who, "eu-west-1", "PUT", &format!("/{bucket}"), "publicAccessBlock", &[], &body).await;
    assert_eq!(status, 200, "{body}");
}

async fn trust(place: &Place, role: &str, change: impl Fn(&mut Vec<Value>)) {
    let body = place.iam(TRUSTING, "GetRole", &[("RoleName", role)]).await;
    let text = crate::support::element(&body, "AssumeRolePolicyDocument");
    let text = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let mut statements = document["Statement"].as_array().unwrap().clone();
    change(&mut statements);
    document["Statement"] = Value::from(statements);
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", role), ("PolicyDocument", &document.to_string())]).await;
}

async fn inline(place: &Place, role: &str, change: impl Fn(&mut Vec<Value>)) {
    let names = place.iam(TRUSTING, "ListRolePolicies", &[("RoleName", role)]).await;
    let name = crate::support::element(&names, "member");
    let body = place.iam(TRUSTING, "GetRolePolicy", &[("RoleName", role), ("PolicyName", &name)]).await;
    let text = crate::support::element(&body, "PolicyDocument");
    let text = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let mut statements = document["Statement"].as_array().unwrap().clone();
    change(&mut statements);
    document["Statement"] = Value::from(statements);
    place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", role), ("PolicyName", &name), ("PolicyDocument", &document.to_string())]).await;
}

fn open(action: &str, resource: &str) -> Value {
    json!({"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource})
}

/// Takes a condition out of every statement, whatever its operator.
fn without(statements: &mut [Value], key: &str) {
    for statement in statements {
        if let Some(operators) = statement.get_mut("Condition").and_then(Value::as_object_mut) {
            operators.values_mut().for_each(|keys| drop(keys.as_object_mut().unwrap().remove(key)));
            operators.retain(|_, keys| !keys.as_object().unwrap().is_empty());
        }
        if statement["Condition"].as_object().is_some_and(serde_json::Map::is_empty) {
            statement.as_object_mut().unwrap().remove("Condition");
        }
    }
}

/// What is spoiled, and the cell that has to be red: a part of whose, and of what; its twist; and a word of the reason.
type Fault = (&'static str, [&'static str; 4]);

/// Each is spoiled alone.
const FAULTS: &[Fault] = &[
    ("trust widened to the account", ["user/Stranger", "role/Partner", "other-principal", "trust policy"]),
    ("trust widened to everybody", ["000000000000", "role/Reader", "other-principal", "trust policy"]),
    ("external id dropped", ["user/Ann", "role/Partner", "no-external-id", "trust policy"]),
    ("external id changed", ["user/Ann", "role/Partner", "as-granted", "sts:ExternalId"]),
    ("external id as a pattern", ["user/Ann", "role/Partner", "wrong-external-id", "trust policy"]),
    ("second factor dropped", ["user/Ann", "role/Partner", "no-mfa", "trust policy"]),
    ("second factor asked of the crew", ["user/Bob", "role/Reader", "as-granted", "aws:MultiFactorAuthPresent"]),
    ("date dropped", ["user/Ann", "role/Partner", "outside-window", "trust policy"]),
    ("date passed", ["user/Ann", "role/Partner", "as-granted", "aws:CurrentTime"]),
    ("trust names nobody", ["user/Bob", "role/Reader", "as-granted", "trust policy"]),
    ("trust denies", ["user/Bob", "role/Reader", "as-granted", "denied by"]),
    ("trust with a network", ["user/Bob", "role/Reader", "as-granted", "aws:SourceIp"]),
    ("trust with another account", ["user/Bob", "role/Reader", "as-granted", "trust policy"]),
    ("session limit raised", ["user/Ann", "role/Partner", "too-long", "role/Partner"]),
    ("session limit raised for the crew", ["user/Bob", "role/Reader", "too-long", "role/Reader"]),
    ("role deleted", ["user/Bob", "role/Reader", "as-granted", ""]),
    ("role has another path", ["user/Bob", "role/Reader", "as-granted", ""]),
    ("caller's policy detached", ["user/Bob", "role/Reader", "as-granted", "identity-based"]),
    ("member left the group", ["user/Bob", "role/Reader", "as-granted", "identity-based"]),
    ("caller's boundary", ["user/Ann", "role/Partner", "as-granted", "boundary"]),
    ("caller denied", ["user/Ann", "role/Partner", "as-granted", "denied by"]),
    ("boundary removed, policy widened", ["user/Ann", "everything-data", "other-action", "allowed by"]),
    ("boundary narrowed", ["user/Ann", "everything-data", "as-granted", "boundary"]),
    ("prefix dropped", ["user/Bob", "everything-data", "outside", "allowed by"]),
    ("prefix of the list dropped", ["user/Bob", "everything-data", "outside", "allowed by"]),
    ("prefix narrowed", ["user/Bob", "everything-data", "as-granted", ""]),
    ("writing given", ["user/Bob", "everything-data", "", ""]),
    ("writing taken", ["user/Ann", "everything-data", "as-granted", "s3:PutObject"]),
    ("deleting taken", ["user/Ann", "everything-data", "as-granted", "s3:DeleteObject"]),
    ("reading taken", ["user/Bob", "everything-data", "as-granted", "s3:GetObject"]),
    ("role's policy gone", ["user/Bob", "everything-data", "as-granted", ""]),
    ("administrator attached", ["user/Bob", "everything-data", "other-action", "AdministratorAccess"]),
    ("policy of the policy given", ["user/Bob", "everything-data", "other-action", "allowed by"]),
    ("bucket denies the role", ["user/Bob", "everything-data", "as-granted", "denied by"]),
    ("bucket denies plain keys", ["user/Ann", "everything-data", "as-granted", "denied by"]),
    ("bucket statement gone", ["user/Ann", "everything-open", "as-granted", ""]),
    ("bucket statement with another prefix", ["user/Ann", "everything-open", "as-granted", ""]),
    ("bucket open to its world", ["anonymous", "everything-open", "unsigned", "allowed by"]),
    ("bucket listed by the world", ["anonymous", "everything-open", "unsigned", "allowed by"]),
    ("bucket open to the account", ["user/Stranger", "everything-open", "other-principal", "allowed by"]),
    ("bucket open to another user", ["user/Bob", "everything-open", "other-principal", "allowed by"]),
    ("bucket of the role open to a user", ["user/Bob", "everything-data", "other-principal", "allowed by"]),
    ("bucket's prefix dropped", ["user/Ann", "everything-open", "", ""]),
    ("key statement gone", ["user/Bob", "everything-data", "as-granted", "kms:Decrypt"]),
    ("key disabled", ["user/Bob", "everything-data", "as-granted", "Disabled"]),
    ("key denies writing", ["user/Ann", "everything-data", "as-granted", "kms:GenerateDataKey"]),
    ("kms taken from the role", ["user/Bob", "everything-data", "as-granted", "kms:Decrypt"]),
];

/// Spoils one thing, as a hand in the console would.
async fn spoil(place: &Place, fault: &str) {
    let caller = "arn:aws:iam::111111111111:root";
    let deny_all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}"#;
    let data = "arn:aws:s3:::everything-data";
    match fault {
        "trust widened to the account" => {
            trust(place, "Partner", |s| {
                s.push(json!({"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}));
            })
            .await;
        }
        "trust widened to everybody" => {
            trust(place, "Reader", |s| s.push(json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}))).await;
        }
        "external id dropped" => trust(place, "Partner", |s| without(s, "sts:ExternalId")).await,
        "external id changed" => trust(place, "Partner", |s| s[0]["Condition"]["StringEquals"]["sts:ExternalId"] = json!("changed-by-hand")).await,
        "external id as a pattern" => {
            trust(place, "Partner", |s| {
                without(s, "sts:ExternalId");
                s[0]["Condition"]["StringLike"] = json!({"sts:ExternalId": "*"});
            })
            .await;
        }
        "second factor dropped" => trust(place, "Partner", |s| without(s, "aws:MultiFactorAuthPresent")).await,
        "second factor asked of the crew" => {
            trust(place, "Reader", |s| s[0]["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringLike": {"aws:userid": "*"}})).await;
        }
        "date dropped" => trust(place, "Partner", |s| without(s, "aws:CurrentTime")).await,
        "date passed" => trust(place, "Partner", |s| s[0]["Condition"]["DateLessThan"] = json!({"aws:CurrentTime": "2020-01-01T00:00:00Z"})).await,
        "trust names nobody" => trust(place, "Reader", |s| s[0]["Principal"] = json!({"Service": "lambda.amazonaws.com"})).await,
        "trust denies" => trust(place, "Reader", |s| s.push(json!({"Effect": "Deny", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}))).await,
        "trust with a network" => trust(place, "Reader", |s| s[0]["Condition"] = json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})).await,
        "trust with another account" => trust(place, "Reader", |s| s[0]["Principal"] = json!({"AWS": "arn:aws:iam::999999999999:root"})).await,
        "session limit raised" => drop(place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Partner"), ("MaxSessionDuration", "43200")]).await),
        "session limit raised for the crew" => drop(place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Reader"), ("MaxSessionDuration", "43200")]).await),
        "role deleted" => delete_role(place, "Reader").await,
        "role has another path" => {
            delete_role(place, "Reader").await;
            let document =
                json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}]}).to_string();
            place.iam(TRUSTING, "CreateRole", &[("RoleName", "Reader"), ("Path", "/moved/"), ("AssumeRolePolicyDocument", &document)]).await;
        }
        "caller's policy detached" => {
            let attached = place.iam(DEV, "ListAttachedGroupPolicies", &[("GroupName", "Crew")]).await;
            let arn = crate::support::element(&attached, "PolicyArn");
            place.iam(DEV, "DetachGroupPolicy", &[("GroupName", "Crew"), ("PolicyArn", &arn)]).await;
        }
        "member left the group" => drop(place.iam(DEV, "RemoveUserFromGroup", &[("GroupName", "Crew"), ("UserName", "Bob")]).await),
        "caller's boundary" => {
            place
                .iam(DEV, "PutUserPermissionsBoundary", &[("UserName", "Ann"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")])
                .await;
        }
        "caller denied" => drop(place.iam(DEV, "PutUserPolicy", &[("UserName", "Ann"), ("PolicyName", "no"), ("PolicyDocument", deny_all)]).await),
        "boundary removed, policy widened" => {
            place.iam(TRUSTING, "DeleteRolePermissionsBoundary", &[("RoleName", "Partner")]).await;
            inline(place, "Partner", |s| s.push(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))).await;
        }
        "boundary narrowed" => {
            place
                .iam(
                    TRUSTING,
                    "PutRolePermissionsBoundary",
                    &[("RoleName", "Partner"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess")],
                )
                .await;
        }
        "prefix dropped" => inline(place, "Reader", |s| s.push(json!({"Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}))).await,
        "prefix of the list dropped" => inline(place, "Reader", |s| s.push(json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": data}))).await,
        "prefix narrowed" => {
            inline(place, "Reader", |s| {
                for statement in s.iter_mut() {
                    *statement = serde_json::from_str(&statement.to_string().replace("reports/*", "reports/2020/*")).unwrap();
                }
            })
            .await;
            let narrowed = |s: &Value| serde_json::from_str(&s.to_string().replace("reports/*", "reports/2020/*")).unwrap();
            let statements: Vec<Value> = bucket_policy(place, "everything-data").await.iter().map(narrowed).collect();
            put_bucket_policy(place, "everything-data", &statements).await;
        }
        "writing given" => {
            inline(place, "Reader", |s| s.push(json!({"Effect": "Allow", "Action": ["s3:PutObject", "kms:GenerateDataKey"], "Resource": "*"}))).await;
        }
        "writing taken" => inline(place, "Partner", |s| s.push(json!({"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}))).await,
        "deleting taken" => inline(place, "Partner", |s| s.push(json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}))).await,
        "reading taken" => inline(place, "Reader", |s| s.push(json!({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}))).await,
        "role's policy gone" => {
            let names = place.iam(TRUSTING, "ListRolePolicies", &[("RoleName", "Reader")]).await;
            place.iam(TRUSTING, "DeleteRolePolicy", &[("RoleName", "Reader"), ("PolicyName", &crate::support::element(&names, "member"))]).await;
        }
        "administrator attached" => {
            place.iam(TRUSTING, "AttachRolePolicy", &[("RoleName", "Reader"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
        }
        "policy of the policy given" => inline(place, "Reader", |s| s.push(json!({"Effect": "Allow", "Action": "s3:GetBucketPolicy", "Resource": data}))).await,
        "kms taken from the role" => inline(place, "Reader", |s| s.push(json!({"Effect": "Deny", "Action": "kms:*", "Resource": "*"}))).await,
        fault if fault.starts_with("bucket") => spoil_bucket(place, fault).await,
        fault => spoil_key(place, fault).await,
    }
}

async fn spoil_bucket(place: &Place, fault: &str) {
    let (data, shared) = ("everything-data", "everything-open");
    let [all_of_data, all_of_shared] = [data, shared].map(|bucket| format!("arn:aws:s3:::{bucket}/*"));
    let mut of_data = bucket_policy(place, data).await;
    let mut of_shared = bucket_policy(place, shared).await;
    let for_user = |user: &str, resource: &str| json!({"Effect": "Allow", "Principal": {"AWS": user}, "Action": "s3:GetObject", "Resource": resource});
    let bob = "arn:aws:iam::111111111111:user/Bob";
    match fault {
        "bucket denies the role" => of_data.push(json!({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::222222222222:role/Reader"}, "Action": "s3:*", "Resource": [all_of_data, "arn:aws:s3:::everything-data"]})),
        "bucket denies plain keys" => of_data.push(json!({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": all_of_data, "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}}})),
        "bucket statement gone" => of_shared.clear(),
        "bucket statement with another prefix" => of_shared = of_shared.iter().map(|s| serde_json::from_str(&s.to_string().replace("shared/", "other/")).unwrap()).collect(),
        "bucket open to its world" => {
            public_block(place, shared, false).await;
            of_shared.push(open("s3:GetObject", &all_of_shared));
        }
        "bucket listed by the world" => {
            public_block(place, shared, false).await;
            of_shared.push(open("s3:ListBucket", "arn:aws:s3:::everything-open"));
        }
        "bucket open to the account" => of_shared.push(for_user("arn:aws:iam::111111111111:root", &all_of_shared)),
        "bucket open to another user" => {
            of_shared.push(for_user(bob, &all_of_shared));
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}).to_string();
            place.iam(DEV, "PutUserPolicy", &[("UserName", "Bob"), ("PolicyName", "s3"), ("PolicyDocument", &policy)]).await;
        }
        "bucket of the role open to a user" => {
            of_data.push(json!({"Effect": "Allow", "Principal": {"AWS": bob}, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::everything-data"}));
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}).to_string();
            place.iam(DEV, "PutUserPolicy", &[("UserName", "Bob"), ("PolicyName", "s3"), ("PolicyDocument", &policy)]).await;
        }
        "bucket's prefix dropped" => {
            of_shared = of_shared.iter().map(|s| serde_json::from_str(&s.to_string().replace("everything-open/shared/*", "everything-open/*")).unwrap()).collect();
            let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}).to_string();
            place.iam(DEV, "PutUserPolicy", &[("UserName", "Ann"), ("PolicyName", "s3"), ("PolicyDocument", &policy)]).await;
        }
        other => panic!("{other} is no fault"),
    }
    put_bucket_policy(place, data, &of_data).await;
    put_bucket_policy(place, shared, &of_shared).await;
}

async fn spoil_key(place: &Place, fault: &str) {
    let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
    let statements = key_statements(place, TRUSTING, "eu-west-1", KEY).await;
    match fault {
        // With the account's own delegation gone, too, nothing is left that lets the role.
        "key statement gone" => {
            let admin = json!({"Sid": "Admin", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:Put*", "kms:Enable*", "kms:Disable*"], "Resource": "*"});
            put_key_policy(place, TRUSTING, "eu-west-1", KEY, &[admin]).await;
        }
        "key denies writing" => {
            let deny = json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:GenerateDataKey", "Resource": "*"});
            put_key_policy(place, TRUSTING, "eu-west-1", KEY, &[statements, vec![deny]].concat()).await;
        }
        "key disabled" => {
            let (status, body) = place.kms_as(&who, "eu-west-1", "DisableKey", &json!({"KeyId": KEY})).await;
            assert_eq!(status, 200, "{body}");
        }
        other => panic!("{other} is no fault"),
    }
}

async fn delete_role(place: &Place, role: &str) {
    let names = place.iam(TRUSTING, "ListRolePolicies", &[("RoleName", role)]).await;
    place.iam(TRUSTING, "DeleteRolePolicy", &[("RoleName", role), ("PolicyName", &crate::support::element(&names, "member"))]).await;
    place.iam(TRUSTING, "DeleteRole", &[("RoleName", role)]).await;
}

/// A cell of which all parts are there.
fn is(cell: &Value, parts: [&str; 4]) -> bool {
    let [who, what, twist, _] = parts;
    let act = cell["act"].to_string();
    cell["principal"].as_str().unwrap().contains(who) && act.contains(what) && (twist.is_empty() || cell["twist"] == twist)
}

#[tokio::test(start_paused = true)]
async fn everything_is_green_first() {
    let (place, file) = everything(Duration::from_secs(2)).await;
    let (exit, value) = verified(&place, &file, &["--write-probes"]).await;
    let (fails, unknown) = (cells(&value, "fails"), cells(&value, "unknown"));
    assert!(exit == Exit::Clean, "{}{}", says(&fails), says(&unknown));
}

#[tokio::test(start_paused = true)]
async fn each_fault_is_red_in_its_cell_and_says_why() {
    assert!(FAULTS.len() >= 40);
    let mut wrong = Vec::new();
    for (fault, parts) in FAULTS {
        let (place, file) = everything(Duration::ZERO).await;
        spoil(&place, fault).await;
        let (exit, value) = verified(&place, &file, &["--write-probes", "--deadline", "3"]).await;
        let bad: Vec<&Value> = cells(&value, "fails").into_iter().chain(cells(&value, "unknown")).collect();
        let found: Vec<&&Value> = bad.iter().filter(|cell| is(cell, *parts)).collect();
        let reasoned = found.iter().any(|cell| cell.to_string().contains(parts[3]));
        if exit != Exit::Failed || !reasoned {
            wrong.push(format!("{fault}: {} red, {} of them the right ones\n{}", bad.len(), found.len(), says(&bad)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), FAULTS.len(), wrong.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn what_it_says_is_read_by_people() {
    let file = scenario("log-analysts");
    let place = applied(&file, Duration::ZERO).await;
    let said = place.good(&["verify", &file]).await;
    insta::assert_snapshot!("verify_green", said);
    trust(&place, "DevLogAccessRole", |s| s.push(json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}))).await;
    put_bucket_policy_of(&place, "log-bucket").await;
    let said = place.run(&["verify", "--deadline", "0", &file]).await;
    assert_eq!(said.exit, Exit::Failed);
    insta::assert_snapshot!("verify_red", said.out);
}

async fn put_bucket_policy_of(place: &Place, bucket: &str) {
    let policy = json!({"Version": "2012-10-17", "Statement": [open("s3:GetObject", &format!("arn:aws:s3:::{bucket}/*"))]}).to_string();
    place.s3(TRUSTING, "DELETE", &format!("/{bucket}"), "publicAccessBlock", "").await;
    let (status, body) = place.s3(TRUSTING, "PUT", &format!("/{bucket}"), "policy", &policy).await;
    assert_eq!(status, 204, "{body}");
}

#[tokio::test(start_paused = true)]
async fn reports_are_written_and_external_ids_masked() {
    let (place, file) = everything(Duration::ZERO).await;
    let folder = Path::new(&file).parent().unwrap().to_owned();
    let [json, junit, markdown] = ["attestation.json", "verify.xml", "verify.md"].map(|name| folder.join(name).display().to_string());
    let reports = [format!("json={json}"), format!("junit={junit}"), format!("markdown={markdown}")];
    let mut words = vec!["verify"];
    for report in &reports {
        words.extend(["--report", report]);
    }
    words.push(&file);
    let out = place.good(&words).await;
    for file in [&json, &junit, &markdown] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains("everything-4711"), "{text}");
    }
    assert!(!out.contains("everything-4711"));
    let value: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(value["holds"], true);
    assert!(value["manifests"][0]["digest"].is_string() && value["begun"].is_string());
    assert!(value["cells"].as_array().unwrap().iter().filter(|c| c["known"]["by"] == "calls").all(|c| c["known"]["request_ids"].is_array()));
    assert!(std::fs::read_to_string(&junit).unwrap().contains("<testsuite name=\"role Partner of 222222222222\""));
    let said = place.run(&["verify", "--report", &format!("json={file}"), &file]).await;
    assert!(said.err.contains("would be written over a manifest"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn an_apply_is_proved_at_once() {
    let file = scenario("log-analysts");
    let place = Place::new(Options { visibility_delay: Duration::from_secs(3), ..Options::default() });
    place.good(&["sandbox", "prepare", &file]).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let said = place.run(&["apply", "--auto-approve", "--verify", &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert!(said.out.contains("\nVerified: ") && said.out.contains(", 0 not, 0 not known"), "{}", said.out);
    assert!(said.err.contains("verifying who may assume roles ("), "{}", said.err);
    // Where it does not hold, that is how the command ends: here somebody else's statement, which stays.
    put_bucket_policy_of(&place, "log-bucket").await;
    let said = place.run(&["apply", "--auto-approve", "--verify", "--quiet", "--json", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["holds"], false);
}

/// What can't be read is not known, and what is not known is not proved.
#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_not_green() {
    let (place, file) = everything(Duration::ZERO).await;
    place.sandbox.set_faults(Some(std::sync::Arc::new(NoReading)));
    let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
    let unknown = cells(&value, "unknown");
    assert!(exit == Exit::Failed && !unknown.is_empty() && cells(&value, "fails").is_empty(), "{value}");
    assert!(value["unread"].to_string().contains("AccessDenied"), "{}", value["unread"]);
    // What rests on IAM is not known; who may do what with a bucket, whose policy was read, is.
    assert!(value["cells"].as_array().unwrap().iter().all(|cell| cell["act"]["call"] != "assume" || cell["verdict"] == "unknown"), "{value}");
    assert!(cells(&value, "holds").iter().any(|cell| cell["principal"] == "anonymous" && cell["known"]["by"] == "calls"), "{value}");
}

/// Nobody may read IAM.
struct NoReading;

impl crossrole_sandbox::FaultPlan for NoReading {
    fn fault(&self, call: &crossrole_sandbox::CallInfo<'_>) -> Option<crossrole_sandbox::Fault> {
        let iam = call.operation.starts_with("GetAccount") || call.operation.starts_with("GetRole") || call.operation.starts_with("List");
        (iam && call.operation != "ListObjectsV2" && call.operation != "ListBuckets").then_some(crossrole_sandbox::Fault::Refuse("AccessDenied"))
    }
}

/// Where a role can't be assumed, IAM's own simulator is a second opinion on what its sessions could do.
#[tokio::test(start_paused = true)]
async fn the_simulator_is_asked_where_nothing_can_be_called() {
    let (place, file) = everything(Duration::ZERO).await;
    spoil(&place, "trust names nobody").await;
    let (_, value) = verified(&place, &file, &["--deadline", "0", "--simulate"]).await;
    let all = value["cells"].as_array().unwrap();
    let simulated: Vec<&Value> = all.iter().filter(|cell| cell["known"]["by"] == "simulator").collect();
    assert!(
        !simulated.is_empty()
            && simulated.iter().any(|c| c["known"]["decision"] == "allowed")
            && simulated.iter().any(|c| c["known"]["decision"] == "implicitDeny"),
        "{value}"
    );
    let (_, value) = verified(&place, &file, &["--deadline", "0"]).await;
    assert!(value["cells"].as_array().unwrap().iter().all(|cell| cell["known"]["by"] != "simulator"));
}

/// A bucket without an object is no bucket without a promise, and what is live beside the manifests is looked at where it is.
#[tokio::test(start_paused = true)]
async fn an_empty_bucket_hides_nothing() {
    let text = crate::support::crew(
        "verify-empty",
        "[buckets.empty-data]\ncreate = true\n[roles.Reader]\n[[roles.Reader.trust]]\ngroup = \"dev/Crew\"\n[[roles.Reader.allow]]\nbucket = \"empty-data\"\naccess = \"read\"\nprefix = \"reports/\"\n",
    );
    let file = manifest("verify-empty", &text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let (exit, value) = verified(&place, &file, &[]).await;
    assert_eq!(exit, Exit::Clean, "{}", says(&cells(&value, "fails")));
    let promised = value["cells"].as_array().unwrap().iter().any(|c| c["act"]["call"] == "get" && c["wanted"] == "let-in");
    assert!(promised, "what is granted is a cell, whether an object is there or not");
    // The role reads elsewhere, and the world as well.
    inline(&place, "Reader", |s| s.push(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::empty-data/payroll/*"}))).await;
    place.s3(TRUSTING, "DELETE", "/empty-data", "publicAccessBlock", "").await;
    let mut statements: Vec<Value> =
        serde_json::from_str::<Value>(&place.s3(TRUSTING, "GET", "/empty-data", "policy", "").await.1).unwrap()["Statement"].as_array().unwrap().clone();
    statements.push(open("s3:GetObject", "arn:aws:s3:::empty-data/payroll/*"));
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    assert_eq!(place.s3(TRUSTING, "PUT", "/empty-data", "policy", &policy).await.0, 204);
    let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
    let red: Vec<String> = cells(&value, "fails").iter().map(|c| c["says"].to_string()).collect();
    assert!(
        exit == Exit::Failed && red.iter().any(|s| s.contains("as role Reader")) && red.iter().any(|s| s.contains("anyone, without signing in")),
        "{red:?}"
    );
}

/// A write that should have been refused and was not is red, whoever may take it away; what nobody could take away is said.
#[tokio::test(start_paused = true)]
async fn what_was_written_is_taken_away_or_said() {
    let text = crate::support::crew(
        "verify-put",
        "[buckets.put-data]\ncreate = true\n[roles.Writer]\n[[roles.Writer.trust]]\ngroup = \"dev/Crew\"\n[[roles.Writer.allow]]\nbucket = \"put-data\"\nactions = [\"s3:PutObject\"]\nprefix = \"in/\"\n",
    );
    let file = manifest("verify-put", &text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let (exit, value) = verified(&place, &file, &["--write-probes"]).await;
    assert_eq!(exit, Exit::Clean, "{}", says(&cells(&value, "fails")));
    let (_, listed) = place.s3(TRUSTING, "GET", "/put-data", "list-type=2", "").await;
    assert!(!listed.contains("crossrole-verify"), "who may write and not delete has it deleted: {listed}");
    // Now it may write anywhere, and nobody may delete.
    inline(&place, "Writer", |s| s.push(json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::put-data/*"}))).await;
    place.sandbox.set_faults(Some(std::sync::Arc::new(NoDeleting)));
    let (exit, value) = verified(&place, &file, &["--write-probes", "--deadline", "0"]).await;
    let red = cells(&value, "fails");
    assert!(exit == Exit::Failed && red.iter().any(|c| c["act"]["call"] == "put" && c["twist"] == "outside"), "{}", says(&red));
    assert!(value["left_behind"].as_array().unwrap().len() == 3, "{}", value["left_behind"]);
}

/// Nobody may delete objects.
struct NoDeleting;

impl crossrole_sandbox::FaultPlan for NoDeleting {
    fn fault(&self, call: &crossrole_sandbox::CallInfo<'_>) -> Option<crossrole_sandbox::Fault> {
        (call.operation == "DeleteObject").then_some(crossrole_sandbox::Fault::Refuse("AccessDenied"))
    }
}

/// What nobody would think of trying: a stranger by name, a service, an action of another kind.
#[tokio::test(start_paused = true)]
async fn what_no_call_looks_for_is_found_all_the_same() {
    let wider: [(&str, &str); 5] = [
        ("arn:aws:iam::999999999999:root", "trust"),
        ("arn:aws:iam::999999999999:user/Stranger", "trust"),
        ("ec2.amazonaws.com", "service"),
        ("iam:*", "action"),
        ("s3:PutObject", "action"),
    ];
    for (what, kind) in wider {
        let (place, file) = everything(Duration::ZERO).await;
        match kind {
            "trust" => trust(&place, "Reader", |s| s.push(json!({"Effect": "Allow", "Principal": {"AWS": what}, "Action": "sts:AssumeRole"}))).await,
            "service" => trust(&place, "Reader", |s| s.push(json!({"Effect": "Allow", "Principal": {"Service": what}, "Action": "sts:AssumeRole"}))).await,
            _ => inline(&place, "Reader", |s| s.push(json!({"Effect": "Allow", "Action": what, "Resource": "*"}))).await,
        }
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        let said = value["beyond"].to_string();
        let named = what.rsplit(['/', ':']).next().unwrap().replace("root", "999999999999");
        assert!(exit == Exit::Failed && value["holds"] == false && said.contains(&named), "{what}: {said}");
    }
    // In a bucket's policy others write as well: what no manifest says is red all the same.
    let (place, file) = everything(Duration::ZERO).await;
    let mut statements = bucket_policy(&place, "everything-open").await;
    statements.push(json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::everything-open/*"}));
    put_bucket_policy(&place, "everything-open", &statements).await;
    let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
    assert!(exit == Exit::Failed && value["beyond"].to_string().contains("999999999999"), "{}", value["beyond"]);
}

/// Writing and other actions that are granted are looked at where nothing of the kind is called.
#[tokio::test(start_paused = true)]
async fn what_is_not_called_is_evaluated() {
    for (fault, action) in [("writing taken", "put"), ("deleting taken", "delete"), ("writing given", "put")] {
        let (place, file) = everything(Duration::ZERO).await;
        spoil(&place, fault).await;
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        let red = cells(&value, "fails");
        let found = red.iter().any(|c| c["act"]["call"] == action && c["known"]["by"] == "evaluator" && c["known"]["because"]["why"] == "writes");
        assert!(exit == Exit::Failed && found, "{fault}: {}", says(&red));
    }
    let text = crate::support::crew(
        "verify-other",
        "[buckets.other-data]\ncreate = true\n[roles.Reader]\n[[roles.Reader.trust]]\ngroup = \"dev/Crew\"\n[[roles.Reader.allow]]\nactions = [\"s3:GetBucketLocation\", \"s3:GetLifecycleConfiguration\"]\nresources = [\"arn:aws:s3:::other-data\"]\n[[roles.Reader.allow]]\nactions = [\"s3:ListAllMyBuckets\"]\nresources = [\"*\"]\n[[roles.Reader.allow]]\nbucket = \"other-data\"\naccess = \"write\"\nprefix = \"in/\"\n",
    );
    let file = manifest("verify-other", &text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let (exit, value) = verified(&place, &file, &[]).await;
    assert_eq!(exit, Exit::Clean, "{}", says(&cells(&value, "fails")));
    let how = |action: &str| value["cells"].as_array().unwrap().iter().find(|c| c["act"]["action"] == action).map(|c| c["known"]["by"].clone());
    let expected = [("s3:GetBucketLocation", "calls"), ("s3:ListAllMyBuckets", "calls"), ("s3:GetLifecycleConfiguration", "evaluator")];
    for (action, by) in expected {
        assert_eq!(how(action), Some(Value::from(by)), "{action}");
    }
    assert!(value["untried"].as_array().unwrap().is_empty(), "{}", value["untried"]);
    // The prefix ends a sign too early, and settings are not read any more.
    inline(&place, "Reader", |s| {
        s.push(json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::other-data/in*"}));
        s.push(json!({"Effect": "Deny", "Action": ["s3:GetBucketLocation", "s3:GetLifecycleConfiguration"], "Resource": "*"}));
    })
    .await;
    let (exit, value) = verified(&place, &file, &["--write-probes", "--deadline", "0"]).await;
    let red = cells(&value, "fails");
    let is_red = |part: &str| red.iter().any(|c| c["act"].to_string().contains(part));
    assert!(
        exit == Exit::Failed && is_red("in-x/.crossrole-verify-") && is_red("s3:GetBucketLocation") && is_red("s3:GetLifecycleConfiguration"),
        "{}",
        says(&red)
    );
}

/// While answers are waited for, it is said how many and until when.
#[tokio::test(start_paused = true)]
async fn a_long_wait_is_said() {
    let (place, file) = everything(Duration::ZERO).await;
    spoil(&place, "reading taken").await;
    let said = place.run(&["verify", "--deadline", "45", &file]).await;
    let waits: Vec<&str> = said.err.lines().filter(|line| line.starts_with("waiting: ")).collect();
    assert!(!waits.is_empty() && waits.iter().all(|line| line.contains(" are open; ") && line.contains(" until 20")), "{}", said.err);
}

/// A run that is ended before its time deletes what it has written.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_ended_leaves_nothing_behind() {
    let text = crate::support::crew(
        "verify-ended",
        "[buckets.ended-data]\ncreate = true\n[roles.Writer]\n[[roles.Writer.trust]]\ngroup = \"dev/Crew\"\n[[roles.Writer.allow]]\nbucket = \"ended-data\"\naccess = \"read-write\"\nprefix = \"in/\"\n",
    );
    let file = manifest("verify-ended", &text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    // Something that is waited for after the object was written.
    inline(&place, "Writer", |s| s.push(json!({"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"}))).await;
    let words = ["verify", "--write-probes", "--deadline", "600", "--timeout-total", "30", &file];
    let written = async || place.s3(TRUSTING, "GET", "/ended-data", "list-type=2", "").await.1.contains("crossrole-verify");
    let said = place.run(&words).await;
    assert!(said.exit == Exit::Failed && said.err.contains("the 30 seconds of `--timeout-total` are over"), "{}", said.err);
    assert!(!written().await && !said.err.contains("left behind: "), "{}", said.err);
    assert!(!said.err.contains("nothing was written") && said.err.contains("help: what was written to try it was deleted again"), "{}", said.err);
    // What can't be deleted is said.
    place.sandbox.set_faults(Some(std::sync::Arc::new(NoDeleting)));
    let said = place.run(&words).await;
    assert!(written().await && said.err.contains("left behind: ended-data/in/.crossrole-verify-"), "{}", said.err);
}

/// Nobody is let more by it at that moment, so that no call shows it: it is said, and not green.
#[tokio::test(start_paused = true)]
async fn what_guards_and_no_call_shows_is_not_green() {
    let (place, _) = everything(Duration::ZERO).await;
    let said = "[buckets.everything-open]\ncreate = true\n";
    let file = manifest("verify-guards", &ALL.replace(said, &format!("{said}public_access_block = true\n")));
    place.iam(TRUSTING, "DeleteRolePermissionsBoundary", &[("RoleName", "Partner")]).await;
    public_block(&place, "everything-open", false).await;
    let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
    let red = cells(&value, "fails");
    let unguarded = value["unguarded"].to_string();
    assert!(exit == Exit::Failed && value["holds"] == false && red.is_empty(), "{}", says(&red));
    assert!(unguarded.contains("222222222222/role/Partner") && unguarded.contains("boundary"), "{unguarded}");
    assert!(unguarded.contains("222222222222/bucket/everything-open") && unguarded.contains("public-access-block"), "{unguarded}");
}

/// Whom nobody can call for: tokens, keys that are granted without a bucket, who was put into a group, who signs in. Spoiled together, each is
/// red by itself.
#[tokio::test(start_paused = true)]
async fn what_nobody_calls_for_is_red_as_well() {
    let key = "[[keys.exchange.allow]]\nuser = \"dev/Ann\"\naccess = \"decrypt\"\n[oidc_providers.github]\nurl = \"https://token.actions.githubusercontent.com\"\n[buckets.everything-data]\n";
    let more = "[roles.Deploy]\n[[roles.Deploy.trust]]\ngithub = { repository = \"acme/site\", branch = \"main\" }\n[[roles.Deploy.allow]]\nbucket = \"everything-open\"\naccess = \"write\"\nprefix = \"site/\"\n";
    let file = manifest("verify-nobody", &format!("{}{more}", ALL.replace("[buckets.everything-data]\n", key)));
    let saml = scenario("saml-federation");
    let place = Place::new(Options::default());
    assert!(place.sandbox.add_key(KEY));
    place.good(&["sandbox", "prepare", &file, &saml]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file, &saml]).await;
    let (exit, value) = verified(&place, &file, &[&saml]).await;
    let granted = |who: &str| {
        cells(&value, "holds").iter().any(|c| c["principal"].as_str().unwrap().contains(who) && c["wanted"] == "let-in" && c["known"]["by"] == "evaluator")
    };
    assert!(exit == Exit::Clean && value["holds"] == true, "{}{value}", says(&cells(&value, "fails")));
    assert!(granted("token.actions") && granted("saml-provider/"), "{}", says(&cells(&value, "holds")));
    place.iam(DEV, "CreateUser", &[("UserName", "Mal")]).await;
    place.iam(DEV, "AddUserToGroup", &[("UserName", "Mal"), ("GroupName", "Crew")]).await;
    let provider = |kind: &str, name: &str| format!("arn:aws:iam::222222222222:{kind}-provider/{name}");
    place.iam(TRUSTING, "DeleteOpenIDConnectProvider", &[("OpenIDConnectProviderArn", &provider("oidc", "token.actions.githubusercontent.com"))]).await;
    let metadata = std::fs::read_to_string(&saml).unwrap().split("'''").nth(1).unwrap().replace("idp.example.org", "idp.evil.example");
    place.iam(TRUSTING, "UpdateSAMLProvider", &[("SAMLProviderArn", &provider("saml", "ExampleIdp")), ("SAMLMetadataDocument", &metadata)]).await;
    let mut statements = key_statements(&place, TRUSTING, "eu-west-1", KEY).await;
    statements.push(json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111111111111:user/Ann"}, "Action": "kms:*", "Resource": "*"}));
    put_key_policy(&place, TRUSTING, "eu-west-1", KEY, &statements).await;
    let junit = Path::new(&file).parent().unwrap().join("verify.xml").display().to_string();
    let (exit, value) = verified(&place, &file, &["--deadline", "0", "--report", &format!("junit={junit}"), &saml]).await;
    let red = says(&cells(&value, "fails"));
    assert!(exit == Exit::Failed && value["holds"] == false, "{value}");
    assert!(red.contains("acme/site") && red.contains("calls kms:Decrypt"), "{red}");
    assert!(value["beyond"].to_string().contains("user Mal of 111111111111 gains"), "{}", value["beyond"]);
    assert!(value["unguarded"].to_string().contains("\"part\":\"metadata\""), "{}", value["unguarded"]);
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains("user Mal of 111111111111 gains") && junit.contains("more is let than the manifests say"), "{junit}");
}
