//! Settings of buckets, and of accounts for their buckets.

use std::collections::BTreeSet;

use crossrole_model::audit::{BucketFacts, Detail, Facts, Issue, NotKnown, Object, Rule, Without};
use crossrole_model::state::{Encryption, PublicAccessBlock};
use crossrole_model::{AccountId, Address, Kind};

use super::trails;
use crate::Case;

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, not_known: &mut Vec<NotKnown>) {
    let open: BTreeSet<&str> =
        case.ways_of_people().filter_map(|way| if let Object::Bucket { name, .. } = &way.to { Some(name.as_str()) } else { None }).collect();
    for (account, facts) in &case.asked.audited.facts {
        let own = facts.block.known().copied().flatten();
        if facts.block.known().is_some() && own != Some(PublicAccessBlock::all(true)) && !facts.buckets.is_empty() {
            let object = Object::Account { account: account.clone() };
            issues.push(Issue { rule: Rule::AccountPublicAccessNotBlocked, object, detail: Detail::Nothing(Without::Block) });
        }
        for (name, bucket) in &facts.buckets {
            let object = Object::Bucket { account: account.clone(), name: name.clone() };
            let mut found = |rule: Rule, without: Without| issues.push(Issue { rule, object: object.clone(), detail: Detail::Nothing(without) });
            guarded(case, name, facts, bucket, &mut found);
            not_known.extend(may_be_open_by_acls(facts, bucket).then(|| NotKnown::Acls { object: object.clone() }));
            // Who asks for what, and what it is worth to whoever gets at the disks, matters where others come in.
            if open.contains(name.as_str()) || is_declared(case, account, name) {
                kept(case, bucket, &mut found);
                data_events(case, name, facts, &mut found, not_known);
            }
        }
    }
}

fn is_declared(case: &Case<'_>, account: &AccountId, name: &str) -> bool {
    [Kind::Bucket, Kind::BucketPolicy].iter().any(|kind| case.asked.desired.objects.contains_key(&Address::new(account, *kind, name)))
}

/// What keeps a bucket from being public.
fn guarded(case: &Case<'_>, name: &str, facts: &Facts, bucket: &BucketFacts, found: &mut impl FnMut(Rule, Without)) {
    let read = bucket.block.known().is_some() && facts.block.known().is_some();
    let together = case.asked.audited.observed.buckets.get(name).and_then(|b| b.known()?.as_ref()?.state.public_access_block);
    if read && together != Some(PublicAccessBlock::all(true)) {
        found(Rule::PublicAccessNotBlocked, Without::Block);
    }
    if bucket.has_acls() == Some(true) {
        found(Rule::AclsOn, Without::OwnerEnforced);
    }
}

/// ACLs count, and those that let in everybody are not known to be ignored: those of objects are not read.
fn may_be_open_by_acls(facts: &Facts, bucket: &BucketFacts) -> bool {
    let own = bucket.block.known().is_some_and(|block| block.ignore_acls);
    let accounts = facts.block.known().copied().flatten().is_some_and(|block| block.ignore_acls);
    bucket.has_acls() == Some(true) && !own && !accounts
}

/// How a bucket keeps what is in it, and who asked.
fn kept(case: &Case<'_>, bucket: &BucketFacts, found: &mut impl FnMut(Rule, Without)) {
    if bucket.logging.known().is_some_and(Option::is_none) {
        found(Rule::NoAccessLog, Without::AccessLog);
    }
    match bucket.encryption.known() {
        Some(None) => found(Rule::NotEncrypted, Without::Encryption),
        Some(Some(Encryption::Aes256)) if case.asked.limits.kms => found(Rule::NotEncrypted, Without::Kms),
        _ => {}
    }
}

fn data_events(case: &Case<'_>, name: &str, facts: &Facts, found: &mut impl FnMut(Rule, Without), not_known: &mut Vec<NotKnown>) {
    let region = case.asked.audited.observed.buckets.get(name).and_then(|b| Some(b.known()?.as_ref()?.state.region.as_str())).unwrap_or_default();
    // Where the region was not read, that is said of it.
    let Some(trails) = facts.trails.get(region).and_then(|trails| trails.known()) else { return };
    let arn = case.asked.desired.partition.s3_arn(name);
    let told: Vec<Option<bool>> = trails.iter().map(|trail| trail.keeps_objects(region, &arn)).collect();
    if told.contains(&Some(true)) {
        return;
    }
    if told.contains(&None) {
        not_known.extend(trails.iter().flat_map(trails::unread));
        return;
    }
    found(Rule::NoDataEvents, Without::DataEvents);
}
