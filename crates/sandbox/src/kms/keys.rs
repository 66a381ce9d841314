//! Keys: made, told of, listed, described, switched on and off.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::query::Reply;

use super::access::{Keys, allow_elsewhere};
use super::input::length;
use super::state::{Key, State, uuid};
use super::{Kms, done, metadata, policy, reply, tags, unsupported};

/// Characters of a description.
const DESCRIPTION_MOST: usize = 8_192;

const OTHER_SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_NIST_EDWARDS25519",
    "ECC_SECG_P256K1",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "SM2",
];

impl Kms<'_> {
    /// What a key would have to be that the sandbox can't make.
    fn only_symmetric(&self) -> Result<(), ApiError> {
        for member in ["KeySpec", "CustomerMasterKeySpec"] {
            self.input.choice(member, &["SYMMETRIC_DEFAULT"], OTHER_SPECS)?;
        }
        self.input.choice("KeyUsage", &["ENCRYPT_DECRYPT"], &["SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"])?;
        self.input.choice("Origin", &["AWS_KMS"], &["EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"])?;
        if self.input.flag("MultiRegion")? {
            return Err(unsupported("multi-Region keys"));
        }
        match ["CustomKeyStoreId", "XksKeyId"].into_iter().find(|m| self.input.has(m)) {
            Some(_) => Err(unsupported("custom key stores")),
            None => Ok(()),
        }
    }

    pub(super) fn create_key(&mut self) -> Result<Reply, ApiError> {
        self.only_symmetric()?;
        let description = self.input.text("Description")?.unwrap_or_default().to_owned();
        length("description", &description, 0, DESCRIPTION_MOST)?;
        let bypass = self.input.flag("BypassPolicyLockoutSafetyCheck")?;
        let tags = self.input.tags("Tags")?;
        let keys = Keys::default().kind().tags(&tags).with("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string());
        allow_elsewhere(self.caller, "kms:CreateKey", "*", keys)?;
        if !tags.is_empty() {
            allow_elsewhere(self.caller, "kms:TagResource", "*", Keys::default().kind().tags(&tags))?;
        }
        let tags = tags::merged(crate::world::Tags::new(), tags)?;
        let account = self.caller.account.clone();
        let policy = match self.input.text("Policy")? {
            Some(text) => policy::parse(self.world, text)?,
            None => policy::default_of(&account),
        };
        let mut key = Key::new(&account, self.region, String::new(), self.now);
        key.id = uuid(&self.world.fresh(32));
        key.description = description;
        key.tags.set(Some(tags), 0, 0);
        policy::keeps_in(self.world, self.caller, &key, &policy, bypass)?;
        // A key comes with its policy: nobody ever sees it without.
        key.policy.set(Some(policy), 0, 0);
        let told = metadata(&key);
        self.world.kms.add(key);
        Ok(reply(&json!({ "KeyMetadata": told })))
    }

    pub(super) fn describe_key(&mut self) -> Result<Reply, ApiError> {
        let arn = self.any_key("KeyId", true, "kms:DescribeKey", Keys::default())?;
        // Asking for the key of a service makes it (KMS API reference, DescribeKey).
        self.world.kms.keep_used(&arn, self.now);
        Ok(reply(&json!({ "KeyMetadata": metadata(&*self.stored(&arn)?) })))
    }

    pub(super) fn list_keys(&mut self) -> Result<Reply, ApiError> {
        allow_elsewhere(self.caller, "kms:ListKeys", "*", Keys::default())?;
        let here = self.world.kms.keys().filter(|k| k.account == self.caller.account && k.region == self.region);
        let keys: Vec<Value> = here.map(|k| json!({ "KeyId": k.id, "KeyArn": k.arn() })).collect();
        self.page("Keys", keys, 100, 1_000).map(|page| reply(&page))
    }

    pub(super) fn update_description(&mut self) -> Result<Reply, ApiError> {
        let arn = self.own_key("kms:UpdateKeyDescription", Keys::default())?;
        let description = self.input.need("Description", 0, DESCRIPTION_MOST)?.to_owned();
        self.stored(&arn)?.stays()?;
        self.key_mut(&arn)?.description = description;
        Ok(done())
    }

    /// EnableKey and DisableKey.
    pub(super) fn switch(&mut self, state: State) -> Result<Reply, ApiError> {
        let arn = self.own_key(if state == State::Enabled { "kms:EnableKey" } else { "kms:DisableKey" }, Keys::default())?;
        self.stored(&arn)?.stays()?;
        self.key_mut(&arn)?.state = state;
        Ok(done())
    }
}
