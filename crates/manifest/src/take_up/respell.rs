//! The words of one table of a manifest, changed as little as makes it say another statement.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::AccountId;
use crossrole_policy::{Arn, Conditions, Element, Principal, Statement};
use toml_edit::{InlineTable, Item, TableLike, Value};

use super::edit::without;
use super::one_or_many;

/// Labels of accounts.
pub(super) type Labels = BTreeMap<AccountId, String>;

/// Kinds of principals that are named one by one.
const NAMED: [&str; 5] = ["user", "role", "account", "service", "principal"];

/// Words that stand for a condition, by its operator and key, each under the tables that know it.
const WORDS: [(&str, &str, &str, &[&str]); 11] = [
    ("mfa", "Bool", "aws:MultiFactorAuthPresent", &["trust"]),
    ("external_id", "StringEquals", "sts:ExternalId", &["trust"]),
    ("expires", "DateLessThan", "aws:CurrentTime", &["trust", "allow"]),
    ("not_before", "DateGreaterThanEquals", "aws:CurrentTime", &["trust"]),
    ("not_after", "DateLessThanEquals", "aws:CurrentTime", &["trust"]),
    ("source_ip", "IpAddress", "aws:SourceIp", &["trust"]),
    ("source_vpc", "StringEquals", "aws:SourceVpc", &["trust"]),
    ("vpc_endpoint", "StringEquals", "aws:SourceVpce", &["trust"]),
    ("source_account", "StringEquals", "aws:SourceAccount", &["trust"]),
    ("source_arn", "ArnLike", "aws:SourceArn", &["trust"]),
    ("mfa_max_age", "NumericLessThan", "aws:MultiFactorAuthAge", &["trust"]),
];

/// What a table is made to say.
#[derive(Debug, Clone)]
pub(crate) struct Respelling {
    pub(super) said: Statement,
    pub(super) live: Statement,
    pub(super) labels: Labels,
}

/// Changes the words of a table, which stands in a list of this name; `None` where they can't say it.
pub(super) fn respell(table: &mut dyn TableLike, list: &str, wanted: &Respelling) -> Option<()> {
    // No `..`: a new field stops the build until someone decides.
    let Statement { sid, effect, principal, action, resource, conditions } = &wanted.live;
    let said = &wanted.said;
    if *effect != said.effect || resource.is_some() != said.resource.is_some() || principal.is_some() != said.principal.is_some() {
        return None;
    }
    if *sid != said.sid {
        word(table, "sid", sid.as_deref().filter(|sid| !sid.is_empty()).map(Value::from));
    }
    actions(table, list, &said.action, action)?;
    if let (Some(said), Some(live)) = (&said.resource, resource) {
        elements(table, ["resources", "not_resources"], said, live)?;
    }
    if let (Some(said), Some(live)) = (&said.principal, principal) {
        principals(table, said, live, &wanted.labels)?;
    }
    self::conditions(table, list, &said.conditions, conditions)
}

fn texts(values: &[String]) -> BTreeSet<&String> {
    values.iter().collect()
}

fn actions(table: &mut dyn TableLike, list: &str, said: &Element, live: &Element) -> Option<()> {
    if list != "trust" {
        return elements(table, ["actions", "not_actions"], said, live);
    }
    let (had, has) = (texts(&said.values), texts(&live.values));
    for action in had.symmetric_difference(&has) {
        let key = match action.to_ascii_lowercase().as_str() {
            "sts:tagsession" => "session_tags",
            "sts:setsourceidentity" => "source_identity",
            _ => return None,
        };
        word(table, key, has.contains(*action).then(|| true.into()));
    }
    (said.negated == live.negated).then_some(())
}

fn elements(table: &mut dyn TableLike, keys: [&str; 2], said: &Element, live: &Element) -> Option<()> {
    let key = if said.negated { keys[1] } else { keys[0] };
    // A bucket's words are none of these.
    let otherwise = table.contains_key("bucket") && !table.contains_key(key) && said.values != live.values;
    if said.negated != live.negated || otherwise {
        return None;
    }
    relist(table, key, &texts(&said.values), &texts(&live.values))
}

/// Takes what is only in the one out of a list of texts, and adds what is only in the other.
fn relist(table: &mut dyn TableLike, key: &str, said: &BTreeSet<&String>, live: &BTreeSet<&String>) -> Option<()> {
    let (gone, new): (Vec<&&String>, Vec<&&String>) = (said.difference(live).collect(), live.difference(said).collect());
    let gone: Vec<Vec<String>> = gone.into_iter().map(|text| vec![(*text).clone()]).collect();
    exchange(table, key, &gone, &new.into_iter().map(|text| (*text).clone()).collect::<Vec<_>>())
}

/// The same, where each that goes may be spelt in several ways.
fn exchange(table: &mut dyn TableLike, key: &str, gone: &[Vec<String>], new: &[String]) -> Option<()> {
    if gone.is_empty() && new.is_empty() {
        return Some(());
    }
    let Some(value) = table.get_mut(key).and_then(Item::as_value_mut) else {
        return gone.is_empty().then(|| word(table, key, Some(one_or_many(new))));
    };
    if let Value::Array(list) = value {
        for spellings in gone {
            let at = list.iter().position(|value| value.as_str().is_some_and(|text| spellings.iter().any(|one| one == text)))?;
            without(list, at);
        }
        list.extend(new.iter().map(String::as_str));
        if list.is_empty() {
            table.remove(key);
        }
        return Some(());
    }
    let one = value.as_str()?.to_owned();
    let goes = gone.iter().any(|spellings| spellings.contains(&one));
    if gone.len() > usize::from(goes) {
        return None;
    }
    let all: Vec<String> = (!goes).then_some(one).into_iter().chain(new.iter().cloned()).collect();
    word(table, key, (!all.is_empty()).then(|| one_or_many(&all)));
    Some(())
}

/// A key gets a value, in the place and with the comment of the one that it has, or goes.
pub(super) fn word(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    match (table.get_mut(key), value) {
        (_, None) => drop(table.remove(key)),
        (Some(Item::Value(old)), Some(mut value)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        (_, Some(value)) => drop(table.insert(key, Item::Value(value))),
    }
}

/// How a manifest may name a principal: the kind, and the texts of that kind.
pub(super) fn spellings(kind: &str, value: &str, labels: &Labels) -> Vec<(&'static str, String)> {
    if kind == "Service" {
        return vec![("service", value.to_owned())];
    }
    let mut all = Vec::new();
    if let Some(arn) = Arn::parse(value).filter(|arn| arn.service == "iam")
        && let Some(account) = AccountId::parse(arn.account)
    {
        let label = labels.get(&account).map_or(arn.account, String::as_str);
        match arn.resource.split_once('/') {
            None if arn.resource == "root" => all.push(("account", label.to_owned())),
            Some(("user", rest)) => all.push(("user", format!("{label}/{rest}"))),
            Some(("role", rest)) => all.push(("role", format!("{label}/{rest}"))),
            _ => {}
        }
        // A path that is declared is left out.
        if let (Some((_, rest)), Some((key, text))) = (arn.resource.split_once('/'), all.first().cloned())
            && let Some((_, name)) = rest.rsplit_once('/')
        {
            all.push((key, text.replace(rest, name)));
        }
    }
    all.push(("principal", value.to_owned()));
    all
}

fn principals(table: &mut dyn TableLike, said: &Principal, live: &Principal, labels: &Labels) -> Option<()> {
    if (said.negated, said.bare_star) != (live.negated, live.bare_star) {
        return None;
    }
    let all = |of: &Principal| -> BTreeSet<(String, String)> {
        of.entries.iter().flat_map(|(kind, values)| values.iter().map(|value| (kind.clone(), value.clone()))).collect()
    };
    let (had, has) = (all(said), all(live));
    if had == has {
        return Some(());
    }
    let own = NAMED.into_iter().find(|kind| table.contains_key(kind))?;
    let spelt = |(kind, value): &(String, String), key: &str| -> Vec<String> {
        spellings(kind, value, labels).into_iter().filter(|(is, _)| *is == key).map(|(_, text)| text).collect()
    };
    let gone: Vec<Vec<String>> = had.difference(&has).map(|one| spelt(one, own)).collect();
    let new: Vec<&(String, String)> = has.difference(&had).collect();
    let same: Option<Vec<String>> = new.iter().map(|one| spelt(one, own).into_iter().next()).collect();
    if let Some(same) = same {
        return exchange(table, own, &gone, &same);
    }
    // All are others, of another kind.
    if gone.len() != had.len() {
        return None;
    }
    let (kind, texts) = one_kind(live, labels)?;
    table.remove(own);
    word(table, kind, Some(one_or_many(&texts)));
    Some(())
}

/// All of a principal by one word.
pub(super) fn one_kind(principal: &Principal, labels: &Labels) -> Option<(&'static str, Vec<String>)> {
    let all: Vec<Vec<(&'static str, String)>> =
        principal.entries.iter().flat_map(|(kind, values)| values.iter().map(|value| spellings(kind, value, labels))).collect();
    // Who is let in by a user's or a role's name gets a policy on the caller's side, too.
    let kinds = if labels.is_empty() { &["service", "principal"][..] } else { &["account", "service", "principal"] };
    kinds.iter().find_map(|&kind| {
        let texts: Option<Vec<String>> = all.iter().map(|one| one.iter().find(|(is, _)| *is == kind).map(|(_, text)| text.clone())).collect();
        texts.filter(|texts| !texts.is_empty()).map(|texts| (kind, texts))
    })
}

fn conditions(table: &mut dyn TableLike, list: &str, said: &Conditions, live: &Conditions) -> Option<()> {
    let keys: BTreeSet<(&String, &String)> =
        [said, live].into_iter().flatten().flat_map(|(operator, keys)| keys.keys().map(move |key| (operator, key))).collect();
    let none = Vec::new();
    for (operator, key) in keys {
        let of = |all: &'_ Conditions| all.get(operator).and_then(|keys| keys.get(key)).cloned().unwrap_or_default();
        let (had, has) = (of(said), of(live));
        let (had, has) = (texts(&had), texts(&has));
        if had == has {
            continue;
        }
        let written = written(table, operator, key);
        match written {
            true if has.is_empty() => drop_condition(table, operator, key)?,
            true => relist(found(table, operator)?, key, &had, &has)?,
            false => match word_for(list, operator, key) {
                Some(name) => by_word(table, name, &had, &has)?,
                None if had.is_empty() => relist(made(table, operator)?, key, &texts(&none), &has)?,
                None => return None,
            },
        }
    }
    Some(())
}

/// The word for a condition under a list of this name.
pub(super) fn word_for(list: &str, operator: &str, key: &str) -> Option<&'static str> {
    let is = |word: &&(&str, &str, &str, &[&str])| word.1 == operator && word.2.eq_ignore_ascii_case(key) && word.3.contains(&list);
    WORDS.iter().find(is).map(|word| word.0)
}

/// Says a condition by its word.
pub(super) fn by_word(table: &mut dyn TableLike, name: &str, had: &BTreeSet<&String>, has: &BTreeSet<&String>) -> Option<()> {
    let one = || has.first().filter(|_| has.len() == 1);
    match name {
        _ if has.is_empty() && !had.is_empty() => drop(table.remove(name)?),
        "mfa" => word(table, name, Some((one()?.as_str() == "true").then(|| true.into())?)),
        "mfa_max_age" => word(table, name, Some(one()?.parse::<i64>().ok()?.into())),
        "expires" => {
            let text = one()?;
            let day = text.strip_suffix("T00:00:00Z").unwrap_or(text);
            word(table, name, Some(day.parse::<toml_edit::Datetime>().ok()?.into()));
        }
        "not_before" | "not_after" => word(table, name, Some(one()?.parse::<toml_edit::Datetime>().ok()?.into())),
        _ => relist(table, name, had, has)?,
    }
    Some(())
}

fn written(table: &dyn TableLike, operator: &str, key: &str) -> bool {
    let under = |table: &dyn TableLike| table.get(operator).and_then(Item::as_table_like).is_some_and(|keys| keys.contains_key(key));
    table.get("conditions").and_then(Item::as_table_like).is_some_and(under)
}

fn found<'t>(table: &'t mut dyn TableLike, operator: &str) -> Option<&'t mut dyn TableLike> {
    table.get_mut("conditions")?.as_table_like_mut()?.get_mut(operator)?.as_table_like_mut()
}

fn made<'t>(table: &'t mut dyn TableLike, operator: &str) -> Option<&'t mut dyn TableLike> {
    if !table.contains_key("conditions") {
        table.insert("conditions", Item::Value(InlineTable::new().into()));
    }
    let conditions = table.get_mut("conditions")?.as_table_like_mut()?;
    if !conditions.contains_key(operator) {
        conditions.insert(operator, Item::Value(InlineTable::new().into()));
    }
    conditions.get_mut(operator)?.as_table_like_mut()
}

/// Tables that are left empty go with it.
fn drop_condition(table: &mut dyn TableLike, operator: &str, key: &str) -> Option<()> {
    let conditions = table.get_mut("conditions")?.as_table_like_mut()?;
    let keys = conditions.get_mut(operator)?.as_table_like_mut()?;
    keys.remove(key)?;
    if keys.is_empty() {
        conditions.remove(operator);
    }
    if conditions.is_empty() {
        table.remove("conditions");
    }
    Some(())
}
