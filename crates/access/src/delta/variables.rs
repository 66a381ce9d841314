//! Policy variables: every way in which they can be filled, and what is found in each put together.

use std::collections::BTreeSet;

use crossrole_model::access::{Clause, Comparison, How, Limit, Part, Relation, Which, Why};

use crate::engine::condition::Condition;
use crate::request::{Context, ContextValue};

use super::cover::Boxes;
use super::pair::{Region, Subject};
use super::relevant::Relevant;
use super::values::{self, Asked};

/// Most assignments of the keys that policy variables take their text from.
const VARIABLES_MOST: usize = 64;

/// One way to fill the policy variables that the subject leaves open.
pub(super) struct Filling {
    pub(super) context: Context,
    /// What it takes for granted.
    clauses: Vec<Clause>,
    /// The keys that have a text which no pattern names.
    own: Vec<String>,
}

const IS: Relation = Relation::Compares(Comparison { which: Which::One, not: false, how: How::Is, or_absent: false });

/// A text that no pattern names; people are shown the variable in its place.
const OWN: &str = "some-unnamed-value";

/// Puts the variable in the place of the text that no pattern names.
fn named_again(part: &mut Part, variable: &str) {
    part.pattern = part.pattern.replace(OWN, variable);
    for pattern in &mut part.within {
        *pattern = pattern.replace(OWN, variable);
    }
    part.except.iter_mut().for_each(|except| named_again(except, variable));
}

/// What is the same however variables are filled is said once; the rest, with how they are.
pub(super) fn joined_fillings(fillings: Vec<(Filling, Vec<Region>)>) -> Vec<Region> {
    let count = fillings.len();
    let mut all: Vec<(Region, usize, Vec<Vec<Clause>>)> = Vec::new();
    for (filling, regions) in fillings {
        for mut region in regions {
            for key in &filling.own {
                let variable = format!("${{{key}}}");
                region.resources.iter_mut().for_each(|part| named_again(part, &variable));
            }
            let same = |(r, ..): &&mut (Region, usize, Vec<Vec<Clause>>)| {
                (r.direction, &r.actions, &r.resources, &r.when) == (region.direction, &region.actions, &region.resources, &region.when)
            };
            match all.iter_mut().find(same) {
                Some((_, times, ways)) => {
                    *times += 1;
                    ways.push(filling.clauses.clone());
                }
                None => all.push((region, 1, vec![filling.clauses.clone()])),
            }
        }
    }
    let labelled = all.into_iter().map(|(mut region, times, ways)| {
        if times < count {
            let mut when: Vec<Vec<Clause>> = Vec::new();
            for way in ways {
                let boxes = if region.when.0.is_empty() { vec![Vec::new()] } else { region.when.0.clone() };
                when.extend(boxes.into_iter().map(|clauses| clauses.into_iter().chain(way.clone()).collect()));
            }
            region.when = Boxes(when);
        }
        region
    });
    labelled.collect()
}

/// Every way to fill the policy variables that the subject leaves open.
pub(super) fn fillings_of(subject: &Subject, relevant: &[Relevant<'_>]) -> Result<Vec<Filling>, Why> {
    let mut base = Context::default();
    for (key, value) in &subject.fixed {
        if let Some(value) = value {
            base.insert(key, value.clone());
        }
    }
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for statement in relevant.iter().map(|r| r.statement) {
        keys.extend(statement.resource.iter().flat_map(crate::engine::compiled::Resources::variables).map(str::to_owned));
        keys.extend(statement.conditions.iter().flat_map(Condition::variables).map(str::to_owned));
    }
    keys.retain(|key| !subject.is_fixed(key));
    let mut fillings = vec![Filling { context: base, clauses: Vec::new(), own: Vec::new() }];
    for key in keys {
        let asked: Vec<Asked<'_>> = asked_of(relevant, &key);
        let begins = subject.begins.get(&key).cloned().unwrap_or_default();
        let mut pool = values::pool(&key, &asked, &Context::default(), &begins).ok_or_else(|| Why::TooMany(Limit::KeyPatterns(key.clone())))?;
        if asked.is_empty() {
            pool.retain(Option::is_none);
        }
        let own = begins.first().map_or_else(|| OWN.to_owned(), |b| format!("{b}{OWN}"));
        pool.push(Some(ContextValue::One(own.clone())));
        let with = |filling: &Filling, value: &Option<ContextValue>| {
            let mut next = Filling { context: filling.context.clone(), clauses: filling.clauses.clone(), own: filling.own.clone() };
            let (relation, values) = match value {
                None => (Relation::Absent, Vec::new()),
                Some(ContextValue::One(text)) if *text == own => (Relation::Present, Vec::new()),
                Some(ContextValue::One(text)) => (IS, vec![text.clone()]),
                Some(ContextValue::Many(texts)) => (IS, texts.clone()),
            };
            next.clauses.push(Clause { key: key.clone(), relation, values });
            if let Some(value) = value {
                next.context.insert(&key, value.clone());
                if relation == Relation::Present {
                    next.own.push(key.clone());
                }
            }
            next
        };
        fillings = fillings.iter().flat_map(|filling| pool.iter().map(move |value| with(filling, value))).collect();
        if fillings.len() > VARIABLES_MOST {
            return Err(Why::TooMany(Limit::Fillings(VARIABLES_MOST)));
        }
    }
    Ok(fillings)
}

fn asked_of<'a>(relevant: &'a [Relevant<'_>], key: &str) -> Vec<Asked<'a>> {
    relevant.iter().flat_map(|r| r.statement.conditions.iter().filter(|c| c.key == key).map(|c| (r.statement, c))).collect()
}
