//! Identity providers: what OpenID Connect and SAML ones have in common.

use std::collections::BTreeSet;

use crossrole_model::state::Tags;
use crossrole_model::{AccountId, Action, Address, Change, Consequence, DesiredObject, Facet, IamCall, ObjectState, Part, Reason};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, our_owner, tag_changes};

/// A provider that is declared, as it has to be.
pub(crate) struct Wanted<'w> {
    pub(crate) address: &'w Address,
    pub(crate) object: &'w DesiredObject,
    pub(crate) state: ObjectState,
    pub(crate) tags: &'w Tags,
    pub(crate) create: IamCall,
}

/// A provider that is there, and the calls that change it.
pub(crate) struct Found<'f> {
    pub(crate) state: ObjectState,
    pub(crate) tags: &'f Tags,
    /// What differs beside tags, and what takes it away and gives it.
    pub(crate) differs: Option<(Part, Stage, Stage)>,
    pub(crate) untag: &'f dyn Fn(BTreeSet<String>) -> IamCall,
    pub(crate) tag: &'f dyn Fn(Tags) -> IamCall,
}

pub(crate) fn diff(draft: &mut Draft<'_>, wanted: Wanted<'_>, found: Option<Found<'_>>) {
    let Wanted { address, object, state, tags, create } = wanted;
    let change = |action, before, reasons| Change {
        address: address.clone(),
        action,
        before,
        after: Some(state.clone()),
        reasons,
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    let Some(found) = found else {
        draft.change(change(Action::Create, None, vec![Reason::Missing]), vec![vec![(create.into(), Facet::Existence)]]);
        return;
    };
    let mut reasons = match claim(draft, address, object, found.tags, None) {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    let (mut take, mut give) = (Stage::new(), Stage::new());
    if let Some((part, gone, come)) = found.differs {
        reasons.push(Reason::Differs(part));
        take.extend(gone);
        give.extend(come);
    }
    let (gone, set) = tag_changes(found.tags, tags);
    if !gone.is_empty() || !set.is_empty() {
        reasons.push(Reason::Differs(Part::Tags));
    }
    if !gone.is_empty() {
        take.push(((found.untag)(gone).into(), Facet::Tags));
    }
    if !set.is_empty() {
        give.push(((found.tag)(set).into(), Facet::Tags));
    }
    if !reasons.is_empty() {
        draft.change(change(Action::Update, Some(found.state), reasons), vec![take, give]);
    }
}

/// Plans the deletion of a provider of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>, address: Address, state: ObjectState, tags: &Tags, delete: impl FnOnce(String) -> IamCall) {
    let Some(owner) = our_owner(draft, tags).filter(|_| !draft.desired.objects.contains_key(&address)) else { return };
    if draft.keeps(&address) {
        return;
    }
    let arn = arn(draft, &address.account, &address);
    if draft.used.contains(&arn) {
        draft.leave(address);
        return;
    }
    let change = Change {
        address,
        action: Action::Delete,
        before: Some(state),
        after: None,
        reasons: vec![draft.deletion_reason()],
        consequences: vec![Consequence::ProviderTrustLost],
        manifest: owner,
    };
    draft.change(change, vec![vec![(delete(arn).into(), Facet::Existence)]]);
}

pub(crate) fn arn(draft: &Draft<'_>, account: &AccountId, address: &Address) -> String {
    draft.desired.partition.iam_arn(account, address.kind.as_str(), "/", &address.name)
}
