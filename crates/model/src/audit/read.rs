//! What an audit reads of an account beside what a plan does.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::AccountId;
use crate::observed::{Observation, Observed, Unreadable};
use crate::state::{Encryption, Logging, PublicAccessBlock};

/// What to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditScope {
    /// Accounts, each as a whole.
    pub accounts: BTreeSet<AccountId>,
    /// Regions in which keys and trails are looked for, beside those of the buckets that there are.
    pub regions: BTreeSet<String>,
}

/// Everything that an audit has read.
#[derive(Debug, Clone, Default)]
pub struct Audited {
    /// IAM, buckets and keys. A bucket's block of public access is that of the bucket and of the account together.
    pub observed: Observed,
    /// The rest, by account.
    pub facts: BTreeMap<AccountId, Facts>,
}

/// What is read of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Roles, by name in lower case.
    pub roles: BTreeMap<String, RoleFacts>,
    /// Access keys that are active.
    pub access_keys: Observation<Vec<AccessKey>>,
    /// Why the identity providers are not known.
    pub providers: Option<Unreadable>,
    /// Trails, by the region that was asked.
    pub trails: BTreeMap<String, Observation<Vec<Trail>>>,
    /// The block of public access of the whole account; the inner `None`: it has none.
    pub block: Observation<Option<PublicAccessBlock>>,
    /// Why the buckets are not known.
    pub buckets_unlisted: Option<Unreadable>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, BucketFacts>,
    /// Why the keys of a region are not known.
    pub keys_unlisted: BTreeMap<String, Unreadable>,
    /// Grants of keys, by the key's ARN.
    pub grants: BTreeMap<String, Observation<Vec<KeyGrant>>>,
    /// The id of the account by which ACLs know it, where it is known.
    pub canonical: Option<String>,
}

/// When a role was made and used, in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoleFacts {
    /// When it was made.
    pub made: Option<i64>,
    /// When a session of it last called; IAM looks back 400 days (IAM User Guide, "Refine permissions using last accessed information").
    pub used: Option<i64>,
}

/// An access key that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Whose; `None` for the root user.
    pub user: Option<String>,
    /// The first or the second of the user.
    pub number: u8,
    /// When it was made or made active, in seconds since 1970.
    pub made: Option<i64>,
}

/// Settings of a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketFacts {
    /// Where access is logged to, if it is.
    pub logging: Observation<Option<Logging>>,
    /// Encryption by default. A key of AWS's own for S3 is a key with no name.
    pub encryption: Observation<Option<Encryption>>,
    /// Its own block of public access.
    pub block: Observation<PublicAccessBlock>,
    /// `BucketOwnerEnforced` switches ACLs off; `None`: it says nothing, and ACLs are on.
    pub ownership: Observation<Option<String>>,
    /// What its ACL grants; nothing where ACLs are off, or where it is not known whether they are.
    pub acl: Observation<Vec<AclGrant>>,
}

impl BucketFacts {
    /// ACLs count: those of the bucket and of its objects. `None`: that is not known.
    pub fn has_acls(&self) -> Option<bool> {
        self.ownership.known().map(|ownership| ownership.as_deref() != Some("BucketOwnerEnforced"))
    }
}

/// One grant of the ACL of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclGrant {
    /// Whom it lets.
    pub grantee: Grantee,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP`, `FULL_CONTROL`.
    pub permission: String,
}

/// Whom a grant of an ACL lets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// A whole account, by its canonical id.
    Account(String),
    /// A group of Amazon's, by its URI: everybody, everybody who signs, the delivery of logs.
    Group(String),
}

/// A grant of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGrant {
    /// ARN of a principal, its unique id where that is gone, or the name of a service.
    pub grantee: String,
    /// `Decrypt`, `GenerateDataKey`, …
    pub operations: Vec<String>,
    /// What the encryption context has to have.
    pub context: BTreeMap<String, String>,
    /// It has to have nothing else.
    pub context_alone: bool,
}

/// What lets somebody in beside the policies of some buckets and keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Besides {
    /// Grants of keys, by the key's ARN.
    pub grants: BTreeMap<String, Observation<Vec<KeyGrant>>>,
    /// ACLs of buckets, by name; one that is not there has none.
    pub acls: BTreeMap<String, Observation<Acl>>,
    /// Accounts by their canonical ids, as far as they are known.
    pub canonical: BTreeMap<String, AccountId>,
}

/// The ACL of a bucket.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Acl {
    /// ACLs of objects count as well, or it is not known that they don't.
    pub of_objects: bool,
    /// What it grants; nothing where ACLs are off.
    pub grants: Vec<AclGrant>,
    /// Grants to everybody do not count, by the block of public access of the bucket or of its account.
    pub ignores_public: bool,
}

/// A trail of CloudTrail.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    /// Its ARN.
    pub arn: String,
    /// It is in every region.
    pub every_region: bool,
    /// The region that it is administered in.
    pub home: String,
    /// It is switched on.
    pub on: Observation<bool>,
    /// Which events about objects it keeps, and whether it keeps those of management: one of each selector.
    pub keeps: Observation<Vec<DataEvents>>,
}

/// Events that a selector of a trail takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataEvents {
    /// Those of management.
    Management {
        /// Reading calls, too.
        reads: bool,
        /// Writing calls, too.
        writes: bool,
    },
    /// Those of objects whose ARN begins with one of `begins` (any, where there is none) and with none of `not`.
    Objects {
        /// Reading calls, too.
        reads: bool,
        /// Writing calls, too.
        writes: bool,
        /// `arn:aws:s3:::bucket/`
        begins: Vec<String>,
        /// Left out.
        not: Vec<String>,
    },
    /// Some of those of objects, chosen by more than that.
    Some,
}

impl Trail {
    /// Tells whether calls that administer something in a region are kept, reading ones left aside.
    pub fn keeps_management(&self, region: &str) -> Option<bool> {
        let here = self.every_region || self.home == region;
        let (on, keeps) = (self.on.known()?, self.keeps.known()?);
        Some(here && *on && keeps.iter().any(|one| matches!(one, DataEvents::Management { writes: true, .. })))
    }

    /// Tells whether all that is done with objects of a bucket is kept, be it by several selectors.
    pub fn keeps_objects(&self, region: &str, bucket_arn: &str) -> Option<bool> {
        let here = self.every_region || self.home == region;
        let (on, keeps) = (self.on.known()?, self.keeps.known()?);
        let all = format!("{bucket_arn}/");
        let (mut read, mut written) = (false, false);
        for one in keeps {
            if let DataEvents::Objects { reads, writes, begins, not } = one
                && (begins.is_empty() || begins.iter().any(|begin| all.starts_with(begin.as_str())))
                && !not.iter().any(|left_out| left_out.starts_with(&all) || all.starts_with(left_out.as_str()))
            {
                read |= reads;
                written |= writes;
            }
        }
        Some(here && *on && read && written)
    }
}
