//! A Deny for all but some principals.

use crossrole_model::Severity;

use crate::{Hits, Lint, Rule};

pub(super) const RULE: Rule = Rule {
    id: "deny-not-principal",
    severity: Severity::Warning,
    what: "a Deny for all but some principals",
    why: "It also hits every principal with a permissions boundary, and spares a role only when its account and the session are listed too.",
    fix: "deny everyone, with a condition on `aws:PrincipalArn`",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
effect = "Deny"
not_principals = { AWS = "arn:aws:iam::222222222222:role/Admin" }
actions = "s3:DeleteObject"
resources = "arn:aws:s3:::logs/*"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
effect = "Deny"
principals = "*"
actions = "s3:DeleteObject"
resources = "arn:aws:s3:::logs/*"
conditions = { ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::222222222222:role/Admin" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        if statement.principal.as_ref().is_some_and(|p| p.negated) {
            hits.at(doc, statement, "`NotPrincipal` spares fewer than it lists");
        }
    }
}
