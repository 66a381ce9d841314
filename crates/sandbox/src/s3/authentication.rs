//! What S3 looks at before it looks for the key, in the order that was recorded: the clock, the region of the scope, then the
//! key, and a session's end before its signature (justincormack/argmin, guides/aws-compatibility.md, live AWS).

use crate::auth::{iso, unix_now};
use crate::authorization::{Authorization, Scheme, seconds};
use crate::error::ApiError;
use crate::query::Asked;
use crate::world::World;

/// Seconds that a client's clock may be wrong.
const SKEW: i64 = 900;

/// Headers of AWS that a presigned URL need not sign.
const UNSIGNED: &[&str] = &["x-amz-content-sha256", "x-amz-user-agent"];

/// Checks everything about a signature but the signature.
pub(crate) fn check(world: &World, asked: &Asked) -> Result<(), ApiError> {
    let Some(auth) = &asked.authorization else { return Ok(()) };
    let now = unix_now();
    match auth.scheme {
        Scheme::Header => header(asked, auth, now)?,
        Scheme::Query | Scheme::QueryV2 => presigned(asked, auth, now)?,
        // How long it may be used, its policy says.
        Scheme::Form | Scheme::FormV2 => {}
    }
    region(world, asked, auth)?;
    let session = world.sessions.get(&auth.key_id).filter(|s| auth.token.as_deref() == Some(s.token.as_str()));
    if session.is_some_and(|s| s.expires <= now) {
        return Err(ApiError::new(400, "ExpiredToken", "The provided token has expired."));
    }
    Ok(())
}

fn header(asked: &Asked, auth: &Authorization, now: i64) -> Result<(), ApiError> {
    let Some(time) = seconds(&auth.time) else {
        return Err(ApiError::new(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"));
    };
    if (time - now).abs() > SKEW {
        let error = ApiError::new(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.");
        return Err(error.with("RequestTime", auth.time.clone()).with("ServerTime", iso(now)).with("MaxAllowedSkewMilliseconds", (SKEW * 1_000).to_string()));
    }
    if asked.header("x-amz-content-sha256").is_none() {
        return Err(ApiError::new(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"));
    }
    Ok(())
}

fn presigned(asked: &Asked, auth: &Authorization, now: i64) -> Result<(), ApiError> {
    let denied = |message: &str| ApiError::new(403, "AccessDenied", message);
    let expires = auth.expires.unwrap_or_default();
    let begin = if auth.scheme == Scheme::Query { seconds(&auth.time).unwrap_or_default() } else { 0 };
    if begin > now + SKEW {
        return Err(denied("Request is not yet valid"));
    }
    let end = begin.saturating_add(expires);
    if now > end {
        let mut error = denied("Request has expired");
        if auth.scheme == Scheme::Query {
            error = error.with("X-Amz-Expires", expires.to_string());
        }
        return Err(error.with("Expires", iso(end)).with("ServerTime", iso(now)));
    }
    let signed = |name: &str| auth.signed_headers.iter().any(|s| s == name);
    let names = asked.headers.keys().map(http::HeaderName::as_str).filter(|n| n.starts_with("x-amz-") && !UNSIGNED.contains(n) && !signed(n));
    let names: Vec<&str> = names.collect();
    if auth.scheme == Scheme::Query && !names.is_empty() {
        return Err(denied("There were headers present in the request which were not signed").with("HeadersNotSigned", names.join(", ")));
    }
    Ok(())
}

/// The scope's region is the bucket's; a creation may be asked of anywhere.
fn region(world: &World, asked: &Asked, auth: &Authorization) -> Result<(), ApiError> {
    if asked.operation == "CreateBucket" {
        return Ok(());
    }
    let Some(bucket) = asked.bucket.as_ref().and_then(|name| world.buckets.get(name)) else { return Ok(()) };
    if matches!(auth.scheme, Scheme::QueryV2 | Scheme::FormV2) || auth.region == bucket.region || super::redirected(asked, bucket) {
        return Ok(());
    }
    let what = format!("the region '{}' is wrong; expecting '{}'", auth.region, bucket.region);
    let error = if auth.scheme == Scheme::Header {
        ApiError::new(400, "AuthorizationHeaderMalformed", format!("The authorization header is malformed; {what}"))
    } else {
        ApiError::new(400, "AuthorizationQueryParametersError", format!("Error parsing the X-Amz-Credential parameter; {what}"))
    };
    Err(error.with("Region", bucket.region.clone()).header("x-amz-bucket-region", bucket.region.clone()))
}
