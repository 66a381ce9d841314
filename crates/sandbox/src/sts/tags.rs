//! Session tags. Their keys are compared without regard to case (LocalStack, tests/aws/services/sts/test_sts.py, 2025-04-10).

use std::collections::{BTreeMap, BTreeSet};

use crate::auth::Caller;
use crate::constraint::Constraints;
use crate::error::ApiError;
use crate::query::{Asked, Service};
use crate::world::Tags;

/// Condition keys with all their values.
pub(super) type Many = Vec<(String, Vec<String>)>;

/// Tags as they were asked for.
pub(super) struct SessionTags {
    /// Of this request alone.
    pub(super) new: Tags,
    /// With those that come along from the calling session.
    pub(super) all: Tags,
    /// Keys that go on to the next session.
    pub(super) transitive: BTreeSet<String>,
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidParameterValue", message)
}

/// Reads the tags of a request and checks them against the calling session's.
pub(super) fn read(asked: &Asked, caller: &Caller) -> Result<SessionTags, ApiError> {
    let pairs = asked.tags();
    let keys = asked.list("TransitiveTagKeys");
    let mut constraints = Constraints::of(Service::Sts);
    if pairs.len() > 50 {
        constraints.add("tags", Some(""), "Member must have length less than or equal to 50");
    }
    for (at, (key, value)) in pairs.iter().enumerate() {
        let at = at + 1;
        constraints.length(&format!("tags.{at}.member.key"), key, 1, 128);
        constraints.length(&format!("tags.{at}.member.value"), value, 0, 256);
    }
    constraints.check()?;
    let lower = |text: &String| text.to_lowercase();
    let new: BTreeMap<String, &(String, String)> = pairs.iter().map(|pair| (lower(&pair.0), pair)).collect();
    if new.len() < pairs.len() {
        return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
    }
    if pairs.iter().any(|(key, _)| lower(key).starts_with("aws:")) {
        return Err(invalid("Tag keys that begin with aws: are reserved."));
    }
    if keys.iter().any(|key| !new.contains_key(&lower(key))) {
        return Err(invalid("The specified transitive tag key must be included in the requested tags."));
    }
    if caller.transitive_tags.keys().any(|key| new.contains_key(&lower(key))) {
        return Err(invalid("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."));
    }
    let new: Tags = pairs.into_iter().collect();
    let mut all = caller.transitive_tags.clone();
    all.extend(new.clone());
    let transitive = keys.into_iter().chain(caller.transitive_tags.keys().cloned()).collect();
    Ok(SessionTags { new, all, transitive })
}

impl SessionTags {
    /// Condition keys of a request with these tags: single ones, and those with many values.
    pub(super) fn context(&self) -> (Vec<(String, String)>, Many) {
        let one = self.new.iter().map(|(k, v)| (format!("aws:RequestTag/{k}"), v.clone())).collect();
        if self.new.is_empty() {
            return (one, Vec::new());
        }
        let asked = self.transitive.iter().filter(|t| self.new.keys().any(|k| k.eq_ignore_ascii_case(t)));
        let many = vec![("aws:TagKeys".to_owned(), self.new.keys().cloned().collect()), ("sts:TransitiveTagKeys".to_owned(), asked.cloned().collect())];
        (one, many)
    }
}
