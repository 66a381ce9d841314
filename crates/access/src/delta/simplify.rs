//! Clauses of one key that say together what one of them could say alone: `is a or b` beside `is not a` is `is b`.

use std::collections::BTreeSet;

use crossrole_model::access::{Clause, Comparison, How, Relation, Which};

/// Says the same with fewer clauses.
pub(super) fn simplify(clauses: &mut Vec<Clause>) {
    for clause in clauses.iter_mut() {
        let mut seen = BTreeSet::new();
        clause.values.retain(|value| seen.insert(value.clone()));
    }
    let mut at = 0;
    while at < clauses.len() {
        let Some(one) = clauses.get(at).cloned() else { return };
        let other = clauses
            .iter()
            .enumerate()
            .find_map(|(other, c)| (other != at && c.key == one.key).then(|| joined(&one, c)).flatten().map(|joined| (other, joined)));
        match other {
            Some((other, joined)) => {
                if let Some(slot) = clauses.get_mut(at) {
                    *slot = joined;
                }
                clauses.remove(other);
                // What was joined may be joined once more.
                at = 0;
            }
            None => at += 1,
        }
    }
}

/// What two clauses say of one value, or of every value, where one can say it.
fn joined(a: &Clause, b: &Clause) -> Option<Clause> {
    let (Relation::Compares(x), Relation::Compares(y)) = (a.relation, b.relation) else { return None };
    // Of "at least one value" each clause may mean another one.
    if x.which != y.which || x.which == Which::Some {
        return None;
    }
    let both = Comparison { or_absent: x.or_absent && y.or_absent, ..x };
    let says = |how: How, values: Vec<String>| Some(Clause { relation: Relation::Compares(Comparison { how, ..both }), values, ..a.clone() });
    match (x.how, x.not, y.how, y.not) {
        (of, true, other, true) if of == other => says(of, a.values.iter().chain(&b.values).cloned().collect::<BTreeSet<_>>().into_iter().collect()),
        // A list of exact values is all that is left of it.
        (How::Is, false, How::Is, true) | (How::In, false, How::In, true) => {
            // Of ranges, those that are the same are told: others may overlap.
            if x.how == How::In && !b.values.iter().all(|v| a.values.contains(v)) {
                return None;
            }
            let left: Vec<String> = a.values.iter().filter(|v| !b.values.contains(v)).cloned().collect();
            let disjoint = if x.how == How::Is { differ(&left, &b.values) } else { apart(&left, &b.values) };
            if left.is_empty() || !disjoint { None } else { says(x.how, left) }
        }
        (How::AtLeast, false, How::AtMost, false) if a.values == b.values && a.values.len() == 1 => says(How::Is, a.values.clone()),
        _ => None,
    }
}

/// Tells whether no value of one list is one of the other in another spelling: `10` and `10.0`, `true` and `True`, a day and
/// its first moment.
fn differ(a: &[String], b: &[String]) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let same = |x: &str, y: &str| {
        let day = x.get(..10).filter(|day| day.contains('-') && day.starts_with(|c: char| c.is_ascii_digit()));
        x.eq_ignore_ascii_case(y) || number(x).is_some_and(|n| number(y) == Some(n)) || day.is_some() && y.get(..10) == day
    };
    !a.iter().any(|x| b.iter().any(|y| same(x, y)))
}

/// Tells whether no range of one list meets one of the other.
fn apart(a: &[String], b: &[String]) -> bool {
    let nets = |list: &[String]| list.iter().map(|text| crate::engine::condition::net(text)).collect::<Option<Vec<_>>>();
    let (Some(a), Some(b)) = (nets(a), nets(b)) else { return false };
    a.iter().all(|x| b.iter().all(|y| !x.contains(y) && !y.contains(x)))
}
