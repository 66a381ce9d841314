//! Our statements in the inline policies of permission sets.
//!
//! What is written there changes no role before the set is provisioned, which brings everything else of the set with it.

use std::collections::BTreeSet;

use crossrole_model::limits::Quota;
use crossrole_model::observed::ObservedSet;
use crossrole_model::state::SetState;
use crossrole_model::{
    AccountId, Action, Address, Cause, Change, Consequence, DesiredObject, Facet, IdentityCenter, Kind, ObjectState, Observation, Part, Reason, SetCall,
    SetRef, Subject, Withheld, ownership,
};
use crossrole_policy::{Document, Share, Statement};

use crate::draft::{Draft, Stage};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &[Statement]) {
    let (Some(at), Some(Observation::Known(sets))) = (&draft.desired.identity_center, &draft.observed.permission_sets) else { return };
    match sets.sets.get(&address.name) {
        None => draft.withhold(address, Cause::NoPermissionSet),
        Some(Observation::Unreadable(why)) => draft.withhold(address, Cause::Unreadable(why.clone())),
        Some(Observation::Known(found)) => {
            for account in accounts(wanted).difference(&found.accounts) {
                let cause = Cause::NotAssigned(account.clone());
                draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause, blocks: false });
            }
            merge(draft, address, &object.owner, at, found, wanted);
        }
    }
}

/// The accounts that statements are for.
fn accounts(wanted: &[Statement]) -> BTreeSet<AccountId> {
    let named = wanted.iter().flat_map(|s| s.conditions.values()).filter_map(|keys| keys.get("aws:PrincipalAccount"));
    named.flatten().filter_map(|id| AccountId::parse(id)).collect()
}

fn merge(draft: &mut Draft<'_>, address: &Address, manifest: &str, at: &IdentityCenter, found: &ObservedSet, wanted: &[Statement]) {
    let document = found.state.document.as_ref();
    let share = Share { prefixes: prefixes(draft, document, wanted), statements: wanted.to_vec() };
    let is_in = share.is_in(document);
    if is_in && (found.state.provisioned || wanted.is_empty()) {
        return;
    }
    let merged = match share.merge(document) {
        Ok(merged) => merged,
        Err(why) => {
            draft.withhold(address, Cause::Unmergeable(why));
            return;
        }
    };
    let set = SetRef { at: at.clone(), arn: found.arn.clone(), name: address.name.clone() };
    let after = if is_in { found.state.document.clone() } else { merged.document };
    if let Some(size) = after.as_ref().map(Document::size)
        && let Some(over) = draft.meter(&address.account, || address.short(), Quota::PermissionSet, size)
    {
        draft.withhold(address, over);
        return;
    }
    let ours = share.part(document);
    let mut reasons: Vec<Reason> = ours.orphaned_principals().into_iter().map(|id| Reason::OrphanedPrincipal(id.to_owned())).collect();
    reasons.push(match (is_in, ours.statements.is_empty(), wanted.is_empty()) {
        (true, ..) => Reason::Differs(Part::Provisioned),
        (false, true, _) => Reason::Missing,
        (false, false, true) => draft.deletion_reason(),
        (false, false, false) => Reason::Differs(Part::Statements),
    });
    let mut consequences: Vec<Consequence> = merged.dropped.into_iter().map(Consequence::Dropped).collect();
    let mut stages: Vec<Stage> = Vec::new();
    if !is_in {
        let call = match &after {
            Some(document) => SetCall::PutPolicy { set: set.clone(), document: document.clone() },
            None => SetCall::DeletePolicy { set: set.clone() },
        };
        stages.push(vec![(call.into(), Facet::Statements(share.prefixes.clone()))]);
    }
    // A set that is in no account has no roles.
    if !found.accounts.is_empty() {
        consequences.push(Consequence::Provisions(found.accounts.len()));
        stages.push(vec![(SetCall::Provision { set }.into(), Facet::Provisioned)]);
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::PermissionSet(found.state.clone())),
        after: Some(ObjectState::PermissionSet(SetState { document: after, provisioned: true })),
        reasons,
        consequences,
        manifest: manifest.to_owned(),
    };
    draft.change_with_share(change, stages, &share);
}

/// How the Sids of this run's manifests begin, of those that have statements there, or should have.
fn prefixes(draft: &Draft<'_>, found: Option<&Document>, wanted: &[Statement]) -> BTreeSet<String> {
    let statements = found.into_iter().flat_map(|d| &d.statements).chain(wanted);
    let heads = statements.filter_map(|s| ownership::sid_head(s.sid()));
    heads.filter(|head| draft.sids.contains_key(*head)).map(str::to_owned).collect()
}

/// Takes our statements out of sets that nothing declares any more, and says where that was not looked at.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let Some(at) = &draft.desired.identity_center else { return };
    let sets = match &observed.permission_sets {
        None => return,
        Some(Observation::Known(sets)) => sets,
        Some(Observation::Unreadable(why)) => {
            let blocks = draft.desired.objects.keys().any(|address| address.kind == Kind::PermissionSet);
            // Said of each that is declared; where none is, what was left is not known.
            if !blocks {
                let subject = Subject::PermissionSets(at.account.clone());
                draft.withheld.push(Withheld { subject, cause: Cause::Unreadable(why.clone()), blocks: draft.destroy });
            }
            return;
        }
    };
    if let Some(why) = &sets.unread {
        draft.withheld.push(Withheld { subject: Subject::PermissionSets(at.account.clone()), cause: Cause::Unreadable(why.clone()), blocks: false });
    }
    for (name, found) in &sets.sets {
        let address = Address::new(&at.account, Kind::PermissionSet, name);
        let Observation::Known(found) = found else { continue };
        if draft.desired.objects.contains_key(&address) {
            continue;
        }
        let statements = found.state.document.iter().flat_map(|d| &d.statements);
        let owner = statements.filter_map(|s| draft.sids.get(ownership::sid_head(s.sid())?).copied()).min().map(str::to_owned);
        if let Some(owner) = owner {
            merge(draft, &address, &owner, at, found, &[]);
        }
    }
}
