//! What a host answers, before the SDK reads it: is it AWS at all?
//!
//! IAM, STS and S3 answer in XML (a bucket's policy is JSON), with an empty body only where S3 documents one. A corporate proxy, a
//! captive portal or a load balancer answers with a web page, or with nothing, and the SDK would take some of that for success:
//! it reads no body where none is expected.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use http::StatusCode;

use crate::transport::BODY_MOST;

/// What came in place of an answer of AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// HTML.
    WebPage,
    /// No body where there is always one.
    Nothing,
    /// Neither XML nor JSON.
    Garbage,
    /// More than any answer of AWS's has.
    Endless,
    /// A proxy's question who asks (RFC 9110, section 15.5.8).
    ProxyAuthentication,
}

/// An answer that is not AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotAws {
    pub(crate) found: Found,
    /// The host that was asked.
    pub(crate) host: String,
    pub(crate) status: u16,
}

impl fmt::Display for NotAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, host, status } = self;
        match found {
            Found::WebPage => write!(f, "the answer from {host} is a web page, not AWS's (HTTP {status}): is there a proxy between?"),
            Found::Nothing => write!(f, "the answer from {host} is empty (HTTP {status}): AWS's never is"),
            Found::Garbage => write!(f, "the answer from {host} is not one of AWS's (HTTP {status}): is there a proxy between?"),
            Found::Endless => write!(f, "the answer from {host} has over {} MiB (HTTP {status}): AWS's never do", BODY_MOST >> 20),
            Found::ProxyAuthentication => write!(f, "a proxy on the way to {host} wants to know who asks (HTTP {status}, proxy authentication)"),
        }
    }
}

impl std::error::Error for NotAws {}

/// A request that did not lead to an answer, with the host that was asked: the error beneath does not name it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) host: String,
    /// An answer had begun: its body broke off.
    pub(crate) begun: bool,
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.begun { "the answer broke off, asking" } else { "asking" };
        write!(f, "{what} {}", self.host)
    }
}

impl std::error::Error for Asked {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// What was asked, as far as it says what an answer looks like.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) host: String,
    /// IAM and STS: a form goes out, XML comes back.
    pub(crate) form: bool,
    /// KMS: JSON goes out, and comes back, whatever it is called.
    pub(crate) json: bool,
    pub(crate) head: bool,
    pub(crate) get: bool,
    /// An object of S3: it holds anything, or nothing. Whoever reads it asks for its tag.
    pub(crate) object: bool,
}

impl Question {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let kind = request.headers().get("content-type").unwrap_or_default();
        let uri: http::Uri = request.uri().parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default().to_owned();
        let json = kind.starts_with("application/x-amz-json");
        // The SDK says which operation it is (Smithy, `x-id`).
        let object = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "x-id=GetObject"));
        Self {
            host,
            json,
            object,
            form: kind.starts_with("application/x-www-form-urlencoded"),
            head: request.method() == "HEAD",
            get: request.method() == "GET",
        }
    }

    /// Tells what is wrong with an answer, if it can't be AWS's. Too many requests and errors of a server are told by their
    /// status, whoever answers so.
    pub(crate) fn judge(&self, status: StatusCode, kind: &str, body: &Bytes) -> Result<(), NotAws> {
        let Some(found) = self.found(status, kind, body) else { return Ok(()) };
        Err(NotAws { found, host: self.host.clone(), status: status.as_u16() })
    }

    fn found(&self, status: StatusCode, kind: &str, body: &Bytes) -> Option<Found> {
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Some(Found::ProxyAuthentication);
        }
        let transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let body = body.trim_ascii();
        let begins = |with: &[u8]| body.get(..with.len()).is_some_and(|b| b.eq_ignore_ascii_case(with));
        let is_json = self.json && begins(b"{");
        if kind.starts_with("text/html") && !is_json || begins(b"<!doctype html") || begins(b"<html") {
            return Some(Found::WebPage);
        }
        if transient {
            return None;
        }
        if self.object && status.is_success() {
            return None;
        }
        match body.first() {
            // A HEAD never has a body, and S3 answers many writes with none.
            None if self.head => None,
            None if self.form || self.get || !status.is_success() => Some(Found::Nothing),
            // A byte order mark may come first.
            None | Some(b'<' | 0xEF) => None,
            Some(b'{') if !self.form => None,
            Some(_) => Some(Found::Garbage),
        }
    }
}
