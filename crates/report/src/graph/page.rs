//! A page that needs nothing but itself: no script, nothing from elsewhere, and a policy that would stop either.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossrole_model::graph::Graph;
use sha2::{Digest as _, Sha256};

use super::svg::svg_in_page;
use super::{Picture, words};
use crate::View;

/// Most sentences beside a picture: a reader who sees more reads none, and the JSON of a plan has them all.
const SENTENCES_MOST: usize = 1_000;

/// Of the page, beside that of the picture.
const PAGE: &str = include_str!("page.css");

/// Everything that is styled.
const CSS: &[&str] = &[PAGE, super::svg::STYLE];

/// The picture, and all of it in words.
pub(super) fn page(graph: &Graph, view: View) -> String {
    let picture = Picture::of(graph, view);
    let mut body = format!("<h1>{}</h1>\n", escaped(&picture.title));
    body.push_str(&figure(&picture));
    body.push_str(&in_words(graph, view));
    html_page(&picture.title, &body)
}

/// A picture that scrolls where it is wider than the page.
pub(crate) fn figure(picture: &Picture) -> String {
    format!("<div class=\"picture\" tabindex=\"0\">\n{}</div>\n", svg_in_page(picture))
}

/// Each line of the picture, exactly.
fn in_words(graph: &Graph, view: View) -> String {
    let mut out = String::from("<h2>In words</h2>\n");
    let all: Vec<(&str, String)> =
        graph.edges.iter().flat_map(|edge| words::sentences(graph, edge, view).into_iter().map(|text| (super::svg::class(edge.status), text))).collect();
    if all.is_empty() {
        out.push_str("<p>There are no lines.</p>\n");
    } else {
        out.push_str("<ul class=\"words\">\n");
        all.iter().take(SENTENCES_MOST).for_each(|(class, text)| out.push_str(&format!("<li class=\"{class}\">{}</li>\n", escaped(text))));
        out.push_str("</ul>\n");
    }
    let more = all.len().saturating_sub(SENTENCES_MOST);
    if more > 0 {
        out.push_str(&format!("<p class=\"cut\">… and {more} more, which are left out here.</p>\n"));
    }
    if !graph.unread.is_empty() {
        out.push_str("<h2>Could not be read</h2>\n<ul class=\"words\">\n");
        for (thing, why) in &graph.unread {
            let text = format!("{}: {}", words::thing(thing, None), crate::safe(&why.to_string()));
            out.push_str(&format!("<li class=\"undecided\">{}</li>\n", escaped(&text)));
        }
        out.push_str("</ul>\n");
    }
    out
}

/// A page of this body. Its style is known to the policy by its digest, and nothing else is let in (Content Security Policy
/// Level 3, "Usage of hashes").
pub(crate) fn html_page(title: &str, body: &str) -> String {
    let style = format!("\n{}", CSS.concat());
    let digest = STANDARD.encode(Sha256::digest(style.as_bytes()));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{}</title>\n<style>{style}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

/// Text of XML and HTML, in elements and in quoted attributes. What no XML may hold (XML 1.0, "Characters") and what no page may
/// (HTML Living Standard, "noncharacter-in-input-stream") is shown as it is elsewhere.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c) => out.extend(c.escape_unicode()),
            c if c.is_control() && c != '\n' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
