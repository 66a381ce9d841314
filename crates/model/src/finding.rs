//! Mistakes and warnings about what people wrote, each with its place.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can go on.
    Error,
    /// Worth a look.
    Warning,
    /// Worth knowing.
    Note,
}

/// A range of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As given on the command line.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// One mistake or warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file it is in.
    pub file: String,
    /// The offending text; `None` for the file as a whole.
    pub span: Option<Span>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a lower-case phrase with user text in backticks.
    pub message: String,
    /// What to do; empty when the message says it all.
    pub advice: String,
    /// Id of the lint rule or guardrail, if it is one.
    pub rule: Option<String>,
}

impl Finding {
    /// Returns an error at `span`.
    pub fn error(file: &str, span: Option<Span>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { file: file.to_owned(), span, severity: Severity::Error, message: message.into(), advice: advice.into(), rule: None }
    }
}
