//! Sets of actions and resources, described by patterns that stand for just them.

use std::collections::BTreeSet;

use crossrole_model::access::{Apart, Part};

use crate::catalogue;

use super::action_kind::ActionKind;
use super::atoms::{Actions, ResourceClass, Resources, is_asked, is_assume, is_elsewhere, is_nameless};
use super::pair::{Domain, Text};

/// A pattern with exceptions is said in place of this many names.
const WORTH_AN_EXCEPTION: usize = 5;

impl Actions {
    /// Names a set of actions: by patterns that stand for just them, and one by one.
    pub(crate) fn describe(&self, names: &BTreeSet<String>, at: &BTreeSet<usize>, resources: &Resources, domain: &Domain) -> Vec<Part> {
        let witnesses: Vec<&str> = at.iter().filter_map(|i| resources.classes.get(*i)).map(|c| c.witness.as_str()).collect();
        let all = catalogue::SERVICES.iter().flat_map(|s| catalogue::actions(s)).map(|a| a.name);
        // On everything, a pattern speaks of every action that it matches: those on roles that are said by themselves, too.
        let everywhere = domain.is_elsewhere() && resources.classes.iter().enumerate().all(|(i, c)| at.contains(&i) || !is_of_some_walk(c, domain));
        // What no statement matches is asked of nothing that is told apart here, and yet a pattern must not name it.
        let unmatched: BTreeSet<&str> = self.unmatched.iter().map(String::as_str).filter(|_| domain.is_elsewhere()).collect();
        let possible: BTreeSet<&str> = self
            .classes
            .iter()
            .flat_map(|(names, _)| names)
            .chain(&self.unmatched)
            .map(String::as_str)
            .chain(all)
            // What everybody may do may lie in a pattern, or not.
            .filter(|n| {
                ActionKind::of(n) != ActionKind::Everybodys && (everywhere || unmatched.contains(n) || witnesses.iter().any(|w| catalogue::is_asked_of(n, w)))
            })
            .collect();
        let matched = |pattern: &str| -> BTreeSet<&str> { possible.iter().copied().filter(|n| crate::engine::compiled::action_matches(pattern, n)).collect() };
        // A pattern must not name more than the domain is about.
        let inside = |pattern: &str| match domain.service {
            Some(service) => pattern.split_once(':').is_some_and(|(s, _)| s.eq_ignore_ascii_case(service)),
            None => domain.actions.is_empty(),
        };
        let mut patterns: BTreeSet<String> = self.patterns.iter().filter(|p| p.contains(['*', '?'])).cloned().collect();
        let named = self.patterns.iter().filter_map(|p| p.split_once(':')).map(|(service, _)| service).filter(|s| !s.contains(['*', '?']));
        patterns.extend(catalogue::SERVICES.into_iter().chain(named).chain(domain.service).map(|service| format!("{service}:*")));
        patterns.extend(["*", "sts:AssumeRole*"].map(str::to_owned));
        let stands_in = |name: &str| self.stand_ins.contains(name);
        // On no resource, a pattern would read as if it were on all.
        let nowhere = domain.is_elsewhere() && witnesses == ["*"] && names.len() <= LISTED_MOST && !names.iter().any(|n| stands_in(n));
        // A star for the service speaks of services that nobody has listed, too.
        let unlisted = names.iter().any(|n| !catalogue::is_listed(n));
        let one_service = |p: &str| p.split_once(':').is_some_and(|(service, _)| !service.contains(['*', '?']));
        patterns.retain(|p| inside(p) && !nowhere && (unlisted || one_service(p)));
        let sets: Vec<(BTreeSet<&str>, Part)> = patterns.into_iter().map(|p| (matched(&p), Part::of(p))).collect();
        // One name is said by itself, where nobody wrote a pattern for it.
        let alone = |set: &BTreeSet<&str>, part: &Part| set.len() == 1 && !self.patterns.contains(&part.pattern) && !set.iter().any(|n| stands_in(n));
        let sets: Vec<(BTreeSet<&str>, Part)> = sets.into_iter().filter(|(set, part)| !set.is_empty() && !alone(set, part)).collect();
        let mut covers: Vec<(BTreeSet<&str>, Part)> = Vec::new();
        for (set, pattern) in &sets {
            let foreign: BTreeSet<&str> = set.iter().copied().filter(|n| !names.contains(*n)).collect();
            let ours: BTreeSet<&str> = set.difference(&foreign).copied().collect();
            if foreign.is_empty() {
                covers.push((ours, pattern.clone()));
            } else if ours.len() >= WORTH_AN_EXCEPTION && !foreign.iter().any(|n| stands_in(n)) {
                let inner = sets.iter().filter(|(other, _)| other.is_subset(&foreign)).cloned().collect();
                let mut left = foreign;
                let mut except: BTreeSet<Part> = cover_sets(&mut left, inner).into_iter().map(|(_, part)| part).collect();
                except.extend(left.into_iter().map(Part::of));
                let most = if ours.iter().any(|n| stands_in(n)) { LEFT_OUT_MOST } else { EXCEPTIONS_MOST };
                if except.len() <= most {
                    covers.push((ours, pattern.clone().except(except.into_iter().collect())));
                }
            }
        }
        let ours: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let mut left = ours.clone();
        let mut said: BTreeSet<Part> = cover_sets(&mut left, covers).into_iter().map(|(_, part)| part).collect();
        let single = possible.iter().filter(|n| !stands_in(n)).map(|n| (BTreeSet::from([*n]), Part::of(*n)));
        let all: Vec<(BTreeSet<&str>, Part)> = sets.into_iter().chain(single).collect();
        while let Some(name) = left.first().copied() {
            let (set, part) = if stands_in(name) { narrowed(name, &ours, &all) } else { None }.unwrap_or((BTreeSet::new(), Part::of(name)));
            left.retain(|n| *n != name && !set.contains(n));
            said.insert(part);
        }
        said.into_iter().collect()
    }
}

/// Takes the largest patterns first, and leaves what none covers.
fn cover_sets<T: Ord + Copy>(left: &mut BTreeSet<T>, mut covers: Vec<(BTreeSet<T>, Part)>) -> Vec<(BTreeSet<T>, Part)> {
    let mut said = Vec::new();
    loop {
        covers.retain(|(set, _)| set.iter().any(|one| left.contains(one)));
        let best = covers.iter().max_by_key(|(set, part)| (set.intersection(left).count(), std::cmp::Reverse(weight(part)), std::cmp::Reverse(part.clone())));
        let Some(best) = best.cloned() else { return said };
        left.retain(|one| !best.0.contains(one));
        said.push(best);
    }
}

impl Resources {
    /// Names a set of classes: by patterns that match just them, by patterns with exceptions, or by an example.
    /// `actions`: how those are named.
    pub(crate) fn describe(&self, at: &BTreeSet<usize>, names: &BTreeSet<String>, actions: &[Part], domain: &Domain) -> Vec<Part> {
        let asked = |class: &ResourceClass| names.iter().any(|n| is_asked(n, &class.witness, domain));
        // What a pattern for actions names besides is asked of others, which a pattern for resources must not reach.
        let listed = catalogue::SERVICES.iter().filter(|_| domain.is_elsewhere()).flat_map(|s| catalogue::actions(s)).map(|a| a.name);
        let spoken: Vec<&str> = listed.filter(|n| ActionKind::of(n) != ActionKind::Everybodys && actions.iter().any(|part| speaks_of(part, n))).collect();
        let spoken_of = |c: &ResourceClass| (c.witness == "*" || is_of_some_walk(c, domain)) && spoken.iter().any(|n| catalogue::is_asked_of(n, &c.witness));
        let possible: BTreeSet<usize> = self.classes.iter().enumerate().filter(|(_, c)| asked(c) || spoken_of(c)).map(|(i, _)| i).collect();
        if domain.is_elsewhere() && at.iter().all(|i| self.classes.get(*i).is_some_and(|c| c.witness == "*")) {
            return vec![nameless()];
        }
        // What S3 and IAM have is not asked of actions of other services; a star for the service speaks of theirs, too.
        let of_all = |part: &Part| part.pattern.split(':').next().is_some_and(|service| service.contains(['*', '?']));
        let foreign = !names.iter().any(|n| catalogue::is_listed(n)) && !actions.iter().any(of_all);
        let everywhere = |(i, c): (usize, &ResourceClass)| {
            let apart = !is_of_some_walk(c, domain) || (foreign || domain.is_of_roles()) && !asked(c);
            at.contains(&i) || apart && !possible.contains(&i)
        };
        if domain.is_elsewhere() && self.classes.iter().enumerate().all(everywhere) {
            return vec![but_known(Part::of("*"), names, domain)];
        }
        let all = self.parts(&possible, domain);
        let whole = all.iter().filter(|(set, _)| !set.is_empty() && set.is_subset(at)).cloned().collect();
        let mut left = at.clone();
        let mut parts: Vec<Part> = cover_sets(&mut left, whole).into_iter().map(|(_, part)| part).collect();
        while let Some(class) = left.first().copied() {
            let own = || (BTreeSet::from([class]), Part::of(self.classes.get(class).map(|c| c.witness.clone()).unwrap_or_default()));
            let (set, part) = narrowed(class, at, &all).unwrap_or_else(own);
            left.retain(|i| *i != class && !set.contains(i));
            parts.push(part);
        }
        let mut parts: Vec<Part> = parts.into_iter().map(|part| but_known(of_others(part, domain), names, domain)).collect();
        parts.dedup();
        parts
    }

    /// What may be said of these classes: each pattern, with the classes of them that it stands for.
    fn parts(&self, possible: &BTreeSet<usize>, domain: &Domain) -> Vec<(BTreeSet<usize>, Part)> {
        let within = |text: &Text, set: BTreeSet<usize>| -> BTreeSet<usize> {
            set.into_iter().filter(|i| self.classes.get(*i).is_some_and(|c| text.holds(&c.witness))).collect()
        };
        let matched = |pattern: usize| -> BTreeSet<usize> {
            possible.iter().copied().filter(|i| self.classes.get(*i).is_some_and(|c| c.matched.get(pattern) == Some(&true))).collect()
        };
        // A pattern that reaches out of the domain names only what of it lies inside.
        let mut all: Vec<(BTreeSet<usize>, Part)> = Vec::new();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let set = matched(index);
            let inside = domain.texts.iter().any(|t| match t {
                // All of a service's resources are there, in several walks.
                Text::Walk(start) if domain.is_elsewhere() => pattern.starts_with(service_of(start)),
                Text::Walk(start) => pattern.starts_with(start.as_str()),
                Text::Exact(_) => false,
            });
            if inside {
                all.push((set, Part::of(pattern.as_str())));
                continue;
            }
            let is_role = |text: &str| domain.is_of_roles() && text.contains(":role/");
            // Roles of accounts that nothing names are no account's in particular.
            let all_roles = domain.texts.iter().find_map(|t| if let Text::Walk(start) = t { is_role(start).then(|| any_role(start)) } else { None });
            if let Some(start) = all_roles.filter(|_| pattern != "*") {
                let set = set.iter().copied().filter(|i| self.classes.get(*i).is_some_and(|c| is_role(&c.witness))).collect();
                all.push((set, Part { within: vec![pattern.clone()], ..Part::of(start) }));
            }
            for text in &domain.texts {
                let set = within(text, set.clone());
                match text {
                    Text::Walk(start) if is_role(start) => {}
                    Text::Walk(start) if set != within(text, possible.clone()) => {
                        all.push((set, Part { within: vec![pattern.clone()], ..Part::of(format!("{start}*")) }));
                    }
                    _ => {}
                }
            }
        }
        for text in &domain.texts {
            if let Text::Exact(exact) = text {
                let said = match exact.as_str() {
                    "*" => nameless(),
                    // What stands for the list of all buckets would be read as a pattern; roots have theirs.
                    other if other.contains('*') || other.ends_with(":root") => continue,
                    exact => Part::of(exact),
                };
                all.push((within(text, possible.clone()), said));
            }
        }
        all
    }
}

fn speaks_of(part: &Part, name: &str) -> bool {
    part.patterns().all(|p| crate::engine::compiled::action_matches(p, name)) && !part.except.iter().any(|e| speaks_of(e, name))
}

fn is_of_some_walk(class: &ResourceClass, domain: &Domain) -> bool {
    crossrole_policy::Arn::parse(&class.witness).is_some() && !is_nameless(&class.witness) && !is_elsewhere(&class.witness, domain)
}

/// Names one, and as much of `at` as its name holds: the narrowest pattern around it, narrowed by others until nothing is
/// left in it that does not belong. `None`: no pattern is around it.
fn narrowed<T: Ord + Copy>(one: T, at: &BTreeSet<T>, all: &[(BTreeSet<T>, Part)]) -> Option<(BTreeSet<T>, Part)> {
    let around: Vec<&(BTreeSet<T>, Part)> = all.iter().filter(|(set, _)| set.contains(&one)).collect();
    let (set, part) = around.iter().min_by_key(|(set, part)| (set.len(), weight(part)))?;
    let (mut set, mut part, mut except) = (set.clone(), part.clone(), Vec::new());
    while !set.is_subset(at) {
        let foreign = |set: &BTreeSet<T>| set.difference(at).count();
        let less = all.iter().filter(|(other, _)| !other.contains(&one)).map(|(other, part)| (&set - other, part, false));
        let within = around.iter().map(|(other, part)| (&set & other, part, true));
        // What leaves the fewest that do not belong, then the most that do.
        let best = less.chain(within).min_by_key(|(rest, part, _)| (foreign(rest), std::cmp::Reverse(rest.len()), weight(part)));
        let Some((rest, by, inside)) = best.filter(|(rest, ..)| rest.len() < set.len()) else { break };
        if inside {
            part = part.within(by);
        } else {
            except.push(by.clone());
        }
        set = rest;
    }
    except.sort();
    Some((set, part.except(except)))
}

/// How long it is to read, roughly.
fn weight(part: &Part) -> usize {
    let nameless = if part.nameless { 33 } else { 0 };
    let within: usize = part.within.iter().map(|pattern| pattern.len() + 12).sum();
    let except: usize = part.except.iter().map(|one| weight(one) + 4).sum();
    part.pattern.len() + nameless + within + except
}

/// The resource of actions that name none.
fn nameless() -> Part {
    Part { nameless: true, ..Part::of("*") }
}

/// `arn:aws:iam::*:role/*`
pub(crate) fn any_role(start: &str) -> String {
    format!("{}:*:role/*", service_of(start))
}

/// `arn:aws:iam:`
pub(crate) fn service_of(start: &str) -> &str {
    let third = start.match_indices(':').nth(2).map_or(start.len(), |(at, _)| at + 1);
    start.get(..third).unwrap_or(start)
}

/// Most actions on no resource that are listed by name.
const LISTED_MOST: usize = 12;

/// Most resources with a policy of their own that are listed by name.
const NAMED_MOST: usize = 3;

/// Most exceptions of a pattern for actions: what assumes roles is four.
const EXCEPTIONS_MOST: usize = 4;

/// The same of a pattern for actions that nobody has listed: without it, they would need words of their own.
const LEFT_OUT_MOST: usize = 6;

/// One about the service that stands for all that nothing names, as one about all but those that something names.
fn of_others(part: Part, domain: &Domain) -> Part {
    let Some((start, rest)) = part.pattern.split_once(&format!(":{}:", domain.other)).filter(|(start, _)| start.starts_with("arn:")) else { return part };
    let named: BTreeSet<&str> = domain.texts.iter().filter_map(|t| if let Text::Walk(start) = t { start.split(':').nth(2) } else { None }).collect();
    let named = named.into_iter().filter(|service| *service != domain.other).map(|service| Part::of(format!("{start}:{service}:*:*:*")));
    Part { pattern: format!("{start}:*:{rest}"), ..part.clone() }.except(named.collect())
}

/// Tells whether a pattern as people read it speaks of a resource: one over all services means each of them.
fn means(pattern: &str, resource: &str) -> bool {
    let segments = |text: &str| -> Vec<String> { text.splitn(6, ':').map(str::to_owned).collect() };
    let (mut said, of) = (segments(pattern), segments(resource));
    if let (Some(service), Some(own)) = (said.get_mut(2), of.get(2))
        && service == "*"
    {
        service.clone_from(own);
    }
    crate::engine::compiled::resource_matches(&said.join(":"), resource, None)
}

/// What has a policy of its own is said by itself: a pattern over other resources does not speak of it.
fn but_known(part: Part, names: &BTreeSet<String>, domain: &Domain) -> Part {
    if !domain.is_elsewhere() {
        return part;
    }
    let (s3, assume) = (names.iter().any(|n| n.starts_with("s3:")), names.iter().any(|n| is_assume(n)));
    let of = |name: &str, service: &str| name.get(..=service.len()).is_some_and(|head| head.eq_ignore_ascii_case(&format!("{service}:")));
    let kms = names.iter().any(|n| of(n, "kms") || of(n, domain.other));
    let matches = |resource: &str| part.patterns().all(|pattern| means(pattern, resource));
    let reached = |known: &&String| {
        let bucket = known.contains(":s3:::");
        let asked = if bucket {
            s3
        } else if known.contains(":kms:") {
            kms
        } else {
            assume
        };
        asked && (matches(known) || bucket && matches(&format!("{known}/x")))
    };
    // Only one that begins as the pattern does, or the other way round, can be reached by it.
    let start = super::elsewhere::head(&part.pattern);
    let longer = domain.known.range(start.to_owned()..).take_while(|known| known.starts_with(start));
    let shorter = super::elsewhere::beginnings(start, &domain.known).filter(|known| known.len() < start.len());
    let missing: BTreeSet<&String> = longer.chain(shorter).filter(reached).collect();
    let apart = if missing.len() > NAMED_MOST { Apart::Many(missing.len()) } else { Apart::Named(missing.into_iter().cloned().collect()) };
    Part { apart, ..part }
}
