//! GitLab: notes of merge requests (GitLab documentation, "Notes API"). Nothing hides a note there, so that earlier ones are deleted.
//!
//! A job's own token (`CI_JOB_TOKEN`) may not use this part of the API (GitLab documentation, "CI/CD job token").

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::send::Client;
use crate::{Done, Error, Manner, Own, PAGES_MOST, Place, has_marker};

/// Notes of a page: each may have a million letters.
const PAGE: usize = 20;

#[derive(Debug, Deserialize)]
struct Note {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    author: Option<User>,
    /// GitLab's own, as of a push.
    #[serde(default)]
    system: bool,
}

#[derive(Debug, Deserialize)]
struct User {
    id: u64,
}

pub(crate) async fn comment(client: &Client, place: &Place, body: &str, marker: &str, manner: Manner) -> Result<Done, Error> {
    if place.repository.is_empty() {
        return Err(Error::Repository { repository: String::new() });
    }
    let project = utf8_percent_encode(&place.repository, NON_ALPHANUMERIC);
    let notes = format!("/projects/{project}/merge_requests/{}/notes", place.number);
    let me: User = client.send(Method::GET, "/user", None, "whose token it is").await?.read()?;
    let mut own = own(client, &notes, &me, marker).await?;
    let newest = if manner == Manner::InPlace { own.pop() } else { None };
    let text = json!({ "body": body });
    match &newest {
        Some(newest) => client.send(Method::PUT, &format!("{notes}/{}", newest.id), Some(&text), "an edit of a note").await?.read::<Note>()?,
        None => client.send(Method::POST, &notes, Some(&text), "a new note").await?.read()?,
    };
    let retired = own.len();
    for old in own {
        client.send(Method::DELETE, &format!("{notes}/{}", old.id), None, "the deletion of an earlier note").await?;
    }
    Ok(Done { url: None, updated: newest.is_some(), retired })
}

/// Our own notes with this marker, oldest first.
async fn own(client: &Client, path: &str, me: &User, marker: &str) -> Result<Vec<Own>, Error> {
    let mut own = Vec::new();
    for page in 1..=PAGES_MOST {
        let query = format!("{path}?sort=asc&order_by=created_at&per_page={PAGE}&page={page}");
        let answer = client.send(Method::GET, &query, None, "the list of notes").await?;
        let notes: Vec<Note> = answer.read()?;
        let ours = |note: &Note| !note.system && note.author.as_ref().is_some_and(|author| author.id == me.id);
        let marked = |note: &Note| note.body.as_deref().is_some_and(|body| has_marker(body, marker));
        own.extend(notes.iter().filter(|note| ours(note) && marked(note)).map(|note| Own { id: note.id, node: String::new() }));
        if !answer.has_next(notes.len() < PAGE) {
            break;
        }
    }
    Ok(own)
}
