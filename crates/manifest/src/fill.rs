//! Placeholders: what a manifest says in a way of its own in every account.

use crossrole_model::{Finding, Source, Span};
use toml::Spanned as TomlSpanned;
use toml::de::{DeTable, DeValue};

use crate::decode::{did_you_mean, span};
use crate::directory::At;

/// What stands in place of a placeholder that can't be filled: the mistake is said once, and nothing is made of it.
const UNFILLED: &str = "unfilled";

/// The words that stand for something of the account.
const WORDS: [&str; 3] = ["account", "label", "region"];

/// What the placeholders of one manifest stand for.
pub(crate) struct Filler<'a> {
    pub(crate) source: &'a Source,
    pub(crate) at: &'a At,
    /// The region of the account's buckets, where the manifest or the directory says one.
    pub(crate) region: Option<&'a str>,
    /// The account is one of several, or one of the directory; where it is not, it has neither label nor tags.
    pub(crate) listed: bool,
    /// Braces hold placeholders and nothing else: the manifest is of several accounts.
    pub(crate) strict: bool,
}

/// Keys of a manifest that are the same in all accounts.
const SAME: [&str; 3] = ["name", "renamed_from", "trusting"];

impl Filler<'_> {
    /// A manifest with its placeholders replaced. Whose it is, and which accounts it is of, is the same in all of them.
    pub(crate) fn manifest<'i>(&self, value: &TomlSpanned<DeValue<'i>>, findings: &mut Vec<Finding>) -> TomlSpanned<DeValue<'i>> {
        let DeValue::Table(table) = value.get_ref() else { return value.clone() };
        let (same, own): (DeTable<'i>, DeTable<'i>) =
            table.iter().map(|(key, value)| (key.clone(), value.clone())).partition(|(key, _)| SAME.contains(&key.get_ref().as_ref()));
        let filled = self.table(&own, findings).into_iter().chain(same).collect();
        TomlSpanned::new(value.span(), DeValue::Table(filled))
    }

    /// The value with all placeholders in it, in names too, replaced. What can't be is reported, and stays.
    pub(crate) fn value<'i>(&self, value: &TomlSpanned<DeValue<'i>>, findings: &mut Vec<Finding>) -> TomlSpanned<DeValue<'i>> {
        let place = span(value.span());
        let filled = match value.get_ref() {
            DeValue::String(text) => match self.text(text, place, findings) {
                Some(filled) => DeValue::String(filled.into()),
                None => value.get_ref().clone(),
            },
            DeValue::Array(list) => DeValue::Array(list.iter().map(|value| self.value(value, findings)).collect()),
            DeValue::Table(table) => DeValue::Table(self.table(table, findings)),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => value.get_ref().clone(),
        };
        TomlSpanned::new(value.span(), filled)
    }

    fn table<'i>(&self, table: &DeTable<'i>, findings: &mut Vec<Finding>) -> DeTable<'i> {
        let entry = |(key, value): (&TomlSpanned<_>, &TomlSpanned<DeValue<'i>>), findings: &mut Vec<Finding>| {
            let name: &std::borrow::Cow<'i, str> = key.get_ref();
            let name = self.text(name, span(key.span()), findings).map_or_else(|| name.clone(), Into::into);
            (TomlSpanned::new(key.span(), name), self.value(value, findings))
        };
        let mut filled = DeTable::new();
        for pair in table {
            let (key, value) = entry(pair, findings);
            if filled.contains_key(&key) {
                let message = format!("`{}` stands twice in this table, as account {} has it", key.get_ref(), self.at.id);
                findings.push(Finding::error(&self.source.file, Some(span(key.span())), message, "give the two names that differ in every account"));
            }
            filled.insert(key, value);
        }
        filled
    }

    /// The text with its placeholders replaced; `None` where it has none. `${…}` is a policy's variable.
    fn text(&self, text: &str, place: Span, findings: &mut Vec<Finding>) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        let mut any = false;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let Some(end) = from.find('}') else { break };
            let (whole, after) = from.split_at(end + 1);
            let word = whole.get(1..end).unwrap_or_default();
            let filled = if out.ends_with('$') { None } else { self.word(word, place, findings) };
            any |= filled.is_some();
            out.push_str(filled.as_deref().unwrap_or(whole));
            rest = after;
        }
        out.push_str(rest);
        any.then_some(out)
    }

    fn word(&self, word: &str, place: Span, findings: &mut Vec<Finding>) -> Option<String> {
        let At { id, label, tags, .. } = self.at;
        let mut error = |message: String, advice: String| findings.push(Finding::error(&self.source.file, Some(place), message, advice));
        let unlisted = || (format!("account {id} has no `{{{word}}}`"), "list it in `accounts.toml`".to_owned());
        let named = || if self.listed { format!("account `{label}` ({id})") } else { format!("account {id}") };
        match word {
            "account" => Some(id.to_string()),
            // Where a bucket lies that nobody says a region of is one thing, and what a name is made of another.
            "region" => {
                if self.region.is_none() {
                    let advice =
                        if self.listed { "say its `region` in `accounts.toml`, or one for all under `[trusting]`" } else { "say `region` under `[trusting]`" };
                    error(format!("{} has no region, which `{{region}}` stands for", named()), advice.to_owned());
                }
                Some(self.region.unwrap_or(UNFILLED).to_owned())
            }
            "label" if self.listed => Some(label.clone()),
            "label" => {
                let (message, advice) = unlisted();
                error(message, advice);
                Some(UNFILLED.to_owned())
            }
            _ => {
                if let Some(key) = word.strip_prefix("tag:") {
                    let found = tags.get(key).filter(|value| self.listed && !value.is_empty()).cloned();
                    if found.is_none() {
                        let advice = format!("give it `{key}` under `tags` in `accounts.toml`, or leave it out with `except`");
                        error(format!("{} has no tag `{key}`, which `{{{word}}}` stands for", named()), advice);
                    }
                    return Some(found.unwrap_or_else(|| UNFILLED.to_owned()));
                }
                if self.strict {
                    let advice = did_you_mean(word, WORDS.into_iter()).map_or_else(
                        || "it knows `{account}`, `{label}`, `{region}` and `{tag:KEY}`; a policy's variable is written `${…}`".to_owned(),
                        |did| did.replace('`', "").replace("did you mean ", "did you mean `{").replace('?', "}`?"),
                    );
                    error(format!("`{{{word}}}` stands for nothing"), advice);
                }
                None
            }
        }
    }
}
