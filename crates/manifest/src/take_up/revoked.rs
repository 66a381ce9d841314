//! Entries under `[[revoked]]`, written into a manifest's text.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::edit::as_before;
use super::one_or_many;
use crate::scalar::{in_policies, instant};

/// An entry to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// `role`, `user`, `group`, `permission_set`, `account`, `principal` or `sessions_of`.
    pub key: &'static str,
    /// Whom it names, as manifests do.
    pub name: String,
    /// Seconds since 1970.
    pub since: i64,
    /// Why.
    pub reason: Option<String>,
    /// Sessions that can't be told apart are all denied.
    pub all_sessions: bool,
    /// Patterns over names of sessions.
    pub session_names: Vec<String>,
    /// Patterns over source identities.
    pub source_identities: Vec<String>,
}

impl Entry {
    /// The instant as policies, and manifests, write it.
    pub fn since(&self) -> String {
        time::OffsetDateTime::from_unix_timestamp(self.since).map(in_policies).unwrap_or_default()
    }

    fn table(&self) -> Option<Table> {
        let mut table = Table::new();
        let mut put = |key: &str, value: Value| drop(table.insert(key, Item::Value(value)));
        put(self.key, self.name.as_str().into());
        put("since", Value::Datetime(toml_edit::Formatted::new(self.since().parse().ok()?)));
        if let Some(reason) = &self.reason {
            put("reason", reason.as_str().into());
        }
        if self.all_sessions {
            put("all_sessions", true.into());
        }
        for (key, list) in [("session_name", &self.session_names), ("source_identity", &self.source_identities)] {
            if !list.is_empty() {
                put(key, one_or_many(list));
            }
        }
        Some(table)
    }

    /// With what an earlier one of the same ends, too: the later instant, all patterns, and its reason where there is no new one.
    fn joined(mut self, old: &dyn TableLike) -> Option<Self> {
        let text = |key: &str| old.get(key).and_then(Item::as_str).map(str::to_owned);
        let since = old.get("since").and_then(Item::as_value)?;
        let since = since.as_str().map(str::to_owned).or_else(|| since.as_datetime().map(ToString::to_string))?;
        self.since = self.since.max(instant(&since)?.unix_timestamp());
        self.reason = self.reason.or_else(|| text("reason"));
        self.all_sessions |= old.get("all_sessions").and_then(Item::as_bool).unwrap_or_default();
        for (key, list) in [("session_name", &mut self.session_names), ("source_identity", &mut self.source_identities)] {
            let mut all: Vec<String> = text(key).into_iter().collect();
            all.extend(old.get(key).and_then(Item::as_array).into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)));
            all.extend(std::mem::take(list));
            for one in all {
                if !list.contains(&one) {
                    list.push(one);
                }
            }
        }
        Some(self)
    }
}

/// The labels of trusted accounts in a manifest's text, each with the account's id.
pub fn labels(text: &str) -> Vec<(String, String)> {
    let Ok(document) = text.parse::<DocumentMut>() else { return Vec::new() };
    let trusted = document.get("trusted").and_then(Item::as_table_like);
    let of = |(label, item): (&str, &Item)| Some((label.to_owned(), item.as_table_like()?.get("account")?.as_str()?.to_owned()));
    trusted.into_iter().flat_map(|table| table.iter()).filter_map(of).collect()
}

/// Tells whether a manifest's text has a role of this name under `[roles]`.
pub fn has_role(text: &str, name: &str) -> bool {
    text.parse::<DocumentMut>().is_ok_and(|document| document.get("roles").and_then(Item::as_table_like).is_some_and(|roles| roles.contains_key(name)))
}

/// A manifest's text with an entry at its end, joined with those of the same that were there: nothing that they end comes back. `None` where
/// the text has no place for it, or one of those can't be read.
pub fn with_revoked(text: &str, entry: &Entry) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    // Entries about sessions alone are about those of different people: all of them, and some, stay apart.
    let all = |table: &dyn TableLike| table.get("all_sessions").and_then(Item::as_bool).unwrap_or_default();
    let alike = |table: &dyn TableLike| entry.key != "sessions_of" || all(table) == entry.all_sessions;
    let same = |table: &dyn TableLike| table.get(entry.key).and_then(Item::as_str) == Some(entry.name.as_str()) && alike(table);
    let mut joined = entry.clone();
    let mut text = text.to_owned();
    match document.get_mut("revoked") {
        None => {}
        Some(Item::ArrayOfTables(list)) => {
            let before = list.len();
            for table in list.iter().filter(|table| same(*table)) {
                joined = joined.joined(table)?;
            }
            list.retain(|table| !same(table));
            let (gone, none) = (list.len() < before, list.is_empty());
            if none {
                document.remove("revoked");
            }
            if gone {
                text = as_before(&text, &document.to_string());
            }
        }
        // In one line.
        Some(Item::Value(Value::Array(list))) => {
            for table in list.iter().filter_map(Value::as_inline_table).filter(|table| same(*table)) {
                joined = joined.joined(table)?;
            }
            list.retain(|value| !value.as_inline_table().is_some_and(|table| same(table)));
            list.push(joined.table()?.into_inline_table());
            return Some(as_before(&text, &document.to_string()));
        }
        Some(_) => return None,
    }
    let table = joined.table()?;
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines = vec![String::new(), "[[revoked]]".to_owned()];
    lines.extend(table.to_string().lines().map(str::to_owned));
    let break_before = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    Some(format!("{text}{break_before}{}{end}", lines.join(end)))
}

/// What a rotation of an external id does to a manifest's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation<'r> {
    /// This one is accepted as well.
    Begin(&'r str),
    /// Of two, the last one is accepted, and no other.
    Finish,
}

/// Why an external id can't be rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRotation {
    /// The manifest has no such role.
    NoRole,
    /// None of its trusts asks for an external id.
    NoExternalId,
    /// So many do, and which one is meant is not said.
    Several(usize),
    /// A second one is accepted already.
    Begun,
    /// There is one, so that none is to be dropped.
    NotBegun,
    /// So many are accepted, and not the two of a rotation.
    More(usize),
    /// The text has no place for it.
    Shape,
}

/// A manifest's text with another external id in a trust of a role: the one that asks for one, or the one of this number, from 1.
///
/// # Errors
/// Where it can't be rotated.
pub fn with_external_id(text: &str, role: &str, number: Option<usize>, rotation: Rotation<'_>) -> Result<String, NoRotation> {
    let mut document: DocumentMut = text.parse().map_err(|_| NoRotation::Shape)?;
    let roles = document.get_mut("roles").and_then(Item::as_table_like_mut);
    let role = roles.and_then(|roles| roles.get_mut(role)?.as_table_like_mut()).ok_or(NoRotation::NoRole)?;
    let trusts = role.get_mut("trust").ok_or(NoRotation::NoExternalId)?;
    let mut values: Vec<&mut Value> = match trusts {
        Item::ArrayOfTables(list) => list.iter_mut().filter_map(|table| table.get_mut("external_id")?.as_value_mut()).collect(),
        Item::Value(Value::Array(list)) => list.iter_mut().filter_map(|value| value.as_inline_table_mut()?.get_mut("external_id")).collect(),
        _ => return Err(NoRotation::Shape),
    };
    let count = values.len();
    let at = match (number, count) {
        (_, 0) => return Err(NoRotation::NoExternalId),
        (None, 1) => 0,
        (Some(number), _) if (1..=count).contains(&number) => number - 1,
        _ => return Err(NoRotation::Several(count)),
    };
    rotated(values.get_mut(at).ok_or(NoRotation::Shape)?, rotation)?;
    Ok(as_before(text, &document.to_string()))
}

fn rotated(value: &mut Value, rotation: Rotation<'_>) -> Result<(), NoRotation> {
    let decor = value.decor().clone();
    let known: Vec<String> = match value {
        Value::String(one) => vec![one.value().clone()],
        Value::Array(list) => list.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => return Err(NoRotation::Shape),
    };
    let new: Value = match (rotation, known.as_slice()) {
        (Rotation::Begin(new), [old]) => Array::from_iter([old.as_str(), new]).into(),
        (Rotation::Begin(_), _) => return Err(NoRotation::Begun),
        (Rotation::Finish, [_, new]) => new.as_str().into(),
        (Rotation::Finish, [] | [_]) => return Err(NoRotation::NotBegun),
        // Which of the others are in use, a rotation does not know.
        (Rotation::Finish, more) => return Err(NoRotation::More(more.len())),
    };
    *value = new;
    *value.decor_mut() = decor;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "\n[[revoked]]\nuser = \"dev/Ann\"\nsince = 2026-11-30T18:00:00Z\nreason = 'left \"us\"'\n";

    fn entry() -> Entry {
        Entry { key: "user", name: "dev/Ann".to_owned(), since: 1_796_061_600, reason: Some("left \"us\"".to_owned()), ..Entry::default() }
    }

    #[test]
    fn an_entry_is_put_at_the_end_and_nothing_else_moves() {
        for text in ["", "name = \"x\" # why\n", "# a\n[roles.R]\n  trust = [ ] # b"] {
            let break_before = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            assert_eq!(with_revoked(text, &entry()).unwrap(), format!("{text}{break_before}{ANN}"));
        }
        let crlf = with_revoked("name = \"x\"\r\n", &entry()).unwrap();
        assert_eq!(crlf, format!("name = \"x\"\r\n{}", ANN.replace('\n', "\r\n")));
    }

    #[test]
    fn one_of_the_same_is_replaced_and_others_stay() {
        let text = with_revoked("name = \"x\"\n", &entry()).unwrap() + "\n# Bob\n[[revoked]]\nuser = \"dev/Bob\"\nsince = 2026-01-01T00:00:00Z\n";
        let all = Entry { all_sessions: true, ..entry() };
        let after = with_revoked(&text, &all).unwrap();
        assert_eq!(after.matches("[[revoked]]").count(), 2, "{after}");
        assert!(after.contains("# Bob\n[[revoked]]\nuser = \"dev/Bob\"") && after.ends_with("all_sessions = true\n"), "{after}");
        let inline = with_revoked("revoked = [{ user = \"dev/Bob\", since = 2026-01-01T00:00:00Z }]\nname = \"x\"\n", &all).unwrap();
        assert!(inline.lines().next().unwrap().contains("dev/Ann") && inline.ends_with("name = \"x\"\n"), "{inline}");
    }

    #[test]
    fn what_was_said_of_the_same_stays_said() {
        let old = "since = 2027-01-01T01:00:00+01:00\nreason = \"first\"\nall_sessions = true\nsession_name = \"a*\"\nsource_identity = [\"i\", \"j\"]";
        let inline = format!("revoked = [{{ user = \"dev/Ann\", {} }}]\n", old.replace('\n', ", "));
        for text in [format!("[[revoked]]\nuser = \"dev/Ann\"\n{old}\n"), inline] {
            let new = Entry { reason: None, session_names: vec!["b".to_owned(), "a*".to_owned()], ..entry() };
            let after = with_revoked(&text, &new).unwrap();
            let all = toml::from_str::<toml::Table>(&after).unwrap()["revoked"].clone();
            let wanted = "[[revoked]]\nuser = \"dev/Ann\"\nsince = 2027-01-01T00:00:00Z\nreason = \"first\"\nall_sessions = true\n\
                          session_name = [\"a*\", \"b\"]\nsource_identity = [\"i\", \"j\"]\n";
            assert_eq!(all, toml::from_str::<toml::Table>(wanted).unwrap()["revoked"], "{after}");
            let after = with_revoked(&text, &entry()).unwrap();
            assert!(after.contains("left \"us\"") && !after.contains("first"), "{after}");
        }
        assert_eq!(with_revoked("[[revoked]]\nuser = \"dev/Ann\"\nsince = \"soon\"\n", &entry()), None);
    }

    #[test]
    fn sessions_of_one_and_of_all_are_entries_apart() {
        let of = |identity: &str, all_sessions: bool| Entry {
            key: "sessions_of",
            name: "Joint".to_owned(),
            reason: None,
            all_sessions,
            source_identities: if identity.is_empty() { Vec::new() } else { vec![identity.to_owned()] },
            ..entry()
        };
        let text = with_revoked("name = \"x\"\n", &of("", true)).unwrap();
        let both = with_revoked(&text, &Entry { since: entry().since + 60, ..of("Ann", false) }).unwrap();
        assert_eq!((both.matches("[[revoked]]").count(), both.matches("all_sessions").count()), (2, 1), "{both}");
        let three = with_revoked(&both, &of("Bob", false)).unwrap();
        assert!(three.matches("[[revoked]]").count() == 2 && three.contains("[\"Ann\", \"Bob\"]"), "{three}");
    }

    #[test]
    fn an_external_id_is_joined_by_another_and_then_replaced() {
        let text = "[roles.R]\n[[roles.R.trust]]\naccount = \"dev\"\nexternal_id = \"old-1\" # theirs\n";
        let both = with_external_id(text, "R", None, Rotation::Begin("new-2")).unwrap();
        assert_eq!(both, text.replace("\"old-1\"", "[\"old-1\", \"new-2\"]"));
        assert_eq!(with_external_id(&both, "R", None, Rotation::Begin("x-3")), Err(NoRotation::Begun));
        assert_eq!(with_external_id(&both, "R", None, Rotation::Finish).unwrap(), text.replace("old-1", "new-2"));
        assert_eq!(with_external_id(text, "R", None, Rotation::Finish), Err(NoRotation::NotBegun));
        let three = text.replace("\"old-1\"", "[\"a-1\", \"b-2\", \"c-3\"]");
        assert_eq!(with_external_id(&three, "R", None, Rotation::Finish), Err(NoRotation::More(3)));
        assert_eq!(with_external_id(text, "S", None, Rotation::Finish), Err(NoRotation::NoRole));
        let two = format!("{text}[[roles.R.trust]]\naccount = \"ops\"\nexternal_id = \"other\"\n");
        assert_eq!(with_external_id(&two, "R", None, Rotation::Begin("n")), Err(NoRotation::Several(2)));
        assert!(with_external_id(&two, "R", Some(2), Rotation::Begin("n")).unwrap().ends_with("[\"other\", \"n\"]\n"));
        assert_eq!(with_external_id(&two, "R", Some(3), Rotation::Begin("n")), Err(NoRotation::Several(2)));
    }

    #[test]
    fn labels_are_those_of_the_text() {
        assert_eq!(labels("not TOML"), []);
        let both = [("dev", "111111111111"), ("ops", "1")].map(|(label, id)| (label.to_owned(), id.to_owned()));
        assert_eq!(labels("[trusted.dev]\naccount = \"111111111111\"\n[trusted]\nops = { account = \"1\" }\n"), both);
    }
}
