//! A key policy that lets everyone use the key.

use crate::Use;
use crate::look::{allows, everyone, limits};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

/// Keys that say whose callers are meant (IAM User Guide, "AWS global condition context keys"; AWS KMS Developer Guide, "AWS KMS
/// condition keys").
const WHOSE: &[&str] = &[
    "kms:CallerAccount",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
];

pub(super) const RULE: Rule = Rule {
    id: "open-key",
    severity: Severity::Error,
    what: "a key policy that lets everyone use the key",
    why: "Anybody with an account of AWS's may do this with the key, and so read what it protects wherever they get hold of it.",
    fix: "name principals, or limit it by `kms:CallerAccount` or `aws:PrincipalOrgID`; `kms:ViaService` alone limits nobody",
    bad: r#"[keys.exchange]
arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"

[[keys.exchange.statement]]
principals = "*"
actions = "kms:Decrypt"
conditions = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com" } }
"#,
    good: r#"[keys.exchange]
arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"

[[keys.exchange.statement]]
principals = "*"
actions = "kms:Decrypt"
conditions = { StringEquals = { "kms:ViaService" = "s3.eu-west-1.amazonaws.com", "kms:CallerAccount" = "222222222222" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Key && allows(s)) {
        if everyone(statement) && limits(statement, WHOSE).next().is_none() {
            hits.at(doc, statement, "everyone may use the key");
        }
    }
}
