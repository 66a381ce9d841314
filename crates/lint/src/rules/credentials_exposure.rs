//! Actions that return credentials, on everything.

use crate::Use;
use crate::look::{BY_RESOURCE, about_every, actions, acts, allows, limits};
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_model::Severity;
use crossrole_policy::Statement;

pub(super) const RULE: Rule = Rule {
    id: "credentials-exposure",
    severity: Severity::Warning,
    what: "actions that return credentials, on everything",
    why: "Whoever may call them can become somebody else.",
    fix: "name the roles or users",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "sts:AssumeRole"
resources = "*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "sts:AssumeRole"
resources = "arn:aws:iam::444444444444:role/Reader"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    const CREDENTIALS: &[&str] =
        &["sts:AssumeRole", "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential"];
    for (doc, statement) in lint.granted().filter(|(doc, s)| doc.used == Use::Identity && allows(s) && !actions(s).is_empty()) {
        if limits(statement, BY_RESOURCE).next().is_some() {
            continue;
        }
        if let Some(action) = CREDENTIALS.iter().find(|a| acts(statement, a) && of_everything(statement, a)) {
            hits.at(doc, statement, format!("`{action}` on everything"));
        }
    }
}

/// On every role or user there is: of one account, they are named.
fn of_everything(statement: &Statement, action: &str) -> bool {
    catalogue::action(action).is_some_and(|a| a.resources.iter().any(|kind| about_every(statement, kind, None)))
}
