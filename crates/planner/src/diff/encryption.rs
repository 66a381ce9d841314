//! What buckets are encrypted with that manifests do not encrypt: who may use their objects rests on it, and nothing that is written.

use crossrole_model::state::Encryption;
use crossrole_model::{Address, Cause, Kind, Observation, Subject, Withheld};

use crate::draft::Draft;

/// Notes where it could not be read, and where it is another key than a manifest says.
pub(crate) fn note(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    for (name, bucket) in &observed.buckets {
        let (Some(Some(bucket)), Some(account)) = (bucket.known(), observed.bucket_accounts.get(name)) else { continue };
        let said = draft.desired.bucket_keys.get(name).map(|bucket| bucket.key.arn.clone());
        let cause = match (&bucket.encryption, said) {
            _ if draft.destroy => continue,
            (Some(Observation::Unreadable(why)), _) => Cause::EncryptionUnread(why.clone()),
            (Some(Observation::Known(Encryption::Aes256)), Some(said)) => Cause::OtherKey { found: None, said },
            (Some(Observation::Known(Encryption::Kms { key, .. })), Some(said)) if *key != said => Cause::OtherKey { found: Some(key.clone()), said },
            _ => continue,
        };
        let subject = Subject::Object(Address::new(account, Kind::Bucket, name));
        draft.withheld.push(Withheld { subject, cause, blocks: false });
    }
}
