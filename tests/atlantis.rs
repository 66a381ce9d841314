//! The Atlantis workflow and the container of `examples`. The steps are run as Atlantis runs them: one after the other in the working
//! copy, with its variables, on the embedded AWS, as roles that have what `runner-policy` prints.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{BIN, command};
use crate::runner::{Runner, profiles, settings};
use crate::runner_policy::policies;
use crate::support::{Place, manifest, root};

const TRUSTING: &str = "222222222222";

const MANIFEST: &str = r#"
name = "atlantis"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[buckets.atlantis-bucket]
[roles.Reader]
[[roles.Reader.trust]]
account = "dev"
mfa = true
[[roles.Reader.allow]]
bucket = "atlantis-bucket"
access = "read"
"#;

const EXPECTED: &str = r#"
[[expect]]
principal = "role/Reader"
action = "s3:PutObject"
resource = "atlantis-bucket/any"
result = "denied"
"#;

/// One step.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A variable of the steps below.
    Env(String, String),
    /// What a shell runs.
    Run(String),
}

/// The steps of a stage, as they stand in the file.
fn steps(stage: &str) -> Vec<Step> {
    let text = fs::read_to_string(root().join("examples/atlantis/repos.yaml")).unwrap();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let at = lines.iter().position(|line| *line == format!("    {stage}:")).unwrap();
    let of_stage: Vec<&str> = lines[at + 1..].iter().copied().take_while(|line| indent(line) > 4).collect();
    let value = |line: &str, key: &str| line.trim().strip_prefix(key).map(|value| value.trim().to_owned());
    let mut steps = Vec::new();
    for (number, line) in of_stage.iter().enumerate() {
        if let Some(run) = value(line, "- run:") {
            steps.push(Step::Run(run));
        } else if line.trim() == "- env:" {
            steps.push(Step::Env(value(of_stage[number + 1], "name:").unwrap(), value(of_stage[number + 2], "value:").unwrap()));
        }
    }
    steps
}

/// Atlantis' working copy of a pull request.
struct Desk {
    runner: Runner,
    planfile: PathBuf,
}

impl Desk {
    async fn new(name: &str) -> Self {
        let place = Place::with_bucket("atlantis-bucket").await;
        let file = manifest(&format!("atlantis-{name}"), MANIFEST);
        let (plan, apply) = (policies(&place, "plan", &file).await, policies(&place, "apply", &file).await);
        let as_plan = profiles(&place, "plan", &plan).await;
        let as_apply = profiles(&place, "apply", &apply).await;
        let runner = Runner::reached(&format!("atlantis-{name}"), &place, "", &settings(apply.keys()));
        for part in ["manifests", "bin", "approvals"] {
            let _ = fs::remove_dir_all(runner.folder.join(part));
            fs::create_dir_all(runner.folder.join(part)).unwrap();
        }
        fs::write(runner.folder.join("aws-plan"), as_plan).unwrap();
        fs::write(runner.folder.join("aws-apply"), as_apply).unwrap();
        std::os::unix::fs::symlink(BIN, runner.folder.join("bin/crossrole")).unwrap();
        // A name with a space: of a project that has none in its own.
        let planfile = runner.folder.join("access default.tfplan");
        let _ = fs::remove_file(&planfile);
        let desk = Self { runner, planfile };
        let _ = fs::remove_dir_all(desk.runner.folder.join(".git"));
        desk.git(&["init", "--quiet", "--initial-branch", "work"]);
        desk.land();
        desk.write(MANIFEST);
        fs::write(desk.runner.folder.join("manifests/atlantis.expect.toml"), EXPECTED).unwrap();
        desk
    }

    fn write(&self, text: &str) {
        fs::write(self.runner.folder.join("manifests/atlantis.toml"), text).unwrap();
    }

    fn git(&self, words: &[&str]) -> String {
        let who = ["-c", "user.name=atlantis", "-c", "user.email=atlantis@example.invalid", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        command.args(who).args(words).current_dir(&self.runner.folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What there is becomes the base branch.
    fn land(&self) {
        self.git(&["add", "--", "manifests", "approvals", "crossrole.toml"]);
        let tree = self.git(&["write-tree"]);
        let commit = self.git(&["commit-tree", &tree, "-m", "base"]);
        self.git(&["update-ref", "refs/heads/base", &commit]);
    }

    /// Merges what there is into the base branch as Atlantis does (`git merge --no-ff` of its working directory, under the strategy
    /// `merge`): a commit of two parents, the base branch and then the pull request's head.
    fn merge(&self) {
        self.git(&["add", "--", "manifests", "approvals", "crossrole.toml"]);
        let tree = self.git(&["write-tree"]);
        let head = self.git(&["commit-tree", &tree, "-p", "base", "-m", "a change"]);
        let merged = self.git(&["commit-tree", &tree, "-p", "base", "-p", &head, "-m", "atlantis-merge"]);
        self.git(&["update-ref", "HEAD", &merged]);
    }

    /// Runs a stage: the code of the step that ended it, and all that was said.
    fn stage(&self, stage: &str) -> (i32, String) {
        let folder = &self.runner.folder;
        if stage == "plan" {
            self.merge();
        }
        let (mut variables, mut all) = (Vec::new(), String::new());
        for step in steps(stage) {
            let script = match step {
                Step::Env(name, value) => {
                    variables.push((name, value.replace("/etc/atlantis", &folder.display().to_string())));
                    continue;
                }
                Step::Run(script) => script,
            };
            let (code, said) = self.shell(&script, &variables);
            all.push_str(&said);
            if code != Some(0) {
                return (code.unwrap(), all);
            }
        }
        (0, all)
    }

    /// Runs a step: its code, and what was said.
    fn shell(&self, script: &str, variables: &[(String, String)]) -> (Option<i32>, String) {
        let folder = &self.runner.folder;
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(folder);
        for (name, value) in command(&[]).get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
        shell.env("PATH", path).env("AWS_ENDPOINT_URL", &self.runner.server.address).env("PLANFILE", &self.planfile).env("DIR", folder);
        // What somebody has written in a comment.
        shell.env("COMMENT_ARGS", "\\-\\-\\p\\a\\r\\t\\i\\a\\l").envs(variables.iter().map(|(name, value)| (name, value)));
        let output = shell.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    }

    /// Approves what the plan asks for, as the pull request would.
    fn approve(&self, said: &str) {
        let digests = said.lines().filter(|line| line.trim().starts_with("widenings = ["));
        let entries: Vec<String> = digests.map(|line| format!("[[approval]]\n{}\nreason = \"reviewed\"\n", line.trim())).collect();
        assert!(!entries.is_empty(), "{said}");
        fs::write(self.runner.folder.join("approvals/atlantis.toml"), entries.join("\n")).unwrap();
    }
}

#[tokio::test]
async fn what_stands_in_the_comment_is_applied() {
    let desk = Desk::new("loop").await;
    let (code, said) = desk.stage("plan");
    assert!(code == 3 && said.contains("+ role Reader"), "{code}: {said}");
    desk.approve(&said);
    let (code, said) = desk.stage("plan");
    assert!(code == 0 && said.contains("+ role Reader") && said.contains("Access: "), "{code}: {said}");
    let (code, said) = desk.stage("apply");
    assert!(code == 0 && said.contains("Applied: "), "{code}: {said}");
    let (code, said) = desk.stage("apply");
    assert!(code == 0 && said.contains("No changes."), "{code}: {said}");
}

/// What somebody has done by hand is told from what the pull request changes, by the base branch that it was merged into.
#[tokio::test]
async fn drift_is_told_from_the_pull_request() {
    let desk = Desk::new("base").await;
    let (_, said) = desk.stage("plan");
    desk.approve(&said);
    assert_eq!((desk.stage("plan").0, desk.stage("apply").0), (0, 0));
    desk.land();
    // Somebody's hand: what nobody has merged is live.
    desk.write(&MANIFEST.replace("access = \"read\"", "access = \"read-write\""));
    let as_apply = [("AWS_CONFIG_FILE".to_owned(), desk.runner.folder.join("aws-apply").display().to_string())];
    let (code, said) = desk.shell("crossrole apply --auto-approve --quiet manifests", &as_apply);
    assert_eq!(code, Some(0), "{said}");
    desk.write(&MANIFEST.replace("mfa = true", "mfa = true\nexternal_id = \"atlantis-1\""));
    let (code, said) = desk.stage("plan");
    let (drift, change) = said.split_once("This change").unwrap_or_else(|| panic!("{code}: {said}"));
    assert!(code == 0 && drift.contains("s3:PutObject") && !drift.contains("sts:ExternalId"), "{code}: {said}");
    assert!(change.contains("sts:ExternalId"), "{code}: {said}");
    // What it changes of what it is judged by does not pass unsaid.
    fs::write(desk.runner.folder.join("crossrole.toml"), fs::read_to_string(desk.runner.folder.join("crossrole.toml")).unwrap() + "\n[guardrails]\n").unwrap();
    let (code, said) = desk.stage("plan");
    assert!(code == 0 && said.contains("crossrole.toml (settings)"), "{code}: {said}");
}

/// Atlantis applies whatever plan file there is: one that was refused is refused once more, until it is approved, and again when that ended.
#[tokio::test]
async fn a_plan_that_was_refused_is_not_applied() {
    let desk = Desk::new("refused").await;
    let (code, said) = desk.stage("plan");
    assert!(code == 3 && desk.planfile.exists(), "{code}: {said}");
    for ends in [None, Some("expires = 2020-01-01\n"), Some("expires = 2999-01-01\n")] {
        if let Some(ends) = ends {
            desk.approve(&said);
            let file = desk.runner.folder.join("approvals/atlantis.toml");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, text.replace("reason = \"reviewed\"\n", &format!("reason = \"reviewed\"\n{ends}"))).unwrap();
        }
        let holds = ends == Some("expires = 2999-01-01\n");
        // Without a word of the pipeline, the file itself asks for it.
        let bare = steps("apply").into_iter().filter_map(|step| if let Step::Run(script) = step { Some(script.replace(" --deny-widening", "")) } else { None });
        for script in bare.collect::<Vec<_>>() {
            let (code, said) = desk.shell(&script, &[("AWS_CONFIG_FILE".to_owned(), desk.runner.folder.join("aws-apply").display().to_string())]);
            assert_eq!(code == Some(0), holds, "{ends:?}: {said}");
            assert!(holds || said.contains("under `--deny-widening`"), "{ends:?}: {said}");
        }
        let (code, said) = desk.stage("apply");
        assert_eq!(code, if holds { 0 } else { 3 }, "{ends:?}: {said}");
    }
}

#[tokio::test]
async fn what_is_no_longer_what_was_planned_is_refused() {
    let desk = Desk::new("moved").await;
    let (_, said) = desk.stage("plan");
    desk.approve(&said);
    assert_eq!(desk.stage("plan").0, 0);
    desk.write(&MANIFEST.replace("mfa = true\n", ""));
    let (code, said) = desk.stage("apply");
    assert!(code == 5 && said.contains("has changed since it was planned"), "{said}");
    desk.write(MANIFEST);
    fs::write(&desk.planfile, "{}").unwrap();
    assert_eq!(desk.stage("apply").0, 1);
}

/// The stage that plans can't write, whatever it is told to run.
#[tokio::test]
async fn the_stage_that_plans_can_not_apply() {
    let desk = Desk::new("less").await;
    let Some(Step::Env(name, value)) = steps("plan").into_iter().next() else { panic!("no variable first") };
    assert_eq!((name.as_str(), value.as_str()), ("AWS_CONFIG_FILE", "/etc/atlantis/aws-plan"));
    fs::copy(desk.runner.folder.join("aws-plan"), desk.runner.folder.join("config")).unwrap();
    let (code, said) = desk.runner.run(&["apply", "--auto-approve", "--quiet", "manifests"]);
    assert!(code == 1 && said.contains("nothing was changed:") && said.contains(TRUSTING), "{said}");
}

/// Keys, by the reference of Atlantis' server-side and repo-level configuration, and of its custom workflows.
const KEYS: [&str; 23] = [
    "repos",
    "id",
    "branch",
    "apply_requirements",
    "allowed_overrides",
    "allow_custom_workflows",
    "workflow",
    "workflows",
    "crossrole",
    "plan",
    "apply",
    "steps",
    "env",
    "name",
    "value",
    "run",
    "version",
    "projects",
    "dir",
    "autoplan",
    "enabled",
    "when_modified",
    "repo_locks",
];

/// What the files are about is there: no key but Atlantis' own, no command but those that exist.
#[test]
fn the_files_speak_of_what_there_is() {
    let read = |name: &str| fs::read_to_string(root().join("examples").join(name)).unwrap();
    for file in ["atlantis/repos.yaml", "atlantis/atlantis.yaml"] {
        for line in read(file).lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            let key = line.trim().trim_start_matches("- ").split(':').next().unwrap();
            assert!(KEYS.contains(&key), "{file}: {key}");
        }
    }
    let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    let container = read("container/Containerfile");
    assert!(container.contains(&format!("library/rust:{channel}-bookworm AS build")) && container.contains(&format!("RUSTUP_TOOLCHAIN={channel}")));
    assert!(container.contains(&format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"))));
    let last = container.split("\nFROM ").last().unwrap();
    assert!(last.starts_with("scratch\n") && last.contains("\nUSER 65532:65532\n") && !last.contains("\nRUN "), "{last}");
}
