//! An Allow whose time is over.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::instant;
use crossrole_access::language::{Compare, Test};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "expired-window",
    severity: Severity::Warning,
    what: "an Allow whose time is over",
    why: "The condition can never hold again: whoever relied on it is out.",
    fix: "move the date, or take the statement out",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
not_after = 2020-01-01T00:00:00Z

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
not_after = 2120-01-01T00:00:00Z

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    let now = i128::from(lint.now) * 1_000_000_000;
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        for asked in conditions(statement).filter(|c| c.key.eq_ignore_ascii_case("aws:CurrentTime")) {
            let ends = asked.operator.is_some_and(|o| matches!(o.test, Test::Date(Compare::Less | Compare::LessOrEqual)));
            if ends && asked.values.iter().all(|v| instant(v).is_some_and(|at| at < now)) {
                hits.at(doc, statement, format!("it ended {}", asked.values.join(", ")));
            }
        }
    }
}
