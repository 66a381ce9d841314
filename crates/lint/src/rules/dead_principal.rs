//! A principal that no longer exists.

use crossrole_model::Severity;

use crate::{Hits, Lint, Rule};

pub(super) const RULE: Rule = Rule {
    id: "dead-principal",
    severity: Severity::Warning,
    what: "a principal that no longer exists",
    why: "AWS leaves the unique id of a deleted principal behind. Whoever gets its name later does not get its access. No manifest can name one: it is \
          found in what others wrote.",
    fix: "name the principal again, or take it out",
    bad: "",
    good: r#"[buckets.logs]

[[buckets.logs.statement]]
principals = { AWS = "arn:aws:iam::444444444444:role/Reader" }
actions = "s3:ListBucket"
resources = "arn:aws:s3:::logs"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for doc in &lint.docs {
        for statement in &doc.document.statements {
            let one = crossrole_policy::Document::new(vec![statement.clone()]);
            for id in one.orphaned_principals() {
                hits.of(doc, statement, id, format!("`{id}` is what is left of a deleted principal"));
            }
        }
    }
}
