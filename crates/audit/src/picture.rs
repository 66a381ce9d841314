//! The access picture of an audit: ways in, chains, and what their ends reach.

use std::collections::BTreeSet;

use crossrole_access::picture_with;
use crossrole_model::access::Part;
use crossrole_model::audit::{Audit, NotKnown, Object};
use crossrole_model::graph::{Basis, Doing, Edge, Graph, Status, Thing, Way};
use crossrole_policy::Arn;

/// Draws what an audit found, and what could not be read.
pub fn picture(audit: &Audit) -> Graph {
    let lines = audit.ways.iter().map(|way| &way.access).chain(audit.reach.values().flatten());
    let mut graph = picture_with(lines, &audit.buckets, Basis::Live);
    graph.manifests.clone_from(&audit.manifests);
    graph.accounts.clone_from(&audit.accounts);
    let mut known: BTreeSet<(Thing, Thing)> = graph.edges.iter().map(|edge| (edge.from.clone(), edge.to.clone())).collect();
    for hop in audit.chains.iter().flat_map(|chain| &chain.hops) {
        let (from, to) = (Thing::of(&hop.party), Thing::Role(hop.resource.clone()));
        if !known.insert((from.clone(), to.clone())) {
            continue;
        }
        let way = Way {
            actions: vec![Part::of(hop.action.as_str())],
            resources: vec![Part::of(hop.resource.as_str())],
            when: hop.when.clone(),
            certainty: hop.certainty,
            except: hop.except.clone(),
            keyless: None,
        };
        for thing in [&from, &to] {
            let account = match thing {
                Thing::Role(arn) => Arn::parse(arn).map(|arn| arn.account.to_owned()),
                Thing::Party(party) => party.account().map(str::to_owned),
                _ => None,
            };
            graph.things.entry(thing.clone()).or_insert(account);
        }
        graph.edges.push(Edge { from, to, status: Status::Kept, doing: BTreeSet::from([Doing::Assumes]), ways: vec![way], why: Vec::new() });
    }
    graph.edges.sort();
    for one in &audit.not_known {
        let NotKnown::Unread { object, why, .. } = one else { continue };
        let thing = match object {
            Object::Account { account } | Object::Region { account, .. } => Thing::Account(account.clone()),
            Object::Bucket { name, .. } => Thing::Bucket(name.clone()),
            Object::Key { arn } => Thing::Key(arn.clone()),
            Object::Role { arn } => Thing::Role(arn.clone()),
            Object::User { .. } | Object::Trail { .. } => continue,
        };
        graph.things.entry(thing.clone()).or_insert_with(|| object.account().map(str::to_owned));
        graph.unread.insert(thing, why.clone());
    }
    graph
}
