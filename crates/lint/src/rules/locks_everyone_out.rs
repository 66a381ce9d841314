//! A Deny of everything to everyone.

use crate::Use;
use crate::look::{acts, allows, everyone};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "locks-everyone-out",
    severity: Severity::Error,
    what: "a Deny of everything to everyone",
    why: "Nobody but the root user can take it back, crossrole included.",
    fix: "except the administrators, with a condition on `aws:PrincipalArn`",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
effect = "Deny"
principals = "*"
actions = "s3:*"
resources = ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
effect = "Deny"
principals = "*"
actions = "s3:*"
resources = ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]
conditions = { ArnNotLike = { "aws:PrincipalArn" = "arn:aws:iam::222222222222:role/Admin" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Bucket && !allows(s)) {
        if everyone(statement) && statement.conditions.is_empty() && acts(statement, "s3:PutBucketPolicy") && acts(statement, "s3:DeleteBucketPolicy") {
            hits.at(doc, statement, "only the root user could take it back");
        }
    }
}
