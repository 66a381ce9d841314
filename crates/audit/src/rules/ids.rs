//! What is left of deleted principals, what bears our mark and is not as declared, and access keys.

use crossrole_model::audit::{AccessKey, Detail, Issue, NotKnown, Object, Rule, Standing};
use crossrole_model::{AccountId, Observation};
use crossrole_policy::Document;

use super::days;
use crate::Case;

pub(super) fn dead(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    let mut of = |object: Object, document: Option<&Document>| {
        let ids = document.map(Document::orphaned_principals).unwrap_or_default();
        issues.extend(ids.into_iter().map(|id| Issue { rule: Rule::DeadPrincipal, object: object.clone(), detail: Detail::Id(id.to_owned()) }));
    };
    for (arn, guarded) in &case.estate.roles {
        of(Object::Role { arn: arn.clone() }, guarded.policy.as_ref().map(|p| &p.document));
    }
    for (name, guarded) in &case.estate.buckets {
        let Some(account) = case.asked.audited.observed.bucket_accounts.get(name) else { continue };
        of(Object::Bucket { account: account.clone(), name: name.clone() }, guarded.policy.as_ref().map(|p| &p.document));
    }
    for (arn, guarded) in &case.estate.keys {
        of(Object::Key { arn: arn.clone() }, guarded.policy.as_ref().map(|p| &p.document));
    }
    for (arn, grants) in case.asked.audited.facts.values().flat_map(|facts| &facts.grants) {
        let document = grants.known().and_then(|grants| crate::beside::of_grants(grants, None));
        of(Object::Key { arn: arn.clone() }, document.as_ref());
    }
}

pub(super) fn drifted(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    for way in &case.ways {
        for standing in &way.standing {
            if let Standing::Drifted { manifest } = standing {
                issues.push(Issue { rule: Rule::NotAsDeclared, object: way.to.clone(), detail: Detail::Manifest(manifest.clone()) });
            }
        }
    }
}

pub(super) fn access_keys(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    let most = case.asked.limits.key_days;
    for (account, facts) in &case.asked.audited.facts {
        let Observation::Known(keys) = &facts.access_keys else { continue };
        for AccessKey { user, number, made } in keys {
            let old = made.map(|made| days(made, case.asked.now));
            let detail = Detail::AccessKey { number: *number, days: old, most };
            let partition = case.asked.desired.partition;
            match user {
                None => {
                    let object = Object::User { arn: partition.iam_arn(account, "root", "", "") };
                    issues.push(Issue { rule: Rule::RootAccessKey, object, detail });
                }
                Some(user) if old.is_some_and(|days| days > most) => {
                    let object = Object::User { arn: partition.iam_arn(account, "user", path(case, account, user), user) };
                    issues.push(Issue { rule: Rule::OldAccessKey, object, detail });
                }
                Some(_) => {}
            }
        }
    }
}

/// The path of a user, where IAM of the account was read.
fn path<'c>(case: &'c Case<'_>, account: &AccountId, user: &str) -> &'c str {
    let state = case.asked.audited.observed.accounts.get(account).and_then(Observation::known);
    state.and_then(|state| state.users.get(&user.to_ascii_lowercase())).map_or("/", |user| user.state.path.as_str())
}
