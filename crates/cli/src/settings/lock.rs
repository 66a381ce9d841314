//! `[lock]`: the object by which runs that write keep others out.

use crossrole_manifest::decode::{Decoder, Needed, Spanned};
use crossrole_manifest::scalar::{Account, BucketName, Region};
use crossrole_model::lock::{LEASE, LEASE_LEAST, LEASE_MOST};
use crossrole_model::{AccountId, LockPlace};
use crossrole_policy::Arn;

use super::file::within;

/// The object's key, unless said otherwise.
const KEY: &str = "crossrole/locks.json";

/// Bytes of a key (S3 User Guide, "Naming Amazon S3 objects").
const KEY_MOST: usize = 1_024;

crossrole_manifest::table! {
    Lock {
        bucket: Needed<BucketName>,
        key: Option<Spanned<String>>,
        /// Whose bucket it is.
        account: Needed<Account>,
        region: Needed<Region>,
        /// ARN of a key.
        kms_key: Option<Spanned<String>>,
        /// Seconds.
        lease: Option<Spanned<u64>>,
    }
}

impl Lock {
    /// Where that is.
    pub(super) fn said(self, d: &mut Decoder<'_>) -> Option<LockPlace> {
        let Self { bucket, key, account, region, kms_key, lease, .. } = self;
        if let Some(wrong) = key.as_ref().filter(|key| !is_key(&key.value)) {
            let advice = "write letters, digits and `/!-_.'()=@+,`, no `/` first; or leave it out";
            d.error(wrong.span, format!("`{}` is no key of an object", wrong.value), advice);
        }
        if let Some(wrong) = kms_key.as_ref().filter(|arn| !is_kms_key(&arn.value)) {
            let advice = "write it as in `arn:aws:kms:eu-west-1:111111111111:key/…`, or leave it out";
            d.error(wrong.span, format!("`{}` is no ARN of a key", wrong.value), advice);
        }
        let lease = within("lease", lease, LEASE_LEAST, LEASE_MOST, d).unwrap_or(LEASE);
        Some(LockPlace {
            account: AccountId::parse(&account.value?.0)?,
            bucket: bucket.value?.0,
            key: key.map_or_else(|| KEY.to_owned(), |key| key.value),
            region: region.value?.0,
            kms_key: kms_key.map(|arn| arn.value),
            lease,
        })
    }
}

/// It stands in a policy as well: no pattern, no variable.
fn is_key(key: &str) -> bool {
    (1..=KEY_MOST).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"/!-_.'()=@+,".contains(&b)) && !key.starts_with('/')
}

fn is_kms_key(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        let id = arn.resource.strip_prefix("key/").is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        arn.service == "kms" && AccountId::parse(arn.account).is_some() && id
    })
}
