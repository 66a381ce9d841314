//! Comments on pull and merge requests: the one way from here to GitHub and GitLab.
//!
//! A comment is known by two things at once: its first line, a marker that nobody sees, and its author, who has to be the owner of the
//! token. Somebody else's comment that holds the marker is left alone. It is edited in place, or written anew with those before it
//! hidden (GitHub) or deleted (GitLab, which can't hide one).
//!
//! The token is sent to the address of the API and nowhere else: redirects are not followed, and what is not loopback is asked by HTTPS.

mod error;
mod github;
mod gitlab;
mod send;

pub use error::Error;

use send::Client;

/// Most characters of a comment on GitHub ("body is too long (maximum is 65536 characters)").
pub const GITHUB_MOST: usize = 65_536;

/// Most characters of a note on GitLab (GitLab documentation, "GitLab application limits": 1,000,000).
pub const GITLAB_MOST: usize = 1_000_000;

/// A comment of HTML, which pages do not show (`report::marker` makes it): letters, digits and blanks stand between these.
const MARKER_BEGINS: &str = "<!-- crossrole ";
const MARKER_ENDS: &str = " -->";

/// Most pages of comments that are looked through. A request with more has been flooded; its first comments are looked at.
pub(crate) const PAGES_MOST: usize = 100;

/// Who keeps the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub, or GitHub Enterprise Server.
    GitHub,
    /// GitLab, or one of one's own.
    GitLab,
}

/// A credential. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(****)")
    }
}

/// Where a comment belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who keeps it.
    pub forge: Forge,
    /// The API's address, as in `https://api.github.com` or `https://gitlab.com/api/v4`.
    pub api: String,
    /// `owner/name` on GitHub; id or path of the project on GitLab.
    pub repository: String,
    /// Of the pull request, or the merge request within its project.
    pub number: u64,
}

/// What becomes of one's earlier comments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// The newest is edited; earlier ones are hidden (GitHub) or deleted (GitLab).
    #[default]
    InPlace,
    /// A new one is written, and all earlier ones are hidden (GitHub) or deleted (GitLab).
    Anew,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its address on the web, where the API says it.
    pub url: Option<String>,
    /// It was there before, and was edited.
    pub updated: bool,
    /// So many earlier ones were hidden or deleted.
    pub retired: usize,
}

/// One's own comment, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    /// Its number.
    id: u64,
    /// What GraphQL calls it.
    node: String,
}

/// Writes a comment whose first line is its marker, or edits it.
///
/// # Errors
/// Nothing was written, or, where it is said, only those before it could not be hidden.
pub async fn comment(place: &Place, token: &Token, body: &str, manner: Manner) -> Result<Done, Error> {
    let marker = marker(body).ok_or(Error::NoMarker)?;
    let most = match place.forge {
        Forge::GitHub => GITHUB_MOST,
        Forge::GitLab => GITLAB_MOST,
    };
    let length = body.chars().count();
    if length > most {
        return Err(Error::TooLong { length, most });
    }
    let client = Client::new(place.forge, &place.api, token)?;
    match place.forge {
        Forge::GitHub => github::comment(&client, place, body, marker, manner).await,
        Forge::GitLab => gitlab::comment(&client, place, body, marker, manner).await,
    }
}

/// The first line of a comment, where that is a marker of ours.
fn marker(body: &str) -> Option<&str> {
    let line = body.lines().next()?;
    let inner = line.strip_prefix(MARKER_BEGINS)?.strip_suffix(MARKER_ENDS)?;
    inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ').then_some(line)
}

/// Tells whether a comment begins with this line.
fn has_marker(body: &str, marker: &str) -> bool {
    body.lines().next().is_some_and(|line| line.trim_end() == marker)
}

#[cfg(test)]
mod tests {
    use super::{Token, has_marker, marker};

    #[test]
    fn a_marker_is_a_line_of_its_own_and_nothing_else() {
        let line = "<!-- crossrole plan 0123abcd -->";
        assert_eq!(marker(&format!("{line}\nrest")), Some(line));
        for text in ["", "rest", "x <!-- crossrole plan 1 -->", "<!-- crossrole plan 1 --> x", "<!-- crossrole --> --><b> -->", "<!-- crossrole a\nb -->"] {
            assert_eq!(marker(text), None, "{text}");
        }
        assert!(has_marker(&format!("{line}\r\nrest"), line));
        assert!(!has_marker(&format!("see {line}\n{line}"), line) && !has_marker("", line));
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", Token::new("secret")).contains("secret"));
    }
}
