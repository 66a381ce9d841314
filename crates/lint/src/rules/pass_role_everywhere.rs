//! `iam:PassRole` on every role.

use crate::look::{about_every, acts, allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::{Set, Test};
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
    for (doc, statement) in lint.granted().filter(|(_, s)| allows(s)) {
        // (IAM Access Analyzer policy checks, "Pass role with star in resource"). AWS's managed policies write `IfExists`, too:
        // whoever passes a role names a service.
        let limited = conditions(statement).any(|c| {
            c.is_of(&["iam:PassedToService", "iam:AssociatedResourceArn"])
                && c.operator.is_some_and(|o| !o.negated && o.set != Set::All && o.test != Test::Null)
                && !c.values.iter().any(|v| v.chars().all(|c| c == '*'))
        });
        if acts(statement, "iam:PassRole") && about_every(statement, "role", Some(doc.address.account.as_str())) && !limited {
            hits.at(doc, statement, "any role may be passed to any service");
        }
    }
}
