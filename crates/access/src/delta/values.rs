//! The values of a condition key that conditions tell apart.
//!
//! For texts and ARNs these are the classes of [`classes`](super::classes); for numbers, dates and addresses the points at, beside
//! and between the boundaries; and "missing" is a value. What is bounded: a key with many values is tried with none, each
//! one, each two, and all of the texts that matter, since a set operator asks of all or of any.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::catalogue::{self, KeyType};
use crate::engine::compiled::CompiledStatement;
use crate::engine::condition::{Condition, boolean, instant, net};
use crate::engine::operator::Test;
use crate::request::{Context, ContextValue};

use super::classes;

/// Most texts of a key with many values of which all pairs are tried.
const PAIRS_MOST: usize = 16;

/// A condition of a statement.
pub(crate) type Asked<'a> = (&'a CompiledStatement, &'a Condition);

/// Returns one value for each way in which the conditions on `key` can come out; `None` is "missing".
/// `begins`: what every value must begin with (one of these), for keys whose values the caller limits.
pub(crate) fn pool(key: &str, asked: &[Asked<'_>], context: &Context, begins: &[String]) -> Option<Vec<Option<ContextValue>>> {
    let known = catalogue::key(key);
    let mut texts = words_of(key, asked, context, begins)?;
    texts.extend(points(asked));
    if known.is_some_and(|k| k.kind == KeyType::Bool) {
        texts = vec!["true".to_owned(), "false".to_owned()];
    }
    texts.retain(|text| match known.map(|k| k.kind) {
        Some(KeyType::Number) => text.parse::<f64>().is_ok(),
        Some(KeyType::Date) => instant(text).is_some(),
        Some(KeyType::Ip) => text.parse::<IpAddr>().is_ok(),
        _ => true,
    });
    if begins.is_empty() && texts.is_empty() {
        texts.push(plain_value(known.map(|k| k.kind)).to_owned());
    }
    let mut values: Vec<Option<ContextValue>> = Vec::new();
    if !is_always_there(key) {
        values.push(None);
    }
    if known.is_none_or(|k| !k.many) {
        values.extend(texts.iter().cloned().map(|t| Some(ContextValue::One(t))));
    }
    if known.is_none_or(|k| k.many) && asked.iter().any(|(_, c)| c.operator.is_some_and(|o| o.set != crate::engine::operator::Set::Single)) {
        values.extend(sets(&texts).into_iter().map(|t| Some(ContextValue::Many(t))));
    } else if known.is_some_and(|k| k.many) {
        values.push(Some(ContextValue::Many(texts.iter().take(1).cloned().collect())));
    }
    Some(distinct(values, asked, key, context))
}

/// Keeps the first of the values that all conditions answer alike; "missing" stays by itself.
fn distinct(values: Vec<Option<ContextValue>>, asked: &[Asked<'_>], key: &str, context: &Context) -> Vec<Option<ContextValue>> {
    let mut seen = BTreeSet::new();
    let mut context = context.clone();
    let mut kept = Vec::new();
    for value in values {
        match &value {
            Some(value) => context.insert(key, value.clone()),
            None => context.remove(key),
        }
        let answers: Vec<bool> = asked.iter().map(|(_, c)| c.holds(&context)).collect();
        if seen.insert((value.is_none(), answers)) {
            kept.push(value);
        }
    }
    kept
}

fn sets(texts: &[String]) -> Vec<Vec<String>> {
    let mut sets = vec![Vec::new()];
    sets.extend(texts.iter().map(|t| vec![t.clone()]));
    for (at, first) in texts.iter().enumerate().take(PAIRS_MOST) {
        sets.extend(texts.iter().take(PAIRS_MOST).skip(at + 1).map(|second| vec![first.clone(), second.clone()]));
    }
    sets.push(texts.to_vec());
    sets
}

/// Keys that every request has (IAM User Guide, "AWS global condition context keys").
fn is_always_there(key: &str) -> bool {
    matches!(
        key,
        "aws:currenttime" | "aws:epochtime" | "aws:securetransport" | "aws:viaawsservice" | "aws:principalarn" | "aws:principalaccount" | "aws:principaltype"
    )
}

fn plain_value(kind: Option<KeyType>) -> &'static str {
    match kind {
        Some(KeyType::Number) => "0",
        Some(KeyType::Date) => "2000-01-01T00:00:00Z",
        Some(KeyType::Ip) => "198.51.100.1",
        Some(KeyType::Arn) => "arn:aws:iam::000000000000:x",
        Some(KeyType::Bool) => "true",
        Some(KeyType::Text) | None => "x",
    }
}

/// One text for each class of the text and ARN patterns.
fn words_of(key: &str, asked: &[Asked<'_>], context: &Context, begins: &[String]) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    let mut texts = Vec::new();
    for (statement, condition) in asked {
        let folded = condition.operator.is_some_and(|o| o.test == Test::StringEqualsIgnoreCase);
        for (tokens, arn) in condition.patterns(context, statement.variables) {
            if arn {
                patterns.extend(classes::arn(&tokens, false));
                continue;
            }
            if folded {
                // A text that only this operator takes for the same.
                let text = crate::engine::template::plain(&tokens);
                texts.extend([text.to_lowercase(), text.to_uppercase()]);
            }
            patterns.push(classes::plain(&tokens));
        }
    }
    if patterns.is_empty() && begins.is_empty() {
        return Some(texts);
    }
    let begins = if begins.is_empty() { &[String::new()][..] } else { begins };
    if key == "aws:principalarn" {
        texts.clear();
    }
    for start in begins {
        texts.extend(classes::classes(&patterns, start)?.into_iter().map(|c| c.witness).filter(|w| w.len() > start.len() || start.is_empty()));
    }
    Some(texts)
}

/// Points at, beside and between the boundaries of numbers, dates and address ranges; both truth values.
fn points(asked: &[Asked<'_>]) -> Vec<String> {
    let mut numbers: Vec<f64> = Vec::new();
    let mut seconds: Vec<i128> = Vec::new();
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    let mut texts = Vec::new();
    for (_, condition) in asked {
        let values = &condition.written.values;
        match condition.operator.map(|o| o.test) {
            Some(Test::Number(_)) => numbers.extend(values.iter().filter_map(|v| v.parse::<f64>().ok()).filter(|n| n.is_finite())),
            Some(Test::Date(_)) => seconds.extend(values.iter().filter_map(|v| instant(v)).map(|n| n.div_euclid(1_000_000_000))),
            Some(Test::Ip) => values.iter().filter_map(|v| net(v)).for_each(|net| beside(net, &mut addresses)),
            Some(Test::Bool) => texts.extend(values.iter().filter_map(|v| boolean(v)).flat_map(|_| ["true".to_owned(), "false".to_owned()])),
            Some(Test::Binary) => texts.extend(values.iter().cloned().chain(["AA==".to_owned()])),
            _ => {}
        }
    }
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    texts.extend(numbers.iter().map(f64::to_string));
    texts.extend(numbers.windows(2).filter_map(|w| if let [a, b] = w { Some(((a + b) / 2.0).to_string()) } else { None }));
    texts.extend(numbers.first().map(|n| (n - 1.0).to_string()));
    texts.extend(numbers.last().map(|n| (n + 1.0).to_string()));
    for second in seconds {
        texts.extend([second - 1, second, second + 1].into_iter().filter_map(date));
    }
    texts.extend(addresses.iter().map(ToString::to_string));
    texts
}

/// The first and last address of a range, and those right outside.
fn beside(net: ipnet::IpNet, into: &mut BTreeSet<IpAddr>) {
    let (first, last) = (net.network(), net.broadcast());
    into.extend([first, last]);
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            into.extend(u32::from(first).checked_sub(1).map(|n| IpAddr::V4(n.into())));
            into.extend(u32::from(last).checked_add(1).map(|n| IpAddr::V4(n.into())));
            into.insert(IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1)));
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            into.extend(u128::from(first).checked_sub(1).map(|n| IpAddr::V6(n.into())));
            into.extend(u128::from(last).checked_add(1).map(|n| IpAddr::V6(n.into())));
            into.insert(IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)));
        }
        _ => {}
    }
}

fn date(seconds: i128) -> Option<String> {
    let at = time::OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    at.format(&time::format_description::well_known::Rfc3339).ok()
}
