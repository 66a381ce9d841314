//! A group as a principal.

use crate::look::aws;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "principal-is-group",
    severity: Severity::Error,
    what: "a group as a principal",
    why: "Groups are not principals: the policy is refused.",
    fix: "trust the account, and give the group a policy (`group = ` does both)",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "arn:aws:iam::444444444444:group/Readers" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "arn:aws:iam::444444444444:user/reader" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for value in aws(statement).iter().filter(|v| v.contains(":group/")) {
            hits.of(doc, statement, value, format!("`{value}` is a group"));
        }
    }
}
