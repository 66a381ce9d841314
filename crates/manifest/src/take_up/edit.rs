//! Edits of a manifest's text.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::respell::{self, Respelling};
use super::{Attempt, comments};

/// Keys from the top of a manifest.
pub(crate) type Path = Vec<String>;

/// One edit.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// A key of a table gets this value, or goes.
    Put { at: Path, key: String, value: Option<Value> },
    /// A list of texts gets some, and loses others.
    Members { at: Path, key: &'static str, add: BTreeSet<String>, remove: BTreeSet<String> },
    /// A list of tables gets one more.
    Append { at: Path, key: &'static str, table: Table },
    /// The table of a list that begins at this byte goes.
    Take { start: usize },
    /// A word of the table of a list that begins at this byte gets this value, or goes.
    Word { start: usize, key: &'static str, value: Option<Value> },
    /// The words of the table of a list that begins at this byte say another statement.
    Respell { start: usize, wanted: Box<Respelling> },
}

/// Returns a manifest's text with the edits of an attempt; `None` where it has no place for one of them.
pub fn edited(text: &str, attempt: &Attempt) -> Option<String> {
    let lines = text.replace("\r\n", "\n");
    Some(as_before(text, &edited_lines(&lines, &in_lines(text, attempt))?))
}

/// The attempt at a text whose lines end without carriage returns: each of them before a place is one byte less.
fn in_lines(text: &str, attempt: &Attempt) -> Attempt {
    let moved = |at: usize| at - text.get(..at).unwrap_or_default().matches("\r\n").count();
    let ends = text.contains("\r\n");
    let mut attempt = attempt.clone();
    attempt.key = attempt.key.map(moved);
    for edit in &mut attempt.edits {
        match edit {
            Edit::Take { start } | Edit::Word { start, .. } | Edit::Respell { start, .. } => *start = moved(*start),
            // In several lines, it would get what ends those of the file.
            Edit::Put { value: Some(value), .. } if ends || value.as_str().is_some_and(|text| text.contains('\r')) => in_one_line(value),
            Edit::Put { .. } | Edit::Members { .. } | Edit::Append { .. } => {}
        }
    }
    attempt
}

/// A text of several lines is written in one.
fn in_one_line(value: &mut Value) {
    let Some(text) = value.as_str().filter(|text| text.contains('\n')) else { return };
    let written: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    if let Ok(one) = format!("\"{written}\"").parse() {
        *value = one;
    }
}

fn edited_lines(text: &str, attempt: &Attempt) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let edits = labelled(text, attempt)?;
    // All at once, and before anything else: places are those of the text as it is.
    let starts: BTreeSet<usize> = edits.iter().filter_map(|edit| if let Edit::Take { start } = edit { Some(*start) } else { None }).collect();
    for edit in &edits {
        match edit {
            Edit::Word { start, key, value } => in_list(text, *start, &mut document, |table, _| {
                respell::word(table, key, value.clone());
                Some(())
            })?,
            Edit::Respell { start, wanted } => in_list(text, *start, &mut document, |table, list| respell::respell(table, list, wanted))?,
            Edit::Put { .. } | Edit::Members { .. } | Edit::Append { .. } | Edit::Take { .. } => {}
        }
    }
    take(text, &starts, &mut document)?;
    for edit in &edits {
        match edit {
            Edit::Put { at, key, value: Some(value) } => put(made(&mut document, at)?, key, value),
            Edit::Put { at, key, value: None } => drop(found(&mut document, at)?.remove(key)?),
            Edit::Members { at, key, add, remove } => members(found(&mut document, at)?, key, add, remove)?,
            Edit::Append { at, key, table } => append(made(&mut document, at)?, key, table)?,
            Edit::Take { .. } | Edit::Word { .. } | Edit::Respell { .. } => {}
        }
    }
    for edit in &edits {
        if let Edit::Put { at, .. } = edit {
            tidy(&mut document, at);
        }
    }
    Some(comments::kept(text, document.to_string()))
}

/// The edits, with the label of the object's table where that is found by where it stands.
fn labelled(text: &str, attempt: &Attempt) -> Option<Vec<Edit>> {
    let Some(start) = attempt.key else { return Some(attempt.edits.clone()) };
    let parsed = DeTable::parse(text).ok()?;
    let label = |list: &String| {
        let tables = parsed.get_ref().get(list.as_str())?.get_ref().as_table()?;
        tables.iter().find(|(key, _)| key.span().start == start).map(|(key, _)| key.get_ref().to_string())
    };
    let mut edits = attempt.edits.clone();
    for edit in &mut edits {
        if let Edit::Put { at, .. } | Edit::Members { at, .. } | Edit::Append { at, .. } = edit {
            let own = label(at.first()?)?;
            *at.get_mut(1)? = own;
        }
    }
    Some(edits)
}

/// With the ends of lines, and the mark at the beginning, that the text had.
pub(super) fn as_before(text: &str, edited: &str) -> String {
    const MARK: char = '\u{feff}';
    let lines = edited.trim_start_matches(MARK).replace("\r\n", "\n");
    let lines = if text.contains("\r\n") { lines.replace('\n', "\r\n") } else { lines };
    if text.starts_with(MARK) { format!("{MARK}{lines}") } else { lines }
}

/// A table in one line is laid out as such, and goes when nothing is left in it.
fn tidy(document: &mut DocumentMut, at: &[String]) {
    let Some((key, above)) = at.split_last() else { return };
    let Some(table) = found(document, above) else { return };
    match table.get_mut(key).and_then(Item::as_inline_table_mut) {
        Some(inner) if inner.is_empty() => drop(table.remove(key)),
        Some(inner) if comments::comments(&inner.to_string()).is_empty() => inner.fmt(),
        _ => {}
    }
}

/// The table at a path.
fn found<'d>(document: &'d mut DocumentMut, at: &[String]) -> Option<&'d mut dyn TableLike> {
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in at {
        table = table.get_mut(key)?.as_table_like_mut()?;
    }
    Some(table)
}

/// The same; below an object's own table, those that are not there are made: tags in a line, others under a header.
fn made<'d>(document: &'d mut DocumentMut, at: &[String]) -> Option<&'d mut dyn TableLike> {
    let own = at.iter().position(|key| key == "tags" || key == "inline").unwrap_or(at.len());
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (depth, key) in at.iter().enumerate() {
        if depth >= own && table.get(key).is_none() {
            let new = if key == "tags" { Item::Value(InlineTable::new().into()) } else { Item::Table(implicit()) };
            table.insert(key, new);
        }
        table = table.get_mut(key)?.as_table_like_mut()?;
    }
    Some(table)
}

fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// In the place of what it replaces, with the comment behind that.
fn put(table: &mut dyn TableLike, key: &str, value: &Value) {
    let mut value = value.clone();
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => drop(table.insert(key, Item::Value(value))),
    }
}

fn members(table: &mut dyn TableLike, key: &str, add: &BTreeSet<String>, remove: &BTreeSet<String>) -> Option<()> {
    if table.get(key).is_none() {
        table.insert(key, Item::Value(Array::new().into()));
    }
    let list = table.get_mut(key)?.as_array_mut()?;
    for text in remove {
        // A policy may stand there by its name.
        let is = |value: &Value| value.as_str().is_some_and(|is| is == text || text.ends_with(&format!(":policy/{is}")));
        let at = list.iter().position(is)?;
        without(list, at);
    }
    for text in add {
        list.push(text.as_str());
    }
    // Of a group, an empty list says that nobody is in it, and none says nothing; a provider without audiences is not one of the usual.
    if list.is_empty() && key == "policies" {
        table.remove(key);
    }
    Some(())
}

/// Takes an element out of a list. What stands behind its comma, as a comment on it does, is the beginning of the next, or of the end.
pub(super) fn without(list: &mut Array, at: usize) {
    let removed = list.remove(at);
    let before = removed.decor().prefix().and_then(|text| text.as_str()).unwrap_or_default().to_owned();
    let own = |after: &str| after.split_once('\n').map_or(String::new(), |(_, rest)| format!("\n{rest}"));
    let line = before.split_once('\n').map_or(before.as_str(), |(line, _)| line).to_owned();
    if let Some(next) = list.get_mut(at) {
        let kept = own(next.decor().prefix().and_then(|text| text.as_str()).unwrap_or_default());
        next.decor_mut().set_prefix(if kept.is_empty() { before } else { format!("{line}{kept}") });
    } else {
        let kept = own(list.trailing().as_str().unwrap_or_default());
        list.set_trailing(if kept.is_empty() { String::new() } else { format!("{line}{kept}") });
    }
}

fn append(table: &mut dyn TableLike, key: &str, new: &Table) -> Option<()> {
    match table.get_mut(key) {
        None => drop(table.insert(key, Item::ArrayOfTables(ArrayOfTables::from_iter([new.clone()])))),
        Some(Item::ArrayOfTables(list)) => list.push(new.clone()),
        Some(Item::Value(Value::Array(list))) => list.push(new.clone().into_inline_table()),
        Some(_) => return None,
    }
    Some(())
}

/// Edits the table of a list that begins at this byte, by the name of that list.
fn in_list(text: &str, start: usize, document: &mut DocumentMut, edit: impl FnOnce(&mut dyn TableLike, &str) -> Option<()>) -> Option<()> {
    let parsed = DeTable::parse(text).ok()?;
    let mut places: BTreeMap<Path, BTreeSet<usize>> = BTreeMap::new();
    walk(parsed.get_ref(), &mut Vec::new(), &mut BTreeSet::from([start]), &mut places);
    let (path, indices) = places.into_iter().next()?;
    let (key, above) = path.split_last()?;
    let index = *indices.first()?;
    match found(document, above)?.get_mut(key)? {
        Item::ArrayOfTables(list) => edit(list.get_mut(index)?, key),
        Item::Value(Value::Array(list)) => {
            let table = list.get_mut(index)?.as_inline_table_mut()?;
            edit(table, key)?;
            if comments::comments(&table.to_string()).is_empty() {
                table.fmt();
            }
            Some(())
        }
        _ => None,
    }
}

/// Takes the tables that begin at these bytes out of their lists.
fn take(text: &str, starts: &BTreeSet<usize>, document: &mut DocumentMut) -> Option<()> {
    let parsed = DeTable::parse(text).ok()?;
    let mut places: BTreeMap<Path, BTreeSet<usize>> = BTreeMap::new();
    let mut left = starts.clone();
    walk(parsed.get_ref(), &mut Vec::new(), &mut left, &mut places);
    if !left.is_empty() {
        return None;
    }
    for (mut path, indices) in places {
        let key = path.pop()?;
        let table = found(document, &path)?;
        let empty = match table.get_mut(&key)? {
            Item::ArrayOfTables(list) => {
                indices.iter().rev().for_each(|at| drop(list.remove(*at)));
                list.is_empty()
            }
            Item::Value(Value::Array(list)) => {
                indices.iter().rev().for_each(|at| without(list, *at));
                list.is_empty()
            }
            _ => return None,
        };
        if empty {
            table.remove(&key);
        }
    }
    Some(())
}

fn walk(table: &DeTable<'_>, path: &mut Path, left: &mut BTreeSet<usize>, places: &mut BTreeMap<Path, BTreeSet<usize>>) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => walk(inner, path, left, places),
            DeValue::Array(list) => {
                for (index, one) in list.iter().enumerate() {
                    if left.remove(&one.span().start) {
                        places.entry(path.clone()).or_default().insert(index);
                    }
                }
            }
            _ => {}
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use crossrole_model::{AccountId, Address, Kind};

    use super::*;

    fn attempt(edits: Vec<Edit>) -> Attempt {
        Attempt { address: Address::new(&AccountId::nobody(), Kind::Role, "R"), part: None, file: "m.toml".into(), key: None, edits }
    }

    fn path(keys: &[&str]) -> Path {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    /// That nobody is in a group is another thing than that nothing is said of it; of a role's policies it is the same.
    #[test]
    fn a_list_that_means_something_when_empty_stays() {
        let text = "[groups.G]\nmembers = [\"ann\"] # who\n[roles.R]\npolicies = [\"A\"]\n[oidc_providers.p]\nclient_ids = [\"a\"]\n";
        let of = |at: &[&str], key, gone: &str| Edit::Members { at: path(at), key, add: BTreeSet::new(), remove: BTreeSet::from([gone.to_owned()]) };
        let edits = vec![of(&["groups", "G"], "members", "ann"), of(&["roles", "R"], "policies", "A"), of(&["oidc_providers", "p"], "client_ids", "a")];
        let expected = "[groups.G]\nmembers = [] # who\n[roles.R]\n[oidc_providers.p]\nclient_ids = []\n";
        assert_eq!(edited(text, &attempt(edits)).as_deref(), Some(expected));
    }

    const TRUST: &str =
        "[roles.R]\ndescription = '''\none\ntwo'''\ntrust = [\n  { account = \"dev\" }, # first\n  # the second\n  { service = \"ec2\" }, # ec2\n]\n";

    /// The byte at which this text begins.
    fn start(of: &str, text: &str) -> usize {
        text.find(of).unwrap_or_else(|| panic!("{of}"))
    }

    /// A comment stays with what it is of, or on a line of its own, whatever ends the lines.
    #[test]
    fn what_is_taken_out_of_a_list_leaves_the_comments_of_the_rest() {
        for (gone, expected) in [
            ("{ service", "  { account = \"dev\" }, # first\n  # the second\n  # ec2\n]\n"),
            ("{ account", "  # first\n\n  # the second\n  { service = \"ec2\" }, # ec2\n]\n"),
        ] {
            for end in ["\n", "\r\n"] {
                let text = TRUST.replace('\n', end);
                let edited = edited(&text, &attempt(vec![Edit::Take { start: start(gone, &text) }])).unwrap_or_default();
                let (head, rest) = edited.split_once(&format!("trust = [{end}")).unwrap_or_default();
                assert_eq!((head, rest.replace(end, "\n").as_str()), (text.split_once("trust").unwrap_or_default().0, expected), "{end:?}: {edited}");
            }
        }
    }

    /// A text of several lines is what it is meant to be, whatever ends the lines around it.
    #[test]
    fn a_text_of_several_lines_is_the_same_in_any_file() {
        for end in ["\n", "\r\n"] {
            for value in ["three\nfour \"quoted\" \\ \t", "three\r\nfour", "# no comment\n\n", "one line"] {
                let text = TRUST.replace('\n', end);
                let edit = Edit::Put { at: path(&["roles", "R"]), key: "description".to_owned(), value: Some(value.into()) };
                let edited = edited(&text, &attempt(vec![edit])).unwrap_or_default();
                let meant: toml::Table = edited.parse().unwrap_or_else(|e| panic!("{e}: {edited}"));
                assert_eq!(meant["roles"]["R"]["description"].as_str(), Some(value), "{end:?}: {edited}");
                assert_eq!(comments::comments(&edited).len(), 3, "{edited}");
                assert!(end == "\n" || edited.matches('\n').count() == edited.matches("\r\n").count(), "{edited:?}");
            }
        }
    }
}
