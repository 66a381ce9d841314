//! A service that may act for anybody.

use crate::look::{allows, has_key, kind};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "service-without-source",
    severity: Severity::Warning,
    what: "a service that may act for anybody",
    why: "Without `aws:SourceAccount`, `aws:SourceArn` or `aws:SourceOrgID`, somebody else can have the service use this access (the confused deputy).",
    fix: "add `source_account` or `source_arn`",
    bad: r#"[roles.R]

[[roles.R.trust]]
service = "lambda.amazonaws.com"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
service = "lambda.amazonaws.com"
source_account = "222222222222"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        let services = kind(statement, "Service");
        if !services.is_empty() && !has_key(statement, &["aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths"]) {
            hits.at(doc, statement, format!("{} may use it for anybody", services.join(" and ")));
        }
    }
}
