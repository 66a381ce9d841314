//! External ids in the text of manifests and settings: what is shown of a file hides them.

use std::ops::Range;

/// Keys whose values are external ids.
const KEYS: [&str; 2] = ["external_id", "sts:externalid"];

/// Where external ids stand, between their quotes. The text need not be TOML: what looks like a value of such a key is one.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut out = Vec::new();
    for key in KEYS {
        for (at, _) in lower.match_indices(key) {
            let from = at + key.len();
            let rest = text.get(from..).unwrap_or_default();
            let value = rest.trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
            if let Some(value) = value.strip_prefix(['=', ':']) {
                quoted(text, text.len() - value.len(), &mut out);
            }
        }
    }
    out
}

/// The texts in quotes of the value that begins at `from`: one, or those of a list.
fn quoted(text: &str, from: usize, out: &mut Vec<Range<usize>>) {
    let mut open: Option<(char, usize)> = None;
    let mut list = false;
    for (at, c) in text.get(from..).unwrap_or_default().char_indices().map(|(at, c)| (from + at, c)) {
        match (open, c) {
            (None, '"' | '\'') => open = Some((c, at + 1)),
            (None, '[') => list = true,
            (None, ']' | '}') => return,
            (None, '\n' | ',') if !list => return,
            (Some((quote, start)), _) if c == quote => {
                out.push(start..at);
                open = None;
            }
            // A quote that is never closed.
            (Some((_, start)), '\n') => {
                out.push(start..at);
                if !list {
                    return;
                }
                open = None;
            }
            _ => {}
        }
    }
    if let Some((_, start)) = open {
        out.push(start..text.len());
    }
}

/// Returns the part of a text with the external ids in it overwritten, byte for byte.
pub(super) fn masked(part: &str, begins: usize, secrets: &[Range<usize>]) -> String {
    let hidden = |at: usize| secrets.iter().any(|range| range.contains(&at));
    let one = |(at, c): (usize, char)| if hidden(begins + at) { "*".repeat(c.len_utf8()) } else { c.to_string() };
    part.char_indices().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{masked, secrets};

    fn shown(text: &str) -> String {
        masked(text, 0, &secrets(text))
    }

    #[test]
    fn external_ids_are_overwritten() {
        assert_eq!(shown("external_id = \"a-b\" # why\nname = \"x\""), "external_id = \"***\" # why\nname = \"x\"");
        assert_eq!(shown("external_id=['ab',\n  \"cé\"]\nname = \"x\""), "external_id=['**',\n  \"***\"]\nname = \"x\"");
        assert_eq!(shown("{ \"sts:ExternalId\" = \"ab\", \"aws:x\" = \"y\" }"), "{ \"sts:ExternalId\" = \"**\", \"aws:x\" = \"y\" }");
        assert_eq!(shown("external_id = \"never closed\nname = \"x\""), "external_id = \"************\nname = \"x\"");
        assert_eq!(shown("# external_id is \"x\""), "# external_id is \"x\"");
    }
}
