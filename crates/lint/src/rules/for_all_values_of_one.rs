//! `ForAllValues` on a key with one value.

use crate::look::conditions;
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_access::language::Set;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "for-all-values-of-one",
    severity: Severity::Warning,
    what: "`ForAllValues` on a key with one value",
    why: "It is true when the key is missing, which a plain operator is not.",
    fix: "leave `ForAllValues:` out",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/*"
conditions = { "ForAllValues:StringEquals" = { "aws:PrincipalTag/team" = "red" }, Null = { "aws:PrincipalTag/team" = "false" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringEquals = { "aws:PrincipalTag/team" = "red" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for asked in conditions(statement) {
            if asked.operator.is_some_and(|o| o.set == Set::All) && catalogue::key(asked.key).is_some_and(|k| !k.many) {
                hits.at(doc, statement, format!("`{}` has one value", asked.key));
            }
        }
    }
}
