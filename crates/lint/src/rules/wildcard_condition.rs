//! A condition that everything passes.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "wildcard-condition",
    severity: Severity::Warning,
    what: "a condition that everything passes",
    why: "A value of only `*` tests nothing but that the key is there.",
    fix: "write the value that is meant, or `Null`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringLike = { "aws:PrincipalTag/team" = "*" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringLike = { "aws:PrincipalTag/team" = "red-*" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        for asked in conditions(statement) {
            let like = asked.operator.is_some_and(|o| matches!(o.test, Test::StringLike | Test::Arn) && !o.negated);
            // Of what a request brings, that it brings one is what is asked (IAM User Guide, "Passing session tags in AWS STS").
            if like && !asked.is_of(&["aws:RequestTag/"]) && asked.values.iter().any(|v| !v.is_empty() && v.chars().all(|c| c == '*')) {
                hits.at(doc, statement, format!("any `{}` passes", asked.key));
            }
        }
    }
}
