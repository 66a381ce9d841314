//! Trust in a whole account of ours.

use crate::Use;
use crate::look::{account, allows, aws, is_account};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "account-wide-trust",
    severity: Severity::Note,
    what: "trust in a whole account of ours",
    why: "Whoever may change policies there decides who comes in.",
    fix: "name a `group`, `user` or `role` of that account",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "dev"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
user = "dev/ann"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        for principal in aws(statement).iter().filter(|p| is_account(p)) {
            let ours = |id: &str| lint.desired.accounts.iter().any(|(known, info)| known.as_str() == id && info.managed);
            let Some(id) = account(principal).filter(|id| ours(id)) else { continue };
            // A group can't be named: its account is, and the group has the permission.
            let role = lint.role_arn(doc);
            let granted = |p: &crossrole_access::estate::Principal| p.account == id && role.is_some_and(|role| super::may(p, "sts:AssumeRole", role));
            if !lint.estate.principals.values().any(granted) {
                hits.of(doc, statement, principal, format!("every principal of {id} that its own policies let may come in"));
            }
        }
    }
}
