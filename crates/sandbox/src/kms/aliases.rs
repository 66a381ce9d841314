//! Aliases: names of keys, one account's and region's. What is done to one is asked of it and of each key that it is about.

use serde_json::{Value, json};

use crate::constraint::broken;
use crate::error::ApiError;
use crate::query::{Reply, Service};

use super::access::{Keys, allow_elsewhere, untold};
use super::find::no_alias;
use super::input::invalid;
use super::state::{Alias, MANAGED_ALIAS, arn};
use super::{Kms, done, reply};

/// Characters of a name.
const NAME_MOST: usize = 256;

/// Aliases of a key (AWS KMS Developer Guide, "Resource quotas").
const MOST: usize = 50;

impl Kms<'_> {
    /// The ARN of the alias that is asked about, whose name is one.
    fn alias(&self) -> Result<String, ApiError> {
        let name = self.input.need("AliasName", 1, NAME_MOST)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-');
        if !name.chars().all(|c| is_plain(c) || c == ':') || name == "alias/" {
            return Err(broken(Service::Kms, "aliasName", Some(name), "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"));
        }
        if !name.starts_with("alias/") {
            return Err(invalid(
                "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
            ));
        }
        if !name.chars().all(is_plain) {
            return Err(invalid(format!("{name} contains invalid characters for an alias")));
        }
        if name.starts_with("alias/aws/") {
            return Err(ApiError::new(400, "NotAuthorizedException", ""));
        }
        Ok(arn(self.region, &self.caller.account, name))
    }

    /// The key that it is to stand for: this account's, and of this region.
    fn target(&self, action: &str, alias: &str) -> Result<String, ApiError> {
        let named = self.name("TargetKeyId", false)?;
        if !self.owns(&named.arn) {
            return Err(untold(self.caller, action, &named.arn));
        }
        self.allow(action, &named.arn, Keys::default())?;
        let key = self.stored(&named.arn)?;
        key.stays()?;
        if self.world.kms.aliases().filter(|(arn, a)| *arn != alias && a.target == named.arn).count() >= MOST {
            return Err(ApiError::new(400, "LimitExceededException", format!("A key can have no more than {MOST} aliases.")));
        }
        Ok(named.arn)
    }

    fn write(&mut self, arn: &str, alias: Option<Alias>) -> Reply {
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.kms.set_alias(arn, alias, now, lag);
        done()
    }

    pub(super) fn create_alias(&mut self) -> Result<Reply, ApiError> {
        let arn = self.alias()?;
        allow_elsewhere(self.caller, "kms:CreateAlias", &arn, Keys::default())?;
        let target = self.target("kms:CreateAlias", &arn)?;
        if self.world.kms.alias(&arn).is_some() {
            return Err(ApiError::new(400, "AlreadyExistsException", format!("An alias with the name {arn} already exists")));
        }
        let alias = Alias { target, created: self.now, updated: self.now };
        Ok(self.write(&arn, Some(alias)))
    }

    /// The alias as it is, and its key's leave to change it.
    fn standing(&self, arn: &str, action: &str) -> Result<Alias, ApiError> {
        allow_elsewhere(self.caller, action, arn, Keys::default())?;
        let alias = self.world.kms.alias(arn).ok_or_else(|| no_alias(arn))?;
        self.allow(action, &alias.target, Keys::default())?;
        Ok(alias.clone())
    }

    pub(super) fn update_alias(&mut self) -> Result<Reply, ApiError> {
        let arn = self.alias()?;
        let before = self.standing(&arn, "kms:UpdateAlias")?;
        let target = self.target("kms:UpdateAlias", &arn)?;
        let alias = Alias { target, created: before.created, updated: self.now };
        Ok(self.write(&arn, Some(alias)))
    }

    pub(super) fn delete_alias(&mut self) -> Result<Reply, ApiError> {
        let arn = self.alias()?;
        self.standing(&arn, "kms:DeleteAlias")?;
        Ok(self.write(&arn, None))
    }

    pub(super) fn list_aliases(&mut self) -> Result<Reply, ApiError> {
        allow_elsewhere(self.caller, "kms:ListAliases", "*", Keys::default())?;
        let of_key = self.input.has("KeyId").then(|| self.name("KeyId", false)).transpose()?.map(|named| named.arn);
        if let Some(key) = &of_key {
            if !self.owns(key) {
                return Err(untold(self.caller, "kms:ListAliases", key));
            }
            self.stored(key)?;
        }
        let here = arn(self.region, &self.caller.account, "");
        let mut aliases: Vec<(String, Option<&Alias>)> = Vec::new();
        for (full, alias) in self.world.kms.aliases() {
            if let Some(name) = full.strip_prefix(&here).filter(|_| of_key.as_ref().is_none_or(|key| alias.target == *key)) {
                aliases.push((name.to_owned(), Some(alias)));
            }
        }
        // Services' names are listed before there is a key behind them (KMS API reference, ListAliases).
        if of_key.is_none() && !aliases.iter().any(|(name, _)| name == MANAGED_ALIAS) {
            aliases.push((MANAGED_ALIAS.to_owned(), None));
            aliases.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let shown: Vec<Value> = aliases.iter().map(|(name, alias)| told(&here, name, *alias)).collect();
        self.page("Aliases", shown, 50, 100).map(|page| reply(&page))
    }
}

fn told(here: &str, name: &str, alias: Option<&Alias>) -> Value {
    match alias {
        None => json!({ "AliasName": name, "AliasArn": format!("{here}{name}") }),
        Some(alias) => json!({
            "AliasName": name,
            "AliasArn": format!("{here}{name}"),
            "TargetKeyId": alias.target.rsplit('/').next().unwrap_or_default(),
            "CreationDate": alias.created,
            "LastUpdatedDate": alias.updated,
        }),
    }
}
