//! An Allow that asks for a second factor only if the key is there.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "mfa-if-exists",
    severity: Severity::Error,
    what: "an Allow that asks for a second factor only if the key is there",
    why: "Long-term keys have no `aws:MultiFactorAuthPresent`: `BoolIfExists` lets them in without a second factor.",
    fix: "write `Bool`, or `mfa = true`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"
conditions = { BoolIfExists = { "aws:MultiFactorAuthPresent" = "true" } }

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
        for asked in conditions(statement).filter(|c| c.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent")) {
            if asked.operator.is_some_and(|o| o.test == Test::Bool && o.if_exists) && asked.values.iter().any(|v| v.eq_ignore_ascii_case("true")) {
                hits.at(doc, statement, "callers with long-term keys come in without a second factor");
            }
        }
    }
}
