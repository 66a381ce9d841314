//! Who is denied by an ARN, whatever its path: of a user whose table is gone, manifests do not know that any more.

use crossrole_model::{PrincipalKind, Whose};
use crossrole_policy::{Effect, Statement};

/// Lets each Deny go on naming whom it names, as the live one of the same does.
pub(super) fn still_denied(wanted: &mut [Statement], live: &[Statement]) {
    let before: Vec<&String> = live.iter().filter(|s| s.effect == Effect::Deny).flat_map(named).collect();
    for statement in wanted.iter_mut().filter(|s| s.effect == Effect::Deny) {
        let keys = statement.conditions.values_mut().flatten().filter(|(key, _)| is_arn(key));
        for (_, values) in keys {
            let other = |arn: &&&String| !values.contains(**arn) && values.iter().any(|value| of(value) == of(arn));
            let more: Vec<String> = before.iter().filter(other).map(|arn| (*arn).clone()).collect();
            values.extend(more);
        }
    }
}

fn is_arn(key: &str) -> bool {
    key.eq_ignore_ascii_case("aws:PrincipalArn")
}

/// Whom a statement is about, by its conditions.
fn named(statement: &Statement) -> impl Iterator<Item = &String> {
    statement.conditions.values().flatten().filter(|(key, _)| is_arn(key)).flat_map(|(_, values)| values)
}

/// Whose ARN it is, without its path.
fn of(arn: &str) -> String {
    Whose::Principal { kind: PrincipalKind::User, arn: arn.to_owned() }.key()
}
