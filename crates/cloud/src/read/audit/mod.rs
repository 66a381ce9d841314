//! An audit's reading: all of an account, in bulk where there is a way.

pub(crate) mod beside;
mod bucket;
mod report;
mod trail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossrole_model::audit::{AuditScope, Audited, Facts, KeyGrant};
use crossrole_model::observed::{AccountState, ObservedBucket};
use crossrole_model::state::{BucketState, PublicAccessBlock};
use crossrole_model::{CloudError, KeyRef, Observation, Unreadable};
use futures_util::future::{join, join_all, join3};

use crate::Aws;
use crate::session::Session;

use super::bucket::{account_block, listing_of};
use super::{iam, key, resolved};

/// Reads every account of `scope`, side by side.
pub(crate) async fn read(aws: &Aws, scope: &AuditScope) -> Audited {
    let before = aws.calls();
    let home = aws.sessions.partition().home_region();
    let accounts = join_all(scope.accounts.iter().map(|account| async move {
        let read = match aws.sessions.get(account).await {
            Ok(session) => Ok(Box::pin(one(&session, scope, home)).await),
            Err(error) => Err(Unreadable::from(&error)),
        };
        (account.clone(), read)
    }));
    let mut audited = Audited::default();
    for (account, read) in accounts.await {
        let Read { state, buckets, keys, facts } = match read {
            Ok(read) => read,
            Err(why) => {
                audited.observed.accounts.insert(account, Observation::Unreadable(why));
                continue;
            }
        };
        audited.observed.bucket_accounts.extend(buckets.keys().map(|name| (name.clone(), account.clone())));
        audited.observed.buckets.extend(buckets.into_iter().map(|(name, bucket)| (name, Observation::Known(Some(bucket)))));
        audited.observed.keys.extend(keys);
        audited.observed.accounts.insert(account.clone(), state);
        // That of each bucket has it in it; that it was not read is a finding of its own.
        audited.observed.account_blocks.insert(account.clone(), Observation::Known(PublicAccessBlock::all(false)));
        audited.facts.insert(account, facts);
    }
    resolved(aws, &mut audited.observed);
    let made = aws.calls().into_iter().map(|(id, n)| (id.clone(), n - before.get(&id).copied().unwrap_or(0)));
    audited.observed.calls = made.filter(|(_, n)| *n > 0).collect();
    audited
}

/// What was read of one account.
struct Read {
    state: Observation<AccountState>,
    buckets: BTreeMap<String, ObservedBucket>,
    keys: key::Keys,
    facts: Facts,
}

/// Calls wait for one another in three rounds: listings, what they list, and what of that has to be asked for by itself (ACLs, where they
/// count).
async fn one(session: &Arc<Session>, scope: &AuditScope, home: &str) -> Read {
    let people = join(iam::with_uses(session), join(report::access_keys(session), iam::providers(session)));
    let rest = async {
        let (listed, canonical) = match listing_of(session, home).await {
            Ok((listed, canonical)) => (Ok(listed), canonical),
            Err(error) => (Err(error), None),
        };
        // Keys and trails lie where the buckets do, and where somebody says that there are some.
        let of_buckets = listed.iter().flat_map(BTreeMap::values).flatten().cloned();
        let regions: BTreeSet<String> = scope.regions.iter().cloned().chain(of_buckets).collect();
        (join3(bucket::all(session, listed, home), keys(session, &regions), trail::all(session, &regions)).await, canonical)
    };
    let ((state, (access_keys, providers)), (block, (read, canonical))) = join(people, join(account_block(session, home), rest)).await;
    let ((buckets, buckets_unlisted), Keys { found: keys, grants, unlisted: keys_unlisted }, trails) = read;
    let whole = block.known().copied().flatten().unwrap_or(PublicAccessBlock::all(false));
    let (mut found, mut facts) = (BTreeMap::new(), BTreeMap::new());
    for (name, (mut bucket, of)) in buckets {
        bucket.state.public_access_block = Some(of.block.known().copied().unwrap_or(PublicAccessBlock::all(false)).with(whole));
        found.insert(name.clone(), bucket);
        facts.insert(name, of);
    }
    let (state, roles) = split(state);
    let mut state = state;
    let providers = match (providers, &mut state) {
        (Ok((oidc, saml)), Observation::Known(state)) => {
            (state.oidc_providers, state.saml_providers) = (oidc, saml);
            None
        }
        (Ok(_), Observation::Unreadable(_)) => None,
        (Err(error), _) => Some(Unreadable::from(&error)),
    };
    let facts = Facts { roles, access_keys, providers, trails, block, buckets_unlisted, buckets: facts, keys_unlisted, grants, canonical };
    Read { state, buckets: found, keys, facts }
}

type WithUses = (AccountState, BTreeMap<String, crossrole_model::audit::RoleFacts>);

fn split(read: Result<WithUses, CloudError>) -> (Observation<AccountState>, BTreeMap<String, crossrole_model::audit::RoleFacts>) {
    match read {
        Ok((state, uses)) => (Observation::Known(state), uses),
        Err(error) => (Observation::Unreadable(Unreadable::from(&error)), BTreeMap::new()),
    }
}

/// Every key of some regions with its grants, but for those of AWS's own, which let nobody in from outside.
struct Keys {
    found: key::Keys,
    grants: BTreeMap<String, Observation<Vec<KeyGrant>>>,
    /// Regions of which nobody knows.
    unlisted: BTreeMap<String, Unreadable>,
}

async fn keys(session: &Arc<Session>, regions: &BTreeSet<String>) -> Keys {
    let listed = join_all(regions.iter().map(|region| async move { (region.clone(), key::keys(session, region).await) })).await;
    let (mut asked, mut unlisted) = (Vec::new(), BTreeMap::new());
    for (region, arns) in listed {
        match arns {
            Ok(arns) => asked.extend(arns.iter().filter_map(|arn| KeyRef::parse(arn))),
            Err(error) => drop(unlisted.insert(region, Unreadable::from(&error))),
        }
    }
    let granted = join_all(asked.iter().map(|key| async {
        let read = key::grants(session, key.region(), &key.arn).await;
        (key.arn.clone(), observed(read))
    }));
    let (granted, mut keys) = join(granted, key::read(session, asked.clone(), &BTreeSet::new())).await;
    keys.retain(|_, key| !matches!(key, Observation::Known(Some(key)) if !key.customer) && !matches!(key, Observation::Known(None)));
    let grants = granted.into_iter().filter(|(arn, _)| keys.contains_key(arn)).collect();
    Keys { found: keys, grants, unlisted }
}

fn observed<T>(read: Result<T, CloudError>) -> Observation<T> {
    read.map_or_else(|error| Observation::Unreadable(Unreadable::from(&error)), Observation::Known)
}

/// What a bucket is read for here.
fn bucket_state(region: &str) -> BucketState {
    BucketState::unstated(region)
}
