//! Buckets, their settings, and our statements in their policies.

use std::collections::BTreeSet;

use crossrole_model::desired::DesiredState;
use crossrole_model::key;
use crossrole_model::limits::Quota;
use crossrole_model::state::{BucketPolicyState, BucketState, Encryption, PublicAccessBlock, Tags};
use crossrole_model::{
    Action, Address, BucketCall, BucketRef, Call, Cause, Change, Consequence, DesiredObject, ErrorClass, Facet, Kind, ObjectState, Observation, Part, Reason,
    Revocation, Subject, Unreadable, Withheld, ownership, revoked_of, revoked_since,
};
use crossrole_policy::{Document, Effect, Share, Statement, is_public};

use crate::draft::{Draft, Stage};

use super::federated::with_sessions;
use super::spelled::still_denied;
use super::{Claim, claim, orphaned, our_owner};

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &BucketState) {
    let Some(Observation::Known(found)) = draft.observed.buckets.get(&address.name) else { return };
    let Some(found) = found else {
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::Bucket(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        draft.change(change, create(&address.name, wanted));
        return;
    };
    if found.state.region != wanted.region && !draft.look_through {
        draft.withhold(address, Cause::Region { found: found.state.region.clone(), wanted: wanted.region.clone() });
        return;
    }
    // Where it lies is no setting; the others are compared all the same.
    let wanted = &BucketState { region: found.state.region.clone(), ..wanted.clone() };
    let empty = Tags::new();
    let tags = found.state.tags.as_ref().unwrap_or(&empty);
    let reasons = match claim(draft, address, object, tags, None) {
        Claim::Refused => return,
        Claim::Adopt => vec![Reason::Adopted],
        Claim::Ours => Vec::new(),
    };
    update(draft, address, object, &found.state, wanted, reasons);
}

fn settings(bucket: &BucketRef, from: Option<&BucketState>, to: &BucketState) -> (Stage, Vec<Reason>) {
    let mut stage = Stage::new();
    let mut reasons = Vec::new();
    let mut push = |call: Call, facet: Facet, part: Part| {
        reasons.push(Reason::Differs(part));
        stage.push((call, facet));
    };
    let bucket = || bucket.clone();
    // No `..`: a new setting stops the build until someone decides.
    let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = to;
    // Our mark comes first.
    if let Some(tags) = tags.as_ref().filter(|t| from.is_none_or(|f| f.tags.as_ref() != Some(*t))) {
        push(Call::Bucket(BucketCall::PutTags { bucket: bucket(), tags: tags.clone() }), Facet::Tags, Part::Tags);
    }
    if let Some(block) = public_access_block.filter(|b| from.is_none_or(|f| f.public_access_block != Some(*b))) {
        push(Call::Bucket(BucketCall::PutPublicAccessBlock { bucket: bucket(), block }), Facet::PublicAccess, Part::PublicAccessBlock);
    }
    if let Some(ownership) = ownership.as_ref().filter(|o| from.is_none_or(|f| f.ownership.as_ref() != Some(*o))) {
        push(Call::Bucket(BucketCall::PutOwnership { bucket: bucket(), ownership: ownership.clone() }), Facet::ObjectOwnership, Part::ObjectOwnership);
    }
    if let Some(encryption) = encryption.as_ref().filter(|e| from.is_none_or(|f| f.encryption.as_ref() != Some(*e))) {
        push(Call::Bucket(BucketCall::PutEncryption { bucket: bucket(), encryption: encryption.clone() }), Facet::Encryption, Part::Encryption);
    }
    // A new bucket has no versioning and no logging: only "on" needs a call there.
    if let Some(enabled) = versioning.filter(|v| from.map_or(*v, |f| f.versioning != Some(*v))) {
        push(Call::Bucket(BucketCall::PutVersioning { bucket: bucket(), enabled }), Facet::Versioning, Part::Versioning);
    }
    if let Some(logging) = logging.as_ref().filter(|l| from.map_or(l.is_some(), |f| f.logging.as_ref() != Some(*l))) {
        push(Call::Bucket(BucketCall::PutLogging { bucket: bucket(), logging: logging.clone() }), Facet::Logging, Part::Logging);
    }
    (stage, reasons)
}

fn create(name: &str, wanted: &BucketState) -> Vec<Stage> {
    let bucket = BucketRef { name: name.to_owned(), region: wanted.region.clone() };
    let tags = wanted.tags.clone().unwrap_or_default();
    let first = Call::Bucket(BucketCall::Create { bucket: bucket.clone(), ownership: wanted.ownership.clone(), tags });
    let (rest, _) = settings(&bucket, None, wanted);
    // S3 wants the configuration of one bucket written one call at a time.
    std::iter::once(vec![(first, Facet::Existence)]).chain(rest.into_iter().map(|step| vec![step])).collect()
}

fn update(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, found: &BucketState, wanted: &BucketState, mut reasons: Vec<Reason>) {
    let bucket = BucketRef { name: address.name.clone(), region: found.region.clone() };
    let (stage, differs) = settings(&bucket, Some(found), wanted);
    reasons.extend(differs);
    if stage.is_empty() {
        return;
    }
    let consequences = match (&found.encryption, &wanted.encryption) {
        (Some(Encryption::Kms { key: old, .. }), Some(new)) if !matches!(new, Encryption::Kms { key, .. } if key == old) => {
            vec![Consequence::OldKeyNeeded(old.clone())]
        }
        _ => Vec::new(),
    };
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::Bucket(found.clone())),
        after: Some(ObjectState::Bucket(wanted.clone())),
        reasons,
        consequences,
        manifest: object.owner.clone(),
    };
    draft.change(change, stage.into_iter().map(|step| vec![step]).collect());
}

/// Our statements in a bucket's policy; every other statement is kept. `region`: where the bucket is, and whether it has to be there.
pub(crate) fn policy(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, region: (&str, bool), wanted: &[Statement]) {
    let (region, is_said) = region;
    let bucket_address = Address::new(&address.account, Kind::Bucket, &address.name);
    let known = draft.observed.buckets.get(&address.name).and_then(|o| o.known());
    // Of a bucket that is declared, it is withheld, and its policy with it.
    let is_declared = draft.desired.objects.contains_key(&bucket_address);
    if let Some(Some(found)) = known.filter(|_| is_said && !is_declared)
        && found.state.region != region
    {
        draft.withhold(address, Cause::Region { found: found.state.region.clone(), wanted: region.to_owned() });
        return;
    }
    let (found, region) = match known {
        Some(Some(found)) => match &found.policy {
            Observation::Known(policy) => (policy.document.clone(), found.state.region.clone()),
            Observation::Unreadable(_) => return,
        },
        _ if is_declared => (None, region.to_owned()),
        _ => {
            draft.withhold(address, Cause::NoBucket);
            return;
        }
    };
    match with_marks(draft, address, found.as_ref(), wanted.to_vec()) {
        Ok(wanted) => {
            let wanted = with_sessions(draft, address, found.as_ref(), wanted);
            merge(draft, address, &object.owner, &region, found.as_ref(), &wanted);
        }
        Err(since) => draft.withhold(address, Cause::Revoked { since }),
    }
}

/// What is wanted, with the marks of ours that nothing wanted stands for and of which an entry still tells: an older manifest would give it
/// back without them. `Err`: when somebody was revoked of whom the manifest that wrote it knows nothing.
pub(super) fn with_marks(draft: &Draft<'_>, address: &Address, found: Option<&Document>, mut wanted: Vec<Statement>) -> Result<Vec<Statement>, String> {
    let restored = draft.desired.restored.get(address);
    let mut unknown: Option<String> = None;
    let mut kept = Vec::new();
    let marks = told(draft, found);
    still_denied(&mut wanted, &marks);
    for mark in marks {
        let Some(since) = revoked_since(mark.sid()).filter(|since| restored.is_none_or(|restored| restored < since)) else { continue };
        let again = wanted.iter().any(|other| is_again(&mark, other) && revoked_since(other.sid()).is_some_and(|later| later >= since));
        let digits = revoked_of(mark.sid());
        let known = |one: &Revocation| {
            digits.is_some_and(|digits| one.whose.is_told_by(digits)) && one.since >= since && sid_owner(draft, mark.sid()) == Some(one.manifest.as_str())
        };
        if again {
            continue;
        }
        if draft.desired.revoked.iter().any(known) {
            kept.push(mark);
        } else {
            unknown = unknown.max(Some(since));
        }
    }
    match unknown {
        // Somebody may have made it up: what is only shown is held up by nothing.
        Some(since) if !draft.look_through => Err(since),
        _ => Ok([wanted, kept].concat()),
    }
}

/// Tells whether two marks of one manifest are about the same. Earlier ones tell by what they say alone.
fn is_again(mark: &Statement, other: &Statement) -> bool {
    let body = |statement: &Statement| Statement { sid: None, ..statement.clone() }.canonical_body();
    let same = match revoked_of(mark.sid()) {
        Some(digits) => revoked_of(other.sid()) == Some(digits),
        None => body(mark) == body(other),
    };
    same && ownership::sid_head(mark.sid()) == ownership::sid_head(other.sid())
}

/// What of ours tells in a policy that somebody was revoked: a manifest that does not name the bucket or key any more gives nothing again
/// by that. It goes with everything else when that is taken back.
pub(super) fn told(draft: &Draft<'_>, found: Option<&Document>) -> Vec<Statement> {
    let ours = found.into_iter().flat_map(|document| &document.statements).filter(|s| sid_owner(draft, s.sid()).is_some());
    // A mark denies: what lets somebody in is none, whatever it is called.
    let told = ours.filter(|s| !draft.destroy && s.effect == Effect::Deny && revoked_since(s.sid()).is_some());
    told.map(|s| draft.under_its_name(s)).collect()
}

fn merge(draft: &mut Draft<'_>, address: &Address, manifest: &str, region: &str, found: Option<&Document>, wanted: &[Statement]) {
    let share = Share { prefixes: prefixes(draft, found, wanted), statements: wanted.to_vec() };
    if share.is_in(found) {
        return;
    }
    let merged = match draft.merged(&share, found) {
        Ok(merged) => merged,
        Err(why) => {
            draft.withhold(address, Cause::Unmergeable(why));
            return;
        }
    };
    let bucket = BucketRef { name: address.name.clone(), region: region.to_owned() };
    let after = merged.document;
    let call = match &after {
        Some(document) => {
            if let Some(cause) = blocks_public(draft, address, document).filter(|_| !draft.look_through) {
                draft.withhold(address, cause);
                return;
            }
            let size = key::bytes(document);
            if let Some(over) = draft.meter(&address.account, || address.short(), Quota::BucketPolicy, size) {
                draft.withhold(address, over);
                return;
            }
            BucketCall::PutPolicy { bucket, document: document.clone() }
        }
        None => BucketCall::DeletePolicy { bucket },
    };
    let ours = share.part(found);
    let mut reasons = orphaned(&ours);
    reasons.push(match (ours.statements.is_empty(), wanted.is_empty()) {
        (true, _) => Reason::Missing,
        (false, true) => draft.deletion_reason(),
        (false, false) => Reason::Differs(Part::Statements),
    });
    let before = found.map(|d| ObjectState::BucketPolicy(BucketPolicyState { document: Some(d.clone()) }));
    let action = match (before.is_some(), after.is_some()) {
        (false, _) => Action::Create,
        (true, true) => Action::Update,
        (true, false) => Action::Delete,
    };
    let change = Change {
        address: address.clone(),
        action,
        before,
        after: after.map(|d| ObjectState::BucketPolicy(BucketPolicyState { document: Some(d) })),
        reasons,
        consequences: merged.dropped.into_iter().map(Consequence::Dropped).collect(),
        manifest: manifest.to_owned(),
    };
    draft.change_shared(change, call.into(), share);
}

/// Why S3 refuses this policy as public when it is written, as far as that is known: by the block of its bucket, as declared, or as it is
/// live where nothing is said of it, or by that of its account.
fn blocks_public(draft: &Draft<'_>, policy: &Address, document: &Document) -> Option<Cause> {
    let public = public_statements(document);
    if public.is_empty() {
        return None;
    }
    let declared = match draft.desired.objects.get(&Address { kind: Kind::Bucket, ..policy.clone() }).map(|object| &object.state) {
        Some(DesiredState::Bucket(state)) => state.public_access_block,
        _ => None,
    };
    let live = || match draft.observed.buckets.get(&policy.name)?.known()? {
        Some(found) => found.state.public_access_block,
        // All four settings are on in a bucket that is new (S3 User Guide, "Default settings for new S3 buckets").
        None => Some(PublicAccessBlock::all(true)),
    };
    let account = || draft.observed.account_blocks.get(&policy.account)?.known().copied();
    if declared.or_else(live).is_some_and(|block| block.block_policy) {
        Some(Cause::Public(public))
    } else {
        account().filter(|block| block.block_policy).map(|_| Cause::PublicInAccount(public))
    }
}

/// Statements that make a policy public, by Sid.
fn public_statements(document: &Document) -> Vec<String> {
    let public = document.statements.iter().filter(|statement| is_public(&Document::new(vec![(*statement).clone()])));
    public.map(|statement| statement.sid().to_owned()).collect()
}

/// How the Sids of this run's manifests begin, of those that have statements there, or should have.
fn prefixes(draft: &Draft<'_>, found: Option<&Document>, wanted: &[Statement]) -> BTreeSet<String> {
    let statements = found.into_iter().flat_map(|d| &d.statements).chain(wanted);
    let heads = statements.filter_map(|s| ownership::sid_head(s.sid()));
    heads.filter(|head| draft.sids.contains_key(*head)).map(str::to_owned).collect()
}

/// Plans the removal of buckets and bucket policy statements of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    for (name, observation) in &observed.buckets {
        let Some(account) = observed.bucket_accounts.get(name).cloned() else { continue };
        let policy = Address::new(&account, Kind::BucketPolicy, name);
        let found = match observation {
            Observation::Known(Some(found)) => found,
            Observation::Known(None) => continue,
            Observation::Unreadable(why) => {
                unread(draft, &policy, why);
                continue;
            }
        };
        match &found.policy {
            Observation::Unreadable(why) => unread(draft, &policy, why),
            Observation::Known(_) if draft.desired.objects.contains_key(&policy) => {}
            Observation::Known(state) => {
                if let Some(owner) = statement_owner(draft, state) {
                    let kept = told(draft, state.document.as_ref());
                    let kept = with_sessions(draft, &policy, state.document.as_ref(), kept);
                    merge(draft, &policy, &owner, &found.state.region, state.document.as_ref(), &kept);
                }
            }
        }
        let address = Address::new(&account, Kind::Bucket, name);
        if let Some(why) = &found.owner_unread {
            unread(draft, &address, why);
        }
        let owner = found.state.tags.as_ref().and_then(|tags| our_owner(draft, tags));
        if let (Some(owner), false) = (owner, draft.desired.objects.contains_key(&address)) {
            if draft.keeps(&address) {
                continue;
            }
            if let Observation::Known(state) = &found.policy
                && lets_by_another(draft, state.document.as_ref())
            {
                draft.leave(address);
                continue;
            }
            // Whether anybody else lets somebody in by it is not known, nor what would go with it.
            if let Observation::Unreadable(why) = &found.policy {
                draft.withhold(&address, Cause::Unreadable(why.clone()));
                continue;
            }
            let bucket = BucketRef { name: name.clone(), region: found.state.region.clone() };
            let mut consequences = vec![Consequence::ObjectsStay];
            consequences.extend(foreign_statements(draft, &found.policy).into_iter().map(Consequence::StatementGoes));
            let change = Change {
                address,
                action: Action::Delete,
                before: Some(ObjectState::Bucket(found.state.clone())),
                after: None,
                reasons: vec![draft.deletion_reason()],
                consequences,
                manifest: owner,
            };
            draft.change(change, vec![vec![(Call::Bucket(BucketCall::Delete { bucket }), Facet::Existence)]]);
        }
    }
}

/// Says of a bucket, or of a policy of a bucket or a key, that it could not be looked at where nothing declares it: whether it is ours, or
/// has statements of ours, can't be told. One that the runner may not look at is most likely another account's, but for those that a manifest
/// would have made in an account that it is of no longer; any other failure leaves something undone.
pub(super) fn unread(draft: &mut Draft<'_>, policy: &Address, why: &Unreadable) {
    let bucket = Address { kind: Kind::Bucket, ..policy.clone() };
    let declared = draft.is_spoken_of(policy) || draft.is_spoken_of(&bucket);
    // What hangs on an account that could not be read is said of the account.
    let account = matches!(draft.observed.accounts.get(&policy.account), Some(Observation::Unreadable(_)));
    if declared || account {
        return;
    }
    let blocks = why.class != Some(ErrorClass::Denied) || draft.is_left(&policy.account) || draft.desired.left.buckets.contains_key(&policy.name);
    draft.withheld.push(Withheld { subject: Subject::Object(policy.clone()), cause: Cause::Unreadable(why.clone()), blocks });
}

fn foreign_statements(draft: &Draft<'_>, policy: &Observation<BucketPolicyState>) -> Vec<String> {
    let document = policy.known().and_then(|p| p.document.as_ref());
    let sids = document.into_iter().flat_map(|d| &d.statements).map(Statement::sid);
    sids.filter(|sid| sid_owner(draft, sid).is_none()).map(str::to_owned).collect()
}

/// Tells whether a manifest that is not of this run lets somebody in by the policy.
pub(super) fn lets_by_another(draft: &Draft<'_>, document: Option<&Document>) -> bool {
    let allows = document.into_iter().flat_map(|document| &document.statements).filter(|s| s.effect == Effect::Allow);
    allows.filter_map(|s| ownership::sid_head(s.sid())).any(|head| !draft.sids.contains_key(head))
}

/// The first manifest of this run, by name, that has a statement there.
fn statement_owner(draft: &Draft<'_>, state: &BucketPolicyState) -> Option<String> {
    let statements = &state.document.as_ref()?.statements;
    statements.iter().filter_map(|s| sid_owner(draft, s.sid())).min().map(str::to_owned)
}

fn sid_owner<'a>(draft: &Draft<'a>, sid: &str) -> Option<&'a str> {
    draft.sids.get(ownership::sid_head(sid)?).copied()
}
