//! Where the statements of a principal's caller policy stand, when there are more of them than one managed policy takes.
//!
//! Each resource that something is let with, a role that may be assumed above all, stays in the part where it is. What is new goes
//! where its manifest has something already, or into the first part with room; what comes at once stands together if any part takes
//! it whole. So one role or bucket more rewrites one document, however many there are. (What is let differently than before may come to
//! stand in another part.)

mod wish;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{key, limits, ownership};
use crossrole_policy::{Document, Statement};

use wish::Content;
pub(super) use wish::Wish;

/// Most parts that are looked at: far more than a principal may hold, so that what is over the quota is said, and not cut.
const PARTS_MOST: usize = 1_000;

/// Our statements by part, with the first manifest of each.
pub(super) type Placed<'a> = BTreeMap<usize, (Vec<Statement>, Option<&'a str>)>;

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
            joined |= !content.is_empty();
            if index == of {
                content.extend(more.clone());
            }
            all.extend(wish.statements(&content));
        }
        let empty = !joined && self.foreign.get(&part).is_none_or(Vec::is_empty);
        empty || key::size(&Document::new(all)) <= limits::MANAGED_POLICY
    }

    fn add(&mut self, part: usize, of: usize, more: Content) {
        self.ours.entry((part, of)).or_default().extend(more);
    }

    /// Puts in what is new: whole where a part takes it in which the manifest has something, or, if it has nothing yet, any part; else
    /// piece by piece.
    fn put(&mut self, of: usize, own: &BTreeSet<usize>, new: Content) {
        let any = (1..=PARTS_MOST).filter(|_| own.is_empty());
        let size = self.wishes.get(of).map_or(0, |wish| key::size(&Document::new(wish.statements(&new))));
        let whole = || own.iter().copied().chain(any).find(|part| self.takes(*part, of, &new));
        if size <= limits::MANAGED_POLICY
            && let Some(part) = whole()
        {
            self.add(part, of, new);
            return;
        }
        // Resources of one statement are much of a length: a part that one does not fit into is tried with no other.
        let mut full: BTreeSet<(Option<usize>, usize)> = BTreeSet::new();
        for (alike, piece) in new.pieces() {
            let mut found = PARTS_MOST;
            for part in own.iter().copied().chain(1..=PARTS_MOST) {
                if alike.is_some() && full.contains(&(alike, part)) {
                    continue;
                }
                if self.takes(part, of, &piece) {
                    found = part;
                    break;
                }
                full.insert((alike, part));
            }
            self.add(found, of, piece);
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
        if !more.is_empty() {
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
    use crate::draft::Piece;

    fn wanted(accounts: impl Iterator<Item = usize>) -> Vec<Statement> {
        let roles = accounts.map(|n| format!("arn:aws:iam::{n:012}:role/security/AuditReadOnly"));
        let mut assume = Statement::allow(Element::of(["sts:AssumeRole"]), Some(Element::of(roles)));
        assume.sid = Some(ownership::assume_sid("m"));
        vec![assume]
    }

    fn packed(live: &BTreeMap<usize, Document>, statements: &[Statement], held: &[usize]) -> BTreeMap<usize, Document> {
        let role = |n: &usize| format!("arn:aws:iam::{n:012}:role/security/AuditReadOnly");
        let held = held.iter().map(|n| Piece::new(&ownership::assume_sid("m"), &role(n))).collect();
        all(live, &[Wish::new("m", statements, held)])
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
            let z = |statements| Wish::new("z", statements, BTreeSet::new());
            let first = all(&start, &[z(&big)]);
            for small in [of("a", 1, 10), of("a", 1, 90), of("a", 1, 200)] {
                let a = Wish::new("a", &small, BTreeSet::new());
                let both = all(&first, &[a, z(&big)]);
                assert!(both.values().all(|d| d.size() <= limits::MANAGED_POLICY), "{foreign}");
                let roles_of = |parts: &BTreeMap<usize, Document>, owner: &str| -> BTreeMap<usize, Vec<String>> {
                    let sid = ownership::assume_sid(owner);
                    let of = |d: &Document| d.statements.iter().filter(|s| s.sid() == sid).flat_map(|s| s.resource.clone().unwrap().values).collect();
                    parts.iter().map(|(part, d)| (*part, of(d))).filter(|(_, roles): &(usize, Vec<String>)| !roles.is_empty()).collect()
                };
                assert_eq!(roles_of(&both, "z"), roles_of(&first, "z"), "what was there has moved");
                assert_eq!(roles_of(&both, "a").values().map(Vec::len).sum::<usize>(), small[0].resource.clone().unwrap().values.len());
                let a = Wish::new("a", &small, BTreeSet::new());
                assert_eq!(all(&both, &[a, z(&big)]), both, "nothing moves");
            }
        }
    }

    /// What lets read objects and list buckets, as manifests write it now, and one statement for each bucket, as they did.
    fn direct(buckets: std::ops::RangeInclusive<usize>, apart: bool) -> Vec<Statement> {
        let grant = |action: &str, end: &str| {
            let resources = buckets.clone().map(|n| format!("arn:aws:s3:::partner-exchange-{n:04}{end}"));
            let mut whole = Statement::allow(Element::of([action]), Some(Element::of(resources)));
            whole.conditions.entry("StringEquals".to_owned()).or_default().insert("aws:PrincipalTag/team".to_owned(), vec!["data".to_owned()]);
            let of =
                |resource: Option<Element>, sid: String| Statement { sid: Some(format!("{}{sid}", ownership::sid_prefix("m"))), resource, ..whole.clone() };
            if apart {
                let each = whole.resource.iter().flat_map(|r| &r.values).enumerate();
                return each.map(|(n, value)| of(Some(Element::of([value.as_str()])), format!("{}{n}", action.replace(':', "")))).collect();
            }
            vec![of(whole.resource.clone(), action.replace(':', ""))]
        };
        [grant("s3:GetObject", "/*"), grant("s3:ListBucket", "")].concat()
    }

    /// What is let, piece by piece.
    fn let_by(parts: &BTreeMap<usize, Document>) -> BTreeSet<(String, String)> {
        let statements = parts.values().flat_map(|d| &d.statements);
        statements.flat_map(|s| s.resource.iter().flat_map(|r| r.values.iter().map(|value| (s.action.values.join(" "), value.clone())))).collect()
    }

    /// One statement for each bucket made ten policies of what is in three; nothing else is let, now or while it is rewritten.
    #[test]
    fn buckets_are_packed_as_roles_are() {
        fn wish(statements: &[Statement]) -> Wish<'_> {
            Wish::new("m", statements, BTreeSet::new())
        }
        for count in [1, 30, 140] {
            let (now, before) = (direct(1..=count, false), direct(1..=count, true));
            let fresh = all(&BTreeMap::new(), &[wish(&now)]);
            assert_eq!(let_by(&fresh), let_by(&BTreeMap::from([(1, Document::new(before.clone()))])), "{count}: just what was said");
            assert!(fresh.values().all(|d| d.size() <= limits::MANAGED_POLICY) && fresh.len() <= 3, "{count}: {}", fresh.len());
            assert_eq!(all(&fresh, &[wish(&now)]), fresh, "{count}: nothing moves");
            let more = direct(1..=count + 1, false);
            let grown = all(&fresh, &[wish(&more)]);
            assert_eq!(grown.iter().filter(|(part, d)| fresh.get(*part) != Some(*d)).count(), 1, "{count}: one document is rewritten");
            // As it was written before: each stays in its part, so that no rewriting of a part takes what another has to give.
            let mut parts: BTreeMap<usize, Document> = BTreeMap::new();
            for (n, chunk) in before.chunks(20).enumerate() {
                parts.insert(n + 1, Document::new(chunk.to_vec()));
            }
            let next = all(&parts, &[wish(&now)]);
            for (part, document) in &parts {
                assert_eq!(let_by(&BTreeMap::from([(1, document.clone())])), let_by(&BTreeMap::from([(1, next[part].clone())])), "{count}");
                assert!(next[part].statements.len() <= 2, "{count}");
            }
            assert_eq!(all(&next, &[wish(&now)]), next, "{count}: and that is all");
        }
    }

    /// Of one bucket that is withheld among many, what it was let stays, and nothing else waits for it.
    #[test]
    fn a_withheld_bucket_holds_no_other_up() {
        let first = all(&BTreeMap::new(), &[Wish::new("m", &direct(1..=5, false), BTreeSet::new())]);
        let wanted = direct(1..=7, false);
        let held = wanted.iter().map(|s| Piece::new(s.sid(), &s.resource.as_ref().unwrap().values[6])).collect();
        let next = all(&first, &[Wish::new("m", &wanted, held)]);
        assert_eq!(let_by(&next), let_by(&BTreeMap::from([(1, Document::new(direct(1..=6, false)))])));
        // It is let on other terms than before: what it was let stays beside it.
        let mut other = direct(1..=5, false);
        other[0].action = Element::of(["s3:PutObject"]);
        other[0].sid = Some(format!("{}put", ownership::sid_prefix("m")));
        let held = other[0].resource.iter().flat_map(|r| &r.values).map(|value| Piece::new(other[0].sid(), value)).collect();
        assert_eq!(all(&first, &[Wish::new("m", &other, held)]), first);
    }

    /// Statements that are alike and have two ids, as what is taken back leaves them, are one.
    #[test]
    fn what_is_alike_is_one_statement_whatever_it_is_called() {
        let apart = direct(1..=5, true);
        let next = all(&BTreeMap::new(), &[Wish::new("m", &apart, BTreeSet::new())]);
        assert_eq!(next[&1].statements.len(), 2);
        let documents = next.iter().map(|(part, document)| (*part, document)).collect();
        let of = |s: &Statement| Piece::new(s.sid(), &s.resource.as_ref().unwrap().values[0]);
        assert_eq!(Wish::new("m", &apart, BTreeSet::new()).there(&documents), apart.iter().map(of).collect());
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
        let wish = |held: &[&Statement]| Wish::new("m", &statements, held.iter().map(|s| Piece::new(s.sid(), "arn:aws:s3:::data/*")).collect());
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
