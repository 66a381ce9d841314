//! Errors in AWS's words and shapes.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::xml::escape;

/// How a service writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// XML of S3.
    S3,
    /// XML of the query protocol: IAM and STS.
    Query,
    /// JSON: KMS.
    Json,
}

/// An error of a service.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// Extra elements of an S3 error, and headers.
    pub(crate) detail: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), detail: Vec::new(), headers: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.detail.push((name, value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn throttled(shape: Shape) -> Self {
        match shape {
            Shape::S3 => Self::new(503, "SlowDown", "Please reduce your request rate."),
            Shape::Query => Self::new(400, "Throttling", "Rate exceeded"),
            // AWS KMS Developer Guide, "Throttling AWS KMS requests".
            Shape::Json => {
                let message = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
                Self::new(400, "ThrottlingException", message)
            }
        }
    }

    /// The answer of a fault.
    pub(crate) fn injected(code: &str) -> Self {
        let status = match code {
            "Throttling" | "ThrottlingException" => 400,
            "OperationAborted" | "ConcurrentModification" | "DeleteConflict" => 409,
            "SlowDown" | "ServiceUnavailable" => 503,
            "AccessDenied" => 403,
            _ => 500,
        };
        Self::new(status, code, "injected fault")
    }

    pub(crate) fn no_operation(operation: &str, version: &str) -> Self {
        Self::new(400, "InvalidAction", format!("Could not find operation {operation} for version {version}"))
    }

    /// A request that is signed for a service that is not here.
    pub(crate) fn no_service(service: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("the sandbox has IAM, STS, S3, KMS, IAM Identity Center and CloudTrail, and no service `{service}`; nothing was done"),
        )
    }

    pub(crate) fn no_such(kind: &str, name: &str) -> Self {
        Self::new(404, "NoSuchEntity", format!("The {kind} with name {name} cannot be found."))
    }

    pub(crate) fn exists(kind: &str, name: &str) -> Self {
        Self::new(409, "EntityAlreadyExists", format!("{kind} with name {name} already exists."))
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(409, "LimitExceeded", message)
    }

    pub(crate) fn response(&self, shape: Shape, index: u64) -> Response<Bytes> {
        let id = request_id(index);
        let (kind, id_header) = match shape {
            Shape::S3 => ("application/xml", "x-amz-request-id"),
            Shape::Query => ("text/xml", "x-amzn-requestid"),
            Shape::Json => (crate::kms::CONTENT_TYPE, "x-amzn-requestid"),
        };
        let mut response = Response::new(Bytes::from(self.body(shape, &id)));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        insert(&mut response, "content-type", kind);
        insert(&mut response, id_header, &id);
        for (name, value) in &self.headers {
            insert(&mut response, name, value);
        }
        response
    }

    fn body(&self, shape: Shape, id: &str) -> String {
        let (code, message) = (escape(&self.code), escape(&self.message));
        match shape {
            Shape::Json => serde_json::json!({ "__type": self.code, "message": self.message }).to_string(),
            Shape::S3 => {
                let detail: String = self.detail.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escape(value))).collect();
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{detail}<RequestId>{id}</RequestId><HostId>sandbox</HostId></Error>"
                )
            }
            Shape::Query => {
                let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
                let message = if message.is_empty() { String::new() } else { format!("<Message>{message}</Message>") };
                format!("<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code>{message}</Error><RequestId>{id}</RequestId></ErrorResponse>")
            }
        }
    }
}

/// Sets a header; a value that HTTP does not take is left out.
pub(crate) fn insert(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

pub(crate) fn request_id(index: u64) -> String {
    format!("sandbox-{index:08}")
}
