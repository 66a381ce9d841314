//! A generated estate to be audited: every kind of problem, and beside each what nearly is one.

use std::collections::BTreeSet;

use crossrole_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::support::{Credentials, Place};

/// The account with the roles, buckets and keys.
pub(crate) const MAIN: &str = "222222222222";
/// One's own, that comes over.
pub(crate) const DEV: &str = "111111111111";
/// One's own, with a trail that is off.
pub(crate) const OPS: &str = "333333333333";
/// Somebody else's.
pub(crate) const VENDOR: &str = "444444444444";

const DAY: i64 = 86_400;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) roles: usize,
    pub(crate) buckets: usize,
    pub(crate) keys: usize,
}

/// Kinds of roles, buckets and keys.
pub(crate) const KINDS: usize = 29;
pub(crate) const HOLDINGS: usize = 12;
pub(crate) const LOCKS: usize = 6;

/// Rule and object.
pub(crate) type Expected = BTreeSet<(String, String)>;

fn trust(principal: &Value, condition: &Value) -> String {
    let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    if !condition.is_null() {
        statement["Condition"] = condition.clone();
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn web(host: &str, condition: &Value) -> String {
    let principal = json!({ "Federated": format!("arn:aws:iam::{MAIN}:oidc-provider/{host}") });
    let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": { "StringLike": condition } });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// One kind of role: its trust, its longest session, when it was made and used (days ago), and what is wrong with it.
struct Kind {
    name: &'static str,
    trust: String,
    hours: u32,
    made: i64,
    used: Option<i64>,
    wrong: &'static [&'static str],
}

fn kind(name: &'static str, trust: String, wrong: &'static [&'static str]) -> Kind {
    Kind { name, trust, hours: 1, made: 1, used: None, wrong }
}

fn kinds() -> Vec<Kind> {
    let aws = |who: &str| json!({ "AWS": who });
    let (dev_root, vendor_root) = (format!("arn:aws:iam::{DEV}:root"), format!("arn:aws:iam::{VENDOR}:root"));
    let (deployer, vendor, ann) =
        (format!("arn:aws:iam::{DEV}:role/Deployer"), format!("arn:aws:iam::{VENDOR}:role/Scanner"), format!("arn:aws:iam::{DEV}:user/ann"));
    let none = Value::Null;
    let id = json!({ "StringEquals": { "sts:ExternalId": "c0ffee" } });
    let star = trust(&aws("*"), &none);
    let denied = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" },
        { "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "sts:*" },
    ] });
    let own = trust(&aws(&deployer), &none);
    vec![
        kind("Service", trust(&json!({ "Service": "lambda.amazonaws.com" }), &none), &[]),
        kind("Anyone", star, &["anyone"]),
        kind("AnyoneOfOrg", trust(&aws("*"), &json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } })), &[]),
        kind("AnyoneButDenied", denied.to_string(), &[]),
        kind("AnyoneIfOrg", trust(&aws("*"), &json!({ "StringEqualsIfExists": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } })), &["anyone"]),
        kind("Wide", trust(&aws(&dev_root), &none), &["account-wide"]),
        kind("WideByName", trust(&aws(&dev_root), &json!({ "ArnLike": { "aws:PrincipalArn": format!("arn:aws:iam::{DEV}:role/Deploy*") } })), &[]),
        kind("Third", trust(&aws(&vendor), &none), &["no-external-id"]),
        kind("ThirdWithId", trust(&aws(&vendor), &id), &[]),
        kind("ThirdIfId", trust(&aws(&vendor), &json!({ "StringEqualsIfExists": { "sts:ExternalId": "c0ffee" } })), &["no-external-id"]),
        kind("ThirdOfOrg", trust(&aws(&vendor), &json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } })), &[]),
        kind("ThirdRoot", trust(&aws(&vendor_root), &none), &["account-wide", "no-external-id"]),
        kind("ThirdRootWithId", trust(&aws(&vendor_root), &id), &[]),
        kind("ThirdOver", trust(&aws(&vendor_root), &json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } })), &[]),
        kind("User", trust(&aws(&ann), &none), &["no-mfa"]),
        kind("UserWithMfa", trust(&aws(&ann), &json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } })), &[]),
        kind("UserIfMfa", trust(&aws(&ann), &json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "true" } })), &["no-mfa"]),
        kind("TokensOpen", web("gitlab.com", &json!({ "gitlab.com:aud": "https://gitlab.com" })), &["tokens-not-pinned"]),
        kind("TokensOfMany", web("gitlab.com", &json!({ "gitlab.com:aud": "https://gitlab.com", "gitlab.com:sub": "project_path:*" })), &["tokens-not-pinned"]),
        kind(
            "TokensPinned",
            web("gitlab.com", &json!({ "gitlab.com:aud": "https://gitlab.com", "gitlab.com:sub": "project_path:a/b:ref_type:branch:ref:main" })),
            &[],
        ),
        kind("TokensOfNobody", web("absent.example.com", &json!({ "absent.example.com:aud": "x" })), &[]),
        kind("Dead", trust(&aws(&format!("arn:aws:iam::{DEV}:role/Gone")), &none), &["dead-principal"]),
        Kind { hours: 12, ..kind("Long", own.clone(), &["long-session"]) },
        Kind { hours: 4, ..kind("LongEnough", own.clone(), &[]) },
        Kind { made: 200, ..kind("NeverUsed", own.clone(), &["unused-role"]) },
        Kind { made: 200, used: Some(100), ..kind("LongUnused", own.clone(), &["unused-role"]) },
        Kind { made: 200, used: Some(80), ..kind("UsedOfLate", own.clone(), &[]) },
        Kind { made: 400, used: Some(1), ..kind("Old", own, &["old-role"]) },
        Kind { made: 400, hours: 12, ..kind("OldService", trust(&json!({ "Service": "ec2.amazonaws.com" }), &none), &[]) },
    ]
}

/// One kind of bucket: its policy, what of its settings is otherwise than usual, and what is wrong with it.
struct Holding {
    name: &'static str,
    principal: Value,
    condition: Value,
    off: &'static [&'static str],
    wrong: &'static [&'static str],
}

fn holdings() -> Vec<Holding> {
    let scanner = || json!({ "AWS": format!("arn:aws:iam::{VENDOR}:role/Scanner") });
    let of = |name, principal: Value, off, wrong| Holding { name, principal, condition: Value::Null, off, wrong };
    let anyone = || json!({ "AWS": "*" });
    vec![
        of("private", Value::Null, &[], &[]),
        of("public", anyone(), &["block"], &["anyone", "public-access-not-blocked"]),
        of("public-but-blocked", anyone(), &[], &[]),
        of("shared", scanner(), &[], &[]),
        of("wide", json!({ "AWS": format!("arn:aws:iam::{VENDOR}:root") }), &[], &["account-wide"]),
        of("no-log", scanner(), &["log"], &["no-access-log"]),
        of("no-log-of-own", Value::Null, &["log"], &[]),
        of("untraced", scanner(), &["trace"], &["no-data-events"]),
        of("acls", Value::Null, &["acls"], &["acls-on"]),
        of("open-door", Value::Null, &["block"], &["public-access-not-blocked"]),
        Holding { condition: json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }), ..of("of-org", anyone(), &[], &[]) },
        Holding {
            condition: json!({ "StringEquals": { "aws:SourceVpce": "vpce-1a2b3c4d" } }),
            ..of("of-network", anyone(), &["block"], &["public-access-not-blocked"])
        },
    ]
}

/// One kind of key: who is let in, and what is wrong with it.
fn locks() -> Vec<(&'static str, Value, Value, &'static [&'static str])> {
    let anyone = || json!({ "AWS": "*" });
    vec![
        ("own", Value::Null, Value::Null, &[]),
        ("wide", json!({ "AWS": format!("arn:aws:iam::{VENDOR}:root") }), Value::Null, &["account-wide"]),
        ("named", json!({ "AWS": format!("arn:aws:iam::{VENDOR}:role/Scanner") }), Value::Null, &[]),
        ("anyone", anyone(), Value::Null, &["anyone"]),
        ("of-account", anyone(), json!({ "StringEquals": { "kms:CallerAccount": MAIN } }), &[]),
        ("going", anyone(), Value::Null, &[]),
    ]
}

/// Makes it; returns it, and what is wrong with it. Kinds come round as often as there is room.
pub(crate) async fn generated(size: Size) -> (Sandbox, Expected) {
    let place = Place::new(Options { role_quota: 20_000, ..Options::default() });
    let mut expected = Expected::new();
    people(&place).await;
    roles(&place, size.roles, &mut expected).await;
    chain(&place).await;
    buckets(&place, size.buckets, &mut expected).await;
    keys(&place, size.keys, &mut expected).await;
    expected.insert(("account-public-access-not-blocked".to_owned(), format!("{MAIN}/account/{MAIN}")));
    expected.insert(("no-trail".to_owned(), format!("{DEV}/account/{DEV}")));
    expected.insert(("no-trail".to_owned(), format!("{OPS}/region/us-east-1")));
    expected.insert(("old-access-key".to_owned(), format!("{DEV}/user/old")));
    (dated(&place, size.roles), expected)
}

async fn people(place: &Place) {
    for name in ["Deployer", "Gone"] {
        role(place, DEV, name, &trust(&json!({ "Service": "ec2.amazonaws.com" }), &Value::Null)).await;
    }
    role(place, VENDOR, "Scanner", &trust(&json!({ "Service": "ec2.amazonaws.com" }), &Value::Null)).await;
    for user in ["ann", "old", "new", "off"] {
        place.iam(DEV, "CreateUser", &[("UserName", user)]).await;
        if user != "ann" {
            let key = place.iam(DEV, "CreateAccessKey", &[("UserName", user)]).await;
            if user == "off" {
                let id = crate::support::element(&key, "AccessKeyId");
                place.iam(DEV, "UpdateAccessKey", &[("UserName", user), ("AccessKeyId", &id), ("Status", "Inactive")]).await;
            }
        }
    }
    place.iam(MAIN, "CreateOpenIDConnectProvider", &[("Url", "https://gitlab.com"), ("ClientIDList.member.1", "https://gitlab.com")]).await;
}

pub(crate) async fn role(place: &Place, account: &str, name: &str, trust: &str) {
    place.iam(account, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", trust)]).await;
}

pub(crate) async fn lets(place: &Place, account: &str, name: &str, action: &str, resource: &str) {
    let document = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resource }] }).to_string();
    place.iam(account, "PutRolePolicy", &[("RoleName", name), ("PolicyName", "lets"), ("PolicyDocument", &document)]).await;
}

async fn roles(place: &Place, count: usize, expected: &mut Expected) {
    let kinds = kinds();
    assert_eq!(kinds.len(), KINDS);
    for (at, kind) in (0..count).zip(kinds.iter().cycle()) {
        let name = format!("{}-{at}", kind.name);
        let hours = (kind.hours * 3_600).to_string();
        let words = [("RoleName", name.as_str()), ("AssumeRolePolicyDocument", &kind.trust), ("MaxSessionDuration", &hours)];
        place.iam(MAIN, "CreateRole", &words).await;
        lets(place, MAIN, &name, "s3:GetObject", &format!("arn:aws:s3:::estate-private-0/{at}/*")).await;
        expected.extend(kind.wrong.iter().map(|rule| ((*rule).to_owned(), format!("{MAIN}/role/{name}"))));
    }
    place.iam(DEV, "DeleteRole", &[("RoleName", "Gone")]).await;
}

/// A user of one account comes over five roles of three to a bucket; and over a sixth that a Deny keeps closed.
async fn chain(place: &Place) {
    place.iam(DEV, "CreateUser", &[("UserName", "walker")]).await;
    let places = [(MAIN, "Hop1"), (OPS, "Hop2"), (MAIN, "Hop3"), (DEV, "Hop4"), (MAIN, "Hop5"), (OPS, "Hop6")];
    let arn = |(account, name): (&str, &str)| format!("arn:aws:iam::{account}:role/{name}");
    let mut before = format!("arn:aws:iam::{DEV}:user/walker");
    let mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    for (at, (account, name)) in places.into_iter().enumerate() {
        role(place, account, name, &trust(&json!({ "AWS": before }), if at == 0 { &mfa } else { &Value::Null })).await;
        before = arn((account, name));
    }
    for (at, (account, name)) in places.into_iter().enumerate() {
        if let Some(next) = places.get(at + 1) {
            lets(place, account, name, "sts:AssumeRole", &arn(*next)).await;
        }
    }
    let lets_walker =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn(places[0]) }] }).to_string();
    place.iam(DEV, "PutUserPolicy", &[("UserName", "walker"), ("PolicyName", "lets"), ("PolicyDocument", &lets_walker)]).await;
    let last = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/Hop*" },
        { "Effect": "Deny", "Action": "sts:AssumeRole", "Resource": arn(places[5]) },
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::estate-private-0/end/*" },
    ] });
    place.iam(MAIN, "PutRolePolicy", &[("RoleName", "Hop5"), ("PolicyName", "lets"), ("PolicyDocument", &last.to_string())]).await;
}

async fn put(place: &Place, account: &str, path: &str, query: &str, body: &str) {
    let (status, said) = place.s3(account, "PUT", path, query, body).await;
    assert!(status < 300, "{path}?{query}: {said}");
}

async fn buckets(place: &Place, count: usize, expected: &mut Expected) {
    const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    const LOG: &str = "<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LoggingEnabled><TargetBucket>estate-logs</TargetBucket><TargetPrefix>x/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>";
    const ACLS: &str = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    put(place, MAIN, "/estate-logs", "", "").await;
    let delivery = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "Service": "logging.s3.amazonaws.com" }, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::estate-logs/*", "Condition": { "StringEquals": { "aws:SourceAccount": MAIN } } }] });
    put(place, MAIN, "/estate-logs", "policy", &delivery.to_string()).await;
    put(place, OPS, "/ops-logs", "", "").await;
    let ops = Credentials { key: OPS.to_owned(), ..Credentials::default() };
    let (status, said) = place.s3_as(&ops, "us-east-1", "PUT", "/v20180820/configuration/publicAccessBlock", "", &[("x-amz-account-id", OPS)], BLOCK).await;
    assert_eq!(status, 201, "{said}");
    let holdings = holdings();
    assert_eq!(holdings.len(), HOLDINGS);
    let mut untraced = Vec::new();
    for (at, holding) in (0..count).zip(holdings.iter().cycle()) {
        let name = format!("estate-{}-{at}", holding.name);
        let path = format!("/{name}");
        put(place, MAIN, &path, "", "").await;
        if !holding.principal.is_null() {
            assert_eq!(place.s3(MAIN, "DELETE", &path, "publicAccessBlock", "").await.0, 204);
            let mut statement =
                json!({ "Effect": "Allow", "Principal": holding.principal, "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{name}/*") });
            if !holding.condition.is_null() {
                statement["Condition"] = holding.condition.clone();
            }
            put(place, MAIN, &path, "policy", &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()).await;
            put(place, MAIN, &path, "publicAccessBlock", BLOCK).await;
        }
        let off = |what: &str| holding.off.contains(&what);
        if off("block") {
            assert_eq!(place.s3(MAIN, "DELETE", &path, "publicAccessBlock", "").await.0, 204);
        }
        if !off("log") {
            put(place, MAIN, &path, "logging", LOG).await;
        }
        if off("acls") {
            put(place, MAIN, &path, "ownershipControls", ACLS).await;
        }
        if off("trace") {
            untraced.push(format!("arn:aws:s3:::{name}/"));
        }
        expected.extend(holding.wrong.iter().map(|rule| ((*rule).to_owned(), format!("{MAIN}/bucket/{name}"))));
    }
    trails(place, &untraced).await;
}

async fn trails(place: &Place, untraced: &[String]) {
    let call = |account: &'static str, operation: &'static str, input: Value| async move {
        let who = Credentials { key: account.to_owned(), ..Credentials::default() };
        let api = ("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101");
        let (status, said) = place.json_as(&who, api, "us-east-1", operation, &input).await;
        assert_eq!(status, 200, "{operation}: {said}");
    };
    call(MAIN, "CreateTrail", json!({ "Name": "everything", "S3BucketName": "estate-logs", "IsMultiRegionTrail": true })).await;
    let mut objects = vec![json!({ "Field": "eventCategory", "Equals": ["Data"] }), json!({ "Field": "resources.type", "Equals": ["AWS::S3::Object"] })];
    if !untraced.is_empty() {
        objects.push(json!({ "Field": "resources.ARN", "NotStartsWith": untraced }));
    }
    let selectors = json!([{ "FieldSelectors": [{ "Field": "eventCategory", "Equals": ["Management"] }] }, { "FieldSelectors": objects }]);
    call(MAIN, "PutEventSelectors", json!({ "TrailName": "everything", "AdvancedEventSelectors": selectors })).await;
    call(MAIN, "StartLogging", json!({ "Name": "everything" })).await;
    call(OPS, "CreateTrail", json!({ "Name": "never-started", "S3BucketName": "ops-logs", "IsMultiRegionTrail": true })).await;
}

async fn keys(place: &Place, count: usize, expected: &mut Expected) {
    let who = Credentials { key: MAIN.to_owned(), ..Credentials::default() };
    let locks = locks();
    assert_eq!(locks.len(), LOCKS);
    for (at, (kind, principal, condition, wrong)) in (0..count).zip(locks.iter().cycle()) {
        let id = format!("{at:08}-0000-4000-8000-000000000000");
        let arn = format!("arn:aws:kms:us-east-1:{MAIN}:key/{id}");
        assert!(place.sandbox.add_key(&arn));
        if !principal.is_null() {
            let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt", "Resource": "*" });
            if !condition.is_null() {
                statement["Condition"] = condition.clone();
            }
            let root = json!({ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{MAIN}:root") }, "Action": "kms:*", "Resource": "*" });
            let policy = json!({ "Version": "2012-10-17", "Statement": [root, statement] }).to_string();
            let (status, said) = place.kms_as(&who, "us-east-1", "PutKeyPolicy", &json!({ "KeyId": id, "PolicyName": "default", "Policy": policy })).await;
            assert_eq!(status, 200, "{said}");
        }
        if *kind == "going" {
            let (status, said) = place.kms_as(&who, "us-east-1", "ScheduleKeyDeletion", &json!({ "KeyId": id })).await;
            assert_eq!(status, 200, "{said}");
        }
        expected.extend(wrong.iter().map(|rule| ((*rule).to_owned(), format!("{MAIN}/key/{id}"))));
    }
}

/// So many days ago, as AWS writes it.
fn ago(days: i64) -> String {
    let at = time::OffsetDateTime::now_utc() - time::Duration::days(days);
    format!("{:04}-{:02}-{:02}T00:00:00Z", at.year(), u8::from(at.month()), at.day())
}

/// The same with dates of other days: those of the past can't be had by calls.
fn dated(place: &Place, count: usize) -> Sandbox {
    let mut world: Value = serde_json::from_slice(&place.sandbox.snapshot().unwrap()).unwrap();
    let kinds = kinds();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    for (at, kind) in (0..count).zip(kinds.iter().cycle()) {
        let key = format!("{}-{at}", kind.name).to_lowercase();
        let account = &mut world["accounts"][MAIN];
        let held = &mut account["roles"][&key]["current"]["held"];
        held["created"] = json!(ago(kind.made));
        let id = held["id"].as_str().unwrap().to_owned();
        if let Some(days) = kind.used {
            account["last_used"][&id] = json!([now - days * DAY, "us-east-1"]);
        }
    }
    for (_, key) in world["keys"].as_object_mut().unwrap() {
        let days = match key["user"].as_str().unwrap() {
            "old" => 100,
            "off" => 300,
            _ => 80,
        };
        key["created"] = json!(ago(days));
    }
    Sandbox::restore(world.to_string().as_bytes(), Options { role_quota: 20_000, ..Options::default() }).unwrap()
}
