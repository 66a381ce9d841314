//! `explain`, `who-can` and `test`, on the scenarios.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest, root, scenario};

/// Scenario, who, the words of the question, and whether the answer is yes.
const QUESTIONS: &[(&str, &str, &[&str], bool)] = &[
    ("log-analysts", "right group", &["dev/group/Log-Analysts", "s3:GetObject", "log-bucket/app/x", "--via", "DevLogAccessRole"], true),
    ("log-analysts", "wrong account", &["333333333333", "s3:GetObject", "log-bucket/app/x", "--via", "DevLogAccessRole"], false),
    ("log-analysts", "wrong action", &["dev/group/Log-Analysts", "s3:PutObject", "log-bucket/app/x", "--via", "DevLogAccessRole"], false),
    ("log-analysts", "without the role", &["dev/group/Log-Analysts", "s3:GetObject", "log-bucket/app/x"], false),
    ("cross-account-user", "right user", &["dev/user/ExternalUser", "s3:ListAllMyBuckets", "*", "--via", "CrossAccountAccessRole"], true),
    ("cross-account-user", "wrong user", &["dev/user/Mallory", "s3:ListAllMyBuckets", "*", "--via", "CrossAccountAccessRole"], false),
    (
        "lambda-service",
        "right role",
        &["dev/role/LambdaExecutionRole", "s3:GetObject", "lambda-input-bucket/k", "--via", "LambdaS3Reader", "--external-id", "unique-external-id"],
        true,
    ),
    ("lambda-service", "wrong external id", &["dev/role/LambdaExecutionRole", "sts:AssumeRole", "role/LambdaS3Reader", "--external-id", "guessed"], false),
    ("lambda-service", "no external id", &["dev/role/LambdaExecutionRole", "sts:AssumeRole", "role/LambdaS3Reader"], false),
    (
        "lambda-service",
        "service for this account",
        &["lambda.amazonaws.com", "sts:AssumeRole", "role/LambdaS3Reader", "--context", "aws:SourceAccount=222222222222"],
        true,
    ),
    (
        "lambda-service",
        "service for another account",
        &["lambda.amazonaws.com", "sts:AssumeRole", "role/LambdaS3Reader", "--context", "aws:SourceAccount=999999999999"],
        false,
    ),
    ("lambda-service", "wrong service", &["ec2.amazonaws.com", "sts:AssumeRole", "role/LambdaS3Reader"], false),
    ("ec2-service", "right role", &["tools/role/EC2Role", "s3:ListBucket", "artifact-bucket", "--via", "EC2ArtifactReader"], true),
    ("ec2-service", "wrong role", &["tools/role/Other", "sts:AssumeRole", "role/EC2ArtifactReader"], false),
    ("ec2-service", "list on an object", &["tools/role/EC2Role", "s3:ListBucket", "artifact-bucket/k", "--via", "EC2ArtifactReader"], false),
    ("codepipeline-service", "right role", &["tools/role/CodePipelineRole", "s3:GetObject", "artifact-bucket/k", "--via", "CodePipelineArtifactReader"], true),
    ("codepipeline-service", "wrong role", &["tools/role/Other", "sts:AssumeRole", "role/CodePipelineArtifactReader"], false),
    (
        "guarded-partner",
        "right",
        &[
            "partner",
            "s3:PutObject",
            "partner-exchange/from-partner/x",
            "--via",
            "PartnerRole",
            "--external-id",
            "partner-4711",
            "--mfa",
            "--source-ip",
            "203.0.113.9",
            "--at",
            "2026-06-01T00:00:00Z",
        ],
        true,
    ),
    (
        "guarded-partner",
        "wrong external id",
        &["partner", "sts:AssumeRole", "role/PartnerRole", "--external-id", "x", "--mfa", "--source-ip", "203.0.113.9", "--at", "2026-06-01T00:00:00Z"],
        false,
    ),
    (
        "guarded-partner",
        "no MFA",
        &["partner", "sts:AssumeRole", "role/PartnerRole", "--external-id", "partner-4711", "--source-ip", "203.0.113.9", "--at", "2026-06-01T00:00:00Z"],
        false,
    ),
    (
        "guarded-partner",
        "outside the window",
        &[
            "partner",
            "sts:AssumeRole",
            "role/PartnerRole",
            "--external-id",
            "partner-4711",
            "--mfa",
            "--source-ip",
            "203.0.113.9",
            "--at",
            "2028-06-01T00:00:00Z",
        ],
        false,
    ),
    (
        "guarded-partner",
        "from elsewhere",
        &[
            "partner",
            "sts:AssumeRole",
            "role/PartnerRole",
            "--external-id",
            "partner-4711",
            "--mfa",
            "--source-ip",
            "198.51.100.9",
            "--at",
            "2026-06-01T00:00:00Z",
        ],
        false,
    ),
    (
        "guarded-partner",
        "wrong principal",
        &[
            "333333333333",
            "sts:AssumeRole",
            "role/PartnerRole",
            "--external-id",
            "partner-4711",
            "--mfa",
            "--source-ip",
            "203.0.113.9",
            "--at",
            "2026-06-01T00:00:00Z",
        ],
        false,
    ),
    ("guarded-partner", "outside the prefix", &["role/PartnerRole", "s3:PutObject", "partner-exchange/to-partner/x"], false),
    ("prod-data", "right group", &["dev/group/Developers", "s3:DeleteObject", "prod-data-bucket/teams/data/x", "--via", "ProdS3RWRole", "--mfa"], true),
    ("prod-data", "wrong account", &["333333333333", "sts:AssumeRole", "role/ProdS3RWRole", "--mfa"], false),
    ("prod-data", "no MFA", &["dev/group/Developers", "sts:AssumeRole", "role/ProdS3RWRole"], false),
    ("prod-data", "outside the prefix", &["dev/group/Developers", "s3:GetObject", "prod-data-bucket/teams/other/x", "--via", "ProdS3RWRole", "--mfa"], false),
    ("prod-data", "listing another prefix", &["role/ProdS3RWRole", "s3:ListBucket", "prod-data-bucket", "--context", "s3:prefix=teams/"], false),
    ("direct-bucket-access", "right account", &["dev", "s3:GetObject", "shared-artifacts/x"], true),
    ("direct-bucket-access", "wrong account", &["333333333333", "s3:GetObject", "shared-artifacts/x"], false),
    ("direct-bucket-access", "unsigned", &["anonymous", "s3:GetObject", "shared-artifacts/x"], false),
    ("shared-bucket-read", "right user", &["dev/user/auditor", "s3:GetObject", "shared-bucket/x", "--via", "CrossAccountS3ReadRole"], true),
    ("shared-bucket-read", "in the group", &["dev/user/reader", "s3:GetObject", "shared-bucket/x", "--via", "CrossAccountS3ReadRole"], true),
    ("shared-bucket-read", "neither", &["dev/user/nobody", "s3:GetObject", "shared-bucket/x"], false),
    ("github-actions", "not the provider", &["333333333333", "sts:AssumeRole", "role/SiteDeployer"], false),
    (
        "github-actions",
        "right job",
        &[
            "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com",
            "s3:PutObject",
            "site-bucket/index.html",
            "--via",
            "SiteDeployer",
            "--context",
            "token.actions.githubusercontent.com:aud=sts.amazonaws.com",
            "--context",
            "token.actions.githubusercontent.com:sub=repo:example-org/site:environment:production",
        ],
        true,
    ),
    (
        "saml-federation",
        "right provider",
        &[
            "arn:aws:iam::222222222222:saml-provider/ExampleIdp",
            "s3:GetObject",
            "people-reports/x",
            "--via",
            "ReportReaders",
            "--context",
            "SAML:aud=https://signin.aws.amazon.com/saml",
        ],
        true,
    ),
    (
        "saml-federation",
        "another audience",
        &[
            "arn:aws:iam::222222222222:saml-provider/ExampleIdp",
            "s3:GetObject",
            "people-reports/x",
            "--via",
            "ReportReaders",
            "--context",
            "SAML:aud=https://elsewhere.example",
        ],
        false,
    ),
    (
        "github-actions",
        "another branch",
        &[
            "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com",
            "s3:PutObject",
            "site-bucket/index.html",
            "--via",
            "SiteDeployer",
            "--context",
            "token.actions.githubusercontent.com:aud=sts.amazonaws.com",
            "--context",
            "token.actions.githubusercontent.com:sub=repo:example-org/site:ref:refs/heads/x",
        ],
        false,
    ),
];

#[tokio::test(start_paused = true)]
async fn every_scenario_is_explained() {
    let place = Place::new(Options::default());
    let mut all = String::new();
    for (name, title, words, yes) in QUESTIONS {
        let file = scenario(name);
        let mut args = vec!["explain"];
        args.extend_from_slice(&words[..3]);
        args.push(&file);
        args.extend_from_slice(&words[3..]);
        let out = place.good(&args).await;
        let last = out.lines().rfind(|l| ["yes: ", "yes, if its own policies let it: ", "no: "].iter().any(|word| l.starts_with(word))).unwrap();
        assert_eq!(last.starts_with("yes"), *yes, "{name}, {title}: {out}");
        let because = out.lines().rfind(|l| l.starts_with("  because ")).unwrap();
        all.push_str(&format!("{name}, {title}\n  {last}\n{because}\n"));
    }
    insta::assert_snapshot!("explain_scenarios", all);
}

#[tokio::test(start_paused = true)]
async fn an_explanation_names_statements_and_the_smallest_change() {
    let place = Place::new(Options::default());
    let file = scenario("guarded-partner");
    let out = place.good(&["explain", "partner", "sts:AssumeRole", "role/PartnerRole", &file, "--external-id", "x", "--at", "2026-06-01T00:00:00Z"]).await;
    assert!(!out.contains("partner-4711"), "{out}");
    insta::assert_snapshot!("explain_whole", out);
    let json = place.good(&["explain", "--json", "role/PartnerRole", "s3:GetObject", "partner-exchange/to/x", &file]).await;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["allowed"], false);
    assert_eq!(value["hops"][0]["decision"], "ImplicitlyDenied");
}

/// What nothing declares is no name to answer about, and a yes that rests on policies that nobody has read is not said as one.
#[tokio::test(start_paused = true)]
async fn a_name_that_nothing_declares_is_a_mistake() {
    let place = Place::new(Options::default());
    let text = "name = \"unheard\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.annabel]\n\
                [buckets.ex-data]\ncreate = true\n[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/annabel\"\n[[roles.Reader.trust]]\naccount = \"dev\"\n\
                [[roles.Reader.allow]]\nbucket = \"ex-data\"\naccess = \"get\"\n";
    let file = manifest("unheard", text);
    let ask = async |who: &str, action: &str, on: &str, more: &[&str]| place.run(&[&["explain", who, action, on, &file][..], more].concat()).await;
    for (who, action, on, more, hint) in [
        ("role/Readr", "s3:GetObject", "ex-data/p/x", &[][..], "did you mean `role/Reader`?"),
        ("dev/user/anabel", "sts:AssumeRole", "role/Reader", &[], "did you mean `dev/user/annabel`?"),
        ("dev/user/annabel", "s3:GetObject", "ex-data/p/x", &["--via", "Raeder"], "did you mean `Reader`?"),
        ("role/Nobodys", "s3:GetObject", "ex-data/p/x", &[], "correct its name, or ask with `--from live`"),
    ] {
        let said = ask(who, action, on, more).await;
        assert!(said.exit == Exit::Failed && said.out.is_empty(), "{who}: {}", said.out);
        assert!(said.err.contains("no manifest declares or names `") && said.err.contains(hint), "{who}: {}", said.err);
    }
    for (who, word) in [
        ("dev/user/annabel", "yes: user annabel"),
        // One of an account that others manage may well be there.
        ("dev/user/somebody-else", "yes, if its own policies let it: user somebody-else"),
        ("dev", "yes, if its own policies let it: principals of 111111111111"),
    ] {
        let said = ask(who, "sts:AssumeRole", "role/Reader", &[]).await;
        assert!(said.exit == Exit::Clean && said.out.starts_with(word), "{who}: {}{}", said.out, said.err);
    }
}

/// The boundary is the true reason only where the role's own policies allow.
#[tokio::test(start_paused = true)]
async fn past_the_boundary_is_said() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("guarded-partner")).unwrap();
    let file = manifest("past", &format!("{text}\n[[roles.PartnerRole.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::payroll/*\"\n"));
    let out = place.good(&["explain", "role/PartnerRole", "s3:GetObject", "payroll/x", &file]).await;
    insta::assert_snapshot!("explain_boundary", out);
}

/// What the manifest will be and what is live are different questions.
#[tokio::test(start_paused = true)]
async fn live_is_asked_of_live() {
    let place = Place::new(Options::default());
    let file = scenario("cross-account-user");
    place.iam("111111111111", "CreateUser", &[("UserName", "ExternalUser")]).await;
    let words = ["explain", "dev/user/ExternalUser", "sts:AssumeRole", "role/CrossAccountAccessRole", &file, "--from", "live"];
    assert!(place.good(&words).await.starts_with("no: "), "nothing is there yet");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&words).await.starts_with("yes: "));
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Stop","Effect":"Deny","Action":"sts:*","Resource":"*"}]}"#;
    place.iam("111111111111", "PutUserPolicy", &[("UserName", "ExternalUser"), ("PolicyName", "freeze"), ("PolicyDocument", deny)]).await;
    let out = place.good(&words).await;
    assert!(out.contains("because denied by statement 1 (Stop) of the inline policy freeze of user ExternalUser"), "{out}");
}

#[tokio::test(start_paused = true)]
async fn policy_files_are_asked_alone() {
    let place = Place::new(Options::default());
    let folder = root().join("target/test-manifests").join(format!("{}-files", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let identity = write("identity.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#);
    let scp = write(
        "scp.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoDelete","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}]}"#,
    );
    let user = "arn:aws:iam::111111111111:user/ann";
    let ask = |action: &'static str| {
        ["explain", user, action, "data/x", "--identity-policy", &identity, "--scp", &scp, "--resource-account", "111111111111"].map(str::to_owned)
    };
    let out = place.good(&ask("s3:DeleteObject").each_ref().map(String::as_str)).await;
    assert!(out.starts_with("no: ") && out.contains("denied by statement 2 (NoDelete)"), "{out}");
    assert!(place.good(&ask("s3:GetObject").each_ref().map(String::as_str)).await.starts_with("yes: "));
    let broken = write("broken.json", "{");
    let said = place.run(&["explain", user, "s3:GetObject", "data/x", "--identity-policy", &broken]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("broken.json"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn who_can_lists_every_way() {
    let place = Place::new(Options::default());
    let mut all = String::new();
    for (file, action, resource) in [
        ("prod-data", "s3:PutObject", "prod-data-bucket/teams/data/x"),
        ("prod-data", "s3:PutObject", "prod-data-bucket/elsewhere"),
        ("direct-bucket-access", "s3:GetObject", "shared-artifacts/x"),
        ("guarded-partner", "s3:GetObject", "partner-exchange/from-partner/x"),
    ] {
        all.push_str(&format!("{action} on {resource}\n{}\n", place.good(&["who-can", action, resource, &scenario(file)]).await));
    }
    insta::assert_snapshot!("who_can", all);
    let json = place.good(&["who-can", "--json", "sts:AssumeRole", "role/ProdS3RWRole", &scenario("prod-data")]).await;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(value["ways"].as_array().unwrap().len() >= 3, "{json}");
}

#[tokio::test]
async fn expectations_are_checked() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("guarded-partner")).unwrap();
    let file = manifest("expect", &text);
    let said = place.run(&["test", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "there is nothing to test");
    let beside = file.replace(".toml", ".expect.toml");
    let right = r#"
[[expect]]
principal = "partner"
via = "PartnerRole"
action = ["s3:GetObject", "s3:PutObject"]
resource = "partner-exchange/from-partner/x"
context = { "sts:ExternalId" = "partner-4711", "aws:MultiFactorAuthPresent" = true, "aws:SourceIp" = "203.0.113.7", "aws:CurrentTime" = 2026-02-01T00:00:00Z }
result = "allowed"

[[expect]]
principal = "partner"
action = "sts:AssumeRole"
resource = "role/PartnerRole"
result = "denied"
"#;
    std::fs::write(&beside, right).unwrap();
    let out = place.good(&["test", &file]).await;
    assert!(out.ends_with("3 passed, 0 failed\n"), "{out}");
    std::fs::write(&beside, right.replace("\"denied\"", "\"allowed\"")).unwrap();
    let said = place.run(&["test", &file]).await;
    assert_eq!(said.exit, Exit::Failed);
    insta::assert_snapshot!("test_failed", said.out);
    // What does not exist is denied to everybody: such an expectation would hold for ever.
    std::fs::write(&beside, right.replace("\"s3:PutObject\"", "\"s3:PutObjects\", \"s3:Put*\"")).unwrap();
    let said = place.run(&["test", &file]).await;
    assert!(said.exit == Exit::Failed && said.out.is_empty(), "{}", said.out);
    insta::assert_snapshot!("test_no_action", said.err.replace(&beside, "role.expect.toml"));
    std::fs::write(&beside, "[[expect]]\nprincipal = 1\n").unwrap();
    let said = place.run(&["test", &file]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("expect.toml"), "{}", said.err);
}

/// What no request has meets no condition: a Deny that asks for it would silently not apply.
#[tokio::test]
async fn keys_and_values_that_no_request_has_are_mistakes() {
    let place = Place::new(Options::default());
    let file = scenario("guarded-partner");
    for (more, expected) in [
        (["--at", "2028-02-30T00:00:00Z"], "`--at 2028-02-30T00:00:00Z` is no moment"),
        (["--at", "tomorrow"], "is no moment"),
        (["--context", "aws:SourceIp=203.0.113.256"], "`203.0.113.256` is no value of `aws:SourceIp`, which is an address"),
        (["--context", "aws:SourceIpp=203.0.113.7"], "`aws:SourceIpp` is no condition key; did you mean `aws:sourceip`?"),
        (["--context", "SourceIp=203.0.113.7"], "`SourceIp` is no condition key"),
        (["--context", "aws:SourceIp =203.0.113.7"], "is no condition key"),
        (["--context", "=x"], "is no condition key"),
        (["--context", "aws:MultiFactorAuthPresent=yes"], "which is `true` or `false`"),
        (["--context", "aws:PrincipalTag/team=red"], ""),
        (["--context", "token.actions.githubusercontent.com:sub=repo:a/b:ref:refs/heads/main"], ""),
        (["--at", "2028-02-01"], ""),
    ] {
        let said = place.run(&[&["explain", "partner", "sts:AssumeRole", "role/PartnerRole", &file][..], &more].concat()).await;
        assert_eq!(said.exit == Exit::Clean, expected.is_empty(), "{more:?} {}", said.err);
        assert!(said.err.contains(expected), "{more:?} {}", said.err);
    }
    for principal in ["lamda.amazonaws.com", "arn:aws:iam::2222222222:role/R", "arn:aws-cn:iam::222222222222:role/R", "arn:aws:iam::222222222222:roles/R"] {
        let said = place.run(&["explain", principal, "sts:AssumeRole", "role/PartnerRole", &file]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("is no principal"), "{principal} {}", said.err);
    }
}

/// An expectation about what is nowhere holds for ever.
#[tokio::test]
async fn expectations_about_what_is_nowhere_are_mistakes() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("log-analysts")).unwrap();
    let file = manifest("nowhere-expected", &text);
    let beside = file.replace(".toml", ".expect.toml");
    let good = [("principal", "dev/group/Log-Analysts"), ("via", "DevLogAccessRole"), ("action", "s3:GetObject"), ("resource", "log-bucket/x")];
    for (key, value, result, expected) in [
        ("via", "DevLogAccesRole", "denied", "no manifest declares role `DevLogAccesRole`"),
        ("resource", "log-buckett/x", "denied", "no manifest speaks of `log-buckett/x`"),
        ("principal", "role/DevLogAccesRole", "denied", "no manifest declares or names `role/DevLogAccesRole`"),
        ("principal", "dev/group/Log-Analyst", "allowed", "no manifest declares or names `dev/group/Log-Analyst`"),
        ("principal", "333333333333", "denied", ""),
    ] {
        let lines: Vec<String> = good.iter().map(|(k, v)| format!("{k} = \"{}\"\n", if *k == key { value } else { v })).collect();
        std::fs::write(&beside, format!("[[expect]]\n{}result = \"{result}\"\n", lines.concat())).unwrap();
        let said = place.run(&["test", &file]).await;
        assert_eq!(said.exit == Exit::Clean, expected.is_empty(), "{key} {value} {} {}", said.out, said.err);
        assert!(said.err.contains(expected), "{key} {value} {}", said.err);
    }
}

/// "Nobody" and "no" are wrong answers to a question that was mistyped.
#[tokio::test]
async fn what_is_no_action_is_not_asked_about() {
    let place = Place::new(Options::default());
    let file = scenario("log-analysts");
    for (action, expected) in [
        ("s3:GetObjects", "error: `s3:GetObjects` is no action; did you mean `s3:GetObject`?"),
        ("iam:PasRole", "error: `iam:PasRole` is no action; did you mean `iam:PassRole`?"),
        ("S3:getobject", ""),
        ("s4:GetObject", "error: `s4:GetObject` is no action: there is no service `s4`"),
        ("GetObject", "error: `GetObject` is no action: an action is `service:Name`"),
        ("s3:Get*", "error: `s3:Get*` is a pattern, and one action is asked about at a time"),
        ("ec2:WhatComesNext", ""),
    ] {
        for words in [
            &["who-can", action, "log-bucket/app/x", "--from", "manifest", &file][..],
            &["explain", "dev/group/Log-Analysts", action, "log-bucket/app/x", "--from", "manifest", &file],
        ] {
            let said = place.run(words).await;
            assert_eq!(said.exit == Exit::Clean, expected.is_empty(), "{words:?} {}", said.err);
            assert!(said.err.starts_with(expected), "{words:?} {}", said.err);
        }
    }
}

#[tokio::test]
async fn the_example_has_expectations_that_hold() {
    let out = Place::new(Options::default()).good(&["test", &root().join("examples/first.toml").display().to_string()]).await;
    assert!(out.ends_with("5 passed, 0 failed\n"), "{out}");
}

#[tokio::test]
async fn any_corpus_of_cases_is_run() {
    let place = Place::new(Options::default());
    let corpus = root().join("crates/access/tests/examples.jsonl").display().to_string();
    let out = place.good(&["test", "--json", &corpus]).await;
    assert_eq!(out.lines().count(), 110);
    assert!(out.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["ok"] == true), "{out}");
    let folder = root().join("target/test-manifests").join(format!("{}-cases", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let wrong = folder.join("wrong.jsonl");
    let text = std::fs::read_to_string(&corpus).unwrap().replacen("\"expected\":\"Allowed\"", "\"expected\":\"ImplicitlyDenied\"", 1).replacen(
        "\"expected\": \"Allowed\"",
        "\"expected\": \"ImplicitlyDenied\"",
        1,
    );
    std::fs::write(&wrong, text).unwrap();
    let said = place.run(&["test", &wrong.display().to_string()]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("1 failed") || said.out.contains("2 failed"), "{}", said.out);
    std::fs::write(&wrong, "{}\nnonsense\n").unwrap();
    let said = place.run(&["test", &wrong.display().to_string()]).await;
    assert!(said.err.contains("line 1") && said.err.contains("line 2"), "all mistakes at once: {}", said.err);
}

/// Policies in files are asked of the caller as it calls: a role as its session, with the keys that follow from its ARN.
#[tokio::test]
async fn policies_in_files_are_asked_of_the_caller_that_is_named() {
    let folder = root().join(format!("target/test-manifests/files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let statement = |text: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#);
    let role = "arn:aws:iam::222222222222:role/team/Reader";
    let bucket = file(
        "bucket.json",
        &statement(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{role}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"}}"#)),
    );
    let nothing = file("nothing.json", &statement(r#"{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}"#));
    let home = file("home.json", &statement(r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/${aws:username}/*"}"#));
    let own = file(
        "own.json",
        &statement(r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"222222222222"}}}"#),
    );
    let key = file("key.json", &statement(r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}"#));
    let user = "arn:aws:iam::222222222222:user/ann";
    let place = Place::new(Options::default());
    for (words, expected) in [
        // A role's boundary limits what a resource's policy gives it by name (IAM User Guide, "Policy evaluation logic").
        (
            vec![role, "s3:GetObject", "logs/a", "--resource-policy", &bucket, "--boundary", &nothing, "--resource-account", "222222222222"],
            "no: role team/Reader",
        ),
        (vec![role, "s3:GetObject", "logs/a", "--resource-policy", &bucket, "--resource-account", "222222222222"], "yes: role team/Reader"),
        (vec![user, "s3:GetObject", "logs/ann/a", "--identity-policy", &home, "--resource-account", "222222222222"], "yes: user ann"),
        (vec![user, "s3:GetObject", "logs/bob/a", "--identity-policy", &home, "--resource-account", "222222222222"], "no: user ann"),
        (vec![user, "s3:GetObject", "logs/a", "--identity-policy", &own, "--resource-account", "222222222222"], "yes: user ann"),
        (
            vec![user, "kms:Decrypt", "arn:aws:kms:us-east-1:222222222222:key/k", "--identity-policy", &key],
            "taken for granted: the policy of key arn:aws:kms:us-east-1:222222222222:key/k is not known",
        ),
    ] {
        let said = place.run(&[&["explain"], words.as_slice()].concat()).await;
        assert!(said.out.contains(expected), "{words:?}: wanted {expected}\n{}{}", said.out, said.err);
    }
}

#[tokio::test]
async fn whose_a_resource_is_and_what_guards_it_may_not_be_known() {
    let place = Place::new(Options::default());
    let manifest = root().join("manifests/prod-data.toml").display().to_string();
    for (action, resource) in [("s3:GetObject", "nobody-has-this/x"), ("kms:Decrypt", "arn:aws:kms:us-east-1:222222222222:key/abc")] {
        let out = place.good(&["who-can", action, resource, &manifest]).await;
        assert!(out.contains("not decided") && !out.contains("of  "), "{out}");
    }
}

#[tokio::test]
async fn who_lists_buckets_is_asked_with_either_resource() {
    let place = Place::new(Options::default());
    let manifest = root().join("manifests/cross-account-user.toml").display().to_string();
    let star = place.good(&["who-can", "s3:ListAllMyBuckets", "*", &manifest]).await;
    assert!(star.contains("role CrossAccountAccessRole of 222222222222") && star.contains("user ExternalUser") && !star.contains("not decided"), "{star}");
    assert_eq!(star, place.good(&["who-can", "s3:ListAllMyBuckets", "arn:aws:s3:::*", &manifest]).await);
}
