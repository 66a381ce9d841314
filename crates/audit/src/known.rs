//! What could not be read: never to be taken for nothing.

use crossrole_access::Estate;
use crossrole_model::audit::{Facts, NotKnown, Object};
use crossrole_model::{AccountId, Observation, Unreadable};

use crate::Asked;

/// Everything that could not be read.
pub(crate) fn unread(asked: &Asked<'_>, estate: &Estate) -> Vec<NotKnown> {
    let mut found = Vec::new();
    let observed = &asked.audited.observed;
    for (account, state) in &observed.accounts {
        if let Observation::Unreadable(why) = state {
            // Where nothing at all was read, everything of it is meant.
            let part = if asked.audited.facts.contains_key(account) { "IAM" } else { "" };
            found.push(one(Object::Account { account: account.clone() }, part, why));
        }
    }
    for (account, facts) in &asked.audited.facts {
        of_account(account, facts, &mut found);
    }
    for (name, bucket) in &observed.buckets {
        let Some(account) = observed.bucket_accounts.get(name) else { continue };
        let object = || Object::Bucket { account: account.clone(), name: name.clone() };
        match bucket {
            Observation::Unreadable(why) => found.push(one(object(), "", why)),
            Observation::Known(Some(bucket)) => {
                if let Observation::Unreadable(why) = &bucket.policy {
                    found.push(one(object(), "policy", why));
                }
            }
            Observation::Known(None) => {}
        }
    }
    for (arn, key) in &observed.keys {
        let object = || Object::Key { arn: arn.clone() };
        match key {
            Observation::Unreadable(why) => found.push(one(object(), "", why)),
            Observation::Known(Some(key)) => {
                if let Observation::Unreadable(why) = &key.policy {
                    found.push(one(object(), "policy", why));
                }
            }
            Observation::Known(None) => {}
        }
    }
    for (arn, principal) in estate.principals.iter().filter(|(arn, principal)| !principal.unread.is_empty() && !arn.contains(":group/")) {
        let object = if principal.user { Object::User { arn: arn.clone() } } else { Object::Role { arn: arn.clone() } };
        let why = Unreadable { class: None, why: principal.unread.iter().cloned().collect::<Vec<_>>().join(", ") };
        found.push(one(object, "policies", &why));
    }
    found
}

fn of_account(account: &AccountId, facts: &Facts, found: &mut Vec<NotKnown>) {
    let Facts { roles: _, access_keys, providers, trails, block, buckets_unlisted, buckets, keys_unlisted, grants, canonical: _ } = facts;
    let whole = || Object::Account { account: account.clone() };
    if let Observation::Unreadable(why) = access_keys {
        found.push(one(whole(), "access keys", why));
    }
    if let Some(why) = providers {
        found.push(one(whole(), "identity providers", why));
    }
    if let Observation::Unreadable(why) = block {
        found.push(one(whole(), "block of public access", why));
    }
    if let Some(why) = buckets_unlisted {
        found.push(one(whole(), "buckets", why));
    }
    let region = |region: &String| Object::Region { account: account.clone(), region: region.clone() };
    for (at, trails) in trails {
        if let Observation::Unreadable(why) = trails {
            found.push(one(region(at), "trails", why));
        }
    }
    found.extend(keys_unlisted.iter().map(|(at, why)| one(region(at), "keys", why)));
    for (name, bucket) in buckets {
        let object = || Object::Bucket { account: account.clone(), name: name.clone() };
        let mut of = |part: &'static str, why: Option<&Unreadable>| found.extend(why.map(|why| one(object(), part, why)));
        of("logging", why(&bucket.logging));
        of("encryption", why(&bucket.encryption));
        of("block of public access", why(&bucket.block));
        of("object ownership", why(&bucket.ownership));
        of("ACL", why(&bucket.acl));
    }
    found.extend(grants.iter().filter_map(|(arn, grants)| Some(one(Object::Key { arn: arn.clone() }, "grants", why(grants)?))));
}

fn why<T>(read: &Observation<T>) -> Option<&Unreadable> {
    match read {
        Observation::Known(_) => None,
        Observation::Unreadable(why) => Some(why),
    }
}

fn one(object: Object, part: &'static str, why: &Unreadable) -> NotKnown {
    NotKnown::Unread { object, part, why: why.clone() }
}
