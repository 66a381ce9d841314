//! The streams of one command.

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use crossrole_sandbox::Sandbox;

use crate::failure::Failure;

/// Where a command reads and writes.
pub struct Io {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    /// Somebody can answer a question.
    pub(crate) interactive: bool,
    /// Progress may be drawn.
    pub(crate) draws: bool,
    /// An embedded AWS that lives longer than the command (tests).
    pub(crate) sandbox: Option<Arc<Sandbox>>,
}

impl Io {
    /// The streams of this process.
    pub fn process() -> Self {
        let ci = std::env::var_os("CI").is_some();
        Self {
            stdout: Box::new(std::io::stdout()),
            stderr: Box::new(std::io::stderr()),
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            draws: std::io::stderr().is_terminal() && !ci && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
            sandbox: None,
        }
    }

    /// Given streams, nobody to ask, and an embedded AWS for `--sandbox`.
    pub fn given(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>, sandbox: Option<Arc<Sandbox>>) -> Self {
        Self { stdout, stderr, interactive: false, draws: false, sandbox }
    }

    /// Asks, unless it was approved before; `nobody` is the error where there is nobody to answer.
    pub(crate) fn approve(&mut self, before: bool, question: &str, nobody: &str) -> Result<(), Failure> {
        if before {
            return Ok(());
        }
        if !self.interactive {
            return Err(Failure::new(nobody, "give `--auto-approve`, or run it on a terminal"));
        }
        self.err(&format!("\n{question} Only `yes` is taken for yes: "));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        if read.is_ok() && answer.trim() == "yes" { Ok(()) } else { Err(Failure::new("not approved", "nothing was changed")) }
    }

    /// The answer. A reader that went away (a closed pipe) is its own affair.
    pub(crate) fn out(&mut self, text: &str) {
        let _ = self.stdout.write_all(text.as_bytes());
        let _ = self.stdout.flush();
    }

    /// Everything else.
    pub(crate) fn err(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }
}
