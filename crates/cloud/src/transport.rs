//! An HTTP client that hands requests to a function in this process, in place of a socket.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;

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
