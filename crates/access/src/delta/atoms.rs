//! The classes of actions and resources that statements tell apart, and their names for people.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue;
use crate::engine::arn::ArnGlob;
use crate::engine::compiled::CompiledStatement;
use crate::engine::glob::{Token, token};
use crate::principal::Caller;
use crate::request::Context;

use super::pair::{Domain, Text};
use super::words;

/// Stands for every service that nothing names.
const OTHER_SERVICE: &str = "ec2";

/// A pattern with exceptions is said in place of this many names.
const WORTH_AN_EXCEPTION: usize = 5;

/// Tells whether a request of this domain can ask `action` of `resource`.
pub(crate) fn is_asked(action: &str, resource: &str, domain: &Domain) -> bool {
    let own = domain.is_elsewhere() && domain.actions.is_empty() && is_assume(action);
    !is_nameless(resource) && !own && catalogue::is_asked_of(action, resource) && !is_elsewhere(resource, domain)
}

/// No bucket has an empty name.
fn is_nameless(resource: &str) -> bool {
    resource.split_once(":s3:::").is_some_and(|(_, name)| name.is_empty() || name.starts_with('/'))
}

fn is_elsewhere(resource: &str, domain: &Domain) -> bool {
    let bucket = resource.split_once('/').map_or(resource, |(bucket, _)| if bucket.contains(":s3:::") { bucket } else { resource });
    domain.elsewhere.contains(bucket)
}

/// The actions that a role's trust policy decides.
pub(crate) const ASSUME: [&str; 5] = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity", "sts:TagSession"];

/// Those that a caller can ask for: tokens of providers have operations of their own
/// (STS API reference, AssumeRole, AssumeRoleWithSAML, AssumeRoleWithWebIdentity).
pub(crate) fn assume_by(caller: &Caller) -> Vec<String> {
    let own = match caller.as_str() {
        text if text.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
        text if text.contains(":oidc-provider/") => "sts:AssumeRoleWithWebIdentity",
        _ => "sts:AssumeRole",
    };
    [own, "sts:SetSourceIdentity", "sts:TagSession"].map(str::to_owned).to_vec()
}

fn is_assume(action: &str) -> bool {
    ASSUME.iter().any(|a| a.eq_ignore_ascii_case(action))
}

/// Actions in classes: names, and by statement whether its action element matches.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) classes: Vec<(Vec<String>, Vec<bool>)>,
    patterns: Vec<String>,
}

impl Actions {
    /// `None`: too many to tell apart.
    pub(crate) fn of(statements: &[&CompiledStatement], domain: &Domain) -> Option<Self> {
        let mut patterns: Vec<String> = statements.iter().flat_map(|s| s.action.written.iter().cloned()).collect();
        patterns.sort();
        patterns.dedup();
        let mut classes: BTreeMap<Vec<bool>, Vec<String>> = BTreeMap::new();
        let vector = |name: &str| -> Vec<bool> { statements.iter().map(|s| s.action.match_(name)).collect() };
        let symbols: Vec<_> = patterns.iter().map(|p| words::plain(&p.to_ascii_lowercase().chars().map(token).collect::<Vec<_>>())).collect();
        for service in services(&patterns, domain).into_iter().filter(|_| domain.actions.is_empty()) {
            let mut names: Vec<String> = catalogue::actions(&service).map(|a| a.name.to_owned()).collect();
            if names.is_empty() {
                // A service whose actions nobody has listed: one name stands for all that the patterns do not tell apart.
                let classes = words::classes(&symbols, &format!("{service}:"))?.into_iter();
                names.extend(classes.map(|c| c.witness).filter(|w| !w.ends_with(':')));
            } else {
                // An action that is younger than the catalogue, or a name that is none.
                let young = patterns.iter().filter(|p| !p.contains(['*', '?']) && p.to_ascii_lowercase().starts_with(&format!("{service}:")));
                names.extend(young.filter(|p| catalogue::action(p).is_none()).cloned());
            }
            for name in names {
                classes.entry(vector(&name)).or_default().push(name);
            }
        }
        for action in &domain.actions {
            classes.entry(vector(action)).or_default().push(action.clone());
        }
        let applied = classes.into_iter().filter(|(vector, _)| vector.iter().any(|v| *v));
        Some(Self { classes: applied.map(|(vector, names)| (names, vector)).collect(), patterns })
    }

    /// Quick and never wrongly false: some action can be asked of some of these resources.
    fn ask(&self, text: &Text) -> bool {
        let some: Vec<String> = match text {
            Text::Exact(text) => vec![text.clone()],
            Text::Walk(start) => vec![format!("{start}x"), format!("{start}x/x")],
        };
        self.classes.iter().flat_map(|(names, _)| names).any(|name| some.iter().any(|resource| catalogue::is_asked_of(name, resource)))
    }

    /// Names a set of actions: by patterns that stand for just them, and one by one.
    pub(crate) fn describe(&self, names: &BTreeSet<String>, at: &BTreeSet<usize>, resources: &Resources, domain: &Domain) -> Vec<String> {
        let witnesses: Vec<&str> = at.iter().filter_map(|i| resources.classes.get(*i)).map(|c| c.witness.as_str()).collect();
        let all = catalogue::SERVICES.iter().flat_map(|s| catalogue::actions(s)).map(|a| a.name);
        let possible: BTreeSet<&str> = self
            .classes
            .iter()
            .flat_map(|(names, _)| names)
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
        let mut patterns: Vec<String> = self.patterns.iter().filter(|p| p.contains(['*', '?'])).cloned().collect();
        patterns.extend(catalogue::SERVICES.map(|service| format!("{service}:*")));
        patterns.extend(["*", "sts:AssumeRole*"].map(str::to_owned));
        // On no resource, a pattern would read as if it were on all.
        let nowhere = domain.is_elsewhere() && witnesses == ["*"] && names.len() <= LISTED_MOST;
        patterns.retain(|p| inside(p) && !nowhere);
        let sets: Vec<(BTreeSet<&str>, String)> = patterns.into_iter().map(|p| (matched(&p), p)).filter(|(set, _)| !set.is_empty()).collect();
        let mut covers: Vec<(BTreeSet<&str>, String)> = Vec::new();
        for (set, pattern) in &sets {
            let foreign: BTreeSet<&str> = set.iter().copied().filter(|n| !names.contains(*n)).collect();
            let ours: BTreeSet<&str> = set.difference(&foreign).copied().collect();
            if foreign.is_empty() {
                covers.push((ours, pattern.clone()));
            } else if ours.len() >= WORTH_AN_EXCEPTION {
                let inner = sets.iter().filter(|(other, _)| other.is_subset(&foreign)).cloned().collect();
                let except = cover(foreign, inner, str::to_owned);
                if except.len() <= NAMED_MOST {
                    covers.push((ours, format!("{pattern} (except {})", except.join(", "))));
                }
            }
        }
        cover(names.iter().map(String::as_str).collect(), covers, str::to_owned)
    }
}

/// Takes the largest patterns first; what none covers is named by itself.
fn cover<T: Ord + Copy>(mut left: BTreeSet<T>, covers: Vec<(BTreeSet<T>, String)>, name: impl Fn(T) -> String) -> Vec<String> {
    let mut said: BTreeSet<String> = cover_sets(&mut left, covers).into_iter().map(|(_, text)| text).collect();
    said.extend(left.into_iter().map(name));
    said.into_iter().collect()
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

fn services(patterns: &[String], domain: &Domain) -> BTreeSet<String> {
    if let Some(service) = domain.service {
        return BTreeSet::from([service.to_owned()]);
    }
    let named = patterns.iter().filter_map(|p| p.split_once(':')).map(|(service, _)| service.to_ascii_lowercase()).filter(|s| !s.contains(['*', '?']));
    let mut services: BTreeSet<String> = named.collect();
    services.extend(catalogue::SERVICES.map(str::to_owned));
    services.insert(OTHER_SERVICE.to_owned());
    services
}

/// Resources of one class.
#[derive(Debug)]
pub(crate) struct ResourceClass {
    /// One of them.
    pub(crate) witness: String,
    /// By statement: its resource element matches.
    pub(crate) applies: Vec<bool>,
    /// By pattern.
    matched: Vec<bool>,
}

/// Resources in classes.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) classes: Vec<ResourceClass>,
    patterns: Vec<String>,
}

impl Resources {
    /// `None`: too many to tell apart.
    pub(crate) fn of(statements: &[&CompiledStatement], domain: &Domain, context: &Context, actions: &Actions) -> Option<Self> {
        let texts: Vec<&Text> = domain.texts.iter().filter(|text| actions.ask(text)).collect();
        let mut all: BTreeSet<Vec<Token>> = BTreeSet::new();
        let mut add = |text: &str| all.insert(text.chars().map(token).collect());
        let walks = texts.iter().filter_map(|t| if let Text::Walk(start) = t { Some(start.as_str()) } else { None });
        for start in walks.clone() {
            add(&format!("{start}*"));
            if domain.is_elsewhere() {
                let fifth = start.match_indices(':').nth(4).map_or(start.len(), |(at, _)| at + 1);
                add(&format!("{}*", start.get(..fifth).unwrap_or(start)));
            }
            // Buckets and what is in them are asked other questions.
            if start.ends_with(":s3:::") {
                for form in ["", "/*", "*/*"] {
                    add(&format!("{start}{form}"));
                }
            }
        }
        for text in &domain.elsewhere {
            if walks.clone().any(|start| text.starts_with(start)) {
                add(text);
                if text.contains(":s3:::") {
                    add(&format!("{text}/*"));
                }
            }
        }
        for statement in statements {
            for pattern in statement.resource.iter().flat_map(|r| r.patterns(context, statement.variables)).flatten() {
                all.insert(pattern);
            }
        }
        let tokens: Vec<Vec<Token>> = all.into_iter().collect();
        let patterns: Vec<String> = tokens.iter().map(|t| crate::engine::template::plain(t)).collect();
        let symbols: Vec<Vec<words::Symbol>> = patterns.iter().zip(&tokens).map(|(text, tokens)| symbols(text, tokens)).collect();
        let globs: Vec<Option<ArnGlob>> = patterns.iter().zip(&tokens).map(|(text, tokens)| (text != "*").then(|| ArnGlob::of(tokens, true))).collect();
        let mut found: BTreeMap<(Vec<bool>, Vec<bool>), String> = BTreeMap::new();
        let mut keep = |matched: Vec<bool>, witness: String| {
            let matches = |s: &&CompiledStatement| s.resource.as_ref().is_none_or(|r| r.match_(&witness, context, s.effect));
            let applies = statements.iter().map(matches).collect();
            found.entry((matched, applies)).or_insert(witness);
        };
        for text in texts {
            match text {
                Text::Exact(text) => keep(globs.iter().map(|g| g.as_ref().is_none_or(|g| g.matches(text))).collect(), text.clone()),
                Text::Walk(start) => {
                    for class in words::classes(&symbols, start)? {
                        keep(class.matched, class.witness);
                    }
                }
            }
        }
        let classes = found.into_iter().map(|((matched, applies), witness)| ResourceClass { witness, applies, matched });
        Some(Self { classes: classes.collect(), patterns })
    }

    /// Names a set of classes: by patterns that match just them, by patterns with exceptions, or by an example.
    pub(crate) fn describe(&self, at: &BTreeSet<usize>, names: &BTreeSet<String>, domain: &Domain) -> Vec<String> {
        let asked = |class: &ResourceClass| names.iter().any(|n| is_asked(n, &class.witness, domain));
        let possible: BTreeSet<usize> = self.classes.iter().enumerate().filter(|(_, c)| asked(c)).map(|(i, _)| i).collect();
        if domain.is_elsewhere() && at.iter().all(|i| self.classes.get(*i).is_some_and(|c| c.witness == "*")) {
            return vec![if names.len() <= LISTED_MOST { "*".to_owned() } else { NO_RESOURCE.to_owned() }];
        }
        let of_some_walk = |c: &ResourceClass| c.witness != "*" && !is_nameless(&c.witness) && !is_elsewhere(&c.witness, domain);
        if domain.is_elsewhere() && self.classes.iter().enumerate().all(|(i, c)| !of_some_walk(c) || at.contains(&i)) {
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
            let (set, text) = self.name(class, at, &all);
            left.retain(|i| *i != class && !set.contains(i));
            texts.push(text);
        }
        let mut shown: Vec<String> = texts.into_iter().map(|text| short(&but_known(text, names, domain))).collect();
        shown.dedup();
        shown
    }

    /// Names a class, and as much of `at` as its name holds: the narrowest pattern around it, narrowed by others until
    /// nothing is left in it that does not belong.
    fn name(&self, class: usize, at: &BTreeSet<usize>, all: &[(BTreeSet<usize>, String)]) -> (BTreeSet<usize>, String) {
        let around: Vec<&(BTreeSet<usize>, String)> = all.iter().filter(|(set, _)| set.contains(&class)).collect();
        let Some((set, text)) = around.iter().min_by_key(|(set, text)| (set.len(), text.len())) else {
            return (BTreeSet::from([class]), self.classes.get(class).map(|c| c.witness.clone()).unwrap_or_default());
        };
        let (mut set, mut text, mut except) = (set.clone(), text.clone(), Vec::new());
        while !set.is_subset(at) {
            let foreign = |set: &BTreeSet<usize>| set.difference(at).count();
            let less = all.iter().filter(|(other, _)| !other.contains(&class)).map(|(other, text)| (&set - other, text, false));
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
        (set, if except.is_empty() { text } else { format!("{text} (except {})", except.join(", ")) })
    }
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
    match (missing.is_empty(), text.strip_suffix(')')) {
        (true, _) => text,
        (false, Some(open)) => format!("{open}, {list})"),
        (false, None) => format!("{text} (except {list})"),
    }
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

fn symbols(text: &str, tokens: &[Token]) -> Vec<words::Symbol> {
    if text == "*" {
        return vec![words::Symbol::Star { colon: true }];
    }
    // What is no ARN matches nothing: a pattern of one letter that no ARN is.
    words::arn(tokens, true).unwrap_or_else(|| vec![words::Symbol::Char('\0')])
}
