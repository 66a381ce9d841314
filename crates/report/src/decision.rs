//! Decisions and ways, in words.

use crossrole_model::access::{Explanation, Hop, Lack, Reason, Undecided};
use serde_json::{Value, json};

use crate::access::{self, when};
use crate::{View, safe};

/// Answers, hop by hop.
pub fn explanation(answers: &[Explanation]) -> String {
    let mut out = String::new();
    for answer in answers {
        let word = match answer.decision.as_str() {
            "Allowed" => "yes",
            _ => "no",
        };
        out.push_str(&format!(
            "{word}: {} {} {} on {}\n",
            safe(&answer.who),
            if word == "yes" { "may" } else { "may not" },
            safe(&answer.action),
            safe(&answer.resource)
        ));
        out.push_str(&format!("  because {}\n", safe(&answer.because)));
        for assumed in &answer.assumed {
            out.push_str(&format!("  taken for granted: {}\n", safe(assumed)));
        }
        if !answer.fixes.is_empty() {
            out.push_str("  to make it a yes:\n");
            out.extend(answer.fixes.iter().map(|f| format!("    {}\n", safe(f))));
        }
        let (applied, near): (Vec<&Reason>, Vec<&Reason>) = answer.reasons.iter().partition(|r| r.lacks.is_empty());
        for (title, reasons) in [("  applied:", applied), ("  nearly applied:", near)] {
            if !reasons.is_empty() {
                out.push_str(&format!("{title}\n"));
                out.extend(reasons.iter().map(|r| format!("    {}\n", reason(r))));
            }
        }
    }
    out
}

fn reason(reason: &Reason) -> String {
    let sid = if reason.sid.is_empty() { String::new() } else { format!(" ({})", safe(&reason.sid)) };
    let lacks: Vec<String> = reason
        .lacks
        .iter()
        .map(|lack| match lack {
            Lack::Principal => "principal".to_owned(),
            Lack::Action { wanted } => format!("action {}", wanted.join(" or ")),
            Lack::Resource { wanted } => format!("resource {}", wanted.join(" or ")),
            Lack::Condition { operator, key, wanted, .. } => format!("{operator} {key} {}", wanted.join(" or ")),
        })
        .collect();
    let lacks = if lacks.is_empty() { String::new() } else { format!(", but not {}", safe(&lacks.join(", and not "))) };
    format!("{} of statement {}{sid}, {} ({}){lacks}", reason.effect, reason.number, safe(&reason.place), reason.layer)
}

/// The same for machines.
pub fn explanation_json(answers: &[Explanation]) -> Value {
    json!({
        "format_version": "1.0",
        "allowed": answers.last().is_some_and(|a| a.decision == "Allowed"),
        "hops": answers,
    })
}

/// Ways to a resource.
pub fn ways(ways: &[Vec<Hop>], undecided: &[Undecided], view: View) -> String {
    let mut out = String::new();
    for way in ways {
        for (depth, hop) in way.iter().enumerate() {
            let (indent, arrow) = ("  ".repeat(depth), if depth == 0 { "" } else { "then " });
            out.push_str(&format!(
                "{indent}{arrow}{}: {} on {}{}\n",
                access::party(&hop.party, hop.certainty),
                safe(&hop.action),
                safe(&hop.resource),
                when(&hop.when, view)
            ));
        }
    }
    if ways.is_empty() {
        out.push_str("nobody\n");
    }
    out.extend(undecided.iter().map(|u| format!("{}\n", access::undecided(u))));
    out
}

/// The same for machines.
pub fn ways_json(ways: &[Vec<Hop>], undecided: &[Undecided], view: View) -> Value {
    let hop = |hop: &Hop| {
        let when: Vec<Value> = hop.when.iter().map(|one| one.iter().map(|c| crate::access::clause_json(c, view)).collect()).collect();
        json!({"principal": access::party(&hop.party, hop.certainty), "party": hop.party, "certainty": hop.certainty, "action": hop.action, "resource": hop.resource, "when": when})
    };
    json!({
        "format_version": "1.0",
        "ways": ways.iter().map(|way| way.iter().map(hop).collect::<Vec<_>>()).collect::<Vec<_>>(),
        "undecided": undecided.iter().map(undecided_json).collect::<Vec<_>>(),
    })
}

fn undecided_json(one: &Undecided) -> Value {
    let mut value = access::undecided_json(one);
    if let Value::Object(map) = &mut value {
        // Of ways, who is not known is "who".
        let who = map.get("principal").cloned().unwrap_or_default();
        map.insert("who".to_owned(), who);
    }
    value
}
