//! Forms that post an object (S3 API reference, "POST Object" and "Creating a POST policy"): the fields are the headers of a
//! PutObject, and a signed policy says what they may be.

use std::collections::BTreeMap;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::auth::unix_now;
use crate::authorization;
use crate::error::ApiError;
use crate::query::{Asked, Reply};

use super::tagging::{self, Of};
use super::{S3, invalid_argument, reply};

/// Bytes of all fields before the file (S3 API reference, `MaxPostPreDataLengthExceeded`).
const FIELDS_MOST: usize = 20_000;

/// Fields that become headers of the same name, besides those of AWS.
const HEADERS: &[&str] = &["cache-control", "content-type", "content-disposition", "content-encoding", "content-language", "expires"];

/// Fields of AWS that say who signed, and no header of an object.
const SIGNING: &[&str] = &["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"];

/// Fields that a policy need not speak of.
const FREE: &[&str] = &["awsaccesskeyid", "signature", "x-amz-signature", "policy", "file"];

const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What a form says.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    /// Fields before the file; names in lower case.
    pub(crate) fields: BTreeMap<String, String>,
}

fn malformed() -> ApiError {
    ApiError::new(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
}

fn lacks(field: &str) -> ApiError {
    let message = format!("Bucket POST must contain a field named '{field}'.  If it is specified, please check the order of the fields.");
    ApiError::new(400, "InvalidArgument", message).with("ArgumentName", field).with("ArgumentValue", "")
}

fn refused(what: impl std::fmt::Display) -> ApiError {
    ApiError::new(403, "AccessDenied", format!("Invalid according to Policy: {what}"))
}

fn no_policy(what: impl std::fmt::Display) -> ApiError {
    ApiError::new(400, "InvalidPolicyDocument", format!("Invalid Policy: {what}"))
}

/// Takes a form apart: its file is the body, its fields are headers, key and signature of the request.
///
/// # Errors
/// It is no form, lacks a key or a file, or its signature can't be read.
pub(crate) fn take(asked: &mut Asked) -> Result<(), ApiError> {
    let Some(boundary) = asked.headers.get("content-type").and_then(|v| v.to_str().ok()).and_then(boundary) else { return Ok(()) };
    let (form, file_name, file) = read(&asked.body, boundary)?;
    let key = form.field("key").ok_or_else(|| lacks("key"))?;
    asked.key = Some(key.replace("${filename}", &file_name)).filter(|k| !k.is_empty());
    asked.headers = form.headers(&asked.headers)?;
    asked.authorization = authorization::from_form(&form.fields)?;
    asked.body = file;
    asked.form = Some(form);
    Ok(())
}

/// `multipart/form-data; boundary=…`.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    let found = parameters.split(';').find_map(|p| p.trim().strip_prefix("boundary="))?.trim_matches('"');
    (kind.trim().eq_ignore_ascii_case("multipart/form-data") && !found.is_empty()).then_some(found)
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(wanted.len()).position(|w| w == wanted).map(|at| from + at)
}

/// The fields up to the file, and the file with its name. Every round takes a part off the body.
fn read(body: &Bytes, boundary: &str) -> Result<(Form, String, Bytes), ApiError> {
    let (first, between) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut at = find(body, first.as_bytes(), 0).ok_or_else(malformed)? + first.len();
    let mut fields = BTreeMap::new();
    loop {
        if body.get(at..).is_some_and(|rest| rest.starts_with(b"--")) {
            let message = "POST requires exactly one file upload per request.";
            return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "file").with("ArgumentValue", "0"));
        }
        let head_end = find(body, b"\r\n\r\n", at).ok_or_else(malformed)?;
        let head = body.get(at..head_end).and_then(|h| std::str::from_utf8(h).ok()).ok_or_else(malformed)?;
        let end = find(body, between.as_bytes(), head_end + 4).ok_or_else(malformed)?;
        let content = body.get(head_end + 4..end).map(|c| body.slice_ref(c)).ok_or_else(malformed)?;
        let name = parameter(head, "name").ok_or_else(malformed)?.to_ascii_lowercase();
        if name == "file" {
            let file = parameter(head, "filename").unwrap_or_default();
            // Some browsers send a whole path.
            let file = file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            return Ok((Form { fields }, file, content));
        }
        if end > FIELDS_MOST {
            let message = "Your POST request fields preceding the upload file were too large.";
            return Err(ApiError::new(400, "MaxPostPreDataLengthExceeded", message).with("MaxPostPreDataLengthBytes", FIELDS_MOST.to_string()));
        }
        fields.insert(name, String::from_utf8(content.to_vec()).map_err(|_| malformed())?);
        at = end + between.len();
    }
}

/// A parameter of a part's `Content-Disposition`.
fn parameter(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find_map(|l| l.split_once(':').filter(|(n, _)| n.trim().eq_ignore_ascii_case("content-disposition")))?.1;
    let found = line.split(';').find_map(|p| p.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?;
    Some(found.trim().trim_matches('"').to_owned())
}

impl Form {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The headers of the object that it writes; those of the request itself say nothing of it.
    fn headers(&self, sent: &HeaderMap) -> Result<HeaderMap, ApiError> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent.iter().filter(|(name, _)| !name.as_str().starts_with("x-amz-") && !name.as_str().starts_with("content-")) {
            headers.append(name, value.clone());
        }
        for (name, value) in &self.fields {
            let (name, value) = match name.as_str() {
                "acl" => ("x-amz-acl", value.clone()),
                "tagging" => {
                    let tags = tagging::from_body(value.as_bytes(), Of::Object)?;
                    ("x-amz-tagging", form_urlencoded::Serializer::new(String::new()).extend_pairs(tags).finish())
                }
                name if HEADERS.contains(&name) || (name.starts_with("x-amz-") && !SIGNING.contains(&name)) => (name, value.clone()),
                _ => continue,
            };
            let header = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()));
            let (Ok(name), Ok(value)) = header else { return Err(invalid_argument("Invalid field", "field", &value)) };
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// The policy lets this upload be.
    fn permits(&self, bucket: &str, size: usize) -> Result<(), ApiError> {
        let text = self.field("policy").ok_or_else(|| lacks("policy"))?;
        let text = base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|_| no_policy("Invalid base64."))?;
        let policy: Value = serde_json::from_slice(&text).map_err(|_| no_policy("Invalid JSON."))?;
        let until = policy.get("expiration").and_then(Value::as_str).ok_or_else(|| no_policy("Policy missing expiration."))?;
        let end = OffsetDateTime::parse(until, &Rfc3339).map_err(|_| no_policy(format!("Invalid 'expiration' value: '{until}'")))?;
        if end.unix_timestamp() < unix_now() {
            return Err(refused("Policy expired."));
        }
        let conditions = policy.get("conditions").and_then(Value::as_array).ok_or_else(|| no_policy("Policy missing conditions."))?;
        let mut spoken_of: Vec<String> = Vec::new();
        for condition in conditions {
            spoken_of.extend(self.meets(condition, bucket, size)?);
        }
        let extra = self.fields.keys().find(|f| !FREE.contains(&f.as_str()) && !f.starts_with("x-ignore-") && !spoken_of.contains(f));
        extra.map_or(Ok(()), |field| Err(refused(format!("Extra input fields: {field}"))))
    }

    /// Holds the form to one condition and returns the fields that it speaks of.
    fn meets(&self, condition: &Value, bucket: &str, size: usize) -> Result<Vec<String>, ApiError> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some(pairs) = condition.as_object() {
            return pairs.iter().map(|(name, value)| self.compares("eq", name, &text(value), bucket)).collect();
        }
        let parts: Vec<String> = condition.as_array().into_iter().flatten().map(text).collect();
        match parts.as_slice() {
            [operator, name, value] if operator == "eq" || operator == "starts-with" => {
                let name = name.strip_prefix('$').ok_or_else(|| no_policy("Invalid Condition: the name of a field begins with '$'"))?;
                Ok(vec![self.compares(operator, name, value, bucket)?])
            }
            [operator, least, most] if operator == "content-length-range" => {
                let bound = |text: &String| text.parse::<usize>().map_err(|_| no_policy("Invalid content-length-range"));
                let (least, most, size_text) = (bound(least)?, bound(most)?, size.to_string());
                if size > most {
                    let error = ApiError::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
                    return Err(error.with("ProposedSize", size_text).with("MaxSizeAllowed", most.to_string()));
                }
                if size < least {
                    let error = ApiError::new(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
                    return Err(error.with("ProposedSize", size_text).with("MinSizeAllowed", least.to_string()));
                }
                Ok(Vec::new())
            }
            _ => Err(no_policy("Invalid Simple-Condition: value must be a string.")),
        }
    }

    fn compares(&self, operator: &str, name: &str, value: &str, bucket: &str) -> Result<String, ApiError> {
        let name = name.to_ascii_lowercase();
        let said = if name == "bucket" { bucket } else { self.field(&name).unwrap_or_default() };
        let holds = if operator == "eq" { said == value } else { said.starts_with(value) };
        if holds { Ok(name) } else { Err(refused(format!("Policy Condition failed: [\"{operator}\", \"${name}\", \"{value}\"]"))) }
    }
}

impl S3<'_> {
    pub(super) fn post_object(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let Some(form) = &asked.form else {
            let error = ApiError::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
            return Err(error.with("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"));
        };
        if asked.authorization.is_some() {
            form.permits(name, asked.body.len())?;
        } else if form.field("policy").is_some() {
            return Err(lacks("AWSAccessKeyId"));
        }
        let key = self.key();
        let mut written = self.put_object(name)?;
        let etag = written.headers.iter().find(|(n, _)| *n == "etag").map(|(_, v)| v.clone()).unwrap_or_default();
        let host = asked.headers.get("host").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let place = if asked.bucket_in_host { format!("http://{host}/{}", path(key)) } else { format!("http://{host}/{name}/{}", path(key)) };
        let onward = form.field("success_action_redirect").or_else(|| form.field("redirect")).filter(|url| url.contains("://"));
        if let Some(url) = onward {
            let said = form_urlencoded::Serializer::new(String::new()).append_pair("bucket", name).append_pair("key", key).append_pair("etag", &etag).finish();
            written.status = 303;
            return Ok(written.header("location", format!("{url}{}{said}", if url.contains('?') { '&' } else { '?' })));
        }
        match form.field("success_action_status") {
            Some("201") => {
                let answer = reply("PostResponse", |x| {
                    x.text("Location", &place).text("Bucket", name).text("Key", key).text("ETag", &etag);
                });
                written = Reply { status: 201, body: answer.body, content_type: answer.content_type, ..written };
            }
            Some("200") => {}
            _ => written.status = 204,
        }
        Ok(written.header("location", place))
    }
}

/// A key in a URL.
fn path(key: &str) -> String {
    utf8_percent_encode(key, IN_PATH).to_string()
}
