//! The access picture: as Mermaid, DOT, SVG and HTML, one drawing in four hands.
//!
//! What is drawn is decided once, in [`Picture`]: nodes and lines with their words, which are harmless on a terminal already. Each
//! form escapes them once more, for what it takes for its own.

mod dot;
mod fold;
mod layout;
mod mermaid;
mod page;
mod svg;
mod words;

use std::collections::BTreeMap;

use crossrole_model::graph::{Basis, Graph, Status, ThingKind};

use crate::View;
use fold::{Folded, Folding, fold};

pub(crate) use page::{escaped, figure, html_page};

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// Mermaid's flowcharts, which GitHub and GitLab draw.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture, for light and dark.
    Svg,
    /// A page with the picture and all of it in words.
    Html,
}

/// Writes a picture.
pub fn graph(graph: &Graph, format: GraphFormat, view: View) -> String {
    match format {
        GraphFormat::Mermaid => mermaid::mermaid(graph, view),
        GraphFormat::Dot => dot::dot(&Picture::of(graph, view)),
        GraphFormat::Svg => svg::svg(&Picture::of(graph, view)),
        GraphFormat::Html => page::page(graph, view),
    }
}

/// What is drawn, in words.
pub(crate) struct Picture {
    basis: Basis,
    title: String,
    /// Headings of accounts.
    clusters: Vec<String>,
    nodes: Vec<Node>,
    lines: Vec<Drawn>,
    notes: Vec<String>,
}

struct Node {
    kind: ThingKind,
    /// Its label, row by row.
    rows: Vec<String>,
    /// All that it stands for.
    whole: String,
    /// Of which cluster.
    cluster: Option<usize>,
}

struct Drawn {
    from: usize,
    to: usize,
    status: Status,
    rows: Vec<String>,
    whole: Vec<String>,
}

impl Picture {
    /// The picture that shows most and can be read.
    pub(crate) fn of(graph: &Graph, view: View) -> Self {
        let folded = Folding::ALL.into_iter().map(|folding| fold(graph, folding)).find(Folded::fits);
        Self::drawn(graph, &folded.unwrap_or_else(|| fold(graph, Folding::SortsAnywhere)), view)
    }

    fn drawn(graph: &Graph, folded: &Folded<'_>, view: View) -> Self {
        let mut clusters: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
        let mut headings = Vec::new();
        let mut nodes = Vec::new();
        for group in &folded.groups {
            let key: Vec<&str> = group.accounts.iter().copied().collect();
            let cluster = words::cluster(graph, &group.accounts).map(|heading| {
                *clusters.entry(key).or_insert_with(|| {
                    headings.push(heading);
                    headings.len() - 1
                })
            });
            let (rows, whole) = words::node(graph, group);
            let kind = group.members.first().map_or(ThingKind::Unknown, |one| if graph.unread.contains_key(*one) { ThingKind::Unknown } else { one.kind() });
            nodes.push(Node { kind, rows, whole, cluster });
        }
        let lines = folded.lines.iter().map(|lines| {
            let (rows, whole) = words::line(graph, lines, view);
            Drawn { from: lines.from, to: lines.to, status: lines.status, rows, whole }
        });
        Self { basis: graph.basis, title: words::title(graph), clusters: headings, lines: lines.collect(), nodes, notes: words::notes(graph, folded) }
    }

    /// The statuses that there are, with their words.
    fn legend(&self) -> Vec<(Status, &'static str)> {
        let all = [Status::Gained, Status::Lost, Status::Undecided, Status::Kept];
        all.into_iter()
            .filter(|status| self.lines.iter().any(|line| line.status == *status))
            .map(|status| (status, words::status(status, self.basis)))
            .collect()
    }
}
