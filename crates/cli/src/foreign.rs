//! What others have put beside what is declared, and whom it lets in.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Controls, Objects, delta};
use crossrole_model::state::RoleState;
use crossrole_model::{
    AccountId, Address, Change, Desired, DesiredState, Foreign, ForeignPart, KeyRef, Kind, ObjectState, Observation, Observed, PermissionSet, ownership,
};
use crossrole_policy::{Arn, Document, Effect, Statement};

/// Looks for it in what was read of the policies of buckets and keys that are declared, and of roles that keep what others put on them.
pub(crate) fn foreign(desired: &Desired, observed: &Observed, controls: &Controls) -> Foreign {
    let theirs = Theirs { desired, at: declared(desired), ours: prefixes([desired]), sets: BTreeSet::new() };
    let (without, parts, unread) = theirs.taken_out(observed);
    if parts.is_empty() {
        return Foreign { unread, ..Foreign::default() };
    }
    let estate = |observed: &Observed| Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(controls);
    Foreign { parts, unread, access: delta(&estate(&without), &estate(observed)) }
}

/// What others let somebody do, of what manifests of two commits declare: as each of them sees it.
pub(crate) fn of_both<'d>(then: &'d Desired, now: &'d Desired) -> [Theirs<'d>; 2] {
    // A role that one of them alone declares is no matter: it comes or goes as a whole, and nothing can be said of it that was there.
    let both = |address: &Address| address.kind != Kind::Role || then.objects.contains_key(address) && now.objects.contains_key(address);
    let roles = now.objects.keys().filter(|address| address.kind == Kind::Role).cloned();
    let at: BTreeSet<Address> = declared(then).into_iter().chain(declared(now)).chain(roles).filter(both).collect();
    // What a manifest has let that is no longer there, stays.
    let of_set = |address: &&Address| address.kind == Kind::PermissionSet;
    let sets: BTreeSet<String> = then.objects.keys().chain(now.objects.keys()).filter(of_set).map(|address| address.name.clone()).collect();
    [(then, prefixes([then])), (now, prefixes([then, now]))].map(|(desired, ours)| Theirs { desired, at: at.clone(), ours, sets: sets.clone() })
}

/// How Sids of what manifests let begin.
fn prefixes<'d>(of: impl IntoIterator<Item = &'d Desired>) -> Vec<String> {
    of.into_iter().flat_map(Desired::owners).map(ownership::sid_prefix).collect()
}

/// What others let somebody do in objects of these addresses.
pub(crate) struct Theirs<'d> {
    desired: &'d Desired,
    at: BTreeSet<Address>,
    ours: Vec<String>,
    /// And by the inline policies of these permission sets.
    sets: BTreeSet<String>,
}

impl Theirs<'_> {
    /// What was read, without it; what that is, by object; and of which objects nobody can tell.
    pub(crate) fn taken_out(&self, observed: &Observed) -> (Observed, BTreeMap<Address, Vec<ForeignPart>>, BTreeSet<Address>) {
        let mut without = observed.clone();
        let (mut parts, mut unread) = (BTreeMap::new(), BTreeSet::new());
        for address in &self.at {
            let found = match address.kind {
                Kind::BucketPolicy => in_bucket(&mut without, address, &self.ours),
                Kind::KeyPolicy => in_key(&mut without, address, &self.ours),
                _ => on_role(&mut without, address, self.desired),
            };
            let Some(mut found) = found else {
                unread.insert(address.clone());
                continue;
            };
            found.sort();
            if !found.is_empty() {
                parts.insert(address.clone(), found);
            }
        }
        parts.extend(self.in_sets(&mut without));
        (without, parts, unread)
    }

    /// The same of the inline policies that permission sets have given to their roles.
    fn in_sets(&self, without: &mut Observed) -> BTreeMap<Address, Vec<ForeignPart>> {
        let mut parts = BTreeMap::new();
        for (id, account) in &mut without.accounts {
            let Observation::Known(account) = account else { continue };
            for role in account.roles.values_mut() {
                let set = PermissionSet::of_role(&self.desired.partition.iam_arn(id, "role", &role.state.path, &role.name));
                let of_set = set.is_some_and(|set| self.sets.contains(&set.name));
                let Some(document) = role.state.inline.get_mut(PermissionSet::INLINE).filter(|_| of_set) else { continue };
                let found = taken(document, id, &self.ours);
                if !found.is_empty() {
                    parts.insert(Address::new(id, Kind::Role, &role.name), found);
                }
            }
        }
        parts
    }

    /// What changes come to, without it.
    pub(crate) fn taken_from(&self, changes: &[Change]) -> Vec<Change> {
        let mut changes = changes.to_vec();
        for change in &mut changes {
            let account = &change.address.account;
            let document = match &mut change.after {
                Some(ObjectState::PermissionSet(set)) if self.sets.contains(&change.address.name) => set.document.as_mut(),
                Some(ObjectState::BucketPolicy(policy)) if self.at.contains(&change.address) => policy.document.as_mut(),
                Some(ObjectState::KeyPolicy(policy)) if self.at.contains(&change.address) => Some(&mut policy.document),
                Some(ObjectState::Role(state)) if self.at.contains(&change.address) => {
                    if let Some(DesiredState::Role { state: said, .. }) = self.desired.objects.get(&change.address).map(|object| &object.state) {
                        let _ = of_role(state, said);
                    }
                    None
                }
                _ => None,
            };
            if let Some(document) = document {
                let _ = taken(document, account, &self.ours);
            }
        }
        changes
    }
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
    Some(account.roles.get_mut(&address.name.to_ascii_lowercase()).map_or_else(Vec::new, |role| of_role(&mut role.state, said)))
}

/// Takes policies off a role that its manifest does not say.
fn of_role(state: &mut RoleState, said: &RoleState) -> Vec<ForeignPart> {
    // No `..`: a new field stops the build until someone decides.
    let RoleState { path: _, trust: _, description: _, max_session_seconds: _, boundary: _, tags: _, inline, attached } = state;
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
    found
}
