//! HTTP requests to operations and parameters.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use crate::authorization::{self, Authorization, Scheme};
use crate::constraint::broken;
use crate::error::{ApiError, Shape, insert, request_id};
use crate::s3::form::{self, Form};
use crate::s3::operation::{self, Operation};
use crate::world::World;

pub(crate) use crossrole_model::ids::REGIONS;

/// Which API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
    Kms,
    /// IAM Identity Center.
    Sso,
    CloudTrail,
    S3(Operation),
}

impl Service {
    /// It speaks awsJson1.1.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Kms | Self::Sso | Self::CloudTrail)
    }
}

/// A request, understood.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) service: Service,
    pub(crate) s3: bool,
    pub(crate) operation: String,
    pub(crate) writes: bool,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Path as sent, for the signature.
    pub(crate) raw_path: String,
    pub(crate) raw_query: String,
    /// Query or form parameters, decoded; KMS has its own in the body.
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) bucket: Option<String>,
    /// The host names the bucket, not the path.
    pub(crate) bucket_in_host: bool,
    pub(crate) key: Option<String>,
    /// Region in the host name.
    pub(crate) host_region: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) authorization: Option<Authorization>,
    /// Of PostObject.
    pub(crate) form: Option<Form>,
}

/// A good answer.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Reply {
    pub(crate) fn xml(body: String) -> Self {
        Self { status: 200, body: Bytes::from(body), content_type: Some("text/xml".to_owned()), ..Self::default() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn response(self, asked: &Asked, index: u64) -> Response<Bytes> {
        let length = self.body.len();
        let head = asked.method == Method::HEAD;
        let mut response = Response::new(if head { Bytes::new() } else { self.body });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        if let Some(kind) = &self.content_type {
            insert(&mut response, "content-type", kind);
        }
        if head && length > 0 {
            insert(&mut response, "content-length", &length.to_string());
        }
        insert(&mut response, if asked.s3 { "x-amz-request-id" } else { "x-amzn-requestid" }, &request_id(index));
        for (name, value) in &self.headers {
            insert(&mut response, name, value);
        }
        for (name, value) in &self.metadata {
            if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(format!("x-amz-meta-{name}")), http::HeaderValue::from_bytes(value.as_bytes())) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl Asked {
    /// How its errors are written.
    pub(crate) fn shape(&self) -> Shape {
        match self.service {
            Service::Iam | Service::Sts => Shape::Query,
            Service::Kms | Service::Sso | Service::CloudTrail => Shape::Json,
            Service::S3(_) => Shape::S3,
        }
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.param(name).filter(|v| !v.is_empty()).ok_or_else(|| broken(self.service, &lower_first(name), None, "Member must not be null"))
    }

    /// Fails for another version of the service than this.
    pub(crate) fn check_version(&self, version: &str) -> Result<(), ApiError> {
        match self.param("Version") {
            Some(asked) if asked == version => Ok(()),
            asked => Err(ApiError::no_operation(&self.operation, asked.unwrap_or("NO_VERSION_SPECIFIED"))),
        }
    }

    /// An operation that the sandbox has not: because AWS has none either, or else by its name.
    pub(crate) fn unknown_operation(&self, version: &str) -> ApiError {
        let service = if self.service == Service::Iam { "iam" } else { "sts" };
        if crossrole_access::catalogue::action(&format!("{service}:{}", self.operation)).is_some() {
            let message = format!("the sandbox has no {service}:{}; nothing was done", self.operation);
            return ApiError::new(501, "NotImplemented", message);
        }
        ApiError::no_operation(&self.operation, version)
    }

    /// `Name.member.N`, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        (1..).map_while(|n| self.param(&format!("{name}.member.{n}")).map(str::to_owned)).collect()
    }

    /// `Tags.member.N.Key` and `.Value`.
    pub(crate) fn tags(&self) -> Vec<(String, String)> {
        let pair = |n: usize| {
            Some((self.param(&format!("Tags.member.{n}.Key"))?.to_owned(), self.param(&format!("Tags.member.{n}.Value")).unwrap_or_default().to_owned()))
        };
        (1..).map_while(pair).collect()
    }

    /// A header; a presigned URL may carry those of AWS in its query.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.get(name).and_then(|v| v.to_str().ok());
        let presigned = self.authorization.as_ref().is_some_and(|a| matches!(a.scheme, Scheme::Query | Scheme::QueryV2));
        header.or_else(|| {
            let hoisted = presigned && name.starts_with("x-amz-");
            self.params.iter().find(|(n, _)| hoisted && n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
        })
    }

    /// The session token, in the header or in the query.
    pub(crate) fn token(&self) -> Option<&str> {
        self.authorization.as_ref()?.token.as_deref()
    }
}

pub(crate) fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

/// Parameters of a query and a form; of those that are there twice, the first counts.
fn first_of_each(query: &str, form: &[u8]) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form)) {
        params.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    params
}

/// The shape of an answer to a request that could not be understood.
pub(crate) fn shape(request: &Request<Bytes>) -> Shape {
    let params = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    match authorization::find(request.headers(), &params) {
        Ok(Some(found)) if found.service == "s3" => Shape::S3,
        Ok(Some(found)) if ["kms", "sso", "cloudtrail"].contains(&found.service.as_str()) => Shape::Json,
        Ok(Some(_)) => Shape::Query,
        _ if is_of_kms(request) => Shape::Json,
        _ if is_form(request) => Shape::Query,
        _ => Shape::S3,
    }
}

/// Tells whether a request that no signature says it of is for KMS.
fn is_of_kms(request: &Request<Bytes>) -> bool {
    target(request).is_some() || kms_region(host_of(request)).is_some()
}

/// The operation in the target of a request for KMS.
fn target(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get("x-amz-target")?.to_str().ok()?.strip_prefix("TrentService.")
}

fn host_of(request: &Request<Bytes>) -> &str {
    request.headers().get("host").and_then(|v| v.to_str().ok()).or_else(|| request.uri().host()).unwrap_or_default()
}

/// The region of `kms.region.amazonaws.com`.
fn kms_region(host: &str) -> Option<&str> {
    let host = host.split(':').next().unwrap_or_default();
    let stem = host.strip_suffix(".amazonaws.com.cn").or_else(|| host.strip_suffix(".amazonaws.com"))?;
    stem.strip_prefix("kms.")
}

fn is_form(request: &Request<Bytes>) -> bool {
    request.headers().get("content-type").and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with("application/x-www-form-urlencoded"))
}

/// Understands a request.
pub(crate) fn read(request: &Request<Bytes>) -> Result<Asked, ApiError> {
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let params: BTreeMap<String, String> = form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
    let authorization = authorization::find(request.headers(), &params)?;
    let service_name = authorization.as_ref().map(|a| a.service.as_str());
    let mut asked = Asked {
        service: Service::Iam,
        s3: false,
        operation: String::new(),
        writes: false,
        method: request.method().clone(),
        headers: request.headers().clone(),
        raw_path: request.uri().path().to_owned(),
        raw_query,
        params: BTreeMap::new(),
        bucket: None,
        bucket_in_host: false,
        key: None,
        host_region: None,
        body: request.body().clone(),
        authorization: authorization.clone(),
        form: None,
    };
    match service_name {
        Some("iam" | "sts") => {}
        Some("kms") => return Ok(of_kms(asked, request)),
        Some("sso") => return Ok(of_json(asked, request, Service::Sso, crate::sso::TARGET, crate::sso::writes)),
        Some("cloudtrail") => return Ok(of_json(asked, request, Service::CloudTrail, crate::cloudtrail::TARGET, crate::cloudtrail::writes)),
        None if is_of_kms(request) => return Ok(of_kms(asked, request)),
        None if is_form(request) => {}
        Some("s3") | None => {
            asked.params = params;
            return rest(asked, host_of(request));
        }
        Some(other) => {
            return Err(ApiError::no_service(other));
        }
    }
    let params = first_of_each(&asked.raw_query, if is_form(request) { request.body().as_ref() } else { &[] });
    let Some(operation) = params.get("Action").filter(|a| !a.is_empty()).cloned() else {
        // Both services send whoever asks for nothing to IAM's page.
        return Err(ApiError::new(302, "MissingAction", "").header("location", "https://aws.amazon.com/iam"));
    };
    asked.service = if service_name == Some("iam") { Service::Iam } else { Service::Sts };
    asked.writes = !["Get", "List", "Simulate"].iter().any(|p| operation.starts_with(p));
    asked.operation = operation;
    asked.params = params;
    Ok(asked)
}

/// A request of KMS, whose operation is empty where it names none of KMS.
fn of_kms(mut asked: Asked, request: &Request<Bytes>) -> Asked {
    asked.service = Service::Kms;
    target(request).unwrap_or_default().clone_into(&mut asked.operation);
    asked.writes = crate::kms::writes(&asked.operation);
    asked.host_region = kms_region(host_of(request)).map(str::to_owned);
    asked
}

/// A request of another service of JSON, whose operation is empty where it names none of it. Some clients put the service's whole name
/// before that of its API.
fn of_json(mut asked: Asked, request: &Request<Bytes>, service: Service, target: &str, writes: fn(&str) -> bool) -> Asked {
    asked.service = service;
    let named = request.headers().get("x-amz-target").and_then(|v| v.to_str().ok()).and_then(|named| Some(named.rsplit_once(target)?.1));
    named.unwrap_or_default().clone_into(&mut asked.operation);
    asked.writes = writes(&asked.operation);
    asked
}

/// A request of S3: which bucket, key and operation.
fn rest(mut asked: Asked, host: &str) -> Result<Asked, ApiError> {
    asked.s3 = true;
    asked.writes = !matches!(asked.method, Method::GET | Method::HEAD);
    let operation = if let Some(path) = asked.raw_path.strip_prefix(crate::s3::control::PATH) {
        operation::find_control(asked.method.as_str(), path)?
    } else {
        let (host_bucket, host_region) = host_parts(host);
        let path = percent_decode_str(asked.raw_path.strip_prefix('/').unwrap_or_default()).decode_utf8_lossy().into_owned();
        asked.bucket_in_host = host_bucket.is_some();
        let (bucket, key) = match (host_bucket, path.split_once('/')) {
            (Some(bucket), _) => (bucket, Some(path)),
            (None, Some((bucket, key))) => (bucket.to_owned(), Some(key.to_owned())),
            (None, None) => (path, None),
        };
        asked.host_region = host_region;
        asked.bucket = Some(bucket).filter(|b| !b.is_empty());
        asked.key = key.filter(|k| !k.is_empty());
        operation::find(asked.method.as_str(), asked.bucket.is_some(), asked.key.is_some(), &asked.params, &asked.headers)?
    };
    if operation == Operation::PostObject {
        form::take(&mut asked)?;
    }
    asked.service = Service::S3(operation);
    operation.name().clone_into(&mut asked.operation);
    Ok(asked)
}

/// `bucket.s3.region.amazonaws.com` and its relatives; a loopback address has neither.
fn host_parts(host: &str) -> (Option<String>, Option<String>) {
    let host = host.split(':').next().unwrap_or_default();
    let stem = host.strip_suffix(".amazonaws.com.cn").or_else(|| host.strip_suffix(".amazonaws.com"));
    let Some(stem) = stem else {
        let bucket = host.strip_suffix(".localhost").map(str::to_owned);
        return (bucket, None);
    };
    let (bucket, rest) = match (stem.strip_prefix("s3"), stem.find(".s3")) {
        (Some(rest), _) if rest.is_empty() || rest.starts_with(['.', '-']) => (None, rest),
        (_, Some(at)) => (stem.get(..at).map(str::to_owned), stem.get(at + 3..).unwrap_or_default()),
        _ => (None, ""),
    };
    let region = rest.trim_start_matches(['.', '-']);
    (bucket, (!region.is_empty()).then(|| region.to_owned()))
}

/// The account that a call counts for.
pub(crate) fn account_hint(world: &World, asked: &Asked) -> String {
    let Some(auth) = &asked.authorization else { return "anonymous".to_owned() };
    if let Some(key) = world.keys.get(&auth.key_id) {
        return key.account.clone();
    }
    world.sessions.get(&auth.key_id).map_or_else(|| auth.key_id.clone(), |s| s.account.clone())
}
