//! A value whose writes are seen late, as IAM's are.

use serde::{Deserialize, Serialize};

/// The newest value, and older ones that readers still see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lagged<T> {
    current: Option<T>,
    #[serde(skip, default = "Vec::new")]
    past: Vec<(u64, Option<T>)>,
}

impl<T> Default for Lagged<T> {
    fn default() -> Self {
        Self { current: None, past: Vec::new() }
    }
}

/// The newest value alone, for what is kept as if it had no past.
pub(crate) mod newest {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Lagged;

    pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &Lagged<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.current.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Lagged<T>, D::Error> {
        Ok(Lagged { current: Option::deserialize(from)?, past: Vec::new() })
    }
}

impl<T: Clone> Lagged<T> {
    /// The newest value: what IAM itself checks names against.
    pub(crate) fn newest(&self) -> Option<&T> {
        self.current.as_ref()
    }

    /// What a reader sees at `now`, in milliseconds.
    pub(crate) fn visible(&self, now: u64) -> Option<&T> {
        self.past.iter().find(|(until, _)| *until > now).map_or(self.current.as_ref(), |(_, value)| value.as_ref())
    }

    /// Writes; readers see it `lag` milliseconds later.
    pub(crate) fn set(&mut self, value: Option<T>, now: u64, lag: u64) {
        self.past.retain(|(until, _)| *until > now);
        let old = std::mem::replace(&mut self.current, value);
        if lag > 0 {
            self.past.push((now.saturating_add(lag), old));
        }
    }

    /// True when nobody will ever see a value here again.
    pub(crate) fn is_gone(&self, now: u64) -> bool {
        self.current.is_none() && self.past.iter().all(|(until, _)| *until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_seen_late_and_in_order() {
        let mut value = Lagged::default();
        value.set(Some(1), 0, 10);
        value.set(Some(2), 5, 10);
        assert_eq!((value.newest(), value.visible(5), value.visible(10), value.visible(15)), (Some(&2), None, Some(&1), Some(&2)));
        value.set(None, 20, 10);
        assert_eq!((value.visible(20), value.visible(30)), (Some(&2), None));
        assert!(!value.is_gone(20) && value.is_gone(30));
    }
}
