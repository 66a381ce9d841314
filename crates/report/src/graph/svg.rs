//! The picture as SVG: by classes alone, so that a page's policy on content may forbid styles in attributes.

use crossrole_model::graph::{Status, ThingKind};

use super::layout::{HEADING, ROW, Rect, Route, layout, text_width};
use super::page::escaped;
use super::{Drawn, Node, Picture};

/// Most letters of what is told of one thing to who looks closer: the words beside the picture have all of it.
const TOLD_MOST: usize = 2_000;

/// As wide as this, it may be made smaller to fit a page, and can still be read.
const FITS: f64 = 1_700.0;

/// Colors and lines, for light and dark; contrast is 4.5 to 1 at least (WCAG 2.2, 1.4.3).
pub(super) const STYLE: &str = include_str!("picture.css");

/// A picture that stands by itself.
pub(super) fn svg(picture: &Picture) -> String {
    drawn(picture, Some(STYLE))
}

/// A picture in a page that has its styles.
pub(super) fn svg_in_page(picture: &Picture) -> String {
    drawn(picture, None)
}

fn drawn(picture: &Picture, style: Option<&str>) -> String {
    let laid = layout(picture);
    let foot = footer(picture);
    let widest = foot.iter().map(|line| text_width(&line.text) + 80.0).fold(laid.width, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "there are few lines")]
    let height = laid.height + (foot.len() as f64 + 1.0) * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"access{fits}\" role=\"img\" aria-labelledby=\"access-title access-desc\" \
         viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\">\n<title id=\"access-title\">{}</title>\n<desc id=\"access-desc\">{}</desc>\n",
        escaped(&picture.title),
        escaped(&described(picture)),
        fits = if widest <= FITS { " fits" } else { "" },
        w = number(widest),
        h = number(height),
    );
    if let Some(style) = style {
        out.push_str(&format!("<style>\n{style}</style>\n"));
    }
    out.push_str("<defs>\n");
    for (status, _) in picture.legend() {
        let class = class(status);
        out.push_str(&format!(
            "<marker id=\"access-{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerUnits=\"userSpaceOnUse\" markerWidth=\"11\" markerHeight=\"11\" \
             orient=\"auto-start-reverse\"><path class=\"tip {class}\" d=\"M0 0L10 5L0 10z\"/></marker>\n"
        ));
    }
    out.push_str(&format!("</defs>\n<rect class=\"ground\" width=\"{}\" height=\"{}\"/>\n", number(widest), number(height)));
    for (rect, heading) in laid.clusters.iter().zip(&picture.clusters) {
        out.push_str(&format!("<g class=\"account\"><title>{}</title>{}", escaped(heading), rectangle(*rect, 8)));
        out.push_str(&text(rect.left() + 10.0, rect.top() + HEADING - 5.0, &cut(heading, rect.width - 20.0), "heading"));
        out.push_str("</g>\n");
    }
    for (route, line) in laid.routes.iter().zip(&picture.lines) {
        out.push_str(&edge(route, line));
    }
    for (rect, node) in laid.nodes.iter().zip(&picture.nodes) {
        out.push_str(&drawn_node(*rect, node));
    }
    for (route, line) in laid.routes.iter().zip(&picture.lines) {
        out.push_str(&edge_label(route, line));
    }
    let mut y = laid.height + ROW;
    for Foot { status, text: words } in &foot {
        if let Some(status) = status {
            let class = class(*status);
            out.push_str(&format!("<path class=\"line {class}\" d=\"M16 {y0}H60\" marker-end=\"url(#access-{class})\"/>\n", y0 = number(y - 4.0)));
        }
        out.push_str(&text(if status.is_some() { 70.0 } else { 16.0 }, y, words, "foot"));
        out.push('\n');
        y += ROW;
    }
    out + "</svg>\n"
}

/// A line of the legend, or a note.
struct Foot {
    status: Option<Status>,
    text: String,
}

fn footer(picture: &Picture) -> Vec<Foot> {
    let legend = picture.legend().into_iter().map(|(status, word)| Foot { status: Some(status), text: word.to_owned() });
    legend.chain(picture.notes.iter().map(|note| Foot { status: None, text: note.clone() })).collect()
}

/// The picture in a sentence.
fn described(picture: &Picture) -> String {
    let of = |status: Status| picture.lines.iter().filter(|line| line.status == status).count();
    let lines: Vec<String> = picture.legend().into_iter().map(|(status, word)| format!("{} {word}", of(status))).collect();
    format!("{} callers and resources, and lines between them: {}.", picture.nodes.len(), if lines.is_empty() { "none".to_owned() } else { lines.join(", ") })
}

pub(super) fn class(status: Status) -> &'static str {
    match status {
        Status::Gained => "gained",
        Status::Lost => "lost",
        Status::Undecided => "undecided",
        Status::Kept => "kept",
    }
}

fn sort(kind: ThingKind) -> &'static str {
    match kind {
        ThingKind::Role => "role",
        ThingKind::Bucket => "bucket",
        ThingKind::Key => "key",
        ThingKind::Resource => "resource",
        ThingKind::Unknown => "unknown",
        ThingKind::Principal | ThingKind::Group | ThingKind::User | ThingKind::Service | ThingKind::Tokens | ThingKind::Unsigned => "caller",
    }
}

fn drawn_node(rect: Rect, node: &Node) -> String {
    let round = match sort(node.kind) {
        "caller" => 16,
        "bucket" => 2,
        _ => 5,
    };
    let mut out = format!("<g class=\"node {}\"><title>{}</title>{}", sort(node.kind), escaped(&told(&node.whole)), rectangle(rect, round));
    out.push_str(&centered(rect, &node.rows, "name"));
    out + "</g>\n"
}

fn edge(route: &Route, line: &Drawn) -> String {
    let class = class(line.status);
    format!(
        "<path class=\"line {class}\" d=\"{}\" marker-end=\"url(#access-{class})\"><title>{}</title></path>\n",
        path(&route.points),
        escaped(&told(&line.whole.join("\n")))
    )
}

fn edge_label(route: &Route, line: &Drawn) -> String {
    let rows = centered(route.label, &line.rows, "does");
    format!("<g class=\"label {}\"><title>{}</title>{}{rows}</g>\n", class(line.status), escaped(&told(&line.whole.join("\n"))), rectangle(route.label, 3))
}

/// As much of a heading as there is room for: all of it is told to who looks closer.
fn cut(heading: &str, room: f64) -> String {
    let short = heading.strip_prefix("account ").unwrap_or(heading);
    let mut shown = short.to_owned();
    // Letters in bold are a little wider.
    while text_width(&shown) * 1.12 > room && shown.chars().count() > 2 {
        shown = shown.chars().take(shown.chars().count() - 2).chain(['…']).collect();
    }
    shown
}

fn told(text: &str) -> String {
    let mut cut: String = text.chars().take(TOLD_MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn rectangle(rect: Rect, round: u8) -> String {
    let Rect { width, height, .. } = rect;
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{round}\"/>",
        number(rect.left()),
        number(rect.top()),
        number(width.max(0.0)),
        number(height.max(0.0))
    )
}

fn text(x: f64, y: f64, words: &str, class: &str) -> String {
    format!("<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>", number(x), number(y), escaped(words))
}

/// Rows in the middle of a rectangle.
fn centered(rect: Rect, rows: &[String], class: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a label has few rows")]
    let first = rect.y - (rows.len() as f64 - 1.0) * ROW / 2.0 + 4.5;
    let mut out = format!("<text class=\"{class}\">");
    let mut y = first;
    for row in rows {
        out.push_str(&format!("<tspan x=\"{}\" y=\"{}\">{}</tspan>", number(rect.x), number(y), escaped(row)));
        y += ROW;
    }
    out + "</text>"
}

/// A line through all of the points, level at each, as the layers stand from left to right.
fn path(points: &[(f64, f64)]) -> String {
    let at = |(x, y): (f64, f64)| format!("{} {}", number(x), number(y));
    let mut out = points.first().map(|first| format!("M{}", at(*first))).unwrap_or_default();
    for pair in points.windows(2) {
        if let [(x, y), (next_x, next_y)] = pair {
            let middle = f64::midpoint(*x, *next_x);
            out.push_str(&format!("C{} {} {}", at((middle, *y)), at((middle, *next_y)), at((*next_x, *next_y))));
        }
    }
    out
}

/// Pixels, to a tenth.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
