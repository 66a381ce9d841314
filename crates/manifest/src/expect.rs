//! Access expectations beside a manifest: `NAME.expect.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One expectation: of each action on each resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Where it begins in its file, and the line of that, from one.
    pub at: (usize, usize),
    /// As `explain` takes it: `dev/group/Developers`.
    pub principal: String,
    /// Roles that are assumed on the way.
    pub via: Vec<String>,
    /// Actions.
    pub action: Vec<String>,
    /// Resources.
    pub resource: Vec<String>,
    /// What the request brings.
    pub context: BTreeMap<String, Given>,
    /// What is expected; a denial of either kind where it is not.
    pub allowed: bool,
}

/// The value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// Of a key that has one.
    One(String),
    /// Of a key that may have several.
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    expect: Vec<toml::Spanned<Expect>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    principal: String,
    #[serde(default)]
    via: OneOrMany,
    action: OneOrMany,
    resource: OneOrMany,
    #[serde(default)]
    context: BTreeMap<String, toml::Value>,
    result: Wanted,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Allowed,
    Denied,
}

#[derive(Debug, Default)]
struct OneOrMany(Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            One(String),
            Many(Vec<String>),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::One(text) => vec![text],
            Either::Many(list) => list,
        }))
    }
}

/// Reads a file of expectations.
///
/// # Errors
/// It is no such file: what is wrong, and where.
pub fn expectations(text: &str) -> Result<Vec<Expectation>, String> {
    let file: File = toml::from_str(text).map_err(|e| crate::layout::in_line(text, e.span(), e.message()))?;
    // Each begins behind the one before it.
    let (mut line, mut from) = (1, 0);
    let read = |expect: toml::Spanned<Expect>| {
        let start = expect.span().start;
        line += text.get(from..start).unwrap_or_default().matches('\n').count();
        from = start.max(from);
        let expect = expect.into_inner();
        Expectation {
            at: (start, line),
            principal: expect.principal,
            via: expect.via.0,
            action: expect.action.0,
            resource: expect.resource.0,
            context: expect.context.iter().map(|(key, value)| (key.clone(), given(value))).collect(),
            allowed: matches!(expect.result, Wanted::Allowed),
        }
    };
    Ok(file.expect.into_iter().map(read).collect())
}

fn given(value: &toml::Value) -> Given {
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        // Neither is the value of a condition key: it equals nothing.
        toml::Value::Array(_) | toml::Value::Table(_) => String::new(),
    };
    match value {
        toml::Value::Array(list) => Given::Many(list.iter().map(text).collect()),
        value => Given::One(text(value)),
    }
}
