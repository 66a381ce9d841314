//! Object Lock (S3 User Guide, "Locking objects with Object Lock"): a version is kept until a date, or while a hold is on it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::query::Reply;

use super::access::Target;
use super::body::payload;
use super::state::{Bucket, Object};
use super::{S3, invalid_argument, read, reply};

const MODES: &[&str] = &["GOVERNANCE", "COMPLIANCE"];
const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";
const DAY: i64 = 86_400;

/// What keeps a version.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lock {
    /// `GOVERNANCE` or `COMPLIANCE`, and its end in Unix seconds.
    retention: Option<(String, i64)>,
    /// A legal hold, where one was ever set.
    hold: Option<bool>,
}

fn is_protected() -> ApiError {
    ApiError::new(403, "AccessDenied", "Access Denied because object protected by object lock.")
}

/// Locks need a bucket that has them enabled.
fn needs_locks(state: &Bucket) -> Result<(), ApiError> {
    if state.kept.contains_key("object-lock") {
        return Ok(());
    }
    Err(ApiError::new(400, "InvalidRequest", "Bucket is missing Object Lock Configuration"))
}

fn none() -> ApiError {
    ApiError::new(404, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
}

fn seconds(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text.trim(), &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// An end that is still to come.
fn future(text: &str) -> Result<i64, ApiError> {
    let wrong = |message: &str| invalid_argument(message, UNTIL, text);
    let at = seconds(text).ok_or_else(|| wrong("The retain until date must be provided in ISO 8601 format"))?;
    if at > unix_now() { Ok(at) } else { Err(wrong("The retain until date must be in the future!")) }
}

impl S3<'_> {
    /// What a write with locks needs beside `s3:PutObject`.
    pub(super) fn allow_locks(&self, name: &str, target: Target<'_>) -> Result<(), ApiError> {
        if self.asked.header(MODE).is_some() {
            self.allow_object(name, "s3:PutObjectRetention", target)?;
        }
        if self.asked.header(HOLD).is_some() {
            self.allow_object(name, "s3:PutObjectLegalHold", target)?;
        }
        Ok(())
    }

    /// The lock of a new object: as its headers say, or as its bucket does.
    pub(super) fn new_lock(&self, state: &Bucket) -> Result<Lock, ApiError> {
        let asked = self.asked;
        let retention = match (asked.header(MODE), asked.header(UNTIL)) {
            (None, None) => default_retention(state),
            (Some(mode), Some(until)) if MODES.contains(&mode) => Some((mode.to_owned(), future(until)?)),
            (Some(mode), Some(_)) => return Err(invalid_argument("Unknown wormMode directive.", MODE, mode)),
            (mode, _) => {
                let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                return Err(invalid_argument(message, if mode.is_some() { MODE } else { UNTIL }, ""));
            }
        };
        let hold = match asked.header(HOLD) {
            None => None,
            Some("ON") => Some(true),
            Some("OFF") => Some(false),
            Some(other) => return Err(invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", HOLD, other)),
        };
        if asked.header(MODE).is_some() || hold.is_some() {
            needs_locks(state)?;
        }
        Ok(Lock { retention, hold })
    }

    /// Tells a version that is asked for to be gone whether it may.
    pub(super) fn unlocked(&self, name: &str, target: Target<'_>) -> Result<(), ApiError> {
        let version = target.version.and_then(|id| self.bucket(name).ok()?.objects.get(target.key)?.version(id));
        let Some(object) = version.and_then(|v| v.object.as_ref()) else { return Ok(()) };
        if object.lock.hold == Some(true) || !self.may_weaken(name, target, object) { Err(is_protected()) } else { Ok(()) }
    }

    /// Nothing retains it any more, or it is governed and who asks may go past that, and says so.
    fn may_weaken(&self, name: &str, target: Target<'_>, object: &Object) -> bool {
        let Some((mode, _)) = object.lock.retention.as_ref().filter(|(_, until)| *until > unix_now()) else { return true };
        let says = self.asked.header("x-amz-bypass-governance-retention").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        mode == "GOVERNANCE" && says && self.allow_object(name, "s3:BypassGovernanceRetention", target).is_ok()
    }

    /// Its lock in the headers of an answer, as far as who asks may read it.
    pub(super) fn lock_headers(&self, name: &str, target: Target<'_>, object: &Object, mut answer: Reply) -> Reply {
        if let Some((mode, until)) = object.lock.retention.as_ref().filter(|_| self.allow_object(name, "s3:GetObjectRetention", target).is_ok()) {
            answer = answer.header(MODE, mode.clone()).header(UNTIL, iso(*until));
        }
        if let Some(hold) = object.lock.hold.filter(|_| self.allow_object(name, "s3:GetObjectLegalHold", target).is_ok()) {
            answer = answer.header(HOLD, if hold { "ON" } else { "OFF" });
        }
        answer
    }

    pub(super) fn get_retention(&mut self, name: &str) -> Result<Reply, ApiError> {
        let target = Target::of(self.key(), self.asked.param("versionId"));
        self.allow_object(name, "s3:GetObjectRetention", target)?;
        needs_locks(self.bucket(name)?)?;
        let (mode, until) = self.found_for_writing(name, target)?.1.lock.retention.as_ref().ok_or_else(none)?;
        Ok(reply("Retention", |x| {
            x.text("Mode", mode).text("RetainUntilDate", &iso(*until));
        }))
    }

    pub(super) fn put_retention(&mut self, name: &str) -> Result<Reply, ApiError> {
        let target = Target::of(self.key(), self.asked.param("versionId"));
        self.allow_object(name, "s3:PutObjectRetention", target)?;
        needs_locks(self.bucket(name)?)?;
        let body = payload(self.asked)?.bytes;
        let document = read::document(&body)?;
        let root = document.root_element();
        let fresh = match (read::text(root, "Mode"), read::text(root, "RetainUntilDate")) {
            _ if root.tag_name().name() != "Retention" => return Err(read::malformed()),
            (None, None) => None,
            (Some(mode), Some(until)) if MODES.contains(&mode.as_str()) => Some((mode, future(&until)?)),
            _ => return Err(read::malformed()),
        };
        let (version, object) = self.found_for_writing(name, target)?;
        let stricter = |(mode, until): &(String, i64)| fresh.as_ref().is_some_and(|(m, u)| u >= until && (m == mode || m == "COMPLIANCE"));
        if !object.lock.retention.as_ref().is_none_or(stricter) && !self.may_weaken(name, target, object) {
            return Err(is_protected());
        }
        let id = version.id.clone();
        self.object_mut(name, target.key, &id)?.lock.retention = fresh;
        Ok(Reply::empty(200))
    }

    pub(super) fn get_hold(&mut self, name: &str) -> Result<Reply, ApiError> {
        let target = Target::of(self.key(), self.asked.param("versionId"));
        self.allow_object(name, "s3:GetObjectLegalHold", target)?;
        needs_locks(self.bucket(name)?)?;
        let hold = self.found_for_writing(name, target)?.1.lock.hold.ok_or_else(none)?;
        Ok(reply("LegalHold", |x| {
            x.text("Status", if hold { "ON" } else { "OFF" });
        }))
    }

    pub(super) fn put_hold(&mut self, name: &str) -> Result<Reply, ApiError> {
        let target = Target::of(self.key(), self.asked.param("versionId"));
        self.allow_object(name, "s3:PutObjectLegalHold", target)?;
        needs_locks(self.bucket(name)?)?;
        let body = payload(self.asked)?.bytes;
        let document = read::document(&body)?;
        let root = document.root_element();
        let hold = match read::text(root, "Status").as_deref().filter(|_| root.tag_name().name() == "LegalHold") {
            Some("ON") => true,
            Some("OFF") => false,
            _ => return Err(read::malformed()),
        };
        let id = self.found_for_writing(name, target)?.0.id.clone();
        self.object_mut(name, target.key, &id)?.lock.hold = Some(hold);
        Ok(Reply::empty(200))
    }
}

/// What the bucket gives every new object, counted from now.
fn default_retention(state: &Bucket) -> Option<(String, i64)> {
    let kept = format!("<Lock>{}</Lock>", state.kept.get("object-lock")?);
    let number = |name: &str| read::first(kept.as_bytes(), name)?.trim().parse::<i64>().ok();
    let days = number("Days").or_else(|| number("Years").map(|years| years.saturating_mul(365)))?;
    Some((read::first(kept.as_bytes(), "Mode")?, unix_now().saturating_add(days.saturating_mul(DAY))))
}
