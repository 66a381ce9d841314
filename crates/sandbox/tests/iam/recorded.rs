//! The table of what live AWS was recorded to answer: `recorded_iam.txt`, which says how it is read.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::A;
use crate::client::{Answer, Client, Keys, root, sign};

type Documents = BTreeMap<String, String>;

/// The parameters of a call: texts, documents by name, and documents in place.
fn params(documents: &Documents, json: &str) -> Vec<(String, Option<String>)> {
    let Value::Object(map) = serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}")) else { panic!("{json}") };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.strip_prefix('@').map_or_else(|| text.clone(), |name| documents[name].clone())),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    map.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

async fn call(client: &Client, who: &Keys, service: &str, action: &str, params: &[(String, Option<String>)]) -> Answer {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action);
    if !params.iter().any(|(name, _)| name == "Version") {
        form.append_pair("Version", if service == "iam" { "2010-05-08" } else { "2011-06-15" });
    }
    for (name, value) in params {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    let request = http::Request::builder().method("POST").uri("/").header("host", format!("{service}.amazonaws.com"));
    let mut request = request.header("content-type", "application/x-www-form-urlencoded").body(bytes::Bytes::from(form.finish())).unwrap();
    sign(&mut request, who, "us-east-1", service, &crossrole_sandbox::testing::signing_time(0));
    client.send(request).await
}

/// What differs from the record, if anything.
async fn differs(documents: &Documents, block: &[&str]) -> Option<String> {
    let client = Client::new();
    let mut who = root(A);
    let mut answer: Option<Answer> = None;
    let mut wrong = Vec::new();
    for line in &block[1..] {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.splitn(3, ' ').collect();
        match head {
            "source" | "define" => {}
            "user" => {
                let document = words.get(1..).map(|w| w.join(" ")).unwrap_or_default();
                let document = document.strip_prefix('@').map_or(document.clone(), |name| documents[name].clone());
                who = client.user(words[0], &[&document]).await;
            }
            "session" => {
                let arn = format!("arn:aws:iam::{A}:role/{}", words[0]);
                let mut all = vec![("RoleArn".to_owned(), Some(arn)), ("RoleSessionName".to_owned(), Some(words[1].to_owned()))];
                all.extend(words.get(2).map(|json| params(documents, json)).unwrap_or_default());
                who = call(&client, &who, "sts", "AssumeRole", &all).await.is(200).keys();
            }
            "ask" => answer = Some(call(&client, &who, words[0], words[1], &params(documents, words[2])).await),
            given if given.starts_with("given") => {
                let account = given.strip_prefix("given/").unwrap_or(A);
                call(&client, &root(account), words[0], words[1], &params(documents, words[2])).await.is(200);
            }
            _ => {
                let answer = answer.as_ref().unwrap();
                wrong.extend(check(answer, head, rest));
            }
        }
    }
    (!wrong.is_empty()).then(|| format!("{}\n  {}", block[0], wrong.join("\n  ")))
}

fn check(answer: &Answer, head: &str, rest: &str) -> Option<String> {
    let (expected, found) = match head {
        "answer" => {
            let code = answer.one("Error/Code");
            (rest.to_owned(), format!("{} {code}", answer.status).trim().to_owned())
        }
        "message" => (rest.trim_end().to_owned(), answer.one("Message").trim_end().to_owned()),
        "field" => {
            let (path, value) = rest.split_once(" =").unwrap_or_else(|| panic!("{rest}"));
            let found = answer.all(path);
            let Some(first) = found.first() else { return Some(format!("{path}: not there in {}", answer.text())) };
            let first = percent_decode_str(first).decode_utf8_lossy();
            // Documents are compared as JSON: lists stay lists, and white space is nobody's concern.
            let same = |text: &str| serde_json::from_str::<Value>(text).ok().filter(Value::is_object).map_or_else(|| text.to_owned(), |v| v.to_string());
            (format!("{path} = {}", same(value.trim())), format!("{path} = {}", same(&first)))
        }
        "no" => (format!("no {rest}"), if answer.all(rest).is_empty() { format!("no {rest}") } else { answer.text() }),
        other => panic!("unknown line `{other} {rest}`"),
    };
    (expected != found).then(|| format!("recorded: {expected}\n  answered: {found}"))
}

#[tokio::test]
async fn every_answer_is_as_it_was_recorded() {
    let text = include_str!("../recorded_iam.txt");
    let mut documents = Documents::new();
    let mut rows = 0;
    let mut wrong = Vec::new();
    for block in text.split("\n\n") {
        let lines: Vec<&str> = block.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
        for line in &lines {
            if let Some((name, json)) = line.strip_prefix("define ").and_then(|l| l.split_once(' ')) {
                documents.insert(name.to_owned(), json.to_owned());
            }
        }
        if !lines.iter().any(|l| l.starts_with("ask ")) {
            continue;
        }
        assert!(lines.iter().any(|l| l.starts_with("source ")), "{lines:?}");
        rows += 1;
        wrong.extend(differs(&documents, &lines).await);
    }
    assert!(wrong.is_empty(), "{} of {rows} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 200, "{rows}");
}
