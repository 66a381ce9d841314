//! A condition key of AWS, S3, IAM, STS or KMS that does not exist.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unknown-condition-key",
    severity: Severity::Warning,
    what: "a condition key of AWS, S3, IAM, STS or KMS that does not exist",
    why: "A key that no request has makes an Allow void, and a negated test or a Deny true for all.",
    fix: "correct its name; keys of services that crossrole does not know are left alone",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringEquals = { "aws:SourceIpAddress" = "x" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringEquals = { "aws:SourceVpc" = "vpc-1" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement) {
            if catalogue::is_no_key(asked.key) {
                hits.at(doc, statement, format!("no request has `{}`", asked.key));
            }
        }
    }
}
