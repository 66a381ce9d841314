//! Approvals of widenings: bound to who gains what, on what and when, and to nothing else.

use std::path::PathBuf;

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, root};

const MANIFEST: &str = r#"name = "approved"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.dev.users.ann]
[trusted.dev.users.bob]

[roles.Reader]

[[roles.Reader.trust]]
user = "dev/ann"
external_id = "c0ffee-c0ffee"

[[roles.Reader.allow]]
actions = ["s3:GetObject", "s3:GetObjectVersion"]
resources = "arn:aws:s3:::reports/*"
"#;

/// A folder with settings, a manifest and, later, approvals.
struct Repository {
    place: Place,
    folder: PathBuf,
}

impl Repository {
    fn new(test: &str) -> Self {
        let folder = root().join("target/test-manifests").join(format!("{}-approvals-{test}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let repository = Self { place: Place::new(Options::default()), folder };
        repository.write("crossrole.toml", "");
        repository.write("access.toml", MANIFEST);
        repository
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    async fn run(&self, command: &[&str]) -> crate::support::Said {
        let (config, manifest) = (self.path("crossrole.toml"), self.path("access.toml"));
        let mut said = self.place.run(&[command, &["--config", &config, &manifest]].concat()).await;
        let here = format!("{}/", self.folder.display());
        (said.out, said.err) = (said.out.replace(&here, ""), said.err.replace(&here, ""));
        said
    }

    /// The entries that a refused plan prints, as somebody would commit them.
    async fn entries(&self, flags: &[&str]) -> String {
        let said = self.run(&[&["plan"], flags].concat()).await;
        assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
        let lines = said.err.lines().skip_while(|line| !line.starts_with("refused: ")).skip(1).take_while(|line| line.starts_with("  ") || line.is_empty());
        lines.map(|line| format!("{}\n", line.trim_start())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_widening_is_applied_once_it_is_approved() {
    let repository = Repository::new("loop");
    for command in [&["plan", "--deny-widening"][..], &["apply", "--auto-approve", "--deny-widening"]] {
        assert_eq!(repository.run(command).await.exit, Exit::Refused);
    }
    let entries = repository.entries(&["--deny-widening"]).await;
    insta::assert_snapshot!("approval_entries", entries);
    repository.write("approvals/first.toml", &entries);
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert_eq!(said.exit, Exit::Failed, "an entry as it is printed has no reason yet");
    assert!(said.err.contains("an approval without a reason"), "{}", said.err);
    repository.write("approvals/first.toml", &entries.replace("reason = \"\"", "reason = \"reports for ann, asked for in PLAT-12\""));
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    assert!(said.err.contains("approved: ") && said.err.contains("`approvals/first.toml`, line 2: reports for ann, asked for in PLAT-12"), "{}", said.err);
    let said = repository.run(&["apply", "--auto-approve", "--quiet", "--deny-widening"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert_eq!(said.exit, Exit::Clean);
    assert!(said.err.contains("warning: nothing in this plan is what `approvals/first.toml`, line 2 approves as "), "{}", said.err);
}

/// One entry, moved in each direction that an access can differ in: it approves none of them.
#[tokio::test(start_paused = true)]
async fn an_approval_is_of_nothing_else() {
    let repository = Repository::new("bound");
    let entries = repository.entries(&["--deny-widening"]).await.replace("reason = \"\"", "reason = \"meant\"");
    repository.write("approvals/all.toml", &entries);
    assert_eq!(repository.run(&["plan", "--deny-widening"]).await.exit, Exit::Clean);
    for (what, from, to) in [
        ("another principal", "user = \"dev/ann\"", "user = \"dev/bob\""),
        ("another account", "\"111111111111\"", "\"333333333333\""),
        ("the account of the role", "\"222222222222\"", "\"444444444444\""),
        ("one more action", "\"s3:GetObjectVersion\"]", "\"s3:GetObjectVersion\", \"s3:PutObject\"]"),
        ("another action", "\"s3:GetObjectVersion\"", "\"s3:DeleteObject\""),
        ("another resource", "reports/*", "report*"),
        ("a condition less", "external_id = \"c0ffee-c0ffee\"\n", ""),
        ("another value of a condition", "c0ffee-c0ffee", "c0ffee-c0ffef"),
        ("another role", "Reader", "Leader"),
        ("one more principal", "[roles.Reader]\n", "[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/bob\"\n"),
    ] {
        let changed = MANIFEST.replace(from, to);
        assert_ne!(changed, MANIFEST, "{what}");
        repository.write("access.toml", &changed);
        let said = repository.run(&["plan", "--deny-widening"]).await;
        assert_eq!(said.exit, Exit::Refused, "{what}: {}{}", said.out, said.err);
    }
    // What is no part of who gains what: order, words, and how long sessions are.
    for (what, from, to) in [
        ("the order of actions", "\"s3:GetObject\", \"s3:GetObjectVersion\"", "\"s3:GetObjectVersion\", \"s3:GetObject\""),
        ("a description", "[roles.Reader]\n", "[roles.Reader]\ndescription = \"reads\"\nmax_session = \"2h\"\n"),
        ("the name of the manifest", "name = \"approved\"", "name = \"renamed\""),
    ] {
        let changed = MANIFEST.replace(from, to);
        assert_ne!(changed, MANIFEST, "{what}");
        repository.write("access.toml", &changed);
        let said = repository.run(&["plan", "--deny-widening"]).await;
        assert_eq!(said.exit, Exit::Clean, "{what}: {}{}", said.out, said.err);
    }
}

#[tokio::test(start_paused = true)]
async fn selected_widenings_need_approvals_and_others_do_not() {
    let repository = Repository::new("selected");
    let all = repository.entries(&["--deny-widening"]).await;
    let some = repository.entries(&["--deny-widening=action=sts:AssumeRole"]).await;
    assert!(some.matches("[[approval]]").count() < all.matches("[[approval]]").count() && some.contains("sts:AssumeRole"), "{some}\n{all}");
    repository.write("approvals/some.toml", &some.replace("reason = \"\"", "reason = \"meant\""));
    assert_eq!(repository.run(&["plan", "--deny-widening=action=sts:AssumeRole"]).await.exit, Exit::Clean);
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert_eq!(said.exit, Exit::Refused);
    assert!(said.err.contains("approved: "), "what is approved is said beside what is not: {}", said.err);
    // Nobody has asked for approvals: none is read, and a mistake in one stops nothing.
    repository.write("approvals/some.toml", "nonsense");
    assert_eq!(repository.run(&["plan"]).await.exit, Exit::Clean);
}

#[tokio::test(start_paused = true)]
async fn an_approval_ends_when_its_day_begins() {
    let repository = Repository::new("expires");
    let entries = repository.entries(&["--deny-widening"]).await;
    let until = |day: &str| entries.replace("reason = \"\"", &format!("reason = \"for a while\"\nexpires = {day}"));
    repository.write("approvals/a.toml", &until("2999-12-31"));
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert!(said.exit == Exit::Clean && said.err.contains("until 2999-12-31: for a while"), "{}", said.err);
    repository.write("approvals/a.toml", &until("2020-02-29"));
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert!(said.exit == Exit::Refused && said.err.contains("`approvals/a.toml`, line 2 ended when 2020-02-29 began"), "{}", said.err);
    // Another entry that still holds is enough.
    repository.write("approvals/b.toml", &until("2999-12-31"));
    assert_eq!(repository.run(&["plan", "--deny-widening"]).await.exit, Exit::Clean);
}

/// All mistakes in all files at once, each with its place; and a folder that is named has to be there.
#[tokio::test(start_paused = true)]
async fn mistakes_in_approvals_are_told_at_once() {
    let repository = Repository::new("mistakes");
    let good = "0123456789abcdef0123456789abcdef";
    repository.write("approvals/a.toml", &format!("[[approval]]\nwidenings = [\"{good}\", \"0123\", \"{}\"]\nreason = \" \"\n", good.to_uppercase()));
    repository.write("approvals/b.toml", &format!("[[approval]]\nwidenings = []\nreason = \"x\"\nexpires = 10:00:00\n\n[[approval]]\nwidenings = [\"{good}\"]\nreason = \"x\"\nexpires = 2027-02-28T10:00:00Z\n"));
    repository.write("approvals/c.toml", "[[approvals]]\n");
    repository.write("approvals/d.toml", &format!("[[approval]]\nwidenings = [\"{good}\"]\nreason = \"x\"\nuntil = 2027-01-01\n"));
    repository.write("approvals/README.md", "no approvals");
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.err);
    insta::assert_snapshot!("approval_mistakes", said.err);
    let said = repository.run(&["plan", "--deny-widening", "--approvals", &repository.path("none")]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("folder of approvals `none` can't be read"), "{}", said.err);
    let said = repository.run(&["plan", "--approvals", &repository.path("none")]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("--deny-widening"), "{}", said.err);
}

/// Nobody has said what may be gained where it is not decided: an approval of it is of this plan, and of no other.
#[tokio::test(start_paused = true)]
async fn what_is_not_decided_is_approved_with_its_plan() {
    let repository = Repository::new("undecided");
    let text = |audiences: &str| {
        format!(
            "name = \"o\"\n[trusting]\naccount = \"222222222222\"\n[oidc_providers.ci]\nurl = \"https://ci.example.com\"\nclient_ids = [{audiences}]\n[roles.R]\n[[roles.R.trust]]\noidc = \"ci\"\naudience = \"a\"\nsubject = \"x\"\n"
        )
    };
    repository.write("access.toml", &text("\"a\""));
    assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    repository.write("access.toml", &text("\"a\", \"b\""));
    let entries = repository.entries(&["--deny-widening"]).await;
    repository.write("approvals/b.toml", &entries.replace("reason = \"\"", "reason = \"meant\""));
    assert_eq!(repository.run(&["plan", "--deny-widening"]).await.exit, Exit::Clean);
    repository.write("access.toml", &text("\"a\", \"evil\""));
    let said = repository.run(&["plan", "--deny-widening"]).await;
    assert!(said.exit == Exit::Refused && said.err.contains("not decided"), "{}", said.err);
}

/// Others that are left out without their names make two widenings with one sentence, and never with one digest.
#[tokio::test(start_paused = true)]
async fn what_is_left_out_by_number_is_told_apart() {
    let repository = Repository::new("counted");
    let text = |denied: [&str; 4]| {
        let denied: Vec<String> = denied.iter().map(|name| format!("\"arn:aws:s3:::data-{name}/*\"")).collect();
        let buckets: String = ["1", "2", "3", "4", "5", "6", "7", "8"].iter().map(|name| format!("[buckets.data-{name}]\ncreate = true\n")).collect();
        format!(
            "name = \"c\"\n[trusting]\naccount = \"222222222222\"\n{buckets}[roles.R]\n[[roles.R.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.R.statement]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::data-*/*\"\n[[roles.R.statement]]\neffect = \"Deny\"\nactions = \"s3:GetObject\"\nresources = [{}]\n",
            denied.join(", ")
        )
    };
    repository.write("access.toml", &text(["1", "2", "3", "4"]));
    let entries = repository.entries(&["--deny-widening"]).await;
    repository.write("approvals/c.toml", &entries.replace("reason = \"\"", "reason = \"meant\""));
    assert_eq!(repository.run(&["plan", "--deny-widening"]).await.exit, Exit::Clean);
    repository.write("access.toml", &text(["a", "b", "c", "d"]));
    assert_eq!(repository.run(&["plan", "--deny-widening"]).await.exit, Exit::Refused);
}

/// What machines read: each widening with its digest, and what came of the approvals.
#[tokio::test(start_paused = true)]
async fn the_json_has_digests_and_approvals() {
    let repository = Repository::new("json");
    let entries = repository.entries(&["--deny-widening=action=sts:AssumeRole"]).await;
    repository.write("approvals/some.toml", &entries.replace("reason = \"\"", "reason = \"meant\""));
    let said = repository.run(&["plan", "--json", "--deny-widening"]).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let digests: Vec<&str> = value["access"]["changes"].as_array().unwrap().iter().map(|change| change["digest"].as_str().unwrap()).collect();
    let (approved, open) = (&value["approvals"]["approved"], &value["approvals"]["open"]);
    assert!(approved.as_array().unwrap().iter().all(|one| digests.contains(&one["widening"].as_str().unwrap()) && one["reason"] == "meant"), "{approved:#}");
    let open: Vec<&str> = open.as_array().unwrap().iter().flat_map(|one| one["widenings"].as_array().unwrap()).map(|d| d.as_str().unwrap()).collect();
    assert_eq!(open.len() + approved.as_array().unwrap().len(), digests.len());
    let said = repository.run(&["plan", "--json"]).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(value.get("approvals").is_none(), "nobody asked");
}
