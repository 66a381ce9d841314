//! OpenID Connect providers.

use crossrole_model::state::OidcState;
use crossrole_model::{Action, Address, Call, Change, DesiredObject, Facet, Kind, ObjectState, Reason};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, our_owner, read_accounts, tag_changes};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &OidcState) {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let arn = draft.desired.partition.iam_arn(&address.account, "oidc-provider", "/", &address.name);
    let Some(found) = account.and_then(|a| a.oidc_providers.get(&address.name)) else {
        let OidcState { url, client_ids, tags } = wanted.clone();
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::OidcProvider(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        draft.change(change, vec![vec![(Call::CreateOidcProvider { url, client_ids, tags }, Facet::Existence)]]);
        return;
    };
    let mut reasons = match claim(draft, address, object, &found.tags, "") {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    let (mut take, mut give) = (Stage::new(), Stage::new());
    let OidcState { url: _, client_ids, tags } = found;
    if *client_ids != wanted.client_ids {
        reasons.push(Reason::Differs("audiences".to_owned()));
        take.extend(client_ids.difference(&wanted.client_ids).map(|c| (Call::RemoveClientId { arn: arn.clone(), client_id: c.clone() }, Facet::ClientIds)));
        give.extend(wanted.client_ids.difference(client_ids).map(|c| (Call::AddClientId { arn: arn.clone(), client_id: c.clone() }, Facet::ClientIds)));
    }
    let (gone, set) = tag_changes(tags, &wanted.tags);
    if !gone.is_empty() || !set.is_empty() {
        reasons.push(Reason::Differs("tags".to_owned()));
    }
    if !gone.is_empty() {
        take.push((Call::UntagOidcProvider { arn: arn.clone(), keys: gone }, Facet::Tags));
    }
    if !set.is_empty() {
        give.push((Call::TagOidcProvider { arn, tags: set }, Facet::Tags));
    }
    if reasons.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::OidcProvider(found.clone())),
        after: Some(ObjectState::OidcProvider(wanted.clone())),
        reasons,
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    draft.change(change, vec![take, give]);
}

/// Plans the deletion of providers of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (id, account) in read_accounts(draft) {
        for (host, found) in &account.oidc_providers {
            let Some(owner) = our_owner(draft, &found.tags) else { continue };
            let address = Address::new(id, Kind::OidcProvider, host);
            if draft.desired.objects.contains_key(&address) {
                continue;
            }
            let arn = draft.desired.partition.iam_arn(id, "oidc-provider", "/", host);
            let change = Change {
                address,
                action: Action::Delete,
                before: Some(ObjectState::OidcProvider(found.clone())),
                after: None,
                reasons: vec![draft.deletion_reason()],
                consequences: vec!["every role that trusts it, ours or not, can't be assumed through it any more".to_owned()],
                manifest: owner,
            };
            draft.change(change, vec![vec![(Call::DeleteOidcProvider { arn }, Facet::Existence)]]);
        }
    }
}
