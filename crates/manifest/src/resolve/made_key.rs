//! Keys that a manifest makes: known by their aliases, since AWS chooses their ids.

use crossrole_model::desired::DesiredState;
use crossrole_model::state::MadeKey;
use crossrole_model::{ALIAS, AccountId, Address, KeyRef, Kind, Partition, Span, limits, ownership};

use crate::decode::{Spanned, Table};
use crate::raw::Key;

use super::Builder;

/// Days between rotations where nothing is said, as AWS has it (KMS API reference, EnableKeyRotation).
const ROTATION_DAYS: u32 = 365;

/// Most characters of an alias, its beginning included (KMS API reference, CreateAlias).
const ALIAS_MOST: usize = 256;

impl Builder<'_> {
    /// The key that `[keys.LABEL]` makes; `None` where it is not made, or has mistakes, which are said where it is declared.
    pub(super) fn made_key(&self, label: &str, raw: &Key) -> Option<KeyRef> {
        if !raw.create.as_ref()?.value {
            return None;
        }
        let alias = alias(label, raw);
        let account = match &raw.account {
            None => self.trusting.clone(),
            Some(named) => self.account_of(&named.value)?,
        };
        let key = KeyRef::made(self.partition, self.key_region(raw), &account, &alias);
        KeyRef::parse(&key.arn)
    }

    fn key_region<'k>(&'k self, raw: &'k Key) -> &'k str {
        raw.region.as_ref().map_or(&self.region, |region| &region.value.0)
    }

    fn account_of(&self, label: &str) -> Option<AccountId> {
        if label == "trusting" {
            return Some(self.trusting.clone());
        }
        let entry = self.raw.trusted.as_ref()?.0.get(label)?.value.as_ref()?;
        Some(super::account_id(entry.account.value.as_ref()))
    }

    /// Notes a key that is to be made, with all mistakes in what is said of it.
    pub(super) fn make_key(&mut self, label: &str, at: Span, raw: &Key) -> Option<KeyRef> {
        self.alias(label, at, raw);
        if let Some(named) = &raw.account
            && let Some((account, managed)) = self.label(named, &named.value)
            && !managed
        {
            let message = format!("account {account} (`{}`) is not managed here, so that no key can be made in it", named.value);
            self.error(named.span, message, "make it in an account that this manifest manages, or write the `arn` of one that exists");
        }
        if let Some(region) = raw.region.as_ref().filter(|region| Partition::of_region(&region.value.0) != self.partition) {
            self.error(region.span, format!("`{}` lies in another partition", region.value.0), "a key lies in the partition of its account");
        }
        let rotation = self.days(raw.rotation_days.as_ref(), "rotated every", limits::KEY_ROTATION_DAYS).unwrap_or(ROTATION_DAYS);
        let window = self.days(raw.deletion_window_days.as_ref(), "deleted after", limits::KEY_DELETION_DAYS).unwrap_or(limits::KEY_DELETION_DAYS.1);
        let description = raw.description.as_ref().map(|text| text.value.clone()).unwrap_or_default();
        if let Some(text) = raw.description.as_ref().filter(|text| text.value.chars().count() > limits::KEY_DESCRIPTION) {
            self.over(text.span, "this description", text.value.chars().count(), limits::KEY_DESCRIPTION, "shorten it");
        }
        let mut tags = self.tags(raw.tags.as_ref(), at);
        let key = self.made_key(label, raw)?;
        let alias = key.alias().unwrap_or_default().to_owned();
        tags.insert(ownership::ALIAS_TAG.to_owned(), alias.clone());
        if tags.len() == limits::TAGS + 1 {
            let message = format!("{} tags, over the {} that AWS allows", tags.len(), limits::TAGS);
            self.error(at, message, "leave some out; two are crossrole's own marks");
        }
        let state = MadeKey { alias: Some(alias), description, rotation_days: Some(rotation), tags };
        self.desired.made_keys.insert(key.arn.clone(), window);
        self.insert(at, Address::new(&key.account(), Kind::Key, key.name()), raw.adopt.unwrap_or(false), DesiredState::Key(state));
        Some(key)
    }

    fn alias(&mut self, label: &str, at: Span, raw: &Key) {
        let (alias, span) = (alias(label, raw), raw.alias.as_ref().map_or(at, |alias| alias.span));
        let name = alias.strip_prefix(ALIAS).unwrap_or(&alias);
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b));
        if name.starts_with("aws/") {
            self.error(span, format!("`{alias}` is a name for AWS's own keys"), "use another alias");
        } else if !plain {
            let advice = "an alias has letters, digits, `/`, `_` and `-`: write one as `alias = \"…\"`, where the label can't be it";
            self.error(span, format!("`{alias}` can't be the alias of a key"), advice);
        } else if alias.len() > ALIAS_MOST {
            self.over(span, "this alias", alias.len(), ALIAS_MOST, "shorten it");
        }
    }

    /// A number of days that AWS takes.
    fn days(&mut self, days: Option<&Spanned<u32>>, what: &str, (least, most): (u32, u32)) -> Option<u32> {
        let days = days?;
        if !(least..=most).contains(&days.value) {
            self.error(days.span, format!("a key can't be {what} {} days", days.value), format!("AWS takes {least} to {most}"));
        }
        Some(days.value)
    }

    /// What is said of keys that are made, and of no others.
    pub(super) fn only_of_made(&mut self, raw: &Key) {
        let said = [
            ("adopt", None),
            ("alias", raw.alias.as_ref().map(|v| v.span)),
            ("account", raw.account.as_ref().map(|v| v.span)),
            ("region", raw.region.as_ref().map(|v| v.span)),
            ("description", raw.description.as_ref().map(|v| v.span)),
            ("rotation_days", raw.rotation_days.as_ref().map(|v| v.span)),
            ("deletion_window_days", raw.deletion_window_days.as_ref().map(|v| v.span)),
            ("tags", None),
        ];
        for (word, span) in said.into_iter().filter(|(word, _)| raw.has(word)) {
            let advice = "add `create = true` in place of `arn`, or leave it to whoever owns the key";
            self.error(span.unwrap_or(raw.span), format!("`{word}` is for keys that this manifest makes"), advice);
        }
    }

    /// Keys that this manifest has made in an account that it is of no longer: they are looked for, and stay.
    pub(super) fn left_keys(&mut self) {
        let raw = self.raw;
        for (label, _, key) in raw.keys.iter().flat_map(Table::iter).filter(|(_, _, key)| key.account.is_none()) {
            if let Some(made) = self.made_key(label, key) {
                self.desired.left.keys.insert(made.arn.clone());
                self.desired.made_keys.entry(made.arn).or_insert(limits::KEY_DELETION_DAYS.1);
            }
        }
    }
}

/// The alias as AWS has it: what is written, or the label.
fn alias(label: &str, raw: &Key) -> String {
    let written = raw.alias.as_ref().map_or(label, |alias| alias.value.as_str());
    if written.starts_with(ALIAS) { written.to_owned() } else { format!("{ALIAS}{written}") }
}
