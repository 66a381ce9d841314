//! What `explain` names as the smallest change makes a yes of a no, and less of it does not.

use std::collections::BTreeSet;

use crossrole_access::{Compiled, Policies, Request, evaluate, explain};
use crossrole_model::access::{Explanation, Fix, Party};
use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::generate::{Random, document, request};

const SETS: usize = 1_500;
const QUESTIONS: usize = 10;

/// By kind: identity, resource, boundary, session, service control at two levels, resource control.
type Documents = [Option<Document>; 7];

const NAMES: [&str; 7] = [
    "identity-based policy",
    "resource-based policy",
    "permissions boundary",
    "session policy",
    "service control policy",
    "service control policy",
    "resource control policy",
];

fn allowed(request: &Request, documents: &Documents) -> bool {
    with(documents, |policies| evaluate(request, policies).is_allowed())
}

fn with<T>(documents: &Documents, then: impl FnOnce(&Policies<'_>) -> T) -> T {
    let mut places = 0..;
    let compiled = documents.each_ref().map(|d| {
        let place = places.next().unwrap_or(0).to_string();
        d.as_ref().map(|d| Compiled::new(d, place))
    });
    let [identity, resource, boundary, session, root, unit, rcp] = compiled.each_ref().map(Option::as_ref);
    let levels: Vec<Vec<&Compiled>> = root.into_iter().chain(unit).map(|d| vec![d]).collect();
    then(&Policies {
        identity: identity.into_iter().collect(),
        resource,
        boundary: boundary.map(|d| vec![d]),
        session: session.map(|d| vec![d]),
        service_control: (!levels.is_empty()).then_some(levels),
        resource_control: rcp.map(|d| vec![vec![d]]).unwrap_or_default(),
        restrict_public: false,
    })
}

/// Takes away the named Deny statements, and adds an allow to the named kinds.
fn carried_out(documents: &Documents, denies: &BTreeSet<(usize, usize)>, needs: &BTreeSet<&str>, caller: &Principal) -> Documents {
    let mut next = documents.clone();
    for (at, slot) in next.iter_mut().enumerate() {
        if let Some(document) = slot {
            let mut number = 0;
            document.statements.retain(|_| {
                number += 1;
                !denies.contains(&(at, number))
            });
        }
        let there = slot.is_some() || at < 2;
        if needs.contains(NAMES[at]) && there {
            let principal = (at == 1).then(|| caller.clone());
            let all = Statement { principal, ..Statement::allow(Element::of(["*"]), Some(Element::of(["*"]))) };
            slot.get_or_insert_with(|| Document::new(Vec::new())).statements.push(all);
        }
    }
    next
}

fn show(documents: &Documents) -> String {
    NAMES.iter().zip(documents).filter_map(|(name, d)| Some(format!("{name}: {}\n", d.as_ref()?.to_json()))).collect()
}

fn denies(why: &Explanation) -> BTreeSet<(usize, usize)> {
    why.reasons.iter().filter(|r| r.applies(Effect::Deny)).map(|r| (r.statement.place.parse().unwrap(), r.statement.number)).collect()
}

/// A policy names sessions by their role.
fn named(caller: &str) -> Principal {
    match caller {
        "anonymous" => Principal::of("AWS", ["*"]),
        text if text.contains("oidc-provider") => Principal::of("Federated", [text]),
        text if !text.starts_with("arn:") => Principal::of("Service", [text]),
        text => Principal::of(
            "AWS",
            [text
                .trim_end_matches("/s")
                .replace(":sts:", ":iam:")
                .replace("assumed-role", "role")
                .replace(":iam::111111111111:federated-user", ":sts::111111111111:federated-user")],
        ),
    }
}

#[test]
fn the_smallest_change_is_enough_and_no_less_is() {
    let mut random = Random(0xA076_1D64_78BD_642F);
    let (mut denied, mut several, mut hopeless) = (0, 0, 0);
    for _ in 0..SETS {
        let mut some = |chance: usize, principal: bool| random.once_in(chance).then(|| document(&mut random, principal));
        let documents: Documents = [some(1, false), some(2, true), some(4, false), some(5, false), some(5, false), some(6, false), some(8, false)];
        for _ in 0..QUESTIONS {
            let question = request(&mut random);
            let why = with(&documents, |policies| explain(&question, policies, Party::Unsigned, Vec::new()));
            if why.is_allowed() {
                continue;
            }
            let (drop, caller) = (denies(&why), named(question.caller.as_str()));
            let needs: BTreeSet<&str> = why.needs.iter().map(|layer| layer.as_str()).collect();
            if why.fixes.contains(&Fix::None) {
                hopeless += 1;
                let all: BTreeSet<&str> = NAMES.into_iter().collect();
                assert!(!allowed(&question, &carried_out(&documents, &drop, &all, &caller)), "{question:?}\n{}", show(&documents));
                continue;
            }
            let done = carried_out(&documents, &drop, &needs, &caller);
            assert!(allowed(&question, &done), "not enough: {why:#?}\n{question:?}\n{}", show(&documents));
            for kept in &drop {
                let less = drop.iter().copied().filter(|d| d != kept).collect();
                assert!(
                    !allowed(&question, &carried_out(&documents, &less, &needs, &caller)),
                    "{kept:?} need not go: {why:#?}\n{question:?}\n{}",
                    show(&documents)
                );
            }
            for left in &needs {
                let less = needs.iter().copied().filter(|n| n != left).collect();
                assert!(
                    !allowed(&question, &carried_out(&documents, &drop, &less, &caller)),
                    "{left} is not needed: {why:#?}\n{question:?}\n{}",
                    show(&documents)
                );
            }
            denied += 1;
            several += usize::from(drop.len() + needs.len() > 1);
        }
    }
    assert!(denied > 5_000 && several > 1_000, "{denied} denied, {several} by several, {hopeless} hopeless");
}
