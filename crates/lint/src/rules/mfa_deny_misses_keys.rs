//! A Deny without second factor that misses long-term keys.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "mfa-deny-misses-keys",
    severity: Severity::Error,
    what: "a Deny without second factor that misses long-term keys",
    why: "Long-term keys have no `aws:MultiFactorAuthPresent`: `Bool` false does not match them, and the Deny does not apply.",
    fix: "write `BoolIfExists`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
effect = "Deny"
actions = "s3:*"
resources = "arn:aws:s3:::data/*"
conditions = { Bool = { "aws:MultiFactorAuthPresent" = "false" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
effect = "Deny"
actions = "s3:*"
resources = "arn:aws:s3:::data/*"
conditions = { BoolIfExists = { "aws:MultiFactorAuthPresent" = "false" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| !allows(s)) {
        for asked in conditions(statement).filter(|c| c.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent")) {
            if asked.operator.is_some_and(|o| o.test == Test::Bool && !o.if_exists) && asked.values.iter().any(|v| v.eq_ignore_ascii_case("false")) {
                hits.at(doc, statement, "callers with long-term keys are not denied");
            }
        }
    }
}
