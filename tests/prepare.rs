//! The embedded AWS as a newcomer meets it: `sandbox prepare`, `show` and `reset`.

use std::path::Path;

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest, root, scenario};

fn all() -> Vec<String> {
    let folders = ["manifests", "examples"].map(|folder| root().join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|e| e.unwrap().path().display().to_string());
    let mut files: Vec<String> = entries.filter(|path| Path::new(path).extension().is_some_and(|e| e == "toml") && !path.contains(".expect.")).collect();
    files.sort();
    files
}

/// Every manifest that this repository shows can be tried as it is, with others' statements in the way.
#[tokio::test(start_paused = true)]
async fn every_scenario_can_be_tried() {
    let files = all();
    assert!(files.len() >= 11, "{files:?}");
    for file in &files {
        let place = Place::new(Options::default());
        let foreign = if file.contains("bucket") { vec!["--foreign"] } else { Vec::new() };
        place.good(&[&["sandbox", "prepare"][..], &foreign, &[file]].concat()).await;
        let plan = place.good(&["plan", file]).await;
        assert!(plan.contains("\nPlan: ") && !plan.contains("withheld"), "{file}: {plan}");
        place.good(&["apply", "--auto-approve", "--quiet", file]).await;
        assert!(place.good(&["plan", "--detailed-exitcode", file]).await.starts_with("No changes."), "{file}");
        let again = place.good(&["sandbox", "prepare", file]).await;
        assert!(again.contains("0 made, ") || again.contains("rely on nothing"), "{file}: {again}");
        place.good(&["destroy", "--auto-approve", "--quiet", file]).await;
        assert!(place.good(&["plan", "--destroy", file]).await.contains("No changes."), "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_in_the_sandbox_can_be_made_there() {
    for name in ["log-analysts", "cross-account-user", "lambda-service"] {
        let place = Place::new(Options::default());
        let file = scenario(name);
        let said = place.run(&["plan", &file]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
        assert!(said.err.contains(&format!("`crossrole sandbox prepare {file}` makes what manifests rely on")), "{}", said.err);
        place.good(&["sandbox", "prepare", &file]).await;
        let said = place.run(&["plan", &file]).await;
        assert!(said.exit == Exit::Clean && !said.err.contains("sandbox prepare"), "{}", said.err);
    }
}

/// Everything that a manifest can rely on and not make.
#[tokio::test(start_paused = true)]
async fn whatever_a_manifest_relies_on_is_made() {
    let text = r#"
name = "relies"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.partner]
account = "444444444444"
manage = false
[buckets.relied-data]
create = true
logging = { bucket = "relied-logs", prefix = "x/" }
[roles.Reader]
policies = ["arn:aws:iam::222222222222:policy/team/Extra"]
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
[[roles.Reader.trust]]
role = "dev/team/App"
[[roles.Reader.trust]]
role = "partner/Theirs"
[[roles.Reader.trust]]
group = "dev/Crew"
[[roles.Reader.allow]]
bucket = "relied-data"
access = "read"
"#;
    let place = Place::new(Options::default());
    let file = manifest("relies", text);
    let said = place.good(&["sandbox", "prepare", &file]).await;
    for made in [
        "made 111111111111/role/App",
        "made 111111111111/group/Crew",
        "made 222222222222/policy/Extra",
        "made 222222222222/policy/Most",
        "made 222222222222/bucket/relied-logs",
        "made 444444444444/role/Theirs",
    ] {
        assert!(said.contains(made), "{made}\n{said}");
    }
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&["plan", &file]).await.starts_with("No changes."));
    // Another account has the bucket.
    let other = manifest("relies-other", &text.replace("222222222222", "333333333333").replace("\"relies\"", "\"other\""));
    let said = place.run(&["sandbox", "prepare", &other]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("bucket `relied-logs` belongs to another account of this sandbox"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn what_the_sandbox_holds_is_shown() {
    let place = Place::new(Options::default());
    assert!(place.good(&["sandbox", "show"]).await.starts_with("It is empty"));
    let file = scenario("log-analysts");
    place.good(&["sandbox", "prepare", "--foreign", &file]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let partner = scenario("guarded-partner");
    place.good(&["sandbox", "prepare", &partner]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &partner]).await;
    let hostile = [
        ("RoleName", "Hostile"),
        (
            "AssumeRolePolicyDocument",
            r#"{"Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalTag/x":"\u001b[31m\n::error::"}}}]}"#,
        ),
    ];
    place.iam("333333333333", "CreateRole", &hostile).await;
    let shown = place.good(&["sandbox", "show"]).await;
    for part in [
        "account 111111111111\n",
        "  group Log-Analysts of manifest log-analysts\n",
        "  role DevLogAccessRole of manifest log-analysts\n    trusts: Allow sts:AssumeRole to arn:aws:iam::111111111111:root\n",
        "  bucket log-bucket (us-east-1)\n    policy TlsOnly: Deny s3:* on arn:aws:s3:::log-bucket, arn:aws:s3:::log-bucket/* to everyone (*) when aws:SecureTransport Bool false\n",
        "\\u{1b}[31m\\u{a}::error::",
        "sts:ExternalId StringEquals ****",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(!shown.contains("partner-4711") && !shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test]
async fn a_sandbox_is_forgotten_when_somebody_says_so() {
    let path = root().join(format!("target/test-manifests/reset-{}.json", std::process::id()));
    let file = path.display().to_string();
    let place = Place::new(Options::default());
    place.iam("222222222222", "CreateUser", &[("UserName", "ann")]).await;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    place.sandbox.save(&path).unwrap();
    let said = place.run(&["sandbox", "reset", "--sandbox-state", &file]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("nobody is there") && path.exists(), "{}", said.err);
    place.good(&["sandbox", "reset", "--yes", "--sandbox-state", &file]).await;
    assert!(!path.exists());
    place.good(&["sandbox", "reset", "--auto-approve", "--sandbox-state", &file]).await;
    // A name that was mistyped.
    std::fs::write(&path, "my diary").unwrap();
    let said = place.run(&["sandbox", "reset", "--auto-approve", "--sandbox-state", &file]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("does not look like the state of a sandbox") && path.exists(), "{}", said.err);
    std::fs::remove_file(&path).unwrap();
}
