//! TOML values to the raw types, collecting mistakes. Other files of a team are read by the same rules: settings, approvals.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use crossrole_model::{Finding, Source, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

/// A value as it is written, and where.
pub type Value<'i> = TomlSpanned<DeValue<'i>>;

/// A decoded value and where it stands.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// A table whose keys are names that the user chose. An entry with mistakes is `None`, but its name is still known.
#[derive(Debug, Clone)]
pub struct Table<T>(pub BTreeMap<String, Entry<T>>);

/// One named entry.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    /// Where its name stands.
    pub key: Span,
    /// What it says.
    pub value: Option<T>,
}

impl<T> Table<T> {
    /// Entries without mistakes.
    pub fn iter(&self) -> impl Iterator<Item = (&String, Span, &T)> {
        self.0.iter().filter_map(|(name, e)| e.value.as_ref().map(|v| (name, e.key, v)))
    }
}

/// Collects the mistakes of one file.
pub struct Decoder<'a> {
    /// The file.
    pub file: &'a str,
    /// Its mistakes so far.
    pub findings: &'a mut Vec<Finding>,
}

impl Decoder<'_> {
    /// Adds a mistake.
    pub fn error(&mut self, span: Span, message: impl Into<String>, advice: impl Into<String>) {
        self.findings.push(Finding::error(self.file, Some(span), message, advice));
    }
}

/// Reads a value of this type.
pub trait Decode: Sized {
    /// `None` when a mistake was reported.
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self>;
}

/// Reads a value that may be missing from its table.
pub trait Field: Sized {
    /// `None` when a mistake was reported, be it that the value is missing.
    fn field(value: Option<&TomlSpanned<DeValue<'_>>>, name: &str, table: Span, d: &mut Decoder<'_>) -> Option<Self>;
}

impl<T: Decode> Field for Option<T> {
    fn field(value: Option<&TomlSpanned<DeValue<'_>>>, _: &str, _: Span, d: &mut Decoder<'_>) -> Option<Self> {
        Some(value.and_then(|v| T::decode(v, d)))
    }
}

/// A value that must be there. When it is missing or wrong that was reported, and the rest goes on without it: the mistakes
/// behind it count too.
#[derive(Debug, Clone)]
pub struct Needed<T> {
    /// The value, where it is there and good.
    pub value: Option<T>,
    /// Its place, or that of the table that lacks it.
    pub span: Span,
}

impl<T: Decode> Field for Needed<T> {
    fn field(value: Option<&TomlSpanned<DeValue<'_>>>, name: &str, table: Span, d: &mut Decoder<'_>) -> Option<Self> {
        let span = value.map_or(table, |v| span(v.span()));
        Some(Self { value: Spanned::<T>::field(value, name, table, d).map(|v| v.value), span })
    }
}

impl<T: JsonSchema> JsonSchema for Needed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Decode> Field for Spanned<T> {
    fn field(value: Option<&TomlSpanned<DeValue<'_>>>, name: &str, table: Span, d: &mut Decoder<'_>) -> Option<Self> {
        if let Some(value) = value {
            return Self::decode(value, d);
        }
        d.error(table, format!("`{name}` is missing"), format!("add `{name} = …` to this table"));
        None
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        Some(Self { value: T::decode(value, d)?, span: span(value.span()) })
    }
}

impl<T: Decode> Decode for Table<T> {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            wrong_type(value, "a table", d);
            return None;
        };
        let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), Entry { key: span(key.span()), value: T::decode(value, d) }));
        Some(Self(entries.collect()))
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(list) => Some(list.iter().filter_map(|v| T::decode(v, d)).collect()),
            _ => {
                wrong_type(value, "a list", d);
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                wrong_type(value, "true or false", d);
                None
            }
        }
    }
}

macro_rules! number {
    ($type:ty) => {
        impl Decode for $type {
            fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
                let DeValue::Integer(number) = value.get_ref() else {
                    wrong_type(value, "a whole number", d);
                    return None;
                };
                let number = Self::from_str_radix(number.as_str(), number.radix()).ok();
                if number.is_none() {
                    d.error(span(value.span()), "this number is below 0, or far too large", "");
                }
                number
            }
        }
    };
}
number!(u32);
number!(u64);

impl Decode for String {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                wrong_type(value, "text in quotes", d);
                None
            }
        }
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the variants exist for the schema; decoding always yields the list")]
pub(crate) enum OneOrManyShape<T> {
    One(T),
    Many(Vec<T>),
}

/// One value, or a list of them; always a list once decoded.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<Spanned<T>>);

impl<T: Decode> Decode for OneOrMany<T> {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(list) => {
                if list.is_empty() {
                    d.error(span(value.span()), "an empty list matches nothing", "leave the key out, or name at least one value");
                }
                Some(Self(list.iter().filter_map(|v| Spanned::decode(v, d)).collect()))
            }
            // A wrong value was reported; that the key is there still counts.
            _ => Some(Self(Spanned::decode(value, d).into_iter().collect())),
        }
    }
}

macro_rules! schema_of {
    ($wrapper:ident, $shape:ty) => {
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                <$shape>::schema_name()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$shape>::json_schema(generator)
            }
        }
    };
}
schema_of!(OneOrMany, OneOrManyShape<T>);
schema_of!(Table, BTreeMap<String, T>);

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Declares a table: the struct and its decoder, from one text.
#[macro_export]
macro_rules! table {
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        $crate::table!(@[] $(#[$meta])* $name { $($fields)* });
    };
    (@[$($hidden:tt)*] $(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        #[allow(clippy::struct_field_names, reason = "a key is called as the file has it")]
        pub(crate) struct $name {
            $($hidden)*
            #[allow(dead_code, reason = "not every table has mistakes of its own to place")]
            pub(crate) span: crossrole_model::Span,
            $($hidden)*
            #[allow(dead_code, reason = "not of every table is anything said to be missing")]
            written: Vec<&'static str>,
            $($(#[$doc])* pub(crate) $field: $type,)*
        }

        impl $name {
            /// Tells whether a key is there. One with a mistake has no value, and is not missing: one mistake is said once.
            #[allow(dead_code, reason = "not of every table is anything said to be missing")]
            pub(crate) fn has(&self, key: &str) -> bool {
                self.written.contains(&key)
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(value: &$crate::decode::Value<'_>, d: &mut $crate::decode::Decoder<'_>) -> Option<Self> {
                let table = $crate::decode::known_table(value, &[$(stringify!($field)),*], d)?;
                let span = $crate::decode::span(value.span());
                $(let $field = $crate::decode::Field::field(table.get(stringify!($field)), stringify!($field), span, d);)*
                let written = [$(stringify!($field)),*].into_iter().filter(|key| table.contains_key(*key)).collect();
                Some(Self { span, written, $($field: $field?,)* })
            }
        }
    };
}

/// Declares a table of the manifest: the same, and its schema.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($fields:tt)* }) => {
        crate::table!(@[#[schemars(skip)]] $(#[$meta])* #[derive(schemars::JsonSchema)] #[schemars(deny_unknown_fields)] $name { $($fields)* });
    };
}
pub(crate) use record;

/// The table that a value has to be; each key of it that is not known is a mistake.
pub fn known_table<'a, 'i>(value: &'a TomlSpanned<DeValue<'i>>, known: &[&str], d: &mut Decoder<'_>) -> Option<&'a DeTable<'i>> {
    let DeValue::Table(table) = value.get_ref() else {
        wrong_type(value, "a table", d);
        return None;
    };
    for (key, _) in table {
        let name: &str = key.get_ref();
        if !known.contains(&name) {
            let advice = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| format!("this table knows {}", quoted(known)));
            d.error(span(key.span()), format!("unknown key `{name}`"), advice);
        }
    }
    Some(table)
}

/// Returns "did you mean …" when one of `known` is close to `name`.
pub fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    /// Below this likeness a suggestion is noise.
    const CLOSE: f64 = 0.75;
    let scored = known.map(|k| (strsim::jaro_winkler(&name.to_lowercase(), &k.to_lowercase()), k));
    let best = scored.filter(|(score, _)| *score >= CLOSE).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!("did you mean `{}`?", best.1))
}

pub(crate) fn quoted(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// Says that a value is of another type than is expected.
pub fn wrong_type(value: &TomlSpanned<DeValue<'_>>, expected: &str, d: &mut Decoder<'_>) {
    let (found, advice) = match value.get_ref() {
        DeValue::String(_) => ("text", ""),
        DeValue::Integer(_) | DeValue::Float(_) => ("a number", if expected.starts_with("text") { "put it in quotes" } else { "" }),
        DeValue::Boolean(_) => ("true or false", ""),
        DeValue::Datetime(_) => ("a date", ""),
        DeValue::Array(_) => ("a list", ""),
        DeValue::Table(_) => ("a table", ""),
    };
    d.error(span(value.span()), format!("expected {expected}, found {found}"), advice);
}

/// A range of bytes as findings have it.
pub fn span(range: Range<usize>) -> Span {
    Span { start: range.start, end: range.end }
}

/// Decodes one file; `None` when too little of it can be read to go on.
pub fn decode_file<T: Decode>(source: &Source, findings: &mut Vec<Finding>) -> Option<T> {
    let value = parsed(source, findings)?;
    T::decode(&value, &mut Decoder { file: &source.file, findings })
}

/// Reads one file as TOML.
pub(crate) fn parsed<'s>(source: &'s Source, findings: &mut Vec<Finding>) -> Option<TomlSpanned<DeValue<'s>>> {
    if source.text.len() > crate::MAX_BYTES {
        let message = format!("the file has {} bytes, over {}", source.text.len(), crate::MAX_BYTES);
        findings.push(Finding::error(&source.file, None, message, "split it into several manifests"));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let syntax = errors.len();
    for error in errors {
        findings.push(Finding::error(&source.file, error.span().map(span), error.message().to_owned(), "this is not TOML, or nested too deeply"));
    }
    // What follows a broken line is a guess of the parser: its mistakes would only hide the real one.
    (syntax == 0).then(|| TomlSpanned::new(table.span(), DeValue::Table(table.into_inner())))
}
