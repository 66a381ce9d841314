//! Sessions with less than their role: `[sessions.NAME]`.

use crossrole_access::Estate;
use crossrole_access::estate::Placed;
use crossrole_model::{AccountId, Desired};
use crossrole_policy::Document;
use crossrole_report::{View, safe};

use crate::failure::Failure;

/// Most lines of what a session loses that are shown.
const LINES_MOST: usize = 20;

/// The session policy of a name, for roles of an account.
pub(super) fn policy(name: &str, account: &AccountId, desired: &Desired) -> Result<Document, Failure> {
    let Some(found) = desired.sessions.get(&(account.clone(), name.to_owned())) else {
        let known: Vec<String> = desired.sessions.keys().filter(|(of, _)| of == account).map(|(_, name)| format!("`{}`", safe(name))).collect();
        let hint = if known.is_empty() {
            format!("declare `[sessions.{}]` in the manifest of the role", safe(name))
        } else {
            format!("there is {}", known.join(", "))
        };
        return Err(Failure::new(format!("no manifest declares a session `{}` for account {account}", safe(name)), hint));
    };
    if found.document.statements.is_empty() {
        return Err(Failure::new(format!("all that session `{}` allows has ended", safe(name)), "correct `expires` in its manifest"));
    }
    Ok(sendable(&found.document))
}

/// A key that a manifest makes has no id that is known here. The role's own policy names the key: the session's may name any of that place.
fn sendable(document: &Document) -> Document {
    let mut document = document.clone();
    for statement in &mut document.statements {
        for value in statement.resource.iter_mut().flat_map(|resource| &mut resource.values) {
            if let Some((head, _)) = value.split_once(":key/{") {
                *value = format!("{head}:key/*");
            }
        }
    }
    document
}

/// What a session loses by its policy, in lines.
pub(super) fn lost(estate: &Estate, role: &str, policy: Document) -> Vec<String> {
    let Some(known) = estate.principals.get(role) else {
        return vec!["what the session loses is not known: no manifest of this run declares its role".to_owned()];
    };
    let mut before = estate.clone();
    before.principals.retain(|arn, _| arn == role);
    // A boundary of its own stands on both sides, as one more of what all levels have to allow.
    if let Some(own) = before.principals.get_mut(role).and_then(|principal| principal.boundary.take()) {
        before.service_control.entry(known.account.clone()).or_default().push(own);
    }
    let mut after = before.clone();
    if let Some(principal) = after.principals.get_mut(role) {
        // A session policy limits as a boundary does (IAM User Guide, "Policy evaluation logic").
        principal.boundary = Some(vec![Placed::new(policy, "session policy")]);
    }
    let delta = crossrole_access::delta(&before, &after);
    let mut lines = crossrole_report::access_lines(&delta, View::default());
    if lines.is_empty() {
        return vec!["the session may do all that its role may".to_owned()];
    }
    let more = lines.len().saturating_sub(LINES_MOST);
    lines.truncate(LINES_MOST);
    let mut all = vec!["by its session policy:".to_owned()];
    all.extend(lines.into_iter().map(|line| format!("  {line}")));
    all.extend((more > 0).then(|| format!("  … and {more} more")));
    all
}
