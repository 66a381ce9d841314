//! A wildcard inside a principal.

use crossrole_model::Severity;

use crate::{Hits, Lint, Rule};

pub(super) const RULE: Rule = Rule {
    id: "wildcard-in-principal",
    severity: Severity::Error,
    what: "a wildcard inside a principal",
    why: "Only the lone `*` is a wildcard there; inside an ARN it is a letter that no name has.",
    fix: "name each principal, or trust the account and limit it by `aws:PrincipalArn`",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "arn:aws:iam::444444444444:role/*" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "arn:aws:iam::444444444444:role/Reader" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for value in statement.principal.iter().flat_map(|p| p.entries.values().flatten()) {
            if value != "*" && value.contains(['*', '?']) {
                hits.of(doc, statement, value, format!("`{value}` matches nobody"));
            }
        }
    }
}
