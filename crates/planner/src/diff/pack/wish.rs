//! What one manifest says of one principal: by resource, wherever it is let.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::ownership;
use crossrole_policy::canonical::CanonicalBody;
use crossrole_policy::{Arn, Document, Element, Statement};

use crate::draft::Piece;

/// What one manifest says of one principal.
pub(in crate::diff) struct Wish<'a> {
    pub(in crate::diff) owner: &'a str,
    alike: Vec<Alike<'a>>,
    /// Statements that are no list of resources.
    others: Vec<&'a Statement>,
    /// What rests on what is withheld: it is not let where it is not let now, and stays where it is.
    held: BTreeSet<Piece>,
}

/// Statements that are one but for their resources.
struct Alike<'a> {
    /// The first of them.
    statement: &'a Statement,
    body: CanonicalBody,
    /// By resource: the Sid under which it is wanted.
    wanted: BTreeMap<&'a str, &'a str>,
}

/// What one manifest has in one part.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// Resources, by the number of the statements that are alike.
    resources: BTreeMap<usize, BTreeSet<String>>,
    others: Vec<Statement>,
}

impl Content {
    pub(super) fn is_empty(&self) -> bool {
        self.resources.values().all(BTreeSet::is_empty) && self.others.is_empty()
    }

    pub(super) fn extend(&mut self, more: Self) {
        for (alike, resources) in more.resources {
            self.resources.entry(alike).or_default().extend(resources);
        }
        self.others.extend(more.others);
    }

    /// Each resource, and each other statement, by itself.
    pub(super) fn pieces(self) -> Vec<(Option<usize>, Self)> {
        let other = |statement| (None, Self { others: vec![statement], ..Self::default() });
        let resource = |alike, one| (Some(alike), Self { resources: BTreeMap::from([(alike, BTreeSet::from([one]))]), ..Self::default() });
        let resources = self.resources.into_iter().flat_map(|(alike, all)| all.into_iter().map(move |one| resource(alike, one)));
        self.others.into_iter().map(other).chain(resources).collect()
    }
}

/// The resources that a statement lists; `None` where it lists none.
fn listed(statement: &Statement) -> Option<&[String]> {
    statement.resource.as_ref().filter(|resource| !resource.negated).map(|resource| resource.values.as_slice())
}

/// The bucket or key that a resource is, or is in.
fn object(resource: &str) -> &str {
    let in_bucket = Arn::parse(resource).is_some_and(|arn| arn.service == "s3");
    if in_bucket { resource.split('/').next().unwrap_or(resource) } else { resource }
}

fn but_resources(statement: &Statement) -> CanonicalBody {
    Statement { sid: None, resource: None, ..statement.clone() }.canonical_body()
}

impl<'a> Wish<'a> {
    pub(in crate::diff) fn new(owner: &'a str, statements: &'a [Statement], held: BTreeSet<Piece>) -> Self {
        let mut alike: Vec<Alike<'a>> = Vec::new();
        let mut others = Vec::new();
        for statement in statements {
            let Some(resources) = listed(statement) else {
                others.push(statement);
                continue;
            };
            let body = but_resources(statement);
            let wanted = resources.iter().map(|resource| (resource.as_str(), statement.sid()));
            match alike.iter_mut().find(|alike| alike.body == body) {
                Some(alike) => alike.wanted.extend(wanted),
                None => alike.push(Alike { statement, body, wanted: wanted.collect() }),
            }
        }
        Self { owner, alike, others, held }
    }

    fn is_ours(&self, statement: &Statement) -> bool {
        statement.sid().starts_with(&ownership::sid_prefix(self.owner))
    }

    /// What a document lets as this manifest says it, whatever its statements are called; what somebody has made another statement
    /// lets nothing.
    fn let_by(&self, document: &Document) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        for statement in document.statements.iter().filter(|s| self.is_ours(s)) {
            let Some(resources) = listed(statement) else { continue };
            let body = but_resources(statement);
            if let Some(alike) = self.alike.iter().position(|alike| alike.body == body) {
                out.extend(resources.iter().map(|resource| (alike, resource.clone())));
            }
        }
        out
    }

    /// What of it is there.
    pub(in crate::diff) fn there(&self, live: &BTreeMap<usize, &Document>) -> BTreeSet<Piece> {
        let mut there = BTreeSet::new();
        for document in live.values() {
            for (alike, resource) in self.let_by(document) {
                let sid = self.alike.get(alike).and_then(|alike| alike.wanted.get(resource.as_str()));
                there.extend(sid.map(|sid| Piece::new(sid, &resource)));
            }
            there.extend(document.statements.iter().filter(|s| listed(s).is_none()).map(|s| Piece::new(s.sid(), "")));
        }
        there
    }

    pub(super) fn statements(&self, content: &Content) -> Vec<Statement> {
        let listed = content.resources.iter().filter(|(_, resources)| !resources.is_empty()).filter_map(|(alike, resources)| {
            let statement = self.alike.get(*alike)?.statement.clone();
            Some(Statement { resource: Some(Element::of(resources.iter().cloned())), ..statement })
        });
        listed.chain(content.others.iter().cloned()).collect()
    }

    /// What stays where it is, and what is new.
    pub(super) fn kept(&self, live: &BTreeMap<usize, &Document>) -> (BTreeMap<usize, Content>, Content) {
        let mut left: Vec<BTreeMap<&str, &str>> = self.alike.iter().map(|alike| alike.wanted.clone()).collect();
        let mut kept: BTreeMap<usize, Content> = BTreeMap::new();
        for (part, document) in live {
            for (alike, resource) in self.let_by(document) {
                if left.get_mut(alike).is_some_and(|left| left.remove(resource.as_str()).is_some()) {
                    kept.entry(*part).or_default().resources.entry(alike).or_default().insert(resource);
                }
            }
        }
        let mut new = Content::default();
        for (alike, left) in left.into_iter().enumerate() {
            let free = left.into_iter().filter(|(resource, sid)| !self.held.contains(&Piece::new(sid, resource)));
            new.resources.entry(alike).or_default().extend(free.map(|(resource, _)| resource.to_owned()));
        }
        for statement in &self.others {
            match live.iter().find(|(_, document)| document.statements.iter().any(|s| s.sid() == statement.sid())) {
                Some((part, _)) => kept.entry(*part).or_default().others.push((*statement).clone()),
                None if self.held.contains(&Piece::new(statement.sid(), "")) => {}
                None => new.others.push((*statement).clone()),
            }
        }
        for (part, document) in live {
            let before = self.before(document, &self.held_objects());
            if !before.is_empty() {
                kept.entry(*part).or_default().extend(before);
            }
        }
        (kept, new)
    }

    /// What is withheld, roles aside: a role is what it is.
    fn held_objects(&self) -> BTreeSet<&str> {
        let assume = ownership::assume_sid(self.owner);
        self.held.iter().filter(|piece| piece.sid != assume).map(|piece| object(&piece.of)).collect()
    }

    /// What is withheld of which something stays that is not wanted any more.
    pub(in crate::diff) fn left(&self, live: &BTreeMap<usize, &Document>) -> BTreeSet<Piece> {
        let assume = ownership::assume_sid(self.owner);
        let stays = |piece: &&Piece| {
            let alone = BTreeSet::from([object(&piece.of)]);
            piece.sid != assume && live.values().any(|document| !self.before(document, &alone).is_empty())
        };
        self.held.iter().filter(stays).cloned().collect()
    }

    /// What of ours is in a document, roles aside, and is not wanted any more, of these objects: of one that is withheld it is not known what
    /// it was before, and it may be that. Other buckets and keys are what they are.
    fn before(&self, document: &Document, held: &BTreeSet<&str>) -> Content {
        let mut out = Content::default();
        if held.is_empty() {
            return out;
        }
        let of_held = |resource: &&String| held.contains(object(resource)) || held.contains("");
        let assume = ownership::assume_sid(self.owner);
        let wanted: BTreeSet<&str> = self.alike.iter().map(|alike| alike.statement.sid()).chain(self.others.iter().map(|s| s.sid())).collect();
        for statement in document.statements.iter().filter(|s| self.is_ours(s) && s.sid() != assume) {
            let body = but_resources(statement);
            let alike = self.alike.iter().enumerate().find(|(_, alike)| alike.body == body);
            match (listed(statement), alike) {
                (Some(resources), Some((index, alike))) => {
                    let more = resources.iter().filter(|resource| !alike.wanted.contains_key(resource.as_str())).filter(of_held);
                    out.resources.entry(index).or_default().extend(more.cloned());
                }
                // What somebody has altered is not what it was before, and no two statements have one id.
                _ if wanted.contains(statement.sid()) => {}
                (Some(resources), None) => {
                    let resources: Vec<&String> = resources.iter().filter(of_held).collect();
                    if !resources.is_empty() {
                        out.others.push(Statement { resource: Some(Element::of(resources.into_iter().cloned())), ..statement.clone() });
                    }
                }
                (None, _) => out.others.push(statement.clone()),
            }
        }
        out
    }
}
