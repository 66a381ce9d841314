//! Our statements in the policies of keys.
//!
//! A key's policy decides first: what policies of its account say counts only where it leaves that to them, as the policy does
//! that AWS makes keys with (AWS KMS Developer Guide, "Default key policy"). There, nothing has to be written for principals of
//! that account.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::KeyGrant;
use crossrole_model::key;
use crossrole_model::limits::Quota;
use crossrole_model::observed::{KeyState, ObservedKey};
use crossrole_model::state::KeyPolicyState;
use crossrole_model::{
    Action, Address, Cause, Change, Consequence, DesiredObject, KeyCall, KeyRef, Kind, ObjectState, Observation, Part, Reason, Subject, Unreadable, Withheld,
    ownership,
};
use crossrole_policy::{Document, Effect, Share, Statement};

use crate::draft::Draft;

use super::federated::with_sessions;
use super::orphaned;

pub(crate) fn policy(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, key: &KeyRef, grants: &[KeyGrant]) {
    let Some(Observation::Known(found)) = draft.observed.keys.get(&key.arn) else { return };
    // Of a key that we make and that is withheld, that is said.
    if draft.withheld_objects().contains(&Address { kind: Kind::Key, ..address.clone() }) {
        return;
    }
    let Some(found) = found else {
        if !draft.desired.objects.contains_key(&Address { kind: Kind::Key, ..address.clone() }) {
            draft.withhold(address, Cause::NoKey);
            return;
        }
        let fresh = KeyPolicyState::of_new_key(draft.desired.partition, &address.account);
        let wanted = wanted(draft, address, key, &fresh.document, grants);
        let wanted = with_sessions(draft, address, None, wanted);
        merge(draft, address, &object.owner, key, &fresh.document, &wanted);
        return;
    };
    let Observation::Known(policy) = &found.policy else { return };
    if !found.customer {
        draft.withhold(address, Cause::AwsKey);
        return;
    }
    if found.state != KeyState::Enabled {
        let cause = Cause::KeyState(found.state.clone());
        // Its policy can be written in every state, and what it lets people do is not: that is said.
        draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause, blocks: false });
    }
    let named = draft.under_their_names(&policy.document);
    if let Some(on) = let_otherwise(draft, address, &named, grants) {
        draft.withhold(address, Cause::Withheld(on));
        return;
    }
    let wanted = wanted(draft, address, key, &named, grants);
    match super::bucket::with_marks(draft, address, Some(&policy.document), wanted) {
        Ok(wanted) => {
            let wanted = with_sessions(draft, address, Some(&policy.document), wanted);
            merge(draft, address, &object.owner, key, &policy.document, &wanted);
        }
        Err(since) => draft.withhold(address, Cause::Revoked { since }),
    }
}

/// The statements that have to stand there.
fn wanted(draft: &mut Draft<'_>, address: &Address, key: &KeyRef, document: &Document, grants: &[KeyGrant]) -> Vec<Statement> {
    let mut written = Vec::new();
    // What our own statements leave to the account goes when they do: nothing rests on that.
    let ours = |s: &Statement| ownership::sid_head(s.sid()).is_some_and(|head| draft.sids.contains_key(head));
    let foreign = Document::new(document.statements.iter().filter(|s| !ours(s)).cloned().collect());
    let held: BTreeMap<String, Address> = draft.parts_held.get(address).into_iter().flatten().map(|(piece, on)| (piece.of.clone(), on.clone())).collect();
    let missing = |arn: &String| grants.iter().any(|g| g.statement.effect == Effect::Allow && lets(&g.statement, arn) && !is_let(document, &g.statement, arn));
    for on in held.iter().filter(|(arn, _)| missing(arn)).map(|(_, on)| on.clone()).collect::<BTreeSet<_>>() {
        draft.withheld.push(Withheld { subject: Subject::Part(address.clone()), cause: Cause::Withheld(on), blocks: true });
    }
    for grant in grants {
        let Some(statement) = without_held(&grant.statement, &held, document) else { continue };
        if grant.by_iam && is_left(&foreign, key, &statement.action.values) {
            draft.left_to_iam.insert(address.clone());
        } else {
            written.push(statement);
        }
    }
    written
}

/// A withheld principal that a statement of ours lets do something else than is wanted: the document is left as it is, since it can
/// neither keep that beside what is wanted nor be given anything new.
fn let_otherwise(draft: &Draft<'_>, address: &Address, document: &Document, grants: &[KeyGrant]) -> Option<Address> {
    let held = draft.parts_held.get(address)?;
    let ours = |s: &&Statement| s.effect == Effect::Allow && ownership::sid_head(s.sid()).is_some_and(|head| draft.sids.contains_key(head));
    let other = |live: &Statement, arn: &str| lets(live, arn) && !grants.iter().any(|grant| same_rights(live, &grant.statement) && lets(&grant.statement, arn));
    held.iter().find(|(piece, _)| document.statements.iter().filter(ours).any(|live| other(live, &piece.of))).map(|(_, on)| on.clone())
}

fn lets(statement: &Statement, arn: &str) -> bool {
    statement.principal.as_ref().and_then(|p| p.entries.get("AWS")).is_some_and(|values| values.iter().any(|value| value == arn))
}

/// The same Sid, and the same but for whom they name.
fn same_rights(a: &Statement, b: &Statement) -> bool {
    let bare = |s: &Statement| Document::new(vec![Statement { principal: None, ..s.clone() }]);
    a.sid() == b.sid() && bare(a) == bare(b)
}

/// Tells whether the document lets a principal do what the statement says.
fn is_let(document: &Document, statement: &Statement, arn: &str) -> bool {
    document.statements.iter().any(|live| same_rights(live, statement) && lets(live, arn))
}

/// The statement without principals that are withheld, but for those that it lets now; `None` where it would name nobody.
fn without_held(statement: &Statement, held: &BTreeMap<String, Address>, document: &Document) -> Option<Statement> {
    let stay: BTreeSet<&String> = held.keys().filter(|arn| is_let(document, statement, arn)).collect();
    let mut left = statement.clone();
    if statement.effect == Effect::Allow
        && let Some(principal) = left.principal.as_mut()
        && let Some(values) = principal.entries.get_mut("AWS")
    {
        values.retain(|arn| !held.contains_key(arn) || stay.contains(arn));
        if values.is_empty() {
            principal.entries.remove("AWS");
        }
        if principal.entries.is_empty() {
            return None;
        }
    }
    Some(left)
}

/// Tells whether a policy leaves these actions to the policies of the key's account, under no condition. A Deny does not count:
/// it stands in the way of our statement as well.
fn is_left(document: &Document, key: &KeyRef, actions: &[String]) -> bool {
    let account = key.account();
    let names = |value: &str| value == account.as_str() || value.ends_with(&format!(":iam::{account}:root"));
    let leaves = |statement: &&Statement, action: &String| {
        let principal = statement.principal.as_ref().filter(|p| !p.negated);
        let all = statement.resource.as_ref().is_some_and(|r| !r.negated && r.values.iter().any(|v| v == "*" || *v == key.arn));
        statement.effect == Effect::Allow
            && statement.conditions.is_empty()
            && all
            && principal.is_some_and(|p| p.aws().iter().any(|value| names(value)))
            && !statement.action.negated
            && statement.action.values.iter().any(|pattern| is_within(action, pattern))
    };
    actions.iter().all(|action| document.statements.iter().any(|statement| leaves(&statement, action)))
}

/// Tells whether an action is one that a pattern with stars at its end, or none, stands for. Others are taken for narrower: a
/// statement more than needed is better than one less.
fn is_within(action: &str, pattern: &str) -> bool {
    let (action, pattern) = (action.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    match pattern.strip_suffix('*') {
        Some(head) => !head.contains(['*', '?']) && action.starts_with(head),
        None => action == pattern,
    }
}

fn merge(draft: &mut Draft<'_>, address: &Address, manifest: &str, key: &KeyRef, found: &Document, wanted: &[Statement]) {
    let share = Share { prefixes: prefixes(draft, found, wanted), statements: wanted.to_vec() };
    if share.is_in(Some(found)) {
        return;
    }
    let merged = match draft.merged(&share, Some(found)) {
        Ok(merged) => merged,
        Err(why) => {
            draft.withhold(address, Cause::Unmergeable(why));
            return;
        }
    };
    // One that lets nobody do anything is one that nobody can change.
    let lets_anybody = |document: &Document| document.statements.iter().any(|s| s.effect == Effect::Allow);
    let shown = draft.look_through.then(Document::default);
    let Some(document) = merged.document.filter(|document| draft.look_through || lets_anybody(document)).or(shown) else {
        draft.withhold(address, Cause::EmptyKeyPolicy);
        return;
    };
    if let Some(over) = draft.meter(&address.account, || address.short(), Quota::KeyPolicy, key::bytes(&document)) {
        draft.withhold(address, over);
        return;
    }
    let ours = share.part(Some(found));
    let mut reasons = orphaned(&ours);
    reasons.push(match (ours.statements.is_empty(), wanted.is_empty()) {
        (true, _) => Reason::Missing,
        (false, true) => draft.deletion_reason(),
        (false, false) => Reason::Differs(Part::Statements),
    });
    let state = |document: &Document| Some(ObjectState::KeyPolicy(KeyPolicyState { document: document.clone() }));
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: state(found),
        after: state(&document),
        reasons,
        consequences: merged.dropped.into_iter().map(Consequence::Dropped).collect(),
        manifest: manifest.to_owned(),
    };
    draft.change_shared(change, KeyCall::PutPolicy { key: key.clone(), document }.into(), share);
}

/// How the Sids of this run's manifests begin, of those that have statements there, or should have.
fn prefixes(draft: &Draft<'_>, found: &Document, wanted: &[Statement]) -> BTreeSet<String> {
    let heads = found.statements.iter().chain(wanted).filter_map(|s| ownership::sid_head(s.sid()));
    heads.filter(|head| draft.sids.contains_key(*head)).map(str::to_owned).collect()
}

/// Says that a policy was not read. Of a key that only live policies of ours still name, that holds the plan up: once they name it no more,
/// nothing finds what stands there.
fn unread(draft: &mut Draft<'_>, arn: &str, address: &Address, why: &Unreadable) {
    let desired = draft.desired;
    let of_buckets = desired.bucket_keys.values().any(|bucket| bucket.key.arn == arn);
    // A bucket's setting may be anybody's, and what puts it right is not held up.
    let states = draft.observed.accounts.values().filter_map(Observation::known);
    let mut documents = states.flat_map(|state| {
        let of_roles = state.roles.values().flat_map(|role| role.state.inline.values());
        of_roles.chain(state.policies.values().map(|policy| &policy.state.document))
    });
    let is_named = documents.any(|document| document.statements.iter().flat_map(KeyRef::named_by).any(|key| key.arn == arn));
    let known = desired.objects.contains_key(address) || of_buckets || desired.left.keys.contains(arn) || desired.made_keys.contains_key(arn);
    // What wanted statements name is found again as long as they do.
    let mut wanted = desired.objects.values().flat_map(|object| object.state.statements()).flat_map(KeyRef::named_by);
    let is_wanted = wanted.any(|key| key.arn == arn);
    // What others encrypt their buckets with has nothing of ours, as far as anybody knows.
    let mut buckets = draft.observed.buckets.values().filter_map(|bucket| bucket.known()?.as_ref());
    let of_others = buckets.any(|bucket| bucket.encryption.is_some() && bucket.key() == Some(arn));
    if known || !is_named && !of_others && !is_wanted {
        return super::bucket::unread(draft, address, why);
    }
    // What hangs on an account that could not be read is said of the account.
    if matches!(draft.observed.accounts.get(&address.account), Some(Observation::Unreadable(_))) {
        return;
    }
    let blocks = is_named && !is_wanted;
    draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause: Cause::Unreadable(why.clone()), blocks });
}

/// Tells whether a key is one that a manifest of the run has made and names no more, and that has not been told to go: whoever reads what it
/// encrypted needs what its policy lets, till then.
fn stays(draft: &Draft<'_>, key: &KeyRef, found: &Observation<Option<ObservedKey>>) -> bool {
    let Some(alias) = key.alias().filter(|_| !draft.destroy && !draft.desired.left.keys.contains(&key.arn)) else { return false };
    let address = Address::new(&key.account(), Kind::Key, key.name());
    let declared = draft.desired.objects.contains_key(&address) || draft.destroy_keys.contains(alias);
    let made = found.known().and_then(|found| found.as_ref()?.made.as_ref());
    !declared && made.is_some_and(|made| super::our_owner(draft, &made.state.tags).is_some())
}

/// Takes our statements out of the policies of keys that were read and that nothing declares any more.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    for (arn, key) in &observed.keys {
        let Some(reference) = KeyRef::parse(arn) else { continue };
        let address = Address::new(&reference.account(), Kind::KeyPolicy, reference.name());
        let policy = match key {
            Observation::Known(Some(found)) => &found.policy,
            Observation::Known(None) => continue,
            Observation::Unreadable(why) => {
                unread(draft, arn, &address, why);
                continue;
            }
        };
        let policy = match policy {
            Observation::Known(policy) => policy,
            Observation::Unreadable(why) => {
                unread(draft, arn, &address, why);
                continue;
            }
        };
        if draft.desired.objects.contains_key(&address) || stays(draft, &reference, key) {
            continue;
        }
        let owners = policy.document.statements.iter().filter_map(|s| draft.sids.get(ownership::sid_head(s.sid())?).copied());
        if let Some(owner) = owners.min().map(str::to_owned) {
            let kept = super::bucket::told(draft, Some(&policy.document));
            let kept = with_sessions(draft, &address, Some(&policy.document), kept);
            merge(draft, &address, &owner, &reference, &policy.document, &kept);
        }
    }
}
