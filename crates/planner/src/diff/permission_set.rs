//! Our statements in the inline policies of permission sets.
//!
//! What is written there changes no role before the set is provisioned in the role's account, which brings everything else of the set
//! with it: only accounts that statements of ours are, or were, for are provisioned.

use std::collections::BTreeSet;

use crossrole_model::key;
use crossrole_model::limits::Quota;
use crossrole_model::observed::ObservedSet;
use crossrole_model::state::SetState;
use crossrole_model::{
    AccountId, Action, Address, Cause, Change, Consequence, DesiredObject, Facet, IdentityCenter, Kind, ObjectState, Observation, Part, PermissionSet, Reason,
    SetCall, SetRef, Subject, Withheld, ownership,
};
use crossrole_policy::{Document, Share, Statement};

use crate::draft::{Draft, Stage};

/// What a set should have of ours.
struct Wanted<'w> {
    statements: &'w [Statement],
    accounts: BTreeSet<AccountId>,
}

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, statements: &[Statement], accounts: &BTreeSet<AccountId>) {
    let (Some(at), Some(Observation::Known(sets))) = (&draft.desired.identity_center, &draft.observed.permission_sets) else { return };
    match sets.sets.get(&address.name) {
        None => draft.withhold(address, Cause::NoPermissionSet),
        Some(Observation::Unreadable(why)) => draft.withhold(address, Cause::Unreadable(why.clone())),
        Some(Observation::Known(found)) => {
            for account in accounts.difference(&found.accounts) {
                let cause = Cause::NotAssigned(account.clone());
                draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause, blocks: false });
            }
            merge(draft, address, &object.owner, at, found, &Wanted { statements, accounts: accounts.clone() });
        }
    }
}

fn merge(draft: &mut Draft<'_>, address: &Address, manifest: &str, at: &IdentityCenter, found: &ObservedSet, wanted: &Wanted<'_>) {
    let document = found.state.document.as_ref();
    let share = Share { prefixes: prefixes(draft, document, wanted.statements), statements: wanted.statements.to_vec() };
    let is_in = share.is_in(document);
    let targets = targets(draft, &address.name, found, &share, wanted, is_in);
    if is_in && targets.is_empty() {
        return;
    }
    let merged = match draft.merged(&share, document) {
        Ok(merged) => merged,
        Err(why) => {
            draft.withhold(address, Cause::Unmergeable(why));
            return;
        }
    };
    let set = SetRef { at: at.clone(), arn: found.arn.clone(), name: address.name.clone() };
    let after = if is_in { found.state.document.clone() } else { merged.document };
    if let Some(size) = after.as_ref().map(key::size)
        && let Some(over) = draft.meter(&address.account, || address.short(), Quota::PermissionSet, size)
    {
        draft.withhold(address, over);
        return;
    }
    let ours = share.part(document);
    let mut reasons = super::orphaned(&ours);
    reasons.push(match (is_in, ours.statements.is_empty(), wanted.statements.is_empty()) {
        (true, ..) => Reason::Differs(Part::Provisioned),
        (false, true, _) => Reason::Missing,
        (false, false, true) => draft.deletion_reason(),
        (false, false, false) => Reason::Differs(Part::Statements),
    });
    let mut consequences: Vec<Consequence> = merged.dropped.into_iter().map(Consequence::Dropped).collect();
    let mut stages: Vec<Stage> = Vec::new();
    // A set that was changed has reached no account.
    let mut late = if is_in { found.state.late.clone() } else { found.accounts.clone() };
    if !is_in {
        let call = match &after {
            Some(document) => SetCall::PutPolicy { set: set.clone(), document: document.clone() },
            None => SetCall::DeletePolicy { set: set.clone() },
        };
        stages.push(vec![(call.into(), Facet::Statements(share.prefixes.clone()))]);
    }
    if !targets.is_empty() {
        late.retain(|account| !targets.contains(account));
        let call = |account: &AccountId| (SetCall::Provision { set: set.clone(), account: account.clone() }.into(), Facet::Provisioned(account.clone()));
        stages.push(targets.iter().map(call).collect());
        consequences.push(Consequence::Provisions(targets));
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::PermissionSet(found.state.clone())),
        after: Some(ObjectState::PermissionSet(SetState { document: after, late })),
        reasons,
        consequences,
        manifest: manifest.to_owned(),
    };
    draft.change_with_share(change, stages, &share);
}

/// The accounts of the set whose roles have to get it: those that statements of ours are for, and those that have what is ours no more.
fn targets(draft: &Draft<'_>, name: &str, found: &ObservedSet, share: &Share, wanted: &Wanted<'_>, is_in: bool) -> BTreeSet<AccountId> {
    let before = accounts_of(&share.part(found.state.document.as_ref()));
    let mut targets: BTreeSet<AccountId> = wanted.accounts.union(&before).cloned().collect();
    if is_in {
        // Nothing is written: those alone that have not got it.
        targets.retain(|account| found.state.late.contains(account));
    }
    targets.extend(holders(draft, name, &share.prefixes, wanted.statements.is_empty() && is_in));
    targets.retain(|account| found.accounts.contains(account));
    targets
}

/// The accounts that statements of ours name.
fn accounts_of(document: &Document) -> BTreeSet<AccountId> {
    let named = document.statements.iter().filter_map(|s| s.conditions.get("StringEquals")?.get("aws:PrincipalAccount"));
    named.flatten().filter_map(|id| AccountId::parse(id)).collect()
}

/// Accounts that were read, and in which the set's role has statements of this run's manifests, where the set has none any more.
fn holders(draft: &Draft<'_>, name: &str, prefixes: &BTreeSet<String>, gone: bool) -> BTreeSet<AccountId> {
    if !gone {
        return BTreeSet::new();
    }
    let ours = |statement: &Statement| {
        let head = ownership::sid_head(statement.sid());
        head.is_some_and(|head| draft.sids.contains_key(head) && !prefixes.contains(head))
    };
    roles_of(draft, Some(name)).filter(|(_, _, document)| document.statements.iter().any(ours)).map(|(account, ..)| account.clone()).collect()
}

/// Roles of permission sets that were read: account, set, and the set's inline policy as the role has it.
fn roles_of<'d>(draft: &Draft<'d>, name: Option<&str>) -> impl Iterator<Item = (&'d AccountId, String, &'d Document)> {
    let (observed, partition) = (draft.observed, draft.desired.partition);
    let known = observed.accounts.iter().filter_map(|(account, state)| Some((account, state.known()?)));
    let all = known.flat_map(move |(account, state)| {
        state.roles.values().filter_map(move |role| {
            let set = PermissionSet::of_role(&partition.iam_arn(account, "role", &role.state.path, &role.name))?;
            Some((account, set.name, role.state.inline.get(PermissionSet::INLINE)?))
        })
    });
    let wanted = name.map(str::to_owned);
    all.filter(move |(_, set, _)| wanted.as_ref().is_none_or(|wanted| wanted == set))
}

/// How the Sids of this run's manifests begin, of those that have statements there, or should have.
fn prefixes(draft: &Draft<'_>, found: Option<&Document>, wanted: &[Statement]) -> BTreeSet<String> {
    let statements = found.into_iter().flat_map(|d| &d.statements).chain(wanted);
    let heads = statements.filter_map(|s| ownership::sid_head(s.sid()));
    heads.filter(|head| draft.sids.contains_key(*head)).map(str::to_owned).collect()
}

/// The manifest of this run, by name, that has statements in a document.
fn owner(draft: &Draft<'_>, document: Option<&Document>) -> Option<String> {
    let statements = document.into_iter().flat_map(|d| &d.statements);
    statements.filter_map(|s| draft.sids.get(ownership::sid_head(s.sid())?).copied()).min().map(str::to_owned)
}

/// Takes our statements out of sets that nothing declares any more, and says where that was not looked at.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let Some(at) = &draft.desired.identity_center else {
        return unsaid(draft);
    };
    let not_looked_at = |why: &crossrole_model::Unreadable, blocks| {
        let subject = Subject::PermissionSets(at.account.clone());
        Withheld { subject, cause: Cause::Unreadable(why.clone()), blocks }
    };
    let sets = match &observed.permission_sets {
        None => return,
        Some(Observation::Known(sets)) => sets,
        Some(Observation::Unreadable(why)) => {
            // Said of each that is declared; where none is, what was left is not known.
            if !draft.desired.objects.keys().any(|address| address.kind == Kind::PermissionSet) {
                draft.withheld.push(not_looked_at(why, draft.destroy));
            }
            return;
        }
    };
    if let Some(why) = &sets.unread {
        draft.withheld.push(not_looked_at(why, false));
    }
    for (name, found) in &sets.sets {
        let address = Address::new(&at.account, Kind::PermissionSet, name);
        let Observation::Known(found) = found else { continue };
        if draft.desired.objects.contains_key(&address) {
            continue;
        }
        // Roles may have what the set has no more: it was taken out, and never reached them.
        let in_roles = roles_of(draft, Some(name)).find_map(|(_, _, document)| owner(draft, Some(document)));
        if let Some(owner) = owner(draft, found.state.document.as_ref()).or(in_roles) {
            merge(draft, &address, &owner, at, found, &Wanted { statements: &[], accounts: BTreeSet::new() });
        }
    }
}

/// Manifests name sets, and nothing says where these are written: what was written into them once is not looked at.
fn unsaid(draft: &mut Draft<'_>) {
    let named: BTreeSet<(AccountId, String)> = draft.sets_by_hand.iter().map(|set| (set.account.clone(), set.name.clone())).collect();
    let held: BTreeSet<(AccountId, String)> =
        roles_of(draft, None).filter(|(_, _, document)| owner(draft, Some(document)).is_some()).map(|(account, set, _)| (account.clone(), set)).collect();
    // Where something is taken back, all that are named; else those that show it.
    let said = if draft.destroy { named.union(&held).cloned().collect() } else { held };
    for (account, set) in said {
        let subject = Subject::Object(Address::new(&account, Kind::PermissionSet, set));
        draft.withheld.push(Withheld { subject, cause: Cause::NoIdentityCenter, blocks: false });
    }
}
