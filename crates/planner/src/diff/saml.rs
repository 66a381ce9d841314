//! SAML providers.

use crossrole_model::state::SamlState;
use crossrole_model::{Address, DesiredObject, Facet, IamCall, Kind, ObjectState, Part};

use crate::draft::{Draft, Stage};

use super::provider::{self, Found, Wanted};
use super::read_accounts;

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &SamlState) {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let arn = provider::arn(draft, &address.account, address);
    let SamlState { metadata, tags } = wanted;
    let create = IamCall::CreateSamlProvider { name: address.name.clone(), metadata: metadata.clone(), tags: tags.clone() };
    let update = || {
        let call = IamCall::UpdateSamlProvider { arn: arn.clone(), metadata: metadata.clone() };
        (Part::Metadata, Stage::new(), vec![(call.into(), Facet::Metadata)])
    };
    let untag = |keys| IamCall::UntagSamlProvider { arn: arn.clone(), keys };
    let tag = |tags| IamCall::TagSamlProvider { arn: arn.clone(), tags };
    let found = account.and_then(|a| a.saml_providers.get(&address.name)).map(|found| Found {
        state: ObjectState::SamlProvider(found.clone()),
        tags: &found.tags,
        differs: (found.metadata != *metadata).then(update),
        untag: &untag,
        tag: &tag,
    });
    provider::diff(draft, Wanted { address, object, state: ObjectState::SamlProvider(wanted.clone()), tags, create }, found);
}

/// Plans the deletion of providers of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (id, account) in read_accounts(draft) {
        for (name, found) in &account.saml_providers {
            let state = ObjectState::SamlProvider(found.clone());
            provider::prune(draft, Address::new(id, Kind::SamlProvider, name), state, &found.tags, |arn| IamCall::DeleteSamlProvider { arn });
        }
    }
}
