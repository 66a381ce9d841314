//! Wildcard patterns, prepared once: `*` any run of characters, `?` any one.

/// One piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Token {
    /// Stands for itself.
    Char(char),
    /// Stands for itself too, but came from a variable or an escape: it separates nothing.
    Literal(char),
    /// `*`
    Star,
    /// `?`
    One,
}

/// A pattern over a whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Glob {
    /// Matches everything.
    Any,
    /// No wildcard.
    Exact(Box<str>),
    /// One star, at the end.
    Prefix(Box<str>),
    /// Anything else.
    Pattern(Box<[Token]>),
}

/// The wildcards of a text.
pub(crate) fn token(c: char) -> Token {
    match c {
        '*' => Token::Star,
        '?' => Token::One,
        c => Token::Char(c),
    }
}

impl Glob {
    pub(crate) fn parse(text: &str) -> Self {
        let tokens: Vec<Token> = text.chars().map(token).collect();
        Self::of(&tokens)
    }

    pub(crate) fn of(tokens: &[Token]) -> Self {
        let plain = |tokens: &[Token]| -> Option<Box<str>> {
            let mut text = String::with_capacity(tokens.len());
            for token in tokens {
                match token {
                    Token::Char(c) | Token::Literal(c) => text.push(*c),
                    Token::Star | Token::One => return None,
                }
            }
            Some(text.into())
        };
        if let Some(text) = plain(tokens) {
            return Self::Exact(text);
        }
        if let Some((Token::Star, head)) = tokens.split_last()
            && let Some(text) = plain(head)
        {
            return if text.is_empty() { Self::Any } else { Self::Prefix(text) };
        }
        Self::Pattern(tokens.into())
    }

    /// Compares case too.
    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *text,
            Self::Prefix(prefix) => text.as_bytes().starts_with(prefix.as_bytes()),
            Self::Pattern(tokens) => run(tokens, text, |a, b| a == b),
        }
    }

    /// Ignores the case of ASCII letters; the pattern is in lower case.
    pub(crate) fn matches_folded(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact.eq_ignore_ascii_case(text),
            Self::Prefix(prefix) => text.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes())),
            Self::Pattern(tokens) => run(tokens, text, |a, b| a == b.to_ascii_lowercase()),
        }
    }
}

/// Goes back to the last star only, so it takes text times pattern steps at most.
fn run(tokens: &[Token], text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let mut pattern = tokens;
    let mut rest = text.chars();
    let mut back: Option<(&[Token], std::str::Chars<'_>)> = None;
    loop {
        if let Some((Token::Star, after)) = pattern.split_first() {
            if after.is_empty() {
                return true;
            }
            back = Some((after, rest.clone()));
            pattern = after;
            continue;
        }
        let mut ahead = rest.clone();
        let Some(c) = ahead.next() else {
            return pattern.is_empty();
        };
        let step = match pattern.split_first() {
            Some((Token::One, after)) => Some(after),
            Some((Token::Char(want) | Token::Literal(want), after)) if same(*want, c) => Some(after),
            _ => None,
        };
        if let Some(after) = step {
            pattern = after;
            rest = ahead;
        } else if let Some((after, from)) = &mut back {
            from.next();
            pattern = after;
            rest = from.clone();
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("a*b*c", "a:b:c", true),
            ("a*b*c", "abcb", false),
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a?", "aü", true),
            ("*ü?", "xüüy", true),
            ("**x", "x", true),
            ("a*", "b", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(Glob::parse(pattern).matches(text), expected, "{pattern} {text}");
        }
        assert!(Glob::parse("s3:get*").matches_folded("S3:GetObject"));
        assert!(Glob::parse("s3:?et*ct").matches_folded("S3:GETObject"));
    }
}
