//! Pages of lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::ApiError;

use super::Kms;

impl Kms<'_> {
    /// A page of `member`, of at most `most` items; the marker holds where the next begins. `usual` is taken without a limit.
    pub(super) fn page(&self, member: &str, items: Vec<Value>, usual: i32, most: i32) -> Result<Value, ApiError> {
        let limit = usize::try_from(self.input.number("Limit", 1, most)?.unwrap_or(usual)).unwrap_or(usize::MAX);
        let start = match self.input.text("Marker")? {
            None => 0,
            Some(marker) => position(marker).ok_or_else(|| ApiError::new(400, "InvalidMarkerException", "The marker is not valid."))?,
        };
        let rest = items.len() > start.saturating_add(limit);
        let shown: Vec<Value> = items.into_iter().skip(start).take(limit).collect();
        let mut page = json!({ member: shown, "Truncated": rest });
        if let (true, Some(page)) = (rest, page.as_object_mut()) {
            page.insert("NextMarker".to_owned(), json!(STANDARD.encode(format!("from {}", start + limit))));
        }
        Ok(page)
    }
}

fn position(marker: &str) -> Option<usize> {
    String::from_utf8(STANDARD.decode(marker).ok()?).ok()?.strip_prefix("from ")?.parse().ok()
}
