//! A host that answers what a test says, and the questions that a test asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use crossrole_cloud::{Aws, Console, Settings, Transport, TransportFuture};
use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::{AccountId, BucketCall, BucketRef, Call, IamCall, PrincipalKind, PrincipalRef, Reading, Waiting};
use crossrole_policy::Document;

pub(crate) const ACCOUNT: &str = "222222222222";

pub(crate) fn account() -> AccountId {
    AccountId::parse(ACCOUNT).unwrap()
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Status, content type, body.
    Http(u16, &'static str, String),
    /// An error of the service that was asked: status and code.
    Error(u16, &'static str),
    /// The connection fails so.
    Broken(&'static str),
    /// There is none.
    Hangs,
}

type Script = Box<dyn Fn(&str, usize) -> Option<Answer> + Send + Sync>;

/// Answers as IAM, STS and S3 of an empty account would, but for what the script says: operation and how often it was called.
pub(crate) struct Host {
    script: Script,
    pub(crate) asked: Mutex<BTreeMap<String, usize>>,
    /// How long each answer takes.
    pub(crate) latency: Duration,
    /// The most that were in flight at once, and now.
    pub(crate) flight: Mutex<(usize, usize)>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

impl Host {
    pub(crate) fn new(script: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, script)
    }

    pub(crate) fn slow(latency: Duration, script: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), asked: Mutex::default(), latency, flight: Mutex::default() })
    }

    pub(crate) fn times(&self, operation: &str) -> usize {
        self.asked.lock().unwrap().get(operation).copied().unwrap_or(0)
    }
}

/// The host behind the SDK's clients.
#[derive(Debug)]
struct Wire(Arc<Host>);

impl Transport for Wire {
    fn call(&self, request: http::Request<Bytes>) -> TransportFuture {
        let host = Arc::clone(&self.0);
        Box::pin(async move {
            let (operation, account) = operation(&request);
            let nth = {
                let mut asked = host.asked.lock().unwrap();
                let count = asked.entry(operation.clone()).or_default();
                *count += 1;
                *count - 1
            };
            {
                let mut flight = host.flight.lock().unwrap();
                flight.1 += 1;
                flight.0 = flight.0.max(flight.1);
            }
            tokio::time::sleep(host.latency).await;
            host.flight.lock().unwrap().1 -= 1;
            match (host.script)(&operation, nth).unwrap_or_else(|| usual(&operation, &account)) {
                Answer::Http(status, kind, body) => Ok(http::Response::builder().status(status).header("content-type", kind).body(Bytes::from(body)).unwrap()),
                Answer::Error(status, code) => {
                    let error = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
                    let body = if operation.contains("Bucket") { error } else { format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>") };
                    Ok(http::Response::builder().status(status).header("content-type", "text/xml").body(Bytes::from(body)).unwrap())
                }
                Answer::Broken(why) => Err(why.to_owned()),
                Answer::Hangs => std::future::pending().await,
            }
        })
    }
}

/// The operation, and the account whose id is the access key.
fn operation(request: &http::Request<Bytes>) -> (String, String) {
    let signed = request.headers()["authorization"].to_str().unwrap();
    let account = signed.split("Credential=").nth(1).unwrap()[..12].to_owned();
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let action = body.strip_prefix("Action=").and_then(|b| b.split('&').next()).map(str::to_owned);
    let query = request.uri().query().unwrap_or_default();
    let name = action.unwrap_or_else(|| match (request.method().as_str(), query) {
        ("GET", q) if q.contains("policy") => "GetBucketPolicy".into(),
        ("GET", q) if q.contains("tagging") => "GetBucketTagging".into(),
        ("GET", _) => "ListBuckets".into(),
        ("PUT", q) if q.contains("policy") => "PutBucketPolicy".into(),
        ("PUT", q) if q.contains("tagging") => "PutBucketTagging".into(),
        ("HEAD", _) => "HeadBucket".into(),
        (method, query) => format!("{method} {query}"),
    });
    (name, account)
}

pub(crate) fn xml(body: &str) -> Answer {
    Answer::Http(200, "text/xml", format!("<?xml version=\"1.0\"?>{body}"))
}

pub(crate) fn error(status: u16, code: &'static str) -> Answer {
    Answer::Error(status, code)
}

fn usual(operation: &str, account: &str) -> Answer {
    match operation {
        "GetCallerIdentity" => xml(&format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:root</Arn><UserId>{account}</UserId><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )),
        "ListBuckets" => {
            xml("<ListAllMyBucketsResult><Buckets><Bucket><Name>data</Name><BucketRegion>us-east-1</BucketRegion></Bucket></Buckets></ListAllMyBucketsResult>")
        }
        "GetBucketPolicy" => Answer::Http(200, "application/json", r#"{"Version":"2012-10-17","Statement":[]}"#.into()),
        "PutBucketPolicy" | "PutBucketTagging" => Answer::Http(204, "", String::new()),
        "GetBucketTagging" => xml("<Tagging><TagSet/></Tagging>"),
        "HeadBucket" => Answer::Http(200, "application/xml", String::new()),
        operation => {
            let list = match operation {
                "GetAccountAuthorizationDetails" => "<IsTruncated>false</IsTruncated><UserDetailList/><GroupDetailList/><RoleDetailList/><Policies/>",
                "ListRoles" => "<IsTruncated>false</IsTruncated><Roles/>",
                _ => "",
            };
            xml(&format!("<{operation}Response><{operation}Result>{list}</{operation}Result></{operation}Response>"))
        }
    }
}

/// Keeps what was said.
#[derive(Debug, Default)]
pub(crate) struct Said(pub(crate) Mutex<Vec<Waiting>>);

impl Console for Said {
    fn waits(&self, waiting: &Waiting) {
        self.0.lock().unwrap().push(waiting.clone());
    }

    fn reads(&self, _: &AccountId, _: u64, _: &Reading) {}

    fn code(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

pub(crate) fn settings(host: &Arc<Host>) -> Settings {
    Settings { concurrency: 10, transport: Some(Arc::new(Wire(Arc::clone(host)))), ..Settings::default() }
}

pub(crate) fn aws(host: &Arc<Host>) -> Aws {
    Aws::new(settings(host))
}

/// The account, and one bucket of it.
pub(crate) fn scope() -> Scope {
    let bucket = BucketScope { account: account(), region: "us-east-1".into(), settings: None, left: false, encryption: false, public: false };
    Scope { accounts: [(account(), std::collections::BTreeSet::new())].into(), buckets: [("data".to_owned(), bucket)].into(), ..Scope::default() }
}

pub(crate) fn attach() -> Call {
    let principal = PrincipalRef { kind: PrincipalKind::Role, name: "Reader".into() };
    IamCall::AttachPolicy { principal, arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into() }.into()
}

pub(crate) fn create() -> Call {
    IamCall::CreateGroup { name: "readers".into(), path: "/".into() }.into()
}

fn bucket() -> BucketRef {
    BucketRef { name: "data".into(), region: "us-east-1".into() }
}

pub(crate) fn put_policy() -> Call {
    BucketCall::PutPolicy { bucket: bucket(), document: Document::new(Vec::new()) }.into()
}

pub(crate) fn put_tags() -> Call {
    BucketCall::PutTags { bucket: bucket(), tags: BTreeMap::new() }.into()
}
