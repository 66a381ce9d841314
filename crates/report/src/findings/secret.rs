//! External ids in the text of manifests and settings: what is shown of a file hides them.

use std::ops::Range;

/// Keys whose values are external ids, without what people write between the letters.
const KEYS: [&str; 2] = ["externalid", "stsexternalid"];

/// So many letters may be wrong, too many or too few: whoever mistypes the key has still written the value.
const WRONG_MOST: usize = 4;

/// What stands before a sign is looked at no further back than this, in bytes: the key with all that may be wrong with it is no longer, and
/// a line may be as long as its author likes.
const KEY_MOST: usize = 96;

/// Where external ids stand: between their quotes and, where the text is no TOML there, to the end of the line. What looks like a value of
/// such a key is one, and so is what looks like the key.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for (at, sign) in text.match_indices(['=', ':']) {
        let first = (at.saturating_sub(KEY_MOST)..=at).find(|first| text.is_char_boundary(*first)).unwrap_or(at);
        let before = text.get(first..at).unwrap_or_default();
        let begins = before.rfind(['\n', '{', ',', '=']).map_or(0, |before| before + 1);
        if is_key(before.get(begins..).unwrap_or_default()) {
            value(text, at + sign.len(), &mut out);
        }
    }
    unsigned(text, &mut out);
    out
}

/// Tells whether what stands before a sign is, or was meant to be, the key.
fn is_key(written: &str) -> bool {
    // A letter that is written by its number may be any.
    if written.contains('\\') {
        return true;
    }
    let plain = |part: &str| part.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let is_near = |part: &str| {
        let part = plain(part);
        KEYS.iter().any(|key| strsim::osa_distance(key, &part) <= WRONG_MOST) || part.starts_with("ext") && part.ends_with("id")
    };
    plain(written).contains("extern") || written.split(['.', ':']).any(is_near)
}

/// A key without a sign: what stands behind it, to the end of the line.
fn unsigned(text: &str, out: &mut Vec<Range<usize>>) {
    let mut begins = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split('#').next().unwrap_or_default();
        let mut from = 0;
        for word in code.split_inclusive([' ', '\t']) {
            from += word.len();
            let behind = code.get(from..).unwrap_or_default().trim_start();
            let name = word.trim().trim_start_matches(['{', ',']);
            // A bare word, and no value: the key of another value may stand behind it.
            let bare = !name.is_empty() && name.len() <= KEY_MOST && !name.contains(['"', '\'', '=', ':', '[', ']']);
            if bare && !behind.is_empty() && !behind.starts_with(['=', ':', '.']) && is_key(name) {
                out.push(begins + from..begins + line.trim_end().len());
                break;
            }
        }
        begins += line.len();
    }
}

/// The value that begins at `from`: a text in quotes, those of a list, or all of the line.
fn value(text: &str, from: usize, out: &mut Vec<Range<usize>>) {
    let rest = text.get(from..).unwrap_or_default();
    let begins = from + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let rest = text.get(begins..).unwrap_or_default();
    match rest.chars().next() {
        Some('"' | '\'') => {
            let ends = quoted(text, begins, out);
            // What stands behind it on the line, and is nothing of TOML's, was meant to be of it.
            let line = text.get(ends..).unwrap_or_default();
            let line = line.get(..line.find('\n').unwrap_or(line.len())).unwrap_or_default();
            if line.trim_start().starts_with(['"', '\'']) {
                out.push(ends..ends + line.len());
            }
        }
        Some('[') => list(text, begins + 1, out),
        // Its value stands on the next line.
        Some('\n' | '\r') => {
            let next = begins + rest.len() - rest.trim_start().len();
            if text.get(next..).is_some_and(|rest| rest.starts_with(['"', '\''])) {
                let _ = quoted(text, next, out);
            }
        }
        _ => out.push(begins..begins + rest.find('\n').unwrap_or(rest.len())),
    }
}

/// The text in quotes that begins at `from`, and where it ends. One that no quote ends on its line goes on to the next quote there is.
fn quoted(text: &str, from: usize, out: &mut Vec<Range<usize>>) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let one = if rest.starts_with('"') { "\"" } else { "'" };
    let three = one.repeat(3);
    let quote = if rest.starts_with(&three) { three.as_str() } else { one };
    let start = from + quote.len();
    let inner = text.get(start..).unwrap_or_default();
    let mut escaped = false;
    let ends = inner.char_indices().find(|(at, c)| {
        let ends = !escaped && inner.get(*at..).is_some_and(|rest| rest.starts_with(quote));
        escaped = one == "\"" && *c == '\\' && !escaped;
        ends
    });
    let end = start + ends.map_or(inner.len(), |(at, _)| at);
    out.push(start..end);
    end + quote.len()
}

/// The texts of a list.
fn list(text: &str, from: usize, out: &mut Vec<Range<usize>>) {
    let mut at = from;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match c {
            '"' | '\'' => at = quoted(text, at, out),
            ']' => return,
            ' ' | '\t' | '\n' | '\r' | ',' => at += 1,
            // Not a text: all of the line.
            _ => {
                let line = text.get(at..).unwrap_or_default();
                let end = at + line.find('\n').unwrap_or(line.len());
                out.push(at..end);
                at = end;
            }
        }
    }
}

/// Returns the part of a text with the external ids in it overwritten, byte for byte; lines stay lines.
pub(super) fn masked(part: &str, begins: usize, secrets: &[Range<usize>]) -> String {
    let hidden = |at: usize| secrets.iter().any(|range| range.contains(&at));
    let one = |(at, c): (usize, char)| if c != '\n' && hidden(begins + at) { "*".repeat(c.len_utf8()) } else { c.to_string() };
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
        assert_eq!(shown("external_id = \"never closed\nname = \"x\""), "external_id = \"************\n*******\"x\"");
        assert_eq!(shown("# external_id is \"x\""), "# external_id is \"x\"");
    }

    /// The mistakes that people make: what they wrote is the value all the same.
    #[test]
    fn so_they_are_where_the_line_has_a_mistake() {
        for line in [
            "externalid = \"SECRET\"",
            "external-id = \"SECRET\"",
            "externl_id = \"SECRET\"",
            "extenral_id = \"SECRET\"",
            "extid = \"SECRET\"",
            "External_Id: SECRET",
            "external_id = SECRET",
            "external_id SECRET",
            "external_id =\n  \"SECRET\"",
            "external_id = \"a\" \"SECRET\"",
            "account = \"dev\", external_id \"SECRET\"",
            "user = \"dev/x\" external_id \"SECRET\"",
            "external_id.x = \"SECRET\"",
            "external_id . x = \"SECRET\"",
            "\"extern\\u0061l_id\" = \"SECRET\"",
            "\"\\u0065xternal_id\" = \"SECRET\"",
            "external_id = \"a\\\"SECRET\"",
            "external_id = \"SECRET\nSECRET\"",
            "external_id = '''SECRET'SECRET'''",
            "external_id = \"\"\"\nSECRET\"SECRET\"\"\"",
            "external_id = [SECRET, \"SECRET\"]",
            "external_id = [\"SECRET\\\"SECRET\"]",
            "trust = { account = \"dev\", externl_id = \"SECRET\" }",
            "trust = { account = \"dev\", externl_id = SECRET }",
        ] {
            let said = shown(&format!("name = \"x\"\n{line}\n"));
            assert!(said.starts_with("name = \"x\"\n") && !said.contains("SECRET"), "{line}: {said}");
        }
    }

    /// A line is as long as its author likes, and is looked at once.
    #[test]
    fn a_long_line_costs_no_more_than_its_length() {
        let line = format!("# {}\nexternal_id = \"SECRET\"\n", "a:é=".repeat(50_000));
        assert!(!shown(&line).contains("SECRET"));
        assert_eq!(secrets(&line).len(), 1);
    }

    /// What the others say is read.
    #[test]
    fn nothing_else_is_overwritten() {
        let text = "name = \"x\"\naccount = \"222222222222\"\n[roles.Internal]\ndescription = \"reads\"\nrole = \"dev/External\"\nactions = [\"s3:GetObject\"]\n\
                    arn = \"arn:aws:kms:us-east-1:222222222222:key/1\"\nexcept = [\"x\"]\nextra = 1\nsource_ip = [\"203.0.113.0/24\"]\n";
        assert_eq!(shown(text), text);
    }
}
