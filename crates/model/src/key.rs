//! KMS keys by reference, and the calls that write them.
//!
//! AWS chooses the id of a key when it is made. One that a manifest makes is known by its alias instead, from the plan that makes
//! it to the last that speaks of it: `arn:aws:kms:eu-west-1:222222222222:key/{alias/exchange}`. Whoever speaks to AWS puts the id in
//! its place, and the alias in place of the id.

use std::collections::BTreeSet;

use crossrole_policy::{Arn, Document, Statement};
use serde::{Deserialize, Serialize};

use crate::call::{Does, Effects, Finds, row};
use crate::ids::{AccountId, Partition};
use crate::state::Tags;

/// A key by ARN, which tells its account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyRef {
    /// `arn:aws:kms:eu-west-1:222222222222:key/1234abcd-…`; `…:key/{alias/exchange}` of a key that a manifest makes.
    pub arn: String,
}

impl KeyRef {
    /// Reads the ARN of a key; aliases and ids alone are none.
    pub fn parse(arn: &str) -> Option<Self> {
        let parsed = Arn::parse(arn).filter(|a| a.service == "kms" && !a.region.is_empty())?;
        let id = parsed.resource.strip_prefix("key/")?;
        let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let good = (plain || made(id).is_some()) && AccountId::parse(parsed.account).is_some();
        good.then(|| Self { arn: arn.to_owned() })
    }

    /// The keys that a statement names, each by its ARN.
    pub fn named_by(statement: &Statement) -> impl Iterator<Item = Self> {
        statement.resource.iter().filter(|resource| !resource.negated).flat_map(|resource| &resource.values).filter_map(|value| Self::parse(value))
    }

    /// The key that a manifest makes under this alias (`alias/exchange`).
    pub fn made(partition: Partition, region: &str, account: &AccountId, alias: &str) -> Self {
        Self { arn: format!("arn:{}:kms:{region}:{account}:key/{{{alias}}}", partition.as_str()) }
    }

    /// The key of an account by its [name](Self::name).
    pub fn named(partition: Partition, account: &AccountId, name: &str) -> Self {
        let (region, id) = name.split_once('/').unwrap_or_default();
        if id.starts_with(ALIAS) {
            return Self::made(partition, region, account, id);
        }
        Self { arn: format!("arn:{}:kms:{region}:{account}:key/{id}", partition.as_str()) }
    }

    fn part<'k>(&'k self, part: fn(Arn<'k>) -> &'k str) -> &'k str {
        Arn::parse(&self.arn).map(part).unwrap_or_default()
    }

    fn id(&self) -> &str {
        self.part(|arn| arn.resource).trim_start_matches("key/")
    }

    /// Returns its alias, where it is known by that: `alias/exchange`.
    pub fn alias(&self) -> Option<&str> {
        made(self.id())
    }

    /// Returns its region.
    pub fn region(&self) -> &str {
        self.part(|arn| arn.region)
    }

    /// Returns its account.
    pub fn account(&self) -> AccountId {
        AccountId::parse(self.part(|arn| arn.account)).unwrap_or_else(AccountId::nobody)
    }

    /// Returns the ARN of its alias, where it is known by that.
    pub fn alias_arn(&self) -> Option<String> {
        Some(self.arn.replacen(&format!("key/{}", self.id()), self.alias()?, 1))
    }

    /// Returns its name in addresses: `eu-west-1/1234abcd-…`, `eu-west-1/alias/exchange`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.region(), self.alias().unwrap_or_else(|| self.id()))
    }
}

/// How every alias begins (KMS API reference, CreateAlias).
pub const ALIAS: &str = "alias/";

/// The alias between braces, which no id of a key has.
fn made(id: &str) -> Option<&str> {
    let alias = id.strip_prefix('{')?.strip_suffix('}')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/_-".contains(&b);
    alias.strip_prefix(ALIAS).filter(|name| !name.is_empty() && name.bytes().all(plain)).map(|_| alias)
}

/// How long the id of every key is: a UUID, or `mrk-` and 32 digits of one for several regions (AWS KMS Developer Guide, "Key identifiers").
const ID_LENGTH: usize = 36;

/// The text of a policy as long as it will be: with ids in place of the aliases by which keys are known until they are made.
fn with_ids(text: &str) -> String {
    const HEAD: &str = ":key/{";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(HEAD) {
        out.push_str(before);
        match after.split_once('}').filter(|(alias, _)| made(&format!("{{{alias}}}")).is_some()) {
            Some((_, behind)) => {
                out.push_str(":key/");
                out.extend(std::iter::repeat_n('0', ID_LENGTH));
                rest = behind;
            }
            None => {
                out.push_str(HEAD);
                rest = after;
            }
        }
    }
    out + rest
}

/// The [size](Document::size) that IAM will count of a document, once the keys that it names are made.
pub fn size(document: &Document) -> usize {
    with_ids(&document.to_json()).chars().filter(|c| !c.is_whitespace()).count()
}

/// The bytes of a document, once the keys that it names are made.
pub fn bytes(document: &Document) -> usize {
    with_ids(&document.to_json()).len()
}

/// A writing call to KMS, on one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the API parameter of that name")]
pub enum KeyCall {
    Create { key: KeyRef, description: String, tags: Tags },
    CreateAlias { key: KeyRef },
    UpdateDescription { key: KeyRef, description: String },
    EnableRotation { key: KeyRef, days: u32 },
    Tag { key: KeyRef, tags: Tags },
    Untag { key: KeyRef, keys: BTreeSet<String> },
    ScheduleDeletion { key: KeyRef, days: u32 },
    PutPolicy { key: KeyRef, document: Document },
}

impl KeyCall {
    pub(crate) fn effects(&self) -> Effects {
        use Does::{Makes, Removes, Sets};
        use Finds::{Anything, AsPlanned, SharedDocument};
        match self {
            Self::Create { .. } => row("CreateKey", "kms:CreateKey", Makes, AsPlanned),
            Self::CreateAlias { .. } => row("CreateAlias", "kms:CreateAlias", Sets, AsPlanned),
            Self::UpdateDescription { .. } => row("UpdateKeyDescription", "kms:UpdateKeyDescription", Sets, AsPlanned),
            Self::EnableRotation { .. } => row("EnableKeyRotation", "kms:EnableKeyRotation", Sets, AsPlanned),
            Self::Tag { .. } => row("TagResource", "kms:TagResource", Sets, Anything),
            Self::Untag { .. } => row("UntagResource", "kms:UntagResource", Removes, Anything),
            Self::ScheduleDeletion { .. } => row("ScheduleKeyDeletion", "kms:ScheduleKeyDeletion", Removes, AsPlanned),
            Self::PutPolicy { .. } => row("PutKeyPolicy", "kms:PutKeyPolicy", Sets, SharedDocument),
        }
    }

    /// Returns the key.
    pub fn key(&self) -> &KeyRef {
        match self {
            Self::Create { key, .. }
            | Self::CreateAlias { key }
            | Self::UpdateDescription { key, .. }
            | Self::EnableRotation { key, .. }
            | Self::Tag { key, .. }
            | Self::Untag { key, .. }
            | Self::ScheduleDeletion { key, .. }
            | Self::PutPolicy { key, .. } => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_made_is_known_by_its_alias() {
        let account = AccountId::parse("222222222222").unwrap();
        let key = KeyRef::made(Partition::Aws, "eu-west-1", &account, "alias/data/exchange");
        assert_eq!(key.arn, "arn:aws:kms:eu-west-1:222222222222:key/{alias/data/exchange}");
        assert_eq!(KeyRef::parse(&key.arn), Some(key.clone()));
        assert_eq!((key.name().as_str(), key.alias()), ("eu-west-1/alias/data/exchange", Some("alias/data/exchange")));
        assert_eq!(key.alias_arn().as_deref(), Some("arn:aws:kms:eu-west-1:222222222222:alias/data/exchange"));
        assert_eq!(KeyRef::named(Partition::Aws, &account, &key.name()), key);
        let plain = KeyRef::parse("arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab").unwrap();
        assert_eq!((plain.alias(), plain.alias_arn()), (None, None));
        assert_eq!(KeyRef::named(Partition::Aws, &account, &plain.name()), plain);
    }

    /// AWS's ids are all of one length, shorter than some aliases and longer than others.
    #[test]
    fn a_document_is_as_long_as_with_the_ids_of_its_keys() {
        let of = |id: &str| {
            let arn = format!("arn:aws:kms:eu-west-1:222222222222:key/{id}");
            let resources = crossrole_policy::Element::of([arn.as_str(), "arn:aws:s3:::b/:key/{x}"]);
            Document::new(vec![Statement::allow(crossrole_policy::Element::of(["kms:Decrypt"]), Some(resources))])
        };
        let (uuid, several) = (of("1234abcd-12ab-34cd-56ef-1234567890ab"), of("mrk-1234abcd12ab34cd56ef1234567890ab"));
        for alias in ["{alias/x}", "{alias/a-name-that-is-longer-than-any-id-of-a-key}"] {
            assert_eq!((size(&of(alias)), bytes(&of(alias))), (uuid.size(), uuid.to_json().len()), "{alias}");
        }
        assert_eq!((size(&several), several.size()), (uuid.size(), uuid.size()));
    }

    #[test]
    fn nothing_else_between_braces_is_a_key() {
        for id in ["{}", "{alias/}", "{alias/a b}", "{exchange}", "{alias/a", "alias/a}", "{alias/{a}}", "{alias/*}"] {
            assert_eq!(KeyRef::parse(&format!("arn:aws:kms:eu-west-1:222222222222:key/{id}")), None, "{id}");
        }
    }
}
