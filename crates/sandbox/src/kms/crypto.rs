//! What keys are for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::query::Reply;

use super::access::Keys;
use super::input::{EncryptionContext, invalid};
use super::sealed::Sealed;
use super::{Kms, access, reply};

/// Bytes that a key encrypts, and of a ciphertext (KMS API reference, Encrypt, Decrypt). Ours is longer than AWS's for the same
/// plaintext, since it is JSON.
const PLAINTEXT_MOST: usize = 4_096;
const CIPHERTEXT_MOST: usize = 32_768;

const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

impl Kms<'_> {
    /// Only one algorithm goes with the keys that are here.
    fn algorithm(&self, member: &str) -> Result<(), ApiError> {
        match self.input.text(member)? {
            None | Some(ALGORITHM) => Ok(()),
            Some(other) => {
                let message = format!("Algorithm {other} is incompatible with key spec SYMMETRIC_DEFAULT.");
                Err(ApiError::new(400, "InvalidKeyUsageException", message))
            }
        }
    }

    /// A key that encrypts.
    fn encrypting(&self, member: &str, action: &str, keys: Keys) -> Result<String, ApiError> {
        let arn = self.any_key(member, true, action, keys)?;
        self.stored(&arn)?.works()?;
        Ok(arn)
    }

    /// Whoever only wanted to know whether it may.
    fn tried(&self) -> Result<(), ApiError> {
        if self.input.flag("DryRun")? {
            return Err(ApiError::new(400, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."));
        }
        Ok(())
    }

    fn seal(&mut self, arn: &str, context: &EncryptionContext, plaintext: &[u8]) -> String {
        let nonce = self.world.fresh(16);
        STANDARD.encode(Sealed::new(arn, context, plaintext, nonce).bytes())
    }

    pub(super) fn encrypt(&mut self) -> Result<Reply, ApiError> {
        let plaintext = self.input.bytes("Plaintext", PLAINTEXT_MOST)?;
        let context = self.input.encryption_context("EncryptionContext")?;
        let arn = self.encrypting("KeyId", "kms:Encrypt", Keys::default().encrypts(&context))?;
        self.algorithm("EncryptionAlgorithm")?;
        self.tried()?;
        let sealed = self.seal(&arn, &context, &plaintext);
        Ok(reply(&json!({ "CiphertextBlob": sealed, "KeyId": arn, "EncryptionAlgorithm": ALGORITHM })))
    }

    /// Opens the ciphertext of a request. `member` names the key that it has to be of, `context` has its encryption context.
    fn open(&self, action: &str, member: &str, context: &str, keys: Keys) -> Result<Sealed, ApiError> {
        let wrong = || ApiError::new(400, "InvalidCiphertextException", "");
        let sealed = Sealed::open(&self.input.bytes("CiphertextBlob", CIPHERTEXT_MOST)?).ok_or_else(wrong)?;
        let context = self.input.encryption_context(context)?;
        let mut keys = keys.encrypts(&context);
        if self.input.has(member) {
            let named = self.name(member, true)?;
            if named.arn != sealed.key {
                let message = "The key ID in the request does not identify a CMK that can perform this operation.";
                return Err(ApiError::new(400, "IncorrectKeyException", message));
            }
            keys = keys.asked_by(named.alias.as_deref());
        }
        // Elsewhere there is no such key, for the key's own account too.
        if crossrole_policy::Arn::parse(&sealed.key).is_none_or(|a| a.region != self.region) {
            return Err(access::untold(self.caller, action, &sealed.key));
        }
        self.allow(action, &sealed.key, keys)?;
        self.stored(&sealed.key)?.works()?;
        if sealed.is_of(&context) { Ok(sealed) } else { Err(wrong()) }
    }

    pub(super) fn decrypt(&mut self) -> Result<Reply, ApiError> {
        let sealed = self.open("kms:Decrypt", "KeyId", "EncryptionContext", Keys::default())?;
        self.algorithm("EncryptionAlgorithm")?;
        self.tried()?;
        Ok(reply(&json!({ "KeyId": sealed.key, "Plaintext": STANDARD.encode(&sealed.plaintext), "EncryptionAlgorithm": ALGORITHM })))
    }

    /// The source must let it out, and the destination in.
    pub(super) fn re_encrypt(&mut self) -> Result<Reply, ApiError> {
        let bytes = self.input.bytes("CiphertextBlob", CIPHERTEXT_MOST)?;
        let to = self.name("DestinationKeyId", true)?;
        let same = Sealed::open(&bytes).is_some_and(|s| s.key == to.arn);
        let keys = || Keys::default().with("kms:ReEncryptOnSameKey", same.to_string());
        let sealed = self.open("kms:ReEncryptFrom", "SourceKeyId", "SourceEncryptionContext", keys())?;
        let context = self.input.encryption_context("DestinationEncryptionContext")?;
        let arn = self.encrypting("DestinationKeyId", "kms:ReEncryptTo", keys().encrypts(&context))?;
        self.algorithm("SourceEncryptionAlgorithm")?;
        self.algorithm("DestinationEncryptionAlgorithm")?;
        self.tried()?;
        let again = self.seal(&arn, &context, &sealed.plaintext);
        Ok(reply(&json!({
            "CiphertextBlob": again,
            "SourceKeyId": sealed.key,
            "KeyId": arn,
            "SourceEncryptionAlgorithm": ALGORITHM,
            "DestinationEncryptionAlgorithm": ALGORITHM,
        })))
    }

    /// Bytes of the data key that is asked for.
    fn data_key_length(&self) -> Result<usize, ApiError> {
        let number = self.input.number("NumberOfBytes", 1, 1_024)?;
        match (number, self.input.has("KeySpec")) {
            (Some(number), false) => Ok(usize::try_from(number).unwrap_or_default()),
            (None, true) => Ok(if self.input.choice("KeySpec", &["AES_256", "AES_128"], &[])? == "AES_256" { 32 } else { 16 }),
            _ => Err(invalid("Please specify either number of bytes or key spec.")),
        }
    }

    /// GenerateDataKey and GenerateDataKeyWithoutPlaintext, which are two actions.
    pub(super) fn data_key(&mut self, with_plaintext: bool) -> Result<Reply, ApiError> {
        let length = self.data_key_length()?;
        let context = self.input.encryption_context("EncryptionContext")?;
        let action = if with_plaintext { "kms:GenerateDataKey" } else { "kms:GenerateDataKeyWithoutPlaintext" };
        let arn = self.encrypting("KeyId", action, Keys::default().encrypts(&context))?;
        self.tried()?;
        let plaintext = self.world.fresh(length).into_bytes();
        let mut told = json!({ "CiphertextBlob": self.seal(&arn, &context, &plaintext), "KeyId": arn });
        if let (true, Some(told)) = (with_plaintext, told.as_object_mut()) {
            told.insert("Plaintext".to_owned(), Value::String(STANDARD.encode(&plaintext)));
        }
        Ok(reply(&told))
    }

    /// No key here has one.
    pub(super) fn public_key(&mut self) -> Result<Reply, ApiError> {
        let arn = self.any_key("KeyId", true, "kms:GetPublicKey", Keys::default())?;
        let message = format!("{arn} key spec is SYMMETRIC_DEFAULT which is not valid for GetPublicKey.");
        Err(ApiError::new(400, "UnsupportedOperationException", message))
    }
}
