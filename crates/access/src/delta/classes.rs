//! The words that patterns tell apart.
//!
//! A set of wildcard patterns splits all texts into classes: two texts are in one class when the same patterns match them.
//! [`classes`] finds every class that holds a text, with a shortest such text, by walking the patterns side by side (a
//! breadth-first subset construction). It is exact: nothing is sampled.

use std::collections::{BTreeSet, VecDeque};

use crate::engine::glob::Token;

/// Most states of one walk. Patterns with few stars make about as many states as they have letters; this is met only by
/// sets made to be hard, and what is past it is said to be not decided.
const STATES_MOST: usize = 20_000;

/// One symbol of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// This letter.
    Char(char),
    /// Any one letter; `colon`: a colon too.
    One { colon: bool },
    /// Any run of letters; `colon`: colons too.
    Star { colon: bool },
}

/// The texts of one class: which patterns match them, and a shortest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    /// By pattern.
    pub(crate) matched: Vec<bool>,
    /// One of its texts.
    pub(crate) witness: String,
}

/// A pattern over a whole text.
pub(crate) fn plain(tokens: &[Token]) -> Vec<Symbol> {
    tokens.iter().map(|t| symbol(*t, true)).collect()
}

/// A pattern over an ARN: wildcards of the first five segments stay inside theirs. `None` when it has not six segments, or
/// (`service_literal`) a wildcard in its service: such a pattern matches nothing.
pub(crate) fn arn(tokens: &[Token], service_literal: bool) -> Option<Vec<Symbol>> {
    let mut colons = 0;
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        if colons == 2 && service_literal && matches!(token, Token::Star | Token::One) {
            return None;
        }
        // A colon that came out of a variable separates nothing, and no segment of an ARN holds one.
        if colons < 5 && *token == Token::Literal(':') {
            return None;
        }
        out.push(symbol(*token, colons >= 5));
        if *token == Token::Char(':') {
            colons += 1;
        }
    }
    (colons >= 5).then_some(out)
}

fn symbol(token: Token, colon: bool) -> Symbol {
    match token {
        Token::Char(c) | Token::Literal(c) => Symbol::Char(c),
        Token::Star => Symbol::Star { colon },
        Token::One => Symbol::One { colon },
    }
}

/// Tells whether some text matches both patterns; where that takes too many states, it says yes.
pub fn overlap(a: &str, b: &str) -> bool {
    let tokens = [a, b].map(|text| text.chars().map(crate::engine::glob::token).collect::<Vec<_>>());
    meet(&tokens.map(|tokens| plain(&tokens)))
}

/// The same of two patterns over ARNs: wildcards of the first five segments stay inside theirs. Where one of the two is no
/// such pattern, it is one over any text.
pub(crate) fn overlap_arns(a: &str, b: &str) -> bool {
    let tokens = [a, b].map(|text| text.chars().map(crate::engine::glob::token).collect::<Vec<_>>());
    match tokens.each_ref().map(|tokens| arn(tokens, false)) {
        [Some(a), Some(b)] => meet(&[a, b]),
        _ => meet(&tokens.map(|tokens| plain(&tokens))),
    }
}

fn meet(patterns: &[Vec<Symbol>]) -> bool {
    classes(patterns, "").is_none_or(|found| found.iter().any(|class| class.matched.iter().all(|m| *m)))
}

/// A pattern and a place in it.
type Place = (u32, u32);

struct Walk<'p> {
    patterns: &'p [Vec<Symbol>],
}

impl Walk<'_> {
    fn at(&self, (pattern, place): Place) -> Option<Symbol> {
        self.patterns.get(pattern as usize)?.get(place as usize).copied()
    }

    /// Adds a place and, past stars, those behind it.
    fn enter(&self, (pattern, mut place): Place, into: &mut BTreeSet<Place>) {
        loop {
            if !into.insert((pattern, place)) || !matches!(self.at((pattern, place)), Some(Symbol::Star { .. })) {
                return;
            }
            place += 1;
        }
    }

    fn start(&self) -> Vec<Place> {
        let mut places = BTreeSet::new();
        for pattern in 0..self.patterns.len() {
            self.enter((u32::try_from(pattern).unwrap_or(u32::MAX), 0), &mut places);
        }
        places.into_iter().collect()
    }

    fn step(&self, from: &[Place], c: char) -> Vec<Place> {
        let mut places = BTreeSet::new();
        for (pattern, place) in from {
            match self.at((*pattern, *place)) {
                Some(Symbol::Char(want)) if want == c => self.enter((*pattern, place + 1), &mut places),
                Some(Symbol::One { colon }) if colon || c != ':' => self.enter((*pattern, place + 1), &mut places),
                Some(Symbol::Star { colon }) if colon || c != ':' => self.enter((*pattern, *place), &mut places),
                _ => {}
            }
        }
        places.into_iter().collect()
    }

    fn matched(&self, places: &[Place]) -> Vec<bool> {
        let mut matched = vec![false; self.patterns.len()];
        for (pattern, place) in places {
            if self.at((*pattern, *place)).is_none()
                && let Some(slot) = matched.get_mut(*pattern as usize)
            {
                *slot = true;
            }
        }
        matched
    }

    /// Letters worth telling apart here: those that some pattern waits for, a colon, and one that nobody waits for.
    fn letters(&self, places: &[Place], other: char, colons: bool) -> BTreeSet<char> {
        let mut letters: BTreeSet<char> = places.iter().filter_map(|p| if let Some(Symbol::Char(c)) = self.at(*p) { Some(c) } else { None }).collect();
        letters.insert(other);
        if colons {
            letters.insert(':');
        }
        letters
    }
}

/// A letter that no pattern names; there is always one, since patterns are short.
pub(crate) fn unnamed<'s>(patterns: impl Iterator<Item = &'s [Symbol]>) -> Option<char> {
    let named: BTreeSet<char> = patterns.flatten().filter_map(|s| if let Symbol::Char(c) = s { Some(*c) } else { None }).collect();
    "xyzwvqk0123456789abcdefghijlmnoprstu".chars().chain('\u{e000}'..'\u{f000}').find(|c| !named.contains(c))
}

/// Returns the classes of the texts that begin with `start`, shortest witness first; `None` when there are too many states.
/// What a text must be besides (an ARN of six segments, an object's key) is said by a further pattern.
pub(crate) fn classes(patterns: &[Vec<Symbol>], start: &str) -> Option<Vec<Class>> {
    let walk = Walk { patterns };
    let other = unnamed(patterns.iter().map(Vec::as_slice))?;
    // Wildcards that stop at colons tell colons from other letters.
    let colons = patterns.iter().flatten().any(|s| matches!(s, Symbol::One { colon: false } | Symbol::Star { colon: false }));
    let first = start.chars().fold(walk.start(), |places, c| walk.step(&places, c));
    let mut seen: BTreeSet<Vec<Place>> = BTreeSet::from([first.clone()]);
    let mut queue = VecDeque::from([(first, start.to_owned())]);
    let mut found: Vec<Class> = Vec::new();
    let mut known: BTreeSet<Vec<bool>> = BTreeSet::new();
    while let Some((places, text)) = queue.pop_front() {
        let matched = walk.matched(&places);
        if known.insert(matched.clone()) {
            found.push(Class { matched, witness: text.clone() });
        }
        for c in walk.letters(&places, other, colons) {
            let next = walk.step(&places, c);
            if seen.contains(&next) {
                continue;
            }
            if seen.len() >= STATES_MOST {
                return None;
            }
            seen.insert(next.clone());
            queue.push_back((next, format!("{text}{c}")));
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::glob::{Glob, token};

    fn symbols(text: &str) -> Vec<Symbol> {
        plain(&text.chars().map(token).collect::<Vec<_>>())
    }

    #[test]
    fn every_class_has_a_shortest_witness() {
        let patterns = ["a*", "ab*", "*b", "abc"];
        let found = classes(&patterns.map(symbols), "").unwrap();
        let witnesses: BTreeSet<&str> = found.iter().map(|c| c.witness.as_str()).collect();
        assert_eq!(witnesses, BTreeSet::from(["", "a", "ab", "abc", "abx", "axb", "b"]));
        for class in &found {
            for (pattern, matched) in patterns.iter().zip(&class.matched) {
                assert_eq!(Glob::parse(pattern).matches(&class.witness), *matched, "{pattern} {}", class.witness);
            }
        }
    }

    #[test]
    fn patterns_overlap_where_one_text_matches_both() {
        for (a, b, expected) in
            [("logs/app*", "*secret*", true), ("a*", "b*", false), ("*", "", true), ("a?c", "abc", true), ("a*c", "*b", false), ("x", "x*", true)]
        {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn too_many_states_are_said() {
        let hard: Vec<Vec<Symbol>> = (0..20).map(|i| symbols(&format!("*{}{}", "a", "?".repeat(i)))).collect();
        assert_eq!(classes(&hard, ""), None);
    }
}
