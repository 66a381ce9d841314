//! An identity provider as a principal of a bucket.

use crate::Use;
use crate::look::kind;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "federated-in-bucket-policy",
    severity: Severity::Error,
    what: "an identity provider as a principal of a bucket",
    why: "Tokens assume roles; a bucket never sees them.",
    fix: "let the provider assume a role, and name the role",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { Federated = "accounts.google.com" }
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/*"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "444444444444" }
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, _)| doc.used == Use::Bucket) {
        for value in kind(statement, "Federated") {
            hits.of(doc, statement, value, format!("`{value}` can't ask for objects"));
        }
    }
}
