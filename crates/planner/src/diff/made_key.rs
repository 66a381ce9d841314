//! Keys that manifests make. One is found by its alias; it goes only when it is told by name, since what it encrypted goes with it.

use crossrole_model::observed::{KeyState, ObservedKey, ObservedMadeKey};
use crossrole_model::state::MadeKey;
use crossrole_model::{
    Action, Address, Call, Cause, Change, Consequence, DesiredObject, Facet, KeyCall, KeyRef, Kind, ObjectState, Observation, Part, Reason, Subject, Withheld,
};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, marked, our_owner, tag_changes};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &MadeKey) {
    let key = KeyRef::named(draft.desired.partition, &address.account, &address.name);
    let Some(Observation::Known(found)) = draft.observed.keys.get(&key.arn) else { return };
    let Some(ObservedKey { state, customer, made: Some(ObservedMadeKey { arn, state: found }), .. }) = found else {
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::Key(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        draft.change(change, create(&key, wanted));
        return;
    };
    if !customer {
        draft.withhold(address, Cause::AwsKey);
        return;
    }
    let mark = format!("TagKey={},TagValue={}", crossrole_model::ownership::OWNER_TAG, object.owner);
    let command = format!("aws kms tag-resource --region {} --key-id {arn} --tags {mark}", key.region());
    let mut reasons = match claim(draft, address, object, &found.tags, Some(command)) {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    let wanted = MadeKey { tags: marked(&wanted.tags, object, &found.tags), ..wanted.clone() };
    let (take, give, differs) = settings(&key, found, &wanted);
    reasons.extend(differs);
    // One that is to be deleted is none, whatever else it is.
    if *state == KeyState::PendingDeletion || *state != KeyState::Enabled && !reasons.is_empty() {
        draft.withhold(address, Cause::KeyState(state.clone()));
        return;
    }
    if reasons.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::Key(found.clone())),
        after: Some(ObjectState::Key(wanted)),
        reasons,
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    draft.change(change, vec![take, give]);
}

fn create(key: &KeyRef, wanted: &MadeKey) -> Vec<Stage> {
    // No `..`: a new setting stops the build until someone decides.
    let MadeKey { alias: _, description, rotation_days, tags } = wanted;
    let first = KeyCall::Create { key: key.clone(), description: description.clone(), tags: tags.clone() };
    let mut rest: Stage = Vec::new();
    if let Some(days) = rotation_days {
        rest.push((KeyCall::EnableRotation { key: key.clone(), days: *days }.into(), Facet::Rotation));
    }
    // By its name it is found again, whatever happens after that.
    vec![vec![(first.into(), Facet::Existence)], vec![(KeyCall::CreateAlias { key: key.clone() }.into(), Facet::Alias)], rest]
}

/// What is taken away, what is given, and what differs.
fn settings(key: &KeyRef, found: &MadeKey, wanted: &MadeKey) -> (Stage, Stage, Vec<Reason>) {
    let MadeKey { alias, description, rotation_days, tags } = wanted;
    let (mut take, mut give, mut reasons) = (Stage::new(), Stage::new(), Vec::new());
    let mut push = |call: KeyCall, facet: Facet, part: Part| {
        reasons.push(Reason::Differs(part));
        give.push((Call::from(call), facet));
    };
    let key = || key.clone();
    if found.alias != *alias {
        push(KeyCall::CreateAlias { key: key() }, Facet::Alias, Part::Alias);
    }
    if found.description != *description {
        push(KeyCall::UpdateDescription { key: key(), description: description.clone() }, Facet::Settings, Part::Description);
    }
    if let Some(days) = rotation_days.filter(|_| found.rotation_days != *rotation_days) {
        push(KeyCall::EnableRotation { key: key(), days }, Facet::Rotation, Part::Rotation);
    }
    let (gone, set) = tag_changes(&found.tags, tags);
    if !set.is_empty() {
        push(KeyCall::Tag { key: key(), tags: set }, Facet::Tags, Part::Tags);
    } else if !gone.is_empty() {
        reasons.push(Reason::Differs(Part::Tags));
    }
    if !gone.is_empty() {
        take.push((KeyCall::Untag { key: key(), keys: gone }.into(), Facet::Tags));
    }
    (take, give, reasons)
}

/// Plans the end of keys of ours that nothing declares and that are told by name; says of the others that they stay.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let mut told = draft.destroy_keys.clone();
    for (arn, found) in &observed.keys {
        let Some(key) = KeyRef::parse(arn) else { continue };
        let (Some(alias), Observation::Known(Some(ObservedKey { state, made: Some(made), .. }))) = (key.alias(), found) else { continue };
        let address = Address::new(&key.account(), Kind::Key, key.name());
        let Some(owner) = our_owner(draft, &made.state.tags).filter(|_| !draft.desired.objects.contains_key(&address)) else { continue };
        let named = told.remove(alias);
        if *state == KeyState::PendingDeletion {
            continue;
        }
        if !named {
            draft.withheld.push(Withheld { subject: Subject::Object(address), cause: Cause::KeyStays, blocks: false });
            continue;
        }
        let days = draft.desired.made_keys.get(arn).copied().unwrap_or(crossrole_model::limits::KEY_DELETION_DAYS.1);
        let change = Change {
            address,
            action: Action::Delete,
            before: Some(ObjectState::Key(made.state.clone())),
            after: None,
            reasons: vec![draft.deletion_reason()],
            consequences: vec![Consequence::KeyGoes(days)],
            manifest: owner,
        };
        draft.change(change, vec![vec![(KeyCall::ScheduleDeletion { key, days }.into(), Facet::Existence)]]);
    }
    // What was asked for by name, and is nowhere, is not passed over.
    draft.withheld.extend(told.into_iter().map(|alias| Withheld { subject: Subject::Key(alias), cause: Cause::NoSuchKey, blocks: true }));
}

/// A key that a manifest of the run makes, and that another calls by its own ARN.
pub(super) fn known_by_alias(draft: &Draft<'_>, arn: &str) -> Option<String> {
    draft.observed.made_keys().into_iter().find(|(_, made)| made == arn).map(|(alias, _)| alias)
}
