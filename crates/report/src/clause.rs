//! Conditions in words.

use crossrole_model::access::{Clause, Comparison, How, Relation, Which};
use serde_json::{Value, json};

use crate::{MASK, View, safe, sets};

/// ` when A and B, or when C`, in parts; nothing when it is always so.
pub(crate) fn when(boxes: &[Vec<Clause>], view: View) -> Vec<String> {
    let all = |clauses: &[&Clause]| -> Vec<String> {
        let mut said: Vec<(&str, String, String)> = clauses.iter().map(|c| (c.key.as_str(), relation(c.relation), clause(c, view))).collect();
        said.sort();
        said.into_iter().map(|(.., text)| text).collect()
    };
    let Some((first, others)) = boxes.split_first() else { return Vec::new() };
    let (common, _): (Vec<&Clause>, Vec<&Clause>) = first.iter().partition(|c| others.iter().all(|one| one.contains(c)));
    // What all cases have in common is said once.
    let each = |one: &Vec<Clause>| all(&one.iter().filter(|c| !common.contains(c)).collect::<Vec<_>>()).join(" and ");
    let begin = |at: usize| if at == 0 { " when " } else { " and " };
    let mut out: Vec<String> = all(&common).into_iter().enumerate().map(|(at, text)| format!("{}{text}", begin(at))).collect();
    if out.is_empty() && others.is_empty() {
        return vec![" when ".to_owned()];
    }
    if !others.is_empty() {
        let lead = if out.is_empty() { " when " } else { " and, besides, " };
        out.extend(boxes.iter().enumerate().map(|(at, one)| format!("{}{}", if at == 0 { lead } else { ", or " }, each(one))));
    }
    out
}

pub(crate) fn clause(clause: &Clause, view: View) -> String {
    if let Some(of_sets) = sets::clause(clause) {
        return safe(&of_sets);
    }
    let values: Vec<String> = values(&clause.key, &clause.values, view).iter().map(|v| quoted(v)).collect();
    let values = if values.is_empty() { String::new() } else { format!(" {}", values.join(" or ")) };
    let absent = if is_or_absent(clause.relation) { OR_ABSENT } else { "" };
    format!("{} {}{values}{absent}", quoted(&clause.key), relation(clause.relation))
}

/// A text of a policy as it stands in a sentence: in quotes where it could be read as more of the sentence.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | ',' | ';' | '(' | ')' | '[' | ']');
    let is_word = ["absent", "present", "or", "and", "when", "not"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if !text.is_empty() && !is_word && text.chars().all(plain) { safe(text) } else { format!("\"{}\"", safe(&text.replace('"', "\\\""))) }
}

const OR_ABSENT: &str = " (or is absent)";

fn is_or_absent(relation: Relation) -> bool {
    matches!(relation, Relation::Compares(Comparison { or_absent: true, .. }))
}

/// Completes "key …", before its values.
fn relation(relation: Relation) -> String {
    let Comparison { which, not, how, .. } = match relation {
        Relation::Absent => return "is absent".to_owned(),
        Relation::Present => return "is present".to_owned(),
        Relation::Compares(comparison) => comparison,
    };
    // What holds of none of the values is said so.
    let none = which == Which::Every && not;
    let words = match (how, not && !none) {
        (How::Is, false) => "is",
        (How::Is, true) => "is not",
        (How::IsInAnyCase, false) => "is, in any case,",
        (How::IsInAnyCase, true) => "is not, in any case,",
        (How::Like | How::LikeArn, false) => "is like",
        (How::Like | How::LikeArn, true) => "is not like",
        (How::In, false) => "is in",
        (How::In, true) => "is not in",
        (How::Below, false) | (How::AtLeast, true) => "is below",
        (How::AtMost, false) | (How::Above, true) => "is at most",
        (How::Above, false) | (How::AtMost, true) => "is above",
        (How::AtLeast, false) | (How::Below, true) => "is at least",
        (How::Before, false) | (How::NotBefore, true) => "is before",
        (How::NotAfter, false) | (How::After, true) => "is not after",
        (How::After, false) | (How::NotAfter, true) => "is after",
        (How::NotBefore, false) | (How::Before, true) => "is not before",
    };
    match which {
        Which::One => words.to_owned(),
        Which::Some => format!("has a value that {words}"),
        Which::Every if none => format!("has no value that {words}"),
        Which::Every => format!("has no value but what {words}"),
    }
}

/// External ids are for the two parties.
pub(crate) fn is_masked(key: &str, view: View) -> bool {
    !view.show_external_ids && key.eq_ignore_ascii_case("sts:ExternalId")
}

/// Tags of the resource are nothing that a caller brings.
pub(crate) fn is_of_resource(key: &str) -> bool {
    ["aws:ResourceTag/", "iam:ResourceTag/", "s3:BucketTag/"].iter().any(|head| key.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head)))
}

pub(crate) fn values(key: &str, values: &[String], view: View) -> Vec<String> {
    let hide = is_masked(key, view);
    values.iter().map(|v| if hide { MASK.to_owned() } else { v.clone() }).collect()
}

/// One clause for machines.
pub(crate) fn clause_json(clause: &Clause, view: View) -> Value {
    let absent = if is_or_absent(clause.relation) { OR_ABSENT } else { "" };
    json!({
        "key": clause.key,
        "relation": format!("{}{absent}", relation(clause.relation)),
        "test": match clause.relation {
            Relation::Compares(comparison) => json!(comparison),
            other => json!(other),
        },
        "values": values(&clause.key, &clause.values, view),
    })
}
