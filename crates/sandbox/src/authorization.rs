//! How a request says who sent it: the `Authorization` header of signature version 4, or the query of a presigned URL or the
//! fields of a form in version 4 or 2 (S3 API reference, "Authenticating requests").

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::error::ApiError;

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `Authorization: AWS4-HMAC-SHA256 …`
    Header,
    /// `X-Amz-Signature=…`
    Query,
    /// `Signature=…` of version 2, which boto3 still presigns with.
    QueryV2,
    /// A field of a form; what is signed is its policy.
    Form,
    /// The same in version 2.
    FormV2,
}

/// A signature with its scope.
#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) scheme: Scheme,
    pub(crate) key_id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
    /// `20260101T000000Z`; empty in version 2.
    pub(crate) time: String,
    /// Of a presigned URL: seconds behind `time`; in version 2 the end itself, in Unix seconds.
    pub(crate) expires: Option<i64>,
    pub(crate) token: Option<String>,
    /// Of a form: its policy as it was sent.
    pub(crate) policy: Option<String>,
}

fn parameters(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "AuthorizationQueryParametersError", message)
}

const WANTED: &str = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
const CREDENTIAL: &str = "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

/// Finds the signature of a request, if there is one.
///
/// # Errors
/// It is there and can't be read, or there are two.
pub(crate) fn find(headers: &HeaderMap, params: &BTreeMap<String, String>) -> Result<Option<Authorization>, ApiError> {
    let header = headers.get("authorization").and_then(|v| v.to_str().ok());
    let query4 = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"].iter().any(|p| params.contains_key(*p));
    let query2 = ["AWSAccessKeyId", "Signature"].iter().any(|p| params.contains_key(*p));
    match header {
        Some(_) if query4 || query2 => {
            let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";
            Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "Authorization").with("ArgumentValue", header.unwrap_or_default()))
        }
        Some(text) => from_header(text, headers),
        None if query4 => from_query(params).map(Some),
        None if query2 => from_query_v2(params).map(Some),
        None => Ok(None),
    }
}

/// `KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope(credential: &str) -> Option<[&str; 4]> {
    let mut parts = credential.split('/');
    let scope = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    (parts.next() == Some("aws4_request") && parts.next().is_none()).then_some(scope)
}

fn from_header(text: &str, headers: &HeaderMap) -> Result<Option<Authorization>, ApiError> {
    let Some(rest) = text.strip_prefix("AWS4-HMAC-SHA256") else {
        let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
        return Err(ApiError::new(400, "InvalidRequest", message));
    };
    let malformed = |what: &str| ApiError::new(400, "AuthorizationHeaderMalformed", format!("The authorization header is malformed; {what}"));
    let parts: BTreeMap<&str, &str> = rest.split(',').filter_map(|p| p.trim().split_once('=')).collect();
    let part = |name: &str| {
        parts.get(name).copied().ok_or_else(|| malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature."))
    };
    let [key_id, date, region, service] = scope(part("Credential")?).ok_or_else(|| malformed(CREDENTIAL))?;
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    Ok(Some(Authorization {
        scheme: Scheme::Header,
        key_id: key_id.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: part("Signature")?.to_owned(),
        time: header("x-amz-date").unwrap_or_default(),
        expires: None,
        token: header("x-amz-security-token"),
        policy: None,
    }))
}

fn from_query(params: &BTreeMap<String, String>) -> Result<Authorization, ApiError> {
    let param = |name: &str| params.get(name).ok_or_else(|| parameters(WANTED));
    let (algorithm, credential) = (param("X-Amz-Algorithm")?, param("X-Amz-Credential")?);
    let (signature, time, signed) = (param("X-Amz-Signature")?, param("X-Amz-Date")?, param("X-Amz-SignedHeaders")?);
    if algorithm != "AWS4-HMAC-SHA256" {
        return Err(parameters("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""));
    }
    let [key_id, date, region, service] = scope(credential).ok_or_else(|| parameters(format!("Error parsing the X-Amz-Credential parameter; {CREDENTIAL}")))?;
    let expires = match params.get("X-Amz-Expires") {
        // Only S3 asks for it.
        None if service != "s3" => None,
        None => return Err(parameters(WANTED)),
        Some(text) => Some(lifetime(text)?),
    };
    if seconds(time).is_none() {
        return Err(parameters("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""));
    }
    if !time.starts_with(date) {
        return Err(parameters(format!(
            "Invalid credential date \"{date}\". This date is not the same as X-Amz-Date: \"{}\".",
            time.get(..8).unwrap_or_default()
        )));
    }
    Ok(Authorization {
        scheme: Scheme::Query,
        key_id: key_id.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_headers: signed.split(';').map(str::to_owned).collect(),
        signature: signature.to_owned(),
        time: time.to_owned(),
        expires,
        token: params.get("X-Amz-Security-Token").cloned(),
        policy: None,
    })
}

/// Seconds that a presigned URL lives.
fn lifetime(text: &str) -> Result<i64, ApiError> {
    const WEEK: i64 = 604_800;
    let expires: i64 = text.parse().map_err(|_| parameters("X-Amz-Expires should be a number"))?;
    if expires < 0 {
        return Err(parameters("X-Amz-Expires must be non-negative"));
    }
    if expires > WEEK {
        return Err(parameters("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"));
    }
    Ok(expires)
}

fn from_query_v2(params: &BTreeMap<String, String>) -> Result<Authorization, ApiError> {
    let param = |name: &str| {
        let message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
        params.get(name).ok_or_else(|| ApiError::new(403, "AccessDenied", message))
    };
    let (key_id, signature, expires) = (param("AWSAccessKeyId")?, param("Signature")?, param("Expires")?);
    let expires = expires.parse().map_err(|_| ApiError::new(403, "AccessDenied", format!("Invalid date (should be seconds since epoch): {expires}")))?;
    Ok(Authorization {
        scheme: Scheme::QueryV2,
        key_id: key_id.clone(),
        date: String::new(),
        region: String::new(),
        service: "s3".to_owned(),
        signed_headers: Vec::new(),
        signature: signature.clone(),
        time: String::new(),
        expires: Some(expires),
        token: params.get("x-amz-security-token").cloned(),
        policy: None,
    })
}

/// Finds the signature of a form, whose field names are in lower case.
///
/// # Errors
/// It is there and can't be read.
pub(crate) fn from_form(fields: &BTreeMap<String, String>) -> Result<Option<Authorization>, ApiError> {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (scheme, scope, signature) = match (fields.get("x-amz-credential"), fields.get("awsaccesskeyid")) {
        (Some(credential), _) => {
            let found = scope(credential);
            let found = found.ok_or_else(|| ApiError::new(400, "InvalidArgument", "Invalid Credential").with("ArgumentName", "X-Amz-Credential"))?;
            (Scheme::Form, found, field("x-amz-signature"))
        }
        (None, Some(key)) => (Scheme::FormV2, [key.as_str(), "", "", "s3"], field("signature")),
        (None, None) => return Ok(None),
    };
    let [key_id, date, region, service] = scope.map(str::to_owned);
    let (time, token, policy) = (field("x-amz-date"), fields.get("x-amz-security-token").cloned(), fields.get("policy").cloned());
    Ok(Some(Authorization { scheme, key_id, date, region, service, signed_headers: Vec::new(), signature, time, expires: None, token, policy }))
}

/// Unix seconds of `20260101T000000Z`.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u8>().ok();
    if text.len() != 16 || text.get(8..9) != Some("T") || !text.ends_with('Z') {
        return None;
    }
    let year: i32 = text.get(..4)?.parse().ok()?;
    let date = time::Date::from_calendar_date(year, time::Month::try_from(number(4..6)?).ok()?, number(6..8)?).ok()?;
    let time = time::Time::from_hms(number(9..11)?, number(11..13)?, number(13..15)?).ok()?;
    Some(time::PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}
