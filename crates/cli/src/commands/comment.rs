//! `crossrole comment`: the only command that speaks to GitHub or GitLab.

use crossrole_forge::{Error, Forge, Manner};
use crossrole_report::{Line, Tone, safe};

use crate::args::CommentArgs;
use crate::failure::{Exit, Failure};
use crate::files::Wanted;
use crate::io::Io;
use crate::place;
use crate::request::{self, Request};

/// What is written.
const COMMENT: Wanted = Wanted {
    what: "comment",
    // Four bytes a letter, at most.
    most: 4 * crossrole_forge::GITLAB_MOST,
    advice: "write it with `crossrole plan --report markdown=FILE`",
    smaller: "write it with `crossrole plan --report markdown=FILE`, which keeps to what a comment holds",
};

pub(crate) async fn run(args: &CommentArgs, io: &mut Io) -> Result<Exit, Failure> {
    let body = place::read(&args.file, &COMMENT)?;
    let Request { place, token } = request::find(args, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))?;
    let manner = if args.new { Manner::Anew } else { Manner::InPlace };
    let done = crossrole_forge::comment(&place, &token, &body, manner).await;
    let done = done.map_err(|error| Failure::new(said(args, &error), advice(&error, place.forge)))?;
    let what = if done.updated { "updated" } else { "written" };
    let which = done.url.as_deref().map_or_else(|| format!("{} of {}", place.number, safe(&place.repository)), safe);
    let retired = match (done.retired, place.forge) {
        (0, _) => String::new(),
        (n, Forge::GitHub) => format!(", and {n} earlier hidden"),
        (n, Forge::GitLab) => format!(", and {n} earlier deleted"),
    };
    io.out_lines(&[Line::new(Tone::Added, 0, format!("comment {what}: ")).then([which, retired])]);
    Ok(Exit::Clean)
}

fn said(args: &CommentArgs, error: &Error) -> String {
    match error {
        Error::NoMarker | Error::TooLong { .. } => format!("`{}` can't be a comment: {error}", args.file.display()),
        error => error.to_string(),
    }
}

/// What to do.
fn advice(error: &Error, forge: Forge) -> &'static str {
    match (error, forge) {
        (Error::NoMarker, _) => "write it with `crossrole plan --report markdown=FILE`",
        (Error::TooLong { .. }, _) => "write it with a smaller `--report-limit`",
        (Error::Address { .. }, Forge::GitHub) => "correct `GITHUB_API_URL`",
        (Error::Address { .. }, Forge::GitLab) => "correct `CI_API_V4_URL`",
        (Error::Repository { .. }, Forge::GitHub) => "write `--repository OWNER/NAME`",
        (Error::Repository { .. }, Forge::GitLab) => "write `--repository` with the project's id or path",
        (Error::Token, Forge::GitHub) => "set `GITHUB_TOKEN` to the token alone, without line breaks",
        (Error::Token, Forge::GitLab) => "set `GITLAB_TOKEN` to the token alone, without line breaks",
        (Error::Trust { .. }, _) => "install the system's certificates, or name a file of them in `SSL_CERT_FILE`",
        (Error::Unreachable { .. }, _) => "check the address, the network and `HTTPS_PROXY`, and run it again: a comment that is there is updated",
        (Error::Redirect { .. }, _) => "name the repository and the API's address as they are called now",
        (Error::Limited { .. }, _) => "run it again later",
        (Error::Refused { status: 401, .. }, _) => "the token is not valid any more, or of another host: give a new one",
        (Error::Refused { status: 403 | 404, .. }, Forge::GitHub) => {
            "check the repository and number, and let the token write comments: `permissions: pull-requests: write` in the job"
        }
        (Error::Refused { status: 403 | 404, .. }, Forge::GitLab) => {
            "check the project and number, and give a token of the project with scope `api` and at least the role that may edit its own notes"
        }
        (Error::Refused { status, .. }, _) if *status >= 500 => "run it again: a comment that is there is updated",
        (Error::Refused { .. }, _) => "check the repository and number, and what it says",
        (Error::Answer { .. }, _) => "check that this is the address of the API",
    }
}
