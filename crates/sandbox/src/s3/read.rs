//! XML in: what a configuration may hold, told by a table of its elements, and what is kept of it.

use roxmltree::{Document, Node};

use crate::error::ApiError;
use crate::xml::escape;

/// What S3 says of XML that is none, or that its schema does not have.
pub(super) fn malformed() -> ApiError {
    ApiError::new(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

/// Reads a body.
pub(super) fn document(body: &[u8]) -> Result<Document<'_>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    Document::parse(text).map_err(|_| malformed())
}

/// The elements of a node that have a name.
pub(super) fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |c| c.is_element() && c.tag_name().name() == name)
}

pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

/// The text of a child; `None` without the child.
pub(super) fn text(node: Node<'_, '_>, name: &'static str) -> Option<String> {
    child(node, name).map(|c| c.text().unwrap_or_default().to_owned())
}

/// The text of the first element of this name, at any depth.
pub(super) fn first(body: &[u8], name: &str) -> Option<String> {
    let document = document(body).ok()?;
    document.descendants().find(|n| n.tag_name().name() == name).map(|n| n.text().unwrap_or_default().to_owned())
}

/// What an element holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    Text,
    Number,
    Flag,
    /// One of these.
    Of(&'static [&'static str]),
    /// These elements.
    Nest(&'static [Element]),
}

/// Name, fewest, most (0: any number), content.
pub(super) type Element = (&'static str, usize, usize, Content);

/// Holds a node to a table of its elements.
pub(super) fn check(node: Node<'_, '_>, elements: &[Element]) -> Result<(), ApiError> {
    let known = |name: &str| elements.iter().any(|(n, ..)| *n == name);
    if node.children().any(|c| c.is_element() && !known(c.tag_name().name())) {
        return Err(malformed());
    }
    for (name, least, most, content) in elements {
        let found: Vec<Node<'_, '_>> = children(node, name).collect();
        if found.len() < *least || (*most > 0 && found.len() > *most) {
            return Err(malformed());
        }
        for one in found {
            let text = one.text().unwrap_or_default().trim();
            let fits = match content {
                Content::Text => true,
                Content::Number => text.parse::<i64>().is_ok(),
                Content::Flag => matches!(text.to_ascii_lowercase().as_str(), "true" | "false"),
                Content::Of(values) => values.contains(&text),
                Content::Nest(inner) => {
                    check(one, inner)?;
                    true
                }
            };
            if !fits {
                return Err(malformed());
            }
        }
    }
    Ok(())
}

/// What is inside a node, as it is read back: prefixes and namespaces gone, the type of a grantee kept.
pub(super) fn inside(node: Node<'_, '_>) -> String {
    let mut out = String::new();
    for child in node.children() {
        if child.is_element() {
            whole(child, &mut out);
        } else if child.is_text() && (!node.children().any(|c| c.is_element())) {
            out.push_str(&escape(child.text().unwrap_or_default()));
        }
    }
    out
}

fn whole(node: Node<'_, '_>, out: &mut String) {
    const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
    let name = node.tag_name().name();
    let kind = node.attribute((XSI, "type")).map(|t| format!(" xmlns:xsi=\"{XSI}\" xsi:type=\"{}\"", escape(t))).unwrap_or_default();
    out.push_str(&format!("<{name}{kind}>{}</{name}>", inside(node)));
}
