//! What stands in the picture, in words: of nodes, lines and what is left out.

use std::collections::BTreeSet;

use crossrole_model::access::{Certainty, Party};
use crossrole_model::graph::{Basis, Doing, Edge, Graph, Status, Thing, ThingKind, Way};

use super::fold::{Folded, Folding, Group, Lines};
use crate::access::{about, by_arn, keyless, short, sorted, who, why};
use crate::clause::when;
use crate::{View, safe};

/// Most names of those that are drawn as one.
const NAMES_MOST: usize = 3;

/// Most that are named for who looks closer.
const WHOLE_MOST: usize = 50;

/// Letters of a line of a label.
const WIDTH: usize = 40;

/// Most lines that one text of a label takes.
const ROWS_MOST: usize = 3;

/// Most rows of conditions: the second of two may be the one that counts.
const CONDITIONS_MOST: usize = 6;

/// A text in rows of at most so many letters, with `…` where it has more than there are rows for.
pub(crate) fn rows(text: &str) -> Vec<String> {
    rows_of(text, ROWS_MOST)
}

fn rows_of(text: &str, most: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    // A word that is longer than a row is cut.
    let pieces = text.split(' ').filter(|word| !word.is_empty()).flat_map(|word| {
        let letters: Vec<char> = word.chars().collect();
        letters.chunks(WIDTH).map(|piece| piece.iter().collect::<String>()).collect::<Vec<_>>()
    });
    for piece in pieces {
        match rows.last_mut() {
            Some(row) if row.chars().count() + 1 + piece.chars().count() <= WIDTH => row.push_str(&format!(" {piece}")),
            _ => rows.push(piece),
        }
    }
    if rows.len() > most {
        rows.truncate(most);
        if let Some(last) = rows.last_mut() {
            *last = last.chars().take(WIDTH - 1).chain(['…']).collect();
        }
    }
    rows
}

/// A thing, without its account where that is `account`.
pub(crate) fn thing(thing: &Thing, account: Option<&str>) -> String {
    let name = match thing {
        Thing::Party(Party::AnyOf { account: of, .. }) if account == Some(of) => "any principal".to_owned(),
        Thing::Party(party) => who(party, &[], Certainty::Exact),
        Thing::Role(arn) | Thing::Key(arn) => by_arn(arn),
        Thing::Bucket(name) => format!("bucket {name}"),
        Thing::Resources(pattern) if pattern == "*" => "any other resource".to_owned(),
        Thing::Resources(pattern) => short(pattern),
        Thing::NoResource => "actions that name no resource".to_owned(),
        Thing::Unknown(of) => about(of),
        Thing::Account(id) => format!("account {id}"),
    };
    let of = account.map(|account| format!(" of {account}")).unwrap_or_default();
    safe(name.strip_suffix(&of).filter(|_| !of.is_empty()).unwrap_or(&name))
}

/// Everything of a thing that can be said, in one line.
fn whole(graph: &Graph, one: &Thing) -> String {
    let owner = graph.things.get(one).and_then(Option::as_deref);
    let name = match (one, owner) {
        (Thing::Bucket(_), Some(account)) => safe(&format!("{} of {account}", thing(one, None))),
        _ => thing(one, None),
    };
    match graph.unread.get(one) {
        Some(why) => format!("{name}: could not be read: {}", safe(&why.to_string())),
        None => name,
    }
}

/// The rows of a node's label, and all of it for who looks closer.
pub(crate) fn node(graph: &Graph, group: &Group<'_>) -> (Vec<String>, String) {
    let account = group.accounts.first().copied().filter(|_| group.accounts.len() == 1);
    if let [one] = group.members.as_slice() {
        let mut label = rows(&thing(one, account));
        if graph.unread.contains_key(*one) {
            label.push("could not be read".to_owned());
        }
        return (label, whole(graph, one));
    }
    let kind = group.members.first().map_or(ThingKind::Unknown, |thing| thing.kind());
    let mut label = vec![format!("{} {}", group.members.len(), plural(kind))];
    let names: BTreeSet<String> = group.members.iter().map(|one| named(one, graph.things.get(*one).and_then(Option::as_deref))).collect();
    let more = names.len() > NAMES_MOST;
    let shown: Vec<String> = names.into_iter().take(NAMES_MOST).chain(more.then(|| "…".to_owned())).collect();
    label.extend(rows(&shown.join(", ")));
    let mut all: Vec<String> = group.members.iter().take(WHOLE_MOST).map(|one| whole(graph, one)).collect();
    if group.members.len() > WHOLE_MOST {
        all.push(format!("and {} more", group.members.len() - WHOLE_MOST));
    }
    (label, all.join("; "))
}

/// Without the word for its kind, which stands before all of them.
fn named(one: &Thing, account: Option<&str>) -> String {
    let name = thing(one, account);
    match one {
        Thing::Party(party @ (Party::Members { .. } | Party::User { .. } | Party::Service { .. } | Party::Tokens { .. })) => party.name().map_or(name, safe),
        Thing::Role(_) => name.strip_prefix("role ").map(str::to_owned).unwrap_or(name),
        Thing::Bucket(bucket) => safe(bucket),
        _ => name,
    }
}

fn plural(kind: ThingKind) -> &'static str {
    match kind {
        ThingKind::Principal => "callers",
        ThingKind::Group => "groups",
        ThingKind::User => "users",
        ThingKind::Service => "services",
        ThingKind::Tokens => "providers' tokens",
        ThingKind::Unsigned => "anonymous callers",
        ThingKind::Role => "roles",
        ThingKind::Bucket => "buckets",
        ThingKind::Key => "keys",
        ThingKind::Resource => "other resources",
        ThingKind::Unknown => "not known",
    }
}

fn verb(doing: Doing) -> &'static str {
    match doing {
        Doing::Assumes => "assumes",
        Doing::Lists => "lists",
        Doing::Reads => "reads",
        Doing::Writes => "writes",
        Doing::Uses => "uses",
        Doing::Manages => "manages",
        Doing::Acts => "acts on",
        Doing::EncryptedWith => "is encrypted with",
    }
}

/// The symbol of a status: nothing is said by color alone.
pub(crate) fn symbol(status: Status) -> &'static str {
    match status {
        Status::Gained => "+ ",
        Status::Lost => "- ",
        Status::Undecided => "? ",
        Status::Kept => "",
    }
}

/// A status, as the legend says it.
pub(crate) fn status(status: Status, basis: Basis) -> &'static str {
    match status {
        Status::Gained => "gained",
        Status::Lost => "lost",
        Status::Undecided => "not decided",
        Status::Kept if matches!(basis, Basis::Plan | Basis::SavedPlan) => "stays as it is",
        Status::Kept => "reaches",
    }
}

/// The rows of a line's label, and all that it says.
pub(crate) fn line(graph: &Graph, lines: &Lines<'_>, view: View) -> (Vec<String>, Vec<String>) {
    let doing: BTreeSet<Doing> = lines.edges.iter().flat_map(|edge| edge.doing.iter().copied()).collect();
    let verbs: Vec<&str> = doing.into_iter().map(verb).collect();
    let head = if lines.status == Status::Undecided { "not decided".to_owned() } else { verbs.join(", ") };
    let mut label = rows(&format!("{}{head}", symbol(lines.status)));
    let ways: Vec<&Way> = lines.edges.iter().flat_map(|edge| &edge.ways).collect();
    if let [edge] = lines.edges.as_slice() {
        label.extend(inside(edge).iter().flat_map(|text| rows(text)));
        if edge.ways.is_empty() && edge.status == Status::Kept && !edge.doing.contains(&Doing::EncryptedWith) {
            label.extend(rows("in part, as before"));
        }
    }
    if let Some(text) = conditions(&ways, view) {
        label.extend(rows_of(&text, CONDITIONS_MOST));
    }
    if let Some(text) = rests(&ways) {
        label.extend(rows(text));
    }
    if !ways.is_empty() && ways.iter().any(|way| way.keyless.is_some()) {
        label.extend(rows("but not all that is encrypted"));
    }
    if lines.edges.len() > 1 {
        label.push(format!("{} times", lines.edges.len()));
    }
    let all: Vec<String> = lines.edges.iter().flat_map(|edge| sentences(graph, edge, view)).collect();
    (label, all)
}

/// Where in a bucket it is, unless it is everywhere.
fn inside(edge: &Edge) -> Option<String> {
    let Thing::Bucket(name) = &edge.to else { return None };
    let mut places = BTreeSet::new();
    for part in edge.ways.iter().flat_map(|way| &way.resources) {
        let (_, resource) = part.pattern.split_once(":s3:::")?;
        match resource.strip_prefix(name.as_str())?.strip_prefix('/') {
            None => {}
            Some("*") if part.except.is_empty() && part.within.is_empty() => return None,
            Some(place) => drop(places.insert(safe(place))),
        }
    }
    (!places.is_empty()).then(|| format!("in {}", places.into_iter().collect::<Vec<_>>().join(", ")))
}

/// What all of the ways have in common.
fn conditions(ways: &[&Way], view: View) -> Option<String> {
    let (first, rest) = ways.split_first()?;
    if rest.iter().all(|way| way.when == first.when) {
        return Some(when(&first.when, view).concat().trim().to_owned()).filter(|text| !text.is_empty());
    }
    Some(if ways.iter().any(|way| way.when.is_empty()) { "some of it under conditions" } else { "under conditions" }.to_owned())
}

fn rests(ways: &[&Way]) -> Option<&'static str> {
    let certainty: BTreeSet<Certainty> = ways.iter().map(|way| way.certainty).collect();
    match certainty.into_iter().next_back()? {
        Certainty::Exact => None,
        Certainty::OwnPolicies => Some("as far as its own policies let it"),
        Certainty::UnreadPolicies => Some("as far as policies that were not read let it"),
        Certainty::EvenWithout => Some("even without policies of its own"),
    }
}

/// What a line says exactly, a sentence for each way.
pub(crate) fn sentences(graph: &Graph, edge: &Edge, view: View) -> Vec<String> {
    let end = |one: &Thing| whole(graph, one);
    let symbol = symbol(edge.status);
    if edge.status == Status::Undecided {
        let because: Vec<String> = edge.why.iter().map(why).collect();
        return vec![format!("{symbol}{} on {}: not decided: {}", end(&edge.from), end(&edge.to), safe(&because.join("; ")))];
    }
    if edge.ways.is_empty() {
        let verbs: Vec<&str> = edge.doing.iter().copied().map(verb).collect();
        let rest = if edge.doing.contains(&Doing::EncryptedWith) { "" } else { ", as before, but for what it gains and loses" };
        return vec![format!("{symbol}{} {} {}{rest}", end(&edge.from), verbs.join(", "), end(&edge.to))];
    }
    edge.ways.iter().map(|way| format!("{symbol}{}", sentence(edge, way, view))).collect()
}

fn sentence(edge: &Edge, way: &Way, view: View) -> String {
    let from = match &edge.from {
        Thing::Party(party) => who(party, &way.except, way.certainty),
        Thing::Role(arn) => who(&Party::Role { arn: arn.clone() }, &way.except, way.certainty),
        other => thing(other, None),
    };
    let (actions, resources) = (sorted(&way.actions, str::to_owned).join(", "), sorted(&way.resources, short).join(", "));
    let closed = way.keyless.as_ref().map(keyless).unwrap_or_default();
    format!("{from}: {actions} on {resources}{}{}", when(&way.when, view).concat(), safe(&closed))
}

/// `who reaches what: prod-data`
pub(crate) fn title(graph: &Graph) -> String {
    let what = match graph.basis {
        Basis::Manifests => "Who reaches what, as manifests say",
        Basis::Live => "Who reaches what, as it is live",
        Basis::Plan | Basis::SavedPlan => "Who gains and loses what",
    };
    match graph.manifests.as_slice() {
        [] => what.to_owned(),
        [one] => format!("{what}: {}", safe(one)),
        many => format!("{what}: {} manifests", many.len()),
    }
}

/// What is not drawn, or not as it is, and what is not known.
pub(crate) fn notes(graph: &Graph, folded: &Folded<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let (things, groups) = (graph.things.len(), folded.groups.len());
    let how = match folded.folding {
        Folding::Nothing => None,
        Folding::Alike => Some("what is alike in an account is drawn once"),
        Folding::AlikeAnywhere => Some("what is alike, in whatever account, is drawn once"),
        Folding::Sorts => Some("what is of one kind in an account is drawn once"),
        Folding::SortsAnywhere => Some("what is of one kind is drawn once"),
    };
    notes.extend(how.filter(|_| groups < things).map(|how| format!("{things} callers and resources are drawn as {groups}: {how}")));
    if graph.apart > 0 {
        notes.push(format!("not drawn: {} lines that stay as they are and do not touch what changes", graph.apart));
    }
    if graph.basis == Basis::Manifests && !graph.things.is_empty() {
        notes.push("not drawn: principals that no manifest names, and that policies of their own may let reach what is in their account".to_owned());
    }
    if graph.basis == Basis::SavedPlan {
        notes.push("what stays as it is does not stand in a saved plan, and is not drawn".to_owned());
    }
    let undecided = graph.edges.iter().filter(|edge| edge.status == Status::Undecided).count();
    if undecided > 0 {
        notes.push(format!("not decided: {undecided} lines; they are not to be taken for nothing"));
    }
    if !graph.unread.is_empty() {
        notes.push(format!("could not be read: {}; what they let is not known", graph.unread.len()));
    }
    if graph.edges.is_empty() {
        let nothing = if matches!(graph.basis, Basis::Plan | Basis::SavedPlan) { "nobody gains or loses anything" } else { "nobody reaches anything" };
        notes.push(nothing.to_owned());
    }
    notes
}

/// The heading of an account, or of several.
pub(crate) fn cluster(graph: &Graph, accounts: &BTreeSet<&str>) -> Option<String> {
    let mut all = accounts.iter();
    let one = all.next()?;
    if all.next().is_some() {
        return Some(format!("{} accounts", accounts.len()));
    }
    let label = graph.accounts.iter().find(|(id, _)| id.as_str() == *one).map(|(_, label)| label.as_str()).filter(|label| label != one && !label.is_empty());
    Some(safe(&label.map_or_else(|| format!("account {one}"), |label| format!("account {one} ({label})"))))
}
