//! Where everything stands: by layers from left to right, accounts kept together.

use dagre::graph::{Graph as Laid, GraphOptions};
use dagre::layout::types::LabelPos;
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir};

use super::Picture;

/// Width of a letter and height of a row, in pixels of the SVG: those of a sans-serif of 13.
const LETTER: f64 = 7.5;
pub(super) const ROW: f64 = 17.0;

/// Room around a label in its node.
const PADDING: f64 = 14.0;

/// Narrowest node: an account's heading has room above one.
const WIDTH_LEAST: f64 = 165.0;

/// Room above the things of an account, for its heading.
pub(super) const HEADING: f64 = 22.0;

/// A rectangle by its middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    /// Tells whether every reader can draw it.
    fn is_sound(self) -> bool {
        [self.x, self.y, self.width, self.height].iter().all(|number| number.is_finite())
    }

    pub(super) fn left(self) -> f64 {
        self.x - self.width / 2.0
    }

    pub(super) fn top(self) -> f64 {
        self.y - self.height / 2.0
    }
}

/// A line's points, and the middle of its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) label: Rect,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) clusters: Vec<Rect>,
    pub(super) nodes: Vec<Rect>,
    pub(super) routes: Vec<Route>,
}

/// Letters that take the room of two: of East Asian scripts, roughly (Unicode Standard Annex 11).
fn columns(text: &str) -> f64 {
    text.chars().map(|c| if ('\u{1100}'..='\u{ffe6}').contains(&c) && !('\u{1e00}'..='\u{2bff}').contains(&c) { 1.8 } else { 1.0 }).sum()
}

pub(super) fn text_width(text: &str) -> f64 {
    columns(text) * LETTER
}

fn size(rows: &[String]) -> (f64, f64) {
    let widest = rows.iter().map(|row| text_width(row)).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a label has few rows")]
    let height = rows.len() as f64 * ROW;
    (widest, height)
}

/// Lays a picture out. Where the layout of accounts gives no place for something, all is laid out without accounts; then in a grid.
pub(super) fn layout(picture: &Picture) -> Layout {
    layered(picture, true).or_else(|| layered(picture, false)).unwrap_or_else(|| grid(picture))
}

fn layered(picture: &Picture, grouped: bool) -> Option<Layout> {
    let mut laid: Laid<NodeLabel, EdgeLabel> = Laid::with_options(GraphOptions { directed: true, multigraph: true, compound: true });
    let accounts = if grouped { picture.clusters.len() } else { 0 };
    for at in 0..accounts {
        laid.set_node(format!("c{at}"), Some(NodeLabel::default()));
    }
    for (at, node) in picture.nodes.iter().enumerate() {
        let (width, height) = size(&node.rows);
        let label = NodeLabel { width: (width + 2.0 * PADDING).max(WIDTH_LEAST), height: height + PADDING, ..NodeLabel::default() };
        laid.set_node(format!("n{at}"), Some(label));
        if let Some(cluster) = node.cluster.filter(|_| grouped) {
            laid.set_parent(&format!("n{at}"), Some(&format!("c{cluster}")));
        }
    }
    for (at, line) in picture.lines.iter().enumerate() {
        let (width, height) = size(&line.rows);
        let label = EdgeLabel { width: width + PADDING, height: height + 4.0, labelpos: LabelPos::Center, ..EdgeLabel::default() };
        laid.set_edge(format!("n{}", line.from), format!("n{}", line.to), Some(label), Some(&format!("e{at}")));
    }
    let options = LayoutOptions { rankdir: RankDir::LR, nodesep: 34.0, edgesep: 16.0, ranksep: 40.0, marginx: 16.0, marginy: 16.0, ..LayoutOptions::default() };
    dagre::layout(&mut laid, Some(options));
    let place = |name: String| {
        let node = laid.node(&name)?;
        let rect = Rect { x: node.x?, y: node.y?, width: node.width, height: node.height };
        rect.is_sound().then_some(rect)
    };
    let nodes = (0..picture.nodes.len()).map(|at| place(format!("n{at}"))).collect::<Option<Vec<_>>>()?;
    let clusters = (0..accounts).map(|at| place(format!("c{at}"))).collect::<Option<Vec<_>>>()?;
    let route = |(at, line): (usize, &super::Drawn)| {
        let edge = laid.edge(&format!("n{}", line.from), &format!("n{}", line.to), Some(&format!("e{at}")))?;
        let points: Vec<(f64, f64)> = edge.points.iter().map(|point| (point.x, point.y)).collect();
        let label = Rect { x: edge.x?, y: edge.y?, width: edge.width, height: edge.height };
        (label.is_sound() && points.len() > 1 && points.iter().all(|(x, y)| x.is_finite() && y.is_finite())).then_some(Route { points, label })
    };
    let routes = picture.lines.iter().enumerate().map(route).collect::<Option<Vec<_>>>()?;
    Some(framed(nodes, clusters, routes))
}

/// Callers in one column, and all else in another.
fn grid(picture: &Picture) -> Layout {
    let mut nodes = Vec::new();
    let mut y = 16.0;
    for node in &picture.nodes {
        let (width, height) = size(&node.rows);
        let (width, height) = (width + 2.0 * PADDING, height + PADDING);
        let column = if picture.lines.iter().any(|line| picture.nodes.get(line.to).is_some_and(|to| std::ptr::eq(to, node))) { 620.0 } else { 0.0 };
        nodes.push(Rect { x: 16.0 + column + width / 2.0, y: y + height / 2.0, width, height });
        y += height + 24.0;
    }
    let routes = picture.lines.iter().filter_map(|line| {
        let (from, to) = (nodes.get(line.from)?, nodes.get(line.to)?);
        let (width, height) = size(&line.rows);
        let label = Rect { x: f64::midpoint(from.x, to.x), y: f64::midpoint(from.y, to.y), width: width + PADDING, height };
        Some(Route { points: vec![(from.x + from.width / 2.0, from.y), (to.left(), to.y)], label })
    });
    let routes = routes.collect();
    framed(nodes, Vec::new(), routes)
}

/// Everything moved to where nothing is below nought, with the headings of accounts, and how large it is.
fn framed(mut nodes: Vec<Rect>, mut clusters: Vec<Rect>, mut routes: Vec<Route>) -> Layout {
    const MARGIN: f64 = 16.0;
    for cluster in &mut clusters {
        cluster.y -= HEADING / 2.0;
        cluster.height += HEADING;
    }
    let labels = routes.iter().map(|route| route.label);
    let all: Vec<Rect> = nodes.iter().chain(&clusters).copied().chain(labels).collect();
    let points = routes.iter().flat_map(|route| route.points.iter().copied());
    let corners: Vec<(f64, f64)> =
        all.iter().flat_map(|rect| [(rect.left(), rect.top()), (rect.left() + rect.width, rect.top() + rect.height)]).chain(points).collect();
    let least = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    if corners.is_empty() {
        return Layout { width: 2.0 * MARGIN, height: 2.0 * MARGIN, clusters, nodes, routes };
    }
    let (dx, dy) = (MARGIN - least(|c| c.0), MARGIN - least(|c| c.1));
    let (width, height) = (most(|c| c.0) + dx + MARGIN, most(|c| c.1) + dy + MARGIN);
    for rect in nodes.iter_mut().chain(&mut clusters).chain(routes.iter_mut().map(|route| &mut route.label)) {
        rect.x += dx;
        rect.y += dy;
    }
    for (x, y) in routes.iter_mut().flat_map(|route| &mut route.points) {
        *x += dx;
        *y += dy;
    }
    Layout { width, height, clusters, nodes, routes }
}
