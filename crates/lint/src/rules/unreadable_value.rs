//! A value that its operator can't read.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::language::{Test, instant, net};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unreadable-value",
    severity: Severity::Error,
    what: "a value that its operator can't read: a date that does not exist, no number, no address, neither `true` nor `false`",
    why: "Such a value equals nothing: an Allow that needs it is void, and a Deny that needs it stops nothing.",
    fix: "correct the value; dates are written as in 2026-01-31T00:00:00Z",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { DateLessThan = { "aws:CurrentTime" = "2027-02-30" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { DateLessThan = { "aws:CurrentTime" = "2027-02-28" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement) {
            let Some(operator) = asked.operator else { continue };
            let (reads, what): (fn(&str) -> bool, &str) = match operator.test {
                Test::Date(_) => (|v| instant(v).is_some() || is_month(v), "no date"),
                Test::Number(_) => (|v| v.parse::<f64>().is_ok_and(f64::is_finite), "no number"),
                Test::Ip => (|v| net(v).is_some(), "no address or range"),
                Test::Bool | Test::Null => (|v| v.eq_ignore_ascii_case("true") || v.eq_ignore_ascii_case("false"), "neither `true` nor `false`"),
                Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn | Test::Binary => continue,
            };
            // Variables there are another rule's.
            for value in asked.values.iter().filter(|v| !v.contains("${") && !reads(v)) {
                hits.at(doc, statement, format!("`{}`, under `{}`, is {what}", asked.shown(value), asked.written));
            }
        }
    }
}

/// `2026-02`: ISO 8601 as the W3C profiles it has months, too.
fn is_month(text: &str) -> bool {
    let month = text.split_once('-').filter(|(year, _)| year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()));
    month.is_some_and(|(_, m)| m.len() == 2 && m.parse::<u8>().is_ok_and(|m| (1..=12).contains(&m)))
}
