//! A wildcard under an operator that takes it for a letter.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "wildcard-without-like",
    severity: Severity::Warning,
    what: "a wildcard under an operator that takes it for a letter",
    why: "`StringEquals` compares `*` and `?` as letters, so the condition matches nothing that is meant.",
    fix: "use `StringLike`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:ListBucket"
resources = "arn:aws:s3:::data"
conditions = { StringEquals = { "s3:prefix" = "a/*" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:ListBucket"
resources = "arn:aws:s3:::data"
conditions = { StringLike = { "s3:prefix" = "a/*" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement) {
            let literal = asked.operator.is_some_and(|o| matches!(o.test, Test::StringEquals | Test::StringEqualsIgnoreCase));
            let wild = |v: &&String| v.replace("${*}", "").replace("${?}", "").contains(['*', '?']);
            if let Some(value) = asked.values.iter().find(wild).filter(|_| literal) {
                hits.at(doc, statement, format!("`{}` takes the wildcard in `{}` for a letter", asked.written, asked.shown(value)));
            }
        }
    }
}
