//! Conditions that contradict each other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::look::{Asked, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::{Test, instant, net};
use crossrole_access::{Caller, Compiled, Context, ContextValue, Decision, Policies, Request, catalogue, evaluate};
use crossrole_model::Severity;
use crossrole_policy::{Conditions, Document, Element, Statement};

pub(super) const RULE: Rule = Rule {
    id: "never-met",
    severity: Severity::Error,
    what: "conditions on one key that no value meets",
    why: "All conditions of a statement must hold, so that this one never applies: an Allow grants nothing, a Deny stops nothing.",
    fix: "correct the range or the values, or make two statements of it",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"

[roles.R.statement.conditions]
DateGreaterThan = { "aws:CurrentTime" = "2027-06-01T00:00:00Z" }
DateLessThan = { "aws:CurrentTime" = "2027-01-01T00:00:00Z" }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"

[roles.R.statement.conditions]
DateGreaterThan = { "aws:CurrentTime" = "2027-01-01T00:00:00Z" }
DateLessThan = { "aws:CurrentTime" = "2027-06-01T00:00:00Z" }
"#,
    check,
};

/// Most values of one key that are tried.
const VALUES_MOST: usize = 2_000;

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        let mut keys = BTreeMap::<String, Vec<Asked<'_>>>::new();
        for asked in conditions(statement) {
            keys.entry(asked.key.to_ascii_lowercase()).or_default().push(asked);
        }
        for asked in keys.values().filter(|asked| asked.len() > 1) {
            let Some(values) = values(asked) else { continue };
            if !values.iter().any(|value| holds(asked, value.as_deref())) {
                let list = |a: &Asked<'_>| a.values.iter().map(|v| a.shown(v)).collect::<Vec<_>>().join(" or ");
                let said: Vec<String> = asked.iter().map(|a| format!("`{}` {}", a.written, list(a))).collect();
                let key = asked.first().map_or("", |a| a.key);
                hits.at(doc, statement, format!("no `{key}` is {}", said.join(" and ")));
            }
        }
    }
}

/// What a key is compared as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Date,
    Ip,
    Bool,
}

/// Values of the key (`None`: it is missing) of which one meets the conditions if any does; `None` where that can't be said.
fn values(asked: &[Asked<'_>]) -> Option<Vec<Option<String>>> {
    let key = asked.first()?.key;
    if catalogue::key(key).is_some_and(|k| k.many) {
        return None;
    }
    let (mut kind, mut wild) = (None, 0);
    for asked in asked {
        let operator = asked.operator?;
        if operator.set != crossrole_access::language::Set::Single || asked.values.iter().any(|v| v.contains("${")) {
            return None;
        }
        let this = match operator.test {
            Test::Null => continue,
            Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn => Kind::Text,
            Test::Number(_) => Kind::Number,
            Test::Date(_) => Kind::Date,
            Test::Ip => Kind::Ip,
            Test::Bool => Kind::Bool,
            Test::Binary => return None,
        };
        if *kind.get_or_insert(this) != this {
            return None;
        }
        let patterns = matches!(operator.test, Test::StringLike | Test::Arn) && asked.values.iter().any(|v| v.contains(['*', '?']));
        wild += usize::from(patterns && !operator.negated);
    }
    // What two patterns have in common may be none of the texts below.
    if wild > 1 {
        return None;
    }
    let written: Vec<&str> = asked.iter().filter(|a| a.operator.is_some_and(|o| o.test != Test::Null)).flat_map(|a| a.values).map(String::as_str).collect();
    let mut out: Vec<Option<String>> = match kind? {
        Kind::Text => {
            let folded = asked.iter().filter(|a| a.operator.is_some_and(|o| o.test == Test::StringEqualsIgnoreCase && !o.negated));
            let casings: Option<Vec<Vec<String>>> = folded.flat_map(|a| a.values).map(|v| casings(v)).collect();
            texts(&written).into_iter().chain(casings?.into_iter().flatten()).collect()
        }
        Kind::Number => numbers(&written)?,
        Kind::Date => dates(&written)?,
        Kind::Ip => addresses(&written)?,
        Kind::Bool => vec!["true".to_owned(), "false".to_owned()],
    }
    .into_iter()
    .map(Some)
    .collect();
    if !["aws:currenttime", "aws:epochtime", "aws:securetransport"].iter().any(|always| key.eq_ignore_ascii_case(always)) {
        out.push(None);
    }
    (out.len() <= VALUES_MOST).then_some(out)
}

/// Every way to write a text in upper and lower case; `None` when there are too many.
fn casings(text: &str) -> Option<Vec<String>> {
    const LETTERS_MOST: usize = 8;
    if text.chars().filter(|c| c.is_alphabetic()).count() > LETTERS_MOST {
        return None;
    }
    let mut out = vec![String::new()];
    for c in text.chars() {
        let (lower, upper) = (c.to_lowercase().to_string(), c.to_uppercase().to_string());
        let mut ways = vec![upper];
        ways.extend((ways.first() != Some(&lower)).then_some(lower));
        out = out.iter().flat_map(|begin| ways.iter().map(move |c| format!("{begin}{c}"))).collect();
    }
    Some(out)
}

/// Each text as it stands, its wildcards filled with nothing and with texts of several lengths, and texts
/// that nobody wrote.
fn texts(written: &[&str]) -> Vec<String> {
    let fill = |length: usize| "zq7".chars().cycle().take(length).collect::<String>();
    let mut out = vec![fill(11), format!("arn:aws:iam::{}:role/{}", "9".repeat(12), fill(11))];
    for text in written {
        out.push((*text).to_owned());
        out.extend([0, 1, 3, 11, 40].map(|length| text.replace('*', &fill(length)).replace('?', "z")));
    }
    out
}

/// The numbers themselves, between each two, and beyond them.
fn numbers(written: &[&str]) -> Option<Vec<String>> {
    let mut all: Vec<f64> = written.iter().map(|v| v.parse().ok()).collect::<Option<_>>()?;
    all.sort_by(f64::total_cmp);
    let between = all.iter().zip(all.iter().skip(1)).map(|(a, b)| f64::midpoint(*a, *b));
    let beyond = all.iter().flat_map(|n| [n - 1.0, n + 1.0]);
    Some(all.iter().copied().chain(between).chain(beyond).map(|n| n.to_string()).collect())
}

/// The same of instants, in whole seconds.
fn dates(written: &[&str]) -> Option<Vec<String>> {
    const SECOND: i128 = 1_000_000_000;
    let seconds: Vec<i128> = written.iter().map(|v| instant(v).map(|at| at.div_euclid(SECOND))).collect::<Option<_>>()?;
    let near = seconds.iter().flat_map(|s| [s - 1, *s, s + 1]).map(|s| s.to_string());
    Some(written.iter().map(|v| (*v).to_owned()).chain(near).collect())
}

/// The first and the last address of each range, those next to it, and one of either family.
fn addresses(written: &[&str]) -> Option<Vec<String>> {
    let mut out = vec!["0.0.0.0".to_owned(), "::".to_owned()];
    for text in written {
        let range = net(text)?;
        out.extend([range.network(), range.broadcast()].map(|a| a.to_string()));
        match (range.network(), range.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (before, after) = (first.to_bits().checked_sub(1), last.to_bits().checked_add(1));
                out.extend([before, after].into_iter().flatten().map(|bits| std::net::Ipv4Addr::from_bits(bits).to_string()));
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (before, after) = (first.to_bits().checked_sub(1), last.to_bits().checked_add(1));
                out.extend([before, after].into_iter().flatten().map(|bits| std::net::Ipv6Addr::from_bits(bits).to_string()));
            }
            _ => return None,
        }
    }
    Some(out)
}

/// Asks the evaluator whether a request whose key has this value meets the conditions.
fn holds(asked: &[Asked<'_>], value: Option<&str>) -> bool {
    let mut conditions = Conditions::new();
    for asked in asked {
        conditions.entry(asked.written.to_owned()).or_default().entry(asked.key.to_owned()).or_default().extend(asked.values.iter().cloned());
    }
    let all = || Element::of(["*"]);
    let statement = Statement { conditions, ..Statement::allow(all(), Some(all())) };
    let compiled = Compiled::new(&Document::new(vec![statement]), "");
    let mut context = Context::default();
    if let (Some(asked), Some(value)) = (asked.first(), value) {
        context.insert(asked.key, ContextValue::One(value.to_owned()));
    }
    let request = Request {
        caller: Caller::parse("arn:aws:iam::222222222222:user/any"),
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::any/any".to_owned(),
        resource_account: Some("222222222222".to_owned()),
        context,
    };
    evaluate(&request, &Policies { identity: vec![&compiled], ..Policies::default() }).decision == Decision::Allowed
}
