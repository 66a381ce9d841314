//! `iam:PassRole` on every role.

use crate::look::{about_everything, acts, allows, limits};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "pass-role-everywhere",
    severity: Severity::Warning,
    what: "`iam:PassRole` on every role",
    why: "A principal that may pass any role to a service has what that role has.",
    fix: "name the roles, and limit `iam:PassedToService`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "iam:PassRole"
resources = "*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "iam:PassRole"
resources = "arn:aws:iam::222222222222:role/Task"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        // (IAM Access Analyzer policy checks, "Pass role with star in resource")
        let limited = limits(statement, &["iam:PassedToService", "iam:AssociatedResourceArn"]).next().is_some();
        if acts(statement, "iam:PassRole") && about_everything(statement) && !limited {
            hits.at(doc, statement, "any role may be passed to any service");
        }
    }
}
