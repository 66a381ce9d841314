//! GitHub: comments by its REST API ("Issue comments"), who we are and what is hidden by GraphQL, which alone can tell the owner of a
//! job's token.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::send::Client;
use crate::{Done, Error, Manner, Own, PAGES_MOST, Place, has_marker};

/// Comments of a page: the longest that there may be are some megabytes.
const PAGE: usize = 50;

/// Most earlier comments that are hidden in a run: what is older was hidden by the runs before, which the list does not tell.
const HIDDEN_MOST: usize = 10;

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    node_id: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    /// Of an account that is gone there is none.
    #[serde(default)]
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: u64,
    login: String,
}

/// The owner of the token.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Viewer {
    login: String,
    #[serde(default)]
    database_id: Option<u64>,
}

impl Viewer {
    fn wrote(&self, comment: &Comment) -> bool {
        comment.user.as_ref().is_some_and(|user| self.database_id.map_or_else(|| user.login == self.login, |id| user.id == id))
    }
}

pub(crate) async fn comment(client: &Client, place: &Place, body: &str, marker: &str, manner: Manner) -> Result<Done, Error> {
    let comments = format!("/repos/{}/issues", repository(&place.repository)?);
    let viewer = viewer(client).await?;
    let mut own = own(client, &format!("{comments}/{}/comments", place.number), &viewer, marker).await?;
    let newest = if manner == Manner::InPlace { own.pop() } else { None };
    let text = json!({ "body": body });
    let written: Comment = match &newest {
        Some(newest) => client.send(Method::PATCH, &format!("{comments}/comments/{}", newest.id), Some(&text), "an edit of a comment").await?.read()?,
        None => client.send(Method::POST, &format!("{comments}/{}/comments", place.number), Some(&text), "a new comment").await?.read()?,
    };
    let retired = own.len().min(HIDDEN_MOST);
    for old in own.into_iter().rev().take(HIDDEN_MOST) {
        hide(client, &old).await?;
    }
    Ok(Done { url: written.html_url, updated: newest.is_some(), retired })
}

/// `owner/name`, and nothing that could lead elsewhere.
fn repository(text: &str) -> Result<&str, Error> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    match text.split_once('/') {
        Some((owner, name)) if plain(owner) && plain(name) => Ok(text),
        _ => Err(Error::Repository { repository: text.to_owned() }),
    }
}

/// Our own comments with this marker that are not hidden, oldest first.
async fn own(client: &Client, path: &str, viewer: &Viewer, marker: &str) -> Result<Vec<Own>, Error> {
    let mut own = Vec::new();
    for page in 1..=PAGES_MOST {
        let answer = client.send(Method::GET, &format!("{path}?per_page={PAGE}&page={page}"), None, "the list of comments").await?;
        let comments: Vec<Comment> = answer.read()?;
        let last = !answer.has_next(comments.len() < PAGE);
        let ours = comments.into_iter().filter(|comment| viewer.wrote(comment) && comment.body.as_deref().is_some_and(|body| has_marker(body, marker)));
        own.extend(ours.map(|comment| Own { id: comment.id, node: comment.node_id }));
        if last {
            break;
        }
    }
    Ok(own)
}

async fn viewer(client: &Client) -> Result<Viewer, Error> {
    graphql(client, "query { viewer { login databaseId } }", &json!({}), "viewer", "whose token it is").await
}

/// What is hidden already is hidden once more, which changes nothing.
async fn hide(client: &Client, comment: &Own) -> Result<(), Error> {
    let query = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }";
    graphql::<Value>(client, query, &json!({ "id": comment.node }), "minimizeComment", "the hiding of an earlier comment").await.map(|_| ())
}

/// One field of an answer. Errors come with status 200.
async fn graphql<T: serde::de::DeserializeOwned>(client: &Client, query: &str, variables: &Value, field: &str, what: &'static str) -> Result<T, Error> {
    let request = json!({ "query": query, "variables": variables });
    let answer = client.send_to(Method::POST, &client.graphql(), Some(&request), what).await?;
    let mut value: Value = answer.read()?;
    if let Some(error) = value.pointer("/errors/0/message") {
        return Err(answer.unreadable(&error.as_str().unwrap_or("an error without words").chars().take(300).collect::<String>()));
    }
    let found = value.get_mut("data").and_then(|data| data.get_mut(field)).map(Value::take).ok_or_else(|| answer.unreadable("its field is missing"))?;
    serde_json::from_value(found).map_err(|_| answer.unreadable("its field is of another shape"))
}
