//! Sets of actions and resources in words.

use std::collections::BTreeSet;

use crate::catalogue;

use super::atoms::{Actions, ResourceClass, Resources, is_asked, is_assume, is_elsewhere, is_nameless};
use super::pair::{Domain, Text};

/// A pattern with exceptions is said in place of this many names.
const WORTH_AN_EXCEPTION: usize = 5;

impl Actions {
    /// Names a set of actions: by patterns that stand for just them, and one by one.
    pub(crate) fn describe(&self, names: &BTreeSet<String>, at: &BTreeSet<usize>, resources: &Resources, domain: &Domain) -> Vec<String> {
        let witnesses: Vec<&str> = at.iter().filter_map(|i| resources.classes.get(*i)).map(|c| c.witness.as_str()).collect();
        let all = catalogue::SERVICES.iter().flat_map(|s| catalogue::actions(s)).map(|a| a.name);
        let possible: BTreeSet<&str> = self
            .classes
            .iter()
            .flat_map(|(names, _)| names)
            .chain(&self.unmatched)
            .map(String::as_str)
            .chain(all)
            .filter(|n| witnesses.iter().any(|w| catalogue::is_asked_of(n, w)))
            .collect();
        let matched = |pattern: &str| -> BTreeSet<&str> { possible.iter().copied().filter(|n| crate::engine::compiled::action_matches(pattern, n)).collect() };
        // A pattern must not name more than the domain is about.
        let inside = |pattern: &str| match domain.service {
            Some(service) => pattern.split_once(':').is_some_and(|(s, _)| s.eq_ignore_ascii_case(service)),
            None => domain.actions.is_empty(),
        };
        let mut patterns: BTreeSet<String> = self.patterns.iter().filter(|p| p.contains(['*', '?'])).cloned().collect();
        let named = self.patterns.iter().filter_map(|p| p.split_once(':')).map(|(service, _)| service).filter(|s| !s.contains(['*', '?']));
        patterns.extend(catalogue::SERVICES.into_iter().chain(named).map(|service| format!("{service}:*")));
        patterns.extend(["*", "sts:AssumeRole*"].map(str::to_owned));
        let stands_in = |name: &str| self.stand_ins.contains(name);
        // On no resource, a pattern would read as if it were on all.
        let nowhere = domain.is_elsewhere() && witnesses == ["*"] && names.len() <= LISTED_MOST && !names.iter().any(|n| stands_in(n));
        // A star for the service speaks of services that nobody has listed, too.
        let unlisted = names.iter().any(|n| !catalogue::is_listed(n));
        let one_service = |p: &str| p.split_once(':').is_some_and(|(service, _)| !service.contains(['*', '?']));
        patterns.retain(|p| inside(p) && !nowhere && (unlisted || one_service(p)));
        let sets: Vec<(BTreeSet<&str>, String)> = patterns.into_iter().map(|p| (matched(&p), p)).filter(|(set, _)| !set.is_empty()).collect();
        let mut covers: Vec<(BTreeSet<&str>, String)> = Vec::new();
        for (set, pattern) in &sets {
            let foreign: BTreeSet<&str> = set.iter().copied().filter(|n| !names.contains(*n)).collect();
            let ours: BTreeSet<&str> = set.difference(&foreign).copied().collect();
            if foreign.is_empty() {
                covers.push((ours, pattern.clone()));
            } else if ours.len() >= WORTH_AN_EXCEPTION && !foreign.iter().any(|n| stands_in(n)) {
                let inner = sets.iter().filter(|(other, _)| other.is_subset(&foreign)).cloned().collect();
                let mut left = foreign;
                let mut except: BTreeSet<String> = cover_sets(&mut left, inner).into_iter().map(|(_, text)| text).collect();
                except.extend(left.into_iter().map(str::to_owned));
                let most = if ours.iter().any(|n| stands_in(n)) { LEFT_OUT_MOST } else { NAMED_MOST };
                if except.len() <= most {
                    covers.push((ours, format!("{pattern} (except {})", except.into_iter().collect::<Vec<_>>().join(", "))));
                }
            }
        }
        let ours: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let mut left = ours.clone();
        let mut said: BTreeSet<String> = cover_sets(&mut left, covers).into_iter().map(|(_, text)| text).collect();
        let single = possible.iter().filter(|n| !stands_in(n)).map(|n| (BTreeSet::from([*n]), (*n).to_owned()));
        let all: Vec<(BTreeSet<&str>, String)> = sets.into_iter().chain(single).collect();
        while let Some(name) = left.first().copied() {
            let (set, text) = if stands_in(name) { narrowed(name, &ours, &all) } else { None }.unwrap_or((BTreeSet::new(), name.to_owned()));
            left.retain(|n| *n != name && !set.contains(n));
            said.insert(text);
        }
        said.into_iter().collect()
    }
}

/// Takes the largest patterns first, and leaves what none covers.
fn cover_sets<T: Ord + Copy>(left: &mut BTreeSet<T>, mut covers: Vec<(BTreeSet<T>, String)>) -> Vec<(BTreeSet<T>, String)> {
    let mut said = Vec::new();
    loop {
        covers.retain(|(set, _)| set.iter().any(|one| left.contains(one)));
        let best = covers.iter().max_by_key(|(set, text)| (set.intersection(left).count(), std::cmp::Reverse(text.len()), std::cmp::Reverse(text.clone())));
        let Some(best) = best.cloned() else { return said };
        left.retain(|one| !best.0.contains(one));
        said.push(best);
    }
}

impl Resources {
    /// Names a set of classes: by patterns that match just them, by patterns with exceptions, or by an example.
    pub(crate) fn describe(&self, at: &BTreeSet<usize>, names: &BTreeSet<String>, domain: &Domain) -> Vec<String> {
        let asked = |class: &ResourceClass| names.iter().any(|n| is_asked(n, &class.witness, domain));
        let possible: BTreeSet<usize> = self.classes.iter().enumerate().filter(|(_, c)| asked(c)).map(|(i, _)| i).collect();
        if domain.is_elsewhere() && at.iter().all(|i| self.classes.get(*i).is_some_and(|c| c.witness == "*")) {
            return vec![if names.len() <= LISTED_MOST { "*".to_owned() } else { NO_RESOURCE.to_owned() }];
        }
        let of_some_walk =
            |c: &ResourceClass| crossrole_policy::Arn::parse(&c.witness).is_some() && !is_nameless(&c.witness) && !is_elsewhere(&c.witness, domain);
        // What S3 and IAM have is not asked of actions of other services.
        let foreign = !names.iter().any(|n| catalogue::is_listed(n));
        let everywhere = |(i, c): (usize, &ResourceClass)| !of_some_walk(c) || at.contains(&i) || foreign && !asked(c);
        if domain.is_elsewhere() && self.classes.iter().enumerate().all(everywhere) {
            return vec![but_known("*".to_owned(), names, domain)];
        }
        let within = |text: &Text, set: BTreeSet<usize>| -> BTreeSet<usize> {
            set.into_iter().filter(|i| self.classes.get(*i).is_some_and(|c| text.holds(&c.witness))).collect()
        };
        let matched = |pattern: usize| -> BTreeSet<usize> {
            possible.iter().copied().filter(|i| self.classes.get(*i).is_some_and(|c| c.matched.get(pattern) == Some(&true))).collect()
        };
        // A pattern that reaches out of the domain names only what of it lies inside.
        let mut all: Vec<(BTreeSet<usize>, String)> = Vec::new();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let set = matched(index);
            let inside = domain.texts.iter().any(|t| match t {
                // All of a service's resources are there, in several walks.
                Text::Walk(start) if domain.is_elsewhere() => pattern.starts_with(service_of(start)),
                Text::Walk(start) => pattern.starts_with(start.as_str()),
                Text::Exact(_) => false,
            });
            if inside {
                all.push((set, pattern.clone()));
                continue;
            }
            for text in &domain.texts {
                let set = within(text, set.clone());
                match text {
                    Text::Walk(start) if set != within(text, possible.clone()) => all.push((set, format!("{start}* that match {pattern}"))),
                    _ => {}
                }
            }
        }
        for text in &domain.texts {
            if let Text::Exact(exact) = text {
                let said = if exact == "*" { NO_RESOURCE } else { exact.as_str() };
                all.push((within(text, possible.clone()), said.to_owned()));
            }
        }
        let whole = all.iter().filter(|(set, _)| !set.is_empty() && set.is_subset(at)).cloned().collect();
        let mut texts = Vec::new();
        let mut left = at.clone();
        texts.extend(cover_sets(&mut left, whole).into_iter().map(|(_, text)| text));
        while let Some(class) = left.first().copied() {
            let own = || (BTreeSet::from([class]), self.classes.get(class).map(|c| c.witness.clone()).unwrap_or_default());
            let (set, text) = narrowed(class, at, &all).unwrap_or_else(own);
            left.retain(|i| *i != class && !set.contains(i));
            texts.push(text);
        }
        let texts = texts.into_iter().map(|text| of_others(text, domain));
        let mut shown: Vec<String> = texts.map(|text| short(&but_known(text, names, domain))).collect();
        shown.dedup();
        shown
    }
}

/// Names one, and as much of `at` as its name holds: the narrowest pattern around it, narrowed by others until nothing is
/// left in it that does not belong. `None`: no pattern is around it.
fn narrowed<T: Ord + Copy>(one: T, at: &BTreeSet<T>, all: &[(BTreeSet<T>, String)]) -> Option<(BTreeSet<T>, String)> {
    let around: Vec<&(BTreeSet<T>, String)> = all.iter().filter(|(set, _)| set.contains(&one)).collect();
    let (set, text) = around.iter().min_by_key(|(set, text)| (set.len(), text.len()))?;
    let (mut set, mut text, mut except) = (set.clone(), text.clone(), Vec::new());
    while !set.is_subset(at) {
        let foreign = |set: &BTreeSet<T>| set.difference(at).count();
        let less = all.iter().filter(|(other, _)| !other.contains(&one)).map(|(other, text)| (&set - other, text, false));
        let within = around.iter().map(|(other, text)| (&set & other, text, true));
        // What leaves the fewest that do not belong, then the most that do.
        let best = less.chain(within).min_by_key(|(rest, text, _)| (foreign(rest), std::cmp::Reverse(rest.len()), text.len()));
        let Some((rest, by, inside)) = best.filter(|(rest, ..)| rest.len() < set.len()) else { break };
        if inside {
            text = format!("{text} that match {by}");
        } else {
            except.push(short(by));
        }
        set = rest;
    }
    except.sort();
    Some((set, if except.is_empty() { text } else { format!("{text} (except {})", except.join(", ")) }))
}

/// `arn:aws:iam::`
fn service_of(start: &str) -> &str {
    let third = start.match_indices(':').nth(2).map_or(start.len(), |(at, _)| at + 1);
    start.get(..third).unwrap_or(start)
}

/// `*` where it is not all resources.
const NO_RESOURCE: &str = "* (actions that name no resource)";

/// Most actions on no resource that are listed by name.
const LISTED_MOST: usize = 12;

/// Most exceptions that are listed by name.
const NAMED_MOST: usize = 3;

/// The same of a pattern for actions that nobody has listed: without it, they would need words of their own.
const LEFT_OUT_MOST: usize = 6;

/// A text about the service that stands for all that nothing names, as one about all but those that something names.
fn of_others(text: String, domain: &Domain) -> String {
    let Some((start, rest)) = text.split_once(&format!(":{}:", domain.other)).filter(|(start, _)| start.starts_with("arn:")) else { return text };
    let named: BTreeSet<&str> = domain.texts.iter().filter_map(|t| if let Text::Walk(start) = t { start.split(':').nth(2) } else { None }).collect();
    let named: Vec<String> = named.into_iter().filter(|service| *service != domain.other).map(|service| format!("{start}:{service}:*:*:*")).collect();
    but(format!("{start}:*:{rest}"), &named.join(", "))
}

/// With an exception more.
fn but(text: String, except: &str) -> String {
    match text.strip_suffix(')').filter(|_| text.contains(" (except ")) {
        _ if except.is_empty() => text,
        Some(open) => format!("{open}, {except})"),
        None => format!("{text} (except {except})"),
    }
}

/// What has a policy of its own is said by itself: a pattern over other resources does not speak of it.
fn but_known(text: String, names: &BTreeSet<String>, domain: &Domain) -> String {
    if !domain.is_elsewhere() {
        return text;
    }
    let (s3, assume) = (names.iter().any(|n| n.starts_with("s3:")), names.iter().any(|n| is_assume(n)));
    let pattern = text.split(" (except ").next().unwrap_or(&text);
    let reached = |known: &&String| {
        let bucket = known.contains(":s3:::");
        let hit = crate::engine::compiled::resource_matches(pattern, known, None)
            || bucket && crate::engine::compiled::resource_matches(pattern, &format!("{known}/x"), None);
        hit && if bucket { s3 } else { assume }
    };
    let missing: Vec<&String> = domain.known.iter().filter(reached).collect();
    let list = if missing.len() > NAMED_MOST {
        format!("the {} resources that other lines are about", missing.len())
    } else {
        let each = |k: &&String| if k.contains(":s3:::") { format!("{}, {}/*", short(k), short(k)) } else { (*k).clone() };
        missing.iter().map(each).collect::<Vec<_>>().join(", ")
    };
    if missing.is_empty() { text } else { but(text, &list) }
}

/// Without the part that all S3 ARNs have.
fn short(text: &str) -> String {
    match text.strip_prefix("arn:") {
        Some(rest) => match rest.split_once(":s3:::") {
            // "*" alone would read as everything.
            Some((_, name)) if !name.starts_with('*') => name.to_owned(),
            _ => text.to_owned(),
        },
        None => text.to_owned(),
    }
}
