//! Answers that AWS gave, as others recorded them: `recorded/*.txt`, in words of our own, each with its source. The sandbox is
//! held to every one of them.
//!
//! `==` begins a case, in an AWS of its own where account 222222222222 has the bucket `data` and the key `{key}`; `from` says who recorded it; `@`
//! says who asks from here on, and `@@` where. `>` is a request, with headers and, behind `|`, its body (`|*3 ab` is `ababab`).
//! `<` is what AWS answered: status and error code, then headers, elements of the body (`Path = values`, `! Path` or `! header` for none), the
//! error's message (`=`) or the body itself (`|`). A request without an answer prepares the next and must succeed.
//! `name := Path` and `name := :header` keep what `{name}` stands for later; `{md5}` is that of the request's body.

use base64::Engine as _;

use crate::client::{Answer, Client, Keys, nobody, root};

const OWNER: &str = "222222222222";

/// A request, and what is wanted of its answer.
#[derive(Debug, Default)]
struct Ask {
    line: usize,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
    answer: Option<Vec<String>>,
    keep: Vec<(String, String)>,
}

enum Step {
    As(String),
    At(String),
    Ask(Ask),
}

struct Case {
    title: String,
    from: String,
    steps: Vec<Step>,
}

fn body(text: &str) -> String {
    match text.strip_prefix('*').and_then(|t| t.split_once(' ')) {
        Some((count, unit)) => unit.repeat(count.parse().unwrap()),
        None => text.strip_prefix(' ').unwrap_or(text).to_owned(),
    }
}

fn read(name: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut asks = true;
    for (at, line) in text.lines().enumerate() {
        let (line, place) = (line.trim_end(), format!("{name}:{}", at + 1));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("== ") {
            cases.push(Case { title: title.to_owned(), from: String::new(), steps: Vec::new() });
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("{place}: no case"));
        if let Some(from) = line.strip_prefix("from ") {
            from.clone_into(&mut case.from);
        } else if let Some(region) = line.strip_prefix("@@ ") {
            case.steps.push(Step::At(region.to_owned()));
        } else if let Some(who) = line.strip_prefix("@ ") {
            case.steps.push(Step::As(who.to_owned()));
        } else if let Some(request) = line.strip_prefix("> ") {
            let (method, target) = request.split_once(' ').unwrap_or_else(|| panic!("{place}: no target"));
            case.steps.push(Step::Ask(Ask { line: at + 1, method: method.to_owned(), target: target.to_owned(), ..Ask::default() }));
            asks = true;
        } else {
            let Some(Step::Ask(ask)) = case.steps.last_mut() else { panic!("{place}: no request") };
            if let Some(answer) = line.strip_prefix("< ") {
                ask.answer = Some(vec![answer.to_owned()]);
                asks = false;
            } else if let Some((name, what)) = line.split_once(" := ") {
                ask.keep.push((name.to_owned(), what.to_owned()));
            } else if let (Some(answer), false) = (&mut ask.answer, asks) {
                answer.push(line.to_owned());
            } else if let Some(more) = line.strip_prefix('|') {
                ask.body.push_str(&body(more));
            } else {
                let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{place}: no header"));
                ask.headers.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    cases
}

fn who(name: &str) -> Keys {
    if name == "nobody" { nobody() } else { root(name) }
}

fn filled(text: &str, kept: &[(String, String)]) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// What is wrong with an answer, if anything.
fn judge(wanted: &[String], got: &Answer, kept: &[(String, String)]) -> Option<String> {
    let mut differs = Vec::new();
    let mut compare = |what: &str, wanted: &str, got: &str| {
        if wanted != got {
            differs.push(format!("{what}: AWS `{wanted}`, here `{got}`"));
        }
    };
    for (at, line) in wanted.iter().enumerate() {
        let line = filled(line, kept);
        if at == 0 {
            let (status, code) = line.split_once(' ').unwrap_or((&line, ""));
            compare("status", status, &got.status.to_string());
            if !code.is_empty() {
                compare("code", code, &got.one("Code"));
            }
        } else if let Some(message) = line.strip_prefix("= ") {
            compare("message", message, got.one("Message").trim_end());
        } else if let Some(path) = line.strip_prefix("! ") {
            compare(path, "", &format!("{}{}", got.all(path).join(", "), got.header(path)));
        } else if let Some(text) = line.strip_prefix('|') {
            compare("body", &body(text), &got.text());
        } else if let Some((path, value)) = line.split_once(" = ") {
            compare(path, value, &got.all(path).join(", "));
        } else if let Some(path) = line.strip_suffix(" =") {
            compare(path, "", &got.one(path));
        } else if let Some((name, value)) = line.split_once(": ") {
            compare(name, value, &got.header(name));
        } else {
            compare("this line", &line, "what cannot be read");
        }
    }
    (!differs.is_empty()).then(|| format!("{}\n    {}", differs.join("; "), got.text().chars().take(400).collect::<String>()))
}

async fn play(name: &str, case: &Case, wrong: &mut Vec<String>) -> usize {
    let mut client = Client::new();
    let mut caller = who(OWNER);
    client.s3(&caller, "PUT", "/data", &[], "").await.is(200);
    let key = client.kms(&caller, "CreateKey", serde_json::json!({})).await.is(200).member("/KeyMetadata/Arn");
    let mut kept: Vec<(String, String)> = vec![("key".to_owned(), key)];
    let mut rows = 0;
    for step in &case.steps {
        let ask = match step {
            Step::As(name) => {
                caller = who(name);
                continue;
            }
            Step::At(region) => {
                client.region = region.clone();
                continue;
            }
            Step::Ask(ask) => ask,
        };
        let content = filled(&ask.body, &kept);
        let md5 = base64::engine::general_purpose::STANDARD.encode(<md5::Md5 as sha2::Digest>::digest(content.as_bytes()));
        let headers: Vec<(&str, String)> = ask.headers.iter().map(|(n, v)| (n.as_str(), filled(v, &kept).replace("{md5}", &md5))).collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let got = client.s3(&caller, &ask.method, &filled(&ask.target, &kept), &headers, content).await;
        for (name, what) in &ask.keep {
            let value = what.strip_prefix(':').map_or_else(|| got.one(what), |header| got.header(header));
            kept.push((name.clone(), value));
        }
        let place = format!("{name}:{}: {}: {} {}\n  ", ask.line, case.title, ask.method, ask.target);
        match &ask.answer {
            Some(wanted) => {
                rows += 1;
                wrong.extend(judge(wanted, &got, &kept).map(|what| format!("{place}{what}")));
            }
            None if got.status >= 300 => wrong.push(format!("{place}a preparation failed: {}", got.text())),
            None => {}
        }
    }
    rows
}

#[tokio::test]
async fn answers_are_those_that_were_recorded() {
    /// A table that shrinks says less than it says.
    const ROWS: usize = 120;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3/recorded");
    let mut wrong = Vec::new();
    let mut rows = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        for case in read(&name, &std::fs::read_to_string(&file).unwrap()) {
            assert!(!case.from.is_empty(), "{name}: {}: no source", case.title);
            rows += play(&name, &case, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} are not as recorded\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= ROWS, "{rows} rows");
}
