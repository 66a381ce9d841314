//! Where the statements of a principal's caller policy stand, when there are more of them than one managed policy takes.
//!
//! Each role that may be assumed, and each other statement, stays in the part where it is. What is new goes where its manifest has
//! something already, or into the first part with room; what a manifest says for the first time stands together if any part takes
//! it whole. So one role more rewrites one document, however many there are. (A statement that has changed may come to stand in another part.)

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{key, limits, ownership};
use crossrole_policy::{Document, Effect, Element, Statement};

/// Most parts that are looked at: far more than a principal may hold, so that what is over the quota is said, and not cut.
const PARTS_MOST: usize = 1_000;

/// What one manifest says of one principal.
pub(super) struct Wish<'a> {
    pub(super) owner: &'a str,
    pub(super) statements: &'a [Statement],
    /// Roles by ARN, and statements by Sid, that rest on what is withheld: they are not let where they are not let now, and stay
    /// where they are.
    pub(super) held: BTreeSet<String>,
}

/// Our statements by part, with the first manifest of each.
pub(super) type Placed<'a> = BTreeMap<usize, (Vec<Statement>, Option<&'a str>)>;

/// What one manifest has in one part.
#[derive(Debug, Clone, Default)]
struct Content {
    roles: BTreeSet<String>,
    others: Vec<Statement>,
}

impl Wish<'_> {
    fn sid(&self) -> String {
        ownership::assume_sid(self.owner)
    }

    /// The statement that lets the principal assume all roles.
    fn whole(&self) -> Option<&Statement> {
        let sid = self.sid();
        self.statements.iter().find(|s| s.sid() == sid)
    }

    /// The roles that a document lets the principal assume as this manifest says it; what somebody has made another statement lets
    /// none.
    fn roles_in(&self, document: &Document) -> Vec<String> {
        let Some(whole) = self.whole() else { return Vec::new() };
        let bare = |s: &Statement| Document::new(vec![Statement { resource: None, ..s.clone() }]);
        let ours = document.statements.iter().filter(|s| s.sid() == whole.sid() && s.effect == Effect::Allow && bare(s) == bare(whole));
        ours.flat_map(|s| s.resource.iter().filter(|r| !r.negated).flat_map(|r| r.values.clone())).collect()
    }

    /// What of it is there: roles by ARN, and statements by Sid.
    pub(super) fn there(&self, live: &BTreeMap<usize, &Document>) -> BTreeSet<String> {
        let sids = live.values().flat_map(|document| document.statements.iter().map(|s| s.sid().to_owned()));
        live.values().flat_map(|document| self.roles_in(document)).chain(sids).collect()
    }

    fn statements(&self, content: &Content) -> Vec<Statement> {
        let roles = self.whole().filter(|_| !content.roles.is_empty());
        let assume = roles.map(|whole| Statement { resource: Some(Element::of(content.roles.iter().cloned())), ..whole.clone() });
        assume.into_iter().chain(content.others.iter().cloned()).collect()
    }

    /// What stays where it is, and what is new.
    fn kept(&self, live: &BTreeMap<usize, &Document>) -> (BTreeMap<usize, Content>, Content) {
        let sid = self.sid();
        let mut roles: BTreeSet<String> = self.whole().into_iter().flat_map(|s| s.resource.iter().flat_map(|r| r.values.iter().cloned())).collect();
        let mut kept: BTreeMap<usize, Content> = BTreeMap::new();
        for (part, document) in live {
            let stay: BTreeSet<String> = self.roles_in(document).into_iter().filter(|role| roles.remove(role)).collect();
            if !stay.is_empty() {
                kept.entry(*part).or_default().roles = stay;
            }
        }
        let mut new = Content { roles: roles.into_iter().filter(|role| !self.held.contains(role)).collect(), others: Vec::new() };
        for statement in self.statements.iter().filter(|s| s.sid() != sid) {
            match live.iter().find(|(_, document)| document.statements.iter().any(|s| s.sid() == statement.sid())) {
                Some((part, _)) => kept.entry(*part).or_default().others.push(statement.clone()),
                None if self.held.contains(statement.sid()) => {}
                None => new.others.push(statement.clone()),
            }
        }
        // Of what is withheld it is not known what it was before: statements that are not wanted any more may be that.
        if self.statements.iter().any(|s| s.sid() != sid && self.held.contains(s.sid())) {
            let prefix = ownership::sid_prefix(self.owner);
            let unwanted = |s: &&Statement| s.sid().starts_with(&prefix) && s.sid() != sid && !self.statements.iter().any(|w| w.sid() == s.sid());
            for (part, document) in live {
                let stay: Vec<Statement> = document.statements.iter().filter(unwanted).cloned().collect();
                if !stay.is_empty() {
                    kept.entry(*part).or_default().others.extend(stay);
                }
            }
        }
        (kept, new)
    }
}

/// Parts as they fill.
struct Parts<'w, 'a> {
    wishes: &'w [Wish<'a>],
    /// What others have in a part.
    foreign: BTreeMap<usize, Vec<Statement>>,
    /// By part and wish.
    ours: BTreeMap<(usize, usize), Content>,
}

impl Parts<'_, '_> {
    /// Tells whether a part takes this of a wish, too; one in which there is nothing takes anything.
    fn takes(&self, part: usize, of: usize, more: &Content) -> bool {
        let mut all = self.foreign.get(&part).cloned().unwrap_or_default();
        let mut joined = false;
        for (index, wish) in self.wishes.iter().enumerate() {
            let mut content = self.ours.get(&(part, index)).cloned().unwrap_or_default();
            joined |= !content.roles.is_empty() || !content.others.is_empty();
            if index == of {
                content.roles.extend(more.roles.iter().cloned());
                content.others.extend(more.others.iter().cloned());
            }
            all.extend(wish.statements(&content));
        }
        let empty = !joined && self.foreign.get(&part).is_none_or(Vec::is_empty);
        empty || key::size(&Document::new(all)) <= limits::MANAGED_POLICY
    }

    fn add(&mut self, part: usize, of: usize, more: Content) {
        let content = self.ours.entry((part, of)).or_default();
        content.roles.extend(more.roles);
        content.others.extend(more.others);
    }

    /// Puts in what is new: whole where the manifest has nothing yet and a part takes it, else piece by piece.
    fn put(&mut self, of: usize, own: &BTreeSet<usize>, new: Content) {
        let size = self.wishes.get(of).map_or(0, |wish| key::size(&Document::new(wish.statements(&new))));
        if own.is_empty() && size <= limits::MANAGED_POLICY {
            let part = (1..=PARTS_MOST).find(|part| self.takes(*part, of, &new)).unwrap_or(PARTS_MOST);
            self.add(part, of, new);
            return;
        }
        for statement in new.others {
            let one = Content { others: vec![statement], ..Content::default() };
            let part = own.iter().copied().chain(1..=PARTS_MOST).find(|part| self.takes(*part, of, &one)).unwrap_or(PARTS_MOST);
            self.add(part, of, one);
        }
        // Roles are much of a length: a part that one does not fit into is tried with no other.
        let mut full: BTreeSet<usize> = BTreeSet::new();
        for role in new.roles {
            let one = Content { roles: BTreeSet::from([role]), ..Content::default() };
            for part in own.iter().copied().chain(1..=PARTS_MOST) {
                if full.contains(&part) {
                    continue;
                }
                if self.takes(part, of, &one) {
                    self.add(part, of, one);
                    break;
                }
                full.insert(part);
            }
        }
    }
}

/// Places what all manifests of the run say. `live`: the documents that there are; `prefixes`: how our Sids begin.
pub(super) fn place<'a>(live: &BTreeMap<usize, &Document>, wishes: &[Wish<'a>], prefixes: &BTreeSet<String>) -> Placed<'a> {
    let is_foreign = |s: &&Statement| !prefixes.iter().any(|p| s.sid().starts_with(p.as_str()));
    let foreign = live.iter().map(|(part, document)| (*part, document.statements.iter().filter(is_foreign).cloned().collect())).collect();
    let mut parts = Parts { wishes, foreign, ours: BTreeMap::new() };
    // All that stays is there before anything comes.
    let mut new = Vec::new();
    for (index, wish) in wishes.iter().enumerate() {
        let (kept, more) = wish.kept(live);
        for (part, content) in kept {
            parts.add(part, index, content);
        }
        new.push(more);
    }
    for (index, (wish, more)) in wishes.iter().zip(new).enumerate() {
        let prefix = ownership::sid_prefix(wish.owner);
        let own = live.iter().filter(|(_, document)| document.statements.iter().any(|s| s.sid().starts_with(&prefix))).map(|(part, _)| *part).collect();
        if !more.roles.is_empty() || !more.others.is_empty() {
            parts.put(index, &own, more);
        }
    }
    let mut placed = Placed::new();
    for ((part, index), content) in &parts.ours {
        let Some(wish) = wishes.get(*index) else { continue };
        let entry = placed.entry(*part).or_default();
        entry.0.extend(wish.statements(content));
        entry.1.get_or_insert(wish.owner);
    }
    placed
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use crossrole_model::{limits, ownership};
    use crossrole_policy::{Document, Element, Statement};

    use super::{Wish, place};

    fn wanted(accounts: impl Iterator<Item = usize>) -> Vec<Statement> {
        let roles = accounts.map(|n| format!("arn:aws:iam::{n:012}:role/security/AuditReadOnly"));
        let mut assume = Statement::allow(Element::of(["sts:AssumeRole"]), Some(Element::of(roles)));
        assume.sid = Some(ownership::assume_sid("m"));
        vec![assume]
    }

    fn packed(live: &BTreeMap<usize, Document>, statements: &[Statement], held: &[usize]) -> BTreeMap<usize, Document> {
        let held = held.iter().map(|n| format!("arn:aws:iam::{n:012}:role/security/AuditReadOnly")).collect();
        all(live, &[Wish { owner: "m", statements, held }])
    }

    /// The parts with what others have in them.
    fn all(live: &BTreeMap<usize, Document>, wishes: &[Wish<'_>]) -> BTreeMap<usize, Document> {
        let prefixes: BTreeSet<String> = wishes.iter().map(|wish| ownership::sid_prefix(wish.owner)).collect();
        let documents = live.iter().map(|(part, document)| (*part, document)).collect();
        let foreign = |s: &&Statement| !prefixes.iter().any(|p| s.sid().starts_with(p.as_str()));
        let mut out: BTreeMap<usize, Document> =
            live.iter().map(|(part, d)| (*part, Document::new(d.statements.iter().filter(foreign).cloned().collect()))).collect();
        for (part, (statements, _)) in place(&documents, wishes, &prefixes) {
            out.entry(part).or_insert_with(|| Document::new(Vec::new())).statements.extend(statements);
        }
        out.retain(|_, document| !document.statements.is_empty());
        out
    }

    fn roles(parts: &BTreeMap<usize, Document>) -> Vec<String> {
        let mut all: Vec<String> = parts.values().flat_map(|d| &d.statements).flat_map(|s| s.resource.clone().unwrap().values).collect();
        all.sort();
        all
    }

    /// Exact, within the limit, as few as hold it, and stable: one account more or less rewrites one document.
    #[test]
    fn any_number_of_roles_is_packed_exactly_and_stays_where_it_is() {
        for count in [1, 40, 99, 106, 107, 108, 109, 300, 700] {
            let first = packed(&BTreeMap::new(), &wanted(1..=count), &[]);
            let whole = wanted(1..=count)[0].resource.clone().unwrap().values;
            assert_eq!(roles(&first), whole, "{count}");
            assert!(first.values().all(|d| d.size() <= limits::MANAGED_POLICY), "{count}");
            let least = Document::new(wanted(1..=count)).size().div_ceil(limits::MANAGED_POLICY);
            assert!(first.len() <= least + 1, "{count}: {} parts, {least} at least", first.len());
            assert_eq!(packed(&first, &wanted(1..=count), &[]), first, "{count}: nothing moves");
            for changed in [wanted(1..=count + 1), wanted((1..=count).filter(|n| *n != count / 2 + 1))] {
                let next = packed(&first, &changed, &[]);
                let touched = first.keys().chain(next.keys()).collect::<BTreeSet<_>>().into_iter().filter(|part| first.get(part) != next.get(part)).count();
                assert_eq!(touched, 1, "{count}");
                assert_eq!(roles(&next), changed[0].resource.clone().map_or_else(Vec::new, |r| r.values), "{count}");
            }
        }
    }

    /// What is withheld stays where it is let, and is let nowhere else.
    #[test]
    fn withheld_roles_stay_as_they_are() {
        for count in [5, 300] {
            let first = packed(&BTreeMap::new(), &wanted(1..=count), &[]);
            assert_eq!(packed(&first, &wanted(1..=count + 1), &[1, count + 1]), first, "{count}");
        }
    }

    /// Two manifests and somebody else in the same parts: nobody's part gets too long, and what is there stays.
    #[test]
    fn others_keep_their_room() {
        let theirs = |count: usize| {
            let mut statement =
                Statement::allow(Element::of(["s3:GetObject"]), Some(Element::of((0..count).map(|n| format!("arn:aws:s3:::somebody-elses-bucket-{n:04}/*")))));
            statement.sid = Some("Theirs".to_owned());
            Document::new(vec![statement])
        };
        let of = |owner: &str, from: usize, to: usize| {
            let mut statements = wanted(from..=to);
            statements[0].sid = Some(ownership::assume_sid(owner));
            statements
        };
        for foreign in [0, 20, 130] {
            let start = if foreign == 0 { BTreeMap::new() } else { BTreeMap::from([(1, theirs(foreign))]) };
            let big = of("z", 1, 150);
            let z = |statements| Wish { owner: "z", statements, held: BTreeSet::new() };
            let first = all(&start, &[z(&big)]);
            for small in [of("a", 1, 10), of("a", 1, 90), of("a", 1, 200)] {
                let a = Wish { owner: "a", statements: &small, held: BTreeSet::new() };
                let both = all(&first, &[a, z(&big)]);
                assert!(both.values().all(|d| d.size() <= limits::MANAGED_POLICY), "{foreign}");
                let roles_of = |parts: &BTreeMap<usize, Document>, owner: &str| -> BTreeMap<usize, Vec<String>> {
                    let sid = ownership::assume_sid(owner);
                    let of = |d: &Document| d.statements.iter().filter(|s| s.sid() == sid).flat_map(|s| s.resource.clone().unwrap().values).collect();
                    parts.iter().map(|(part, d)| (*part, of(d))).filter(|(_, roles): &(usize, Vec<String>)| !roles.is_empty()).collect()
                };
                assert_eq!(roles_of(&both, "z"), roles_of(&first, "z"), "what was there has moved");
                assert_eq!(roles_of(&both, "a").values().map(Vec::len).sum::<usize>(), small[0].resource.clone().unwrap().values.len());
                let a = Wish { owner: "a", statements: &small, held: BTreeSet::new() };
                assert_eq!(all(&both, &[a, z(&big)]), both, "nothing moves");
            }
        }
    }

    /// Of a statement that is withheld, what was said before stays, and nothing new comes.
    #[test]
    fn a_withheld_statement_leaves_what_was_there() {
        let grant = |action: &str, sid: &str| {
            let mut statement = Statement::allow(Element::of([action]), Some(Element::of(["arn:aws:s3:::data/*"])));
            statement.sid = Some(format!("{}{sid}", ownership::sid_prefix("m")));
            statement
        };
        let (old, new, other) = (grant("s3:GetObject", "old"), grant("s3:PutObject", "new"), grant("s3:ListBucket", "other"));
        let live = BTreeMap::from([(1, Document::new(vec![old.clone()]))]);
        let statements = [new.clone(), other.clone()];
        let wish = |held: &[&Statement]| Wish { owner: "m", statements: &statements, held: held.iter().map(|s| s.sid().to_owned()).collect() };
        let sids = |parts: &BTreeMap<usize, Document>| parts.values().flat_map(|d| d.statements.iter().map(|s| s.sid().to_owned())).collect::<BTreeSet<_>>();
        let of = |list: &[&Statement]| list.iter().map(|s| s.sid().to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(sids(&all(&live, &[wish(&[])])), of(&[&new, &other]));
        assert_eq!(sids(&all(&live, &[wish(&[&new])])), of(&[&old, &other]));
    }

    /// What somebody has made a Deny lets nobody in, and is not taken for what is let.
    #[test]
    fn an_altered_statement_is_not_what_stays() {
        let mut first = packed(&BTreeMap::new(), &wanted(1..=5), &[]);
        first.get_mut(&1).unwrap().statements[0].effect = crossrole_policy::Effect::Deny;
        let next = packed(&first, &wanted(1..=5), &[3]);
        assert_eq!(roles(&next).len(), 4, "the withheld one is not let");
        assert!(next[&1].statements.iter().all(|s| s.effect == crossrole_policy::Effect::Allow));
    }
}
