//! Access that manifests take back: whether what takes it back is live.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::{Placed, Principal};
use crossrole_access::{Caller, Estate};
use crossrole_model::ownership::revoked_tag;
use crossrole_model::proof::{Act, Cell, Missing, Terms, Twist, Unrevoked};
use crossrole_model::{Desired, ObjectState, Observed, Opened, Partition, PrincipalKind, Whose};
use crossrole_policy::{Arn, Document, Element, Statement};

use crate::asked::is_let;
use crate::terms::terms_of;

/// Lists what of it is not. No cell tells: where a trust has no room for a Deny, the manifests alone let somebody in as well, and a tag lets
/// nobody in by itself. `now` is in seconds since 1970.
pub fn unrevoked(desired: &Desired, observed: &Observed, live: &Estate, now: i64) -> Vec<Unrevoked> {
    let mut all = BTreeSet::new();
    for (one, opened) in desired.revoked.iter().flat_map(|one| one.opened.iter().map(move |opened| (one, opened))) {
        let of = |because| Unrevoked { role: opened.role.clone(), whose: one.whose.clone(), since: one.since.clone(), because };
        match observed.state(&opened.role) {
            Err(_) => drop(all.insert(of(Missing::Unread))),
            Ok(Some(ObjectState::Role(state))) => {
                let arn = desired.partition.iam_arn(&opened.role.account, "role", &state.path, &opened.role.name);
                if opened.no_room && lets(live, &arn, &one.whose, desired.partition, now) {
                    all.insert(of(Missing::Deny));
                }
                // Instants of one form are in the order of their texts.
                if state.tags.get(&revoked_tag(&one.whose)).is_none_or(|at| *at < one.since) {
                    all.insert(of(missing_mark(opened)));
                }
            }
            // Nobody assumes a role that is not there.
            Ok(_) => {}
        }
    }
    all.into_iter().collect()
}

fn missing_mark(opened: &Opened) -> Missing {
    if opened.no_mark { Missing::MarkNoRoom } else { Missing::Mark }
}

/// Whether a role itself lets somebody in, on whatever terms: what the caller's own account lets it do is that account's affair.
fn lets(live: &Estate, role: &str, whose: &Whose, partition: Partition, now: i64) -> bool {
    let Some(trust) = live.roles.get(role).and_then(|guarded| guarded.policy.as_ref()) else { return false };
    let Some(principal) = somebody(whose, partition) else { return false };
    let mut estate = live.clone();
    if let Some(own) = able(&principal, matches!(whose, Whose::Principal { kind: PrincipalKind::User, .. })) {
        estate.principals.insert(principal.clone(), own);
    }
    let name = principal.rsplit('/').next().unwrap_or_default();
    let of = |terms: Terms| Cell {
        principal: principal.clone(),
        via: None,
        act: Act::Assume { role: role.to_owned() },
        twist: Twist::OtherPrincipal,
        terms,
        wanted: false,
    };
    terms_of(&trust.document, name, Caller::parse(&principal).assumes_by(), Some(now)).into_iter().any(|terms| is_let(&estate, &of(terms), now))
}

/// One of whom is meant, as it calls.
fn somebody(whose: &Whose, partition: Partition) -> Option<String> {
    match whose {
        Whose::Principal { arn, .. } => Some(arn.clone()),
        Whose::Account(account) => Some(account.to_string()),
        Whose::PermissionSet(set) => Some(set.any_role(partition)),
        // Nobody is denied by a group, and into a role or its sessions nobody in particular comes.
        Whose::Group { .. } | Whose::Role(_) | Whose::Sessions(_) => None,
    }
}

/// The same principal, whose own policies let it do everything; `None` for any of an account, of whom that is taken for granted.
fn able(arn: &str, user: bool) -> Option<Principal> {
    let parsed = Arn::parse(arn)?;
    let everything = Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))]);
    Some(Principal {
        account: parsed.account.to_owned(),
        user,
        name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
        tags: BTreeMap::new(),
        identity: vec![Placed::new(everything, "its own account")],
        boundary: None,
        groups: BTreeSet::new(),
        unread: BTreeSet::new(),
    })
}
