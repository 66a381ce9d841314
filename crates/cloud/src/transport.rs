//! HTTP as the SDK's clients see it: a function in this process in place of a socket, and a look at every answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::answer::{Asked, Found, NotAws, Question};

/// Most bytes of one answer. The largest that AWS gives is a page of an account's authorization details: 1,000 roles, each with
/// 14,336 characters of policies, three times as long where they are encoded, come to less than half of this.
pub(crate) const BODY_MOST: usize = 128 << 20;

/// The answer to one request, or why there is none (a connection that broke).
pub type TransportFuture = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, String>> + Send>>;

/// Answers HTTP requests in this process.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Answers one signed request.
    fn call(&self, request: http::Request<Bytes>) -> TransportFuture;
}

/// Returns an SDK HTTP client over `transport`.
pub(crate) fn client(transport: Arc<dyn Transport>) -> SharedHttpClient {
    http_client_fn(move |_, _| SharedHttpConnector::new(Connector(Arc::clone(&transport))))
}

/// The same for a request of our own.
pub(crate) fn connector(transport: Arc<dyn Transport>) -> SharedHttpConnector {
    SharedHttpConnector::new(Connector(transport))
}

#[derive(Debug)]
struct Connector(Arc<dyn Transport>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
            let answer = transport.call(http::Request::from_parts(parts, body)).await.map_err(|why| ConnectorError::io(why.into()))?;
            let answer = answer.map(SdkBody::from);
            Response::try_from(answer).map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}

/// Returns `inner` with a look at each answer: one that is not IAM's, STS's or S3's is an error, and every error names the host.
pub(crate) fn watched(inner: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Watched { inner, judges: true })
}

/// Returns `inner` with errors that name the host: where credentials come from, answers have many forms.
pub(crate) fn naming(inner: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Watched { inner, judges: false })
}

#[derive(Debug)]
struct Watched {
    inner: SharedHttpClient,
    judges: bool,
}

impl HttpClient for Watched {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(WatchedConnector { inner: self.inner.http_connector(settings, components), judges: self.judges })
    }
}

#[derive(Debug)]
struct WatchedConnector {
    inner: SharedHttpConnector,
    judges: bool,
}

impl HttpConnector for WatchedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, judges) = (self.inner.clone(), self.judges);
        HttpConnectorFuture::new(async move {
            let question = Question::of(&request);
            let answer = inner.call(request).await.map_err(|error| named(error, &question.host, false))?;
            let answer = answer.try_into_http1x().map_err(|e| ConnectorError::other(e.into(), None))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, BODY_MOST).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    let endless = NotAws { found: Found::Endless, host: question.host.clone(), status: parts.status.as_u16() };
                    return ConnectorError::other(endless.into(), None);
                }
                named(ConnectorError::io(error), &question.host, true)
            })?;
            let body = body.to_bytes();
            let kind = parts.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if judges {
                question.judge(parts.status, kind, &body).map_err(|error| ConnectorError::other(error.into(), None))?;
            }
            Response::try_from(http::Response::from_parts(parts, SdkBody::from(body))).map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}

/// The same error, with the host.
fn named(error: ConnectorError, host: &str, begun: bool) -> ConnectorError {
    let timeout = error.is_timeout();
    let io = error.is_io();
    let source = Asked { host: host.to_owned(), begun, source: error.into_source() }.into();
    match (timeout, io) {
        (true, _) => ConnectorError::timeout(source),
        (_, true) => ConnectorError::io(source),
        _ => ConnectorError::other(source, None),
    }
}
