//! An S3 bucket ARN with a region or an account.

use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;
use crossrole_policy::Arn;

pub(super) const RULE: Rule = Rule {
    id: "s3-arn-with-account",
    severity: Severity::Error,
    what: "an S3 bucket ARN with a region or an account",
    why: "ARNs of buckets have neither, so the pattern matches nothing.",
    fix: "write `arn:aws:s3:::bucket`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:us-east-1:222222222222:data/*"
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
        for pattern in statement.resource.iter().flat_map(|r| &r.values) {
            // A `*` there matches nothing as well, which is what there is.
            let empty = |segment: &str| segment.chars().all(|c| c == '*');
            let Some(arn) = Arn::parse(pattern).filter(|a| a.service == "s3" && !(empty(a.region) && empty(a.account))) else { continue };
            let special = ["accesspoint/", "storage-lens", "job/", "async-request/", "access-grants"].iter().any(|p| arn.resource.starts_with(p));
            if !special {
                hits.at(doc, statement, format!("`{pattern}` names no bucket"));
            }
        }
    }
}
