//! A client of our own: signs as AWS's documentation says and hands the request to the sandbox in this process.

use bytes::Bytes;
use crossrole_sandbox::testing::{sha256_hex, signature, signing_time};
use crossrole_sandbox::{Options, Sandbox};
use http::Request;

/// Keys to sign with. An empty key id signs nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

/// The root user of an account: any secret is right.
pub(crate) fn root(account: &str) -> Keys {
    Keys { id: account.to_owned(), secret: "any".to_owned(), token: String::new() }
}

/// Somebody without keys.
pub(crate) fn nobody() -> Keys {
    Keys::default()
}

/// One embedded AWS, and where and when its requests are signed.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    pub(crate) region: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of every element at this path below the root, as `Contents/Key`; the last name may stand at any depth.
    pub(crate) fn all(&self, path: &str) -> Vec<String> {
        let text = self.text();
        let Ok(document) = roxmltree::Document::parse(&text) else { return Vec::new() };
        let names: Vec<&str> = path.split('/').collect();
        let at = |node: roxmltree::Node<'_, '_>| {
            let above: Vec<&str> = node.ancestors().filter(roxmltree::Node::is_element).map(|n| n.tag_name().name()).collect();
            names.iter().rev().zip(above.iter()).filter(|(a, b)| a == b).count() == names.len()
        };
        document.descendants().filter(|n| n.is_element() && at(*n)).map(|n| n.text().unwrap_or_default().to_owned()).collect()
    }

    /// The text of the first element of this path; empty when there is none.
    pub(crate) fn one(&self, path: &str) -> String {
        self.all(path).into_iter().next().unwrap_or_default()
    }

    /// A header; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// Status, code and message of an error.
    pub(crate) fn error(&self) -> (u16, String, String) {
        (self.status, self.one("Code"), self.one("Message"))
    }

    /// The answer, which must have this status.
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The answer, which must have this status and error code.
    pub(crate) fn refuses(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.one("Code").as_str()), (status, code), "{}", self.text());
        self
    }

    /// The body of an answer of KMS.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The text of a member of KMS's answer, by its path: `/KeyMetadata/Arn`.
    pub(crate) fn member(&self, path: &str) -> String {
        self.json().pointer(path).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
    }

    /// The answer, which must be this error of KMS with these words in it.
    pub(crate) fn fails(self, code: &str, words: &str) -> Self {
        assert_eq!((self.status, self.member("/__type").as_str()), (400, code), "{}", self.text());
        assert!(self.member("/message").contains(words), "{} does not say {words}", self.text());
        self
    }

    /// The keys in an answer of CreateAccessKey or AssumeRole.
    pub(crate) fn keys(&self) -> Keys {
        Keys { id: self.one("AccessKeyId"), secret: self.one("SecretAccessKey"), token: self.one("SessionToken") }
    }
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { sandbox: Sandbox::new(Options::default()), region: "us-east-1".to_owned() }
    }

    /// Calls S3 by path: `/bucket/key?query`, encoded as it goes over the wire.
    pub(crate) async fn s3(&self, who: &Keys, method: &str, target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", "127.0.0.1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        sign(&mut request, who, &self.region, "s3", &now());
        self.send(request).await
    }

    /// Calls IAM or STS.
    pub(crate) async fn query(&self, who: &Keys, service: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let pairs = [("Action", action), ("Version", version)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs.iter().chain(params)).finish();
        let request = Request::builder().method("POST").uri("/").header("host", format!("{service}.amazonaws.com"));
        let mut request = request.header("content-type", "application/x-www-form-urlencoded").body(Bytes::from(body)).unwrap();
        sign(&mut request, who, "us-east-1", service, &now());
        self.send(request).await
    }

    /// Calls KMS.
    pub(crate) async fn kms(&self, who: &Keys, operation: &str, input: serde_json::Value) -> Answer {
        let mut request = kms_request(operation, &input.to_string());
        sign(&mut request, who, &self.region, "kms", &now());
        self.send(request).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        let answer = self.sandbox.handle(request).await.unwrap();
        Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body: answer.body().clone() }
    }
}

/// A request of KMS that nobody has signed yet.
pub(crate) fn kms_request(operation: &str, body: &str) -> Request<Bytes> {
    let request = Request::builder().method("POST").uri("/").header("host", "127.0.0.1").header("content-type", "application/x-amz-json-1.1");
    request.header("x-amz-target", format!("TrentService.{operation}")).body(Bytes::from(body.to_owned())).unwrap()
}

/// The present as signatures write it.
pub(crate) fn now() -> String {
    signing_time(0)
}

/// Signs in the header; what the request already says about its content stays.
pub(crate) fn sign(request: &mut Request<Bytes>, who: &Keys, region: &str, service: &str, time: &str) {
    if who.id.is_empty() {
        return;
    }
    let hash = request.headers().get("x-amz-content-sha256").map_or_else(|| sha256_hex(request.body()), |v| v.to_str().unwrap().to_owned());
    let headers = request.headers_mut();
    headers.insert("x-amz-date", time.parse().unwrap());
    if service == "s3" {
        headers.insert("x-amz-content-sha256", hash.parse().unwrap());
    }
    if !who.token.is_empty() {
        headers.insert("x-amz-security-token", who.token.parse().unwrap());
    }
    let mut names: Vec<String> = headers.keys().map(|k| k.as_str().to_owned()).collect();
    names.sort();
    let canonical: String = names.iter().map(|n| format!("{n}:{}\n", request.headers()[n.as_str()].to_str().unwrap().trim())).collect();
    let text = format!(
        "{}\n{}\n{}\n{canonical}\n{}\n{hash}",
        request.method(),
        request.uri().path(),
        canonical_query(request.uri().query().unwrap_or_default()),
        names.join(";")
    );
    let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
    let signed = signature(&who.secret, time, &scope, &text);
    let value = format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={}, Signature={signed}", who.id, names.join(";"));
    request.headers_mut().insert("authorization", value.parse().unwrap());
}

/// A query that is already encoded, sorted.
pub(crate) fn canonical_query(query: &str) -> String {
    let mut parts: Vec<String> = query.split('&').filter(|p| !p.is_empty()).map(|p| if p.contains('=') { p.to_owned() } else { format!("{p}=") }).collect();
    parts.sort();
    parts.join("&")
}
