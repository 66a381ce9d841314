//! `iam:CreateServiceLinkedRole` on everything.

use crate::look::{about_everything, acts, allows, limits};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "service-linked-role-everywhere",
    severity: Severity::Note,
    what: "`iam:CreateServiceLinkedRole` on everything",
    why: "It makes roles of services that nobody here uses.",
    fix: "name the service in the resource, and in `iam:AWSServiceName`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "iam:CreateServiceLinkedRole"
resources = "*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "iam:CreateServiceLinkedRole"
resources = "arn:aws:iam::222222222222:role/aws-service-role/replication.ecr.amazonaws.com/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.granted().filter(|(_, s)| allows(s)) {
        // (IAM Access Analyzer policy checks, "Create SLR with star in resource")
        let limited = limits(statement, &["iam:AWSServiceName"]).next().is_some();
        if acts(statement, "iam:CreateServiceLinkedRole") && about_everything(statement) && !limited {
            hits.at(doc, statement, "roles of any service may be made");
        }
    }
}
