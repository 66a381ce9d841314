//! Wildcards and policy variables.

use crossrole_access::{Context, ContextValue};

/// One character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// Written in the pattern.
    Char(char),
    /// Put in by a variable, or escaped: never a wildcard, never a separator.
    Literal(char),
    /// `*`
    Star,
    /// `?`
    One,
}

/// Tells whether an action pattern matches an action; case does not count.
pub(crate) fn action_matches(pattern: &str, action: &str) -> bool {
    let tokens: Vec<Token> = pattern.to_ascii_lowercase().chars().map(token).collect();
    matches(&tokens, &action.to_ascii_lowercase())
}

/// Tells whether a resource pattern matches an ARN; variables are filled from `context` when there is one.
pub(crate) fn resource_matches(pattern: &str, resource: &str, context: Option<&Context>) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some(tokens) = tokens(pattern, context) else { return false };
    arn_matches(&tokens, resource, true)
}

fn token(c: char) -> Token {
    match c {
        '*' => Token::Star,
        '?' => Token::One,
        c => Token::Char(c),
    }
}

/// Reads a pattern. With a context, variables are replaced; `None` when one has no value: such a pattern equals nothing.
/// Without (a policy of the 2008 language) `${…}` is plain text.
pub(crate) fn tokens(pattern: &str, context: Option<&Context>) -> Option<Vec<Token>> {
    let Some(context) = context else { return Some(pattern.chars().map(token).collect()) };
    let mut out = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.extend(before.chars().map(token));
        let body = from.get(2..)?;
        let end = body.find('}')?;
        let value = variable(body.get(..end)?, context)?;
        out.extend(value.chars().map(Token::Literal));
        rest = body.get(end + 1..)?;
    }
    out.extend(rest.chars().map(token));
    Some(out)
}

/// The value of `name` or `name, 'default'`.
fn variable(body: &str, context: &Context) -> Option<String> {
    if matches!(body, "*" | "?" | "$") {
        return Some(body.to_owned());
    }
    let (name, default) = match body.split_once(',') {
        Some((name, default)) => (name.trim(), default.trim().strip_prefix('\'').and_then(|d| d.strip_suffix('\''))),
        None => (body, None),
    };
    match context.get(name) {
        Some(ContextValue::One(value)) => Some(value.clone()),
        Some(ContextValue::Many(_)) => None,
        None => default.map(str::to_owned),
    }
}

/// Matches the whole of `text`. Linear in text times stars: on a mismatch it goes back to the last star only.
pub(crate) fn matches(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(Token::Star) => {
                back = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(Token::One) => {
                p += 1;
                t += 1;
                continue;
            }
            Some(Token::Char(want) | Token::Literal(want)) if want == c => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        match back {
            Some((after, from)) => {
                back = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            None => return false,
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|token| *token == Token::Star))
}

/// Matches ARN against ARN: five segments one by one, then the rest as a whole. `service_literal`: a resource pattern has
/// no wildcard in its service.
pub(crate) fn arn_matches(pattern: &[Token], text: &str, service_literal: bool) -> bool {
    let values: Vec<&str> = text.splitn(6, ':').collect();
    let segments: Vec<&[Token]> = pattern.splitn(6, |t| *t == Token::Char(':')).collect();
    if values.len() != 6 || segments.len() != 6 {
        return false;
    }
    let wild = |s: &[Token]| s.iter().any(|t| matches!(t, Token::Star | Token::One));
    if service_literal && segments.get(2).is_some_and(|s| wild(s)) {
        return false;
    }
    segments.iter().zip(values).all(|(segment, value)| matches(segment, value))
}
