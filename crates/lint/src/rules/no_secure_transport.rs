//! A bucket of ours that does not insist on TLS.

use crate::look::{allows, has_key};
use crate::{Hits, Lint, Rule};
use crossrole_model::Kind;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "no-secure-transport",
    severity: Severity::Note,
    what: "a bucket of ours that does not insist on TLS",
    why: "Requests without TLS can be read on the way.",
    fix: "add a statement that denies `s3:*` where `aws:SecureTransport` is `false`",
    bad: r"[buckets.logs]
create = true
",
    good: r#"[buckets.logs]
create = true

[[buckets.logs.statement]]
effect = "Deny"
principals = "*"
actions = "s3:*"
resources = ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]
conditions = { Bool = { "aws:SecureTransport" = "false" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for address in lint.desired.objects.keys().filter(|a| a.kind == Kind::Bucket) {
        let policies = lint.statements().filter(|(doc, _)| doc.address.kind == Kind::BucketPolicy && doc.address.name == address.name);
        if !policies.into_iter().any(|(_, s)| !allows(s) && has_key(s, &["aws:SecureTransport"])) {
            hits.object(address, "requests without TLS are taken");
        }
    }
}
