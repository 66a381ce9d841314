//! Whether a fix gives anybody anything but what was asked for.

use std::collections::BTreeSet;

use crossrole_model::access::{AccessChange, AccessDelta, Clause, Comparison, Direction, How, Part, Party, Relation};

use crate::asked::Who;
use crate::trouble::Hop;

/// Tells whether a change of access is of the calls on the way, and of nothing else: nobody loses anything, and nothing is left open.
/// What manifests let whom in a bucket that is open again is none of the fix's.
pub(crate) fn is_asked(delta: &AccessDelta, hops: &[Hop], reopened: &BTreeSet<String>) -> bool {
    let again = |change: &AccessChange| {
        let is_in = |part: &Part| bucket_of(&part.pattern).is_some_and(|name| reopened.contains(name));
        // A statement for everybody was for services, too, which nobody meant.
        let is_service = matches!(change.party, Party::AnyService | Party::Service { .. });
        !reopened.is_empty() && change.resources.iter().all(is_in) && (change.direction == Direction::Widened || is_service)
    };
    let asked = |change: &AccessChange| change.direction == Direction::Widened && is_of(change, hops);
    delta.undecided.is_empty() && delta.changes.iter().all(|change| asked(change) || again(change))
}

/// Each action on each resource is one of the calls, by whoever makes it.
fn is_of(change: &AccessChange, hops: &[Hop]) -> bool {
    let is = |hop: &&Hop| is_party(&change.party, &hop.call.principal) || is_by_name(change, &hop.call.principal);
    let own: Vec<&Hop> = hops.iter().filter(is).collect();
    // Names of actions are compared without regard to case, and those of resources with it.
    let is = |action: &Part, resource: &Part, hop: &Hop| {
        let on = resource.pattern == hop.call.resource || resource.nameless && hop.call.resource == "*";
        on && action.pattern.eq_ignore_ascii_case(&hop.call.action)
    };
    change.actions.iter().all(|action| change.resources.iter().all(|resource| own.iter().any(|hop| is(action, resource, hop))))
}

/// Tells whether whoever it is has the name of the caller: a change for anybody, under a condition that no one else meets.
fn is_by_name(change: &AccessChange, principal: &str) -> bool {
    let is_exact = |clause: &Clause| {
        let names = matches!(clause.relation, Relation::Compares(Comparison { not: false, how: How::Is | How::LikeArn, or_absent: false, .. }));
        let is_caller = |value: &String| !value.contains(['*', '?', '$']) && Who::of(value).is_some_and(|who| Some(who) == Who::of(principal));
        names && clause.key.eq_ignore_ascii_case("aws:PrincipalArn") && !clause.values.is_empty() && clause.values.iter().all(is_caller)
    };
    !change.when.is_empty() && change.when.iter().all(|one| one.iter().any(is_exact))
}

fn is_party(party: &Party, principal: &str) -> bool {
    match party {
        Party::AnyOf { account, .. } => account == principal,
        Party::Unsigned => principal == "anonymous",
        Party::AnyOther { .. } | Party::AnyService | Party::OfKind { .. } => false,
        _ => {
            let Some(id) = party.id() else { return false };
            id == principal || Who::of(id).is_some_and(|who| Some(who) == Who::of(principal))
        }
    }
}

/// The bucket that a pattern over resources of S3 is in.
fn bucket_of(pattern: &str) -> Option<&str> {
    pattern.split_once(":s3:::").map(|(_, name)| name.split('/').next().unwrap_or(name))
}
