//! An Allow that speaks of a second factor and is met without one.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "mfa-not-asked-for",
    severity: Severity::Warning,
    what: "an Allow that speaks of a second factor and is met without one",
    why: "`Bool` false lets in who has no second factor, and `Null` false whoever could have one: temporary credentials have \
          `aws:MultiFactorAuthPresent` either way.",
    fix: "write `Bool` true, or `mfa = true`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
conditions = { Bool = { "aws:MultiFactorAuthPresent" = "false" } }

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
conditions = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        let asked: Vec<_> = conditions(statement).filter(|c| c.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent")).collect();
        let asks = |test: Test, value: &str| {
            asked.iter().any(|c| c.operator.is_some_and(|o| o.test == test) && c.values.iter().any(|v| v.eq_ignore_ascii_case(value)))
        };
        if asks(Test::Bool, "false") || asks(Test::Null, "false") && !asks(Test::Bool, "true") {
            hits.at(doc, statement, "callers without a second factor come in");
        }
    }
}
