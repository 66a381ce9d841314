//! A key with many values under a plain operator.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_access::language::{Set, Test};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "missing-set-operator",
    severity: Severity::Error,
    what: "a key with many values under a plain operator",
    why: "A plain operator never matches a key with many values.",
    fix: "write `ForAnyValue:` or `ForAllValues:` before the operator",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringEquals = { "aws:TagKeys" = "team" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/*"
conditions = { "ForAnyValue:StringEquals" = { "aws:TagKeys" = "team" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement) {
            let plain = asked.operator.is_some_and(|o| o.set == Set::Single && o.test != Test::Null);
            if plain && catalogue::key(asked.key).is_some_and(|k| k.many) {
                hits.at(doc, statement, format!("`{}` has many values, and `{}` takes one", asked.key, asked.written));
            }
        }
    }
}
