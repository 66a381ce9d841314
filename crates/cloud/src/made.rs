//! Keys that manifests make: whoever asks knows them by their aliases, AWS by ids of its own. What is read has the alias in place of
//! the id, and what is written the id in place of the alias.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crossrole_model::observed::{Observed, ObservedKey};
use crossrole_model::{AccountId, Call, CloudError, ErrorClass, KeyRef, ObjectState, Observation};

/// How the id of a key begins that is known by its alias.
const MADE: &str = ":key/{alias/";
/// How it begins while it is not one of those, and only looks like one.
const POSING: &str = ":key/{{alias/";

/// What AWS calls keys, by the ARN with the alias.
#[derive(Debug, Default)]
pub(crate) struct MadeKeys(Mutex<BTreeMap<String, String>>);

impl MadeKeys {
    /// Notes what AWS calls a key.
    pub(crate) fn note(&self, key: &KeyRef, arn: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.arn.clone(), arn.to_owned());
    }

    fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what AWS calls a key that is known by its alias; any other by its own ARN.
    pub(crate) fn arn(&self, key: &KeyRef) -> String {
        self.all().remove(&key.arn).unwrap_or_else(|| key.arn.clone())
    }

    /// The call as AWS takes it.
    ///
    /// # Errors
    /// It speaks of a key by its alias that nobody has made: a bug of ours, which must not be written.
    pub(crate) fn in_call(&self, account: &AccountId, call: &Call) -> Result<Call, CloudError> {
        let unknown = |why: String| CloudError {
            class: ErrorClass::Invalid,
            operation: call.operation().to_owned(),
            account: Some(account.clone()),
            code: "unknown key".to_owned(),
            message: why,
            request_id: None,
        };
        let mut text = serde_json::to_string(call).map_err(|error| unknown(error.to_string()))?;
        if !text.contains(MADE) && !text.contains(POSING) {
            return Ok(call.clone());
        }
        // The call names its own key so; the rest of it does not.
        for (alias, arn) in self.all() {
            text = text.replace(&alias, &arn);
        }
        if text.contains(MADE) {
            return Err(unknown("it names a key by an alias that no key has".to_owned()));
        }
        // What others wrote goes back as they wrote it.
        serde_json::from_str(&text.replace(POSING, MADE)).map_err(|error| unknown(error.to_string()))
    }

    /// The ARN with the alias, of a key that AWS calls so; nothing for what is no name of such a key.
    fn alias(&self) -> impl Fn(&str) -> Option<String> {
        let names: BTreeMap<String, String> = self.all().into_iter().map(|(alias, arn)| (arn, alias)).collect();
        move |text| {
            // What is written so in AWS is no name of a key, and must not be taken for one.
            let posing = text.contains(MADE).then(|| text.replace(MADE, POSING));
            posing.or_else(|| names.get(text).cloned())
        }
    }

    /// Puts aliases in place of ids in what was read.
    pub(crate) fn in_observed(&self, observed: &mut Observed) {
        for (arn, key) in &observed.keys {
            if let (Some(key), Observation::Known(Some(ObservedKey { made: Some(made), .. }))) = (KeyRef::parse(arn), key) {
                self.note(&key, &made.arn);
            }
        }
        let known = |arn: &String| KeyRef::parse(arn).is_some_and(|key| key.alias().is_some());
        let all = self.all();
        if observed.keys.keys().any(known) || !all.is_empty() {
            observed.rename(&self.alias());
            // One that is asked for under both names is one.
            observed.keys.retain(|arn, _| !all.values().any(|made| made == arn));
        }
    }

    /// The same in one object.
    pub(crate) fn in_state(&self, state: &mut ObjectState) {
        state.rename(&self.alias());
    }
}
