//! The access picture: everything that everybody may do, as a graph.
//!
//! It is an access delta, drawn: of one estate that between nobody and it, of a plan that between before and after, with what is
//! on both sides beside it. So a line says no more than the delta does, and what is not decided is a line as well.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::AccountId;
use crossrole_model::access::{About, AccessChange, AccessDelta, Direction, Part, Undecided};
use crossrole_model::graph::{Basis, Doing, Edge, Graph, Status, Thing, Way};
use crossrole_policy::Arn;

use crate::catalogue::{self, Level};
use crate::delta::delta;
use crate::estate::Estate;

/// Everything that everybody may do.
pub fn picture(estate: &Estate, basis: Basis) -> Graph {
    let mut drawing = Drawing::new([estate, estate]);
    let all = everything(estate);
    all.changes.iter().for_each(|change| drawing.change(change, Status::Kept));
    drawing.undecided(&all.undecided);
    drawing.encrypted([estate, estate]);
    drawing.alone(estate);
    drawing.finish(basis)
}

/// What is gained, lost and not decided between two estates, and what stays as it is beside that, or beside what `about` names.
/// What else stays is counted.
pub fn picture_between(before: &Estate, after: &Estate, changes: &AccessDelta, about: &BTreeSet<Thing>) -> Graph {
    let mut drawing = Drawing::new([before, after]);
    drawing.delta(changes);
    drawing.encrypted([before, after]);
    let mut kept = Drawing::new([before, after]);
    let [had, has] = [before, after].map(everything);
    kept.kept(&had.changes, &has.changes, &changes.changes);
    let near: BTreeSet<Thing> = drawing.changed().chain(about.iter().cloned()).collect();
    let mut apart = 0;
    for (ends, edge) in kept.edges {
        if near.contains(&edge.from) || near.contains(&edge.to) {
            drawing.edges.insert(ends, edge);
        } else {
            apart += 1;
        }
    }
    let mut graph = drawing.finish(Basis::Plan);
    graph.apart = apart;
    graph
}

/// What is gained, lost and not decided, where nothing else is known.
pub fn picture_of(changes: &AccessDelta) -> Graph {
    let none = Estate::default();
    let mut drawing = Drawing::new([&none, &none]);
    drawing.delta(changes);
    drawing.finish(Basis::SavedPlan)
}

/// Lines that are so, each drawn as one that stays; `owners`: accounts of buckets, which their names do not tell.
pub fn picture_with<'a>(lines: impl IntoIterator<Item = &'a AccessChange>, owners: &BTreeMap<String, AccountId>, basis: Basis) -> Graph {
    let none = Estate::default();
    let mut drawing = Drawing::new([&none, &none]);
    lines.into_iter().for_each(|line| drawing.change(line, Status::Kept));
    let mut graph = drawing.finish(basis);
    for (thing, account) in &mut graph.things {
        if let Thing::Bucket(name) = thing {
            *account = owners.get(name).map(ToString::to_string);
        }
    }
    graph
}

/// What everybody may do: all of it is gained where there was nobody and nothing.
fn everything(estate: &Estate) -> AccessDelta {
    delta(&estate.of_nobody(), estate)
}

/// One line for each two things and status.
type Ends = (Thing, Thing, Status);

struct Drawing<'e> {
    sides: [&'e Estate; 2],
    edges: BTreeMap<Ends, Edge>,
    alone: BTreeSet<Thing>,
    /// What patterns of actions do.
    known: BTreeMap<String, BTreeSet<Doing>>,
}

impl<'e> Drawing<'e> {
    fn new(sides: [&'e Estate; 2]) -> Self {
        Self { sides, edges: BTreeMap::new(), alone: BTreeSet::new(), known: BTreeMap::new() }
    }

    fn edge(&mut self, from: Thing, to: Thing, status: Status) -> &mut Edge {
        let new = Edge { from: from.clone(), to: to.clone(), status, doing: BTreeSet::new(), ways: Vec::new(), why: Vec::new() };
        self.edges.entry((from, to, status)).or_insert(new)
    }

    fn delta(&mut self, changes: &AccessDelta) {
        for change in &changes.changes {
            let status = match change.direction {
                Direction::Widened => Status::Gained,
                Direction::Narrowed => Status::Lost,
            };
            self.change(change, status);
        }
        self.undecided(&changes.undecided);
    }

    fn change(&mut self, change: &AccessChange, status: Status) {
        let doing = self.doing(&change.actions);
        let nameless = change.actions.iter().all(|part| catalogue::action(&part.pattern).is_some_and(|action| action.resources.is_empty()));
        for (mut to, resources) in by_thing(&change.resources) {
            if nameless && to == Thing::Resources("*".to_owned()) {
                to = Thing::NoResource;
            }
            let edge = self.edge(Thing::of(&change.party), to, status);
            edge.doing.extend(doing.iter().copied());
            edge.ways.push(Way::of(change, resources));
        }
    }

    fn undecided(&mut self, list: &[Undecided]) {
        for one in list {
            let to = match &one.about {
                About::Bucket(name) => Thing::Bucket(name.clone()),
                About::Role(arn) => Thing::Role(arn.clone()),
                About::Key(arn) => Thing::Key(arn.clone()),
                About::Resource(pattern) => thing(&Part::of(pattern.as_str())),
                other @ (About::OtherResources | About::OtherRoles | About::Policies(_)) => Thing::Unknown(other.clone()),
            };
            self.edge(Thing::of(&one.party), to, Status::Undecided).why.push(one.why.clone());
        }
    }

    /// Which keys buckets are encrypted with.
    fn encrypted(&mut self, [before, after]: [&Estate; 2]) {
        let names: BTreeSet<&String> = before.bucket_keys.keys().chain(after.bucket_keys.keys()).collect();
        for name in names {
            let [had, has] = [before, after].map(|side| side.bucket_keys.get(name).map(|key| key.arn.clone()));
            let both: Vec<(Option<String>, Status)> = if had == has { vec![(has, Status::Kept)] } else { vec![(had, Status::Lost), (has, Status::Gained)] };
            for (key, status) in both {
                if let Some(key) = key {
                    self.edge(Thing::Bucket(name.clone()), Thing::Key(key), status).doing.insert(Doing::EncryptedWith);
                }
            }
        }
    }

    /// Buckets and keys that nobody reaches are worth seeing as well.
    fn alone(&mut self, estate: &Estate) {
        self.alone.extend(estate.buckets.keys().map(|name| Thing::Bucket(name.clone())));
        self.alone.extend(estate.keys.keys().map(|arn| Thing::Key(arn.clone())));
    }

    /// What is on both sides: actions of which all else is the same, and where there are none, in short, unless all of it is lost.
    fn kept(&mut self, had: &[AccessChange], has: &[AccessChange], changes: &[AccessChange]) {
        let lost: BTreeSet<(Said<'_>, &[Part])> =
            changes.iter().filter(|change| change.direction == Direction::Narrowed).map(|change| (said(change), change.actions.as_slice())).collect();
        let mut after: BTreeMap<Said<'_>, BTreeSet<&Part>> = BTreeMap::new();
        for change in has {
            after.entry(said(change)).or_default().extend(&change.actions);
        }
        let (mut before, mut then) = (Drawing::new(self.sides), Drawing::new(self.sides));
        for change in had {
            let same = after.get(&said(change)).map(|actions| change.actions.iter().filter(|action| actions.contains(action)).cloned().collect::<Vec<_>>());
            match same.filter(|same| !same.is_empty()) {
                Some(actions) => self.change(&AccessChange { actions, ..change.clone() }, Status::Kept),
                None if lost.contains(&(said(change), &change.actions)) => {}
                None => before.change(change, Status::Kept),
            }
        }
        for change in has {
            then.change(change, Status::Kept);
        }
        for (ends, edge) in before.edges {
            let both: BTreeSet<Doing> = then.edges.get(&ends).map(|after| after.doing.intersection(&edge.doing).copied().collect()).unwrap_or_default();
            if !both.is_empty() && !self.edges.contains_key(&ends) {
                self.edges.insert(ends, Edge { doing: both, ways: Vec::new(), ..edge });
            }
        }
    }

    /// Both ends of whatever does not stay as it is.
    fn changed(&self) -> impl Iterator<Item = Thing> {
        self.edges.values().filter(|edge| edge.status != Status::Kept).flat_map(|edge| [edge.from.clone(), edge.to.clone()])
    }

    /// What actions do, in short.
    fn doing(&mut self, actions: &[Part]) -> BTreeSet<Doing> {
        let mut all = BTreeSet::new();
        for part in actions {
            let found = match self.known.get(&part.pattern) {
                Some(found) => found,
                None => self.known.entry(part.pattern.clone()).or_insert_with(|| doing(&part.pattern)),
            };
            all.extend(found.iter().copied());
        }
        all
    }

    fn account(&self, thing: &Thing) -> Option<String> {
        let of_arn = |arn: &str| Arn::parse(arn).map(|arn| arn.account.to_owned()).filter(|account| !account.is_empty() && !account.contains(['*', '?']));
        match thing {
            Thing::Party(party) => party.account().map(str::to_owned),
            Thing::Bucket(name) => self.sides.into_iter().rev().find_map(|side| side.buckets.get(name)).map(|bucket| bucket.account.clone()),
            Thing::Role(arn) | Thing::Key(arn) | Thing::Resources(arn) => of_arn(arn),
            Thing::Account(account) => Some(account.to_string()),
            Thing::NoResource | Thing::Unknown(_) => None,
        }
    }

    fn finish(self, basis: Basis) -> Graph {
        let ends = self.edges.values().flat_map(|edge| [edge.from.clone(), edge.to.clone()]);
        let all: BTreeSet<Thing> = ends.chain(self.alone.iter().cloned()).collect();
        let things = all.into_iter().map(|thing| (thing.clone(), self.account(&thing))).collect();
        let mut edges: Vec<Edge> = self.edges.into_values().collect();
        for edge in &mut edges {
            edge.ways.sort();
            edge.ways.dedup();
            edge.why.sort();
            edge.why.dedup();
        }
        Graph { basis, things, edges, ..Graph::default() }
    }
}

/// Everything that a line says but which way it goes, its actions and its witness.
type Said<'c> = (Thing, &'c [Part], Way);

fn said(change: &AccessChange) -> Said<'_> {
    (Thing::of(&change.party), &change.resources, Way { actions: Vec::new(), ..Way::of(change, Vec::new()) })
}

/// Resources by the thing that they are, or are in.
fn by_thing(resources: &[Part]) -> BTreeMap<Thing, Vec<Part>> {
    let mut all: BTreeMap<Thing, Vec<Part>> = BTreeMap::new();
    for part in resources {
        all.entry(thing(part)).or_default().push(part.clone());
    }
    all
}

fn thing(part: &Part) -> Thing {
    let pattern = part.pattern.as_str();
    if part.nameless {
        return Thing::NoResource;
    }
    let Some(arn) = Arn::parse(pattern) else { return Thing::Resources(pattern.to_owned()) };
    let named = |text: &str| !text.contains(['*', '?', '$']);
    match arn.service {
        "s3" => match arn.resource.split('/').next() {
            Some(name) if named(name) && arn.account.is_empty() => Thing::Bucket(name.to_owned()),
            _ => Thing::Resources(pattern.to_owned()),
        },
        "iam" if arn.resource.starts_with("role/") && named(pattern) => Thing::Role(pattern.to_owned()),
        "kms" if arn.resource.starts_with("key/") && named(pattern) => Thing::Key(pattern.to_owned()),
        _ => Thing::Resources(pattern.to_owned()),
    }
}

/// Actions of KMS that use a key (AWS KMS Developer Guide, "Cryptographic operations"), by what their names begin with.
const USES: [&str; 7] = ["kms:encrypt", "kms:decrypt", "kms:reencrypt", "kms:generate", "kms:sign", "kms:verify", "kms:derive"];

fn doing(pattern: &str) -> BTreeSet<Doing> {
    let lower = pattern.to_ascii_lowercase();
    let head = lower.split(['*', '?']).next().unwrap_or_default();
    if head.starts_with("kms:") {
        return of_key(&lower, head);
    }
    if head.starts_with("sts:assume") || head == "sts:" || ["sts:tagsession", "sts:setsourceidentity", "sts:setcontext"].contains(&head) {
        return BTreeSet::from([Doing::Assumes]);
    }
    let known: BTreeSet<Doing> = catalogue::expand(pattern).into_iter().map(|action| of_level(action.level)).collect();
    // Of all services, most actions are of others.
    if known.is_empty() || head.is_empty() { known.into_iter().chain([Doing::Acts]).collect() } else { known }
}

fn of_level(level: Level) -> Doing {
    match level {
        Level::List => Doing::Lists,
        Level::Read => Doing::Reads,
        Level::Write | Level::Tagging => Doing::Writes,
        Level::Permissions => Doing::Manages,
    }
}

fn of_key(pattern: &str, head: &str) -> BTreeSet<Doing> {
    let uses = USES.iter().any(|name| head.starts_with(name));
    let may_use = uses || pattern != head && USES.iter().any(|name| name.starts_with(head));
    let reads = ["kms:describe", "kms:get", "kms:list"].iter().any(|name| head.starts_with(name));
    let mut all = BTreeSet::new();
    if may_use {
        all.insert(Doing::Uses);
    }
    if reads {
        all.insert(Doing::Reads);
    }
    if !uses && !reads {
        all.insert(Doing::Manages);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{Doing, Part, Thing, doing, thing};

    #[test]
    fn actions_in_short() {
        for (pattern, expected) in [
            ("s3:GetObject", &[Doing::Reads][..]),
            ("s3:ListBucket", &[Doing::Lists]),
            ("s3:PutObject", &[Doing::Writes]),
            ("s3:PutBucketPolicy", &[Doing::Manages]),
            ("sts:AssumeRole", &[Doing::Assumes]),
            ("kms:Decrypt", &[Doing::Uses]),
            ("kms:GenerateDataKey*", &[Doing::Uses]),
            ("kms:*", &[Doing::Uses, Doing::Manages]),
            ("kms:PutKeyPolicy", &[Doing::Manages]),
            ("ec2:RunInstances", &[Doing::Acts]),
        ] {
            assert_eq!(doing(pattern).into_iter().collect::<Vec<_>>(), expected, "{pattern}");
        }
        assert!(doing("*").contains(&Doing::Acts) && doing("*").contains(&Doing::Manages));
    }

    #[test]
    fn resources_are_of_a_thing() {
        for (pattern, expected) in [
            ("arn:aws:s3:::logs", Thing::Bucket("logs".into())),
            ("arn:aws:s3:::logs/app/*", Thing::Bucket("logs".into())),
            ("arn:aws:s3:::lo*/x", Thing::Resources("arn:aws:s3:::lo*/x".into())),
            ("arn:aws:iam::222222222222:role/a/R", Thing::Role("arn:aws:iam::222222222222:role/a/R".into())),
            ("arn:aws:iam::*:role/R", Thing::Resources("arn:aws:iam::*:role/R".into())),
            ("arn:aws:kms:eu-west-1:222222222222:key/1", Thing::Key("arn:aws:kms:eu-west-1:222222222222:key/1".into())),
            ("*", Thing::Resources("*".into())),
        ] {
            assert_eq!(thing(&Part::of(pattern)), expected);
        }
        assert_eq!(thing(&Part { nameless: true, ..Part::of("*") }), Thing::NoResource);
    }
}
