//! What one pattern leaves in the place of a variable of another.

use std::collections::BTreeSet;

use crate::engine::glob::Token;
use crate::engine::template::plain;

/// Adds the patterns that tell apart the texts which, with `before` in front and `after` behind, meet `other`.
pub(crate) fn beside(before: &[Token], after: &[Token], other: &[Token], into: &mut BTreeSet<String>) {
    for start in reached(before, other) {
        for end in start..=other.len() {
            let Some(middle) = other.get(start..end) else { continue };
            // A star goes on behind the cut.
            let from = if middle.last() == Some(&Token::Star) { end - 1 } else { end };
            let rest = other.get(from..).unwrap_or_default();
            if !middle.iter().all(|t| *t == Token::Star) && meets(after, rest) {
                into.insert(plain(middle));
            }
        }
    }
}

/// Places in `other` that are reached when a text of `pattern` has been read.
fn reached(pattern: &[Token], other: &[Token]) -> BTreeSet<usize> {
    walk(pattern, other).into_iter().filter(|(at, _)| *at == pattern.len()).map(|(_, place)| place).collect()
}

fn meets(a: &[Token], b: &[Token]) -> bool {
    walk(a, b).contains(&(a.len(), b.len()))
}

/// Places in both that are reached by reading one text.
fn walk(a: &[Token], b: &[Token]) -> BTreeSet<(usize, usize)> {
    let mut seen = BTreeSet::new();
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        if !seen.insert((i, j)) {
            continue;
        }
        let (x, y) = (a.get(i), b.get(j));
        if x == Some(&Token::Star) {
            open.push((i + 1, j));
        }
        if y == Some(&Token::Star) {
            open.push((i, j + 1));
        }
        if let (Some(x), Some(y)) = (x, y)
            && common(*x, *y)
        {
            let step = |token: &Token, at: usize| if *token == Token::Star { at } else { at + 1 };
            open.push((step(x, i), step(y, j)));
        }
    }
    seen
}

fn common(a: Token, b: Token) -> bool {
    match (a, b) {
        (Token::Char(a) | Token::Literal(a), Token::Char(b) | Token::Literal(b)) => a == b,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::glob::token;

    #[test]
    fn what_is_left_in_a_variables_place() {
        for (before, after, other, expected) in [
            ("data/", "/*", "data/red/*", &["red"][..]),
            ("data/", "/*", "data/r*", &["r", "r*"]),
            ("data/", "", "data/red", &["red"]),
            ("data/", "/*", "logs/*", &[]),
            ("*/", "", "a/b", &["b"]),
        ] {
            let tokens = |text: &str| text.chars().map(token).collect::<Vec<_>>();
            let mut found = BTreeSet::new();
            beside(&tokens(before), &tokens(after), &tokens(other), &mut found);
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            assert!(expected.iter().all(|e| found.contains(e)), "{before} {after} {other}: {found:?}");
        }
    }
}
