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

/// An error for people: what happened, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    advice: String,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { message: message.into(), advice: advice.into() }
    }

    /// Findings, already rendered.
    pub(crate) fn findings(text: &str, count: usize) -> Self {
        let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
        Self { message: format!("{text}{mistakes} found"), advice: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, advice } = self;
        if message.starts_with("error") || message.starts_with("warning") {
            write!(f, "{message}")?;
        } else {
            write!(f, "error: {message}")?;
        }
        if !advice.is_empty() {
            write!(f, "\nhelp: {advice}")?;
        }
        writeln!(f)
    }
}
