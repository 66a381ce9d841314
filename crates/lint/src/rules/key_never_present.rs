//! A condition on a key that these actions never carry.

use crate::Use;
use crate::look::{actions, acts, conditions, kind};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "key-never-present",
    severity: Severity::Warning,
    what: "a condition on a key that these actions never carry",
    why: "An Allow that needs the key is void; a negated test is always true.",
    fix: "put the condition on the actions that carry the key",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
conditions = { StringLike = { "s3:prefix" = "a/*" } }
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:ListBucket"
resources = "arn:aws:s3:::data"
conditions = { StringLike = { "s3:prefix" = "a/*" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    const LISTING: &[&str] = &["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"];
    // (Service Authorization Reference, Amazon S3 and AWS STS; IAM User Guide, "AWS global condition context keys")
    const ONLY: &[(&str, &[&str])] = &[
        ("s3:prefix", LISTING),
        ("s3:delimiter", LISTING),
        ("s3:max-keys", LISTING),
        ("sts:externalid", &["sts:AssumeRole"]),
        ("sts:rolesessionname", &["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"]),
    ];
    for (doc, statement) in lint.statements().filter(|(_, s)| !actions(s).is_empty()) {
        for asked in conditions(statement) {
            // Of a bucket policy, S3 refuses that.
            let only = ONLY.iter().find(|(key, _)| asked.key.eq_ignore_ascii_case(key) && (doc.used != Use::Bucket || doc.live));
            if only.is_some_and(|(_, with)| !with.iter().any(|action| acts(statement, action))) {
                hits.at(doc, statement, format!("no request for {} has `{}`", actions(statement).join(" or "), asked.key));
            }
            let source = ["aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID"].iter().any(|k| asked.key.eq_ignore_ascii_case(k));
            let negated = asked.operator.is_some_and(|o| o.negated || o.if_exists);
            if source
                && !negated
                && statement.principal.is_some()
                && statement.effect == crossrole_policy::Effect::Allow
                && kind(statement, "Service").is_empty()
            {
                hits.at(doc, statement, format!("only services carry `{}`, and this names none", asked.key));
            }
        }
    }
}
