//! An action in a bucket policy that is not about a bucket or its objects.

use crate::Use;
use crate::look::{actions, expand};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "action-not-of-bucket-policy",
    severity: Severity::Error,
    what: "an action in a bucket policy that is not about a bucket or its objects",
    why: "S3 refuses the whole policy, or the statement grants nothing.",
    fix: "grant it in a permissions policy",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "444444444444" }
actions = "s3:ListAllMyBuckets"
resources = "arn:aws:s3:::logs"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "444444444444" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, _)| doc.used == Use::Bucket) {
        for action in actions(statement) {
            let known = expand(action);
            if action != "*" && !known.iter().any(|a| a.resources.contains(&"bucket") || a.resources.contains(&"object")) {
                hits.at(doc, statement, format!("`{action}` is not about a bucket or its objects"));
            }
        }
    }
}
