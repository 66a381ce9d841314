//! With what a role wants to be assumed, as the manifests say it.

use crossrole_access::Estate;
use crossrole_model::access::Explanation;
use crossrole_model::proof::{Act, Cell, Terms, Twist};
use crossrole_model::{Desired, DesiredState};
use crossrole_policy::Effect;

/// What is known of one role and one caller.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// What goes along.
    pub(super) terms: Terms,
    /// The manifests say whether the caller is let in; `None`: none speaks of the role.
    pub(super) lets: Option<bool>,
    /// The role's longest session, in seconds, where a manifest says it.
    pub(super) longest: Option<u32>,
    /// A second factor may be so old at most, in seconds.
    pub(super) factor_age: Option<i32>,
}

/// What the manifests say of a role for a caller, by ARN. `factor`: whoever asks has a second factor to give.
pub(super) fn wanted(estate: &Estate, desired: &Desired, role: &str, caller: &str, factor: bool) -> Wanted {
    let longest = longest(desired, role);
    let Some(trust) = estate.roles.get(role).and_then(|guarded| guarded.policy.as_ref()).map(|policy| &policy.document) else {
        return Wanted { longest, ..Wanted::default() };
    };
    let name = caller.rsplit('/').next().unwrap_or_default();
    let candidates: Vec<Terms> = crossrole_verify::terms(trust, name);
    let lets = |terms: &Terms| {
        let terms = Terms { mfa: terms.mfa || factor, ..terms.clone() };
        let act = Act::Assume { role: role.to_owned() };
        let cell = Cell { principal: caller.to_owned(), via: None, act, twist: Twist::AsGranted, terms, wanted: true };
        crossrole_verify::asked(estate, &cell, super::now()).iter().all(Explanation::is_allowed)
    };
    let found = candidates.iter().find(|terms| lets(terms));
    // Who is not let in by what is known may be all the same, by a group that somebody else put it in: with what most ask for.
    let terms = found.or(candidates.last()).cloned().unwrap_or_default();
    let ages = trust.statements.iter().filter(|s| s.effect == Effect::Allow).flat_map(|s| s.conditions.values()).flatten();
    let ages = ages.filter(|(key, _)| key.eq_ignore_ascii_case("aws:MultiFactorAuthAge")).flat_map(|(_, values)| values);
    Wanted { lets: Some(found.is_some()), longest, factor_age: ages.filter_map(|value| value.parse().ok()).min(), terms }
}

fn longest(desired: &Desired, role: &str) -> Option<u32> {
    let of = |object: &crossrole_model::DesiredObject| match &object.state {
        DesiredState::Role { state, .. } => Some((state.path.clone(), state.max_session_seconds)),
        _ => None,
    };
    desired.objects.iter().find_map(|(address, object)| {
        let (path, seconds) = of(object)?;
        (desired.partition.iam_arn(&address.account, "role", &path, &address.name) == role).then_some(seconds)
    })
}
