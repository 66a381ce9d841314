//! A command in this process, and a foreign hand on the same accounts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use crossrole::{Exit, Io};
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options, Sandbox};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A stream that is kept.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// One embedded AWS, commands on it, and everything they ever printed.
pub(crate) struct Place {
    pub(crate) sandbox: Arc<Sandbox>,
    printed: Mutex<String>,
}

impl Place {
    pub(crate) fn new(options: Options) -> Self {
        Self::of(Sandbox::new(options))
    }

    pub(crate) fn of(sandbox: Sandbox) -> Self {
        Self { sandbox: Arc::new(sandbox), printed: Mutex::default() }
    }

    /// An embedded AWS with a bucket that manifests rely on.
    pub(crate) async fn with_bucket(name: &str) -> Self {
        let place = Self::new(Options::default());
        assert_eq!(place.s3("222222222222", "PUT", &format!("/{name}"), "", "").await.0, 200);
        place
    }

    /// Runs `crossrole` with these words; `--sandbox` is added where a cloud is needed.
    pub(crate) async fn run(&self, words: &[&str]) -> Said {
        let mut args: Vec<String> = std::iter::once("crossrole").chain(words.iter().copied()).map(str::to_owned).collect();
        let on_aws = ["plan", "apply", "destroy", "explain", "who-can", "verify", "audit", "doctor", "revoke", "rotate"];
        if words.first().is_some_and(|word| on_aws.contains(word)) {
            args.push("--sandbox".to_owned());
        }
        let (out, err) = (Kept::default(), Kept::default());
        let io = Io::given(Box::new(out.clone()), Box::new(err.clone()), Some(Arc::clone(&self.sandbox)));
        let exit = Box::pin(crossrole::run(args, io)).await;
        let said = Said { exit, out: out.text(), err: err.text() };
        let mut printed = self.printed.lock().unwrap();
        printed.push_str(&said.out);
        printed.push_str(&said.err);
        said
    }

    /// Runs a command that must succeed.
    pub(crate) async fn good(&self, words: &[&str]) -> String {
        let said = self.run(words).await;
        assert_eq!(said.exit, Exit::Clean, "{words:?}\n{}{}", said.out, said.err);
        said.out
    }

    /// Nothing that was printed holds a secret that the sandbox issued.
    pub(crate) fn assert_no_secret(&self) {
        let printed = self.printed.lock().unwrap();
        for secret in self.sandbox.secrets() {
            assert!(secret.len() > 20, "a secret that short would be found by chance");
            assert!(!printed.contains(&secret), "a secret was printed");
        }
    }

    /// Calls IAM or STS as the root user of `account`; returns status and body.
    pub(crate) async fn query(&self, account: &str, service: &str, action: &str, params: &[(&str, &str)]) -> (u16, String) {
        let credentials = Credentials { key: account.to_owned(), ..Credentials::default() };
        self.query_as(&credentials, service, action, params).await
    }

    /// Calls IAM, as root, and must succeed.
    pub(crate) async fn iam(&self, account: &str, action: &str, params: &[(&str, &str)]) -> String {
        let (status, body) = self.query(account, "iam", action, params).await;
        assert_eq!(status, 200, "{action} {params:?}\n{body}");
        body
    }

    /// Calls IAM or STS with credentials.
    pub(crate) async fn query_as(&self, who: &Credentials, service: &str, action: &str, params: &[(&str, &str)]) -> (u16, String) {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let pairs = [("Action", action), ("Version", version)];
        let body = pairs.iter().chain(params).map(|(k, v)| format!("{k}={}", encode(v))).collect::<Vec<_>>().join("&");
        let mut headers = vec![("host", format!("{service}.amazonaws.com")), ("content-type", "application/x-www-form-urlencoded".to_owned())];
        headers.extend(who.extra.iter().map(|(k, v)| (*k, v.clone())));
        self.send(who, service, "us-east-1", "POST", "/", "", headers, body.into_bytes()).await
    }

    /// Calls KMS with credentials.
    pub(crate) async fn kms_as(&self, who: &Credentials, region: &str, operation: &str, input: &serde_json::Value) -> (u16, String) {
        self.json_as(who, ("kms", "TrentService"), region, operation, input).await
    }

    /// Calls a service of JSON, by its name and that of its API.
    pub(crate) async fn json_as(&self, who: &Credentials, api: (&str, &str), region: &str, operation: &str, input: &serde_json::Value) -> (u16, String) {
        let mut headers = vec![
            ("host", format!("{}.{region}.amazonaws.com", api.0)),
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("{}.{operation}", api.1)),
        ];
        headers.extend(who.extra.iter().map(|(k, v)| (*k, v.clone())));
        self.send(who, api.0, region, "POST", "/", "", headers, input.to_string().into_bytes()).await
    }

    /// Calls S3 as the root user of `account`.
    pub(crate) async fn s3(&self, account: &str, method: &str, path: &str, query: &str, body: &str) -> (u16, String) {
        let credentials = Credentials { key: account.to_owned(), ..Credentials::default() };
        self.s3_as(&credentials, "us-east-1", method, path, query, &[], body).await
    }

    /// Calls S3 with credentials.
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    pub(crate) async fn s3_as(
        &self,
        who: &Credentials,
        region: &str,
        method: &str,
        path: &str,
        query: &str,
        more: &[(&'static str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut headers = vec![("host", "127.0.0.1".to_owned())];
        headers.extend(more.iter().map(|(k, v)| (*k, (*v).to_owned())));
        headers.extend(who.extra.iter().map(|(k, v)| (*k, v.clone())));
        self.send(who, "s3", region, method, path, query, headers, body.as_bytes().to_vec()).await
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn send(
        &self,
        who: &Credentials,
        service: &str,
        region: &str,
        method: &str,
        path: &str,
        query: &str,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> (u16, String) {
        let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(Bytes::from(body)).unwrap();
        if !who.key.is_empty() {
            crate::support::sign(&mut request, who, service, region);
        }
        let answer = self.sandbox.handle(request).await.unwrap();
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }
}

/// A manifest of this name for a crew of one, in an account of its own, that `rest` lets in.
pub(crate) fn crew(name: &str, rest: &str) -> String {
    format!(
        "name = \"{name}\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n\
         [trusted.dev.groups.Crew]\nmembers = [\"mate\"]\n[trusted.dev.users.mate]\n{rest}"
    )
}

/// Keys to sign with; an empty key id is an anonymous caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    /// More headers of every request.
    pub(crate) extra: Vec<(&'static str, String)>,
}

impl Credentials {
    /// Reads keys from an answer of CreateAccessKey or AssumeRole.
    pub(crate) fn of(answer: &str) -> Self {
        Self { key: element(answer, "AccessKeyId"), secret: element(answer, "SecretAccessKey"), token: element(answer, "SessionToken"), extra: Vec::new() }
    }
}

/// The text of the first element of this name; empty when there is none.
pub(crate) fn element(body: &str, name: &str) -> String {
    let Some((_, rest)) = body.split_once(&format!("<{name}>")) else { return String::new() };
    rest.split_once(&format!("</{name}>")).map_or(String::new(), |(text, _)| text.to_owned())
}

fn encode(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Signs as AWS's documentation says; with no secret (12-digit keys take any) the signature is a dummy.
fn sign(request: &mut http::Request<Bytes>, who: &Credentials, service: &str, region: &str) {
    let time = &crossrole_sandbox::testing::signing_time(0);
    let date = time.get(..8).unwrap();
    let hash = crossrole_sandbox::testing::sha256_hex(request.body());
    let headers = request.headers_mut();
    headers.insert("x-amz-date", time.parse().unwrap());
    headers.insert("x-amz-content-sha256", hash.parse().unwrap());
    if !who.token.is_empty() {
        headers.insert("x-amz-security-token", who.token.parse().unwrap());
    }
    let mut names: Vec<String> = headers.keys().map(|k| k.as_str().to_owned()).collect();
    names.sort();
    let canonical: String = names.iter().map(|n| format!("{n}:{}\n", request.headers()[n.as_str()].to_str().unwrap())).collect();
    let mut query: Vec<String> = request
        .uri()
        .query()
        .unwrap_or("")
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| if p.contains('=') { p.to_owned() } else { format!("{p}=") })
        .collect();
    query.sort();
    let text = format!("{}\n{}\n{}\n{canonical}\n{}\n{hash}", request.method(), request.uri().path(), query.join("&"), names.join(";"));
    let signature = crossrole_sandbox::testing::signature(&who.secret, time, &format!("{date}/{region}/{service}/aws4_request"), &text);
    let value =
        format!("AWS4-HMAC-SHA256 Credential={}/{date}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={signature}", who.key, names.join(";"));
    request.headers_mut().insert("authorization", value.parse().unwrap());
}

/// Writes a manifest to a folder of its own below the target folder and returns its path.
pub(crate) fn manifest(name: &str, text: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let folder = root().join("target/test-manifests").join(format!("{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("manifest.toml");
    // Tests that share a name run side by side: nobody may read half a file.
    let part = folder.join(format!("part-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
    std::fs::write(&part, text).unwrap();
    std::fs::rename(&part, &path).unwrap();
    path.display().to_string()
}

/// The path of a manifest of the repository, as a user at its root would give it.
pub(crate) fn scenario(name: &str) -> String {
    root().join("manifests").join(format!("{name}.toml")).display().to_string()
}

/// One fault at one writing call of one kind, and none after that.
pub(crate) struct Once {
    pub(crate) operation: &'static str,
    pub(crate) fault: Fault,
    pub(crate) done: std::sync::atomic::AtomicBool,
}

impl FaultPlan for Once {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        let now = call.operation == self.operation && !self.done.swap(true, std::sync::atomic::Ordering::SeqCst);
        now.then_some(self.fault)
    }
}

/// An account of which every reading is refused.
pub(crate) struct Closed(pub(crate) &'static str, pub(crate) Fault);

impl FaultPlan for Closed {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.account == self.0 && !call.writes && call.operation != "GetCallerIdentity").then_some(self.1)
    }
}
