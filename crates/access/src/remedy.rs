//! The smallest change that turns a no into a yes, found by trying.

use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::engine::compiled::Compiled;
use crate::engine::decide::{Layer, evaluate, must_itself_allow};
use crate::principal::{Caller, is_provider};
use crate::request::{Policies, Request};

/// What has to change.
#[derive(Debug, Default)]
pub(crate) struct Remedy {
    /// The fewest kinds of policies that have to allow it and do not.
    pub(crate) layers: Vec<Layer>,
    /// Of the Deny statements that apply, those that stand in the way.
    pub(crate) denies: Vec<Place>,
}

/// A document, counted as [`documents`] lists them, and a statement in it, counted from one.
pub(crate) type Place = (usize, usize);

/// All documents with their kinds.
pub(crate) fn documents<'p>(policies: &'p Policies<'p>) -> Vec<(Layer, &'p Compiled)> {
    let mut all: Vec<(Layer, &Compiled)> = policies.identity.iter().map(|d| (Layer::Identity, *d)).collect();
    all.extend(policies.resource.iter().map(|d| (Layer::Resource, *d)));
    all.extend(policies.boundary.iter().flatten().map(|d| (Layer::Boundary, *d)));
    all.extend(policies.session.iter().flatten().map(|d| (Layer::Session, *d)));
    all.extend(policies.service_control.iter().flatten().flatten().map(|d| (Layer::ServiceControl, *d)));
    all.extend(policies.resource_control.iter().flatten().map(|d| (Layer::ResourceControl, *d)));
    all
}

/// Finds what has to change, `denies` being the Deny statements that apply; `None`: nothing can make it a yes.
pub(crate) fn smallest(request: &Request, policies: &Policies<'_>, denies: &[Place]) -> Option<Remedy> {
    let mut kinds = [Layer::Identity, Layer::Resource, Layer::Boundary, Layer::Session, Layer::ServiceControl];
    let undenied = Owned::of(policies, &|effect, _| effect == Effect::Allow);
    let allows = |owned: &Owned, layers: &[Layer]| evaluate(request, &owned.with(layers, &request.caller).policies()).is_allowed();
    // Who may assume a role, or use a key, is said there first, unless it is left to the policies of its account.
    if must_itself_allow(request, policies) && !allows(&undenied, &[Layer::Identity]) {
        kinds.swap(0, 1);
    }
    let mut sets: Vec<u32> = (0..1 << kinds.len()).collect();
    // Of sets of one size, the one with the kinds that stand first.
    sets.sort_by_key(|set| (set.count_ones(), set.reverse_bits().wrapping_neg()));
    let mut sets = sets.into_iter().map(|set| kinds.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0).map(|(_, kind)| *kind).collect::<Vec<_>>());
    let layers = sets.find(|layers| allows(&undenied, layers))?;
    let denies =
        denies.iter().copied().filter(|deny| !allows(&Owned::of(policies, &|effect, place| effect == Effect::Allow || place == *deny), &layers)).collect();
    Some(Remedy { layers, denies })
}

/// Tells whether a request is allowed without some statements.
pub(crate) fn holds_without(request: &Request, policies: &Policies<'_>, without: &[Place]) -> bool {
    evaluate(request, &Owned::of(policies, &|_, place| !without.contains(&place)).policies()).is_allowed()
}

/// Policies that can be changed.
#[derive(Clone)]
struct Owned {
    identity: Vec<Compiled>,
    resource: Vec<Compiled>,
    boundary: Option<Vec<Compiled>>,
    session: Option<Vec<Compiled>>,
    service_control: Option<Vec<Vec<Compiled>>>,
    resource_control: Vec<Vec<Compiled>>,
}

impl Owned {
    /// The same with no statements but those to keep.
    fn of(policies: &Policies<'_>, keep: &dyn Fn(Effect, Place) -> bool) -> Self {
        let mut count = 0;
        // In the order of `documents`.
        let mut one = |document: &&Compiled| {
            let (at, mut number) = (count, 0);
            count += 1;
            let mut document = (*document).clone();
            document.statements.retain(|s| {
                number += 1;
                keep(s.effect, (at, number))
            });
            document
        };
        Self {
            identity: policies.identity.iter().map(&mut one).collect(),
            resource: policies.resource.iter().map(&mut one).collect(),
            boundary: policies.boundary.as_ref().map(|list| list.iter().map(&mut one).collect()),
            session: policies.session.as_ref().map(|list| list.iter().map(&mut one).collect()),
            service_control: policies.service_control.as_ref().map(|levels| levels.iter().map(|l| l.iter().map(&mut one).collect()).collect()),
            resource_control: policies.resource_control.iter().map(|l| l.iter().map(&mut one).collect()).collect(),
        }
    }

    fn with(&self, layers: &[Layer], caller: &Caller) -> Self {
        let everything = Statement::allow(Element::of(["*"]), Some(Element::of(["*"])));
        let allow = Compiled::new(&Document::new(vec![everything.clone()]), "");
        let mut next = self.clone();
        for layer in layers {
            match layer {
                Layer::Identity => next.identity.push(allow.clone()),
                Layer::Boundary => next.boundary.iter_mut().for_each(|list| list.push(allow.clone())),
                Layer::Session => next.session.iter_mut().for_each(|list| list.push(allow.clone())),
                Layer::ServiceControl => next.service_control.iter_mut().flatten().for_each(|list| list.push(allow.clone())),
                // It has one document.
                Layer::Resource => {
                    let grant = Statement { principal: Some(named(caller)), ..everything.clone() };
                    let grant = Compiled::new(&Document::new(vec![grant]), "");
                    match next.resource.first_mut() {
                        Some(document) => document.statements.extend(grant.statements),
                        None => next.resource.push(grant),
                    }
                }
                Layer::ResourceControl | Layer::PublicAccessBlock => {}
            }
        }
        next
    }

    fn policies(&self) -> Policies<'_> {
        fn list(documents: &[Compiled]) -> Vec<&Compiled> {
            documents.iter().collect()
        }
        Policies {
            identity: list(&self.identity),
            boundary: self.boundary.as_deref().map(list),
            session: self.session.as_deref().map(list),
            resource: self.resource.first(),
            service_control: self.service_control.as_ref().map(|levels| levels.iter().map(|l| list(l)).collect()),
            resource_control: self.resource_control.iter().map(|l| list(l)).collect(),
            restrict_public: false,
        }
    }
}

/// How a policy would name the caller: sessions by their role.
fn named(caller: &Caller) -> Principal {
    match caller {
        Caller::Anonymous => Principal::of("AWS", ["*"]),
        Caller::Service(name) => Principal::of("Service", [name]),
        Caller::Arn(text) if is_provider(text) => Principal::of("Federated", [text]),
        // Who may not be asked for by name asks by the user behind it.
        Caller::Federated { user, .. } => Principal::of("AWS", [user]),
        Caller::Arn(text) => {
            let session = text.split_once(":sts::").zip(text.split_once(":assumed-role/"));
            let role = session.and_then(|((head, rest), (_, name))| {
                let account = rest.split(':').next()?;
                Some(format!("{head}:iam::{account}:role/{}", name.split('/').next()?))
            });
            Principal::of("AWS", [role.as_ref().unwrap_or(text)])
        }
    }
}
