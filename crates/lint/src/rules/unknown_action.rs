//! An action of S3, IAM, STS or KMS that does not exist.

use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unknown-action",
    severity: Severity::Error,
    what: "an action of S3, IAM, STS or KMS that does not exist",
    why: "A misspelt action grants nothing, and a misspelt action in a Deny stops nothing.",
    fix: "correct its name; the catalogue of actions knows those of S3, IAM, STS and KMS",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObjects"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for action in &statement.action.values {
            if catalogue::is_no_action(action) {
                hits.at(doc, statement, format!("`{action}` is no action"));
            }
        }
    }
}
