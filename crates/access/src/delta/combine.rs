//! Every combination of the condition values that statements tell apart, put to the evaluator.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{Limit, Why};

use crate::engine::condition::{Condition, Written};
use crate::engine::decide::evaluate;
use crate::request::{Context, Request};

use super::cover::Dimension;
use super::crowd;
use super::pair::{Applying, Outcome, Pair, TAG};
use super::values::{self, Asked};

/// Most combinations of condition values under which one set of statements is asked.
const COMBINATIONS_MOST: usize = 4_096;

/// Most questions put to the evaluator for one pair.
const QUESTIONS_MOST: usize = 400_000;

impl Pair<'_, '_> {
    pub(super) fn decides_tag(&self, key: &str) -> bool {
        key.starts_with(TAG) && self.decided.contains(key)
    }

    fn decides_caller(&self) -> bool {
        self.decided.iter().any(|key| crowd::is_of_caller(key))
    }

    /// The keys that conditions ask for together: what follows from the caller, the moment, the resource's account, each
    /// other key by itself.
    fn dimension(&self, keys: &[&str], asked: &[Asked<'_>], tags: &[Condition], context: &Context, kms: bool) -> Result<Dimension, Why> {
        let mut asked: Vec<Asked<'_>> = asked.iter().filter(|(_, c)| keys.contains(&c.key.as_str())).copied().collect();
        asked.extend(tags.iter().filter(|c| keys.contains(&c.key.as_str())).map(|c| (false, c)));
        let first = keys.first().copied().unwrap_or_default();
        let values = match &self.subject.crowd {
            Some(crowd) if crowd::is_of_caller(first) && !self.decides_caller() => self
                .subject
                .profiles(crowd, &asked, context, kms)
                .ok_or_else(|| Limit::KeyPatterns(asked.first().map_or_else(String::new, |(_, c)| c.written.key.clone()))),
            _ if values::MOMENT.contains(&first) => values::moment(&asked, context),
            _ if RESOURCE_ACCOUNT.contains(&first) => values::account(&RESOURCE_ACCOUNT, &asked, context),
            _ => values::pool(first, &asked, context),
        };
        Ok(Dimension::new(values.map_err(Why::TooMany)?, &asked, context))
    }

    /// Tags that the subject has on a side, as conditions: they tell these values from others.
    fn own_tags(&self, asked: &[Asked<'_>]) -> Vec<Condition> {
        let tags: BTreeSet<(&String, &String)> = self.subject.tags.iter().flatten().flatten().collect();
        let written = |key: &String| asked.iter().find(|(_, c)| c.key == *key).map(|(_, c)| c.written.key.clone());
        let is = |(key, text): (&String, &String)| {
            let written = Written { operator: "StringEquals".to_owned(), key: written(key)?, values: vec![text.clone()] };
            Some(Condition::new(written, false))
        };
        tags.into_iter().filter_map(is).collect()
    }

    /// Puts every combination of the condition values that these statements tell apart to the evaluator.
    pub(super) fn ask(&mut self, request: &mut Request, applying: &Applying) -> Result<Outcome, Why> {
        let applied = self.relevant.iter().filter(|r| r.before && applying.before.contains(&r.signature) || r.after && applying.after.contains(&r.signature));
        let asked: Vec<Asked<'_>> = applied.flat_map(|r| r.statement.conditions.iter().map(|c| (r.statement.variables, c))).collect();
        let keys: BTreeSet<&str> = asked.iter().map(|(_, c)| c.key.as_str()).collect();
        let open: Vec<&str> =
            keys.into_iter().filter(|key| !self.subject.is_fixed(key) && !self.decided.contains(*key) && request.context.get(key).is_none()).collect();
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for key in &open {
            let group = match *key {
                key if self.subject.crowd.is_some() && crowd::is_of_caller(key) && !self.decides_caller() => "caller",
                key if values::MOMENT.contains(&key) => values::MOMENT[0],
                key if RESOURCE_ACCOUNT.contains(&key) => RESOURCE_ACCOUNT[0],
                key => key,
            };
            groups.entry(group).or_default().push(key);
        }
        let mut tags: Vec<String> = open.iter().filter(|key| key.starts_with(TAG)).map(|key| (*key).to_owned()).collect();
        // Of the tags that the context decides, those that matter here.
        tags.extend(applying.tags.iter().cloned());
        let keys = asked.iter().flat_map(|(_, c)| std::iter::once(c.key.as_str()).chain(c.variables()));
        tags.extend(keys.filter(|key| self.decides_tag(key)).map(str::to_owned));
        let own = self.own_tags(&asked);
        let mut outcome = Outcome { tags, ..Outcome::default() };
        let mut count: usize = 1;
        for keys in groups.into_values() {
            let dimension = self.dimension(&keys, &asked, &own, &request.context, applying.kind.is_kms())?;
            count = count.saturating_mul(dimension.values.len());
            outcome.dimensions.push(dimension);
        }
        if count > COMBINATIONS_MOST {
            return Err(Why::TooMany(Limit::Ways(COMBINATIONS_MOST)));
        }
        self.questions += count;
        if self.questions > QUESTIONS_MOST {
            return Err(Why::TooMany(Limit::Questions(QUESTIONS_MOST)));
        }
        if count == 0 {
            return Ok(outcome);
        }
        let mut combination = vec![0; outcome.dimensions.len()];
        loop {
            let taggable = set(request, &outcome.dimensions, &combination);
            self.subject.name_caller(request);
            if !taggable && outcome.tags.iter().any(|key| request.context.get(key).is_some()) || !self.subject.may_have(&outcome.tags, &request.context) {
                outcome.impossible.push(combination.clone());
            } else {
                match self.answers(request, &outcome.tags) {
                    (false, true) => outcome.gained.push(combination.clone()),
                    (true, false) => outcome.lost.push(combination.clone()),
                    _ => {}
                }
            }
            if !next(&mut combination, &outcome.dimensions) {
                return Ok(outcome);
            }
        }
    }

    /// Before and after.
    fn answers(&self, request: &Request, tags: &[String]) -> (bool, bool) {
        let [before, after] = [0, 1].map(|at| {
            let policies = self.sides.get(at).copied().flatten();
            policies.is_some_and(|p| self.subject.has(at, tags, &request.context) && evaluate(request, p).is_allowed())
        });
        (before, after)
    }
}

pub(super) fn set_owner(request: &mut Request, owner: Option<&str>) {
    if let Some(owner) = owner {
        for key in RESOURCE_ACCOUNT {
            request.context.set(key, owner);
        }
    }
}

/// Puts a combination into a request, and tells whether its caller can have tags.
pub(super) fn set(request: &mut Request, dimensions: &[Dimension], combination: &[usize]) -> bool {
    let mut taggable = true;
    for value in dimensions.iter().zip(combination).filter_map(|(dimension, at)| dimension.values.get(*at)) {
        value.set(&mut request.context);
        taggable &= value.taggable;
        if let Some(caller) = &value.caller {
            request.caller.clone_from(caller);
        }
    }
    taggable
}

/// The names of the account of a resource.
pub(super) const RESOURCE_ACCOUNT: [&str; 2] = ["aws:resourceaccount", "s3:resourceaccount"];

/// Counts up; false after the last.
fn next(combination: &mut [usize], dimensions: &[Dimension]) -> bool {
    for (digit, dimension) in combination.iter_mut().zip(dimensions) {
        *digit += 1;
        if *digit < dimension.values.len() {
            return true;
        }
        *digit = 0;
    }
    false
}
