//! KMS: awsJson1.1, keys with their policies, and what S3 asks of them.

pub(crate) mod access;
mod aliases;
mod crypto;
mod deletion;
pub(crate) mod find;
mod grants;
pub(crate) mod input;
mod keys;
mod paging;
mod policy;
mod rotation;
mod sealed;
pub(crate) mod state;
mod tags;

use std::borrow::Cow;

use bytes::Bytes;
use crossrole_policy::Arn;
use serde_json::{Value, json};

use crate::auth::{Caller, unix_now};
use crate::error::ApiError;
use crate::query::{Asked, REGIONS, Reply};
use crate::world::World;

use access::Keys;
use find::{Named, Place, named, not_found};
use input::Input;
use state::{Key, State};

/// Makes the key of an ARN, with the policy that AWS makes keys with; `false`: it is there, or the ARN is none of a key.
pub(crate) fn place(world: &mut World, arn: &str) -> bool {
    let now = crate::auth::unix_now();
    let parsed = crossrole_policy::Arn::parse(arn).filter(|a| a.service == "kms" && a.account.len() == 12);
    let Some((parsed, id)) = parsed.and_then(|a| Some((a, a.resource.strip_prefix("key/")?))) else { return false };
    if world.kms.key(arn, now).is_some() {
        return false;
    }
    let mut key = state::Key::new(parsed.account, parsed.region, id.to_owned(), now);
    key.policy.set(Some(policy::default_of(parsed.account)), 0, 0);
    world.kms.add(key);
    true
}

/// The content type of the protocol.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Characters of a key id, ARN or alias.
const NAME_MOST: usize = 2_048;

/// Operations that AWS has and the sandbox has not.
const ELSEWHERE: &[&str] = &[
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "ListKeyRotations",
    "ListRetirableGrants",
    "ReplicateKey",
    "RetireGrant",
    "RotateKeyOnDemand",
    "Sign",
    "UpdateCustomKeyStore",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// One request and what it works on.
pub(crate) struct Kms<'a> {
    world: &'a mut World,
    caller: &'a Caller,
    region: &'a str,
    input: Input,
    /// Unix seconds.
    now: i64,
}

/// Tells whether an operation changes something that is kept.
pub(crate) fn writes(operation: &str) -> bool {
    let reads = ["Describe", "Get", "List", "Encrypt", "Decrypt", "Generate", "ReEncrypt"];
    !reads.iter().any(|p| operation.starts_with(p))
}

/// What the sandbox has not, by name.
fn unsupported(what: impl std::fmt::Display) -> ApiError {
    ApiError::new(400, "UnsupportedOperationException", format!("the sandbox has no {what}; nothing was done"))
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let region = asked.authorization.as_ref().map(|a| a.region.as_str()).unwrap_or_default();
    if !REGIONS.contains(&region) || asked.host_region.as_deref().is_some_and(|host| host != region) {
        return Err(ApiError::new(400, "InvalidSignatureException", "Credential should be scoped to a valid region. "));
    }
    let operation = asked.operation.as_str();
    if ELSEWHERE.contains(&operation) {
        return Err(unsupported(format!("kms:{operation}")));
    }
    let now = unix_now();
    world.kms.sweep(now);
    let mut kms = Kms { world, caller, region, input: Input::read(&asked.body)?, now };
    match operation {
        "CreateKey" => kms.create_key(),
        "DescribeKey" => kms.describe_key(),
        "ListKeys" => kms.list_keys(),
        "UpdateKeyDescription" => kms.update_description(),
        "EnableKey" => kms.switch(State::Enabled),
        "DisableKey" => kms.switch(State::Disabled),
        "GetKeyPolicy" => kms.get_policy(),
        "PutKeyPolicy" => kms.put_policy(),
        "ListKeyPolicies" => kms.list_policies(),
        "CreateAlias" => kms.create_alias(),
        "UpdateAlias" => kms.update_alias(),
        "DeleteAlias" => kms.delete_alias(),
        "ListAliases" => kms.list_aliases(),
        "TagResource" => kms.tag(),
        "UntagResource" => kms.untag(),
        "ListResourceTags" => kms.list_tags(),
        "EnableKeyRotation" => kms.enable_rotation(),
        "DisableKeyRotation" => kms.disable_rotation(),
        "GetKeyRotationStatus" => kms.rotation_status(),
        "CreateGrant" => kms.create_grant(),
        "ListGrants" => kms.list_grants(),
        "RevokeGrant" => kms.revoke_grant(),
        "ScheduleKeyDeletion" => kms.schedule_deletion(),
        "CancelKeyDeletion" => kms.cancel_deletion(),
        "Encrypt" => kms.encrypt(),
        "Decrypt" => kms.decrypt(),
        "ReEncrypt" => kms.re_encrypt(),
        "GenerateDataKey" => kms.data_key(true),
        "GenerateDataKeyWithoutPlaintext" => kms.data_key(false),
        "GetPublicKey" => kms.public_key(),
        _ => Err(ApiError::new(400, "UnknownOperationException", "")),
    }
}

impl Kms<'_> {
    fn place(&self) -> Place<'_> {
        Place { account: &self.caller.account, region: self.region, now: self.now }
    }

    /// The key that a member names: by id or ARN, and where that is taken by an alias too.
    fn name(&self, member: &str, with_aliases: bool) -> Result<Named, ApiError> {
        named(&self.world.kms, self.place(), self.input.need(member, 1, NAME_MOST)?, with_aliases)
    }

    /// A key that is there.
    fn stored(&self, arn: &str) -> Result<Cow<'_, Key>, ApiError> {
        self.world.kms.key(arn, self.now).ok_or_else(|| not_found(format!("Key '{arn}' does not exist")))
    }

    fn key_mut(&mut self, arn: &str) -> Result<&mut Key, ApiError> {
        self.world.kms.key_mut(arn).ok_or_else(|| not_found(format!("Key '{arn}' does not exist")))
    }

    /// Decides an action on a key. Callers of other accounts are not told whether there is one.
    fn allow(&self, action: &str, arn: &str, keys: Keys) -> Result<(), ApiError> {
        match self.stored(arn) {
            Ok(key) => access::allow(self.world, self.caller, action, &key, keys),
            Err(_) if !self.owns(arn) => Err(access::untold(self.caller, action, arn)),
            Err(missing) => Err(missing),
        }
    }

    fn owns(&self, arn: &str) -> bool {
        Arn::parse(arn).is_some_and(|a| a.account == self.caller.account)
    }

    /// The key in `KeyId`, for an operation that never reaches other accounts, whatever policies say.
    fn own_key(&self, action: &str, keys: Keys) -> Result<String, ApiError> {
        let named = self.name("KeyId", false)?;
        if !self.owns(&named.arn) {
            return Err(access::untold(self.caller, action, &named.arn));
        }
        self.allow(action, &named.arn, keys)?;
        Ok(named.arn)
    }

    /// The key in a member, for an operation that reaches other accounts.
    fn any_key(&self, member: &str, with_aliases: bool, action: &str, keys: Keys) -> Result<String, ApiError> {
        let named = self.name(member, with_aliases)?;
        self.allow(action, &named.arn, keys.asked_by(named.alias.as_deref()))?;
        Ok(named.arn)
    }
}

impl Key {
    /// It may be used.
    pub(crate) fn works(&self) -> Result<(), ApiError> {
        match self.state {
            State::Enabled => Ok(()),
            State::Disabled => Err(ApiError::new(400, "DisabledException", format!("{} is disabled.", self.arn()))),
            State::PendingDeletion(_) => self.stays(),
        }
    }

    /// It may be changed: it is not about to be deleted.
    fn stays(&self) -> Result<(), ApiError> {
        match self.state {
            State::PendingDeletion(_) => Err(ApiError::new(400, "KMSInvalidStateException", format!("{} is pending deletion.", self.arn()))),
            State::Enabled | State::Disabled => Ok(()),
        }
    }
}

/// A good answer.
fn reply(body: &Value) -> Reply {
    Reply { status: 200, body: Bytes::from(body.to_string()), content_type: Some(CONTENT_TYPE.to_owned()), ..Reply::default() }
}

/// The answer of operations that say no more than that.
fn done() -> Reply {
    Reply { status: 200, content_type: Some(CONTENT_TYPE.to_owned()), ..Reply::default() }
}

/// What DescribeKey and CreateKey tell (LocalStack, test_kms.py::test_create_key, 2023-04-13).
fn metadata(key: &Key) -> Value {
    let mut told = json!({
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn(),
        "CreationDate": key.created,
        "Enabled": key.state == State::Enabled,
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state.name(),
        "Origin": "AWS_KMS",
        "KeyManager": if key.managed { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": false,
    });
    if let (State::PendingDeletion(at), Some(told)) = (key.state, told.as_object_mut()) {
        told.insert("DeletionDate".to_owned(), json!(at));
    }
    told
}
