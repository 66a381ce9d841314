//! The same AWS over loopback, for clients of other languages.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::Sandbox;
use crate::error::{ApiError, Shape};

/// Largest request body, in bytes: an object of the largest size (`s3::body::OBJECT_MOST`), and the frames around it.
const BODY_MOST: usize = crate::s3::body::OBJECT_MOST + (16 << 20);

/// How long a client may say nothing: before and within the head of a request, and between two pieces of its body. AWS closes
/// idle connections after about as long.
const SILENCE: Duration = Duration::from_secs(20);

/// How long the server waits when it can take no connection, which passes as soon as one ends (no descriptors are left), and
/// how often in a row before it gives up.
const PAUSE: Duration = Duration::from_millis(50);
const REFUSALS: u32 = 1_200;

/// Serves until the future is dropped. A connection that a fault breaks is closed without an answer.
///
/// # Errors
/// The listener takes no connection for a minute.
pub async fn serve(sandbox: Arc<Sandbox>, listener: TcpListener) -> std::io::Result<()> {
    serve_with(sandbox, listener, SILENCE).await
}

/// [`serve`], with a patience of the caller's own.
///
/// # Errors
/// The listener takes no connection for a minute.
pub async fn serve_with(sandbox: Arc<Sandbox>, listener: TcpListener, silence: Duration) -> std::io::Result<()> {
    let mut refusals = 0;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if refusals >= REFUSALS => return Err(error),
            Err(_) => {
                refusals += 1;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        refusals = 0;
        let sandbox = Arc::clone(&sandbox);
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let sandbox = Arc::clone(&sandbox);
                async move { answer(&sandbox, request, silence).await }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(silence);
            // A client that goes away is its own affair.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(sandbox: &Sandbox, request: Request<Incoming>, silence: Duration) -> Result<http::Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = match read(body, silence).await {
        Ok(body) => body,
        Err(Unread::Gone) => return Err(std::io::Error::other("the client went away")),
        Err(Unread::Silent) => {
            let message = "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.";
            return Ok(closing(&ApiError::new(400, "RequestTimeout", message)));
        }
        Err(Unread::TooLarge) => {
            let error = ApiError::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
            return Ok(closing(&error.with("MaxSizeAllowed", crate::s3::body::OBJECT_MOST.to_string())));
        }
    };
    match sandbox.handle(Request::from_parts(parts, body)).await {
        Ok(response) => Ok(response.map(Full::new)),
        Err(broken) => Err(std::io::Error::other(broken)),
    }
}

/// An answer after which nothing more is read.
fn closing(error: &ApiError) -> http::Response<Full<Bytes>> {
    let error = error.clone().header("connection", "close");
    error.response(Shape::S3, 0).map(Full::new)
}

/// Why a body could not be read.
enum Unread {
    Gone,
    Silent,
    TooLarge,
}

async fn read(mut body: Incoming, silence: Duration) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > BODY_MOST as u64 {
        return Err(Unread::TooLarge);
    }
    let mut all = BytesMut::new();
    while let Some(frame) = tokio::time::timeout(silence, body.frame()).await.map_err(|_| Unread::Silent)? {
        let frame = frame.map_err(|_| Unread::Gone)?;
        let Some(data) = frame.data_ref() else { continue };
        if all.len() + data.len() > BODY_MOST {
            return Err(Unread::TooLarge);
        }
        all.extend_from_slice(data);
    }
    Ok(all.freeze())
}
