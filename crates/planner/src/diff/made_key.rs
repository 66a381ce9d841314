//! Keys that manifests make. One is found by its alias; it goes only when it is told by name, since what it encrypted goes with it.

use std::collections::BTreeSet;

use crossrole_model::observed::{KeyState, ObservedKey, ObservedMadeKey};
use crossrole_model::state::{BucketState, Encryption, MadeKey};
use crossrole_model::{
    Action, Address, Call, Cause, Change, Consequence, DesiredObject, Facet, KeyCall, KeyRef, Kind, ObjectState, Observation, Part, Reason, Subject, Withheld,
    limits, ownership,
};

use crate::draft::{Draft, Stage};

use super::{Claim, claim, marked, our_owner, tag_changes};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &MadeKey) {
    let key = KeyRef::named(draft.desired.partition, &address.account, &address.name);
    let Some(Observation::Known(found)) = draft.observed.keys.get(&key.arn) else { return };
    let Some(ObservedKey { state, customer, made: Some(ObservedMadeKey { arn, symmetric, state: found, apart }), .. }) = found else {
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
    if let Some(same) = another(draft, &key, arn) {
        draft.withhold(address, Cause::SameKey(same));
        return;
    }
    // Taking over what the alias stands for now would leave ours, and all that it lets people do, to itself.
    if let Some(ours) = apart {
        draft.withhold(address, Cause::AliasMoved(ours.clone()));
        return;
    }
    let mark = format!("TagKey={},TagValue={}", ownership::OWNER_TAG, object.owner);
    let command = format!("aws kms tag-resource --region {} --key-id {arn} --tags {mark}", key.region());
    let mut reasons = match claim(draft, address, object, &found.tags, Some(command)) {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    let unlike = if *symmetric { None } else { Some(Cause::KeyKind) };
    if let Some(cause) = unlike.or_else(|| of_another(&key, found).map(Cause::OtherAlias)) {
        draft.withhold(address, cause);
        return;
    }
    let wanted = MadeKey { tags: marked(draft, &wanted.tags, object, &found.tags), ..wanted.clone() };
    let (take, give, differs) = settings(&key, found, &wanted);
    reasons.extend(differs);
    // One that is to be deleted is none, whatever else it is.
    let is_off = *state == KeyState::PendingDeletion || *state != KeyState::Enabled && !reasons.is_empty();
    if is_off && !draft.look_through {
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

/// The alias of another key that is declared, and that stands for the same.
fn another(draft: &Draft<'_>, key: &KeyRef, arn: &str) -> Option<String> {
    let declared = |alias: &String| {
        let other = KeyRef { arn: alias.clone() };
        draft.desired.objects.contains_key(&Address::new(&other.account(), Kind::Key, other.name()))
    };
    let same = draft.made_keys.iter().find(|(alias, made)| **alias != key.arn && *made == arn && declared(alias));
    same.and_then(|(alias, _)| Some(KeyRef { arn: alias.clone() }.alias()?.to_owned()))
}

/// The alias that a key of ours is to have by its tag, where it is another: somebody has let an alias stand for another key.
fn of_another(key: &KeyRef, found: &MadeKey) -> Option<String> {
    found.tags.get(ownership::ALIAS_TAG).filter(|alias| key.alias() != Some(alias.as_str())).cloned()
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
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (arn, found) in &observed.keys {
        let Some(key) = KeyRef::parse(arn) else { continue };
        let Some(alias) = key.alias() else { continue };
        let told = draft.destroy_keys.get(alias);
        let address = Address::new(&key.account(), Kind::Key, key.name());
        let declared = draft.desired.objects.contains_key(&address);
        if let (Observation::Unreadable(why), Some(told), false) = (found, told, declared) {
            // What is to be deleted, and may be there, is not passed over; one that no manifest speaks of is most likely not there.
            let known = draft.desired.made_keys.contains_key(arn);
            used.extend(known.then_some(told.as_str()));
            draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause: Cause::Unreadable(why.clone()), blocks: known });
        }
        let Observation::Known(Some(ObservedKey { state, policy, made: Some(made), .. })) = found else { continue };
        if let (Some(ours), false) = (&made.apart, declared) {
            used.extend(told.map(String::as_str));
            draft.withhold(&address, Cause::AliasMoved(ours.clone()));
        }
        let Some(owner) = our_owner(draft, &made.state.tags).filter(|_| !declared) else { continue };
        used.extend(told.map(String::as_str));
        let other = of_another(&key, &made.state);
        if *state == KeyState::PendingDeletion {
            continue;
        }
        if told.is_some() && draft.keeps(&address) {
            continue;
        }
        if told.is_some() && super::bucket::lets_by_another(draft, policy.known().map(|policy| &policy.document)) {
            draft.withhold(&address, Cause::Used);
            continue;
        }
        match (told, other, in_use(draft, arn)) {
            (None, ..) => draft.withheld.push(Withheld { subject: Subject::Object(address), cause: Cause::KeyStays, blocks: false }),
            (Some(_), Some(other), _) => draft.withhold(&address, Cause::OtherAlias(other)),
            (Some(_), None, Some(bucket)) => draft.withhold(&address, Cause::KeyInUse(bucket)),
            (Some(_), None, None) => delete(draft, key, address, made, owner),
        }
    }
    stay(draft);
    // What was asked for by name, and is nowhere, is not passed over.
    let nowhere = draft.destroy_keys.iter().filter(|alias| !used.contains(alias.as_str())).cloned().collect::<Vec<_>>();
    draft.withheld.extend(nowhere.into_iter().map(|alias| Withheld { subject: Subject::Key(alias), cause: Cause::NoSuchKey, blocks: true }));
}

/// Keys of ours that no manifest names any more: what they let people do stays, and so does what they cost, until they are told to go.
fn stay(draft: &mut Draft<'_>) {
    for (account, found) in &draft.observed.marked_keys {
        let found = match found {
            Observation::Known(found) => found,
            Observation::Unreadable(why) => {
                let label = draft.desired.accounts.get(account).map_or_else(String::new, |info| info.label.clone());
                let subject = Subject::Pruning { account: account.clone(), label };
                draft.withheld.push(Withheld { subject, cause: Cause::Unreadable(why.clone()), blocks: false });
                continue;
            }
        };
        for key in found.keys().filter(|arn| !draft.observed.keys.contains_key(*arn)).filter_map(|arn| KeyRef::parse(arn)) {
            let subject = Subject::Object(Address::new(account, Kind::Key, key.name()));
            draft.withheld.push(Withheld { subject, cause: Cause::KeyStays, blocks: false });
        }
    }
}

/// A bucket that stays, and whose new objects are encrypted with a key: it is so live, or a manifest says it of somebody else's.
fn in_use(draft: &Draft<'_>, arn: &str) -> Option<String> {
    let changed = |name: &String| {
        let of_bucket = |change: &&Change| change.address.kind == Kind::Bucket && change.address.name == *name;
        draft.changes.iter().find(of_bucket).map(|change| change.after.as_ref())
    };
    let with_it = |state: &BucketState| matches!(&state.encryption, Some(Encryption::Kms { key, .. }) if key == arn);
    let live = draft.observed.buckets.iter().filter_map(|(name, found)| Some((name, found.known()?.as_ref()?)));
    let stays = live.filter(|(name, found)| match changed(name) {
        None => with_it(&found.state),
        Some(after) => matches!(after, Some(ObjectState::Bucket(after)) if with_it(after)),
    });
    let said = draft.desired.bucket_keys.iter().filter(|(name, bucket)| bucket.key.arn == arn && changed(name).is_none());
    let there = said.filter(|(name, _)| matches!(draft.observed.buckets.get(*name), Some(Observation::Known(Some(found))) if found.state.encryption.is_none()));
    stays.map(|(name, _)| name.clone()).chain(there.map(|(name, _)| name.clone())).min()
}

fn delete(draft: &mut Draft<'_>, key: KeyRef, address: Address, made: &ObservedMadeKey, owner: String) {
    let days = draft.desired.made_keys.get(&key.arn).copied().unwrap_or(limits::KEY_DELETION_DAYS.1);
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
