//! Keys, as far as the planner writes them.

use crossrole_model::observed::{KeyState, ObservedKey, ObservedMadeKey};
use crossrole_model::state::{KeyPolicyState, MadeKey};
use crossrole_model::{AccountId, ErrorClass, KeyCall, Observation, Observed, Partition};

use super::{Answer, known};

pub(super) fn call(estate: &mut Observed, to: &AccountId, call: &KeyCall) -> Answer {
    let key = call.key();
    if key.account() != *to {
        return Err(ErrorClass::Denied);
    }
    if let KeyCall::Create { key, description, tags } = call {
        let state = MadeKey { alias: None, description: description.clone(), rotation_days: None, tags: tags.clone() };
        let made = ObservedMadeKey { arn: key.arn.replace("{alias/", "0000-").replace('}', ""), symmetric: true, state, apart: None };
        let policy = Observation::Known(KeyPolicyState::of_new_key(Partition::Aws, to));
        let found = ObservedKey { state: KeyState::Enabled, customer: true, policy, made: Some(made) };
        estate.keys.insert(key.arn.clone(), Observation::Known(Some(found)));
        return Ok(());
    }
    if let KeyCall::PutPolicy { document, .. } = call {
        known(estate, document)?;
    }
    let Some(Observation::Known(Some(found))) = estate.keys.get_mut(&key.arn) else { return Err(ErrorClass::NotFound) };
    if let KeyCall::PutPolicy { document, .. } = call {
        found.policy = Observation::Known(KeyPolicyState { document: document.clone() });
        return Ok(());
    }
    if found.state == KeyState::PendingDeletion {
        return Err(ErrorClass::Invalid);
    }
    let Some(ObservedMadeKey { state, .. }) = &mut found.made else { return Err(ErrorClass::NotFound) };
    match call {
        KeyCall::Create { .. } | KeyCall::PutPolicy { .. } => {}
        KeyCall::CreateAlias { key } => state.alias = key.alias().map(str::to_owned),
        KeyCall::UpdateDescription { description, .. } => state.description.clone_from(description),
        KeyCall::EnableRotation { days, .. } => state.rotation_days = Some(*days),
        KeyCall::Tag { tags, .. } => state.tags.extend(tags.clone()),
        KeyCall::Untag { keys, .. } => state.tags.retain(|key, _| !keys.contains(key)),
        KeyCall::ScheduleDeletion { .. } => found.state = KeyState::PendingDeletion,
    }
    Ok(())
}
