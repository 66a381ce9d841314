//! A byte encoding of values that are hashed: explicit, versioned, and never changed.
//!
//! Sids of live statements and digests in saved plans are hashes of these bytes. A change here would rewrite every bucket
//! policy in the world, so [`VERSION`] stands in front, and a golden test holds the bytes. The form is that of netstrings
//! (<https://cr.yp.to/proto/netstrings.txt>): a text is its length in bytes, a colon, the text and a comma; a list is its
//! count, a semicolon, and its items. No value can be taken for another, whatever is in it.

/// Stands in front of everything that is encoded.
pub const VERSION: &str = "crossrole/1";

/// Bytes being written.
#[derive(Debug, Clone)]
#[must_use]
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// Begins the encoding of a value of this kind: `document`, `statement`, `tags`.
    pub fn new(kind: &str) -> Self {
        Self(Vec::new()).text(VERSION).text(kind)
    }

    /// Writes a text.
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.len().to_string().as_bytes());
        self.0.push(b':');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b',');
        self
    }

    /// Writes yes or no.
    pub fn flag(mut self, flag: bool) -> Self {
        self.0.push(if flag { b'+' } else { b'-' });
        self
    }

    /// Writes a number.
    pub fn number(self, number: u64) -> Self {
        self.text(&number.to_string())
    }

    /// Writes a text that may be missing; missing and empty differ.
    pub fn option(mut self, text: Option<&str>) -> Self {
        self = self.flag(text.is_some());
        if let Some(text) = text {
            self = self.text(text);
        }
        self
    }

    /// Writes how many items follow.
    pub fn count(mut self, count: usize) -> Self {
        self.0.extend_from_slice(count.to_string().as_bytes());
        self.0.push(b';');
        self
    }

    /// Writes a list of texts, in the order given.
    pub fn texts<'t>(mut self, texts: impl ExactSizeIterator<Item = &'t String>) -> Self {
        self = self.count(texts.len());
        for text in texts {
            self = self.text(text);
        }
        self
    }

    /// Writes a map of texts, sorted by key.
    pub fn map(mut self, map: &std::collections::BTreeMap<String, String>) -> Self {
        self = self.count(map.len());
        for (key, value) in map {
            self = self.text(key).text(value);
        }
        self
    }

    /// Returns the bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}
