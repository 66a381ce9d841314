//! The pipelines of `examples`, step by step as they stand there, in git repositories and on the embedded AWS: what was reviewed is
//! what is applied, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::forge_api::{Api, TOKEN};
use crate::process::{BIN, Server, command, serve};
use crate::support::{Place, root};

const TRUSTING: &str = "222222222222";

const MANIFEST: &str = r#"
name = "reviewed"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[buckets.reviewed-bucket]
[roles.Reader]
[[roles.Reader.trust]]
account = "dev"
mfa = true
[[roles.Reader.allow]]
bucket = "reviewed-bucket"
access = "read"
"#;

const EXPECTED: &str = r#"
[[expect]]
principal = "role/Reader"
action = "s3:PutObject"
resource = "reviewed-bucket/any"
result = "denied"
"#;

/// Stands in for GitHub's command: it keeps what it was given, and answers as for pull request 7 of run 4711.
const GH: &str = r#"#!/bin/sh
echo "$@" >> "$KEPT/gh"
case "$1 $2 $3" in
  "api repos/owner/repo/commits/$GITHUB_SHA/pulls --jq") cat "$KEPT/head" ;;
  "api repos/owner/repo/actions/workflows/crossrole.yml/runs?event=pull_request&head_sha="*) cat "$KEPT/runs" ;;
  "pr list --head") cat "$KEPT/open" 2>/dev/null || true ;;
  "pr create --head") test "$4 $5 $6" = "crossrole/drift --base main" && cp "${10}" "$KEPT/request.md" && echo 12 > "$KEPT/open" ;;
  "pr close 12") test "$4 $5" = "--delete-branch --comment" && rm "$KEPT/open" && git push --quiet origin :crossrole/drift ;;
  "pr edit 12") test "$4" = --body-file && cp "$5" "$KEPT/request.md" ;;
  "run download 4711") test "$4 $5 $6" = "--name crossrole-plan --dir" && mkdir -p "$7" && cp "$KEPT/crossrole.plan" "$7" ;;
  *) exit 9 ;;
esac
"#;

/// A repository, an AWS, and what a job leaves behind.
struct Shop {
    folder: PathBuf,
    server: Server,
    api: Api,
}

impl Shop {
    async fn new(name: &str) -> Self {
        let folder = root().join(format!("target/test-manifests/pipeline-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for part in ["repo/manifests", "kept", "bin"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let place = Place::with_bucket("reviewed-bucket").await;
        let state = folder.join("state.json");
        place.sandbox.save(&state).unwrap();
        let server = serve(&["--sandbox-state", &state.display().to_string()]);
        let shop = Self { folder, server, api: Api::start() };
        fs::write(shop.folder.join("bin/gh"), GH).unwrap();
        fs::write(shop.kept("runs"), "4711 owner/repo change \n").unwrap();
        std::os::unix::fs::symlink(BIN, shop.folder.join("bin/crossrole")).unwrap();
        fs::set_permissions(shop.folder.join("bin/gh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let profile = |account: &str| format!("[profile p{account}]\naws_access_key_id = {account}\naws_secret_access_key = any\n");
        fs::write(shop.folder.join("config"), profile(TRUSTING) + &profile("111111111111")).unwrap();
        let of = |account: &str| format!("[accounts.\"{account}\"]\nprofile = \"p{account}\"\n");
        fs::write(shop.folder.join("repo/crossrole.toml"), of(TRUSTING) + &of("111111111111")).unwrap();
        shop.git(&["init", "--quiet", "--initial-branch", "main"]);
        shop.git(&["add", "."]);
        shop.git(&["commit", "--quiet", "--message", "settings"]);
        shop
    }

    fn git(&self, words: &[&str]) -> String {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(who).args(words).current_dir(self.folder.join("repo")).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A change on a branch, as a pull request has it.
    fn branch(&self, text: &str) {
        self.git(&["checkout", "--quiet", "-b", "change"]);
        fs::write(self.folder.join("repo/manifests/reviewed.toml"), text).unwrap();
        fs::write(self.folder.join("repo/manifests/reviewed.expect.toml"), EXPECTED).unwrap();
        self.git(&["add", "manifests"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        fs::write(self.kept("head"), format!("7 {} change\n", self.git(&["rev-parse", "HEAD"]))).unwrap();
    }

    fn merge(&self) {
        self.git(&["checkout", "--quiet", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "--no-edit", "change"]);
    }

    fn kept(&self, name: &str) -> PathBuf {
        self.folder.join("kept").join(name)
    }

    /// What a step has said last under this name.
    fn output(&self, name: &str) -> String {
        let all = fs::read_to_string(self.kept("output")).unwrap_or_default();
        all.lines().rev().find_map(|line| line.strip_prefix(&format!("{name}="))).unwrap_or_default().to_owned()
    }

    /// A step as it stands in the file: exit code and what was said.
    fn step(&self, file: &str, job: &str, name: &str) -> (i32, String) {
        let api = self.api.github();
        let job_of = [("GITHUB_REPOSITORY", "owner/repo"), ("GITHUB_REF", "refs/pull/7/merge"), ("GITHUB_API_URL", api.as_str()), ("GITHUB_TOKEN", TOKEN)];
        self.step_in(file, job, name, &job_of)
    }

    /// The same, with what the pipeline says of itself.
    fn step_in(&self, file: &str, job: &str, name: &str, given: &[(&str, &str)]) -> (i32, String) {
        let script = script(file, job, name);
        let sha = self.git(&["rev-parse", "HEAD"]);
        let path = format!("{}:{}", self.folder.join("bin").display(), std::env::var("PATH").unwrap());
        // A shell in the place of the command, with its environment.
        let aws = command(&[]);
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", &script]).current_dir(self.folder.join("repo"));
        for (name, value) in aws.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        for name in ["GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_EVENT_PATH", "GITHUB_ACTIONS", "CI_MERGE_REQUEST_IID"] {
            shell.env_remove(name);
        }
        let output = shell
            .env("AWS_CONFIG_FILE", self.folder.join("config"))
            .env("AWS_ENDPOINT_URL", &self.server.address)
            .env("PATH", path)
            .env("KEPT", self.folder.join("kept"))
            .env("GITHUB_STEP_SUMMARY", self.kept("summary.md"))
            .env("GITHUB_OUTPUT", self.kept("output"))
            // As the workflow gives it from the step before.
            .env("CODE", self.output("code"))
            .env("GITHUB_SHA", sha)
            .env("GITHUB_REF_NAME", "main")
            .env("MANIFESTS", "manifests")
            .env("RUNNER_TEMP", self.kept("temp"))
            .envs(given.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }

    /// A step of the workflow, or of the action that its jobs use.
    fn github(&self, job: &str, name: &str) -> (i32, String) {
        if job == "validate" { self.step("github/crossrole.yml", job, name) } else { self.step("github/action.yml", "runs", name) }
    }

    /// The pull request's plan, on the merge that GitHub checks out for it.
    fn planned(&self) -> (i32, String) {
        self.git(&["checkout", "--quiet", "-B", "merge", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "--no-edit", "change"]);
        let result = self.github("plan", "plan");
        self.git(&["checkout", "--quiet", "change"]);
        result
    }

    /// The pull request's job: it is red where somebody gains access, until that is approved; the comment and the plan are there.
    fn review(&self) {
        let (mut code, mut said) = self.planned();
        if code == 3 {
            self.approve(&said);
            (code, said) = self.planned();
        }
        assert_eq!(code, 0, "{said}");
        let (code, said) = self.github("plan", "comment");
        assert_eq!(code, 0, "{said}");
        // What `upload-artifact` does.
        fs::rename(self.folder.join("repo/crossrole.plan"), self.kept("crossrole.plan")).unwrap();
        let _ = fs::remove_file(self.folder.join("repo/comment.md"));
    }

    /// Commits the entries that a refused plan prints, with a reason.
    fn approve(&self, said: &str) {
        let lines = said.lines().skip_while(|line| !line.starts_with("refused: ")).skip(1);
        let entries: String =
            lines.take_while(|line| line.starts_with("  ") || line.trim().is_empty()).map(|line| format!("{}\n", line.trim_start())).collect();
        assert!(entries.contains("[[approval]]"), "{said}");
        fs::create_dir_all(self.folder.join("repo/approvals")).unwrap();
        fs::write(self.folder.join("repo/approvals/first.toml"), entries.replace("reason = \"\"", "reason = \"reviewed\"")).unwrap();
        self.git(&["add", "approvals"]);
        self.git(&["commit", "--quiet", "--message", "approved"]);
        fs::write(self.kept("head"), format!("7 {} change\n", self.git(&["rev-parse", "HEAD"]))).unwrap();
    }
}

/// The script of a step of GitHub's, or of a job of GitLab's.
fn script(file: &str, job: &str, name: &str) -> String {
    let text = fs::read_to_string(root().join("examples").join(file)).unwrap();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let key = format!("{job}:");
    let mut lines = text.lines().skip_while(|line| line.trim_end() != format!("  {key}") && line.trim_end() != key).skip(1);
    let depth = if name.is_empty() || job == "runs" { 0 } else { 2 };
    let of_job: Vec<&str> = lines.by_ref().take_while(|line| line.trim().is_empty() || indent(line) > depth).collect();
    if name.is_empty() {
        let script = of_job.iter().skip_while(|line| line.trim() != "script:").skip(1);
        return script.take_while(|line| line.trim().starts_with("- ")).map(|line| line.trim().trim_start_matches("- ")).collect::<Vec<_>>().join("\n");
    }
    let step: Vec<&str> = of_job.iter().copied().skip_while(|line| line.trim() != format!("- name: {name}")).skip(1).collect();
    let step: Vec<&str> = step.into_iter().take_while(|line| !line.trim().starts_with("- ")).collect();
    let at = step.iter().position(|line| line.trim().starts_with("run:")).unwrap_or_else(|| panic!("{file}: {job}: {name}"));
    let rest = step[at].trim().trim_start_matches("run:").trim();
    let block: Vec<&str> = step[at + 1..].iter().take_while(|line| indent(line) > indent(step[at])).map(|line| line.trim()).collect();
    match rest {
        "|" => block.join("\n"),
        ">-" => block.join(" "),
        _ => rest.to_owned(),
    }
}

#[tokio::test]
async fn what_was_reviewed_is_applied_after_the_merge() {
    let shop = Shop::new("loop").await;
    shop.branch(MANIFEST);
    for step in ["validate", "test"] {
        let (code, said) = shop.github("validate", step);
        assert_eq!(code, 0, "{step}: {said}");
    }
    let (code, said) = shop.planned();
    assert!(code == 3 && said.contains("under `--deny-widening`"), "nobody has approved it: {code} {said}");
    shop.review();
    let comment = shop.api.comments().pop().unwrap().body;
    assert!(comment.starts_with("<!-- crossrole plan ") && comment.contains("Access is widened") && comment.contains("role Reader"), "{comment}");
    assert_eq!(fs::read_to_string(shop.kept("summary.md")).unwrap(), comment);
    shop.merge();
    let (code, said) = shop.github("apply", "fetch");
    assert_eq!(code, 0, "{said}");
    let asked = fs::read_to_string(shop.kept("gh")).unwrap();
    let head = fs::read_to_string(shop.kept("head")).unwrap();
    let head = head.split(' ').nth(1).unwrap();
    assert!(asked.contains(&format!("runs?event=pull_request&head_sha={head}&")), "{asked}");
    assert_eq!(shop.api.asked(), ["viewer", "issues/list-comments", "issues/create-comment"]);
    let (code, said) = shop.github("apply", "apply");
    assert!(code == 0 && said.contains("Applied: "), "{said}");
    // The job is run again.
    let (code, said) = shop.github("apply", "apply");
    assert!(code == 0 && said.contains("Already done"), "{said}");
    let (code, said) = shop.github("drift", "left");
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn what_moved_since_the_review_is_named_and_nothing_is_applied() {
    let shop = Shop::new("moved").await;
    shop.branch(MANIFEST);
    shop.review();
    shop.merge();
    assert_eq!(shop.github("apply", "fetch").0, 0);
    // Another hand, as the trusting account's own.
    let theirs = shop.folder.join("theirs");
    fs::create_dir_all(&theirs).unwrap();
    let other = theirs.join("other.toml");
    fs::write(&other, MANIFEST.replace("\"reviewed\"", "\"other\"").replace("Reader", "Writer").replace("\"read\"", "\"write\"")).unwrap();
    let done = by_hand(&shop, &other);
    assert!(done.0 == 0, "{}", done.1);
    let (code, said) = shop.github("apply", "apply");
    assert_eq!(code, 5, "{said}");
    for wanted in ["this is not the plan that was saved, and nothing was changed:", "bucket-policy/reviewed-bucket, since the review:", "role/Writer"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let (code, said) = shop.github("drift", "left");
    assert!(code == 2 && said.contains("+ role Reader"), "{said}");
}

/// Somebody else's apply on the same AWS.
fn by_hand(shop: &Shop, file: &Path) -> (i32, String) {
    let output = command(&["apply", "--auto-approve", "--quiet", &file.display().to_string(), "--config"])
        .arg(shop.folder.join("repo/crossrole.toml"))
        .env("AWS_CONFIG_FILE", shop.folder.join("config"))
        .env("AWS_ENDPOINT_URL", &shop.server.address)
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_manifest_that_was_changed_after_the_review_is_refused() {
    let shop = Shop::new("changed").await;
    shop.branch(MANIFEST);
    shop.review();
    fs::write(shop.folder.join("repo/manifests/reviewed.toml"), MANIFEST.replace("mfa = true\n", "")).unwrap();
    shop.git(&["commit", "--quiet", "--all", "--message", "without a second factor"]);
    shop.merge();
    assert_eq!(shop.github("apply", "fetch").0, 0);
    let (code, said) = shop.github("apply", "apply");
    assert!(code == 5 && said.contains("plan is stale: manifest reviewed is not among these as it was planned"), "{said}");
    let (code, said) = shop.github("drift", "left");
    assert!(code == 2 && said.contains("+ role Reader"), "nothing was applied: {said}");
}

/// The night finds what somebody did, and opens a pull request with it; another night brings it up to date. Once it is merged, there is
/// nothing to plan.
#[tokio::test]
async fn drift_comes_back_as_a_pull_request() {
    let shop = Shop::new("drift").await;
    shop.branch(MANIFEST);
    shop.review();
    shop.merge();
    assert_eq!(shop.github("apply", "fetch").0, 0);
    let (code, said) = shop.github("apply", "apply");
    assert_eq!(code, 0, "{said}");
    let bare = shop.folder.join("origin.git").display().to_string();
    shop.git(&["init", "--quiet", "--bare", &bare]);
    shop.git(&["remote", "add", "origin", &bare]);
    shop.git(&["push", "--quiet", "origin", "main"]);
    for (description, asked) in [("by hand", "pr create"), ("by another hand", "pr edit")] {
        shop.git(&["switch", "--quiet", "main"]);
        let theirs = shop.folder.join("theirs.toml");
        let described = format!("[roles.Reader]\ndescription = \"{description}\"\n");
        fs::write(&theirs, MANIFEST.replace("[roles.Reader]\n", &described)).unwrap();
        let (code, said) = by_hand(&shop, &theirs);
        assert_eq!(code, 0, "{said}");
        for step in ["drift", "close", "pull-request", "left"] {
            let (code, said) = shop.github("drift", step);
            assert_eq!(code, 0, "{step}: {said}");
        }
        assert!(!fs::read_to_string(shop.kept("gh")).unwrap().contains("pr close"), "{description}");
        assert!(fs::read_to_string(shop.kept("gh")).unwrap().contains(asked), "{description}");
        let request = fs::read_to_string(shop.kept("request.md")).unwrap();
        assert!(request.starts_with("<!-- crossrole drift ") && request.contains(description), "{request}");
        let pushed = shop.git(&["show", "origin/crossrole/drift:manifests/reviewed.toml"]);
        assert!(pushed.contains(&format!("description = \"{description}\"")), "{pushed}");
    }
    let (code, said) = shop.github("plan", "left");
    assert!(code == 0 && said.contains("Drift: none"), "{said}");
    // What no manifest can say, as what a bucket's policy has under our name, is red, and left to an apply.
    shop.git(&["switch", "--quiet", "main"]);
    let theirs = shop.folder.join("theirs.toml");
    fs::write(&theirs, format!("{MANIFEST}[[buckets.reviewed-bucket.allow]]\naccount = \"dev\"\naccess = \"read\"\n")).unwrap();
    assert_eq!(by_hand(&shop, &theirs).0, 0);
    for (step, expected) in [("drift", 0), ("left", 2)] {
        let (code, said) = shop.github("drift", step);
        assert_eq!(code, expected, "{step}: {said}");
    }
}

/// What was put back by hand is no drift any more: the pull request of the night before goes, with its branch, and not before that is known.
#[tokio::test]
async fn a_pull_request_of_drift_that_is_gone_is_closed() {
    let shop = Shop::new("stale").await;
    shop.branch(MANIFEST);
    shop.review();
    shop.merge();
    assert_eq!(shop.github("apply", "fetch").0, 0);
    assert_eq!(shop.github("apply", "apply").0, 0);
    let bare = shop.folder.join("origin.git").display().to_string();
    shop.git(&["init", "--quiet", "--bare", &bare]);
    shop.git(&["remote", "add", "origin", &bare]);
    shop.git(&["push", "--quiet", "origin", "main"]);
    let hand = |text: &str| {
        let theirs = shop.folder.join("theirs.toml");
        fs::write(&theirs, text).unwrap();
        let (code, said) = by_hand(&shop, &theirs);
        assert_eq!(code, 0, "{said}");
    };
    let night = || {
        shop.git(&["switch", "--quiet", "main"]);
        for step in ["drift", "close", "pull-request"] {
            let (code, said) = shop.github("drift", step);
            assert_eq!(code, 0, "{step}: {said}");
        }
        fs::read_to_string(shop.kept("gh")).unwrap().matches("pr close 12").count()
    };
    let is_open = || shop.kept("open").exists();
    hand(&MANIFEST.replace("[roles.Reader]\n", "[roles.Reader]\ndescription = \"by hand\"\n"));
    assert!(night() == 0 && is_open());
    // What could not be read may still be so.
    let config = shop.folder.join("repo/crossrole.toml");
    let settings = fs::read_to_string(&config).unwrap();
    hand(MANIFEST);
    fs::write(&config, settings.replace("p222222222222", "nobody")).unwrap();
    assert!(night() == 0 && is_open());
    fs::write(&config, &settings).unwrap();
    // What is left is none that a manifest could say.
    hand(&format!("{MANIFEST}[[buckets.reviewed-bucket.allow]]\naccount = \"dev\"\naccess = \"read\"\n"));
    assert!(night() == 1 && !is_open());
    let branches = shop.git(&["ls-remote", "--heads", "origin"]);
    assert!(branches.contains("main") && !branches.contains("drift"), "{branches}");
    // Another night, with nothing to close.
    hand(MANIFEST);
    assert_eq!(night(), 1);
}

/// A second push updates the comment, and what no pull request brought is not applied.
#[tokio::test]
async fn the_comment_is_updated_in_place_and_a_push_without_a_review_is_refused() {
    let shop = Shop::new("again").await;
    shop.branch(MANIFEST);
    shop.review();
    shop.review();
    let asked = shop.api.asked();
    assert_eq!(asked.iter().filter(|asked| asked.contains("list")).count(), 2);
    assert!(asked.contains(&"issues/create-comment".to_owned()) && asked.contains(&"issues/update-comment".to_owned()) && asked.len() == 6, "{asked:?}");
    assert_eq!(shop.api.comments().len(), 1);
    shop.merge();
    fs::write(shop.kept("head"), "").unwrap();
    let (code, said) = shop.github("apply", "fetch");
    assert!(code == 1 && said.contains("::error::no pull request was merged as this commit"), "{said}");
    assert!(!shop.kept("temp/plan/crossrole.plan").exists());
}

/// Runs of one commit may be of many pull requests, and of forks: none of theirs is taken, and one without a plan holds nothing up.
#[tokio::test]
async fn the_plan_is_that_of_the_pull_request_which_was_merged() {
    let shop = Shop::new("runs").await;
    shop.branch(MANIFEST);
    shop.review();
    shop.merge();
    let others = "12 fork/repo change \n13 owner/repo other \n14 owner/repo change 8:theirs\n15 owner/repo change 17:main,7:theirs\n16  change \n";
    for (runs, taken) in [
        (format!("{others}17 owner/repo change 7:main\n4711 owner/repo change 7:main\n"), true),
        (format!("{others}4711 owner/repo change 8:main,7:main\n"), true),
        (format!("{others}4711 owner/repo change \n"), true),
        (others.to_owned(), false),
        (String::new(), false),
    ] {
        let _ = fs::remove_dir_all(shop.kept("temp"));
        let _ = fs::remove_file(shop.kept("gh"));
        fs::write(shop.kept("runs"), &runs).unwrap();
        let (code, said) = shop.github("apply", "fetch");
        let asked = fs::read_to_string(shop.kept("gh")).unwrap();
        assert_eq!((code == 0, shop.kept("temp/plan/crossrole.plan").exists()), (taken, taken), "{runs}: {said}");
        assert!(!["12", "13", "14", "15", "16"].iter().any(|run| asked.contains(&format!("run download {run} "))), "{runs}: {asked}");
        assert!(taken || said.contains("::error::there is no plan of the pull request"), "{said}");
    }
}

/// A plan of another kind that somebody put in the reviewed one's place takes nothing back: no step asks for that.
#[tokio::test]
async fn a_plan_to_destroy_is_not_applied() {
    let shop = Shop::new("destroys").await;
    shop.branch(MANIFEST);
    shop.review();
    shop.merge();
    assert_eq!(shop.github("apply", "fetch").0, 0);
    assert_eq!(shop.github("apply", "apply").0, 0);
    let evil = shop.kept("temp/plan/crossrole.plan").display().to_string();
    let output = command(&["plan", "--destroy", "--out", &evil, "manifests"])
        .current_dir(shop.folder.join("repo"))
        .env("AWS_CONFIG_FILE", shop.folder.join("config"))
        .env("AWS_ENDPOINT_URL", &shop.server.address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, said) = shop.github("apply", "apply");
    assert!(code == 3 && said.contains("takes back all that its manifests own"), "{code}: {said}");
    let (code, said) = shop.github("drift", "left");
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn gitlab_shows_the_numbers_and_applies_on_the_default_branch() {
    let shop = Shop::new("gitlab").await;
    shop.branch(MANIFEST);
    let run = |job: &str| shop.step_in("gitlab-ci.yml", job, "", &[]);
    assert_eq!(run("validate").0, 0);
    let api = shop.api.gitlab();
    let request = [("CI_PROJECT_ID", "12"), ("CI_MERGE_REQUEST_IID", "7"), ("GITLAB_CI", "true"), ("CI_API_V4_URL", api.as_str()), ("GITLAB_TOKEN", TOKEN)];
    let (code, said) = shop.step_in("gitlab-ci.yml", "plan", "", &request);
    assert_eq!(code, 3, "nobody has approved it: {said}");
    assert_eq!(shop.api.asked(), ["current-user", "list-notes", "create-note"]);
    assert!(shop.api.comments()[0].body.contains("[[approval]]"));
    let (code, refused) = run("apply");
    assert!(code == 3 && refused.contains("under `--deny-widening`"), "{code}: {refused}");
    shop.approve(&said);
    let (code, said) = shop.step_in("gitlab-ci.yml", "plan", "", &request);
    assert_eq!(code, 0, "{said}");
    assert_eq!(shop.api.asked(), ["current-user", "list-notes", "modify-note"]);
    assert!(shop.api.comments()[0].body.contains("Access is widened"));
    let numbers: Value = serde_json::from_str(&fs::read_to_string(shop.folder.join("repo/terraform.json")).unwrap()).unwrap();
    assert_eq!(numbers, serde_json::json!({ "create": 2, "update": 0, "delete": 0 }));
    shop.merge();
    assert_eq!(run("plan").0, 0);
    assert!(shop.api.asked().is_empty(), "a push has no request");
    let (code, said) = run("apply");
    assert!(code == 0 && said.contains("Applied: "), "{said}");
}
