//! Requests to one address with one token, and when they are made again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LINK, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Forge, Token};

/// The longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most times that a request is made.
const ATTEMPTS: u32 = 4;

/// The longest that all waiting for one request may take: a job that waits costs money, and a comment can be written in the next.
const WAIT_MOST: Duration = Duration::from_mins(2);

/// How long is waited where a limit is reached and nothing says how long (GitHub documentation, "Best practices for using the REST API":
/// at least one minute).
const LIMITED: Duration = Duration::from_mins(1);

/// Most bytes of an answer: a page of the longest comments, each letter escaped.
const ANSWER_MOST: usize = 64 << 20;

/// Most letters that are kept of what an answer says.
const SAID_MOST: usize = 300;

/// Straight, or through a proxy that the environment names.
enum Way {
    Straight(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    Proxy(legacy::Client<HttpsConnector<Tunnel<HttpConnector>>, Full<Bytes>>),
}

pub(crate) struct Client {
    way: Way,
    api: String,
    host: String,
    headers: HeaderMap,
    token: Token,
}

/// An answer that is no refusal.
pub(crate) struct Answer {
    body: Bytes,
    /// Where the answer names its neighbours: whether another page comes after it.
    next: Option<bool>,
    host: String,
    what: &'static str,
}

impl Answer {
    /// Reads it.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|e| self.unreadable(&format!("line {} column {}", e.line(), e.column())))
    }

    /// Whether another page follows, where `shorter` tells that this one has fewer entries than were asked for. What names its
    /// neighbours is believed (RFC 8288; GitLab leaves entries that one may not see out of a page, after it was cut), the length else.
    pub(crate) fn has_next(&self, shorter: bool) -> bool {
        self.next.unwrap_or(!shorter)
    }

    pub(crate) fn unreadable(&self, why: &str) -> Error {
        Error::Answer { host: self.host.clone(), what: self.what, why: why.to_owned() }
    }
}

impl Client {
    pub(crate) fn new(forge: Forge, api: &str, token: &Token) -> Result<Self, Error> {
        let address = || Error::Address { api: api.to_owned() };
        let uri: Uri = api.parse().map_err(|_| address())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(address)?.to_owned();
        let plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") if is_loopback(&host) => true,
            _ => return Err(address()),
        };
        if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(address());
        }
        let mut headers = HeaderMap::new();
        let agent = concat!("crossrole/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (name, value) = match forge {
            Forge::GitHub => {
                headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
                headers.insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
                (AUTHORIZATION, format!("Bearer {}", token.0))
            }
            Forge::GitLab => {
                headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
                (HeaderName::from_static("private-token"), token.0.clone())
            }
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        let way = way(&uri, plain)?;
        Ok(Self { way, api: api.trim_end_matches('/').to_owned(), host, headers, token: token.clone() })
    }

    /// Asks for a path below the API's address. `what`: as in "the list of comments".
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>, what: &'static str) -> Result<Answer, Error> {
        self.send_to(method, &format!("{}{path}", self.api), body, what).await
    }

    /// The address of GitHub's GraphQL beside its REST API: on a server of one's own, beside its version (GitHub Enterprise Server
    /// documentation, "Forming calls with GraphQL").
    pub(crate) fn graphql(&self) -> String {
        self.api.strip_suffix("/v3").map_or_else(|| format!("{}/graphql", self.api), |before| format!("{before}/graphql"))
    }

    pub(crate) async fn send_to(&self, method: Method, url: &str, body: Option<&Value>, what: &'static str) -> Result<Answer, Error> {
        let mut waited = Duration::ZERO;
        for attempt in 1.. {
            let wait = match self.once(&method, url, body, what).await? {
                Once::Done(answer) => return Ok(answer),
                Once::Wait { wait, otherwise } if attempt < ATTEMPTS => match wait {
                    Some(wait) if waited + wait > WAIT_MOST => return Err(self.limited(what, wait)),
                    Some(wait) => wait,
                    None => return Err(otherwise),
                },
                Once::Wait { wait: Some(wait), otherwise: Error::Refused { .. } } if wait >= LIMITED => return Err(self.limited(what, wait)),
                Once::Wait { otherwise, .. } => return Err(otherwise),
            };
            waited += wait;
            tokio::time::sleep(wait).await;
        }
        Err(self.limited(what, WAIT_MOST))
    }

    fn limited(&self, what: &'static str, wait: Duration) -> Error {
        Error::Limited { host: self.host.clone(), what, seconds: wait.as_secs() }
    }

    async fn once(&self, method: &Method, url: &str, body: Option<&Value>, what: &'static str) -> Result<Once, Error> {
        let unreachable = |why: String| Error::Unreachable { host: self.host.clone(), why };
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::new(Full::new(Bytes::from(bytes)));
        *request.method_mut() = method.clone();
        *request.uri_mut() = url.parse().map_err(|_| Error::Address { api: url.to_owned() })?;
        *request.headers_mut() = self.headers.clone();
        let answered = async {
            let response = match &self.way {
                Way::Straight(client) => client.request(request).await,
                Way::Proxy(client) => client.request(request).await,
            };
            let (parts, body) = response.map_err(|e| (e.is_connect(), chain(&e)))?.into_parts();
            let body = Limited::new(body, ANSWER_MOST).collect().await.map_err(|e| (false, chain(e.as_ref())))?.to_bytes();
            Ok((parts, body))
        };
        let (parts, body) = match tokio::time::timeout(TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer,
            // What was not sent, or may be sent twice, is sent again; a comment that may have been written is not written again.
            Ok(Err((unsent, why))) if unsent || *method != Method::POST => return Ok(Once::Wait { wait: Some(BRIEFLY), otherwise: unreachable(why) }),
            Ok(Err((_, why))) => return Err(unreachable(why)),
            Err(_) => return Err(unreachable(format!("no answer within {} seconds", TIMEOUT.as_secs()))),
        };
        let host = self.host.clone();
        if parts.status.is_success() {
            return Ok(Once::Done(Answer { body, next: next(&parts.headers), host, what }));
        }
        if parts.status.is_redirection() {
            return Err(Error::Redirect { host, what, status: parts.status.as_u16() });
        }
        let otherwise = Error::Refused { host, what, status: parts.status.as_u16(), said: self.said(&body) };
        Ok(Once::Wait { wait: wait(method, parts.status, &parts.headers, now()), otherwise })
    }

    /// What an answer says in its own words: `message` of GitHub, `message` or `error` of GitLab, without the token.
    fn said(&self, body: &[u8]) -> String {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = ["message", "error"].iter().find_map(|key| value.get(*key)).map(|said| said.as_str().map_or_else(|| said.to_string(), str::to_owned));
        let text = text.unwrap_or_else(|| "it does not say why".to_owned());
        let text = if self.token.0.is_empty() { text } else { text.replace(&self.token.0, "****") };
        text.chars().take(SAID_MOST).collect()
    }
}

/// One try.
enum Once {
    Done(Answer),
    /// It may be tried again after a while, where that is said; what it comes to otherwise.
    Wait {
        wait: Option<Duration>,
        otherwise: Error,
    },
}

/// How long is waited after a fault that passes.
const BRIEFLY: Duration = Duration::from_millis(250);

/// How long to wait before a request is made again; `None`: never.
fn wait(method: &Method, status: StatusCode, headers: &HeaderMap, now: u64) -> Option<Duration> {
    let number = |name: &HeaderName| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let remaining = number(&HeaderName::from_static("x-ratelimit-remaining"));
    match status {
        // GitHub refuses with 403 as well where it is asked too often.
        StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN => {
            let reset = || number(&HeaderName::from_static("x-ratelimit-reset")).filter(|_| remaining == Some(0)).map(|at| at.saturating_sub(now));
            let told = number(&RETRY_AFTER).or_else(reset).map(Duration::from_secs);
            told.or((status == StatusCode::TOO_MANY_REQUESTS).then_some(LIMITED))
        }
        // What may have been written is not written again: the next run finds it.
        status if status.is_server_error() && *method != Method::POST => Some(number(&RETRY_AFTER).map_or(BRIEFLY, Duration::from_secs)),
        _ => None,
    }
}

/// Whether a `Link` header names a next page (RFC 8288, section 3); `None` without one.
fn next(headers: &HeaderMap) -> Option<bool> {
    let links: Vec<&str> = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).collect();
    let is_next = |parameter: &str| parameter.trim().strip_prefix("rel=").is_some_and(|rel| rel.trim_matches('"').split(' ').any(|rel| rel == "next"));
    (!links.is_empty()).then(|| links.iter().flat_map(|link| link.split([';', ','])).any(is_next))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Only what can't leave this machine (RFC 6761, section 6.3; RFC 5735, section 3; RFC 4291, section 2.5.3).
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn way(uri: &Uri, plain: bool) -> Result<Way, Error> {
    let mut straight = HttpConnector::new();
    straight.enforce_http(false);
    let builder = legacy::Client::builder(TokioExecutor::new());
    if plain {
        // Nothing is encrypted here, so that nobody has to be trusted.
        let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        let config = config.with_safe_default_protocol_versions().map_err(|e| Error::Trust { why: e.to_string() })?;
        let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        return Ok(Way::Straight(builder.build(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(straight))));
    }
    let trusting = HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider());
    let secure = trusting.map_err(|e| Error::Trust { why: e.to_string() })?.https_only().enable_http1();
    Ok(match Matcher::from_env().intercept(uri) {
        Some(proxy) => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), straight);
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            Way::Proxy(builder.build(secure.wrap_connector(tunnel)))
        }
        None => Way::Straight(builder.build(secure.wrap_connector(straight))),
    })
}

/// An error with what it comes from.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..8 {
        let Some(cause) = next else { break };
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, status, headers, and the milliseconds that are waited.
    type Case<'c> = (&'c Method, u16, &'c [(&'c str, &'c str)], Option<u64>);

    #[test]
    fn what_is_asked_again_and_when() {
        let [get, post] = [Method::GET, Method::POST];
        let cases: &[Case<'_>] = &[
            (&post, 429, &[("retry-after", "7")], Some(7_000)),
            (&post, 429, &[], Some(60_000)),
            (&post, 429, &[("retry-after", "soon")], Some(60_000)),
            (&post, 403, &[], None),
            (&post, 403, &[("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "1090")], None),
            (&post, 403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1090")], Some(90_000)),
            (&post, 403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")], Some(0)),
            (&post, 403, &[("retry-after", "3"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1090")], Some(3_000)),
            (&post, 502, &[("retry-after", "1")], None),
            (&get, 502, &[], Some(250)),
            (&get, 503, &[("retry-after", "9")], Some(9_000)),
            (&get, 404, &[("retry-after", "1")], None),
            (&get, 422, &[], None),
        ];
        for (method, status, given, expected) in cases {
            let headers: HeaderMap = given.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())).collect();
            let wait = wait(method, StatusCode::from_u16(*status).unwrap(), &headers, 1_000);
            assert_eq!(wait, expected.map(Duration::from_millis), "{method} {status} {given:?}");
        }
    }

    #[test]
    fn whether_a_page_follows_is_said_by_the_answer() {
        let cases: &[(&[&str], Option<bool>)] = &[
            (&[], None),
            (&[r#"<https://x/notes?page=2>; rel="next", <https://x/notes?page=9>; rel="last""#], Some(true)),
            (&[r#"<https://x/notes?page=1>; rel="prev""#, "<https://x/notes?page=3>; rel=next"], Some(true)),
            (&[r#"<https://x/notes?page=1>; rel="first", <https://x/notes?rel="next">; rel="last""#], Some(false)),
        ];
        for (given, expected) in cases {
            let headers: HeaderMap = given.iter().map(|value| (LINK, value.parse::<HeaderValue>().unwrap())).collect();
            assert_eq!(next(&headers), *expected, "{given:?}");
        }
    }

    #[test]
    fn a_token_goes_by_https_or_stays_on_the_machine() {
        let client = |api: &str| Client::new(Forge::GitHub, api, &Token::new("t")).map(|client| client.graphql());
        for api in [
            "http://api.github.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
            "api.github.com",
            "",
            "https://",
            "/api",
            "https://user@api.github.com",
            "https://api.github.com?x=y",
        ] {
            assert_eq!(client(api), Err(Error::Address { api: api.to_owned() }), "{api}");
        }
        assert_eq!(client("http://127.0.0.1:80/api/v3").unwrap(), "http://127.0.0.1:80/api/graphql");
        assert_eq!(client("http://[::1]:80/").unwrap(), "http://[::1]:80/graphql");
        assert!(matches!(Client::new(Forge::GitHub, "http://localhost", &Token::new("a\nb")), Err(Error::Token)));
    }
}
