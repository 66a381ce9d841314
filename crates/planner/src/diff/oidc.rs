//! OpenID Connect providers.

use crossrole_model::state::OidcState;
use crossrole_model::{Action, Address, Call, Change, Consequence, DesiredObject, Facet, IamCall, Kind, ObjectState, Part, Reason};

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
        draft.change(change, vec![vec![(Call::Iam(IamCall::CreateOidcProvider { url, client_ids, tags }), Facet::Existence)]]);
        return;
    };
    let mut reasons = match claim(draft, address, object, &found.tags, None) {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    let (mut take, mut give) = (Stage::new(), Stage::new());
    let OidcState { url: _, client_ids, tags } = found;
    if *client_ids != wanted.client_ids {
        reasons.push(Reason::Differs(Part::Audiences));
        take.extend(client_ids.difference(&wanted.client_ids).map(|c| (Call::Iam(IamCall::RemoveClientId { arn: arn.clone(), client_id: c.clone() }), Facet::ClientIds)));
        give.extend(wanted.client_ids.difference(client_ids).map(|c| (Call::Iam(IamCall::AddClientId { arn: arn.clone(), client_id: c.clone() }), Facet::ClientIds)));
    }
    let (gone, set) = tag_changes(tags, &wanted.tags);
    if !gone.is_empty() || !set.is_empty() {
        reasons.push(Reason::Differs(Part::Tags));
    }
    if !gone.is_empty() {
        take.push((Call::Iam(IamCall::UntagOidcProvider { arn: arn.clone(), keys: gone }), Facet::Tags));
    }
    if !set.is_empty() {
        give.push((Call::Iam(IamCall::TagOidcProvider { arn, tags: set }), Facet::Tags));
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
                consequences: vec![Consequence::ProviderTrustLost],
                manifest: owner,
            };
            draft.change(change, vec![vec![(Call::Iam(IamCall::DeleteOidcProvider { arn }), Facet::Existence)]]);
        }
    }
}
