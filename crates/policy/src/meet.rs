//! What two documents let both: the narrower of what is written, where texts tell.

use crate::canonical::canonical_aws;
use crate::document::{Conditions, Document, Effect, Element, Principal, Statement};
use crate::glob::{is_like, is_match};

/// The statements of `wanted`, as far as `live` lets the same already, and every Deny of either. Nobody gains by the one in the place of
/// the other. Of two that can't be compared by their texts, nothing is left.
pub fn meet(wanted: &Document, live: &[Statement]) -> Vec<Statement> {
    let body = |statement: &Statement| Statement { sid: None, ..statement.clone() }.canonical_body();
    let mut out: Vec<Statement> = Vec::new();
    for statement in &wanted.statements {
        if statement.effect == Effect::Deny {
            out.push(statement.clone());
            continue;
        }
        let met: Vec<Statement> = live.iter().filter(|live| live.effect == Effect::Allow).filter_map(|live| both(statement, live)).collect();
        if met.iter().any(|met| body(met) == body(statement)) {
            out.push(statement.clone());
            continue;
        }
        for mut one in met {
            if out.iter().any(|other| body(other) == body(&one)) {
                continue;
            }
            one.sid = one.sid.map(|sid| fresh(&sid, &out));
            out.push(one);
        }
    }
    for denied in live.iter().filter(|live| live.effect == Effect::Deny) {
        if out.iter().any(|one| body(one) == body(denied)) {
            continue;
        }
        let sid = denied.sid.as_ref().map(|sid| fresh(sid, &out));
        out.push(Statement { sid, ..denied.clone() });
    }
    out
}

/// An id that no statement has yet: AWS takes no two of one id in a document.
fn fresh(sid: &str, taken: &[Statement]) -> String {
    let is_taken = |sid: &str| !sid.is_empty() && taken.iter().any(|one| one.sid() == sid);
    let numbered = (1..=taken.len()).map(|more| format!("{sid}m{more}"));
    std::iter::once(sid.to_owned()).chain(numbered).find(|sid| !is_taken(sid)).unwrap_or_default()
}

/// What both allow, under the id of the first.
fn both(wanted: &Statement, live: &Statement) -> Option<Statement> {
    let principal = match (&wanted.principal, &live.principal) {
        (None, None) => None,
        (Some(wanted), Some(live)) => Some(principals(wanted, live)?),
        _ => return None,
    };
    let resource = match (&wanted.resource, &live.resource) {
        (None, None) => None,
        (Some(wanted), Some(live)) => Some(elements(wanted, live, is_match)?),
        _ => return None,
    };
    let action = elements(&wanted.action, &live.action, is_like)?;
    let conditions = conditions(&wanted.conditions, &live.conditions)?;
    Some(Statement { sid: wanted.sid.clone(), effect: Effect::Allow, principal, action, resource, conditions })
}

fn principals(wanted: &Principal, live: &Principal) -> Option<Principal> {
    if wanted == live {
        return Some(wanted.clone());
    }
    let everybody = |principal: &Principal| principal.bare_star || principal.aws().iter().any(|value| value == "*");
    match (wanted.negated || live.negated, everybody(wanted), everybody(live)) {
        (true, ..) => return None,
        (_, _, true) => return Some(wanted.clone()),
        (_, true, _) => return Some(live.clone()),
        _ => {}
    }
    let mut out = Principal { negated: false, bare_star: false, entries: std::collections::BTreeMap::new() };
    for (kind, values) in &wanted.entries {
        let there = live.entries.get(kind).map(Vec::as_slice).unwrap_or_default();
        let left: Vec<String> = values.iter().filter(|value| there.iter().any(|other| canonical_aws(other) == canonical_aws(value))).cloned().collect();
        if !left.is_empty() {
            out.entries.insert(kind.clone(), left);
        }
    }
    (!out.entries.is_empty()).then_some(out)
}

fn elements(wanted: &Element, live: &Element, matches: fn(&str, &str) -> bool) -> Option<Element> {
    if wanted == live {
        return Some(wanted.clone());
    }
    if wanted.negated || live.negated {
        return None;
    }
    // One sign stands for less than a run of them.
    let covers = |pattern: &str, value: &str| pattern == value || !(pattern.contains('?') && value.contains('*')) && matches(pattern, value);
    let within = |some: &Element, all: &Element| -> Vec<String> {
        some.values.iter().filter(|value| all.values.iter().any(|pattern| covers(pattern, value))).cloned().collect()
    };
    let mut values = within(wanted, live);
    for value in within(live, wanted) {
        if !values.iter().any(|pattern| covers(pattern, &value)) {
            values.push(value);
        }
    }
    (!values.is_empty()).then_some(Element { negated: false, values })
}

/// Both hold: of values for one key, those that both name; of a negated operator, all.
fn conditions(wanted: &Conditions, live: &Conditions) -> Option<Conditions> {
    let mut out = wanted.clone();
    for (operator, keys) in live {
        for (key, values) in keys {
            let mine = out.entry(operator.clone()).or_default();
            let spelled = mine.keys().find(|mine| mine.eq_ignore_ascii_case(key)).cloned();
            let Some(list) = spelled.and_then(|key| mine.get_mut(&key)) else {
                mine.insert(key.clone(), values.clone());
                continue;
            };
            if operator.to_ascii_lowercase().contains("not") {
                list.extend(values.iter().filter(|value| !list.contains(value)).cloned().collect::<Vec<_>>());
                continue;
            }
            list.retain(|value| values.contains(value));
            if list.is_empty() {
                return None;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(wanted: &str, live: &str) -> String {
        let document = |statements: &str| crate::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap();
        let statements = meet(&document(wanted), &document(live).statements);
        let text = Document::new(statements).to_json();
        text.split_once(r#""Statement":"#).map(|(_, rest)| rest.trim_end_matches('}').to_owned() + "}").unwrap_or_default()
    }

    const ANN: &str = "arn:aws:iam::111111111111:user/Ann";
    const BOB: &str = "arn:aws:iam::111111111111:user/Bob";

    #[test]
    fn what_is_left_is_in_both() {
        let trust =
            |who: &[&str], more: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":["{}"]}},"Action":"sts:AssumeRole"{more}}}"#, who.join("\",\""));
        let both = met(&trust(&[ANN, BOB], ""), &trust(&[BOB], ""));
        assert!(both.contains(BOB) && !both.contains(ANN), "{both}");
        let ip = r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#;
        for (wanted, live) in [(ip, ""), ("", ip), (ip, ip)] {
            assert!(met(&trust(&[ANN], wanted), &trust(&[ANN], live)).contains("192.0.2.0/24"), "{wanted} {live}");
        }
        assert!(!met(&trust(&[ANN], ip), &trust(&[ANN], &ip.replace("192", "198"))).contains("Allow"));
        assert!(met(&trust(&["arn:aws:iam::111111111111:root"], ""), &trust(&["111111111111"], "")).contains("Allow"));
        assert!(!met(&trust(&[ANN], ""), "").contains("Allow"));
    }

    #[test]
    fn a_pattern_and_what_it_stands_for_leave_the_narrower() {
        let may = |actions: &str, resource: &str| format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"{resource}"}}"#);
        let both = met(&may(r#""s3:Get*","s3:PutObject""#, "arn:aws:s3:::a/*"), &may(r#""s3:GetObject""#, "*"));
        assert!(both.contains("s3:GetObject") && !both.contains("PutObject") && both.contains("arn:aws:s3:::a/*"), "{both}");
        assert!(!met(&may(r#""s3:GetObject""#, "arn:aws:s3:::a/*"), &may(r#""s3:GetObject""#, "arn:aws:s3:::b/*")).contains("Allow"));
    }

    #[test]
    fn every_deny_stays() {
        let deny = |action: &str| format!(r#"{{"Effect":"Deny","Action":"{action}","Resource":"*"}}"#);
        let both = met(&deny("s3:A"), &deny("s3:B"));
        assert!(both.contains("s3:A") && both.contains("s3:B"), "{both}");
        assert_eq!(met(&deny("s3:A"), &deny("s3:A")).matches("Deny").count(), 1);
    }

    #[test]
    fn no_two_statements_have_one_id() {
        let of = |effect: &str, action: &str| format!(r#"{{"Sid":"Same","Effect":"{effect}","Action":"{action}","Resource":"*"}}"#);
        let both = met(&of("Deny", "s3:A"), &of("Deny", "s3:B"));
        assert!(both.contains(r#""Same""#) && both.contains(r#""Samem1""#), "{both}");
        let live = format!(r#"{{"Sid":"Other","Effect":"Allow","Action":"s3:A","Resource":"*"}},{}"#, of("Deny", "s3:B"));
        let both = met(&of("Allow", "s3:A"), &live);
        assert!(both.contains(r#""Same""#) && both.contains(r#""Samem1""#), "{both}");
    }
}
