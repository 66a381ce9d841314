//! A bucket policy that S3 calls public.

use crate::Use;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;
use crossrole_policy::{Document, is_public};

pub(super) const RULE: Rule = Rule {
    id: "public-bucket",
    severity: Severity::Error,
    what: "a bucket policy that S3 calls public",
    why: "Everyone on the internet may do this, signed in or not; where block public access is on, S3 refuses the policy.",
    fix: "name principals, or limit it to an organization, an account, a VPC endpoint or an address range",
    bad: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = "*"
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/*"
"#,
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = "*"
actions = "s3:GetObject"
resources = "arn:aws:s3:::logs/*"
conditions = { StringEquals = { "aws:PrincipalOrgID" = "o-example1234" } }
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements().filter(|(doc, _)| doc.used == Use::Bucket) {
        if is_public(&Document::new(vec![statement.clone()])) {
            hits.at(doc, statement, "it is public");
        }
    }
}
