//! `crossrole.toml`: all that is wrong with it at once, each where it stands.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest, root};

const ROLE: &str = r#"name = "settled"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[roles.Settled]
[[roles.Settled.trust]]
user = "dev/ann"
external_id = "settled-1"
"#;

/// The files of one place: its settings, and others beside them.
fn folder(name: &str, files: &[(&str, &str)]) -> String {
    let folder = root().join(format!("target/test-manifests/{}-settings-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        std::fs::write(folder.join(file), text).unwrap();
    }
    folder.display().to_string()
}

/// A mistake of each table, and of each kind.
const WRONG: &str = r#"colour = "red"

[accounts.dev]
profle = "dev"
external_id = "the secret"
role_arn = "arn:aws:iam::111111111111:user/x"

[accounts."222222222222"]
service_control = [[], 7]

[defaults]
concurrency = 0
concurency_total = 5
timeout = "1h"
role_name = "a b"

[quotas]
trust_policy = 5000

[guardrails]
trusted_accounts = ["1111"]
forbidden_actions = ["iam:PasRole"]
[[guardrails.roles]]
select = "role/Prod*"
mfa = "yes"

[identity_center]
instance = "ssoins-1"
account = "dev"

[lock]
bucket = "Not A Bucket"
region = "mars"

[[verify.principals]]
name = "dev/user/Deploy"

[audit]
unused_days = 0
regions = ["moon"]
own_organizations = ["o-1"]
[[audit.suppress]]
rule = "anyon"
object = "role/X"
reason = " "
expires = 2027-01-01T10:00:00Z
"#;

#[tokio::test(start_paused = true)]
async fn mistakes_in_settings_are_told_at_once_with_their_places() {
    let place = Place::new(Options::default());
    let folder = folder("all", &[("crossrole.toml", WRONG), ("m.toml", ROLE)]);
    let words = ["--config".to_owned(), format!("{folder}/crossrole.toml"), format!("{folder}/m.toml")];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let plain = |text: &str| text.replace(&folder, "ROOT");
    let said = place.run(&[&["plan"], &words[..]].concat()).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.err);
    assert!(!said.err.contains("the secret"), "{}", said.err);
    insta::assert_snapshot!("settings_mistakes", plain(&said.err));
    // Those of `validate` go where its other findings go.
    let validated = place.run(&[&["validate"], &words[..]].concat()).await;
    assert_eq!((validated.exit, plain(&validated.err).trim_end()), (Exit::Failed, plain(&said.err).replace(" found\n", " found.").trim_end_matches('.')));
    let said = place.run(&[&["validate", "--format", "json"], &words[..]].concat()).await;
    let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let first = &found["findings"][0];
    assert!(said.exit == Exit::Failed && first["message"] == "unknown key `colour`" && first["line"] == 1, "{found:#}");
}

/// An entry for nobody is one that somebody meant for an account: that is then reached otherwise.
#[tokio::test(start_paused = true)]
async fn an_account_that_nobody_knows_is_named() {
    let place = Place::new(Options::default());
    let listed = "[accounts.shop]\nid = \"444444444444\"\n";
    for (key, message, advice) in [
        ("22222222222", "`22222222222` is neither an account id nor", "did you mean `222222222222`?"),
        ("7", "`7` is neither an account id nor", "an account id has exactly 12 digits"),
        ("deev", "`deev` is neither an account id nor", "did you mean `dev`?"),
        ("shpo", "`shpo` is neither an account id nor", "did you mean `shop`?"),
        ("zzz", "`zzz` is neither an account id nor", "or the label in the manifest"),
        ("dev", "", ""),
        ("shop", "", ""),
        ("555555555555", "", ""),
    ] {
        let settings = format!("[accounts.\"{key}\"]\nprofile = \"p\"\n");
        let folder = folder("stranger", &[("crossrole.toml", &settings), ("accounts.toml", listed), ("m.toml", ROLE)]);
        for command in ["validate", "plan"] {
            let said = place.run(&[command, "--config", &format!("{folder}/crossrole.toml"), &format!("{folder}/m.toml")]).await;
            if message.is_empty() {
                assert!(!said.err.contains("neither") && !said.err.contains("mistake"), "{key}: {}", said.err);
                continue;
            }
            // A label may be that of a manifest which is not looked at now.
            let exit = if command == "validate" && !key.starts_with(|c: char| c.is_ascii_digit()) { Exit::Clean } else { Exit::Failed };
            assert!(said.exit == exit && said.err.contains(message) && said.err.contains(advice), "{command} {key}: {}", said.err);
            assert!(said.err.contains("crossrole.toml:1:11") && said.err.contains(&format!("[accounts.\"{key}\"]")), "{command} {key}: {}", said.err);
        }
    }
    // What two accounts are called is no other manifest's label.
    let two = ROLE.replace("settled\"", "second\"").replace("Settled", "Second").replace("111111111111", "555555555555");
    let twice = folder("twice", &[("crossrole.toml", "[accounts.dev]\nprofile = \"p\"\n"), ("m.toml", ROLE), ("n.toml", &two)]);
    for command in ["validate", "plan"] {
        let said = place.run(&[command, "--config", &format!("{twice}/crossrole.toml"), &twice]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("`dev` is the label of several accounts"), "{command}: {}", said.err);
    }
    // All of them at once.
    let folder = folder("strangers", &[("crossrole.toml", "[accounts.a]\n[accounts.b]\n[accounts.dev]\n[accounts.\"111111111111\"]\n"), ("m.toml", ROLE)]);
    let said = place.run(&["plan", "--config", &format!("{folder}/crossrole.toml"), &format!("{folder}/m.toml")]).await;
    assert!(said.err.contains("3 mistakes found") && said.err.contains("are one account"), "{}", said.err);
}

/// Settings beside the manifests of a run that takes others hold nothing up, and are not passed over in silence.
#[tokio::test(start_paused = true)]
async fn settings_that_are_not_read_are_named() {
    let place = Place::new(Options::default());
    let folder = folder("beside", &[("crossrole.toml", "[guardrails]\nforbidden_actions = [\"s3:*\"]\n"), ("m.toml", ROLE)]);
    let warning = format!("warning: `{folder}/crossrole.toml` stands beside manifests and is not read");
    for command in ["validate", "plan"] {
        let said = place.run(&[command, &format!("{folder}/m.toml")]).await;
        assert!(said.err.contains(&warning), "{command}: {}", said.err);
        let said = place.run(&[command, "--config", &format!("{folder}/crossrole.toml"), &format!("{folder}/m.toml")]).await;
        assert!(!said.err.contains("is not read"), "{command}: {}", said.err);
    }
}

/// Whose credentials are at hand is asked when something is proven; that the name is nobody's is known before.
#[tokio::test(start_paused = true)]
async fn a_principal_at_hand_whom_nobody_knows_is_a_warning() {
    let place = Place::new(Options::default());
    let file = manifest("settings-hand-role", ROLE);
    for (name, known) in [("dev/user/ann", true), ("dve/user/ann", false), ("ann", false)] {
        let folder = folder("hand", &[("crossrole.toml", &format!("[[verify.principals]]\nname = \"{name}\"\nprofile = \"p\"\n"))]);
        let said = place.run(&["validate", "--config", &format!("{folder}/crossrole.toml"), &file]).await;
        assert_eq!(said.exit, Exit::Clean, "{}", said.err);
        let warned = said.err.contains(&format!("warning: `{name}` is no principal")) && said.err.contains("crossrole.toml:2:8");
        assert_eq!(warned, !known, "{name}: {}", said.err);
    }
}

/// A level without policies would bind nothing.
#[tokio::test(start_paused = true)]
async fn a_level_of_the_directory_that_names_none_is_placed() {
    let place = Place::new(Options::default());
    let listed = "[accounts.shop]\nid = \"444444444444\"\nservice_control = [[\"a.json\"], []]\n";
    let folder = folder("level", &[("crossrole.toml", ""), ("accounts.toml", listed), ("m.toml", ROLE)]);
    for command in ["validate", "plan"] {
        let said = place.run(&[command, "--config", &format!("{folder}/crossrole.toml"), &format!("{folder}/m.toml")]).await;
        assert!(
            said.exit == Exit::Failed && said.err.contains("a level of control policies names none") && said.err.contains("accounts.toml:3:32"),
            "{}",
            said.err
        );
    }
}
