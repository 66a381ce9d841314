//! Policy statements, as they are written.

use schemars::JsonSchema;
use toml::Spanned as TomlSpanned;
use toml::de::DeValue;

use super::words::words;
use crate::decode::{Decode, Decoder, OneOrMany, Spanned, Table, record, span};
use crate::scalar::{ActionPattern, PolicyText, ResourcePattern};

record! {
    /// A policy statement as AWS has it.
    Statement {
        /// Statement id.
        sid: Option<Spanned<String>>,
        /// Allow or Deny. Default: Allow.
        effect: Option<EffectWord>,
        /// Principals: `"*"`, or kinds (`AWS`, `Service`, `Federated`) with their values. Only in bucket policies.
        principals: Option<Spanned<Principals>>,
        /// Everyone but these. Only with Deny.
        not_principals: Option<Spanned<Principals>>,
        /// Actions.
        actions: Option<OneOrMany<ActionPattern>>,
        /// All actions but these.
        not_actions: Option<OneOrMany<ActionPattern>>,
        /// Resources.
        resources: Option<OneOrMany<ResourcePattern>>,
        /// All resources but these.
        not_resources: Option<OneOrMany<ResourcePattern>>,
        /// Conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

words! {
    /// Effect of a statement.
    EffectWord {
        /// Grants.
        Allow = "Allow",
        /// Refuses.
        Deny = "Deny",
    }
}

words! {
    /// Everyone.
    Star {
        /// Everyone.
        Everyone = "*",
    }
}

/// Principals of a raw statement.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Principals {
    /// Only `"*"`.
    Star(Star),
    /// By kind.
    Kinds(Table<OneOrMany<PolicyText>>),
}

impl Decode for Principals {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "*" => Some(Self::Star(Star::Everyone)),
            DeValue::Table(_) => Table::decode(value, d).map(Self::Kinds),
            _ => {
                d.error(span(value.span()), "expected \"*\" or a table such as { AWS = \"arn:…\" }", "");
                None
            }
        }
    }
}

/// Raw conditions: operator, key, values.
pub(crate) type Conditions = Table<Table<OneOrMany<PolicyText>>>;
