//! A condition in a bucket policy that S3 refuses for one of the statement's actions.

use super::condition_not_carried::lacking;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "condition-refused",
    severity: Severity::Error,
    what: "a condition in a bucket policy that S3 refuses for one of the statement's actions",
    why: "Every action of a statement has to carry each key that it asks for: else S3 refuses the whole policy, with `Conditions do not apply to combination of actions and resources in statement`.",
    fix: "ask for it beside the actions that carry the key alone, in a grant of their own; in place of `s3:prefix`, say `prefix`",
    bad: r#"[buckets.logs]

[[buckets.logs.allow]]
account = "partner"
actions = ["s3:GetObject", "s3:PutObject"]
conditions = { StringEquals = { "s3:x-amz-acl" = "bucket-owner-full-control" } }
"#,
    good: r#"[buckets.logs]

[[buckets.logs.allow]]
account = "partner"
actions = "s3:GetObject"

[[buckets.logs.allow]]
account = "partner"
actions = "s3:PutObject"
conditions = { StringEquals = { "s3:x-amz-acl" = "bucket-owner-full-control" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement, lacks) in lacking(lint).filter(|(.., lacks)| lacks.is_seen) {
        hits.at(doc, statement, format!("S3 refuses `{}` for `{}`", lacks.key, lacks.action));
    }
}
