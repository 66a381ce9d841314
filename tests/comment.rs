//! `crossrole comment` against stand-ins for GitHub's and GitLab's APIs that hold each request to what is published of them.

use std::fs;
use std::process::Command;

use crate::forge_api::{Api, Canned, ME, TOKEN};
use crate::network::{Answers, Proxy};
use crate::process::command;
use crate::support::root;

const MARK: &str = "<!-- crossrole plan 0123456789abcdef -->";

/// What was said, and the exit code.
struct Said {
    code: i32,
    text: String,
}

/// A text in a file, and jobs of both kinds that write it.
struct Desk {
    api: Api,
    file: String,
}

impl Desk {
    fn new(name: &str, body: &str) -> Self {
        let folder = root().join(format!("target/test-manifests/comment-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("plan.md");
        fs::write(&file, body).unwrap();
        Self { api: Api::start(), file: file.display().to_string() }
    }

    fn of(&self, words: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command: Command = command(&[&["comment", "--file", &self.file], words].concat());
        for (name, _) in std::env::vars().filter(|(name, _)| ["GITHUB_", "CI", "GITLAB_", "GH_"].iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
        for name in
            ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"]
        {
            command.env_remove(name);
        }
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains(TOKEN), "the token is shown: {text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        Said { code: output.status.code().unwrap(), text }
    }

    fn github(&self, words: &[&str]) -> Said {
        let api = self.api.github();
        self.of(words, &[("GITHUB_API_URL", &api), ("GITHUB_TOKEN", TOKEN), ("GITHUB_REPOSITORY", "owner/repo"), ("GITHUB_REF", "refs/pull/7/merge")])
    }

    fn gitlab(&self, words: &[&str]) -> Said {
        let api = self.api.gitlab();
        let job = [("GITLAB_CI", "true"), ("CI_PROJECT_ID", "group/project"), ("CI_MERGE_REQUEST_IID", "7")];
        self.of(words, &[&job[..], &[("CI_API_V4_URL", &api), ("GITLAB_TOKEN", TOKEN)]].concat())
    }

    fn write(&self, body: &str) {
        fs::write(&self.file, body).unwrap();
    }

    /// Author, text and whether it is hidden, of each comment.
    fn comments(&self) -> Vec<(u64, String, bool)> {
        self.api.comments().into_iter().map(|comment| (comment.author, comment.body, comment.hidden)).collect()
    }
}

fn text(words: &str) -> String {
    format!("{MARK}\n{words}")
}

#[test]
fn on_github_the_first_is_written_and_then_updated() {
    let desk = Desk::new("first", &text("one"));
    let said = desk.github(&[]);
    assert_eq!((said.code, said.text.as_str()), (0, "comment written: https://github.com/owner/repo/pull/7#issuecomment-1\n"));
    assert_eq!(desk.api.asked(), ["viewer", "issues/list-comments", "issues/create-comment"]);
    desk.write(&text("two ```\u{202e}@team <b> ünï\n"));
    let said = desk.github(&[]);
    assert_eq!((said.code, said.text.as_str()), (0, "comment updated: https://github.com/owner/repo/pull/7#issuecomment-1\n"));
    assert_eq!(desk.api.asked(), ["viewer", "issues/list-comments", "issues/update-comment"]);
    assert_eq!(desk.comments(), [(ME, text("two ```\u{202e}@team <b> ünï\n"), false)]);
}

#[test]
fn on_gitlab_the_first_is_written_and_then_updated() {
    let desk = Desk::new("gitlab", &text("one"));
    let said = desk.gitlab(&[]);
    assert_eq!((said.code, said.text.as_str()), (0, "comment written: 7 of group/project\n"));
    desk.write(&text("two"));
    assert_eq!(desk.gitlab(&[]).code, 0);
    assert_eq!(desk.api.asked(), ["current-user", "list-notes", "create-note", "current-user", "list-notes", "modify-note"]);
    assert_eq!(desk.comments(), [(ME, text("two"), false)]);
}

/// Anybody may write a comment that begins as ours does.
#[test]
fn somebody_elses_comment_with_the_marker_is_left_alone() {
    for run in [Desk::github, Desk::gitlab] {
        let desk = Desk::new("theirs", &text("ours"));
        desk.api.has(3, 12, &text("forged"));
        desk.api.has(4, ME, "not with the marker");
        desk.api.has(5, ME, &format!("quoted: {MARK}"));
        desk.api.has(6, ME, "<!-- crossrole plan fedcba9876543210 -->\nof other manifests");
        for _ in 0..2 {
            assert_eq!(run(&desk, &[]).code, 0);
            assert_eq!(run(&desk, &["--new"]).code, 0);
        }
        desk.api.asked();
        let comments = desk.comments();
        assert_eq!(comments[0], (12, text("forged"), false));
        assert!(comments[1..4].iter().all(|(_, body, hidden)| !body.starts_with(MARK) && !hidden), "{comments:?}");
        assert_eq!(comments.iter().filter(|(author, body, hidden)| *author == ME && *body == text("ours") && !hidden).count(), 1, "{comments:?}");
    }
}

#[test]
fn those_before_it_are_hidden_on_github_and_deleted_on_gitlab() {
    let desk = Desk::new("before", &text("new"));
    for id in 1..=14 {
        desk.api.has(id, ME, &text("old"));
    }
    let said = desk.github(&[]);
    assert!(said.code == 0 && said.text.contains("comment updated") && said.text.contains("and 10 earlier hidden"), "{}", said.text);
    let comments = desk.comments();
    assert_eq!(comments[13], (ME, text("new"), false));
    assert!(comments[3..13].iter().all(|comment| *comment == (ME, text("old"), true)) && !comments[2].2, "{comments:?}");
    let said = desk.github(&["--new"]);
    assert!(said.text.contains("comment written: https://github.com/owner/repo/pull/7#issuecomment-15"), "{}", said.text);
    assert!(desk.comments()[13].2 && !desk.comments()[14].2);
    let said = desk.gitlab(&["--new"]);
    assert!(said.text.contains("and 15 earlier deleted"), "{}", said.text);
    assert_eq!(desk.comments(), [(ME, text("new"), false)]);
    desk.api.asked();
}

#[test]
fn all_pages_are_looked_through() {
    for (run, size) in [(Desk::github as fn(&Desk, &[&str]) -> Said, 50), (Desk::gitlab, 20)] {
        let desk = Desk::new("pages", &text("new"));
        for id in 1..=2 * size {
            desk.api.has(id, 12, &format!("comment {id}"));
        }
        desk.api.has(1_000, ME, &text("old"));
        assert_eq!(run(&desk, &[]).code, 0);
        assert_eq!(desk.api.asked().iter().filter(|asked| asked.contains("list")).count(), 3);
        assert_eq!(desk.comments().last().unwrap().1, text("new"));
        assert_eq!(desk.comments().len(), usize::try_from(2 * size).unwrap() + 1);
    }
}

/// GitLab leaves notes that one may not see out of a page that was cut before: a page may be short, or empty, and not be the last.
#[test]
fn a_short_page_is_not_the_last_one() {
    let desk = Desk::new("short", &text("new"));
    for id in 1..=40 {
        desk.api.has(id, 12, "a cross reference");
    }
    desk.api.state.lock().unwrap().unseen.extend(20..=40);
    desk.api.has(1_000, ME, &text("old"));
    assert_eq!(desk.gitlab(&[]).code, 0);
    let comments = desk.comments();
    assert_eq!((comments.len(), &comments[40].1), (41, &text("new")));
}

fn refused(operation: &'static str, status: u16, headers: &[(&'static str, &str)], body: &str) -> Canned {
    Canned { operation, status, headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), body: body.to_owned() }
}

#[test]
fn a_refusal_says_what_was_asked_and_what_to_do() {
    let no = r#"{"message":"Resource not accessible by integration","documentation_url":"x"}"#;
    let cases: &[(&'static str, u16, &str, &[&str])] = &[
        ("issues/create-comment", 403, no, &["127.0.0.1 answers a new comment with 403: Resource not accessible by integration", "pull-requests: write"]),
        ("issues/list-comments", 404, r#"{"message":"Not Found"}"#, &["the list of comments with 404: Not Found", "check the repository and number"]),
        ("viewer", 401, r#"{"message":"Bad credentials"}"#, &["whose token it is with 401: Bad credentials", "give a new one"]),
        ("issues/create-comment", 422, r#"{"message":"Validation Failed","errors":[]}"#, &["with 422: Validation Failed"]),
        ("issues/create-comment", 502, "<html>Bad Gateway</html>", &["a new comment with 502: it does not say why", "run it again"]),
        ("issues/list-comments", 429, "{}", &["wants 60 seconds to pass", "run it again later"]),
        ("viewer", 200, r#"{"errors":[{"message":"no viewer"}],"data":null}"#, &["can't be read: no viewer"]),
        ("viewer", 200, r#"{"data":{}}"#, &["its field is missing"]),
        ("issues/list-comments", 200, "[[[", &["the list of comments with something that can't be read"]),
        ("issues/list-comments", 200, r#"{"not":"a list"}"#, &["can't be read: line 1 column"]),
        ("issues/create-comment", 201, "", &["a new comment with something that can't be read"]),
    ];
    for (operation, status, body, wanted) in cases {
        let desk = Desk::new("refused", &text("new"));
        for _ in 0..4 {
            desk.api.answers(refused(operation, *status, if *status == 429 { &[("retry-after", "3600")] } else { &[] }, body));
        }
        let said = desk.github(&[]);
        assert_eq!(said.code, 1, "{}", said.text);
        // What is told to wait for an hour says so.
        let wanted: Vec<String> = wanted.iter().map(|text| text.replace("60 seconds", "3600 seconds")).collect();
        assert!(wanted.iter().all(|text| said.text.contains(text)), "{wanted:?}: {}", said.text);
        let tries = desk.api.asked().iter().filter(|asked| asked == operation).count();
        assert_eq!(tries, 1, "{operation} {status}");
    }
}

/// The words of a refusal are others': no line is forged, no terminal obeys, and a token that comes back is not shown.
#[test]
fn hostile_words_of_a_refusal_stay_words() {
    for (said, shown) in [
        (format!("token {TOKEN} is bad"), "token **** is bad"),
        ("\u{1b}[31m\n::error::x ##[add-mask]y".to_owned(), "\\u{1b}[31m\\u{a}::error::x #\\u{23}[add-mask]y"),
        ("x".repeat(1 << 20), "xxxx"),
    ] {
        let desk = Desk::new("hostile", &text("new"));
        desk.api.answers(refused("issues/create-comment", 422, &[], &serde_json::json!({ "message": said }).to_string()));
        let answer = desk.github(&[]);
        assert!(answer.code == 1 && answer.text.contains(shown) && answer.text.len() < 1_000, "{}", answer.text);
        assert!(!answer.text.lines().any(|line| line.trim_start().starts_with("::")), "{}", answer.text);
    }
}

/// What passes is waited for, and what may have been written is not written twice.
#[test]
fn faults_that_pass_are_waited_for() {
    let desk = Desk::new("passes", &text("new"));
    desk.api.answers(refused("issues/list-comments", 503, &[], ""));
    desk.api.answers(refused("issues/list-comments", 403, &[("retry-after", "0")], r#"{"message":"You have exceeded a secondary rate limit"}"#));
    desk.api.answers(refused("issues/create-comment", 429, &[("retry-after", "0")], "{}"));
    let said = desk.github(&[]);
    assert_eq!(said.code, 0, "{}", said.text);
    let asked = desk.api.asked();
    assert_eq!(asked, ["viewer", "issues/list-comments", "issues/list-comments", "issues/list-comments", "issues/create-comment", "issues/create-comment"]);
    assert_eq!(desk.comments().len(), 1);
    // One that goes on is given up.
    for _ in 0..9 {
        desk.api.answers(refused("list-notes", 500, &[], r#"{"message":"500 Internal Server Error"}"#));
    }
    let said = desk.gitlab(&[]);
    assert!(said.code == 1 && said.text.contains("the list of notes with 500"), "{}", said.text);
    assert_eq!(desk.api.asked().len(), 5);
}

#[test]
fn no_redirect_takes_the_token_along() {
    let other = Api::start();
    for (operation, run) in [("issues/list-comments", Desk::github as fn(&Desk, &[&str]) -> Said), ("modify-note", Desk::gitlab)] {
        let desk = Desk::new("redirect", &text("new"));
        desk.api.has(1, ME, &text("old"));
        let to = format!("{}{}", other.address, if operation == "modify-note" { "/gitlab/api/v4/user" } else { "/github/api/v3/x" });
        for status in [301, 302, 307, 308] {
            desk.api.answers(refused(operation, status, &[("location", &to)], ""));
            let said = run(&desk, &[]);
            assert!(said.code == 1 && said.text.contains(&format!("with a redirect ({status}), which is not followed with a token")), "{}", said.text);
        }
    }
    let state = other.state.lock().unwrap();
    assert!(state.asked.is_empty() && state.wrong.is_empty(), "nobody has come");
}

#[test]
fn what_is_no_comment_is_not_sent() {
    let long = text(&"ü".repeat(65_536));
    let over = format!("it has {} characters, and a comment holds 65536", long.chars().count());
    for (body, wanted) in [("", "its first line is no marker"), ("# a plan\n<!-- crossrole plan 1 -->", "its first line is no marker"), (&long, over.as_str())]
    {
        let desk = Desk::new("no", body);
        let said = desk.github(&[]);
        assert!(said.code == 1 && said.text.contains(wanted), "{}", said.text);
        assert!(desk.api.asked().is_empty());
    }
    // A comment on GitLab holds more.
    let desk = Desk::new("long", &long);
    assert_eq!(desk.gitlab(&[]).code, 0);
    assert_eq!(desk.comments()[0].1, long);
}

/// Words, environment, and what is said.
type Case<'c> = (&'c [&'c str], Vec<(&'c str, &'c str)>, &'c str);

#[test]
fn without_a_token_or_a_place_nobody_is_asked() {
    let desk = Desk::new("without", &text("new"));
    let (github, gitlab) = (desk.api.github(), desk.api.gitlab());
    let on_github = [("GITHUB_API_URL", github.as_str()), ("GITHUB_REPOSITORY", "owner/repo"), ("GITHUB_REF", "refs/pull/7/merge")];
    let on_gitlab = [("CI_API_V4_URL", gitlab.as_str()), ("CI_PROJECT_ID", "12"), ("CI_MERGE_REQUEST_IID", "7")];
    let cases: &[Case<'_>] = &[
        (&[], Vec::new(), "nothing says whose pull request this is"),
        (&[], on_github.to_vec(), "there is no token for GitHub"),
        (&[], [&on_github[..], &[("GITHUB_TOKEN", "")]].concat(), "there is no token for GitHub"),
        (&[], [&on_github[..], &[("GITHUB_TOKEN", "a\nb")]].concat(), "the token holds letters that no token has"),
        (&[], [&on_gitlab[..], &[("CI_JOB_TOKEN", "any")]].concat(), "the token of a GitLab job may write no comment"),
        (&["--repository", "../x/y"], [&on_github[..], &[("GITHUB_TOKEN", "t")]].concat(), "is no repository"),
        (&["--repository", "owner/repo/../../user"], [&on_github[..], &[("GITHUB_TOKEN", "t")]].concat(), "is no repository"),
        (&[], [&on_github[1..], &[("GITHUB_TOKEN", "t"), ("GITHUB_API_URL", "http://api.github.example")]].concat(), "is no address of an API"),
        (&[], [&on_github[1..], &[("GITHUB_TOKEN", "t"), ("GITHUB_API_URL", "http://127.0.0.1:1")]].concat(), "127.0.0.1 can't be reached"),
    ];
    for (words, environment, wanted) in cases {
        let said = desk.of(words, environment);
        assert!(said.code == 1 && said.text.contains(wanted) && said.text.contains("help: "), "{wanted}: {}", said.text);
    }
    assert!(desk.api.asked().is_empty());
}

/// By HTTPS, through a proxy that wants to know who asks and is told, and sees no token.
#[test]
fn the_way_goes_by_https_and_through_a_proxy() {
    let desk = Desk::new("https", &text("new"));
    let ca = root().join("tests/tls/ca.pem").display().to_string();
    // The host that the certificate of the tests is for.
    let job = [("GITHUB_API_URL", "https://iam.amazonaws.com/github/api/v3"), ("GITHUB_TOKEN", TOKEN), ("GITHUB_REPOSITORY", "owner/repo")];
    let run = |more: &[(&str, &str)]| desk.of(&["--pull-request", "7"], &[&job[..], more].concat());
    let proxy = Proxy::new(Answers::Tunnel, &desk.api.address);
    let said = run(&[("HTTPS_PROXY", &proxy.address), ("SSL_CERT_FILE", &ca)]);
    assert_eq!(said.code, 0, "{}", said.text);
    assert_eq!(desk.comments(), [(ME, text("new"), false)]);
    desk.api.asked();
    let asked = proxy.asked.lock().unwrap().concat();
    assert!(asked.starts_with("CONNECT iam.amazonaws.com:443 ") && asked.to_ascii_lowercase().contains("proxy-authorization: basic"), "{asked}");
    assert!(!asked.contains(TOKEN) && !said.text.contains("s3cret"), "{asked}");
    // Nobody vouches for it, or the proxy says no: nothing is sent.
    let said = run(&[("HTTPS_PROXY", &proxy.address)]);
    let untrusted = ["iam.amazonaws.com can't be reached: ", "the certificates that this system trusts can't be read"];
    assert!(said.code == 1 && untrusted.iter().any(|text| said.text.contains(text)) && !said.text.contains("s3cret"), "{}", said.text);
    for answers in [Answers::Who, Answers::Page] {
        let proxy = Proxy::new(answers, &desk.api.address);
        let said = run(&[("HTTPS_PROXY", &proxy.address), ("SSL_CERT_FILE", &ca)]);
        assert!(said.code == 1 && said.text.contains("can't be reached: ") && !said.text.contains("s3cret"), "{}", said.text);
    }
    assert!(desk.api.asked().is_empty());
}
