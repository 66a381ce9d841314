//! Commands without a cloud, and what they print.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest, root};

fn place() -> Place {
    Place::new(Options::default())
}

#[tokio::test]
async fn help_lists_the_commands_and_the_exit_codes() {
    let said = place().run(&["--help"]).await;
    assert_eq!(said.exit, Exit::Clean);
    insta::assert_snapshot!("help", said.out);
}

#[tokio::test]
async fn every_command_has_help() {
    for command in [
        "init",
        "validate",
        "fmt",
        "schema",
        "render",
        "runner-policy",
        "plan",
        "apply",
        "destroy",
        "explain",
        "doctor",
        "who-can",
        "test",
        "sandbox",
        "completions",
        "man",
    ] {
        // `--sandbox` is added to some of these; help comes first.
        let said = place().run(&[command, "--help"]).await;
        assert_eq!(said.exit, Exit::Clean, "{command}: {}", said.err);
        assert!(said.out.contains("Usage: crossrole"), "{command}");
    }
}

#[tokio::test]
async fn a_wrong_word_is_an_error_and_not_a_change() {
    let said = place().run(&["plann"]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("similar subcommand") && said.err.contains("'plan'"), "{}", said.err);
}

#[tokio::test]
async fn the_checked_in_schema_is_the_one_of_the_types() {
    let said = place().run(&["schema"]).await;
    let checked_in = std::fs::read_to_string(root().join("docs/manifest.schema.json")).unwrap();
    assert!(said.out == checked_in, "docs/manifest.schema.json is stale: run `just schema`");
}

#[tokio::test]
async fn init_writes_a_manifest_that_works_and_overwrites_none() {
    let place = place();
    let path = root().join(format!("target/test-manifests/{}-init/first.toml", std::process::id())).display().to_string();
    let _ = std::fs::remove_file(&path);
    place.good(&["init", &path]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    let said = place.run(&["init", &path]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("an existing file is never overwritten"), "{}", said.err);
}

#[tokio::test]
async fn fmt_finds_nothing_to_do_in_our_own_manifests() {
    let said =
        place().run(&["fmt", "--check", &root().join("manifests").display().to_string(), &root().join("examples/first.toml").display().to_string()]).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.out);
}

#[tokio::test]
async fn a_path_that_is_not_there_says_so() {
    let said = place().run(&["validate", "no/such/file.toml"]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.starts_with("error: manifest `no/such/file.toml` can't be read") && said.err.contains("help: "), "{}", said.err);
}

#[tokio::test]
async fn apply_without_anybody_to_ask_is_an_error() {
    let said = place().run(&["apply", &root().join("examples/first.toml").display().to_string()]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("nobody is there to approve this plan") && said.err.contains("--auto-approve"), "{}", said.err);
}

#[tokio::test]
async fn completions_and_the_manual_page_are_written() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place().good(&["completions", shell]).await.contains("crossrole"), "{shell}");
    }
    assert!(place().good(&["man"]).await.contains(".TH crossrole"));
}

#[tokio::test]
async fn runner_policy_prints_what_a_runner_needs() {
    let text = place().good(&["runner-policy", &root().join("manifests/made-key.toml").display().to_string()]).await;
    insta::assert_snapshot!("runner_policy", text);
}

#[tokio::test]
async fn render_prints_the_policies_of_a_manifest() {
    let text = place().good(&["render", &root().join("manifests/log-analysts.toml").display().to_string()]).await;
    insta::assert_snapshot!("render", text);
}

#[tokio::test(start_paused = true)]
async fn plan_json_has_terraforms_shape() {
    let text = place().good(&["plan", "--json", &root().join("examples/first.toml").display().to_string()]).await;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["format_version"], "1.0");
    let role = value["resource_changes"].as_array().unwrap().iter().find(|c| c["type"] == "role").unwrap();
    assert_eq!(role["change"]["actions"], serde_json::json!(["create"]));
    assert!(role["change"]["before"].is_null() && role["change"]["after"]["trust_policy"].is_object());
}

/// What is new has no value from before.
#[tokio::test(start_paused = true)]
async fn the_path_of_a_new_role_is_added_and_none_is_said_where_it_is_the_usual_one() {
    let place = Place::new(Options::default());
    let role = |path: &str| {
        let text = format!(
            "name = \"pathed\"\n[trusting]\naccount = \"222222222222\"\n[roles.Pathed]\n{path}max_session = \"2h\"\n[[roles.Pathed.trust]]\nservice = \"ec2.amazonaws.com\"\n"
        );
        manifest("pathed", &text)
    };
    let said = place.good(&["plan", &role("path = \"/a/\"\n")]).await;
    assert!(said.contains("+ path: /a/\n") && said.contains("+ longest session: ") && !said.contains("~ path"), "{said}");
    let said = place.good(&["plan", &role("")]).await;
    assert!(!said.contains("path: "), "{said}");
    place.good(&["apply", "--auto-approve", "--quiet", &role("")]).await;
    let said = place.good(&["plan", &role("path = \"/a/\"\n")]).await;
    assert!(said.contains("~ path: / -> /a/"), "{said}");
}
