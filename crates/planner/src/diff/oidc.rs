//! OpenID Connect providers.

use crossrole_model::state::OidcState;
use crossrole_model::{Address, DesiredObject, Facet, IamCall, Kind, ObjectState, Part};

use crate::draft::Draft;

use super::provider::{self, Found, Wanted};
use super::read_accounts;

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &OidcState) {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let arn = provider::arn(draft, &address.account, address);
    let OidcState { url, client_ids, tags } = wanted;
    let create = IamCall::CreateOidcProvider { url: url.clone(), client_ids: client_ids.clone(), tags: tags.clone() };
    let remove = |id: &String| (IamCall::RemoveClientId { arn: arn.clone(), client_id: id.clone() }.into(), Facet::ClientIds);
    let add = |id: &String| (IamCall::AddClientId { arn: arn.clone(), client_id: id.clone() }.into(), Facet::ClientIds);
    let untag = |keys| IamCall::UntagOidcProvider { arn: arn.clone(), keys };
    let tag = |tags| IamCall::TagOidcProvider { arn: arn.clone(), tags };
    let found = account.and_then(|a| a.oidc_providers.get(&address.name)).map(|found| Found {
        state: ObjectState::OidcProvider(found.clone()),
        tags: &found.tags,
        differs: (found.client_ids != *client_ids).then(|| {
            let gone = found.client_ids.difference(client_ids).map(remove).collect();
            (Part::Audiences, gone, client_ids.difference(&found.client_ids).map(add).collect())
        }),
        untag: &untag,
        tag: &tag,
    });
    provider::diff(draft, Wanted { address, object, state: ObjectState::OidcProvider(wanted.clone()), tags, create }, found);
}

/// Plans the deletion of providers of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (id, account) in read_accounts(draft) {
        for (host, found) in &account.oidc_providers {
            let state = ObjectState::OidcProvider(found.clone());
            provider::prune(draft, Address::new(id, Kind::OidcProvider, host), state, &found.tags, |arn| IamCall::DeleteOidcProvider { arn });
        }
    }
}
