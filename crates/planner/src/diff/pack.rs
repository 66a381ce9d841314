//! Where the statements of a principal's caller policy stand, when there are more of them than one managed policy takes.
//!
//! What a manifest says of a principal stands together while it fits into one part. Beyond that, roles that may be assumed, and
//! statements, are placed one by one: each stays where it is, and what is new goes into the first part with room. So one role more
//! rewrites one document, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{limits, ownership};
use crossrole_policy::{Document, Element, Statement};

/// What one manifest says of one principal.
pub(super) struct Wish<'a> {
    pub(super) owner: &'a str,
    pub(super) statements: &'a [Statement],
    /// Roles of it that are withheld: they are not let where they are not let now, and stay where they are.
    pub(super) held: BTreeSet<String>,
}

/// Our statements by part, with the first manifest of each.
pub(super) type Placed<'a> = BTreeMap<usize, (Vec<Statement>, Option<&'a str>)>;

impl Wish<'_> {
    fn sid(&self) -> String {
        ownership::assume_sid(self.owner)
    }

    /// The roles that a document lets the principal assume for this manifest.
    fn roles_in(&self, document: &Document) -> Vec<String> {
        let sid = self.sid();
        let ours = document.statements.iter().filter(|s| s.sid() == sid);
        ours.flat_map(|s| s.resource.iter().flat_map(|r| r.values.clone())).collect()
    }

    fn assume(&self, roles: impl IntoIterator<Item = String>) -> Option<Statement> {
        let roles: BTreeSet<String> = roles.into_iter().collect();
        let whole = self.statements.iter().find(|s| s.sid() == self.sid())?;
        (!roles.is_empty()).then(|| Statement { resource: Some(Element::of(roles)), ..whole.clone() })
    }

    /// All roles that are let, and the statements beside them.
    fn content(&self, live: &BTreeMap<usize, &Document>) -> (BTreeSet<String>, Vec<Statement>) {
        let sid = self.sid();
        let wanted = self.statements.iter().filter(|s| s.sid() == sid).flat_map(|s| s.resource.iter().flat_map(|r| r.values.iter().cloned()));
        let mut roles: BTreeSet<String> = wanted.filter(|role| !self.held.contains(role)).collect();
        roles.extend(live.values().flat_map(|document| self.roles_in(document)).filter(|role| self.held.contains(role)));
        (roles, self.statements.iter().filter(|s| s.sid() != sid).cloned().collect())
    }
}

/// Places what all manifests of the run say. `live`: the documents that there are; `prefixes`: how our Sids begin.
pub(super) fn place<'a>(live: &BTreeMap<usize, &Document>, wishes: &[Wish<'a>], prefixes: &BTreeSet<String>) -> Placed<'a> {
    let foreign = |s: &&Statement| !prefixes.iter().any(|p| s.sid().starts_with(p.as_str()));
    let mut rooms: BTreeMap<usize, Document> =
        live.iter().map(|(part, document)| (*part, Document::new(document.statements.iter().filter(foreign).cloned().collect()))).collect();
    let mut placed = Placed::new();
    for wish in wishes {
        let (roles, others) = wish.content(live);
        let whole: Vec<Statement> = wish.assume(roles.clone()).into_iter().chain(others.clone()).collect();
        if whole.is_empty() {
            continue;
        }
        let by_part = if Document::new(whole.clone()).size() <= limits::MANAGED_POLICY {
            together(live, wish, whole, &rooms)
        } else {
            apart(live, wish, roles, others, &rooms)
        };
        for (part, statements) in by_part {
            rooms.entry(part).or_insert_with(|| Document::new(Vec::new())).statements.extend(statements.iter().cloned());
            let entry = placed.entry(part).or_default();
            entry.0.extend(statements);
            entry.1.get_or_insert(wish.owner);
        }
    }
    placed
}

/// All of it in the part where some of it is, or in the first with room.
fn together(live: &BTreeMap<usize, &Document>, wish: &Wish<'_>, whole: Vec<Statement>, rooms: &BTreeMap<usize, Document>) -> BTreeMap<usize, Vec<Statement>> {
    let prefix = ownership::sid_prefix(wish.owner);
    let home = live.iter().find(|(_, document)| document.statements.iter().any(|s| s.sid().starts_with(&prefix))).map(|(part, _)| *part);
    let part = home.into_iter().chain(1..).find(|part| fits(rooms.get(part), &whole)).unwrap_or(1);
    BTreeMap::from([(part, whole)])
}

fn fits(room: Option<&Document>, statements: &[Statement]) -> bool {
    let Some(room) = room.filter(|room| !room.statements.is_empty()) else { return true };
    let all = room.statements.iter().chain(statements).cloned().collect();
    Document::new(all).size() <= limits::MANAGED_POLICY
}

/// Each role, and each statement, where it is, and what is new where there is room.
fn apart(
    live: &BTreeMap<usize, &Document>,
    wish: &Wish<'_>,
    mut roles: BTreeSet<String>,
    others: Vec<Statement>,
    rooms: &BTreeMap<usize, Document>,
) -> BTreeMap<usize, Vec<Statement>> {
    let mut at: BTreeMap<usize, (BTreeSet<String>, Vec<Statement>)> = BTreeMap::new();
    let mut new: Vec<Statement> = Vec::new();
    for (part, document) in live {
        let stay: Vec<String> = wish.roles_in(document).into_iter().filter(|role| roles.remove(role)).collect();
        at.entry(*part).or_default().0.extend(stay);
    }
    for statement in others {
        match live.iter().find(|(_, document)| document.statements.iter().any(|s| s.sid() == statement.sid())) {
            Some((part, _)) => at.entry(*part).or_default().1.push(statement),
            None => new.push(statement),
        }
    }
    let takes = |at: &BTreeMap<usize, (BTreeSet<String>, Vec<Statement>)>, part: usize, role: Option<&String>, statement: Option<&Statement>| {
        let (roles, others) = at.get(&part).cloned().unwrap_or_default();
        let roles = roles.into_iter().chain(role.cloned());
        let statements: Vec<Statement> = wish.assume(roles).into_iter().chain(others).chain(statement.cloned()).collect();
        fits(rooms.get(&part), &statements) && Document::new(statements).size() <= limits::MANAGED_POLICY
    };
    for statement in new {
        let part = (1..).find(|part| takes(&at, *part, None, Some(&statement)) || !at.contains_key(part) && !rooms.contains_key(part)).unwrap_or(1);
        at.entry(part).or_default().1.push(statement);
    }
    // Roles are much of a length: where one did not fit, no other is tried.
    let mut part = 1;
    for role in roles {
        while !takes(&at, part, Some(&role), None) && (at.contains_key(&part) || rooms.contains_key(&part)) {
            part += 1;
        }
        at.entry(part).or_default().0.insert(role);
    }
    let statements = |(roles, others): (BTreeSet<String>, Vec<Statement>)| wish.assume(roles).into_iter().chain(others).collect::<Vec<_>>();
    at.into_iter().map(|(part, content)| (part, statements(content))).filter(|(_, statements)| !statements.is_empty()).collect()
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
        let live = live.iter().map(|(part, document)| (*part, document)).collect();
        let placed = place(&live, &[Wish { owner: "m", statements, held }], &BTreeSet::from([ownership::sid_prefix("m")]));
        placed.into_iter().map(|(part, (statements, _))| (part, Document::new(statements))).collect()
    }

    fn roles(parts: &BTreeMap<usize, Document>) -> Vec<String> {
        let mut all: Vec<String> = parts.values().flat_map(|d| &d.statements).flat_map(|s| s.resource.clone().unwrap().values).collect();
        all.sort();
        all
    }

    /// Exact, within the limit, as few as hold it, and stable: one account more or less rewrites one document.
    #[test]
    fn any_number_of_roles_is_packed_exactly_and_stays_where_it_is() {
        for count in [1, 40, 99, 101, 300, 700] {
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
}
