//! What the present runner may do of what it has to, by its own policies as they were read.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Context, Controls, Estate, Objects, Question};
use crossrole_model::explanation::Explanation;
use crossrole_model::{AccountId, Desired, Observed, Plan, ownership};
use crossrole_planner::rights::{DETACH, Rights, rights_of};
use crossrole_policy::Arn;
use crossrole_report::{View, safe};

/// What one right of a runner came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It may not.
    Denied,
    /// A policy of its own that was not read may let it.
    Unread,
    /// A key decides by its own policy, and there is none to ask before it is made.
    OfKeys,
}

/// Action, resource, verdict and the reason.
pub(crate) type Missing = (String, String, Verdict, String);

/// Tells whether the policies of a runner were read: of one that was not, nothing is known.
pub(crate) fn is_known(estate: &Estate, account: &AccountId, runner: &str) -> bool {
    let Some(arn) = Arn::parse(runner).filter(|arn| arn.account == account.as_str()) else { return false };
    let session = arn.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    arn.resource == "root"
        || estate.principals.contains_key(runner)
        || session.is_some_and(|role| {
            let head = format!("arn:{}:iam::{account}:role/", arn.partition);
            let mut of_account = estate.principals.range(head.clone()..).take_while(|(known, _)| known.starts_with(&head));
            of_account.any(|(known, _)| known.rsplit('/').next() == Some(role))
        })
}

/// What a runner may not do of what it has to.
pub(crate) fn missing(estate: &Estate, account: &AccountId, runner: &str, rights: &Rights, manifests: &[String]) -> Vec<Missing> {
    let mut found = Vec::new();
    let judge = |action: &str, resource: &str, key: Option<(String, &str)>| judged(estate, account, runner, action, resource, key);
    for (resource, marked, actions) in rights.iter() {
        for action in actions {
            if resource.contains(":kms:") && resource.contains('*') {
                found.push(((*action).to_owned(), resource.to_owned(), Verdict::OfKeys, String::new()));
                continue;
            }
            let mark = || Some((format!("aws:ResourceTag/{}", ownership::OWNER_TAG), manifests.first()?.as_str()));
            found.extend(judge(action, resource, if marked { mark() } else { None }));
        }
    }
    for policy in rights.detached() {
        let account = policy.split(":policy/").next().unwrap_or(policy);
        found.extend(DETACH.iter().filter_map(|(kind, action)| judge(action, &format!("{account}:{kind}/*"), Some(("iam:PolicyARN".to_owned(), policy)))));
    }
    found.sort();
    found.dedup();
    found
}

/// What is known of one right, with one condition key of the request; `None` where the runner has it.
fn judged(estate: &Estate, account: &AccountId, runner: &str, action: &str, resource: &str, key: Option<(String, &str)>) -> Option<Missing> {
    let mut context = Context::default();
    context.set("aws:MultiFactorAuthPresent", "true");
    if let Some((key, value)) = key {
        context.set(&key, value.to_owned());
    }
    let question = |unread_allows| Question {
        principal: runner.to_owned(),
        via: Vec::new(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        resource_account: Some(account.to_string()),
        context: context.clone(),
        unread_allows,
    };
    let may = |unread_allows| estate.ask(&question(unread_allows)).last().is_some_and(Explanation::is_allowed);
    if may(false) {
        return None;
    }
    let verdict = if may(true) { Verdict::Unread } else { Verdict::Denied };
    let because = estate.ask(&question(verdict == Verdict::Denied)).last().map(|answer| crossrole_report::because(answer, View::default()));
    Some((action.to_owned(), resource.to_owned(), verdict, because.unwrap_or_default()))
}

/// What is known before the first call that writes.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// What the runner can't carry out, whatever the conditions of its policies come to: a line each.
    pub(crate) denied: Vec<String>,
    /// Accounts of which its own policies were not read.
    pub(crate) unread: Vec<AccountId>,
}

/// Looks whether the runner may carry a plan out. What is not known to be denied is not refused: a plan may let the runner do what it
/// goes on with, so that both sides of it have to deny.
pub(crate) fn look(plan: &Plan, observed: &Observed, desired: &Desired, controls: &Controls) -> Looked {
    let rights: BTreeMap<AccountId, Rights> = rights_of(plan, observed);
    let mut objects = Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys);
    let before = objects.estate().under(controls).at_most();
    let denied = |estate: &Estate, account: &AccountId, runner: &str, rights: &Rights| -> Vec<Missing> {
        missing(estate, account, runner, rights, &[]).into_iter().filter(|(_, _, verdict, _)| *verdict == Verdict::Denied).collect()
    };
    let (mut looked, mut suspects) = (Looked::default(), Vec::new());
    for (account, rights) in &rights {
        let is_read = |runner: &&String| before.whole.contains(account.as_str()) && is_known(&before, account, runner);
        match observed.runners.get(account).filter(is_read) {
            Some(runner) => suspects.push((account, runner, rights, denied(&before, account, runner, rights))),
            None => looked.unread.push(account.clone()),
        }
    }
    suspects.retain(|(.., found)| !found.is_empty());
    if suspects.is_empty() {
        return looked;
    }
    objects.apply(&plan.changes);
    let after = objects.estate().under(controls).at_most();
    for (account, runner, rights, found) in suspects {
        let then: BTreeSet<(String, String)> = denied(&after, account, runner, rights).into_iter().map(|(action, resource, ..)| (action, resource)).collect();
        let both = found.into_iter().filter(|(action, resource, ..)| then.contains(&(action.clone(), resource.clone())));
        looked.denied.extend(both.map(|(action, resource, _, because)| safe(&format!("{runner} may not {action} on {resource}: {because}"))));
    }
    looked
}
