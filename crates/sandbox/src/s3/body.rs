//! Request bodies: that they are what was signed and what the client says they are, and the frames of `aws-chunked`
//! (S3 API reference, "Signature calculations: transferring payload in multiple chunks" and "… with trailing headers").

use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::query::Asked;
use crate::sigv4::hex;

use super::checksum::{Algorithm, Checksum, content_md5};

/// Largest object, and most bytes of all objects together. AWS has 5 TiB and no end; here they are held in memory, and the
/// state file holds them a third larger.
pub(crate) const OBJECT_MOST: usize = 256 << 20;
pub(crate) const ALL_MOST: usize = 2 << 30;

/// One chunk: the signature that came with it, and where its bytes are.
pub(crate) struct Chunk<'b> {
    pub(crate) signature: Option<&'b str>,
    pub(crate) bytes: Range<usize>,
}

/// A body in frames.
pub(crate) struct Frames<'b> {
    /// With the last, empty one.
    pub(crate) chunks: Vec<Chunk<'b>>,
    pub(crate) trailers: Vec<(String, String)>,
}

/// Reads frames: `SIZE[;chunk-signature=…]\r\n BYTES \r\n`, an empty one at the end, trailers behind it.
pub(crate) fn frames(body: &[u8]) -> Option<Frames<'_>> {
    let mut chunks = Vec::new();
    let mut at = 0;
    // Each round takes at least one line off the body.
    loop {
        let (line, next) = line(body, at)?;
        let (size, more) = line.split_once(';').unwrap_or((line, ""));
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let signature = more.strip_prefix("chunk-signature=");
        let end = next.checked_add(size).filter(|end| *end <= body.len())?;
        chunks.push(Chunk { signature, bytes: next..end });
        at = end;
        if size == 0 {
            break;
        }
        at = body.get(at..)?.strip_prefix(b"\r\n").map(|_| at + 2)?;
    }
    let mut trailers = Vec::new();
    while let Some((line, next)) = line(body, at) {
        at = next;
        if let Some((name, value)) = line.split_once(':') {
            trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    Some(Frames { chunks, trailers })
}

/// A line and where the next one begins; some clients end lines of trailers with a newline alone.
fn line(body: &[u8], at: usize) -> Option<(&str, usize)> {
    let rest = body.get(at..)?;
    let end = rest.iter().position(|b| *b == b'\n')?;
    let text = std::str::from_utf8(rest.get(..end)?).ok()?;
    Some((text.trim_end_matches('\r'), at + end + 1))
}

/// A body as the operation takes it.
pub(crate) struct Payload {
    pub(crate) bytes: Bytes,
    /// The checksum that the client sent and that is right.
    pub(crate) checksum: Option<Checksum>,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidRequest", message)
}

/// Takes the frames off and compares every checksum that came with the body.
pub(crate) fn payload(asked: &Asked) -> Result<Payload, ApiError> {
    let hash = asked.header("x-amz-content-sha256");
    let (bytes, trailers) = match hash {
        Some(kind) if kind.starts_with("STREAMING-") => unframed(asked)?,
        Some(hash) if hash != "UNSIGNED-PAYLOAD" => {
            signed_hash(hash, &asked.body)?;
            (asked.body.clone(), Vec::new())
        }
        _ => (asked.body.clone(), Vec::new()),
    };
    if bytes.len() > OBJECT_MOST {
        let error = ApiError::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
        return Err(error.with("ProposedSize", bytes.len().to_string()).with("MaxSizeAllowed", OBJECT_MOST.to_string()));
    }
    content_md5(asked.header("content-md5"), &bytes)?;
    let declared = asked.header("x-amz-trailer").map(|t| t.trim().to_ascii_lowercase());
    let mut said: Vec<(Algorithm, String)> = Vec::new();
    for algorithm in Algorithm::ALL {
        let trailer = trailers.iter().find(|(name, _)| name == algorithm.header()).map(|(_, v)| v.clone());
        if declared.as_deref() == Some(algorithm.header()) && trailer.is_none() {
            let message = "The request contained trailing data that was not well-formed or did not conform to our published schema.";
            return Err(ApiError::new(400, "MalformedTrailerError", message));
        }
        said.extend(asked.header(algorithm.header()).map(str::to_owned).or(trailer).map(|value| (algorithm, value)));
    }
    let checksum = match said.as_slice() {
        [] if asked.header("x-amz-sdk-checksum-algorithm").is_some() && !asked.body.is_empty() => {
            return Err(invalid("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."));
        }
        [] => None,
        [(algorithm, value)] => Some(algorithm.check(value, &bytes)?),
        _ => return Err(invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")),
    };
    Ok(Payload { bytes, checksum })
}

/// What was signed is what came.
fn signed_hash(said: &str, body: &[u8]) -> Result<(), ApiError> {
    if said.len() != 64 || !said.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
        return Err(ApiError::new(400, "InvalidArgument", message).with("ArgumentName", "x-amz-content-sha256").with("ArgumentValue", said));
    }
    let got = hex(&Sha256::digest(body));
    if got.eq_ignore_ascii_case(said) {
        return Ok(());
    }
    let error = ApiError::new(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.");
    Err(error.with("ClientComputedContentSHA256", said).with("S3ComputedContentSHA256", got))
}

fn unframed(asked: &Asked) -> Result<(Bytes, Vec<(String, String)>), ApiError> {
    let broken = || ApiError::new(400, "IncompleteBody", "The request body terminated unexpectedly");
    let Some(length) = asked.header("x-amz-decoded-content-length") else {
        return Err(ApiError::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header."));
    };
    let frames = frames(&asked.body).ok_or_else(broken)?;
    let mut bytes = Vec::with_capacity(asked.body.len());
    for chunk in &frames.chunks {
        bytes.extend_from_slice(asked.body.get(chunk.bytes.clone()).ok_or_else(broken)?);
    }
    if length.parse() != Ok(bytes.len()) {
        return Err(broken());
    }
    Ok((Bytes::from(bytes), frames.trailers))
}
