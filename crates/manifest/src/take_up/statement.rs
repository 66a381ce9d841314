//! Statements of policies as manifests write them.

use std::collections::BTreeSet;

use crossrole_policy::{Effect, Element, Statement};
use toml_edit::{InlineTable, Item, Table, Value};

use super::one_or_many;
use super::respell::{self, Labels};

/// A statement, as under `[[roles.NAME.statement]]`.
pub(super) fn statement(of: &Statement) -> Table {
    // No `..`: a new field stops the build until someone decides.
    let Statement { sid, effect, principal, action, resource, conditions } = of;
    let mut table = Table::new();
    let mut put = |key: &str, value: Value| drop(table.insert(key, Item::Value(value)));
    if let Some(sid) = sid.as_deref().filter(|sid| !sid.is_empty()) {
        put("sid", sid.into());
    }
    if *effect == Effect::Deny {
        put("effect", effect.as_str().into());
    }
    if let Some(principal) = principal {
        let kinds = principal.entries.iter().map(|(kind, values)| (kind.as_str(), one_or_many(values)));
        let value = if principal.bare_star { "*".into() } else { kinds.collect::<InlineTable>().into() };
        put(if principal.negated { "not_principals" } else { "principals" }, value);
    }
    let named = |element: &Element, yes: &'static str, no: &'static str| (if element.negated { no } else { yes }, one_or_many(&element.values));
    let (key, value) = named(action, "actions", "not_actions");
    put(key, value);
    if let Some(resource) = resource {
        let (key, value) = named(resource, "resources", "not_resources");
        put(key, value);
    }
    if !conditions.is_empty() {
        put("conditions", self::conditions(conditions));
    }
    table
}

fn conditions(conditions: &crossrole_policy::Conditions) -> Value {
    let keys =
        |keys: &std::collections::BTreeMap<String, Vec<String>>| keys.iter().map(|(key, values)| (key.as_str(), one_or_many(values))).collect::<InlineTable>();
    conditions.iter().map(|(operator, of)| (operator.as_str(), Value::from(keys(of)))).collect::<InlineTable>().into()
}

/// One way into a role, as under `[[roles.NAME.trust]]`, with accounts by their labels; `None` where that can't say it.
pub(super) fn trust(of: &Statement, labels: &Labels) -> Option<Table> {
    let Statement { sid: _, effect, principal, action, resource, conditions: when } = of;
    let principal = principal.as_ref().filter(|principal| !principal.negated && !principal.bare_star)?;
    if principal.entries.keys().any(|kind| kind != "AWS" && kind != "Service") {
        return None;
    }
    let (key, values) = respell::one_kind(principal, labels)?;
    if *effect != Effect::Allow || action.negated || resource.is_some() || !action.values.iter().any(|action| action.eq_ignore_ascii_case("sts:AssumeRole")) {
        return None;
    }
    let mut table = Table::new();
    table.insert(key, Item::Value(one_or_many(&values)));
    for action in &action.values {
        match action.to_ascii_lowercase().as_str() {
            "sts:assumerole" => {}
            "sts:tagsession" => drop(table.insert("session_tags", Item::Value(true.into()))),
            "sts:setsourceidentity" => drop(table.insert("source_identity", Item::Value(true.into()))),
            _ => return None,
        }
    }
    // What has a word of its own is said by it.
    let mut when = when.clone();
    for (operator, keys) in &mut when {
        keys.retain(|key, values| {
            let word = respell::word_for("trust", operator, key);
            word.and_then(|word| respell::by_word(&mut table, word, &BTreeSet::new(), &values.iter().collect())).is_none()
        });
    }
    when.retain(|_, keys| !keys.is_empty());
    if !when.is_empty() {
        table.insert("conditions", Item::Value(conditions(&when)));
    }
    Some(table)
}
