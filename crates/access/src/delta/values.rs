//! The values of condition keys that conditions tell apart.
//!
//! For texts and ARNs these are the classes of [`classes`](super::classes); for numbers, dates and addresses the points at,
//! beside and between the boundaries; "missing" is a value. Of keys with many values, every way in which the set operators
//! can come out is found by joining sets until nothing new comes out. Where a value can't be found for each way, the answer
//! is a [`Limit`], never fewer values.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crossrole_model::access::Limit;

use crate::catalogue::{self, KeyType};
use crate::engine::condition::{Condition, boolean, instant, net};
use crate::engine::glob::Token;
use crate::engine::operator::{Set, Test};
use crate::request::{Context, ContextValue};

use super::classes;
use super::cover::Value;
use super::forms::{Form, Pattern};
use super::typed::{self, Says};

/// Most ways in which the set operators on one key can come out.
const SETS_MOST: usize = 2_048;

/// Whether a condition's policy has variables, and the condition.
pub(crate) type Asked<'a> = (bool, &'a Condition);

/// The two names of the moment of a request (IAM User Guide, "AWS global condition context keys").
pub(crate) const MOMENT: [&str; 2] = ["aws:currenttime", "aws:epochtime"];

/// Returns one value for each way in which the conditions on `key` can come out.
pub(crate) fn pool(key: &str, asked: &[Asked<'_>], context: &Context) -> Result<Vec<Value>, Limit> {
    let known = catalogue::key(key);
    let too_many = || Limit::KeyPatterns(written(key, asked));
    let texts = match known.map(|k| k.kind) {
        Some(KeyType::Bool) => vec!["true".to_owned(), "false".to_owned()],
        Some(KeyType::Ip) => addresses(asked, context).ok_or_else(too_many)?,
        Some(KeyType::Number) => numbers(asked, context).ok_or_else(too_many)?,
        Some(KeyType::Date) => moments(asked, context).ok_or_else(too_many)?.into_iter().filter_map(date).collect(),
        Some(KeyType::Text | KeyType::Arn) | None => texts(asked, context).ok_or_else(too_many)?,
    };
    let texts = if texts.is_empty() { vec![plain_value(known.map(|k| k.kind)).to_owned()] } else { texts };
    let mut values: Vec<Option<ContextValue>> = Vec::new();
    if !is_always_there(key) {
        values.push(None);
    }
    if known.is_none_or(|k| !k.many) {
        values.extend(texts.iter().cloned().map(|t| Some(ContextValue::One(t))));
    }
    if known.is_none_or(|k| k.many) && asked.iter().any(|(_, c)| c.operator.is_some_and(|o| o.set != Set::Single)) {
        values.extend(sets(&texts, asked, key, context).ok_or_else(too_many)?.into_iter().map(|t| Some(ContextValue::Many(t))));
    } else if known.is_some_and(|k| k.many) {
        values.push(Some(ContextValue::Many(texts.iter().take(1).cloned().collect())));
    }
    Ok(distinct(values.into_iter().map(|value| Value::one(key, value)), asked, context))
}

/// One moment for each way in which conditions on the time can come out, under both of its names.
pub(crate) fn moment(asked: &[Asked<'_>], context: &Context) -> Result<Vec<Value>, Limit> {
    let keys: BTreeSet<&str> = asked.iter().map(|(_, c)| c.key.as_str()).collect();
    let seconds = moments(asked, context).ok_or_else(|| Limit::KeyPatterns(written(MOMENT[0], asked)))?;
    let seconds = if seconds.is_empty() { vec![946_684_800] } else { seconds };
    let values = seconds.into_iter().map(|second| {
        let texts = MOMENT.into_iter().zip([date(second), Some(second.to_string())]);
        let keys = texts.filter(|(key, _)| keys.contains(key)).map(|(key, text)| (key.to_owned(), text.map(ContextValue::One)));
        Value { keys: keys.collect(), caller: None, taggable: true }
    });
    Ok(distinct(values, asked, context))
}

/// One account for each way in which conditions on it can come out, under all of its names.
pub(crate) fn account(names: &[&str], asked: &[Asked<'_>], context: &Context) -> Result<Vec<Value>, Limit> {
    let too_many = || Limit::KeyPatterns(written(names.first().copied().unwrap_or_default(), asked));
    let mut all: Vec<Pattern> = Vec::new();
    for (variables, condition) in asked {
        let values = condition.written.values.iter().filter(|_| !condition.is_text()).map(|v| super::crowd::pattern(v));
        all.extend(values.map(|symbols| Pattern { tape: 0, symbols }));
        for (tokens, _) in condition.patterns(context, *variables) {
            all.push(Pattern { tape: 0, symbols: classes::plain(&tokens) });
        }
    }
    let found = Form::new().digits(12, 1).classes(&all).ok_or_else(too_many)?;
    let values = found.into_iter().filter_map(|f| f.texts.into_iter().next()).map(|text| Value {
        keys: names.iter().map(|key| ((*key).to_owned(), Some(ContextValue::One(text.clone())))).collect(),
        caller: None,
        taggable: true,
    });
    Ok(distinct(values, asked, context))
}

fn written(key: &str, asked: &[Asked<'_>]) -> String {
    asked.iter().find(|(_, c)| c.key == key).map_or_else(|| key.to_owned(), |(_, c)| c.written.key.clone())
}

/// Keeps the first of the values that all conditions answer alike; "missing" stays by itself.
fn distinct(values: impl Iterator<Item = Value>, asked: &[Asked<'_>], context: &Context) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    values.filter(|value| seen.insert(value.answers(asked, context))).collect()
}

/// Sets of texts, one for each way in which the conditions can come out: `ForAnyValue` holds of a union where it holds of a
/// part, `ForAllValues` where it holds of all parts. `None`: too many ways.
fn sets(texts: &[String], asked: &[Asked<'_>], key: &str, context: &Context) -> Option<Vec<Vec<String>>> {
    let mut context = context.clone();
    let mut answers = |set: &[String]| -> Vec<bool> {
        context.insert(key, ContextValue::Many(set.to_vec()));
        asked.iter().map(|(_, c)| c.holds(&context)).collect()
    };
    let mut known: BTreeMap<Vec<bool>, Vec<String>> = BTreeMap::new();
    // An empty text is no value of a set.
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let set = vec![text.clone()];
        known.entry(answers(&set)).or_insert(set);
    }
    let singles: Vec<Vec<String>> = known.values().cloned().collect();
    let mut open: Vec<Vec<String>> = singles.clone();
    while let Some(set) = open.pop() {
        for single in &singles {
            let joined: BTreeSet<String> = set.iter().chain(single).cloned().collect();
            let joined: Vec<String> = joined.into_iter().collect();
            let outcome = answers(&joined);
            if !known.contains_key(&outcome) {
                if known.len() >= SETS_MOST {
                    return None;
                }
                known.insert(outcome, joined.clone());
                open.push(joined);
            }
        }
    }
    Some(std::iter::once(Vec::new()).chain(known.into_values()).collect())
}

/// Keys that every request has (IAM User Guide, "AWS global condition context keys").
fn is_always_there(key: &str) -> bool {
    MOMENT.contains(&key) || matches!(key, "aws:securetransport" | "aws:viaawsservice")
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

/// The patterns of text operators as text, in their variables' place what the context has.
fn patterns(asked: &[Asked<'_>], context: &Context) -> Vec<String> {
    let of = |(variables, condition): &Asked<'_>| condition.patterns(context, *variables);
    asked.iter().flat_map(of).map(|(tokens, _)| crate::engine::template::plain(&tokens)).collect()
}

/// One text for each class of the text and ARN patterns, and the values of operators that compare otherwise.
fn texts(asked: &[Asked<'_>], context: &Context) -> Option<Vec<String>> {
    let mut patterns = Vec::new();
    let mut texts = Vec::new();
    for (variables, condition) in asked {
        let folded = condition.operator.is_some_and(|o| o.test == Test::StringEqualsIgnoreCase);
        for (tokens, arn) in condition.patterns(context, *variables) {
            if arn {
                patterns.extend(classes::arn(&tokens, false));
                continue;
            }
            if folded {
                // A text that only this operator takes for the same.
                texts.extend(spellings(&crate::engine::template::plain(&tokens), asked.len() + values_of(asked)));
            }
            patterns.push(classes::plain(&tokens));
        }
        if condition.operator.is_some_and(|o| o.set != Set::Single) {
            // What the empty text, which is no value there, does not stand for.
            patterns.push(classes::plain(&[Token::One, Token::Star]));
        }
    }
    if !patterns.is_empty() {
        texts.extend(classes::classes(&patterns, "")?.into_iter().map(|c| c.witness));
    }
    texts.extend(points(asked));
    Some(texts)
}

fn values_of(asked: &[Asked<'_>]) -> usize {
    asked.iter().map(|(_, c)| c.written.values.len()).sum()
}

/// Spellings of a text that only the case of letters tells apart: more than there are others to tell them from, as far as it
/// has letters.
pub(crate) fn spellings(text: &str, others: usize) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    let mut all = BTreeSet::from([lower.clone(), text.to_uppercase()]);
    let letters: Vec<usize> = lower.char_indices().filter(|(_, c)| c.is_lowercase()).map(|(at, _)| at).collect();
    for mask in 1_usize.. {
        if all.len() > others + 1 || mask.checked_shr(u32::try_from(letters.len()).unwrap_or(u32::MAX)).is_some_and(|rest| rest > 0) {
            return all;
        }
        let raised = |at: usize| letters.iter().position(|l| *l == at).is_some_and(|bit| bit < 63 && mask & (1 << bit) != 0);
        all.insert(lower.char_indices().map(|(at, c)| if raised(at) { c.to_uppercase().collect() } else { c.to_string() }).collect());
    }
    all
}

/// Points at, beside and between the boundaries of operators that compare numbers, dates and addresses, for keys of which
/// nobody knows the type; both truth values.
fn points(asked: &[Asked<'_>]) -> Vec<String> {
    let mut marks: Vec<f64> = Vec::new();
    let mut seconds: Vec<i128> = Vec::new();
    let mut blocks: BTreeSet<IpAddr> = BTreeSet::new();
    let mut texts = Vec::new();
    for (_, condition) in asked {
        let values = &condition.written.values;
        match condition.operator.map(|o| o.test) {
            Some(Test::Number(_)) => marks.extend(values.iter().filter_map(|v| v.parse::<f64>().ok()).filter(|n| n.is_finite())),
            Some(Test::Date(_)) => seconds.extend(values.iter().filter_map(|v| instant(v)).map(|n| n.div_euclid(1_000_000_000))),
            Some(Test::Ip) => values.iter().filter_map(|v| net(v)).for_each(|net| beside(net, &mut blocks)),
            Some(Test::Bool) => texts.extend(values.iter().filter_map(|v| boolean(v)).flat_map(|_| ["true".to_owned(), "false".to_owned()])),
            Some(Test::Binary) => texts.extend(values.iter().cloned().chain(["AA==".to_owned()])),
            _ => {}
        }
    }
    texts.extend(between(marks));
    texts.extend(seconds.into_iter().flat_map(|second| [second - 1, second, second + 1]).filter_map(date));
    texts.extend(blocks.iter().map(ToString::to_string));
    texts
}

/// Numbers, what lies between them and what lies outside.
fn between(mut marks: Vec<f64>) -> Vec<String> {
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    let mut texts: Vec<String> = marks.iter().map(f64::to_string).collect();
    texts.extend(marks.windows(2).filter_map(|w| if let [a, b] = w { Some(((a + b) / 2.0).to_string()) } else { None }));
    texts.extend(marks.first().map(|n| (n - 1.0).to_string()));
    texts.extend(marks.last().map(|n| (n + 1.0).to_string()));
    texts
}

/// `None`: a pattern that is no block of addresses.
fn addresses(asked: &[Asked<'_>], context: &Context) -> Option<Vec<String>> {
    let mut found: BTreeSet<IpAddr> = BTreeSet::new();
    let ranges = asked.iter().filter(|(_, c)| c.operator.is_some_and(|o| o.test == Test::Ip)).flat_map(|(_, c)| &c.written.values).filter_map(|v| net(v));
    ranges.for_each(|net| beside(net, &mut found));
    for pattern in patterns(asked, context) {
        match typed::block(&pattern) {
            Says::Range(net) => beside(net, &mut found),
            Says::AllOrNone => {}
            Says::Unknown => return None,
        }
    }
    Some(found.iter().map(ToString::to_string).collect())
}

/// `None`: patterns with wildcards beside comparisons.
fn numbers(asked: &[Asked<'_>], context: &Context) -> Option<Vec<String>> {
    let compared = asked.iter().filter(|(_, c)| c.operator.is_some_and(|o| matches!(o.test, Test::Number(_)))).flat_map(|(_, c)| &c.written.values);
    let mut marks: Vec<f64> = compared.filter_map(|v| v.parse::<f64>().ok()).filter(|n| n.is_finite()).collect();
    let patterns: Vec<String> = patterns(asked, context).into_iter().filter(|p| !p.chars().all(|c| c == '*')).collect();
    if patterns.iter().any(|p| p.contains(['*', '?'])) {
        if !marks.is_empty() {
            return None;
        }
        let patterns: Vec<Pattern> = patterns.iter().map(|p| Pattern { tape: 0, symbols: super::crowd::pattern(p) }).collect();
        return Some(Form::new().number(1).classes(&patterns)?.into_iter().filter_map(|f| f.texts.into_iter().next()).collect());
    }
    let exact: Vec<String> = patterns.into_iter().filter(|p| p.parse::<f64>().is_ok_and(f64::is_finite)).collect();
    marks.extend(exact.iter().filter_map(|t| t.parse::<f64>().ok()));
    Some(between(marks).into_iter().chain(exact).collect())
}

/// Seconds since 1970. `None`: a pattern that is no span of time.
fn moments(asked: &[Asked<'_>], context: &Context) -> Option<Vec<i128>> {
    let compared = asked.iter().filter(|(_, c)| c.operator.is_some_and(|o| matches!(o.test, Test::Date(_)))).flat_map(|(_, c)| &c.written.values);
    let numbers = asked.iter().filter(|(_, c)| c.operator.is_some_and(|o| matches!(o.test, Test::Number(_)))).flat_map(|(_, c)| &c.written.values);
    let mut seconds: BTreeSet<i128> = BTreeSet::new();
    // `aws:EpochTime` may be compared as a number, too (IAM User Guide, "AWS global condition context keys").
    for second in numbers.filter_map(|v| v.parse::<f64>().ok()).filter_map(whole) {
        seconds.extend([second - 1, second, second + 1]);
    }
    for second in compared.filter_map(|v| instant(v)).map(|n| n.div_euclid(1_000_000_000)) {
        seconds.extend([second - 1, second, second + 1]);
    }
    for pattern in patterns(asked, context) {
        match typed::span(&pattern) {
            Says::Range((from, to)) => seconds.extend([from - 1, from, to - 1, to]),
            Says::AllOrNone => {}
            Says::Unknown => return None,
        }
    }
    Some(seconds.into_iter().collect())
}

/// The whole seconds of a number; `None`: no moment that there is.
fn whole(number: f64) -> Option<i128> {
    let seconds = number.floor().to_string().parse::<i64>().ok()?;
    date(seconds.into()).map(|_| seconds.into())
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
