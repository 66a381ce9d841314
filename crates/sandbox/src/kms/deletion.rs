//! Deletion, which takes a week at least and can be taken back till then.

use serde_json::json;

use crate::error::ApiError;
use crate::query::Reply;

use super::access::Keys;
use super::state::State;
use super::{Kms, reply};

/// Days that a key waits: fewest, most, and unless it is said (KMS API reference, ScheduleKeyDeletion).
const DAYS: (i32, i32, i32) = (7, 30, 30);

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Kms<'_> {
    pub(super) fn schedule_deletion(&mut self) -> Result<Reply, ApiError> {
        let (least, most, usual) = DAYS;
        let days = self.input.number("PendingWindowInDays", least, most)?.unwrap_or(usual);
        let keys = Keys::default().with("kms:ScheduleKeyDeletionPendingWindowInDays", days.to_string());
        let arn = self.own_key("kms:ScheduleKeyDeletion", keys)?;
        self.stored(&arn)?.stays()?;
        let at = self.now + i64::from(days) * DAY;
        self.key_mut(&arn)?.state = State::PendingDeletion(at);
        Ok(reply(&json!({ "KeyId": arn, "DeletionDate": at, "KeyState": "PendingDeletion", "PendingWindowInDays": days })))
    }

    /// It is disabled then, whatever it was before.
    pub(super) fn cancel_deletion(&mut self) -> Result<Reply, ApiError> {
        let arn = self.own_key("kms:CancelKeyDeletion", Keys::default())?;
        if self.stored(&arn)?.stays().is_ok() {
            return Err(ApiError::new(400, "KMSInvalidStateException", format!("{arn} is not pending deletion.")));
        }
        self.key_mut(&arn)?.state = State::Disabled;
        Ok(reply(&json!({ "KeyId": arn })))
    }
}
