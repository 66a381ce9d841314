//! Keys, by enforcement: who is let by the bucket, the key and its own policies gets what is encrypted, and nobody else does.

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::{Value, json};

use crate::made_key::Denied;
use crate::support::{Credentials, Place, manifest, scenario};

const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OWNER: &str = "222222222222";
const PARTNER: &str = "444444444444";
const OBJECT: &str = "/encrypted-exchange/from-partner/x";

impl Place {
    /// Calls KMS as the root user of an account, which must succeed.
    pub(crate) async fn kms(&self, account: &str, region: &str, operation: &str, input: &Value) -> Value {
        let credentials = Credentials { key: account.to_owned(), ..Credentials::default() };
        let (status, body) = self.kms_as(&credentials, region, operation, input).await;
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }
}

/// Statements of a key's policy.
pub(crate) async fn key_statements(place: &Place, account: &str, region: &str, key: &str) -> Vec<Value> {
    let answer = place.kms(account, region, "GetKeyPolicy", &json!({ "KeyId": key, "PolicyName": "default" })).await;
    let policy: Value = serde_json::from_str(answer["Policy"].as_str().unwrap()).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

pub(crate) async fn put_key_policy(place: &Place, account: &str, region: &str, key: &str, statements: &[Value]) {
    let policy = json!({ "Version": "2012-10-17", "Id": "key-default-1", "Statement": statements }).to_string();
    place.kms(account, region, "PutKeyPolicy", &json!({ "KeyId": key, "PolicyName": "default", "Policy": policy })).await;
}

/// A session of the partner's role, which a user of its account may assume.
async fn uploader(place: &Place) -> Credentials {
    place.iam(PARTNER, "CreateUser", &[("UserName", "hands")]).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    place.iam(PARTNER, "PutUserPolicy", &[("UserName", "hands"), ("PolicyName", "p"), ("PolicyDocument", policy)]).await;
    let user = Credentials::of(&place.iam(PARTNER, "CreateAccessKey", &[("UserName", "hands")]).await);
    let role = format!("arn:aws:iam::{PARTNER}:role/Uploader");
    let (status, body) = place.query_as(&user, "sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "hands")]).await;
    assert_eq!(status, 200, "{body}");
    Credentials::of(&body)
}

async fn put(place: &Place, who: &Credentials) -> (u16, String) {
    place.s3_as(who, "eu-west-1", "PUT", OBJECT, "", &[], "hello").await
}

/// One side after the other is taken away by somebody else: the call is refused, `explain` names that side, and the next apply
/// heals it.
#[tokio::test(start_paused = true)]
async fn each_side_has_to_let_it() {
    let place = Place::new(Options::default());
    let file = scenario("encrypted-exchange");
    place.good(&["sandbox", "prepare", &file]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let who = uploader(&place).await;
    let explain = ["explain", "partner/role/Uploader", "s3:PutObject", &OBJECT[1..], "--from", "live", &file];
    for (side, named) in [
        ("bucket", "because no resource-based policy allows it"),
        ("key", "may not kms:GenerateDataKey on arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("caller", "because no identity-based policy allows it"),
    ] {
        let (status, body) = put(&place, &who).await;
        assert_eq!(status, 200, "{side}: {body}");
        let said = place.good(&explain).await;
        assert!(said.contains("yes: role Uploader") && said.contains("may kms:GenerateDataKey"), "{said}");
        match side {
            "bucket" => {
                let root = Credentials { key: OWNER.to_owned(), ..Credentials::default() };
                let gone = place.s3_as(&root, "eu-west-1", "DELETE", "/encrypted-exchange", "policy", &[], "").await;
                assert_eq!(gone.0, 204, "{}", gone.1);
            }
            "key" => {
                let mut kept = key_statements(&place, OWNER, "eu-west-1", KEY).await;
                kept.retain(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole"));
                put_key_policy(&place, OWNER, "eu-west-1", KEY, &kept).await;
            }
            _ => {
                let arn = format!("arn:aws:iam::{PARTNER}:policy/crossrole/caller/crossrole-caller-role-Uploader");
                place.iam(PARTNER, "DetachRolePolicy", &[("RoleName", "Uploader"), ("PolicyArn", &arn)]).await;
            }
        }
        let (status, body) = put(&place, &who).await;
        assert_eq!(status, 403, "{side}: {body}");
        let said = place.good(&explain).await;
        assert!(said.contains("no: role Uploader") && said.contains(named), "{side}: {said}");
        let plan = place.run(&["plan", &file, "--detailed-exitcode"]).await;
        assert_eq!(plan.exit, Exit::Changes, "{side}: {}", plan.out);
        assert!(plan.out.contains("+ role Uploader of 444444444444 gains"), "{side}: {}", plan.out);
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    }
    assert_eq!(put(&place, &who).await.0, 200);
    place.assert_no_secret();
}

/// What S3 lets somebody read stays closed where the key does not let them, and that is said on S3's line.
#[tokio::test(start_paused = true)]
async fn a_grant_without_the_key_is_not_said_to_be_one() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("encrypted-exchange")).unwrap();
    let file = manifest("keyless", &text.replace("access = \"put\"", "access = \"put\"\nkms = false"));
    place.good(&["sandbox", "prepare", &file]).await;
    let plan = place.good(&["plan", &file]).await;
    let line = plan.lines().find(|l| l.contains("role Uploader of 444444444444 gains s3:PutObject")).unwrap();
    assert!(
        line.ends_with("; but not what is encrypted with key 1234abcd-12ab-34cd-56ef-1234567890ab of 222222222222, which it may not use for that"),
        "{line}"
    );
    assert!(!plan.contains("Uploader of 444444444444 gains kms:"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let who = uploader(&place).await;
    assert_eq!(put(&place, &who).await.0, 403);
    let ways = place.good(&["who-can", "s3:PutObject", &OBJECT[1..], "--from", "live", &file]).await;
    // An upload under another encryption takes nothing of the key.
    let (with, without) = ways.split_once(&format!("note: what is not, or is not to be, encrypted with key {KEY} takes nothing of it")).unwrap();
    assert!(!with.contains("Uploader") && with.contains("role ExchangeReader of 222222222222: s3:PutObject"), "{ways}");
    assert!(without.contains("  role Uploader of 444444444444: s3:PutObject") && !without.contains("ExchangeReader"), "{ways}");
    assert!(ways.contains(&format!("role ExchangeReader of 222222222222: kms:GenerateDataKey on {KEY}")), "{ways}");
}

/// A key's policy that keeps its administrators out can't be repaired by anybody.
#[tokio::test(start_paused = true)]
async fn whoever_could_not_take_it_back_is_told() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("encrypted-exchange")).unwrap();
    let deny = "[[keys.exchange.statement]]\neffect = \"Deny\"\nprincipals = { AWS = \"*\" }\nactions = \"kms:PutKeyPolicy\"\n";
    let file = manifest("key-lockout", &text.replace("[buckets.encrypted-exchange]", &format!("{deny}\n[buckets.encrypted-exchange]")));
    place.good(&["sandbox", "prepare", &file]).await;
    let said = place.run(&["plan", &file]).await;
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains(&format!("could no longer kms:PutKeyPolicy on {KEY}")), "{all}");
    let said = place.run(&["apply", "--auto-approve", &file]).await;
    assert_ne!(said.exit, Exit::Clean, "{}", said.out);
}

/// So it is of a key that the same plan makes: KMS refuses that policy, once the key is there.
#[tokio::test(start_paused = true)]
async fn whoever_could_not_take_back_the_policy_of_a_new_key_is_told() {
    let denied = [
        ("actions = \"kms:*\"\nconditions = { StringNotEquals = { \"aws:SourceVpc\" = \"vpc-0123456789abcdef0\" } }", true),
        ("actions = \"kms:Put*\"", true),
        ("actions = [\"kms:ScheduleKeyDeletion\", \"kms:Decrypt\"]", false),
        ("actions = \"kms:*\"\nconditions = { StringEquals = { \"aws:PrincipalAccount\" = \"333333333333\" } }", false),
    ];
    for (deny, kept_out) in denied {
        let place = Place::new(Options::default());
        let text = format!(
            "name = \"lock\"\n[trusting]\naccount = \"{OWNER}\"\n[keys.k]\ncreate = true\n[[keys.k.statement]]\nsid = \"Only\"\neffect = \"Deny\"\n\
             principals = \"*\"\n{deny}\n"
        );
        let file = manifest("key-lockout-new", &text);
        let said = place.run(&["apply", "--auto-approve", &file]).await;
        let told = format!("{}{}", said.out, said.err).contains("could no longer kms:PutKeyPolicy on ");
        assert_eq!((told, said.exit == Exit::Clean), (kept_out, !kept_out), "{deny}: {}{}", said.out, said.err);
        let aliases = place.kms(OWNER, "us-east-1", "ListAliases", &json!({})).await.to_string();
        assert_eq!(aliases.contains("alias/k\""), !kept_out, "nothing is made: {aliases}");
    }
}

/// Whoever a bucket's grant is limited to, its key is limited to, as far as KMS sees it: the network is S3's there.
#[tokio::test(start_paused = true)]
async fn a_key_lets_nobody_whom_the_grant_does_not() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("encrypted-exchange")).unwrap();
    let conditions = r#"conditions = { StringEquals = { "aws:PrincipalTag/team" = "blue" }, IpAddress = { "aws:SourceIp" = "203.0.113.0/24" } }"#;
    let file = manifest("key-limits", &text.replace("prefix = \"from-partner/\"", &format!("prefix = \"from-partner/\"\n{conditions}")));
    place.good(&["sandbox", "prepare", &file]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let statements = key_statements(&place, OWNER, "eu-west-1", KEY).await;
    let of = statements.iter().find(|s| s["Principal"]["AWS"] == format!("arn:aws:iam::{PARTNER}:role/Uploader")).unwrap();
    assert_eq!(of["Condition"]["StringEquals"]["aws:PrincipalTag/team"], "blue", "{of}");
    assert_eq!(of["Condition"].as_object().unwrap().keys().collect::<Vec<_>>(), ["StringEquals", "StringLike"], "{of}");
}

/// What our own statement leaves to the account goes when it does: the roles have statements of their own from the start.
#[tokio::test(start_paused = true)]
async fn nothing_rests_on_a_statement_of_our_own() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("encrypted-exchange")).unwrap();
    let ours = "[[keys.exchange.statement]]\nsid = \"Root\"\nprincipals = { AWS = \"222222222222\" }\nactions = \"kms:*\"\n";
    let star = "[[keys.exchange.statement]]\nsid = \"Star\"\nprincipals = \"*\"\nactions = \"kms:DescribeKey\"\nconditions = { StringEquals = { \"kms:CallerAccount\" = \"222222222222\" } }\n";
    let with = manifest("key-own-root", &text.replace("[buckets.encrypted-exchange]", &format!("{ours}\n{star}\n[buckets.encrypted-exchange]")));
    let without = manifest("key-own-root-gone", &text);
    place.good(&["sandbox", "prepare", &with]).await;
    let keeps = json!(["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy"]);
    let foreign =
        json!({ "Sid": "Keepers", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{OWNER}:root") }, "Action": keeps, "Resource": "*" });
    put_key_policy(&place, OWNER, "eu-west-1", KEY, &[foreign]).await;
    for file in [&with, &without] {
        place.good(&["apply", "--auto-approve", "--quiet", file]).await;
        assert!(place.good(&["plan", file]).await.starts_with("No changes."));
        let statements = key_statements(&place, OWNER, "eu-west-1", KEY).await;
        assert!(statements.iter().any(|s| s.to_string().contains("role/ExchangeReader")), "{statements:?}");
    }
}

/// A line about reading and writing says which of the two the key does not let: half of it would be false.
#[tokio::test(start_paused = true)]
async fn a_key_that_lets_one_of_two_is_said_to_refuse_the_other() {
    let key = "arn:aws:kms:us-east-1:222222222222:key/9f8e7d6c-1111-4222-8333-444455556666";
    let place = Place::new(Options::default());
    assert!(place.sandbox.add_key(key));
    let text = format!(
        "name = \"half\"\n[trusting]\naccount = \"222222222222\"\n[trusted.partner]\naccount = \"444444444444\"\n[keys.data]\narn = \"{key}\"\n\
         [[keys.data.allow]]\nrole = \"partner/Uploader\"\naccess = \"decrypt\"\n[buckets.half-bucket]\nencryption = {{ kms_key = \"data\" }}\n\
         [[buckets.half-bucket.allow]]\nrole = \"partner/Uploader\"\naccess = [\"get\", \"put\"]\nkms = false\n"
    );
    let file = manifest("half", &text);
    place.good(&["sandbox", "prepare", &file]).await;
    let plan = place.good(&["plan", &file]).await;
    let line = plan.lines().find(|l| l.contains("role Uploader of 444444444444 gains s3:GetObject, s3:PutObject")).unwrap_or_else(|| panic!("{plan}"));
    assert!(
        line.ends_with(
            "; but s3:PutObject of nothing that is encrypted with key 9f8e7d6c-1111-4222-8333-444455556666 of 222222222222, which it may not use for that"
        ),
        "{line}"
    );
    // KMS knows whose caller it is, asked directly as well.
    let only = |account: &str| format!("conditions = {{ StringEquals = {{ \"kms:CallerAccount\" = \"{account}\" }} }}");
    for (account, answer) in [(PARTNER, "yes: "), (OWNER, "no: ")] {
        let file = manifest("half-caller", &text.replace("access = \"decrypt\"\n", &format!("access = \"decrypt\"\n{}\n", only(account))));
        let said = place.good(&["explain", "partner/role/Uploader", "kms:Decrypt", key, "--from", "manifest", &file]).await;
        assert!(said.starts_with(answer), "{said}");
        // By its id it is the same key, and never an object of S3.
        let name = format!("key/{}", key.rsplit('/').next().unwrap());
        let named = place.good(&["explain", "partner/role/Uploader", "kms:Decrypt", &name, "--from", "manifest", &file]).await;
        assert_eq!(named, said);
        let other = place.run(&["explain", "partner/role/Uploader", "kms:Decrypt", "key/nonesuch", "--from", "manifest", &file]).await;
        assert!(other.err.contains("`key/nonesuch` is no key that is known here") && other.err.contains(key), "{}{}", other.out, other.err);
    }
}

const OTHER: &str = "arn:aws:kms:eu-west-1:222222222222:key/99999999-12ab-34cd-56ef-1234567890ab";

async fn encrypt_with(place: &Place, rule: &str) {
    let body = format!(
        "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ApplyServerSideEncryptionByDefault>{rule}</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
    );
    let owner = Credentials { key: OWNER.to_owned(), ..Credentials::default() };
    assert_eq!(place.s3_as(&owner, "eu-west-1", "PUT", "/encrypted-exchange", "encryption", &[], &body).await.0, 200);
}

/// Which key a bucket has decides who may write there, as its policy does.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_gets_its_key_back_lets_somebody_write_again() {
    let place = Place::new(Options::default());
    let file = scenario("encrypted-exchange");
    place.good(&["sandbox", "prepare", &file]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let who = uploader(&place).await;
    assert!(place.sandbox.add_key(OTHER));
    let line = |word: &str| format!("role Uploader of 444444444444 {word} s3:PutObject on encrypted-exchange/");
    let aes = "<SSEAlgorithm>AES256</SSEAlgorithm>";
    let kms = format!("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{OTHER}</KMSMasterKeyID>");
    for (rule, let_in) in [(kms.as_str(), false), (aes, true)] {
        encrypt_with(&place, rule).await;
        assert_eq!(put(&place, &who).await.0 == 200, let_in, "{rule}");
        let plan = place.run(&["plan", "--deny-widening", &file]).await;
        assert_eq!((plan.out.contains(&line("gains")), plan.exit == Exit::Refused), (!let_in, !let_in), "{rule}: {}", plan.out);
        assert!(!plan.out.contains("loses s3:"), "{rule}: {}", plan.out);
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        assert_eq!(put(&place, &who).await.0, 200);
    }
    // Whoever may write and not use the key loses it.
    let text = std::fs::read_to_string(&file).unwrap().replace("prefix = \"from-partner/\"", "prefix = \"from-partner/\"\nkms = false");
    let keyless = manifest("encrypted-exchange-keyless", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &keyless]).await;
    encrypt_with(&place, aes).await;
    assert_eq!(put(&place, &who).await.0, 200);
    let plan = place.good(&["plan", &keyless]).await;
    assert!(plan.contains(&line("loses")), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &keyless]).await;
    assert_eq!(put(&place, &who).await.0, 403);
}

/// What our statements let do with a key that no manifest names any more goes where what is live of ours still names it.
#[tokio::test(start_paused = true)]
async fn a_key_that_a_manifest_leaves_keeps_no_grant() {
    let place = Place::new(Options::default());
    let before = scenario("encrypted-exchange");
    place.good(&["sandbox", "prepare", &before]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &before]).await;
    assert!(place.sandbox.add_key(OTHER));
    let ours = |statements: &[Value]| statements.iter().filter(|s| s["Sid"].as_str().is_some_and(|sid| sid.starts_with("Crossrole"))).count();
    let old = key_statements(&place, OWNER, "eu-west-1", KEY).await;
    assert!(ours(&old) > 0 && ours(&old) < old.len());
    let after = manifest("encrypted-exchange-moved", &std::fs::read_to_string(&before).unwrap().replace(KEY, OTHER));
    let plan = place.good(&["plan", &after]).await;
    assert!(plan.contains("~ key-policy eu-west-1/1234abcd") && plan.contains("loses kms:"), "{plan}");
    // As long as that fails, what names it stays.
    place.sandbox.set_faults(Some(std::sync::Arc::new(Denied(&["PutKeyPolicy"]))));
    assert_ne!(place.run(&["apply", "--auto-approve", "--quiet", &after]).await.exit, Exit::Clean);
    place.sandbox.set_faults(None);
    let plan = place.good(&["plan", &after]).await;
    assert!(plan.contains("~ key-policy eu-west-1/1234abcd"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &after]).await;
    let left = key_statements(&place, OWNER, "eu-west-1", KEY).await;
    assert_eq!((ours(&left), left.len()), (0, old.len() - ours(&old)));
    assert!(place.good(&["plan", &after]).await.starts_with("No changes."));
}
