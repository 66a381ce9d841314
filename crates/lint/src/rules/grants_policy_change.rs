//! A bucket policy that lets others change who has access.

use crate::Use;
use crate::look::{about, account, acts, allows, aws, everyone, limits};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "grants-policy-change",
    severity: Severity::Warning,
    what: "a bucket policy that lets others change who has access",
    why: "Whoever may write the policy or the ACL of a bucket can give themselves everything in it.",
    fix: "leave these actions to the owner account",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "444444444444" }
actions = "s3:*"
resources = "arn:aws:s3:::logs"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "444444444444" }
actions = ["s3:ListBucket", "s3:GetBucketLocation"]
resources = "arn:aws:s3:::logs"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    const CHANGES: &[&str] =
        &["s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls"];
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Bucket && allows(s)) {
        let others = everyone(statement) || aws(statement).iter().any(|p| account(p).is_some_and(|a| a != doc.address.account.as_str()));
        // Of objects alone, and of what comes through an access point, none of these is ever asked (S3 User Guide, "Delegating
        // access control to access points").
        let bucket = lint.desired.partition.s3_arn(&doc.address.name);
        if !about(statement, &bucket) || limits(statement, &["s3:DataAccessPointAccount", "s3:DataAccessPointArn"]).next().is_some() {
            continue;
        }
        if let Some(action) = CHANGES.iter().find(|a| acts(statement, a)).filter(|_| others) {
            hits.at(doc, statement, format!("others may {action}"));
        }
    }
}
