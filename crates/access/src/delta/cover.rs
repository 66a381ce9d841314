//! Conditions in words: the combinations of condition values under which something holds, merged into as few cases as they
//! are.

use std::collections::BTreeSet;

use crossrole_model::access::{Clause, Comparison, How, Relation, Which};

use crate::engine::condition::Condition;
use crate::engine::operator::{Compare, Operator, Set, Test};
use crate::principal::Caller;
use crate::request::{Context, ContextValue};

use super::classes;
use super::values::Asked;

/// One value of a dimension: what its keys have; `None` is "missing".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) keys: Vec<(String, Option<ContextValue>)>,
    /// Who calls, where the dimension is the caller.
    pub(crate) caller: Option<Caller>,
    /// Who calls can have tags.
    pub(crate) taggable: bool,
}

impl Value {
    pub(crate) fn one(key: &str, value: Option<ContextValue>) -> Self {
        Self { keys: vec![(key.to_owned(), value)], caller: None, taggable: true }
    }

    /// Puts it into a request's keys.
    pub(crate) fn set(&self, context: &mut Context) {
        for (key, value) in &self.keys {
            match value {
                Some(value) => context.insert(key, value.clone()),
                None => context.remove(key),
            }
        }
    }

    /// How conditions come out for it, and which of their keys it lacks: two values that answer alike are one.
    pub(crate) fn answers(&self, asked: &[Asked<'_>], context: &Context) -> (Vec<bool>, Vec<bool>) {
        let mut context = context.clone();
        self.set(&mut context);
        let missing = asked.iter().map(|(_, c)| context.get(&c.key).is_none()).collect();
        (asked.iter().map(|(_, c)| c.holds(&context)).collect(), missing)
    }
}

/// Condition keys that are told apart together, their values, and how each condition comes out for each value.
#[derive(Debug, Clone)]
pub(crate) struct Dimension {
    pub(crate) values: Vec<Value>,
    /// By key in lower case, as somebody wrote it, and the values that lack it.
    keys: Vec<(String, String, BTreeSet<usize>)>,
    conditions: Vec<(Condition, BTreeSet<usize>)>,
    /// That a key is absent is said by another dimension.
    compares_only: bool,
}

/// Any of these must hold; of each, every clause. None at all: never; one without clauses: always.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Boxes(pub(crate) Vec<Vec<Clause>>);

impl Dimension {
    pub(crate) fn new(values: Vec<Value>, asked: &[Asked<'_>], context: &Context) -> Self {
        let mut context = context.clone();
        let mut conditions: Vec<(Condition, BTreeSet<usize>)> = Vec::new();
        let mut keys: Vec<(String, String, BTreeSet<usize>)> = Vec::new();
        for (variables, condition) in asked {
            let condition = condition.said(*variables);
            if !conditions.iter().any(|(known, _)| known.written == condition.written) {
                conditions.push((condition, BTreeSet::new()));
            }
        }
        for (_, condition) in asked {
            if !keys.iter().any(|(key, ..)| *key == condition.key) {
                keys.push((condition.key.clone(), condition.written.key.clone(), BTreeSet::new()));
            }
        }
        for (at, value) in values.iter().enumerate() {
            value.set(&mut context);
            for (condition, holds) in &mut conditions {
                if condition.holds(&context) {
                    holds.insert(at);
                }
            }
            for (key, _, missing) in &mut keys {
                if context.get(key).is_none() {
                    missing.insert(at);
                }
            }
        }
        Self { values, keys, conditions, compares_only: false }
    }

    /// Whether a condition that compares one key with another holds: first it does, then it does not.
    pub(crate) fn same(condition: Condition) -> Self {
        let value = Value { keys: Vec::new(), caller: None, taggable: true };
        let keys = vec![(condition.key.clone(), condition.written.key.clone(), BTreeSet::from([1]))];
        Self { values: vec![value.clone(), value], keys, conditions: vec![(condition, BTreeSet::from([0]))], compares_only: true }
    }

    fn has_missing(&self, key: &str, among: &BTreeSet<usize>) -> bool {
        self.keys.iter().any(|(k, _, missing)| k == key && !missing.is_disjoint(among))
    }

    /// Each condition, and what it leaves, as a set of values with what it says.
    fn known(&self, all: &BTreeSet<usize>) -> Vec<Known<'_>> {
        let mut known: Vec<Known<'_>> = Vec::new();
        for (_, written, missing) in self.keys.iter().filter(|_| !self.compares_only) {
            known.push((missing.clone(), Says::Absent(written)));
            known.push((all - missing, Says::Present(written)));
        }
        for (condition, holds) in &self.conditions {
            // Of one that has no operator, nothing holds.
            let Some(operator) = condition.operator else { continue };
            known.push((holds.clone(), Says::Holds(condition, operator, true)));
            known.push((all - holds, Says::Holds(condition, operator, false)));
            let others = self.conditions.iter().filter(|(other, _)| is_more(condition, other, operator));
            known.extend(others.map(|(other, less)| (holds - less, Says::More(condition, other, operator))));
        }
        known.retain(|(set, _)| !set.is_empty() && set != all);
        known
    }

    /// Says which values these are: any of the ways, every clause of it. Exact, since no two values are answered alike by
    /// all conditions.
    fn ways(&self, wanted: &BTreeSet<usize>) -> Vec<Vec<Clause>> {
        let all: BTreeSet<usize> = (0..self.values.len()).collect();
        let known = self.known(&all);
        let say = |set: &BTreeSet<usize>, says: &[Says<'_>]| says.iter().map(|says| self.clause(*says, set)).collect::<Vec<_>>();
        if let Some((set, says)) = known.iter().find(|(set, _)| set == wanted) {
            return vec![say(set, &[*says])];
        }
        let mut sets: Vec<(BTreeSet<usize>, Vec<Says<'_>>)> =
            known.iter().filter(|(set, _)| set.is_subset(wanted)).map(|(set, says)| (set.clone(), vec![*says])).collect();
        for (at, (first, a)) in known.iter().enumerate() {
            let both = known.iter().skip(at + 1).map(|(second, b)| (first & second, vec![*a, *b]));
            sets.extend(both.filter(|(set, _)| !set.is_empty() && set.is_subset(wanted)));
        }
        let mut left = wanted.clone();
        let mut ways = Vec::new();
        while let Some(point) = left.first().copied() {
            let best = sets.iter().max_by_key(|(set, says)| (set.intersection(&left).count(), std::cmp::Reverse(says.len())));
            let (set, says) = match best.filter(|(set, _)| set.intersection(&left).count() > 0) {
                Some((set, says)) => (set.clone(), says.clone()),
                None => around(point, &known, wanted),
            };
            ways.push(say(&set, &says));
            left = &left - &set;
        }
        ways
    }

    fn clause(&self, says: Says<'_>, set: &BTreeSet<usize>) -> Clause {
        let plain = |key: &str, relation: Relation| Clause { key: key.to_owned(), relation, values: Vec::new() };
        match says {
            Says::Absent(key) => plain(key, Relation::Absent),
            Says::Present(key) => plain(key, Relation::Present),
            Says::More(condition, other, operator) => {
                let more = condition.written.values.iter().filter(|v| !other.written.values.contains(v)).cloned().collect();
                Clause { key: condition.written.key.clone(), relation: relation(operator, true, &[]), values: more }
            }
            Says::Holds(condition, operator, positive) => {
                // Said where a missing key is among them.
                let absent = self.has_missing(&condition.key, set);
                let relation = relation(operator, positive, &condition.written.values).or_absent(absent);
                let values = if matches!(relation, Relation::Compares(_)) { condition.written.values.clone() } else { Vec::new() };
                Clause { key: condition.written.key.clone(), relation, values }
            }
        }
    }
}

/// As few of what is known of a point as tell it from all that is not wanted.
fn around<'c>(point: usize, known: &[Known<'c>], wanted: &BTreeSet<usize>) -> (BTreeSet<usize>, Vec<Says<'c>>) {
    let mut kept: Vec<&Known<'c>> = known.iter().filter(|(set, _)| set.contains(&point)).collect();
    let common = |kept: &[&Known<'c>]| kept.iter().map(|(set, _)| set.clone()).reduce(|a, b| &a & &b).unwrap_or_else(|| BTreeSet::from([point]));
    let mut at = 0;
    while at < kept.len() {
        let fewer: Vec<&Known<'c>> = kept.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, k)| *k).collect();
        if !fewer.is_empty() && common(&fewer).is_subset(wanted) {
            kept = fewer;
        } else {
            at += 1;
        }
    }
    (common(&kept), kept.into_iter().map(|(_, says)| *says).collect())
}

/// Tells whether one condition lists all that another does and more, and what is more has nothing in common with the rest:
/// then it is said by itself.
fn is_more(condition: &Condition, other: &Condition, operator: Operator) -> bool {
    let (values, others) = (&condition.written.values, &other.written.values);
    if condition.key != other.key || other.operator != Some(operator) || operator.negated || operator.set != Set::Single || operator.if_exists {
        return false;
    }
    if others.is_empty() || values.len() <= others.len() || !others.iter().all(|v| values.contains(v)) {
        return false;
    }
    let apart = |a: &String, b: &String| match operator.test {
        Test::Ip => {
            let nets = [a, b].map(|text| crate::engine::condition::net(text));
            matches!(nets, [Some(a), Some(b)] if !a.contains(&b) && !b.contains(&a))
        }
        Test::StringEquals => !a.contains("${") && !b.contains("${"),
        Test::StringLike => !a.contains("${") && !b.contains("${") && !classes::overlap(a, b),
        _ => false,
    };
    let more = values.iter().filter(|v| !others.contains(v));
    more.clone().count() > 0 && more.clone().all(|v| others.iter().all(|o| apart(v, o)))
}

/// What is said of the values of a set.
#[derive(Debug, Clone, Copy)]
enum Says<'c> {
    Absent(&'c str),
    Present(&'c str),
    /// What the first lists and the second, with the same operator, does not.
    More(&'c Condition, &'c Condition, Operator),
    /// The condition, with its operator, holds, or does not.
    Holds(&'c Condition, Operator, bool),
}

type Known<'c> = (BTreeSet<usize>, Says<'c>);

/// What an operator asks of a key; `positive`: where it holds.
pub(crate) fn relation(operator: Operator, positive: bool, values: &[String]) -> Relation {
    let how = match operator.test {
        Test::StringEquals | Test::Bool | Test::Binary | Test::Number(Compare::Equal) | Test::Date(Compare::Equal) => How::Is,
        Test::StringEqualsIgnoreCase => How::IsInAnyCase,
        Test::StringLike => How::Like,
        Test::Arn => How::LikeArn,
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
    /// Covers the combinations with the largest boxes there are; boxes may overlap, and hold what is `impossible` where
    /// less is said so.
    pub(crate) fn of(dimensions: &[Dimension], combinations: &[Vec<usize>], impossible: &[Vec<usize>]) -> Self {
        let plain = Self::over(dimensions, combinations, &[]);
        if impossible.is_empty() {
            return plain;
        }
        let with = Self::over(dimensions, combinations, impossible);
        let length = |boxes: &Self| (boxes.0.len(), boxes.0.iter().map(Vec::len).sum::<usize>());
        if length(&with) < length(&plain) { with } else { plain }
    }

    fn over(dimensions: &[Dimension], combinations: &[Vec<usize>], impossible: &[Vec<usize>]) -> Self {
        let mut left: BTreeSet<&[usize]> = combinations.iter().map(Vec::as_slice).collect();
        let points: BTreeSet<&[usize]> = left.iter().copied().chain(impossible.iter().map(Vec::as_slice)).collect();
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
