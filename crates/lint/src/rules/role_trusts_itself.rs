//! A role that trusts itself.

use crate::Use;
use crate::look::{allows, aws};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "role-trusts-itself",
    severity: Severity::Warning,
    what: "a role that trusts itself",
    why: "It needs no trust to keep being itself; sessions can then be renewed for ever.",
    fix: "take it out of its own trust policy",
    bad: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::222222222222:role/R"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::222222222222:role/S"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s)) {
        let me = |arn: &&String| arn.contains(&format!(":{}:role/", doc.address.account)) && arn.rsplit('/').next() == Some(doc.address.name.as_str());
        if let Some(arn) = aws(statement).iter().find(me) {
            hits.of(doc, statement, arn, "it may assume itself");
        }
    }
}
