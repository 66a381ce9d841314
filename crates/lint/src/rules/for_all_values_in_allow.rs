//! `ForAllValues` in an Allow that a missing key passes.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue;
use crossrole_access::language::{Set, Test};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "for-all-values-in-allow",
    severity: Severity::Warning,
    what: "`ForAllValues` in an Allow that a missing key passes",
    why: "A request without the key has no value that could fail: it is allowed.",
    fix: "add `Null = { KEY = \"false\" }` beside it",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/*"
conditions = { "ForAllValues:StringLike" = { "aws:PrincipalOrgPaths" = "o-example1234/*" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:PutObject"
resources = "arn:aws:s3:::data/*"
conditions = { "ForAllValues:StringLike" = { "aws:PrincipalOrgPaths" = "o-example1234/*" }, Null = { "aws:PrincipalOrgPaths" = "false" } }
"#,
    check,
};

/// What a request may bring: one that brings nothing brings nothing wrong (IAM User Guide, "Controlling access based on tag
/// keys").
const BROUGHT: &[&str] = &["aws:TagKeys", "s3:RequestObjectTagKeys", "sts:TransitiveTagKeys"];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        for asked in conditions(statement) {
            let guarded = conditions(statement).any(|c| {
                c.key.eq_ignore_ascii_case(asked.key)
                    && c.operator.is_some_and(|o| o.test == Test::Null)
                    && c.values.iter().all(|v| v.eq_ignore_ascii_case("false"))
            });
            // Of the keys of other services, it is not known whether a request can be without them.
            let known = catalogue::key(asked.key).is_some() && !asked.is_of(BROUGHT);
            // "None of these" is met by none, with a plain operator too.
            if asked.operator.is_some_and(|o| o.set == Set::All && !o.negated) && !guarded && known {
                hits.at(doc, statement, format!("a request without `{}` is allowed", asked.key));
            }
        }
    }
}
