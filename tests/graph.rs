//! `graph`: who reaches what, of manifests, live accounts and plans; and the page that a plan is written as.

use std::collections::BTreeSet;
use std::fs;

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::fleet::team;
use crate::support::{Place, crew, manifest, root, scenario};

const DEV: &str = "111111111111";

fn folder(name: &str) -> String {
    let path = root().join(format!("target/test-manifests/{}-graph-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path.display().to_string()
}

/// Offline: no `--sandbox`, and no AWS that would answer.
#[tokio::test(start_paused = true)]
async fn manifests_as_mermaid() {
    let place = Place::new(Options::default());
    for name in ["log-analysts", "encrypted-exchange", "guarded-partner", "github-actions", "permission-set", "direct-bucket-access"] {
        insta::assert_snapshot!(format!("mermaid-{name}"), place.good(&["graph", &scenario(name)]).await);
    }
    let all = root().join("manifests").display().to_string();
    insta::assert_snapshot!("mermaid-folder", place.good(&["graph", &all]).await);
}

#[tokio::test(start_paused = true)]
async fn manifests_in_every_other_form() {
    let place = Place::new(Options::default());
    for (format, name) in [("dot", "encrypted-exchange"), ("dot", "guarded-partner"), ("svg", "log-analysts"), ("svg", "lambda-service"), ("html", "prod-data")]
    {
        insta::assert_snapshot!(format!("{format}-{name}"), place.good(&["graph", "--format", format, &scenario(name)]).await);
    }
}

/// Gained, lost, and what stays as it is beside them.
#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_is_gained_and_lost_and_what_stays_beside_it() {
    let place = Place::with_bucket("crew-bucket").await;
    let role = |access: &str, mfa: &str| {
        format!(
            "[buckets.crew-bucket]\n[roles.Deckhand]\n[[roles.Deckhand.trust]]\ngroup = \"dev/Crew\"\n{mfa}\
             [[roles.Deckhand.allow]]\nbucket = \"crew-bucket\"\naccess = {access}\n"
        )
    };
    let file = manifest("graph-plan", &crew("graph-plan", &role("[\"list\", \"get\", \"put\"]", "")));
    insta::assert_snapshot!("plan-new", place.good(&["graph", "--from", "plan", "--sandbox", &file]).await);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    insta::assert_snapshot!("plan-of-nothing", place.good(&["graph", "--from", "plan", "--sandbox", &file]).await);
    let file = manifest("graph-plan", &crew("graph-plan", &role("[\"list\", \"get\", \"delete\"]", "mfa = true\n")));
    let said = place.run(&["plan", &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let mermaid = place.good(&["graph", "--from", "plan", "--sandbox", &file]).await;
    insta::assert_snapshot!("plan-changed", mermaid);
    insta::assert_snapshot!("plan-changed-svg", place.good(&["graph", "--from", "plan", "--sandbox", "--format", "svg", &file]).await);
    for (arrow, symbol) in [("==>", "#43; "), ("-.->", "#45; "), ("-->", "")] {
        assert!(mermaid.lines().any(|line| line.contains(&format!(" {arrow}|\"{symbol}"))), "{arrow}: {mermaid}");
    }
    // What was saved says what changes, and nothing else; the manifests are not needed any more.
    let saved = format!("{}/plan.json", folder("saved"));
    place.good(&["plan", "--out", &saved, &file]).await;
    let of_saved = place.good(&["graph", &saved]).await;
    insta::assert_snapshot!("plan-saved", of_saved);
    let changes = |text: &str| {
        text.lines()
            .filter(|line| line.contains("==>") || line.contains("-.->"))
            .filter_map(|line| line.split('"').nth(1))
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(changes(&of_saved), changes(&mermaid), "the same changes");
    let said = place.run(&["graph", &saved, "--from", "live", "--sandbox"]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("a saved plan is drawn as it was saved"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn live_accounts_as_they_were_read() {
    let place = Place::with_bucket("log-bucket").await;
    place.iam(DEV, "CreateGroup", &[("GroupName", "Log-Analysts")]).await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let file = scenario("log-analysts");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    // Another hand.
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("222222222222", "CreateRole", &[("RoleName", "Backdoor"), ("AssumeRolePolicyDocument", trust)]).await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let text = place.good(&["graph", "--from", "live", "--sandbox", &file]).await;
    insta::assert_snapshot!("live", text);
    assert!(text.contains("999999999999") && text.contains("role Backdoor"), "what nobody declared is drawn as well: {text}");
    assert!(!place.good(&["graph", &file]).await.contains("Backdoor"));
}

/// What could not be read is drawn, and is not to be taken for nothing.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_drawn_as_that() {
    let place = Place::with_bucket("log-bucket").await;
    let file = scenario("log-analysts");
    for (operation, expected) in [
        ("GetCallerIdentity", &["account 111111111111<br/>could not be read", "account 222222222222<br/>could not be read"][..]),
        ("GetBucketPolicy", &["bucket log-bucket<br/>could not be read"]),
    ] {
        place.sandbox.set_faults(Some(std::sync::Arc::new(crate::errors::Always(operation, crossrole_sandbox::Fault::Refuse("AccessDenied")))));
        for from in ["live", "plan"] {
            let text = place.good(&["graph", "--from", from, "--sandbox", &file]).await;
            for label in expected {
                assert!(text.contains(label), "{operation}, {from}: {text}");
            }
            assert!(text.contains("could not be read#58; "), "{operation}, {from}: {text}");
            let page = place.good(&["graph", "--from", from, "--sandbox", "--format", "html", &file]).await;
            assert!(page.contains("<h2>Could not be read</h2>") && page.contains("AccessDenied"), "{operation}, {from}: {page}");
        }
        let saved = format!("{}/plan.json", folder("unread"));
        let said = place.run(&["plan", "--out", &saved, &file]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.err);
        let text = place.good(&["graph", &saved]).await;
        assert!(text.contains("could not be read#58; "), "{operation}: {text}");
    }
}

/// Two hundred teams over fifty accounts: what is alike is drawn once, in bounded size.
#[tokio::test(start_paused = true)]
async fn a_large_estate_is_folded() {
    let place = Place::new(Options::default());
    let folder = folder("fleet");
    for index in 0..200 {
        fs::write(format!("{folder}/team-{index:03}.toml"), team(index, 50, index % 2 == 0)).unwrap();
    }
    for (format, most) in [("mermaid", 50_000), ("dot", 200_000), ("svg", 500_000), ("html", 2_000_000)] {
        let text = place.good(&["graph", "--format", format, &folder]).await;
        assert!(text.len() < most, "{format}: {}", text.len());
        if format == "mermaid" {
            insta::assert_snapshot!("mermaid-fleet", text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_picture_goes_to_a_file_and_never_over_a_manifest() {
    let place = Place::new(Options::default());
    let file = manifest("graph-out", &fs::read_to_string(scenario("log-analysts")).unwrap());
    let out = format!("{}/access.svg", folder("picture"));
    assert_eq!(place.good(&["graph", "--format", "svg", "--out", &out, &file]).await, "");
    assert_eq!(fs::read_to_string(&out).unwrap(), place.good(&["graph", "--format", "svg", &file]).await);
    for (to, expected) in [(file.as_str(), "written over a manifest"), ("/none/such/access.svg", "can't be written")] {
        let said = place.run(&["graph", "--out", to, &file]).await;
        assert!(said.exit == Exit::Failed && said.err.contains(expected), "{}", said.err);
    }
}

/// The page says what the comment says, with the picture; whatever else the run prints.
#[tokio::test(start_paused = true)]
async fn a_plan_is_written_as_a_page() {
    let place = Place::with_bucket("shared-bucket").await;
    for user in ["reader", "auditor"] {
        place.iam(DEV, "CreateUser", &[("UserName", user)]).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let page = format!("{}/plan.html", folder("page"));
    let file = scenario("shared-bucket-read");
    let printed = place.good(&["plan", &file, &format!("--report=html={page}")]).await;
    assert_eq!(printed, place.good(&["plan", &file]).await, "what is printed is the same");
    let text = fs::read_to_string(&page).unwrap();
    insta::assert_snapshot!("page", text);
    let place_of = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in {text}"));
    let order = ["<h1>crossrole: shared-bucket-read", "class=\"warning\"", "Who gains, who loses", "<svg", "What changes", "<details>", "Read with"];
    assert!(order.map(place_of).is_sorted(), "warnings first, then who gains, then the picture, then the changes");
    place.good(&["apply", "--auto-approve", &file, &format!("--report=html={page}")]).await;
    assert_eq!(fs::read_to_string(&page).unwrap(), text, "what is applied is what was planned");
    place.good(&["plan", &file, &format!("--report=html={page}")]).await;
    insta::assert_snapshot!("page-of-nothing", fs::read_to_string(&page).unwrap());
}
