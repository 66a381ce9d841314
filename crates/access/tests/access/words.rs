//! Reads what people read: the words of a condition, put to a request.

use crossrole_access::{Context, ContextValue};
use crossrole_model::access::{AccessChange, Clause};

/// Tells whether a change speaks of requests with these keys.
pub(crate) fn speaks_of(change: &AccessChange, context: &Context) -> bool {
    change.when.is_empty() || change.when.iter().any(|clauses| clauses.iter().all(|c| holds(c, context)))
}

fn holds(clause: &Clause, context: &Context) -> bool {
    let values = match context.get(&clause.key) {
        None => return clause.relation == "is absent" || clause.relation.ends_with(" (or is absent)"),
        Some(ContextValue::One(value)) => std::slice::from_ref(value),
        Some(ContextValue::Many(values)) => values,
    };
    let relation = clause.relation.trim_end_matches(" (or is absent)");
    let one = |words: &str, value: &String| fits(words, value, &clause.values);
    match relation {
        "is absent" => false,
        "is present" => true,
        _ => {
            if let Some(words) = relation.strip_prefix("has a value that ") {
                return values.iter().any(|v| one(words, v));
            }
            if let Some(words) = relation.strip_prefix("has only values of which each ").or_else(|| relation.strip_prefix("has no value but what ")) {
                return values.iter().all(|v| one(words, v));
            }
            let [value] = values else { panic!("{clause:?} of several values") };
            one(relation, value)
        }
    }
}

/// Positive words want any of the texts, negative ones none.
fn fits(words: &str, value: &str, texts: &[String]) -> bool {
    let any = |test: &dyn Fn(&str) -> bool| texts.iter().any(|t| test(t));
    let number = |text: &str| text.parse::<f64>().unwrap();
    match words {
        "is" => any(&|t| t == value),
        "is not" => !any(&|t| t == value),
        "is like" => any(&|t| like(t.as_bytes(), value.as_bytes())),
        "is not like" => !any(&|t| like(t.as_bytes(), value.as_bytes())),
        "is in" => any(&|t| within(t, value)),
        "is not in" => !any(&|t| within(t, value)),
        "is at most" => any(&|t| number(value) <= number(t)),
        "is above" => !any(&|t| number(value) <= number(t)),
        // Times of one form sort as text.
        "is before" => any(&|t| value < t),
        "is not before" => !any(&|t| value < t),
        other => panic!("words that no reader knows: {other}"),
    }
}

fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => like(rest, text) || text.split_first().is_some_and(|(_, text)| like(pattern, text)),
        ([p, rest @ ..], [t, text @ ..]) if *p == b'?' || p == t => like(rest, text),
        _ => false,
    }
}

fn within(block: &str, address: &str) -> bool {
    let (net, bits) = block.split_once('/').unwrap();
    let number = |text: &str| u32::from(text.parse::<std::net::Ipv4Addr>().unwrap());
    let shift = 32 - bits.parse::<u32>().unwrap();
    number(net) >> shift == number(address) >> shift
}
