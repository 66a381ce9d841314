//! How long is waited, and how often is looked, for what can come.

use std::time::Duration;

/// Longest wait for something that this run has made to become visible: AWS's own tools give up after about as long, and
/// IAM is mostly consistent within seconds.
pub(crate) const VISIBLE_MOST: Duration = Duration::from_mins(2);

/// Longest wait where somebody else may be in the way, or where a run before this one made what is not visible.
pub(crate) const OTHERS_MOST: Duration = Duration::from_secs(20);

/// Longest wait for a permission set that somebody else is provisioning: of many accounts, that takes some seconds each.
pub(crate) const PROVISION_MOST: Duration = Duration::from_mins(30);

/// Longest wait before our statements are looked for in a document that others write too.
const SETTLE_MOST: Duration = Duration::from_secs(2);

/// Most times that overwritten statements are put back: each time at least one of those who write at once gets through.
pub(crate) const MERGES_MOST: u32 = 20;

/// The pause before the next look, after `elapsed`: a quarter of it, so that little is waited in vain, and seldom once it has
/// taken long.
pub(crate) fn pause(elapsed: Duration) -> Duration {
    let (least, most) = match elapsed.as_secs() {
        0..15 => (Duration::from_millis(100), Duration::from_millis(900)),
        15..60 => (Duration::from_secs(2), Duration::from_secs(2)),
        _ => (Duration::from_secs(5), Duration::from_secs(5)),
    };
    (elapsed / 4).clamp(least, most)
}

/// How long somebody who had read the document before we wrote it may still overwrite it: a few round trips.
pub(crate) fn settle(round_trip: Duration) -> Duration {
    (round_trip * 3).min(SETTLE_MOST)
}
