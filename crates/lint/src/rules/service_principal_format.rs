//! A service principal that is none.

use crate::look::kind;
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "service-principal-format",
    severity: Severity::Error,
    what: "a service principal that is none",
    why: "A service is named as in `lambda.amazonaws.com`; another name is refused or matches nothing.",
    fix: "write the service as AWS documents it",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { Service = "logging.s3" }
actions = "s3:PutObject"
resources = "arn:aws:s3:::logs/*"
conditions = { StringEquals = { "aws:SourceAccount" = "222222222222" } }
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { Service = "logging.s3.amazonaws.com" }
actions = "s3:PutObject"
resources = "arn:aws:s3:::logs/*"
conditions = { StringEquals = { "aws:SourceAccount" = "222222222222" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for value in kind(statement, "Service") {
            // IAM refuses a trust policy that names a service that it does not know.
            if !catalogue::is_service_principal(value) {
                hits.of(doc, statement, value, format!("`{value}` is no service"));
            }
        }
    }
}
