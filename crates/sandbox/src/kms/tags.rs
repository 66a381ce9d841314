//! Tags of keys.

use serde_json::{Value, json};

use crate::constraint::Constraints;
use crate::error::ApiError;
use crate::query::{Reply, Service};
use crate::world::Tags;

use super::access::Keys;
use super::{Kms, done, reply};

/// Tags of a key, and characters of a key and a value of a tag (KMS API reference, TagResource).
const MOST: usize = 50;
const KEY_MOST: usize = 128;
const VALUE_MOST: usize = 256;

fn wrong(message: &str) -> ApiError {
    ApiError::new(400, "TagException", message)
}

/// Tags with more of them; keys of tags are told apart by case.
pub(super) fn merged(mut tags: Tags, more: Vec<(String, String)>) -> Result<Tags, ApiError> {
    let mut constraints = Constraints::of(Service::Kms);
    for (at, (key, value)) in more.iter().enumerate() {
        constraints.length(&format!("tags.{}.member.tagKey", at + 1), key, 1, KEY_MOST);
        constraints.length(&format!("tags.{}.member.tagValue", at + 1), value, 0, VALUE_MOST);
    }
    constraints.check()?;
    if more.len() > MOST {
        return Err(wrong("Too many tags"));
    }
    let mut seen = std::collections::BTreeSet::new();
    if !more.iter().all(|(key, _)| seen.insert(key.clone())) {
        return Err(wrong("Duplicate tag keys"));
    }
    if more.iter().any(|(key, _)| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(wrong("Tags beginning with aws: are reserved"));
    }
    tags.extend(more);
    if tags.len() > MOST { Err(wrong("Too many tags")) } else { Ok(tags) }
}

impl Kms<'_> {
    /// The tags as they are, which reads see at once.
    fn tags_of(&self, arn: &str) -> Result<Tags, ApiError> {
        Ok(self.stored(arn)?.tags.newest().cloned().unwrap_or_default())
    }

    fn set_tags(&mut self, arn: &str, tags: Tags) -> Result<Reply, ApiError> {
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.key_mut(arn)?.tags.set(Some(tags), now, lag);
        Ok(done())
    }

    pub(super) fn tag(&mut self) -> Result<Reply, ApiError> {
        let more = self.input.tags("Tags")?;
        let arn = self.own_key("kms:TagResource", Keys::default().tags(&more))?;
        if !self.input.has("Tags") {
            return Err(super::input::missing("Tags"));
        }
        self.stored(&arn)?.stays()?;
        let tags = merged(self.tags_of(&arn)?, more)?;
        self.set_tags(&arn, tags)
    }

    pub(super) fn untag(&mut self) -> Result<Reply, ApiError> {
        let gone = self.input.texts("TagKeys")?;
        let arn = self.own_key("kms:UntagResource", Keys::default().tag_keys(gone.clone()))?;
        self.stored(&arn)?.stays()?;
        let mut tags = self.tags_of(&arn)?;
        tags.retain(|key, _| !gone.contains(key));
        self.set_tags(&arn, tags)
    }

    pub(super) fn list_tags(&mut self) -> Result<Reply, ApiError> {
        let arn = self.own_key("kms:ListResourceTags", Keys::default())?;
        let tags: Vec<Value> = self.tags_of(&arn)?.into_iter().map(|(key, value)| json!({ "TagKey": key, "TagValue": value })).collect();
        self.page("Tags", tags, 50, 50).map(|page| reply(&page))
    }
}
