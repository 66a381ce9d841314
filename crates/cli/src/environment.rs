//! What the environment says of the way to AWS, as AWS's own tools read it, and what of it can't be.

use std::path::PathBuf;

use crossrole_cloud::Authorities;

use crate::failure::Failure;

/// Who vouches for hosts, where `AWS_CA_BUNDLE` says so.
pub(crate) fn authorities() -> Result<Option<Authorities>, Failure> {
    let Some(path) = file("AWS_CA_BUNDLE") else { return Ok(None) };
    let hint = "name a file with certificates in PEM, or unset it to trust the system's";
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::new(format!("`AWS_CA_BUNDLE` is `{}`, which can't be read: {e}", path.display()), hint))?;
    let none = || Failure::new(format!("`AWS_CA_BUNDLE` is `{}`, which holds no certificate that can be read", path.display()), hint);
    Authorities::parse(&text).ok_or_else(none).map(Some)
}

/// Finds what would only be ignored, or taken for something else, below.
pub(crate) fn check() -> Result<(), Failure> {
    let endpoint = text("AWS_ENDPOINT_URL");
    if let Some(url) = endpoint.as_ref().filter(|url| !is_address(url)) {
        return Err(Failure::new(format!("`AWS_ENDPOINT_URL` is `{url}`, which is no address"), "write it as in `http://127.0.0.1:4566`, or unset it"));
    }
    if let Some(path) = file("SSL_CERT_FILE").filter(|_| file("AWS_CA_BUNDLE").is_none())
        && let Err(error) = std::fs::File::open(&path)
    {
        let error = format!("`SSL_CERT_FILE` is `{}`, which can't be read: {error}", path.display());
        return Err(Failure::new(error, "name a file with certificates in PEM, or unset it to trust the system's"));
    }
    // What asks for no TLS goes past the proxy of HTTPS.
    if endpoint.is_none_or(|url| url.starts_with("https:"))
        && let Some((name, value)) = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().find_map(|name| Some((name, text(name)?)))
        && !is_address(&if value.contains("://") { value } else { format!("http://{value}") })
    {
        // It may hold a password.
        let hint = "write it as in `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`, or unset it";
        return Err(Failure::new(format!("`{name}` is no address of a proxy"), hint));
    }
    Ok(())
}

/// Where people sign in to the console, where that is no host of AWS (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
/// Credentials of an emulator are sent nowhere else.
pub(crate) fn sign_in() -> Option<String> {
    text("AWS_ENDPOINT_URL_SIGNIN").or_else(|| text("AWS_ENDPOINT_URL"))
}

/// The run of a pipeline, as its address: GitLab's job, or the run of GitHub Actions. Empty where there is none.
pub(crate) fn run() -> String {
    run_of(text)
}

fn run_of(text: impl Fn(&str) -> Option<String>) -> String {
    if let Some(url) = text("CI_JOB_URL") {
        return url;
    }
    let Some(id) = text("GITHUB_RUN_ID") else { return String::new() };
    let server = text("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".to_owned());
    let attempt = text("GITHUB_RUN_ATTEMPT").map_or_else(String::new, |attempt| format!("/attempts/{attempt}"));
    format!("{server}/{}/actions/runs/{id}{attempt}", text("GITHUB_REPOSITORY").unwrap_or_default())
}

fn file(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// With a scheme and a host.
fn is_address(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some_and(|host| !host.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::run_of;

    #[test]
    fn a_run_is_known_by_its_address() {
        let of = |env: &[(&str, &str)]| run_of(|name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        assert_eq!(of(&[]), "");
        let github = [("GITHUB_RUN_ID", "17"), ("GITHUB_REPOSITORY", "acme/access"), ("GITHUB_RUN_ATTEMPT", "2"), ("GITHUB_SERVER_URL", "https://ghe.acme")];
        assert_eq!(of(&github), "https://ghe.acme/acme/access/actions/runs/17/attempts/2");
        assert_eq!(of(&github[..2]), "https://github.com/acme/access/actions/runs/17");
        assert_eq!(of(&[("CI_JOB_URL", "https://gitlab/acme/-/jobs/3")]), "https://gitlab/acme/-/jobs/3");
    }
}
