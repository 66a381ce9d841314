//! Who gains and who loses, in words.

use crossrole_model::Plan;
use crossrole_model::access::{AccessChange, AccessDelta, Clause, Direction};
use serde_json::{Value, json};

use crate::{MASK, View, safe};

/// Most lines of the section: a reader who sees more reads none. JSON has them all.
const LINES_MOST: usize = 200;

/// The section of a plan; empty when nothing is decided otherwise and nothing is undecided.
pub(crate) fn section(plan: &Plan, view: View) -> String {
    let Some(delta) = &plan.access else { return String::new() };
    if plan.is_empty() {
        return String::new();
    }
    if delta.changes.is_empty() && delta.undecided.is_empty() {
        return "Access: nobody gains or loses anything.\n\n".to_owned();
    }
    let mut lines: Vec<String> = delta.changes.iter().map(|c| line(c, view)).collect();
    lines.extend(delta.undecided.iter().map(|u| format!("? {} on {}: not decided: {}", safe(&u.who), safe(&u.what), safe(&u.why))));
    let more = lines.len().saturating_sub(LINES_MOST);
    let mut out = format!("Access: {}\n", counts(delta));
    for line in lines.iter().take(LINES_MOST) {
        out.push_str(&format!("  {line}\n"));
    }
    if more > 0 {
        out.push_str(&format!("  … and {more} more: see --json\n"));
    }
    out.push('\n');
    out
}

fn counts(delta: &AccessDelta) -> String {
    let of = |direction: Direction| delta.changes.iter().filter(|c| c.direction == direction).count();
    let count = |n: usize, one: &str, many: &str| (n > 0).then(|| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") });
    let parts = [
        count(of(Direction::Widened), "widening", "widenings"),
        count(of(Direction::Narrowed), "narrowing", "narrowings"),
        count(delta.undecided.len(), "not decided", "not decided"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn line(change: &AccessChange, view: View) -> String {
    let many = ["members ", "tokens "].iter().any(|word| change.who.starts_with(word));
    let (symbol, verb) = match (change.direction, many) {
        (Direction::Widened, false) => ("+", "gains"),
        (Direction::Widened, true) => ("+", "gain"),
        (Direction::Narrowed, false) => ("-", "loses"),
        (Direction::Narrowed, true) => ("-", "lose"),
    };
    let list = |items: &[String]| items.iter().map(|i| safe(i)).collect::<Vec<_>>().join(", ");
    let when = when(&change.when, view);
    format!("{symbol} {} {verb} {} on {}{when}", safe(&change.who), list(&change.actions), list(&change.resources))
}

/// ` when A and B, or when C`; nothing when it is always so.
pub(crate) fn when(boxes: &[Vec<Clause>], view: View) -> String {
    let all = |clauses: &[&Clause]| clauses.iter().map(|c| clause(c, view)).collect::<Vec<_>>().join(" and ");
    let Some((first, others)) = boxes.split_first() else { return String::new() };
    let (common, _): (Vec<&Clause>, Vec<&Clause>) = first.iter().partition(|c| others.iter().all(|one| one.contains(c)));
    if others.is_empty() {
        return format!(" when {}", all(&common));
    }
    // What all cases have in common is said once.
    let each = |one: &Vec<Clause>| all(&one.iter().filter(|c| !common.contains(c)).collect::<Vec<_>>());
    let cases = boxes.iter().map(each).collect::<Vec<_>>().join(", or ");
    if common.is_empty() { format!(" when {cases}") } else { format!(" when {} and, besides, {cases}", all(&common)) }
}

fn clause(clause: &Clause, view: View) -> String {
    let values: Vec<String> = values(&clause.key, &clause.values, view).iter().map(|v| if v.is_empty() { "\"\"".to_owned() } else { safe(v) }).collect();
    let (relation, absent) = match clause.relation.strip_suffix(" (or is absent)") {
        Some(relation) => (relation, " (or is absent)"),
        None => (clause.relation.as_str(), ""),
    };
    let values = if values.is_empty() { String::new() } else { format!(" {}", values.join(" or ")) };
    format!("{} {relation}{values}{absent}", safe(&clause.key))
}

/// External ids are for the two parties.
fn values(key: &str, values: &[String], view: View) -> Vec<String> {
    let hide = !view.show_external_ids && key.eq_ignore_ascii_case("sts:ExternalId");
    values.iter().map(|v| if hide { MASK.to_owned() } else { v.clone() }).collect()
}

/// One clause for machines.
pub(crate) fn clause_json(clause: &Clause, view: View) -> Value {
    json!({"key": clause.key, "relation": clause.relation, "values": values(&clause.key, &clause.values, view)})
}

/// The same, for machines; each change with its witness.
pub(crate) fn json(delta: &AccessDelta, view: View) -> Value {
    let clause = |c: &Clause| clause_json(c, view);
    let changes: Vec<Value> = delta
        .changes
        .iter()
        .map(|c| {
            let context: serde_json::Map<String, Value> = c.witness.context.iter().map(|(k, v)| (k.clone(), json!(values(k, v, view)))).collect();
            json!({
                "direction": c.direction,
                "principal": c.who,
                "account": c.account,
                "actions": c.actions,
                "resources": c.resources,
                "when": c.when.iter().map(|one| one.iter().map(clause).collect::<Vec<_>>()).collect::<Vec<_>>(),
                "text": line(c, view),
                "witness": {
                    "principal": c.witness.principal,
                    "action": c.witness.action,
                    "resource": c.witness.resource,
                    "context": context,
                    "before": c.witness.before,
                    "after": c.witness.after,
                },
            })
        })
        .collect();
    json!({
        "changes": changes,
        "undecided": delta.undecided.iter().map(|u| json!({"principal": u.who, "what": u.what, "why": u.why})).collect::<Vec<_>>(),
        "widens": delta.widens(),
    })
}
