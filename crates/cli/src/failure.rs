//! Exit codes, and errors with their advice.

use std::fmt;

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
}

impl Exit {
    /// Returns the process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Refused => 3,
        }
    }
}

/// Whose an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of what was typed, of a file, or of an account.
    User,
    /// Mistakes that are rendered already, each with its place.
    Findings,
    /// Ours.
    Bug,
}

/// An error for people: what happened, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: String,
    hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: Kind::User, error: error.into(), hints: vec![hint.into()] }
    }

    /// Something that must not happen: nothing was changed.
    pub(crate) fn bug(error: impl Into<String>) -> Self {
        Self { kind: Kind::Bug, error: error.into(), hints: Vec::new() }
    }

    /// Findings, already rendered.
    pub(crate) fn findings(text: &str, count: usize) -> Self {
        let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
        Self { kind: Kind::Findings, error: format!("{text}{mistakes} found"), hints: Vec::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, error, hints } = self;
        match kind {
            Kind::User => write!(f, "error: {error}")?,
            Kind::Findings => write!(f, "{error}")?,
            Kind::Bug => write!(f, "error: {error}\nhelp: this is a bug in crossrole, and nothing was changed; please report it with the manifest")?,
        }
        for hint in hints.iter().filter(|h| !h.is_empty()) {
            write!(f, "\nhelp: {hint}")?;
        }
        writeln!(f)
    }
}
