//! The streams of one command.

use std::io::{IsTerminal as _, Read as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crossrole_report::{Line, Screen, json_text, rendered};
use crossrole_sandbox::Sandbox;

use crate::args::ColorArg;
use crate::failure::Failure;
use crate::files::Wanted;
use crate::screen::colored;

/// Where a stream goes: also what is said from within, while others hold the streams.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Mutex<To>>);

struct To {
    stream: Box<dyn Write + Send>,
    /// Why something could not be written.
    failed: Option<std::io::Error>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

impl Sink {
    fn new(to: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(To { stream: to, failed: None })))
    }

    /// A reader that went away (a closed pipe) is its own affair.
    pub(crate) fn write(&self, text: &str) {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = to.stream.write_all(text.as_bytes()).and_then(|()| to.stream.flush());
        if let Err(error) = written
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            to.failed.get_or_insert(error);
        }
    }

    fn failed(&self) -> Option<std::io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed.take()
    }
}

/// One stream, and whether somebody looks at it.
struct Stream {
    to: Sink,
    is_terminal: bool,
    /// Columns, where it is a terminal that can break lines.
    width: Option<usize>,
    screen: Screen,
}

impl Stream {
    fn given(to: Box<dyn Write + Send>) -> Self {
        Self { to: Sink::new(to), is_terminal: false, width: None, screen: Screen::default() }
    }

    fn of(to: Box<dyn Write + Send>, is_terminal: bool) -> Self {
        let width = if is_terminal && !is_dumb() { terminal_size::terminal_size().map(|(width, _)| width.0.into()) } else { None };
        Self { to: Sink::new(to), is_terminal, width, screen: Screen { color: false, width } }
    }

    fn write(&self, text: &str) {
        self.to.write(text);
    }
}

/// A terminal that only writes line after line.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Where a command reads and writes.
pub struct Io {
    stdout: Stream,
    stderr: Stream,
    /// Somebody can answer a question.
    pub(crate) interactive: bool,
    /// It is a process of its own: its terminal, its memory and its cache are this command's.
    pub(crate) alone: bool,
    /// Progress may be drawn.
    pub(crate) draws: bool,
    /// Something may come in from a pipe.
    reads: bool,
    /// Something was printed for machines.
    pub(crate) told: bool,
    /// What is printed for machines is one document: its parts so far.
    gathered: Option<serde_json::Map<String, serde_json::Value>>,
    /// An embedded AWS that lives longer than the command (tests).
    pub(crate) sandbox: Option<Arc<Sandbox>>,
}

impl Io {
    /// The streams of this process.
    pub fn process() -> Self {
        let ci = std::env::var_os("CI").is_some();
        Self {
            stdout: Stream::of(Box::new(std::io::stdout()), std::io::stdout().is_terminal()),
            stderr: Stream::of(Box::new(std::io::stderr()), std::io::stderr().is_terminal()),
            interactive: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            alone: true,
            draws: std::io::stderr().is_terminal() && !ci && !is_dumb(),
            reads: !std::io::stdin().is_terminal(),
            told: false,
            gathered: None,
            sandbox: None,
        }
    }

    /// Given streams, nobody to ask, and an embedded AWS for `--sandbox`.
    pub fn given(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>, sandbox: Option<Arc<Sandbox>>) -> Self {
        Self {
            stdout: Stream::given(stdout),
            stderr: Stream::given(stderr),
            interactive: false,
            alone: false,
            draws: false,
            reads: false,
            told: false,
            gathered: None,
            sandbox,
        }
    }

    /// What comes in from a pipe, whole, up to a limit.
    pub(crate) fn input(&self, wanted: &Wanted) -> Result<String, Failure> {
        if !self.reads {
            return Err(Failure::new(format!("there is no {} to read", wanted.what), wanted.advice));
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(wanted.most).unwrap_or(u64::MAX).saturating_add(1);
        let failed = |e: std::io::Error| Failure::new(format!("standard input can't be read: {e}"), wanted.advice);
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() > wanted.most {
            return Err(Failure::new(format!("standard input has over {} bytes", wanted.most), wanted.smaller));
        }
        // A log may have been cut in the middle of a letter.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Asks; `nobody` is the error where there is nobody to answer.
    pub(crate) async fn approve(&mut self, question: &str, nobody: &str) -> Result<(), Failure> {
        if !self.interactive {
            return Err(Failure::new(nobody, "give `--auto-approve`, or run it on a terminal"));
        }
        self.err(&format!("\n{question} Only `yes` is taken for yes: "));
        // Reading a terminal blocks.
        let answer = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
        let answer = answer.await.ok().flatten().and_then(Result::ok);
        if answer.is_some_and(|answer| answer.trim() == "yes") { Ok(()) } else { Err(Failure::new("not approved", "nothing was changed")) }
    }

    /// Decides on colors, once it is known what was asked for.
    pub(crate) fn color(&mut self, asked: ColorArg) {
        for stream in [&mut self.stdout, &mut self.stderr] {
            let color = colored(asked, stream.is_terminal, |name| std::env::var(name).ok());
            stream.screen = Screen { color, width: stream.width };
        }
    }

    /// Where the answer is read.
    pub(crate) fn out_screen(&self) -> Screen {
        self.stdout.screen
    }

    /// Where everything else is read.
    pub(crate) fn err_screen(&self) -> Screen {
        self.stderr.screen
    }

    /// Where everything but the answer goes.
    pub(crate) fn err_sink(&self) -> Sink {
        self.stderr.to.clone()
    }

    /// The answer.
    pub(crate) fn out(&mut self, text: &str) {
        self.stdout.write(text);
    }

    /// What could not be written of the answer: half of it must not pass for all of it.
    pub(crate) fn lost(&mut self) -> Result<(), Failure> {
        let Some(error) = self.stdout.to.failed() else { return Ok(()) };
        Err(Failure::new(format!("the answer could not be written to standard output: {error}"), "make room where it goes, and run it again"))
    }

    /// The answer, for machines.
    pub(crate) fn out_json(&mut self, value: &impl serde::Serialize) {
        self.told = true;
        self.stdout.write(&(json_text(value) + "\n"));
    }

    /// From here on, what is printed for machines in parts is one document.
    pub(crate) fn gather(&mut self) {
        let version = serde_json::Value::from(crossrole_report::FORMAT_VERSION);
        self.gathered = Some(serde_json::Map::from_iter([("format_version".to_owned(), version)]));
    }

    /// A part of the answer, for machines: a document of its own, unless they are gathered.
    pub(crate) fn out_part(&mut self, name: &str, value: serde_json::Value) {
        match &mut self.gathered {
            Some(parts) => drop(parts.insert(name.to_owned(), value)),
            None => self.out_json(&value),
        }
    }

    /// Prints what was gathered, with why it failed, if so.
    pub(crate) fn gathered(&mut self, error: Option<serde_json::Value>) {
        let Some(mut parts) = self.gathered.take() else { return };
        parts.extend(error.map(|error| ("error".to_owned(), error)));
        self.out_json(&parts);
    }

    /// The answer, in lines.
    pub(crate) fn out_lines(&mut self, lines: &[Line]) {
        let text = rendered(lines, self.stdout.screen);
        self.stdout.write(&text);
    }

    /// Everything else.
    pub(crate) fn err(&mut self, text: &str) {
        self.stderr.write(text);
    }

    /// The same, in lines.
    pub(crate) fn err_lines(&mut self, lines: &[Line]) {
        let text = rendered(lines, self.stderr.screen);
        self.stderr.write(&text);
    }
}
