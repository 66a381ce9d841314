//! Sizes: what is too large is said, with numbers and advice, before anything is called; and nothing that never ends is read.

use std::fmt::Write as _;
use std::time::Instant;

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest, root};

const HEAD: &str = "name = \"big\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n";

async fn validate(name: &str, text: &str) -> crate::support::Said {
    Place::new(Options::default()).run(&["validate", &manifest(name, text)]).await
}

fn each(count: usize, row: impl Fn(usize) -> String) -> String {
    (0..count).map(row).collect()
}

#[tokio::test]
async fn what_is_over_a_quota_is_said_with_numbers_and_advice() {
    let trust = |count: usize| format!("{HEAD}[roles.R]\n{}", each(count, |n| format!("[[roles.R.trust]]\nuser = \"dev/a-user-{n:04}\"\n")));
    let callers = each(1_300, |n| format!("[roles.A-Role-Of-Many-{n:04}]\n[[roles.A-Role-Of-Many-{n:04}.trust]]\nuser = \"dev/ann\"\n"));
    let bucket = each(300, |n| format!("[[buckets.data-bucket.allow]]\nuser = \"dev/a-user-of-the-bucket-{n:04}\"\naccess = \"read\"\n"));
    let rows = [
        (trust(45), "the trust policy of role `R` has 2", "characters, over AWS's limit of 2048", "say `trust_policy = 4096` under `[quotas]`"),
        (trust(90), "the trust policy of role `R` has 4", "characters, over AWS's limit of 2048", "trust fewer principals"),
        (format!("{HEAD}{callers}"), "what user ann in account 111111111111 is given has 69", "over AWS's limit of 61440", "to another group or role"),
        (format!("{HEAD}[buckets.data-bucket]\n{bucket}"), "our part of the policy of bucket `data-bucket` has 3", "limit of 20480", "trust an account"),
    ];
    for (text, what, limit, advice) in rows {
        let said = validate("quota", &text).await;
        assert_eq!(said.exit, Exit::Failed);
        for part in [what, limit, advice] {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
    }
}

/// What AWS has raised is said in the settings, within what AWS raises it to.
#[tokio::test]
async fn a_raised_quota_is_counted_with() {
    let place = Place::new(Options::default());
    let settings = |text: &str| {
        let path = root().join(format!("target/test-manifests/{}-quotas.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let trust = each(60, |n| format!("[[roles.R.trust]]\nuser = \"dev/a-user-{n:04}\"\n"));
    let policies = each(15, |n| format!("  \"arn:aws:iam::aws:policy/Policy{n:02}\",\n"));
    let file = manifest("raised", &format!("{HEAD}[roles.R]\npolicies = [\n{policies}]\n{trust}"));
    let said = place.run(&["validate", &file]).await;
    assert!(said.err.contains("role `R` has 15 managed policies, over AWS's limit of 10") && said.err.contains("2 mistakes"), "{}", said.err);
    let raised = settings("[quotas]\ntrust_policy = 4096\npolicies_per_role = 20\n");
    for command in ["validate", "render", "plan"] {
        let said = place.run(&[command, "--config", &raised, &file]).await;
        assert!(!said.err.contains("over AWS's limit"), "{command}: {}", said.err);
    }
    for wrong in ["trust_policy = 5000", "policies_per_role = 5"] {
        let said = place.run(&["validate", "--config", &settings(&format!("[quotas]\n{wrong}\n")), &file]).await;
        assert_eq!(said.exit, Exit::Failed);
        assert!(said.err.contains("can't be") && said.err.contains("unless AWS has raised it"), "{}", said.err);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_never_ends_is_not_read() {
    let folder = root().join(format!("target/test-manifests/{}-endless", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("pipe").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let place = Place::new(Options::default());
    for file in [pipe.as_str(), "/dev/zero"] {
        let commands: &[&[&str]] = &[
            &["validate", file],
            &["validate", "--config", file],
            &["fmt", file],
            &["plan", file],
            &["apply", file],
            &["test", file],
            &["explain", "anonymous", "s3:GetObject", "b/k", "--resource-policy", file],
        ];
        for words in commands {
            let said = place.run(words).await;
            assert_eq!(said.exit, Exit::Failed, "{words:?}");
            assert!(said.err.contains("is no regular file, and may never end"), "{words:?}: {}", said.err);
        }
    }
    // Larger than what is read, and not read for that.
    let large = folder.join("large.toml");
    std::fs::File::create(&large).unwrap().set_len(50 << 30).unwrap();
    let said = place.run(&["validate", &large.display().to_string()]).await;
    assert!(said.err.contains("has 53,687,091,200 bytes, over 16,777,216\nhelp: split it into several manifests"), "{}", said.err);
}

#[tokio::test]
async fn nesting_is_bounded() {
    for text in ["[".repeat(10_000) + &"]".repeat(10_000), "{ a = ".repeat(10_000) + "1" + &"}".repeat(10_000)] {
        let said = validate("nested", &format!("{HEAD}x = {text}\n")).await;
        assert_eq!(said.exit, Exit::Failed);
        assert!(said.err.contains("nested too deeply") && said.err.len() < 2_000, "{}", said.err);
    }
    let said = validate("nested", &format!("{HEAD}[{}]\n", vec!["a"; 10_000].join("."))).await;
    assert!(said.exit == Exit::Failed && said.err.contains("nested too deeply"), "{}", said.err);
}

fn many(roles: usize) -> String {
    let mut text = HEAD.to_owned();
    for n in 0..roles {
        write!(
            text,
            "[roles.R{n}]\n[[roles.R{n}.trust]]\naccount = \"dev\"\n[[roles.R{n}.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::d/{n}/*\"\n"
        )
        .unwrap();
    }
    text
}

/// Each role has a finding: with the square of them, six times as many would take over twenty times as long.
#[tokio::test]
async fn time_grows_with_the_findings_and_not_with_their_square() {
    let place = Place::new(Options::default());
    let mut took = Vec::new();
    for roles in [1_000, 6_000] {
        let file = manifest(&format!("many-{roles}"), &many(roles));
        // The less of two: others use this machine too.
        let mut least = f64::MAX;
        for _ in 0..2 {
            let begun = Instant::now();
            let said = place.run(&["validate", "--format", "json", &file]).await;
            least = least.min(begun.elapsed().as_secs_f64());
            assert_eq!(said.exit, Exit::Clean, "{}", said.err);
        }
        took.push(least);
    }
    assert!(took[1] < took[0] * 15.0, "{took:?}");
}
