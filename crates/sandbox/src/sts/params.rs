//! Parameters of STS: their constraints, in the order in which STS looks at them (argmin, `sts_oracle`, live AWS, July 2026).

use crate::constraint::{Constraints, integer};
use crate::error::ApiError;
use crate::query::{Asked, Service};

const ARN_PATTERN: &str = r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+";

/// What the three ways to a role have in common.
pub(super) struct RoleParams {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) seconds: i32,
}

/// `pattern` does not take what is beyond the basic plane, whatever it says.
fn in_arn(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
}

pub(super) fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn required<'a>(constraints: &mut Constraints, asked: &'a Asked, param: &str, field: &str) -> Option<&'a str> {
    let value = asked.param(param);
    if value.is_none() {
        constraints.add(field, None, "Member must not be null");
    }
    value
}

fn arn(constraints: &mut Constraints, field: &str, value: &str) {
    if value.is_empty() || !value.chars().all(in_arn) {
        constraints.add(field, Some(value), &format!("Member must satisfy regular expression pattern: {ARN_PATTERN}"));
    }
    constraints.length(field, value, 20, 2_048);
}

/// Text of 12 digits in the form of an ARN: partition, service and resource must be there.
pub(super) fn well_formed(arn: &str) -> Result<(), ApiError> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    match fields.as_slice() {
        ["arn", partition, service, _, _, resource] if !partition.is_empty() && !service.is_empty() && !resource.is_empty() => Ok(()),
        _ => Err(ApiError::validation(format!("{arn} is invalid"))),
    }
}

/// Seconds, and whether they keep to the range of the call.
pub(super) fn duration(asked: &Asked, default: i32) -> Result<i32, ApiError> {
    asked.param("DurationSeconds").map_or(Ok(default), integer)
}

/// The role, the session's name and the duration. `also` adds what the call has besides.
pub(super) fn role(asked: &Asked, session_name: bool, also: impl FnOnce(&mut Constraints)) -> Result<RoleParams, ApiError> {
    let seconds = duration(asked, 3_600)?;
    let mut constraints = Constraints::of(Service::Sts);
    let role = required(&mut constraints, asked, "RoleArn", "roleArn").unwrap_or_default();
    if asked.param("RoleArn").is_some() {
        arn(&mut constraints, "roleArn", role);
    }
    let name = if session_name { required(&mut constraints, asked, "RoleSessionName", "roleSessionName") } else { None };
    if let Some(name) = name {
        constraints.length("roleSessionName", name, 2, 64);
        constraints.pattern("roleSessionName", name, "[\\w+=,.@-]*", in_name);
    }
    constraints.number("durationSeconds", seconds, 900, 43_200);
    also(&mut constraints);
    constraints.check()?;
    well_formed(role)?;
    Ok(RoleParams { arn: role.to_owned(), name: name.unwrap_or_default().to_owned(), seconds })
}

/// External id, source identity and second factor.
pub(super) fn of_assume_role(constraints: &mut Constraints, asked: &Asked) {
    if let Some(id) = asked.param("ExternalId") {
        constraints.length("externalId", id, 2, 1_224);
        constraints.pattern("externalId", id, "[\\w+=,.@:\\/-]*", |c| in_name(c) || matches!(c, ':' | '/'));
    }
    second_factor(constraints, asked);
    if let Some(identity) = asked.param("SourceIdentity") {
        // The model says 64; 256 are taken (argmin, live AWS).
        constraints.length("sourceIdentity", identity, 2, 256);
        constraints.pattern("sourceIdentity", identity, "[\\w+=,.@-]*", in_name);
    }
}

pub(super) fn second_factor(constraints: &mut Constraints, asked: &Asked) {
    if let Some(serial) = asked.param("SerialNumber") {
        constraints.length("serialNumber", serial, 9, 256);
        constraints.pattern("serialNumber", serial, "[\\w+=/:,.@-]*", |c| in_name(c) || matches!(c, ':' | '/'));
    }
    if let Some(code) = asked.param("TokenCode") {
        constraints.length("tokenCode", code, 6, 6);
        constraints.pattern("tokenCode", code, "[\\d]*", |c| c.is_ascii_digit());
    }
}
