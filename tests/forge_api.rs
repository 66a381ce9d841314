//! A stand-in for the comment APIs of GitHub and GitLab on loopback: it holds every request to the published description
//! (`tests/forge/`), and its own answers too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::root;

/// What the stand-in takes for its token, and nobody may see.
pub(crate) const TOKEN: &str = "ghs_16C7e42F292c6912E7710c838347Ae178B4a";

/// Whose token it is.
pub(crate) const ME: u64 = 41_898_282;

/// One comment, or note.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: u64,
    pub(crate) body: String,
    pub(crate) hidden: bool,
}

/// An answer that is given in place of the usual one.
#[derive(Debug, Clone)]
pub(crate) struct Canned {
    /// The operation that it is for.
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) comments: Vec<Comment>,
    /// Notes that the owner of the token may not see.
    pub(crate) unseen: BTreeSet<u64>,
    /// `operationId` of each request.
    pub(crate) asked: Vec<String>,
    /// What a request was not as it is documented.
    pub(crate) wrong: Vec<String>,
    pub(crate) canned: VecDeque<Canned>,
}

pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<State>>,
}

impl Api {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let read = |name: &str| serde_json::from_str(&std::fs::read_to_string(root().join(format!("tests/forge/{name}.json"))).unwrap()).unwrap();
        let described = Described { github: read("github"), gitlab: read("gitlab") };
        // It ends with the tests' process: it holds a port, and nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                serve(stream, &described, &shared);
            }
        });
        Self { address, state }
    }

    pub(crate) fn github(&self) -> String {
        format!("{}/github/api/v3", self.address)
    }

    pub(crate) fn gitlab(&self) -> String {
        format!("{}/gitlab/api/v4", self.address)
    }

    pub(crate) fn has(&self, id: u64, author: u64, body: &str) {
        self.state.lock().unwrap().comments.push(Comment { id, author, body: body.to_owned(), hidden: false });
    }

    pub(crate) fn answers(&self, canned: Canned) {
        self.state.lock().unwrap().canned.push_back(canned);
    }

    pub(crate) fn comments(&self) -> Vec<Comment> {
        self.state.lock().unwrap().comments.clone()
    }

    /// What was asked since the last time; every request was as it is documented.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut state = self.state.lock().unwrap();
        assert!(state.wrong.is_empty(), "{:#?}", state.wrong);
        std::mem::take(&mut state.asked)
    }
}

struct Described {
    github: Value,
    gitlab: Value,
}

struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: String,
}

fn serve(mut stream: TcpStream, described: &Described, state: &Mutex<State>) {
    let Some(asked) = read(&mut stream) else { return };
    let (status, headers, body) = answer(&asked, described, &mut state.lock().unwrap());
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut part = [0; 8_192];
    let end = loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Some(Asked { method, path: path.to_owned(), query, headers, body: String::from_utf8(bytes[end..].to_vec()).ok()? })
}

type Answered = (u16, Vec<(&'static str, String)>, String);

fn answer(asked: &Asked, described: &Described, state: &mut State) -> Answered {
    let (is_github, path) = match (asked.path.strip_prefix("/github"), asked.path.strip_prefix("/gitlab/api/v4")) {
        (Some(path), _) => (true, path),
        (_, Some(path)) => (false, path),
        _ => {
            state.wrong.push(format!("no such place: {}", asked.path));
            return (404, Vec::new(), json!({ "message": "Not Found" }).to_string());
        }
    };
    let mut wrong = headers(asked, is_github);
    let (operation, parameters, responses) = if path == "/api/graphql" && is_github {
        (graphql_operation(asked, &mut wrong), BTreeMap::new(), Value::Null)
    } else {
        let path = if is_github { path.strip_prefix("/api/v3").unwrap_or("") } else { path };
        let description = if is_github { &described.github } else { &described.gitlab };
        match operation(description, asked, path, &mut wrong) {
            Some((operation, parameters)) => (operation["operationId"].as_str().unwrap().to_owned(), parameters, operation["responses"].clone()),
            None => (String::new(), BTreeMap::new(), Value::Null),
        }
    };
    state.asked.push(operation.clone());
    state.wrong.append(&mut wrong);
    if let Some(at) = state.canned.iter().position(|canned| canned.operation == operation) {
        let canned = state.canned.remove(at).unwrap();
        return (canned.status, canned.headers, canned.body);
    }
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let (status, value) = usual(&operation, &parameters, &asked.query, &body, state);
    if let Some(schema) = responses.get(status.to_string()).filter(|_| status < 300) {
        // An answer that is not as it is documented would prove nothing.
        conforms(schema, &value).unwrap_or_else(|why| panic!("the stand-in itself: {operation}: {why}"));
    }
    let headers = if operation.starts_with("issues/list") || operation == "list-notes" { links(asked, state.comments.len()) } else { Vec::new() };
    (status, headers, if value.is_null() { String::new() } else { value.to_string() })
}

/// Which pages there are beside this one, as both say it. GitLab's pages are cut before what one may not see is left out of them
/// (`lib/api/notes.rb`).
fn links(asked: &Asked, count: usize) -> Vec<(&'static str, String)> {
    let number = |name: &str| asked.query.iter().find(|(k, _)| k == name).and_then(|(_, v)| v.parse::<usize>().ok()).unwrap_or(1);
    let (page, size) = (number("page"), number("per_page"));
    let link = |page: usize, rel: &str| format!("<http://127.0.0.1{}?page={page}&per_page={size}>; rel=\"{rel}\"", asked.path);
    let mut links = vec![link(1, "first")];
    if page * size < count {
        links.push(link(page + 1, "next"));
    }
    vec![("link", links.join(", "))]
}

/// GitHub documentation, "Getting started with the REST API": a user agent is required, `Accept` and the version are recommended.
fn headers(asked: &Asked, is_github: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |name: &str, is: &dyn Fn(&str) -> bool| {
        if !asked.headers.get(name).is_some_and(|value| is(value)) {
            wrong.push(format!("header {name} of {} {}: {:?}", asked.method, asked.path, asked.headers.get(name)));
        }
    };
    must("user-agent", &|value| value.starts_with("crossrole/"));
    if is_github {
        must("authorization", &|value| value == format!("Bearer {TOKEN}"));
        must("accept", &|value| value == "application/vnd.github+json");
        must("x-github-api-version", &|value| value == "2022-11-28");
    } else {
        must("private-token", &|value| value == TOKEN);
    }
    if !asked.body.is_empty() {
        must("content-type", &|value| value == "application/json");
    }
    wrong
}

/// The two operations that there are no others for (`@octokit/graphql-schema` 15.26: `Query.viewer`, `User.login` and `databaseId`;
/// `Mutation.minimizeComment`, `MinimizeCommentInput.subjectId` and `classifier`, which may be `OUTDATED`).
fn graphql_operation(asked: &Asked, wrong: &mut Vec<String>) -> String {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let query = body["query"].as_str().unwrap_or_default();
    match query {
        "query { viewer { login databaseId } }" => "viewer".to_owned(),
        "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }" if body["variables"]["id"].is_string() => {
            "minimizeComment".to_owned()
        }
        _ => {
            wrong.push(format!("no such query: {}", asked.body));
            String::new()
        }
    }
}

/// The operation of a path, with its parameters; what is not as described is kept.
fn operation<'d>(description: &'d Value, asked: &Asked, path: &str, wrong: &mut Vec<String>) -> Option<(&'d Value, BTreeMap<String, String>)> {
    let method = asked.method.to_ascii_lowercase();
    for (template, operations) in description["paths"].as_object().unwrap() {
        let (given, wanted): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
        let fits = given.len() == wanted.len() && given.iter().zip(&wanted).all(|(given, wanted)| wanted.starts_with('{') || given == wanted);
        let Some(operation) = operations.get(&method).filter(|_| fits) else { continue };
        let names = wanted.iter().zip(&given).filter(|(name, _)| name.starts_with('{'));
        let parameters: BTreeMap<String, String> = names.map(|(name, value)| (name.trim_matches(['{', '}']).to_owned(), (*value).to_owned())).collect();
        let of = |place: &str, name: &str| operation["parameters"].as_array().unwrap().iter().find(|p| p["in"] == place && p["name"] == name).cloned();
        let known = parameters.iter().map(|(name, value)| ("path", name, value)).chain(asked.query.iter().map(|(name, value)| ("query", name, value)));
        for (place, name, value) in known {
            let Some(parameter) = of(place, name) else {
                wrong.push(format!("{place} parameter {name} of {method} {template} is not described"));
                continue;
            };
            let typed = if parameter["schema"]["type"] == "integer" { value.parse::<u64>().map_or(json!(value), |n| json!(n)) } else { json!(value) };
            wrong.extend(conforms(&parameter["schema"], &typed).err().map(|why| format!("{name}: {why}")));
        }
        match (operation.get("requestBody"), asked.body.is_empty()) {
            (Some(schema), false) => {
                let body = serde_json::from_str(&asked.body).unwrap_or_default();
                wrong.extend(conforms(schema, &body).err().map(|why| format!("body of {method} {template}: {why}")));
            }
            (None, true) => {}
            (wanted, _) => {
                wrong.push(format!("body of {method} {template}: {} where {}", asked.body, if wanted.is_some() { "one is required" } else { "there is none" }));
            }
        }
        return Some((operation, parameters));
    }
    wrong.push(format!("no such operation: {method} {path}"));
    None
}

/// Holds a value to a schema of OpenAPI 3.0, as far as those of `tests/forge/` go.
fn conforms(schema: &Value, value: &Value) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Err("no schema".to_owned()) };
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    for (keyword, wanted) in schema {
        match keyword.as_str() {
            "type" => {
                let is = match wanted.as_str().unwrap() {
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "boolean" => value.is_boolean(),
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    other => return Err(format!("type {other} is not known here")),
                };
                if !is {
                    return Err(format!("{value} is no {wanted}"));
                }
            }
            "required" => {
                let missing: Vec<&Value> = wanted.as_array().unwrap().iter().filter(|name| value.get(name.as_str().unwrap()).is_none()).collect();
                if !missing.is_empty() {
                    return Err(format!("{missing:?} missing in {value}"));
                }
            }
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    value.get(name).map_or(Ok(()), |value| conforms(schema, value).map_err(|why| format!("{name}: {why}")))?;
                }
            }
            "items" => value.as_array().into_iter().flatten().try_for_each(|item| conforms(wanted, item))?,
            "enum" => {
                if !wanted.as_array().unwrap().contains(value) {
                    return Err(format!("{value} is none of {wanted}"));
                }
            }
            "anyOf" | "oneOf" => {
                if !wanted.as_array().unwrap().iter().any(|one| conforms(one, value).is_ok()) {
                    return Err(format!("{value} is none of those that it may be"));
                }
            }
            "nullable" => {}
            other => return Err(format!("{other} is not known here")),
        }
    }
    Ok(())
}

fn usual(operation: &str, parameters: &BTreeMap<String, String>, query: &[(String, String)], body: &Value, state: &mut State) -> (u16, Value) {
    let number = |name: &str, otherwise: usize| query.iter().find(|(k, _)| k == name).map_or(otherwise, |(_, v)| v.parse().unwrap());
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let text = body["body"].as_str().unwrap_or_default().to_owned();
    let of = |name: &str| parameters.get(name).map_or(0, |id| id.parse::<u64>().unwrap());
    let next = state.comments.iter().map(|comment| comment.id).max().unwrap_or(0) + 1;
    let add = |state: &mut State| {
        state.comments.push(Comment { id: next, author: ME, body: text.clone(), hidden: false });
        state.comments.last().cloned().unwrap()
    };
    let edit = |state: &mut State, id: u64| {
        let comment = state.comments.iter_mut().find(|comment| comment.id == id)?;
        assert_eq!(comment.author, ME, "somebody else's");
        comment.body.clone_from(&text);
        Some(comment.clone())
    };
    let missing = (404, json!({ "message": "Not Found" }));
    match operation {
        "viewer" => (200, json!({ "data": { "viewer": { "login": "github-actions[bot]", "databaseId": ME } } })),
        "minimizeComment" => {
            let node = body["variables"]["id"].as_str().unwrap();
            let found = state.comments.iter_mut().find(|comment| format!("IC_{}", comment.id) == node);
            found.unwrap().hidden = true;
            (200, json!({ "data": { "minimizeComment": { "clientMutationId": null } } }))
        }
        "issues/list-comments" => (200, state.comments.iter().skip((page - 1) * size).take(size).map(github).collect()),
        "issues/create-comment" => (201, github(&add(state))),
        "issues/update-comment" => edit(state, of("comment_id")).map_or(missing, |comment| (200, github(&comment))),
        "current-user" => (200, json!({ "id": ME, "username": "bot", "name": "bot", "state": "active" })),
        "list-notes" => (200, state.comments.iter().skip((page - 1) * size).take(size).filter(|note| !state.unseen.contains(&note.id)).map(gitlab).collect()),
        "create-note" => (201, gitlab(&add(state))),
        "modify-note" => edit(state, of("note_id")).map_or(missing, |comment| (200, gitlab(&comment))),
        "delete-note" => {
            assert!(state.comments.iter().any(|comment| comment.id == of("note_id") && comment.author == ME), "somebody else's");
            state.comments.retain(|comment| comment.id != of("note_id"));
            (204, Value::Null)
        }
        _ => missing,
    }
}

fn github(comment: &Comment) -> Value {
    let Comment { id, author, body, .. } = comment;
    let url = |path: &str| format!("https://api.github.com/users/u{author}{path}");
    let urls = ["followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events"];
    let mut user = json!({
        "login": format!("u{author}"), "id": author, "node_id": "MDQ6", "avatar_url": url(""), "gravatar_id": "", "url": url(""), "html_url": url(""),
        "type": "Bot", "site_admin": false,
    });
    for name in urls {
        user[format!("{name}_url")] = json!(url(&format!("/{name}")));
    }
    json!({
        "id": id, "node_id": format!("IC_{id}"), "url": "https://api.github.com/x", "html_url": format!("https://github.com/owner/repo/pull/7#issuecomment-{id}"),
        "issue_url": "https://api.github.com/x", "body": body, "user": user, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "author_association": "NONE",
    })
}

fn gitlab(comment: &Comment) -> Value {
    let Comment { id, author, body, .. } = comment;
    json!({
        "id": id, "body": body, "author": { "id": author, "username": format!("u{author}"), "name": "n", "state": "active" }, "system": false,
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z", "noteable_id": 1, "noteable_type": "MergeRequest",
        "noteable_iid": 7, "resolvable": false, "confidential": false, "internal": false,
    })
}
