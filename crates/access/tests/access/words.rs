//! Reads the clauses of a change, put to a request.

use crossrole_access::{Context, ContextValue};
use crossrole_model::access::{AccessChange, Clause, How, Relation, Which};

/// Tells whether a change speaks of requests with these keys.
pub(crate) fn speaks_of(change: &AccessChange, context: &Context) -> bool {
    change.when.is_empty() || change.when.iter().any(|clauses| clauses.iter().all(|c| holds(c, context)))
}

fn holds(clause: &Clause, context: &Context) -> bool {
    let actual = context.get(&clause.key);
    let comparison = match clause.relation {
        Relation::Absent => return actual.is_none(),
        Relation::Present => return actual.is_some(),
        Relation::Compares(comparison) => comparison,
    };
    let values = match actual {
        None => return comparison.or_absent,
        Some(ContextValue::One(value)) => std::slice::from_ref(value),
        Some(ContextValue::Many(values)) => values,
    };
    let one = |value: &String| {
        let fits = |wanted: &String| filled(wanted, context).is_some_and(|wanted| fits(comparison.how, value, &wanted));
        clause.values.iter().any(fits) != comparison.not
    };
    match comparison.which {
        Which::Some => values.iter().any(one),
        Which::Every => values.iter().all(one),
        Which::One => {
            let [value] = values else { panic!("{clause:?} of several values") };
            one(value)
        }
    }
}

/// A value with its variables filled in; `None` where one has no value: it equals nothing.
fn filled(text: &str, context: &Context) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("${") {
        let (key, after) = from.split_once('}')?;
        let Some(ContextValue::One(value)) = context.get(key) else { return None };
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn fits(how: How, value: &str, wanted: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    match how {
        How::Is => wanted == value,
        How::IsInAnyCase => wanted.to_lowercase() == value.to_lowercase(),
        How::Like => like(wanted.as_bytes(), value.as_bytes()),
        How::LikeArn => {
            let [pattern, arn] = [wanted, value].map(|text| text.splitn(6, ':').collect::<Vec<_>>());
            pattern.len() == 6 && arn.len() == 6 && pattern.iter().zip(arn).all(|(p, a)| like(p.as_bytes(), a.as_bytes()))
        }
        How::In => within(wanted, value),
        How::Below => number(value) < number(wanted),
        How::AtMost => number(value) <= number(wanted),
        How::Above => number(value) > number(wanted),
        How::AtLeast => number(value) >= number(wanted),
        // Times of one form sort as text.
        How::Before => value < wanted,
        How::NotAfter => value <= wanted,
        How::After => value > wanted,
        How::NotBefore => value >= wanted,
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
