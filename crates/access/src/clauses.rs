//! What clauses ask of whoever meets them.

use crossrole_model::access::{Clause, How, Relation, Which};
use crossrole_policy::Statement;

use crate::language::relation;

/// The conditions of a statement as clauses; one with an operator that there is not is none.
pub fn clauses(statement: &Statement) -> Vec<Clause> {
    let each = statement.conditions.iter().flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values)));
    let clause = |(operator, key, values): (&String, &String, &Vec<String>)| {
        Some(Clause { key: key.clone(), relation: relation(operator, true, values)?, values: values.clone() })
    };
    each.filter_map(clause).collect()
}

/// Clauses by which requests must have this key with one of the clause's values: no clause that is met without it counts.
pub fn asked<'c>(clauses: &'c [Clause], key: &str) -> impl Iterator<Item = &'c Clause> {
    let of_key = move |clause: &&Clause| clause.key.eq_ignore_ascii_case(key);
    // What every value has to be is met where there is none, unless there has to be one.
    let is_there = clauses.iter().filter(of_key).any(|clause| clause.relation == Relation::Present);
    clauses.iter().filter(of_key).filter(move |clause| is_positive(clause, is_there))
}

/// Tells whether requests must have this key with a value that passes.
pub fn asks_only_for(clauses: &[Clause], key: &str, test: impl Fn(&Clause, &str) -> bool) -> bool {
    asked(clauses, key).any(|clause| !clause.values.is_empty() && clause.values.iter().all(|value| test(clause, value)))
}

/// Keys that each request with credentials of an account has, once (IAM User Guide, "AWS global condition context keys"): of others, none of
/// these is left in a clause.
const OF_EACH: [&str; 4] = ["aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalType", "aws:userid"];

/// Tells whether requests must have the key with a value of the clause. `is_there`: something else says that they have it.
pub fn is_positive(clause: &Clause, is_there: bool) -> bool {
    let is_there = is_there || OF_EACH.iter().any(|key| clause.key.eq_ignore_ascii_case(key));
    match clause.relation {
        Relation::Compares(how) => {
            let some = is_there || !how.or_absent && how.which != Which::Every;
            some && !how.not && matches!(how.how, How::Is | How::IsInAnyCase | How::Like | How::LikeArn | How::In)
        }
        Relation::Absent | Relation::Present => false,
    }
}

/// Tells whether `*` and `?` stand for anything in the values of a clause.
pub fn is_pattern(clause: &Clause) -> bool {
    matches!(clause.relation, Relation::Compares(how) if matches!(how.how, How::Like | How::LikeArn))
}
