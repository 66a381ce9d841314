//! Policy variables: every way in which they can be filled that the patterns tell apart, and what is found in each put
//! together.
//!
//! A variable's text matters where it meets another pattern: `data/${aws:PrincipalTag/team}/*` beside `data/red/*` tells the
//! team `red` from others, and beside `data/${aws:username}/*` a team that is called like the user. So a key that variables
//! take text from is told apart by its own conditions, by what other patterns leave in its place, and by being equal to the
//! texts of other such keys.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{Limit, Why};

use crate::engine::condition::{Condition, Written};
use crate::engine::glob::Token;
use crate::engine::template::Template;
use crate::principal::Caller;
use crate::request::{Context, ContextValue};

use super::beside::beside;
use super::combine::RESOURCE_ACCOUNT;
use super::cover::{Boxes, Dimension, Value};
use super::crowd;
use super::pair::{Domain, Region, Subject, TAG, Text};
use super::relevant::Relevant;
use super::values::{self, Asked};

/// Most ways to fill the keys that policy variables take their text from.
const VARIABLES_MOST: usize = 256;

/// Most patterns that tell the texts of one variable apart.
const PATTERNS_MOST: usize = 48;

/// An account that nothing names is taken to be this one.
const ACCOUNT: &str = "777777777777";

/// One way to fill the policy variables that the subject leaves open.
pub(super) struct Filling {
    pub(super) context: Context,
    pub(super) caller: Option<Caller>,
    /// The values of the dimensions.
    point: Vec<usize>,
}

/// All ways.
pub(super) struct Fillings {
    pub(super) all: Vec<Filling>,
    /// Keys that are decided, be it that they are absent.
    pub(super) decided: BTreeSet<String>,
    dimensions: Vec<Dimension>,
    impossible: Vec<Vec<usize>>,
}

impl Fillings {
    /// What is the same however variables are filled is said once; the rest, with how they are.
    pub(super) fn joined(&self, found: Vec<Vec<Region>>) -> Vec<Region> {
        let mut all: Vec<(Region, Vec<Vec<usize>>)> = Vec::new();
        for (filling, regions) in self.all.iter().zip(found) {
            for region in regions {
                let same = |(r, _): &&mut (Region, Vec<Vec<usize>>)| {
                    (r.direction, &r.actions, &r.resources, &r.when) == (region.direction, &region.actions, &region.resources, &region.when)
                };
                match all.iter_mut().find(same) {
                    Some((_, points)) => points.push(filling.point.clone()),
                    None => all.push((region, vec![filling.point.clone()])),
                }
            }
        }
        let labelled = all.into_iter().map(|(mut region, points)| {
            if points.len() < self.all.len() {
                let filled = Boxes::of(&self.dimensions, &points, &self.impossible).0;
                let cases = if region.when.0.is_empty() { vec![Vec::new()] } else { region.when.0.clone() };
                let both = cases.iter().flat_map(|case| filled.iter().map(|way| [&case[..], &way[..]].concat()));
                // No case at all would be "always".
                region.when = if filled.is_empty() { region.when.clone() } else { Boxes(both.collect()) };
            }
            region
        });
        labelled.collect()
    }
}

/// Every way to fill the policy variables that the subject leaves open.
pub(super) fn fillings_of(subject: &Subject, domain: &Domain, relevant: &[Relevant<'_>]) -> Result<Fillings, Why> {
    let mut base = Context::default();
    for (key, value) in &subject.fixed {
        if let Some(value) = value {
            base.insert(key, value.clone());
        }
    }
    if let [Some(tags), Some(others)] = &subject.tags
        && tags == others
    {
        for (key, value) in tags {
            base.set(key, value.as_str());
        }
    }
    let mut spaces = Space::all(relevant, domain, &base);
    let asked: Vec<Asked<'_>> = relevant.iter().flat_map(|r| r.statement.conditions.iter().map(|c| (r.statement.variables, c))).collect();
    for space in &mut spaces {
        space.meet_callers(subject, &asked, &base)?;
    }
    let mut keys: BTreeSet<String> = spaces.iter().flat_map(Space::keys).filter(|key| !subject.is_fixed(key)).collect();
    let of_caller = |key: &str| subject.crowd.is_some() && crowd::is_of_caller(key) && !subject.is_fixed(key);
    if keys.iter().any(|key| of_caller(key)) {
        // The caller is decided then, and so is how its keys compare with what is filled in.
        for space in spaces.iter().filter(|space| of_caller(&space.name) && space.is_open(subject)) {
            if space.templates.iter().any(|template| template.loose(&base) != [Token::Star]) {
                return Err(Why::TooMany(Limit::KeyPatterns(space.name.clone())));
            }
            keys.insert(space.name.clone());
        }
    }
    if keys.is_empty() {
        let one = Filling { context: base, caller: None, point: Vec::new() };
        return Ok(Fillings { all: vec![one], decided: BTreeSet::new(), dimensions: Vec::new(), impossible: Vec::new() });
    }
    Search { subject, base, keys, spaces, asked }.run()
}

/// Texts that are compared with one another: those of resources, or those of one condition key.
struct Space {
    /// The condition key; empty for resources.
    name: String,
    /// Each with the keys that it takes text from.
    templates: Vec<Template>,
    /// Patterns and texts without variables that are open.
    others: BTreeSet<Vec<Token>>,
    /// Texts that some caller has, one as good as another.
    plausible: BTreeSet<Vec<Token>>,
}

impl Space {
    fn all(relevant: &[Relevant<'_>], domain: &Domain, base: &Context) -> Vec<Self> {
        let mut by_name: BTreeMap<&str, Self> = BTreeMap::new();
        for statement in relevant.iter().map(|r| r.statement) {
            let resources = statement.resource.iter().flat_map(|r| &r.written).map(|text| ("", text));
            let conditions = statement.conditions.iter().filter(|c| c.is_text()).flat_map(|c| c.written.values.iter().map(|text| (c.key.as_str(), text)));
            for (name, text) in resources.chain(conditions) {
                let space = by_name.entry(name).or_insert_with(|| Self {
                    name: name.to_owned(),
                    templates: Vec::new(),
                    others: BTreeSet::new(),
                    plausible: BTreeSet::new(),
                });
                let template = Template::parse(text, statement.variables);
                space.others.insert(template.loose(base));
                if template.keys().next().is_some() && !space.templates.contains(&template) {
                    space.templates.push(template);
                }
            }
        }
        for (name, space) in &mut by_name {
            if let Some(ContextValue::One(text)) = base.get(name) {
                space.others.insert(text.chars().map(Token::Literal).collect());
            }
        }
        // A variable of a pattern over resources is told apart by what one resource leaves in its place.
        if let Some(space) = by_name.get_mut("").filter(|space| !space.templates.is_empty()) {
            let exact = domain.texts.iter().filter_map(|text| if let Text::Exact(text) = text { Some(text) } else { None });
            space.others.extend(exact.map(|text| text.chars().map(Token::Literal).collect::<Vec<_>>()));
        }
        by_name.into_values().collect()
    }

    /// Tells whether what it compares with is not known.
    fn is_open(&self, subject: &Subject) -> bool {
        self.templates.iter().flat_map(Template::keys).any(|key| !subject.is_fixed(key))
    }

    /// What callers have for this key, where it is compared with variables: a text that nobody has would meet nobody. One of each
    /// class of callers that other conditions tell apart.
    fn meet_callers(&mut self, subject: &Subject, asked: &[Asked<'_>], base: &Context) -> Result<(), Why> {
        let open = self.is_open(subject);
        if RESOURCE_ACCOUNT.contains(&self.name.as_str()) && open {
            self.plausible.insert(ACCOUNT.chars().map(Token::Literal).collect());
        }
        let Some(crowd) = subject.crowd.as_ref().filter(|_| open && crowd::is_of_caller(&self.name) && !subject.is_fixed(&self.name)) else {
            return Ok(());
        };
        let there = Condition::new(Written { operator: "Null".to_owned(), key: self.name.clone(), values: vec!["true".to_owned()] }, false);
        let fixed = |c: &Condition| c.variables().all(|v| subject.is_fixed(v));
        // What is the same for all of them tells none apart.
        let tells = |c: &Condition| crowd::is_of_caller(&c.key) && !subject.is_fixed(&c.key) && fixed(c);
        let told: Vec<Asked<'_>> = asked.iter().copied().filter(|(_, c)| tells(c)).collect();
        let telling: Vec<Asked<'_>> = told.iter().copied().chain([(false, &there)]).collect();
        let too_many = || Why::TooMany(Limit::KeyPatterns(self.name.clone()));
        // Ids are random, but for those of root and of federated users: which of them it may be equal to, others tell.
        if self.name == "aws:userid" && told.iter().any(|(_, c)| !["aws:userid", "aws:principalorgid", "aws:principalorgpaths"].contains(&c.key.as_str())) {
            return Err(too_many());
        }
        // One text that is compared with two things that are said of a caller ties them together.
        let own: BTreeSet<String> = self.keys().filter(|key| !subject.is_fixed(key)).collect();
        let ties = |c: &Condition| c.key != self.name && crowd::is_of_caller(&c.key) && !subject.is_fixed(&c.key) && c.variables().any(|v| own.contains(v));
        if asked.iter().any(|(_, c)| ties(c)) {
            return Err(too_many());
        }
        for profile in subject.profiles(crowd, &telling, base, false).ok_or_else(too_many)? {
            let mut context = base.clone();
            profile.set(&mut context);
            // Whom patterns over another key meet has to be told from others by this one, too.
            let meets = |c: &Condition| c.operator.is_some_and(|o| o.negated != c.holds(&context));
            let met: Vec<&Asked<'_>> = told.iter().filter(|(_, c)| crowd::share_letters(&c.key, &self.name) && c.is_text() && meets(c)).collect();
            let is_wild = |(variables, c): &&Asked<'_>| {
                c.patterns(base, *variables).iter().any(|(tokens, _)| tokens.iter().any(|t| matches!(t, Token::Star | Token::One)))
            };
            let texts = match profile.keys.iter().find(|(key, _)| *key == self.name).map(|(_, value)| value) {
                Some(Some(ContextValue::One(text))) => std::slice::from_ref(text),
                Some(Some(ContextValue::Many(texts))) => texts,
                _ => &[],
            };
            let tokens = texts.iter().map(|text| text.chars().map(Token::Literal).collect::<Vec<_>>());
            if met.is_empty() {
                self.plausible.extend(tokens);
            } else if met.iter().any(is_wild) {
                return Err(too_many());
            } else {
                self.others.extend(tokens);
            }
        }
        Ok(())
    }

    fn keys(&self) -> impl Iterator<Item = String> {
        self.templates.iter().flat_map(|t| t.keys().map(str::to_owned).collect::<Vec<_>>())
    }

    /// Patterns that other patterns leave in the place of a key.
    fn beside(&self, key: &str, base: &Context, into: &mut BTreeSet<String>) {
        self.left(key, base, &self.others, into);
    }

    /// Texts that a key may well have, since the whole is then what some caller has.
    fn likely(&self, key: &str, base: &Context, into: &mut BTreeSet<String>) {
        self.left(key, base, &self.plausible, into);
    }

    fn left(&self, key: &str, base: &Context, others: &BTreeSet<Vec<Token>>, into: &mut BTreeSet<String>) {
        for template in &self.templates {
            for (before, after) in template.around(key, base) {
                for other in others.iter().filter(|other| **other != template.loose(base)) {
                    beside(&before, &after, other, into);
                }
            }
        }
    }
}

struct Search<'s> {
    subject: &'s Subject,
    base: Context,
    keys: BTreeSet<String>,
    spaces: Vec<Space>,
    asked: Vec<Asked<'s>>,
}

/// Values by how conditions come out for them, and which keys they lack.
type Classes = BTreeMap<(Vec<bool>, Vec<bool>), usize>;

/// Keys that are decided together: the conditions that tell their values apart, and those that find more texts of a kind.
struct Group {
    keys: Vec<String>,
    telling: Vec<Condition>,
    values: Vec<Value>,
}

impl Search<'_> {
    fn run(&self) -> Result<Fillings, Why> {
        let mut groups = self.groups()?;
        // Each round finds texts beside those that there are, so that as many keys can have texts of their own.
        for _ in 1..self.keys.len().max(2) {
            let texts: BTreeSet<String> =
                groups.iter().flat_map(|g| &g.values).flat_map(|v| &v.keys).filter_map(|(key, value)| self.text(key, value.as_ref()?)).collect();
            for group in &mut groups {
                group.values = self.values(group, &texts)?;
            }
        }
        let pairs = self.pairs();
        let mut dimensions: Vec<Dimension> = Vec::new();
        let mut classes: Vec<Classes> = Vec::new();
        for group in &groups {
            let asked = self.asked_of(group);
            let mut known = Classes::new();
            let mut kept = Vec::new();
            for value in &group.values {
                let count = known.len();
                if let std::collections::btree_map::Entry::Vacant(entry) = known.entry(value.answers(&asked, &self.base)) {
                    entry.insert(count);
                    kept.push(value.clone());
                }
            }
            dimensions.push(Dimension::new(kept, &asked, &self.base));
            classes.push(known);
        }
        let same: Vec<Condition> = pairs.iter().map(|(a, b)| self.equal(a, &format!("${{{}}}", self.written(b)))).collect();
        dimensions.extend(same.into_iter().map(Dimension::same));
        let mut fillings = self.product(&groups, &classes, &pairs)?;
        fillings.sort_by(|a, b| a.point.cmp(&b.point));
        let seen: BTreeSet<&Vec<usize>> = fillings.iter().map(|f| &f.point).collect();
        let impossible = every(&dimensions).ok_or(Why::TooMany(Limit::Fillings(VARIABLES_MOST)))?.into_iter().filter(|point| !seen.contains(point)).collect();
        let decided = groups.into_iter().flat_map(|g| g.keys).collect();
        Ok(Fillings { all: fillings, decided, dimensions, impossible })
    }

    fn text(&self, key: &str, value: &ContextValue) -> Option<String> {
        match value {
            ContextValue::One(text) if self.keys.contains(key) => Some(text.clone()),
            _ => None,
        }
    }

    /// The key as somebody wrote it.
    fn written(&self, key: &str) -> String {
        let templates = self.spaces.iter().flat_map(|s| &s.templates).flat_map(Template::written_keys);
        let conditions = self.asked.iter().map(|(_, c)| c.written.key.as_str());
        conditions.chain(templates).find(|k| k.eq_ignore_ascii_case(key)).unwrap_or(key).to_owned()
    }

    fn equal(&self, key: &str, text: &str) -> Condition {
        Condition::new(Written { operator: "StringEquals".to_owned(), key: self.written(key), values: vec![text.to_owned()] }, text.starts_with("${"))
    }

    fn groups(&self) -> Result<Vec<Group>, Why> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let of_caller = |key: &str| self.subject.crowd.is_some() && crowd::is_of_caller(key);
        for key in &self.keys {
            names.entry(if of_caller(key) { String::new() } else { key.clone() }).or_default().insert(key.clone());
        }
        if let Some(caller) = names.get_mut("") {
            caller.extend(self.asked.iter().map(|(_, c)| c.key.clone()).filter(|key| of_caller(key) && !self.subject.is_fixed(key)));
        }
        let mut groups = Vec::new();
        for keys in names.into_values() {
            let mut telling = Vec::new();
            for key in keys.iter().filter(|key| self.keys.contains(*key)) {
                // Without its text, a pattern equals nothing.
                telling.push(Condition::new(Written { operator: "Null".to_owned(), key: self.written(key), values: vec!["true".to_owned()] }, false));
                let mut patterns = BTreeSet::new();
                self.spaces.iter().for_each(|space| space.beside(key, &self.base, &mut patterns));
                // What only another variable leaves is separators: a text is taken to hold none of its own.
                patterns.retain(|text| text.contains(|c| !['*', '?', '/', ':'].contains(&c)));
                if patterns.len() > PATTERNS_MOST {
                    return Err(Why::TooMany(Limit::KeyPatterns(self.written(key))));
                }
                let like = |text: &String| Written { operator: "StringLike".to_owned(), key: self.written(key), values: vec![text.clone()] };
                telling.extend(patterns.iter().map(|text| if text.contains(['*', '?']) { Condition::new(like(text), false) } else { self.equal(key, text) }));
                for tags in self.subject.tags.iter().flatten().filter(|_| key.starts_with(TAG)) {
                    telling.extend(tags.get(key).map(|text| self.equal(key, text)));
                }
            }
            let mut group = Group { keys: keys.into_iter().collect(), telling, values: Vec::new() };
            group.values = self.values(&group, &BTreeSet::new())?;
            groups.push(group);
        }
        Ok(groups)
    }

    fn asked_of<'g>(&'g self, group: &'g Group) -> Vec<Asked<'g>> {
        let asked = self.asked.iter().filter(|(_, c)| group.keys.contains(&c.key) && c.variables().all(|v| self.subject.is_fixed(v))).copied();
        asked.chain(group.telling.iter().map(|c| (false, c))).collect()
    }

    /// One value of each class, and of each class as many more as these texts tell apart.
    fn values(&self, group: &Group, texts: &BTreeSet<String>) -> Result<Vec<Value>, Why> {
        let finding: Vec<Condition> =
            group.keys.iter().filter(|key| self.keys.contains(*key)).flat_map(|key| texts.iter().map(|text| self.equal(key, text))).collect();
        let mut asked = self.asked_of(group);
        asked.extend(finding.iter().map(|c| (false, c)));
        let first = group.keys.first().map(String::as_str).unwrap_or_default();
        let too_many = || Why::TooMany(Limit::KeyPatterns(self.written(first)));
        match &self.subject.crowd {
            Some(crowd) if crowd::is_of_caller(first) => self.subject.profiles(crowd, &asked, &self.base, false).ok_or_else(too_many),
            _ => {
                // Of a key that nobody asks about, any text will do.
                let any = self.equal(first, "some-value");
                asked.push((false, &any));
                let mut likely = BTreeSet::new();
                self.spaces.iter().for_each(|space| space.likely(first, &self.base, &mut likely));
                // They come first: of a class, the first stands for all.
                let likely = likely.into_iter().filter(|text| !text.contains(['*', '?'])).map(|text| Value::one(first, Some(ContextValue::One(text))));
                let pool = values::pool(first, &asked, &self.base).map_err(Why::TooMany)?;
                Ok(likely.chain(pool).collect())
            }
        }
    }

    /// Keys whose texts meet.
    fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = BTreeSet::new();
        for space in &self.spaces {
            // The key itself meets the variables that it is compared with.
            let keys: BTreeSet<String> = space.keys().chain([space.name.clone()]).filter(|key| self.keys.contains(key)).collect();
            for a in &keys {
                pairs.extend(keys.iter().filter(|b| *b > a).map(|b| (a.clone(), b.clone())));
            }
        }
        pairs.into_iter().collect()
    }

    fn product(&self, groups: &[Group], classes: &[Classes], pairs: &[(String, String)]) -> Result<Vec<Filling>, Why> {
        let limit = || Why::TooMany(Limit::Fillings(VARIABLES_MOST));
        let count = groups.iter().fold(1_usize, |n, g| n.saturating_mul(g.values.len()));
        if count > VARIABLES_MOST * 64 {
            return Err(limit());
        }
        let mut partial: Vec<(Context, Option<Caller>, bool, Vec<usize>)> = vec![(self.base.clone(), None, true, Vec::new())];
        for (group, known) in groups.iter().zip(classes) {
            let asked = self.asked_of(group);
            let with: Vec<(&Value, usize)> = group.values.iter().filter_map(|v| Some((v, *known.get(&v.answers(&asked, &self.base))?))).collect();
            let mut next = Vec::new();
            for (context, caller, taggable, point) in &partial {
                for (value, class) in &with {
                    let mut context = context.clone();
                    value.set(&mut context);
                    let point = point.iter().copied().chain([*class]).collect();
                    next.push((context, value.caller.clone().or_else(|| caller.clone()), *taggable && value.taggable, point));
                }
            }
            partial = next;
        }
        let tags: Vec<String> = self.keys.iter().filter(|key| key.starts_with(TAG)).cloned().collect();
        let mut all: BTreeMap<Vec<usize>, Filling> = BTreeMap::new();
        for (context, caller, taggable, mut point) in partial {
            if !taggable && tags.iter().any(|key| context.get(key).is_some()) || !self.subject.may_have(&tags, &context) {
                continue;
            }
            point.extend(pairs.iter().map(|(a, b)| usize::from(context.get(a) != context.get(b) || context.get(a).is_none())));
            all.entry(point.clone()).or_insert(Filling { context, caller, point });
        }
        if all.len() > VARIABLES_MOST {
            return Err(limit());
        }
        Ok(all.into_values().collect())
    }
}

/// Every combination; `None`: too many.
fn every(dimensions: &[Dimension]) -> Option<Vec<Vec<usize>>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for dimension in dimensions {
        all = all.iter().flat_map(|point| (0..dimension.values.len()).map(|at| point.iter().copied().chain([at]).collect())).collect();
        if all.len() > 16_384 {
            return None;
        }
    }
    Some(all)
}
