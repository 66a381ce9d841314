//! The way to AWS: a proxy, an authority that vouches for hosts, and endpoints of another kind.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::process::{command, serve};
use crate::support::{manifest, root};

const ONE: &str = "name = \"one\"\n\n[trusting]\naccount = \"222222222222\"\n\n[roles.One]\n\n[[roles.One.trust]]\nservice = \"lambda.amazonaws.com\"\n";

/// What the proxy answers to CONNECT.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// A tunnel, to a host that speaks TLS and has the embedded AWS behind it.
    Tunnel,
    /// Who are you?
    Who,
    /// A page of its own.
    Page,
}

/// A proxy: what was asked of it, request line and headers.
pub(crate) struct Proxy {
    pub(crate) address: String,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn new(answers: Answers, behind: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://ann:s3cret@{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, aws) = (Arc::clone(&asked), behind.trim_start_matches("http://").to_owned());
        let tls = Arc::new(tls());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, aws, tls) = (Arc::clone(&log), aws.clone(), Arc::clone(&tls));
                std::thread::spawn(move || tunnel(stream, answers, &log, &aws, tls));
            }
        });
        Self { address, asked }
    }

    /// The hosts that were asked for.
    fn hosts(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let mut hosts: Vec<String> = asked.iter().filter_map(|a| a.split(' ').nth(1)).map(str::to_owned).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

fn tls() -> rustls::ServerConfig {
    let folder = root().join("tests/tls");
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()
}

/// One connection: CONNECT, TLS, and one request after the other to the embedded AWS.
fn tunnel(mut stream: TcpStream, answers: Answers, log: &Mutex<Vec<String>>, aws: &str, tls: Arc<rustls::ServerConfig>) {
    let Some(head) = head(&mut BufReader::new(stream.try_clone().unwrap())) else { return };
    log.lock().unwrap().push(head);
    let page = "<html><body>Blocked by the company</body></html>";
    let _ = match answers {
        Answers::Tunnel => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n"),
        Answers::Who => stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"),
        Answers::Page => {
            stream.write_all(format!("HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len()).as_bytes())
        }
    };
    if answers != Answers::Tunnel {
        return;
    }
    let Ok(session) = rustls::ServerConnection::new(tls) else { return };
    let mut client = BufReader::new(rustls::StreamOwned::new(session, stream));
    while let Some(question) = message(&mut client) {
        let mut upstream = TcpStream::connect(aws).unwrap();
        upstream.write_all(&question).unwrap();
        let Some(answer) = message(&mut BufReader::new(upstream)) else { return };
        if client.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

/// The lines before an empty one.
fn head(from: &mut impl std::io::BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// One request or answer, with a body as long as it says.
fn message(from: &mut impl std::io::BufRead) -> Option<Vec<u8>> {
    let head = head(from)?;
    let length = head.to_ascii_lowercase().lines().find_map(|l| l.strip_prefix("content-length:").map(|n| n.trim().parse().unwrap_or(0))).unwrap_or(0);
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some([head.into_bytes(), body].concat())
}

/// A plan of one role, with these variables; exit code, stdout, stderr.
fn plan(variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = command(&["plan", "--timeout", "4", &manifest("network", ONE)]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name);
    }
    let output = command.env("AWS_ACCESS_KEY_ID", "222222222222").env("AWS_SECRET_ACCESS_KEY", "any").envs(variables.iter().copied()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(!out.contains("s3cret") && !err.contains("s3cret"), "the proxy's password: {out}{err}");
    (output.status.code().unwrap(), out, err)
}

fn authority() -> String {
    root().join("tests/tls/ca.pem").display().to_string()
}

#[test]
fn a_proxy_and_an_authority_of_its_own_are_honoured() {
    let server = serve(&[]);
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        for trust in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
            let proxy = Proxy::new(Answers::Tunnel, &server.address);
            let (code, out, err) = plan(&[(variable, &proxy.address), (trust, &authority())]);
            assert!(code == 0 && out.contains("Plan: 1 to add"), "{variable} {trust}: {out}{err}");
            assert_eq!(proxy.hosts(), ["iam.amazonaws.com:443", "sts.us-east-1.amazonaws.com:443"]);
            // `ann:s3cret`, as RFC 7617 writes it.
            assert!(proxy.asked.lock().unwrap().iter().all(|a| a.to_ascii_lowercase().contains("proxy-authorization: basic yw5uonmzy3jlda==")));
        }
    }
}

/// As a profile of AWS's own tools says it, unless the environment does.
#[test]
fn a_profile_names_its_authority() {
    let server = serve(&[]);
    let profiles = |bundle: &str| manifest("profile-bundle", &format!("[profile p]\nca_bundle = {bundle}\n"));
    let (good, other) = (authority(), root().join("tests/tls/server.pem").display().to_string());
    for (bundle, more, words) in [
        (good.as_str(), None, "Plan: 1 to add"),
        (&other, None, "invalid peer certificate"),
        (&other, Some(("AWS_CA_BUNDLE", good.as_str())), "Plan: 1 to add"),
        (&good, Some(("AWS_CA_BUNDLE", other.as_str())), "invalid peer certificate"),
        ("/nonexistent", None, "profile `p`: `ca_bundle` is `/nonexistent`, which can't be read: No such file"),
    ] {
        let proxy = Proxy::new(Answers::Tunnel, &server.address);
        let config = profiles(bundle);
        let variables = [("HTTPS_PROXY", proxy.address.as_str()), ("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "p")];
        let (_, out, err) = plan(&[&variables[..], more.as_slice()].concat());
        assert!(out.contains(words), "{bundle} {more:?}: {out}{err}");
    }
}

#[test]
fn hosts_that_are_named_are_asked_without_the_proxy() {
    let server = serve(&[]);
    let proxy = Proxy::new(Answers::Tunnel, &server.address);
    let trust = authority();
    let (code, out, _) = plan(&[("HTTPS_PROXY", &proxy.address), ("NO_PROXY", "example.com,.amazonaws.com"), ("AWS_CA_BUNDLE", &trust)]);
    assert_eq!((code, proxy.hosts()), (1, Vec::new()), "{out}");
    // Loopback is asked directly, where the variable says so.
    let direct = [("HTTP_PROXY", proxy.address.as_str()), ("NO_PROXY", "127.0.0.1"), ("AWS_ENDPOINT_URL", &server.address)];
    let (code, out, err) = plan(&direct);
    assert!(code == 0 && proxy.hosts().is_empty(), "{out}{err}");
}

#[test]
fn what_stands_in_the_way_is_named() {
    let server = serve(&[]);
    let trust = authority();
    // An authority that nobody here has heard of.
    let proxy = Proxy::new(Answers::Tunnel, &server.address);
    let (code, out, _) = plan(&[("HTTPS_PROXY", &proxy.address)]);
    assert!(code == 1 && out.contains("asking sts.us-east-1.amazonaws.com: invalid peer certificate"), "{out}");
    assert!(out.contains("name the file with its authority in `AWS_CA_BUNDLE`"), "{out}");
    // A proxy that asks who it is.
    let proxy = Proxy::new(Answers::Who, &server.address);
    let (code, out, _) = plan(&[("HTTPS_PROXY", &proxy.address), ("AWS_CA_BUNDLE", &trust)]);
    assert!(code == 1 && out.contains("asking sts.us-east-1.amazonaws.com: tunnel error: proxy authorization required"), "{out}");
    assert!(out.contains("`http://USER:PASSWORD@HOST:PORT`"), "{out}");
    // A proxy that does not let it through.
    let proxy = Proxy::new(Answers::Page, &server.address);
    let (code, out, _) = plan(&[("HTTPS_PROXY", &proxy.address), ("AWS_CA_BUNDLE", &trust)]);
    assert!(code == 1 && out.contains("asking sts.us-east-1.amazonaws.com: tunnel error: unsuccessful"), "{out}");
    assert!(out.contains("`HTTPS_PROXY`") && !out.contains("allow the runner"), "{out}");
    // Nobody listens there.
    let (code, out, _) = plan(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]);
    assert!(code == 1 && out.contains("Connection refused") && !out.contains("region") && !out.contains("allow the runner"), "{out}");
    // A bundle that is none.
    for (path, words) in [("/nonexistent", "can't be read"), (&*manifest("bundle", "no certificate"), "holds no certificate that can be read")] {
        let (code, _, err) = plan(&[("AWS_CA_BUNDLE", path)]);
        assert!(code == 1 && err.contains("`AWS_CA_BUNDLE`") && err.contains(words), "{err}");
    }
}

#[test]
fn endpoints_of_another_kind_are_asked_where_the_environment_says_so() {
    let server = serve(&[]);
    let trust = authority();
    for (variables, hosts) in [
        (&["AWS_USE_FIPS_ENDPOINT"][..], ["iam-fips.amazonaws.com:443", "sts-fips.us-east-1.amazonaws.com:443"]),
        (&["AWS_USE_DUALSTACK_ENDPOINT"][..], ["iam.global.api.aws:443", "sts.us-east-1.api.aws:443"]),
    ] {
        let proxy = Proxy::new(Answers::Tunnel, &server.address);
        let mut all = vec![("HTTPS_PROXY", proxy.address.as_str()), ("AWS_CA_BUNDLE", trust.as_str())];
        all.extend(variables.iter().map(|v| (*v, "true")));
        let (code, out, err) = plan(&all);
        assert_eq!((code, proxy.hosts()), (0, hosts.map(str::to_owned).to_vec()), "{out}{err}");
    }
}
