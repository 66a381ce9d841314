//! What lets somebody in beside policies, of some buckets and keys: ACLs and grants.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossrole_model::audit::{Acl, Besides, Grantee};
use crossrole_model::{AccountId, CloudError, ErrorClass, KeyRef, Observation, Unreadable};
use futures_util::future::{join, join_all};

use crate::Aws;
use crate::session::Session;

use super::super::bucket::account_block;
use super::super::bucket::{block_of, listing_of, ownership_of};
use super::super::key;
use super::bucket::acl_of;
use super::observed;

/// Where a bucket is: its account, and its region.
pub type Places = BTreeMap<String, (AccountId, String)>;

/// Reads it: a call for each page of a key's grants, and two for each bucket where ACLs count. `keys` are ARNs.
pub(crate) async fn read(aws: &Aws, keys: Vec<String>, buckets: &Places) -> Besides {
    let grants = join_all(keys.into_iter().filter_map(|arn| KeyRef::parse(&arn)).map(|key| async {
        let read = match aws.sessions.get(&key.account()).await {
            Ok(session) => key::grants(&session, key.region(), &key.arn).await,
            Err(error) => Err(error),
        };
        (key.arn, observed(read))
    }));
    let acls = join_all(buckets.iter().map(|(name, (account, region))| async move {
        let read = match aws.sessions.get(account).await {
            Ok(session) => one(&session, name, region, aws.sessions.partition().home_region()).await,
            Err(error) => Err(error),
        };
        (name.clone(), account.clone(), read)
    }));
    let (grants, acls) = join(grants, acls).await;
    let mut besides = Besides { grants: grants.into_iter().collect(), ..Besides::default() };
    for (name, account, read) in acls {
        let acl = match read {
            Ok(None) => continue,
            Ok(Some((owner, acl))) => {
                besides.canonical.extend(owner.map(|owner| (owner, account)));
                Observation::Known(acl)
            }
            Err(error) => Observation::Unreadable(Unreadable::from(&error)),
        };
        besides.acls.insert(name, acl);
    }
    besides
}

/// The canonical ids of accounts, of those that can be asked.
pub(crate) async fn canonical(aws: &Aws, accounts: impl IntoIterator<Item = &AccountId>) -> BTreeMap<String, AccountId> {
    let home = aws.sessions.partition().home_region();
    let asked = join_all(accounts.into_iter().map(|account| async move {
        let session = aws.sessions.get(account).await.ok()?;
        let (_, id) = listing_of(&session, home).await.ok()?;
        Some((id?, account.clone()))
    }));
    asked.await.into_iter().flatten().collect()
}

/// The ACL of a bucket, and the canonical id of its owner; `None`: the bucket is not there.
async fn one(session: &Arc<Session>, name: &str, region: &str, home: &str) -> Result<Option<(Option<String>, Acl)>, CloudError> {
    let request = session.s3(region).get_bucket_ownership_controls().bucket(name).expected_bucket_owner(session.account.as_str());
    let of_objects = match session.read_many("GetBucketOwnershipControls", || request.clone().send()).await {
        Ok(answer) => ownership_of(&answer).as_deref() != Some("BucketOwnerEnforced"),
        Err(error) if error.code == "NoSuchBucket" => return Ok(None),
        // What it is set to is not known: the ACL tells all the same what it grants.
        Err(_) => true,
    };
    if !of_objects {
        return Ok(Some((None, Acl::default())));
    }
    let Some((owner, grants)) = acl_of(session, name, region).await? else { return Ok(None) };
    let public = grants.iter().any(|grant| matches!(grant.grantee, Grantee::Group(_)));
    let ignores_public = public && ignores_public(session, name, region, home).await?;
    Ok(Some((owner, Acl { of_objects, grants, ignores_public })))
}

/// Whether grants to everybody do not count (S3 User Guide, "Blocking public access to your Amazon S3 storage", `IgnorePublicAcls`).
async fn ignores_public(session: &Arc<Session>, name: &str, region: &str, home: &str) -> Result<bool, CloudError> {
    let request = session.s3(region).get_public_access_block().bucket(name).expected_bucket_owner(session.account.as_str());
    let own = match session.read_many("GetPublicAccessBlock", || request.clone().send()).await {
        Ok(answer) => block_of(answer.public_access_block_configuration()).ignore_acls,
        Err(error) if error.class == ErrorClass::NotFound => false,
        Err(error) => return Err(error),
    };
    // Where that of the account is not known, they are taken to count.
    Ok(own || account_block(session, home).await.known().copied().flatten().is_some_and(|block| block.ignore_acls))
}
