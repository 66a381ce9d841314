//! `[lock]`: the object by which runs that write keep others out.

use std::path::Path;

use crossrole_model::lock::{LEASE, LEASE_LEAST, LEASE_MOST};
use crossrole_model::{AccountId, LockPlace};
use crossrole_policy::Arn;
use serde::Deserialize;

use crate::failure::Failure;

/// The object's key, unless said otherwise.
const KEY: &str = "crossrole/locks.json";

/// Bytes of a key (S3 User Guide, "Naming Amazon S3 objects").
const KEY_MOST: usize = 1_024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    bucket: String,
    key: Option<String>,
    /// Whose bucket it is.
    account: String,
    region: String,
    /// ARN of a key.
    kms_key: Option<String>,
    /// Seconds.
    lease: Option<u64>,
}

impl Lock {
    /// Where that is; all that is wrong with it at once.
    pub(super) fn place(&self, path: &Path) -> Result<LockPlace, Failure> {
        let Self { bucket, key, account, region, kms_key, lease } = self;
        let key = key.as_deref().unwrap_or(KEY);
        let lease = lease.unwrap_or(LEASE);
        let id = AccountId::parse(account);
        let mistakes = [
            (!is_bucket(bucket)).then(|| format!("`bucket = \"{bucket}\"` is no name of a bucket")),
            (!is_key(key)).then(|| format!("`key = \"{key}\"` is no key of an object")),
            id.is_none().then(|| format!("`account = \"{account}\"` is no account id")),
            (!super::is_region(region)).then(|| format!("`region = \"{region}\"` is no region")),
            kms_key.as_ref().filter(|arn| !is_kms_key(arn)).map(|arn| format!("`kms_key = \"{arn}\"` is no ARN of a key")),
            (!(LEASE_LEAST..=LEASE_MOST).contains(&lease)).then(|| format!("`lease = {lease}` is not between {LEASE_LEAST} and {LEASE_MOST}")),
        ];
        let wrong: Vec<String> = mistakes.into_iter().flatten().map(|what| format!("settings `{}`: `[lock]`: {what}", path.display())).collect();
        match id.filter(|_| wrong.is_empty()) {
            Some(account) => Ok(LockPlace { account, bucket: bucket.clone(), key: key.to_owned(), region: region.clone(), kms_key: kms_key.clone(), lease }),
            None => Err(Failure::several(
                wrong,
                "write it as in `bucket = \"platform-locks\"`, `account = \"111111111111\"` (whose bucket it is), `region = \"eu-west-1\"`; `key`, `kms_key` and `lease` (seconds) may be left out",
            )),
        }
    }
}

/// S3 User Guide, "General purpose bucket naming rules".
fn is_bucket(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (3..=63).contains(&name.len()) && name.bytes().all(inside) && !name.starts_with(['-', '.']) && !name.ends_with(['-', '.']) && !name.contains("..")
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
