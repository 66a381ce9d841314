//! Classes of things that have several texts at once: a caller has an ARN, an account, a user name, a user id.
//!
//! A [`Form`] spells such a thing letter by letter and says which of its texts each letter goes into: the digits of an
//! account are letters of the ARN and of the account id. Walking a form beside the patterns over all of the texts finds
//! every combination of patterns that one thing can match, exactly (a subset construction, as in [`classes`](super::classes)).

use std::collections::{BTreeSet, VecDeque};

use super::classes::{Symbol, unnamed};

/// Most states of one walk: four accounts with two permission sets each, beside paths of an organization, take a quarter of it.
const STATES_MOST: usize = 200_000;

/// The texts that a letter goes into, a bit for each.
pub(crate) type Tapes = u16;

/// A pattern over one of the texts.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) tape: u32,
    pub(crate) symbols: Vec<Symbol>,
}

/// Letters that may stand at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    This(char),
    Digit,
    /// Any; `slash`, `colon`: these too.
    Any {
        slash: bool,
        colon: bool,
    },
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// Letters, the texts they go into, and the next node.
    edges: Vec<(Letters, Tapes, usize)>,
    end: bool,
}

/// How a thing is spelled.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    nodes: Vec<Node>,
    /// Where the next piece begins.
    open: Vec<usize>,
}

/// What is found: by pattern, whether it matches; the texts.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) matched: Vec<bool>,
    pub(crate) texts: Vec<String>,
}

impl Form {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()], open: vec![0] }
    }

    fn node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn edge(&mut self, letters: Letters, tapes: Tapes) -> usize {
        let to = self.node();
        for from in self.open.clone() {
            if let Some(node) = self.nodes.get_mut(from) {
                node.edges.push((letters, tapes, to));
            }
        }
        to
    }

    fn step(&mut self, letters: Letters, tapes: Tapes) {
        let to = self.edge(letters, tapes);
        self.open = vec![to];
    }

    /// These letters.
    #[must_use]
    pub(crate) fn text(mut self, text: &str, tapes: Tapes) -> Self {
        text.chars().for_each(|c| self.step(Letters::This(c), tapes));
        self
    }

    /// So many digits.
    #[must_use]
    pub(crate) fn digits(mut self, count: usize, tapes: Tapes) -> Self {
        (0..count).for_each(|_| self.step(Letters::Digit, tapes));
        self
    }

    /// One digit or more.
    #[must_use]
    pub(crate) fn number(mut self, tapes: Tapes) -> Self {
        self.step(Letters::Digit, tapes);
        self.again(Letters::Digit, tapes)
    }

    /// The same letters any number of times more.
    fn again(mut self, letters: Letters, tapes: Tapes) -> Self {
        for at in self.open.clone() {
            if let Some(node) = self.nodes.get_mut(at) {
                node.edges.push((letters, tapes, at));
            }
        }
        self
    }

    /// One letter or more, neither slash nor colon.
    #[must_use]
    pub(crate) fn name(mut self, tapes: Tapes) -> Self {
        let letters = Letters::Any { slash: false, colon: false };
        self.step(letters, tapes);
        self.again(letters, tapes)
    }

    /// Any number of names, each with a slash behind it.
    #[must_use]
    pub(crate) fn path(mut self, tapes: Tapes) -> Self {
        let letters = Letters::Any { slash: false, colon: false };
        let before = self.open.clone();
        let inside = self.edge(letters, tapes);
        let after = self.node();
        if let Some(node) = self.nodes.get_mut(inside) {
            node.edges.push((letters, tapes, inside));
            node.edges.push((Letters::This('/'), tapes, after));
        }
        if let Some(node) = self.nodes.get_mut(after) {
            node.edges.push((letters, tapes, inside));
        }
        self.open = before.into_iter().chain([after]).collect();
        self
    }

    /// Returns one of each class; `None` when there are too many states.
    pub(crate) fn classes(mut self, patterns: &[Pattern]) -> Option<Vec<Found>> {
        for at in self.open.clone() {
            if let Some(node) = self.nodes.get_mut(at) {
                node.end = true;
            }
        }
        Walk { form: &self, patterns, other: unnamed(patterns.iter().map(|p| p.symbols.as_slice()))? }.run()
    }
}

/// A pattern and a place in it.
type Place = (u16, u16);

struct Walk<'w> {
    form: &'w Form,
    patterns: &'w [Pattern],
    /// A letter that no pattern names.
    other: char,
}

impl Walk<'_> {
    fn at(&self, (pattern, place): Place) -> Option<Symbol> {
        self.patterns.get(usize::from(pattern))?.symbols.get(usize::from(place)).copied()
    }

    fn tape(&self, pattern: u16) -> u32 {
        self.patterns.get(usize::from(pattern)).map_or(0, |p| p.tape)
    }

    /// Adds a place and, past stars, those behind it.
    fn enter(&self, (pattern, mut place): Place, into: &mut BTreeSet<Place>) {
        while into.insert((pattern, place)) && matches!(self.at((pattern, place)), Some(Symbol::Star { .. })) {
            place += 1;
        }
    }

    fn step(&self, from: &[Place], c: char, tapes: Tapes) -> Vec<Place> {
        let mut places = BTreeSet::new();
        for (pattern, place) in from {
            if tapes & (1 << self.tape(*pattern)) == 0 {
                places.insert((*pattern, *place));
                continue;
            }
            match self.at((*pattern, *place)) {
                Some(Symbol::Char(want)) if want == c => self.enter((*pattern, place + 1), &mut places),
                Some(Symbol::One { colon }) if colon || c != ':' => self.enter((*pattern, place + 1), &mut places),
                Some(Symbol::Star { colon }) if colon || c != ':' => self.enter((*pattern, *place), &mut places),
                _ => {}
            }
        }
        places.into_iter().collect()
    }

    /// Letters worth telling apart on an edge: those that a pattern waits for, and one that none does.
    fn letters(&self, places: &[Place], letters: Letters, tapes: Tapes) -> BTreeSet<char> {
        let waited = places
            .iter()
            .filter(|(pattern, _)| tapes & (1 << self.tape(*pattern)) != 0)
            .filter_map(|p| if let Some(Symbol::Char(c)) = self.at(*p) { Some(c) } else { None });
        match letters {
            Letters::This(c) => BTreeSet::from([c]),
            Letters::Digit => {
                let mut some: BTreeSet<char> = waited.filter(char::is_ascii_digit).collect();
                let free = ('0'..='9').rev().find(|c| !some.contains(c));
                some.extend(free);
                some
            }
            Letters::Any { slash, colon } => {
                let mut some: BTreeSet<char> = waited.filter(|c| (slash || *c != '/') && (colon || *c != ':')).collect();
                some.insert(self.other);
                if colon {
                    some.insert(':');
                }
                some
            }
        }
    }

    fn matched(&self, places: &[Place]) -> Vec<bool> {
        let mut matched = vec![false; self.patterns.len()];
        for place in places.iter().filter(|p| self.at(**p).is_none()) {
            if let Some(slot) = matched.get_mut(usize::from(place.0)) {
                *slot = true;
            }
        }
        matched
    }

    fn run(&self) -> Option<Vec<Found>> {
        let tapes = 16;
        let mut start = BTreeSet::new();
        for pattern in 0..self.patterns.len() {
            self.enter((u16::try_from(pattern).ok()?, 0), &mut start);
        }
        let first = (0_usize, start.into_iter().collect::<Vec<Place>>());
        let mut seen: BTreeSet<(usize, Vec<Place>)> = BTreeSet::from([first.clone()]);
        let mut queue = VecDeque::from([(first, vec![String::new(); tapes])]);
        let mut known = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(((at, places), texts)) = queue.pop_front() {
            let Some(node) = self.form.nodes.get(at) else { continue };
            if node.end {
                let matched = self.matched(&places);
                if known.insert(matched.clone()) {
                    found.push(Found { matched, texts: texts.clone() });
                }
            }
            for (letters, on, to) in &node.edges {
                for c in self.letters(&places, *letters, *on) {
                    let next = (*to, self.step(&places, c, *on));
                    if seen.contains(&next) {
                        continue;
                    }
                    if seen.len() >= STATES_MOST {
                        return None;
                    }
                    seen.insert(next.clone());
                    let mut texts = texts.clone();
                    for (tape, text) in texts.iter_mut().enumerate().filter(|(tape, _)| on & (1 << tape) != 0) {
                        let _ = tape;
                        text.push(c);
                    }
                    queue.push_back((next, texts));
                }
            }
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::classes::plain;
    use super::*;
    use crate::engine::glob::token;

    fn pattern(tape: u32, text: &str) -> Pattern {
        Pattern { tape, symbols: plain(&text.chars().map(token).collect::<Vec<_>>()) }
    }

    #[test]
    fn what_shares_letters_is_one() {
        // An ARN with an account and a user name in it.
        let form = || Form::new().text("arn:", 1).digits(2, 0b11).text(":user/", 1).path(1).name(0b101);
        let patterns = [pattern(0, "arn:1*"), pattern(1, "12"), pattern(2, "a*"), pattern(0, "*/x/*"), pattern(1, "9*")];
        let found = form().classes(&patterns).unwrap();
        let has = |wanted: [bool; 5]| found.iter().find(|f| f.matched == wanted).map(|f| f.texts.clone());
        assert!(has([false, true, false, false, false]).is_none(), "the account's digits are the ARN's");
        assert!(has([true, false, false, false, true]).is_none(), "an account begins with 1 or with 9");
        let texts = has([true, true, true, true, false]).unwrap();
        assert_eq!((texts[1].as_str(), texts[2].as_str()), ("12", "a"));
        assert!(texts[0].starts_with("arn:12:user/") && texts[0].ends_with("x/a"), "{texts:?}");
        for f in &found {
            assert!(f.texts[0].ends_with(&f.texts[2]) && f.texts[0].starts_with(&format!("arn:{}:", f.texts[1])));
        }
    }
}
