//! The tree as lines of text.

use crossrole_model::state::{Encryption, PublicAccessBlock};
use crossrole_policy::{Document, Statement, StatementDiff};

use crate::statement::{sentence, value};
use crate::text::masked;
use crate::{Diff, Line, Tone, View, safe, words};

use super::{Entry, Name, Node, Value};

/// One line each, documents with a line for each statement.
pub(crate) fn lines(nodes: &[Node<'_>], view: View) -> Vec<Line> {
    let mut out = Vec::new();
    for node in nodes {
        match node {
            Node::Field { name, before: Some(before), after } => out.push(changed(0, format!("{}: {} -> {}", called(name), shown(before), shown(after)))),
            Node::Field { name, before: None, after } => out.push(added(0, format!("{}: {}", called(name), shown(after)))),
            Node::Attached { added: is, arn } => out.push(sided(*is, 0, format!("attached {}", safe(arn)))),
            Node::Tag { key, before: Some(before), after: Some(after) } => {
                out.push(changed(0, format!("tag {} = {} -> {}", safe(key), safe(before), safe(after))));
            }
            Node::Tag { key, before: Some(before), after: None } => out.push(sided(false, 0, format!("tag {} = {}", safe(key), safe(before)))),
            Node::Tag { key, before: None, after } => out.push(added(0, format!("tag {} = {}", safe(key), safe(after.unwrap_or_default())))),
            Node::Document { name, before, after, entries } => {
                out.push(Line::plain(0, called(name)));
                document(*before, *after, entries, view, &mut out);
            }
        }
    }
    out
}

fn added(indent: usize, text: String) -> Line {
    Line::new(Tone::Added, indent, "+ ").then([text])
}

fn changed(indent: usize, text: String) -> Line {
    Line::new(Tone::Changed, indent, "~ ").then([text])
}

fn sided(is_added: bool, indent: usize, text: String) -> Line {
    if is_added { added(indent, text) } else { Line::new(Tone::Removed, indent, "- ").then([text]) }
}

fn called(name: &Name) -> String {
    match name {
        Name::Part(part) => safe(&words::part(part)),
        Name::Region => "region".to_owned(),
        Name::BucketPolicy => "bucket policy".to_owned(),
        Name::InlinePolicy => "inline policy".to_owned(),
        Name::KeyPolicy => "key policy".to_owned(),
        Name::Entity => "entity".to_owned(),
        Name::SignIn => "sign-in".to_owned(),
        Name::Certificates => "certificates".to_owned(),
    }
}

fn shown(value: &Value<'_>) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    match value {
        Value::Text("") => "none".to_owned(),
        Value::Text(text) => safe(text),
        Value::Seconds(seconds) if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        Value::Seconds(seconds) => format!("{seconds}s"),
        Value::Days(None) => "never".to_owned(),
        Value::Days(Some(days)) => format!("every {days} days"),
        Value::On(is) => on(*is).to_owned(),
        Value::Found(names) if names.is_empty() => "none".to_owned(),
        Value::Found(names) => names.iter().map(|n| safe(n)).collect::<Vec<_>>().join(", "),
        Value::Names(names) => names.iter().map(|n| safe(n)).collect::<Vec<_>>().join(", "),
        Value::Encryption(Encryption::Aes256) => "AES256".to_owned(),
        Value::Encryption(Encryption::Kms { key, bucket_key }) => format!("KMS {}{}", safe(key), if *bucket_key { " with a bucket key" } else { "" }),
        Value::Block(block) => {
            let PublicAccessBlock { block_acls, ignore_acls, block_policy, restrict_buckets } = *block;
            let parts = [("acls", block_acls), ("ignore acls", ignore_acls), ("policy", block_policy), ("restrict", restrict_buckets)];
            parts.map(|(name, is)| format!("{name} {}", on(is))).join(", ")
        }
        Value::Logging(None) => "off".to_owned(),
        Value::Logging(Some(logging)) => format!("to {}/{}", safe(&logging.bucket), safe(&logging.prefix)),
    }
}

fn document(before: Option<&Document>, after: Option<&Document>, entries: &[Entry], view: View, out: &mut Vec<Line>) {
    if view.diff == Diff::Json {
        json_lines(before, after, view, out);
        return;
    }
    if let (Some(b), Some(a)) = (before, after)
        && b.version != a.version
    {
        let shown = |d: &Document| d.version.clone().unwrap_or_else(|| "none".to_owned());
        out.push(changed(2, format!("version: {} -> {}", safe(&shown(b)), safe(&shown(a)))));
    }
    for entry in entries {
        statement(entry, view, out);
    }
}

fn statement(entry: &Entry, view: View, out: &mut Vec<Line>) {
    let name = |s: &Statement| (!s.sid().is_empty()).then(|| format!("[{}] ", safe(s.sid())));
    let line = |tone: Tone, head: &str, s: &Statement| Line::new(tone, 2, head).then(name(s)).then(sentence(s, view));
    match &entry.statement {
        StatementDiff::Added(s) => out.push(line(Tone::Added, "+ ", s)),
        StatementDiff::Removed(s) => out.push(line(Tone::Removed, "- ", s)),
        StatementDiff::Kept(s) => out.push(line(Tone::Kept, if entry.foreign { "= foreign, kept: " } else { "= " }, s)),
        StatementDiff::Changed { before: _, after, elements } => {
            out.push(line(Tone::Changed, "~ ", after));
            for element in elements {
                let shown = |v: &String| format!("{}: {}", safe(&element.element), value(&element.element, v, view));
                out.extend(element.removed.iter().map(|v| sided(false, 6, shown(v))));
                out.extend(element.added.iter().map(|v| added(6, shown(v))));
            }
        }
    }
}

fn json_lines(before: Option<&Document>, after: Option<&Document>, view: View, out: &mut Vec<Line>) {
    let text = |d: Option<&Document>| d.map(|d| masked(d, view).to_json_pretty() + "\n").unwrap_or_default();
    let (before, after) = (text(before), text(after));
    for change in similar::TextDiff::from_lines(before.as_str(), after.as_str()).iter_all_changes() {
        let (tone, mark) = match change.tag() {
            similar::ChangeTag::Equal => (Tone::Plain, "  "),
            similar::ChangeTag::Delete => (Tone::Removed, "- "),
            similar::ChangeTag::Insert => (Tone::Added, "+ "),
        };
        out.push(Line::new(tone, 2, mark).then([safe(change.value().trim_end_matches('\n'))]));
    }
}
