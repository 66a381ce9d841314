//! Changing who has access.

use crate::Use;
use crate::look::{actions, allows, expand};
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue::Level;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "permissions-management",
    severity: Severity::Note,
    what: "changing who has access",
    why: "It can open what it manages to others.",
    fix: "keep such actions in roles of their own",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutBucketPolicy"
resources = "arn:aws:s3:::data"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetBucketPolicy"
resources = "arn:aws:s3:::data"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.granted().filter(|(doc, s)| doc.used == Use::Identity && allows(s)) {
        for action in actions(statement).iter().filter(|a| !a.contains('*')) {
            if expand(action).iter().any(|a| a.level == Level::Permissions && changes_access(a.name)) {
                hits.at(doc, statement, format!("`{action}` changes who has access"));
            }
        }
    }
}

/// The catalogue counts all that is about credentials of IAM's as permissions management, a user's own password too. Passing
/// roles, making service-linked roles and everybody's credentials have rules of their own.
fn changes_access(action: &str) -> bool {
    const BY: &[&str] = &["Policy", "PermissionsBoundary", "UserToGroup", "UserFromGroup", "SAMLProvider", "OpenIDConnectProvider"];
    !action.starts_with("iam:") || BY.iter().any(|part| action.contains(part)) && !action.contains("PasswordPolicy")
}
