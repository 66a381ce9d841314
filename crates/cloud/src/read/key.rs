//! Keys: whether they can be used, and their policies. Both are asked in the key's own account and region, and at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_model::observed::{KeyState, ObservedKey};
use crossrole_model::state::KeyPolicyState;
use crossrole_model::{CloudError, ErrorClass, KeyRef, Observation, Unreadable};
use futures_util::future::{join, join_all};

use crate::session::Session;

use super::malformed;

/// A key has one policy, and it is called so (KMS API reference, GetKeyPolicy).
pub(crate) const POLICY: &str = "default";

/// Keys by ARN.
pub(super) type Keys = BTreeMap<String, Observation<Option<ObservedKey>>>;

pub(super) async fn read(session: &Arc<Session>, keys: Vec<KeyRef>) -> Keys {
    let read = join_all(keys.into_iter().map(|key| async move {
        let found = match one(session, &key).await {
            Ok(found) => Observation::Known(found),
            Err(error) => Observation::Unreadable(Unreadable::from(&error)),
        };
        (key.arn, found)
    }));
    read.await.into_iter().collect()
}

async fn one(session: &Arc<Session>, key: &KeyRef) -> Result<Option<ObservedKey>, CloudError> {
    let kms = session.kms(key.region());
    let described = session.read("DescribeKey", || kms.describe_key().key_id(&key.arn).send());
    let (described, policy) = join(described, policy(session, key)).await;
    let described = match described {
        Ok(answer) => answer,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let data = described.key_metadata().ok_or_else(|| malformed("DescribeKey", &session.account, "it has no metadata"))?;
    let state = match data.key_state() {
        Some(aws_sdk_kms::types::KeyState::Enabled) => KeyState::Enabled,
        Some(aws_sdk_kms::types::KeyState::Disabled) => KeyState::Disabled,
        Some(aws_sdk_kms::types::KeyState::PendingDeletion) => KeyState::PendingDeletion,
        other => KeyState::Other(other.map(|s| s.as_str().to_owned()).unwrap_or_default()),
    };
    let customer = data.key_manager() != Some(&aws_sdk_kms::types::KeyManagerType::Aws);
    let policy = match policy {
        Ok(policy) => Observation::Known(policy),
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    };
    Ok(Some(ObservedKey { state, customer, policy }))
}

/// Reads a key's policy.
pub(super) async fn policy(session: &Arc<Session>, key: &KeyRef) -> Result<KeyPolicyState, CloudError> {
    let kms = session.kms(key.region());
    let answer = session.read("GetKeyPolicy", || kms.get_key_policy().key_id(&key.arn).policy_name(POLICY).send()).await?;
    let parsed = crossrole_policy::parse_key_policy(answer.policy().unwrap_or_default());
    let document = parsed.map_err(|errors| {
        let why = errors.first().map_or_else(String::new, ToString::to_string);
        malformed("GetKeyPolicy", &session.account, &why)
    })?;
    Ok(KeyPolicyState { document })
}
