//! What is ours and manifests of other runs use too.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{AccountState, ObservedRole};
use crossrole_model::{Observation, Observed, ownership, revoked_since};
use crossrole_policy::{Document, Statement};

use crate::draft::Draft;

/// Tells whether what is attached to a principal lets it in by a manifest that is not of this run: that manifest declares the
/// principal too, and would lose it.
pub(super) fn by_another(draft: &Draft<'_>, account: &AccountState, attached: &BTreeSet<String>) -> bool {
    account.policies.values().filter(|policy| attached.contains(&policy.arn)).any(|policy| {
        let owner = ownership::owner(&policy.state.tags).filter(|_| policy.name.starts_with("crossrole-"));
        let mut heads = policy.state.document.statements.iter().filter_map(|s| ownership::sid_head(s.sid()));
        owner.is_some_and(|owner| !draft.owners.contains_key(owner)) || heads.any(|head| !draft.sids.contains_key(head))
    })
}

/// ARNs of what live objects of manifests that are not of this run (`owners`) rely on: principals and providers that trusts of roles name,
/// policies that roles have or are bounded by, and principals that statements in the policies of buckets and keys name.
pub(crate) fn elsewhere(observed: &Observed, owners: &BTreeMap<&str, &str>, sids: &BTreeMap<String, &str>) -> BTreeSet<String> {
    let states = observed.accounts.values().filter_map(Observation::known);
    let theirs = |role: &&ObservedRole| ownership::owner(&role.state.tags).is_some_and(|owner| !owners.contains_key(owner));
    let roles: Vec<&ObservedRole> = states.flat_map(|state| state.roles.values()).filter(theirs).collect();
    let attached = roles.iter().flat_map(|role| role.state.attached.iter().chain(&role.state.boundary)).cloned();
    let trusted = roles.iter().flat_map(|role| &role.state.trust.statements).flat_map(named);
    let buckets = observed.buckets.values().filter_map(|bucket| bucket.known()?.as_ref()?.policy.known()?.document.as_ref());
    let keys = observed.keys.values().filter_map(|key| Some(&key.known()?.as_ref()?.policy.known()?.document));
    // What tells that a user was revoked keeps no user.
    let is_theirs =
        |statement: &&Statement| revoked_since(statement.sid()).is_none() && ownership::sid_head(statement.sid()).is_some_and(|head| !sids.contains_key(head));
    let statements = |document: &'_ Document| document.statements.iter().filter(is_theirs).flat_map(named).collect::<Vec<_>>();
    attached.chain(trusted).chain(buckets.chain(keys).flat_map(statements)).collect()
}

/// Whom a statement names.
fn named(statement: &Statement) -> impl Iterator<Item = String> {
    statement.principal.iter().flat_map(|principal| principal.entries.values().flatten()).cloned()
}
