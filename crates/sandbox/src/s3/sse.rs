//! Encryption of objects: which key, and what KMS says of it when S3 asks in the caller's name (S3 User Guide, "Using
//! server-side encryption with AWS KMS keys").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::auth::unix_now;
use crate::authorization::Scheme;
use crate::error::ApiError;
use crate::kms::access::{Keys, allow, untold};
use crate::kms::find::{Named, Place, named, not_found};
use crate::kms::input::EncryptionContext;
use crate::kms::state::MANAGED_ALIAS;

use super::state::{Bucket, Encryption};
use super::{S3, invalid_argument};

const CONTEXT: &str = "x-amz-server-side-encryption-context";

/// The pair that S3 itself puts into every encryption context.
const ARN: &str = "aws:s3:arn";

/// KMS's answer, as S3 gives it on.
fn through_s3(error: ApiError) -> ApiError {
    if error.code == "AccessDeniedException" {
        return ApiError::new(403, "AccessDenied", error.message);
    }
    ApiError::new(400, &format!("KMS.{}", error.code), error.message)
}

impl S3<'_> {
    /// How it is encrypted: as the headers say, or as the bucket does.
    pub(super) fn encryption(&self, state: &Bucket) -> Result<Encryption, ApiError> {
        let default = || state.encryption.clone().unwrap_or_else(Encryption::sse_s3);
        let key = self.asked.header("x-amz-server-side-encryption-aws-kms-key-id").map(str::to_owned);
        let bucket_key = self.asked.header("x-amz-server-side-encryption-bucket-key-enabled").map(|v| v.eq_ignore_ascii_case("true"));
        let algorithm = self.asked.header("x-amz-server-side-encryption");
        if key.is_some() && matches!(algorithm, None | Some("AES256")) {
            let message = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
            return Err(invalid_argument(message, "x-amz-server-side-encryption", algorithm.unwrap_or("null")));
        }
        match algorithm {
            None => {
                let default = default();
                let on = bucket_key.unwrap_or(default.bucket_key) && default.algorithm == "aws:kms";
                Ok(Encryption { bucket_key: on, blocked: Vec::new(), context: self.sent_context()?, ..default })
            }
            Some("AES256") => Ok(Encryption::sse_s3()),
            Some(kms @ ("aws:kms" | "aws:kms:dsse")) => {
                let bucket_key = bucket_key.unwrap_or_else(|| default().bucket_key) && kms == "aws:kms";
                Ok(Encryption { algorithm: kms.to_owned(), key, bucket_key, blocked: Vec::new(), context: self.sent_context()? })
            }
            Some(other) => Err(invalid_argument("The encryption method specified is not supported", "x-amz-server-side-encryption", other)),
        }
    }

    /// A reader has no say in how an object is encrypted (S3 API reference, GetObject, HeadObject).
    pub(super) fn asks_for_no_encryption(&self) -> Result<(), ApiError> {
        const HEADER: &str = "x-amz-server-side-encryption";
        let said = self.asked.header(HEADER);
        said.map_or(Ok(()), |value| Err(invalid_argument(&format!("{HEADER} header is not supported for this operation."), HEADER, value)))
    }

    /// Pairs that the client adds to the encryption context.
    fn sent_context(&self) -> Result<EncryptionContext, ApiError> {
        let Some(text) = self.asked.header(CONTEXT) else { return Ok(EncryptionContext::new()) };
        let pairs = STANDARD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        pairs.ok_or_else(|| {
            let message = format!("The header '{CONTEXT}' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map");
            invalid_argument(&message, CONTEXT, text)
        })
    }

    /// The key of an encryption by KMS, as an ARN; without one, that of the caller's account which AWS manages.
    fn key_of(&self, state: &Bucket, encryption: &Encryption) -> Result<Named, ApiError> {
        let place = Place { account: &self.caller.account, region: &state.region, now: unix_now() };
        named(&self.world.kms, place, encryption.key.as_deref().unwrap_or(MANAGED_ALIAS), true)
    }

    /// The ARN of the key that a write uses, if it can be told: what `s3:x-amz-server-side-encryption-aws-kms-key-id` is.
    pub(super) fn key_in_use(&self, state: &Bucket) -> Option<String> {
        // The parts of an upload are encrypted as it is.
        let upload = self.asked.param("uploadId").and_then(|id| state.uploads.get(id));
        if let Some(upload) = upload {
            return upload.object.encryption.as_ref().and_then(|e| e.key.clone());
        }
        let encryption = self.encryption(state).ok().filter(|e| e.is_kms() && e.key.is_some())?;
        self.key_of(state, &encryption).ok().map(|named| named.arn)
    }

    /// Gets a data key for what is about to be written, and names the key that it is of.
    pub(super) fn seal(&self, bucket: &str, mut encryption: Encryption) -> Result<Encryption, ApiError> {
        if encryption.is_kms() {
            let named = self.key_of(self.bucket(bucket)?, &encryption).map_err(through_s3)?;
            self.ask_kms("kms:GenerateDataKey", bucket, self.key(), &encryption, &named)?;
            encryption.key = Some(named.arn);
        }
        Ok(encryption)
    }

    /// Has the data key of what was written decrypted: the caller may read it.
    pub(super) fn unseal(&self, bucket: &str, key: &str, encryption: Option<&Encryption>) -> Result<(), ApiError> {
        let Some(encryption) = encryption.filter(|e| e.is_kms()) else { return Ok(()) };
        let named = self.key_of(self.bucket(bucket)?, encryption).map_err(through_s3)?;
        self.ask_kms("kms:Decrypt", bucket, key, encryption, &named)
    }

    fn ask_kms(&self, action: &str, bucket: &str, key: &str, encryption: &Encryption, named: &Named) -> Result<(), ApiError> {
        let scheme = self.asked.authorization.as_ref().map(|a| a.scheme);
        if scheme.is_none_or(|s| matches!(s, Scheme::QueryV2 | Scheme::FormV2)) {
            let message = "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.";
            return Err(invalid_argument(message, "Authorization", "null"));
        }
        let state = self.bucket(bucket)?;
        let mut context = encryption.context.clone();
        // With a bucket key, one data key is there for all objects.
        let arn = if encryption.bucket_key { format!("arn:aws:s3:::{bucket}") } else { format!("arn:aws:s3:::{bucket}/{key}") };
        context.insert(ARN.to_owned(), arn);
        let keys = Keys::default().encrypts(&context).through_s3(&state.region).asked_by(named.alias.as_deref());
        let own = crossrole_policy::Arn::parse(&named.arn).is_some_and(|a| a.account == self.caller.account);
        let Some(found) = self.world.kms.key(&named.arn, unix_now()) else {
            let error = if own { not_found(format!("Key '{}' does not exist", named.arn)) } else { untold(self.caller, action, &named.arn) };
            return Err(through_s3(error));
        };
        allow(self.world, self.caller, action, &found, keys).and_then(|()| found.works()).map_err(through_s3)
    }

    /// Remembers that AWS's key for an account is there now, where it was used.
    pub(super) fn keep_key(&mut self, encryption: Option<&Encryption>) {
        if let Some(arn) = encryption.filter(|e| e.is_kms()).and_then(|e| e.key.as_deref()) {
            self.world.kms.keep_used(arn, unix_now());
        }
    }
}
