//! Users, groups, memberships, attachments.

use std::collections::BTreeSet;

use crossrole_model::desired::DesiredState;
use crossrole_model::observed::{AccountState, ObservedUser};
use crossrole_model::state::{GroupState, MembershipState, UserState};
use crossrole_model::{
    AccountId, Action, Address, Call, Cause, Change, Consequence, DesiredObject, Facet, IamCall, Kind, ObjectState, Part, PrincipalKind, PrincipalRef, Reason,
    Subject, Withheld, ownership,
};

use crate::draft::{Draft, Stage};

use super::used::by_another;
use super::{marked, our_owner, read_accounts, tag_changes};

fn creation(address: &Address, object: &DesiredObject, after: ObjectState) -> Change {
    Change {
        address: address.clone(),
        action: Action::Create,
        before: None,
        after: Some(after),
        reasons: vec![Reason::Missing],
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    }
}

/// A user is made if missing; one that exists is left as it is, unless it is ours.
pub(crate) fn user(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &UserState) {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let Some(found) = account.and_then(|a| a.users.get(&address.name.to_ascii_lowercase())) else {
        let UserState { path, tags } = wanted.clone();
        let call = Call::Iam(IamCall::CreateUser { name: address.name.clone(), path, tags });
        draft.change(creation(address, object, ObjectState::User(wanted.clone())), vec![vec![(call, Facet::Existence)]]);
        return;
    };
    // What names it, names it as it is spelled here, and AWS knows nobody by that.
    if found.name != address.name && !draft.look_through {
        draft.withhold(address, Cause::Spelling(found.name.clone()));
        return;
    }
    if found.state.path != wanted.path && !draft.look_through {
        draft.withhold(address, Cause::Path { found: found.state.path.clone(), wanted: wanted.path.clone() });
        return;
    }
    if our_owner(draft, &found.state.tags).is_none() {
        let mut said = wanted.tags.iter().filter(|(key, _)| key.as_str() != ownership::OWNER_TAG);
        if said.any(|(key, value)| found.state.tags.get(key) != Some(value)) {
            let mark = format!("{}={}", ownership::OWNER_TAG, object.owner);
            let command = format!("aws iam tag-user --user-name {} --tags Key={},Value={}", found.name, ownership::OWNER_TAG, object.owner);
            let cause = Cause::Unmarked { mark, command: Some(command) };
            // It is used as it is, and what the manifest says of it is not so.
            draft.withheld.push(Withheld { subject: Subject::Part(address.clone()), cause, blocks: false });
        }
        return;
    }
    let after = UserState { path: found.state.path.clone(), tags: marked(draft, &wanted.tags, object, &found.state.tags) };
    let (gone, set) = tag_changes(&found.state.tags, &after.tags);
    let (mut take, mut give) = (Stage::new(), Stage::new());
    if !gone.is_empty() {
        take.push((Call::Iam(IamCall::UntagUser { user: found.name.clone(), keys: gone }), Facet::Tags));
    }
    if !set.is_empty() {
        give.push((Call::Iam(IamCall::TagUser { user: found.name.clone(), tags: set }), Facet::Tags));
    }
    if take.is_empty() && give.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::User(found.state.clone())),
        after: Some(ObjectState::User(after)),
        reasons: vec![Reason::Differs(Part::Tags)],
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    draft.change(change, vec![take, give]);
}

/// A group is made if missing; one that exists is used as it is, but for a path that has a name which a manifest of this run had: nothing
/// would tell whose it is. (A group keeps its members, what is attached to it and its unique id.)
pub(crate) fn group(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &GroupState) {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    if let Some(found) = account.and_then(|a| a.groups.get(&address.name.to_ascii_lowercase())) {
        let former = ownership::group_owner(&found.state.path).and_then(|name| Some((name, *draft.owners.get(name)?)));
        if let Some((_, manifest)) = former.filter(|(name, manifest)| name != manifest) {
            let owner = if object.is_declared_by(manifest) { manifest } else { object.owner.as_str() };
            let after = GroupState { path: ownership::group_path(owner) };
            let call = Call::Iam(IamCall::UpdateGroup { group: found.name.clone(), path: after.path.clone() });
            let change = Change {
                action: Action::Update,
                before: Some(ObjectState::Group(found.state.clone())),
                reasons: vec![Reason::Differs(Part::Path)],
                ..creation(address, object, ObjectState::Group(after))
            };
            draft.change(change, vec![vec![(call, Facet::Existence)]]);
        }
        return;
    }
    let call = Call::Iam(IamCall::CreateGroup { name: address.name.clone(), path: wanted.path.clone() });
    draft.change(creation(address, object, ObjectState::Group(wanted.clone())), vec![vec![(call, Facet::Existence)]]);
}

pub(crate) fn membership(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &MembershipState) {
    if draft.observed.state(address) != Ok(None) {
        return;
    }
    let MembershipState { group, user } = wanted.clone();
    let call = Call::Iam(IamCall::AddUserToGroup { group, user });
    draft.change(creation(address, object, ObjectState::Membership(wanted.clone())), vec![vec![(call, Facet::Existence)]]);
}

/// Plans the removal of what is ours on the caller side and is not declared: users by their tag, groups by their path, and
/// members of such groups.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (id, account) in read_accounts(draft) {
        users(draft, id, account);
        groups(draft, id, account);
    }
}

fn deletion(draft: &Draft<'_>, address: Address, before: ObjectState, consequences: Vec<Consequence>, manifest: String) -> Change {
    Change { address, action: Action::Delete, before: Some(before), after: None, reasons: vec![draft.deletion_reason()], consequences, manifest }
}

/// What others put on a user or group of ours, and what goes with it. Nothing of ours is inline there.
fn of_others<'f>(draft: &Draft<'_>, account: &AccountState, attached: &BTreeSet<String>, inline: impl Iterator<Item = &'f String>) -> Vec<Consequence> {
    let ours = |arn: &&String| {
        let policy = account.policies.values().find(|policy| policy.arn == **arn);
        ownership::is_caller_arn(arn) || policy.is_some_and(|policy| our_owner(draft, &policy.state.tags).is_some())
    };
    let attached = attached.iter().filter(|arn| !ours(arn)).cloned().map(Consequence::Detaches);
    inline.cloned().map(Consequence::InlineGoes).chain(attached).collect()
}

/// Tells whether a manifest that is not of this run uses a user.
fn is_used(draft: &Draft<'_>, id: &AccountId, account: &AccountState, found: &ObservedUser) -> bool {
    let mut groups = found.groups.iter().filter_map(|g| account.groups.get(&g.to_ascii_lowercase()));
    let arn = draft.desired.partition.iam_arn(id, "user", &found.state.path, &found.name);
    groups.any(|g| by_another(draft, account, &g.attached)) || by_another(draft, account, &found.attached) || draft.used.contains(&arn)
}

/// Tells whether a user is one of ours that nothing declares, relies on or uses.
pub(super) fn user_goes(draft: &Draft<'_>, id: &AccountId, account: &AccountState, found: &ObservedUser) -> bool {
    let address = Address::new(id, Kind::User, &found.name);
    let ours = our_owner(draft, &found.state.tags).is_some() && !draft.declares(&address);
    ours && draft.relied.by(&address).is_none() && !is_used(draft, id, account, found)
}

fn users(draft: &mut Draft<'_>, id: &AccountId, account: &AccountState) {
    for found in account.users.values() {
        let Some(owner) = our_owner(draft, &found.state.tags) else { continue };
        let address = Address::new(id, Kind::User, &found.name);
        if draft.declares(&address) {
            continue;
        }
        if draft.keeps(&address) {
            continue;
        }
        if is_used(draft, id, account, found) {
            draft.leave(address);
            continue;
        }
        let me = PrincipalRef { kind: PrincipalKind::User, name: found.name.clone() };
        let mut first: Stage =
            found.attached.iter().map(|arn| (Call::Iam(IamCall::DetachPolicy { principal: me.clone(), arn: arn.clone() }), Facet::Existence)).collect();
        first.extend(found.inline.keys().map(|p| (Call::Iam(IamCall::DeleteInlinePolicy { principal: me.clone(), name: p.clone() }), Facet::Existence)));
        first.extend(found.groups.iter().map(|g| (Call::Iam(IamCall::RemoveUserFromGroup { group: g.clone(), user: found.name.clone() }), Facet::Existence)));
        let mut consequences = vec![Consequence::CredentialsFirst];
        consequences.extend(of_others(draft, account, &found.attached, found.inline.keys()));
        let ours = |group: &&String| {
            let path = account.groups.get(&group.to_ascii_lowercase()).map(|group| group.state.path.as_str());
            path.and_then(ownership::group_owner).is_some_and(|owner| draft.owners.contains_key(owner))
        };
        consequences.extend(found.groups.iter().filter(|group| !ours(group)).cloned().map(Consequence::LeavesGroup));
        let change = deletion(draft, address, ObjectState::User(found.state.clone()), consequences, owner);
        draft.change(change, vec![first, vec![(Call::Iam(IamCall::DeleteUser { user: found.name.clone() }), Facet::Existence)]]);
    }
}

/// Tells whether a manifest says who is in a group.
fn says_members(draft: &Draft<'_>, group: &Address) -> bool {
    matches!(draft.desired.objects.get(group).map(|object| &object.state), Some(DesiredState::Group { members: true, .. }))
}

fn groups(draft: &mut Draft<'_>, id: &AccountId, account: &AccountState) {
    for found in account.groups.values() {
        let Some(owner) = ownership::group_owner(&found.state.path).and_then(|o| draft.owners.get(o)).map(|o| (*o).to_owned()) else { continue };
        let members: Vec<&str> = account.users.values().filter(|u| u.groups.contains(&found.name)).map(|u| u.name.as_str()).collect();
        let address = Address::new(id, Kind::Group, &found.name);
        if draft.declares(&address) {
            // Where manifests say who is in a group of ours, who else is in it came in without them.
            let others = if says_members(draft, &address) { members } else { Vec::new() };
            for member in others {
                let address = Address::new(id, Kind::Membership, format!("{}/{member}", found.name));
                if !draft.declares(&address) {
                    let state = MembershipState { group: found.name.clone(), user: member.to_owned() };
                    let change = deletion(draft, address, ObjectState::Membership(state), Vec::new(), owner.clone());
                    draft.change(
                        change,
                        vec![vec![(Call::Iam(IamCall::RemoveUserFromGroup { group: found.name.clone(), user: member.to_owned() }), Facet::Existence)]],
                    );
                }
            }
            continue;
        }
        if draft.keeps(&address) {
            continue;
        }
        if by_another(draft, account, &found.attached) {
            draft.leave(address);
            continue;
        }
        let me = PrincipalRef { kind: PrincipalKind::Group, name: found.name.clone() };
        let mut first: Stage =
            found.attached.iter().map(|arn| (Call::Iam(IamCall::DetachPolicy { principal: me.clone(), arn: arn.clone() }), Facet::Existence)).collect();
        first.extend(found.inline.keys().map(|p| (Call::Iam(IamCall::DeleteInlinePolicy { principal: me.clone(), name: p.clone() }), Facet::Existence)));
        first.extend(members.iter().map(|m| (Call::Iam(IamCall::RemoveUserFromGroup { group: found.name.clone(), user: (*m).to_owned() }), Facet::Existence)));
        let mut consequences: Vec<Consequence> = members.iter().map(|m| Consequence::MemberLeaves((*m).to_owned())).collect();
        consequences.extend(of_others(draft, account, &found.attached, found.inline.keys()));
        let change = deletion(draft, address, ObjectState::Group(found.state.clone()), consequences, owner);
        draft.change(change, vec![first, vec![(Call::Iam(IamCall::DeleteGroup { group: found.name.clone() }), Facet::Existence)]]);
    }
}
