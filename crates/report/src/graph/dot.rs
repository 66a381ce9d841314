//! Graphviz.

use crossrole_model::graph::{Status, ThingKind};

use super::{Drawn, Picture};

/// Most letters of a tooltip.
const TOOLTIP_MOST: usize = 1_000;

pub(super) fn dot(picture: &Picture) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&picture.title));
    let notes: Vec<&str> = std::iter::once(picture.title.as_str()).chain(picture.notes.iter().map(String::as_str)).collect();
    out.push_str(&format!("  graph [rankdir=LR, compound=true, labelloc=t, fontname=\"Helvetica\", label={}];\n", rows(&notes)));
    out.push_str("  node [fontname=\"Helvetica\", fontsize=11, shape=box];\n  edge [fontname=\"Helvetica\", fontsize=10];\n");
    for (at, heading) in picture.clusters.iter().enumerate() {
        out.push_str(&format!("  subgraph cluster_{at} {{\n    label={};\n    style=rounded;\n", quoted(heading)));
        picture.nodes.iter().enumerate().filter(|(_, node)| node.cluster == Some(at)).for_each(|(number, _)| out.push_str(&format!("    n{number};\n")));
        out.push_str("  }\n");
    }
    for (number, node) in picture.nodes.iter().enumerate() {
        out.push_str(&format!("  n{number} [label={}, tooltip={}{}];\n", rows(&node.rows), tooltip(&node.whole), shape(node.kind)));
    }
    for Drawn { from, to, status, rows: text, whole } in &picture.lines {
        let style = match status {
            Status::Gained => "color=\"#1a7f37\", fontcolor=\"#1a7f37\", style=bold, penwidth=2.5",
            Status::Lost => "color=\"#cf222e\", fontcolor=\"#cf222e\", style=dashed",
            Status::Undecided => "color=\"#9a6700\", fontcolor=\"#9a6700\", style=dotted, penwidth=2",
            Status::Kept => "color=\"#57606a\", style=solid",
        };
        out.push_str(&format!("  n{from} -> n{to} [label={}, tooltip={}, {style}];\n", rows(text), tooltip(&whole.join("; "))));
    }
    out.push_str("}\n");
    out
}

fn shape(kind: ThingKind) -> &'static str {
    match kind {
        ThingKind::Role => "",
        ThingKind::Bucket => ", shape=cylinder",
        ThingKind::Key => ", shape=hexagon",
        ThingKind::Resource => ", shape=parallelogram",
        ThingKind::Unknown => ", style=dotted",
        ThingKind::Principal | ThingKind::Group | ThingKind::User | ThingKind::Service | ThingKind::Tokens | ThingKind::Unsigned => ", shape=ellipse",
    }
}

fn tooltip(text: &str) -> String {
    let mut cut: String = text.chars().take(TOOLTIP_MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    quoted(&cut)
}

/// Rows, one below the other.
fn rows<T: AsRef<str>>(rows: &[T]) -> String {
    format!("\"{}\"", rows.iter().map(|row| escaped(row.as_ref())).collect::<Vec<_>>().join("\\n"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Within quotes: a backslash would begin an escape, and `&` a character reference of HTML, which labels have as well (Graphviz,
/// "escString" and "The DOT Language").
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
