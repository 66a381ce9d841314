//! A second evaluator, written to be compared with AWS's documentation line by line and not to be fast. It shares with the
//! crate the types of a request and nothing else.

mod condition;
pub(crate) mod evaluate;
mod pattern;
pub(crate) mod principal;
mod statement;

/// A pattern with its variables filled in; `None` where one has no value.
pub(crate) fn filled(text: &str, context: &crossrole_access::Context) -> Option<()> {
    pattern::tokens(text, Some(context)).map(|_| ())
}
