//! SAML providers.

use crossrole_model::state::SamlState;
use crossrole_model::{Action, Address, Call, Change, Consequence, DesiredObject, Facet, IamCall, Kind, ObjectState, Part, Reason};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, our_owner, read_accounts, tag_changes};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &SamlState) {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let arn = draft.desired.partition.iam_arn(&address.account, "saml-provider", "/", &address.name);
    let Some(found) = account.and_then(|a| a.saml_providers.get(&address.name)) else {
        let SamlState { metadata, tags } = wanted.clone();
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::SamlProvider(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        let call = IamCall::CreateSamlProvider { name: address.name.clone(), metadata, tags };
        draft.change(change, vec![vec![(Call::Iam(call), Facet::Existence)]]);
        return;
    };
    let mut reasons = match claim(draft, address, object, &found.tags, None) {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    let (mut take, mut give) = (Stage::new(), Stage::new());
    let SamlState { metadata, tags } = found;
    if *metadata != wanted.metadata {
        reasons.push(Reason::Differs(Part::Metadata));
        give.push((Call::Iam(IamCall::UpdateSamlProvider { arn: arn.clone(), metadata: wanted.metadata.clone() }), Facet::Metadata));
    }
    let (gone, set) = tag_changes(tags, &wanted.tags);
    if !gone.is_empty() || !set.is_empty() {
        reasons.push(Reason::Differs(Part::Tags));
    }
    if !gone.is_empty() {
        take.push((Call::Iam(IamCall::UntagSamlProvider { arn: arn.clone(), keys: gone }), Facet::Tags));
    }
    if !set.is_empty() {
        give.push((Call::Iam(IamCall::TagSamlProvider { arn, tags: set }), Facet::Tags));
    }
    if reasons.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::SamlProvider(found.clone())),
        after: Some(ObjectState::SamlProvider(wanted.clone())),
        reasons,
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    draft.change(change, vec![take, give]);
}

/// Plans the deletion of providers of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (id, account) in read_accounts(draft) {
        for (name, found) in &account.saml_providers {
            let Some(owner) = our_owner(draft, &found.tags) else { continue };
            let address = Address::new(id, Kind::SamlProvider, name);
            if draft.desired.objects.contains_key(&address) {
                continue;
            }
            let arn = draft.desired.partition.iam_arn(id, "saml-provider", "/", name);
            let change = Change {
                address,
                action: Action::Delete,
                before: Some(ObjectState::SamlProvider(found.clone())),
                after: None,
                reasons: vec![draft.deletion_reason()],
                consequences: vec![Consequence::ProviderTrustLost],
                manifest: owner,
            };
            draft.change(change, vec![vec![(Call::Iam(IamCall::DeleteSamlProvider { arn }), Facet::Existence)]]);
        }
    }
}
