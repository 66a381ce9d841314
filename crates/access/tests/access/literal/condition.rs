//! Condition operators (IAM User Guide, "IAM JSON policy elements: Condition operators").

use std::net::IpAddr;

use base64::Engine as _;
use crossrole_policy::Conditions;
use ipnet::IpNet;

use super::pattern::{arn_matches, matches, tokens};
use crossrole_access::{Context, ContextValue};

/// Tells whether every condition holds. `variables`: the policy's language has them.
pub(crate) fn hold(conditions: &Conditions, context: &Context, variables: bool) -> bool {
    conditions.iter().all(|(operator, keys)| {
        let Some(operator) = Operator::parse(operator) else { return false };
        keys.iter().all(|(key, values)| operator.holds(context.get(key), values, variables.then_some(context)))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Single,
    All,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Number(Compare),
    Date(Compare),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy)]
struct Operator {
    set: Set,
    test: Test,
    negated: bool,
    if_exists: bool,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let (set, rest) = if let Some(rest) = lower.strip_prefix("forallvalues:") {
            (Set::All, rest)
        } else if let Some(rest) = lower.strip_prefix("foranyvalue:") {
            (Set::Any, rest)
        } else {
            (Set::Single, lower.as_str())
        };
        let (name, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |name| (name, true));
        let (test, negated) = match name {
            "stringequals" => (Test::StringEquals, false),
            "stringnotequals" => (Test::StringEquals, true),
            "stringequalsignorecase" => (Test::StringEqualsIgnoreCase, false),
            "stringnotequalsignorecase" => (Test::StringEqualsIgnoreCase, true),
            "stringlike" => (Test::StringLike, false),
            "stringnotlike" => (Test::StringLike, true),
            "bool" => (Test::Bool, false),
            "binaryequals" => (Test::Binary, false),
            "ipaddress" => (Test::Ip, false),
            "notipaddress" => (Test::Ip, true),
            "arnequals" | "arnlike" => (Test::Arn, false),
            "arnnotequals" | "arnnotlike" => (Test::Arn, true),
            "null" if set == Set::Single && !if_exists => (Test::Null, false),
            _ => {
                let (make, rest): (fn(Compare) -> Test, &str) = match (name.strip_prefix("numeric"), name.strip_prefix("date")) {
                    (Some(rest), _) => (Test::Number, rest),
                    (_, Some(rest)) => (Test::Date, rest),
                    _ => return None,
                };
                let (compare, negated) = match rest {
                    "equals" => (Compare::Equal, false),
                    "notequals" => (Compare::Equal, true),
                    "lessthan" => (Compare::Less, false),
                    "lessthanequals" => (Compare::LessOrEqual, false),
                    "greaterthan" => (Compare::Greater, false),
                    "greaterthanequals" => (Compare::GreaterOrEqual, false),
                    _ => return None,
                };
                (make(compare), negated)
            }
        };
        Some(Self { set, test, negated, if_exists })
    }

    fn holds(self, actual: Option<&ContextValue>, wanted: &[String], variables: Option<&Context>) -> bool {
        if self.test == Test::Null {
            return wanted.iter().any(|w| w.eq_ignore_ascii_case(if actual.is_none() { "true" } else { "false" }));
        }
        let values: Vec<&str> = match actual {
            None => Vec::new(),
            Some(ContextValue::One(value)) => vec![value.as_str()],
            // A multivalued key needs a set operator.
            Some(ContextValue::Many(_)) if self.set == Set::Single => return false,
            Some(ContextValue::Many(values)) => values.iter().map(String::as_str).collect(),
        };
        // "Or if the key values resolve to a null data set, such as an empty string."
        let null = values.is_empty() || self.set != Set::Single && values.iter().all(|value| value.is_empty());
        if null {
            return match self.set {
                Set::All => true,
                // An absent key has no value that could satisfy the test; `IfExists` still lets it pass.
                Set::Any => self.if_exists && actual.is_none(),
                Set::Single => self.if_exists || self.negated,
            };
        }
        let satisfies = |value: &&str| wanted.iter().any(|w| self.test.one(value, w, variables)) != self.negated;
        match self.set {
            Set::All => values.iter().all(satisfies),
            Set::Single | Set::Any => values.iter().any(satisfies),
        }
    }
}

impl Test {
    fn one(self, value: &str, wanted: &str, variables: Option<&Context>) -> bool {
        match self {
            Self::StringEquals => literal(wanted, variables).is_some_and(|w| w == value),
            Self::StringEqualsIgnoreCase => literal(wanted, variables).is_some_and(|w| w.to_lowercase() == value.to_lowercase()),
            Self::StringLike => tokens(wanted, variables).is_some_and(|p| matches(&p, value)),
            Self::Arn => tokens(wanted, variables).is_some_and(|p| arn_matches(&p, value, false)),
            Self::Bool => value.eq_ignore_ascii_case(wanted) && matches!(wanted.to_ascii_lowercase().as_str(), "true" | "false"),
            Self::Number(compare) => match (value.parse::<f64>(), wanted.parse::<f64>()) {
                (Ok(value), Ok(wanted)) => value.partial_cmp(&wanted).is_some_and(|o| compare.of(o)),
                _ => false,
            },
            Self::Date(compare) => match (instant(value), instant(wanted)) {
                (Some(value), Some(wanted)) => compare.of(value.cmp(&wanted)),
                _ => false,
            },
            Self::Binary => {
                let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
                decode(wanted).is_some_and(|w| decode(value) == Some(w))
            }
            Self::Ip => match (value.parse::<IpAddr>(), range(wanted)) {
                (Ok(address), Some(range)) => range.contains(&address),
                _ => false,
            },
            Self::Null => false,
        }
    }
}

impl Compare {
    fn of(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// The text with its variables replaced; wildcards are plain characters here.
fn literal(wanted: &str, variables: Option<&Context>) -> Option<String> {
    use super::pattern::Token;
    let tokens = tokens(wanted, variables)?;
    Some(
        tokens
            .into_iter()
            .map(|t| match t {
                Token::Char(c) | Token::Literal(c) => c,
                Token::Star => '*',
                Token::One => '?',
            })
            .collect(),
    )
}

fn range(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(|net| net.trunc())
}

/// Nanoseconds since 1970: ISO 8601 (date only, with or without offset) or epoch seconds.
fn instant(text: &str) -> Option<i128> {
    use time::format_description::well_known::Iso8601;
    use time::{Date, OffsetDateTime, PrimitiveDateTime};
    const SECOND: i128 = 1_000_000_000;
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * SECOND);
    }
    if let Ok(at) = OffsetDateTime::parse(text, &Iso8601::PARSING) {
        return Some(at.unix_timestamp_nanos());
    }
    if let Ok(at) = PrimitiveDateTime::parse(text, &Iso8601::PARSING) {
        return Some(at.assume_utc().unix_timestamp_nanos());
    }
    if let [year, month] = text.split('-').collect::<Vec<_>>().as_slice()
        && (year.len(), month.len()) == (4, 2)
    {
        return instant(&format!("{text}-01"));
    }
    Date::parse(text, &Iso8601::PARSING).ok().map(|day| day.midnight().assume_utc().unix_timestamp_nanos())
}
