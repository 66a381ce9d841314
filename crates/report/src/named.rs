//! Keys that are known by their aliases, as AWS calls them: what people read, and copy, has the ARNs that are in force.

use crossrole_model::{AccountId, Action, Kind, Plan};
use serde_json::Value;

/// Puts the ARNs of keys that exist in place of those with aliases.
pub(crate) fn text(plan: &Plan, mut text: String) -> String {
    for (alias, arn) in plan.made_keys.iter().filter_map(|(alias, arn)| Some((alias, arn.as_ref()?))) {
        text = text.replace(alias.as_str(), arn);
    }
    text
}

/// The same in every text of a value.
pub(crate) fn value(plan: &Plan, mut value: Value) -> Value {
    if plan.made_keys.values().any(Option::is_some) {
        in_value(plan, &mut value);
    }
    value
}

fn in_value(plan: &Plan, value: &mut Value) {
    match value {
        Value::String(found) => *found = text(plan, std::mem::take(found)),
        Value::Array(values) => values.iter_mut().for_each(|value| in_value(plan, value)),
        Value::Object(map) => map.values_mut().for_each(|value| in_value(plan, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Keys that the plan makes, and that AWS has given no id yet: account, region and alias.
pub(crate) fn unknown(plan: &Plan) -> impl Iterator<Item = (&AccountId, &str, &str)> {
    let made = plan.changes.iter().filter(|change| change.address.kind == Kind::Key && change.action == Action::Create);
    made.filter_map(|change| change.address.name.split_once('/').map(|(region, alias)| (&change.address.account, region, alias)))
}
