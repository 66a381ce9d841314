//! The compiled evaluator gives the answer of the literal one, whatever it is asked.

use std::collections::BTreeMap;

use crossrole_access::{Compiled, Policies, evaluate, explain};
use crossrole_model::access::Party;
use crossrole_policy::Document;

use crate::generate::{Random, document, request};
use crate::literal::evaluate as literal;

/// Sets of policies, and questions of each.
const SETS: u64 = 6_000;
const QUESTIONS: u64 = 20;

#[test]
fn the_compiled_evaluator_agrees_with_the_literal_one() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..SETS {
        let mut some = |chance: usize, principal: bool| random.once_in(chance).then(|| document(&mut random, principal));
        let documents: [Option<Document>; 7] = [some(1, false), some(3, false), some(2, true), some(4, false), some(5, false), some(6, false), some(8, false)];
        let empty_boundary = random.once_in(20);
        let compiled = documents.each_ref().map(|d| d.as_ref().map(|d| Compiled::new(d, "")));
        let [id, id2, resource, boundary, session, scp, rcp] = documents.each_ref().map(Option::as_ref);
        let plain = literal::Policies {
            identity: id.into_iter().chain(id2).collect(),
            resource,
            boundary: if empty_boundary { Some(vec![]) } else { boundary.map(|d| vec![d]) },
            session: session.map(|d| vec![d]),
            service_control: scp.map(|d| vec![vec![d]]),
            resource_control: rcp.map(|d| vec![vec![d]]).unwrap_or_default(),
        };
        let [id, id2, resource, boundary, session, scp, rcp] = compiled.each_ref().map(Option::as_ref);
        let policies = Policies {
            identity: id.into_iter().chain(id2).collect(),
            resource,
            boundary: if empty_boundary { Some(vec![]) } else { boundary.map(|d| vec![d]) },
            session: session.map(|d| vec![d]),
            service_control: scp.map(|d| vec![vec![d]]),
            resource_control: rcp.map(|d| vec![vec![d]]).unwrap_or_default(),
            restrict_public: false,
        };
        for _ in 0..QUESTIONS {
            let question = request(&mut random);
            let (wanted, got) = (literal::evaluate(&question, &plain), evaluate(&question, &policies));
            assert_eq!(got, wanted, "{question:#?}\n{documents:#?}");
            let why = explain(&question, &policies, Party::Unsigned, Vec::new());
            assert_eq!(why.decision, got.decision, "{question:#?}");
            assert!((got.is_allowed() || !why.fixes.is_empty()), "{question:#?}\n{why:#?}");
            *seen.entry(format!("{:?} {:?}", got.decision, got.layer)).or_default() += 1;
        }
    }
    // The cases must reach every way of deciding, or the comparison would say little.
    assert!(SETS * QUESTIONS >= 100_000 && seen.len() == 13 && seen.values().all(|n| *n >= 200), "{seen:#?}");
}
