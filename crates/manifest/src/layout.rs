//! How a manifest is laid out; comments stay.

use toml_edit::{DocumentMut, Item, Table, Value};

/// One blank line before a table, none elsewhere but between comment blocks; one blank around `=`; comments stay.
///
/// # Errors
/// It is not TOML: in which line, and why.
pub fn formatted(text: &str) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| in_line(text, e.span(), e.message()))?;
    table(document.as_table_mut(), true);
    let mut out = document.to_string();
    while out.contains("\n\n\n") {
        out = out.replace("\n\n\n", "\n\n");
    }
    Ok(format!("{}\n", out.trim()))
}

/// A message with its line; never the line itself, which may hold what is not for everybody.
pub(crate) fn in_line(text: &str, span: Option<std::ops::Range<usize>>, message: &str) -> String {
    match span.and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message.to_owned(),
    }
}

/// The comments before a header or key, each on a line of its own.
fn comments(prefix: &str) -> String {
    prefix.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| format!("{l}\n")).collect()
}

fn table(table_: &mut Table, root: bool) {
    if !root {
        let before = table_.decor().prefix().and_then(|p| p.as_str()).map(comments).unwrap_or_default();
        table_.decor_mut().set_prefix(format!("\n{before}"));
    }
    for (mut key, item) in table_.iter_mut() {
        match item {
            Item::Table(inner) => table(inner, false),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(|inner| table(inner, false)),
            Item::Value(value) => {
                let before = key.leaf_decor().prefix().and_then(|p| p.as_str()).map(comments).unwrap_or_default();
                key.leaf_decor_mut().set_prefix(before);
                key.leaf_decor_mut().set_suffix(" ");
                spaced(value);
            }
            Item::None => {}
        }
    }
}

fn spaced(value: &mut Value) {
    let after = value.decor().suffix().and_then(|s| s.as_str()).map(|s| s.trim().to_owned()).unwrap_or_default();
    value.decor_mut().set_prefix(" ");
    value.decor_mut().set_suffix(if after.is_empty() { String::new() } else { format!(" {after}") });
}

#[cfg(test)]
mod tests {
    use super::formatted;

    #[test]
    fn lays_out_and_keeps_comments() {
        let text = "# top\nname='x'   # why\n\n\n[a]\n\n# before\nb   =1\n[a.c]\n  d = [ 1,\n 2 ]\n";
        let want = "# top\nname = 'x' # why\n\n[a]\n# before\nb = 1\n\n[a.c]\nd = [ 1,\n 2 ]\n";
        assert_eq!(formatted(text).unwrap(), want);
        assert_eq!(formatted(want).unwrap(), want);
    }
}
