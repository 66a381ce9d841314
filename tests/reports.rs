//! A plan in files: the comment, the job summary and the JSON of one run, whatever the run itself prints and however it ends.

use std::fs;

use crossrole::Exit;
use serde_json::Value;

use crate::support::{Place, manifest, root, scenario};

const DEV: &str = "111111111111";

/// A folder of the test's own, and an AWS with what the scenario relies on.
async fn place(name: &str) -> (String, Place) {
    let folder = root().join(format!("target/test-manifests/{}-reports-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let place = Place::with_bucket("shared-bucket").await;
    for user in ["reader", "auditor"] {
        place.iam(DEV, "CreateUser", &[("UserName", user)]).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    (folder.display().to_string(), place)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_run_writes_the_comment_the_summary_and_the_json() {
    let (folder, place) = place("all").await;
    let file = scenario("shared-bucket-read");
    let [comment, summary, json] = ["comment.md", "summary.md", "plan.json"].map(|name| format!("{folder}/{name}"));
    let reports = [format!("--report=markdown={comment}"), format!("--report=summary={summary}"), format!("--report=json={json}")];
    let printed = place.good(&["plan", &file, &reports[0], &reports[1], &reports[2], "--report-key=all"]).await;
    assert_eq!(printed, place.good(&["plan", &file]).await, "what is printed is the same");
    insta::assert_snapshot!("comment", read(&comment));
    assert_eq!(read(&summary), read(&comment), "it has room for all of it");
    let printed: Value = serde_json::from_str(&place.good(&["plan", "--json", &file]).await).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&read(&json)).unwrap(), printed);
}

/// The comment is what tells of the refusal.
#[tokio::test(start_paused = true)]
async fn a_plan_that_is_refused_is_written_all_the_same() {
    let (folder, place) = place("refused").await;
    let file = scenario("shared-bucket-read");
    let comment = format!("{folder}/comment.md");
    let report = format!("--report=markdown={comment}");
    for command in [&["plan", "--deny-widening"][..], &["apply", "--auto-approve", "--deny-widening"]] {
        let said = place.run(&[command, &[&file, &report]].concat()).await;
        assert_eq!(said.exit, Exit::Refused, "{}", said.err);
        assert!(read(&comment).contains("Access is widened"));
        fs::remove_file(&comment).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn with_nothing_to_do_it_says_so() {
    let (folder, place) = place("nothing").await;
    let file = scenario("shared-bucket-read");
    place.good(&["apply", "--auto-approve", &file]).await;
    let comment = format!("{folder}/comment.md");
    place.good(&["plan", &file, &format!("--report=markdown={comment}"), "--report-key=nothing"]).await;
    insta::assert_snapshot!("comment-of-nothing", read(&comment));
}

/// Nothing is written to AWS when what should tell of it can't be written.
#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_written_ends_the_run_before_the_first_change() {
    let (folder, place) = place("wrong").await;
    let file = scenario("shared-bucket-read");
    let said = place.run(&["apply", "--auto-approve", &file, &format!("--report=markdown={folder}/none/comment.md")]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("can't be written") && said.err.contains("check that its folder is there"), "{}", said.err);
    assert!(place.good(&["plan", &file]).await.contains("to add"), "nothing was changed");
    for (report, expected) in [("markdown", "write it as in `markdown=FILE`"), ("markdown=", "write it as in"), ("pdf=a", "there are `markdown`, `summary`")] {
        let said = place.run(&["plan", &file, &format!("--report={report}")]).await;
        assert_eq!(said.exit, Exit::Failed);
        assert!(said.err.contains(expected), "{report}: {}", said.err);
    }
}

/// A slip of the hand costs no manifest, and no report.
#[tokio::test(start_paused = true)]
async fn no_report_is_written_over_a_manifest_or_another_report() {
    let (folder, place) = place("over").await;
    let text = read(&scenario("shared-bucket-read"));
    let file = manifest("reports-over", &text);
    let comment = format!("{folder}/comment.md");
    let over_it = file.replace("/manifest.toml", "/./manifest.toml");
    for [first, second] in [[&comment, &over_it], [&comment, &comment]] {
        let said = place.run(&["plan", &file, &format!("--report=markdown={first}"), &format!("--report=json={second}")]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("would be written over a manifest, settings, a plan, or another report"), "{}", said.err);
        assert!(read(&file) == text && !std::path::Path::new(&comment).exists());
    }
}

/// What GitLab and code scanning read, of a plan with findings: shapes of their documentation.
#[tokio::test(start_paused = true)]
async fn findings_and_numbers_are_written_for_machines() {
    let (folder, place) = place("machines").await;
    let file = manifest(
        "reports-findings",
        &(read(&scenario("shared-bucket-read")) + "\n[[roles.CrossAccountS3ReadRole.allow]]\nactions = [\"s3:*\"]\nresources = \"*\"\n"),
    );
    let [sarif, terraform, quality] = ["sarif", "gitlab-terraform", "gitlab-codequality"].map(|name| format!("{folder}/{name}.json"));
    let reports = [format!("--report=sarif={sarif}"), format!("--report=gitlab-terraform={terraform}"), format!("--report=gitlab-codequality={quality}")];
    let said = place.run(&["plan", &file, &reports[0], &reports[1], &reports[2]]).await;
    let json = |path: &str| serde_json::from_str::<Value>(&read(path)).unwrap();
    assert_eq!(json(&terraform), serde_json::json!({ "create": 8, "update": 0, "delete": 0 }), "{}", said.out);
    let quality = json(&quality);
    let entries = quality.as_array().unwrap();
    assert!(!entries.is_empty() && said.err.contains("warning"), "{}", said.err);
    let prints: std::collections::BTreeSet<&str> = entries.iter().map(|entry| entry["fingerprint"].as_str().unwrap()).collect();
    assert_eq!(prints.len(), entries.len(), "each is unique");
    for entry in entries {
        let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["check_name", "description", "fingerprint", "location", "severity"]);
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&entry["severity"].as_str().unwrap()));
        assert!(entry["location"]["lines"]["begin"].as_u64().unwrap() > 0 && entry["location"]["path"] == file.as_str());
    }
    assert_eq!(json(&sarif)["runs"][0]["results"].as_array().unwrap().len(), entries.len());
}
