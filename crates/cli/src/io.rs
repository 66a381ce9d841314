//! The streams of one command.

use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crossrole_sandbox::Sandbox;

/// Where everything but the answer goes: also what is said from within, while others hold the streams.
#[derive(Clone)]
pub(crate) struct Stderr(Arc<Mutex<Box<dyn Write + Send>>>);

impl std::fmt::Debug for Stderr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stderr")
    }
}

impl Stderr {
    pub(crate) fn write(&self, text: &str) {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.flush();
    }
}

/// Where a command reads and writes.
pub struct Io {
    stdout: Box<dyn Write + Send>,
    pub(crate) stderr: Stderr,
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
            stderr: Stderr(Arc::new(Mutex::new(Box::new(std::io::stderr())))),
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            draws: std::io::stderr().is_terminal() && !ci && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
            sandbox: None,
        }
    }

    /// Given streams, nobody to ask, and an embedded AWS for `--sandbox`.
    pub fn given(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>, sandbox: Option<Arc<Sandbox>>) -> Self {
        Self { stdout, stderr: Stderr(Arc::new(Mutex::new(stderr))), interactive: false, draws: false, sandbox }
    }

    /// The answer. A reader that went away (a closed pipe) is its own affair.
    pub(crate) fn out(&mut self, text: &str) {
        let _ = self.stdout.write_all(text.as_bytes());
        let _ = self.stdout.flush();
    }

    /// Everything else.
    pub(crate) fn err(&mut self, text: &str) {
        self.stderr.write(text);
    }
}
