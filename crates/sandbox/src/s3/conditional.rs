//! Conditional requests and ranges (S3 User Guide, "Conditional requests"; RFC 9110, sections 13 and 14).

use crate::auth::unix_now;
use crate::error::ApiError;
use crate::query::Asked;

use super::S3;
use super::access::Target;
use super::no_such_key;
use super::state::{Object, Version};

fn failed(condition: &str) -> ApiError {
    ApiError::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold").with("Condition", condition)
}

fn not_here(header: &str, why: &str) -> ApiError {
    let error = ApiError::new(501, "NotImplemented", "A header you provided implies functionality that is not implemented").with("Header", header);
    if why.is_empty() { error } else { error.with("additionalMessage", why) }
}

/// Unix seconds of a date in a header.
fn date(text: &str) -> Option<i64> {
    use time::OffsetDateTime;
    use time::format_description::well_known::{Rfc2822, Rfc3339};
    OffsetDateTime::parse(text, &Rfc2822).or_else(|_| OffsetDateTime::parse(text, &Rfc3339)).ok().map(OffsetDateTime::unix_timestamp)
}

fn is_tag(said: &str, etag: &str) -> bool {
    said.split(',').map(|t| t.trim().trim_matches('"')).any(|t| t == "*" || t == etag.trim_matches('"'))
}

/// What a reader gets instead of the object.
pub(super) enum Instead {
    NotModified,
    Error(ApiError),
}

/// Compares an object with what a reader knows of it.
pub(super) fn reading(asked: &Asked, version: &Version, object: &Object) -> Option<Instead> {
    let modified = date(&version.modified).unwrap_or_default();
    let since = |header: &str| asked.header(header).and_then(date).filter(|at| *at <= unix_now());
    if let Some(said) = asked.header("if-match") {
        if !is_tag(said, &object.etag) {
            return Some(Instead::Error(failed("If-Match")));
        }
    } else if since("if-unmodified-since").is_some_and(|at| modified > at) {
        return Some(Instead::Error(failed("If-Unmodified-Since")));
    }
    let fresh = match asked.header("if-none-match") {
        Some(said) => is_tag(said, &object.etag),
        None => since("if-modified-since").is_some_and(|at| modified <= at),
    };
    fresh.then_some(Instead::NotModified)
}

/// Compares the source of a copy with what the client knows of it.
pub(super) fn copying(asked: &Asked, version: &Version, object: &Object) -> Result<(), ApiError> {
    let modified = date(&version.modified).unwrap_or_default();
    let since = |header: &str| asked.header(header).and_then(date).filter(|at| *at <= unix_now());
    let header = |name: &str| asked.header(name);
    if header("x-amz-copy-source-if-match").is_some_and(|said| !is_tag(said, &object.etag)) {
        return Err(failed("x-amz-copy-source-If-Match"));
    }
    if header("x-amz-copy-source-if-match").is_none() && since("x-amz-copy-source-if-unmodified-since").is_some_and(|at| modified > at) {
        return Err(failed("x-amz-copy-source-If-Unmodified-Since"));
    }
    if header("x-amz-copy-source-if-none-match").is_some_and(|said| is_tag(said, &object.etag)) {
        return Err(failed("x-amz-copy-source-If-None-Match"));
    }
    if header("x-amz-copy-source-if-none-match").is_none() && since("x-amz-copy-source-if-modified-since").is_some_and(|at| modified <= at) {
        return Err(failed("x-amz-copy-source-If-Modified-Since"));
    }
    Ok(())
}

impl S3<'_> {
    /// What a writer asks of what is there: nothing (`If-None-Match: *`), or just this (`If-Match`).
    pub(super) fn writing(&self, name: &str, key: &str) -> Result<(), ApiError> {
        let (matches, none) = (self.asked.header("if-match"), self.asked.header("if-none-match"));
        self.may_compare(name, key, matches)?;
        let object = self.bucket(name)?.current(key);
        match (matches, none) {
            (Some(_), Some(_)) => Err(not_here("If-Match,If-None-Match", "Multiple conditional request headers present in the request")),
            (None, Some(said)) if said != "*" => Err(not_here("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")),
            (None, Some(_)) if object.is_some() => Err(failed("If-None-Match")),
            (Some("*"), None) => Err(not_here("If-Match", "We don't accept the provided value of If-Match header for this API")),
            (Some(said), None) => {
                let object = object.ok_or_else(|| no_such_key(key))?;
                if is_tag(said, &object.etag) { Ok(()) } else { Err(failed("If-Match")) }
            }
            _ => Ok(()),
        }
    }

    /// Whether a tag is the object's is told to who may read it alone (S3 User Guide, "How to prevent object overwrites with conditional
    /// writes" and "How to perform conditional deletes").
    fn may_compare(&self, name: &str, key: &str, said: Option<&str>) -> Result<(), ApiError> {
        if said.is_none_or(|said| said == "*") {
            return Ok(());
        }
        self.allow_object(name, "s3:GetObject", Target::of(key, None))
    }

    /// What a deletion asks of what is there.
    pub(super) fn deleting(&self, name: &str, key: &str) -> Result<(), ApiError> {
        for header in ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"] {
            if self.asked.header(header).is_some() {
                return Err(not_here(header, ""));
            }
        }
        let Some(said) = self.asked.header("if-match") else { return Ok(()) };
        self.may_compare(name, key, Some(said))?;
        let object = self.bucket(name)?.current(key).ok_or_else(|| no_such_key(key))?;
        if is_tag(said, &object.etag) { Ok(()) } else { Err(failed("If-Match")) }
    }
}

/// Which bytes a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    All,
    /// First and last.
    Part(usize, usize),
    Unsatisfiable,
}

/// `bytes=first-last`, `bytes=first-`, `bytes=-count`; what is no such range is no range at all.
pub(super) fn range(text: &str, total: usize) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else { return Range::All };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(first) || !digits(last) || (first.is_empty() && last.is_empty()) {
        return Range::All;
    }
    let end = total.saturating_sub(1);
    if first.is_empty() {
        let count = last.parse().unwrap_or(usize::MAX);
        return if count == 0 || total == 0 { Range::Unsatisfiable } else { Range::Part(total.saturating_sub(count), end) };
    }
    let first = first.parse().unwrap_or(usize::MAX);
    let last = if last.is_empty() { usize::MAX } else { last.parse().unwrap_or(usize::MAX) };
    if first > last {
        return Range::All;
    }
    if first >= total { Range::Unsatisfiable } else { Range::Part(first, last.min(end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LocalStack, tests/aws/services/s3/test_s3_api.py::test_get_object_range, of an object of ten bytes.
    #[test]
    fn ranges_are_read_as_recorded() {
        for (text, expected) in [
            ("bytes=0-8", Range::Part(0, 8)),
            ("bytes=1-1", Range::Part(1, 1)),
            ("bytes=1-0", Range::All),
            ("bytes=1-", Range::Part(1, 9)),
            ("bytes=-1-", Range::All),
            ("bytes=-2", Range::Part(8, 9)),
            ("bytes=-15", Range::Part(0, 9)),
            ("bytes=0-100", Range::Part(0, 9)),
            ("bytes=0--1", Range::All),
            ("bytes=0-1,3-4", Range::All),
            ("0-1", Range::All),
            ("bytes=-", Range::All),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=100-200", Range::Unsatisfiable),
        ] {
            assert_eq!(range(text, 10), expected, "{text}");
        }
        assert_eq!(date("Wed, 21 Oct 2015 07:28:00 GMT"), Some(1_445_412_480));
    }
}
