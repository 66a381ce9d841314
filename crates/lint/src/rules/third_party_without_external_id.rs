//! A third party trusted without an external id.

use crate::Use;
use crate::look::{account, allows, aws, has_key};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "third-party-without-external-id",
    severity: Severity::Warning,
    what: "a third party trusted without an external id",
    why: "Another customer of that party can have it come here in their place (the confused deputy).",
    fix: "agree on an external id with them, and set `external_id`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        let third = |principal: &&String| {
            let info = account(principal).and_then(|a| lint.desired.accounts.iter().find(|(id, _)| id.as_str() == a)).map(|(_, info)| info);
            account(principal).is_some() && info.is_none_or(|info| !info.managed)
        };
        if has_key(statement, &["sts:ExternalId", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"]) {
            continue;
        }
        for principal in aws(statement).iter().filter(third) {
            hits.of(doc, statement, principal, format!("{principal} is in an account that is not managed here, and needs no external id"));
        }
    }
}
