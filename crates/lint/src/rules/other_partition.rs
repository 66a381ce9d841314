//! A principal or resource of another partition.

use crate::look::{PARTITIONS, aws, resources};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;
use crossrole_policy::Arn;

pub(super) const RULE: Rule = Rule {
    id: "other-partition",
    severity: Severity::Error,
    what: "a principal of another partition, or resources that are all of another one",
    why: "Accounts of `aws`, `aws-cn` and `aws-us-gov` know nothing of one another: such a principal is refused, such a resource matches nothing.",
    fix: "write the partition of the trusting account's region",
    bad: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws-cn:iam::444444444444:role/Reader"
external_id = "c0ffee"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::444444444444:role/Reader"
external_id = "c0ffee"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    let own = lint.desired.partition.as_str();
    let other = |text: &String| Arn::parse(text).map(|a| a.partition).is_some_and(|p| p != own && PARTITIONS.contains(&p));
    for (doc, statement) in lint.statements() {
        for principal in aws(statement).iter().filter(|p| other(p)) {
            hits.of(doc, statement, principal, format!("`{principal}` is not in partition `{own}`"));
        }
        // A policy may list the ARNs of each partition that it is used in.
        let resources = resources(statement);
        if !resources.is_empty() && resources.iter().all(other) {
            hits.at(doc, statement, format!("{} is not in partition `{own}`", resources.join(" or ")));
        }
    }
}
