//! Customer managed policies and their versions.

use crossrole_model::key;
use crossrole_model::limits::Quota;
use crossrole_model::observed::{AccountState, ObservedPolicy};
use crossrole_model::state::PolicyState;
use crossrole_model::{
    AccountId, Action, Address, Call, Cause, Change, Consequence, DesiredObject, Facet, IamCall, Kind, ObjectState, Part, PrincipalKind, PrincipalRef, Reason,
    Subject, Withheld, limits, ownership,
};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, our_owner, read_accounts, tag_changes};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &PolicyState) {
    if let Some(over) = draft.meter(&address.account, || address.short(), Quota::ManagedPolicy, key::size(&wanted.document)) {
        draft.withhold(address, over);
        return;
    }
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let Some((account, found)) = account.and_then(|a| Some((a, a.policies.get(&address.name.to_ascii_lowercase())?))) else {
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::Policy(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        draft.change(change, vec![create(&address.name, wanted)]);
        return;
    };
    if found.name != address.name {
        draft.withhold(address, Cause::Spelling(found.name.clone()));
        return;
    }
    let how = format!("aws iam tag-policy --policy-arn {} --tags Key={},Value={}", found.arn, ownership::OWNER_TAG, object.owner);
    let adopted = match claim(draft, address, object, &found.state.tags, Some(how)) {
        Claim::Refused => return,
        Claim::Adopt => true,
        Claim::Ours => false,
    };
    let mut after = wanted.clone();
    if found.state.path != after.path {
        let (stages, consequences) = delete_stages(account, found);
        let change = Change {
            address: address.clone(),
            action: Action::Replace,
            before: Some(ObjectState::Policy(found.state.clone())),
            after: Some(ObjectState::Policy(after.clone())),
            reasons: vec![Reason::Immutable(Part::Path)],
            consequences,
            manifest: object.owner.clone(),
        };
        draft.change(change, stages.into_iter().chain([create(&address.name, &after)]).collect());
        return;
    }
    if found.state.description != after.description {
        // Immutable: making the policy anew over a description would detach it everywhere.
        draft.withheld.push(Withheld { subject: Subject::Description(address.clone()), cause: Cause::Unchangeable, blocks: false });
        after.description.clone_from(&found.state.description);
    }
    update(draft, address, object, found, after, adopted);
}

fn create(name: &str, policy: &PolicyState) -> Stage {
    let PolicyState { path, description, document, tags } = policy.clone();
    vec![(Call::Iam(IamCall::CreatePolicy { name: name.to_owned(), path, description, document, tags }), Facet::Existence)]
}

fn update(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, found: &ObservedPolicy, after: PolicyState, adopted: bool) {
    let mut reasons = if adopted { vec![Reason::Adopted] } else { Vec::new() };
    let mut consequences = Vec::new();
    let (mut first, mut second, mut third) = (Stage::new(), Stage::new(), Stage::new());
    let PolicyState { path: _, description: _, document, tags } = &found.state;
    if *document != after.document {
        reasons.push(Reason::Differs(Part::Document));
        if found.old_versions.len() + 1 >= limits::POLICY_VERSIONS
            && let Some(oldest) = found.old_versions.first()
        {
            consequences.push(Consequence::VersionDeleted { version: oldest.clone(), of: found.old_versions.len() + 1 });
            first.push((Call::Iam(IamCall::DeletePolicyVersion { arn: found.arn.clone(), version: oldest.clone() }), Facet::Document));
        }
        second.push((Call::Iam(IamCall::CreatePolicyVersion { arn: found.arn.clone(), document: after.document.clone() }), Facet::Document));
    }
    let (gone, set) = tag_changes(tags, &after.tags);
    if !gone.is_empty() || !set.is_empty() {
        reasons.push(Reason::Differs(Part::Tags));
    }
    if !gone.is_empty() {
        second.push((Call::Iam(IamCall::UntagPolicy { arn: found.arn.clone(), keys: gone }), Facet::Tags));
    }
    if !set.is_empty() {
        third.push((Call::Iam(IamCall::TagPolicy { arn: found.arn.clone(), tags: set }), Facet::Tags));
    }
    if reasons.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::Policy(found.state.clone())),
        after: Some(ObjectState::Policy(after)),
        reasons,
        consequences,
        manifest: object.owner.clone(),
    };
    draft.change(change, vec![first, second, third]);
}

/// Everything that hangs on a policy, and the policy.
pub(super) fn delete_stages(account: &AccountState, found: &ObservedPolicy) -> (Vec<Stage>, Vec<Consequence>) {
    let mut first: Stage =
        found.old_versions.iter().map(|v| (Call::Iam(IamCall::DeletePolicyVersion { arn: found.arn.clone(), version: v.clone() }), Facet::Existence)).collect();
    let mut consequences = Vec::new();
    for principal in attached_to(account, &found.arn) {
        consequences.push(Consequence::Loses(principal.clone()));
        first.push((Call::Iam(IamCall::DetachPolicy { principal, arn: found.arn.clone() }), Facet::Existence));
    }
    (vec![first, vec![(Call::Iam(IamCall::DeletePolicy { arn: found.arn.clone() }), Facet::Existence)]], consequences)
}

/// Principals of the account that a policy is attached to.
pub(crate) fn attached_to(account: &AccountState, arn: &str) -> Vec<PrincipalRef> {
    let of = |kind: PrincipalKind, name: &str| PrincipalRef { kind, name: name.to_owned() };
    let roles = account.roles.values().filter(|r| r.state.attached.contains(arn)).map(|r| of(PrincipalKind::Role, &r.name));
    let users = account.users.values().filter(|u| u.attached.contains(arn)).map(|u| of(PrincipalKind::User, &u.name));
    let groups = account.groups.values().filter(|g| g.attached.contains(arn)).map(|g| of(PrincipalKind::Group, &g.name));
    roles.chain(users).chain(groups).collect()
}

/// A role or user whose permissions boundary a policy stays, when everything else is carried out.
fn bounds(draft: &Draft<'_>, id: &AccountId, account: &AccountState, arn: &str) -> Option<Address> {
    let roles = account.roles.values().filter(|r| r.state.boundary.as_deref() == Some(arn)).map(|r| Address::new(id, Kind::Role, &r.name));
    let users = account.users.values().filter(|u| u.boundary.as_deref() == Some(arn)).map(|u| Address::new(id, Kind::User, &u.name));
    let after = |address: &Address| draft.changes.iter().find(|change| change.address == *address).map(|change| change.after.as_ref());
    roles.chain(users).find(|address| match after(address) {
        None => true,
        Some(Some(ObjectState::Role(role))) => role.boundary.as_deref() == Some(arn),
        Some(Some(_)) => address.kind == Kind::User,
        Some(None) => false,
    })
}

/// Tells whether a policy is one of ours that nothing declares, relies on or uses.
pub(super) fn goes(draft: &Draft<'_>, id: &AccountId, found: &ObservedPolicy) -> bool {
    let address = Address::new(id, Kind::Policy, &found.name);
    let ours = found.state.path != ownership::CALLER_PATH && our_owner(draft, &found.state.tags).is_some();
    ours && !draft.declares(&address) && draft.relied.by(&address).is_none() && !draft.used.contains(&found.arn)
}

/// Plans the deletion of policies of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (id, account) in read_accounts(draft) {
        // Those of the caller's side belong to all manifests, and are compared by their statements.
        for found in account.policies.values().filter(|p| p.state.path != ownership::CALLER_PATH) {
            let Some(owner) = our_owner(draft, &found.state.tags) else { continue };
            let address = Address::new(id, Kind::Policy, &found.name);
            if draft.declares(&address) {
                continue;
            }
            if draft.keeps(&address) {
                continue;
            }
            if draft.used.contains(&found.arn) {
                draft.leave(address);
                continue;
            }
            if let Some(of) = bounds(draft, id, account, &found.arn) {
                draft.withhold(&address, Cause::BoundaryOf(of));
                continue;
            }
            let (stages, consequences) = delete_stages(account, found);
            let change = Change {
                address,
                action: Action::Delete,
                before: Some(ObjectState::Policy(found.state.clone())),
                after: None,
                reasons: vec![draft.deletion_reason()],
                consequences,
                manifest: owner,
            };
            draft.change(change, stages);
        }
    }
}
