//! One principal and one domain of resources: what differs between before and after.
//!
//! Actions, resources and condition values are split into the classes that the statements of both sides tell apart; one
//! request stands for each combination and is put to the evaluator. Combinations under which the same statements apply are
//! asked once. The answer is exact, or it is "not decided".

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crossrole_model::access::{About, Certainty, Direction, Limit, Part, Party, Why, Witness};

use crate::engine::compiled::CompiledStatement;
use crate::engine::decide::{is_of_key, is_role_trust};
use crate::principal::Caller;
use crate::request::{Context, ContextValue, Policies, Request};

use super::action_kind::ActionKind;
use super::atoms::{self, Actions, Resources};
use super::combine::{RESOURCE_ACCOUNT, set_owner};
use super::cover::{Boxes, Dimension, Value};
use super::crowd::{CALLER_ACCOUNT, Crowd};
use super::relevant::{Relevant, asks_for_tags, relevant, shape, variables_of};
use super::values::Asked;
use super::variables::fillings_of;

/// Who asks, and what is known of its requests.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) party: Party,
    /// What is said of it rests on this.
    pub(crate) certainty: Certainty,
    pub(crate) account: Option<String>,
    pub(crate) caller: Caller,
    /// Keys whose value is known; `None`: known to be missing.
    pub(crate) fixed: BTreeMap<String, Option<ContextValue>>,
    /// Who its requests can come from; what of that is not in `fixed` is told apart.
    pub(crate) crowd: Option<Crowd>,
    /// On each side, by key, the tags that it has, and no others; `None`: it may have any.
    pub(crate) tags: [Option<BTreeMap<String, String>>; 2],
}

/// How keys of the caller's tags begin.
pub(crate) const TAG: &str = "aws:principaltag/";

impl Subject {
    /// Tells whether a key has the same value in all its requests, or none.
    pub(crate) fn is_fixed(&self, key: &str) -> bool {
        self.fixed.contains_key(key) || key.starts_with(TAG) && matches!(&self.tags, [Some(a), Some(b)] if a == b)
    }

    /// One of each class of these callers, with those keys that are not the same in all requests; `None`: too many.
    /// `kms`: it is KMS that is asked.
    pub(super) fn profiles(&self, crowd: &Crowd, asked: &[Asked<'_>], context: &Context, kms: bool) -> Option<Vec<Value>> {
        let mut all = crowd.profiles(asked, context)?;
        for value in &mut all {
            value.keys.retain(|(key, _)| !self.fixed.contains_key(key) && (kms || key != CALLER_ACCOUNT));
        }
        Some(all)
    }

    /// Puts the caller's account in as KMS calls it, or takes it out: other services do not.
    pub(super) fn name_caller(&self, request: &mut Request) {
        if self.fixed.contains_key(CALLER_ACCOUNT) {
            return;
        }
        match request.context.get("aws:principalaccount").cloned().filter(|_| ActionKind::of(&request.action).is_kms()) {
            Some(account) => request.context.insert(CALLER_ACCOUNT, account),
            None => request.context.remove(CALLER_ACCOUNT),
        }
    }

    /// Fixes the keys that name the resource's account and, for KMS, the caller's: other services do not know that one.
    pub(super) fn name_accounts(&mut self, domain: &Domain) {
        if let Some(owner) = &domain.owner {
            for key in RESOURCE_ACCOUNT {
                self.fixed.insert(key.to_owned(), Some(ContextValue::One(owner.clone())));
            }
        }
        let account =
            if domain.is_of("kms") { self.fixed.get("aws:principalaccount").cloned() } else { (domain.is_of("s3") || domain.is_of("iam")).then_some(None) };
        if let Some(account) = account {
            self.fixed.insert(CALLER_ACCOUNT.to_owned(), account);
        }
    }

    /// Tells whether a request on one side can have these tags, of those that are told apart.
    pub(super) fn has(&self, side: usize, keys: &[String], context: &Context) -> bool {
        let Some(Some(tags)) = self.tags.get(side) else { return true };
        keys.iter().all(|key| match (tags.get(key), context.get(key)) {
            (None, None) => true,
            (Some(text), Some(ContextValue::One(value))) => text == value,
            _ => false,
        })
    }

    /// The same on some side.
    pub(crate) fn may_have(&self, keys: &[String], context: &Context) -> bool {
        (0..2).any(|side| self.has(side, keys, context))
    }
}

/// The resources that are looked at together: one bucket, one role, or what has no policy of its own.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) about: About,
    pub(crate) texts: Vec<Text>,
    /// Resources that other domains are about: whole ARNs, and buckets with everything in them.
    pub(crate) elsewhere: BTreeSet<String>,
    /// Every bucket and role that is looked at by itself.
    pub(crate) known: Rc<BTreeSet<String>>,
    /// Account of the resources; `None` is the caller's own.
    pub(crate) owner: Option<String>,
    /// Only these actions; empty: all.
    pub(crate) actions: Vec<String>,
    /// Only actions of this service.
    pub(crate) service: Option<&'static str>,
    /// A service that nothing names: it stands for all such.
    pub(crate) other: &'static str,
}

/// Some resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// This one.
    Exact(String),
    /// All that begin so.
    Walk(String),
}

impl Domain {
    /// Tells whether nobody is let in without a signature: roles are assumed, and keys used, by nobody else.
    pub(crate) fn is_signed(&self) -> bool {
        !self.is_of("s3")
    }

    /// Tells whether it is one resource of a service, with what is in it.
    pub(crate) fn is_of(&self, service: &str) -> bool {
        let of = |text: &Text| {
            let (Text::Exact(text) | Text::Walk(text)) = text;
            text.split(':').nth(2) == Some(service)
        };
        !self.is_elsewhere() && self.texts.iter().any(of)
    }

    /// Tells whether it is the roles that nobody has read, and what else is asked for as they are.
    pub(crate) fn is_of_roles(&self) -> bool {
        self.is_elsewhere() && !self.actions.is_empty()
    }

    /// Tells whether it is all that has no policy of its own.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.owner.is_none()
    }
}

impl Text {
    /// Tells whether a resource is among these.
    pub(crate) fn holds(&self, resource: &str) -> bool {
        match self {
            Self::Exact(text) => text == resource,
            Self::Walk(start) => resource.starts_with(start.as_str()),
        }
    }
}

/// What is gained or lost on some resources, under one condition.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    pub(crate) direction: Direction,
    pub(crate) actions: Vec<Part>,
    pub(crate) resources: Vec<Part>,
    pub(crate) when: Boxes,
    pub(crate) witness: Witness,
}

/// Compares; `Err` says why it could not be decided.
pub(crate) fn compare<'a>(subject: &Subject, domain: &Domain, sides: [Option<&'a Policies<'a>>; 2]) -> Result<Vec<Region>, Why> {
    let relevant = relevant(subject, sides);
    let tags = subject.tags[0] != subject.tags[1] && relevant.iter().any(|r| asks_for_tags(r.statement));
    let same_shape = shape(sides[0]) == shape(sides[1]) && !tags;
    if same_shape && relevant.iter().all(|r| r.before == r.after) {
        return Ok(Vec::new());
    }
    let mut questions = 0;
    let fillings = fillings_of(subject, domain, &relevant)?;
    let mut found = Vec::new();
    for filling in &fillings.all {
        let mut regions = Vec::new();
        let caller = filling.caller.as_ref().unwrap_or(&subject.caller);
        let decided = &fillings.decided;
        let mut pair =
            Pair { subject, caller, decided, domain, sides, relevant: &relevant, same_shape, context: &filling.context, known: BTreeMap::new(), questions };
        pair.run(&mut regions)?;
        questions = pair.questions;
        found.push(regions);
    }
    Ok(fillings.joined(found))
}

/// What decides the answer to a request, conditions aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Applying {
    /// Signatures of what applies before.
    pub(super) before: BTreeSet<usize>,
    /// The same, after.
    pub(super) after: BTreeSet<usize>,
    /// The resource's own policy must allow it.
    itself: bool,
    pub(super) kind: ActionKind,
    /// Whose the resource is.
    owner: Option<String>,
    /// The caller's tags that patterns of what applies take text from.
    pub(super) tags: BTreeSet<String>,
}

/// Of one set of applying statements: the combinations that are gained and lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) dimensions: Vec<Dimension>,
    /// Tags of the caller that were asked for, by key.
    pub(super) tags: Vec<String>,
    pub(super) gained: Vec<Vec<usize>>,
    pub(super) lost: Vec<Vec<usize>>,
    /// Values that nobody has together.
    pub(super) impossible: Vec<Vec<usize>>,
}

pub(super) struct Pair<'p, 'a> {
    pub(super) subject: &'p Subject,
    caller: &'p Caller,
    /// Keys that the context decides, be it that they are absent.
    pub(super) decided: &'p BTreeSet<String>,
    pub(super) domain: &'p Domain,
    pub(super) sides: [Option<&'a Policies<'a>>; 2],
    pub(super) relevant: &'p [Relevant<'a>],
    same_shape: bool,
    /// What is the same in all requests.
    context: &'p Context,
    known: BTreeMap<Applying, Outcome>,
    pub(super) questions: usize,
}

/// Actions by resource class, for one direction and one condition.
type Found = BTreeMap<(Direction, Boxes), (BTreeMap<usize, BTreeSet<String>>, Witness, Vec<String>)>;

impl Pair<'_, '_> {
    fn run(&mut self, regions: &mut Vec<Region>) -> Result<(), Why> {
        let statements: Vec<&CompiledStatement> = self.relevant.iter().map(|r| r.statement).collect();
        let actions = Actions::of(&statements, self.domain).ok_or(Why::TooMany(Limit::ActionPatterns))?;
        let resources = Resources::of(&statements, self.domain, self.context, &actions, self.decided).ok_or(Why::TooMany(Limit::ResourcePatterns))?;
        let mut found: Found = BTreeMap::new();
        for class in &actions.classes {
            for at in 0..resources.classes.len() {
                self.ask_of(class, (&resources, at), &mut found)?;
            }
        }
        for ((direction, when), (by_class, witness, tags)) in found {
            let mut by_names: BTreeMap<BTreeSet<String>, BTreeSet<usize>> = BTreeMap::new();
            for (at, names) in by_class {
                by_names.entry(names).or_default().insert(at);
            }
            let all = self.joined(by_names.into_iter().collect(), &resources);
            let single = all.len() == 1;
            for (names, at) in all {
                let witness = if single { witness.clone() } else { self.witness_in((&names, &at), &resources, &tags, direction, &witness) };
                let said = actions.describe(&names, &at, &resources, self.domain);
                regions.push(Region { direction, resources: resources.describe(&at, &names, &said, self.domain), actions: said, when: when.clone(), witness });
            }
        }
        Ok(())
    }

    /// Asks one class of actions of one class of resources, one action for each kind, where the same was not asked before.
    fn ask_of(&mut self, (names, acts): &(Vec<String>, Vec<bool>), (resources, at): (&Resources, usize), found: &mut Found) -> Result<(), Why> {
        let Some(class) = resources.classes.get(at) else { return Ok(()) };
        let mut asked: BTreeMap<ActionKind, Vec<&String>> = BTreeMap::new();
        for name in names.iter().filter(|n| atoms::is_asked(n, &class.witness, self.domain)) {
            asked.entry(ActionKind::of(name)).or_default().push(name);
        }
        // Nobody gains or loses what everybody may do.
        asked.remove(&ActionKind::Everybodys);
        let applies = |index: usize| acts.get(index) == Some(&true) && class.applies.get(index) == Some(&true);
        let side = |before: bool| -> BTreeSet<usize> {
            let on_side = self.relevant.iter().enumerate().filter(|(i, r)| if before { r.before } else { r.after } && applies(*i));
            on_side.map(|(_, r)| r.signature).collect()
        };
        let (before, after) = (side(true), side(false));
        if asked.is_empty() || self.same_shape && before == after {
            return Ok(());
        }
        let statements = self.relevant.iter().enumerate().filter(|(i, _)| !self.decided.is_empty() && applies(*i)).map(|(_, r)| r.statement);
        let tags: BTreeSet<String> = statements.flat_map(variables_of).filter(|key| self.decides_tag(key)).map(str::to_owned).collect();
        let owner = self.owner(&class.witness);
        for (kind, asked) in asked {
            let Some(first) = asked.first() else { continue };
            let mut request = self.request(first, &class.witness);
            set_owner(&mut request, owner.as_deref());
            let itself = is_role_trust(&request) || is_of_key(&request);
            let key = Applying { before: before.clone(), after: after.clone(), itself, kind, owner: owner.clone(), tags: tags.clone() };
            if !self.known.contains_key(&key) {
                let outcome = self.ask(&mut request, &key)?;
                self.known.insert(key.clone(), outcome);
            }
            let Some(outcome) = self.known.get(&key) else { continue };
            for (direction, combinations) in [(Direction::Widened, &outcome.gained), (Direction::Narrowed, &outcome.lost)] {
                let Some(combination) = combinations.first() else { continue };
                let when = Boxes::of(&outcome.dimensions, combinations, &outcome.impossible);
                let witness = self.witness(&mut request, (&outcome.dimensions, combination), &outcome.tags, direction)?;
                let entry = found.entry((direction, when)).or_insert_with(|| (BTreeMap::new(), witness, outcome.tags.clone()));
                entry.0.entry(at).or_default().extend(asked.iter().map(|n| (*n).clone()));
            }
        }
        Ok(())
    }

    /// Joins actions on resources with others on others where every action that can be asked of a resource was found there:
    /// those on buckets with those on objects, where both are gained everywhere.
    fn joined(&self, parts: Vec<(BTreeSet<String>, BTreeSet<usize>)>, resources: &Resources) -> Vec<(BTreeSet<String>, BTreeSet<usize>)> {
        let asked = |name: &String, at: usize| resources.classes.get(at).is_some_and(|c| atoms::is_asked(name, &c.witness, self.domain));
        let fits = |names: &BTreeSet<String>, on: &BTreeSet<String>, at: &BTreeSet<usize>| names.difference(on).all(|n| !at.iter().any(|i| asked(n, *i)));
        let mut joined: Vec<(BTreeSet<String>, BTreeSet<usize>)> = Vec::new();
        for (names, at) in parts {
            // What holds of all that was joined holds of each part of it: the sets only grow where nothing else is asked.
            match joined.iter_mut().find(|(others, on)| fits(&names, others, on) && fits(others, &names, &at)) {
                Some((others, on)) => {
                    others.extend(names);
                    on.extend(at);
                }
                None => joined.push((names, at)),
            }
        }
        joined
    }

    pub(super) fn request(&self, action: &str, resource: &str) -> Request {
        Request {
            caller: self.caller.clone(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: self.domain.owner.clone(),
            context: self.context.clone(),
        }
    }

    /// The account of a resource where only its ARN tells it.
    pub(super) fn owner(&self, resource: &str) -> Option<String> {
        if !self.domain.is_elsewhere() {
            return None;
        }
        let account = if resource == "*" { self.subject.account.clone() } else { crossrole_policy::Arn::parse(resource).map(|a| a.account.to_owned()) };
        account.filter(|a| !a.is_empty())
    }
}
