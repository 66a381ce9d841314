//! Speed and memory of whole commands, against `sandbox serve` in another process with 50 ms added to each call. A report,
//! not a test: nothing fails here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[path = "../../../tests/estate.rs"]
mod estate;
#[path = "../../../tests/fleet.rs"]
mod fleet;
#[path = "../../../tests/support.rs"]
#[allow(dead_code, reason = "it is for tests, which need more of it")]
mod support;

const BIN: &str = env!("CARGO_BIN_EXE_crossrole");

struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(latency_ms: u64) -> Server {
    serve_with(latency_ms, &[])
}

fn serve_with(latency_ms: u64, more: &[&str]) -> Server {
    let mut child = Command::new(BIN)
        .args(["sandbox", "serve", "--listen", "127.0.0.1:0", "--role-quota", "20000", "--latency", &latency_ms.to_string()])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Server(child, line.trim().to_owned())
}

/// Runs a command; returns its wall time and the most memory it had, in MiB.
fn run(server: &Server, words: &[&str]) -> (Duration, f64) {
    let start = Instant::now();
    let mut child = Command::new(BIN)
        .args(words)
        .env("AWS_ENDPOINT_URL", &server.1)
        .env("AWS_REGION", "us-east-1")
        .env("CROSSROLE_ACCOUNT_AS_KEY", "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut most = 0.0_f64;
    let status = loop {
        if let Ok(text) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) {
            let peak = text.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
            most = most.max(peak.unwrap_or(0.0) / 1024.0);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    };
    let took = start.elapsed();
    assert!(status.success(), "{words:?}");
    (took, most)
}

fn write(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("crossrole-bench-{name}-{}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Makes the buckets that the fleet relies on, by a manifest of their own.
fn buckets(server: &Server, count: usize) {
    let mut text = String::from("name = \"fleet-buckets\"\n\n[trusting]\naccount = \"222222222222\"\n");
    (0..count).for_each(|n| text.push_str(&format!("\n[buckets.fleet-bucket-{n}]\ncreate = true\n")));
    run(server, &["apply", "--auto-approve", "--quiet", &write("buckets", &text)]);
}

fn show(what: &str, (took, memory): (Duration, f64)) {
    println!("{what:60} {:8.0} ms {memory:8.1} MiB", took.as_secs_f64() * 1000.0);
}

/// Roles that trust a whole account, which lint has something to say of.
fn wide(roles: usize) -> String {
    let head = "name = \"wide\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n";
    let role = |n| {
        let allow = format!("[[roles.R{n}.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::data/{n}/*\"\n");
        format!("[roles.R{n}]\n[[roles.R{n}.trust]]\naccount = \"dev\"\n{allow}")
    };
    (0..roles).map(role).fold(head.to_owned(), |text, role| text + &role)
}

/// A folder of manifests, one an account.
fn teams(count: usize, mfa: bool) -> String {
    let folder = std::env::temp_dir().join(format!("crossrole-bench-teams-{count}-{mfa}-{}", std::process::id()));
    write_teams(&folder, count, count, mfa);
    folder.display().to_string()
}

fn write_teams(folder: &std::path::Path, count: usize, accounts: usize, mfa: bool) {
    std::fs::create_dir_all(folder).unwrap();
    for index in 0..count {
        std::fs::write(folder.join(format!("team-{index}.toml")), fleet::team(index, accounts, mfa)).unwrap();
    }
}

/// A folder of 200 manifests over 50 accounts, in one run of a pull request: the plan, its comment, and the same beside another commit.
fn pull_request() {
    let folder = std::env::temp_dir().join(format!("crossrole-bench-pull-request-{}", std::process::id()));
    let (path, comment) = (folder.display().to_string(), std::env::temp_dir().join(format!("crossrole-bench-comment-{}.md", std::process::id())));
    let report = format!("markdown={}", comment.display());
    let git = |words: &[&str]| {
        let who = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"];
        assert!(Command::new("git").arg("-C").arg(&folder).args(who).args(words).status().unwrap().success(), "{words:?}");
    };
    write_teams(&folder, 200, 50, false);
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "teams"]);
    for (delay, words) in [(50, "50 ms a call"), (0, "no delay")] {
        let server = serve(delay);
        write_teams(&folder, 200, 50, false);
        run(&server, &["apply", "--auto-approve", "--quiet", &path]);
        show(&format!("no-change plan of 200 manifests over 51 accounts, {words}"), run(&server, &["plan", &path]));
        write_teams(&folder, 200, 50, true);
        show(&format!("plan of one change in each, with its comment, {words}"), run(&server, &["plan", "--report", &report, &path]));
        show(&format!("the same with --base HEAD, {words}"), run(&server, &["plan", "--report", &report, "--base", "HEAD", &path]));
    }
    println!("{:60} {:8} characters", "the comment", std::fs::read_to_string(&comment).unwrap().chars().count());
}

/// One manifest of so many accounts, with the directory that lists them: the settings, and the manifest.
fn organization(count: usize) -> (String, String) {
    let folder = std::env::temp_dir().join(format!("crossrole-bench-organization-{count}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let listed =
        |n: usize| format!("[accounts.team-{n}]\nid = \"{:012}\"\nou = \"Workloads/Prod\"\ntags = {{ env = \"prod\" }}\n", 500_000_000_000_u64 + n as u64);
    std::fs::write(folder.join("accounts.toml"), (0..count).map(listed).collect::<String>()).unwrap();
    std::fs::write(folder.join("crossrole.toml"), "").unwrap();
    let role = "name = \"security-audit\"\n[trusting]\naccounts = [\"ou:Workloads/*\"]\n[trusted.security]\naccount = \"111111111111\"\n[trusted.security.groups.Auditors]\n\
                [roles.Audit]\ndescription = \"Looks into {label}\"\n[[roles.Audit.trust]]\ngroup = \"security/Auditors\"\nmfa = true\n[[roles.Audit.allow]]\n\
                actions = \"iam:GetCredentialReport\"\nresources = \"*\"\n";
    std::fs::write(folder.join("security-audit.toml"), role).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    (path("crossrole.toml"), path("security-audit.toml"))
}

/// The no-change plan of one role in so many accounts, with 50 ms a call and 128 calls in flight.
fn one_role_everywhere() {
    for count in [250, 500, 1_000] {
        let server = serve(50);
        let (settings, manifest) = organization(count);
        let under = ["--config", &settings, "--concurrency-total", "128", &manifest];
        run(&server, &[&["apply", "--auto-approve", "--quiet"], &under[..]].concat());
        show(&format!("no-change plan of one role in {count} accounts, 50 ms a call"), run(&server, &[&["plan", "--detailed-exitcode"], &under[..]].concat()));
    }
}

/// Manifests over as many accounts, with 50 ms a call; and how a plan of one small change in each grows with them.
fn accounts() {
    let server = serve(50);
    let (before, after) = (teams(200, false), teams(200, true));
    show("apply of 200 manifests over 201 accounts, 50 ms a call", run(&server, &["apply", "--auto-approve", "--quiet", &before]));
    show("no-change plan of them, 50 ms a call", run(&server, &["plan", "--detailed-exitcode", &before]));
    show("plan of one change in each, 50 ms a call", run(&server, &["plan", &after]));
    drop(server);
    let mut first = None;
    for count in [25_u32, 50, 100, 200] {
        let server = serve(0);
        run(&server, &["apply", "--auto-approve", "--quiet", &teams(count as usize, false)]);
        let (took, memory) = run(&server, &["plan", &teams(count as usize, true)]);
        show(&format!("plan of one change in each of {count} accounts, no delay"), (took, memory));
        let each = took.as_secs_f64() / f64::from(count);
        let base = *first.get_or_insert(each);
        println!("{:60} {:8.2} times the time an account at 25", "", each / base);
    }
}

/// An audit of a generated estate: every kind of problem, as often as there is room, and nothing but those.
fn audits() {
    let size = estate::Size { roles: 5_000, buckets: 300, keys: 50 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sandbox, expected) = runtime.block_on(estate::generated(size));
    let folder = std::env::temp_dir().join(format!("crossrole-bench-audit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    sandbox.save(&folder.join("state.json")).unwrap();
    std::fs::write(folder.join("crossrole.toml"), "").unwrap();
    let (config, json, page) = (path("crossrole.toml"), format!("json={}", path("audit.json")), format!("html={}", path("audit.html")));
    let three = ["--account", estate::MAIN, "--account", estate::DEV, "--account", estate::OPS];
    let words = [&["audit", "--config", &config], &three[..]].concat();
    let server = serve_with(50, &["--sandbox-state", &path("state.json")]);
    show("audit of 5,000 roles, 300 buckets, 50 keys, 50 ms a call", run(&server, &words));
    show("the same with its JSON", run(&server, &[&words[..], &["--report", &json]].concat()));
    show("the same with the page", run(&server, &[&words[..], &["--report", &page]].concat()));
    let found: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path("audit.json")).unwrap()).unwrap();
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
    let pairs: estate::Expected = found["findings"].as_array().unwrap().iter().map(|one| (text(one, "rule"), text(one, "object"))).collect();
    let (missed, accused) = (expected.difference(&pairs).count(), pairs.difference(&expected).count());
    let longest = found["chains"].as_array().unwrap().iter().map(|chain| chain["hops"].as_array().unwrap().len()).max().unwrap_or(0);
    let unknown = found["not_known"].as_array().unwrap().len();
    println!("{:60} {} seeded, {missed} missed, {accused} accused, {unknown} not known, a chain of {longest}", "", expected.len());
}

fn main() {
    if std::env::args().any(|word| word == "audit") {
        return audits();
    }
    if std::env::args().any(|word| word == "everywhere") {
        return one_role_everywhere();
    }
    if std::env::args().any(|word| word == "pull-request") {
        return pull_request();
    }
    audits();
    pull_request();
    accounts();
    one_role_everywhere();
    let server = serve(50);
    buckets(&server, 5);
    let file = write("apply", &fleet::fleet(100, 20, 1));
    show("validate, 100 roles", run(&server, &["validate", &file]));
    show("apply of 100 roles and a bucket policy, 50 ms a call", run(&server, &["apply", "--auto-approve", "--quiet", "--concurrency", "50", &file]));
    drop(server);

    let server = serve(50);
    buckets(&server, 5);
    let file = write("plan", &fleet::fleet(500, 20, 5));
    run(&server, &["apply", "--auto-approve", "--quiet", "--concurrency", "50", &file]);
    show("no-change plan of 500 roles and 5 buckets, 50 ms a call", run(&server, &["plan", "--detailed-exitcode", &file]));
    drop(server);

    let server = serve(0);
    for roles in [1_000, 20_000] {
        let file = write("wide", &wide(roles));
        show(&format!("validate, {roles} roles with a finding each, as JSON"), run(&server, &["validate", "--format", "json", &file]));
    }
    drop(server);

    let mut first = None;
    for roles in [1_000_u32, 2_000, 5_000, 10_000] {
        let server = serve(0);
        let file = write("growth", &fleet::fleet(roles as usize, 100, 0));
        run(&server, &["apply", "--auto-approve", "--quiet", "--concurrency", "50", &file]);
        let (took, memory) = run(&server, &["plan", "--detailed-exitcode", &file]);
        show(&format!("no-change plan of {roles} roles, no delay"), (took, memory));
        let each = took.as_secs_f64() / f64::from(roles);
        let base = *first.get_or_insert(each);
        println!("{:60} {:8.2} times the time a role at 1,000", "", each / base);
    }
}
