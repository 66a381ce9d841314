//! What others have put beside what is declared, and whom it lets in.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Controls, Objects, delta};
use crossrole_model::state::RoleState;
use crossrole_model::{AccountId, Address, Desired, DesiredState, Foreign, ForeignPart, KeyRef, Kind, Observation, Observed, ownership};
use crossrole_policy::{Arn, Document, Effect, Statement};

/// Looks for it in what was read of the policies of buckets and keys that are declared, and of roles that keep what others put on them.
pub(crate) fn foreign(desired: &Desired, observed: &Observed, controls: &Controls) -> Foreign {
    let mut without = observed.clone();
    let mut parts: BTreeMap<Address, Vec<ForeignPart>> = BTreeMap::new();
    let mut unread = BTreeSet::new();
    let ours: Vec<String> = desired.owners().iter().map(|owner| ownership::sid_prefix(owner)).collect();
    for address in declared(desired) {
        let found = match address.kind {
            Kind::BucketPolicy => in_bucket(&mut without, &address, &ours),
            Kind::KeyPolicy => in_key(&mut without, &address, &ours),
            _ => on_role(&mut without, &address, desired),
        };
        let Some(mut found) = found else {
            unread.insert(address);
            continue;
        };
        found.sort();
        if !found.is_empty() {
            parts.insert(address, found);
        }
    }
    if parts.is_empty() {
        return Foreign { unread, ..Foreign::default() };
    }
    let estate = |observed: &Observed| Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(controls);
    Foreign { parts, unread, access: delta(&estate(&without), &estate(observed)) }
}

/// Policies of buckets and keys that are declared, or that manifests rely on, and roles that keep what others put on them.
fn declared(desired: &Desired) -> std::collections::BTreeSet<Address> {
    let of = |(address, object): (&Address, &crossrole_model::DesiredObject)| match (&object.state, address.kind) {
        (_, Kind::Bucket) => Some(Address { kind: Kind::BucketPolicy, ..address.clone() }),
        (_, Kind::Key) => Some(Address { kind: Kind::KeyPolicy, ..address.clone() }),
        (_, Kind::BucketPolicy | Kind::KeyPolicy) | (DesiredState::Role { keep_foreign: true, .. }, _) => Some(address.clone()),
        _ => None,
    };
    let of_bucket = |key: &KeyRef| Address::new(&key.account(), Kind::KeyPolicy, key.name());
    desired.objects.iter().filter_map(of).chain(desired.bucket_keys.values().map(|bucket| of_bucket(&bucket.key))).collect()
}

/// What others have put into the policy of a bucket; `None`: it could not be read.
fn in_bucket(without: &mut Observed, address: &Address, ours: &[String]) -> Option<Vec<ForeignPart>> {
    let Observation::Known(found) = without.buckets.get_mut(&address.name)? else { return None };
    let Some(bucket) = found else { return Some(Vec::new()) };
    let Observation::Known(policy) = &mut bucket.policy else { return None };
    Some(policy.document.as_mut().map(|document| taken(document, &address.account, ours)).unwrap_or_default())
}

/// The same of a key.
fn in_key(without: &mut Observed, address: &Address, ours: &[String]) -> Option<Vec<ForeignPart>> {
    let is = |arn: &str| KeyRef::parse(arn).is_some_and(|key| key.account() == address.account && key.name() == address.name);
    let (_, Observation::Known(found)) = without.keys.iter_mut().find(|(arn, _)| is(arn))? else { return None };
    let Some(key) = found else { return Some(Vec::new()) };
    match &mut key.policy {
        Observation::Known(policy) => Some(taken(&mut policy.document, &address.account, ours)),
        // Nobody writes the policy of a key of AWS's own.
        Observation::Unreadable(_) => (!key.customer).then(Vec::new),
    }
}

/// Takes the statements of others out that let somebody in, but for what leaves it to the policies of the account itself.
fn taken(document: &mut Document, account: &AccountId, ours: &[String]) -> Vec<ForeignPart> {
    let is_foreign = |statement: &Statement| {
        let own = ours.iter().any(|prefix| statement.sid().starts_with(prefix.as_str()));
        statement.effect == Effect::Allow && !own && !leaves_it_to(statement, account)
    };
    let found = document.statements.iter().filter(|statement| is_foreign(statement)).map(|statement| ForeignPart::Statement(statement.sid().to_owned()));
    let found = found.collect();
    document.statements.retain(|statement| !is_foreign(statement));
    found
}

/// Tells whether a statement names the account alone, so that its own policies say who may.
fn leaves_it_to(statement: &Statement, account: &AccountId) -> bool {
    let Some(principal) = statement.principal.as_ref().filter(|principal| !principal.negated && !principal.bare_star) else { return false };
    let root = |value: &String| value == account.as_str() || Arn::parse(value).is_some_and(|arn| arn.account == account.as_str() && arn.resource == "root");
    !principal.entries.is_empty() && principal.entries.iter().all(|(kind, values)| kind == "AWS" && values.iter().all(root))
}

/// The same of a role.
fn on_role(without: &mut Observed, address: &Address, desired: &Desired) -> Option<Vec<ForeignPart>> {
    let DesiredState::Role { state: said, .. } = &desired.objects.get(address)?.state else { return Some(Vec::new()) };
    let Observation::Known(account) = without.accounts.get_mut(&address.account)? else { return None };
    if account.unreadable.contains_key(address) {
        return None;
    }
    let Some(role) = account.roles.get_mut(&address.name.to_ascii_lowercase()) else { return Some(Vec::new()) };
    // No `..`: a new field stops the build until someone decides.
    let RoleState { path: _, trust: _, description: _, max_session_seconds: _, boundary: _, tags: _, inline, attached } = &mut role.state;
    // What takes away lets nobody do anything, and what lets callers in is a manifest's.
    let lets = |name: &str, document: &Document| {
        ![ownership::REVOKE_POLICY, ownership::REVOKED_POLICY].contains(&name) && document.statements.iter().any(|s| s.effect == Effect::Allow)
    };
    let is_inline = |name: &String, document: &Document| !said.inline.contains_key(name) && lets(name, document);
    let is_attached = |arn: &String| !said.attached.contains(arn) && !ownership::is_caller_arn(arn);
    let of_inline = inline.iter().filter(|(name, document)| is_inline(name, document)).map(|(name, _)| ForeignPart::Inline(name.clone()));
    let found = of_inline.chain(attached.iter().filter(|arn| is_attached(arn)).map(|arn| ForeignPart::Attached(arn.clone()))).collect();
    inline.retain(|name, document| !is_inline(name, document));
    attached.retain(|arn| !is_attached(arn));
    Some(found)
}
