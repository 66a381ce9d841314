//! What accounts hold, at a glance.

use crossrole_model::observed::{AccountState, ObservedBucket, ObservedRole};
use crossrole_model::state::Tags;
use crossrole_model::{AccountId, Observation, Observed, ownership};
use crossrole_policy::Document;

use crate::{Line, Screen, Tone, View, rendered, safe, statement};

/// Lists principals, managed policies and buckets by account, with the policies of buckets and who may assume each role.
pub fn contents(observed: &Observed, screen: Screen) -> String {
    let mut out = Vec::new();
    for (account, state) in &observed.accounts {
        out.push(Line::new(Tone::Heading, 0, format!("account {account}")));
        match state {
            Observation::Known(state) => of_account(account, state, observed, &mut out),
            Observation::Unreadable(why) => out.push(Line::plain(2, format!("could not be read: {}", safe(&why.to_string())))),
        }
        out.push(Line::empty());
    }
    if out.is_empty() {
        out.push(Line::plain(0, "It is empty: every account exists, and holds nothing."));
    }
    rendered(&out, screen)
}

fn of_account(account: &AccountId, state: &AccountState, observed: &Observed, out: &mut Vec<Line>) {
    let AccountState {
        complete: _,
        incomplete_because: _,
        roles,
        policies,
        users,
        groups,
        oidc_providers,
        saml_providers,
        granted: _,
        unreadable: _,
        unlisted: _,
    } = state;
    for name in saml_providers.keys() {
        out.push(Line::plain(2, format!("saml-provider {}", safe(name))));
    }
    for host in oidc_providers.keys() {
        out.push(Line::plain(2, format!("oidc-provider {}", safe(host))));
    }
    for policy in policies.values() {
        out.push(Line::plain(2, format!("policy {}{}", safe(&policy.name), owned(&policy.state.tags))));
        statements("allows", &policy.state.document, out);
    }
    for found in roles.values() {
        role(found, out);
    }
    for user in users.values() {
        let groups: Vec<String> = user.groups.iter().map(|g| safe(g)).collect();
        let groups = if groups.is_empty() { String::new() } else { format!(", in {}", groups.join(", ")) };
        out.push(Line::plain(2, format!("user {}{}{groups}", safe(&user.name), owned(&user.state.tags))));
        held(user.attached.iter(), user.inline.keys(), out);
    }
    for group in groups.values() {
        let owner = ownership::group_owner(&group.state.path).map_or_else(String::new, |o| format!(" of manifest {}", safe(o)));
        out.push(Line::plain(2, format!("group {}{owner}", safe(&group.name))));
        held(group.attached.iter(), group.inline.keys(), out);
    }
    for (name, found) in observed.buckets.iter().filter(|(name, _)| observed.bucket_accounts.get(*name) == Some(account)) {
        match found {
            Observation::Known(Some(found)) => bucket(name, found, out),
            Observation::Known(None) => {}
            Observation::Unreadable(why) => out.push(Line::plain(2, format!("bucket {}: could not be read: {}", safe(name), safe(&why.to_string())))),
        }
    }
}

fn role(found: &ObservedRole, out: &mut Vec<Line>) {
    out.push(Line::plain(2, format!("role {}{}", safe(&found.name), owned(&found.state.tags))));
    statements("trusts", &found.state.trust, out);
    held(found.state.attached.iter(), found.state.inline.keys(), out);
}

fn bucket(name: &str, found: &ObservedBucket, out: &mut Vec<Line>) {
    out.push(Line::plain(2, format!("bucket {} ({})", safe(name), safe(&found.state.region))));
    match &found.policy {
        Observation::Known(policy) => policy.document.iter().for_each(|document| statements("policy", document, out)),
        Observation::Unreadable(why) => out.push(Line::plain(4, format!("its policy could not be read: {}", safe(&why.to_string())))),
    }
}

/// The manifest whose mark it has.
fn owned(tags: &Tags) -> String {
    ownership::owner(tags).map_or_else(String::new, |owner| format!(" of manifest {}", safe(owner)))
}

fn held<'n>(attached: impl Iterator<Item = &'n String>, inline: impl Iterator<Item = &'n String>, out: &mut Vec<Line>) {
    attached.for_each(|arn| out.push(Line::plain(4, format!("attached {}", safe(arn)))));
    inline.for_each(|name| out.push(Line::plain(4, format!("inline policy {}", safe(name)))));
}

fn statements(what: &str, document: &Document, out: &mut Vec<Line>) {
    for s in &document.statements {
        let sid = if s.sid().is_empty() { String::new() } else { format!(" {}", safe(s.sid())) };
        out.push(Line::plain(4, format!("{what}{sid}: ")).then(statement::sentence(s, View::default())));
    }
}
