//! Mermaid's flowcharts, within the limits of those who draw them.

use crossrole_model::graph::{Graph, Status, ThingKind};

use super::fold::{Folded, Folding, fold};
use super::{Drawn, Picture};
use crate::View;

/// Most characters of a diagram (Mermaid, `maxTextSize`); GitHub draws no longer one.
const TEXT_MOST: usize = 50_000;

/// The picture that shows most and is drawn.
pub(super) fn mermaid(graph: &Graph, view: View) -> String {
    let mut text = String::new();
    for folding in Folding::ALL {
        let folded: Folded<'_> = fold(graph, folding);
        if !folded.fits() && folding != Folding::SortsAnywhere {
            continue;
        }
        text = written(&Picture::drawn(graph, &folded, view));
        if text.chars().count() < TEXT_MOST {
            break;
        }
    }
    text
}

fn written(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    out.push_str(&format!("  accTitle: {}\n", plain(&picture.title)));
    let clustered = |cluster: Option<usize>| picture.nodes.iter().enumerate().filter(move |(_, node)| node.cluster == cluster);
    for (at, heading) in picture.clusters.iter().enumerate() {
        out.push_str(&format!("  subgraph account{at}[\"{}\"]\n", label(heading)));
        for (number, node) in clustered(Some(at)) {
            out.push_str(&format!("    {}\n", shape(number, node.kind, &rows(&node.rows))));
        }
        out.push_str("  end\n");
    }
    for (number, node) in clustered(None) {
        out.push_str(&format!("  {}\n", shape(number, node.kind, &rows(&node.rows))));
    }
    for Drawn { from, to, status, rows: text, .. } in &picture.lines {
        let arrow = match status {
            Status::Gained => "==>",
            Status::Lost | Status::Undecided => "-.->",
            Status::Kept => "-->",
        };
        out.push_str(&format!("  n{from} {arrow}|\"{}\"| n{to}\n", rows(text)));
    }
    for status in [Status::Gained, Status::Lost, Status::Undecided] {
        let numbers: Vec<String> = picture.lines.iter().enumerate().filter(|(_, line)| line.status == status).map(|(at, _)| at.to_string()).collect();
        if !numbers.is_empty() {
            out.push_str(&format!("  linkStyle {} {}\n", numbers.join(","), style(status)));
        }
    }
    if !picture.notes.is_empty() {
        out.push_str(&format!("  notes[\"{}\"]\n", picture.notes.iter().map(|note| rows(&super::words::rows(note))).collect::<Vec<_>>().join("<br/>")));
        out.push_str("  style notes stroke-dasharray:4 4,fill:none\n");
    }
    out
}

/// Colors that can be told from both of GitHub's pages.
fn style(status: Status) -> &'static str {
    match status {
        Status::Gained => "stroke:#1f9d4d,stroke-width:4px",
        Status::Lost => "stroke:#d1393f,stroke-width:2px,stroke-dasharray:8 4",
        Status::Undecided => "stroke:#b97d10,stroke-width:2px,stroke-dasharray:2 4",
        Status::Kept => "stroke-width:1px",
    }
}

fn shape(number: usize, kind: ThingKind, label: &str) -> String {
    let (open, close) = match kind {
        ThingKind::Role => ("[", "]"),
        ThingKind::Bucket => ("[(", ")]"),
        ThingKind::Key => ("{{", "}}"),
        ThingKind::Resource => ("[/", "/]"),
        ThingKind::Unknown => (">", "]"),
        ThingKind::Principal | ThingKind::Group | ThingKind::User | ThingKind::Service | ThingKind::Tokens | ThingKind::Unsigned => ("([", "])"),
    };
    format!("n{number}{open}\"{label}\"{close}")
}

fn rows(rows: &[String]) -> String {
    rows.iter().map(|row| label(row)).collect::<Vec<_>>().join("<br/>")
}

/// A label's text. Whatever is not a letter, a digit or a blank is a character reference (Mermaid, "Entity codes to escape
/// characters"), so that it is neither Mermaid, a directive, Markdown nor HTML; within a word, what is none of these stays.
fn label(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (at, c) in letters.iter().enumerate() {
        let beside = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_alphanumeric());
        let within = "-./".contains(*c) && beside(at.checked_sub(1)) && beside(at.checked_add(1));
        if c.is_alphanumeric() || *c == ' ' || *c == ',' && at > 0 || within {
            out.push(*c);
        } else {
            out.push_str(&format!("#{};", u32::from(*c)));
        }
    }
    out
}

/// What stands outside of quotes: letters, digits and blanks.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() || " ,-".contains(c) { c } else { ' ' }).collect()
}
