//! An Allow of all but some actions or resources.

use crate::look::allows;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "allow-not",
    severity: Severity::Warning,
    what: "an Allow of all but some actions or resources",
    why: "It grants what exists today and whatever is added.",
    fix: "name what is meant",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
not_actions = "iam:*"
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
        if statement.action.negated {
            hits.at(doc, statement, "all actions but some are allowed");
        }
        if statement.resource.as_ref().is_some_and(|r| r.negated) {
            hits.at(doc, statement, "all resources but some are allowed");
        }
    }
}
