//! Rotation of key material.

use serde_json::json;

use crate::error::ApiError;
use crate::query::Reply;

use super::access::Keys;
use super::state::{Rotation, State};
use super::{Kms, done, reply};

/// Days from one rotation to the next, unless it is said; fewest; most (KMS API reference, EnableKeyRotation).
pub(super) const PERIOD: i64 = 365;
const PERIOD_LEAST: i32 = 90;
const PERIOD_MOST: i32 = 2_560;

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Kms<'_> {
    pub(super) fn enable_rotation(&mut self) -> Result<Reply, ApiError> {
        let said = self.input.number("RotationPeriodInDays", PERIOD_LEAST, PERIOD_MOST)?;
        let period = said.map_or(PERIOD, i64::from);
        let arn = self.own_key("kms:EnableKeyRotation", Keys::default().with("kms:RotationPeriodInDays", period.to_string()))?;
        self.stored(&arn)?.works()?;
        let since = self.now;
        self.key_mut(&arn)?.rotation = Some(Rotation { period, since });
        Ok(done())
    }

    pub(super) fn disable_rotation(&mut self) -> Result<Reply, ApiError> {
        let arn = self.own_key("kms:DisableKeyRotation", Keys::default())?;
        self.stored(&arn)?.works()?;
        self.key_mut(&arn)?.rotation = None;
        Ok(done())
    }

    pub(super) fn rotation_status(&mut self) -> Result<Reply, ApiError> {
        let arn = self.any_key("KeyId", false, "kms:GetKeyRotationStatus", Keys::default())?;
        let key = self.stored(&arn)?;
        // A key that is about to be deleted does not rotate, and does so again when it stays.
        let rotation = key.rotation.filter(|_| !matches!(key.state, State::PendingDeletion(_)));
        let told = match rotation {
            None => json!({ "KeyId": arn, "KeyRotationEnabled": false }),
            Some(Rotation { period, since }) => {
                json!({ "KeyId": arn, "KeyRotationEnabled": true, "RotationPeriodInDays": period, "NextRotationDate": since + period * DAY })
            }
        };
        Ok(reply(&told))
    }
}
