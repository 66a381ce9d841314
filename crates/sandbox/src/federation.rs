//! The federation endpoint of the console: a sign-in token for credentials of a session. There is no console to sign in to.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use crate::auth::unix_now;
use crate::world::World;

/// Hosts of the partitions (IAM User Guide, "Enable custom identity broker access to the AWS console").
const HOSTS: &[&str] = &["signin.aws.amazon.com", "signin.amazonaws.cn", "signin.amazonaws-us-gov.com"];

/// A request for a token.
pub(crate) struct Asked {
    session: String,
    seconds: Option<String>,
}

/// The `Session` parameter.
#[derive(Deserialize)]
struct Given {
    #[serde(rename = "sessionId")]
    id: String,
    #[serde(rename = "sessionKey")]
    key: String,
    #[serde(rename = "sessionToken")]
    token: String,
}

/// Reads a request, where it is one for a token: of one of those hosts, or of a loopback address.
pub(crate) fn asked(request: &Request<Bytes>) -> Option<Asked> {
    let host = request.headers().get("host").and_then(|v| v.to_str().ok()).or_else(|| request.uri().host()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let here = HOSTS.contains(&host) || ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    if !here || request.method() != Method::GET || request.uri().path() != "/federation" {
        return None;
    }
    let query = request.uri().query().unwrap_or_default();
    let find = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    (find("Action").as_deref() == Some("getSigninToken")).then(|| Asked { session: find("Session").unwrap_or_default(), seconds: find("SessionDuration") })
}

/// A token for a live session of a role; 400 for anything else, as AWS answers, which says no more.
pub(crate) fn answer(world: &mut World, asked: &Asked) -> Response<Bytes> {
    let token = token(world, asked);
    let body = token.as_ref().map_or_else(|| "{}".to_owned(), |token| serde_json::json!({ "SigninToken": token }).to_string());
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = if token.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    response
}

fn token(world: &mut World, asked: &Asked) -> Option<String> {
    let given: Given = serde_json::from_str(&asked.session).ok()?;
    let session = world.sessions.get(&given.id)?;
    let good = session.secret == given.key && session.token == given.token && session.expires > unix_now();
    // A user's own session has no console of its own.
    let of_role = session.resource.starts_with("assumed-role/");
    let lasting = asked.seconds.as_ref().is_none_or(|seconds| seconds.parse().is_ok_and(|seconds: u32| (900..=43_200).contains(&seconds)));
    (good && of_role && lasting).then(|| world.fresh(120))
}
