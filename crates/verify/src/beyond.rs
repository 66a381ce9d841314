//! What is live and the manifests do not say: no list of calls finds what nobody thought of.

use std::collections::BTreeSet;

use crossrole_access::estate::{Guarded, Placed};
use crossrole_access::{Estate, action_matches, delta};
use crossrole_model::access::{AccessChange, AccessDelta, Direction, Part, Party};
use crossrole_model::ownership::{sid_head, sid_marks};
use crossrole_model::{Desired, DesiredState};
use crossrole_policy::{Document, Effect, Element, Statement};

/// What more may be done than the manifests say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beyond {
    /// By what no manifest says: as who assumes roles that are declared whole, in them, or by policies of buckets and keys.
    pub roles: AccessDelta,
    /// By policies of buckets and keys: what manifests of other runs wrote there, and what lets services of AWS in.
    pub shared: AccessDelta,
    /// What less may be done, and what of it is not decided.
    pub lacking: AccessDelta,
}

/// What a trust policy may let besides, to whoever assumes the role (AWS STS API Reference, AssumeRole).
const BESIDES: [&str; 2] = ["sts:TagSession", "sts:SetSourceIdentity"];

const ASSUME: &str = "sts:AssumeRole";

/// Compares the estate that the manifests make with the same one with what is live in its place. `pending` is what an apply would change in
/// who may do what: it knows of objects that no estate of the manifests alone has, such as who was put into a group by hand.
pub fn beyond(desired: &Desired, wanted: &Estate, live: &Estate, pending: AccessDelta) -> Beyond {
    let declared = declared(desired, live);
    let mut roles = wanted.clone();
    for (arn, keep_foreign) in &declared {
        // What others may put on it is theirs.
        if *keep_foreign {
            continue;
        }
        if let Some(principal) = live.principals.get(arn) {
            roles.principals.insert(arn.clone(), principal.clone());
        }
        if let Some(guarded) = live.roles.get(arn) {
            roles.roles.insert(arn.clone(), guarded.clone());
        }
    }
    let mut red = widened(delta(wanted, &roles));
    let ours: BTreeSet<String> = sid_marks(&desired.manifests).into_keys().collect();
    let shared = widened(delta(wanted, &with_shared(wanted.clone(), live, &|_| true)));
    let by_hand = |statement: &Statement| !is_of_another_run(statement, &ours);
    let mut more = widened(delta(wanted, &with_shared(wanted.clone(), live, &by_hand)));
    // What own policies alone give is on both sides.
    let own = with_own(wanted.clone(), live, &declared);
    let mut both = with_shared(own.clone(), live, &by_hand);
    for (arn, _) in declared.iter().filter(|(_, keep_foreign)| !keep_foreign) {
        both.roles.extend(live.roles.get(arn).map(|guarded| (arn.clone(), guarded.clone())));
    }
    let both = widened(delta(&own, &both));
    more.changes.extend(both.changes);
    more.undecided.extend(both.undecided);
    let of_roles: BTreeSet<&String> = declared.iter().map(|(arn, _)| arn).collect();
    let is_of_role = |change: &AccessChange| of_roles.contains(&change.witness.resource);
    // Trust policies alone: what roles' own policies give more is said by its own names.
    let trusts = Estate { roles: roles.roles.clone(), ..wanted.clone() };
    for action in BESIDES {
        let said = |estate: &Estate| by_action(estate.clone(), action);
        let besides = widened(delta(&said(wanted), &said(&trusts))).changes.into_iter();
        more.changes.extend(besides.filter(|change| is_of_role(change) && change.witness.action == ASSUME).map(|change| renamed(change, action)));
    }
    for change in more.changes {
        if (!is_of_service(&change) || is_of_role(&change)) && !red.changes.contains(&change) {
            red.changes.push(change);
        }
    }
    for undecided in more.undecided {
        if !red.undecided.contains(&undecided) {
            red.undecided.push(undecided);
        }
    }
    let mut lacking = pending;
    let (taken, given) = lacking.changes.into_iter().partition(|change| change.direction == Direction::Narrowed);
    lacking.changes = given;
    lacking.undecided.retain(|undecided| !red.undecided.contains(undecided));
    let taken: Vec<AccessChange> = taken;
    for change in taken.into_iter().map(turned) {
        if !red.changes.iter().any(|known| is_alike(known, &change)) {
            red.changes.push(change);
        }
    }
    let mut beside = shared;
    beside.changes.retain(|change| !red.changes.iter().any(|known| is_alike(known, change)));
    beside.undecided.retain(|undecided| !red.undecided.contains(undecided));
    Beyond { roles: red, shared: beside, lacking }
}

/// What grants of keys and ACLs of buckets let, more than manifests and live policies let together: `with` is what is live with them, as
/// statements of the policies that they stand beside. `grantees` are principals of other accounts that grants name: what their own accounts let
/// them do is not asked.
pub fn granted(desired: &Desired, wanted: &Estate, [live, with]: [&Estate; 2], grantees: &BTreeSet<String>, policies: &mut Beyond) -> AccessDelta {
    let own = with_own(wanted.clone(), with, &declared(desired, live));
    let [before, after] = [live, with].map(|side| {
        let mut estate = own.clone();
        estate.principals.retain(|arn, _| !grantees.contains(arn));
        for (name, guarded) in &mut estate.buckets {
            *guarded = together(guarded, side.buckets.get(name), |document| Placed::new(document, format!("bucket policy of {name}")));
        }
        // A key may be named by a bucket alone.
        for (arn, found) in with.keys.iter().filter(|(arn, found)| wanted.keys.contains_key(*arn) || live.keys.get(*arn) != Some(*found)) {
            let guarded = estate.keys.entry(arn.clone()).or_insert_with(|| Guarded { policy: None, ..found.clone() });
            *guarded = together(guarded, side.keys.get(arn), |document| Placed::of_key(document, format!("policy of key {arn}")));
        }
        estate
    });
    // Grants are what is counted here.
    let mut more = AccessDelta { grants_unseen: false, ..widened(delta(&before, &after)) };
    more.undecided.retain(|undecided| !policies.roles.undecided.contains(undecided));
    // Services that are let in so are said with the others.
    let (services, others): (Vec<AccessChange>, Vec<AccessChange>) = more.changes.into_iter().partition(is_of_service);
    policies.shared.changes.extend(services);
    AccessDelta { changes: others, ..more }
}

/// What is live, and what the manifests let beside it: what of it is missing there is said by itself.
fn together(wanted: &Guarded, live: Option<&Guarded>, placed: impl Fn(Document) -> Placed) -> Guarded {
    let statements = |guarded: &Guarded| guarded.policy.iter().flat_map(|policy| policy.document.statements.clone()).collect::<Vec<_>>();
    let mut all = live.map(statements).unwrap_or_default();
    all.extend(statements(wanted).into_iter().filter(|statement| statement.effect == Effect::Allow));
    Guarded { policy: Some(placed(Document::new(all))), ..live.unwrap_or(wanted).clone() }
}

fn is_of_service(change: &AccessChange) -> bool {
    matches!(change.party, Party::Service { .. } | Party::AnyService)
}

/// The same from the other side: what an apply takes away is what is live and the manifests do not say.
fn turned(mut change: AccessChange) -> AccessChange {
    change.direction = Direction::Widened;
    std::mem::swap(&mut change.witness.before, &mut change.witness.after);
    change
}

/// Tells whether two are about the same, whatever else is asked for.
fn is_alike(one: &AccessChange, other: &AccessChange) -> bool {
    (&one.party, &one.actions, &one.resources) == (&other.party, &other.actions, &other.resources)
}

/// Roles that are declared, each with whether others may put policies on it.
fn declared(desired: &Desired, live: &Estate) -> Vec<(String, bool)> {
    let roles = desired.objects.iter().filter_map(|(address, object)| match &object.state {
        DesiredState::Role { state, keep_foreign } => Some((desired.partition.iam_arn(&address.account, "role", &state.path, &address.name), *keep_foreign)),
        _ => None,
    });
    roles.filter(|(arn, _)| live.principals.contains_key(arn) || live.roles.contains_key(arn)).collect()
}

/// The same with the live policies of buckets and keys, of which some statements count.
fn with_shared(mut estate: Estate, live: &Estate, counts: &dyn Fn(&Statement) -> bool) -> Estate {
    for (name, guarded) in &mut estate.buckets {
        if let Some(found) = live.buckets.get(name) {
            *guarded = of_statements(found, counts, |document| Placed::new(document, format!("bucket policy of {name}")));
        }
    }
    for (arn, guarded) in &mut estate.keys {
        if let Some(found) = live.keys.get(arn) {
            *guarded = of_statements(found, counts, |document| Placed::of_key(document, format!("policy of key {arn}")));
        }
    }
    estate
}

fn of_statements(found: &Guarded, counts: &dyn Fn(&Statement) -> bool, placed: impl Fn(Document) -> Placed) -> Guarded {
    let Some(policy) = found.policy.as_ref().filter(|policy| !policy.document.statements.iter().all(counts)) else { return found.clone() };
    let mut document = policy.document.clone();
    document.statements.retain(counts);
    Guarded { policy: Some(placed(document)), ..found.clone() }
}

/// The same with the live policies of whom manifests declare or let in, and of whom what is live names.
fn with_own(mut estate: Estate, live: &Estate, declared: &[(String, bool)]) -> Estate {
    let roles = declared.iter().filter_map(|(arn, _)| live.roles.get(arn));
    let buckets = estate.buckets.keys().filter_map(|name| live.buckets.get(name));
    let keys = estate.keys.keys().filter_map(|arn| live.keys.get(arn));
    let documents = roles.chain(buckets).chain(keys).filter_map(|guarded| guarded.policy.as_ref()).map(|policy| &policy.document);
    let named: BTreeSet<&str> = documents.flat_map(Document::aws_principals).collect();
    let counts = |arn: &String| estate.principals.contains_key(arn) || named.contains(arn.as_str());
    let own: Vec<_> = live.principals.iter().filter(|(arn, _)| counts(arn)).map(|(arn, own)| (arn.clone(), own.clone())).collect();
    estate.principals.extend(own);
    estate
}

/// Whether a statement is one that manifests write, and none of this run.
fn is_of_another_run(statement: &Statement, ours: &BTreeSet<String>) -> bool {
    let head = sid_head(statement.sid()).filter(|head| head.bytes().rev().take(8).all(|b| b.is_ascii_hexdigit()));
    head.is_some_and(|head| !ours.contains(head))
}

/// The same with trust policies that say of assuming what they say of another action.
fn by_action(mut estate: Estate, action: &str) -> Estate {
    let is_about = |statement: &Statement| statement.action.values.iter().any(|pattern| action_matches(pattern, action)) != statement.action.negated;
    for (arn, guarded) in &mut estate.roles {
        let Some(policy) = &mut guarded.policy else { continue };
        let mut document = policy.document.clone();
        document.statements.retain(|statement| statement.effect == Effect::Deny || is_about(statement));
        for statement in document.statements.iter_mut().filter(|statement| is_about(statement)) {
            statement.action = Element::of([ASSUME]);
        }
        *policy = Placed::new(document, format!("trust policy of {arn}"));
    }
    estate
}

fn renamed(mut change: AccessChange, action: &str) -> AccessChange {
    change.actions = vec![Part::of(action)];
    action.clone_into(&mut change.witness.action);
    change
}

/// What is missing is a cell that is red.
fn widened(mut all: AccessDelta) -> AccessDelta {
    all.changes.retain(|change| change.direction == Direction::Widened);
    all
}
