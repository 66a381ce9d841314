//! A statement that another one says already.

use crate::look::{actions, all_covered, resources};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "redundant-statement",
    severity: Severity::Note,
    what: "a statement that another one says already",
    why: "It costs characters of a quota and readers' time.",
    fix: "take it out",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:Get*"
resources = "arn:aws:s3:::data/*"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/a/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:Get*"
resources = "arn:aws:s3:::data/*"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/a/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for doc in &lint.docs {
        let statements = &doc.document.statements;
        for (at, statement) in statements.iter().enumerate() {
            let said = statements.iter().enumerate().any(|(other, wider)| {
                other != at
                    && wider.effect == statement.effect
                    && wider.principal == statement.principal
                    && (wider.conditions.is_empty() || wider.conditions == statement.conditions)
                    && all_covered(actions(wider), actions(statement), true)
                    && all_covered(resources(wider), resources(statement), false)
                    // Of two that say the same, the first stays.
                    && (other < at || !(all_covered(actions(statement), actions(wider), true) && all_covered(resources(statement), resources(wider), false)))
            });
            if said {
                hits.at(doc, statement, "another statement of the same policy says as much");
            }
        }
    }
}
