//! One condition: operator, key and prepared values.

use std::net::IpAddr;

use base64::Engine as _;
use ipnet::IpNet;

use crate::request::{Context, ContextValue};

use super::arn::ArnGlob;
use super::glob::{Glob, Token};
use super::operator::{Operator, Set, Test};
use super::template::{Template, plain};

/// A condition that must hold.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// `None`: no such operator; the condition never holds.
    pub(crate) operator: Option<Operator>,
    /// In lower case.
    pub(crate) key: String,
    values: Vec<Value>,
    /// Operator, key and values as written.
    pub(crate) written: Written,
}

/// A condition as it stands in the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written {
    pub(crate) operator: String,
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

/// What a value is compared as, prepared.
#[derive(Debug, Clone)]
enum Value {
    Text(Box<str>),
    Folded(Box<str>),
    Glob(Glob),
    Arn(ArnGlob),
    /// Holds a variable: prepared for each request.
    Template(Template),
    Number(f64),
    Date(i128),
    Bool(bool),
    Binary(Vec<u8>),
    Net(IpNet),
    /// Of `Null`.
    Absent(bool),
    /// Not of the operator's type: equals nothing.
    Nothing,
}

impl Condition {
    pub(crate) fn new(written: Written, variables: bool) -> Self {
        let operator = Operator::parse(&written.operator);
        let values = operator.map(|op| written.values.iter().map(|v| Value::new(op.test, v, variables)).collect()).unwrap_or_default();
        Self { operator, key: written.key.to_ascii_lowercase(), values, written }
    }

    /// The same as a policy with variables writes it: there, a `${` of a document without them is `${$}{`.
    pub(crate) fn said(&self, variables: bool) -> Self {
        let mut said = self.clone();
        if !variables {
            said.written.values.iter_mut().for_each(|value| *value = value.replace("${", "${$}{"));
        }
        said
    }

    /// Returns the keys that its values take their text from.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(|v| if let Value::Template(t) = v { Some(t) } else { None }).flat_map(Template::keys)
    }

    /// Returns the patterns that its values are compared with, and whether as ARNs; none for other operators. A value whose
    /// variable is missing equals nothing and has none.
    pub(crate) fn patterns(&self, context: &Context, variables: bool) -> Vec<(Vec<Token>, bool)> {
        let Some(operator) = self.operator else { return Vec::new() };
        let arn = operator.test == Test::Arn;
        if !self.is_text() {
            return Vec::new();
        }
        let wild = |token: Token| match token {
            Token::Star if operator.test != Test::StringLike && !arn => Token::Literal('*'),
            Token::One if operator.test != Test::StringLike && !arn => Token::Literal('?'),
            token => token,
        };
        let filled = self.written.values.iter().filter_map(|v| Template::parse(v, variables).fill(context).map(|t| t.iter().copied().map(wild).collect()));
        filled.map(|tokens| (tokens, arn)).collect()
    }

    /// Tells whether it compares texts.
    pub(crate) fn is_text(&self) -> bool {
        self.operator.is_some_and(|o| matches!(o.test, Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn))
    }

    pub(crate) fn holds(&self, context: &Context) -> bool {
        let Some(operator) = self.operator else { return false };
        let actual = context.get_lower(&self.key);
        if operator.test == Test::Null {
            return self.values.iter().any(|v| matches!(v, Value::Absent(absent) if *absent == actual.is_none()));
        }
        let satisfies = |value: &String| self.values.iter().any(|v| v.matches(operator.test, value, context)) != operator.negated;
        // Empty texts are no values to operators of sets (IAM User Guide, "Single-valued vs. multivalued context keys").
        let actual = actual.filter(|actual| operator.set == Set::Single || !actual.is_null());
        match (actual, operator.set) {
            (None, Set::All) => true,
            (None, Set::Any) => operator.if_exists && context.get_lower(&self.key).is_none(),
            (None, Set::Single) => operator.if_exists || operator.negated,
            (Some(ContextValue::One(value)), _) => satisfies(value),
            // A multivalued key needs a set operator.
            (Some(ContextValue::Many(_)), Set::Single) => false,
            (Some(ContextValue::Many(values)), Set::All) => values.iter().all(satisfies),
            (Some(ContextValue::Many(values)), Set::Any) => values.iter().any(satisfies),
        }
    }
}

impl Value {
    fn new(test: Test, text: &str, variables: bool) -> Self {
        match test {
            Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn => {
                let template = Template::parse(text, variables);
                if !template.is_fixed() {
                    return Self::Template(template);
                }
                match template.fill(&Context::default()) {
                    None => Self::Nothing,
                    Some(tokens) => match test {
                        Test::StringEquals => Self::Text(plain(&tokens).into()),
                        Test::StringEqualsIgnoreCase => Self::Folded(plain(&tokens).to_lowercase().into()),
                        Test::StringLike => Self::Glob(Glob::of(&tokens)),
                        _ => Self::Arn(ArnGlob::of(&tokens, false)),
                    },
                }
            }
            Test::Number(_) => text.parse().map_or(Self::Nothing, Self::Number),
            Test::Date(_) => instant(text).map_or(Self::Nothing, Self::Date),
            Test::Bool => boolean(text).map_or(Self::Nothing, Self::Bool),
            Test::Null => boolean(text).map_or(Self::Nothing, Self::Absent),
            Test::Binary => decoded(text).map_or(Self::Nothing, Self::Binary),
            Test::Ip => net(text).map_or(Self::Nothing, Self::Net),
        }
    }

    fn matches(&self, test: Test, value: &str, context: &Context) -> bool {
        match (self, test) {
            (Self::Text(text), _) => **text == *value,
            (Self::Folded(text), _) => **text == *value.to_lowercase(),
            (Self::Glob(glob), _) => glob.matches(value),
            (Self::Arn(glob), _) => glob.matches(value),
            (Self::Template(template), _) => template.fill(context).is_some_and(|tokens| match test {
                Test::StringEquals => plain(&tokens) == value,
                Test::StringEqualsIgnoreCase => plain(&tokens).to_lowercase() == value.to_lowercase(),
                Test::Arn => ArnGlob::of(&tokens, false).matches(value),
                _ => Glob::of(&tokens).matches(value),
            }),
            (Self::Number(wanted), Test::Number(compare)) => value.parse::<f64>().ok().and_then(|v| v.partial_cmp(wanted)).is_some_and(|o| compare.of(o)),
            (Self::Date(wanted), Test::Date(compare)) => instant(value).is_some_and(|v| compare.of(v.cmp(wanted))),
            (Self::Bool(wanted), _) => boolean(value) == Some(*wanted),
            (Self::Binary(wanted), _) => decoded(value).as_ref() == Some(wanted),
            (Self::Net(net), _) => value.parse::<IpAddr>().is_ok_and(|address| net.contains(&address)),
            _ => false,
        }
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// An address without a length is that address alone; bits behind the length do not count.
pub fn net(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(|net| net.trunc())
}

/// Nanoseconds since 1970: ISO 8601 (month or date only, with or without offset), or epoch seconds, which a year alone is taken for
/// (IAM User Guide, "Date condition operators"; W3C, "Date and Time Formats").
pub fn instant(text: &str) -> Option<i128> {
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
    let of_month = (text.len() == "2028-01".len()).then(|| format!("{text}-01"));
    let day = Date::parse(of_month.as_deref().unwrap_or(text), &Iso8601::PARSING).ok()?;
    Some(day.midnight().assume_utc().unix_timestamp_nanos())
}
