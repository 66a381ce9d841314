//! A kind of principal that there is not.

use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unknown-principal-kind",
    severity: Severity::Error,
    what: "a kind of principal that there is not",
    why: "Kinds are `AWS`, `Service`, `Federated` and `CanonicalUser`, in this spelling: a policy with another one is refused.",
    fix: "write the kind as AWS does",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { Aws = "444444444444" }
actions = "s3:ListBucket"
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

/// (IAM User Guide, "AWS JSON policy elements: Principal")
const KINDS: [&str; 4] = ["AWS", "CanonicalUser", "Federated", "Service"];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for kind in statement.principal.iter().flat_map(|p| p.entries.keys()).filter(|kind| !KINDS.contains(&kind.as_str())) {
            let meant = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind)).map(|known| format!(", `{known}` is")).unwrap_or_default();
            hits.at(doc, statement, format!("`{kind}` is no kind of principal{meant}"));
        }
    }
}
