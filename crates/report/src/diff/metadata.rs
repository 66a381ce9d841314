//! What decides in a SAML provider's metadata: whose it is, where people sign in, and what signs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossrole_model::Part;
use roxmltree::{Document, Node as Element};
use sha2::{Digest as _, Sha256};

use super::{Name, Node, Value, field};

/// Facts of one document; all empty where it is no XML.
#[derive(Debug, Default, PartialEq, Eq)]
struct Facts {
    entity: BTreeSet<String>,
    sign_in: BTreeSet<String>,
    certificates: BTreeSet<String>,
}

/// Adds what differs; where only what decides nothing does, that the text differs.
pub(super) fn fields(before: Option<&str>, after: &str, nodes: &mut Vec<Node<'_>>) {
    let (old, new) = (before.map(Facts::of), Facts::of(after));
    let known = nodes.len();
    let mut add = |name, part: fn(&Facts) -> &BTreeSet<String>| {
        let old = old.as_ref().map(|old| Value::Found(part(old).clone()));
        field(name, old, Value::Found(part(&new).clone()), nodes);
    };
    add(Name::Entity, |f| &f.entity);
    add(Name::SignIn, |f| &f.sign_in);
    add(Name::Certificates, |f| &f.certificates);
    if nodes.len() == known {
        let size = |text: &str| Value::Found(BTreeSet::from([format!("{} bytes, SHA-256 {}", text.len(), digest(text.as_bytes()))]));
        field(Name::Part(Part::Metadata), before.map(size), size(after), nodes);
    }
}

impl Facts {
    fn of(text: &str) -> Self {
        let Ok(document) = Document::parse(text) else { return Self::default() };
        let named = |name: &'static str| document.descendants().filter(move |n| n.is_element() && n.tag_name().name() == name);
        let attributes = |name, attribute| named(name).filter_map(move |n| n.attribute(attribute)).map(str::to_owned).collect();
        Self {
            entity: attributes("EntityDescriptor", "entityID"),
            sign_in: attributes("SingleSignOnService", "Location"),
            certificates: named("X509Certificate").map(|n| certificate(&n)).collect(),
        }
    }
}

/// Digest of a certificate's bytes, as other tools show it; of its text where that is no Base64.
fn certificate(node: &Element<'_, '_>) -> String {
    let text: String = node.text().unwrap_or_default().split_whitespace().collect();
    let bytes = STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes());
    format!("SHA-256 {}", digest(&bytes))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(before: Option<&str>, after: &str) -> Vec<String> {
        let mut nodes = Vec::new();
        fields(before, after, &mut nodes);
        let mut name = |node: Node<'_>| if let Node::Field { name, .. } = node { format!("{name:?}") } else { String::new() };
        nodes.into_iter().map(&mut name).collect()
    }

    #[test]
    fn what_decides_is_told_from_what_does_not() {
        let metadata = |entity: &str, key: &str, more: &str| {
            format!("<m:EntityDescriptor xmlns:m=\"urn:x\" entityID=\"{entity}\"><m:X509Certificate>{key}</m:X509Certificate>{more}</m:EntityDescriptor>")
        };
        let one = metadata("https://a", "AAAA", "");
        assert_eq!(names(None, &one), ["Entity", "SignIn", "Certificates"]);
        assert_eq!(names(Some(&one), &one), Vec::<String>::new());
        assert_eq!(names(Some(&one), &metadata("https://a", "AA\n AA", "")), ["Part(Metadata)"], "spaces in a certificate decide nothing");
        assert_eq!(names(Some(&one), &metadata("https://a", "BBBB", "")), ["Certificates"]);
        assert_eq!(names(Some(&one), &metadata("https://b", "AAAA", "<m:SingleSignOnService Location=\"https://b/in\"/>")), ["Entity", "SignIn"]);
        assert_eq!(names(Some("no XML"), "none either"), ["Part(Metadata)"]);
    }
}
