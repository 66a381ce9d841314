//! Exit codes, and errors with their advice.

use crossrole_model::{Finding, Severity, Source, Span};
use crossrole_report::{Line, Screen, Tone, rendered, safe};
use serde_json::{Value, json};

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Clean,
    /// An error, or something declared could not be planned or applied.
    Failed,
    /// There are changes (`--detailed-exitcode`), as Terraform says it.
    Changes,
    /// The plan widens access, or breaks a rule, that was not approved: a second reviewer is needed.
    Refused,
    /// Another run holds the lock, or has taken it over.
    Locked,
    /// What was reviewed is not what would be done now.
    Moved,
    /// What was asked about can't be told by what was read.
    Unknown,
    /// What a command that was run ended with.
    Passed(u8),
    /// A signal of this number ended it before its work was done.
    Signal(u8),
}

impl Exit {
    /// Returns the process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Refused => 3,
            Self::Locked => 4,
            Self::Moved => 5,
            Self::Unknown => 6,
            Self::Passed(code) => code,
            // As shells say it of a process that a signal has ended (POSIX, "Exit Status for Commands").
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

/// Whose an error is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Of what was typed, of a file, or of an account.
    User,
    /// Mistakes in files, and the files.
    Findings(Vec<Finding>, Vec<Source>),
    /// Of a program that is needed, whatever it was asked about.
    Tool,
    /// Ours.
    Bug,
    /// Nobody's: it was to end so.
    Stopped(Exit),
    /// It may not be done: nobody has approved it, or it is not what was reviewed.
    Refused,
    /// It is not what was reviewed any more.
    Moved,
}

/// An error for people: what happened, and what to do. Each text is one line, whatever is in the names that it quotes.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    errors: Vec<String>,
    /// What belongs to it, a line each.
    details: Vec<String>,
    hint: String,
}

impl Failure {
    pub(crate) fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::several(vec![error.into()], hint)
    }

    /// Several errors with one advice.
    pub(crate) fn several(errors: Vec<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::User, errors, details: Vec::new(), hint: hint.into() }
    }

    /// A program that is needed does not do its work.
    pub(crate) fn tool(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::Tool, ..Self::new(error, hint) }
    }

    /// Tells whether it is a program's that is needed, and says nothing of what that was asked about.
    pub(crate) fn is_of_a_tool(&self) -> bool {
        self.kind == Kind::Tool
    }

    /// It was to end before its work was done.
    pub(crate) fn stopped(exit: Exit, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::Stopped(exit), ..Self::new(error, hint) }
    }

    /// It may not be done.
    pub(crate) fn refused(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::Refused, ..Self::new(error, hint) }
    }

    /// It is not what was reviewed any more, and nothing was changed.
    pub(crate) fn moved(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::Moved, ..Self::new(error, hint) }
    }

    /// The same as what is not what was reviewed.
    pub(crate) fn into_moved(self) -> Self {
        Self { kind: Kind::Moved, ..self }
    }

    /// Another run holds the lock, or has taken it over.
    pub(crate) fn locked(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::stopped(Exit::Locked, error, hint)
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        match self.kind {
            Kind::Stopped(exit) => exit,
            Kind::User | Kind::Findings(..) | Kind::Tool | Kind::Bug => Exit::Failed,
            Kind::Refused => Exit::Refused,
            Kind::Moved => Exit::Moved,
        }
    }

    /// What machines are told: why it ended, and the same words.
    pub(crate) fn json(&self) -> Value {
        let Self { kind, errors, details, hint } = self;
        let reason = match kind {
            Kind::Stopped(Exit::Signal(_)) => "interrupted",
            Kind::Stopped(Exit::Locked) => "locked",
            Kind::Stopped(_) | Kind::User | Kind::Findings(..) | Kind::Tool | Kind::Bug => "failed",
            Kind::Refused => "refused",
            Kind::Moved => "moved",
        };
        let errors = match kind {
            Kind::Findings(findings, sources) => &vec![crossrole_report::findings(findings, sources)],
            _ => errors,
        };
        json!({ "format_version": crossrole_report::FORMAT_VERSION, "type": "error", "reason": reason, "errors": errors, "details": details, "help": hint })
    }

    /// Something that must not happen: nothing was changed.
    pub(crate) fn bug(error: impl Into<String>) -> Self {
        Self { kind: Kind::Bug, ..Self::new(error, "this is a bug in crossrole, and nothing was changed; please report it with the manifest") }
    }

    /// With other advice.
    pub(crate) fn advised(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Adds what belongs to it: the lines of a text.
    pub(crate) fn with(mut self, details: &str) -> Self {
        self.details.extend(details.lines().map(str::to_owned));
        self
    }

    /// Mistakes in files, each with its place.
    pub(crate) fn findings(findings: Vec<Finding>, sources: Vec<Source>) -> Self {
        Self { kind: Kind::Findings(findings, sources), ..Self::several(Vec::new(), "") }
    }

    /// The mistakes in files that it is, and the files; otherwise itself.
    pub(crate) fn into_findings(self) -> Result<(Vec<Finding>, Vec<Source>), Self> {
        match self.kind {
            Kind::Findings(findings, sources) => Ok((findings, sources)),
            _ => Err(self),
        }
    }

    /// The mistakes in files that it is, if it is some, and the files.
    pub(crate) fn mistakes(&self) -> (Vec<Finding>, Vec<Source>) {
        match &self.kind {
            Kind::Findings(findings, sources) => (findings.clone(), sources.clone()),
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// The same where it holds nothing up: a warning at a place.
    pub(crate) fn into_warning(self, file: &str, span: Span) -> Finding {
        let mut finding = Finding::error(file, Some(span), self.errors.join("; "), self.hint);
        finding.severity = Severity::Warning;
        finding
    }

    /// What people read.
    pub(crate) fn render(&self, screen: Screen) -> String {
        let Self { kind, errors, details, hint } = self;
        if let Kind::Findings(findings, sources) = kind {
            let count = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
            let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
            let said = crossrole_report::findings_on(findings, sources, screen);
            return said + &rendered(&[Line::new(Tone::Error, 0, format!("{mistakes} found"))], screen);
        }
        let head = if *kind == Kind::Refused { "refused: " } else { "error: " };
        let mut lines: Vec<Line> = errors.iter().map(|error| Line::new(Tone::Error, 0, head).then([safe(error)])).collect();
        lines.extend(details.iter().map(|detail| Line::plain((detail.len() - detail.trim_start().len()).max(2), safe(detail.trim()))));
        lines.extend((!hint.is_empty()).then(|| Line::new(Tone::Advice, 0, "help: ").then([safe(hint)])));
        rendered(&lines, screen)
    }
}
