//! All buckets of an account, five calls each and one more where ACLs count, and the account's own block of public access.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_s3::types::Grant;
use crossrole_model::audit::{AclGrant, BucketFacts, Grantee};
use crossrole_model::observed::ObservedBucket;
use crossrole_model::state::BucketPolicyState;
use crossrole_model::{CloudError, ErrorClass, Observation, Unreadable};
use futures_util::future::{join_all, join5};

use crate::session::Session;

use super::super::bucket::{Listing, block_of, encryption_of, head, logging_of, ownership_of, parsed};
use super::super::malformed;
use super::{bucket_state, observed};

type Buckets = BTreeMap<String, (ObservedBucket, BucketFacts)>;

/// Every bucket with its settings; and why they are not known, where they are not.
pub(super) async fn all(session: &Arc<Session>, listed: Result<Listing, CloudError>, home: &str) -> (Buckets, Option<Unreadable>) {
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return (Buckets::new(), Some(Unreadable::from(&error))),
    };
    let read = join_all(listed.into_iter().map(|(name, region)| async move {
        let read = one(session, &name, region, home).await;
        (name, read)
    }));
    // One that has gone since it was listed is none.
    (read.await.into_iter().filter_map(|(name, read)| Some((name, read?))).collect(), None)
}

/// The answer of one call about a bucket; `Ok(None)`: the bucket has nothing of it.
macro_rules! setting {
    ($session:expr, $name:expr, $region:expr, $operation:literal, $method:ident) => {
        async {
            let request = $session.s3($region).$method().bucket($name).expected_bucket_owner($session.account.as_str());
            match $session.read_many($operation, || request.clone().send()).await {
                Ok(answer) => Ok(Some(answer)),
                Err(error) if error.class == ErrorClass::NotFound && error.code != "NoSuchBucket" => Ok(None),
                Err(error) => Err(error),
            }
        }
    };
}

async fn one(session: &Arc<Session>, name: &str, region: Option<String>, home: &str) -> Option<(ObservedBucket, BucketFacts)> {
    let region = match region {
        Some(region) => region,
        None => match head(session, name, home).await {
            Ok(region) => region?,
            Err(why) => return Some(unknown(&why)),
        },
    };
    let region = region.as_str();
    let settings = join5(
        setting!(session, name, region, "GetBucketPolicy", get_bucket_policy),
        setting!(session, name, region, "GetBucketLogging", get_bucket_logging),
        setting!(session, name, region, "GetBucketEncryption", get_bucket_encryption),
        setting!(session, name, region, "GetPublicAccessBlock", get_public_access_block),
        setting!(session, name, region, "GetBucketOwnershipControls", get_bucket_ownership_controls),
    );
    let (policy, logging, encryption, block, ownership) = settings.await;
    if matches!(&policy, Err(error) if error.code == "NoSuchBucket") {
        return None;
    }
    let policy = policy.and_then(|answer| match answer {
        None => Ok(BucketPolicyState { document: None }),
        Some(answer) => parsed(session, name, answer.policy()),
    });
    let ownership = observed(ownership.map(|answer| answer.as_ref().and_then(ownership_of)));
    let acl = if has_acls(&ownership) { observed(acl(session, name, region).await) } else { Observation::Known(Vec::new()) };
    let facts = BucketFacts {
        logging: observed(logging.map(|answer| logging_of(answer.as_ref().and_then(|a| a.logging_enabled())))),
        encryption: observed(encryption.map(|answer| answer.as_ref().and_then(encryption_of))),
        block: observed(block.map(|answer| block_of(answer.as_ref().and_then(|a| a.public_access_block_configuration())))),
        ownership,
        acl,
    };
    Some((ObservedBucket { state: bucket_state(region), policy: observed(policy), encryption: None, owner_unread: None }, facts))
}

/// Only where ACLs count is it asked what they say.
fn has_acls(ownership: &Observation<Option<String>>) -> bool {
    ownership.known().is_some_and(|ownership| ownership.as_deref() != Some("BucketOwnerEnforced"))
}

async fn acl(session: &Arc<Session>, name: &str, region: &str) -> Result<Vec<AclGrant>, CloudError> {
    // One that has gone since has none.
    Ok(acl_of(session, name, region).await?.map(|(_, grants)| grants).unwrap_or_default())
}

/// The canonical id of a bucket's owner, and what its ACL grants; `None`: the bucket is not there.
pub(super) async fn acl_of(session: &Arc<Session>, name: &str, region: &str) -> Result<Option<(Option<String>, Vec<AclGrant>)>, CloudError> {
    let request = session.s3(region).get_bucket_acl().bucket(name).expected_bucket_owner(session.account.as_str());
    match session.read_many("GetBucketAcl", || request.clone().send()).await {
        Ok(answer) => {
            let grants: Result<Vec<AclGrant>, CloudError> = answer.grants().iter().map(|grant| granted(session, name, grant)).collect();
            Ok(Some((answer.owner().and_then(|owner| owner.id()).map(str::to_owned), grants?)))
        }
        Err(error) if error.code == "NoSuchBucket" => Ok(None),
        Err(error) => Err(error),
    }
}

fn granted(session: &Session, name: &str, grant: &Grant) -> Result<AclGrant, CloudError> {
    let grantee = grant.grantee().and_then(|one| match (one.uri(), one.id()) {
        (Some(uri), _) => Some(Grantee::Group(uri.to_owned())),
        (None, Some(id)) => Some(Grantee::Account(id.to_owned())),
        (None, None) => None,
    });
    match (grantee, grant.permission()) {
        (Some(grantee), Some(permission)) => Ok(AclGrant { grantee, permission: permission.as_str().to_owned() }),
        _ => Err(malformed("GetBucketAcl", &session.account, &format!("the ACL of bucket {name} has a grant of nothing, or to nobody"))),
    }
}

/// A bucket of which nothing but its name is known.
fn unknown(why: &Unreadable) -> (ObservedBucket, BucketFacts) {
    let facts = BucketFacts {
        logging: Observation::Unreadable(why.clone()),
        encryption: Observation::Unreadable(why.clone()),
        block: Observation::Unreadable(why.clone()),
        ownership: Observation::Unreadable(why.clone()),
        acl: Observation::Known(Vec::new()),
    };
    (ObservedBucket { state: bucket_state(""), policy: Observation::Unreadable(why.clone()), encryption: None, owner_unread: None }, facts)
}
