//! Whether the runner could take a plan back: its own identity under the policies as they will be.

use std::collections::BTreeSet;

use crate::ask::Question;
use crate::estate::Estate;
use crate::request::Context;

/// What takes back a bucket policy.
const ON_BUCKETS: &[&str] = &["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"];

/// What takes back a role.
const ON_ROLES: &[&str] = &["iam:GetRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"];

/// Names what `runners` (ARNs) may do before and not after, of what would take the change back; one phrase each.
///
/// The runner's own policies are taken as they are where all of them were read, and to allow everything where some were
/// not: a Deny in a bucket's policy is seen either way. A second factor is taken to be there, since the runner's session has what
/// it has.
pub fn lockout(before: &Estate, after: &Estate, runners: &BTreeSet<String>) -> Vec<String> {
    let mut lost = Vec::new();
    let partition = after.partition();
    for runner in runners {
        let account = crossrole_policy::Arn::parse(runner).map(|a| a.account.to_owned()).unwrap_or_default();
        let buckets = after.buckets.iter().filter(|(name, g)| g.account == account && before.buckets.get(*name) != Some(*g));
        let mut checks: Vec<(String, &[&str])> = buckets.map(|(name, _)| (format!("arn:{partition}:s3:::{name}"), ON_BUCKETS)).collect();
        // A change of the runner's own role decides about every role it manages.
        let own_changes = after.principals.iter().any(|(arn, p)| is_runner(arn, p.name.as_str(), runner) && before.principals.get(arn) != Some(p));
        let own_gone = before.principals.iter().any(|(arn, p)| is_runner(arn, p.name.as_str(), runner) && !after.principals.contains_key(arn));
        if own_gone {
            lost.push(format!("{runner} itself would be gone"));
            continue;
        }
        if own_changes {
            checks.extend(after.roles.iter().filter(|(_, g)| g.account == account).map(|(arn, _)| (arn.clone(), ON_ROLES)));
        }
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
                    show_external_ids: false,
                };
                let may = |estate: &Estate| estate.ask(&question).last().is_some_and(|a| a.decision == "Allowed");
                if may(before) && !may(after) {
                    let why = after.ask(&question).pop().map(|a| a.because).unwrap_or_default();
                    lost.push(format!("{runner} could no longer {action} on {resource}: {why}"));
                }
            }
        }
    }
    lost.sort();
    lost.dedup();
    lost
}

/// A runner is a user, or a session of a role.
fn is_runner(arn: &str, name: &str, runner: &str) -> bool {
    arn == runner
        || runner.contains(&format!(":assumed-role/{name}/"))
            && crossrole_policy::Arn::parse(arn).map(|a| a.account) == crossrole_policy::Arn::parse(runner).map(|a| a.account)
            && arn.contains(":role/")
}
