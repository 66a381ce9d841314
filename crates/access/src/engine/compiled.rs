//! A document, prepared to be asked many times.

use crossrole_policy::{Document, Effect, Element, Statement, VERSION};

use crate::request::{Context, Request};

use super::arn::ArnGlob;
use super::condition::{Condition, Written};
use super::glob::{Glob, Token};
use super::principal::{Asker, Named, Principals};
use super::template::Template;

/// A policy document, prepared once; asking it allocates nothing unless it has policy variables.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(crate) place: String,
    pub(crate) statements: Vec<CompiledStatement>,
}

#[derive(Debug, Clone)]
pub(crate) struct CompiledStatement {
    pub(crate) sid: String,
    pub(crate) effect: Effect,
    pub(crate) principal: Option<Principals>,
    pub(crate) action: Actions,
    pub(crate) resource: Option<Resources>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) variables: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Actions {
    pub(crate) negated: bool,
    /// First letters that the names of its actions may have; most statements are told apart by that.
    letters: u32,
    globs: Vec<Glob>,
    pub(crate) written: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Resources {
    pub(crate) negated: bool,
    globs: Vec<ResourceGlob>,
    pub(crate) written: Vec<String>,
}

#[derive(Debug, Clone)]
enum ResourceGlob {
    /// The lone `*`.
    Any,
    Arn(ArnGlob),
    Template(Template),
}

/// What a set of documents says about a request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Verdict {
    pub(crate) allow: bool,
    pub(crate) deny: bool,
    /// Some allowing statement names the caller's account.
    pub(crate) by_account: bool,
    /// … the role or user behind the caller's session.
    pub(crate) by_behind: bool,
    /// … the caller itself, or everyone.
    pub(crate) directly: bool,
}

impl Compiled {
    /// Prepares a document. `place` is how reasons name it: `inline policy Read of role Reader`.
    pub fn new(document: &Document, place: impl Into<String>) -> Self {
        let variables = document.version.as_deref() == Some(VERSION);
        Self { place: place.into(), statements: document.statements.iter().map(|s| CompiledStatement::new(s, variables)).collect() }
    }

    /// Returns how reasons name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What it says as a policy without principals.
    pub(crate) fn identity(&self, request: &Request, action: &Action<'_>, verdict: &mut Verdict) {
        for statement in &self.statements {
            if statement.applies(request, action) {
                match statement.effect {
                    Effect::Allow => verdict.allow = true,
                    Effect::Deny => verdict.deny = true,
                }
            }
        }
    }

    /// What it says as a policy with principals.
    pub(crate) fn resource(&self, request: &Request, action: &Action<'_>, asker: &Asker<'_>, bounded: bool) -> Verdict {
        let mut verdict = Verdict::default();
        for statement in &self.statements {
            if !statement.action.match_lower(action) {
                continue;
            }
            let Some(named) = statement.names(asker, bounded) else { continue };
            if !statement.applies(request, action) {
                continue;
            }
            match statement.effect {
                Effect::Deny => verdict.deny = true,
                Effect::Allow => {
                    verdict.allow = true;
                    match named {
                        Named::Account => verdict.by_account = true,
                        Named::Behind => verdict.by_behind = true,
                        Named::Directly => verdict.directly = true,
                    }
                }
            }
        }
        verdict
    }
}

impl CompiledStatement {
    pub(crate) fn new(statement: &Statement, variables: bool) -> Self {
        let conditions = statement.conditions.iter().flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| Written { operator: operator.clone(), key: key.clone(), values: values.clone() })
        });
        Self {
            sid: statement.sid().to_owned(),
            effect: statement.effect,
            principal: statement.principal.as_ref().map(Principals::new),
            action: Actions::new(&statement.action),
            resource: statement.resource.as_ref().map(|r| Resources::new(r, variables)),
            conditions: conditions.map(|written| Condition::new(written, variables)).collect(),
            variables,
        }
    }

    /// Action, resource and conditions. `action`: the request's, in lower case.
    pub(crate) fn applies(&self, request: &Request, action: &Action<'_>) -> bool {
        self.action.match_lower(action)
            // A trust policy has no Resource: it is about its role.
            && self.resource.as_ref().is_none_or(|r| r.match_(&request.resource, &request.context, self.effect))
            && self.conditions.iter().all(|c| c.holds(&request.context))
    }

    /// How it names the caller. `bounded`: the caller has a permissions boundary, which a Deny with NotPrincipal hits
    /// whatever it lists (IAM User Guide, "Permissions boundaries").
    pub(crate) fn names(&self, asker: &Asker<'_>, bounded: bool) -> Option<Named> {
        let principal = self.principal.as_ref()?;
        if !principal.negated {
            return principal.names(asker);
        }
        let spared = match self.effect {
            Effect::Deny => principal.spares(asker) && !bounded,
            // One entry that names the caller, by whichever layer, is enough to leave it out.
            Effect::Allow => principal.names(asker).is_some(),
        };
        (!spared).then_some(Named::Directly)
    }
}

/// An action in lower case, and the first letter of its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Action<'r> {
    name: &'r str,
    letter: u32,
}

impl<'r> Action<'r> {
    pub(crate) fn new(lower: &'r str) -> Self {
        Self { name: lower, letter: letter(lower) }
    }

    /// Its name, in lower case.
    pub(crate) fn name(&self) -> &'r str {
        self.name
    }

    /// Tells whether it is of a service, which is given with its colon.
    pub(crate) fn is_of(&self, service: &str) -> bool {
        self.name.starts_with(service)
    }
}

/// One bit for the letter behind the colon; all bits where there is none.
fn letter(lower: &str) -> u32 {
    let bytes = lower.as_bytes();
    let colon = bytes.iter().position(|b| *b == b':');
    match colon.and_then(|at| bytes.get(at + 1)) {
        Some(byte @ b'a'..=b'z') => 1 << (byte - b'a'),
        _ => u32::MAX,
    }
}

impl Actions {
    fn new(element: &Element) -> Self {
        let globs: Vec<Glob> = element.values.iter().map(|v| Glob::parse(&v.to_ascii_lowercase())).collect();
        let of = |glob: &Glob| match glob {
            Glob::Exact(text) | Glob::Prefix(text) => letter(text),
            Glob::Any | Glob::Pattern(_) => u32::MAX,
        };
        let letters = if element.negated { u32::MAX } else { globs.iter().map(of).fold(0, std::ops::BitOr::bitor) };
        Self { negated: element.negated, letters, globs, written: element.values.clone() }
    }

    pub(crate) fn match_(&self, action: &str) -> bool {
        self.globs.iter().any(|g| g.matches_folded(action)) != self.negated
    }

    /// The same of an action in lower case.
    pub(crate) fn match_lower(&self, action: &Action<'_>) -> bool {
        self.letters & action.letter != 0 && self.globs.iter().any(|g| g.matches(action.name)) != self.negated
    }
}

impl Resources {
    fn new(element: &Element, variables: bool) -> Self {
        let globs = element.values.iter().map(|value| {
            if value == "*" {
                return ResourceGlob::Any;
            }
            let template = Template::parse(value, variables);
            if !template.is_fixed() {
                return ResourceGlob::Template(template);
            }
            ResourceGlob::Arn(template.fill(&Context::default()).map_or(ArnGlob::Never, |tokens| ArnGlob::of(&tokens, true)))
        });
        Self { negated: element.negated, globs: globs.collect(), written: element.values.clone() }
    }

    pub(crate) fn match_(&self, resource: &str, context: &Context, effect: Effect) -> bool {
        let mut unknown = false;
        for glob in &self.globs {
            let hit = match glob {
                ResourceGlob::Any => true,
                ResourceGlob::Arn(glob) => glob.matches(resource),
                ResourceGlob::Template(template) => match template.fill(context) {
                    Some(tokens) => ArnGlob::of(&tokens, true).matches(resource),
                    None => {
                        unknown = true;
                        false
                    }
                },
            };
            if hit {
                return !self.negated;
            }
        }
        // What a variable without a value would have left out is not known: no grant rests on that.
        self.negated && !(unknown && effect == Effect::Allow)
    }

    /// Returns its patterns with variables filled in; the lone `*` is a star. A pattern whose variable is missing has none.
    pub(crate) fn patterns(&self, context: &Context, variables: bool) -> Vec<Option<Vec<Token>>> {
        let fill = |v: &String| Template::parse(v, variables).fill(context).map(std::borrow::Cow::into_owned);
        self.written.iter().map(fill).collect()
    }

    /// Returns its patterns as people read them: with the values of variables that are not among `open`.
    pub(crate) fn shown(&self, context: &Context, variables: bool, open: &std::collections::BTreeSet<String>) -> Vec<String> {
        self.written.iter().map(|v| Template::parse(v, variables).shown(context, open)).collect()
    }

    /// Returns the condition keys that its patterns take text from.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.globs.iter().filter_map(|g| if let ResourceGlob::Template(t) = g { Some(t) } else { None }).flat_map(Template::keys)
    }
}

/// Tells whether an action pattern matches an action; case does not count.
pub fn action_matches(pattern: &str, action: &str) -> bool {
    Glob::parse(&pattern.to_ascii_lowercase()).matches_folded(action)
}

/// Tells whether a resource pattern matches an ARN; variables are filled from `context` when there is one.
pub fn resource_matches(pattern: &str, resource: &str, context: Option<&Context>) -> bool {
    let element = Element::of([pattern]);
    Resources::new(&element, context.is_some()).match_(resource, context.unwrap_or(&Context::default()), Effect::Deny)
}
