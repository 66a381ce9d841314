//! A process that prints credentials, or a code.
//!
//! Off a terminal it gets a process group of its own, which ends with it: what it has started does not stay behind. On a
//! terminal it stays in the terminal's group, since it may ask there; then only it is ended, and Ctrl-C reaches all of it.

use std::io::IsTerminal as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::Trouble;

/// Longest wait for a process that nobody can be talking to; shorter where calls get less.
pub(super) const ALONE: Duration = Duration::from_secs(30);

/// Longest wait for a process that may be talking to somebody.
const TALKING: Duration = Duration::from_mins(5);

/// Most of what a process says about its failure, in characters.
const STDERR_MOST: usize = 300;

/// Most of what a process prints, in bytes: a set of keys has two thousand.
const STDOUT_MOST: usize = 65_536;

/// What a process wrote before it ended is in its pipes by then: longest that those are read, where something else writes on.
const AFTER: Duration = Duration::from_secs(1);

/// And longest that nothing comes.
const SILENCE: Duration = Duration::from_millis(100);

/// How many of these processes have started one another.
const DEPTH: &str = "CROSSROLE_CREDENTIAL_DEPTH";

/// Most of them: as long a chain as one of `source_profile`.
const DEPTH_MOST: u32 = 10;

fn depth() -> u32 {
    std::env::var(DEPTH).ok().and_then(|depth| depth.parse().ok()).unwrap_or_default()
}

/// `credential_process` of a profile.
#[derive(Debug)]
pub(crate) struct Process {
    pub(super) profile: String,
    pub(super) command: Secret,
    /// Longest wait for it, off a terminal.
    pub(super) wait: Duration,
}

impl Process {
    /// One that no profile names.
    pub(crate) fn named(name: &str, line: &str) -> Self {
        Self { profile: name.to_owned(), command: Secret(line.to_owned()), wait: ALONE }
    }
}

/// A command line: its arguments may be secrets.
pub(super) struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a command")
    }
}

/// What it prints (AWS SDKs and Tools Reference Guide, "Process credential provider").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl ProvideCredentials for Process {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            if depth() >= DEPTH_MOST {
                return Err(Trouble::Profile {
                    profile: self.profile.clone(),
                    why: "its `credential_process` asks for its own credentials, without end".to_owned(),
                }
                .into());
            }
            let text = run("credential_process", &self.profile, &self.command.0, self.wait).await?;
            credentials(&text).map_err(|why| Trouble::Printed { what: "credential_process", profile: self.profile.clone(), why }.into())
        })
    }
}

fn credentials(text: &str) -> Result<Credentials, String> {
    // The words of the parser would show what was printed.
    let printed: Printed = serde_json::from_str(text).map_err(|e| format!("it is no JSON with keys at line {}, column {}", e.line(), e.column()))?;
    let Printed { version, access_key_id, secret_access_key, session_token, expiration } = printed;
    if version != 1 {
        return Err(format!("its `Version` is {version}, not 1"));
    }
    let expires = match expiration {
        Some(text) => {
            let time = DateTime::from_str(&text, Format::DateTimeWithOffset).map_err(|_| "its `Expiration` is no time".to_owned())?;
            Some(std::time::SystemTime::try_from(time).map_err(|_| "its `Expiration` is no time of ours".to_owned())?)
        }
        None => None,
    };
    Ok(Credentials::new(access_key_id, secret_access_key, session_token, expires, "credential_process"))
}

/// Runs a command line of a profile and returns what it prints.
pub(super) async fn run(what: &'static str, profile: &str, line: &str, alone: Duration) -> Result<String, Trouble> {
    let failed =
        |status: String, stderr: &str| Trouble::Failed { what, profile: profile.to_owned(), status, stderr: stderr.trim().chars().take(STDERR_MOST).collect() };
    let terminal = std::io::stdin().is_terminal();
    // One of them may be this command, and must not ask itself without end.
    let child = shell(line, terminal).env(DEPTH, (depth() + 1).to_string()).spawn().map_err(|e| failed(e.to_string(), ""))?;
    let mut running = Running { group: if terminal { None } else { child.id() } };
    let wait = if terminal { TALKING } else { alone };
    let output = match tokio::time::timeout(wait, output(child)).await {
        Err(_) => return Err(Trouble::Hangs { what, profile: profile.to_owned(), seconds: wait.as_secs() }),
        Ok(Err(error)) => return Err(failed(error.to_string(), "")),
        Ok(Ok(output)) => output,
    };
    // It has ended by itself: what it left running, if anything, it meant to.
    running.group = None;
    if !output.status.success() {
        return Err(failed(output.status.to_string(), &String::from_utf8_lossy(&output.stderr)));
    }
    if output.stdout.len() > STDOUT_MOST {
        return Err(Trouble::Printed { what, profile: profile.to_owned(), why: format!("it is over {STDOUT_MOST} bytes") });
    }
    String::from_utf8(output.stdout).map_err(|_| Trouble::Printed { what, profile: profile.to_owned(), why: "it is no text".to_owned() })
}

/// Waits for a process, and for what it wrote. Whatever it left running may hold its pipes for ever: that is not waited for.
async fn output(mut child: Child) -> std::io::Result<Output> {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = {
        let mut ended = std::pin::pin!(child.wait());
        loop {
            tokio::select! {
                biased;
                read = more(&mut stdout, &mut out) => read?,
                read = more(&mut stderr, &mut err) => read?,
                status = &mut ended => break status?,
            }
        }
    };
    let end = Instant::now() + AFTER;
    while stdout.is_some() || stderr.is_some() {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(end) => break,
            read = more(&mut stdout, &mut out) => read?,
            read = more(&mut stderr, &mut err) => read?,
            () = tokio::time::sleep(SILENCE) => break,
        }
    }
    Ok(Output { status, stdout: out, stderr: err })
}

/// Reads some more of a pipe that is open; of more than is looked at, nothing is kept.
async fn more(pipe: &mut Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(open) = pipe else { return std::future::pending().await };
    into.truncate(STDOUT_MOST + 1);
    if open.read_buf(into).await? == 0 {
        *pipe = None;
    }
    Ok(())
}

#[cfg(unix)]
fn shell(line: &str, terminal: bool) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdout(Stdio::piped()).stderr(if terminal { Stdio::inherit() } else { Stdio::piped() }).kill_on_drop(true);
    if !terminal {
        command.process_group(0).stdin(Stdio::null());
    }
    command
}

#[cfg(windows)]
fn shell(line: &str, _terminal: bool) -> Command {
    let mut command = Command::new("cmd.exe");
    // As it stands: `cmd.exe` has quoting rules of its own.
    command.arg("/C").raw_arg(format!("\"{line}\"")).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Ends the group of a process, unless it has ended by itself: also when nobody waits for it any more.
struct Running {
    group: Option<u32>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.filter(|_| cfg!(unix)) {
            // POSIX `kill`: a negative number is a group. One that is gone needs no ending.
            let _ = std::process::Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_prints_is_read_and_never_shown() {
        let whole =
            r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"very-secret","SessionToken":"t","Expiration":"2099-01-01T00:00:00+00:00","AccountId":"1"}"#;
        let found = credentials(whole).unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key(), found.session_token()), ("AKIA", "very-secret", Some("t")));
        assert!(found.expiry().is_some());
        for (text, why) in [
            (&*whole.replace(":1,\"A", ":2,\"A"), "its `Version` is 2, not 1"),
            (&*whole.replace("2099-01-01", "soon"), "its `Expiration` is no time"),
            (&*whole.replace("SecretAccessKey", "Secret"), "it is no JSON with keys"),
            ("very-secret", "it is no JSON with keys"),
            ("", "it is no JSON with keys"),
        ] {
            let error = credentials(text).unwrap_err();
            assert!(error.contains(why) && !error.contains("very-secret"), "{error}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_process_that_fails_says_so() {
        assert_eq!(run("mfa_process", "p", "echo 123456", ALONE).await, Ok("123456\n".to_owned()));
        assert_eq!(run("credential_process", "p", &format!("echo ${DEPTH}"), ALONE).await, Ok("1\n".to_owned()), "it is told how deep it is");
        let error = run("mfa_process", "p", "head -c 70000 /dev/zero", ALONE).await.unwrap_err();
        assert!(error.to_string().contains("over 65536 bytes"), "{error}");
        let error = run("mfa_process", "p", "echo no >&2; exit 3", ALONE).await.unwrap_err();
        assert_eq!(error.to_string(), "the `mfa_process` of profile `p` failed (exit status: 3): no");
    }
    /// What it leaves running may hold its pipes, write into them on and on, or end later with another status.
    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_process_leaves_behind_is_not_waited_for() {
        for (line, printed) in [
            ("sleep 20 & echo 123456", "123456\n"),
            ("(sleep 20; exit 7) & sleep 0.3; printf 12; sleep 0.3; printf 3456", "123456"),
            ("echo 123456; exec 1>&-; sleep 0.3", "123456\n"),
        ] {
            let begun = std::time::Instant::now();
            assert_eq!(run("mfa_process", "p", line, ALONE).await.unwrap(), printed, "{line}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{line}: {:?}", begun.elapsed());
        }
        let begun = std::time::Instant::now();
        let noise = run("mfa_process", "p", "(i=0; while [ $i -lt 200 ]; do echo x; sleep 0.05; i=$((i + 1)); done) & echo 123456", ALONE).await.unwrap();
        assert!(noise.contains("123456") && begun.elapsed() < Duration::from_secs(5), "{noise}: {:?}", begun.elapsed());
        // What it wrote is whole, however much it is.
        assert_eq!(run("mfa_process", "p", "sleep 20 & head -c 60000 /dev/zero | tr '\\0' x", ALONE).await.unwrap().len(), 60_000);
        let error = run("mfa_process", "p", "sleep 20 & echo no >&2; exit 3", ALONE).await.unwrap_err();
        assert_eq!(error.to_string(), "the `mfa_process` of profile `p` failed (exit status: 3): no");
        // The process itself has its own end.
        let error = run("mfa_process", "p", "echo 1; sleep 20", Duration::from_secs(1)).await.unwrap_err();
        assert!(matches!(error, Trouble::Hangs { .. }), "{error}");
    }
}
