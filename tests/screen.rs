//! Colors: where they are asked for, in text alone, and saying nothing by themselves.

use crossrole_sandbox::Options;

use crate::support::{Place, scenario};

/// Leaves out `ESC [ numbers m`.
fn without_colors(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let (codes, after) = after.split_once('m').unwrap();
        assert!(codes.bytes().all(|b| b.is_ascii_digit() || b == b';'), "{text:?}");
        rest = after;
    }
    out + rest
}

#[tokio::test(start_paused = true)]
async fn colored_text_is_the_same_text() {
    let file = scenario("prod-data");
    let wrong = scenario("invalid/five-mistakes");
    let commands: &[&[&str]] = &[
        &["validate", &file],
        &["validate", &wrong],
        &["plan", &file],
        &["plan", "--deny-widening", &file],
        &["plan", "/nonexistent"],
        &["explain", "dev/group/Developers", "s3:GetObject", "prod-data-bucket/x", "--via", "ProdS3RWRole", &file],
        &["who-can", "s3:GetObject", "prod-data-bucket/x", &file],
        &["apply", "--auto-approve", &file],
    ];
    for words in commands {
        // Each on an AWS of its own: the same call twice is not the same.
        let plain = Place::new(Options::default()).run(words).await;
        let colored = Place::new(Options::default()).run(&[*words, &["--color", "always"]].concat()).await;
        assert!(!plain.out.contains('\u{1b}') && !plain.err.contains('\u{1b}'), "{words:?}");
        assert!(colored.out.contains('\u{1b}') || colored.err.contains('\u{1b}') || words[0] == "who-can", "{words:?}: {}", colored.out);
        assert_eq!(without_colors(&colored.out), plain.out, "{words:?}");
        assert_eq!(without_colors(&colored.err), plain.err, "{words:?}");
        assert_eq!(colored.exit, plain.exit, "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_machines_read_has_no_color() {
    let file = scenario("prod-data");
    let commands: &[&[&str]] = &[
        &["validate", "--format", "json", &file],
        &["validate", "--format", "sarif", &file],
        &["validate", "--format", "github", &file],
        &["plan", "--json", &file],
        &["render", &file],
        &["schema"],
        &["who-can", "s3:GetObject", "prod-data-bucket/x", "--json", &file],
        &["apply", "--auto-approve", "--json", &file],
    ];
    let place = Place::new(Options::default());
    for words in commands {
        let said = place.run(&[*words, &["--color", "always"]].concat()).await;
        assert!(!said.out.contains('\u{1b}'), "{words:?}: {}", said.out);
    }
}
