//! Which pull or merge request a job is of, and with which token it is spoken to: what pipelines set in the environment.

use std::path::Path;

use crossrole_forge::{Forge, Place, Token};
use serde_json::Value;

use crate::args::{CommentArgs, ForgeArg};
use crate::failure::Failure;
use crate::files::{self, Wanted};

/// What GitHub says of the event that a job is for.
const EVENT: Wanted = Wanted {
    what: "event",
    // GitHub documentation, "Webhook events and payloads": payloads are capped at 25 MB.
    most: 25 << 20,
    advice: "give `--pull-request NUMBER`",
    smaller: "give `--pull-request NUMBER`",
};

/// Where a comment belongs, and who writes it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) place: Place,
    pub(crate) token: Token,
}

/// Finds it, by what was typed and what the environment says.
pub(crate) fn find(args: &CommentArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Request, Failure> {
    let is = |name: &str| env(name).is_some_and(|value| value == "true");
    let forge = match args.forge {
        Some(ForgeArg::Github) => Forge::GitHub,
        Some(ForgeArg::Gitlab) => Forge::GitLab,
        None if is("GITHUB_ACTIONS") || env("GITHUB_REPOSITORY").is_some() => Forge::GitHub,
        None if is("GITLAB_CI") || env("CI_PROJECT_ID").is_some() => Forge::GitLab,
        None => {
            return Err(Failure::new(
                "nothing says whose pull request this is",
                "give `--forge github` or `--forge gitlab`, with `--repository` and `--pull-request`",
            ));
        }
    };
    match forge {
        Forge::GitHub => github(args, env),
        Forge::GitLab => gitlab(args, env),
    }
}

fn github(args: &CommentArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Request, Failure> {
    let repository = args.repository.clone().or_else(|| env("GITHUB_REPOSITORY"));
    let repository = repository.ok_or_else(|| Failure::new("nothing says which repository", "give `--repository OWNER/NAME`"))?;
    let number = match args.pull_request {
        Some(number) => number,
        None => {
            pull_request(env)?.ok_or_else(|| Failure::new("this job is of no pull request", "run it for `pull_request`, or give `--pull-request NUMBER`"))?
        }
    };
    let token = env("GITHUB_TOKEN").or_else(|| env("GH_TOKEN"));
    let token = token.ok_or_else(|| Failure::new("there is no token for GitHub", "set `GITHUB_TOKEN: ${{ github.token }}` in the step's `env`"))?;
    let api = env("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
    Ok(Request { place: Place { forge: Forge::GitHub, api, repository, number }, token: Token::new(token) })
}

/// The event's pull request, or else that of the reference (`refs/pull/7/merge`).
fn pull_request(env: &dyn Fn(&str) -> Option<String>) -> Result<Option<u64>, Failure> {
    if let Some(path) = env("GITHUB_EVENT_PATH") {
        let event: Value =
            serde_json::from_str(&files::read(Path::new(&path), &EVENT)?).map_err(|e| Failure::new(format!("event `{path}` is no JSON: {e}"), EVENT.advice))?;
        // A comment's event has an issue, which may be a pull request.
        let of_comment = event.pointer("/issue/pull_request").and_then(|_| event.pointer("/issue/number"));
        if let Some(number) = event.pointer("/pull_request/number").or(of_comment).and_then(Value::as_u64) {
            return Ok(Some(number));
        }
    }
    let reference = env("GITHUB_REF").unwrap_or_default();
    let number = reference.strip_prefix("refs/pull/").and_then(|rest| rest.split('/').next()?.parse().ok());
    Ok(number)
}

fn gitlab(args: &CommentArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Request, Failure> {
    let repository = args.repository.clone().or_else(|| env("CI_PROJECT_ID"));
    let repository = repository.ok_or_else(|| Failure::new("nothing says which project", "give `--repository` with its id or path"))?;
    let number = args.pull_request.or_else(|| env("CI_MERGE_REQUEST_IID")?.parse().ok());
    let number = number.ok_or_else(|| Failure::new("this job is of no merge request", "run it for `merge_request_event`, or give `--merge-request NUMBER`"))?;
    let token = env("GITLAB_TOKEN").ok_or_else(|| match env("CI_JOB_TOKEN") {
        Some(_) => Failure::new(
            "the token of a GitLab job may write no comment, and there is no other",
            "set `GITLAB_TOKEN` to a token of the project with scope `api`, as a masked variable",
        ),
        None => Failure::new("there is no token for GitLab", "set `GITLAB_TOKEN` to a token of the project with scope `api`, as a masked variable"),
    })?;
    let api = env("CI_API_V4_URL").or_else(|| env("GITLAB_API_URL")).unwrap_or_else(|| "https://gitlab.com/api/v4".to_owned());
    Ok(Request { place: Place { forge: Forge::GitLab, api, repository, number }, token: Token::new(token) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::find;
    use crate::args::{CommentArgs, ForgeArg};

    const NONE: CommentArgs = CommentArgs { file: std::path::PathBuf::new(), pull_request: None, repository: None, forge: None, new: false };

    fn found(args: &CommentArgs, given: &[(&str, &str)]) -> String {
        let env: BTreeMap<&str, &str> = given.iter().copied().collect();
        match find(args, &|name| env.get(name).map(|value| (*value).to_owned())) {
            Ok(request) => format!("{} {} {}", request.place.api, request.place.repository, request.place.number),
            Err(failure) => failure.render(crossrole_report::Screen::default()).lines().next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn a_job_knows_its_request() {
        let folder = std::env::temp_dir().join(format!("crossrole-events-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let event = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let pull = event("pull", r#"{"number": 8, "pull_request": {"number": 8}}"#);
        let issue = event("issue", r#"{"issue": {"number": 9}}"#);
        let comment = event("comment", r#"{"issue": {"number": 9, "pull_request": {}}}"#);
        let broken = event("broken", "{");
        let github = [("GITHUB_REPOSITORY", "o/r"), ("GITHUB_TOKEN", "t")];
        let on = |more: &[(&str, &str)]| found(&NONE, &[&github[..], more].concat());
        assert_eq!(on(&[("GITHUB_EVENT_PATH", &pull), ("GITHUB_REF", "refs/pull/7/merge")]), "https://api.github.com o/r 8");
        assert_eq!(on(&[("GITHUB_EVENT_PATH", &comment)]), "https://api.github.com o/r 9");
        assert_eq!(on(&[("GITHUB_EVENT_PATH", &issue)]), "error: this job is of no pull request");
        assert_eq!(on(&[("GITHUB_EVENT_PATH", &issue), ("GITHUB_REF", "refs/pull/7/merge"), ("GITHUB_API_URL", "https://x/api/v3")]), "https://x/api/v3 o/r 7");
        assert!(on(&[("GITHUB_EVENT_PATH", &broken)]).contains("is no JSON"));
        assert_eq!(on(&[("GITHUB_REF", "refs/heads/main")]), "error: this job is of no pull request");
        assert_eq!(found(&NONE, &[("GITHUB_REPOSITORY", "o/r"), ("GITHUB_REF", "refs/pull/7/merge")]), "error: there is no token for GitHub");
        assert_eq!(found(&NONE, &[]), "error: nothing says whose pull request this is");
        let typed = CommentArgs { pull_request: Some(3), repository: Some("a/b".into()), forge: Some(ForgeArg::Github), ..NONE };
        assert_eq!(found(&typed, &github), "https://api.github.com a/b 3");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_job_of_gitlab_needs_a_token_of_the_project() {
        let job = [("GITLAB_CI", "true"), ("CI_PROJECT_ID", "12"), ("CI_MERGE_REQUEST_IID", "4")];
        assert_eq!(found(&NONE, &job), "error: there is no token for GitLab");
        assert_eq!(
            found(&NONE, &[&job[..], &[("CI_JOB_TOKEN", "j")]].concat()),
            "error: the token of a GitLab job may write no comment, and there is no other"
        );
        let with = [&job[..], &[("GITLAB_TOKEN", "t"), ("CI_API_V4_URL", "https://git.example/api/v4")]].concat();
        assert_eq!(found(&NONE, &with), "https://git.example/api/v4 12 4");
        assert_eq!(found(&NONE, &[("GITLAB_CI", "true"), ("CI_PROJECT_ID", "12"), ("GITLAB_TOKEN", "t")]), "error: this job is of no merge request");
    }
}
