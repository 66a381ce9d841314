//! Conditions in words: the combinations of condition values under which something holds, merged into as few cases as they
//! are.

use std::collections::BTreeSet;

use crossrole_model::access::{Clause, Comparison, How, Relation, Which};

use crate::engine::condition::Condition;
use crate::engine::operator::{Compare, Operator, Set, Test};
use crate::request::{Context, ContextValue};

use super::values::Asked;

/// A condition key, its values, and how each condition on it comes out for each value.
#[derive(Debug, Clone)]
pub(crate) struct Dimension {
    pub(crate) key: String,
    written: String,
    pub(crate) values: Vec<Option<ContextValue>>,
    conditions: Vec<(Condition, BTreeSet<usize>)>,
}

/// Any of these must hold; of each, every clause. None at all: never; one without clauses: always.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Boxes(pub(crate) Vec<Vec<Clause>>);

impl Dimension {
    pub(crate) fn new(key: &str, values: Vec<Option<ContextValue>>, asked: &[Asked<'_>], context: &Context) -> Self {
        let mut context = context.clone();
        let mut conditions: Vec<(Condition, BTreeSet<usize>)> = asked.iter().map(|(_, condition)| ((*condition).clone(), BTreeSet::new())).collect();
        for (at, value) in values.iter().enumerate() {
            match value {
                Some(value) => context.insert(key, value.clone()),
                None => context.remove(key),
            }
            for (condition, holds) in &mut conditions {
                if condition.holds(&context) {
                    holds.insert(at);
                }
            }
        }
        let written = asked.first().map_or(key, |(_, c)| c.written.key.as_str()).to_owned();
        Self { key: key.to_owned(), written, values, conditions }
    }

    fn has_missing(&self, among: &BTreeSet<usize>) -> bool {
        among.iter().any(|at| self.values.get(*at) == Some(&None))
    }

    /// Says which values these are: any of the ways, every clause of it. Exact, since no two values are answered alike by
    /// all conditions.
    fn ways(&self, wanted: &BTreeSet<usize>) -> Vec<Vec<Clause>> {
        let all: BTreeSet<usize> = (0..self.values.len()).collect();
        let missing: BTreeSet<usize> = all.iter().copied().filter(|at| self.values.get(*at) == Some(&None)).collect();
        // Each condition, and what it leaves, as a set of values with its words.
        let mut known: Vec<Known<'_>> = vec![(missing.clone(), Says::Absent), (&all - &missing, Says::Present)];
        for (condition, holds) in &self.conditions {
            // Of one that has no operator, nothing holds.
            let Some(operator) = condition.operator else { continue };
            known.push((holds.clone(), Says::Holds(condition, operator, true)));
            known.push((&all - holds, Says::Holds(condition, operator, false)));
        }
        known.retain(|(set, _)| !set.is_empty() && *set != all);
        let mut sets: Vec<(BTreeSet<usize>, Vec<Says<'_>>)> = known.iter().map(|(set, says)| (set.clone(), vec![*says])).collect();
        for (at, (first, a)) in known.iter().enumerate() {
            sets.extend(known.iter().skip(at + 1).map(|(second, b)| (first & second, vec![*a, *b])));
        }
        let say = |set: &BTreeSet<usize>, says: &[Says<'_>]| says.iter().map(|says| self.clause(*says, set)).collect::<Vec<_>>();
        if let Some((set, says)) = sets.iter().find(|(set, _)| set == wanted) {
            return vec![say(set, says)];
        }
        sets.retain(|(set, _)| set.is_subset(wanted));
        let mut left = wanted.clone();
        let mut ways = Vec::new();
        while let Some(point) = left.first().copied() {
            let best = sets.iter().max_by_key(|(set, says)| (set.intersection(&left).count(), std::cmp::Reverse(says.len())));
            let (set, says) = match best.filter(|(set, _)| set.intersection(&left).count() > 0) {
                Some((set, says)) => (set.clone(), says.clone()),
                None => {
                    let around = known.iter().filter(|(set, _)| set.contains(&point));
                    (BTreeSet::from([point]), around.map(|(_, says)| *says).collect())
                }
            };
            ways.push(say(&set, &says));
            left = &left - &set;
        }
        ways
    }

    fn clause(&self, says: Says<'_>, set: &BTreeSet<usize>) -> Clause {
        let (relation, values) = match says {
            Says::Absent => (Relation::Absent, &[][..]),
            Says::Present => (Relation::Present, &[][..]),
            // Said where a missing key is among them.
            Says::Holds(condition, operator, positive) => {
                (relation(operator, positive, &condition.written.values).or_absent(self.has_missing(set)), condition.written.values.as_slice())
            }
        };
        let values = if matches!(relation, Relation::Compares(_)) { values.to_vec() } else { Vec::new() };
        Clause { key: self.written.clone(), relation, values }
    }
}

/// What is said of the values of a set.
#[derive(Debug, Clone, Copy)]
enum Says<'c> {
    Absent,
    Present,
    /// The condition, with its operator, holds, or does not.
    Holds(&'c Condition, Operator, bool),
}

type Known<'c> = (BTreeSet<usize>, Says<'c>);

/// What an operator asks of a key; `positive`: where it holds.
fn relation(operator: Operator, positive: bool, values: &[String]) -> Relation {
    let how = match operator.test {
        Test::StringEquals | Test::Bool | Test::Binary | Test::Number(Compare::Equal) | Test::Date(Compare::Equal) => How::Is,
        Test::StringEqualsIgnoreCase => How::IsInAnyCase,
        Test::StringLike | Test::Arn => How::Like,
        Test::Ip => How::In,
        Test::Number(Compare::Less) => How::Below,
        Test::Number(Compare::LessOrEqual) => How::AtMost,
        Test::Number(Compare::Greater) => How::Above,
        Test::Number(Compare::GreaterOrEqual) => How::AtLeast,
        Test::Date(Compare::Less) => How::Before,
        Test::Date(Compare::LessOrEqual) => How::NotAfter,
        Test::Date(Compare::Greater) => How::After,
        Test::Date(Compare::GreaterOrEqual) => How::NotBefore,
        Test::Null => {
            let absent = values.iter().any(|v| v.eq_ignore_ascii_case("true"));
            return if absent == positive { Relation::Absent } else { Relation::Present };
        }
    };
    let which = match (operator.set, positive) {
        (Set::Single, _) => Which::One,
        (Set::Any, true) | (Set::All, false) => Which::Some,
        (Set::Any, false) | (Set::All, true) => Which::Every,
    };
    Relation::Compares(Comparison { which, not: positive == operator.negated, how, or_absent: false })
}

impl Boxes {
    /// Covers the combinations with the largest boxes there are; boxes may overlap.
    pub(crate) fn of(dimensions: &[Dimension], combinations: &[Vec<usize>]) -> Self {
        let points: BTreeSet<&[usize]> = combinations.iter().map(Vec::as_slice).collect();
        let mut left = points.clone();
        let mut boxes: Vec<Vec<BTreeSet<usize>>> = Vec::new();
        while let Some(point) = left.first().copied() {
            let forward: Vec<usize> = (0..dimensions.len()).collect();
            let backward: Vec<usize> = forward.iter().rev().copied().collect();
            let [a, b] = [forward, backward].map(|order| grown(point, &order, dimensions, &points));
            let size = |one: &Vec<BTreeSet<usize>>| one.iter().map(BTreeSet::len).product::<usize>();
            let best = if size(&a) >= size(&b) { a } else { b };
            left.retain(|point| !holds(&best, point));
            boxes.push(best);
        }
        let ways = |one: Vec<BTreeSet<usize>>| -> Vec<Vec<Clause>> {
            let parts = dimensions.iter().zip(one).filter(|(dimension, values)| values.len() < dimension.values.len());
            let mut ways: Vec<Vec<Clause>> = vec![Vec::new()];
            for (dimension, values) in parts {
                let next = dimension.ways(&values);
                ways = ways.iter().flat_map(|way| next.iter().map(|more| [&way[..], &more[..]].concat())).collect();
            }
            for way in &mut ways {
                way.sort();
                way.dedup();
            }
            ways
        };
        let mut all: Vec<Vec<Clause>> = boxes.into_iter().flat_map(ways).collect();
        all.sort();
        all.dedup();
        if all.iter().any(Vec::is_empty) {
            all.clear();
        }
        Self(all)
    }
}

fn holds(one: &[BTreeSet<usize>], point: &[usize]) -> bool {
    one.iter().zip(point).all(|(values, at)| values.contains(at))
}

/// Grows a point, one dimension after the other, as far as everything in it is a point too.
fn grown(point: &[usize], order: &[usize], dimensions: &[Dimension], points: &BTreeSet<&[usize]>) -> Vec<BTreeSet<usize>> {
    let mut grown: Vec<BTreeSet<usize>> = point.iter().map(|at| BTreeSet::from([*at])).collect();
    for at in order {
        let count = dimensions.get(*at).map_or(0, |d| d.values.len());
        for value in 0..count {
            let mut slice = grown.clone();
            if let Some(slot) = slice.get_mut(*at) {
                *slot = BTreeSet::from([value]);
            }
            if all_inside(&slice, points)
                && let Some(slot) = grown.get_mut(*at)
            {
                slot.insert(value);
            }
        }
    }
    grown
}

fn all_inside(one: &[BTreeSet<usize>], points: &BTreeSet<&[usize]>) -> bool {
    let sides: Vec<Vec<usize>> = one.iter().map(|values| values.iter().copied().collect()).collect();
    let mut digits = vec![0; sides.len()];
    loop {
        let point: Vec<usize> = sides.iter().zip(&digits).filter_map(|(side, at)| side.get(*at).copied()).collect();
        if !points.contains(point.as_slice()) {
            return false;
        }
        let mut turned = true;
        for (digit, side) in digits.iter_mut().zip(&sides) {
            *digit += 1;
            if *digit < side.len() {
                turned = false;
                break;
            }
            *digit = 0;
        }
        if turned {
            return true;
        }
    }
}
