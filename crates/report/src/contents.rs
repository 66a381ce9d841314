//! What accounts hold, at a glance.

use crossrole_model::observed::{AccountState, ObservedBucket, ObservedRole};
use crossrole_model::state::Tags;
use crossrole_model::{AccountId, Observation, Observed, ownership};
use crossrole_policy::Document;

use crate::{View, safe, statement};

/// Lists principals, managed policies and buckets by account, with the policies of buckets and who may assume each role.
pub fn contents(observed: &Observed) -> String {
    let mut out = String::new();
    for (account, state) in &observed.accounts {
        out.push_str(&format!("account {account}\n"));
        match state {
            Observation::Known(state) => of_account(account, state, observed, &mut out),
            Observation::Unreadable(why) => out.push_str(&format!("  could not be read: {}\n", safe(&why.to_string()))),
        }
        out.push('\n');
    }
    if out.is_empty() { "It is empty: every account exists, and holds nothing.\n".to_owned() } else { out }
}

fn of_account(account: &AccountId, state: &AccountState, observed: &Observed, out: &mut String) {
    let AccountState { complete: _, incomplete_because: _, roles, policies, users, groups, oidc_providers, unreadable: _ } = state;
    for host in oidc_providers.keys() {
        out.push_str(&format!("  oidc-provider {}\n", safe(host)));
    }
    for policy in policies.values() {
        out.push_str(&format!("  policy {}{}\n", safe(&policy.name), owned(&policy.state.tags)));
        statements("allows", &policy.state.document, out);
    }
    roles.values().for_each(|found| role(found, out));
    for user in users.values() {
        let groups: Vec<String> = user.groups.iter().map(|g| safe(g)).collect();
        let groups = if groups.is_empty() { String::new() } else { format!(", in {}", groups.join(", ")) };
        out.push_str(&format!("  user {}{}{groups}\n", safe(&user.name), owned(&user.state.tags)));
        held(user.attached.iter(), user.inline.keys(), out);
    }
    for group in groups.values() {
        let owner = ownership::group_owner(&group.state.path).map_or_else(String::new, |o| format!(" of manifest {}", safe(o)));
        out.push_str(&format!("  group {}{owner}\n", safe(&group.name)));
        held(group.attached.iter(), group.inline.keys(), out);
    }
    for (name, found) in observed.buckets.iter().filter(|(name, _)| observed.bucket_accounts.get(*name) == Some(account)) {
        match found {
            Observation::Known(Some(found)) => bucket(name, found, out),
            Observation::Known(None) => {}
            Observation::Unreadable(why) => out.push_str(&format!("  bucket {}: could not be read: {}\n", safe(name), safe(&why.to_string()))),
        }
    }
}

fn role(found: &ObservedRole, out: &mut String) {
    out.push_str(&format!("  role {}{}\n", safe(&found.name), owned(&found.state.tags)));
    statements("trusts", &found.state.trust, out);
    held(found.state.attached.iter(), found.state.inline.keys(), out);
}

fn bucket(name: &str, found: &ObservedBucket, out: &mut String) {
    out.push_str(&format!("  bucket {} ({})\n", safe(name), safe(&found.state.region)));
    match &found.policy {
        Observation::Known(policy) => policy.document.iter().for_each(|document| statements("policy", document, out)),
        Observation::Unreadable(why) => out.push_str(&format!("    its policy could not be read: {}\n", safe(&why.to_string()))),
    }
}

/// The manifest whose mark it has.
fn owned(tags: &Tags) -> String {
    ownership::owner(tags).map_or_else(String::new, |owner| format!(" of manifest {}", safe(owner)))
}

fn held<'n>(attached: impl Iterator<Item = &'n String>, inline: impl Iterator<Item = &'n String>, out: &mut String) {
    attached.for_each(|arn| out.push_str(&format!("    attached {}\n", safe(arn))));
    inline.for_each(|name| out.push_str(&format!("    inline policy {}\n", safe(name))));
}

fn statements(what: &str, document: &Document, out: &mut String) {
    for s in &document.statements {
        let sid = if s.sid().is_empty() { String::new() } else { format!(" {}", safe(s.sid())) };
        out.push_str(&format!("    {what}{sid}: {}\n", statement::sentence(s, View::default()).concat()));
    }
}
