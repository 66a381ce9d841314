//! With what a role has to be assumed, from the conditions of its trust policy.

use crossrole_access::action_matches;
use crossrole_access::language::instant;
use crossrole_model::proof::{OTHER_VALUE, Terms, Twist};
use crossrole_policy::{Conditions, Document, Effect, Statement};

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// The terms of each statement that lets somebody assume the role, the fewest first. `name` is the caller's, for its variables.
pub fn terms(trust: &Document, name: &str) -> Vec<Terms> {
    terms_of(trust, name, "sts:AssumeRole", None)
}

/// The same for another way into the role; `now`, in seconds since 1970, brings in grants that are for another time.
pub(crate) fn terms_of(trust: &Document, name: &str, action: &str, now: Option<i64>) -> Vec<Terms> {
    let lets = trust.statements.iter().filter(|s| s.effect == Effect::Allow);
    let lets = lets.filter(|s| s.action.negated || s.action.values.iter().any(|pattern| action_matches(pattern, action)));
    let mut all: Vec<Terms> = lets.flat_map(|s| of_statement(s, name, now)).collect();
    all.push(Terms::default());
    all.sort();
    all.dedup();
    all
}

/// Most external ids of one grant that are tried: while one is rotated there are two.
const IDS_MOST: usize = 8;

/// What one statement asks for.
pub(crate) fn of_statement(statement: &Statement, name: &str, now: Option<i64>) -> Vec<Terms> {
    let mut all = of_conditions(&statement.conditions, name);
    let Some(now) = now else {
        for terms in &mut all {
            terms.keys.clear();
        }
        return all;
    };
    let at = inside(&statement.conditions, now);
    for terms in &mut all {
        terms.at = at;
    }
    all
}

/// A moment of the time that conditions leave, where that is not now.
fn inside(conditions: &Conditions, now: i64) -> Option<i64> {
    let (begins, ends) = (dates(conditions, "dategreater").max(), dates(conditions, "dateless").min());
    let at = match (begins, ends) {
        (Some(begins), _) if begins > now => begins + 2,
        (_, Some(ends)) if ends < now => ends - 2,
        _ => return None,
    };
    Some(at)
}

/// Seconds since 1970 of the dates that operators which begin so compare with.
fn dates<'c>(conditions: &'c Conditions, head: &'c str) -> impl Iterator<Item = i64> + 'c {
    let some = conditions.iter().filter(move |(operator, _)| operator.to_ascii_lowercase().starts_with(head));
    let keys = some.flat_map(|(_, keys)| keys).filter(|(key, _)| TIMES.contains(&key.to_ascii_lowercase().as_str()));
    keys.flat_map(|(_, values)| values).filter_map(|value| instant(value)).filter_map(|at| i64::try_from(at.div_euclid(SECOND)).ok())
}

/// Keys of the moment.
const TIMES: [&str; 2] = ["aws:currenttime", "aws:epochtime"];

/// Keys whose values follow from the caller, the resource or the call, whatever is asked with.
const GIVEN: [&str; 12] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
    "aws:resourceaccount",
    "aws:securetransport",
    "s3:resourceaccount",
    "s3:prefix",
    "s3:max-keys",
    "s3:delimiter",
    "kms:calleraccount",
];

/// Whether an operator compares with a value that can be asked with.
fn takes_value(operator: &str) -> bool {
    let operator = operator.strip_suffix("ifexists").unwrap_or(operator);
    [
        "stringequals",
        "stringequalsignorecase",
        "stringlike",
        "arnequals",
        "arnlike",
        "bool",
        "numericequals",
        "numericlessthanequals",
        "numericgreaterthanequals",
    ]
    .contains(&operator)
}

fn of_conditions(conditions: &Conditions, name: &str) -> Vec<Terms> {
    let mut terms = Terms::default();
    let mut ids: Vec<String> = Vec::new();
    for (operator, keys) in conditions {
        let operator = operator.to_ascii_lowercase();
        let operator = operator.rsplit(':').next().unwrap_or_default();
        let positive = !operator.contains("not");
        for (key, values) in keys {
            let Some(value) = values.first().filter(|_| positive) else { continue };
            match key.to_ascii_lowercase().as_str() {
                "sts:externalid" => ids = values.iter().take(IDS_MOST).map(|value| filled(value, name)).collect(),
                "sts:rolesessionname" => terms.session_name = filled(value, name),
                "sts:sourceidentity" => terms.source_identity = Some(filled(value, name)),
                "aws:multifactorauthpresent" if operator.starts_with("bool") => terms.mfa |= value.eq_ignore_ascii_case("true"),
                "aws:multifactorauthage" => terms.mfa = true,
                "aws:sourceip" if operator.starts_with("ipaddress") => terms.address = Some(first_address(value)),
                lower if GIVEN.contains(&lower) || TIMES.contains(&lower) => {}
                _ if operator.starts_with("ipaddress") => drop(terms.keys.insert(key.clone(), first_address(value))),
                _ if takes_value(operator) => drop(terms.keys.insert(key.clone(), filled(value, name))),
                _ => {}
            }
        }
    }
    if ids.is_empty() {
        return vec![terms];
    }
    ids.into_iter().map(|id| Terms { external_id: Some(id), ..terms.clone() }).collect()
}

/// A text that a pattern matches.
fn filled(pattern: &str, name: &str) -> String {
    pattern.replace("${aws:username}", name).replace(['*', '?'], "x")
}

/// An address of a block.
fn first_address(block: &str) -> String {
    block.split('/').next().unwrap_or(block).to_owned()
}

/// What the same grant does not take: each with the twist that it is. Moments are those around the dates of the trust policy.
pub(crate) fn twisted(terms: &Terms, trust: &Document, longest: u32, chained: bool) -> Vec<(Twist, Terms)> {
    let mut all = Vec::new();
    let mut with = |twist, change: &dyn Fn(&mut Terms)| {
        let mut other = terms.clone();
        change(&mut other);
        all.push((twist, other));
    };
    if terms.external_id.is_some() {
        with(Twist::NoExternalId, &|t| t.external_id = None);
        with(Twist::WrongExternalId, &|t| t.external_id = Some(OTHER_VALUE.to_owned()));
    }
    if terms.mfa {
        with(Twist::NoMfa, &|t| t.mfa = false);
    }
    if !terms.session_name.is_empty() {
        with(Twist::OtherSessionName, &|t| OTHER_VALUE.clone_into(&mut t.session_name));
    }
    if terms.source_identity.is_some() {
        with(Twist::OtherSourceIdentity, &|t| t.source_identity = Some(OTHER_VALUE.to_owned()));
    }
    if terms.address.is_some() {
        // Of a block for documentation that no grant has to name (RFC 5737): where one does, the twist is no refusal, and no cell.
        with(Twist::OtherAddress, &|t| t.address = Some("192.0.2.77".to_owned()));
    }
    // A text is another; of numbers, addresses and what is true or not, nothing is made up.
    for key in terms.keys.iter().filter(|(_, value)| is_text(value)).map(|(key, _)| key) {
        with(Twist::OtherValue, &|t| drop(t.keys.insert(key.clone(), OTHER_VALUE.to_owned())));
    }
    if terms.at.is_some() {
        with(Twist::OutsideWindow, &|t| t.at = None);
    }
    let most = if chained { longest.min(CHAINED) } else { longest };
    if most < LONGEST {
        with(Twist::TooLong, &|t| t.seconds = Some(most + 1));
    }
    for at in moments(trust) {
        with(Twist::OutsideWindow, &|t| t.at = Some(at));
    }
    all
}

fn is_text(value: &str) -> bool {
    !["true", "false"].contains(&value.to_ascii_lowercase().as_str()) && value.parse::<f64>().is_err() && value.parse::<std::net::IpAddr>().is_err()
        || value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit())
}

/// The longest session that any role may have, in seconds (AWS STS API Reference, AssumeRole).
pub(crate) const LONGEST: u32 = 43_200;

/// The longest session of a role that is assumed by a session of another, in seconds (IAM User Guide, "Role chaining").
pub(crate) const CHAINED: u32 = 3_600;

/// Seconds before each date that a grant begins with, and after each that it ends with.
fn moments(trust: &Document) -> Vec<i64> {
    let mut all = Vec::new();
    for statement in trust.statements.iter().filter(|s| s.effect == Effect::Allow) {
        for (operator, keys) in &statement.conditions {
            let operator = operator.to_ascii_lowercase();
            let apart = if operator.starts_with("dateless") {
                SECOND
            } else if operator.starts_with("dategreater") {
                -SECOND
            } else {
                continue;
            };
            let dates = keys.iter().filter(|(key, _)| ["aws:currenttime", "aws:epochtime"].contains(&key.to_ascii_lowercase().as_str()));
            let instants = dates.flat_map(|(_, values)| values).filter_map(|value| instant(value));
            all.extend(instants.filter_map(|at| i64::try_from((at + apart).div_euclid(SECOND)).ok()));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
