//! Text with policy variables, `${key}` or `${key, 'default'}` (IAM User Guide, "Variables and tags").

use std::borrow::Cow;

use crate::request::{Context, ContextValue};

use super::glob::{Token, token};

/// A pattern or a plain text, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    /// A `${` without an end: it has no value, ever.
    broken: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<Token>),
    /// `key` in lower case, and as written.
    Variable {
        key: String,
        written: String,
        default: Option<String>,
    },
}

impl Template {
    /// `variables`: the policy's language has them (2012-10-17); otherwise `${…}` is plain text.
    pub(crate) fn parse(text: &str, variables: bool) -> Self {
        let mut template = Self { pieces: Vec::new(), broken: false };
        let mut rest = text;
        while let Some((before, from)) = variables.then(|| rest.split_once("${")).flatten() {
            template.push(before.chars().map(token));
            let Some((body, after)) = from.split_once('}') else {
                template.broken = true;
                return template;
            };
            match body {
                "*" | "?" | "$" => template.push(body.chars().map(Token::Literal)),
                _ => template.pieces.push(variable(body)),
            }
            rest = after;
        }
        template.push(rest.chars().map(token));
        template
    }

    fn push(&mut self, tokens: impl Iterator<Item = Token>) {
        if let Some(Piece::Text(last)) = self.pieces.last_mut() {
            last.extend(tokens);
            return;
        }
        self.pieces.push(Piece::Text(tokens.collect()));
    }

    /// Returns the keys that it takes values from.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|p| if let Piece::Variable { key, .. } = p { Some(key.as_str()) } else { None })
    }

    /// The same, as they are written.
    pub(crate) fn written_keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|p| if let Piece::Variable { written, .. } = p { Some(written.as_str()) } else { None })
    }

    /// Fills in the variables that have a value, and puts a star for the others.
    pub(crate) fn loose(&self, context: &Context) -> Vec<Token> {
        self.pieces.iter().flat_map(|piece| piece.loose(context)).collect()
    }

    /// What stands before and behind each place of a key, other variables as in [`loose`](Self::loose).
    pub(crate) fn around(&self, key: &str, context: &Context) -> Vec<(Vec<Token>, Vec<Token>)> {
        let side = |pieces: &[Piece]| pieces.iter().flat_map(|piece| piece.loose(context)).collect::<Vec<_>>();
        let places = self.pieces.iter().enumerate().filter(|(_, p)| matches!(p, Piece::Variable { key: k, .. } if k == key));
        places.filter_map(|(at, _)| Some((side(self.pieces.get(..at)?), side(self.pieces.get(at + 1..)?)))).collect()
    }

    /// The pattern as a policy with variables would have it, with the values of variables that are not among `open`: what is
    /// literal is written as such.
    pub(crate) fn shown(&self, context: &Context, open: &std::collections::BTreeSet<String>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(tokens) => written(tokens),
            Piece::Variable { key, written, default } => match (context.get_lower(key), default) {
                (Some(ContextValue::One(value)), _) if !open.contains(key) => literal(value),
                (None, Some(default)) if !open.contains(key) => literal(default),
                (_, Some(default)) => format!("${{{written}, '{default}'}}"),
                _ => format!("${{{written}}}"),
            },
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Tells whether one of these keys has neither a value nor a default: then it equals nothing.
    pub(crate) fn lacks(&self, context: &Context, is_one: impl Fn(&str) -> bool) -> bool {
        let lacks = |piece: &Piece| matches!(piece, Piece::Variable { key, default: None, .. } if is_one(key) && context.get_lower(key).is_none());
        self.pieces.iter().any(lacks)
    }

    /// It has a variable without an end, and equals nothing.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// True when it is the same for every request.
    pub(crate) fn is_fixed(&self) -> bool {
        !self.broken && self.keys().next().is_none()
    }

    /// Fills the variables in; what they hold is literal. `None` when one has no value: such a pattern equals nothing.
    pub(crate) fn fill(&self, context: &Context) -> Option<Cow<'_, [Token]>> {
        if self.broken {
            return None;
        }
        if let [Piece::Text(tokens)] = self.pieces.as_slice() {
            return Some(Cow::Borrowed(tokens));
        }
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(tokens) => out.extend(tokens),
                Piece::Variable { key, default, .. } => {
                    let value = match context.get_lower(key) {
                        Some(ContextValue::One(value)) => value,
                        Some(ContextValue::Many(_)) => return None,
                        None => default.as_ref()?,
                    };
                    out.extend(value.chars().map(Token::Literal));
                }
            }
        }
        Some(Cow::Owned(out))
    }
}

impl Piece {
    fn loose(&self, context: &Context) -> Vec<Token> {
        match self {
            Self::Text(tokens) => tokens.clone(),
            Self::Variable { key, .. } => match context.get_lower(key) {
                Some(ContextValue::One(value)) => value.chars().map(Token::Literal).collect(),
                _ => vec![Token::Star],
            },
        }
    }
}

fn variable(body: &str) -> Piece {
    let (key, default) = match body.split_once(',') {
        Some((key, default)) => (key.trim(), default.trim().strip_prefix('\'').and_then(|d| d.strip_suffix('\''))),
        None => (body, None),
    };
    Piece::Variable { key: key.to_ascii_lowercase(), written: key.to_owned(), default: default.map(str::to_owned) }
}

/// A text as a policy with variables writes it, so that nothing in it is a wildcard or a variable.
pub(crate) fn literal(text: &str) -> String {
    written(&text.chars().map(Token::Literal).collect::<Vec<_>>())
}

/// Tokens as a policy with variables writes them (IAM User Guide, "IAM policy elements: Variables and tags": `${*}`, `${?}`,
/// `${$}`).
fn written(tokens: &[Token]) -> String {
    let mut out = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal(c @ ('*' | '?')) => out.extend(["${", c.encode_utf8(&mut [0; 4]), "}"]),
            Token::Char('$') | Token::Literal('$') if matches!(tokens.get(at + 1), Some(Token::Char('{') | Token::Literal('{'))) => out.push_str("${$}"),
            Token::Char(c) | Token::Literal(c) => out.push(*c),
            Token::Star => out.push('*'),
            Token::One => out.push('?'),
        }
    }
    out
}

/// The text that tokens stand for, wildcards as plain characters.
pub(crate) fn plain(tokens: &[Token]) -> String {
    let char = |token: &Token| match token {
        Token::Char(c) | Token::Literal(c) => *c,
        Token::Star => '*',
        Token::One => '?',
    };
    tokens.iter().map(char).collect()
}
