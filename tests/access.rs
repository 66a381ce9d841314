//! The Access section: a plan that changes one thing says exactly what changed, for whom.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest};

const BASE: &str = r#"
name = "base"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.dev.users.ann]

[trusted.partner]
account = "444444444444"
manage = false

[policies.Boundary]

[[policies.Boundary.allow]]
actions = ["s3:Get*", "s3:PutObject", "s3:ListBucket"]
resources = "*"

[roles.Reader]
permissions_boundary = "arn:aws:iam::222222222222:policy/Boundary"

[[roles.Reader.trust]]
account = "partner"
external_id = "first-external-id"
mfa = true
not_after = 2027-06-30T00:00:00Z
source_ip = ["203.0.113.0/24"]

[[roles.Reader.trust]]
principal = "arn:aws:iam::444444444444:role/Auditor"
conditions = { StringEquals = { "aws:PrincipalTag/team" = "audit" }, NumericLessThan = { "aws:MultiFactorAuthAge" = "3600" } }

[[roles.Reader.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/app/*"

[[roles.Reader.allow]]
actions = "s3:DeleteObject"
resources = "arn:aws:s3:::logs/tmp/*"

[[roles.Reader.statement]]
effect = "Deny"
actions = "s3:*"
resources = "arn:aws:s3:::logs/app/secret/*"

[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "arn:aws:iam::444444444444:root" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
conditions = { StringLike = { "s3:prefix" = "app/*" } }
"#;

/// One change each: name, what is replaced, by what.
const WAYS: &[(&str, &str, &str)] = &[
    ("a principal added", "[[roles.Reader.allow]]", "[[roles.Reader.trust]]\nuser = \"dev/ann\"\n\n[[roles.Reader.allow]]"),
    ("an account in place of a role", "principal = \"arn:aws:iam::444444444444:role/Auditor\"", "account = \"partner\""),
    ("a prefix widened by one character", "logs/app/*", "logs/app*"),
    ("a prefix narrowed", "logs/app/*\"", "logs/app/2026/*\""),
    ("Get* for GetObject", "actions = \"s3:GetObject\"", "actions = \"s3:Get*\""),
    ("an action added", "actions = \"s3:GetObject\"", "actions = [\"s3:GetObject\", \"s3:PutObject\"]"),
    ("an action past the boundary", "actions = \"s3:GetObject\"", "actions = [\"s3:GetObject\", \"s3:DeleteObject\"]"),
    ("everything", "actions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::logs/app/*\"", "actions = \"*\"\nresources = \"*\""),
    ("a boundary removed", "permissions_boundary = \"arn:aws:iam::222222222222:policy/Boundary\"\n", ""),
    ("a boundary tightened", "actions = [\"s3:Get*\", \"s3:PutObject\", \"s3:ListBucket\"]", "actions = [\"s3:PutObject\", \"s3:ListBucket\"]"),
    ("a deny dropped", "[[roles.Reader.statement]]\neffect = \"Deny\"\nactions = \"s3:*\"\nresources = \"arn:aws:s3:::logs/app/secret/*\"\n", ""),
    (
        "a deny added",
        "[buckets.logs]\n",
        "[buckets.logs]\n\n[[buckets.logs.statement]]\neffect = \"Deny\"\nprincipals = \"*\"\nactions = \"s3:*\"\nresources = [\"arn:aws:s3:::logs\", \"arn:aws:s3:::logs/*\"]\nconditions = { Bool = { \"aws:SecureTransport\" = \"false\" } }\n",
    ),
    ("a bucket public", "principals = { AWS = \"arn:aws:iam::444444444444:root\" }", "principals = \"*\""),
    ("a condition dropped", "\nconditions = { StringLike = { \"s3:prefix\" = \"app/*\" } }", ""),
    ("StringEquals for StringLike", "StringLike = { \"s3:prefix\"", "StringEquals = { \"s3:prefix\""),
    ("StringLike for StringEquals", "StringEquals = { \"aws:PrincipalTag/team\" = \"audit\" }", "StringLike = { \"aws:PrincipalTag/team\" = \"audit*\" }"),
    ("IfExists", "NumericLessThan =", "NumericLessThanIfExists ="),
    ("a number raised", "\"aws:MultiFactorAuthAge\" = \"3600\"", "\"aws:MultiFactorAuthAge\" = \"7200\""),
    ("no second factor", "mfa = true\n", ""),
    ("another external id", "first-external-id", "second-external-id"),
    ("no external id", "external_id = \"first-external-id\"\n", ""),
    ("a window shortened", "2027-06-30T00:00:00Z", "2026-12-31T00:00:00Z"),
    ("an address range widened", "203.0.113.0/24", "203.0.112.0/23"),
    ("an address range split", "[\"203.0.113.0/24\"]", "[\"203.0.113.0/25\", \"203.0.113.128/25\"]"),
    ("a service", "[[roles.Reader.allow]]", "[[roles.Reader.trust]]\nservice = \"lambda.amazonaws.com\"\n\n[[roles.Reader.allow]]"),
    (
        "GitHub Actions on any branch",
        "[[roles.Reader.allow]]",
        "[[roles.Reader.trust]]\ngithub = { repository = \"example-org/site\", branch = \"*\" }\n\n[[roles.Reader.allow]]",
    ),
    (
        "an organization in the bucket",
        "principals = { AWS = \"arn:aws:iam::444444444444:root\" }\nactions = \"s3:ListBucket\"\nresources = \"arn:aws:s3:::logs\"\nconditions = { StringLike = { \"s3:prefix\" = \"app/*\" } }",
        "principals = \"*\"\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::logs/*\"\nconditions = { StringEquals = { \"aws:PrincipalOrgID\" = \"o-example1234\" } }",
    ),
    ("policy variables", "resources = \"arn:aws:s3:::logs/app/*\"", "resources = \"arn:aws:s3:::logs/app/${aws:PrincipalTag/team}/*\""),
    ("NotResource", "resources = \"arn:aws:s3:::logs/app/secret/*\"", "not_resources = \"arn:aws:s3:::logs/app/a*\""),
    ("a role gone", "[roles.Reader]", "[roles.Writer]"),
];

/// Reorderings and rewritings that mean the same.
const SAME: &[(&str, &str)] = &[
    ("actions = [\"s3:Get*\", \"s3:PutObject\", \"s3:ListBucket\"]", "actions = [\"s3:ListBucket\", \"s3:PutObject\", \"s3:get*\"]"),
    (
        "actions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::logs/app/*\"",
        "actions = [\"s3:GetObject\", \"s3:GetObjec?\"]\nresources = [\"arn:aws:s3:::logs/app/*\", \"arn:aws:s3:::logs/app/a/*\"]",
    ),
    ("[\"203.0.113.0/24\"]", "[\"203.0.113.0/25\", \"203.0.113.128/25\"]"),
];

async fn place(test: &str) -> Place {
    let place = Place::new(Options::default());
    assert_eq!(place.s3("222222222222", "PUT", "/logs", "", "").await.0, 200);
    assert_eq!(place.s3("222222222222", "DELETE", "/logs", "publicAccessBlock", "").await.0, 204);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444444444444"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("444444444444", "CreateRole", &[("RoleName", "Auditor"), ("AssumeRolePolicyDocument", trust)]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &manifest(test, BASE)]).await;
    place
}

pub(crate) fn section(plan: &str) -> &str {
    let from = plan.find("\nAccess: ").map_or(plan.len(), |at| at + 1);
    let to = plan[from..].find("\n\n").map_or(plan.len(), |at| from + at + 1);
    &plan[from..to]
}

fn edited(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "{from}");
    BASE.replacen(from, to, 1).replace("roles.Reader.", if to == "[roles.Writer]" { "roles.Writer." } else { "roles.Reader." })
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_changes_one_thing_says_what_changed_for_whom() {
    let place = place("ways-base-0").await;
    let mut all = String::new();
    for (name, from, to) in WAYS {
        let said = place.run(&["plan", &manifest("ways", &edited(from, to))]).await;
        assert_eq!(said.exit, Exit::Clean, "{name}: {}{}", said.out, said.err);
        assert!(said.out.contains("Plan: "), "{name} changes nothing: {}", said.out);
        all.push_str(&format!("{name}\n{}\n", section(&said.out)));
    }
    assert!(WAYS.len() >= 25);
    insta::assert_snapshot!("access_ways", all);
}

#[tokio::test(start_paused = true)]
async fn a_reordering_says_nothing() {
    let place = place("ways-base-1").await;
    for (from, to) in SAME {
        let plan = place.good(&["plan", &manifest("ways-same", &edited(from, to))]).await;
        assert!(plan.starts_with("No changes.") || section(&plan) == "Access: nobody gains or loses anything.\n", "{to}: {plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_widening_that_nobody_approved_has_its_own_exit_code() {
    let place = place("ways-base-2").await;
    let (wider, narrower) = (edited("logs/app/*", "logs/app*"), edited("logs/app/*\"", "logs/app/x/*\""));
    let (wider, narrower) = (manifest("wider", &wider), manifest("narrower", &narrower));
    for (flag, file, exit) in [
        ("--deny-widening", &wider, Exit::Refused),
        ("--deny-widening=resource=logs*", &wider, Exit::Refused),
        ("--deny-widening=account=2222*", &wider, Exit::Refused),
        ("--deny-widening=action=s3:Get*", &wider, Exit::Refused),
        // What the pattern and the widening have in common is enough, written in any case.
        ("--deny-widening=resource=*secret*", &wider, Exit::Refused),
        ("--deny-widening=action=S3:*ject", &wider, Exit::Refused),
        ("--deny-widening=principal=role/Reader", &wider, Exit::Refused),
        ("--deny-widening=principal=role/read*", &wider, Exit::Refused),
        ("--deny-widening=principal=arn:aws:iam::222222222222:role/Reader", &wider, Exit::Refused),
        ("--deny-widening=principal=arn:aws:iam::*:role/Reader", &wider, Exit::Refused),
        ("--deny-widening=principal=arn:aws:sts::222222222222:assumed-role/Reader/ci", &wider, Exit::Refused),
        ("--deny-widening=account=222222222222", &wider, Exit::Refused),
        ("--deny-widening=account=trusting", &wider, Exit::Refused),
        ("--deny-widening=resource=arn:aws:s3:::logs/*", &wider, Exit::Refused),
        // A selector that can match nothing would let everything pass.
        ("--deny-widening=principal=*role*Reader*", &wider, Exit::Failed),
        ("--deny-widening=principal=role/Reder", &wider, Exit::Failed),
        ("--deny-widening=principal=role Reader of 222222222222", &wider, Exit::Failed),
        ("--deny-widening=account=22222222222", &wider, Exit::Failed),
        ("--deny-widening=account=999999999999", &wider, Exit::Failed),
        ("--deny-widening=action=s3:GetObjekt", &wider, Exit::Failed),
        ("--deny-widening=action=s4:*", &wider, Exit::Failed),
        ("--deny-widening=action=GetObject", &wider, Exit::Failed),
        ("--deny-widening=principal=", &wider, Exit::Failed),
        ("--deny-widening=resource=other*", &wider, Exit::Failed),
        ("--deny-widening=account=1111*", &wider, Exit::Clean),
        ("--deny-widening=action=iam:*", &wider, Exit::Clean),
        ("--deny-widening", &narrower, Exit::Clean),
        ("--deny-widening=nonsense", &wider, Exit::Failed),
    ] {
        let said = place.run(&["plan", flag, file]).await;
        assert_eq!(said.exit, exit, "{flag}: {}{}", said.out, said.err);
    }
    let said = place.run(&["apply", "--auto-approve", "--deny-widening", &wider]).await;
    assert_eq!(said.exit, Exit::Refused);
    insta::assert_snapshot!("access_refused", &said.err[said.err.find("refused: ").unwrap()..]);
    assert!(place.good(&["plan", &manifest("ways-base", BASE)]).await.starts_with("No changes."), "nothing was applied");
}

/// A bucket policy that could not be read is not none: it may let a caller in whose own side changes.
#[tokio::test(start_paused = true)]
async fn an_unreadable_bucket_policy_hides_no_widening() {
    let place = place("ways-base-4").await;
    place.sandbox.set_faults(Some(std::sync::Arc::new(crate::errors::Always("GetBucketPolicy", crossrole_sandbox::Fault::Refuse("AccessDenied")))));
    let direct = format!("{BASE}\n[[buckets.logs.allow]]\nuser = \"dev/ann\"\nactions = \"s3:GetObject\"\n");
    let said = place.run(&["plan", &manifest("ways-unread", &direct)]).await;
    assert_eq!(said.exit, Exit::Failed);
    let section = section(&said.out);
    assert!(section.contains("+ user ann of 111111111111 gains s3:GetObject on logs/*"), "{}", said.out);
}

/// A witness in JSON is a whole request, and external ids are masked in it too.
#[tokio::test(start_paused = true)]
async fn json_has_the_witness() {
    let place = place("ways-base-3").await;
    let out = place.good(&["plan", "--json", &manifest("ways-json", &edited("first-external-id", "second-external-id"))]).await;
    assert!(!out.contains("first-external-id") && !out.contains("second-external-id"), "{out}");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    insta::assert_snapshot!("access_json", serde_json::to_string_pretty(&value["access"]).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_bounds_a_user_is_read_and_its_widening_is_said() {
    let place = place("ways-base-boundary").await;
    let user = ("UserName", "bounded");
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    place.iam("222222222222", "CreateUser", &[user]).await;
    place.iam("222222222222", "PutUserPolicy", &[user, ("PolicyName", "all"), ("PolicyDocument", all)]).await;
    let boundary = ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/Boundary");
    place.iam("222222222222", "PutUserPermissionsBoundary", &[user, boundary]).await;
    let wider = manifest("wider-boundary", &edited("\"s3:PutObject\", \"s3:ListBucket\"]", "\"s3:PutObject\", \"s3:ListBucket\", \"s3:DeleteObject\"]"));
    let said = place.good(&["plan", &wider]).await;
    assert!(section(&said).contains("+ user bounded of 222222222222 gains s3:DeleteObject on "), "{said}");
    for (action, word) in [("s3:GetObject", "yes: "), ("s3:DeleteObject", "no: ")] {
        let said = place.run(&["explain", "user/bounded", action, "logs/x", &wider, "--from", "live"]).await;
        assert!(said.out.starts_with(word), "{action}: {}{}", said.out, said.err);
    }
}
