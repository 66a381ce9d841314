//! The same AWS over loopback, for clients of other languages.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Sandbox;
use crate::error::ApiError;

/// Largest request body, in bytes: objects are kept in memory.
const BODY_MOST: usize = 256 << 20;

/// Serves until the future is dropped. A connection that a fault breaks is closed without an answer.
///
/// # Errors
/// The listener fails.
pub async fn serve(sandbox: Arc<Sandbox>, listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let sandbox = Arc::clone(&sandbox);
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let sandbox = Arc::clone(&sandbox);
                async move { answer(&sandbox, request).await }
            });
            // A client that goes away is its own affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(sandbox: &Sandbox, request: Request<Incoming>) -> Result<http::Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MOST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            return Ok::<_, std::io::Error>(
                ApiError::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.").response(true, 0).map(Full::new),
            );
        }
    };
    match sandbox.handle(Request::from_parts(parts, body)).await {
        Ok(response) => Ok(response.map(Full::new)),
        Err(broken) => Err(std::io::Error::other(broken)),
    }
}
