//! All actions, or all of a service.

use crate::look::{actions, allows, limits};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "whole-service",
    severity: Severity::Warning,
    what: "all actions, or all of a service",
    why: "It grants what exists today and whatever AWS adds.",
    fix: "name the actions that are needed",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:*"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:Get*"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.granted().filter(|(_, s)| allows(s)) {
        // What an access point lets through is its own policy's business (S3 User Guide, "Delegating access control to access
        // points").
        if limits(statement, &["s3:DataAccessPointAccount", "s3:DataAccessPointArn"]).next().is_some() {
            continue;
        }
        for action in actions(statement).iter().filter(|a| *a == "*" || a.ends_with(":*")) {
            hits.at(doc, statement, format!("`{action}` is everything"));
        }
    }
}
