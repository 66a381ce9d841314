//! A condition that everything passes.

use crate::look::{allows, conditions};
use crate::{Hits, Lint, Rule};
use crossrole_access::language::Test;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "wildcard-condition",
    severity: Severity::Warning,
    what: "a condition that everything passes, or a pattern of accounts, organizations or endpoints",
    why: "A value of only `*` tests nothing but that the key is there. Ids of accounts, organizations, VPCs and endpoints are given out by AWS: whose id matches a pattern of them, nobody can say.",
    fix: "write the value that is meant, or `Null`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringLike = { "aws:SourceVpce" = "*" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringLike = { "aws:SourceVpce" = "vpce-1a2b3c4d" } }
"#,
    check,
};

/// Keys in which AWS sees no use for any wildcard (IAM User Guide, "AWS global condition context keys", "Sensitive condition
/// keys").
const SENSITIVE: &[&str] = &[
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:SourceAccount",
    "aws:SourceOrgID",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:VpceAccount",
    "aws:VpceOrgID",
];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(_, s)| allows(s)) {
        for asked in conditions(statement) {
            // Of tags and other keys that writers name, that there is one is what is asked (IAM User Guide, "Passing session tags
            // in AWS STS"; AWS's managed policies).
            let named = asked.key.contains('/') || asked.key.matches(':').count() > 1;
            let like = asked.operator.is_some_and(|o| matches!(o.test, Test::StringLike | Test::Arn) && !o.negated);
            if !like || named {
                continue;
            }
            if asked.values.iter().any(|v| !v.is_empty() && v.chars().all(|c| c == '*')) {
                hits.at(doc, statement, format!("any `{}` passes", asked.key));
            } else if let Some(value) = asked.values.iter().find(|v| v.contains(['*', '?']) && asked.is_of(SENSITIVE)) {
                hits.at(doc, statement, format!("`{}` like `{}` may be that of anybody", asked.key, asked.shown(value)));
            }
        }
    }
}
