//! What a plan reads.

use std::collections::BTreeMap;

use crossrole_model::desired::DesiredState;
use crossrole_model::state::BucketState;
use crossrole_model::{AccountId, Desired, KeyRef, Kind};

use crate::scope;

use super::Rights;

/// Whole accounts, whatever they hold: IAM decides about these calls for all resources or none.
const OF_IAM: &[&str] = &["iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary", "iam:ListRoles"];

pub(super) fn reads(desired: &Desired) -> BTreeMap<AccountId, Rights> {
    let mut all: BTreeMap<AccountId, Rights> = BTreeMap::new();
    let scope = scope(desired);
    let partition = desired.partition;
    for account in scope.accounts.keys() {
        let rights = all.entry(account.clone()).or_default();
        rights.add("*", OF_IAM);
        rights.add(partition.iam_arn(account, "policy", "/", "*"), &["iam:ListPolicyTags"]);
        for (kind, actions) in [
            (Kind::OidcProvider, ["iam:ListOpenIDConnectProviders", "iam:GetOpenIDConnectProvider"]),
            (Kind::SamlProvider, ["iam:ListSAMLProviders", "iam:GetSAMLProvider"]),
        ] {
            // Any that trust policies of the account speak of is looked at.
            rights.add("*", &actions[..1]);
            rights.add(partition.iam_arn(account, kind.as_str(), "/", "*"), &actions[1..]);
        }
    }
    for (name, bucket) in &scope.buckets {
        let rights = all.entry(bucket.account.clone()).or_default();
        rights.add("*", &["s3:ListAllMyBuckets"]);
        let arn = partition.s3_arn(name);
        // Blocks of public access, the account's too, are asked for where a policy is public, whatever the manifest states.
        rights.add("*", &["s3:GetAccountPublicAccessBlock"]);
        rights.add(arn.as_str(), &["s3:ListBucket", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock"]);
        rights.add(arn.as_str(), &bucket.settings.as_ref().map(settings).unwrap_or_default());
        if bucket.encryption {
            rights.add(arn, &["s3:GetEncryptionConfiguration"]);
        }
    }
    for key in scope.keys.iter().filter_map(|arn| KeyRef::parse(arn)) {
        let rights = all.entry(key.account()).or_default();
        match key.alias() {
            None => rights.add(key.arn, &["kms:DescribeKey", "kms:GetKeyPolicy"]),
            Some(_) => {
                rights.add("*", &["kms:ListAliases", "kms:ListKeys"]);
                // One that was begun is found by its tags, among all that have no alias.
                let any = format!("arn:{}:kms:{}:{}:key/*", partition.as_str(), key.region(), key.account());
                rights.add(any, OF_KEY);
            }
        }
    }
    if let Some(at) = &desired.identity_center {
        let rights = all.entry(at.account.clone()).or_default();
        rights.add(at.instance.as_str(), OF_SETS);
        rights.add(format!("{}/*", at.instance.replace(":::instance/", ":::permissionSet/")), OF_SETS);
    }
    // An account of which nothing but a set is written is not read otherwise.
    let declared = |account: &AccountId| desired.objects.iter().any(|(a, o)| a.account == *account && !matches!(o.state, DesiredState::PermissionSet { .. }));
    all.retain(|account, _| {
        desired.accounts.get(account).is_none_or(|info| info.managed)
            || declared(account)
            || desired.identity_center.as_ref().is_some_and(|at| at.account == *account)
    });
    all
}

/// What gives access beside policies is read to prove what manifests promise: of the buckets and keys that they speak of.
pub(super) fn beside(desired: &Desired, all: &mut BTreeMap<AccountId, Rights>) {
    let scope = scope(desired);
    for (name, bucket) in &scope.buckets {
        let Some(rights) = all.get_mut(&bucket.account) else { continue };
        rights.add(desired.partition.s3_arn(name), &["s3:GetBucketAcl", "s3:GetBucketOwnershipControls"]);
    }
    for key in scope.keys.iter().filter_map(|arn| KeyRef::parse(arn)) {
        let Some(rights) = all.get_mut(&key.account()) else { continue };
        let named = match key.alias() {
            None => key.arn,
            // What id it has is not known here.
            Some(_) => format!("arn:{}:kms:{}:{}:key/*", desired.partition.as_str(), key.region(), key.account()),
        };
        rights.add(named, &["kms:ListGrants"]);
    }
}

/// What is read of a key that a manifest makes.
pub(super) const OF_KEY: &[&str] = &["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"];

const OF_SETS: &[&str] =
    &["sso:DescribePermissionSet", "sso:GetInlinePolicyForPermissionSet", "sso:ListAccountsForProvisionedPermissionSet", "sso:ListPermissionSets"];

/// The settings that a manifest states are read, and no others.
pub(super) fn settings(state: &BucketState) -> Vec<&'static str> {
    // No `..`: a new setting stops the build until someone decides.
    let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = state;
    let read = [
        (versioning.is_some(), "s3:GetBucketVersioning"),
        (encryption.is_some(), "s3:GetEncryptionConfiguration"),
        (public_access_block.is_some(), "s3:GetBucketPublicAccessBlock"),
        // Whether ACLs count is asked for where the block of public access says otherwise of them.
        (ownership.is_some() || public_access_block.is_some(), "s3:GetBucketOwnershipControls"),
        (logging.is_some(), "s3:GetBucketLogging"),
        (tags.is_some(), "s3:GetBucketTagging"),
    ];
    read.into_iter().filter(|(is, _)| *is).map(|(_, action)| action).collect()
}
