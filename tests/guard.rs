//! What a plan must not do: guardrails, Rego policies, locking the runner out; and findings in every format.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest, root, scenario};

const TRUSTING: &str = "222222222222";

/// Writes a file beside the test manifests and returns its path.
fn file(test: &str, name: &str, text: &str) -> String {
    let folder = root().join("target/test-manifests").join(format!("{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const ROLE: &str = r#"
name = "guarded"

[trusting]
account = "222222222222"

[trusted.partner]
account = "444444444444"
manage = false

[roles.ProdReader]
max_session = "12h"

[[roles.ProdReader.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.ProdReader.allow]]
actions = ["s3:Get*", "iam:ListRoles"]
resources = "*"
"#;

/// A rule that forbids what does not exist forbids nothing, and looks like one that is kept.
#[tokio::test(start_paused = true)]
async fn a_guardrail_against_no_action_is_a_mistake() {
    let place = Place::new(Options::default());
    let rules = r#"
[guardrails]
forbidden_actions = ["iam:PasRole", "iam:*", "*", "*:*", "kms:Anything", "lambda:Anything", "iam:Pass*"]

[[guardrails.roles]]
forbidden_actions = ["s3", "sss:*", "sts:*Token*", "s3:*Nothing*", "ec2:Run*, ec2:Stop*", "ec2:RunInstances "]
"#;
    let (config, role) = (file("guardrails-typo", "crossrole.toml", rules), manifest("guardrails-typo-role", ROLE));
    for command in ["validate", "plan"] {
        let said = place.run(&[command, "--config", &config, &role]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.err);
        let wrong: Vec<&str> = said.err.lines().filter(|line| line.starts_with("error: ")).map(|l| l.trim_start_matches("error: ")).collect();
        assert_eq!(
            wrong,
            [
                "`iam:PasRole` is no action; did you mean `iam:PassRole`?",
                "`kms:Anything` is no action",
                "`s3` is no action: an action is `service:Name`",
                "`sss:*` is no action: there is no service `sss`",
                "`s3:*Nothing*` is no action",
                "`ec2:Run*, ec2:Stop*` is no action: an action has letters, digits and `-`, and in a pattern `*` and `?`",
                "`ec2:RunInstances ` is no action: an action has letters, digits and `-`, and in a pattern `*` and `?`",
            ],
            "{}",
            said.err
        );
    }
}

/// One that can select nothing is off, and looks on.
#[tokio::test(start_paused = true)]
async fn a_guardrail_that_selects_nothing_is_a_mistake() {
    let place = Place::new(Options::default());
    let role = manifest("guardrails-select-role", ROLE);
    for (rules, expected) in [
        ("[[guardrails.roles]]\nselect = \"role/Prod*\"\nmfa = true\n", "`role/Prod*` is no pattern of role names"),
        ("[[guardrails.roles]]\nselect = \"\"\nmfa = true\n", "`` is no pattern of role names"),
        ("[guardrails]\ntrusted_accounts = [\"1111\"]\n", "`1111` is not an account id"),
    ] {
        let config = file("guardrails-select", "crossrole.toml", rules);
        let said = place.run(&["validate", "--config", &config, &role]).await;
        assert!(said.exit == Exit::Failed && said.err.contains(expected), "{}", said.err);
    }
}

/// What can be nobody would deny nothing, whoever else stands for many in the run.
#[tokio::test(start_paused = true)]
async fn selectors_that_can_be_nobody_are_mistakes() {
    let place = Place::new(Options::default());
    let open = "[buckets.open-bucket]\ncreate = true\npublic_access_block = false\n[[buckets.open-bucket.statement]]\nprincipals = \"*\"\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::open-bucket/*\"\n";
    let text = ROLE.replace("[roles.ProdReader]", &format!("{open}[roles.ProdReader]"));
    let before = manifest("selectors", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &before]).await;
    let after = manifest("selectors", &text.replace("\"s3:Get*\"", "\"s3:*Object\""));
    for selector in [
        "principal=arn:aws:iam::222222222222:roles/ProdReader",
        "principal=arn:aws:iam::222222222222:ProdReader",
        "principal=arn:aws:sts::222222222222:assumed-role/ProdReader",
        "principal=arn:aws:iam::222222222222:role/ProdReaderx",
        "principal=arn:aws:iam::22222222222:role/ProdReader",
        "principal=arn:aws-cn:iam::222222222222:role/ProdReader",
        "principal=arn:aws:s3:::open-bucket",
        "principal=role/ProdReader ",
        "principal=role/ProdReader;",
        "principal=role/ProdReader,action=s3:GetObject",
        "principal=role/ProdReadr",
        "account=*9",
        "account=123*",
    ] {
        let said = place.run(&["plan", &format!("--deny-widening={selector}"), &after]).await;
        assert_eq!(said.exit, Exit::Failed, "{selector}: {}", said.err);
        assert!(["names no principal", "matches nothing in this run", "has a comma"].iter().any(|why| said.err.contains(why)), "{selector}: {}", said.err);
    }
    for selector in [
        "principal=role/ProdReader",
        "principal=arn:aws:iam::222222222222:role/ProdReader",
        "principal=arn:aws:iam::222222222222:role/*",
        "principal=arn:aws:sts::222222222222:assumed-role/ProdReader/*",
        "account=2222*",
        "principal=role/Prod*",
    ] {
        let said = place.run(&["plan", &format!("--deny-widening={selector}"), &after]).await;
        assert_eq!(said.exit, Exit::Refused, "{selector}: {}", said.err);
    }
}

/// Whoever is no longer let in loses the policy of the caller's side with it: nothing of that is not decided.
#[tokio::test(start_paused = true)]
async fn taking_a_caller_away_is_a_narrowing_and_nothing_else() {
    let place = Place::new(Options::default());
    let head = "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.a]\n[trusted.dev.users.b]\n[roles.R]\n";
    let both = manifest("less", &format!("{head}[[roles.R.trust]]\nuser = \"dev/a\"\n[[roles.R.trust]]\nuser = \"dev/b\"\n"));
    place.good(&["apply", "--auto-approve", "--quiet", &both]).await;
    let one = manifest("less", &format!("{head}[[roles.R.trust]]\nuser = \"dev/b\"\n"));
    let said = place.run(&["plan", "--deny-widening", &one]).await;
    assert!(said.exit == Exit::Clean && said.out.contains("- user a of 111111111111 loses sts:AssumeRole"), "{} {}", said.out, said.err);
    assert!(!said.out.contains("not decided"), "{}", said.out);
}

/// A user is not moved, and its ARN would be another.
#[tokio::test(start_paused = true)]
async fn a_user_under_another_path_is_withheld() {
    let place = Place::new(Options::default());
    let text = |path: &str| {
        format!(
            "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.a]\npath = \"{path}\"\n[roles.R]\n[[roles.R.trust]]\nuser = \"dev/a\"\n"
        )
    };
    place.good(&["apply", "--auto-approve", "--quiet", &manifest("moved", &text("/x/"))]).await;
    let said = place.run(&["plan", &manifest("moved", &text("/y/"))]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("it exists under the path `/x/`, not `/y/`") && !said.out.contains("gains"), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn guardrails_hold_in_validate_plan_and_apply() {
    let place = Place::new(Options::default());
    let rules = r#"
[guardrails]
trusted_accounts = ["111111111111"]
forbidden_actions = ["iam:*"]

[[guardrails.roles]]
select = "Prod*"
external_id = true
mfa = true
boundary = "arn:aws:iam::222222222222:policy/*"
max_session_hours = 4
"#;
    let (config, role) = (file("guardrails", "crossrole.toml", rules), manifest("guardrails-role", ROLE));
    let said = place.run(&["validate", "--config", &config, &role]).await;
    assert_eq!(said.exit, Exit::Failed);
    let mut broken: Vec<&str> = said.err.match_indices("[guardrail/").map(|(at, _)| said.err[at..].split(']').next().unwrap()).collect();
    broken.sort_unstable();
    assert_eq!(
        broken,
        ["[guardrail/boundary", "[guardrail/forbidden-actions", "[guardrail/max-session", "[guardrail/mfa", "[guardrail/trusted-accounts"],
        "{}",
        said.err
    );
    insta::assert_snapshot!("guardrails", said.err.replace(&role, "role.toml"));
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let said = place.run(&[command, &["--config", &config, &role]].concat()).await;
        assert_eq!(said.exit, Exit::Refused, "{}", said.err);
        assert!(said.err.contains("refused: 5 guardrails are broken"), "{}", said.err);
    }
    assert!(place.good(&["plan", &role]).await.contains("Plan: 1 to add"), "nothing was applied, and without the rules it may be");
    let other =
        file("guardrails", "other.toml", &rules.replace("Prod*", "Dev*").replace("\"111111111111\"", "\"444444444444\"").replace("\"iam:*\"", "\"iam:Put*\""));
    assert_eq!(place.run(&["validate", "--config", &other, &role]).await.exit, Exit::Clean, "the selector leaves it out");
    let wrong = file("guardrails", "wrong.toml", "[guardrails]\nmax_sesion = 1\n");
    let said = place.run(&["validate", "--config", &wrong, &role]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("max_sesion"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn rego_policies_see_the_json_plan() {
    let place = Place::new(Options::default());
    let role = manifest("rego-role", ROLE);
    let policy = r#"
package crossrole

import rego.v1

deny contains msg if {
    some change in input.access.changes
    change.direction == "widened"
    startswith(change.principal, "any principal of 444")
    msg := sprintf("%s gains %v", [change.principal, change.actions])
}

warn contains {"msg": "a role is made"} if {
    some change in input.resource_changes
    change.type == "role"
    "create" in change.change.actions
}
"#;
    let path = file("rego", "widening.rego", policy);
    let folder = std::path::Path::new(&path).parent().unwrap().display().to_string();
    let said = place.run(&["plan", "--policy", &folder, &role]).await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.err.contains("any principal of 444444444444 that its own policies let gains [\"sts:AssumeRole\"] [policy/deny]"), "{}", said.err);
    assert!(said.err.contains("a role is made [policy/warn]"), "{}", said.err);
    std::fs::write(&path, policy.replace("any principal of 444", "nobody")).unwrap();
    assert_eq!(place.run(&["plan", "--policy", &folder, &role]).await.exit, Exit::Clean);
    std::fs::write(&path, "package crossrole\n\ndeny contains {").unwrap();
    let said = place.run(&["plan", "--policy", &folder, &role]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("widening.rego"), "{}", said.err);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(place.run(&["plan", "--policy", &folder, &role]).await.exit, Exit::Failed, "no policy is not all policies kept");
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_held_to_the_same_rules() {
    let place = Place::new(Options::default());
    let role = manifest("saved-rules-role", ROLE);
    let saved = format!("{role}.plan");
    place.good(&["plan", "--out", &saved, &role]).await;
    let config = file("saved-rules", "crossrole.toml", "[guardrails]\nforbidden_actions = [\"iam:*\"]\n");
    let rego =
        file("saved-rules-rego", "none.rego", "package crossrole\n\nimport rego.v1\n\ndeny contains \"no roles today\" if some _ in input.resource_changes\n");
    let folder = std::path::Path::new(&rego).parent().unwrap().display().to_string();
    for (flags, expected) in [
        (&["--config", &config][..], "[guardrail/forbidden-actions"),
        (&["--policy", &folder], "no roles today [policy/deny]"),
        (&["--deny-widening"], "under `--deny-widening`"),
        (&["--deny-widening=account=444444444444"], "under `--deny-widening`"),
    ] {
        let said = place.run(&[&["apply", "--auto-approve"], flags, &[&saved]].concat()).await;
        assert_eq!(said.exit, Exit::Refused, "{flags:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(expected), "{flags:?}: {}", said.err);
    }
    assert!(place.good(&["plan", &role]).await.contains("Plan: 1 to add"), "nothing was applied");
    place.good(&["apply", "--auto-approve", &saved]).await;
    // What takes everything back is not held to rules for what is declared.
    place.good(&["plan", "--destroy", "--out", &saved, &role]).await;
    place.good(&["destroy", "--auto-approve", "--config", &config, &saved]).await;
}

#[tokio::test]
async fn findings_come_in_every_format() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("log-analysts")).unwrap()
        + "\n[roles.Wide]\n\n[[roles.Wide.trust]]\naccount = \"dev\"\n\n[[roles.Wide.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::data\"\n";
    let path = manifest("formats", &text);
    let clean = |text: String| text.replace(&path, "formats.toml");
    let said = place.run(&["validate", "--format", "github", &path]).await;
    assert_eq!(said.exit, Exit::Failed);
    insta::assert_snapshot!("findings_github", clean(said.out));
    let said = place.run(&["validate", "--format", "sarif", &path]).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["version"], "2.1.0");
    let results = value["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty() && results.iter().all(|r| r["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap() > 1), "{value:#}");
    let described: Vec<&str> = value["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert!(results.iter().all(|r| described.contains(&r["ruleId"].as_str().unwrap())), "{described:?}");
    let said = place.run(&["validate", "--format", "json", &path]).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["findings"][0]["rule"], "account-wide-trust", "{value:#}");
}

#[tokio::test]
async fn a_suppression_needs_a_reason_and_is_reported() {
    let place = Place::new(Options::default());
    let base = std::fs::read_to_string(scenario("log-analysts")).unwrap();
    let wide =
        "\n[roles.Wide]\n\n[[roles.Wide.trust]]\naccount = \"dev\"\n\n[[roles.Wide.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::data/*\"\n";
    let with = |suppress: &str| manifest("suppress", &format!("{base}{wide}\n{suppress}"));
    let out = place.good(&["validate", &with("[[suppress]]\nrule = \"account-wide-trust\"\nobject = \"role/Wide\"\nreason = \"all of dev reads\"\n")]).await;
    assert!(out.contains("suppressed: ") && out.contains("because all of dev reads"), "{out}");
    let said = place.run(&["plan", &with("[[suppress]]\nrule = \"account-wide-trust\"\nobject = \"role/Wide\"\nreason = \"all of dev reads\"\n")]).await;
    assert!(said.err.contains("suppressed: ") && said.err.contains("because all of dev reads"), "{}", said.err);
    let said = place.run(&["validate", &with("[[suppress]]\nrule = \"account-wide-trust\"\nobject = \"role/Other\"\nreason = \"x\"\n")]).await;
    assert!(said.err.contains("nothing breaks `account-wide-trust` here any more") && said.err.contains("[account-wide-trust]"), "{}", said.err);
    let said = place.run(&["validate", &with("[[suppress]]\nrule = \"no-such-rule\"\nreason = \"x\"\n")]).await;
    assert!(said.err.contains("no rule is named `no-such-rule`"), "{}", said.err);
    let said = place.run(&["validate", &with("[[suppress]]\nrule = \"account-wide-trust\"\nreason = \" \"\n")]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("a suppression needs a reason"), "{}", said.err);
}

/// What others put into a bucket's policy is looked at too.
#[tokio::test(start_paused = true)]
async fn live_statements_are_linted() {
    let place = Place::new(Options::default());
    assert_eq!(place.s3(TRUSTING, "PUT", "/log-bucket", "", "").await.0, 200);
    assert_eq!(place.s3(TRUSTING, "DELETE", "/log-bucket", "publicAccessBlock", "").await.0, 204);
    let foreign = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Open","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::log-bucket/*"}]}"#;
    assert_eq!(place.s3(TRUSTING, "PUT", "/log-bucket", "policy", foreign).await.0, 204);
    let said = place.run(&["plan", &scenario("log-analysts")]).await;
    assert!(said.err.contains("policy of bucket log-bucket (live, not ours): it is public [public-bucket]"), "{}", said.err);
}

#[tokio::test]
async fn the_reference_of_rules_is_the_checked_in_one() {
    let said = Place::new(Options::default()).run(&["validate", "--list-rules"]).await;
    let checked_in = std::fs::read_to_string(root().join("docs/lint.md")).unwrap_or_default();
    assert!(said.out == checked_in, "docs/lint.md is stale: run `just rules`");
}

/// Of a role in an account, with these actions.
fn of(account: &str, role: &str, actions: &str) -> String {
    format!(
        "name = \"{}\"\n[trusting]\naccount = \"{account}\"\n[trusted.dev]\naccount = \"111111111111\"\nmanage = false\n[roles.{role}]\n[[roles.{role}.trust]]\n\
         service = \"ec2.amazonaws.com\"\n[[roles.{role}.allow]]\nactions = [{actions}]\nresources = \"*\"\n",
        role.to_lowercase()
    )
}

/// Two manifests of a run give one label to two accounts: what is asked of it is asked of both, and what can be of one alone is a mistake.
#[tokio::test(start_paused = true)]
async fn a_label_is_of_all_accounts_that_have_it() {
    let place = Place::new(Options::default());
    let few = "\"ec2:DescribeInstances\"";
    let more = "\"ec2:DescribeInstances\", \"ec2:DescribeVpcs\"";
    let files =
        |first: &str, second: &str| [manifest("label-first", &of(TRUSTING, "First", first)), manifest("label-second", &of("333333333333", "Second", second))];
    let [first, second] = files(few, few);
    place.good(&["apply", "--auto-approve", "--quiet", &first, &second]).await;
    for (actions, gains, other) in [([more, few], TRUSTING, "333333333333"), ([few, more], "333333333333", TRUSTING)] {
        let [first, second] = files(actions[0], actions[1]);
        for (selector, exit) in
            [("trusting", Exit::Refused), ("tr*", Exit::Refused), ("*", Exit::Refused), (gains, Exit::Refused), (other, Exit::Clean), ("de?", Exit::Clean)]
        {
            let said = place.run(&["plan", &format!("--deny-widening=account={selector}"), &first, &second]).await;
            assert_eq!(said.exit, exit, "{selector}, {gains}: {}{}", said.out, said.err);
        }
    }
    let several = "is the label of several accounts of these manifests, 222222222222 and 333333333333 among them";
    let config = file("label", "crossrole.toml", "[accounts.trusting]\nprofile = \"prod\"\n");
    for words in [
        &["plan", "--config", &config][..],
        &["explain", "trusting/role/First", "ec2:DescribeVpcs", "*"],
        &["explain", "role/First", "sts:AssumeRole", "trusting/role/Second"],
        &["explain", "trusting", "ec2:DescribeVpcs", "*"],
        &["explain", "ec2.amazonaws.com", "ec2:DescribeVpcs", "*", "--via", "trusting/role/First"],
    ] {
        let said = place.run(&[words, &[&first, &second]].concat()).await;
        assert!(said.exit == Exit::Failed && said.err.contains(several), "{words:?}: {}{}", said.out, said.err);
    }
    let said = place.good(&["runner-policy", "--json", "--account", "trusting", &first, &second]).await;
    assert!(said.contains("\"222222222222\"") && said.contains("\"333333333333\""), "{said}");
}

/// A list where one is meant would be a name that nobody has.
#[tokio::test(start_paused = true)]
async fn a_selector_is_one() {
    let place = Place::new(Options::default());
    let file = manifest("one-selector", &of(TRUSTING, "First", "\"ec2:DescribeVpcs\", \"sqs:SendMessage\""));
    for selector in [
        "action=ec2:DescribeVpcs,principal=role/First",
        "action=ec2:DescribeVpcs,ec2:DescribeInstances",
        "action=ec2:DescribeVpcs,",
        "account=222222222222,333333333333",
        "principal=role/First,role/Second",
        "resource=*,principal=role/First",
        "resource=arn:aws:sqs:*,arn:aws:sns:*",
    ] {
        let said = place.run(&["plan", &format!("--deny-widening={selector}"), &file]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("has a comma") && said.err.contains("once for each"), "{selector}: {}", said.err);
    }
    for selector in [
        "action=ec2:DescribeVpcs ",
        "action= ec2:DescribeVpcs",
        "action=ec2:",
        "action=:DescribeVpcs",
        "action=ec2:Describe Vpcs",
        "action=ec2:a:b",
        "action=ec2:*;",
    ] {
        let said = place.run(&["plan", &format!("--deny-widening={selector}"), &file]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("names no action"), "{selector}: {}", said.err);
    }
    for selector in ["action=ec2:DescribeVpcs", "action=EC2:describe*", "action=*:SendMessage", "action=*", "principal=role/Firs?"] {
        let said = place.run(&["plan", &format!("--deny-widening={selector}"), &file]).await;
        assert_eq!(said.exit, Exit::Refused, "{selector}: {}", said.err);
    }
    let said = place.run(&["plan", "--deny-widening=action=s3:PutObject", "--deny-widening=action=sqs:*", &file]).await;
    assert_eq!(said.exit, Exit::Refused, "any of several: {}", said.err);
}
