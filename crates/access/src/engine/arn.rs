//! Patterns over ARNs: five segments one by one, then the rest as a whole (IAM User Guide, "JSON policy elements: Resource").

use super::glob::{Glob, Token};

/// A pattern of six segments, or nothing that could match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnGlob {
    /// No wildcard at all.
    Exact(Box<str>),
    /// One star, at the end.
    Prefix(Box<str>),
    /// The first five segments are plain: they are compared at once.
    Plain { head: Box<str>, tail: Glob },
    /// Wildcards among the first five.
    Wild { head: Box<[Glob; 5]>, tail: Glob },
    /// Not an ARN.
    Never,
}

impl ArnGlob {
    /// `service_literal`: a wildcard in the service segment makes the pattern invalid, as in a `Resource`.
    pub(crate) fn of(tokens: &[Token], service_literal: bool) -> Self {
        let mut segments = tokens.splitn(6, |t| *t == Token::Char(':'));
        let mut head: Vec<Glob> = Vec::with_capacity(5);
        for _ in 0..5 {
            let Some(segment) = segments.next() else { return Self::Never };
            head.push(Glob::of(segment));
        }
        let Some(tail) = segments.next() else { return Self::Never };
        let tail = Glob::of(tail);
        if service_literal && !matches!(head.get(2), Some(Glob::Exact(_))) {
            return Self::Never;
        }
        let mut plain = String::new();
        for segment in &head {
            let Glob::Exact(text) = segment else {
                return <[Glob; 5]>::try_from(head).map_or(Self::Never, |head| Self::Wild { head: Box::new(head), tail });
            };
            // A literal colon, put in by a variable, can't be compared as one text: no segment of a real ARN holds it.
            if text.contains(':') {
                return Self::Never;
            }
            plain.push_str(text);
            plain.push(':');
        }
        match tail {
            Glob::Exact(rest) => Self::Exact((plain + &rest).into()),
            Glob::Prefix(rest) => Self::Prefix((plain + &rest).into()),
            Glob::Any => Self::Prefix(plain.into()),
            tail @ Glob::Pattern(_) => Self::Plain { head: plain.into(), tail },
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Exact(exact) => **exact == *text,
            Self::Prefix(prefix) => text.as_bytes().starts_with(prefix.as_bytes()),
            Self::Plain { head, tail } => text.strip_prefix(&**head).is_some_and(|rest| tail.matches(rest)),
            Self::Wild { head, tail } => {
                let mut segments = text.splitn(6, ':');
                head.iter().all(|glob| segments.next().is_some_and(|s| glob.matches(s))) && segments.next().is_some_and(|rest| tail.matches(rest))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::glob::token;
    use super::*;

    #[test]
    fn arns_match_by_segment() {
        for (pattern, text, expected) in [
            ("arn:aws:s3:::data*", "arn:aws:s3:::data/k", true),
            ("arn:aws:s3:::data/*", "arn:aws:s3:::data", false),
            ("arn:aws:s3:::data/*", "arn:aws:s3:::data/", true),
            ("arn:aws:iam::*role/x", "arn:aws:iam::1:role/x", false),
            ("arn:aws:s*:::data", "arn:aws:s3:::data", false),
            ("arn:*:s3:::data", "arn:aws-cn:s3:::data", true),
            ("arn:aws:s3:::a", "arn:aws:s3", false),
        ] {
            let tokens: Vec<Token> = pattern.chars().map(token).collect();
            assert_eq!(ArnGlob::of(&tokens, true).matches(text), expected, "{pattern} {text}");
        }
    }
}
