//! The Access section at keys: a plan that changes one thing of a key says exactly what changed, for whom. The twins of what
//! `access` asks of roles and buckets.

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::json;

use crate::access::section;
use crate::keys::put_key_policy;
use crate::support::{Place, manifest};

const OWNER: &str = "222222222222";
const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";

const BASE: &str = r#"
name = "key-base"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.dev.users.ann]

[trusted.partner]
account = "444444444444"
manage = false

[keys.data]
arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"

[[keys.data.allow]]
user = "dev/ann"
access = "decrypt"
conditions = { NumericLessThan = { "aws:MultiFactorAuthAge" = "3600" } }

[[keys.data.allow]]
principal = "arn:aws:iam::444444444444:role/Auditor"
actions = "kms:Decrypt"
conditions = { StringEquals = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }, StringLike = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::vault/app/*" } }

[[keys.data.statement]]
effect = "Deny"
principals = { AWS = "arn:aws:iam::444444444444:root" }
actions = "kms:*"
conditions = { StringLike = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::vault/app/secret/*" } }

[buckets.vault]
encryption = { kms_key = "data" }

[[buckets.vault.allow]]
account = "partner"
access = "get"
prefix = "shared/"

[roles.Reader]

[[roles.Reader.trust]]
service = "ec2.amazonaws.com"

[[roles.Reader.allow]]
bucket = "vault"
access = "get"
"#;

/// One change each: name, what is replaced, by what.
const WAYS: &[(&str, &str, &str)] = &[
    ("a principal added", "user = \"dev/ann\"\naccess", "account = \"dev\"\naccess"),
    ("an account in place of a role", "principal = \"arn:aws:iam::444444444444:role/Auditor\"", "account = \"partner\""),
    ("a context widened by one character", "vault/app/*\" } }\n\n[[keys.data.statement]]", "vault/app*\" } }\n\n[[keys.data.statement]]"),
    ("a context narrowed", "vault/app/*\" } }\n\n[[keys.data.statement]]", "vault/app/2026/*\" } }\n\n[[keys.data.statement]]"),
    ("no context", ", StringLike = { \"kms:EncryptionContext:aws:s3:arn\" = \"arn:aws:s3:::vault/app/*\" }", ""),
    (
        "the context in another operator",
        "StringLike = { \"kms:EncryptionContext:aws:s3:arn\" = \"arn:aws:s3:::vault/app/*\"",
        "StringEqualsIgnoreCase = { \"kms:EncryptionContext:aws:s3:arn\" = \"arn:aws:s3:::vault/app/*\"",
    ),
    (
        "the bucket's own context too",
        "\"arn:aws:s3:::vault/app/*\" } }\n\n[[keys.data.statement]]",
        "[\"arn:aws:s3:::vault\", \"arn:aws:s3:::vault/app/*\"] } }\n\n[[keys.data.statement]]",
    ),
    ("a context of another key", "\"kms:EncryptionContext:aws:s3:arn\" = \"arn:aws:s3:::vault/app/*\"", "\"kms:EncryptionContext:department\" = \"app\""),
    ("through S3 of another region", "s3.us-east-1.amazonaws.com\" }", "s3.eu-west-1.amazonaws.com\" }"),
    ("through any service", "\"kms:ViaService\" = \"s3.us-east-1.amazonaws.com\"", "\"kms:CallerAccount\" = \"444444444444\""),
    ("directly as well", "StringEquals = { \"kms:ViaService\"", "StringEqualsIfExists = { \"kms:ViaService\""),
    (
        "a pattern of services",
        "StringEquals = { \"kms:ViaService\" = \"s3.us-east-1.amazonaws.com\" }, StringLike = { ",
        "StringLike = { \"kms:ViaService\" = \"s3.*.amazonaws.com\", ",
    ),
    ("Decrypt* for Decrypt", "actions = \"kms:Decrypt\"", "actions = \"kms:Decryp*\""),
    ("an action added", "actions = \"kms:Decrypt\"", "actions = [\"kms:Decrypt\", \"kms:GenerateDataKey\"]"),
    ("everything", "actions = \"kms:Decrypt\"", "actions = \"kms:*\""),
    ("encrypt for decrypt", "access = \"decrypt\"", "access = \"encrypt\""),
    ("a deny dropped", "effect = \"Deny\"\n", ""),
    ("a deny of less", "vault/app/secret/*", "vault/app/secret/a*"),
    ("a deny of everyone", "principals = { AWS = \"arn:aws:iam::444444444444:root\" }\nactions = \"kms:*\"", "principals = \"*\"\nactions = \"kms:*\""),
    (
        "a key for everyone of a caller's account",
        "user = \"dev/ann\"\naccess = \"decrypt\"\nconditions = { NumericLessThan = { \"aws:MultiFactorAuthAge\" = \"3600\" } }",
        "principal = \"*\"\naccess = \"decrypt\"\nconditions = { StringEquals = { \"kms:CallerAccount\" = \"111111111111\" } }",
    ),
    ("a number raised", "\"aws:MultiFactorAuthAge\" = \"3600\"", "\"aws:MultiFactorAuthAge\" = \"7200\""),
    ("IfExists", "NumericLessThan =", "NumericLessThanIfExists ="),
    ("no second factor", "\nconditions = { NumericLessThan = { \"aws:MultiFactorAuthAge\" = \"3600\" } }", ""),
    (
        "a user gone",
        "[[keys.data.allow]]\nuser = \"dev/ann\"\naccess = \"decrypt\"\nconditions = { NumericLessThan = { \"aws:MultiFactorAuthAge\" = \"3600\" } }\n",
        "",
    ),
    ("a service", "user = \"dev/ann\"\naccess", "service = \"logs.us-east-1.amazonaws.com\"\nsource_account = \"222222222222\"\naccess"),
    ("an organization", "user = \"dev/ann\"\naccess", "organization = \"o-example1234\"\naccess"),
    ("a permission set", "user = \"dev/ann\"\naccess", "permission_set = \"dev/Ops\"\naccess"),
    ("an end", "user = \"dev/ann\"\naccess", "user = \"dev/ann\"\nexpires = 2999-03-31\naccess"),
    ("the bucket without its key", "access = \"get\"\nprefix = \"shared/\"", "access = \"get\"\nprefix = \"shared/\"\nkms = false"),
    ("a prefix of the bucket widened", "prefix = \"shared/\"", "prefix = \"shared\""),
    ("writing too", "bucket = \"vault\"\naccess = \"get\"", "bucket = \"vault\"\naccess = [\"get\", \"put\"]"),
    ("a role gone", "[roles.Reader]", "[roles.Writer]"),
];

/// What means the same.
const SAME: &[(&str, &str)] = &[
    ("actions = \"kms:Decrypt\"", "actions = [\"kms:decrypt\"]"),
    (
        "\"arn:aws:s3:::vault/app/*\" } }\n\n[[keys.data.statement]]",
        "[\"arn:aws:s3:::vault/app/*\", \"arn:aws:s3:::vault/app/a/*\"] } }\n\n[[keys.data.statement]]",
    ),
    ("\"kms:EncryptionContext:aws:s3:arn\" = \"arn:aws:s3:::vault/app/*\"", "\"kms:encryptioncontext:AWS:S3:ARN\" = \"arn:aws:s3:::vault/app/*\""),
];

/// The key leaves to its account's policies what takes care of it, and none of its use.
async fn place(test: &str) -> Place {
    let place = Place::new(Options::default());
    assert_eq!(place.s3(OWNER, "PUT", "/vault", "", "").await.0, 200);
    assert!(place.sandbox.add_key(KEY));
    let rule = format!(
        "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{KEY}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    );
    assert_eq!(place.s3(OWNER, "PUT", "/vault", "encryption", &rule).await.0, 200);
    let care = json!({ "Sid": "Care", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::222222222222:root" }, "Action": ["kms:Describe*", "kms:Get*", "kms:Put*"], "Resource": "*" });
    put_key_policy(&place, OWNER, "us-east-1", KEY, &[care]).await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444444444444"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("444444444444", "CreateRole", &[("RoleName", "Auditor"), ("AssumeRolePolicyDocument", trust)]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &manifest(test, BASE)]).await;
    place
}

fn edited(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "{from}");
    BASE.replacen(from, to, 1).replace("roles.Reader.", if to == "[roles.Writer]" { "roles.Writer." } else { "roles.Reader." })
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changes_one_thing_of_a_key_says_what_changed_for_whom() {
    let place = place("key-ways-0").await;
    let mut all = String::new();
    for (name, from, to) in WAYS {
        let said = place.run(&["plan", &manifest("key-ways", &edited(from, to))]).await;
        assert_eq!(said.exit, Exit::Clean, "{name}: {}{}", said.out, said.err);
        assert!(said.out.contains("Plan: "), "{name} changes nothing: {}", said.out);
        all.push_str(&format!("{name}\n{}\n", section(&said.out)));
    }
    assert!(WAYS.len() >= 30);
    insta::assert_snapshot!("key_ways", all);
}

#[tokio::test(start_paused = true)]
async fn a_rewriting_says_nothing() {
    let place = place("key-ways-1").await;
    for (from, to) in SAME {
        let plan = place.good(&["plan", &manifest("key-ways-same", &edited(from, to))]).await;
        assert!(plan.starts_with("No changes.") || section(&plan) == "Access: nobody gains or loses anything.\n", "{to}: {plan}");
    }
}
