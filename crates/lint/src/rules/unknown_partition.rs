//! A partition that there is not.

use crate::look::{PARTITIONS, arns};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unknown-partition",
    severity: Severity::Error,
    what: "an ARN of a partition that there is not",
    why: "It names nothing: as a principal or a resource it is refused, in a condition it matches nothing.",
    fix: "write `aws`, or the partition of your regions",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:awz:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        for (arn, text) in arns(statement).filter(|(arn, _)| !arn.partition.contains(['*', '?', '$']) && !PARTITIONS.contains(&arn.partition)) {
            hits.of(doc, statement, text, format!("`{}` in `{text}` is no partition", arn.partition));
        }
    }
}
