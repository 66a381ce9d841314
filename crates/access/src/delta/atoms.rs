//! The classes of actions and resources that statements tell apart, and their names for people.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue;
use crate::engine::arn::ArnGlob;
use crate::engine::compiled::CompiledStatement;
use crate::engine::glob::{Token, token};
use crate::principal::Caller;
use crate::request::Context;

use super::classes;
use super::pair::{Domain, Text};
use super::told_apart;

/// Tells whether a request of this domain can ask `action` of `resource`.
pub(crate) fn is_asked(action: &str, resource: &str, domain: &Domain) -> bool {
    !is_nameless(resource) && !is_of_other(action, domain) && catalogue::is_asked_of(action, resource) && !is_elsewhere(resource, domain)
}

/// Tells whether an action has a domain of its own.
fn is_of_other(action: &str, domain: &Domain) -> bool {
    domain.is_elsewhere() && domain.actions.is_empty() && is_assume(action)
}

/// No bucket has an empty name.
pub(crate) fn is_nameless(resource: &str) -> bool {
    resource.split_once(":s3:::").is_some_and(|(_, name)| name.is_empty() || name.starts_with('/'))
}

pub(crate) fn is_elsewhere(resource: &str, domain: &Domain) -> bool {
    let bucket = resource.split_once('/').map_or(resource, |(bucket, _)| if bucket.contains(":s3:::") { bucket } else { resource });
    domain.elsewhere.contains(bucket)
}

/// The actions that a role's trust policy decides.
pub(crate) const ASSUME: [&str; 6] =
    ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"];

/// Those that a caller can ask for: tokens of providers have operations of their own
/// (STS API reference, AssumeRole, AssumeRoleWithSAML, AssumeRoleWithWebIdentity), and none brings a context
/// (`ProvidedContexts` is AssumeRole's alone).
pub(crate) fn assume_by(caller: &Caller) -> Vec<String> {
    let own = caller.assumes_by();
    let context = (own == "sts:AssumeRole").then_some("sts:SetContext");
    [own].into_iter().chain(context).chain(["sts:SetSourceIdentity", "sts:TagSession"]).map(str::to_owned).collect()
}

pub(crate) fn is_assume(action: &str) -> bool {
    ASSUME.iter().any(|a| a.eq_ignore_ascii_case(action))
}

/// Actions in classes: names, and by statement whether its action element matches.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) classes: Vec<(Vec<String>, Vec<bool>)>,
    /// Names that no statement matches: what a pattern would say too much with.
    pub(crate) unmatched: Vec<String>,
    /// Names that stand for all names of their class: nobody has listed these.
    pub(crate) stand_ins: BTreeSet<String>,
    pub(crate) patterns: Vec<String>,
}

impl Actions {
    /// `None`: too many to tell apart.
    pub(crate) fn of(statements: &[&CompiledStatement], domain: &Domain) -> Option<Self> {
        let mut patterns: Vec<String> = statements.iter().flat_map(|s| s.action.written.iter().cloned()).collect();
        patterns.sort();
        patterns.dedup();
        let mut classes: BTreeMap<Vec<bool>, Vec<String>> = BTreeMap::new();
        let mut stand_ins = BTreeSet::new();
        let vector = |name: &str| -> Vec<bool> { statements.iter().map(|s| s.action.match_(name)).collect() };
        let symbols: Vec<_> = patterns.iter().map(|p| classes::plain(&p.to_ascii_lowercase().chars().map(token).collect::<Vec<_>>())).collect();
        for service in services(&patterns, domain).into_iter().filter(|_| domain.actions.is_empty()) {
            let mut names: Vec<String> = catalogue::actions(&service).map(|a| a.name.to_owned()).collect();
            if names.is_empty() {
                // A service whose actions nobody has listed: one name stands for all that the patterns do not tell apart.
                // The last pattern asks for a name that is not empty.
                let named = classes::plain(&format!("{service}:?*").chars().map(token).collect::<Vec<_>>());
                let classes = classes::classes(&[&symbols[..], &[named]].concat(), &format!("{service}:"))?.into_iter();
                names.extend(classes.filter(|c| c.matched.last() == Some(&true)).map(|c| c.witness));
            }
            // As they are written, and those that are younger than the catalogue, or are none.
            let written = patterns.iter().filter(|p| !p.contains(['*', '?']) && p.to_ascii_lowercase().starts_with(&format!("{service}:")));
            let written: Vec<String> = written.filter(|p| catalogue::action(p).is_none()).cloned().collect();
            names.retain(|name| !written.iter().any(|w| w.eq_ignore_ascii_case(name)));
            if catalogue::actions(&service).next().is_none() {
                stand_ins.extend(names.iter().cloned());
            }
            names.extend(written);
            for name in names {
                classes.entry(vector(&name)).or_default().push(name);
            }
        }
        for action in &domain.actions {
            classes.entry(vector(action)).or_default().push(action.clone());
        }
        let none = classes.keys().find(|vector| vector.iter().all(|v| !*v)).cloned();
        let unmatched = none.and_then(|vector| classes.remove(&vector)).unwrap_or_default();
        Some(Self { classes: classes.into_iter().map(|(vector, names)| (names, vector)).collect(), unmatched, stand_ins, patterns })
    }

    /// Quick and never wrongly false: some action can be asked of some of these resources.
    fn ask(&self, text: &Text, domain: &Domain) -> bool {
        let some: Vec<String> = match text {
            Text::Exact(text) => vec![text.clone()],
            // The colons make an ARN of a start that is not one yet.
            Text::Walk(start) => vec![format!("{start}x"), format!("{start}x/x"), format!("{start}x:x:x")],
        };
        let mut names = self.classes.iter().flat_map(|(names, _)| names).filter(|name| !is_of_other(name, domain));
        names.any(|name| some.iter().any(|resource| catalogue::is_asked_of(name, resource)))
    }
}

fn services(patterns: &[String], domain: &Domain) -> BTreeSet<String> {
    if let Some(service) = domain.service {
        return BTreeSet::from([service.to_owned()]);
    }
    // Of services that only a pattern names, one that it matches.
    let named = patterns.iter().filter_map(|p| p.split_once(':')).map(|(service, _)| service.to_ascii_lowercase().replace('*', "").replace('?', "x"));
    let mut services: BTreeSet<String> = named.filter(|service| !service.is_empty()).collect();
    services.extend(catalogue::SERVICES.map(str::to_owned));
    services.insert(domain.other.to_owned());
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
    pub(crate) matched: Vec<bool>,
}

/// Resources in classes.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) classes: Vec<ResourceClass>,
    pub(crate) patterns: Vec<String>,
}

impl Resources {
    /// `None`: too many to tell apart.
    pub(crate) fn of(statements: &[&CompiledStatement], domain: &Domain, context: &Context, actions: &Actions, open: &BTreeSet<String>) -> Option<Self> {
        let texts: Vec<&Text> = domain.texts.iter().filter(|text| actions.ask(text, domain)).collect();
        let all = told_apart::patterns(&texts, statements, domain, context, open);
        let (tokens, patterns): (Vec<Vec<Token>>, Vec<String>) = all.into_iter().unzip();
        let symbols: Vec<Vec<classes::Symbol>> = patterns.iter().zip(&tokens).map(|(text, tokens)| symbols(text, tokens)).collect();
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
                    for class in classes::classes(&symbols, start)? {
                        keep(class.matched, class.witness);
                    }
                }
            }
        }
        let classes = found.into_iter().map(|((matched, applies), witness)| ResourceClass { witness, applies, matched });
        Some(Self { classes: classes.collect(), patterns })
    }
}

fn symbols(text: &str, tokens: &[Token]) -> Vec<classes::Symbol> {
    if text == "*" {
        return vec![classes::Symbol::Star { colon: true }];
    }
    // What is no ARN matches nothing: a pattern of one letter that no ARN is.
    classes::arn(tokens, true).unwrap_or_else(|| vec![classes::Symbol::Char('\0')])
}
