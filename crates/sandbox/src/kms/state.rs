//! What KMS keeps.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::lagged::Lagged;
use crate::sigv4::hex;
use crate::world::Tags;

/// The alias of the key that S3 makes where none is named.
pub(crate) const MANAGED_ALIAS: &str = "alias/aws/s3";

/// Keys and aliases of all accounts and regions, by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    keys: BTreeMap<String, Key>,
    /// Deleted ones stay until nobody sees them.
    aliases: BTreeMap<String, Lagged<Alias>>,
}

/// A symmetric encryption key of one region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) id: String,
    pub(crate) description: String,
    /// Unix seconds.
    pub(crate) created: i64,
    pub(crate) state: State,
    pub(crate) rotation: Option<Rotation>,
    /// They decide late, and are read at once.
    #[serde(with = "crate::lagged::newest")]
    pub(crate) tags: Lagged<Tags>,
    /// As it was sent, with unique ids in place of role and user ARNs. It decides late, and is read at once.
    #[serde(with = "crate::lagged::newest")]
    pub(crate) policy: Lagged<Value>,
    /// In the order in which they were made.
    #[serde(default)]
    pub(crate) grants: Vec<super::grants::Grant>,
    /// How many were made.
    #[serde(default)]
    pub(crate) granted: u64,
    /// A service's of AWS: nobody changes it.
    pub(crate) managed: bool,
    /// How often its policy was read.
    #[serde(skip)]
    pub(crate) reads: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Enabled,
    Disabled,
    /// It is gone at this time, in Unix seconds.
    PendingDeletion(i64),
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion(_) => "PendingDeletion",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rotation {
    /// Days from one to the next.
    pub(crate) period: i64,
    /// Unix seconds.
    pub(crate) since: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// ARN of its key.
    pub(crate) target: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

impl Key {
    /// An enabled key.
    pub(crate) fn new(account: &str, region: &str, id: String, created: i64) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            id,
            description: String::new(),
            created,
            state: State::Enabled,
            rotation: None,
            tags: Lagged::default(),
            policy: Lagged::default(),
            grants: Vec::new(),
            granted: 0,
            managed: false,
            reads: 0,
        }
    }

    /// Its time has come.
    fn is_gone(&self, now: i64) -> bool {
        matches!(self.state, State::PendingDeletion(at) if at <= now)
    }

    pub(crate) fn arn(&self) -> String {
        arn(&self.region, &self.account, &format!("key/{}", self.id))
    }

    /// The key that S3 uses for an account where none is named; its id is always the same. Whoever comes through S3 from
    /// inside the account may use it, and nobody else (AWS KMS Developer Guide, "AWS managed keys").
    pub(crate) fn of_s3(account: &str, region: &str, now: i64) -> Self {
        let mut key = Self::new(account, region, uuid(&format!("{MANAGED_ALIAS} {account} {region}")), now);
        "Default key that protects my S3 objects when no other key is defined".clone_into(&mut key.description);
        key.managed = true;
        key.rotation = Some(Rotation { period: super::rotation::PERIOD, since: now });
        let policy = json!({
            "Version": "2012-10-17",
            "Id": "auto-s3-2",
            "Statement": [
                {
                    "Sid": "Allow access through S3 for all principals in the account that are authorized to use S3",
                    "Effect": "Allow",
                    "Principal": { "AWS": "*" },
                    "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                    "Resource": "*",
                    "Condition": { "StringEquals": { "kms:CallerAccount": account, "kms:ViaService": format!("s3.{region}.amazonaws.com") } },
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                    "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
                    "Resource": "*",
                },
            ],
        });
        key.policy.set(Some(policy), 0, 0);
        key
    }
}

impl Store {
    /// A key; the one that S3 makes is there as soon as somebody asks for it.
    pub(crate) fn key(&self, arn: &str, now: i64) -> Option<Cow<'_, Key>> {
        if let Some(key) = self.keys.get(arn) {
            return (!key.is_gone(now)).then_some(Cow::Borrowed(key));
        }
        let parsed = crossrole_policy::Arn::parse(arn)?;
        let key = Key::of_s3(parsed.account, parsed.region, now);
        (key.arn() == arn).then_some(Cow::Owned(key))
    }

    pub(crate) fn key_mut(&mut self, arn: &str) -> Option<&mut Key> {
        self.keys.get_mut(arn)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.values()
    }

    pub(crate) fn add(&mut self, key: Key) {
        self.keys.insert(key.arn(), key);
    }

    /// Keeps the key that S3 makes, with its alias, once it is used.
    pub(crate) fn keep_used(&mut self, arn: &str, now: i64) {
        if self.keys.contains_key(arn) {
            return;
        }
        let Some(Cow::Owned(key)) = self.key(arn, now) else { return };
        let alias = self::arn(&key.region, &key.account, MANAGED_ALIAS);
        self.aliases.entry(alias).or_default().set(Some(Alias { target: arn.to_owned(), created: now, updated: now }), 0, 0);
        self.add(key);
    }

    /// The key that an alias stands for.
    pub(crate) fn target(&self, alias: &str, now: i64) -> Option<String> {
        if let Some(found) = self.alias(alias) {
            return Some(found.target.clone());
        }
        let parsed = crossrole_policy::Arn::parse(alias).filter(|a| a.resource == MANAGED_ALIAS)?;
        Some(Key::of_s3(parsed.account, parsed.region, now).arn())
    }

    pub(crate) fn alias(&self, arn: &str) -> Option<&Alias> {
        self.aliases.get(arn)?.newest()
    }

    /// ARN and alias, sorted.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = (&str, &Alias)> {
        self.aliases.iter().filter_map(|(arn, slot)| Some((arn.as_str(), slot.newest()?)))
    }

    /// Names of the aliases of a key that decisions know of.
    pub(crate) fn names(&self, key: &str, now_ms: u64) -> Vec<String> {
        let visible = self.aliases.iter().filter(|(_, slot)| slot.visible(now_ms).is_some_and(|a| a.target == key));
        visible.filter_map(|(arn, _)| crossrole_policy::Arn::parse(arn).map(|a| a.resource.to_owned())).collect()
    }

    /// Writes or deletes an alias.
    pub(crate) fn set_alias(&mut self, arn: &str, alias: Option<Alias>, now_ms: u64, lag_ms: u64) {
        self.aliases.entry(arn.to_owned()).or_default().set(alias, now_ms, lag_ms);
        self.aliases.retain(|_, slot| !slot.is_gone(now_ms));
    }

    /// Deletes the keys whose time has come, with their aliases.
    pub(crate) fn sweep(&mut self, now: i64) {
        let arns: Vec<String> = self.keys.iter().filter(|(_, key)| key.is_gone(now)).map(|(arn, _)| arn.clone()).collect();
        self.keys.retain(|arn, _| !arns.contains(arn));
        self.aliases.retain(|_, slot| slot.newest().is_none_or(|a| !arns.contains(&a.target)));
    }
}

/// `arn:aws:kms:region:account:resource`.
pub(crate) fn arn(region: &str, account: &str, resource: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:{resource}")
}

/// An id in the form of a UUID, made of a seed.
pub(crate) fn uuid(seed: &str) -> String {
    let digits = hex(&Sha256::digest(format!("crossrole sandbox key {seed}").as_bytes()));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
