//! What others wrote (file names, manifests, answers of AWS) steers no terminal and no pipeline, whichever command shows it.

use crossrole_sandbox::Options;

use crate::support::{Place, Said, root};

/// A terminal's orders, a forged line, an order to a runner in a line of its own and in the middle of one, a turn of the line.
const NAME: &str = "x\u{1b}[31m\n::error file=a::forged\u{9b}2J\u{202e} ##[add-mask]y\u{2028}";

fn is_harmful(c: char) -> bool {
    c.is_control() && c != '\n' || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{ad}' | '\u{feff}')
}

/// `ours`: lines may be orders to GitHub that the command gives on purpose.
fn assert_harmless(words: &[&str], said: &Said, ours: bool) {
    for text in [&said.out, &said.err] {
        let harmful = text.lines().find(|line| line.chars().any(is_harmful));
        assert!(harmful.is_none(), "{words:?}: {harmful:?}");
        assert!(!text.contains("##["), "{words:?}: {text}");
        for line in text.lines().filter(|line| line.trim_start().starts_with("::")) {
            let known = ["::error file=x", "::warning file=x", "::notice file=x"].iter().any(|begin| line.replace("%0A", "").starts_with(begin));
            assert!(ours && (known || line.contains("/x\\u{1b}")), "{words:?}: {line}");
        }
    }
    assert!(!said.out.is_empty() || !said.err.is_empty(), "{words:?}");
}

fn folder(name: &str) -> String {
    let path = root().join(format!("target/test-manifests/{}-hostile-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path.display().to_string()
}

/// A manifest that is good, with hostile text wherever one may have it.
const MANIFEST: &str = r#"
name = "hostile"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted."d\u001B[31m\n::error::label"]
account = "333333333333"
manage = false
[buckets.hostile-bucket]
create = true
[[buckets.hostile-bucket.statement]]
effect = "Deny"
principals = { AWS = "*" }
actions = "s3:PutObject"
resources = "arn:aws:s3:::hostile-bucket/\u001B[31m\n::error::a\u009B ##[error]*"
conditions = { StringLike = { "aws:PrincipalArn" = "\n::error::b\u0085\u009B2J" } }
[roles.Reader]
description = "line\n::error::c ##[add-mask]d"
[[roles.Reader.trust]]
account = "dev"
external_id = "the-secret-id"
[[roles.Reader.allow]]
bucket = "hostile-bucket"
access = "read"
prefix = "\u009B2J\n::error::e/"
[[suppress]]
rule = "no-\u001B[31mrule\n::error::f"
reason = "because\u001B[31m\n::error::g"
"#;

#[tokio::test(start_paused = true)]
async fn whatever_a_file_is_called_and_holds() {
    let folder = folder("file");
    let file = format!("{folder}/{NAME}.toml");
    std::fs::write(&file, MANIFEST).unwrap();
    std::fs::write(
        format!("{folder}/{NAME}.expect.toml"),
        "[[expect]]\nprincipal = \"dev\"\naction = \"ec2:\\u001B\\n::error::x\"\nresource = \"hostile-bucket/\\n::error::x\"\nresult = \"allowed\"\n",
    )
    .unwrap();
    let place = Place::new(Options::default());
    place.good(&["render", &file]).await;
    let commands: &[&[&str]] = &[
        &["validate"],
        &["validate", "--format", "json"],
        &["validate", "--format", "sarif"],
        &["validate", "--format", "github"],
        &["fmt", "--check"],
        &["render"],
        &["graph"],
        &["graph", "--format", "dot"],
        &["graph", "--format", "svg"],
        &["graph", "--format", "html"],
        &["graph", "--from", "plan", "--sandbox"],
        &["graph", "--from", "live", "--sandbox", "--format", "html"],
        &["runner-policy"],
        &["runner-policy", "--json", "--for", "plan"],
        &["runner-policy", "--format", "cloudformation", "--trust", "plan=github:o/r:branch=\u{1b}]0;x\u{7}::error::y"],
        &["runner-policy", "--format", "cloudformation", "--trust", "github:o/r:branch=main"],
        &["runner-policy", "--format", "terraform", "--trust", "github:o/r:environment=\u{202e}::error::%{ if}"],
        &["plan"],
        &["plan", "--json"],
        &["plan", "--diff", "json"],
        &["apply", "--auto-approve"],
        &["plan", "--destroy"],
        &["test"],
        &["test", "--json"],
        &["destroy", "--json", "--auto-approve"],
    ];
    for words in commands {
        let words = [*words, &[file.as_str()]].concat();
        let said = place.run(&words).await;
        assert_harmless(&words, &said, words.contains(&"github"));
        assert!(!said.out.contains("the-secret-id") && !said.err.contains("the-secret-id"), "{words:?}");
    }
}

/// Everything that can be typed and is quoted.
#[tokio::test(start_paused = true)]
async fn whatever_is_typed() {
    let folder = folder("typed");
    let good = format!("{folder}/good.toml");
    std::fs::write(&good, MANIFEST).unwrap();
    let place = Place::new(Options::default());
    let nowhere = format!("{folder}/{NAME}/gone.toml");
    let config = format!("--config={folder}/{NAME}.none");
    let [flag, target, widening, context] = ["--", "--target=", "--deny-widening=", "--context="].map(|flag| format!("{flag}{NAME}"));
    let commands: &[&[&str]] = &[
        &["validate", &nowhere],
        &["plan", &nowhere],
        &["apply", &format!("{folder}/{NAME}")],
        &["test", &format!("{folder}/{NAME}.jsonl")],
        &["plan", &good, &config],
        &["plan", &good, &target],
        &["plan", &good, &widening],
        &["plan", &good, "--policy", &nowhere],
        &["plan", &good, "--report", NAME],
        &["plan", &good, "--report", &format!("markdown={nowhere}")],
        &["validate", &good, "--report", NAME],
        &["validate", &good, "--report", &format!("junit={nowhere}")],
        &["plan", &good, "--report", &format!("events={nowhere}")],
        &["comment", "--file", &nowhere],
        &["comment", "--file", &good, "--pull-request", NAME],
        &["comment", "--file", &good, "--forge", "github", "--repository", NAME],
        &["validate", &flag],
        &[NAME],
        &["explain", NAME, "s3:GetObject", "hostile-bucket", &good],
        &["explain", "dev", NAME, NAME, &good],
        &["explain", "dev", "s3:GetObject", "hostile-bucket", &good, &context],
        &["explain", "dev", "s3:GetObject", "b", "--identity-policy", &nowhere],
        &["explain", "dev", "s3:GetObject", "b", "--via", NAME, &good],
        &["who-can", NAME, NAME, &good],
        &["graph", &good, "--out", &nowhere],
        &["graph", &nowhere],
        &["graph", &format!("{folder}/{NAME}")],
        &["init", &format!("{folder}/{NAME}/first.toml")],
        &["init", &format!("{folder}/{NAME}/first.toml")],
    ];
    for words in commands {
        let said = place.run(words).await;
        assert_harmless(words, &said, false);
    }
}

/// Files that are not what they should be: what is wrong is quoted, with its place.
#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_in_a_file() {
    let folder = folder("wrong");
    let place = Place::new(Options::default());
    let write = |name: &str, text: &str| {
        let path = format!("{folder}/{name}");
        std::fs::write(&path, text).unwrap();
        path
    };
    let head = "name = \"a\"\n[trusting]\naccount = \"222222222222\"\n";
    let wrong = [
        format!("{head}\"\\u001B[31m\\n::error::x ##[error]\" = 1\n"),
        format!("{head}[roles.\"\u{202e}a\u{430}\"]\n"),
        format!("{head}[roles.R] # \u{1b}[31m\u{9b}2J ##[error]x\n"),
        "name = \u{1b}[31m\u{9b}\n::error::x\n".to_owned(),
        "name = \"a\" # \u{1b}[31m\r::error::x\r\n".to_owned(),
        format!("{head}[roles.R]\r\n[[roles.R.trust]]\r\naccount = \"\u{feff}\u{e0041}x\"\r\nexternal_id = \"the secret id\"\r\n"),
    ];
    for (number, text) in wrong.iter().enumerate() {
        let file = write(&format!("{number}.toml"), text);
        for words in [vec!["validate", &file], vec!["validate", "--format", "json", &file], vec!["fmt", "--check", &file], vec!["plan", &file]] {
            let said = place.run(&words).await;
            assert_harmless(&words, &said, false);
            assert!(!said.out.contains("the secret id") && !said.err.contains("the secret id"), "{words:?}: {}{}", said.out, said.err);
        }
    }
    let good = write("good.toml", MANIFEST);
    let settings = ["external_id = \"the-secret-id\"\u{1b}\n", "[accounts.dev]\nexternal_id = 47114711\n", "[\"\\u001B[31m\\n::error::x\"]\n"];
    for text in settings {
        let config = write("crossrole.toml", text);
        let words = ["plan", &good, "--config", &config];
        let said = place.run(&words).await;
        assert_harmless(&words, &said, false);
        assert!(!said.err.contains("the-secret-id") && !said.err.contains("47114711"), "{}", said.err);
    }
    let expectations = write("good.expect.toml", "[[expect]]\nprincipal = \u{1b}[31m\n::error::x\n");
    let cases = write("cases.jsonl", "{\"id\": \"\u{9b}\u{1b}\n::error::x\n");
    let policy = write("policy.json", "{\"Statement\": [{\"\u{9b}\\u001b[31m\\n::error::x\": 1}]}");
    std::fs::create_dir_all(format!("{folder}/rego")).unwrap();
    write("rego/a.rego", "package crossrole\nimport rego.v1\n\u{1b}[31m::error::x\n");
    let rego = format!("{folder}/rego");
    let commands: &[&[&str]] = &[
        &["test", &good],
        &["test", &cases],
        &["explain", "dev", "s3:GetObject", "b", "--identity-policy", &policy],
        &["plan", &good, "--policy", &rego],
        &["apply", &cases],
    ];
    assert!(!expectations.is_empty());
    for words in commands {
        let said = place.run(words).await;
        assert_harmless(words, &said, false);
    }
}

/// What is live was written by whoever could write it.
#[tokio::test(start_paused = true)]
async fn whatever_is_live() {
    let folder = folder("live");
    let file = format!("{folder}/good.toml");
    std::fs::write(&file, MANIFEST.replace("create = true\n", "")).unwrap();
    let place = Place::new(Options::default());
    assert_eq!(place.s3("222222222222", "PUT", "/hostile-bucket", "", "").await.0, 200);
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Sid": NAME, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::hostile-bucket/{NAME}"),
        "Condition": {"StringEquals": {"aws:PrincipalArn": NAME}}
    }]});
    let (status, answer) = place.s3("222222222222", "PUT", "/hostile-bucket", "policy", &policy.to_string()).await;
    assert_eq!(status, 204, "{answer}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let role = [("RoleName", "Reader")];
    place.iam("222222222222", "UpdateRole", &[role[0], ("Description", "a\n::error::b ##[error]c")]).await;
    place.iam("222222222222", "TagRole", &[role[0], ("Tags.member.1.Key", "k\u{430}"), ("Tags.member.1.Value", "\u{430}dmin")]).await;
    let commands: &[&[&str]] = &[&["plan"], &["plan", "--json"], &["plan", "--diff", "json"], &["apply", "--auto-approve"], &["destroy", "--auto-approve"]];
    let reports = ["markdown", "summary", "json", "sarif", "junit", "gitlab-terraform", "gitlab-codequality", "events"];
    let given: Vec<String> = reports.iter().map(|format| format!("--report={format}={folder}/{format}")).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    for words in commands {
        let words = [*words, &[file.as_str()], &given].concat();
        let said = place.run(&words).await;
        for format in reports {
            let text = std::fs::read_to_string(format!("{folder}/{format}")).unwrap();
            assert!(!text.contains("the-secret-id"), "{format}: {text}");
            assert_harmless(&[format], &Said { exit: said.exit, out: text, err: String::new() }, false);
        }
        assert_harmless(&words, &said, false);
        assert!(said.out.contains("Reader"), "{words:?}: {}{}", said.out, said.err);
        let words = ["sandbox", "show"];
        assert_harmless(&words, &place.run(&words).await, false);
    }
}
