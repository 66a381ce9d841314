//! Checks signatures (AWS General Reference, "Signature Version 4 signing process"; S3 API reference, "Authenticating
//! requests", also of version 2), written from the specification so that it does not share a mistake with the SDK.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::authorization::{Authorization, Scheme};
use crate::query::Asked;
use crate::s3::body::frames;

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Tells whether the request was signed with this secret, body and chunks included.
pub(crate) fn is_signed_with(asked: &Asked, auth: &Authorization, secret: &str) -> bool {
    if auth.scheme == Scheme::QueryV2 {
        return base64(&sign1(secret.as_bytes(), &string_to_sign_v2(asked, auth))) == auth.signature;
    }
    let policy = auth.policy.as_deref().unwrap_or_default();
    if auth.scheme == Scheme::FormV2 {
        return base64(&sign1(secret.as_bytes(), policy)) == auth.signature;
    }
    if auth.time.is_empty() || !auth.time.starts_with(&auth.date) {
        return false;
    }
    let scope = format!("{}/{}/{}/aws4_request", auth.date, auth.region, auth.service);
    let key = signing_key(secret, &scope);
    if auth.scheme == Scheme::Form {
        return hex(&sign(&key, policy)) == auth.signature;
    }
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", auth.time, hex(&Sha256::digest(canonical_request(asked, auth).as_bytes())));
    hex(&sign(&key, &text)) == auth.signature && chunks_are_signed(asked, auth, &key, &scope)
}

fn canonical_request(asked: &Asked, auth: &Authorization) -> String {
    let path = if asked.s3 {
        asked.raw_path.clone()
    } else {
        asked.raw_path.split('/').map(|s| utf8_percent_encode(s, ENCODED).to_string()).collect::<Vec<_>>().join("/")
    };
    let encode = |text: &str| utf8_percent_encode(&percent_decode_str(text).decode_utf8_lossy(), ENCODED).to_string();
    let mut query: Vec<(String, String)> = asked
        .raw_query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (name, value) = p.split_once('=').unwrap_or((p, ""));
            (encode(name), encode(value))
        })
        .filter(|(name, _)| auth.scheme == Scheme::Header || name != "X-Amz-Signature")
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(n, v)| format!("{n}={v}")).collect();
    let headers: String = auth
        .signed_headers
        .iter()
        .map(|name| {
            let values: Vec<String> =
                asked.headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(|v| v.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    format!("{}\n{path}\n{}\n{headers}\n{}\n{}", asked.method, query.join("&"), auth.signed_headers.join(";"), content_hash(asked, auth))
}

/// What a signature says of the body. S3 compares it with the body when it reads that; the others take the body itself.
fn content_hash(asked: &Asked, auth: &Authorization) -> String {
    let said = asked.header("x-amz-content-sha256").map(str::to_owned);
    match auth.scheme {
        Scheme::Header if asked.s3 => said.unwrap_or_else(|| hex(&Sha256::digest(&asked.body))),
        _ if asked.s3 => said.unwrap_or_else(|| "UNSIGNED-PAYLOAD".to_owned()),
        _ => hex(&Sha256::digest(&asked.body)),
    }
}

/// Each chunk's signature is over the one before it, the first over the request's.
fn chunks_are_signed(asked: &Asked, auth: &Authorization, key: &[u8], scope: &str) -> bool {
    let hash = asked.header("x-amz-content-sha256").unwrap_or_default();
    if !asked.s3 || !hash.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
        return true;
    }
    let Some(frames) = frames(&asked.body) else { return false };
    let mut before = auth.signature.clone();
    for chunk in &frames.chunks {
        let bytes = asked.body.get(chunk.bytes.clone()).unwrap_or_default();
        let (empty, digest) = (hex(&Sha256::digest(b"")), hex(&Sha256::digest(bytes)));
        let text = format!("AWS4-HMAC-SHA256-PAYLOAD\n{}\n{scope}\n{before}\n{empty}\n{digest}", auth.time);
        let signature = hex(&sign(key, &text));
        if chunk.signature != Some(signature.as_str()) {
            return false;
        }
        before = signature;
    }
    if !hash.ends_with("-TRAILER") {
        return true;
    }
    let (signed, said): (Vec<_>, Vec<_>) = frames.trailers.iter().partition(|(name, _)| name != "x-amz-trailer-signature");
    let trailers: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let text = format!("AWS4-HMAC-SHA256-TRAILER\n{}\n{scope}\n{before}\n{}", auth.time, hex(&Sha256::digest(trailers.as_bytes())));
    let signature = hex(&sign(key, &text));
    said.iter().any(|(_, value)| *value == signature)
}

/// Parameters that version 2 signs beside the path.
const SIGNED_V2: &[&str] = &[
    "acl",
    "cors",
    "delete",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "partNumber",
    "policy",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

fn string_to_sign_v2(asked: &Asked, auth: &Authorization) -> String {
    let plain = |name: &str| asked.header(name).unwrap_or_default().to_owned();
    let mut amz: Vec<(String, String)> = asked
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-amz-"))
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().trim().to_owned()))
        .collect();
    // A presigned URL carries in its query what would be headers.
    let hoisted = asked.raw_query.split('&').filter_map(|p| p.split_once('=')).filter(|(n, _)| n.to_ascii_lowercase().starts_with("x-amz-"));
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    amz.extend(hoisted.map(|(name, value)| (name.to_ascii_lowercase(), decode(value))));
    amz.sort();
    amz.dedup();
    let amz: String = amz.into_iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let mut path = asked.raw_path.clone();
    if let (true, Some(bucket)) = (asked.bucket_in_host, &asked.bucket) {
        path = format!("/{bucket}{path}");
    }
    let mut query: Vec<String> = asked
        .params
        .iter()
        .filter(|(name, _)| SIGNED_V2.contains(&name.as_str()))
        .map(|(name, value)| if value.is_empty() { name.clone() } else { format!("{name}={value}") })
        .collect();
    query.sort();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let expires = auth.expires.unwrap_or_default();
    format!("{}\n{}\n{}\n{expires}\n{amz}{path}{query}", asked.method, plain("content-md5"), plain("content-type"))
}

fn signing_key(secret: &str, scope: &str) -> Vec<u8> {
    scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| sign(&key, part))
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn sign1(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Signs a string for tests that play a client.
pub(crate) fn signature(secret: &str, time: &str, scope: &str, canonical: &str) -> String {
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    string_signature(secret, scope, &text)
}

/// Signs a string as it is, as chunks are signed.
pub(crate) fn string_signature(secret: &str, scope: &str, text: &str) -> String {
    hex(&sign(&signing_key(secret, scope), text))
}
