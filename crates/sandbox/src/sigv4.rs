//! Checks signatures (AWS General Reference, "Signature Version 4 signing process"), written from the specification so
//! that it does not share a mistake with the SDK.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::query::{Asked, Authorization};

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Tells whether the request was signed with this secret.
pub(crate) fn is_signed_with(asked: &Asked, auth: &Authorization, secret: &str) -> bool {
    let Some(time) = asked.header("x-amz-date") else { return false };
    if !time.starts_with(&auth.date) {
        return false;
    }
    let request = canonical_request(asked, auth);
    let scope = format!("{}/{}/{}/aws4_request", auth.date, auth.region, auth.service);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes())));
    let mut key = sign(format!("AWS4{secret}").as_bytes(), &auth.date);
    for part in [auth.region.as_str(), auth.service.as_str(), "aws4_request"] {
        key = sign(&key, part);
    }
    hex(&sign(&key, &text)) == auth.signature
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
    let hash = asked.header("x-amz-content-sha256").map_or_else(|| hex(&Sha256::digest(&asked.body)), str::to_owned);
    format!("{}\n{path}\n{}\n{headers}\n{}\n{hash}", asked.method, query.join("&"), auth.signed_headers.join(";"))
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Signs a string for tests that play a client.
pub(crate) fn signature(secret: &str, time: &str, scope: &str, canonical: &str) -> String {
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = sign(&key, part);
    }
    hex(&sign(&key, &text))
}
