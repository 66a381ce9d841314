//! Who may do what with a key: its own policy must allow, alone or by leaving it to the policies of its account, and across
//! accounts the caller's must too (AWS KMS Developer Guide, "Key policies in AWS KMS"). A grant counts as a statement of the policy that names
//! its grantee ("Grants in AWS KMS").

use crossrole_policy::{Arn, Document};

use crate::auth::{Caller, Want, authorize};
use crate::error::ApiError;
use crate::world::World;

use super::input::EncryptionContext;
use super::policy;
use super::state::Key;

/// Condition keys with one value, and with many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) one: Vec<(String, String)>,
    pub(crate) many: Vec<(String, Vec<String>)>,
}

impl Keys {
    pub(crate) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.one.push((key.into(), value.into()));
        self
    }

    /// Tags that the request carries.
    pub(super) fn tags(mut self, tags: &[(String, String)]) -> Self {
        for (tag, value) in tags {
            self.one.push((format!("aws:RequestTag/{tag}"), value.clone()));
        }
        self.tag_keys(tags.iter().map(|(tag, _)| tag.clone()).collect())
    }

    pub(super) fn tag_keys(mut self, tags: Vec<String>) -> Self {
        if !tags.is_empty() {
            self.many.push(("aws:TagKeys".to_owned(), tags));
        }
        self
    }

    /// An encryption context, and the algorithm of every key here.
    pub(crate) fn encrypts(mut self, context: &EncryptionContext) -> Self {
        for (name, value) in context {
            self.one.push((format!("kms:EncryptionContext:{name}"), value.clone()));
        }
        if !context.is_empty() {
            self.many.push(("kms:EncryptionContextKeys".to_owned(), context.keys().cloned().collect()));
        }
        self.with("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT")
    }

    /// The name by which the key was asked for.
    pub(crate) fn asked_by(self, alias: Option<&str>) -> Self {
        match alias {
            Some(alias) => self.with("kms:RequestAlias", alias),
            None => self,
        }
    }

    /// S3 calls in the caller's name (AWS KMS Developer Guide, "kms:ViaService"; the suffix is the same in every partition).
    pub(crate) fn through_s3(self, region: &str) -> Self {
        self.with("kms:ViaService", format!("s3.{region}.amazonaws.com")).with("aws:ViaAWSService", "true").with("aws:RequestedRegion", region)
    }

    /// What every key here is.
    pub(super) fn kind(self) -> Self {
        self.with("kms:KeySpec", "SYMMETRIC_DEFAULT").with("kms:KeyUsage", "ENCRYPT_DECRYPT").with("kms:KeyOrigin", "AWS_KMS").with("kms:MultiRegion", "false")
    }
}

/// Decides an action on a key.
pub(crate) fn allow(world: &World, caller: &Caller, action: &str, key: &Key, keys: Keys) -> Result<(), ApiError> {
    let mut policy = key.policy.visible(world.now_ms).map(|text| policy::deciding(world, text)).unwrap_or_default();
    policy.statements.extend(key.grants.iter().filter_map(|grant| grant.statement(world, action)));
    allow_under(world, caller, action, key, keys, &policy)
}

/// The same under a policy that the key may get.
pub(super) fn allow_under(world: &World, caller: &Caller, action: &str, key: &Key, keys: Keys, policy: &Document) -> Result<(), ApiError> {
    let arn = key.arn();
    let mut keys = keys.kind().with("kms:CallerAccount", caller.account.clone());
    for (tag, value) in key.tags.visible(world.now_ms).into_iter().flatten() {
        keys = keys.with(format!("aws:ResourceTag/{tag}"), value.clone());
    }
    let aliases = world.kms.names(&arn, world.now_ms);
    if !aliases.is_empty() {
        keys.many.push(("kms:ResourceAliases".to_owned(), aliases));
    }
    authorize(caller, &Want { action, resource: &arn, account: &key.account, policy: Some(policy), context: keys.one, many: keys.many })
}

/// Decides an action on no key: on an alias, or on whatever there is.
pub(super) fn allow_elsewhere(caller: &Caller, action: &str, resource: &str, keys: Keys) -> Result<(), ApiError> {
    let keys = keys.with("kms:CallerAccount", caller.account.clone());
    authorize(caller, &Want { action, resource, context: keys.one, many: keys.many, ..Want::default() })
}

/// What a caller hears of a key of another account that is not there, or that the operation never reaches.
pub(crate) fn untold(caller: &Caller, action: &str, arn: &str) -> ApiError {
    let account = Arn::parse(arn).map(|a| a.account.to_owned()).unwrap_or_default();
    let nobody = Document::default();
    let want = Want { action, resource: arn, account: &account, policy: Some(&nobody), ..Want::default() };
    match authorize(caller, &want) {
        Err(error) => error,
        // Nobody is let in by an empty policy of another account.
        Ok(()) => super::find::not_found(format!("Key '{arn}' does not exist")),
    }
}
