//! An audit: what is read of whole accounts, and what is found in it.

mod found;
mod read;

pub use found::{
    Audit, Callers, Chain, Cut, Detail, Issue, Lacks, Limits, NotKnown, Object, Origin, Rule, Stale, StaleBecause, Standing, Suppressed, Suppression, WayIn,
    Without,
};
pub use read::{AccessKey, AuditScope, Audited, BucketFacts, DataEvents, Facts, RoleFacts, Trail};
