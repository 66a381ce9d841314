//! Whether the runner could take a plan back: its own identity under the policies as they will be.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{AccessDelta, Because, Direction, Explanation, Lockout, Part};

use crate::ask::Question;
use crate::estate::{Estate, Guarded};
use crate::request::Context;

/// What takes back a bucket policy.
const ON_BUCKETS: &[&str] = &["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

/// What takes back a key policy. Without it, only AWS Support can (KMS API reference, PutKeyPolicy).
const ON_KEYS: &[&str] = &["kms:GetKeyPolicy", "kms:PutKeyPolicy"];

/// What takes back a role.
const ON_ROLES: &[&str] = &["iam:GetRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"];

/// Returns what `runners` (ARNs) may do before and not after, of what would take the change back.
///
/// The runner's own policies are taken as they are where all of them were read, and to allow everything where some were
/// not: a Deny in a bucket's policy is seen either way. A second factor is taken to be there, since the runner's session has what
/// it has. How the runner came into its role is not known: whoever can no longer assume it, by `delta`, is named.
pub fn lockout(before: &Estate, after: &Estate, runners: &BTreeSet<String>, delta: &AccessDelta) -> Vec<Lockout> {
    let mut lost = Vec::new();
    let partition = after.partition();
    let made = as_made(before);
    // Looked up by account: there may be a runner in each.
    let mut changed: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (name, guarded) in after.buckets.iter().filter(|(name, g)| before.buckets.get(*name) != Some(*g)) {
        changed.entry(&guarded.account).or_default().push(name);
    }
    for runner in runners {
        let account = crossrole_policy::Arn::parse(runner).map(|a| a.account.to_owned()).unwrap_or_default();
        let buckets = changed.get(account.as_str()).into_iter().flatten();
        let mut checks: Vec<(String, &[&str])> = buckets.map(|name| (format!("arn:{partition}:s3:::{name}"), ON_BUCKETS)).collect();
        let keys = after.keys.iter().filter(|(arn, g)| g.account == account && before.keys.get(*arn) != Some(*g));
        checks.extend(keys.map(|(arn, _)| (arn.clone(), ON_KEYS)));
        // A change of the runner's own role decides about every role it manages.
        let own_changes =
            of_account(&after.principals, partition, &account).any(|(arn, p)| is_runner(arn, p.name.as_str(), runner) && before.principals.get(arn) != Some(p));
        let own_gone =
            of_account(&before.principals, partition, &account).any(|(arn, p)| is_runner(arn, p.name.as_str(), runner) && !after.principals.contains_key(arn));
        if own_gone {
            lost.push(Lockout::Gone { runner: runner.clone() });
            continue;
        }
        if own_changes {
            checks.extend(of_account(&after.roles, partition, &account).map(|(arn, _)| (arn.clone(), ON_ROLES)));
        }
        lost.extend(entries_lost(before, partition, &account, runner, delta));
        for (resource, actions) in checks {
            for action in actions {
                let mut context = Context::default();
                context.set("aws:MultiFactorAuthPresent", "true");
                let question = Question {
                    principal: runner.clone(),
                    via: Vec::new(),
                    action: (*action).to_owned(),
                    resource: resource.clone(),
                    resource_account: Some(account.clone()),
                    context,
                    unread_allows: true,
                };
                let may = |estate: &Estate| estate.ask(&question).last().is_some_and(Explanation::is_allowed);
                let then = made.as_ref().filter(|_| is_key(&resource)).unwrap_or(before);
                if may(then) && !may(after) {
                    let because = after.ask(&question).pop().map_or(Because::Nothing, |a| a.because);
                    lost.push(Lockout::Action { runner: runner.clone(), action: (*action).to_owned(), resource: resource.clone(), because });
                }
            }
        }
    }
    lost.sort();
    lost.dedup();
    lost
}

fn is_key(resource: &str) -> bool {
    resource.contains(":kms:")
}

/// Before keys have their policies, where some are not made yet: AWS makes them so that their account's policies decide. `None`: all are there.
fn as_made(before: &Estate) -> Option<Estate> {
    let is_there = |guarded: &Guarded| guarded.policy.as_ref().is_none_or(|policy| !policy.document.statements.is_empty());
    if before.keys.values().all(is_there) {
        return None;
    }
    let mut made = before.clone();
    made.keys.retain(|_, guarded| is_there(guarded));
    Some(made)
}

/// Who can no longer assume the role that the runner runs as, or not under all conditions of before.
fn entries_lost(before: &Estate, partition: &str, account: &str, runner: &str, delta: &AccessDelta) -> Vec<Lockout> {
    let own = |arn: &String| arn.rsplit('/').next().is_some_and(|name| is_runner(arn, name, runner));
    let mut lost = Vec::new();
    for (role, _) in of_account(&before.roles, partition, account).filter(|(arn, _)| own(arn)) {
        let narrowed = delta.changes.iter().filter(|c| c.direction == Direction::Narrowed && c.resources.contains(&Part::of(role)));
        for change in narrowed.filter(|c| c.actions.iter().any(|a| a.pattern.starts_with("sts:AssumeRole"))) {
            let (party, certainty, partly) = (change.party.clone(), change.certainty, !change.when.is_empty());
            lost.push(Lockout::Entry { runner: runner.to_owned(), party, certainty, role: role.clone(), partly });
        }
    }
    lost
}

/// What one account has, of a map by ARN.
fn of_account<'e, T>(all: &'e BTreeMap<String, T>, partition: &str, account: &str) -> impl Iterator<Item = (&'e String, &'e T)> {
    let head = format!("arn:{partition}:iam::{account}:");
    all.range(head.clone()..).take_while(move |(arn, _)| arn.starts_with(&head))
}

/// A runner is a user, or a session of a role.
fn is_runner(arn: &str, name: &str, runner: &str) -> bool {
    arn == runner
        || runner.contains(&format!(":assumed-role/{name}/"))
            && crossrole_policy::Arn::parse(arn).map(|a| a.account) == crossrole_policy::Arn::parse(runner).map(|a| a.account)
            && arn.contains(":role/")
}
