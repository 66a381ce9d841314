//! An Allow that a Deny takes away whole.

use crate::look::{actions, all_covered, allows, everyone, resources};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "shadowed-by-deny",
    severity: Severity::Warning,
    what: "an Allow that a Deny takes away whole",
    why: "The grant has no effect; whoever relies on it is out.",
    fix: "narrow the Deny, or take the Allow out",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"

[[roles.R.statement]]
effect = "Deny"
actions = "s3:*"
resources = "arn:aws:s3:::*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"

[[roles.R.statement]]
effect = "Deny"
actions = "s3:*"
resources = "arn:aws:s3:::data/secret/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for doc in &lint.docs {
        let of = |deny: bool| doc.document.statements.iter().filter(move |s| allows(s) != deny);
        for statement in of(false) {
            let shadow = of(true).find(|deny| {
                let harder = deny.conditions.iter().all(|(operator, keys)| statement.conditions.get(operator) == Some(keys));
                let whom = deny.principal.is_none() || everyone(deny) || deny.principal == statement.principal;
                harder
                    && whom
                    && all_covered(actions(deny), actions(statement), true)
                    && (deny.resource.is_none() || all_covered(resources(deny), resources(statement), false))
            });
            if shadow.is_some() {
                hits.at(doc, statement, "a Deny in the same policy takes all of it away");
            }
        }
    }
}
