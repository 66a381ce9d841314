//! Reading or writing objects of every bucket.

use crate::Use;
use crate::look::{BY_RESOURCE, about_every_object, actions, allows, expand, has_key, limits};
use crate::{Hits, Lint, Rule};
use crossrole_access::catalogue::Level;
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "data-everywhere",
    severity: Severity::Warning,
    what: "reading or writing objects of every bucket",
    why: "What can name its buckets should: this reaches every bucket there is and will be.",
    fix: "name the buckets",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = ["s3:GetObject"]
resources = "*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = ["s3:GetObject"]
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.granted().filter(|(doc, s)| doc.used == Use::Identity && allows(s) && about_every_object(s)) {
        let data = |pattern: &&String| {
            expand(pattern).iter().any(|a| a.name.starts_with("s3:") && a.resources.contains(&"object") && matches!(a.level, Level::Read | Level::Write))
        };
        let narrowed = has_key(statement, &["s3:ResourceAccount", "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths"])
            || limits(statement, BY_RESOURCE).next().is_some()
            || limits(statement, &["s3:ExistingObjectTag/", "s3:BucketTag/", "s3:DataAccessPointAccount", "s3:DataAccessPointArn"]).next().is_some();
        if let Some(action) = actions(statement).iter().find(data).filter(|_| !narrowed) {
            hits.at(doc, statement, format!("`{action}` on the objects of every bucket"));
        }
    }
}
