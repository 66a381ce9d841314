//! Names that manifests had, and whether anything still bears them.

use crossrole_model::observed::{AccountState, ObservedBucket, ObservedKey, ObservedSets};
use crossrole_model::{Borne, Desired, Observation, Observed, Renamed, ownership};
use crossrole_policy::Document;

/// Returns every name that a manifest of the run had, and what was found of it.
pub(crate) fn renamed(desired: &Desired, observed: &Observed) -> Vec<Renamed> {
    let of = |name: &String| {
        if Mark::new(name).is_borne(observed) {
            Borne::Live
        } else if is_all_read(observed) {
            Borne::Gone
        } else {
            Borne::Unknown
        }
    };
    let named = desired.manifests.iter().flat_map(|manifest| manifest.renamed_from.iter().map(|from| (manifest.name.clone(), from)));
    named.map(|(manifest, from)| Renamed { manifest, from: from.clone(), borne: of(from) }).collect()
}

/// How a name stands on what is live.
struct Mark<'n> {
    name: &'n str,
    head: String,
}

impl<'n> Mark<'n> {
    fn new(name: &'n str) -> Self {
        Self { name, head: ownership::sid_prefix(name) }
    }

    fn is_in(&self, document: &Document) -> bool {
        document.statements.iter().any(|statement| ownership::sid_head(statement.sid()) == Some(self.head.as_str()))
    }

    fn is_borne(&self, observed: &Observed) -> bool {
        let Observed { accounts, buckets, bucket_accounts: _, account_blocks: _, keys, permission_sets, calls: _, runners: _, marked_keys } = observed;
        let marked = marked_keys.values().filter_map(Observation::known).flat_map(|keys| keys.values());
        marked.into_iter().any(|name| name == self.name)
            || accounts.values().filter_map(Observation::known).any(|state| self.in_account(state))
            || known(buckets.values()).any(|bucket| self.on_bucket(bucket))
            || known(keys.values()).any(|key| self.on_key(key))
            || permission_sets.as_ref().and_then(Observation::known).is_some_and(|sets| self.in_sets(sets))
    }

    fn in_account(&self, state: &AccountState) -> bool {
        let tags = state.roles.values().map(|role| &role.state.tags);
        let tags = tags.chain(state.policies.values().map(|policy| &policy.state.tags)).chain(state.users.values().map(|user| &user.state.tags));
        let mut tags = tags.chain(state.oidc_providers.values().map(|found| &found.tags)).chain(state.saml_providers.values().map(|found| &found.tags));
        // What a permission set has stands in its roles as well.
        let inline = state.roles.values().flat_map(|role| role.state.inline.values());
        let mut documents = inline.chain(state.policies.values().map(|policy| &policy.state.document));
        tags.any(|tags| ownership::owner(tags) == Some(self.name))
            || state.groups.values().any(|group| ownership::group_owner(&group.state.path) == Some(self.name))
            || documents.any(|document| self.is_in(document))
    }

    fn on_bucket(&self, bucket: &ObservedBucket) -> bool {
        let document = bucket.policy.known().and_then(|policy| policy.document.as_ref());
        bucket.state.tags.as_ref().and_then(ownership::owner) == Some(self.name) || document.is_some_and(|document| self.is_in(document))
    }

    fn on_key(&self, key: &ObservedKey) -> bool {
        key.made.as_ref().and_then(|made| ownership::owner(&made.state.tags)) == Some(self.name)
            || key.policy.known().is_some_and(|policy| self.is_in(&policy.document))
    }

    fn in_sets(&self, sets: &ObservedSets) -> bool {
        sets.sets.values().filter_map(Observation::known).any(|set| set.state.document.as_ref().is_some_and(|document| self.is_in(document)))
    }
}

fn known<'o, T: 'o>(all: impl Iterator<Item = &'o Observation<Option<T>>>) -> impl Iterator<Item = &'o T> {
    all.filter_map(|found| found.known()?.as_ref())
}

/// Tells whether everything that was looked at could be read: else a name may stand where nobody saw it.
fn is_all_read(observed: &Observed) -> bool {
    let account = |found: &Observation<AccountState>| found.known().is_some_and(|state| state.complete && state.unreadable.is_empty());
    let bucket =
        |found: &Observation<Option<ObservedBucket>>| found.known().is_some_and(|bucket| bucket.as_ref().is_none_or(|bucket| bucket.policy.known().is_some()));
    let key = |found: &Observation<Option<ObservedKey>>| found.known().is_some_and(|key| key.as_ref().is_none_or(|key| key.policy.known().is_some()));
    let sets =
        |found: &Observation<ObservedSets>| found.known().is_some_and(|sets| sets.unread.is_none() && sets.sets.values().all(|set| set.known().is_some()));
    observed.accounts.values().all(account)
        && observed.buckets.values().all(bucket)
        && observed.keys.values().all(key)
        && observed.permission_sets.iter().all(sets)
        && observed.marked_keys.values().all(|keys| keys.known().is_some())
}
