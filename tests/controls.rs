//! An organization's control policies, from files named in `crossrole.toml`.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::access::section;
use crate::support::{Place, manifest, root};

const ROLE: &str = r#"
name = "controlled"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.dev.users.ann]

[buckets.controlled-data]
create = true

[roles.Keeper]

[[roles.Keeper.trust]]
user = "dev/ann"

[[roles.Keeper.allow]]
bucket = "controlled-data"
actions = ["s3:GetObject", "s3:DeleteObject"]
"#;

const SETTINGS: &str = r#"
[accounts."222222222222"]
service_control = ["all.json", ["all.json", "no-delete.json"]]
resource_control = ["own-organization.json"]
"#;

const FILES: &[(&str, &str)] = &[
    ("all.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#),
    ("no-delete.json", r#"{"Version":"2012-10-17","Statement":[{"Sid":"NoDelete","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}]}"#),
    (
        "own-organization.json",
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-example1234"}}}]}"#,
    ),
];

/// Writes the settings and their policies into a folder of the test's own.
fn settings(test: &str, text: &str) -> String {
    let folder = root().join("target/test-manifests").join(format!("{}-controls-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in FILES.iter().chain(&[("crossrole.toml", text)]) {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder.join("crossrole.toml").display().to_string()
}

#[tokio::test(start_paused = true)]
async fn control_policies_bound_every_answer() {
    let place = Place::new(Options::default());
    let (role, config) = (manifest("controlled", ROLE), settings("all", SETTINGS));
    let with = |words: &[&str]| -> Vec<String> { words.iter().chain(&["--config", &config]).map(|w| (*w).to_owned()).collect() };
    let ask = async |words: &[&str]| place.good(&with(words).iter().map(String::as_str).collect::<Vec<_>>()).await;
    let plan = ask(&["plan", &role]).await;
    let plan = section(&plan);
    assert!(plan.contains("+ role Keeper of 222222222222 gains s3:GetObject on controlled-data/*"), "{plan}");
    assert!(!plan.contains("s3:Delete"), "what the organization denies is not gained: {plan}");
    assert!(plan.contains("gains sts:AssumeRole on arn:aws:iam::222222222222:role/Keeper when aws:PrincipalOrgID is o-example1234"), "{plan}");
    let free = place.good(&["plan", &role]).await;
    assert!(free.contains("gains s3:DeleteObject, s3:GetObject on controlled-data/*"), "{free}");
    for from in ["manifest", "live"] {
        place.good(&["apply", "--auto-approve", "--quiet", &role]).await;
        let out = ask(&["explain", "role/Keeper", "s3:DeleteObject", "controlled-data/x", &role, "--from", from]).await;
        assert!(out.contains("denied by statement 1 (NoDelete) of the policy no-delete.json"), "{out}");
        let ways = ask(&["who-can", "s3:DeleteObject", "controlled-data/x", &role, "--from", from]).await;
        assert!(!ways.contains("role Keeper"), "{ways}");
        assert!(place.good(&["who-can", "s3:DeleteObject", "controlled-data/x", &role, "--from", from]).await.contains("role Keeper"));
    }
    let out = ask(&["explain", "dev/user/ann", "sts:AssumeRole", "role/Keeper", &role]).await;
    assert!(out.starts_with("no: ") && out.contains("denied by statement 1 (Own) of the policy own-organization.json"), "{out}");
    let expectations = "[[expect]]\nprincipal = \"role/Keeper\"\naction = \"s3:DeleteObject\"\nresource = \"controlled-data/x\"\nresult = \"denied\"\n";
    std::fs::write(role.replace(".toml", ".expect.toml"), expectations).unwrap();
    assert!(ask(&["test", &role]).await.contains("1 passed, 0 failed"));
    assert_eq!(place.run(&["test", &role]).await.exit, Exit::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_control_policy_that_cannot_be_read_stops_the_plan() {
    let place = Place::new(Options::default());
    let role = manifest("controlled-wrong", ROLE);
    for (text, expected) in [
        (SETTINGS.replace("no-delete", "missing"), "missing.json` can't be read"),
        (SETTINGS.replace("\"222222222222\"", "nobody"), "`nobody` is neither an account id nor the label"),
        (SETTINGS.replace("service_control = [", "service_control = [7, "), "service_control"),
    ] {
        let config = settings("wrong", &text);
        let said = place.run(&["plan", "--config", &config, &role]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
        assert!(said.err.contains(expected), "{}", said.err);
    }
}

/// A limit that is misread is one that is not there, or that nobody has set: the plan would be right about neither.
#[tokio::test(start_paused = true)]
async fn a_control_policy_that_aws_would_not_take_is_a_mistake() {
    let place = Place::new(Options::default());
    let role = manifest("controlled-mistaken", ROLE);
    let scp = |statements: &str| format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statements}]}}");
    let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    for (which, text, expected) in [
        (
            "service",
            scp(r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEqual":{"aws:RequestedRegion":"x"}}}"#),
            "`StringNotEqual` is no condition operator",
        ),
        ("service", scp(r#"{"Effect":"deny","Action":"s3:*","Resource":"*"}"#), "`deny` is neither Allow nor Deny"),
        ("service", scp(r#"{"Effect":"Deny","Action":"s3:GetObjekt","Resource":"*"}"#), "`s3:GetObjekt` is no action; did you mean `s3:GetObject`?"),
        (
            "service",
            scp(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#),
            "statement 1 has a `Principal`, and a service control policy has none",
        ),
        ("service", scp(""), "it has no statement"),
        ("resource", scp(allow), "has to have `\"Principal\": \"*\"`"),
    ] {
        let folder = settings("mistaken", &format!("[accounts.\"222222222222\"]\n{which}_control = [\"mistaken.json\"]\n"));
        std::fs::write(std::path::Path::new(&folder).with_file_name("mistaken.json"), text).unwrap();
        let said = place.run(&["plan", "--config", &folder, &role]).await;
        assert!(said.exit == Exit::Failed && said.err.contains(expected), "{expected}: {}", said.err);
    }
    for (text, expected) in [
        ("[accounts.\"222222222222\"]\nservice_control = [[]]\n", "a level of control policies names none"),
        ("[accounts.dev]\nprofile = \"x\"\n[accounts.\"111111111111\"]\nprofile = \"y\"\n", "are one account"),
    ] {
        let said = place.run(&["plan", "--config", &settings("mistaken", text), &role]).await;
        assert!(said.exit == Exit::Failed && said.err.contains(expected), "{expected}: {}", said.err);
    }
}
