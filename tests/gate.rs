//! `--deny-widening` in a pull request: what a change brings along must not hide what it gives, and what somebody did by hand is no less
//! of a widening for being live.

use crossrole::Exit;
use serde_json::Value;

use crate::base::{MANIFEST, Repository};
use crate::support::Said;

const STRANGER: &str = r#"
[trusted.stranger]
account = "666666666666"
[roles.Evil]
policies = ["arn:aws:iam::aws:policy/AdministratorAccess"]
[[roles.Evil.trust]]
account = "stranger"
"#;

/// Denies everything to everybody but the runner.
const DENIES: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::222222222222:root","arn:aws:iam::111111111111:root"]}}}]}"#;

const BINDS: &str = "[accounts.\"222222222222\"]\nservice_control = [\"scp.json\"]\n[accounts.\"666666666666\"]\nservice_control = [\"scp.json\"]\n";

impl Repository {
    /// The step of a pull request, with its comment.
    async fn judged(&self, base: &str) -> (Said, String) {
        let comment = self.path("comment.md");
        let said = self.run(&["plan", "--deny-widening", "--base", base, "--report", &format!("markdown={comment}")]).await;
        let text = std::fs::read_to_string(&comment).unwrap();
        std::fs::remove_file(comment).unwrap();
        (said, text)
    }

    /// Commits the entries that a refused plan prints.
    fn approve(&self, said: &Said) {
        let lines = said.err.lines().skip_while(|line| !line.starts_with("refused: ")).skip(1);
        let entries: String = lines.take_while(|line| line.starts_with("  ") || line.is_empty()).map(|line| format!("{}\n", line.trim_start())).collect();
        std::fs::create_dir_all(self.path("approvals")).unwrap();
        self.write("approvals/first.toml", &entries.replace("reason = \"\"", "reason = \"meant\""));
        self.commit("approved");
    }
}

/// A control policy that comes with the change hides nothing of it, wherever it is named.
#[tokio::test(start_paused = true)]
async fn a_control_policy_that_a_change_brings_hides_nothing() {
    let listed = "[accounts.data]\nid = \"222222222222\"\nservice_control = [[\"scp.json\"]]\n[accounts.stranger]\nid = \"666666666666\"\nservice_control = [[\"scp.json\"]]\n";
    for (way, file, text, kind) in [("settings", "crossrole.toml", BINDS, "settings"), ("directory", "accounts.toml", listed, "directory of accounts")] {
        let repository = Repository::new(&format!("gate-{way}")).await;
        repository.write("access/based.toml", &format!("{MANIFEST}{STRANGER}"));
        repository.write(file, text);
        repository.write("scp.json", DENIES);
        repository.commit("evil");
        let (said, comment) = repository.judged("HEAD^1").await;
        assert_eq!(said.exit, Exit::Refused, "{way}: {}{}", said.out, said.err);
        assert!(said.err.contains("under the control policies that there were before") && said.err.contains("[[approval]]"), "{way}: {}", said.err);
        let changed = format!("this change also changes what it is judged by: {file} ({kind}), scp.json (control policy)");
        for text in [&said.out, &comment.replace(&format!("{}/", repository.path("")).replace("//", "/"), "")] {
            assert!(text.contains("bound by control policies, as these files say: scp.json (222222222222, 666666666666)"), "{way}: {text}");
            assert!(text.contains(&changed), "{way}: {text}");
            assert!(text.contains("Besides, under the control policies that there were before this change: "), "{way}: {text}");
        }
        let head = comment.split("```").next().unwrap();
        assert!(
            head.contains("it gives more: ") && head.contains(&format!("**This change also changes what it is judged by: {kind}, control policy.**")),
            "{head}"
        );
        let json = repository.json(&["--deny-widening", "--base", "HEAD^1"]).await;
        assert_eq!(json["base"]["grounds"]["changed"][0]["kind"], if way == "settings" { "settings" } else { "directory" }, "{json:#}");
        assert_eq!(json["control_policies"].as_object().unwrap().values().next().unwrap(), &serde_json::json!(["222222222222", "666666666666"]));
        assert_eq!(json["base"]["grounds"]["wider_before"]["widens"], true);
        // Approved, it goes on; and so it does where the commit that it goes to has the same control policy.
        repository.approve(&said);
        let (said, _) = repository.judged("HEAD~2").await;
        assert_eq!(said.exit, Exit::Clean, "{way}: {}{}", said.out, said.err);
        std::fs::remove_dir_all(repository.path("approvals")).unwrap();
        let (said, comment) = repository.judged("HEAD").await;
        assert_eq!(said.exit, Exit::Clean, "{way}: {}{}", said.out, said.err);
        assert!(comment.contains("bound by control policies") && !comment.contains("what it is judged by"), "{comment}");
    }
}

/// Nor do settings that a link leads to, though what it leads to was there before.
#[tokio::test(start_paused = true)]
async fn a_link_to_other_settings_is_a_change_of_them() {
    let repository = Repository::new("gate-link").await;
    repository.write("other.toml", BINDS);
    repository.write("scp.json", DENIES);
    repository.commit("settings of something else");
    repository.write("access/based.toml", &format!("{MANIFEST}{STRANGER}"));
    std::fs::remove_file(repository.path("crossrole.toml")).unwrap();
    std::os::unix::fs::symlink("other.toml", repository.path("crossrole.toml")).unwrap();
    repository.commit("evil");
    let (said, comment) = repository.judged("HEAD^1").await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(comment.contains("**This change also changes what it is judged by: settings.**"), "{comment}");
}

/// What a plan was held to beside another commit, it is held to when it is carried out, where no other commit is named.
#[tokio::test(start_paused = true)]
async fn what_is_carried_out_was_approved_under_the_control_policies_of_before() {
    let repository = Repository::new("gate-saved").await;
    repository.write("access/based.toml", &format!("{MANIFEST}{STRANGER}"));
    repository.write("crossrole.toml", BINDS);
    repository.write("scp.json", DENIES);
    repository.commit("evil");
    let saved = repository.path("saved.plan");
    let said = repository.run(&["plan", "--deny-widening", "--base", "HEAD^1", "--out", &saved]).await;
    assert_eq!(said.exit, Exit::Refused, "{}", said.err);
    let refused = repository.run(&["apply", "--auto-approve", "--quiet", &saved]).await;
    assert!(refused.exit == Exit::Refused && refused.err.contains("[[approval]]"), "{}{}", refused.out, refused.err);
    repository.approve(&said);
    let applied = repository.run(&["apply", "--auto-approve", "--quiet", &saved]).await;
    assert_eq!(applied.exit, Exit::Clean, "{}{}", applied.out, applied.err);
}

/// Guardrails that a change takes away are said, and so is what can't be read of before: then nothing is taken to bind.
#[tokio::test(start_paused = true)]
async fn what_a_change_is_judged_by_is_said() {
    let repository = Repository::new("gate-rules").await;
    repository.write("crossrole.toml", "[guardrails]\nforbidden_actions = [\"iam:*\"]\n");
    repository.commit("rules");
    repository.write("crossrole.toml", "");
    let (said, comment) = repository.judged("HEAD").await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    assert!(comment.contains("**This change also changes what it is judged by: settings, guardrails.**"), "{comment}");
    assert!(said.out.contains("crossrole.toml (settings), crossrole.toml (guardrails)"), "{}", said.out);
    repository.write("crossrole.toml", "[accounts.\"222222222222\"]\nservice_control = [\"nowhere.json\"]\n");
    repository.commit("nowhere");
    repository.write("crossrole.toml", BINDS);
    repository.write("scp.json", DENIES);
    repository.write("access/based.toml", &format!("{MANIFEST}{STRANGER}"));
    let (said, _) = repository.judged("HEAD").await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.out.contains("the control policies that there were before can't be read: they are taken to bind nobody"), "{}", said.out);
}

/// Somebody's hand, written into the manifest as the nightly job does: its pull request needs the approval that the hand did not ask for.
#[tokio::test(start_paused = true)]
async fn what_somebody_did_by_hand_is_not_taken_up_unapproved() {
    let repository = Repository::new("gate-hand").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"sts:AssumeRole"}]}"#;
    repository.hand("UpdateAssumeRolePolicy", &[("RoleName", "Writer"), ("PolicyDocument", trust)]).await;
    repository.write("access/based.toml", &format!("{MANIFEST}[[roles.Writer.trust]]\nprincipal = \"arn:aws:iam::666666666666:root\"\n"));
    repository.commit("what is live and was not said");
    let (said, comment) = repository.judged("HEAD^1").await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.err.contains("666666666666") && said.err.contains(": live already, by somebody's hand\n"), "{}", said.err);
    let (head, unfolded) = (comment.split("```").next().unwrap(), comment.split("<details>").next().unwrap());
    assert!(head.contains("**This takes up what somebody did by hand: 1 widening, live already.**"), "{comment}");
    assert!(unfolded.contains("Taken up, what somebody did by hand and is live already: 1 widening"), "{comment}");
    let json = repository.json(&["--deny-widening", "--base", "HEAD^1"]).await;
    assert_eq!(json["base"]["grounds"]["taken_up"]["changes"].as_array().map(Vec::len), Some(1), "{json:#}");
    repository.approve(&said);
    let (said, _) = repository.judged("HEAD~2").await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    // Once it is merged, it is what the manifests say.
    std::fs::remove_dir_all(repository.path("approvals")).unwrap();
    let (said, comment) = repository.judged("HEAD").await;
    assert!(said.exit == Exit::Clean && !comment.contains("somebody did by hand"), "{}{comment}", said.err);
}

/// Nothing is left to do of such a plan, and what it is held to is asked all the same.
#[tokio::test(start_paused = true)]
async fn a_saved_plan_of_nothing_is_held_to_what_it_takes_up() {
    let repository = Repository::new("gate-nothing").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"sts:AssumeRole"}]}"#;
    repository.hand("UpdateAssumeRolePolicy", &[("RoleName", "Writer"), ("PolicyDocument", trust)]).await;
    let taken_up = format!("{MANIFEST}[[roles.Writer.trust]]\nprincipal = \"arn:aws:iam::666666666666:root\"\n");
    repository.write("access/based.toml", &taken_up);
    repository.commit("what is live and was not said");
    let file = repository.path("first.plan");
    let said = repository.run(&["plan", "--deny-widening", "--base", "HEAD^1", "--out", &file]).await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    let refused = repository.run(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(refused.exit == Exit::Refused && refused.err.contains(": live already, by somebody's hand\n"), "{}{}", refused.out, refused.err);
    repository.approve(&said);
    let applied = repository.run(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!(applied.exit, Exit::Clean, "{}{}", applied.out, applied.err);
    // A job that is run again finds its plan done, and approved.
    repository.write("access/based.toml", &taken_up.replace("actions = \"s3:GetObject\"", "actions = [\"s3:GetObject\", \"s3:PutObject\"]"));
    repository.commit("and more");
    let file = repository.path("second.plan");
    let said = repository.run(&["plan", "--deny-widening", "--base", "HEAD^1", "--out", &file]).await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    repository.approve(&said);
    for _ in 0..2 {
        let applied = repository.run(&["apply", "--auto-approve", "--quiet", &file]).await;
        assert_eq!(applied.exit, Exit::Clean, "{}{}", applied.out, applied.err);
    }
}

/// What is put back, or was taken away by hand, is nothing that is taken up; what is gained besides needs its approval alone.
#[tokio::test(start_paused = true)]
async fn what_is_put_back_is_not_taken_up() {
    let repository = Repository::new("gate-back").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:user/ann","arn:aws:iam::666666666666:root"]},"Action":"sts:AssumeRole"}]}"#;
    repository.hand("UpdateAssumeRolePolicy", &[("RoleName", "Writer"), ("PolicyDocument", trust)]).await;
    let (said, comment) = repository.judged("HEAD").await;
    assert!(said.exit == Exit::Clean && !comment.contains("takes up"), "{}{comment}", said.err);
    repository.write("access/based.toml", &MANIFEST.replace("actions = \"s3:GetObject\"", "actions = [\"s3:GetObject\", \"s3:PutObject\"]"));
    let json: Value = repository.json(&["--deny-widening", "--base", "HEAD"]).await;
    assert_eq!(json["base"]["grounds"]["taken_up"]["changes"], serde_json::json!([]), "{json:#}");
    assert_eq!(json["approvals"]["open"].as_array().map(Vec::len), Some(1), "{json:#}");
}

/// A role that is there already and that a new manifest takes over gives what it gives: nothing said so before.
#[tokio::test(start_paused = true)]
async fn what_a_new_manifest_takes_over_needs_an_approval() {
    let repository = Repository::new("gate-adopt").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::666666666666:root"},"Action":"sts:AssumeRole"}]}"#;
    repository.hand("CreateRole", &[("RoleName", "Theirs"), ("AssumeRolePolicyDocument", trust)]).await;
    let second = "name = \"second\"\n[trusting]\naccount = \"222222222222\"\n[roles.Theirs]\nadopt = true\n[[roles.Theirs.trust]]\nprincipal = \"arn:aws:iam::666666666666:root\"\n";
    repository.write("access/second.toml", second);
    repository.commit("second");
    let (said, _) = repository.judged("HEAD^1").await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    assert!(said.err.contains("666666666666") && said.err.contains(": live already, by somebody's hand\n"), "{}", said.err);
    // A manifest under another name says what the one before said.
    std::fs::remove_file(repository.path("access/second.toml")).unwrap();
    repository.write("access/based.toml", &MANIFEST.replace("name = \"based\"", "name = \"renamed\""));
    repository.commit("renamed");
    let (said, comment) = repository.judged("HEAD~2").await;
    assert!(!comment.contains("takes up") && !said.err.contains("somebody's hand\n"), "{}{comment}", said.err);
}

/// The manifest of what follows, and of what others put there.
const SHARED: &str = r#"name = "shared"
[trusting]
account = "222222222222"
[trusted.partner]
account = "444444444444"
[buckets.gate-bucket]
create = true
[keys.data]
create = true
[roles.Kept]
foreign_policies = "keep"
[[roles.Kept.trust]]
account = "partner"
"#;

/// What somebody put there as his own is no drift, and needs its approval all the same once the manifests say it.
#[tokio::test(start_paused = true)]
async fn what_others_put_there_is_not_taken_over_unapproved() {
    let repository = Repository::new("gate-theirs").await;
    repository.write("access/shared.toml", SHARED);
    repository.commit("shared");
    assert_eq!(repository.run(&["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean);
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444444444444:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::gate-bucket/*"}]}"#;
    repository.send("PUT", "/gate-bucket", "policy", open).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:*","Resource":"*"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444444444444:root"},"Action":"kms:Decrypt","Resource":"*"}]}"#;
    repository.key_policy(policy).await;
    let puts = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::other/*"}]}"#;
    repository.hand("PutRolePolicy", &[("RoleName", "Kept"), ("PolicyName", "theirs"), ("PolicyDocument", puts)]).await;
    let read_only = "arn:aws:iam::222222222222:policy/Theirs";
    repository.hand("CreatePolicy", &[("PolicyName", "Theirs"), ("PolicyDocument", &puts.replace("PutObject", "DeleteObject"))]).await;
    repository.hand("AttachRolePolicy", &[("RoleName", "Kept"), ("PolicyArn", read_only)]).await;
    // Who leaves it to be theirs takes nothing over, whatever else there is.
    let unrelated = SHARED.replace("create = true\n[roles", "create = true\ndescription = \"data\"\n[roles")
        + "[roles.New]\n[[roles.New.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    repository.write("access/shared.toml", &unrelated);
    let json = repository.json(&["--deny-widening", "--base", "HEAD"]).await;
    assert_eq!(json["base"]["grounds"]["taken_up"]["changes"], serde_json::json!([]), "{json:#}");
    let inline =
        |name: &str, action: &str| format!("[[roles.Kept.inline.{name}.statement]]\nactions = \"s3:{action}\"\nresources = \"arn:aws:s3:::other/*\"\n");
    for (what, more, gained) in [
        ("bucket", "[[buckets.gate-bucket.allow]]\naccount = \"partner\"\naccess = \"get\"\n".to_owned(), "s3:GetObject"),
        ("key", "[[keys.data.allow]]\naccount = \"partner\"\naccess = \"decrypt\"\n".to_owned(), "kms:Decrypt"),
        ("inline", inline("theirs", "PutObject"), "s3:PutObject"),
        ("inline by another name", inline("ours", "PutObject"), "s3:PutObject"),
        ("attached", String::new(), "s3:DeleteObject"),
    ] {
        let text =
            if what == "attached" { SHARED.replace("\"keep\"\n", &format!("\"keep\"\npolicies = [\"{read_only}\"]\n")) } else { format!("{SHARED}{more}") };
        repository.write("access/shared.toml", &text);
        let (said, comment) = repository.judged("HEAD").await;
        assert_eq!(said.exit, Exit::Refused, "{what}: {}{}", said.out, said.err);
        let line = said.err.lines().find(|line| line.contains(": live already, by somebody's hand")).unwrap_or_default();
        assert!(line.contains(gained), "{what}: {}", said.err);
        assert!(comment.contains("takes up what somebody did by hand"), "{what}: {comment}");
        let json = repository.json(&["--deny-widening", "--base", "HEAD"]).await;
        assert!(!json["approvals"]["open"].as_array().unwrap().is_empty(), "{what}: {json:#}");
    }
}

/// What somebody did by hand and the change takes up is not hidden by a control policy that the change brings along, either.
#[tokio::test(start_paused = true)]
async fn what_is_taken_up_is_not_hidden_by_a_control_policy() {
    let repository = Repository::new("gate-both").await;
    repository.write("crossrole.toml", "[accounts.\"222222222222\"]\nservice_control = [\"scp.json\"]\n");
    let scp = |denied: &str| {
        let deny = format!(r#",{{"Effect":"Deny","Action":"{denied}","Resource":"*"}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}}{}]}}"#, if denied.is_empty() { "" } else { &deny })
    };
    repository.write("scp.json", &scp(""));
    repository.commit("control policies");
    let puts = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::reports/*"}]}"#;
    repository.hand("PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole"), ("PolicyDocument", puts)]).await;
    repository.write("access/based.toml", &MANIFEST.replace("actions = \"s3:GetObject\"", "actions = [\"s3:GetObject\", \"s3:PutObject\"]"));
    repository.write("scp.json", &scp("s3:PutObject"));
    repository.commit("take it up");
    let (said, comment) = repository.judged("HEAD^1").await;
    assert_eq!(said.exit, Exit::Refused, "{}{}", said.out, said.err);
    let line = said.err.lines().find(|line| line.contains("s3:PutObject")).unwrap_or_default();
    assert!(line.contains("role Reader") && line.contains(": under the control policies that there were before"), "{}", said.err);
    assert!(comment.contains("Besides, under the control policies that there were before this change: 1 widening"), "{comment}");
    repository.approve(&said);
    assert_eq!(repository.judged("HEAD~2").await.0.exit, Exit::Clean);
    // Where the control policy has nothing to do with it, it is said once.
    std::fs::remove_dir_all(repository.path("approvals")).unwrap();
    repository.write("scp.json", &scp("s3:DeleteObject"));
    let json = repository.json(&["--deny-widening", "--base", "HEAD~2"]).await;
    assert_eq!(json["approvals"]["open"].as_array().map(Vec::len), Some(1), "{json:#}");
    assert_eq!(json["base"]["grounds"]["wider_before"]["changes"], serde_json::json!([]), "{json:#}");
}

/// A selector that selects nothing is a mistake, and the comment says so: it is no plan that passed.
#[tokio::test(start_paused = true)]
async fn a_mistaken_selector_is_said_where_the_plan_is() {
    let repository = Repository::new("gate-selector").await;
    let (comment, saved) = (repository.path("comment.md"), repository.path("saved.plan"));
    for manifest in [MANIFEST.to_owned(), format!("{MANIFEST}{STRANGER}")] {
        repository.write("access/based.toml", &manifest);
        let words = ["plan", "--deny-widening=principal=role/Nobody", "--out", &saved, "--report", &format!("markdown={comment}")];
        let said = repository.run(&words).await;
        assert!(said.exit == Exit::Failed && said.err.contains("matches nothing in this run"), "{}", said.err);
        let text = std::fs::read_to_string(&comment).unwrap();
        assert!(text.contains("> [!CAUTION]\n") && text.contains("matches nothing in this run"), "{text}");
        assert!(!std::path::Path::new(&saved).exists(), "nothing was judged");
        let json = repository.json(&["--deny-widening=principal=role/Nobody"]).await;
        assert!(json["reason"] == "failed" && json["refused"][0].as_str().unwrap().contains("matches nothing"), "{json:#}");
    }
}
