//! Against others: emulators that nobody here wrote, and real clients on our own sandbox. They need Python 3 and PyPI; where
//! those are missing the tests are ignored and say so, but under `CI=true` they fail. That of Terraform needs it, or OpenTofu,
//! on the path, with a way to its AWS provider (a registry, or a mirror that its own configuration names): it is ignored where
//! there is none, and says so; so is Mermaid's own parser, which needs Node and npm, and so are shells that neither this machine nor
//! Debian has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

#[path = "independent/pictures.rs"]
mod pictures;
#[path = "independent/shells.rs"]
mod shells;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Map, Value, json};

const SCENARIOS: [&str; 15] = [
    "log-analysts",
    "cross-account-user",
    "lambda-service",
    "ec2-service",
    "codepipeline-service",
    "guarded-partner",
    "prod-data",
    "direct-bucket-access",
    "shared-bucket-read",
    "github-actions",
    "saml-federation",
    "encrypted-exchange",
    "foreign-key",
    "made-key",
    "permission-set",
];

fn main() {
    let arguments = Arguments::from_args();
    let prepared = if arguments.list { Ok(PathBuf::new()) } else { virtual_environment() };
    let ci = std::env::var("CI").is_ok_and(|v| v == "true");
    let missing = prepared.as_ref().err().cloned();
    if let Some(why) = &missing {
        eprintln!("independent clients and emulators can't be had: {why}");
    }
    let python = Arc::new(prepared.unwrap_or_default());
    let mut trials = Vec::new();
    for (script, client) in [
        ("clients", "boto3"),
        ("clients", "cli"),
        ("objects", "boto3"),
        ("objects", "cli"),
        ("objects", "s3cmd"),
        ("keys", "boto3"),
        ("keys", "cli"),
        ("sets", "boto3"),
        ("sets", "cli"),
        ("locks", "sandbox"),
    ] {
        let (python, missing) = (Arc::clone(&python), missing.clone());
        trials.push(Trial::test(format!("{script}::{client}"), move || run(missing, || clients(&python, script, client))));
    }
    for (client, words) in [("boto3", &["--session-most", "10"][..]), ("cli", &[]), ("factor", &[])] {
        let (python, missing) = (Arc::clone(&python), missing.clone());
        trials.push(Trial::test(format!("use::{client}"), move || run(missing, || used(&python, client, words))));
    }
    let (own, why) = (Arc::clone(&python), missing.clone());
    trials.push(Trial::test("reports::schemas", move || run(why, || reports(&own))));
    let (own, why) = (Arc::clone(&python), missing.clone());
    trials.push(Trial::test("moto::organization", move || run(why, || organization(&own))));
    let (own, why) = (Arc::clone(&python), missing.clone());
    trials.push(Trial::test("sandbox::proofs", move || run(why, || proofs(&own, "sandbox"))));
    let (own, why) = (Arc::clone(&python), missing.clone());
    trials.push(Trial::test("guides", move || run(why, || guides(&own))));
    let (own, why) = (Arc::clone(&python), missing.clone());
    trials.push(Trial::test("pictures", move || run(why, || drawn(&own))));
    for scenario in SCENARIOS {
        let (python, missing) = (Arc::clone(&python), missing.clone());
        trials.push(Trial::test(format!("cfn-lint::{scenario}"), move || run(missing, || template(&python, scenario))));
    }
    let (own, why) = (Arc::clone(&python), missing.clone());
    trials.push(Trial::test("hadolint", move || run(why, || container(&own))));
    for emulator in ["moto", "ministack"] {
        let (python, missing) = (Arc::clone(&python), missing.clone());
        let (python_too, missing_too) = (Arc::clone(&python), missing.clone());
        let (locks_python, locks_missing) = (Arc::clone(&python), missing.clone());
        if emulator == "ministack" {
            let (own, why) = (Arc::clone(&python), missing.clone());
            trials.push(Trial::test("ministack::proofs", move || run(why, || proofs(&own, "ministack"))));
        }
        trials.push(
            Trial::test(format!("{emulator}::locks"), move || run(locks_missing, || locks(&locks_python, emulator)))
                .with_ignored_flag(gap(emulator, "locks").is_some()),
        );
        trials.push(
            Trial::test(format!("{emulator}::key"), move || run(missing_too, || key(&python_too, emulator))).with_ignored_flag(gap(emulator, "key").is_some()),
        );
        trials.push(Trial::test(format!("{emulator}::security-audit"), move || run(missing, || audit(&python, emulator))));
    }
    for emulator in ["moto", "ministack"] {
        for scenario in SCENARIOS {
            let (python, missing) = (Arc::clone(&python), missing.clone());
            // A cycle that can't be applied there is not run, and counted so: it must not look like a pass.
            let left_out = gap(emulator, scenario).is_some_and(|phase| phase == "apply" || phase == "prepare");
            trials
                .push(Trial::test(format!("{emulator}::{scenario}"), move || run(missing, || cycle(&python, emulator, scenario))).with_ignored_flag(left_out));
        }
    }
    // Where they can't be had they are not run, and counted so.
    let mut trials: Vec<Trial> = trials.into_iter().map(|t| if missing.is_some() && !ci { t.with_ignored_flag(true) } else { t }).collect();
    for name in ["sh", "fish", "powershell"] {
        let found = if arguments.list { Ok((PathBuf::new(), None)) } else { shells::shell(name, &root()) };
        if let Err(why) = &found {
            eprintln!("{name} can't be had: {why}");
        }
        let absent = found.is_err();
        trials.push(
            Trial::test(format!("use::{name}"), move || found.and_then(|(shell, libraries)| read_by(name, &shell, libraries)).map_err(Failed::from))
                .with_ignored_flag(absent),
        );
    }
    let program = Terraform::program();
    let absent = program.is_err();
    trials.push(Trial::test("terraform::roles", move || program.and_then(terraform_roles).map_err(Failed::from)).with_ignored_flag(absent));
    let terraform = if arguments.list { Ok(Terraform::default()) } else { Terraform::find() };
    if let Err(why) = &terraform {
        eprintln!("Terraform can't be had: {why}");
    }
    let mermaid = if arguments.list { Ok(PathBuf::new()) } else { pictures::mermaid(&root()) };
    if let Err(why) = &mermaid {
        eprintln!("Mermaid's own parser can't be had: {why}");
    }
    let without = mermaid.is_err();
    let parsed = move || mermaid.and_then(|modules| parsed(&modules)).map_err(Failed::from);
    trials.push(Trial::test("mermaid", parsed).with_ignored_flag(without));
    let ignored = terraform.is_err();
    let cycle = move || terraform.and_then(|terraform| terraform.cycle()).map_err(Failed::from);
    trials.push(Trial::test("terraform", cycle).with_ignored_flag(ignored));
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(missing: Option<String>, test: impl FnOnce() -> Result<(), String>) -> Result<(), Failed> {
    missing.map_or_else(test, Err).map_err(Failed::from)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository is there")
}

/// A virtual environment under the target folder, made when it or its requirements are new.
fn virtual_environment() -> Result<PathBuf, String> {
    let folder = root().join("target/independent");
    let wanted = std::fs::read_to_string(root().join("tests/independent/requirements.txt")).map_err(|e| e.to_string())?;
    let marker = folder.join("installed.txt");
    let python = folder.join("bin/python");
    if std::fs::read_to_string(&marker).is_ok_and(|text| text == wanted) && python.exists() {
        return Ok(python);
    }
    let _ = std::fs::remove_dir_all(&folder);
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(root().join("tests/independent/requirements.txt")),
    )?;
    std::fs::write(&marker, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{command:?} failed\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The sandbox as a server, and its address.
fn sandbox(words: &[&str]) -> Result<(Server, String), String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crossrole"))
        .args(["sandbox", "serve", "--listen", "127.0.0.1:0"])
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    let stdout = child.stdout.take().ok_or("no output")?;
    let server = Server(child);
    let mut address = String::new();
    BufReader::new(stdout).read_line(&mut address).map_err(|e| e.to_string())?;
    Ok((server, address.trim().to_owned()))
}

fn clients(python: &Path, script: &str, which: &str) -> Result<(), String> {
    let (_server, address) = sandbox(&[])?;
    let script = root().join(format!("tests/independent/{script}.py"));
    // The last two are for who runs our command, too.
    let ours = [PathBuf::from(env!("CARGO_BIN_EXE_crossrole")), root().join("manifests/encrypted-exchange.toml")];
    succeed(clean(Command::new(python).arg(script).arg(address).arg(which).args(ours))).map(|_| ())
}

/// What crossrole hands out, used for longer than a session of that sandbox lasts.
fn used(python: &Path, client: &str, words: &[&str]) -> Result<(), String> {
    let (_server, address) = sandbox(words)?;
    let script = root().join("tests/independent/use.py");
    succeed(clean(Command::new(python).arg(script).arg(address).arg(client).arg(env!("CARGO_BIN_EXE_crossrole")))).map(|_| ())
}

/// What `assume` prints of hostile values, read by a shell.
fn read_by(name: &str, shell: &Path, libraries: Option<PathBuf>) -> Result<(), String> {
    let script = root().join("tests/independent/use.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["none", name, env!("CARGO_BIN_EXE_crossrole"), "none"]).arg(shell);
    // Python, and what it starts, find these beside their own.
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    succeed(clean(&mut command)).map(|_| ())
}

/// Every report of findings, tests and plans of all manifests of the repository, mistakes and hostile names among them, each against the
/// schema of its field.
fn reports(python: &Path) -> Result<(), String> {
    let folder = root().join(format!("target/test-manifests/independent-reports-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map(|()| path.display().to_string()).map_err(|e| e.to_string())
    };
    let base = std::fs::read_to_string(root().join("manifests/log-analysts.toml")).map_err(|e| e.to_string())?;
    let hostile = write("hostile <&\"' ü%.toml", "name = \"x\\u001b]0;t\\u0007\"\n[roles.\"a</x>]]>\\u0000\\uFFFE\\u202E\"]\ndescription = \"![a](b)\"\n")?;
    let expected = |result: &str| {
        format!("[[expect]]\nprincipal = \"role/DevLogAccessRole\"\naction = \"s3:GetObject\"\nresource = \"log-bucket/<&]]>\"\nresult = \"{result}\"\n")
    };
    let tested = write("tested.toml", &base)?;
    write("tested.expect.toml", &(expected("allowed") + &expected("denied")))?;
    // More mistakes than code scanning shows.
    let many = write("many.toml", &(base.clone() + &(0..6_000).map(|at| format!("[roles.\"no role {at}\"]\n")).collect::<String>()))?;
    let [good, bad] = ["manifests", "manifests/invalid"].map(|name| root().join(name).display().to_string());
    let runs: [(&str, &[&str]); 6] = [
        ("good", &["validate", &good]),
        ("bad", &["validate", &bad]),
        ("hostile", &["validate", &hostile]),
        ("many", &["validate", &many]),
        ("test", &["test", &tested]),
        ("plan", &["plan", "--sandbox", &good]),
    ];
    let state = folder.join("state.json").display().to_string();
    let audited: [&str; 6] = ["audit", "--sandbox", "--account", "111111111111", "--account", "222222222222"];
    for (name, words) in runs.into_iter().chain([("audit", &audited[..])]) {
        let report = |format: &str, end: &str| format!("--report={format}={}", folder.join(format!("{name}.{end}")).display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
        command.args(words).arg(report("sarif", "sarif"));
        if name == "audit" {
            command.args(["--sandbox-state", &state]);
        } else {
            command.args([report("junit", "junit.xml"), report("gitlab-codequality", "codequality.json")]);
        }
        if name == "plan" {
            command.args(["--sandbox-state", &state, &report("gitlab-terraform", "terraform.json")]);
        }
        let output = clean(&mut command).current_dir(&folder).output().map_err(|e| e.to_string())?;
        if !folder.join(format!("{name}.sarif")).exists() {
            return Err(format!("{name}: no report\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    succeed(Command::new(python).arg(root().join("tests/independent/reports.py")).arg(&folder)).map(|_| ())
}

/// Pictures of scenarios and of hostile text, read by parsers of DOT, SVG and HTML.
fn drawn(python: &Path) -> Result<(), String> {
    let folder = root().join("target/independent-pictures");
    pictures::written(&folder, &SCENARIOS, &root())?;
    succeed(Command::new(python).arg(root().join("tests/independent/pictures.py")).arg(&folder)).map(|_| ())
}

/// The same, read by Mermaid.
fn parsed(modules: &Path) -> Result<(), String> {
    let folder = root().join("target/independent-diagrams");
    pictures::written(&folder, &SCENARIOS, &root())?;
    succeed(Command::new("node").arg(root().join("tests/independent/mermaid.mjs")).arg(&folder).arg(modules)).map(|_| ())
}

/// No credentials and no configuration of this place.
fn clean(command: &mut Command) -> &mut Command {
    for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"] {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", "/nonexistent").env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true")
}

fn start(python: &Path, emulator: &str) -> Result<(Server, String), String> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
    let bin = python.parent().ok_or("no folder")?;
    let mut command = match emulator {
        "moto" => {
            let mut command = Command::new(bin.join("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
            command
        }
        _ => {
            let mut command = Command::new(bin.join("ministack"));
            command.env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1").env("AUTH", "true");
            command
        }
    };
    let child = clean(&mut command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|e| e.to_string())?;
    let server = Server(child);
    // Until it accepts; bounded, since a server that does not start never will.
    for _ in 0..600 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok((server, format!("http://127.0.0.1:{port}")));
        }
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    Err(format!("{emulator} did not start"))
}

/// The template of the runner's roles, as those read it who know CloudFormation's own specification.
fn template(python: &Path, scenario: &str) -> Result<(), String> {
    let manifest = root().join(format!("manifests/{scenario}.toml"));
    let trusts = ["plan=github:o/r:pull_request", "plan=gitlab:g/p@git.example.com:branch=*", "apply=github:o@1/r@2:environment=production"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args(["runner-policy", "--format", "cloudformation", "--max-session", "12h"]).arg(manifest);
    let printed = succeed(clean(command.args(trusts.iter().flat_map(|trust| ["--trust", trust]))))?;
    let file = root().join(format!("target/independent/{scenario}-roles.json"));
    std::fs::write(&file, printed.stdout).map_err(|e| e.to_string())?;
    let lint = python.parent().ok_or("no folder")?.join("cfn-lint");
    succeed(Command::new(lint).args(["--regions", "us-east-1", "--non-zero-exit-code", "warning", "--template"]).arg(file)).map(|_| ())
}

fn container(python: &Path) -> Result<(), String> {
    let lint = python.parent().ok_or("no folder")?.join("hadolint");
    succeed(Command::new(lint).args(["--no-color", "--failure-threshold", "style"]).arg(root().join("examples/container/Containerfile"))).map(|_| ())
}

/// The directory of accounts from AWS Organizations, which moto has.
fn organization(python: &Path) -> Result<(), String> {
    let (_server, endpoint) = start(python, "moto")?;
    let script = root().join("tests/independent/organization.py");
    succeed(clean(Command::new(python).arg(script).arg(endpoint).arg(env!("CARGO_BIN_EXE_crossrole")))).map(|_| ())
}

/// What published guides do, with the AWS CLI, and one of the mistakes that each ends with.
fn guides(python: &Path) -> Result<(), String> {
    let (_server, endpoint) = sandbox(&[])?;
    let aws = python.parent().ok_or("no folder")?.join("aws");
    let script = root().join("tests/independent/guides.py");
    succeed(clean(Command::new(python).arg(script).arg(endpoint).arg(aws).arg(env!("CARGO_BIN_EXE_crossrole")))).map(|_| ())
}

/// Proofs with the keys of users, on an AWS that enforces policies.
fn proofs(python: &Path, place: &str) -> Result<(), String> {
    let (_server, endpoint) = if place == "sandbox" { sandbox(&[])? } else { start(python, place)? };
    let script = root().join("tests/independent/proofs.py");
    succeed(clean(Command::new(python).arg(script).args([&endpoint, place]).arg(env!("CARGO_BIN_EXE_crossrole")))).map(|_| ())
}

/// Locks, by the conditional writes of an emulator.
fn locks(python: &Path, emulator: &str) -> Result<(), String> {
    let (_server, endpoint) = start(python, emulator)?;
    let script = root().join("tests/independent/locks.py");
    succeed(clean(Command::new(python).arg(script).args([&endpoint, emulator]).arg(env!("CARGO_BIN_EXE_crossrole")))).map(|_| ())
}

/// One role in forty accounts: made, left alone, taken away where one leaves, and destroyed.
fn audit(python: &Path, emulator: &str) -> Result<(), String> {
    let text = |e: std::io::Error| e.to_string();
    let (_server, endpoint) = start(python, emulator)?;
    let (from, to) = (root().join("manifests/organization"), root().join(format!("target/independent/{emulator}-organization")));
    std::fs::create_dir_all(&to).map_err(text)?;
    // moto loads all of AWS's managed policies anew in each account, seconds each, and answers nobody meanwhile: a few of the
    // accounts, then, two calls at a time.
    let all = std::fs::read_to_string(from.join("accounts.toml")).map_err(text)?;
    let kept = |block: &&str| emulator != "moto" || block.starts_with("security]") || block.contains("team = \"shop\"");
    let listed: String = all.split("\n[accounts.").skip(1).filter(kept).map(|block| format!("\n[accounts.{block}")).collect();
    std::fs::write(to.join("accounts.toml"), listed).map_err(text)?;
    let (selected, added) = if emulator == "moto" { ("tag:team=shop", 9) } else { ("ou:Workloads/*", 45) };
    let manifest = std::fs::read_to_string(from.join("security-audit.toml")).map_err(text)?.replace("ou:Workloads/*", selected);
    std::fs::write(to.join("security-audit.toml"), manifest).map_err(text)?;
    std::fs::write(to.join("crossrole.toml"), if emulator == "moto" { "[defaults]\nrole_name = \"bootstrap\"\nconcurrency_total = 2\n" } else { "" })
        .map_err(text)?;
    let crossrole = |words: &[&str]| -> Result<String, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
        clean(&mut command).args(words).arg(to.join("security-audit.toml")).arg("--config").arg(to.join("crossrole.toml"));
        command.env("AWS_ENDPOINT_URL", &endpoint).env("AWS_REGION", "us-east-1");
        if emulator == "moto" {
            command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        } else {
            command.env("CROSSROLE_ACCOUNT_AS_KEY", "1");
        }
        succeed(&mut command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let says = |words: &[&str], wanted: &str| crossrole(words).and_then(|said| if said.contains(wanted) { Ok(()) } else { Err(format!("{words:?}:\n{said}")) });
    says(&["plan"], &format!("Plan: {added} to add, 0 to change, 0 to destroy."))?;
    crossrole(&["apply", "--auto-approve", "--quiet"])?;
    says(&["plan"], "No changes.")?;
    let directory = std::fs::read_to_string(to.join("accounts.toml")).map_err(text)?;
    std::fs::write(
        to.join("accounts.toml"),
        directory.replacen("ou = \"Workloads/Test\"", "ou = \"Suspended\"", 1).replacen("env = \"test\", team = \"shop\"", "env = \"test\"", 1),
    )
    .map_err(text)?;
    says(&["plan"], "manifest security-audit is no longer of account shop-test-eu: what it made there is taken away, 1 object")?;
    crossrole(&["apply", "--auto-approve", "--quiet"])?;
    says(&["plan"], "No changes.")?;
    crossrole(&["destroy", "--auto-approve", "--quiet"])?;
    says(&["destroy", "--auto-approve", "--quiet"], "No changes.")
}

/// The first phase that is left out for this scenario on this emulator.
fn gap(emulator: &str, scenario: &str) -> Option<String> {
    let text = std::fs::read_to_string(root().join("tests/independent/gaps.txt")).unwrap_or_default();
    text.lines().filter(|l| !l.starts_with('#')).find_map(|line| {
        let (head, _) = line.split_once(':')?;
        let words: Vec<&str> = head.split_whitespace().collect();
        (words.first() == Some(&emulator) && (words.get(1) == Some(&scenario) || words.get(1) == Some(&"*"))).then(|| (*words.get(2).unwrap_or(&"")).to_owned())
    })
}

fn cycle(python: &Path, emulator: &str, scenario: &str) -> Result<(), String> {
    let gap = gap(emulator, scenario).unwrap_or_default();
    let (_server, endpoint) = start(python, emulator)?;
    let hand = |verb: &str| succeed(clean(Command::new(python).arg(root().join("tests/independent/hand.py")).args([&endpoint, emulator, verb, scenario])));
    // Each its own: the cycles run side by side, and a file that is being written is empty for a moment.
    let settings = root().join(format!("target/independent/{emulator}-{scenario}-settings.toml"));
    std::fs::write(&settings, if emulator == "moto" { "[defaults]\nrole_name = \"bootstrap\"\n" } else { "" }).map_err(|e| e.to_string())?;
    if gap == "prepare" {
        return Ok(());
    }
    // Emulators give keys ids of their own.
    let mut text = std::fs::read_to_string(root().join(format!("manifests/{scenario}.toml"))).map_err(|e| e.to_string())?;
    for line in String::from_utf8_lossy(&hand("prepare")?.stdout).lines() {
        let (written, made) = line.split_once(' ').ok_or_else(|| line.to_owned())?;
        text = text.replace(written, made);
    }
    let manifest = root().join(format!("target/independent/{emulator}-{scenario}.toml"));
    std::fs::write(&manifest, text).map_err(|e| e.to_string())?;
    let crossrole = |words: &[&str]| on(emulator, &endpoint, words, &manifest, &settings);
    let no_changes = |when: &str| -> Result<(), String> {
        let plan = crossrole(&["plan"])?;
        if plan.contains("No changes.") { Ok(()) } else { Err(format!("{when}:\n{plan}")) }
    };
    if gap == "apply" {
        return Ok(());
    }
    crossrole(&["apply", "--auto-approve", "--quiet"])?;
    if gap == "fixpoint" {
        return Ok(());
    }
    no_changes("after the apply")?;
    if gap != "spoil" {
        hand("spoil")?;
        let plan = crossrole(&["plan"])?;
        let expected = if scenario == "direct-bucket-access" { "bucket-policy shared-artifacts" } else { "sneaky was put on it by somebody else" };
        if !plan.contains(expected) {
            return Err(format!("the plan does not say `{expected}`:\n{plan}"));
        }
        crossrole(&["apply", "--auto-approve", "--quiet"])?;
        no_changes("after the foreign hand")?;
    }
    if gap == "destroy" {
        return Ok(());
    }
    crossrole(&["destroy", "--auto-approve", "--quiet"])?;
    hand("left").map(|_| ())
}

/// Runs our command on an emulator.
fn on(emulator: &str, endpoint: &str, words: &[&str], manifest: &Path, settings: &Path) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    clean(&mut command).args(words).arg(manifest).arg("--config").arg(settings);
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1");
    if emulator == "moto" {
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    } else {
        command.env("CROSSROLE_ACCOUNT_AS_KEY", "1");
    }
    succeed(&mut command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A key and nothing else: made, kept, and gone when it is told by name.
fn key(python: &Path, emulator: &str) -> Result<(), String> {
    let text = |e: std::io::Error| e.to_string();
    let (_server, endpoint) = start(python, emulator)?;
    let folder = root().join("target/independent");
    let (manifest, settings) = (folder.join(format!("{emulator}-key.toml")), folder.join(format!("{emulator}-key-settings.toml")));
    std::fs::write(&settings, if emulator == "moto" { "[defaults]\nrole_name = \"bootstrap\"\n" } else { "" }).map_err(text)?;
    let written = |about: &str| {
        let keys = format!("[keys.one]\ncreate = true\ndescription = \"{about}\"\nrotation_days = 90\ndeletion_window_days = 7\n");
        std::fs::write(&manifest, format!("name = \"key\"\n[trusting]\naccount = \"222222222222\"\nregion = \"eu-west-1\"\n{keys}")).map_err(text)
    };
    let says = |words: &[&str], wanted: &str| {
        let said = on(emulator, &endpoint, words, &manifest, &settings)?;
        if said.contains(wanted) { Ok(()) } else { Err(format!("{words:?} does not say `{wanted}`:\n{said}")) }
    };
    written("One")?;
    says(&["apply", "--auto-approve", "--quiet"], "rotation: every 90 days")?;
    says(&["plan"], "No changes.")?;
    written("Two")?;
    says(&["apply", "--auto-approve", "--quiet"], "description: One -> Two")?;
    says(&["plan"], "No changes.")?;
    says(&["destroy", "--auto-approve"], "a key stays")?;
    says(&["destroy", "--auto-approve", "--quiet", "--destroy-key", "one"], "after 7 days it is gone for good")?;
    says(&["plan", "--destroy"], "No changes.")
}

/// Terraform or OpenTofu, and a folder in which it has its AWS provider.
#[derive(Debug, Clone, Default)]
struct Terraform {
    program: &'static str,
    folder: PathBuf,
}

impl Terraform {
    /// The first that is there.
    fn program() -> Result<&'static str, String> {
        let is_there = |program: &&str| Command::new(program).arg("version").output().is_ok_and(|o| o.status.success());
        ["terraform", "tofu"].into_iter().find(is_there).ok_or_else(|| "neither `terraform` nor `tofu` is on the path".to_owned())
    }

    fn find() -> Result<Self, String> {
        let program = Self::program()?;
        let terraform = Self { program, folder: root().join("target/independent-terraform") };
        terraform.fresh()?;
        terraform.run(&["init"])?;
        Ok(terraform)
    }

    /// The configuration as it is, and a state that knows nothing. The provider stays: it is large.
    fn fresh(&self) -> Result<(), String> {
        let text = |e: std::io::Error| e.to_string();
        std::fs::create_dir_all(&self.folder).map_err(text)?;
        for name in ["terraform.tfstate", "terraform.tfstate.backup", "imports.tf"] {
            let _ = std::fs::remove_file(self.folder.join(name));
        }
        self.take("main.tf")
    }

    fn take(&self, name: &str) -> Result<(), String> {
        std::fs::copy(root().join("tests/independent/terraform").join(name), self.folder.join(name)).map(|_| ()).map_err(|e| e.to_string())
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(self.program);
        clean(&mut command).args(words).args(["-no-color", "-input=false"]).current_dir(&self.folder);
        succeed(&mut command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Applies, plans to nothing, takes everything up into an empty state, plans to nothing again, and destroys.
    fn cycle(&self) -> Result<(), String> {
        let (_server, address) = sandbox(&[])?;
        let at = format!("-var=endpoint={address}");
        let says = |words: &[&str], wanted: &str| -> Result<(), String> {
            let said = self.run(&[words, &[&at]].concat())?;
            if said.contains(wanted) { Ok(()) } else { Err(format!("{words:?} does not say `{wanted}`:\n{said}")) }
        };
        says(&["apply", "-auto-approve"], "Resources: 24 added, 0 changed, 0 destroyed.")?;
        says(&["plan"], "No changes.")?;
        self.fresh()?;
        self.take("imports.tf")?;
        // An object's content is no part of an import: it is written again.
        says(&["apply", "-auto-approve"], "Resources: 23 imported, 1 added, 0 changed, 0 destroyed.")?;
        says(&["plan"], "No changes.")?;
        says(&["destroy", "-auto-approve"], "Resources: 24 destroyed.")
    }
}

/// The runner's roles as Terraform: it takes the configuration for one, and reads each text of it as it was meant. Neither needs a
/// provider.
fn terraform_roles(program: &'static str) -> Result<(), String> {
    const NAME: &str = r#"%{ if true }"} %%{ $x \ <b>"#;
    let text = |e: std::io::Error| e.to_string();
    let ours = |words: &[&str]| -> Result<Value, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
        let output = succeed(clean(command.arg("runner-policy").args(words).arg(root().join("manifests/log-analysts.toml"))))?;
        serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
    };
    let terraform = |name: &str, configuration: &Value, words: &[&str]| -> Result<String, String> {
        let folder = root().join(format!("target/independent-terraform-{name}"));
        std::fs::create_dir_all(&folder).map_err(text)?;
        let _ = std::fs::remove_file(folder.join("terraform.tfstate"));
        std::fs::write(folder.join("main.tf.json"), configuration.to_string()).map_err(text)?;
        let mut said = String::new();
        for words in words {
            let mut command = Command::new(program);
            let output = succeed(clean(command.args(words.split(' ')).arg("-no-color").current_dir(&folder)))?;
            said = String::from_utf8_lossy(&output.stdout).into_owned();
        }
        Ok(said)
    };
    let trust = format!("github:o/r:environment={NAME}");
    let configuration = ours(&["--format", "terraform", "--trust", &trust])?;
    let said = terraform("roles", &configuration, &["providers"])?;
    if !said.contains("hashicorp/aws") {
        return Err(said);
    }
    let resources = |kind: &str| configuration["resource"][kind].as_object().cloned().unwrap_or_default();
    let trusts = resources("aws_iam_role").into_iter().map(|(name, body)| (name, body["assume_role_policy"].clone()));
    let policies = resources("aws_iam_policy").into_iter().map(|(name, body)| (name, body["policy"].clone()));
    let outputs: Map<String, Value> = trusts.chain(policies).map(|(name, value)| (name, json!({ "value": value }))).collect();
    let said = terraform("strings", &json!({ "output": outputs }), &["apply -auto-approve", "output -json"])?;
    let read: Value = serde_json::from_str(&said).map_err(|e| e.to_string())?;
    let document = |name: &str| serde_json::from_str::<Value>(read[name]["value"].as_str().unwrap_or_default()).map_err(|e| format!("{name}: {e}"));
    for (account, printed) in ours(&["--json"])?.as_object().ok_or("no accounts")? {
        let subject = document(&format!("apply_{account}"))?["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"].clone();
        if subject != format!("repo:o/r:environment:{NAME}") {
            return Err(format!("{account}: {subject}"));
        }
        for (number, wanted) in (1..).zip(printed["policies"].as_array().ok_or("no policies")?) {
            if document(&format!("apply_{account}_{number}"))? != *wanted {
                return Err(format!("{account}: policy {number} is another"));
            }
        }
    }
    Ok(())
}
