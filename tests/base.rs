//! `--base`: somebody's hand and this change, told apart by what a commit says.

use std::path::PathBuf;
use std::process::Command;

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::Value;

use crate::support::{Closed, Place, Said, root};

pub(crate) const MANIFEST: &str = r#"name = "based"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.dev.users.ann]

[roles.Reader]
description = "reads"
max_session = "1h"

[[roles.Reader.trust]]
user = "dev/ann"

[[roles.Reader.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::reports/*"

[roles.Writer]

[[roles.Writer.trust]]
user = "dev/ann"
"#;

/// A git repository with manifests, and an embedded AWS.
pub(crate) struct Repository {
    place: Place,
    folder: PathBuf,
}

impl Repository {
    pub(crate) async fn new(test: &str) -> Self {
        let folder = root().join("target/test-manifests").join(format!("{}-base-{test}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("access")).unwrap();
        let repository = Self { place: Place::new(Options::default()), folder };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.write("crossrole.toml", "");
        repository.write("access/based.toml", MANIFEST);
        repository.commit("first");
        let said = repository.run(&["apply", "--auto-approve", "--quiet"]).await;
        assert_eq!(said.exit, Exit::Clean, "{}", said.err);
        repository
    }

    fn git(&self, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]).args(words);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn commit(&self, what: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", what]);
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    pub(crate) async fn run(&self, words: &[&str]) -> Said {
        let (config, access) = (self.path("crossrole.toml"), self.path("access"));
        let mut said = self.place.run(&[words, &["--config", &config, &access]].concat()).await;
        let (here, id) = (format!("{}/", self.folder.display()), self.git(&["rev-parse", "HEAD"]));
        for text in [&mut said.out, &mut said.err] {
            *text = text.replace(&here, "").replace(&format!("({})", &id[..12]), "(0123456789ab)");
        }
        said
    }

    async fn text(&self) -> String {
        let said = self.run(&["plan", "--base", "HEAD"]).await;
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
        said.out
    }

    pub(crate) async fn json(&self, flags: &[&str]) -> Value {
        let said = self.run(&[&["plan", "--json"], flags].concat()).await;
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}{}", said.out, said.err))
    }

    /// What somebody does by hand.
    pub(crate) async fn hand(&self, action: &str, parameters: &[(&str, &str)]) {
        self.place.iam("222222222222", action, parameters).await;
    }

    pub(crate) async fn send(&self, method: &str, path: &str, query: &str, body: &str) {
        let (status, said) = self.place.s3("222222222222", method, path, query, body).await;
        assert!(status < 300, "{method} {path}: {said}");
    }

    /// The policy of the key `data`.
    pub(crate) async fn key_policy(&self, policy: &str) {
        let id = crate::drift::key_of(&self.place).await;
        crate::drift::kms(&self.place, "PutKeyPolicy", &serde_json::json!({ "KeyId": id, "PolicyName": "default", "Policy": policy })).await;
    }

    async fn describe(&self, role: &str, text: &str) {
        self.hand("UpdateRole", &[("RoleName", role), ("Description", text)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn drift_and_this_change_have_sections_of_their_own() {
    let repository = Repository::new("sections").await;
    repository.describe("Writer", "by hand").await;
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:root"},"Action":"sts:AssumeRole"}]}"#;
    repository.hand("UpdateAssumeRolePolicy", &[("RoleName", "Writer"), ("PolicyDocument", open)]).await;
    repository.write("access/based.toml", &MANIFEST.replace("max_session = \"1h\"", "max_session = \"2h\""));
    insta::assert_snapshot!("base_sections", repository.text().await);
}

/// One object with both: its part that somebody changed, and its part that the manifest changes.
#[tokio::test(start_paused = true)]
async fn one_object_may_be_of_both() {
    let repository = Repository::new("both").await;
    repository.describe("Reader", "by hand").await;
    repository.write("access/based.toml", &MANIFEST.replace("max_session = \"1h\"", "max_session = \"2h\""));
    insta::assert_snapshot!("base_both", repository.text().await);
}

/// The manifest takes up what somebody did: nothing is planned, and it is still this change.
#[tokio::test(start_paused = true)]
async fn drift_that_is_taken_up_is_this_change() {
    let repository = Repository::new("taken-up").await;
    repository.describe("Reader", "by hand").await;
    repository.write("access/based.toml", &MANIFEST.replace("\"reads\"", "\"by hand\""));
    insta::assert_snapshot!("base_taken_up", repository.text().await);
}

#[tokio::test(start_paused = true)]
async fn without_drift_all_of_it_is_this_change() {
    let repository = Repository::new("none").await;
    let said = repository.text().await;
    assert!(said.contains("Drift: what is live is what HEAD (0123456789ab) says.") && said.contains("This change: the manifests say what HEAD"), "{said}");
    repository.write("access/more.toml", &MANIFEST.replace("based", "more").replace("Reader", "Other").replace("Writer", "Another"));
    let json = repository.json(&["--base", "HEAD"]).await;
    assert_eq!(json["base"]["drift"], serde_json::json!([]));
    // The calls are the plan's.
    let said = |list: &Value| list.as_array().unwrap().iter().map(|c| (c["address"].clone(), c["change"].clone())).collect::<Vec<_>>();
    assert_eq!(said(&json["base"]["change"]), said(&json["resource_changes"]));
    assert_eq!(json["base"]["commit"], repository.git(&["rev-parse", "HEAD"]));
}

/// What was made in an account stays where its table goes: that is said by what is live, and by the commit once nothing live names it.
#[tokio::test(start_paused = true)]
async fn an_account_that_is_named_no_more_is_said() {
    let repository = Repository::new("unnamed").await;
    let here = MANIFEST.replace("[trusted.dev]\naccount = \"111111111111\"\n\n[trusted.dev.users.ann]\n", "");
    repository.write("access/based.toml", &here.replace("user = \"dev/ann\"", "service = \"ec2.amazonaws.com\""));
    let note = |label: &str| format!("note: account 111111111111 ({label}): what is live lets it in, or it was named, and no manifest names it any more");
    for (words, label, live) in [(["--base", "HEAD"].as_slice(), "dev", true), (&[], "not named", true), (&["--base", "HEAD"], "dev", false)] {
        let said = repository.run(&[&["plan"], words].concat()).await;
        assert!(said.exit == Exit::Clean && said.out.matches(&note(label)).count() == 1, "{words:?}: {}", said.out);
        if live && words.is_empty() {
            assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
        }
    }
    // Nothing is left that names it, and the user stays.
    let said = repository.run(&["plan"]).await;
    assert!(said.out.starts_with("No changes."), "{}", said.out);
    assert!(repository.place.iam("111111111111", "GetUser", &[("UserName", "ann")]).await.contains("<Arn>"));
}

/// What an account is declared by may come and go with files: what is left behind is named.
/// Of a key or a bucket that nothing of ours names, a plan finds no statement: the commit that still names it does.
#[tokio::test(start_paused = true)]
async fn a_key_or_a_bucket_that_is_named_no_more_is_said() {
    let repository = Repository::new("left").await;
    let key = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    assert!(repository.place.sandbox.add_key(key));
    assert_eq!(repository.place.s3("222222222222", "PUT", "/left-bucket", "", "").await.0, 200);
    let grants = format!(
        "{MANIFEST}[keys.data]\narn = \"{key}\"\n[[keys.data.allow]]\nprincipal = \"arn:aws:iam::444444444444:root\"\naccess = \"decrypt\"\n[buckets.left-bucket]\n[[buckets.left-bucket.allow]]\naccount = \"dev\"\naccess = \"get\"\n"
    );
    repository.write("access/based.toml", &grants);
    repository.commit("grants");
    assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    let left = |plan: &Value| plan["base"]["left"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(left(&repository.json(&["--base", "HEAD"]).await), Vec::<String>::new());
    repository.write("access/based.toml", MANIFEST);
    let said = repository.json(&["--base", "HEAD"]).await;
    let expected = ["222222222222/bucket-policy/left-bucket", "222222222222/key-policy/us-east-1/1234abcd-12ab-34cd-56ef-1234567890ab"];
    assert_eq!(left(&said), expected, "{said}");
    let text = repository.run(&["plan", "--base", "HEAD"]).await.out;
    assert_eq!(text.matches("keep its table, without grants, until that is applied").count(), 2, "{text}");
    // What it asks for is enough.
    repository.write(
        "access/based.toml",
        &grants
            .replace("[[keys", "#")
            .replace("[[buckets", "#")
            .replace("principal = \"arn:aws:iam::444444444444:root\"\naccess = \"decrypt\"", "")
            .replace("account = \"dev\"\naccess = \"get\"", ""),
    );
    let said = repository.json(&["--base", "HEAD"]).await;
    assert_eq!(left(&said), Vec::<String>::new());
    assert_eq!(said["base"]["change"].as_array().unwrap().len(), 2, "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_is_gone_is_named() {
    let repository = Repository::new("gone").await;
    repository.write("access/more.toml", &MANIFEST.replace("based", "more").replace("Reader", "Other").replace("Writer", "Another"));
    repository.commit("second");
    std::fs::remove_file(repository.path("access/more.toml")).unwrap();
    let said = repository.text().await;
    assert!(said.contains("note: manifest more (`access/more.toml`) of HEAD (0123456789ab) is no longer there: what it made stays"), "{said}");
    assert!(said.contains("Drift: what is live is what HEAD"), "what only it declares is no drift: {said}");
    // Under another file's name it is the same manifest.
    std::fs::rename(repository.path("access/based.toml"), repository.path("access/renamed.toml")).unwrap();
    let json = repository.json(&["--base", "HEAD"]).await;
    assert_eq!(json["base"]["gone"].as_array().unwrap().len(), 1, "{}", json["base"]);
}

/// For every object: from live to the commit, and from there to the manifests, is from live to the manifests. And the plan is the one that
/// is made without a comparison.
#[tokio::test(start_paused = true)]
async fn the_two_together_are_the_plan() {
    let hands: [&[Hand<'_>]; 5] = [
        &[],
        &[("UpdateRole", &[("RoleName", "Reader"), ("Description", "by hand")])],
        &[("DeleteRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole")])],
        &[
            ("TagRole", &[("RoleName", "Writer"), ("Tags.member.1.Key", "x"), ("Tags.member.1.Value", "y")]),
            ("CreateRole", &[("RoleName", "Stranger"), ("AssumeRolePolicyDocument", TRUST)]),
        ],
        &[
            ("UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", TRUST)]),
            ("UpdateRole", &[("RoleName", "Writer"), ("MaxSessionDuration", "7200")]),
        ],
    ];
    let edits = [
        ("", ""),
        ("description = \"reads\"", "description = \"by hand\""),
        ("[roles.Writer]\n\n[[roles.Writer.trust]]\nuser = \"dev/ann\"\n", ""),
        ("[roles.Writer]\n", "[roles.Writer]\nmax_session = \"2h\"\ntags = { x = \"y\" }\n"),
        ("actions = \"s3:GetObject\"", "actions = \"s3:GetObject*\""),
        ("[roles.Writer]", "[roles.Third]\n\n[[roles.Third.trust]]\nuser = \"dev/ann\"\n\n[roles.Writer]"),
    ];
    let mut both = 0;
    for (at, hand) in hands.iter().enumerate() {
        let repository = Repository::new(&format!("together-{at}")).await;
        for (action, parameters) in *hand {
            repository.hand(action, parameters).await;
        }
        for (from, to) in edits {
            repository.write("access/based.toml", &MANIFEST.replace(from, to));
            let (json, alone) = (repository.json(&["--base", "HEAD"]).await, repository.json(&[]).await);
            assert_eq!((&json["resource_changes"], &json["access"]), (&alone["resource_changes"], &alone["access"]));
            let of = |list: &Value, address: &str| list.as_array().unwrap().iter().find(|c| c["address"] == address).map(|c| c["change"].clone());
            let mut addresses: Vec<String> = Vec::new();
            for list in [&json["resource_changes"], &json["base"]["drift"], &json["base"]["change"]] {
                addresses.extend(list.as_array().unwrap().iter().map(|c| c["address"].as_str().unwrap().to_owned()));
            }
            for address in addresses {
                let (plan, drift, change) =
                    (of(&json["resource_changes"], &address), of(&json["base"]["drift"], &address), of(&json["base"]["change"], &address));
                both += usize::from(drift.is_some() && change.is_some());
                let start = drift.as_ref().or(change.as_ref()).unwrap()["before"].clone();
                let end = change.as_ref().or(drift.as_ref()).unwrap()["after"].clone();
                if let (Some(drift), Some(change)) = (&drift, &change) {
                    assert_eq!(drift["after"], change["before"], "{address}");
                }
                match plan {
                    Some(plan) => assert_eq!((&plan["before"], &plan["after"]), (&start, &end), "{address}, hand {at}, {to}"),
                    None => assert_eq!(start, end, "{address}, hand {at}, {to}: nothing is planned"),
                }
            }
        }
    }
    assert!(both > 2, "objects of both: {both}");
}

/// A call of IAM.
type Hand<'a> = (&'a str, &'a [(&'a str, &'a str)]);

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// What is withheld now is no change: nobody knows what would become of it.
#[tokio::test(start_paused = true)]
async fn what_is_withheld_is_no_change() {
    let repository = Repository::new("withheld").await;
    let bucket = |region: &str| {
        MANIFEST.replace("[trusted.dev]\n", &format!("[buckets.kept]\ncreate = true\nversioning = true\nregion = \"{region}\"\n[trusted.dev]\n"))
    };
    repository.write("access/based.toml", &bucket("us-east-1"));
    repository.commit("a bucket");
    assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    let off = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    assert_eq!(repository.place.s3("222222222222", "PUT", "/kept", "versioning", off).await.0, 200);
    repository.write("access/based.toml", &bucket("eu-west-1"));
    let said = repository.run(&["plan", "--base", "HEAD"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("This change: no object that could be planned is otherwise than HEAD"), "{}", said.out);
    assert!(said.out.contains("Drift: 1 object is not as HEAD") && !said.out.contains("as the manifests say now"), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_compared_with_is_said() {
    let repository = Repository::new("mistakes").await;
    for reference in ["no-such-branch", "--output=x", "HEAD:access/based.toml", ""] {
        let said = repository.run(&["plan", &format!("--base={reference}")]).await;
        assert_eq!(said.exit, Exit::Failed, "{reference}: {}", said.out);
        assert!(said.err.contains("git finds no such commit"), "{reference}: {}", said.err);
    }
}

/// What repairs a commit is planned beside it: its mistakes are said as its own, and nothing is told apart.
#[tokio::test(start_paused = true)]
async fn a_commit_with_mistakes_does_not_hold_up_what_repairs_it() {
    let repository = Repository::new("repairs").await;
    let wrong: [(&str, Option<Vec<u8>>, &str); 4] = [
        ("access/based.toml", Some(MANIFEST.replace("\"1h\"", "\"100h\"").into()), "HEAD:access/based.toml:"),
        ("access/more.toml", Some(vec![0x61, 0xff]), "`access/more.toml` of HEAD: it is not UTF-8"),
        ("crossrole.toml", Some(b"[defaults]\nnothing = 1\n".to_vec()), "unknown key `nothing`"),
        ("access/link.toml", None, "`access/link.toml` is a symbolic link in HEAD"),
    ];
    repository.write("access/based.toml", &MANIFEST.replace("max_session = \"1h\"", "max_session = \"2h\""));
    for (file, text, said_of_it) in wrong {
        let kept = std::fs::read(repository.folder.join(file)).ok();
        match text {
            Some(text) => std::fs::write(repository.folder.join(file), text).unwrap(),
            None => std::os::unix::fs::symlink("based.toml", repository.folder.join(file)).unwrap(),
        }
        repository.commit("a mistake");
        match kept {
            Some(kept) => std::fs::write(repository.folder.join(file), kept).unwrap(),
            None => std::fs::remove_file(repository.folder.join(file)).unwrap(),
        }
        let said = repository.run(&["plan", "--base", "HEAD", "--deny-widening"]).await;
        assert!(said.exit == Exit::Clean && said.err.is_empty(), "{file}: {}{}", said.out, said.err);
        let expected = "Drift: not known: HEAD (0123456789ab) can't be read, so that nothing is told apart from this change.";
        assert!(said.out.contains(expected) && said.out.contains(said_of_it), "{file}: {}", said.out);
        assert!(said.out.contains("longest session: 1h -> 2h") && said.out.contains("This change: not told apart from drift"), "{file}: {}", said.out);
        let json = repository.json(&["--base", "HEAD"]).await;
        let base = &json["base"];
        assert_eq!((&base["readable"], &base["complete"]), (&Value::Bool(false), &Value::Bool(false)), "{file}: {base:#}");
        for unknown in ["drift", "change", "access", "change_access"] {
            assert_eq!(base[unknown], Value::Null, "{file}: {unknown}");
        }
        assert!(base["mistakes"].to_string().contains(said_of_it.split(':').next().unwrap().trim_matches('`')), "{file}: {base:#}");
        assert_eq!(repository.json(&["--base", "HEAD~1"]).await["base"]["readable"], file == "access/based.toml", "{file}");
    }
    // Whose a widening is, nobody knows: that one is made is held up all the same.
    repository.hand("UpdateAssumeRolePolicy", &[("RoleName", "Writer"), ("PolicyDocument", TRUST)]).await;
    let comment = repository.path("comment.md");
    let said = repository.run(&["plan", "--base", "HEAD", "--deny-widening", &format!("--report=markdown={comment}")]).await;
    assert!(said.exit == Exit::Refused && said.err.contains("1 widening of access, under `--deny-widening`"), "{}{}", said.out, said.err);
    let comment = std::fs::read_to_string(comment).unwrap();
    assert!(comment.contains("once somebody gains something: by this change, or since what was done by hand is put back"), "{comment}");
    assert!(!comment.contains("Access is widened"), "{comment}");
}

/// What this change gives is counted apart from what was taken away by hand and comes back with it.
#[tokio::test(start_paused = true)]
async fn a_widening_is_counted_where_it_is_made() {
    let repository = Repository::new("widened").await;
    repository.hand("UpdateAssumeRolePolicy", &[("RoleName", "Writer"), ("PolicyDocument", TRUST)]).await;
    let comment = repository.path("comment.md");
    let warned = async |text: &str| {
        repository.write("access/based.toml", text);
        let said = repository.run(&["plan", "--base", "HEAD", &format!("--report=markdown={comment}")]).await;
        let comment = std::fs::read_to_string(&comment).unwrap();
        (said.out, comment.lines().filter(|line| line.starts_with("> **")).map(str::to_owned).collect::<Vec<_>>())
    };
    let back = "> **Against what is live, once somebody gains something, with what is put back that was done by hand.**";
    let (out, warnings) = warned(&MANIFEST.replace("\"1h\"", "\"2h\"")).await;
    assert_eq!(warnings, [back]);
    assert!(out.contains("Access by this change: nobody gains or loses anything."), "{out}");
    let (out, warnings) = warned(&MANIFEST.replace("s3:GetObject", "s3:GetObject*")).await;
    assert_eq!(warnings[0], "> **Access is widened by this change: once somebody gains something.**");
    assert_eq!(warnings[1], back.replace("once", "2 times"));
    assert!(out.contains("Access by this change: 1 widening\n"), "{out}");
    // What the manifests take up of it is theirs, though it is live already.
    let taken = MANIFEST
        .replace("[roles.Writer]\n\n[[roles.Writer.trust]]\nuser = \"dev/ann\"\n", "[roles.Writer]\n[[roles.Writer.trust]]\nservice = \"ec2.amazonaws.com\"\n");
    let (out, warnings) = warned(&taken).await;
    assert!(warnings[0].starts_with("> **Access is widened by this change: once"), "{warnings:?}");
    assert!(out.contains("Access by this change: 1 widening, 1 narrowing\n"), "{out}");
}

/// The directory of accounts is of the commit, too: an account more is this change, and no drift.
#[tokio::test(start_paused = true)]
async fn accounts_are_those_of_the_commit() {
    let repository = Repository::new("directory").await;
    let account = |id: &str, label: &str| format!("[accounts.{label}]\nid = \"{id}\"\nou = \"Workloads\"\n");
    repository.write("accounts.toml", &account("222222222222", "one"));
    repository.write("access/based.toml", "name = \"wide\"\n[trusting]\naccounts = \"ou:Workloads\"\n[trusted.dev]\naccount = \"111111111111\"\nmanage = false\n[roles.Wide]\n[[roles.Wide.trust]]\naccount = \"dev\"\n");
    repository.commit("wide");
    assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    repository.write("accounts.toml", &(account("222222222222", "one") + &account("333333333333", "two")));
    let json = repository.json(&["--base", "HEAD"]).await;
    assert_eq!(json["base"]["drift"], serde_json::json!([]), "{json:#}");
    assert_eq!(json["base"]["change"][0]["account"], "333333333333");
}

/// Of what was not read, nobody knows whether a hand has changed it: no output says that there is no drift.
#[tokio::test(start_paused = true)]
async fn drift_is_not_denied_where_it_was_not_looked_for() {
    let repository = Repository::new("closed").await;
    let comment = repository.path("comment.md");
    let plan = ["plan", "--base", "HEAD", &format!("--report=markdown={comment}")];
    for closed in ["222222222222", "111111111111"] {
        repository.place.sandbox.set_faults(Some(std::sync::Arc::new(Closed(closed, crossrole_sandbox::Fault::Refuse("AccessDenied")))));
        let said = repository.run(&plan).await;
        assert!(said.exit == Exit::Failed && said.out.starts_with("Drift: nothing is known to be otherwise than HEAD"), "{closed}: {}", said.out);
        let markdown = std::fs::read_to_string(&comment).unwrap();
        assert!(markdown.contains("#### Drift: none that is known\n") && !markdown.contains("what is live is what HEAD"), "{closed}: {markdown}");
        assert_eq!(repository.json(&["--base", "HEAD"]).await["base"]["complete"], false, "{closed}");
    }
    repository.place.sandbox.set_faults(None);
    assert!(repository.run(&plan).await.out.starts_with("Drift: what is live is what HEAD"));
    assert_eq!(repository.json(&["--base", "HEAD"]).await["base"]["complete"], true);
}

/// A manifest that the commit does not have is this change, whatever of it is live already.
#[tokio::test(start_paused = true)]
async fn a_manifest_that_the_commit_does_not_have_is_named() {
    let repository = Repository::new("new").await;
    let second = "name = \"second\"\n[trusting]\naccount = \"222222222222\"\n[roles.Second]\n[[roles.Second.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    repository.write("access/second.toml", second);
    let named = "manifest second (`access/second.toml`) is not in HEAD (0123456789ab): all that it says is this change";
    for live in [false, true] {
        if live {
            assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
        }
        let text = repository.text().await;
        assert!(text.contains(named) && !text.contains("the manifests say what HEAD"), "{live}: {text}");
        let json = repository.json(&["--base", "HEAD"]).await;
        assert_eq!(json["base"]["new"][0]["name"], "second", "{live}");
    }
    repository.commit("second");
    let text = repository.text().await;
    assert!(text.contains("This change: the manifests say what HEAD (0123456789ab) says.") && !text.contains("is not in"), "{text}");
}

/// A runner that takes away what earlier manifests made is let what those took.
#[tokio::test(start_paused = true)]
async fn a_runner_is_let_what_earlier_manifests_took() {
    const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/99999999-12ab-34cd-56ef-1234567890ab";
    let repository = Repository::new("runner").await;
    let earlier = format!("{MANIFEST}\n[keys.old]\narn = \"{KEY}\"\n[roles.Left]\n[[roles.Left.trust]]\nservice = \"ec2.amazonaws.com\"\n");
    repository.write("access/based.toml", &earlier);
    repository.commit("with a key and a role more");
    repository.write("access/based.toml", MANIFEST);
    let of = async |flags: &[&str]| {
        let said = repository.run(&[&["runner-policy", "--json"], flags].concat()).await;
        assert_eq!(said.exit, Exit::Clean, "{}", said.err);
        said.out
    };
    let (now, with) = (of(&[]).await, of(&["--base", "HEAD"]).await);
    for right in [KEY, "kms:PutKeyPolicy", "arn:aws:iam::222222222222:role/Left"] {
        assert_eq!((now.contains(right), with.contains(right)), (false, true), "{right}: {with}");
    }
    assert_eq!(of(&["--base", "HEAD~1"]).await, now, "the manifests of then took nothing else");
}

/// The commit has the manifest under the name that it had: its marks are this change, and nothing is new or gone.
#[tokio::test(start_paused = true)]
async fn a_manifest_that_was_renamed_is_the_same_one() {
    let at = Repository::new("renamed").await;
    at.write("access/based.toml", &MANIFEST.replace("name = \"based\"", "name = \"renamed\"\nrenamed_from = \"based\""));
    let said = at.text().await;
    assert!(said.contains("Drift: what is live is what HEAD (0123456789ab) says."), "{said}");
    assert!(said.contains("This change: 4 objects are otherwise than HEAD (0123456789ab) says.") && said.contains("nobody gains or loses"), "{said}");
    assert!(!said.contains("does not have") && said.contains("Plan: 0 to add, 4 to change, 0 to destroy."), "{said}");
    let json = at.json(&["--base", "HEAD"]).await;
    assert!(json["since"]["new"].as_array().is_none_or(Vec::is_empty) && json["since"]["gone"].as_array().is_none_or(Vec::is_empty), "{json}");
    // Somebody's hand is told from it.
    at.describe("Reader", "by hand").await;
    let said = at.text().await;
    assert!(said.contains("Drift: 1 object is not as HEAD (0123456789ab) says: somebody's hand."), "{said}");
    at.run(&["apply", "--auto-approve", "--quiet"]).await;
    let said = at.text().await;
    assert!(said.contains("of it, 4 objects are as the manifests say now") && said.contains("No changes."), "{said}");
}
