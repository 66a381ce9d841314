//! The code of a device: from a command, or from whoever sits at the terminal.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use crossrole_report::safe;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};

use crate::failure::Failure;
use crate::told::Told;

/// Longest wait for a command, which may talk to somebody.
const PROCESS: Duration = Duration::from_mins(2);

/// How long what a command has printed is looked for after it has ended: it is there by then.
const LEFT: Duration = Duration::from_millis(500);

/// Most bytes that are read of an answer.
const MOST: usize = 1_024;

/// Who may be asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    /// The terminal of this process is this command's.
    pub(super) alone: bool,
    /// Somebody sits at standard input and error.
    pub(super) interactive: bool,
}

/// The code that a device shows now.
pub(super) async fn code(serial: &str, process: Option<&str>, asks: Asks, told: &Told) -> Result<String, Failure> {
    let text = match process {
        Some(line) => printed(line).await?,
        None => typed(serial, asks, told).await?,
    };
    let code = text.trim();
    // What else was said is not shown: it may be a secret.
    let good = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    if good { Ok(code.to_owned()) } else { Err(Failure::new("the code of a device has six digits, and this is something else", "ask the device again")) }
}

async fn printed(line: &str) -> Result<String, Failure> {
    let hint = "check what `--mfa-process`, or `mfa_process` of the profile, names: it has to print six digits and nothing else";
    let failed = |why: String| Failure::new(format!("the command that prints the code {why}"), hint);
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(option).arg(line).stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let child = command.spawn().map_err(|error| failed(format!("can't be run: {error}")))?;
    let ended = tokio::time::timeout(PROCESS, output_of(child)).await;
    let ended = ended.map_err(|_| failed(format!("gave nothing in {} s, and was ended", PROCESS.as_secs())))?;
    let (status, text) = ended.map_err(|error| failed(format!("can't be run: {error}")))?;
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What a command prints until it ends: whatever it leaves running may hold its output open.
async fn output_of(mut child: Child) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let (mut text, output) = (Vec::new(), child.stdout.take());
    let status = {
        let mut reading = std::pin::pin!(read_to(&mut text, output));
        let status = tokio::select! {
            status = child.wait() => Some(status?),
            () = &mut reading => None,
        };
        match status {
            Some(status) => {
                let _ = tokio::time::timeout(LEFT, reading).await;
                status
            }
            None => child.wait().await?,
        }
    };
    Ok((status, text))
}

async fn read_to(text: &mut Vec<u8>, output: Option<ChildStdout>) {
    let Some(mut output) = output else { return };
    let mut more = [0; 256];
    while let Ok(read @ 1..) = output.read(&mut more).await {
        text.extend(more.iter().take(read.min(MOST.saturating_sub(text.len()))));
    }
}

async fn typed(serial: &str, asks: Asks, told: &Told) -> Result<String, Failure> {
    let question = format!("code of {}: ", safe(serial));
    let sink = told.sink();
    // Reading a terminal blocks.
    let answer = tokio::task::spawn_blocking(move || {
        if let Some(answer) = asks.alone.then(|| at_terminal(&question)).flatten() {
            return Some(answer);
        }
        if !asks.interactive {
            return None;
        }
        sink.write(&question);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line)
    });
    let nobody = || {
        let hint = "run it on a terminal, or give `--mfa-process` a command that prints the code";
        Failure::new(format!("nobody is there to type the code of `{}`", safe(serial)), hint)
    };
    answer.await.ok().flatten().ok_or_else(nobody)
}

/// Asks whoever sits at the terminal of this process, whatever its streams are: those of a `credential_process` belong to a program.
fn at_terminal(question: &str) -> Option<String> {
    if !cfg!(unix) {
        return None;
    }
    let mut terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").ok().filter(std::fs::File::is_terminal)?;
    terminal.write_all(question.as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(terminal).read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line)
}
