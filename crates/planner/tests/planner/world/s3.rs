//! S3 of the estate.

use crossrole_model::state::BucketPolicyState;
use crossrole_model::{AccountId, BucketCall, ErrorClass, Observation, Observed, limits};

use super::{Answer, add_bucket, bucket, known};

/// Makes one call.
pub(super) fn call(estate: &mut Observed, to: &AccountId, call: &BucketCall) -> Answer {
    let name = call.bucket().name.clone();
    let there = matches!(estate.buckets.get(&name), Some(Observation::Known(Some(_))));
    if let BucketCall::Create { bucket: wanted, ownership, tags } = call {
        if there {
            return Err(ErrorClass::AlreadyExists);
        }
        add_bucket(estate, to.as_str(), &name, &wanted.region);
        let state = &mut bucket(estate, &name).state;
        state.tags = Some(tags.clone());
        if ownership.is_some() {
            state.ownership.clone_from(ownership);
        }
        return Ok(());
    }
    if !there {
        return Err(ErrorClass::NotFound);
    }
    if let BucketCall::PutPolicy { document, .. } = call {
        known(estate, document)?;
        if document.to_json().len() > limits::BUCKET_POLICY {
            return Err(ErrorClass::Invalid);
        }
    }
    if let BucketCall::PutLogging { logging: Some(logging), .. } = call
        && !matches!(estate.buckets.get(&logging.bucket), Some(Observation::Known(Some(_))))
    {
        return Err(ErrorClass::Invalid);
    }
    let found = bucket(estate, &name);
    let state = &mut found.state;
    assert_eq!(state.region, call.bucket().region, "{call:?} goes to the wrong region");
    match call {
        BucketCall::Create { .. } => {}
        BucketCall::PutVersioning { enabled, .. } => state.versioning = Some(*enabled),
        BucketCall::PutEncryption { encryption, .. } => state.encryption = Some(encryption.clone()),
        BucketCall::PutPublicAccessBlock { block, .. } => state.public_access_block = Some(*block),
        BucketCall::PutOwnership { ownership, .. } => state.ownership = Some(ownership.clone()),
        BucketCall::PutLogging { logging, .. } => state.logging = Some(logging.clone()),
        BucketCall::PutTags { tags, .. } => state.tags = Some(tags.clone()),
        BucketCall::Delete { .. } => drop(estate.buckets.insert(name, Observation::Known(None))),
        BucketCall::PutPolicy { document, .. } => found.policy = Observation::Known(BucketPolicyState { document: Some(document.clone()) }),
        BucketCall::DeletePolicy { .. } => found.policy = Observation::Known(BucketPolicyState { document: None }),
    }
    Ok(())
}
