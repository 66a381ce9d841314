//! Clauses of one key that say together what one of them could say alone: `is a or b` beside `is not a` is `is b`.

use crossrole_model::access::{Clause, Comparison, How, Relation, Which};

/// Says the same with fewer clauses.
pub(super) fn simplify(clauses: &mut Vec<Clause>) {
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

/// What two clauses say of one value, where one can say it.
fn joined(a: &Clause, b: &Clause) -> Option<Clause> {
    let (Relation::Compares(x), Relation::Compares(y)) = (a.relation, b.relation) else { return None };
    if x.which != Which::One || y.which != Which::One || x.or_absent {
        return None;
    }
    match (x.how, x.not, y.how, y.not) {
        // A list of exact values is all that is left of it.
        (How::Is, false, How::Is, true) | (How::In, false, How::In, true) => {
            // Of ranges, those that are the same are told: others may overlap.
            if x.how == How::In && !b.values.iter().all(|v| a.values.contains(v)) {
                return None;
            }
            let left: Vec<String> = a.values.iter().filter(|v| !b.values.contains(v)).cloned().collect();
            let disjoint = x.how == How::Is || apart(&left, &b.values);
            (!left.is_empty() && disjoint).then(|| Clause { values: left, ..a.clone() })
        }
        (How::AtLeast, false, How::AtMost, false) if a.values == b.values && a.values.len() == 1 && !y.or_absent => {
            Some(Clause { relation: Relation::Compares(Comparison { how: How::Is, ..x }), ..a.clone() })
        }
        _ => None,
    }
}

/// Tells whether no range of one list meets one of the other.
fn apart(a: &[String], b: &[String]) -> bool {
    let nets = |list: &[String]| list.iter().map(|text| crate::engine::condition::net(text)).collect::<Option<Vec<_>>>();
    let (Some(a), Some(b)) = (nets(a), nets(b)) else { return false };
    a.iter().all(|x| b.iter().all(|y| !x.contains(y) && !y.contains(x)))
}
