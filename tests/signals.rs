//! A run that somebody wants to end, as a process of its own.

use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options, Sandbox};

use crate::process::{BIN, command};
use crate::support::{manifest, root};

const TWO: &str = "name = \"two\"\n[trusting]\naccount = \"222222222222\"\n[roles.One]\n[[roles.One.trust]]\nservice = \"ec2.amazonaws.com\"\n\
                   [[roles.One.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";

/// What happens to one operation, and that it was asked for is told.
struct Stalls(&'static str, Mutex<mpsc::Sender<()>>, Option<Fault>);

impl FaultPlan for Stalls {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.operation == self.0)
            .then(|| {
                let _ = self.1.lock().unwrap().send(());
                self.2
            })
            .flatten()
    }
}

/// The embedded AWS on loopback, where `operation` stalls; when it was asked for.
pub(crate) fn stalling(operation: &'static str) -> (String, mpsc::Receiver<()>) {
    serving(operation, Some(Fault::Hang))
}

fn serving(operation: &'static str, fault: Option<Fault>) -> (String, mpsc::Receiver<()>) {
    let (asked, told) = mpsc::channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let sandbox = Arc::new(Sandbox::new(Options { faults: Some(Arc::new(Stalls(operation, Mutex::new(asked), fault))), ..Options::default() }));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { crossrole_sandbox::serve(sandbox, tokio::net::TcpListener::from_std(listener).unwrap()).await })
    });
    (address, told)
}

/// A command whose `operation` is under way and stalls.
fn begun(operation: &'static str, words: &[&str]) -> Child {
    let (address, told) = stalling(operation);
    let child = command(&[words, &[&manifest("signals-two", TWO)]].concat())
        .env("AWS_ENDPOINT_URL", address)
        .env("AWS_ACCESS_KEY_ID", "222222222222")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    told.recv_timeout(Duration::from_mins(1)).unwrap();
    child
}

/// An apply whose `operation` is under way and stalls, with its stderr.
fn stalled(operation: &'static str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = begun(operation, &["apply", "--auto-approve"]);
    let stderr = BufReader::new(child.stderr.take().unwrap());
    (child, stderr)
}

pub(crate) fn kill(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
}

fn until(stderr: &mut impl std::io::BufRead, words: &str) {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "stderr ended before `{words}`");
    }
}

/// A command that signals end says so by its exit code, as shells do.
const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

fn summary(child: Child, what: &str, code: i32) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{what}: {text}");
    let failed = "failed: 222222222222: CreateRole (role One)\n  CreateRole in account 222222222222: no answer yet when the run was interrupted\n";
    assert!(text.contains(failed) && text.contains("may have been done"), "{what}: {text}");
    assert!(text.contains("Interrupted: 0 steps done, 2 not done."), "{what}: {text}");
}

/// The first signal, whichever it is, gives what was sent a few seconds; then it is said what is left.
#[test]
fn a_stalled_apply_ends_soon_after_one_signal() {
    for (signal, code) in SIGNALS {
        let (child, mut stderr) = stalled("CreateRole");
        let begun = Instant::now();
        kill(signal, &child);
        until(&mut stderr, "interrupted: nothing more begins");
        assert!(begun.elapsed() < Duration::from_secs(4), "{signal} was not heard at once");
        summary(child, signal, code);
        assert!(begun.elapsed() < Duration::from_secs(15), "{signal}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_stalled_apply_ends_at_once_after_two() {
    let (child, mut stderr) = stalled("CreateRole");
    kill("INT", &child);
    until(&mut stderr, "interrupted: nothing more begins");
    let begun = Instant::now();
    kill("TERM", &child);
    summary(child, "INT and TERM", 130);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// A process that was started to outlive its terminal (`nohup`) goes on to its end.
#[test]
fn an_apply_that_ignores_hangups_goes_on() {
    let state = root().join(format!("target/test-manifests/nohup-{}.json", std::process::id())).display().to_string();
    let _ = std::fs::remove_file(&state);
    let file = manifest("signals-two", TWO);
    for (ignored, done) in [(true, true), (false, false)] {
        let words = ["apply", "--sandbox", "--sandbox-state", &state, "--auto-approve", "--sandbox-latency", "300", &file];
        let trap = if ignored { "trap '' HUP; exec \"$@\"" } else { "exec \"$@\"" };
        let shell = command(&[]);
        let mut child = Command::new("sh");
        child.args(["-c", trap, "sh", BIN]).args(words).current_dir(shell.get_current_dir().unwrap()).envs(shell.get_envs().filter_map(|(k, v)| Some((k, v?))));
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        until(&mut stderr, "done    222222222222: CreateRole");
        kill("HUP", &child);
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.success(), text.contains("Applied: 2 steps done.")), (done, done), "ignored: {ignored}: {text}");
        let _ = std::fs::remove_file(&state);
    }
}

/// Whatever reads, and whichever signal it is: what was being read is said, and that nothing was written.
#[test]
fn reading_ends_at_once() {
    let live = ["--from", "live"];
    let explain = [&["explain", "role/One", "s3:ListAllMyBuckets", "*"][..], &live].concat();
    let who_can = [&["who-can", "s3:ListAllMyBuckets", "*"][..], &live].concat();
    let commands: [&[&str]; 5] = [&["plan"], &explain, &who_can, &["apply"], &["destroy", "--auto-approve"]];
    for (words, (signal, code)) in commands.iter().zip(SIGNALS.iter().cycle()) {
        let child = begun("GetAccountAuthorizationDetails", words);
        let sent = Instant::now();
        kill(signal, &child);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {said}");
        let wanted = "error: interrupted while reading account 222222222222 (GetAccountAuthorizationDetails";
        assert!(said.contains(wanted) && said.contains("\nhelp: nothing was written\n"), "{words:?}: {said}");
        assert!(output.stdout.is_empty() && sent.elapsed() < Duration::from_secs(4), "{words:?}: {:?}", sent.elapsed());
    }
}

/// Whoever was asked for credentials goes with the command, and what it has started, too.
#[test]
fn what_gives_credentials_is_not_left_behind() {
    let folder = root().join(format!("target/test-manifests/left-behind-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pids = folder.join("pids");
    let _ = std::fs::remove_file(&pids);
    std::fs::write(folder.join("config"), format!("[profile p]\ncredential_process = sh -c 'sleep 600 & echo \"$$ $!\" >{}; sleep 600'\n", pids.display()))
        .unwrap();
    let mut plan = command(&["plan", &manifest("signals-two", TWO)]);
    let plan = plan.env("AWS_CONFIG_FILE", folder.join("config")).env("AWS_PROFILE", "p").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = plan.spawn().unwrap();
    let begun = Instant::now();
    let both = loop {
        let text = std::fs::read_to_string(&pids).unwrap_or_default();
        if text.ends_with('\n') {
            break text;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "it was not asked");
        std::thread::yield_now();
    };
    kill("TERM", &child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(143) && said.contains("interrupted while reading account 222222222222 (credentials)"), "{said}");
    let ended = Instant::now();
    while both.split_whitespace().any(crate::credentials::alive) {
        assert!(ended.elapsed() < Duration::from_secs(10), "left behind: {both}");
        std::thread::yield_now();
    }
}

/// Processor time of a process so far, in hundredths of a second (proc(5), `stat`); `None`: it has ended.
#[cfg(target_os = "linux")]
fn computed(child: &Child) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (fields[0] != "Z").then(|| fields[11].parse().unwrap())
}

/// A plan that takes long to make is no reason not to listen.
#[test]
#[cfg(target_os = "linux")]
fn computing_ends_at_once() {
    let mut text = "name = \"long\"\n[trusting]\naccount = \"222222222222\"\n".to_owned();
    for n in 0..4_000 {
        text.push_str(&format!("[roles.R{n}]\n[[roles.R{n}.trust]]\nservice = \"ec2.amazonaws.com\"\n"));
        text.push_str(&format!("[[roles.R{n}.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n"));
    }
    let (address, told) = serving("GetAccountAuthorizationDetails", None);
    let mut plan = command(&["plan", &manifest("signals-long", &text)]);
    let plan = plan.env("AWS_ENDPOINT_URL", address).env("AWS_ACCESS_KEY_ID", "222222222222").env("AWS_SECRET_ACCESS_KEY", "any");
    let child = plan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    told.recv_timeout(Duration::from_mins(1)).unwrap();
    // The answers are short: what takes time from now on is the plan.
    let read = computed(&child).unwrap();
    while computed(&child).expect("it is made by now: take more roles") < read + 30 {
        std::thread::yield_now();
    }
    let sent = Instant::now();
    kill("INT", &child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(130) && said.contains("error: interrupted while planning\nhelp: nothing was written\n"), "{said}");
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
}
