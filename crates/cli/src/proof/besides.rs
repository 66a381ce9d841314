//! What gives access beside policies: grants of keys and ACLs of buckets, as the statements that they amount to.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::Estate;
use crossrole_access::estate::{Guarded, Placed};
use crossrole_audit::{AclOf, of_grants};
use crossrole_cloud::Places;
use crossrole_model::audit::{Acl, Besides, Grantee};
use crossrole_model::proof::{Beside, Unlooked};
use crossrole_model::{AccountId, KeyRef, Observation, Partition};
use crossrole_policy::{Arn, Document, Statement};

use crate::failure::Failure;
use crate::session::Session;

use super::Seen;

/// What was looked at.
pub(super) struct Looked {
    /// What is live, with it; `None`: there is nothing of it.
    pub(super) live: Option<Estate>,
    /// Principals of other accounts that grants name.
    pub(super) grantees: BTreeSet<String>,
    /// What could not be.
    pub(super) unlooked: Vec<Unlooked>,
    /// What never is.
    pub(super) never: Vec<Beside>,
}

impl Looked {
    /// Nothing was.
    pub(super) fn at_nothing() -> Self {
        Self { live: None, grantees: BTreeSet::new(), unlooked: Vec::new(), never: vec![Beside::Everything] }
    }
}

/// What is under way meanwhile.
const AT: &str = "looking at grants of keys and ACLs of buckets";

/// Looks at it, of the buckets and keys that manifests speak of.
pub(super) async fn look(session: &Session, wanted: &Estate, seen: &Seen) -> Result<Looked, Failure> {
    let is_there = |name: &&String| seen.observed.buckets.get(*name).is_some_and(|state| !matches!(state, Observation::Known(None)));
    let place = |name: &String| {
        let account = seen.owners.get(name).cloned().or_else(|| AccountId::parse(&wanted.buckets.get(name)?.account))?;
        Some((name.clone(), (account, seen.regions.get(name)?.clone())))
    };
    let buckets: Places = wanted.buckets.keys().filter(is_there).filter_map(place).collect();
    let (keys, others) = keys(wanted, &seen.live);
    let mut found = session.stops.or(session.aws.besides(keys, &buckets)).await.map_err(|stop| stop.while_(AT))?;
    let strangers = found.acls.values().filter_map(Observation::known).flat_map(|acl| &acl.grants);
    let strangers = strangers.filter(|grant| matches!(&grant.grantee, Grantee::Account(id) if !found.canonical.contains_key(id)));
    if strangers.count() > 0 {
        let named = session.stops.or(session.aws.canonical(session.desired.accounts.keys())).await.map_err(|stop| stop.while_(AT))?;
        found.canonical.extend(named);
    }
    let mut looked = counted(&seen.live, &found, &buckets, session.desired.partition);
    looked.never.extend(others.into_iter().map(Beside::KeyGrants));
    Ok(looked)
}

/// Keys that manifests speak of or that encrypt their buckets: those that are looked at, and those of which not even the policy could be read.
fn keys(wanted: &Estate, live: &Estate) -> (Vec<String>, Vec<String>) {
    let theirs = |name: &str| wanted.buckets.contains_key(name) || wanted.bucket_keys.contains_key(name);
    let of_buckets = wanted.bucket_keys.iter().chain(&live.bucket_keys).filter(|(name, _)| theirs(name)).map(|(_, key)| &key.arn);
    let all: BTreeSet<&String> = wanted.keys.keys().chain(of_buckets).collect();
    // One that nobody has made yet has none.
    let there = all.into_iter().filter(|arn| KeyRef::parse(arn).is_some_and(|key| key.alias().is_none())).cloned();
    there.partition(|arn| wanted.keys.contains_key(arn) || live.keys.contains_key(arn))
}

fn counted(live: &Estate, found: &Besides, buckets: &Places, partition: Partition) -> Looked {
    let mut looked = Looked { live: None, grantees: BTreeSet::new(), unlooked: Vec::new(), never: Vec::new() };
    let mut with = live.clone();
    let mut more = false;
    for (arn, grants) in &found.grants {
        match grants {
            Observation::Unreadable(why) => looked.unlooked.push(Unlooked { what: Beside::KeyGrants(arn.clone()), why: why.to_string() }),
            Observation::Known(grants) => {
                let Some(document) = of_grants(grants, None) else { continue };
                let account = KeyRef::parse(arn).map(|key| key.account().to_string()).unwrap_or_default();
                let outside = |grantee: &&String| Arn::parse(grantee).is_some_and(|arn| arn.account != account);
                looked.grantees.extend(grants.iter().map(|grant| &grant.grantee).filter(outside).cloned());
                let place = format!("policy of key {arn}");
                put(with.keys.entry(arn.clone()), account, document, "a grant beside it", |document| Placed::of_key(document, place));
                more = true;
            }
        }
    }
    for (name, acl) in &found.acls {
        match acl {
            Observation::Unreadable(why) => looked.unlooked.push(Unlooked { what: Beside::BucketAcl(name.clone()), why: why.to_string() }),
            Observation::Known(acl) => {
                if acl.of_objects {
                    looked.never.push(Beside::ObjectAcls(name.clone()));
                }
                let place = buckets.get(name).map(|(account, _)| account.to_string());
                let Some(owner) = with.buckets.get(name).map(|guarded| guarded.account.clone()).or(place) else { continue };
                let Some(document) = of_acl(name, &owner, acl, &found.canonical, partition) else { continue };
                let place = format!("bucket policy of {name}");
                put(with.buckets.entry(name.clone()), owner, document, "the ACL beside it", |document| Placed::new(document, place));
                more = true;
            }
        }
    }
    looked.live = more.then_some(with);
    looked
}

fn of_acl(name: &str, owner: &str, acl: &Acl, canonical: &BTreeMap<String, AccountId>, partition: Partition) -> Option<Document> {
    let accounts: BTreeMap<&str, &str> = canonical.iter().map(|(id, account)| (id.as_str(), account.as_str())).collect();
    AclOf { bucket: name, partition, accounts: &accounts, owner, ignores_public: acl.ignores_public }.document(&acl.grants, None)
}

/// Puts statements beside those of a policy, named by what they are. What restricts a public policy shuts other accounts out, whatever else
/// lets them in (S3 User Guide, "Blocking public access to your Amazon S3 storage").
fn put(
    entry: std::collections::btree_map::Entry<'_, String, Guarded>,
    account: String,
    document: Document,
    called: &str,
    placed: impl FnOnce(Document) -> Placed,
) {
    let guarded = entry.or_insert(Guarded { account, policy: None, restrict_public: false });
    let mut all = guarded.policy.as_ref().map_or_else(|| Document::new(Vec::new()), |policy| policy.document.clone());
    all.statements.extend(document.statements.into_iter().map(|statement| Statement { sid: Some(called.to_owned()), ..statement }));
    guarded.policy = Some(placed(all));
}
