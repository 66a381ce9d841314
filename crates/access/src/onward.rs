//! Where sessions may have gone on to: roles that are assumed from sessions of roles, and from those again.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::{Arn, Effect, Principal, Statement};

use crate::delta::reach::assumers;
use crate::engine::compiled::{action_matches, resource_matches};
use crate::estate::{Estate, Guarded};

/// Most pairs of a principal and a role that are put to the evaluator: ten thousand take about a second.
const PAIRS_MOST: usize = 20_000;

const ASSUME: &str = "sts:AssumeRole";

/// What somebody's sessions may have opened further sessions of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Onward {
    /// Roles by ARN.
    pub roles: BTreeMap<String, Entered>,
    /// Of principals on the way, what their policies let them assume in accounts that were not read as a whole: resources of
    /// statements. Empty: policies of theirs were not read.
    pub beyond: BTreeMap<String, BTreeSet<String>>,
    /// Not all pairs were looked at: there may be more.
    pub cut: bool,
}

/// Who may come into a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entered {
    /// Of those that were asked about, and of roles that may be assumed from them: ARNs.
    pub from: BTreeSet<String>,
    /// Somebody else may, or it is not known that nobody does.
    pub others: bool,
}

/// Follows the sessions of principals, by ARN, to roles that may be assumed from them, and so on. `own`: who is one of those besides.
pub fn onward(estate: &Estate, starts: &BTreeSet<String>, own: impl Fn(&str) -> bool) -> Onward {
    let mut found = Onward::default();
    let mut open: Vec<String> = starts.iter().cloned().collect();
    let (mut seen, mut pairs) = (starts.clone(), 0);
    while let Some(from) = open.pop() {
        if !estate.principals.contains_key(&from) {
            continue;
        }
        for role in estate.roles.iter().filter(|(_, guarded)| may_name(guarded, &from, estate)).map(|(role, _)| role) {
            pairs += 1;
            if pairs > PAIRS_MOST {
                found.cut = true;
                break;
            }
            if !may(estate, role, [from.as_str()]) {
                continue;
            }
            found.roles.entry(role.clone()).or_default().from.insert(from.clone());
            if seen.insert(role.clone()) {
                open.push(role.clone());
            }
        }
        if let Some(beyond) = beyond(estate, &from) {
            found.beyond.insert(from, beyond);
        }
    }
    let followed = |arn: &str| seen.contains(arn) || own(arn);
    let entered: Vec<String> = found.roles.keys().cloned().collect();
    for role in entered {
        let others = found.cut || others(estate, &role, &followed);
        if let Some(entered) = found.roles.get_mut(&role) {
            entered.others = others;
        }
    }
    found
}

/// Tells whether some of these may assume a role; what is not decided may.
fn may<'a>(estate: &Estate, role: &str, who: impl IntoIterator<Item = &'a str>) -> bool {
    let (hops, undecided) = assumers(estate, role, who);
    !hops.is_empty() || !undecided.is_empty()
}

fn allowed(guarded: &Guarded) -> impl Iterator<Item = &Statement> {
    guarded.policy.iter().flat_map(|placed| &placed.document.statements).filter(|statement| statement.effect == Effect::Allow)
}

/// Tells whether the text of a trust speaks of somebody: the evaluator is asked of no others.
fn may_name(guarded: &Guarded, who: &str, estate: &Estate) -> bool {
    let account = Arn::parse(who).map(|arn| arn.account);
    let name = estate.principals.get(who).map(|principal| principal.name.as_str());
    let names = |value: &String| {
        value == "*"
            || value == who
            || Some(value.as_str()) == account
            || Arn::parse(value).is_some_and(|arn| {
                let session = arn.service == "sts" && arn.resource.split('/').nth(1) == name;
                Some(arn.account) == account && (arn.resource == "root" || session)
            })
    };
    let speaks = |principal: &Principal| principal.negated || principal.bare_star || principal.aws().iter().any(names);
    allowed(guarded).filter_map(|statement| statement.principal.as_ref()).any(speaks)
}

/// Tells whether anybody else may come into a role, as far as that is known.
fn others(estate: &Estate, role: &str, followed: &impl Fn(&str) -> bool) -> bool {
    let Some(guarded) = estate.roles.get(role) else { return true };
    let mut candidates: BTreeSet<&str> = BTreeSet::new();
    for principal in allowed(guarded).filter_map(|statement| statement.principal.as_ref()) {
        let elsewhere = principal.entries.iter().any(|(kind, values)| kind != "AWS" && !values.is_empty());
        if principal.negated || principal.bare_star || elsewhere {
            return true;
        }
        for value in principal.aws() {
            let arn = Arn::parse(value);
            let account = arn.map_or(value.as_str(), |arn| arn.account);
            match arn {
                Some(arn) if arn.service == "sts" => return true,
                Some(arn) if arn.resource != "root" => {
                    if followed(value) {
                        continue;
                    }
                    match estate.principals.get_key_value(value.as_str()) {
                        Some((known, _)) => drop(candidates.insert(known)),
                        // Of an account that was read, it is nobody.
                        None if estate.whole.contains(account) => {}
                        None => return true,
                    }
                }
                // The unique id of a principal that is gone.
                None if !value.starts_with(|c: char| c.is_ascii_digit()) && value != "*" => {}
                _ if !estate.whole.contains(account) => return true,
                _ => candidates.extend(estate.principals.iter().filter(|(arn, p)| p.account == account && !followed(arn)).map(|(arn, _)| arn.as_str())),
            }
        }
    }
    // A group's permissions are those of its members, who are there themselves.
    candidates.retain(|arn| !arn.contains(":group/"));
    candidates.len() > PAIRS_MOST || candidates.into_iter().any(|arn| may(estate, role, [arn]))
}

/// What somebody's policies let it assume in accounts that were not read.
fn beyond(estate: &Estate, who: &str) -> Option<BTreeSet<String>> {
    let principal = estate.principals.get(who)?;
    let statements = principal.identity.iter().flat_map(|placed| &placed.document.statements).filter(|s| s.effect == Effect::Allow);
    let assumes = statements.filter(|s| s.action.values.iter().any(|pattern| action_matches(pattern, ASSUME)) != s.action.negated);
    let unread = |resource: &String| match Arn::parse(resource) {
        Some(arn) => !estate.whole.contains(arn.account),
        None => true,
    };
    let mut all: BTreeSet<String> = BTreeSet::new();
    for statement in assumes {
        match &statement.resource {
            Some(resource) if !resource.negated => all.extend(resource.values.iter().filter(|value| unread(value)).cloned()),
            _ => drop(all.insert("*".to_owned())),
        }
    }
    // Roles that are known by name are spoken of by themselves.
    all.retain(|pattern| pattern.contains(['*', '?', '$']) || !estate.roles.keys().any(|role| resource_matches(pattern, role, None)));
    (!all.is_empty() || !principal.unread.is_empty()).then_some(all)
}
