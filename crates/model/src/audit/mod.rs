//! An audit: what is read of whole accounts, and what is found in it.

mod found;
mod read;
mod rule;

pub use found::{Audit, By, Callers, Chain, Cut, NotKnown, Object, Origin, Stale, StaleBecause, Standing, Suppressed, Suppression, WayIn};
pub use read::{AccessKey, Acl, AclGrant, AuditScope, Audited, Besides, BucketFacts, DataEvents, Facts, Grantee, KeyGrant, RoleFacts, Trail};
pub use rule::{Detail, Issue, Lacks, Limits, Rule, Without};
