//! What one cell tries, in words that no other of its matrix has.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::Certainty;
use crossrole_model::proof::{Act, Cell, OTHER_VALUE, Proof, Terms, Twist};

use crate::lock::instant;
use crate::{View, access, safe};

/// The words of each cell, in their order. Where two would read alike, what they differ in is said of both.
pub(super) fn subjects(proofs: &[Proof], view: View) -> Vec<String> {
    let mut names: Vec<String> = proofs.iter().map(subject).collect();
    let mut alike: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        alike.entry(name.clone()).or_default().push(at);
    }
    for places in alike.into_values().filter(|places| places.len() > 1) {
        let all: Vec<(usize, Vec<String>)> = places.iter().filter_map(|at| Some((*at, details(&proofs.get(*at)?.cell, view)))).collect();
        let differs = |field: usize| all.iter().map(|(_, details)| details.get(field)).collect::<BTreeSet<_>>().len() > 1;
        let fields: Vec<usize> = (0..FIELDS).filter(|field| differs(*field)).collect();
        for (at, details) in &all {
            let told: Vec<&str> = fields.iter().filter_map(|field| details.get(*field)).map(String::as_str).collect();
            if let Some(name) = names.get_mut(*at).filter(|_| !told.is_empty()) {
                *name = format!("{name} ({})", safe(&told.join(", ")));
            }
        }
    }
    numbered(&mut names);
    names
}

/// What differs only in what is masked has a number.
fn numbered(names: &mut [String]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut taken: BTreeSet<String> = names.iter().cloned().collect();
    for name in names {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 {
            continue;
        }
        let numbered = (*count..).take(taken.len() + 1).map(|number| format!("{name} [{number}]")).find(|numbered| !taken.contains(numbered));
        *name = numbered.unwrap_or_default();
        taken.insert(name.clone());
    }
}

/// How many things tell cells apart.
const FIELDS: usize = 11;

/// Everything that tells a cell from others, in one order.
fn details(cell: &Cell, view: View) -> Vec<String> {
    let Cell { principal, via, act, twist: _, terms, wanted } = cell;
    let Terms { external_id, mfa, seconds, session_name, source_identity, address, at, keys } = terms;
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let id = external_id.as_ref().map(|id| if view.show_external_ids { format!("external id {id}") } else { format!("external id {}", crate::MASK) });
    vec![
        if *wanted { "granted" } else { "not granted" }.to_owned(),
        format!("by {principal}"),
        or(via.as_ref().map(|role| format!("as {role}")), "by itself"),
        of_act(act),
        or(at.map(|at| format!("at {}", instant(at))), "now"),
        or(id, "no external id"),
        if *mfa { "with a second factor" } else { "without a second factor" }.to_owned(),
        or(seconds.map(|seconds| format!("for {seconds} seconds")), "for the usual time"),
        match (session_name.as_str(), source_identity) {
            ("", None) => "no session name".to_owned(),
            (name, None) => format!("session name {name}"),
            (name, Some(identity)) => format!("session name {name}, source identity {identity}"),
        },
        or(address.as_ref().map(|address| format!("from {address}")), "from here"),
        if keys.is_empty() { "with nothing else".to_owned() } else { format!("with {}", keys.join(", ")) },
    ]
}

fn of_act(act: &Act) -> String {
    match act {
        Act::Get { key: None, whole: true, .. } => "that object".to_owned(),
        Act::Get { key: None, whole: false, .. } => "any object below".to_owned(),
        Act::Other { resource, .. } => format!("on {resource}"),
        act => format!("{} on {}", act.action(), act.resource("aws")),
    }
}

/// `user ann of 111111111111 assumes role Reader of 222222222222 without a second factor`
pub(super) fn subject(proof: &Proof) -> String {
    let Cell { principal, via, act, twist, terms, .. } = &proof.cell;
    let who = match principal.as_str() {
        "000000000000" => "any principal of any other account".to_owned(),
        // One of them calls.
        _ => access::party(&proof.party, Certainty::Exact).replacen("members of", "a member of", 1),
    };
    let who = via.as_ref().map_or_else(|| who.clone(), |role| format!("{who} as {}", access::by_arn(role)));
    let what = match act {
        Act::Assume { role } => format!("assumes {}", access::by_arn(role)),
        Act::List { bucket, prefix } if prefix.is_empty() => format!("lists {bucket}"),
        Act::List { bucket, prefix } => format!("lists {bucket}/{prefix}"),
        Act::Get { bucket, key: Some(key), .. } => format!("reads {bucket}/{key}"),
        Act::Get { bucket, key: None, prefix, .. } => format!("reads objects of {bucket}/{prefix}"),
        Act::Policy { bucket } => format!("reads the policy of {bucket}"),
        Act::Put { bucket, key } => format!("writes {bucket}/{key}"),
        Act::Delete { bucket, key } => format!("deletes {bucket}/{key}"),
        Act::Other { action, resource } if resource == "*" || resource.ends_with(":s3:::*") => format!("calls {action}"),
        Act::Other { action, resource } => format!("calls {action} on {}", resource.split_once(":s3:::").map_or(resource.as_str(), |(_, name)| name)),
    };
    let long = terms.seconds.filter(|_| proof.cell.wanted).map(|seconds| format!(" for {} minutes", seconds / 60)).unwrap_or_default();
    safe(&format!("{who} {what}{long}{}{}", with_keys(terms, *twist), how_otherwise(*twist)))
}

/// What is asked with besides, so that two that differ in nothing else read differently.
fn with_keys(terms: &Terms, twist: Twist) -> String {
    let word = |(key, value): (&String, &String)| if value == OTHER_VALUE { format!("another {key}") } else { format!("{key} {value}") };
    let keys: Vec<String> = terms.keys.iter().filter(|(_, value)| twist != Twist::OtherValue || *value == OTHER_VALUE).map(word).collect();
    if keys.is_empty() { String::new() } else { format!(" with {}", keys.join(", ")) }
}

fn how_otherwise(twist: Twist) -> &'static str {
    match twist {
        Twist::AsGranted | Twist::OtherValue | Twist::OtherPrincipal | Twist::Outside | Twist::OtherAction | Twist::Unsigned => "",
        Twist::WrongExternalId => " with another external id",
        Twist::NoExternalId => " without the external id",
        Twist::NoMfa => " without a second factor",
        Twist::TooLong => " for longer than it may",
        Twist::OtherSessionName => " under another session name",
        Twist::OtherSourceIdentity => " with another source identity",
        Twist::OtherAddress => " from another address",
        Twist::OutsideWindow => " outside of the time it is granted for",
    }
}
