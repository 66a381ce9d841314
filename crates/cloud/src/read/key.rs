//! Keys: whether they can be used, and their policies; all of those that manifests make. Each is asked in its own account and
//! region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_kms::types::{KeyManagerType, KeySpec, KeyState as Live, KeyUsageType, OriginType};
use crossrole_model::audit::KeyGrant;
use crossrole_model::observed::{AccountState, KeyState, ObservedKey, ObservedMadeKey, ObservedRole, Scope};
use crossrole_model::state::{KeyPolicyState, MadeKey, Tags};
use crossrole_model::{AccountId, CloudError, ErrorClass, KeyRef, Observation, Partition, Unreadable, ownership};
use crossrole_policy::Statement;
use futures_util::future::{join, join_all, join3, try_join_all};

use crate::session::Session;

use super::malformed;

/// A key has one policy, and it is called so (KMS API reference, GetKeyPolicy).
pub(crate) const POLICY: &str = "default";

/// Keys by ARN.
pub(super) type Keys = BTreeMap<String, Observation<Option<ObservedKey>>>;

/// Reads keys; of those that are `to_make`, one that was begun is looked for.
pub(super) async fn read(session: &Arc<Session>, keys: Vec<KeyRef>, to_make: &BTreeSet<String>) -> Keys {
    let read = join_all(keys.into_iter().map(|key| async move {
        let found = match key.alias() {
            None => one(session, &key).await,
            Some(alias) => made(session, &key, alias, to_make.contains(&key.arn)).await,
        };
        (key.arn, observation(found))
    }));
    read.await.into_iter().collect()
}

/// Keys that only what is live names, by their accounts: policies of roles of ours, what callers are let by us, and encryption of the buckets
/// that are declared. What manifests of before wrote into their policies is found there, and nowhere else.
pub(super) fn followed(
    accounts: &BTreeMap<AccountId, Observation<AccountState>>,
    buckets: &super::bucket::Buckets,
    known: &Keys,
    scope: &Scope,
) -> BTreeMap<AccountId, Vec<KeyRef>> {
    let prefixes: BTreeSet<String> = scope.follow_owned.iter().map(|manifest| ownership::sid_prefix(manifest)).collect();
    let ours = |role: &&ObservedRole| ownership::owner(&role.state.tags).is_some_and(|owner| scope.follow_owned.contains(owner));
    let written = |statement: &&Statement| ownership::sid_head(statement.sid()).is_some_and(|head| prefixes.contains(head));
    let states = || accounts.values().filter_map(Observation::known);
    let of_roles = states().flat_map(|state| state.roles.values()).filter(ours).flat_map(|role| role.state.statements());
    let of_callers = states().flat_map(|state| state.policies.values()).flat_map(|policy| &policy.state.document.statements).filter(written);
    let by_policies = of_roles.chain(of_callers).flat_map(KeyRef::named_by);
    let declared = buckets.iter().filter(|(name, _)| scope.buckets.contains_key(*name));
    let by_buckets = declared.filter_map(|(_, bucket)| KeyRef::parse(bucket.known()?.as_ref()?.key()?));
    // One that is made is known by its alias.
    let made: BTreeSet<&String> = known.values().filter_map(|key| Some(&key.known()?.as_ref()?.made.as_ref()?.arn)).collect();
    let mut all: BTreeMap<AccountId, Vec<KeyRef>> = BTreeMap::new();
    let found: BTreeSet<String> = by_policies.chain(by_buckets).filter(|key| key.alias().is_none()).map(|key| key.arn).collect();
    for key in found.iter().filter(|arn| !known.contains_key(*arn) && !made.contains(arn)).filter_map(|arn| KeyRef::parse(arn)) {
        if matches!(accounts.get(&key.account()), Some(Observation::Known(_))) {
            all.entry(key.account()).or_default().push(key);
        }
    }
    all
}

/// Reads keys that only what is live names. Where manifests make keys, one is told by its tags, whatever its alias stands for: one that was
/// made for an alias that is declared there is found by that, and left to it; another of these manifests' is known by its alias as well, so
/// that what it lets people do counts, and stays.
pub(super) async fn read_followed(session: &Arc<Session>, keys: Vec<KeyRef>, scope: &Scope) -> Keys {
    let known: Vec<KeyRef> = scope.keys.iter().filter_map(|arn| KeyRef::parse(arn)).filter(|made| made.alias().is_some()).collect();
    let here = |key: &KeyRef| known.iter().any(|made| made.account() == key.account() && made.region() == key.region());
    let read = join_all(keys.into_iter().map(|key| async move {
        if !here(&key) {
            let found = one(session, &key).await;
            return Some((key.arn, observation(found)));
        }
        let tags = match tags(session, key.region(), &key.arn).await {
            Ok(tags) => tags,
            Err(error) => return Some((key.arn, Observation::Unreadable(Unreadable::from(&error)))),
        };
        let Some(alias) = tags.get(ownership::ALIAS_TAG) else {
            let found = one(session, &key).await;
            return Some((key.arn, observation(found)));
        };
        let named = KeyRef::made(Partition::of_region(key.region()), key.region(), &session.account, alias);
        let ours = ownership::owner(&tags).is_some_and(|owner| scope.follow_owned.contains(owner));
        let named = KeyRef::parse(&named.arn).filter(|named| ours && !scope.keys.contains(&named.arn))?;
        let found = made(session, &named, alias, false).await;
        let is_it = |found: &ObservedKey| found.made.as_ref().is_some_and(|made| made.arn == key.arn);
        match found {
            Ok(found) => found.filter(is_it).map(|found| (named.arn, Observation::Known(Some(found)))),
            Err(error) => Some((key.arn, Observation::Unreadable(Unreadable::from(&error)))),
        }
    }));
    read.await.into_iter().flatten().collect()
}

fn observation(found: Result<Option<ObservedKey>, CloudError>) -> Observation<Option<ObservedKey>> {
    found.map_or_else(|error| Observation::Unreadable(Unreadable::from(&error)), Observation::Known)
}

/// What AWS tells of a key.
pub(crate) struct Described {
    pub(crate) arn: String,
    description: String,
    state: KeyState,
    customer: bool,
    /// For encryption, with material of KMS's own: as we make them.
    symmetric: bool,
}

async fn describe(session: &Arc<Session>, region: &str, id: &str) -> Result<Option<Described>, CloudError> {
    let kms = session.kms(region);
    let described = match session.read("DescribeKey", || kms.describe_key().key_id(id).send()).await {
        Ok(answer) => answer,
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let data = described.key_metadata().ok_or_else(|| malformed("DescribeKey", &session.account, "it has no metadata"))?;
    let state = match data.key_state() {
        Some(Live::Enabled) => KeyState::Enabled,
        Some(Live::Disabled) => KeyState::Disabled,
        Some(Live::PendingDeletion) => KeyState::PendingDeletion,
        other => KeyState::Other(other.map(|s| s.as_str().to_owned()).unwrap_or_default()),
    };
    let customer = data.key_manager() != Some(&KeyManagerType::Aws);
    let (arn, description) = (data.arn().unwrap_or_default().to_owned(), data.description().unwrap_or_default().to_owned());
    let symmetric = data.key_spec() == Some(&KeySpec::SymmetricDefault)
        && data.key_usage() == Some(&KeyUsageType::EncryptDecrypt)
        && data.origin() == Some(&OriginType::AwsKms);
    Ok(Some(Described { arn, description, state, customer, symmetric }))
}

/// Returns the ARN of the key that an alias stands for.
pub(crate) async fn described_arn(session: &Arc<Session>, region: &str, alias: &str) -> Result<Option<String>, CloudError> {
    Ok(describe(session, region, alias).await?.map(|described| described.arn))
}

/// The ARN of the key that the setting of a bucket names by its ARN, its id or an alias: an id or alias alone is one of the account that asks
/// (S3 User Guide, "Using server-side encryption with AWS KMS keys"), which is taken to be the bucket's own.
pub(super) async fn arn_of(session: &Arc<Session>, region: &str, key: &str) -> Result<String, CloudError> {
    let of_id = format!("arn:{}:kms:{region}:{}:key/{key}", Partition::of_region(region).as_str(), session.account);
    if let Some(known) = [key, &of_id].into_iter().find(|arn| KeyRef::parse(arn).is_some_and(|key| key.alias().is_none())) {
        return Ok(known.to_owned());
    }
    described_arn(session, region, key).await?.ok_or_else(|| malformed("GetBucketEncryption", &session.account, &format!("there is no key {key}")))
}

fn observed(policy: Result<KeyPolicyState, CloudError>) -> Observation<KeyPolicyState> {
    policy.map_or_else(|error| Observation::Unreadable(Unreadable::from(&error)), Observation::Known)
}

async fn one(session: &Arc<Session>, key: &KeyRef) -> Result<Option<ObservedKey>, CloudError> {
    let (described, policy) = join(describe(session, key.region(), &key.arn), policy(session, key.region(), &key.arn)).await;
    let Some(Described { state, customer, .. }) = described? else { return Ok(None) };
    Ok(Some(ObservedKey { state, customer, policy: observed(policy), made: None }))
}

/// A key that a manifest makes: found by its alias, or by its tags where an earlier run has made it and not named it.
async fn made(session: &Arc<Session>, key: &KeyRef, alias: &str, to_make: bool) -> Result<Option<ObservedKey>, CloudError> {
    let named = describe(session, key.region(), &key.alias_arn().unwrap_or_default()).await?;
    let (described, alias) = match named {
        Some(described) => (described, Some(alias.to_owned())),
        None if !to_make => return Ok(None),
        None => match begun(session, key.region(), alias).await? {
            Some(described) => (described, None),
            None => return Ok(None),
        },
    };
    let (region, arn) = (key.region(), described.arn.as_str());
    let (policy, tags, rotation) = join3(policy(session, region, arn), tags(session, region, arn), rotation(session, region, arn)).await;
    let tags = tags?;
    // Whoever moves an alias takes nothing from the key that had it, and none of what that lets people do. Where not all keys may be looked
    // at, the one that the alias stands for is still there to be seen.
    let apart = if to_make && ownership::owner(&tags).is_none() {
        begun(session, key.region(), key.alias().unwrap_or_default()).await.unwrap_or_default()
    } else {
        None
    };
    let state = MadeKey { alias, description: described.description, rotation_days: rotation?, tags };
    let made = Some(ObservedMadeKey { arn: described.arn, symmetric: described.symmetric, state, apart: apart.map(|apart| apart.arn) });
    Ok(Some(ObservedKey { state: described.state, customer: described.customer, policy: observed(policy), made }))
}

/// Most keys without an alias that are looked at: a key without one is rare, and each costs a call.
const UNNAMED_MOST: usize = 200;

/// A key of ours that has not got its alias: whoever made it was stopped in between.
pub(crate) async fn begun(session: &Arc<Session>, region: &str, alias: &str) -> Result<Option<Described>, CloudError> {
    let (keys, named) = join(keys(session, region), named(session, region)).await;
    let (keys, named) = (keys?, named?);
    let unnamed: Vec<String> = keys.into_iter().filter(|arn| !named.keys().any(|id| arn.ends_with(&format!("key/{id}")))).collect();
    if unnamed.len() > UNNAMED_MOST {
        let message = format!("{} keys have no alias, and no more than {UNNAMED_MOST} are looked at for one that was begun and not named", unnamed.len());
        let account = Some(session.account.clone());
        return Err(CloudError { class: ErrorClass::Other, operation: "ListKeys".to_owned(), account, code: "too many".to_owned(), message, request_id: None });
    }
    for arn in unnamed {
        let tags = match tags(session, region, &arn).await {
            Ok(tags) => tags,
            // It has just gone. One that the runner may not look at may be the one: another must not be made.
            Err(error) if error.class == ErrorClass::NotFound => continue,
            Err(error) => return Err(error),
        };
        if ownership::owner(&tags).is_some() && tags.get(ownership::ALIAS_TAG).is_some_and(|wanted| wanted == alias) {
            let found = describe(session, region, &arn).await?;
            if let Some(found) = found.filter(|found| found.state != KeyState::PendingDeletion) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Most keys of a region that a plan asks whose they are: each costs a call.
const MARKS_MOST: usize = 20;
/// The same where everything is looked at.
const ALL_MARKS_MOST: usize = 1_000;

/// Keys of an account that nobody names and that bear the mark of a manifest of the run: by the ARN with the alias, the manifest. One that is
/// to be deleted is none.
pub(super) async fn marked(session: &Arc<Session>, scope: &Scope) -> Option<Observation<BTreeMap<String, String>>> {
    let here: Vec<KeyRef> = scope.keys.iter().filter_map(|arn| KeyRef::parse(arn)).filter(|key| key.account() == session.account).collect();
    let made: BTreeSet<String> = here.iter().filter(|key| key.alias().is_some()).map(|key| key.region().to_owned()).collect();
    let all = scope.key_regions.get(&session.account).into_iter().flatten().filter(|_| scope.everything).cloned();
    let regions: BTreeSet<String> = made.iter().cloned().chain(all).collect();
    if regions.is_empty() || scope.presence || scope.follow_owned.is_empty() {
        return None;
    }
    let (here, made) = (&here, &made);
    let read = try_join_all(regions.iter().map(|region| async move {
        match marked_in(session, region, here, scope).await {
            // Where no key is made, the runner has no right to ask.
            Err(error) if error.class == ErrorClass::Denied && !made.contains(region) => Ok(BTreeMap::new()),
            read => read,
        }
    }))
    .await;
    Some(match read {
        Ok(found) => Observation::Known(found.into_iter().flatten().collect()),
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    })
}

async fn marked_in(session: &Arc<Session>, region: &str, here: &[KeyRef], scope: &Scope) -> Result<BTreeMap<String, String>, CloudError> {
    let is_known = |name: &str| here.iter().any(|key| key.name() == format!("{region}/{name}"));
    let of_somebody = |alias: &String| !alias.starts_with("alias/aws/");
    let unknown = named(session, region)
        .await?
        .into_iter()
        .filter(|(id, aliases)| !is_known(id) && aliases.iter().all(of_somebody) && !aliases.iter().any(|alias| is_known(alias)));
    let most = if scope.everything { ALL_MARKS_MOST } else { MARKS_MOST };
    let partition = Partition::of_region(region);
    let asked = unknown.take(most).map(|(id, aliases)| async move {
        let arn = format!("arn:{}:kms:{region}:{}:key/{id}", partition.as_str(), session.account);
        let tags = match tags(session, region, &arn).await {
            Ok(tags) => tags,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let owner = ownership::owner(&tags).filter(|owner| scope.follow_owned.contains(*owner));
        // One whose alias stands for another key is told where that is.
        let told = tags.get(ownership::ALIAS_TAG).filter(|alias| is_known(alias));
        let (Some(owner), None) = (owner, told) else { return Ok(None) };
        // Only of our own is more asked; where that may not be told, it is there.
        let gone = match describe(session, region, &arn).await {
            Ok(found) => found.is_none_or(|found| found.state == KeyState::PendingDeletion),
            Err(error) if error.class == ErrorClass::Denied => false,
            Err(error) => return Err(error),
        };
        let alias = tags.get(ownership::ALIAS_TAG).filter(|alias| aliases.contains(*alias)).or_else(|| aliases.first());
        let name = alias.filter(|_| !gone).map(|alias| KeyRef::made(partition, region, &session.account, alias).arn);
        Ok(name.map(|name| (name, owner.to_owned())))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

/// ARNs of all keys of a region.
pub(super) async fn keys(session: &Arc<Session>, region: &str) -> Result<Vec<String>, CloudError> {
    let kms = session.kms(region);
    let (mut found, mut marker) = (Vec::new(), None::<String>);
    loop {
        let page = session.read("ListKeys", || kms.list_keys().limit(PAGE).set_marker(marker.clone()).send()).await?;
        found.extend(page.keys().iter().filter_map(|key| key.key_arn()).map(str::to_owned));
        marker = page.next_marker().filter(|_| page.truncated()).map(str::to_owned);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// Aliases of keys, by the keys' ids.
async fn named(session: &Arc<Session>, region: &str) -> Result<BTreeMap<String, BTreeSet<String>>, CloudError> {
    let kms = session.kms(region);
    let (mut found, mut marker) = (BTreeMap::<String, BTreeSet<String>>::new(), None::<String>);
    loop {
        let page = session.read("ListAliases", || kms.list_aliases().limit(ALIASES_PAGE).set_marker(marker.clone()).send()).await?;
        for (id, alias) in page.aliases().iter().filter_map(|alias| alias.target_key_id().zip(alias.alias_name())) {
            found.entry(id.to_owned()).or_default().insert(alias.to_owned());
        }
        marker = page.next_marker().filter(|_| page.truncated()).map(str::to_owned);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// Most of one page (KMS API reference, ListKeys).
const PAGE: i32 = 1_000;
/// Most of one page (KMS API reference, ListAliases).
const ALIASES_PAGE: i32 = 100;

async fn tags(session: &Arc<Session>, region: &str, arn: &str) -> Result<Tags, CloudError> {
    let kms = session.kms(region);
    // A key has at most as many tags as one page has (KMS API reference, ListResourceTags).
    let answer = session.read("ListResourceTags", || kms.list_resource_tags().key_id(arn).send()).await?;
    Ok(answer.tags().iter().map(|tag| (tag.tag_key().to_owned(), tag.tag_value().to_owned())).filter(|(key, _)| !key.starts_with("aws:")).collect())
}

/// Days between rotations, where it is rotated; a year, where AWS does not say.
async fn rotation(session: &Arc<Session>, region: &str, arn: &str) -> Result<Option<u32>, CloudError> {
    const YEAR: u32 = 365;
    let kms = session.kms(region);
    let answer = match session.read("GetKeyRotationStatus", || kms.get_key_rotation_status().key_id(arn).send()).await {
        Ok(answer) => answer,
        // Of a key that is not like ours.
        Err(error) if error.code == "UnsupportedOperationException" => return Ok(None),
        Err(error) => return Err(error),
    };
    let days = answer.rotation_period_in_days().and_then(|days| u32::try_from(days).ok()).unwrap_or(YEAR);
    Ok(answer.key_rotation_enabled().then_some(days))
}

/// Most pages of grants that are read: a key has no more than 50,000 grants (AWS KMS Developer Guide, "Quotas").
const GRANT_PAGES_MOST: usize = 500;

/// Grants of a key.
pub(super) async fn grants(session: &Arc<Session>, region: &str, arn: &str) -> Result<Vec<KeyGrant>, CloudError> {
    /// Most of one page (KMS API reference, ListGrants).
    const PAGE: i32 = 100;
    let kms = session.kms(region);
    let (mut found, mut marker) = (Vec::new(), None::<String>);
    for _ in 0..GRANT_PAGES_MOST {
        let page = match session.read("ListGrants", || kms.list_grants().key_id(arn).limit(PAGE).set_marker(marker.clone()).send()).await {
            Ok(page) => page,
            // The key has gone since it was listed.
            Err(error) if error.class == ErrorClass::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        for grant in page.grants() {
            let Some(grantee) = grant.grantee_principal() else {
                return Err(malformed("ListGrants", &session.account, "a grant is to nobody"));
            };
            let bounds = grant.constraints();
            let (equal, subset) = (bounds.and_then(|c| c.encryption_context_equals()), bounds.and_then(|c| c.encryption_context_subset()));
            found.push(KeyGrant {
                grantee: grantee.to_owned(),
                operations: grant.operations().iter().map(|operation| operation.as_str().to_owned()).collect(),
                context: equal.or(subset).into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect(),
                context_alone: equal.is_some(),
            });
        }
        marker = page.next_marker().filter(|_| page.truncated()).map(str::to_owned);
        if marker.is_none() {
            return Ok(found);
        }
    }
    Err(malformed("ListGrants", &session.account, "the listing does not end"))
}

/// Reads a key's policy.
pub(super) async fn policy(session: &Arc<Session>, region: &str, arn: &str) -> Result<KeyPolicyState, CloudError> {
    let kms = session.kms(region);
    let answer = session.read("GetKeyPolicy", || kms.get_key_policy().key_id(arn).policy_name(POLICY).send()).await?;
    let parsed = crossrole_policy::parse_key_policy(answer.policy().unwrap_or_default());
    let document = parsed.map_err(|errors| {
        let why = errors.first().map_or_else(String::new, ToString::to_string);
        malformed("GetKeyPolicy", &session.account, &why)
    })?;
    Ok(KeyPolicyState { document })
}
