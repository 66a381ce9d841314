//! Condition keys and their values as people write them. What no request has is met by no condition, and looks like an answer.

use crossrole_access::catalogue::{self, KeyType};
use crossrole_access::language::instant;
use crossrole_report::safe;

/// Below this likeness a suggestion is noise.
const CLOSE: f64 = 0.85;

/// Prefixes of keys that are all known.
const LISTED: [&str; 4] = ["aws:", "s3:", "iam:", "sts:"];

/// What is wrong with a key or one of its values, if anything.
pub(crate) fn mistake(key: &str, values: &[String]) -> Option<String> {
    let shown = safe(key);
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if !key.split_once(':').is_some_and(|(head, rest)| !head.is_empty() && !rest.is_empty()) || !key.chars().all(plain) {
        return Some(format!("`{shown}` is no condition key: a key is written as in `aws:SourceIp`"));
    }
    let lower = key.to_ascii_lowercase();
    let Some(known) = catalogue::key(key) else {
        if !LISTED.iter().any(|prefix| lower.starts_with(prefix)) {
            return None;
        }
        let near = catalogue::keys().map(|name| (strsim::jaro_winkler(&lower, name), name));
        let best = near.filter(|(likeness, _)| *likeness >= CLOSE).max_by(|a, b| a.0.total_cmp(&b.0));
        let advice = best.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default();
        return Some(format!("`{shown}` is no condition key{advice}"));
    };
    let (what, good): (&str, fn(&str) -> bool) = match known.kind {
        KeyType::Bool => ("`true` or `false`", |v| v.eq_ignore_ascii_case("true") || v.eq_ignore_ascii_case("false")),
        KeyType::Number => ("a number", |v| v.parse::<f64>().is_ok_and(f64::is_finite)),
        KeyType::Date => ("a moment, as in `2027-03-31T00:00:00Z`", |v| instant(v).is_some()),
        KeyType::Ip => ("an address, as in `203.0.113.7`", |v| v.parse::<std::net::IpAddr>().is_ok()),
        KeyType::Text | KeyType::Arn => return None,
    };
    let wrong = values.iter().find(|value| !good(value))?;
    Some(format!("`{}` is no value of `{shown}`, which is {what}", safe(wrong)))
}
