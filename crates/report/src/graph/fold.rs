//! Which things of a picture are drawn as one.
//!
//! Things are alike that are of one sort and stand in the same relations to things that are alike (color refinement, as in
//! B. Weisfeiler and A. Lehman, 1968): of a role for each of many teams, one is drawn.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::graph::{Doing, Edge, Graph, Status, Thing, ThingKind};

/// Most nodes that are drawn: a reader who sees more sees none. Fifty accounts with a caller, a role and a bucket each fit.
pub(crate) const NODES_MOST: usize = 150;

/// Most lines that are drawn; GitHub's Mermaid draws no more than 500 (Mermaid, `maxEdges`).
pub(crate) const EDGES_MOST: usize = 300;

/// So far does one look to tell things apart: from a caller over a role to a bucket and its key, and once more.
const ROUNDS_MOST: usize = 4;

/// How much is drawn as one, from nothing to everything of one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Folding {
    /// Each by itself.
    Nothing,
    /// What is alike in an account.
    Alike,
    /// What is alike, in whatever accounts.
    AlikeAnywhere,
    /// What is of one sort and account.
    Sorts,
    /// What is of one sort.
    SortsAnywhere,
}

impl Folding {
    /// All, those that show most first.
    pub(crate) const ALL: [Self; 5] = [Self::Nothing, Self::Alike, Self::AlikeAnywhere, Self::Sorts, Self::SortsAnywhere];

    /// Tells whether it tells accounts apart.
    fn by_account(self) -> bool {
        matches!(self, Self::Nothing | Self::Alike | Self::Sorts)
    }
}

/// Things that are drawn as one.
#[derive(Debug)]
pub(crate) struct Group<'g> {
    /// All of one sort; at least one.
    pub(crate) members: Vec<&'g Thing>,
    /// The accounts that they are of.
    pub(crate) accounts: BTreeSet<&'g str>,
}

/// Lines between two groups, of one status.
#[derive(Debug)]
pub(crate) struct Lines<'g> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) status: Status,
    pub(crate) edges: Vec<&'g Edge>,
}

/// A picture with things drawn as one.
#[derive(Debug)]
pub(crate) struct Folded<'g> {
    pub(crate) folding: Folding,
    pub(crate) groups: Vec<Group<'g>>,
    pub(crate) lines: Vec<Lines<'g>>,
}

impl Folded<'_> {
    /// Tells whether it can be read.
    pub(crate) fn fits(&self) -> bool {
        self.groups.len() <= NODES_MOST && self.lines.len() <= EDGES_MOST
    }
}

/// What a thing is told apart by before one looks at its relations.
type Sort<'g> = (ThingKind, Option<&'g str>, Option<&'g Thing>);

/// One relation: outwards or inwards, what becomes of it, what is done, by which condition keys, and to which class.
type Relation<'g> = (bool, Status, &'g BTreeSet<Doing>, BTreeSet<&'g str>, usize);

/// Draws things as one.
pub(crate) fn fold(graph: &Graph, folding: Folding) -> Folded<'_> {
    let things: Vec<(&Thing, Option<&str>)> = graph.things.iter().map(|(thing, account)| (thing, account.as_deref())).collect();
    let index: BTreeMap<&Thing, usize> = things.iter().enumerate().map(|(at, (thing, _))| (*thing, at)).collect();
    let mut class = numbered(things.iter().map(|(thing, account)| sort(thing, *account, folding)));
    let ends: Vec<(usize, usize, &Edge)> = graph.edges.iter().filter_map(|edge| Some((*index.get(&edge.from)?, *index.get(&edge.to)?, edge))).collect();
    if matches!(folding, Folding::Alike | Folding::AlikeAnywhere) {
        for _ in 0..ROUNDS_MOST {
            let finer = refined(&class, &ends);
            if count(&finer) == count(&class) {
                break;
            }
            class = finer;
        }
    }
    let mut groups: Vec<Group<'_>> = (0..count(&class)).map(|_| Group { members: Vec::new(), accounts: BTreeSet::new() }).collect();
    for ((thing, account), class) in things.iter().zip(&class) {
        if let Some(group) = groups.get_mut(*class) {
            group.members.push(thing);
            group.accounts.extend(*account);
        }
    }
    let mut lines: BTreeMap<(usize, usize, Status), Vec<&Edge>> = BTreeMap::new();
    for (from, to, edge) in ends {
        if let (Some(from), Some(to)) = (class.get(from), class.get(to)) {
            lines.entry((*from, *to, edge.status)).or_default().push(edge);
        }
    }
    let lines = lines.into_iter().map(|((from, to, status), edges)| Lines { from, to, status, edges }).collect();
    Folded { folding, groups, lines }
}

fn sort<'g>(thing: &'g Thing, account: Option<&'g str>, folding: Folding) -> Sort<'g> {
    // What is not known is said of each, as long as there is room.
    let itself = folding == Folding::Nothing || thing.kind() == ThingKind::Unknown && folding < Folding::Sorts;
    (thing.kind(), account.filter(|_| folding.by_account()), itself.then_some(thing))
}

fn refined(class: &[usize], ends: &[(usize, usize, &Edge)]) -> Vec<usize> {
    let mut relations: Vec<BTreeSet<Relation<'_>>> = class.iter().map(|_| BTreeSet::new()).collect();
    for (from, to, edge) in ends {
        let keys: BTreeSet<&str> = edge.ways.iter().flat_map(|way| &way.when).flatten().map(|clause| clause.key.as_str()).collect();
        for (at, out, other) in [(from, true, to), (to, false, from)] {
            if let (Some(set), Some(other)) = (relations.get_mut(*at), class.get(*other)) {
                set.insert((out, edge.status, &edge.doing, keys.clone(), *other));
            }
        }
    }
    numbered(class.iter().zip(&relations))
}

/// Numbers in the order in which each is first met.
fn numbered<T: Ord>(all: impl Iterator<Item = T>) -> Vec<usize> {
    let mut known: BTreeMap<T, usize> = BTreeMap::new();
    let mut out = Vec::new();
    for one in all {
        let next = known.len();
        out.push(*known.entry(one).or_insert(next));
    }
    out
}

fn count(class: &[usize]) -> usize {
    class.iter().max().map_or(0, |most| most + 1)
}
