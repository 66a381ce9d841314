//! Whom a runner's role lets in, as it is typed.

use crossrole_policy::Arn;

/// GitHub's provider.
const GITHUB: &str = "token.actions.githubusercontent.com";

/// Longest name of a branch, a tag or an environment: GitHub's limit of an environment's, and git's of a file's.
const NAME_MOST: usize = 255;

/// One pipeline, or one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trusted {
    /// Tokens of an OpenID Connect provider with this subject, in which `*` and `?` are patterns.
    Token {
        /// The provider's URL without `https://`, as it stands in ARNs and condition keys.
        host: String,
        subject: String,
    },
    /// Sessions of a role, of the pipeline's own account.
    Role { arn: String, account: String },
}

impl Trusted {
    /// Reads what `--trust` says.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("github", rest)) => github(rest),
            Some(("gitlab", rest)) => gitlab(rest),
            Some(("role", rest)) => role(rest),
            _ => Err("there are `github:OWNER/REPO:…`, `gitlab:GROUP/PROJECT:…` and `role:ARN`".to_owned()),
        }
    }

    /// Tells whether code that nobody has reviewed yet may get in: a pull request's, or that of any branch which anybody may push.
    pub(crate) fn is_before_review(&self) -> bool {
        matches!(self, Self::Token { subject, .. } if subject.ends_with(":pull_request") || subject.contains('*') || subject.contains('?'))
    }
}

/// A subject is `repo:OWNER/REPO:CONTEXT`, and of repositories made, renamed or moved after July 15, 2026 `repo:OWNER@ID/REPO@ID:CONTEXT` (GitHub
/// Docs, "OpenID Connect reference"). In names, `:` is `%3A`.
fn github(text: &str) -> Result<Trusted, String> {
    let wrong = "write it as in `github:OWNER/REPO:environment=production`, or `github:OWNER@ID/REPO@ID:…`";
    let (repository, context) = text.split_once(':').ok_or(
        "this would let every workflow of the repository in, those of pull requests too: add `:pull_request`, `:environment=NAME`, `:branch=NAME` or `:tag=NAME`",
    )?;
    let (owner, repo) = repository.split_once('/').ok_or(wrong)?;
    let has_id = |part: &str| part.split_once('@').map(|(name, id)| (name.to_owned(), !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())));
    let (owner_name, repo_name) = match (has_id(owner), has_id(repo)) {
        (None, None) => (owner.to_owned(), repo.to_owned()),
        (Some((owner, true)), Some((repo, true))) => (owner, repo),
        _ => return Err(wrong.to_owned()),
    };
    if !is_word(&owner_name, "-_") || !is_word(&repo_name, "-_.") {
        return Err(wrong.to_owned());
    }
    let context = match context.split_once('=') {
        None if context == "pull_request" => context.to_owned(),
        Some(("environment", value)) => format!("environment:{}", name(value)?.replace(':', "%3A")),
        Some(("branch", value)) => format!("ref:refs/heads/{}", name(value)?),
        Some(("tag", value)) => format!("ref:refs/tags/{}", name(value)?),
        _ => return Err("after the repository comes `pull_request`, `environment=NAME`, `branch=NAME` or `tag=NAME`".to_owned()),
    };
    Ok(Trusted::Token { host: GITHUB.to_owned(), subject: format!("repo:{repository}:{context}") })
}

/// A subject is `project_path:GROUP/PROJECT:ref_type:TYPE:ref:NAME` (GitLab Docs, "OpenID Connect (OIDC) authentication using ID tokens").
/// A merge request's is that of its branch.
fn gitlab(text: &str) -> Result<Trusted, String> {
    let wrong = "write it as in `gitlab:GROUP/PROJECT:branch=main`, or `gitlab:GROUP/PROJECT@gitlab.example.com:branch=main`";
    let (project, context) = text.split_once(':').ok_or("this would let every job of the project in: add `:branch=NAME` or `:tag=NAME`")?;
    let (path, host) = project.split_once('@').unwrap_or((project, "gitlab.com"));
    let good = path.contains('/') && path.split('/').all(|part| is_word(part, "-_.")) && is_host(host);
    if !good {
        return Err(wrong.to_owned());
    }
    let (kind, value) = match context.split_once('=') {
        Some((kind @ ("branch" | "tag"), value)) => (kind, name(value)?),
        _ => return Err("after the project comes `branch=NAME` or `tag=NAME`; merge requests have the branch that they come from".to_owned()),
    };
    Ok(Trusted::Token { host: host.to_owned(), subject: format!("project_path:{path}:ref_type:{kind}:ref:{value}") })
}

fn role(text: &str) -> Result<Trusted, String> {
    let wrong = "write it as in `role:arn:aws:iam::111111111111:role/pipeline`: one role, without `*`";
    let arn = Arn::parse(text).filter(|arn| arn.service == "iam" && arn.region.is_empty()).ok_or(wrong)?;
    let name = arn.resource.strip_prefix("role/").ok_or(wrong)?;
    let account = arn.account;
    let good = is_word(name.rsplit('/').next().unwrap_or_default(), "_+=,.@-") && name.split('/').all(|part| is_word(part, "_+=,.@-"));
    if !good || account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong.to_owned());
    }
    Ok(Trusted::Role { arn: text.to_owned(), account: account.to_owned() })
}

/// Letters, digits and some more.
fn is_word(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// A host, with a path where GitLab has a relative URL. IAM takes no ports (IAM API reference, CreateOpenIDConnectProvider).
fn is_host(text: &str) -> bool {
    text.len() <= NAME_MOST && text.contains('.') && text.split('/').all(|part| is_word(part, "-_.")) && !text.contains("..")
}

/// A name that stands in a condition: what IAM would take for a variable in it is refused.
fn name(text: &str) -> Result<&str, String> {
    if text.is_empty() || text.len() > NAME_MOST || text.chars().any(char::is_control) {
        return Err(format!("a name has from 1 to {NAME_MOST} letters"));
    }
    if text.contains("${") {
        return Err("a name with `${` would be a variable of IAM's".to_owned());
    }
    if text.bytes().all(|b| b == b'*' || b == b'?') && text != "*" {
        return Err("write `*` for any".to_owned());
    }
    Ok(text)
}
