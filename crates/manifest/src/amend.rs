//! Changes of a manifest's text that a fix asks for, which keep comments and layout.
//!
//! As with what is taken up: nothing here knows whether a change says what is meant. Whoever tries one reads the new text and plans.

use crossrole_model::diagnosis::{Amend, Amendment, Word};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::take_up::one_or_many;

/// What limits a grant: these words of one are those of another that is to be as narrow.
const LIMITS: [&str; 9] = ["mfa", "mfa_max_age", "external_id", "not_before", "not_after", "expires", "source_ip", "source_vpc", "vpc_endpoint"];

/// Returns a manifest's text with these changes; `None` where it has no place for one of them.
pub fn amended(text: &str, amendments: &[Amendment]) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    // What goes is counted in the text as it was: the last goes first, when all else is said.
    let index = |amendment: &Amendment| if let Amend::Remove { index, .. } = amendment.change { Some(std::cmp::Reverse(index)) } else { None };
    let mut ordered: Vec<&Amendment> = amendments.iter().collect();
    ordered.sort_by_key(|amendment| index(amendment));
    ordered.dedup_by(|one, other| one == other && index(one).is_some());
    for amendment in ordered {
        amend(&mut document, amendment)?;
    }
    Some(document.to_string())
}

fn amend(document: &mut DocumentMut, amendment: &Amendment) -> Option<()> {
    let Amendment { file: _, at, entry, change } = amendment;
    let table = found(document, at)?;
    let table: &mut dyn TableLike = match entry {
        None => table,
        Some((list, index)) => match table.get_mut(list)? {
            Item::ArrayOfTables(list) => list.get_mut(*index)?,
            Item::Value(Value::Array(list)) => list.get_mut(*index)?.as_inline_table_mut()?,
            _ => return None,
        },
    };
    match change {
        Amend::Put { key, word, there } => {
            if *there && table.get(key).is_none() {
                return None;
            }
            put(table, key, value(word)?);
        }
        Amend::Add { key, text, there } => add(table, key, text, *there)?,
        Amend::Remove { list, index } => remove(table, list, *index)?,
        Amend::Append { list, words, like } => {
            let mut new = Table::new();
            for (key, word) in words {
                new.insert(key, Item::Value(value(word)?));
            }
            if let Some(index) = like {
                limits(table, list, *index, &mut new)?;
            }
            append(table, list, new)?;
        }
    }
    Some(())
}

/// The table at a path. A key of KMS has a label, which its ARN tells.
fn found<'d>(document: &'d mut DocumentMut, at: &[String]) -> Option<&'d mut dyn TableLike> {
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in at {
        let label = if key.starts_with("arn:") { label(table, key) } else { None };
        table = table.get_mut(label.as_deref().unwrap_or(key))?.as_table_like_mut()?;
    }
    Some(table)
}

fn label(keys: &dyn TableLike, arn: &str) -> Option<String> {
    let is = |item: &Item| item.as_table_like().and_then(|key| key.get("arn")).and_then(Item::as_str) == Some(arn);
    keys.iter().find(|(_, item)| is(item)).map(|(label, _)| label.to_owned())
}

fn value(word: &Word) -> Option<Value> {
    Some(match word {
        Word::Text(text) => text.as_str().into(),
        Word::List(texts) => texts.iter().map(String::as_str).collect::<Array>().into(),
        Word::Yes => true.into(),
        Word::Instant(text) => text.parse::<toml_edit::Datetime>().ok()?.into(),
        Word::Principals(kinds) => kinds.iter().map(|(kind, values)| (kind.as_str(), one_or_many(values))).collect::<InlineTable>().into(),
        Word::Conditions(operators) => {
            let keys = |keys: &std::collections::BTreeMap<String, Vec<String>>| {
                keys.iter().map(|(key, values)| (key.as_str(), one_or_many(values))).collect::<InlineTable>()
            };
            operators.iter().map(|(operator, of)| (operator.as_str(), Value::from(keys(of)))).collect::<InlineTable>().into()
        }
    })
}

/// In the place of what it replaces, with the comment behind that.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => drop(table.insert(key, Item::Value(value))),
    }
}

fn add(table: &mut dyn TableLike, key: &str, text: &str, there: bool) -> Option<()> {
    match table.get_mut(key) {
        None if there => None,
        None => {
            table.insert(key, Item::Value([text].into_iter().collect::<Array>().into()));
            Some(())
        }
        Some(Item::Value(Value::Array(list))) => {
            if list.iter().any(|value| value.as_str() == Some(text)) {
                return None;
            }
            list.push(text);
            Some(())
        }
        // One text as it is becomes a list.
        Some(Item::Value(Value::String(one))) => {
            let both: Array = [one.value().as_str(), text].into_iter().collect();
            put(table, key, both.into());
            Some(())
        }
        Some(_) => None,
    }
}

/// The limits of a grant that is there.
fn limits(table: &mut dyn TableLike, list: &str, index: usize, new: &mut Table) -> Option<()> {
    let like: &dyn TableLike = match table.get(list)? {
        Item::ArrayOfTables(list) => list.get(index)?,
        Item::Value(Value::Array(list)) => list.get(index)?.as_inline_table()?,
        _ => return None,
    };
    for key in LIMITS {
        if let Some(Item::Value(value)) = like.get(key).filter(|_| !new.contains_key(key)) {
            let mut value = value.clone();
            value.decor_mut().clear();
            new.insert(key, Item::Value(value));
        }
    }
    Some(())
}

/// The last one takes its list with it.
fn remove(table: &mut dyn TableLike, key: &str, index: usize) -> Option<()> {
    let left = match table.get_mut(key)? {
        Item::ArrayOfTables(list) if index < list.len() => {
            list.remove(index);
            list.len()
        }
        Item::Value(Value::Array(list)) if index < list.len() => {
            list.remove(index);
            list.len()
        }
        _ => return None,
    };
    if left == 0 {
        table.remove(key);
    }
    Some(())
}

fn append(table: &mut dyn TableLike, key: &str, mut new: Table) -> Option<()> {
    // An empty line before it, as people write them.
    new.decor_mut().set_prefix("\n");
    match table.get_mut(key) {
        None => drop(table.insert(key, Item::ArrayOfTables(ArrayOfTables::from_iter([new])))),
        Some(Item::ArrayOfTables(list)) => list.push(new),
        Some(Item::Value(Value::Array(list))) => list.push(new.into_inline_table()),
        Some(_) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"x\"\n# kept\n[roles.R]\n\n[[roles.R.trust]]\nuser = \"dev/ann\" # hers\nexternal_id = \"e\"\nsource_ip = \"192.0.2.0/24\"\n\n[keys.k]\narn = \"arn:aws:kms:r:1:key/k\"\n";

    fn one(at: &[&str], entry: Option<(&str, usize)>, change: Amend) -> Option<String> {
        let at = at.iter().map(|key| (*key).to_owned()).collect();
        amended(TEXT, &[Amendment { file: String::new(), at, entry: entry.map(|(list, index)| (list.to_owned(), index)), change }])
    }

    #[test]
    fn a_grant_is_as_narrow_as_the_one_beside_it() {
        let words = vec![("user".to_owned(), Word::Text("dev/bob".to_owned()))];
        let new = one(&["roles", "R"], None, Amend::Append { list: "trust".to_owned(), words, like: Some(0) }).unwrap();
        let tail = "\n[[roles.R.trust]]\nuser = \"dev/bob\"\nexternal_id = \"e\"\nsource_ip = \"192.0.2.0/24\"\n";
        assert!(new.contains(tail) && new.contains("# kept") && new.contains("# hers"), "{new}");
    }

    #[test]
    fn one_text_becomes_a_list() {
        let add = |there| Amend::Add { key: "source_ip".to_owned(), text: "198.51.100.7/32".to_owned(), there };
        let new = one(&["roles", "R"], Some(("trust", 0)), add(true)).unwrap();
        assert!(new.contains("source_ip = [\"192.0.2.0/24\", \"198.51.100.7/32\"]"), "{new}");
        assert_eq!(one(&["roles", "R"], Some(("trust", 1)), add(true)), None);
        assert_eq!(one(&["roles", "R"], None, add(true)), None);
    }

    #[test]
    fn entries_go_by_their_number_in_the_text_as_it_was() {
        let text = "name = \"x\"\n\n[[revoked]]\nuser = \"dev/a\"\n\n# why\n[[revoked]]\nuser = \"dev/b\"\n\n[[revoked]]\nuser = \"dev/c\"\n";
        let gone = |indices: &[usize]| {
            let one = |index: &usize| Amendment {
                file: String::new(),
                at: Vec::new(),
                entry: None,
                change: Amend::Remove { list: "revoked".to_owned(), index: *index },
            };
            amended(text, &indices.iter().map(one).collect::<Vec<_>>())
        };
        assert_eq!(gone(&[0, 1, 1]).unwrap(), "name = \"x\"\n\n[[revoked]]\nuser = \"dev/c\"\n");
        assert_eq!(gone(&[1]).unwrap(), "name = \"x\"\n\n[[revoked]]\nuser = \"dev/a\"\n\n[[revoked]]\nuser = \"dev/c\"\n");
        assert_eq!(gone(&[0, 1, 2]).unwrap(), "name = \"x\"\n");
        assert_eq!(gone(&[3]), None);
    }

    #[test]
    fn a_key_is_found_by_its_arn() {
        let put = Amend::Put { key: "alias".to_owned(), word: Word::Yes, there: false };
        assert!(one(&["keys", "arn:aws:kms:r:1:key/k"], None, put.clone()).unwrap().ends_with("alias = true\n"));
        assert_eq!(one(&["keys", "arn:aws:kms:r:1:key/other"], None, put), None);
    }
}
